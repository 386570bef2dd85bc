"""Hand-written interchanges beside the documents they mean, in ``tests/data/x12/<release>/<set>``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.documents.validation import explain
from gateway.engine import read, write
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import (
    GroupTrailer,
    InterchangeAcknowledgment,
    InterchangeTrailer,
    PartyId,
    TransactionSet,
    Verdict,
)
from gateway.x12.writer import Envelope

DATA = Path(__file__).resolve().parents[1] / "data"
CASES = sorted(path for path in (DATA / "x12").rglob("*.edi") if path.with_suffix(".json").exists())
DOCUMENTS = sorted((DATA / "documents").glob("purchase_order_*.json"))

each_case = pytest.mark.parametrize("path", CASES, ids=lambda path: path.relative_to(DATA / "x12").as_posix())


def envelope(document: dict[str, Any]) -> Envelope:
    """The envelope of the hand-written interchanges, from what their documents say."""
    control = document.get("control", {})
    ends = [control.get(end, {"qualifier": "ZZ", "id": "NOBODY"}) for end in ("sender", "receiver")]
    sender, receiver = (PartyId(end["qualifier"], end["id"]) for end in ends)
    return Envelope(
        sender=sender,
        receiver=receiver,
        group_sender=control.get("group_sender", sender.id),
        group_receiver=control.get("group_receiver", receiver.id),
        date="20260218",
        time="0930",
        version="00501" if control.get("version", "") >= "005010" else "00401",
        release=control.get("version", "004010"),
        implementation=control.get("implementation", ""),
        usage="T" if document.get("test") else "P",
        control_interchange=control.get("interchange", 1),
        control_group=control.get("group", 1),
        control_set=control.get("transaction", 1),
        newline="\n",
        delimiters=Delimiters(repetition="^" if control.get("version", "") >= "005010" else ""),
    )


def expected(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return found


@each_case
def test_it_is_accepted_and_becomes_its_document(path: Path) -> None:
    events = list(read(path))
    (one,) = (event for event in events if isinstance(event, TransactionSet | InterchangeAcknowledgment))
    assert [problem for problem in one.problems if problem.is_error] == []
    assert one.document is not None
    assert json.loads(json.dumps(one.document)) == expected(path)
    trailers = [event for event in events if isinstance(event, GroupTrailer | InterchangeTrailer)]
    assert {trailer.verdict for trailer in trailers} == {Verdict.ACCEPTED}


@each_case
def test_the_document_fits_its_model(path: Path) -> None:
    assert explain(expected(path)) == ()


@each_case
def test_the_document_becomes_the_interchange_again(path: Path) -> None:
    document = expected(path)
    assert write(document, envelope=envelope(document)) == path.read_bytes()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_written_document_comes_back_unchanged(path: Path) -> None:
    document = expected(path)
    written = write(document, envelope=envelope(document))
    (order,) = (event for event in read(written) if isinstance(event, TransactionSet))
    found = json.loads(json.dumps(order.document))
    kept = {name: value for name, value in found.items() if name not in ("test", "control")}
    # Counted when written, whether the document says so or not.
    wanted = {"totals": {"line_count": len(document["lines"])}} | document
    services = ("test", "control", "document_id", "partner_id", "channel", "raw")
    assert kept == {name: value for name, value in wanted.items() if name not in services}
