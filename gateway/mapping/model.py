"""The mapping file: YAML to rules, both directions in one statement each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gateway.errors import MappingError
from gateway.mapping.converters import Converter, converter

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """``[REF01=CR]``: the element must have this value; an empty value means that it is absent."""

    element: int
    component: int
    value: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a value stands, relative to the loop of its scope.

    Attributes:
        path: segments to step through: loops by their first segment, last the segment itself.
        conditions: for each step of ``path``.
        elements: (element, component) pairs; component 0 for the whole element.
        open_end: the address takes all elements from the first on (``PO106..``).
    """

    path: tuple[str, ...]
    conditions: tuple[tuple[Condition, ...], ...]
    elements: tuple[tuple[int, int], ...]
    open_end: bool
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """One value: a path into the object of the scope, an address and a converter."""

    path: Path
    address: Address
    converter: Converter


@dataclass(frozen=True, slots=True)
class Copy:
    """``=currency``: on reading a copy of another value; never written.

    The value is that of the object itself where a rule gives it one (``local``), else that of the document's
    root.
    """

    path: Path
    source: Path
    local: bool = False


@dataclass(frozen=True, slots=True)
class Repeated:
    """A list: one item for each segment or loop at ``each``."""

    path: Path
    each: Address
    rules: tuple[Rule, ...]
    scalar: Field | None = None


Rule = Field | Copy | Repeated


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping.

    Attributes:
        document_type: for example ``purchase_order``.
        guide: ``x12/004010/850``.
        counts: by path of a field, the list whose length it states.
    """

    document_type: str
    guide: str
    rules: tuple[Rule, ...]
    counts: dict[Path, Path]


_STEP = re.compile(r"([A-Z][A-Z0-9]{1,2})((?:\[[^\]]*\])?)")
_ELEMENT = re.compile(r"([A-Z][A-Z0-9]{1,2})(\d\d)(?:\.(\d{1,2}))?(\.\.)?")
_CONDITION = re.compile(r"([A-Z][A-Z0-9]{1,2})(\d\d)(?:\.(\d{1,2}))?=(.*)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def parse_address(text: str, *, segment: bool = False) -> Address:
    """Reads an address such as ``DTM[DTM01=064]/DTM02,DTM03`` or ``PO106..``.

    Args:
        segment: the address names a segment or loop (``each:``), not elements.

    Raises:
        MappingError: the text is no address.
    """
    path: list[str] = []
    conditions: list[tuple[Condition, ...]] = []
    elements: list[tuple[int, int]] = []
    open_end = False
    owner = ""
    steps = text.strip().split("/")
    if not segment:
        *steps, last = steps
        for part in last.split(","):
            match = _ELEMENT.fullmatch(part.strip())
            if match is None:
                raise MappingError(
                    f"{part.strip()!r} in the address {text!r} is not an element such as BEG03"
                )
            if elements and match[1] != owner:
                raise MappingError(f"the address {text!r} takes elements of several segments")
            owner = match[1]
            elements.append((int(match[2]), int(match[3] or 0)))
            open_end = open_end or bool(match[4])
        if open_end and len(elements) > 1:
            raise MappingError(f"{text!r}: '..' stands with a single element only")
    for step in steps:
        match = _STEP.fullmatch(step.strip())
        if match is None:
            raise MappingError(
                f"{step!r} in the address {text!r} is not a segment such as REF or REF[REF01=CR]"
            )
        path.append(match[1])
        found = []
        for part in filter(None, match[2].strip("[]").split(",")):
            condition = _CONDITION.fullmatch(part.strip())
            if condition is None or condition[1] != match[1]:
                raise MappingError(
                    f"{part!r} in the address {text!r} is not a condition such as {match[1]}01=X"
                )
            found.append(Condition(int(condition[2]), int(condition[3] or 0), condition[4].strip()))
        conditions.append(tuple(found))
    if not segment and (not path or path[-1] != owner):
        path.append(owner)
        conditions.append(())
    return Address(tuple(path), tuple(conditions), tuple(elements), open_end, text.strip())


def _path(name: str) -> Path:
    parts = tuple(name.split("."))
    for part in parts:
        if not _NAME.fullmatch(part):
            raise MappingError(f"{name!r} is not a field name: small letters, digits and _ only")
    return parts


def _rules(fields: Any, where: str) -> tuple[Rule, ...]:
    if not isinstance(fields, dict):
        raise MappingError(f"{where}: fields are needed, name: address")
    rules: list[Rule] = []
    for name, value in fields.items():
        place = f"{where}{name}"
        try:
            if name.endswith("[]"):
                rules.append(_repeated(name[:-2], value, place))
            elif isinstance(value, str) and value.startswith("="):
                rules.append(Copy(_path(name), _path(value[1:].strip())))
            elif isinstance(value, str):
                rules.append(_field(name, value))
            else:
                raise MappingError("text such as 'BEG03 | date' is needed")
        except MappingError as error:
            if str(error).startswith(where) and where:
                raise
            raise MappingError(f"{place}: {error}") from error
    return tuple(rules)


def _field(name: str, text: str) -> Field:
    address, bar, convert = text.partition("|")
    found = converter(convert) if bar else converter("text")
    parsed = parse_address(address)
    if found.arity and len(parsed.elements) > found.arity:
        raise MappingError(f"{found.name} takes {found.arity} element(s), {address.strip()!r} has more")
    if parsed.open_end and found.arity:
        raise MappingError(f"{found.name} cannot take an open range of elements")
    return Field(_path(name), parsed, found)


def _repeated(name: str, value: Any, where: str) -> Repeated:
    if not isinstance(value, dict) or not isinstance(value.get("each"), str):
        raise MappingError("a list needs 'each: SEGMENT'")
    each = parse_address(value["each"], segment=True)
    inner = {key: item for key, item in value.items() if key != "each"}
    if set(inner) == {"value"}:  # alone it makes a list of plain values, among others it is a field
        return Repeated(_path(name), each, (), _field("value", str(value["value"])))
    return Repeated(_path(name), each, _rules(inner, f"{where}[]."))


def parse_mapping(text: str | bytes, name: str = "mapping") -> Mapping:
    """Reads a mapping file.

    Raises:
        MappingError: the file is not YAML or breaks the rules of the language; the message names the field.
    """
    import yaml  # a check alone needs no mapping, and this import is a tenth of its start-up

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, in C where there is one
    except yaml.YAMLError as error:
        raise MappingError(f"{name}: {error}") from error
    if not isinstance(data, dict):
        raise MappingError(f"{name}: a mapping with 'mapping', 'guide' and 'fields' is needed")
    if unknown := set(data) - {"mapping", "guide", "fields", "computed"}:
        raise MappingError(f"{name}: unknown key {', '.join(sorted(map(str, unknown)))}")
    for key in ("mapping", "guide", "fields"):
        if key not in data:
            raise MappingError(f"{name}: {key!r} is missing")
    counts: dict[Path, Path] = {}
    for target, text_ in (data.get("computed") or {}).items():
        match = re.fullmatch(r"count\(([a-z0-9_.]+)\)", str(text_))
        if match is None:
            raise MappingError(f"{name}: computed {target}: count(list) is needed, not {text_!r}")
        counts[_path(target)] = _path(match[1])
    try:
        rules = _rules(data["fields"], "")
    except MappingError as error:
        raise MappingError(f"{name}: {error}") from error
    return Mapping(str(data["mapping"]), str(data["guide"]), rules, counts)
