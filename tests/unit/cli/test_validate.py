"""``edigw x12 validate``: the JSON to the letter of the contract, and text a coordinator can work with."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import gateway
from tests.acceptance import edi
from tests.acceptance.edi import Interchange
from tests.unit.cli.support import Runner

VERDICTS = {"accepted", "accepted_with_errors", "rejected", "unreadable"}
LEVELS = {"file", "interchange", "group", "transaction_set", "segment", "element"}
WHERE = {
    "interchange", "group", "transaction_set", "segment", "segment_id", "element", "component", "repetition",
    "offset", "line", "pointer", "loop",
}  # fmt: skip
DATA = Path(__file__).resolve().parents[2] / "data" / "x12" / "004010" / "850"


def text(value: object) -> None:
    assert isinstance(value, str)


def maybe(value: object, kind: type) -> None:
    assert value is None or (isinstance(value, kind) and not isinstance(value, bool))


def check(report: Any) -> None:
    """Raises unless a report has exactly the shape that is promised."""
    assert set(report) == {"files"}
    for file in report["files"]:
        assert set(file) == {"path", "verdict", "interchanges", "problems"}
        text(file["path"])
        assert file["verdict"] in VERDICTS
        for one in file["interchanges"]:
            assert set(one) == {
                "control_number", "sender", "receiver", "version", "usage", "verdict", "groups",
            }  # fmt: skip
            assert one["verdict"] in VERDICTS
            for party in (one["sender"], one["receiver"]):
                assert set(party) == {"qualifier", "id"}
            for group in one["groups"]:
                assert set(group) == {
                    "functional_id", "control_number", "version", "verdict", "transaction_sets",
                }  # fmt: skip
                assert group["verdict"] in VERDICTS
                for item in group["transaction_sets"]:
                    assert set(item) == {"set_id", "control_number", "segments", "guide", "verdict"}
                    assert item["verdict"] in VERDICTS
                    assert isinstance(item["segments"], int)
        for problem in file["problems"]:
            assert set(problem) == {
                "code", "severity", "level", "message", "hint", "value", "location", "ack", "fault",
            }  # fmt: skip
            assert problem["severity"] in {"error", "warning", "info"}
            assert problem["level"] in LEVELS
            assert problem["message"]
            maybe(problem["value"], str)
            assert set(problem["location"]) == WHERE
            for name in ("segment", "element", "component", "repetition", "offset", "line"):
                maybe(problem["location"][name], int)
            assert set(problem["ack"]) == {"ta1", "ak3", "ak4", "ak5", "ak9"}


# --- JSON ------------------------------------------------------------------------------------------------


def odd_files() -> dict[str, bytes]:
    """Files whose reports differ in form: loose sets, several interchanges, nothing at all."""
    two = edi.two_sets()
    clean = edi.clean().to_bytes()
    return {
        "clean": clean,
        "bad": two.put("BEG", 5, "20260231").to_bytes(),
        "twice": clean * 2,
        "foreign": b"hello " + clean + b" world " + clean,
        "no group": edi.clean().drop("GS").drop("GE").to_bytes(),
        "no envelope": clean[clean.index(b"ST*") :],
        "groups only": clean[clean.index(b"GS*") :],
        "cut": clean[:300],
        "empty": b"",
        "prose": b"Dear Sir or Madam,",
        "ta1": Interchange(
            [edi.isa(), ["TA1", "000000001", "260105", "0830", "A", "000"], ["IEA", "0", "000000101"]]
        ).to_bytes(),
        "latin": edi.clean().put("N1", 2, "Caf\xe9").to_bytes(),
    }


@pytest.mark.parametrize("name", odd_files())
def test_json_is_what_the_engine_reports(edigw: Runner, tmp_path: Path, name: str) -> None:
    path = tmp_path / "file.edi"
    path.write_bytes(odd_files()[name])
    done = edigw("x12", "validate", "--json", path)
    report = json.loads(done.out)
    check(report)
    assert report["files"] == [gateway.validate(path, path=str(path))]
    assert done.code == (0 if report["files"][0]["verdict"] == "accepted" else 1)
    assert done.err == ""


@pytest.mark.needs_samples
def test_json_of_all_samples(edigw: Runner, samples: Path) -> None:
    paths = sorted(samples.glob("*.edi"))[::7]
    done = edigw("x12", "validate", "--json", *paths)
    report = json.loads(done.out)
    check(report)
    assert report["files"] == [gateway.validate(path, path=str(path)) for path in paths]


def test_several_files_and_standard_input(edigw: Runner, good: Path, bad: Path) -> None:
    done = edigw("x12", "validate", "--json", good, "-", bad, stdin=edi.clean().to_bytes())
    files = json.loads(done.out)["files"]
    assert [(one["path"], one["verdict"]) for one in files] == [
        (str(good), "accepted"),
        ("-", "accepted"),
        (str(bad), "accepted_with_errors"),
    ]
    assert done.code == 1


def test_a_missing_file_does_not_hide_the_others(edigw: Runner, good: Path, tmp_path: Path) -> None:
    done = edigw("x12", "validate", "--json", tmp_path / "none.edi", good, tmp_path)
    assert done.code == 4
    assert [one["path"] for one in json.loads(done.out)["files"]] == [str(good)]
    assert "There is no file" in done.err
    assert "is a folder" in done.err


# --- text ------------------------------------------------------------------------------------------------


def test_text_for_a_person(edigw: Runner, bad: Path) -> None:
    done = edigw("x12", "validate", bad)
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == f"{bad}: accepted with errors, 1 error"
    assert lines[1:] == [
        "  Interchange 000000101 from ZZ/NORTHWIND to ZZ/SUPPLIER, version 00401, production",
        "    Functional group PO 11, version 004010",
        "      850 0001, 14 segments, guide 850.004010: rejected",
        "        error X12-ELEMENT-DATE at BEG05, segment 2, line 4, byte 195",
        "          BEG05 (Order date) is not a date of the form CCYYMMDD: '20260231'.",
        "            BEG*00*SA*PO-1001**20260231",
        "                               ^^^^^^^^",
        "          Ask the sender to correct the date.",
        "      850 0002, 14 segments, guide 850.004010: accepted",
        "    Functional group 11: accepted with errors, 1 of 2 transaction sets without errors",
        "  Interchange 000000101: accepted with errors",
    ]
    assert done.err == ""


def marked(edigw: Runner, tmp_path: Path, one: Interchange) -> list[tuple[str, str]]:
    """Segments shown and what is marked in them."""
    path = tmp_path / "file.edi"
    path.write_bytes(one.to_bytes())
    lines = edigw("x12", "validate", path).out.splitlines()
    found = []
    for above, below in pairwise(lines):
        if "^" in below:
            start = below.index("^")
            width = len(below[start:]) - len(below[start:].lstrip("^"))
            found.append((above.strip(), above[start : start + width] + below[start + width :]))
    return found


def test_the_mark_stands_under_the_fault(edigw: Runner, tmp_path: Path) -> None:
    one = edi.clean().before("PID", ["CTP", "", "RTL", "19.99", "1", ("EA", "1", "1", "9#")]).recount()
    assert marked(edigw, tmp_path, one) == [("CTP**RTL*19.99*1*EA>1>1>9#", "9#")]
    assert marked(edigw, tmp_path, edi.clean().put("IEA", 1, "2")) == []
    short = edi.clean()
    short.get("CUR").pop()
    assert marked(edigw, tmp_path, short) == [("CUR*BY", "")]
    assert marked(edigw, tmp_path, edi.clean().drop("BEG").recount()) == [
        ("CUR*BY*USD", "CUR BEG belongs before this segment")
    ]
    long = edi.clean().put("PID", 5, "y" * 150)
    ((shown, mark),) = marked(edigw, tmp_path, long)
    assert shown.startswith("PID*F****yyy")
    assert len(shown) < 110
    assert set(mark) == {"y"}


def test_data_cannot_steer_the_terminal(edigw: Runner, tmp_path: Path) -> None:
    path = tmp_path / "file.edi"
    path.write_bytes(edi.clean(sender=("ZZ", "\x1b[31mRED")).put("N1", 2, "\x1b[2J\x07").to_bytes())
    done = edigw("x12", "validate", path)
    assert "\x1b" not in done.out
    assert "\x07" not in done.out
    assert "\u241b" in done.out


def test_many_accepted_sets_are_counted(edigw: Runner, tmp_path: Path) -> None:
    sets = [edi.transaction(edi.order_body(), control=f"{n:04d}") for n in range(1, 31)]
    path = tmp_path / "many.edi"
    path.write_bytes(Interchange.of(edi.group(sets)).to_bytes())
    out = edigw("x12", "validate", path).out
    assert "850 0020, 14 segments" in out
    assert "850 0021" not in out
    assert "and 10 more transaction sets, accepted" in out


def test_many_problems_of_a_set_are_counted(edigw: Runner, tmp_path: Path) -> None:
    one = edi.clean(lines=30)
    for number in range(1, 31):
        one.put("PO1", 2, "X", nth=number)
    path = tmp_path / "many.edi"
    path.write_bytes(one.to_bytes())
    out = edigw("x12", "validate", path).out
    assert out.count("error X12-ELEMENT-CHARACTER") == 20
    assert "more problems of this set; --json has all" in out


def test_an_unreadable_file_has_a_verdict(edigw: Runner, tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    path.write_bytes(b"%PDF-1.4\n\xe2\xe3")
    done = edigw("x12", "validate", path)
    assert done.code == 1
    assert done.out.startswith(f"{path}: unreadable, 1 error\n")
    assert "X12-NOT-X12" in done.out


# --- homes and partners ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["acme", "../004010", ""])
def test_a_partner_needs_a_home_unless_it_is_a_shipped_profile(edigw: Runner, good: Path, name: str) -> None:
    done = edigw("x12", "validate", "--partner", name, good)
    assert done.code == 4
    assert f"There is no partner {name!r}; name the home it is in with --config DIR." in done.err


def test_a_home_and_its_partners(
    edigw: Runner, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    assert edigw("init", home).code == 0
    assert edigw("x12", "validate", "--config", home, "--partner", "acme-retail", good).code == 0
    done = edigw("x12", "validate", "--config", home, "--partner", "acme-retial", good)
    assert done.code == 4
    assert "Did you mean acme-retail?" in done.err
    assert edigw("x12", "validate", "--config", tmp_path / "nowhere", good).code == 3
    monkeypatch.setenv("EDIGW_HOME", str(home))
    assert edigw("x12", "validate", "--partner", "acme-retail", good).code == 0


# --- second opinion --------------------------------------------------------------------------------------


SETS = DATA.parents[1]
"""The golden files of all sets: release, set, file."""


@pytest.mark.parametrize(
    "folder", sorted(path.relative_to(SETS).as_posix() for path in SETS.glob("*/[0-9]*"))
)
def test_pyx12_agrees(edigw: Runner, folder: str) -> None:
    pytest.importorskip("pyx12")
    done = edigw("x12", "validate", "--second-opinion", "--json", min((SETS / folder).glob("*.edi")))
    (file,) = json.loads(done.out)["files"]
    opinion = file["second_opinion"]
    # One that stands breadth first: pyx12 wants depth first, and says nothing of why it rejects.
    agrees = [
        one["agrees"] or (one["there"], one["only_there"]) == ("R", []) for one in opinion["transaction_sets"]
    ]
    assert agrees
    assert all(agrees)
    assert opinion["trouble"] == []


def test_pyx12_agrees_on_a_rejection_and_differs(edigw: Runner, bad: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyx12")
    done = edigw("x12", "validate", "--json", "--second-opinion", bad)
    (file,) = json.loads(done.out)["files"]
    opinion = file.pop("second_opinion")
    assert opinion["agrees"] is True
    assert [(one["here"], one["there"]) for one in opinion["transaction_sets"]] == [("R", "R"), ("A", "A")]
    path = tmp_path / "price.edi"
    path.write_bytes(edi.clean().put("PO1", 4, "5.").to_bytes())
    done = edigw("x12", "validate", "--second-opinion", path)
    assert done.code == 1
    assert "850 0001 differs: edigw accepts it, pyx12 rejects it" in done.out
    assert "only pyx12: AK4*4*6" in done.out


def test_without_pyx12_it_says_so(edigw: Runner, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.cli import opinion as _pyx12

    monkeypatch.setattr(_pyx12, "version", lambda: None)
    done = edigw("x12", "validate", "--second-opinion", good)
    assert (done.code, done.out) == (3, "")
    assert "pip install pyx12" in done.err
