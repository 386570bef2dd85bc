"""Mapping and model of a document type state the same fields, codes and X12 addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.documents import model_for
from gateway.documents.common import Document, OpenKeys
from gateway.engine import library

ROOT = Path(__file__).resolve().parents[3]
MAPPINGS = sorted((ROOT / "mappings" / "x12").rglob("*.yaml"))
ENVELOPE = set(Document.model_fields)

Fields = dict[str, Any]


class Rule(NamedTuple):
    """One line of a mapping."""

    address: str
    names: tuple[str, ...]
    kind: str


def mapped(fields: dict[str, Any], where: str = "") -> Iterator[tuple[str, Rule]]:
    """Paths of a mapping, ``parties[].address.city``, with their rules."""
    for name, value in fields.items():
        path = where + name
        if not isinstance(value, dict):
            yield from leaves(path, str(value))
        elif set(value) == {"each", "value"}:
            yield path, Rule(str(value["value"]), (), "text")
        else:
            yield path, Rule(str(value["each"]), (), "list")
            yield from mapped({key: item for key, item in value.items() if key != "each"}, f"{path}.")


def leaves(path: str, text: str) -> Iterator[tuple[str, Rule]]:
    address, _, convert = (part.strip() for part in text.partition("|"))
    kind, _, inside = convert.rstrip(")").partition("(")
    words = [word.strip() for word in inside.split(",") if word.strip()]
    names = tuple(word.partition("=")[0].strip() for word in words)
    if kind == "records":
        yield f"{path}[]", Rule(address, (), "list")
        for name in names:
            yield f"{path}[].{name}", Rule(address, (), "text")
    elif kind == "pairs":
        for name in names:
            yield f"{path}.{name}", Rule(address, (), "text")
    elif kind == "list":
        yield f"{path}[]", Rule(address, (), "text")
    else:
        yield path, Rule(address, names if kind == "code" else (), kind or "text")


def inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(inner_model, get_args(annotation))), None)


def is_list(annotation: object) -> bool:
    return get_origin(annotation) is tuple or any(map(is_list, get_args(annotation)))


def modelled(model: type[BaseModel], where: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Paths of a model in the same form, without envelope and extensions."""
    for name, field in model.model_fields.items():
        if name == "extensions" or (not where and name in ENVELOPE):
            continue
        path = where + name + ("[]" if is_list(field.annotation) else "")
        inner = inner_model(field.annotation)
        if inner is None or path.endswith("[]"):
            yield path, field
        if inner is not None:
            yield from modelled(inner, f"{path}.")


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


pytestmark = pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.relative_to(ROOT).as_posix())


def test_mapping_and_model_have_the_same_fields(path: Path) -> None:
    mapping = load(path)
    rules = dict(mapped(mapping["fields"]))
    fields = dict(modelled(model_for(mapping["mapping"])))
    assert sorted(set(rules) - set(fields)) == []
    assert sorted(set(fields) - set(rules)) == []


def test_mapping_and_model_know_the_same_codes(path: Path) -> None:
    mapping = load(path)
    fields = dict(modelled(model_for(mapping["mapping"])))
    for name, rule in mapped(mapping["fields"]):
        extra = fields[name].json_schema_extra
        known = extra.get("x-known-values", []) if isinstance(extra, dict) else []
        assert isinstance(known, list)
        assert sorted(map(str, known)) == sorted(rule.names), name


def test_the_model_names_the_address_of_the_mapping(path: Path) -> None:
    mapping = load(path)
    fields = dict(modelled(model_for(mapping["mapping"])))
    for name, rule in mapped(mapping["fields"]):
        extra = fields[name].json_schema_extra
        stated = str(extra.get("x-x12", "")) if isinstance(extra, dict) else ""
        if not stated or rule.kind == "list":
            continue
        written = re.match(r"[A-Z0-9]{2,3}\d\d(?!\d)", stated)
        if written:
            assert written[0] in rule.address, name


def test_every_kind_of_value_fits_its_converter(path: Path) -> None:
    mapping = load(path)
    fields = dict(modelled(model_for(mapping["mapping"])))
    wanted = {"bool": "bool", "int": "int"}
    for name, rule in mapped(mapping["fields"]):
        if rule.kind == "list":
            continue
        annotation = str(fields[name].annotation)
        kinds = {kind for kind in ("bool", "int", "str") if re.search(rf"\b{kind}\b", annotation)}
        assert kinds == {wanted.get(rule.kind, "str")}, name


def test_an_open_object_is_one_of_pairs(path: Path) -> None:
    mapping = load(path)

    def pairs(fields: Fields, where: str = "") -> Iterator[str]:
        for name, value in fields.items():
            if isinstance(value, dict):
                yield from pairs(value, f"{where}{name}.")
            elif "pairs(" in str(value):
                yield where + name

    def open_objects(model: type[BaseModel], where: str = "") -> Iterator[str]:
        for name, field in model.model_fields.items():
            inner = inner_model(field.annotation)
            if inner is None or (not where and name in ENVELOPE):
                continue
            place = where + name + ("[]" if is_list(field.annotation) else "")
            if issubclass(inner, OpenKeys):
                yield place
            yield from open_objects(inner, f"{place}.")

    assert set(open_objects(model_for(mapping["mapping"]))) == set(pairs(mapping["fields"]))


def test_every_code_of_a_mapping_is_lawful_in_its_guide(path: Path) -> None:
    plan = library().plan(path.parent.name, path.stem)
    assert plan is not None
    strange = set()
    for scope in plan.scopes:
        for index, cases in scope.cases.items():
            elements = plan.table.positions[index].segment.elements
            for case in cases:
                wanted = [(c.element, c.value) for c in case.conditions if c.value]
                wanted += [(take.sources[0][0], code) for take in case.takes for code in take.converter.table]
                for number, code in wanted:
                    codes = elements[number - 1].codes
                    if codes is None or code not in codes.codes:
                        strange.add((elements[number - 1].ref, code))
    assert strange == set()
