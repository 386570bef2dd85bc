from __future__ import annotations

import pytest

from gateway import resources
from gateway.documents.fields import field_paths
from gateway.engine import library
from gateway.errors import Fault, Problem
from gateway.mapping.check import check_mapping, check_shared
from gateway.mapping.model import parse_mapping
from gateway.mapping.problems import CATALOGUE
from gateway.x12.table import Table

HEAD = "mapping: purchase_order\nguide: x12/004010/850\nfields:\n"
BEG = """\
  purpose: BEG01 | code(original=00)
  po_type: BEG02
  po_number: BEG03
  ordered_at: BEG05 | date
"""
LINES = """\
  lines[]:
    each: PO1
    quantity.value: PO102 | decimal
    quantity.uom: PO103
    unit_price.amount: PO104 | decimal
"""
SMALL = HEAD + BEG + LINES


def table_of(guide: str) -> Table | None:
    kind, release, set_id = guide.split("/")
    return library().table(release, set_id) if kind == "x12" else None


def check(text: str | bytes, fields: frozenset[str] | None = None) -> list[Problem]:
    return check_mapping(text, table_of, None if fields is None else lambda _: fields)


def told(text: str | bytes, fields: frozenset[str] | None = None) -> set[tuple[str, str | None]]:
    return {(p.code, p.location.pointer) for p in check(text, fields) if p.severity != "info"}


def test_a_small_mapping_is_clean() -> None:
    assert told(SMALL) == set()


