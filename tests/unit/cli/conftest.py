"""Fixtures of the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance import edi
from tests.unit.cli.support import Runner


@pytest.fixture
def edigw(monkeypatch: pytest.MonkeyPatch) -> Runner:
    return Runner(monkeypatch)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.edi"
    path.write_bytes(edi.clean().to_bytes())
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Two orders, the first with a bad date."""
    path = tmp_path / "bad.edi"
    path.write_bytes(edi.two_sets().put("BEG", 5, "20260231").with_form(newline="\n").to_bytes())
    return path
