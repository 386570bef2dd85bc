"""Where processes are killed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")  # a kill loses nothing that a system call has done, so no disk is needed


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    if MEMORY.is_dir():
        with tempfile.TemporaryDirectory(dir=MEMORY) as name:
            yield Path(name)
    else:
        yield tmp_path
