"""A pass that trades over SFTP, killed at its steps: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import ssh

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.needs_system, pytest.mark.skipif(ssh.SSHD is None, reason=ssh.ABSENT)]


def kill(place: Path, *arguments: object, seconds: float = 300) -> str:
    command = [sys.executable, "-m", "tests.integration.sftp_killing", str(place), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("claim", ["", pytest.param(".claimed", marks=pytest.mark.long)])
def test_killed_at_some_instants(place: Path, claim: str) -> None:
    words = kill(place, 120, 3, claim, "plain")
    assert words.endswith(" 0 files left to a person")


@pytest.mark.long
def test_killed_where_nothing_can_be_renamed_leaves_to_a_person_what_nobody_can_know(place: Path) -> None:
    kill(place, 50, 5, "", "none")


@pytest.mark.long
@pytest.mark.parametrize("rename", ["plain", "posix", "none"])
@pytest.mark.parametrize("claim", ["", ".claimed"])
def test_killed_at_every_third_instant(place: Path, claim: str, rename: str) -> None:
    words = kill(place, 3, 40, claim, rename, seconds=3600)
    assert rename == "none" or words.endswith(" 0 files left to a person")
    print(f"SFTP, claim {claim!r}, rename {rename}: {words}")  # noqa: T201 - a figure for the documentation
