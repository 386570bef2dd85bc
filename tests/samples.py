"""Where the shared sample documents are; they are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

ABSENT = "the sample documents are absent: set EDIGW_SAMPLES to their directory"


def directory() -> Path | None:
    """``EDIGW_SAMPLES``, or ``../shared/samples`` beside the source tree; None when neither is there."""
    named = os.environ.get("EDIGW_SAMPLES")
    path = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "samples"
    return path if path.is_dir() else None
