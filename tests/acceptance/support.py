"""What the acceptance tests share: the command line as a user calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[bytes]:
    """``edigw`` in a process of its own; a traceback is never an answer."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert b"Traceback" not in done.stdout
    return done


def segments(interchange: bytes) -> list[str]:
    """An interchange as text lines with ``*`` and ``>``, whatever its separators are."""
    text = interchange.decode("latin-1").strip()
    element, component, terminator = text[3], text[104], text[105]
    return [
        part.strip("\r\n").replace(element, "*").replace(component, ">")
        for part in text.split(terminator)
        if part.strip("\r\n")
    ]
