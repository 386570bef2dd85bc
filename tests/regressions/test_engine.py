"""Faults of the engine that were found and mended; each test failed before."""

from __future__ import annotations

from typing import Any

import pytest

import gateway
from gateway import engine, resources
from gateway.errors import DocumentError, NotFoundError
from gateway.mapping.library import Library
from gateway.x12.envelope import TransactionSet
from gateway.x12.parser import NumberSet
from gateway.x12.reader import Reader, SetText

ISA = (
    b"ISA*00*          *00*          *ZZ*NORTHWIND      *ZZ*SUPPLIER       "
    b"*260105*0830*U*00401*000000101*0*P*>~"
)
GS = b"GS*PO*A1*B1*20260105*0830*11*X*004010~"
END = b"GE*1*11~IEA*1*000000101~"


def order(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "document_type": "purchase_order",
        "control": {
            "sender": {"qualifier": "ZZ", "id": "NORTH"},
            "receiver": {"qualifier": "ZZ", "id": "SOUTH"},
        },
        "po_number": "4711",
        "purpose": "original",
        "po_type": "regular",
        "ordered_at": "2026-11-24",
        "currency": "USD",
        "currency_party": "buyer",
        "lines": [
            {
                "line_no": "1",
                "quantity": {"value": "3", "uom": "EA"},
                "unit_price": {"amount": "2.50"},
                "ids": {"upc": "850000000015"},
            }
        ],
    }
    return document | changes


def read_back(document: dict[str, Any]) -> dict[str, Any]:
    [found] = gateway.translate(gateway.write(document))
    return found


@pytest.mark.parametrize("step", [1_000, 1_000_000])
def test_the_limit_of_a_set_does_not_depend_on_the_chunks(step: int) -> None:
    data = ISA + GS + b"ST*850*0001~" + b"REF*ZZ*1~" * 50_000 + b"SE*3*0001~" + END
    reader = Reader(max_set_bytes=100_000)
    pieces = [p for i in range(0, len(data), step) for p in reader.feed(data[i : i + step])]
    pieces += reader.close()
    [found] = [piece for piece in pieces if isinstance(piece, SetText)]
    assert found.too_large
    assert len(found.text) == 200


def test_a_hash_total_that_differs_is_noted_and_the_order_translated() -> None:
    body = b"ST*850*0001~BEG*00*NE*1**20260105~PO1*1*2*EA~CTT*1*99~SE*5*0001~"
    [found] = [event for event in gateway.read(ISA + GS + body + END) if isinstance(event, TransactionSet)]
    assert found.verdict == "accepted_with_errors"
    assert [problem.code for problem in found.problems] == ["X12-CTT-HASH"]
    assert found.document is not None


def test_the_currency_of_a_line_goes_before_that_of_the_order() -> None:
    lines = order()["lines"]
    lines[0] |= {"currency": "CAD", "currency_party": "buyer"}
    assert read_back(order(lines=lines))["lines"][0]["unit_price"] == {"amount": "2.50", "currency": "CAD"}
    assert read_back(order())["lines"][0]["unit_price"] == {"amount": "2.50", "currency": "USD"}


def test_exact_text_of_a_value_that_was_changed_is_dropped() -> None:
    kept = [{"address": "ITD[1]/ITD07", "value": "010"}]
    terms = {"type": "basic", "basis": "invoice_date", "net_days": 30}
    assert "extensions" not in read_back(order(terms=terms, extensions=kept))
    terms["net_days"] = 10
    assert read_back(order(terms=terms, extensions=kept))["extensions"] == kept


def test_a_qualifier_without_a_value_is_kept_whole() -> None:
    body = b"ST*850*0001~BEG*00*NE*1**20260105~REF*CR**TEXT~PO1*1*2*EA~CTT*1~SE*6*0001~"
    [document] = gateway.translate(ISA + GS + body + END)
    assert document["references"] == [{"type": "customer_ref", "description": "TEXT"}]
    assert b"REF*CR**TEXT~" in gateway.write(document)


def test_all_faults_of_a_document_are_told_at_once() -> None:
    lines = order()["lines"]
    lines[0]["quantity"] = {"value": "abc", "uom": "EA"}
    with pytest.raises(DocumentError) as caught:
        gateway.write(order(po_number="47*11", colour="red", lines=lines))
    pointers = {problem.location.pointer for problem in caught.value.problems}
    assert pointers == {"/po_number", "/colour", "/lines/0/quantity/value"}


