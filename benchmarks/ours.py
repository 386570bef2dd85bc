"""Measures this project through its public interface and prints the result as JSON; started by run.py.

Usage: ``python ours.py TASK FILE REPEAT``. Time is processor time, from opening the file to the last byte
handed over; starting Python and importing the package are left out, compiling guide and mapping is in the
first run.
Tasks: ``read`` (X12 to JSON lines), ``write`` (its documents, as JSON, back to X12).
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson

import gateway
from gateway.x12.envelope import TransactionSet


def read(path: Path) -> Callable[[], tuple[int, int, int]]:
    """Read, validate and map a file; bytes, transaction sets and findings."""
    size = path.stat().st_size

    def run() -> tuple[int, int, int]:
        sets = findings = 0
        with Path(os.devnull).open("wb") as target:
            for event in gateway.read(path):
                if isinstance(event, TransactionSet):
                    sets += 1
                    findings += len(event.problems)
                    if event.document is not None:
                        target.write(orjson.dumps(event.document))
                        target.write(b"\n")
        return size, sets, findings

    return run


def write(path: Path) -> Callable[[], tuple[int, int, int]]:
    """Write the documents of a file, as JSON, to one interchange; bytes, transaction sets, findings."""
    documents = [orjson.dumps(document) for document in gateway.translate(path)]
    return lambda: (len(gateway.write(map(orjson.loads, documents))), len(documents), 0)


TASKS = {"read": read, "write": write}


def main() -> None:
    """Print ``times`` (seconds), ``peak_mib``, ``bytes``, ``sets`` and ``findings``."""
    task, path, repeat = sys.argv[1:]
    run = TASKS[task](Path(path))
    times = []
    for _ in range(int(repeat)):
        start = time.process_time()
        size, sets, findings = run()
        times.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"times": times, "peak_mib": peak, "bytes": size, "sets": sets, "findings": findings}))


if __name__ == "__main__":
    main()
