"""997, 999 and TA1 as one type of document: which of them is written, what is refused, what is no TA1."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.documents import model_for
from gateway.engine import explain
from gateway.errors import DocumentError
from gateway.parallel import read_parallel
from gateway.x12.acknowledgment import Acknowledger, Kind
from gateway.x12.envelope import InterchangeAcknowledgment, TransactionSet
from tests.acceptance import edi
from tests.acceptance.edi import Interchange
from tests.unit.cli.support import Runner

NOW = datetime(2026, 1, 6, 9, 15, tzinfo=UTC)
TA1: edi.Segment = ["TA1", "000000101", "260105", "0830", "R", "025"]
ABOUT = {"interchange": "000000101", "date": "2026-01-05", "time": "08:30"}
CONTROL = {
    "sender": {"qualifier": "ZZ", "id": "SUPPLIER"},
    "receiver": {"qualifier": "ZZ", "id": "NORTHWIND"},
    "interchange": "000000007",
}


def document(version: str = "", **fields: Any) -> dict[str, Any]:
    head = {"document_type": "functional_acknowledgment", "schema_version": "1"}
    return {**head, "control": {**CONTROL, **({"version": version} if version else {})}, **fields}


def of_group(version: str, **more: Any) -> dict[str, Any]:
    about = {"type": "purchase_order", "group_control": "11"}
    return document(
        version,
        acknowledged=about,
        status="accepted",
        counts={"included": 1, "received": 1, "accepted": 1},
        **more,
    )


def of_interchange(**more: Any) -> dict[str, Any]:
    return document(**{"acknowledged": ABOUT, "status": "rejected", "note": "duplicate", **more})


def interchange(*ta1: edi.Segment, groups: tuple[list[edi.Segment], ...] = ()) -> bytes:
    inner = [segment for group in groups for segment in group]
    return Interchange([edi.isa(), *ta1, *inner, ["IEA", str(len(groups)), "000000101"]]).to_bytes()


def written(value: dict[str, Any]) -> str:
    assert explain(value) == ()
    return gateway.write(value, now=NOW).decode()


# --- which set is written --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "begin"),
    [
        ("004010", "ST*997*0001~AK1*PO*11~"),
        ("004010VICS", "ST*997*0001~AK1*PO*11~"),
        ("005010", "ST*997*0001~AK1*PO*11~"),
        ("005010X230", "ST*997*0001*005010X230~AK1*PO*11~"),
        ("005010X231A1", "ST*999*0001*005010X231A1~AK1*PO*11~"),
    ],
)
def test_the_version_says_which_set_is_written(version: str, begin: str) -> None:
    text = written(of_group(version))
    assert f"*{version}~{begin}" in text
    assert gateway.validate(text.encode())["verdict"] == "accepted"
    (again,) = gateway.translate(text.encode())
    assert again["acknowledged"] == {"type": "purchase_order", "group_control": "11"}


def test_an_interchange_is_acknowledged_by_a_ta1_without_a_group() -> None:
    text = written(of_interchange())
    assert text == (
        "ISA*00*          *00*          *ZZ*SUPPLIER       *ZZ*NORTHWIND      "
        "*260106*0915*U*00401*000000007*0*P*>~TA1*000000101*260105*0830*R*025~IEA*0*000000007~"
    )
    (again,) = gateway.translate(text.encode())
    assert again == {**of_interchange(), "test": False}
    two = gateway.write([of_interchange(), of_interchange(note="no_error", status="accepted")], now=NOW)
    assert two.count(b"ISA*") == 1
    assert two.count(b"TA1*") == 2


def test_what_a_set_cannot_say_is_refused() -> None:
    only_999 = {"set_id": "850", "control_number": "0001", "status": "rejected", "implementation": "005010X1"}
    with pytest.raises(DocumentError) as caught:
        gateway.write(of_group("004010", sets=[only_999]))
    assert [one.location.pointer for one in caught.value.problems] == ["/sets/0/implementation"]
    assert "AK2*850*0001*005010X1~" in written(of_group("005010", sets=[only_999]))


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"status": "partial"}, "/status"),
        ({"note": "no such note"}, "/note"),
        ({"counts": {"included": 1, "received": 1, "accepted": 1}}, "/counts"),
        ({"acknowledged": ABOUT | {"interchange": "101"}}, "/acknowledged/interchange"),
        ({"acknowledged": ABOUT | {"date": "1999-01-05"}}, "/acknowledged/date"),
        ({"acknowledged": {"interchange": "000000101", "date": "2026-01-05"}}, "/acknowledged/time"),
    ],
)  # fmt: skip
def test_a_ta1_that_cannot_be_is_refused(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(DocumentError) as caught:
        gateway.write(of_interchange(**change))
    assert pointer in {one.location.pointer for one in caught.value.problems}


def test_the_model_wants_what_every_acknowledgment_says() -> None:
    found = explain({**of_group("004010"), "status": 1, "counts": {"included": -1}})
    assert sorted(one.location.pointer or "" for one in found) == [
        "/counts/accepted", "/counts/included", "/counts/received", "/status",
    ]  # fmt: skip
    assert [one.location.pointer for one in explain(document(acknowledged={}))] == ["/status"]
    for late in ("24:00", "8:30", "08:60"):
        found = explain(document(acknowledged={**ABOUT, "time": late}, status="x"))
        assert [one.location.pointer for one in found] == ["/acknowledged/time"]
    model_for("functional_acknowledgment").model_validate(of_interchange())


# --- reading a TA1 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "value", "code"),
    [
        (1, "101", "X12-ELEMENT-SHORT"),
        (2, "260231", "X12-ELEMENT-DATE"),
        (3, "2560", "X12-ELEMENT-TIME"),
        (4, "P", "X12-ELEMENT-CODE"),
        (5, "099", "X12-ELEMENT-CODE"),
        (5, "", "X12-ELEMENT-MISSING"),
        (6, "x", "X12-ELEMENT-EXTRA"),
    ],
)
def test_a_ta1_in_error_has_no_document_and_spoils_nothing_else(element: int, value: str, code: str) -> None:
    bad = [*TA1, ""]
    bad[element] = value
    orders = edi.group([edi.transaction(edi.order_body())])
    data = interchange(bad, TA1, groups=(orders,))
    report = gateway.validate(data)
    (found,) = report["problems"]
    assert (found["code"], found["location"]["segment_id"], found["location"]["element"]) == (
        code,
        "TA1",
        element,
    )
    assert data[found["location"]["offset"] :].startswith(value.encode() or b"*~TA1*")
    assert set(found["ack"].values()) == {None}
    assert report["interchanges"][0]["verdict"] == "accepted_with_errors"
    assert [one["document_type"] for one in gateway.translate(data)] == [
        "functional_acknowledgment", "purchase_order",
    ]  # fmt: skip
    assert gateway.validate(interchange(bad))["verdict"] == "rejected"


@pytest.mark.parametrize("kind", ["997", "999", "ta1", "due"])
def test_a_ta1_in_error_is_not_answered(kind: Kind) -> None:
    acknowledger = Acknowledger()
    for event in gateway.read(interchange([*TA1[:4], "Q"]), documents=False):
        acknowledger.add(event)
    assert list(acknowledger.interchanges(lambda: 1, NOW, kind)) == []


def test_a_transaction_set_that_calls_itself_ta1_is_none() -> None:
    """ST01 is the partner's word; TA1 names a segment of the envelope, and no set."""
    data = Interchange.of(edi.group([edi.transaction([TA1], set_id="TA1")])).to_bytes()
    (event,) = (one for one in gateway.read(data) if isinstance(one, TransactionSet))
    assert (event.guide, event.document) == (None, None)
    assert [one.code for one in event.problems] == ["X12-NO-GUIDE"]


