"""A file is never lost and never processed twice, whatever instant a pass is killed at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def kill(*arguments: object, seconds: float = 300) -> str:
    command = [sys.executable, "-m", "tests.integration.killing", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
def test_killed_at_every_thirtieth_instant(place: Path) -> None:
    words = kill("every", place, 30, 4)
    trials = int(words.split()[0])
    assert trials > 15, words


@pytest.mark.long
def test_the_first_pass_of_all_killed_at_every_instant(place: Path) -> None:
    kill("first", place, 1, 20, seconds=3600)


@pytest.mark.long
def test_killed_at_every_instant(place: Path) -> None:
    words = kill("every", place, 1, 60, seconds=3600)
    trials = int(words.split()[0])
    assert trials > 450, words
    print(f"one pass, killed at every instant: {words.strip()}")  # noqa: T201 - a figure for the documentation


def test_killed_at_random_moments_under_traffic(place: Path) -> None:
    words = kill("random", place, 40, 20260302)
    kills = int(words.split()[2])
    assert kills >= 10, words


@pytest.mark.slow
@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.long)])
def test_what_waits_for_an_item_goes_on_once_whoever_dies(place: Path, step: int) -> None:
    words = kill("items", place, step)
    assert int(words.split()[0]) > 20, words


def test_what_a_commit_promises_is_on_disk_before(place: Path) -> None:
    kill("ordered", place)
