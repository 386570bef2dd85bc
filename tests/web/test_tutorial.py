"""The tutorial of the first partner, followed to the letter in a real browser beside a real `edigw up`.

In its sentences **bold** words after "Press" are links and buttons, after "tick" boxes, after "`text` into"
fields, with … for anything; other bold words are what the page shows by then. ``console running`` blocks are
run, and ``file=`` blocks saved, when it is their turn.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from playwright.sync_api import Browser, Locator, Page

from tests.homes import set_in
from tests.test_docs import ROOT, fits, programs, run, steps

__all__ = ["programs"]
TUTORIAL = ROOT / "docs/tutorial/first-partner.md"
_BLOCK = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
_SAID = re.compile(r"(?:([Pp]ress|[Tt]ick|[Tt]hen|`[^`]+` into) )?\*\*(.+?)\*\*")
_SECONDS = 60


def named(name: str) -> re.Pattern[str]:
    """A label as it is written, or with a remark in brackets; … stands for anything."""
    words = ".*".join(re.escape(one) for one in name.split("…"))
    return re.compile(rf"^\s*{words}( \(.*\))?\s*$")


def waited(page: Page, found: Locator, what: str) -> Locator:
    """What is looked for, as soon as it is there; the page is loaded again as a person does."""
    end = time.monotonic() + _SECONDS
    while not found.count():
        assert time.monotonic() < end, f"{what!r} is not on {page.url}:\n{page.locator('main').inner_text()}"
        page.wait_for_timeout(300)
        if not found.count():
            page.reload()
    return found.first


def follow(page: Page, words: str) -> int:
    """Does what the sentences say; returns how many things that were."""
    done = 0
    for verb, name in _SAID.findall(words):
        done += 1
        if verb.endswith("into"):
            page.get_by_label(named(name)).locator("visible=true").first.fill(verb.split("`")[1])
        elif verb.lower() == "tick":
            page.get_by_label(named(name)).check()
        elif verb.lower() in ("press", "then"):
            roles = page.get_by_role("button", name=named(name)).or_(
                page.get_by_role("link", name=named(name))
            )
            either = roles.or_(page.locator("summary").filter(has_text=named(name)))
            waited(page, either.locator("visible=true"), name).click()
            page.wait_for_load_state()
        else:
            waited(page, page.get_by_text(name.strip("…")).locator("visible=true"), name)
    return done


@contextmanager
def up(folder: Path) -> Iterator[str]:
    """`edigw up` on a terminal; gives the address that is told there."""
    there, here = pty.openpty()
    command = [sys.executable, "-m", "gateway", "up", "--config", "my-gateway"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "EDIGW_WEB_LISTEN": "127.0.0.1:0", "NO_COLOR": "1"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=here, stdout=here, stderr=here)
    os.close(here)
    printed = bytearray()

    def read() -> None:
        with suppress(OSError):  # it ended
            while piece := os.read(there, 1 << 16):
                printed.extend(piece)

    reader = Thread(target=read)
    reader.start()
    try:
        end = time.monotonic() + 30
        while not (told := re.search(rb"Become it at.*?(http://\S+)\s", printed, re.DOTALL)):
            assert process.poll() is None, printed.decode()
            assert time.monotonic() < end, printed.decode()
            time.sleep(0.05)
        yield told[1].decode()
    finally:
        process.terminate()
        process.wait(30)
        reader.join()
        os.close(there)


def test_who_follows_the_tutorial_arrives(tmp_path: Path, programs: Path, chromium: Browser) -> None:
    first, _, rest = TUTORIAL.read_text("utf-8").partition("## 3.")
    assert "$ edigw init my-gateway" in first
    run(["edigw init my-gateway"], tmp_path, programs)
    set_in(tmp_path / "my-gateway", "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    set_in(tmp_path / "my-gateway", "gateway.yaml", "poll_seconds: 2 ", "poll_seconds: 0.5 ")
    done = 0
    with up(tmp_path) as address, chromium.new_page() as page:
        page.set_default_timeout(30_000)
        page.goto(address)
        for piece in _BLOCK.split(rest):
            head, _, text = piece.removesuffix("```").partition("\n")
            if file := re.search(r"file=(\S+)", head):
                (tmp_path / file[1]).write_text(text)
            elif head == "```console running":
                commands = steps(text)
                printed = run([command for command, _ in commands], tmp_path, programs)
                for (command, shown), output in zip(commands, printed, strict=True):
                    assert fits(shown, output.rstrip("\n").splitlines()), f"{command}\nprints\n{output}"
            else:
                assert not head.startswith("```")
                done += follow(page, " ".join(piece.split()))
    assert done > 50