MISTAKES = {
    "unknown segment": ("  x: BEH03\n", "MAP-ADDRESS", "x"),
    "segment of a loop addressed from outside": ("  x: N301\n", "MAP-ADDRESS", "x"),
    "unknown element": ("  x: BEG33\n", "MAP-ELEMENT", "x"),
    "unknown component": ("  x: BEG04.2\n", "MAP-ELEMENT", "x"),
    "unknown element in a condition": ("  x: REF[REF09=CR]/REF02\n", "MAP-ELEMENT", "x"),
    "no address": ("  x: beg03\n", "MAP-RULE", "x"),
    "no text": ("  x: 7\n", "MAP-RULE", "x"),
    "bad field name": ("  X y: BEG04\n", "MAP-RULE", "X y"),
    "list without each": ("  x[]: {a: REF01}\n", "MAP-RULE", "x[]"),
    "two elements for one": ("  x: BEG04,BEG06 | date\n", "MAP-RULE", "x"),
    "unknown converter": ("  x: BEG04 | dat\n", "MAP-CONVERTER", "x"),
    "converter with a bad argument": ("  x: BEG04 | code(a)\n", "MAP-CONVERTER", "x"),
    "date on AN": ("  x: BEG04 | date\n", "MAP-TYPE", "x"),
    "decimal on ID": ("  x: BEG07 | decimal\n", "MAP-TYPE", "x"),
    "n2 on R": ("  x: ITD03 | n2\n", "MAP-TYPE", "x"),
    "decimal on N2": ("  x: ITD08 | decimal\n", "MAP-TYPE", "x"),
    "int on R": ("  x: ITD03 | int\n", "MAP-TYPE", "x"),
    "code on a date": ("  x: ITD04 | code(a=20200101)\n", "MAP-TYPE", "x"),
    "pairs that begin with the value": (
        "  x[]: {each: PER, f: PER01, n: PER04.. | pairs(a=TE)}\n",
        "MAP-TYPE",
        "x[].n",
    ),
    "composite as text": ("  x[]: {each: MEA, u: MEA04}\n", "MAP-TYPE", "x[].u"),
    "unlisted code": ("  x: BEG07 | code(detail=QQ)\n", "MAP-CODE", "x"),
    "code that is too long": ("  x: REF[REF01=CR]/REF03 | code(a=" + "X" * 90 + ")\n", "MAP-CODE", "x"),
    "unlisted qualifier of pairs": (
        "  x[]: {each: PER, f: PER01, n: PER03.. | pairs(phone=Q0)}\n",
        "MAP-CODE",
        "x[].n",
    ),
    "condition that cannot hold": ("  x: REF[REF01=Q?]/REF02\n", "MAP-CONDITION", "x"),
    "condition that a mandatory element is empty": ("  x: REF[REF01=]/REF02\n", "MAP-CONDITION", "x"),
    "conditions that contradict": ("  x: REF[REF01=CR,REF01=PD]/REF02\n", "MAP-CONDITION", "x"),
    "mandatory element without rule": ("  x: REF02\n", "MAP-REQUIRED", "x"),
    "mandatory element of a loop without rule": ("  x[]: {each: N1, a: N102}\n", "MAP-REQUIRED", "x[]"),
    "half of a pair": ("  x[]: {each: N1, r: N101, n: N102, i: N104}\n", "MAP-RELATION", "x[]"),
    "element taken twice": ("  x: BEG03\n", "MAP-OVERLAP", "x"),
    "element taken by an open range too": (
        "  x[]: {each: PER, f: PER01, n: PER03.. | pairs(phone=TE), e: PER04}\n",
        "MAP-OVERLAP",
        "x[].e",
    ),
    "element that a condition fixes": (
        "  x[]: {each: 'REF[REF01=CR]', t: REF01, v: REF02}\n",
        "MAP-OVERLAP",
        "x[].t",
    ),
    "list after a list": (
        "  a[]: {each: REF, t: REF01, v: REF02}\n  x[]: {each: REF, t: REF01, v: REF02}\n",
        "MAP-UNREACHABLE",
        "x[]",
    ),
    "more conditions after fewer": (
        "  a[]: {each: 'REF[REF01=CR]', v: REF02}\n  x: REF[REF01=CR,REF03=Y]/REF02\n",
        "MAP-UNREACHABLE",
        "x",
    ),
    "single segment taken twice": (
        "  a: CUR[CUR01=BY]/CUR02\n  x[]: {each: 'CUR[CUR01=BY]', c: CUR02}\n",
        "MAP-UNREACHABLE",
        "x[]",
    ),
    "rules inside a segment": ("  x[]: {each: REF, t: REF01, v: REF02, n: N102}\n", "MAP-NO-LOOP", "x[]"),
    "field twice": ("  po_number: BEG04\n", "MAP-DUPLICATE", "po_number"),
    "field and object of one name": ("  po_number.x: BEG04\n", "MAP-DUPLICATE", "po_number.x"),
    "field and list of one name": (
        "  po_type[]: {each: MAN, t: MAN01, v: MAN02}\n",
        "MAP-DUPLICATE",
        "po_type[]",
    ),
    "copy of nothing": ("  o.a: BEG04\n  o.x: =currency\n", "MAP-COPY", "o.x"),
    "copy without neighbour": ("  x.y: =po_number\n", "MAP-COPY", "x.y"),
}


