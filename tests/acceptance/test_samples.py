"""Real interchanges that nobody of this project wrote: each gets a verdict, and no set is lost.

What the index of the samples says of an envelope is compared with what the gateway says. Where they
differ, the row stands in :data:`DIFFERENCES` with the reason, as in
``docs/explanation/envelope-verdicts.md``. Every set with a document survives the way there and back.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.x12.envelope import TransactionSet
from tests import samples as sample_documents
from tests.acceptance import edi
from tests.acceptance.support import run

pytestmark = pytest.mark.needs_samples

DIRECTORY = sample_documents.directory() or Path()

ENVELOPE = {"file", "interchange", "group", "transaction_set"}
ENDS = ("sender", "receiver")

#: What the words of the index mean as problem codes.
WORDS = {
    r"SE01=": "X12-SE-COUNT",
    r"SE02=": "X12-SE-CONTROL",
    r"GE01=": "X12-GE-COUNT",
    r"GE02=": "X12-GE-CONTROL",
    r"IEA01=": "X12-IEA-COUNT",
    r"IEA02=": "X12-IEA-CONTROL",
    r"duplicate ST02": "X12-ST-DUPLICATE",
    r"duplicate GS06": "X12-GS-DUPLICATE",
    r"duplicate ISA13": "X12-ISA-DUPLICATE",
    r"ISA not fixed width": "X12-ISA-WIDTH",
    r"ISA16 \(component separator\) missing": "X12-ISA-SEPARATOR",
    r"foreign text": "X12-FOREIGN-TEXT",
    r"stray segment": "X12-STRAY-SEGMENT",
    r"missing IEA": "X12-IEA-MISSING",
    r"has no GE": "X12-GE-MISSING",
    r"has no SE": "X12-SE-MISSING",
    r"no ISA": "X12-NO-ISA",
    r"GS01=": "X12-GS-SET",
}


@dataclass(frozen=True)
class Difference:
    """Errors the gateway reports besides those of the index, those it does not report, and why."""

    why: str
    more: frozenset[str] = frozenset()
    less: frozenset[str] = frozenset()


def more(why: str, *codes: str) -> Difference:
    return Difference(why, more=frozenset(codes))


DIFFERENCES: dict[str, Difference] = {
    "832_004010_eskrano-php-edi-coedition_2.edi": more("ISA16 is missing", "X12-ISA-SEPARATOR"),
    "835_999999X999X9_inteligenz-x12parser_1.edi": more("ST02 has ten digits", "X12-ST-CONTROL"),
    "846_004010_eskrano-php-edi-coedition_1.edi": more("ISA16 is the element separator", "X12-ISA-SEPARATOR"),
    "945_21_inteligenz-x12parser_1.edi": more("ST02 has ten digits", "X12-ST-CONTROL"),
    "malformed_004010ST_inteligenz-x12parser_1.edi": Difference(
        "the component separator is a character of two bytes; read so, GE and IEA are there",
        less=frozenset({"X12-GE-MISSING", "X12-IEA-MISSING"}),
    ),
    "malformed_00401_forworddash-edi-parser_1.edi": more(
        "lines of comment stand before SE, GE and IEA, which are not seen then",
        "X12-SE-MISSING",
        "X12-GE-MISSING",
        "X12-IEA-MISSING",
    ),
    "malformed_00401_ryanco-x12-parser_1.edi": Difference(
        "the element separator is a character of two bytes; read so, the trailers are there",
        more=frozenset({"X12-GE-CONTROL"}),
        less=frozenset({"X12-IEA-MISSING", "X12-STRAY-SEGMENT"}),
    ),
}


def index() -> dict[str, dict[str, str]]:
    """Rows of the index that describe X12, by file name."""
    return sample_documents.index(DIRECTORY)


def files() -> list[str]:
    return sorted(index()) if (DIRECTORY / "index.csv").is_file() else ["(none)"]


def orders() -> list[str]:
    """Samples that hold 850s of release 004010, with or without a suffix."""
    chosen = [
        name for name in files() if re.match(r"850_004010|malformed_|810_004010_xlate|997_004010VICS", name)
    ]
    return chosen or ["(none)"]


@cache
def validate(name: str) -> dict[str, Any]:
    return gateway.validate(DIRECTORY / name, path=name)


def envelope(result: dict[str, Any], severity: str) -> set[str]:
    """Codes of the given weight that concern the envelope."""
    return {p["code"] for p in edi.problems(result, severity) if p["level"] in ENVELOPE}


def expected(name: str) -> tuple[set[str], set[str]]:
    """Envelope errors and warnings the index speaks of."""
    verdict = index()[name]["envelope_ok"]
    errors: set[str] = set()
    warnings: set[str] = set()
    if verdict.startswith(("no:", "warn:")):
        for reason in verdict.split(":", 1)[1].split(";"):
            for word, code in WORDS.items():
                if re.search(word, reason):
                    mild = "equal as numbers" in reason or code == "X12-GS-SET"
                    (warnings if mild else errors).add(code)
    return errors, warnings


@pytest.mark.parametrize("name", files())
def test_every_file_gets_a_verdict(name: str) -> None:
    result = validate(name)
    assert result["path"] == name
    assert result["verdict"] in {"accepted", "accepted_with_errors", "rejected", "unreadable"}
    errors, warnings = edi.codes(result, "error"), edi.codes(result, "warning")
    assert not errors or result["verdict"] != "accepted"
    assert errors or result["verdict"] in {"accepted", "accepted_with_errors"}
    assert errors or warnings or result["verdict"] == "accepted"
    json.dumps(result)
    for problem in result["problems"]:
        assert problem["message"]
        assert problem["location"]["offset"] is not None or problem["level"] == "file"
        if problem["level"] in {"segment", "element"}:
            assert problem["location"]["segment_id"] is not None
        if problem["ack"]["ak3"]:
            assert problem["location"]["segment"] >= 1


@pytest.mark.parametrize("name", files())
def test_no_transaction_set_is_lost(name: str) -> None:
    data = (DIRECTORY / name).read_bytes()
    assert len(edi.transaction_sets(validate(name))) >= edi.count_sets(data)


@pytest.mark.parametrize("name", files())
def test_the_index_counts_the_same_sets(name: str) -> None:
    """The count this suite relies on is held against the one of the index."""
    said = re.search(r"(\d+) transaction sets", index()[name]["note"])
    count = edi.count_sets((DIRECTORY / name).read_bytes())
    assert count == (int(said[1]) if said else count)


@pytest.mark.parametrize("name", files())
def test_envelope_agrees_with_the_index(name: str) -> None:
    result = validate(name)
    errors, warnings = expected(name)
    if name in DIFFERENCES:
        assert not errors & DIFFERENCES[name].more
        assert errors >= DIFFERENCES[name].less
        errors = (errors | DIFFERENCES[name].more) - DIFFERENCES[name].less
    assert envelope(result, "error") == errors
    if name not in DIFFERENCES:
        assert envelope(result, "warning") - {"X12-NO-GUIDE", "X12-CHARSET", "X12-WRAPPED"} == warnings


def test_differences_are_explained() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "envelope-verdicts.md"
    text = page.read_text(encoding="utf-8")
    assert set(DIFFERENCES) <= set(files())
    said = {name: difference.why for name, difference in DIFFERENCES.items()}
    rows = re.findall(r"^\| `(\S+)` \| (.+?) \|", text, re.MULTILINE)
    assert {f"{name}.edi": why for name, why in rows} == said


def test_files_that_are_not_x12_are_said_to_be_unreadable() -> None:
    """The EDIFACT samples are no X12."""
    with (DIRECTORY / "index.csv").open(newline="", encoding="utf-8") as rows:
        others = [row["file"] for row in csv.DictReader(rows) if not sample_documents.is_x12(row)]
    assert len(others) > 100
    verdicts = {name: gateway.validate(DIRECTORY / name)["verdict"] for name in others}
    assert {name for name, verdict in verdicts.items() if verdict != "unreadable"} == set()


# The command line


def test_one_call_with_all_files() -> None:
    paths = [DIRECTORY / name for name in files()]
    done = run("x12", "validate", "--json", *paths)
    assert done.returncode == 1
    said = json.loads(done.stdout)["files"]
    assert [entry["path"] for entry in said] == [str(path) for path in paths]
    assert [entry["verdict"] for entry in said] == [validate(path.name)["verdict"] for path in paths]


HANDFUL = [
    "850_004010_pypi-x12-doctor_20.edi",
    "850_004010_pypi-x12-doctor_8.edi",
    "850_004010_bots-edi-bots-plugins_9.edi",
    "997_004010VICS_bots-edi-bots-plugins_2.edi",
    "malformed_00401_ryanco-x12-parser_1.edi",
    "856_unknown_ansrizvi-umerco-flowservices-gitproject_1.edi",
    "ta1_00401_ediandxml-oboe_1.edi",
]


@pytest.mark.parametrize("name", HANDFUL)
def test_exit_code(name: str) -> None:
    done = run("x12", "validate", "--json", DIRECTORY / name)
    (entry,) = json.loads(done.stdout)["files"]
    assert entry == json.loads(json.dumps({**validate(name), "path": str(DIRECTORY / name)}))
    assert done.returncode == (0 if entry["verdict"] == "accepted" else 1)


@pytest.mark.parametrize("name", HANDFUL)
def test_readable_output(name: str) -> None:
    done = run("x12", "validate", DIRECTORY / name)
    assert done.returncode == (0 if validate(name)["verdict"] == "accepted" else 1)
    for problem in edi.problems(validate(name), "error")[:3]:
        assert problem["code"].encode() in done.stdout


# Sets to documents and back

#: Sets that come back as another set, and why.
OTHER_SETS = {"997_005010X231A1_query-farm-vgi-x12_1.edi": "a 997 whose GS08 names the guide of the 999"}


def sets(source: bytes | Path) -> list[TransactionSet]:
    """Transaction sets with their documents."""
    return [event for event in gateway.read(source) if isinstance(event, TransactionSet)]


def translated(name: str) -> list[tuple[TransactionSet, dict[str, Any]]]:
    """The sets of a sample that have a document, all with lawful identifiers in the envelope."""
    found = []
    for one in sets(DIRECTORY / name):
        if one.document is not None:
            ends = {end: {**one.document["control"].get(end, {}), "qualifier": "ZZ"} for end in ENDS}
            found.append((one, one.document | {"control": one.document["control"] | ends}))
    return found


def canonical(one: TransactionSet) -> list[str]:
    """Segments of a set between ST and SE with usual separators and without trailing empty elements."""
    marks = one.interchange.delimiters
    parts = [part.lstrip("\r\n\t ").rstrip("\r\n") for part in one.text.split(marks.terminator)]
    parts = [part.rstrip(marks.element).replace(marks.element, "*") for part in parts if part]
    if marks.component:
        parts = [part.replace(marks.component, ">") for part in parts]
    return [part for part in parts if not part.startswith(("ST*", "SE*"))]


@pytest.mark.parametrize("name", orders())
def test_orders_translate_or_are_rejected_with_reasons(name: str) -> None:
    for one in sets(DIRECTORY / name):
        errors = [p for p in one.problems if p.is_error]
        if one.set_id != "850" or one.group is None or one.group.version != "004010":
            continue
        assert one.guide
        assert (one.document is None) == bool(errors)
        assert (one.verdict.value == "rejected") == bool(errors)


@pytest.mark.parametrize("name", files())
def test_document_to_x12_and_back_is_the_identity(name: str) -> None:
    for _, document in translated(name):
        (again,) = sets(gateway.write(document))
        assert not [p for p in again.problems if p.is_error]
        assert again.document is not None
        assert _body(again.document) == _body(document)


@pytest.mark.parametrize("name", sorted(set(files()) - set(OTHER_SETS)))
def test_x12_to_document_and_back_is_the_identity(name: str) -> None:
    for one, document in translated(name):
        (again,) = sets(gateway.write(document))
        assert canonical(again) == canonical(one)


def _body(document: dict[str, Any]) -> dict[str, Any]:
    """A document without what the envelope gives it."""
    return {key: value for key, value in document.items() if key not in {"control", "test"}}


@pytest.mark.parametrize(
    ("set_id", "count", "documents"),
    [("810", 32, 25), ("850", 61, 40), ("855", 27, 20), ("865", 1, 1)],
)
def test_as_many_sets_translate_as_before(set_id: str, count: int, documents: int) -> None:
    """A change that rejects what was readable before is seen here; the others are at fault themselves."""
    names = [name for name in files() if re.match(rf"{set_id}_004010(_|VICS|X)|810_004010_xlate", name)]
    found = [one for name in names for one in sets(DIRECTORY / name) if one.set_id == set_id]
    assert len(found) >= count
    assert sum(one.document is not None for one in found) >= documents
