"""``edigw translate``: documents out of X12 and back, nothing lost in silence, files whole or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gateway
from tests.acceptance import edi
from tests.acceptance.edi import Interchange
from tests.unit.cli.support import Runner

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests" / "data" / "x12" / "004010" / "850"
ORDERS = sorted(path.stem for path in DATA.glob("*.edi"))


def documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", ORDERS)
def test_to_json_lines_and_back(edigw: Runner, tmp_path: Path, name: str) -> None:
    path = DATA / f"{name}.edi"
    done = edigw("translate", path)
    assert done.code == 0
    expected = list(gateway.translate(path))
    assert documents(done.out) == expected
    lines = tmp_path / "orders.jsonl"
    lines.write_text(done.out)
    back = edigw("translate", lines)
    assert (back.code, back.err) == (0, "")
    assert list(gateway.translate(back.out.encode("latin-1"))) == expected


def test_to_a_list_and_back(edigw: Runner, tmp_path: Path) -> None:
    path = tmp_path / "two.edi"
    path.write_bytes(edi.two_sets().to_bytes())
    done = edigw("translate", path, "--to", "json")
    assert [one["po_number"] for one in json.loads(done.out)] == ["PO-1001", "PO-1002"]
    back = edigw("translate", "-", stdin=done.out.encode())
    assert back.code == 0
    assert [one["po_number"] for one in gateway.translate(back.out.encode())] == ["PO-1001", "PO-1002"]
    one = json.dumps(json.loads(done.out)[0], indent=2)
    assert edigw("translate", "-", "--to", "x12", stdin=b"\xef\xbb\xbf\n " + one.encode()).code == 0


def test_a_rejected_set_is_told_and_the_good_one_written(edigw: Runner, bad: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = edigw("translate", bad, "-o", out)
    assert (done.code, done.out) == (1, "")
    assert [one["po_number"] for one in documents(out.read_text())] == ["PO-1002"]
    assert "850 0001 in group 11 of interchange 000000101 was not translated:" in done.err
    assert "X12-ELEMENT-DATE at BEG05" in done.err
    assert "1 document written, 1 transaction set left out." in done.err


def test_what_the_mapping_does_not_take_is_one_line(edigw: Runner, tmp_path: Path) -> None:
    done = edigw("translate", DATA / "notes_and_unmapped.edi")
    assert done.code == 0
    told = [line for line in done.err.splitlines() if "kept in extensions" in line]
    assert len(told) == 1
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("form", [(), ("--to", "json")])
def test_several_processes_say_the_same(edigw: Runner, tmp_path: Path, form: tuple[str, ...]) -> None:
    path = tmp_path / "large.edi"
    program = ROOT / "benchmarks" / "generate.py"
    made = [sys.executable, str(program), "--profile", "bad5", "--megabytes", "1", "-o", str(path)]
    subprocess.run(made, check=True, capture_output=True, timeout=120)
    one, two = (edigw("translate", path, "--jobs", jobs, *form) for jobs in "12")
    assert one.out == two.out
    assert one.err == two.err
    assert one.code == two.code == 1
    assert " left out." in one.err
    assert edigw("translate", "-", "--jobs", "2", *form, stdin=path.read_bytes()) == one
    assert edigw("translate", path, "--jobs", "0").code == 2


@pytest.mark.parametrize(("set_id", "words"), [("112", "there is no mapping"), ("199", "There is no guide")])
def test_a_set_nobody_can_translate_is_told(edigw: Runner, tmp_path: Path, set_id: str, words: str) -> None:
    """A home may have the guide of a set, here 112, without a mapping."""
    home = tmp_path / "home"
    assert edigw("init", home).code == 0
    shipped, own = ROOT / "schemas/x12/004010", home / "schemas/x12/004010"
    own.mkdir(parents=True)
    guide = (shipped / "997.004010.xml").read_text("utf-8")
    (own / "112.004010.xml").write_text(guide.replace('g:set="997"', 'g:set="112"'), "utf-8")
    more = '<map vriic="004010" fic="PO" abbr="112">112.004010.xml</map></version>'
    (own / "maps.xml").write_text(
        (shipped / "maps.xml").read_text("utf-8").replace("</version>", more), "utf-8"
    )
    body: list[edi.Segment] = [["AK1", "PO", "11"], ["AK9", "A", "1", "1", "1"]]
    one = Interchange.of(
        edi.group([edi.transaction(body, set_id=set_id)], control="12"),
        edi.group([edi.transaction(edi.order_body())]),
    )
    path = tmp_path / "mixed.edi"
    path.write_bytes(one.to_bytes())
    done = edigw("translate", "--config", home, path)
    assert done.code == 1
    assert len(documents(done.out)) == 1
    assert f"{set_id} 0001 in group 12" in done.err
    assert words in done.err


def test_an_envelope_in_error_is_told(edigw: Runner, tmp_path: Path) -> None:
    path = tmp_path / "count.edi"
    path.write_bytes(edi.clean().put("GE", 1, "2").to_bytes())
    done = edigw("translate", path)
    assert done.code == 1
    assert "Functional group 11 is rejected; ask the sender before its documents are used:" in done.err
    assert "X12-GE-COUNT" in done.err


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "X12-EMPTY"),
        (b"not X12", "X12-NOT-X12"),
        (b"{not json", "not JSON"),
        (b"[]", "no document"),
        (b"[1]", "document is a JSON object"),
        (b'{"document_type": "purchase_ordre"}', ""),
        (b'{"document_type": "purchase_order"}', "DOC-MISSING at /"),
        (b"{}\n{}\n", "Document 2: "),
        (b"{}\n{", "Line 2 of the input is not JSON"),
    ],
)
def test_what_cannot_be_translated(edigw: Runner, data: bytes, words: str) -> None:
    done = edigw("translate", "-", stdin=data)
    assert done.code in {1, 4}
    assert done.out == ""
    assert words in done.err
    assert done.err


def test_nothing_to_do_is_a_usage_error(edigw: Runner, good: Path) -> None:
    done = edigw("translate", good, "--to", "x12")
    assert (done.code, done.out) == (2, "")
    assert "X12 already" in done.err
    assert edigw("translate", "-", "--to", "json", stdin=b"{}").code == 2
    assert edigw("translate", good, "--to", "csv").code == 2


def test_a_document_that_cannot_be_written_names_every_field(edigw: Runner, good: Path) -> None:
    (document,) = gateway.translate(good)
    document["po_number"] = "P" * 40
    document["parties"][0]["name"] = "North~wind"
    done = edigw("translate", "-", stdin=json.dumps(document).encode())
    assert (done.code, done.out) == (1, "")
    assert "/parties/0/name" in done.err


@pytest.mark.parametrize(("third", "code"), [("4711", 0), ("P" * 40, 1)])
def test_documents_are_written_when_all_are_right(
    edigw: Runner, good: Path, tmp_path: Path, third: str, code: int
) -> None:
    (document,) = gateway.translate(good)
    numbers = ["1", "2", third]
    lines = (json.dumps({**document, "po_number": number}) for number in numbers)
    done = edigw("translate", "-", "-o", tmp_path / "out.edi", stdin="\n\n".join(lines).encode())
    assert done.code == code
    if code:
        assert not list(tmp_path.glob("*out*"))
        assert "Document 3: " in done.err
    else:
        found = gateway.translate(tmp_path / "out.edi")
        assert [one["po_number"] for one in found] == numbers


def test_the_output_file_appears_whole_or_not_at_all(
    edigw: Runner, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "sub" / "out.jsonl"
    assert edigw("translate", good, "-o", out).code == 4
    out.parent.mkdir()
    out.write_text("old")
    out.chmod(0o640)
    empty = tmp_path / "empty.edi"
    empty.write_bytes(b"")
    done = edigw("translate", empty, "-o", out)
    assert done.code == 1
    assert "was not written" in done.err
    assert out.read_text() == "old"

    def broken(*args: object, **options: object) -> Any:
        yield from list(read(good))[:3]
        raise ZeroDivisionError

    read = gateway.read
    with monkeypatch.context() as patch:
        patch.setattr(gateway.engine, "read", broken)
        assert edigw("translate", good, "-o", out).code == 70
    assert out.read_text() == "old"
    assert [path.name for path in out.parent.iterdir()] == ["out.jsonl"]
    assert edigw("translate", good, "-o", out).code == 0
    assert len(documents(out.read_text())) == 1
    assert out.stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_in_place(edigw: Runner, good: Path) -> None:
    assert edigw("translate", good, "-o", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [("translate",), ("translate", "--to", "x12"), ("x12", "validate"), ("x12", "validate", "--json")],
)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, command: tuple[str, ...]) -> None:
    def peak(sets: int) -> int:
        path = tmp_path / f"{sets}.edi"
        body = [edi.transaction(edi.order_body(lines=20), control=f"{n:09d}") for n in range(1, sets + 1)]
        path.write_bytes(Interchange.of(edi.group(body)).to_bytes())
        if "--to" in command:
            lines = (json.dumps(one).encode() + b"\n" for one in gateway.translate(path))
            path = path.with_suffix(".jsonl")
            with path.open("wb") as file:
                file.writelines(lines)
        code = (
            "import sys\nfrom gateway.cli.main import main\nfrom tests.memory import peak\n"
            "code = main(sys.argv[1:])\nprint(peak(), file=sys.stderr)\nsys.exit(code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *command, path],
            cwd=ROOT,
            capture_output=True,
            check=True,
            timeout=300,
        )
        return int(done.stderr.split()[-1])

    assert peak(6000) < peak(60) + 4096


BODIES = Path(__file__).resolve().parents[2] / "data" / "sp_api" / "golden"


@pytest.mark.parametrize("kind", ["acknowledgement", "shipment_confirmation", "invoice"])
def test_documents_and_bodies(edigw: Runner, tmp_path: Path, kind: str) -> None:
    body, document = BODIES / f"{kind}.body.json", BODIES / f"{kind}.json"
    done = edigw("translate", str(body), "--to", "json")
    assert (done.code, json.loads(done.out)) == (0, [json.loads(document.read_text())])
    done = edigw("translate", str(document), "--to", "sp_api")
    assert (done.code, json.loads(done.out)) == (0, json.loads(body.read_text()))
    assert edigw("translate", str(body), "--to", "sp_api").code == 2


def test_a_body_becomes_x12(edigw: Runner, tmp_path: Path) -> None:
    body = json.loads((BODIES / "acknowledgement.body.json").read_text())
    file = tmp_path / "body.json"
    file.write_text(json.dumps(body))
    done = edigw("translate", str(file), "--to", "x12")
    assert done.code == 1  # nobody says who sends it
    assert "DOC-ENVELOPE" in done.err


def test_what_may_not_be_sent_is_not_written(edigw: Runner, tmp_path: Path) -> None:
    document = json.loads((BODIES / "acknowledgement.json").read_text())
    del document["lines"][0]["unit_price"]
    file, out = tmp_path / "document.json", tmp_path / "out.json"
    file.write_text(json.dumps(document))
    done = edigw("translate", str(file), "--to", "sp_api", "-o", str(out))
    assert done.code == 1
    assert "BODY-MISSING at /lines/0" in done.err
    assert "Correct the field lines[].unit_price" in done.err
    assert not out.exists()
