"""Documents as XML: what is wrong is told with its XPath and line, and nothing hostile is carried out."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from gateway.documents import document_types
from gateway.errors import DocumentError, NotFoundError, Problem
from gateway.shapes import xml
from tests.schemas import xsd

ROOT = Path(__file__).resolve().parents[3]
FULL: dict[str, Any] = json.loads(
    (ROOT / "tests" / "data" / "documents" / "purchase_order_full.json").read_text("utf-8")
)


def text(*documents: dict[str, Any]) -> str:
    return b"".join(xml.write(documents)).decode()


def problems(data: str | bytes) -> list[Problem]:
    with pytest.raises(DocumentError) as caught:
        list(xml.read(io.BytesIO(data if isinstance(data, bytes) else data.encode())))
    assert all(one.message and one.hint for one in caught.value.problems)
    return list(caught.value.problems)


# --- the schemas -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", document_types())
def test_the_schema_in_the_tree_is_up_to_date(kind: str) -> None:
    path = ROOT / "schemas" / "xml" / f"{kind}.xsd"
    assert path.read_bytes() == xsd(kind), "run: python -m tests.schemas"


def test_there_is_no_schema_without_a_model() -> None:
    assert {path.stem for path in (ROOT / "schemas" / "xml").iterdir()} == set(document_types())


def test_the_schema_says_what_the_model_means() -> None:
    schema = etree.XMLSchema(etree.fromstring(xsd("purchase_order")))
    good = etree.fromstring(text(FULL).encode())
    assert schema.validate(good)
    for name, wrong in (
        ("ordered_at", "18.2.2026"),
        ("po_number", ""),
        ("net_days", "-1"),
        ("amount", "1,5"),
    ):
        spoiled = etree.fromstring(text(FULL).encode())
        next(spoiled.iter(f"{{*}}{name}")).text = wrong
        assert not schema.validate(spoiled), name
    needed = next(good.iter("{*}po_type"))
    good.remove(needed)
    assert not schema.validate(good)
    good.append(needed)  # in any order
    assert schema.validate(good)


def test_an_unknown_type_has_no_schema() -> None:
    with pytest.raises(NotFoundError):
        xsd("order")


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("lines", "line"),
        ("parties", "party"),
        ("taxes", "tax"),
        ("addresses", "address"),
        ("routing", "item"),
    ],
)
def test_the_entries_of_a_list_are_named_in_the_singular(many: str, one: str) -> None:
    assert xml.singular(many) == one


# --- both ways -------------------------------------------------------------------------------------------


def test_what_a_document_looks_like() -> None:
    written = text(FULL)
    assert '<purchase_order xmlns="urn:edi-gateway:purchase_order:1">\n' in written
    assert "<document_type>" not in written
    assert '<number type="phone">2065550142</number>' in written
    assert "<part>SE</part>" in written
    assert list(xml.read(io.BytesIO(written.encode()))) == [FULL]


def test_several_documents_stand_in_a_wrapper() -> None:
    numbered = [{**FULL, "po_number": str(number)} for number in range(3)]
    written = text(*numbered)
    assert written.splitlines()[1] == '<documents xmlns="urn:edi-gateway:documents:1">'
    assert list(xml.read(io.BytesIO(written.encode()))) == numbered


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_any_encoding_that_is_declared(encoding: str) -> None:
    document = {**FULL, "po_number": "Ähre 7"}
    declared = text(document).replace('"UTF-8"', f'"{encoding.removesuffix("-sig")}"')
    assert list(xml.read(io.BytesIO(declared.encode(encoding)))) == [document]


def test_comments_prefixes_and_cdata_change_nothing() -> None:
    space = "urn:edi-gateway:purchase_order:1"
    changed = text(FULL).replace(f'xmlns="{space}"', f'xmlns:p="{space}"')
    changed = changed.replace("</", "\0").replace("<", "<p:").replace("\0", "</p:").replace("<p:?", "<?")
    changed = changed.replace(FULL["po_number"], f"<!-- a --><![CDATA[{FULL['po_number']}]]><?b c?>")
    assert list(xml.read(io.BytesIO(changed.encode()))) == [FULL]


def test_a_control_character_is_refused_with_its_place() -> None:
    document = {**FULL, "parties": [{"role": "buyer", "name": "a\x1cb"}]}
    with pytest.raises(DocumentError) as caught:
        text(FULL, document)
    (problem,) = caught.value.problems
    assert (problem.code, problem.location.pointer) == ("SHAPE-XML", "/parties/0/name")
    assert "Document 2" in problem.message
    assert problem.value == r"'a\x1cb'"


def test_no_document_is_no_file() -> None:
    with pytest.raises(DocumentError, match="no document"):
        text()


# --- what is wrong ---------------------------------------------------------------------------------------


def test_everything_is_told_at_once_with_line_and_xpath() -> None:
    written = text(FULL).replace("po_number>", "po_numbr>").replace("2026-02-18<", "2026-02-31<")
    missing, date, unknown = problems(written.replace("<test>true", "<test>yes"))[-3:]
    assert (missing.code, missing.location.pointer) == ("DOC-MISSING", "/po_number")
    assert missing.message == "Line 2, /purchase_order: The field po_number is missing."
    assert date.message.startswith("Line 31, /purchase_order/ordered_at: ")
    assert (date.value, date.location.line) == ("2026-02-31", 31)
    assert (unknown.code, unknown.hint) == ("DOC-UNKNOWN", "Did you mean po_number?")


def test_the_xpath_counts_lines_and_documents() -> None:
    written = text(FULL, FULL)
    at = written.rindex("<line_no>")
    (problem,) = problems(written[:at] + "<color>red</color>" + written[at:])
    line = written[:at].count("\n") + 1
    assert problem.message.startswith(f"Line {line}, /documents/*[2]/lines/line[{len(FULL['lines'])}]")
    assert problem.location.pointer is not None
    assert problem.location.pointer.endswith("/color")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<po_number>", '<po_number size="1">', "attribute 'size' is not allowed"),
        ("<po_number>", "<po_number>1</po_number><po_number>", "/purchase_order/po_number[2]"),
        ("<lines>", "<lines>text", "Character content"),
        ("<parties>", "<parties><role/>", "/parties/role: "),
        ('type="fax"', 'type="phone"', "Duplicate key"),
        ('type="fax"', 'type="fox"', "There is no field contacts[0].numbers.fox"),
        ("<net_days>", "<net_days>x", "must be a whole number"),
        ("<net_days>", "<net_days>" + "9" * 5000, "must be a whole number"),
        ("<test>true", "<test>ja", "must be true or false"),
        ("purchase_order:1", "purchase_order:2", "no document"),
        (' xmlns="urn:edi-gateway:purchase_order:1"', "", "no document"),
        ("<lines>", "<lines></lines><lines>", "lines"),
        ("PO-7700", "\0", "this is not XML"),
        ("PO-7700", "&nbsp;", "this is not XML"),
        ("</purchase_order>", "", "this is not XML"),
    ],
)
def test_what_is_not_as_the_schema_says(old: str, new: str, words: str) -> None:
    found = problems(text(FULL).replace(old, new, 1) if old[1] != "/" else text(FULL).replace(old, new))
    assert words in found[0].message
    assert found[0].location.line


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<a/>", b"\xff\xfe", b"<purchase_order>\xff</purchase_order>"]
)
def test_what_is_no_document_at_all(data: bytes) -> None:
    assert [one.code for one in problems(data)] == ["SHAPE-XML"]


def laughing() -> str:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE a [<!ENTITY l0 "ha">{entities}]>'


HOSTILE = {
    "billion laughs": laughing() + "<purchase_order>&l9;</purchase_order>",
    "billion laughs in an attribute": laughing() + '<purchase_order a="&l9;"/>',
    "external entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><purchase_order>&x;</purchase_order>',
    "external DTD": '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><purchase_order/>',
    "deep": "<a>" * 100_000,
    "long text": "<a>" + "x" * 11_000_000,
    "long name": f"<{'a' * 11_000_000}/>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_is_carried_out(name: str) -> None:
    (problem,) = problems(HOSTILE[name])
    assert problem.code == "SHAPE-XML"
    assert "root:" not in problem.message


def test_a_document_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "MAX_BYTES", 100_000)
    (problem,) = problems("<a>" + "<b/>" * 100_000)
    assert "more than 100,000 bytes" in problem.message
    many = text(*([FULL] * 20)).encode()
    assert len(many) > 200_000
    assert len(list(xml.read(io.BytesIO(many)))) == 20


def test_a_hopeless_file_does_not_fill_the_memory() -> None:
    broken = text(FULL).replace("po_number>", "number>")
    inside = broken.partition("\n")[2]
    with pytest.raises(DocumentError) as caught:
        list(
            xml.read(
                io.BytesIO(
                    f'<documents xmlns="{xml.namespace("documents")}">{inside * 150}</documents>'.encode()
                )
            )
        )
    assert len(caught.value.problems) == 200
    assert "300 problems, the first 200 of them" in str(caught.value)


def test_the_module_writes_every_schema(tmp_path: Path) -> None:
    for folder in ("documents", "xml"):
        (tmp_path / "schemas" / folder).mkdir(parents=True)
    program = [sys.executable, "-m", "tests.schemas"]
    subprocess.run(program, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=True)
    assert {path.name for path in tmp_path.rglob("*.xsd")} == {f"{kind}.xsd" for kind in document_types()}
    assert {path.name for path in tmp_path.rglob("*.json")} == {
        f"{kind}.schema.json" for kind in document_types()
    }
