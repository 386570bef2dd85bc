"""Fuzzes the readers of AS2, guided by coverage: ``python -m tests.fuzz.run``, with atheris installed.

One target after the other, each in a process of its own. What is found goes to ``tests/fuzz/findings``, as
the shortest data that shows it, and the run goes on; ``test_findings.py`` fails until it is put right. What
was reached is kept in ``build/fuzz/corpus``, where the next run begins.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "fuzz"
FINDINGS = HERE / "findings"
MOST = 20_000
"""Bytes of data: several times what a message needs, so that what takes longer than linear time shows."""
NAMES = ("cms", "mime", "mdn", "message")
NOISE = re.compile(r'#\d+\s+(?:NEW|REDUCE|RELOAD) |INFO: |WARNING: Failed to find|".*" # Uses: |#{6} ')
"""Lines that libFuzzer writes by the thousand, or that say nothing about the gateway."""


def place(error: BaseException) -> str:
    """Kind of an error and the line of the gateway, or else of a target, where it came up."""
    frames = traceback.extract_tb((error.__context__ or error).__traceback__)  # what is said of an As2Error
    near = [one for one in frames if "/gateway/" in one.filename] or frames
    if type(error).__name__ == "Slow":  # it comes up nowhere
        return "Slow"
    return f"{type(error).__name__}-{Path(near[-1].filename).stem}-{near[-1].lineno}"


def shorter(data: bytes, still: Callable[[bytes], bool]) -> bytes:
    """Data with everything left out that a finding does not need."""
    step = len(data) // 2
    while step:
        at = 0
        while at < len(data):
            less = data[:at] + data[at + step :]
            if still(less):
                data = less
            else:
                at += step
        step //= 2
    return data


def fuzz(name: str, seconds: int) -> None:
    """Fuzzes a target in this process, which ends with it."""
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

    with atheris.instrument_imports(include=["gateway.as2"]):
        from tests.fuzz import targets
    from tests.fuzz import mutations, seeds

    begin, corpus = BUILD / "seeds" / name, BUILD / "corpus" / name
    for folder in (begin, corpus, FINDINGS):
        folder.mkdir(parents=True, exist_ok=True)
    for data in seeds.seeds(name):
        (begin / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)

    def found(data: bytes) -> str:
        try:
            targets.check(name, data)
        except Exception as error:  # noqa: BLE001 - each is a finding
            return place(error)
        return ""

    def one(data: bytes) -> None:
        where = found(data)
        if not where:
            return
        file = FINDINGS / f"{name}-{where}"
        if not file.exists() or len(data) < len(file.read_bytes()):
            file.write_bytes(shorter(data, lambda less: found(less) == where))
            print(f"found: {file.name}", file=sys.stderr, flush=True)  # noqa: T201

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        if not random.randrange(3):
            return bytes(atheris.Mutate(data, most))
        first, rest = (data[:1], data[1:]) if name == "message" else (b"", data)
        for _ in range(random.choice((1, 1, 2, 4))):
            rest = mutations.of_any(rest, random)
        if first and not random.randrange(8):
            first = bytes([random.randrange(32)])
        return (first + rest)[:most]

    limits = [f"-max_total_time={seconds}", f"-max_len={MOST}", "-timeout=30", "-rss_limit_mb=2048"]
    options = [f"-artifact_prefix={FINDINGS}/{name}-", "-print_final_stats=1", "-verbosity=1"]
    atheris.Setup([sys.argv[0], *limits, *options, str(corpus), str(begin)], one, custom_mutator=mutate)
    atheris.Fuzz()


def main() -> int:
    """Runs the targets asked for; 1 if there is a finding."""
    asked = argparse.ArgumentParser(prog="make fuzz", description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--minutes", type=float, default=10, help="for each target (10)")
    asked.add_argument("--target", choices=NAMES, action="append", help="only this one")
    asked.add_argument("--in-process", choices=NAMES, help=argparse.SUPPRESS)
    options = asked.parse_args()
    seconds = max(1, int(60 * options.minutes))
    if options.in_process:
        fuzz(options.in_process, seconds)
    before = set(FINDINGS.iterdir()) if FINDINGS.exists() else set()
    failed = False
    for name in options.target or NAMES:
        command = [sys.executable, "-m", "tests.fuzz.run", "--in-process", name]
        command += ["--minutes", str(options.minutes)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
            for line in process.stderr or ():
                if not NOISE.match(line):
                    print(f"{name}: {line.rstrip()}", flush=True)  # noqa: T201
        failed |= process.returncode != 0
    new = sorted(set(FINDINGS.iterdir()) - before)
    for file in new:
        print(f"Finding: {file.relative_to(HERE.parents[1])}")  # noqa: T201
    return int(failed or bool(new))


if __name__ == "__main__":
    sys.exit(main())
