"""``edigw user`` and ``edigw key``: the terminal's side of who may do what."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.services import access
from gateway.settings import load
from tests.contract.test_access import WEAK

GOOD = "a fine horse staple"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("user") / "home"
    make_home(home)
    with Gateway(home, load(home)) as gateway:
        gateway.services.store.close()
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(access, "_HASHER", WEAK)
    return shutil.copytree(made, tmp_path / "home")


class Terminal:
    """Runs commands in a home."""

    def __init__(self, home: Path, capsys: Any, monkeypatch: Any) -> None:
        self.home, self.capsys, self.monkeypatch = home, capsys, monkeypatch
        self.said = ""

    def run(self, *words: str, typed: str = "", code: int = 0) -> str:
        """What it printed."""
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        assert main([*words, "--config", str(self.home)]) == code
        printed = self.capsys.readouterr()
        self.said = printed.err
        return str(printed.out)

    def json(self, *words: str, **more: Any) -> Any:
        return json.loads(self.run(*words, "--json", **more))


@pytest.fixture
def edigw(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(home, capsys, monkeypatch)


def test_a_user_from_the_first_day_to_the_last(home: Path, edigw: Terminal) -> None:
    why = ("--reason", "as asked")
    edigw.run("user", "list")
    assert "no user" in edigw.said
    admin = edigw.json("user", "add", "Anna", "--role", "administrator", "--password-stdin", *why, typed=GOOD)
    assert (admin["name"], admin["must_change"]) == ("anna", True)
    given = ("--role", "operator", "--partner", "acme-retail", "--role", "viewer:*", "--lasting")
    edigw.run("user", "add", "ben", *given, "--password-stdin", *why, typed=f"{GOOD}\nmore\n")
    assert edigw.said == "ben: operator of acme-retail, viewer\n"
    edigw.run("user", "change", "ben", "--role", "viewer", "--display", "Ben B", *why)
    assert edigw.said == "ben: viewer\n"
    edigw.run("user", "password", "ben", "--password-stdin", *why, typed="some other horse\r\n")
    edigw.run("user", "disable", "ben", *why)
    assert edigw.run("user", "list").splitlines()[1].startswith("ben                     Ben B")
    assert "disabled since" in edigw.run("user", "list")
    edigw.run("user", "change", "ben", "--enable", *why)
    users = edigw.json("user", "list")["users"]
    assert [(one["name"], one["must_change"], one["disabled_at"]) for one in users] == [
        *(("anna", True, ""), ("ben", True, "")),
    ]
    with Gateway(home, load(home), works=False) as gateway:
        words = {"agent": "", "address": ""}
        token = access.log_in(gateway.services, "ben", "some other horse", **words)
        assert access.of_session(gateway.services, token).must_change
    shown = edigw.run("audit", "show")
    assert "User ben changed: roles viewer of * (before: operator of acme-retail, viewer of *)" not in shown
    assert (
        "User ben changed: called Ben B; roles viewer of * (before: operator of acme-retail, viewer" in shown
    )
    assert GOOD not in shown
    assert main(["audit", "verify", "--config", str(home)]) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["user", "change", "nobody", "--display", "x"], 4, "There is no user nobody."),
        (["user", "change", "anna"], 2, "say what is to change"),
        (["user", "disable", "anna"], 6, "last administrator"),
        (["user", "add", "anna", "--role", "viewer", "--password-stdin"], 6, "a user anna already"),
        (["user", "add", "ben", "--role", "boss", "--password-stdin"], 6, "There is no role 'boss'"),
        (["user", "add", "ben", "--role", "viewer:x", "--password-stdin"], 4, "There is no partner x."),
        (["user", "add", "ben", "--role", "viewer"], 2, "use --password-stdin"),
        (["key", "make", "erp", "--role", "viewer", "--scope", "all"], 6, "There is no scope 'all'"),
        (["key", "make", "erp", "--role", "viewer", "--days", "0"], 2, "1 to 3650"),
        (["key", "revoke", "nothing"], 4, "There is no key nothing."),
    ],
)
def test_what_cannot_be_is_said(edigw: Terminal, words: list[str], code: int, said: str) -> None:
    first = ("user", "add", "anna", "--role", "administrator", "--password-stdin", "--reason", "x")
    edigw.run(*first, typed=GOOD)
    edigw.run(*words, "--reason", "x", typed=GOOD, code=code)
    assert said in edigw.said
    assert len(edigw.json("user", "list")["users"]) == 1


def test_a_key_is_shown_once(home: Path, edigw: Terminal) -> None:
    edigw.run("key", "list")
    assert "no key" in edigw.said
    why = ("--role", "operator", "--partner", "acme-retail", "--reason", "for the ERP")
    text = edigw.run("key", "make", "erp", *why, "--scope", "read", "--days", "30").strip()
    more = edigw.json("key", "make", "erp", *why)
    with Gateway(home, load(home), works=False) as gateway:
        assert [one.value for one in access.of_key(gateway.services, text).scopes or ()] == ["read"]
        assert access.of_key(gateway.services, more["key"]).name == "erp"
    edigw.run("key", "revoke", more["id"], "--reason", "lost")
    listed = edigw.run("key", "list")
    assert text.rpartition("_")[2] not in listed
    assert [line[:17].split() for line in listed.splitlines()] == [[more["id"], "erp"], [text[6:18], "erp"]]
    assert "operator of acme-retail; read; ends 20" in listed
    assert "last used 20" in listed
    assert "; revoked;" in listed
    assert {one["revoked_at"] != "" for one in edigw.json("key", "list")["keys"]} == {True, False}


def test_a_password_is_asked_for_twice_and_not_shown(home: Path) -> None:
    words = [
        "-m",
        "gateway",
        "user",
        "add",
        "anna",
        "--role",
        "viewer",
        "--reason",
        "x",
        "--config",
        str(home),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    pid, screen = pty.fork()
    if pid == 0:  # another process with a terminal of its own
        os.execve(sys.executable, [sys.executable, *words], environment)
    shown, typed = b"", [b"Password: ", b"Once more: "]
    while select.select([screen], [], [], 60)[0]:
        try:
            shown += os.read(screen, 4096)
        except OSError:  # it has ended
            break
        if typed and shown.endswith(typed[0]):
            os.write(screen, f"{GOOD}\n".encode())
            typed.pop(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(screen)
    assert b"anna: viewer" in shown
    assert GOOD.encode() not in shown
