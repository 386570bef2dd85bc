"""Mistakes put into the shipped mappings, one at a time: the check names each at its field and line."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gateway import resources
from gateway.documents.fields import field_paths
from gateway.engine import library
from gateway.mapping.check import check_mapping
from gateway.x12.table import Table

MAPPINGS = [
    name
    for name in resources.listing("mappings/x12/004010", "*.yaml")
    if not name.endswith((".test.yaml", "TA1.yaml", "997.yaml"))  # their rules stand in objects
]
_RULE = re.compile(r"^  ([a-z_]+): ([A-Z][A-Z0-9]{1,2})(\d\d)$", re.MULTILINE)

Mistake = Callable[[str, str, str], str]

MISTAKES: dict[str, tuple[Mistake, str, str]] = {
    "unknown segment": (lambda field, _, number: f"  {field}: ZZZ{number}", "MAP-ADDRESS", "{field}"),
    "unknown element": (lambda field, segment, _: f"  {field}: {segment}77", "MAP-ELEMENT", "{field}"),
    "no address": (lambda field, segment, _: f"  {field}: {segment}", "MAP-RULE", "{field}"),
    "converter of another type": (
        lambda field, segment, number: f"  {field}: {segment}{number} | n2",
        "MAP-TYPE",
        "{field}",
    ),
    "unknown converter": (
        lambda field, segment, number: f"  {field}: {segment}{number} | cod(a=B)",
        "MAP-CONVERTER",
        "{field}",
    ),
    "misspelt field": (
        lambda field, segment, number: f"  {field}x: {segment}{number}",
        "MAP-FIELD-UNKNOWN",
        "{field}x",
    ),
    "element taken twice": (
        lambda field, segment, number: f"  {field}: {segment}{number}\n  {field}_2: {segment}{number}",
        "MAP-OVERLAP",
        "{field}_2",
    ),
    "field never read": (lambda *_: "", "MAP-FIELD-UNUSED", "{field}"),
    "field stated twice": (
        lambda field, segment, number: f"  {field}: {segment}{number}\n  {field}: {segment}{number}",
        "MAP-DUPLICATE",
        "{field}",
    ),
}


def table_of(guide: str) -> Table | None:
    _, release, set_id = guide.split("/")
    return library().table(release, set_id)


@pytest.mark.parametrize("name", MAPPINGS)
@pytest.mark.parametrize(("mistake", "code", "where"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_shipped_mapping_is_found(name: str, mistake: Mistake, code: str, where: str) -> None:
    text = resources.find(name).read_text("utf-8")
    rules = _RULE.search(text, text.index("\nfields:"))
    assert rules is not None
    spoiled = text[: rules.start()] + mistake(*rules.groups()) + text[rules.end() :]
    found = check_mapping(spoiled, table_of, field_paths, library().mapping_file)
    field = where.format(field=rules[1])
    hits = [problem for problem in found if (problem.code, problem.location.pointer) == (code, field)]
    if not hits and code == "MAP-FIELD-UNUSED":  # a block has another rule for the field
        hits = [problem for problem in found if problem.is_error and problem.location.pointer == field]
    assert hits, [(problem.code, problem.location.pointer) for problem in found if problem.severity != "info"]
    if mistake(*rules.groups()):
        assert hits[0].location.line is not None
        assert field in spoiled.splitlines()[hits[0].location.line - 1]


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_mandatory_element_that_nothing_writes_is_found(name: str) -> None:
    text = resources.find(name).read_text("utf-8")
    guide = re.search(r"^guide: (\S+)", text, re.MULTILINE)
    assert guide is not None
    table = table_of(guide[1])
    assert table is not None
    begins = table.positions[1].id
    spoiled = re.sub(rf"^  [a-z_.]+: {begins}\d\d.*\n", "", text, flags=re.MULTILINE)
    codes = {problem.code for problem in check_mapping(spoiled, table_of, None, library().mapping_file)}
    assert "MAP-REQUIRED" in codes