def test_several_processes_read_the_same() -> None:
    body: list[edi.Segment] = [["AK1", "PO", "11"], ["AK9", "A", "1", "1", "1"]]
    data = interchange(
        TA1,
        [*TA1[:4], "Q"],
        groups=(edi.group([edi.transaction(body, set_id="997")], functional_id="FA"),),
    )
    one = [getattr(event, "document", None) for event in gateway.read(data)]
    two = [json.loads(found) if found else None for _, found in read_parallel(io.BytesIO(data), 2)]
    assert [found for found in one if found] == [found for found in two if found]
    assert len([found for found in one if found]) == 2
    (told,) = (
        event.problems
        for event, _ in read_parallel(io.BytesIO(data), 2)
        if isinstance(event, InterchangeAcknowledgment) and event.problems
    )
    assert {one.code for one in told} == {"X12-ELEMENT-CODE", "X12-ELEMENT-MISSING"}


def test_a_ta1_in_error_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    edigw = Runner(monkeypatch)
    path = tmp_path / "ta1.edi"
    path.write_bytes(interchange([*TA1[:4], "Q", "025"], TA1))
    for command in (("x12", "validate"), ("x12", "inspect"), ("translate",)):
        done = edigw(*command, path)
        assert done.code == 1
        assert (done.out + done.err).count("X12-ELEMENT-CODE") == 1
    assert "TA1 000000101 in interchange 000000101 was not translated:" in done.err
    assert json.loads(done.out)["note"] == "duplicate"
    (tmp_path / "ta1.json").write_text(done.out)
    back = edigw("translate", tmp_path / "ta1.json")
    assert (back.code, back.err) == (0, "")
    assert back.out.endswith("~TA1*000000101*260105*0830*R*025~IEA*0*000000101~")
