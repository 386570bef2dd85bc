"""Mappings that extend another one and use shared blocks and code tables."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import MappingError, NotFoundError
from gateway.mapping.model import Copy, Field, Repeated, parse_mapping

SHARED = """\
codes:
  roles: {buyer: BY, seller: SE}
  numbers: {one: 01, yes: NO}
blocks:
  references: {each: REF, type: "REF01 | code(@numbers)", value: REF02}
  address: {city: N401, state: N402}
  parties:
    each: N1
    role: N101 | code(@roles)
    address: $address
"""
BASE = """\
mapping: purchase_order
guide: x12/004010/850
fields:
  po_number: BEG03
  currency: CUR02
  references[]: $references
  parties[]:
    use: parties
    references[]: $references
  total: {value: AMT02 | decimal, currency: =currency}
"""
FILES = {"x12/blocks": SHARED, "x12/004010/850": BASE}


def load(name: str) -> bytes:
    if name not in FILES:
        raise NotFoundError(f"{name} was not found")
    return FILES[name].encode()


def stated(text: str) -> dict[str, Any]:
    """The fields of a mapping, each with its address and code table."""
    found: dict[str, Any] = {}

    def walk(rules: tuple[Any, ...], prefix: str) -> None:
        for rule in rules:
            name = prefix + ".".join(rule.path)
            if isinstance(rule, Repeated):
                found[f"{name}[]"] = rule.each.text
                walk(rule.rules, f"{name}[].")
            elif isinstance(rule, Copy):
                found[name] = f"={'.'.join(rule.source)}"
            elif isinstance(rule, Field):
                found[name] = (rule.address.text, rule.converter.table)

    walk(parse_mapping(text, load=load).rules, "")
    return found


def test_blocks_and_code_tables_are_put_in() -> None:
    assert stated(BASE) == {
        "po_number": ("BEG03", {}),
        "currency": ("CUR02", {}),
        "references[]": "REF",
        "references[].type": ("REF01", {"01": "one", "NO": "yes"}),
        "references[].value": ("REF02", {}),
        "parties[]": "N1",
        "parties[].role": ("N101", {"BY": "buyer", "SE": "seller"}),
        "parties[].address.city": ("N401", {}),
        "parties[].address.state": ("N402", {}),
        "parties[].references[]": "REF",
        "parties[].references[].type": ("REF01", {"01": "one", "NO": "yes"}),
        "parties[].references[].value": ("REF02", {}),
        "total.value": ("AMT02", {}),
        "total.currency": "=currency",
    }


def test_a_mapping_that_extends_another_states_only_what_differs() -> None:
    over = """\
extends: x12/004010/850
guide: x12/005010/850
codes:
  roles: {factor: FA, purchaser: BY}
fields:
  po_number: BEG06
  currency: ~
  vendor: REF[REF01=IA]/REF02
  parties[]:
    address.state: ~
    references[]: ~
"""
    mapping = parse_mapping(over, load=load)
    assert (mapping.document_type, mapping.guide) == ("purchase_order", "x12/005010/850")
    found, before = stated(over), stated(BASE)
    assert found["po_number"][0] == "BEG06"
    assert found["vendor"][0] == "REF[REF01=IA]/REF02"
    assert before.keys() - found.keys() == {
        "currency",
        "parties[].address.state",
        "parties[].references[]",
        "parties[].references[].type",
        "parties[].references[].value",
    }
    # A code table of the mapping serves the rules of its base as well.
    assert found["parties[].role"][1] == {"BY": "purchaser", "SE": "seller", "FA": "factor"}


def test_what_a_mapping_takes_out_may_come_back() -> None:
    first = "extends: x12/004010/850\nfields:\n  total: ~\n  parties[]:\n    references[]: ~\n"
    assert parse_mapping(first, load=load).absent == {"total", "parties[].references[]"}
    assert stated(BASE).keys() - stated(first).keys() >= {"total.value", "total.currency"}
    FILES["x12/less"] = first
    second = "extends: x12/less\nfields:\n  parties[]:\n    references[]: $references\n"
    assert parse_mapping(second, load=load).absent == {"total"}
    assert "parties[].references[].type" in stated(second)


def test_a_block_may_use_another() -> None:
    text = (
        "blocks:\n  shipper: {use: parties, id: ~}\n"
        + BASE
        + "  shippers[]: {use: shipper, name: N102 | int}\n"
    )
    (rule,) = [rule for rule in parse_mapping(text, load=load).rules if rule.path == ("shippers",)]
    assert isinstance(rule, Repeated)
    inner = {rule.path: rule for rule in rule.rules}
    assert ("role",) in inner
    assert ("id",) not in inner
    assert inner["name",].converter.name == "int"  # type: ignore[union-attr]


def test_a_range_of_elements() -> None:
    text = BASE + "  shares: SDQ03..SDQ06 | records(location, quantity)\n"
    (rule,) = [rule for rule in parse_mapping(text, load=load).rules if rule.path == ("shares",)]
    assert isinstance(rule, Field)
    assert rule.address.elements == ((3, 0), (4, 0), (5, 0), (6, 0))


def test_lines_are_those_of_the_file_itself() -> None:
    mapping = parse_mapping("extends: x12/004010/850\nfields:\n  po_number: BEG06\n", load=load)
    assert mapping.lines["po_number"] == 3
    assert "references[]" not in mapping.lines
    assert parse_mapping(BASE, load=load).lines["references[].type"] == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fields:\n  x[]: $refrences\n", "x[]: there is no block 'refrences'; did you mean references?"),
        ("fields:\n  x[]: {use: nothing}\n", "x[].: there is no block 'nothing'"),
        ("fields:\n  x: REF01 | code(@role)\n", "x: there is no code table @role; did you mean roles?"),
        ("extends: x12/004010/851\nfields: {}\n", "x12/004010/851 was not found"),
        ("extends: x12/loop\nfields: {}\n", "it extends cannot be had"),
        ("blocks:\n  a: {b: $a}\nfields:\n  x: $a\n", "nested too deeply"),
        ("blocks:\n  a: {use: a}\nfields:\n  x[]: {use: a, y: X01}\n", "nested too deeply"),
        (
            "blocks:\n  a: {b: X01, c: X02}\n" + "".join(f"  {x}: {{l: ${y}, r: ${y}}}\n" for x, y in
            zip("bcdefghijklmnopqrstu", "abcdefghijklmnopqrst")) + "fields:\n  x: $u\n",
            "too many values",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_put_in_is_told(text: str, words: str) -> None:
    FILES["x12/loop"] = "extends: x12/loop\n"
    with pytest.raises(MappingError) as caught:
        parse_mapping("mapping: purchase_order\nguide: x12/004010/850\n" + text, load=load)
    assert words in str(caught.value)


def test_a_rule_stated_over_a_block_replaces_its_code_table() -> None:
    found = stated(BASE.replace("use: parties", "use: parties\n    role: N101 | code(@roles, factor=FA)"))
    assert found["parties[].role"][1]["FA"] == "factor"


def test_a_constant_stands_at_the_root_and_nowhere_in_the_set() -> None:
    mapping = parse_mapping(BASE.replace("currency: CUR02", "currency: '=\"USD\"'"), load=load)
    assert mapping.constants == {("currency",): "USD"}
    assert "currency" not in {".".join(rule.path) for rule in mapping.rules}
    with pytest.raises(MappingError, match="a constant stands at the root"):
        parse_mapping(BASE.replace("    use: parties", "    use: parties\n    name: '=\"X\"'"), load=load)
