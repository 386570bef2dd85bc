"""``edigw map check`` and ``edigw map trace``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway import resources
from gateway.engine import read
from gateway.x12.envelope import TransactionSet
from tests.acceptance import edi
from tests.unit.cli.support import Runner

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "x12" / "004010" / "850"
LETTER = """\
tests:
- name: a letter
  input: |
    BMG*00**04
    MIT*1
    MSG*HELLO
  expected:
    {purpose: original, type: electronic_mail, messages: [{number: "1", lines: [{text: HELLO}]}]}
"""
WRONG = """\
mapping: purchase_order
guide: x12/004010/850
fields:
  purpose: BEG01
  po_type: BEG02
  po_number: BEG33
  ordered_at: BEG05 | date
"""


def test_check_of_all_installed_mappings(edigw: Runner) -> None:
    done = edigw("map", "check")
    assert done.code == 0
    assert "mappings/x12/004010/850.yaml" in done.out
    assert "fine" in done.out
    assert "leading zeros" in done.out


@pytest.mark.parametrize("name", ["004010/850", "x12/004010/850", "mappings/x12/004010/850"])
def test_check_by_name(edigw: Runner, name: str) -> None:
    (file,) = json.loads(edigw("map", "check", name, "--json").out)["files"]
    assert file["path"] == "mappings/x12/004010/850.yaml"
    assert {problem["severity"] for problem in file["problems"]} == {"info"}


def test_check_names_field_line_and_what_to_do(edigw: Runner, tmp_path: Path) -> None:
    path = tmp_path / "850.yaml"
    path.write_text(WRONG)
    done = edigw("map", "check", path)
    assert done.code == 1
    assert "not usable" in done.out
    assert "line 6" in done.out
    assert "MAP-ELEMENT" in done.out
    assert "po_number: there is no BEG33" in done.out
    (file,) = json.loads(edigw("map", "check", path, "--json").out)["files"]
    found = next(problem for problem in file["problems"] if problem["code"] == "MAP-ELEMENT")
    assert found["location"]["pointer"] == "po_number"
    assert found["fault"] == "configuration"


def test_a_name_without_release_means_all(edigw: Runner) -> None:
    paths = [file["path"] for file in json.loads(edigw("map", "check", "864", "--json").out)["files"]]
    assert paths == ["mappings/x12/004010/864.yaml", "mappings/x12/005010/864.yaml"]


def test_check_of_the_shared_blocks(edigw: Runner) -> None:
    done = edigw("map", "check", "blocks")
    assert (done.code, done.out) == (0, "mappings/x12/blocks.yaml  fine\nmappings/sp_api/blocks.yaml  fine\n")


def test_check_reads_standard_input(edigw: Runner) -> None:
    assert edigw("map", "check", "-", stdin=b"mapping: [").code == 1


def test_check_of_an_unknown_mapping(edigw: Runner, tmp_path: Path) -> None:
    done = edigw("map", "check", "004010/8500")
    assert done.code == 4
    assert "Did you mean 004010/850?" in done.err
    assert edigw("map", "check", tmp_path / "absent.yaml").code == 4


def test_explain_knows_the_codes_of_mappings(edigw: Runner) -> None:
    done = edigw("explain", "MAP-REQUIRED")
    assert done.code == 0
    assert "mandatory" in done.out + done.err


def test_tests_beside_mappings_are_run(edigw: Runner) -> None:
    done = edigw("map", "test", "004010/864")
    assert (done.code, done.out) == (0, "mappings/x12/004010/864.yaml  2 as expected\n")
    (file,) = json.loads(edigw("map", "test", "004010/864", "--json").out)["files"]
    assert [test["differences"] for test in file["tests"]] == [[], []]
    assert edigw("map", "test", "005010/864").code == 4
    assert edigw("map", "test", "004010/8640").code == 4


def test_tests_of_a_home_show_what_differs_and_where(edigw: Runner, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert edigw("init", home).code == 0
    folder = home / "mappings" / "x12" / "004010"
    folder.mkdir(parents=True)
    (folder / "864.yaml").write_text(
        resources.find("mappings/x12/004010/864.yaml").read_text().replace("electronic_mail", "letter")
    )
    (folder / "864.test.yaml").write_text(LETTER)
    done = edigw("map", "test", "004010/864", "--config", home)
    assert done.code == 1
    assert [line.split() for line in done.out.splitlines()] == [
        ["mappings/x12/004010/864.yaml", "1", "of", "1", "differ"],
        ["a", "letter"],
        ["/type"],
        ["expected", '"electronic_mail"'],
        ["found", '"letter"'],
    ]
    (folder / "864.test.yaml").write_text("tests: 1")
    assert "list of objects" in edigw("map", "test", "004010/864", "--config", home).out


def test_a_scaffold_is_a_mapping_that_works(edigw: Runner, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert edigw("init", home).code == 0
    done = edigw("map", "scaffold", "004010/846")
    assert (done.code, done.err) == (0, "")
    folder = home / "mappings" / "x12" / "004010"
    folder.mkdir(parents=True)
    (folder / "846.yaml").write_text(done.out)
    assert edigw("map", "check", "004010/846", "--config", home).code == 0
    done = edigw("translate", GOLDEN.parent / "846" / "stock_and_cost.edi", "--config", home)
    assert json.loads(done.out)["items"][0]["product_ids"]["vendor_sku"] == "ACME-100"


@pytest.mark.parametrize("guide", ["004010/851", "850"])
def test_a_scaffold_of_what_is_not_there(edigw: Runner, guide: str) -> None:
    done = edigw("map", "scaffold", guide)
    assert (done.code, done.out) == (4, "")
    assert "There is no" in done.err


def test_trace_shows_rules_and_what_was_kept(edigw: Runner) -> None:
    done = edigw("map", "trace", GOLDEN / "notes_and_unmapped.edi")
    assert done.code == 0
    line = next(one for one in done.out.splitlines() if "REF[REF01=CR]/REF02" in one)
    assert line.split()[:4] == ["4", "REF02", "CUST-9", "/customer_ref"]
    kept = done.out.partition("kept in extensions")[2]
    assert "no rule takes TD1" in kept
    assert "BEG08" in kept
    assert "customer_ref stands at another place" in kept


SETS = sorted(path for path in GOLDEN.parents[1].glob("*/*/*.edi") if path.parent.name != "TA1")


@pytest.mark.parametrize("path", SETS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_trace_knows_the_origin_of_every_value(edigw: Runner, path: Path) -> None:
    documents = [event.document for event in read(path) if isinstance(event, TransactionSet)]
    sets = json.loads(edigw("map", "trace", path, "--json").out)["sets"]
    assert len(sets) == len(documents)
    for one, document in zip(sets, documents, strict=True):
        assert document is not None
        pointers = {origin["pointer"]: origin for origin in one["origins"]}
        assert all(origin["rule"] or origin["reason"] for origin in one["origins"])
        for pointer, value in leaves(document):
            if pointer.split("/")[1] in ("document_type", "schema_version", "test", "control"):
                continue
            known = [pointer.rsplit("/", n)[0] for n in range(pointer.count("/"))]
            assert any(at in pointers for at in known), pointer
            if pointer in pointers:
                assert pointers[pointer]["value"] == value


def leaves(value: object, pointer: str = "") -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(inner, f"{pointer}/{key}")]
    if isinstance(value, list):
        return [leaf for i, inner in enumerate(value) for leaf in leaves(inner, f"{pointer}/{i}")]
    return [(pointer, value)]


def test_trace_of_one_set(edigw: Runner, tmp_path: Path) -> None:
    data = edi.two_sets().to_bytes()
    (one,) = json.loads(edigw("map", "trace", "-", "--set", "2", "--json", stdin=data).out)["sets"]
    assert one["number"] == 2
    done = edigw("map", "trace", "-", "--set", "3", stdin=data)
    assert done.code == 4
    assert "has 2 transaction sets" in done.err


def test_trace_tells_why_a_set_is_not_translated(edigw: Runner, bad: Path) -> None:
    done = edigw("map", "trace", bad)
    assert done.code == 1
    assert "it has errors" in done.err
    assert "/po_number" in done.out
    done = edigw("map", "trace", "-", stdin=edi.clean().put("ST", 1, "100").to_bytes())
    assert "there is no guide" in done.err
    assert edigw("map", "trace", "-", stdin=b"hello").code == 1
    assert edigw("map", "trace", "absent.edi").code == 4


def test_a_mapping_of_the_home_is_checked_instead(edigw: Runner, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert edigw("init", home).code == 0
    folder = home / "mappings" / "x12" / "004010"
    folder.mkdir(parents=True)
    (folder / "850.yaml").write_text(WRONG)
    done = edigw("map", "check", "850", "--config", home)
    assert done.code == 1
    assert "MAP-ELEMENT" in done.out


BODIES = Path(__file__).resolve().parents[2] / "data" / "sp_api" / "golden"


def test_trace_of_a_body(edigw: Runner) -> None:
    done = edigw("map", "trace", str(BODIES / "acknowledgement.body.json"))
    assert done.code == 0
    rows = [row.split() for row in done.out.splitlines()]
    assert [
        "/purchaseOrderNumber",
        "8WL5Q2ZX",
        "/po_number",
        '"8WL5Q2ZX"',
        "purchaseOrderNumber",
        "|",
        "text",
    ] in rows
    done = edigw("map", "trace", str(BODIES / "order.body.json"), "--json")
    (told,) = json.loads(done.out)["sets"]
    assert (told["kind"], told["guide"]) == ("order", "sp_api/orders/Order")
    assert [one["code"] for one in told["problems"]] == ["BODY-UNKNOWN"]
    kept = [one["source"] for one in told["origins"] if one["kind"] == "kept"]
    assert "/orderDetails/newMember" in kept


def test_trace_of_what_is_no_body(edigw: Runner, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text('{"a": 1}')
    done = edigw("map", "trace", str(file))
    assert done.code == 1
    assert "no body of the SP-API" in done.err
    file.write_text("{")
    assert edigw("map", "trace", str(file)).code == 1
