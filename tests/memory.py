"""How much memory a process had at most.

Not by ``getrusage``: its figure survives ``exec``, so a child begins with the peak of a large test process.
"""

from __future__ import annotations

from pathlib import Path


def forget_peak() -> None:
    """From now on :func:`peak` tells what comes (proc(5), ``clear_refs``)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """The most that was in memory, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(one for one in lines if one.startswith("VmHWM:")).split()[1])
