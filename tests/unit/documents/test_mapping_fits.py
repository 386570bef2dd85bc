"""Mappings and models state the same fields, of the same kinds, and codes that the guides know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.documents import model_for
from gateway.documents.common import OURS, Document, OpenKeys
from gateway.engine import library
from gateway.mapping.model import Copy, Mapping, Rule, parse_mapping
from gateway.mapping.model import Repeated as RepeatedRule

ROOT = Path(__file__).resolve().parents[3]
MAPPINGS = sorted(
    path for path in (ROOT / "mappings" / "x12").glob("*/*.yaml") if not path.name.endswith(".test.yaml")
)
ENVELOPE = set(Document.model_fields)


class Value(NamedTuple):
    """What a rule gives to one field: the converter's kind, ``list`` for a list of objects."""

    kind: str


class Place(NamedTuple):
    """A field of a model."""

    field: FieldInfo
    open_keys: bool = False


def mapped(rules: tuple[Rule, ...], where: str = "") -> Iterator[tuple[str, Value]]:
    """Paths of a mapping, such as ``parties[].address.city``."""
    for rule in rules:
        path = where + ".".join(rule.path)
        if isinstance(rule, RepeatedRule):
            yield f"{path}[]", Value("list" if rule.scalar is None else "text")
            yield from mapped(rule.rules, f"{path}[].")
        elif isinstance(rule, Copy):
            yield path, Value("text")
        elif rule.converter.name == "records":
            yield f"{path}[]", Value("list")
            yield from ((f"{path}[].{key}", Value("text")) for key in rule.converter.keys)
        elif rule.converter.name == "pairs":
            yield path, Value("pairs")
            yield from ((f"{path}.{key}", Value("text")) for key in rule.converter.table.values())
        else:
            yield path + ("[]" if rule.converter.name == "list" else ""), Value(rule.converter.name)


def inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(inner_model, get_args(annotation))), None)


def is_list(annotation: object) -> bool:
    return get_origin(annotation) is tuple or any(map(is_list, get_args(annotation)))


def modelled(
    model: type[BaseModel], where: str = "", around: tuple[type[BaseModel], ...] = ()
) -> Iterator[tuple[str, Place]]:
    """Paths of a model in the same form, without envelope, extensions and what is ours.

    Objects that may hold each other, the levels of a shipment, are followed once: nesting is no mapping's.
    """
    for name, field in model.model_fields.items():
        inner = inner_model(field.annotation)
        if name == "extensions" or name.startswith(OURS) or (not where and name in ENVELOPE):
            continue
        if inner in around:
            continue
        path = where + name + ("[]" if is_list(field.annotation) else "")
        is_open = inner is not None and issubclass(inner, OpenKeys)
        if inner is None or path.endswith("[]") or is_open:
            yield path, Place(field, is_open)
        if inner is not None:
            yield from modelled(inner, f"{path}.", (*around, inner))


@cache
def mapping_of(path: Path) -> Mapping:
    files = library()
    return parse_mapping(path.read_bytes(), path.name, files.mapping_file)


@cache
def values(path: Path) -> dict[str, Value]:
    return dict(mapped(mapping_of(path).rules))


@cache
def fields(path: Path) -> dict[str, Place]:
    """The fields of the document that have a place in the set."""
    mapping = mapping_of(path)
    absent = tuple(part for name in mapping.absent for part in (f"{name}.", f"{name}[]"))
    found = modelled(model_for(mapping.document_type))
    return {name: place for name, place in found if not f"{name}.".startswith(absent)}


pytestmark = pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.relative_to(ROOT).as_posix())


def test_mapping_and_model_have_the_same_fields(path: Path) -> None:
    assert sorted(values(path).keys() - fields(path).keys()) == []
    assert sorted(fields(path).keys() - values(path).keys()) == []


def test_every_kind_of_value_fits_its_converter(path: Path) -> None:
    wanted = {"bool": "bool", "int": "int"}
    for name, value in values(path).items():
        if value.kind in ("list", "pairs"):
            continue
        annotation = str(fields(path)[name].field.annotation)
        kinds = {kind for kind in ("bool", "int", "str") if re.search(rf"\b{kind}\b", annotation)}
        assert kinds == {wanted.get(value.kind, "str")}, name


def test_an_open_object_is_one_of_pairs(path: Path) -> None:
    pairs = {name for name, value in values(path).items() if value.kind == "pairs"}
    assert pairs == {name for name, place in fields(path).items() if place.open_keys}


def test_every_code_of_a_mapping_is_lawful_in_its_guide(path: Path) -> None:
    plan = library().plan(path.parent.name, path.stem)
    assert plan is not None
    strange = set()
    for scope in plan.scopes:
        for index, cases in scope.cases.items():
            elements = plan.table.positions[index].segment.elements
            for case in cases:
                wanted = [(c.element, c.component, c.value) for c in case.conditions if c.value]
                for take in case.takes:
                    qualifiers = take.converter.table if take.converter.name != "list" else ()
                    wanted += [(*take.sources[0], code) for code in qualifiers]
                for number, component, code in wanted:
                    element = elements[number - 1]
                    element = element.components[component - 1] if component else element
                    known = element.codes.codes if element.codes is not None else None
                    if (known is None and element.type == "ID") or (known is not None and code not in known):
                        strange.add((element.ref, code))
    assert strange == set()
