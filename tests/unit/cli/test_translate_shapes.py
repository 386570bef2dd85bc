"""``edigw translate`` between X12, JSON, XML and the shapes of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import gateway
from tests.acceptance import edi
from tests.unit.cli.support import Runner

ROOT = Path(__file__).resolve().parents[3]
ORDER = ROOT / "tests" / "data" / "x12" / "004010" / "850" / "amazon_style.edi"


def example(name: str) -> dict[str, Any]:
    """The first test of a shipped shape."""
    found: dict[str, Any] = yaml.safe_load(
        (ROOT / "mappings" / "erp" / f"{name}.test.yaml").read_text("utf-8")
    )
    case: dict[str, Any] = found["tests"][0]
    return case


def documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_x12_to_xml_and_back(edigw: Runner, tmp_path: Path) -> None:
    out = tmp_path / "order.xml"
    done = edigw("translate", ORDER, "--to", "xml", "-o", out)
    assert (done.code, done.out) == (0, "")
    assert out.read_text().startswith('<?xml version="1.0" encoding="UTF-8"?>\n<purchase_order xmlns=')
    back = edigw("translate", out, "--to", "jsonl")
    assert documents(back.out) == list(gateway.translate(ORDER))
    again = edigw("translate", out)
    assert list(gateway.translate(again.out.encode())) == list(gateway.translate(ORDER))
    assert edigw("translate", "-", "--to", "xml", stdin=back.out.encode()).out == out.read_text()
    assert edigw("translate", out, "--to", "xml").code == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_xml_is_known_in_other_encodings(edigw: Runner, encoding: str) -> None:
    text = edigw("translate", ORDER, "--to", "xml").out.replace("UTF-8", encoding.removesuffix("-sig"))
    done = edigw("translate", "-", "--to", "json", stdin=text.encode(encoding))
    assert json.loads(done.out) == list(gateway.translate(ORDER))


def test_rejected_sets_are_told_in_every_form(edigw: Runner, bad: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for form in (("--to", "xml"), ("--shape", "csv_order")):
        done = edigw("translate", bad, "-o", out, *form)
        assert done.code == 1
        assert "850 0001 in group 11 of interchange 000000101 was not translated:" in done.err
        assert "1 document written, 1 transaction set left out." in done.err
        assert "PO-1002" in out.read_text()
        assert "PO-1001" not in out.read_text()
    out.unlink()
    bad.write_bytes(edi.clean().put("BEG", 5, "20260231").to_bytes())
    done = edigw("translate", bad, "-o", out, "--to", "xml")
    assert (done.code, out.exists()) == (1, False)
    assert "was not written" in done.err


def test_x12_to_a_shape_and_back(edigw: Runner, tmp_path: Path) -> None:
    rows = tmp_path / "order.csv"
    done = edigw("translate", ORDER, "--shape", "csv_order", "-o", rows)
    assert done.code == 0
    assert "Document 1: no column takes customer_ref, deal_code" in done.err
    assert rows.read_bytes().startswith(b"OrderNo;OrderDate")
    found = documents(edigw("translate", rows, "--shape", "csv_order", "--to", "jsonl").out)
    assert [one["po_number"] for one in found] == ["8WL5Q2ZX"]
    lines = json.dumps(found[0]).encode()
    same = edigw("translate", "-", "--shape", "csv_order", "--to", "csv", stdin=lines)
    assert same.out.encode() == rows.read_bytes()
    assert edigw("translate", "-", "--shape", "csv_order", stdin=lines) == same
    assert edigw("translate", rows, "--shape", "csv_order", "--to", "xml").out.startswith("<?xml")


def test_rows_become_x12(edigw: Runner, tmp_path: Path) -> None:
    shape = tmp_path / "mine.yaml"
    text = (ROOT / "mappings" / "erp" / "csv_order.yaml").read_text()
    ends = "control.sender.id: SENDER, control.receiver.id: RECEIVER, control.version: '004010'"
    shape.write_text(text.replace("{purpose: original", f"{{{ends}, purpose: original"))
    rows = example("csv_order")["input"].replace(";USD;", ";;").encode()
    done = edigw("translate", "-", "--shape", shape, stdin=rows)
    assert (done.code, done.err) == (0, "")
    (found,) = gateway.translate(done.out.encode())
    assert [line["ids"] for line in found["lines"]] == [
        {"vendor_sku": "ACME-100", "ean": "4006381333931"},
        {"asin": "B0FICTION1"},
    ]


def test_json_of_ones_own(edigw: Runner) -> None:
    case = example("own_json_order")
    own = json.dumps(case["input"]).encode()
    done = edigw("translate", "-", "--shape", "own_json_order", "--to", "json", stdin=own)
    assert json.loads(done.out) == case["expected"]
    two = edigw("translate", "-", "--shape", "own_json_order", "--to", "jsonl", stdin=own + b"\n" + own)
    assert documents(two.out) == case["expected"] * 2
    back = edigw("translate", "-", "--shape", "own_json_order", stdin=two.out.encode())
    assert documents(back.out) == [case["input"]] * 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no document"),
        (b"OrderNo;Nix\n", "Line 1: there is no column 'Nix'"),
        (b"\x00\xff\xfe", "Line 1: "),
        (b"<a/>", "SHAPE-XML"),
        (b"{}", "DOC-KIND"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_written(
    edigw: Runner, tmp_path: Path, data: bytes, words: str
) -> None:
    out = tmp_path / "out.edi"
    done = edigw("translate", "-", "--shape", "csv_order", "--to", "x12", "-o", out, stdin=data)
    assert (done.code, done.out, out.exists()) == (1, "", False)
    assert words in done.err
    assert "unexpected error" not in done.err


def test_a_document_that_does_not_fit_is_told_and_nothing_written(edigw: Runner, tmp_path: Path) -> None:
    (document,) = gateway.translate(ORDER)
    out = tmp_path / "out.csv"
    lines = json.dumps({**document, "po_number": "P" * 40}).encode()
    done = edigw("translate", "-", "--shape", "csv_order", "-o", out, stdin=lines)
    assert (done.code, out.exists()) == (1, False)
    assert "SHAPE-VALUE at /po_number: Document 1, column OrderNo: " in done.err


def test_shapes_are_found_by_name_in_a_home_and_as_files(edigw: Runner, tmp_path: Path) -> None:
    assert edigw("translate", ORDER, "--to", "csv").code == 2
    missing = edigw("translate", ORDER, "--shape", "nix")
    assert missing.code == 4
    assert "nix" in missing.err
    assert edigw("translate", ORDER, "--shape", tmp_path / "nix.yaml").code == 4
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("shape: csv\ndocument: purchase_order\ncolumns: {A: po_numbr}\n")
    told = edigw("translate", ORDER, "--shape", wrong)
    assert told.code == 3
    assert (
        "wrong.yaml: records.1.A: there is no field po_numbr in po_numbr. Did you mean po_number?" in told.err
    )
    wrong.write_bytes(b"\xff")
    assert edigw("translate", ORDER, "--shape", wrong).code == 3
    home = tmp_path / "home"
    assert edigw("init", home).code == 0
    (home / "mappings" / "erp").mkdir(parents=True)
    (home / "mappings" / "erp" / "small.yaml").write_text(
        "shape: csv\ndocument: purchase_order\neach: lines[]\ncolumns: {NO: po_number}\n"
    )
    found = edigw("translate", ORDER, "--shape", "small", "--config", home)
    assert (found.code, found.out) == (0, "NO\n8WL5Q2ZX\n8WL5Q2ZX\n")
