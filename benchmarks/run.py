"""Prints speed and memory of this project beside other translators, measured on the same files in one run.

Every measurement is a process of its own. Peers live in an environment made for them under ``.work/``. The
claim is the ratios; absolute figures depend on the machine. See README.md beside this file.

Usage: ``python benchmarks/run.py [--quick] [--full]``
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = HERE / ".work"
MAPS = ROOT / "schemas" / "x12" / "004010"
REQUIREMENTS = HERE / "peers" / "requirements.txt"
EDIGW = Path(sys.executable).parent / "edigw"

Command = Sequence[str | Path]

#: Peers and how many times faster this project has to be, on reading and checking the same regular file.
PEERS = {"bots": 30, "mock-edi": 8, "pyx12": 40}
PEER_DOES = {
    "bots": "parse and check, own grammar",
    "mock-edi": "parse and check, own dictionary",
    "pyx12": "check, our guide",
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


def generated(profile: str, *amount: str) -> Path:
    """The file of a profile and an amount, made when it is absent or older than its generator."""
    path = WORK / ("-".join([profile, *(part.strip("-") for part in amount)]) + ".edi")
    generator = HERE / "generate.py"
    if not path.exists() or path.stat().st_mtime < generator.stat().st_mtime:
        part = path.with_suffix(".part")
        program: list[str | Path] = [
            sys.executable,
            HERE / "generate.py",
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
    """Tell what is going on, beside the table."""
    print(text, file=sys.stderr, flush=True)


def row(name: str, does: str, m: Measured, ratio: float | None = None) -> None:
    """One line of the first table."""
    against = "" if ratio is None else f"{ratio:.1f} x"
    figures = f"{m.speed:8.2f} {against:>8} {m.peak_mib:8.0f} {m.sets:9,} {m.findings:9,}"
    print(f"{name:<18} {does:<34} {figures}", flush=True)


def throughput(megabytes: str, repeat: int, peer_repeat: int, python: Path | None) -> list[Budget]:
    """Reading and checking a large file: this project on three profiles, peers on the regular one."""
    amount = ("--megabytes", megabytes)
    path = generated("regular", *amount)
    size = path.stat().st_size / 1e6
    print(f"\nReading {size:.1f} MB of purchase orders, best of {repeat} (peers: {peer_repeat})")
    print(f"{'':<18} {'':<34} {'MB/s':>8} {'ours is':>8} {'peak MiB':>8} {'sets':>9} {'findings':>9}")
    own = ours("read", path, repeat)
    row("edigw", "check, map to JSON lines", own)
    uneven, bad = (ours("read", generated(profile, *amount), repeat) for profile in ("irregular", "bad5"))
    row("edigw, irregular", "check, map to JSON lines", uneven)
    row("edigw, 5 % bad", "check, explain, map to JSON lines", bad)
    budgets = [
        Budget("850 to JSON lines", own.speed, 15, "MB/s"),
        Budget("irregular traffic", uneven.speed, 12, "MB/s"),
        Budget("5 % bad documents", bad.speed, 8, "MB/s"),
        Budget("peak memory, regular file", own.peak_mib, 40, "MiB", at_least=False),
    ]
    if python:
        for name, least in PEERS.items():
            m = peer(python, name, path, peer_repeat)
            row(name, PEER_DOES[name], m, own.speed / m.speed)
            budgets.append(Budget(f"faster than {name}", own.speed / m.speed, least, "x"))
    written = ours("write", generated("regular", "--documents", "500"), repeat)
    row("edigw, writing", "JSON documents to checked X12", written)
    return [*budgets, Budget("JSON to X12", written.speed, 8, "MB/s")]


def whole_command(megabytes: str, repeat: int) -> list[Budget]:
    """The command on one large file, with one process and with two."""
    path = generated("regular", "--megabytes", megabytes)
    size = path.stat().st_size / 1e6
    command: list[str | Path] = [EDIGW, "translate", path, "-o", os.devnull]
    one, peak = timed(command, repeat)
    print(f"\nedigw translate, whole command: {size / one:.1f} MB/s, peak {peak:.0f} MiB")
    two, _ = timed([*command, "--jobs", "2"], repeat)
    print(f"With --jobs 2: {size / two:.1f} MB/s")
    return [Budget("--jobs 2 against one process", one / two, 1.3, "x")]


def latency(python: Path | None) -> list[Budget]:
    """One small order again and again in a warm process."""
    path = generated("regular", *SMALL)
    print(f"\nOne order of {path.stat().st_size:,} bytes, warm, median milliseconds")
    own = ours("read", path, 3000)
    print(f"{'edigw':<18} {own.median * 1000:8.3f}")
    if python:
        for name in PEERS:
            print(f"{name:<18} {peer(python, name, path, 20).median * 1000:8.3f}")
    return [Budget("one small order, warm", own.median * 1000, 0.2, "ms", at_least=False)]


def start_up() -> list[Budget]:
    """What a person waits for at the prompt."""
    path = generated("regular", *SMALL)
    version, _ = timed([EDIGW, "--version"], 10)
    validate, peak = timed([EDIGW, "x12", "validate", path], 10)
    print(f"\nStart: edigw --version {version:.3f} s, edigw x12 validate {validate:.3f} s ({peak:.0f} MiB)")
    return [
        Budget("edigw --version", version, 0.3, "s", at_least=False),
        Budget("edigw x12 validate, small file", validate, 0.3, "s", at_least=False),
    ]


def huge() -> list[Budget]:
    """Memory must not depend on the size of the file."""
    say("Making a file of 1 GB (once) and reading it, about three minutes ...")
    path = generated("regular", "--megabytes", "1000")
    m = ours("read", path, 1)
    print(f"\n1 GB in one interchange: {m.speed:.1f} MB/s, {m.sets:,} orders, peak {m.peak_mib:.0f} MiB")
    return [Budget("peak memory, 1 GB file", m.peak_mib, 40, "MiB", at_least=False)]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Speed and memory beside other translators.")
    parser.add_argument("--quick", action="store_true", help="2 MB and one run each, for a first impression")
    parser.add_argument("--full", action="store_true", help="also read a file of 1 GB")
    parser.add_argument("--no-peers", action="store_true", help="this project only")
    options = parser.parse_args()
    megabytes, repeat, peer_repeat = ("2", 2, 1) if options.quick else ("10", 8, 2)
    WORK.mkdir(exist_ok=True)
    python = None if options.no_peers else peers_environment()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors")
    budgets = throughput(megabytes, repeat, peer_repeat, python)
    budgets += latency(python) + start_up() + whole_command(megabytes, min(repeat, 3))
    if options.full:
        budgets += huge()
    print(f"\n{'Budget':<34} {'measured':>14} {'promised':>16}")
    for budget in budgets:
        promised = f"{'>=' if budget.at_least else '<='} {budget.limit:g} {budget.unit}"
        measured = f"{budget.value:.2f} {budget.unit}"
        print(f"{budget.what:<34} {measured:>14} {promised:>16}  {'met' if budget.met else 'MISSED'}")


if __name__ == "__main__":
    main()