def test_a_wrong_qualifier_is_not_written() -> None:
    control = {"sender": {"qualifier": "Z", "id": "NORTH"}, "receiver": {"qualifier": "ZZ", "id": "SOUTH"}}
    with pytest.raises(DocumentError) as caught:
        gateway.write(order(control=control))
    assert [problem.location.address for problem in caught.value.problems] == ["ISA05"]


def test_a_variant_of_a_release_that_comes_first_spoils_nothing() -> None:
    guides = Library(lambda name: resources.find(name).read_bytes())
    control = order()["control"] | {"version": "004010VICS"}
    with pytest.raises(NotFoundError):
        engine.write({"document_type": "unheard_of", "control": control}, guides=guides)
    assert b"BEG*00*NE*4711" in engine.write(order(), guides=guides)


def test_an_interchange_for_information_is_no_production() -> None:
    data = gateway.write(order()).replace(b"*P*>~", b"*I*>~")
    [document] = gateway.translate(data)
    assert document["test"] is True


def test_sets_without_an_interchange_are_never_accepted() -> None:
    report = gateway.validate(gateway.write(order())[106:])
    sets = [s for i in report["interchanges"] for g in i["groups"] for s in g["transaction_sets"]]
    assert [one["verdict"] for one in sets] == ["rejected"]


@pytest.mark.parametrize("numbers", [range(1, 2_000), range(2_000, 0, -1), range(1, 4_000, 2)])
def test_control_numbers_are_told_apart(numbers: range) -> None:
    seen = NumberSet()
    assert all(seen.add(f"{number:09d}") for number in numbers)
    assert not any(seen.add(f"{number:09d}") for number in numbers)
    assert seen.add("000004711")
    if numbers.step in (1, -1):
        assert len(seen.runs[9]) == 2


ACKNOWLEDGED = (
    b"ISA*00*          *00*          *ZZ*NORTHWIND      *ZZ*SUPPLIER       "
    b"*260105*0830*^*00501*000000101*0*P*:~"
    b"GS*FA*A1*B1*20260105*0830*11*X*005010X231A1~ST*999*0001*005010X231A1~AK1*PO*7*005010~AK2*850*0001~"
    b"IK3*REF*4**8~CTX*SITUATIONAL TRIGGER:1^BEG03:2*REF*4~IK5*R*5~AK9*R*1*1*0~SE*8*0001~"
    b"GE*1*11~IEA*1*000000101~"
)


def test_what_a_repeated_element_says_more_than_once_comes_back() -> None:
    [document] = gateway.translate(ACKNOWLEDGED)
    error = document["sets"][0]["errors"][0]
    (context,) = error["contexts"]
    assert "\x1e" not in str(document)
    assert context["extensions"] == [
        {"address": "CTX/CTX01", "value": [["SITUATIONAL TRIGGER", "1"], ["BEG03", "2"]]}
    ]
    written = gateway.write(document)
    assert b"~CTX*SITUATIONAL TRIGGER>1^BEG03>2*REF*4~" in written
    [again] = gateway.translate(written)
    assert again["sets"] == document["sets"]


def test_sets_of_005010_go_into_an_interchange_that_says_so() -> None:
    document = order(control=order()["control"] | {"version": "005010"})
    written = gateway.write(document)
    assert (written[82:83], written[84:89]) == (b"^", b"00501")
    assert (gateway.write(order())[82:83], gateway.write(order())[84:89]) == (b"U", b"00401")
    with pytest.raises(DocumentError) as caught:
        gateway.write(order(po_number="47^11", control=document["control"]))
    assert [problem.code for problem in caught.value.problems] == ["DOC-SEPARATOR"]


@pytest.mark.parametrize("number", ["0001\x1c", "1" * 5_000, "\xb2", ""])
def test_a_control_number_that_is_no_number_is_told(number: str) -> None:
    data = ISA + GS + b"ST*850*0001~SE*2*" + number.encode("latin-1") + b"~" + END
    (found,) = (event for event in engine.read(data) if isinstance(event, TransactionSet))
    severity = "warning" if number.startswith("0001") else "error"
    assert ("X12-SE-CONTROL", severity) in [(one.code, one.severity) for one in found.problems]
