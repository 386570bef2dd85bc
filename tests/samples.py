"""Where the shared sample documents are; they are not part of the project."""

from __future__ import annotations

import csv
import os
import re
from functools import cache
from pathlib import Path

ABSENT = "the sample documents are absent: set EDIGW_SAMPLES to their directory"


def directory() -> Path | None:
    """``EDIGW_SAMPLES``, or ``../shared/samples`` beside the source tree; None when neither is there."""
    named = os.environ.get("EDIGW_SAMPLES")
    path = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "samples"
    return path if path.is_dir() else None


@cache
def index(directory: Path) -> dict[str, dict[str, str]]:
    """Rows of the index of the samples that describe X12, by file name."""
    with (directory / "index.csv").open(newline="", encoding="utf-8") as rows:
        return {row["file"]: row for row in csv.DictReader(rows) if is_x12(row)}


def is_x12(row: dict[str, str]) -> bool:
    """EDIFACT rows name a decimal mark among the delimiters or an UN… segment among the faults."""
    return "dec=" not in row["delimiters"] and not re.search(r"\bUN[ABHTZ]\b", row["envelope_ok"])
