"""A pass that trades with the played Amazon, killed at its steps: nothing is lost, or submitted twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def kill(place: Path, *arguments: object, seconds: float = 300) -> str:
    command = [sys.executable, "-m", "tests.integration.amazon_killing", str(place), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_killed_at_some_instants(place: Path) -> None:
    kill(place, 100, 2)


@pytest.mark.long
def test_killed_at_every_instant(place: Path) -> None:
    words = kill(place, 1, 60, seconds=3600)
    print(f"Amazon's API: {words}")  # noqa: T201 - a figure for the documentation
