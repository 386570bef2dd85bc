"""The mapping file: YAML to rules, both directions in one statement each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import MappingError, NotFoundError, Problem
from gateway.mapping.converters import NAMES, Converter, converter
from gateway.mapping.problems import mapping_problem, nearest
from gateway.mapping.statement import BODIES, MISSING, Load, Stated, stated

Path = tuple[str, ...]

KEYS = ("mapping", "guide", "fields", "computed", "extends", "codes", "blocks")
"""What a mapping file may state."""


@dataclass(frozen=True, slots=True)
class Condition:
    """``[REF01=CR]``: the element must have this value; an empty value means that it is absent.

    Attributes:
        name: in a JSON body, the member; there ``$field`` stands for the value of a field of the document.
    """

    element: int
    component: int
    value: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a value stands, relative to the loop of its scope.

    Attributes:
        path: segments to step through: loops by their first segment, last the segment itself.
        conditions: for each step of ``path``.
        elements: (element, component) pairs; component 0 for the whole element.
        open_end: the address takes all elements from the first on (``PO106..``).
        names: in a JSON body, the members at the end of ``path``; ``@`` is the name of the member that an
            item stands in, ``.`` the item itself.
        head: in a JSON body, a member without which nothing stands there; empty if none alone is needed.
        plain: in a JSON body, the members down to a single one without conditions; empty for all others.
    """

    path: tuple[str, ...]
    conditions: tuple[tuple[Condition, ...], ...]
    elements: tuple[tuple[int, int], ...]
    open_end: bool
    text: str
    names: tuple[str, ...] = ()
    head: str = field(init=False, compare=False)
    plain: tuple[str, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        whole, is_one = (*self.path, *self.names), len(self.names) == 1 and self.names[0] not in "@."
        object.__setattr__(self, "head", whole[0] if self.path or is_one else "")
        object.__setattr__(self, "plain", whole if is_one and not any(self.conditions) else ())


@dataclass(frozen=True, slots=True)
class Field:
    """One value: a path into the object of the scope, an address and a converter.

    Attributes:
        default: in a JSON body, the value where none is given.
        fallback: the field of the document that is written where the object itself does not say the value.
    """

    path: Path
    address: Address
    converter: Converter
    default: str = ""
    fallback: Path = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """``=currency``: on reading a copy of another value; never written.

    The value is that of the object itself where a rule gives it one (``local``), else that of the document's
    root.

    Attributes:
        converter: of a JSON body: what becomes of the value, which through lists is that on which all agree.
        default: the value otherwise; with no source a constant.
    """

    path: Path
    source: Path
    local: bool = False
    converter: Converter | None = None
    default: str = ""


@dataclass(frozen=True, slots=True)
class Repeated:
    """A list: one item for each segment or loop at ``each``."""

    path: Path
    each: Address
    rules: tuple[Rule, ...]
    scalar: Field | None = None


Rule = Field | Copy | Repeated


def walk(rules: tuple[Rule, ...], prefix: str = "") -> Iterator[tuple[str, Rule]]:
    """All rules, those of lists behind them, with their names from the root: ``lines[].quantity.value``."""
    for rule in rules:
        name = prefix + ".".join(rule.path)
        if isinstance(rule, Repeated):
            yield f"{name}[]", rule
            yield from walk(rule.rules, f"{name}[].")
        else:
            yield name, rule


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping.

    Attributes:
        document_type: for example ``purchase_order``.
        guide: ``x12/004010/850``.
        counts: by path of a field, the list whose length it states; ``("HL",)`` counts the levels of a tree.
        sums: by path of a field, the fields (lists on the way) that add up to it.
        constants: by path of a field, the text it always has; it stands nowhere in the set.
        lines: by name of a field such as ``lines[].ids``, its line in the file.
        absent: names of fields that the mapping says have no place in the set (``name: ~``).
    """

    document_type: str
    guide: str
    rules: tuple[Rule, ...]
    counts: dict[Path, Path]
    sums: dict[Path, tuple[Path, ...]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict, compare=False)
    absent: frozenset[str] = frozenset()
    constants: dict[Path, str] = field(default_factory=dict)


_STEP = re.compile(r"([A-Z][A-Z0-9]{1,2})((?:\[[^\]]*\])?)")
_ELEMENT = re.compile(r"([A-Z][A-Z0-9]{1,2})(\d\d)(?:\.(\d{1,2}))?(\.\.)?")
_RANGE = re.compile(r"([A-Z][A-Z0-9]{1,2})(\d\d)\.\.\1(\d\d)")
_CONDITION = re.compile(r"([A-Z][A-Z0-9]{1,2})(\d\d)(?:\.(\d{1,2}))?=(.*)")
_CONSTANT = re.compile(r'=\s*"([^"]+)"')
_JSON_STEP = re.compile(r"([A-Za-z][A-Za-z0-9_]*)((?:\[[^\]]*\])?)")
_JSON_CONDITION = re.compile(r"([A-Za-z][A-Za-z0-9_]*)=(\$?[^\]]+)")
_DEFAULT = re.compile(r"(.*?)\s=\s*(?:\"([^\"]+)\"|([a-z][a-z0-9_.]*))", re.DOTALL)
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_COUNT = re.compile(r"count\(([a-z0-9_.]+|[A-Z][A-Z0-9]{1,2})\)")
_SUM = re.compile(r"sum\(([a-z0-9_., ]+)\)")


def parse_address(text: str, *, segment: bool = False) -> Address:
    """Reads an address such as ``DTM[DTM01=064]/DTM02,DTM03``, ``SDQ03..SDQ22`` or ``PO106..``.

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
        for part in _RANGE.sub(_listed, last).split(","):
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


def parse_member(text: str, *, each: bool = False) -> Address:
    """Reads an address in a JSON body, such as ``netCost.amount`` or ``ids[type=SSCC].number``.

    Args:
        each: the address names a list, an object or several (``a.buyer,seller``).

    Raises:
        MappingError: the text is no address.
    """
    text = text.strip()
    *steps, last = [""] if text == "." else re.split(r"\.(?![^\[]*\])", text)
    path: list[str] = []
    conditions: list[tuple[Condition, ...]] = []
    if each and last.endswith("]"):
        steps, last = [*steps, last], ""
    for step in steps:
        match = _JSON_STEP.fullmatch(step.strip())
        if match is None:
            raise MappingError(
                f"{step!r} in the address {text!r} is not a member such as items or ids[type=X]"
            )
        path.append(match[1])
        found = []
        for part in filter(None, match[2].strip("[]").split(",")):
            condition = _JSON_CONDITION.fullmatch(part.strip())
            if condition is None:
                raise MappingError(f"{part!r} in the address {text!r} is not a condition such as type=X")
            found.append(Condition(0, 0, condition[2], condition[1]))
        conditions.append(tuple(found))
    names = tuple(name.strip() for name in last.split(",")) if last else ()
    if each and not last and path:
        names, path = (path[-1],), path[:-1]
    elif each and last:
        conditions.append(())
    elif not last:
        names = (".",)
    for name in names:
        if name not in ("@", ".") and not _JSON_STEP.fullmatch(name):
            raise MappingError(f"{name!r} in the address {text!r} is not a member such as items")
    return Address(tuple(path), tuple(conditions), (), False, text, names)


def parse_mapping(text: str | bytes, name: str = "mapping", load: Load | None = None) -> Mapping:
    """Reads a mapping file.

    Args:
        name: what errors call it.
        load: where the file that it extends and the shared blocks come from.

    Raises:
        MappingError: the file is not YAML or breaks the rules of the language; all faults are named.
    """
    mapping, found = read_mapping(text, load)
    if found:
        faults = (
            f"line {one.location.line}: {one.message}" if one.location.line else one.message for one in found
        )
        raise MappingError(f"{name}: {' '.join(faults)}", problems=tuple(found))
    return mapping


def read_mapping(text: str | bytes, load: Load | None = None) -> tuple[Mapping, list[Problem]]:
    """What a mapping file states, as far as it keeps the rules of the language, and where it does not."""
    import yaml  # a check alone needs no mapping, and this import is a tenth of its start-up

    parsing = _Parsing()
    try:
        return parsing.mapping(stated(text, load)), parsing.problems
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).partition("\n")[0]
        line = mark.line + 1 if mark else None
    except (MappingError, NotFoundError, UnicodeDecodeError, RecursionError) as error:
        what, line = str(error), None
        if isinstance(error, NotFoundError) or getattr(error, "code", "") == MISSING:
            return Mapping("", "", (), {}), [mapping_problem(MISSING, what=what)]
    return Mapping("", "", (), {}), [mapping_problem("MAP-YAML", line=line, what=what)]