@pytest.mark.parametrize(("rule", "code", "field"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found(rule: str, code: str, field: str) -> None:
    text = HEAD + BEG + rule + LINES
    found = [p for p in check(text) if (p.code, p.location.pointer) == (code, field)]
    assert found, told(text)
    key = field.rpartition(".")[2] if "{" in rule else field
    line = found[0].location.line
    assert line is not None
    assert key in text.splitlines()[line - 1]
    assert found[0].fault is Fault.CONFIGURATION


COUNTS = {
    "no count": "computed: {total: sum(lines)}\n",
    "no field": "computed: {total: count(lines)}\n",
    "no number": "computed: {po_number: count(lines)}\n",
}


@pytest.mark.parametrize("computed", COUNTS.values(), ids=COUNTS)
def test_a_computed_field_needs_a_rule_and_a_list(computed: str) -> None:
    assert {code for code, _ in told(SMALL + computed)} == {"MAP-COUNT"}


def test_a_computed_field_needs_a_list_that_is_there() -> None:
    text = HEAD + BEG + LINES + "  n: CTT/CTT01 | int\ncomputed: {n: count(line)}\n"
    (found,) = [p for p in check(text) if p.is_error]
    assert found.code == "MAP-COUNT"
    assert "did you mean lines?" in found.message


FILES = {
    "no yaml": (b"mapping: [", "MAP-YAML"),
    "a tab": (b"mapping: x\n\tguide: y\n", "MAP-YAML"),
    "a list": (b"- a\n", "MAP-YAML"),
    "empty": (b"", "MAP-YAML"),
    "no text": (b"\xff\xfe\x00", "MAP-YAML"),
    "unknown key": (SMALL.encode() + b"computd: {}\n", "MAP-KEY"),
    "no guide": (SMALL.encode().replace(b"guide: x12/004010/850\n", b""), "MAP-KEY-MISSING"),
    "unknown guide": (SMALL.encode().replace(b"/850", b"/851"), "MAP-NO-GUIDE"),
    "keys that are no text": (b"? [a]\n: b\n", "MAP-KEY"),
    "a date that is none": (SMALL.encode() + b"computed: 2020-13-45\n", "MAP-RULE"),
    "fields are a list": (b"mapping: a\nguide: x12/004010/850\nfields: [a]\n", "MAP-RULE"),
    "many aliases": (b"a: &a {x: y}\n" + b"".join(
        b"%c: &%c {%s}\n" % (98 + i, 98 + i, b",".join(b"x%d: *%c" % (n, 97 + i) for n in range(9)))
        for i in range(9)
    ), "MAP-YAML"),
    "an alias of itself": (b"a: &a {b: *a}\n", "MAP-YAML"),
    "brackets nested deeply": (b"a: " + b"[" * 100_000, "MAP-YAML"),
    "lists nested deeply": (b"a:\n" + b"- " * 100_000, "MAP-YAML"),
    "objects nested deeply": (b"\n".join(b" " * n + b"a:" for n in range(1_000)), "MAP-YAML"),
    "keys nested deeply": (b"? " * 100_000, "MAP-YAML"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code"), FILES.values(), ids=FILES)
def test_a_broken_file_is_told_and_never_raises(text: bytes, code: str) -> None:
    assert code in {found for found, _ in told(text)}


def test_an_unknown_key_names_the_nearest() -> None:
    (found,) = check(SMALL + "computd: {}\n")[-1:]
    assert "did you mean computed?" in found.message
    assert found.location.line == len(SMALL.splitlines()) + 1


def test_a_mandatory_segment_without_rule_is_found() -> None:
    assert ("MAP-REQUIRED", "fields") in told(HEAD + LINES)
    assert ("MAP-REQUIRED", "fields") in told(HEAD + BEG)


def test_a_field_the_document_does_not_have() -> None:
    fields = frozenset({"po_number", "po_type", "purpose", "ordered_at", "lines[]", "lines[].quantity.value"})
    text = SMALL.replace("po_number", "po_nummer")
    assert told(text, fields) >= {
        ("MAP-FIELD-UNKNOWN", "po_nummer"),
        ("MAP-FIELD-UNUSED", "po_number"),
        ("MAP-FIELD-UNKNOWN", "lines[].quantity.uom"),
    }
    (found,) = [p for p in check(text, fields) if p.location.pointer == "po_nummer"]
    assert "did you mean po_number?" in found.message


def test_of_a_missing_list_only_the_list_is_named() -> None:
    fields = frozenset(
        {"po_number", "po_type", "purpose", "ordered_at", "lines[]", "parties[]", "parties[].role"}
    )
    unused = {field for code, field in told(SMALL, fields) if code == "MAP-FIELD-UNUSED"}
    assert unused == {"parties[]"}


def test_a_field_without_a_place_in_the_set_may_be_said_to_have_none() -> None:
    fields = frozenset(
        {"po_number", "po_type", "purpose", "ordered_at", "terms.type", "notes[]", "notes[].type"}
    )
    stated = SMALL + "  terms: ~\n  notes[]: ~\n"
    assert not {code for code, _ in told(stated, fields)} & {"MAP-FIELD-UNUSED", "MAP-RULE"}
    assert ("MAP-FIELD-UNKNOWN", "note[]") in told(stated + "  note[]: ~\n", fields)


def test_an_unknown_document_type_is_a_warning() -> None:
    found = check_mapping(SMALL, table_of, lambda _: None)
    assert [p.code for p in found] == ["MAP-NO-MODEL"]


KINDS = {
    "text for a whole number": ("po_number: BEG03", "integer"),
    "decimal for a whole number": ("days: ITD03 | decimal", "integer"),
    "whole number for a text": ("days: ITD07 | int", "string"),
    "text for a decimal": ("po_number: BEG03", "decimal"),
    "code for a boolean": ("po_number: BEG03 | code(yes=Y)", "boolean"),
    "date and time for a date": ("due: DTM/DTM02,DTM03 | datetime", "date"),
    "list of texts for decimals": ("marks[]: {each: MAN, value: MAN02}", "decimal"),
}


@pytest.mark.parametrize(("rule", "wanted"), KINDS.values(), ids=KINDS)
def test_a_converter_that_gives_another_kind_than_the_document_has(rule: str, wanted: str) -> None:
    name = rule.partition(":")[0]
    text = HEAD + f"  {rule}\n"
    for fields, hit in (({name: wanted}, True), ({name: "object"}, False)):
        problems = check_mapping(text, table_of, {"purchase_order": fields}.get)
        found = [(p.location.pointer, p.location.line) for p in problems if p.code == "MAP-KIND"]
        assert found == [(name, 4)] * hit


def test_a_date_stands_where_a_date_and_time_may() -> None:
    text = HEAD + "  due: BEG05 | date\n"
    assert not {"MAP-KIND"} & {p.code for p in check_mapping(text, table_of, lambda _: {"due": "datetime"})}


def test_blocks_and_code_tables_that_nothing_names_are_told() -> None:
    own = "codes:\n  a: {x: 01}\n  b: {x: 01}\nblocks:\n  c: {u: MSG01}\n  d: {v: REF02}\n"
    text = own + SMALL.replace("BEG02", "BEG02 | code(@a)") + "  e[]: {each: REF, t: REF01, use: d}\n"
    found = [(p.value, p.location.line) for p in check(text) if p.code == "MAP-UNUSED"]
    assert found == [("b", 3), ("c", 5)]


def test_what_a_converter_loses_is_named() -> None:
    (found,) = check(HEAD + BEG + LINES + "  days: ITD07 | int\n")
    assert (found.code, found.severity, found.location.pointer) == ("MAP-LOSSY", "info", "days")
    assert "leading zeros" in found.message


def test_all_mistakes_of_a_file_are_found_at_once_in_its_order() -> None:
    text = HEAD + BEG + "  a: BEG33\n  b: ITD03 | n2\n  c: QQQ01\n" + LINES
    found = [(p.code, p.location.line) for p in check(text) if p.is_error]
    assert found == [("MAP-ELEMENT", 8), ("MAP-TYPE", 9), ("MAP-ADDRESS", 10)]


SHARED = b"""\
codes:
  a: {x: 01, y: 01}
  b: {x: 1}
blocks:
  r: {each: REF, t: REF01 | code(@c), v: REF02}
  q:
    each: QTY
    a: QTY1
    u: QTY01 | dat
other: 1
"""


def test_the_file_of_shared_blocks_is_checked_by_itself() -> None:
    found = [(p.code, p.location.line) for p in check_shared(SHARED)]
    assert found == [
        ("MAP-CONVERTER", 2),
        ("MAP-MISSING", 5),
        ("MAP-RULE", 8),
        ("MAP-CONVERTER", 9),
        ("MAP-KEY", 10),
    ]
    assert [p.code for p in check_shared(b"blocks: [")] == ["MAP-YAML"]
    assert check_shared(resources.find("mappings/x12/blocks.yaml").read_bytes()) == []


SHIPPED = [
    name
    for folder in ("mappings/x12", "mappings/sp_api", "mappings/partners")
    for name in resources.listing(folder, "*.yaml")
    if not name.endswith(("/blocks.yaml", ".test.yaml"))
]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_mappings_are_clean(name: str) -> None:
    text, load = resources.find(name).read_bytes(), library().mapping_file
    found = check_mapping(text, table_of, field_paths, load, library().body_plan)
    # What a body that only comes in says beside, and the number of a carton, which follows from the tree.
    told = {p.message for p in found if p.severity != "info" and p.code != "MAP-REQUIRED"}
    assert told == set()
    assert not any(p.is_error for p in found)
    assert parse_mapping(text, name, load).rules


def test_every_problem_has_an_explanation_and_a_hint() -> None:
    for code, kind in CATALOGUE.items():
        assert code.startswith(("MAP-", "BODY-"))
        assert kind.explanation.endswith(".")
        assert kind.hint


# --- JSON bodies ------------------------------------------------------------------------------------------

BODY = """\
mapping: purchase_order_acknowledgment
guide: sp_api/orders/OrderAcknowledgement
fields:
  po_number: purchaseOrderNumber
  purpose: '="original"'
  acknowledged_at: acknowledgementDate | date
  parties[]: {each: sellingParty, role: "@ | enum(seller=sellingParty)", id: partyId}
  lines[]:
    each: items
    line_no: itemSequenceNumber
    quantity_ordered: {value: orderedQuantity.amount | decimal}
    unit_price: {amount: netCost.amount | decimal, currency: netCost.currencyCode = currency}
    responses[]:
      each: itemAcknowledgements
      code: acknowledgementCode | code(accepted=Accepted)
      quantity: {value: acknowledgedQuantity.amount | decimal}
  currency: =lines.unit_price.currency
  ack_type: '=lines.responses.code = "changed"'
"""


def body_problems(text: str) -> list[tuple[str, int | None]]:
    found = check_mapping(text, table_of, field_paths, library().mapping_file, library().body_plan)
    return [(problem.code, problem.location.line) for problem in found]


def test_a_body_mapping_is_clean() -> None:
    assert body_problems(BODY) == []


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("sp_api/orders/OrderAcknowledgement", "sp_api/orders/Nothing", ("MAP-NO-GUIDE", 2)),
        ("sp_api/orders/OrderAcknowledgement", "sp_api/nothing/Order", ("MAP-NO-GUIDE", 2)),
        ("po_number: purchaseOrderNumber", "po_number: purchaseOrdrNumber", ("MAP-MEMBER", 4)),
        ("orderedQuantity.amount | decimal", "orderedQuantity.amounts | decimal", ("MAP-MEMBER", 11)),
        ("acknowledgementDate | date", "acknowledgementDate | decimal", ("MAP-TYPE", 6)),
        ("code(accepted=Accepted)", "code(accepted=Acepted)", ("MAP-CODE", 15)),
        ("line_no: itemSequenceNumber", "line_number: itemSequenceNumber", ("MAP-FIELD-UNKNOWN", 10)),
        ("line_no: itemSequenceNumber", "line_no: orderedQuantity.amount", ("MAP-OVERLAP", 11)),
        ("line_no: itemSequenceNumber", "line_no: item SequenceNumber", ("MAP-RULE", 10)),
        ("each: itemAcknowledgements", "each: itemAcknowledgements[x=]", ("MAP-RULE", 13)),
        ("each: itemAcknowledgements", "each: itemAcknowledgements[kind=x]", ("MAP-MEMBER", 13)),
        ("acknowledgementDate | date", "acknowledgementDate | shortdate", ("MAP-CONVERTER", 6)),
        ("=lines.unit_price.currency", "=lines.unit_price.curency", ("MAP-COPY", 17)),
        ("  po_number: purchaseOrderNumber\n", "", ("MAP-REQUIRED", 3)),
    ],
)
def test_mistakes_of_body_mappings(before: str, after: str, found: tuple[str, int]) -> None:
    assert before in BODY
    assert found in body_problems(BODY.replace(before, after))
