"""The page about the real samples: written by a command, every rejection judged by a reader of the file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests import sample_table, samples

pytestmark = pytest.mark.needs_samples

DIRECTORY = samples.directory() or Path()


def test_most_sets_translate() -> None:
    """A change that rejects what was readable before is seen here."""
    outcomes = Counter(one.outcome for one in sample_table.outcomes(DIRECTORY))
    assert outcomes["translated"] >= 219
    assert outcomes.total() >= 310


def test_every_rejection_is_judged() -> None:
    rejected = {one.file for one in sample_table.outcomes(DIRECTORY) if one.outcome == "rejected"}
    assert set(sample_table.reasons()) == rejected


def test_the_page_is_up_to_date() -> None:
    assert sample_table.PAGE.read_text("utf-8") == sample_table.page(DIRECTORY), (
        "python -m tests.sample_table"
    )