@dataclass(slots=True)
class _Parsing:
    """Makes rules of what a file states and collects the problems."""

    problems: list[Problem] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    constants: dict[Path, str] = field(default_factory=dict)
    json: bool = False

    def add(self, code: str, place: str, line: int | None = None, **words: Any) -> None:
        line = line or self.lines.get(place)
        self.problems.append(mapping_problem(code, place, line=line, **words))

    def mapping(self, top: Stated) -> Mapping:
        self.lines.update(top.lines)
        self.twice(top, "")
        for key in top:
            if key not in KEYS:
                self.add("MAP-KEY", key, value=key, nearest=nearest(key, KEYS))
        for key in KEYS[:3]:
            if key not in top or (key != "fields" and not top[key]):
                self.add("MAP-KEY-MISSING", key, value=key)
        for key, name, line in top.unused:
            self.add("MAP-UNUSED", key, line, value=name)
        rules: tuple[Rule, ...] = ()
        self.json = str(top.get("guide")).startswith(f"{BODIES}/")
        if isinstance(top.get("fields"), Stated):
            rules = self.rules(top["fields"], "")
        elif "fields" in top:
            self.add("MAP-RULE", "fields", what="'name: address' pairs are needed")
        counts, sums = self.computed(top.get("computed"), rules)
        kind, guide = (top[key] if isinstance(top.get(key), str) else "" for key in KEYS[:2])
        absent = frozenset(self.absent)
        return Mapping(kind, guide, rules, counts, sums, self.lines, absent, self.constants)

    def twice(self, stated: Stated, prefix: str) -> None:
        for name, first, second in stated.twice:
            what = f"in line {first} and again in line {second}"
            self.add("MAP-DUPLICATE", prefix + name, second, what=what)

    def rules(self, stated: Stated, prefix: str) -> tuple[Rule, ...]:
        self.twice(stated, prefix)
        rules: dict[str, Rule] = {}
        for key, value in stated.items():
            name = prefix + key
            if key == "each" and prefix:
                continue
            if line := stated.lines.get(key):
                self.lines[name] = line
            if value is None:
                self.absent.add(name)
                continue
            try:
                rule = self.rule(key, value, name)
            except MappingError as error:
                self.add("MAP-RULE", name, what=error)
            else:
                rules |= {key: rule} if rule else {}
        paths = {rule.path: key for key, rule in reversed(rules.items())}
        for key, rule in rules.items():
            for size in range(1, len(rule.path) + 1):
                other = paths.get(rule.path[:size], key)
                if other != key:
                    what = f"{prefix}{other} would stand at the same place"
                    self.add("MAP-DUPLICATE", prefix + key, what=what)
        return tuple(rules.values())

    def rule(self, key: str, value: Any, name: str) -> Rule | None:
        path = _path(key.removesuffix("[]"))
        if not key.endswith("[]"):
            if not isinstance(value, str):
                raise MappingError("text such as 'BEG03 | date' is needed")
            if constant := _CONSTANT.fullmatch(value):
                if name != key and self.json:
                    return Copy(path, (), default=constant[1])
                if name != key:
                    raise MappingError("a constant stands at the root of the document only")
                self.constants[path] = constant[1]
                return None
            if value[:1] != "=":
                return self.scalar(path, value, name)
            source, default, _ = _defaulted(value[1:]) if self.json else (value[1:], "", ())
            source, _, convert = source.partition("|")
            used = converter(convert, json=True) if convert else None
            return Copy(path, _path(source.strip()), converter=used, default=default)
        each = value.get("each") if isinstance(value, Stated) else None
        if not isinstance(each, str):
            raise MappingError("a list needs 'each: SEGMENT'")
        address = parse_member(each, each=True) if self.json else parse_address(each, segment=True)
        inner = self.rules(value, name + ".")
        if value.keys() != {"each", "value"}:
            return Repeated(path, address, inner)
        # Alone it makes a list of plain values, among others it is a field.
        scalar = inner[0] if inner else None
        return Repeated(path, address, (), scalar) if isinstance(scalar, Field) else None

    def scalar(self, path: Path, text: str, name: str) -> Field | None:
        text, default, fallback = _defaulted(text) if self.json else (text, "", ())
        stated, _, convert = text.partition("|")
        address = parse_member(stated) if self.json else parse_address(stated)
        try:
            found = converter(convert or "text", json=self.json)
        except MappingError as error:
            near = nearest(convert.partition("(")[0].strip(), NAMES)
            self.add("MAP-CONVERTER", name, value=convert.strip(), what=error, nearest=near)
            return None
        size = max(len(address.elements), len(address.names))
        if found.arity and (size > found.arity or address.open_end):
            raise MappingError(f"{found.name} takes {found.arity} element(s), {stated.strip()!r} has more")
        return Field(path, address, found, default, fallback)

    def computed(
        self, stated: Any, rules: tuple[Rule, ...]
    ) -> tuple[dict[Path, Path], dict[Path, tuple[Path, ...]]]:
        """The counts and sums that the file states."""
        counts: dict[Path, Path] = {}
        sums: dict[Path, tuple[Path, ...]] = {}
        if stated is not None and not isinstance(stated, Stated):
            self.add("MAP-RULE", "computed", what="'field: count(list)' is needed")
        every = [(name, rule.converter) for name, rule in walk(rules) if isinstance(rule, Field)]
        decimals = [name.replace("[]", "") for name, used in every if used.kind == "decimal"]
        fields = {name: used for name, used in every if "[]" not in name}
        lists = [".".join(rule.path) for rule in rules if isinstance(rule, Repeated)]
        for name, value in stated.items() if isinstance(stated, Stated) else ():
            path, what = tuple(name.split(".")), ""
            if value is None:
                continue
            if added := _SUM.fullmatch(str(value)):
                parts = [part.strip() for part in added[1].split(",") if part.strip()]
                if strange := [part for part in (name, *parts) if part not in decimals]:
                    what = f"there is no decimal field {strange[0]!r}"
                sums[path] = tuple(tuple(part.split(".")) for part in parts)
            elif counted := _COUNT.fullmatch(str(value)):
                if name not in fields:
                    what = f"there is no rule for the field{nearest(name, fields)}"
                elif fields[name].name != "int":
                    what = f"the field's converter is {fields[name].name}, not int"
                elif counted[1] not in lists and not counted[1].isupper():
                    what = f"there is no list {counted[1]!r}{nearest(counted[1], lists)}"
                counts[path] = tuple(counted[1].split("."))
            else:
                what = f"count(list) or sum(fields) is needed, not {value!r}"
            if what:
                self.add("MAP-COUNT", name, stated.lines.get(name), what=what)
        return counts, sums


def _listed(match: re.Match[str]) -> str:
    """``SDQ03..SDQ22`` as a list of elements."""
    return ",".join(f"{match[1]}{number:02}" for number in range(int(match[2]), int(match[3]) + 1))


def _defaulted(text: str) -> tuple[str, str, Path]:
    """A rule without its default, the default, and the field that stands in where there is no value."""
    match = _DEFAULT.fullmatch(text)
    return (match[1], match[2] or "", _path(match[3]) if match[3] else ()) if match else (text, "", ())


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise MappingError(f"{name!r} is no field name: small letters, digits and _ only")
    return tuple(name.split("."))
