"""Our SFTP server, killed in the middle: what it said it has is there; all else is whole or absent."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ssh

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.needs_system,
    pytest.mark.skipif(not shutil.which("ssh-keygen"), reason=ssh.ABSENT),
    pytest.mark.slow,
]


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long)])
def test_killed_at_instants_of_an_upload(tmp_path: Path, step: int) -> None:
    command = [sys.executable, "-m", "tests.integration.sftp_server_killing", str(tmp_path), str(step)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stderr.split()[-2]) > 10 // step
    print(done.stderr.splitlines()[-1])  # noqa: T201 - a figure
