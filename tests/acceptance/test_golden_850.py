"""Hand-written orders beside the documents they mean, in ``tests/data/x12/004010/850``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.documents.validation import explain
from gateway.engine import read
from gateway.x12.envelope import GroupTrailer, InterchangeTrailer, TransactionSet, Verdict

CASES = sorted((Path(__file__).resolve().parents[1] / "data" / "x12" / "004010" / "850").glob("*.edi"))

pytestmark = pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)


def expected(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return found


def test_an_order_is_accepted_and_becomes_its_document(path: Path) -> None:
    events = list(read(path))
    (order,) = (event for event in events if isinstance(event, TransactionSet))
    assert [problem for problem in order.problems if problem.is_error] == []
    assert order.document is not None
    assert json.loads(json.dumps(order.document)) == expected(path)
    trailers = [event for event in events if isinstance(event, GroupTrailer | InterchangeTrailer)]
    assert [trailer.verdict for trailer in trailers] == [Verdict.ACCEPTED, Verdict.ACCEPTED]


def test_the_document_fits_its_model(path: Path) -> None:
    assert explain(expected(path)) == ()
