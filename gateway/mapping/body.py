r"""JSON bodies and documents: one mapping reads and writes both, by the rules and converters of X12.

What no rule takes is kept in the ``extensions`` of the object it belongs to, under its JSON pointer below
that object and as JSON text::

    {"address": "/route", "value": "{\"stops\":[]}"}              no rule takes it
    {"address": "/date", "value": "\"2026-03-02T08:15:04.311Z\""} the exact form of a value
    {"address": "/type", "absent": true}                          it has the default, and was not there
    {"address": "/ids/[type=SSCC]/note", "value": "\"x\""}        in the entry of a list that a rule chose

So a body that is read and written again says the same. A value that is not what its form allows, such as a
number as text, is read as far as it can be, and written right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from gateway.errors import Fault, Problem, Severity
from gateway.mapping.extensions import append, get, put
from gateway.mapping.members import Forms, Member, Path
from gateway.mapping.model import Address, Condition, Copy, Field, Repeated, Rule
from gateway.mapping.model import Mapping as Rules
from gateway.mapping.problems import mapping_problem
from gateway.mapping.reader import Origin
from gateway.mapping.writer import body as body_of
from gateway.mapping.writer import differences

Json = dict[str, Any]

MAX_DEPTH = 40
"""Objects inside each other in a body."""


@dataclass(frozen=True, slots=True)
class BodyPlan:
    """A mapping and the forms of its bodies; ``root`` names the body's object."""

    rules: Rules
    forms: Forms
    root: str

    def stated(self) -> Iterator[tuple[tuple[str, ...], str, Rule]]:
        """Each rule with the members that it takes, from the body down, and its field from the root."""
        yield from _stated(self.rules.rules, (), "")


def _stated(
    rules: tuple[Rule, ...], above: tuple[str, ...], prefix: str
) -> Iterator[tuple[tuple[str, ...], str, Rule]]:
    for rule in rules:
        name = prefix + ".".join(rule.path)
        if isinstance(rule, Copy):
            continue
        address = rule.each if isinstance(rule, Repeated) else rule.address
        for member in address.names:
            path = (*above, *address.path, *([member] if member not in ("@", ".") else []))
            yield path, f"{name}[]" if isinstance(rule, Repeated) else name, rule
            if isinstance(rule, Repeated):
                yield from _stated((rule.scalar,) if rule.scalar else rule.rules, path, f"{name}[].")


def pointer(path: Iterable[str | int]) -> str:
    """A path as JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def encode(value: Any) -> str:
    """JSON text in which decimal numbers are exact."""
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{encode(v)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, list):
        return f"[{','.join(map(encode, value))}]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def decode(text: str | bytes) -> Any:
    """JSON with decimal numbers as Decimal; ValueError where it is none, or nested too deeply."""
    try:
        value = json.loads(text, parse_float=Decimal)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level, depth = [value], 0
    while level := [
        inner
        for one in level
        if isinstance(one, dict | list)
        for inner in (one.values() if isinstance(one, dict) else one)
    ]:
        depth += 1
        if depth >= MAX_DEPTH:
            raise ValueError("it is nested too deeply")
    return value


def faults(plan: BodyPlan, body: Any, *, inbound: bool) -> list[Problem]:
    """Where a body is not of its form; what comes from the partner is told, what goes to it is refused."""
    fields: dict[tuple[str, ...], str] = {}
    found = []
    for kind, path, value, words in plan.forms.faults(plan.root, body):
        fields = fields or {at: name for at, name, rule in plan.stated() if isinstance(rule, Field)}
        shown = None if kind == "missing" else value if isinstance(value, str) else encode(value)
        names = tuple(part for part in path if isinstance(part, str))
        source = next((name for at, name in fields.items() if at[: len(names)] == names), "")
        advice = "Nothing needs to be done; ask the sender if the value matters."
        if not inbound:
            advice = (
                f"Correct the field {source} of the document." if source else "Take it out of the document."
            )
        told = mapping_problem(f"BODY-{kind.upper()}", pointer(path), value=shown, words=words)
        weight, fault = (Severity.WARNING, Fault.PARTNER) if inbound else (Severity.ERROR, Fault.US)
        found.append(replace(told, severity=weight, fault=fault, hint=advice))
    return found


def text_of(value: Any) -> str:
    """A single value as the text that converters read; empty for what is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else format(value, "f") if isinstance(value, Decimal) else ""


def _typed(text: str, member: Member | None) -> Any:
    """A text in the type that its member has; the text itself where it is none of it."""
    kind = member.kind if member else "text"
    try:
        match kind:
            case "int":
                whole = Decimal(text)
                return int(whole) if whole == int(whole) else text
            case "number":
                number = Decimal(text)
                return int(number) if number == int(number) and "." not in text else number
    except (ArithmeticError, ValueError):
        return text
    return text == "true" if kind == "bool" and text in ("true", "false") else text


class _Meets:
    """Compares members with the conditions of an address."""

    document: Json

    def wanted(self, condition: Condition) -> str:
        """The value of a condition; that of a field of the document for ``$field``."""
        if condition.value.startswith("$"):
            return text_of(get(self.document, tuple(condition.value[1:].split("."))))
        return condition.value

    def meets(self, value: Any, conditions: Iterable[Condition]) -> bool:
        """Whether an object has what the conditions say."""
        return not (conditions and not isinstance(value, dict)) and all(
            text_of(value.get(one.name)).strip() == self.wanted(one) for one in conditions
        )


class BodyReader(_Meets):
    """Makes the document of one body.

    Args:
        traced: whether it is noted where each value comes from.

    Attributes:
        origins: where each value comes from, as ``edigw map trace`` shows it.
    """

    def __init__(self, plan: BodyPlan, *, traced: bool = False) -> None:
        self.plan, self.traced = plan, traced
        self.origins: list[Origin] = []
        self.document: Json = {}
        self.chosen: dict[Path, str] = {}

    def read(self, body: Json) -> Json:
        """The document without its envelope."""
        for path, text in self.plan.rules.constants.items():
            put(self.document, path, text)
        self._scope(self.plan.rules.rules, body, self.plan.root, (), self.document, ())
        return self.document

    def _scope(
        self, rules: tuple[Rule, ...], node: Any, owner: str, at: Path, target: Json, place: Path,
        key: str = "", around: tuple[set[Path], list[Json]] | None = None,
    ) -> None:  # fmt: skip
        """Fills an object by the rules of its scope from what stands at ``at`` in the body.

        Args:
            around: what the scope around has taken and kept, where this one is of the same object.
        """
        taken, kept = around or (set(), [])
        is_object = isinstance(node, dict)
        for rule in rules:
            if isinstance(rule, Copy):
                self._copy(rule, target)
                continue
            address, default = (rule.address, rule.default) if isinstance(rule, Field) else (rule.each, "")
            if is_object and address.head and not default and address.head not in node:
                continue
            if isinstance(rule, Repeated):
                self._list(rule, node, owner, at, target, place, taken, kept)
            elif not (address.plain and self._taken_at_once(rule, node, target, taken)):
                self._field(rule, node, owner, at, target, place, key, taken, kept)
        if around is not None:
            return
        prefixes: set[Path] = {(), *(path[:size] for path in taken for size in range(1, len(path)))}
        for path, value in _rest(node, (), taken, prefixes):
            kept.append({"address": self._told_apart(at, path), "value": encode(value)})
            if self.traced:
                where, reason = (*place, "extensions"), "no rule takes this member"
                self._tell("kept", (*at, *path), encode(value), where, None, "", reason)
        if kept:
            target.setdefault("extensions", []).extend(kept)

    def _told_apart(self, at: Path, path: Path) -> str:
        """A pointer in which entries of lists that rules chose by a member are named by it."""
        steps = [self.chosen.get((*at, *path[: size + 1]), part) for size, part in enumerate(path)]
        return pointer(steps)

    def _tell(
        self, kind: str, at: Path, text: str, place: Path, value: Any, rule: str = "", reason: str = ""
    ) -> None:
        if self.traced:
            self.origins.append(Origin(kind, None, pointer(at), text, pointer(place), value, rule, reason))

    def _copy(self, rule: Copy, target: Json) -> None:
        texts = map(text_of, _values(self.document, rule.source)) if rule.source else ()
        found = {(used.read((text,)) if (used := rule.converter) else text) for text in texts}
        value = found.pop() if len(found) == 1 else None
        # Beside other values, as the currency of an amount; what has a default stands alone as well.
        if rule.default or (value and (len(rule.path) == 1 or get(target, rule.path[:-1]) is not None)):
            put(target, rule.path, value or rule.default)

    def _taken_at_once(self, rule: Field, node: Any, target: Json, taken: set[Path]) -> bool:
        """Takes a value that says just what is written of it, or sees that none is there; False if unsure.

        So it is of nearly all fields, of which :meth:`_field` would ask much more.
        """
        path = rule.address.plain
        for name in path:
            if type(node) is not dict or self.traced:
                return False
            if (node := node.get(name)) is None:
                return not rule.default
        kind, used = type(node), rule.converter
        text = node if kind is str else str(node) if kind is int else ""
        if kind is bool and used.name == "bool":
            text = "true" if node else "false"
        if not text or text != text.strip():
            return False
        value = text if used.name == "text" else used.exact(text)
        if value is None:
            return False
        put(target, rule.path, value)
        taken.add(path)
        return True

    def _field(
        self, rule: Field, node: Any, owner: str, at: Path, target: Json, place: Path, key: str,
        taken: set[Path], kept: list[Json],
    ) -> None:  # fmt: skip
        address = rule.address
        if address.names == ("@",):
            put(target, rule.path, rule.converter.read((key,)))
            return
        way = self._way(node, address, at)
        raws = _named(way[1], address.names) if way else []
        texts = tuple([text_of(one) for one in raws])
        if rule.converter.table or rule.converter.name in ("decimal", "int"):
            texts = tuple([text.strip() for text in texts])
        where, shown = (
            ((*place, *rule.path), f"{address.text} | {rule.converter.name}") if self.traced else ((), "")
        )
        if not any(texts):
            if rule.default:
                put(target, rule.path, rule.default)
                there = pointer((*address.path, *address.names[:1]))
                kept.append({"address": there, "absent": True})
                reason = "it has the default"
                self._tell("absent", (*at, *address.path), "", where, rule.default, shown, reason)
            return
        value = rule.converter.read(texts)
        if way is None or value is None:
            return
        path, _, conditions = way
        put(target, rule.path, value)
        if self.traced:
            ends = (*at, *path, *_ends(address))
            self._tell("rule", ends, " ".join(filter(None, texts)), where, value, shown)
        taken.update(conditions)
        written = (*rule.converter.write(value), *[""] * len(texts))
        for name, raw, text in zip(address.names, raws, written):
            if raw is None:
                continue
            here = path if name == "." else (*path, name)
            taken.add(here)
            if text == (raw if isinstance(raw, str) else str(raw)):
                continue
            member = self._member(owner, here)
            if _typed(text, member) != raw and (member is None or self.plan.forms.fits(member, raw)):
                kept.append({"address": self._told_apart(at, here), "value": encode(raw)})
                reason = "its exact form is kept"
                self._tell("exact_text", (*at, *here), encode(raw), where, None, shown, reason)

    def _member(self, owner: str, path: Path) -> Member | None:
        return self.plan.forms.member(owner, tuple(name for name in path if isinstance(name, str)))

    def _way(self, node: Any, address: Address, at: Path) -> tuple[Path, Any, list[Path]] | None:
        """The way to the object of an address: its path, the object, and the members that conditions took."""
        path: Path = ()
        passed: list[tuple[Path, str]] = []
        for name, conditions in zip(address.path, address.conditions, strict=False):
            node = node.get(name) if isinstance(node, dict) else None
            path = (*path, name)
            if isinstance(node, list):
                fits = ((i, one) for i, one in enumerate(node) if self.meets(one, conditions))
                index, node = next(fits, (0, None))
                if node is None:
                    return None
                path = (*path, index)
                if conditions:
                    named = ",".join(f"{one.name}={self.wanted(one)}" for one in conditions)
                    self.chosen[*at, *path] = f"[{named}]"
            elif conditions and not self.meets(node, conditions):
                return None
            passed += [(path, one.name) for one in conditions]
        return None if node is None else (path, node, [(*there, name) for there, name in passed])

    def _list(
        self, rule: Repeated, node: Any, owner: str, at: Path, target: Json, place: Path, taken: set[Path],
        kept: list[Json],
    ) -> None:  # fmt: skip
        for path, item, key, conditions in self._items(rule.each, node, at, taken):
            size = len(get(target, rule.path) or ())
            inside = (*place, *rule.path, size)
            if not path:
                append(target, rule.path, {})
                whole = get(target, rule.path)[-1]
                self._scope(rule.rules, node, owner, at, whole, inside, around=(taken, kept))
                continue
            taken.add(path)
            member = self._member(owner, path)
            if rule.scalar is not None and rule.scalar.address.names == (".",):
                text = text_of(item)
                value = rule.scalar.converter.read((text,)) if text else None
                if value is None:
                    taken.discard(path)
                    continue
                append(target, rule.path, value)
                self._tell("rule", (*at, *path), text, inside, value, rule.each.text)
                continue
            made: Json = {}
            rules = rule.rules or ((rule.scalar,) if rule.scalar else ())
            below = member.of if member else ""
            if conditions:
                item = {name: one for name, one in item.items() if name not in conditions}
            self._scope(rules, item, below, (*at, *path), made, inside, key)
            if rule.scalar is not None:
                value = get(made, rule.scalar.path)
                if value is None or made.keys() != {rule.scalar.path[0]}:
                    taken.discard(path)  # a list of plain values has no place for more
                    if value is None:
                        continue
                    taken |= {(*path, name) for name in rule.scalar.address.names}
                append(target, rule.path, value)
            elif made:
                append(target, rule.path, made)
            else:
                taken.discard(path)

    def _items(
        self, each: Address, node: Any, at: Path, taken: set[Path]
    ) -> Iterator[tuple[Path, Any, str, frozenset[str]]]:
        """What a list takes: path, value, name of its member, and the members of the list's conditions."""
        if each.names == (".",):
            yield (), node, "", frozenset()
            return
        way = self._way(node, each, at)
        if way is None or not isinstance(way[1], dict):
            return
        path, parent, passed = way
        last = each.conditions[len(each.path)] if len(each.conditions) > len(each.path) else ()
        used = frozenset(one.name for one in last)
        others = {known[: len(path) + more] for known in taken for more in (1, 2)}
        for name in each.names:
            value = parent.get(name)
            many = value if isinstance(value, list) else [] if value is None else [value]
            for index, one in enumerate(many):
                here = (*path, name, index) if isinstance(value, list) else (*path, name)
                if (
                    here not in others
                    and self.meets(one, last)
                    and not (isinstance(one, list) or one is None)
                ):
                    taken.update(passed)
                    yield here, one, name, used


def _named(node: Any, names: tuple[str, ...]) -> list[Any]:
    return [node if name == "." else node.get(name) if isinstance(node, dict) else None for name in names]


def _ends(address: Address) -> tuple[str, ...]:
    return () if address.names == (".",) else (",".join(address.names),)


def _rest(node: Any, path: Path, taken: set[Path], prefixes: set[Path]) -> Iterator[tuple[Path, Any]]:
    """The largest parts of a value of which nothing was taken."""
    if path in taken:
        return
    if path not in prefixes:
        yield path, node
    else:
        inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in inner:
            if (here := (*path, key)) not in taken:
                yield from _rest(value, here, taken, prefixes)


def _values(node: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """All values at a path that may lead through lists; None where an object has none."""
    if isinstance(node, list):
        for item in node:
            yield from _values(item, path)
    elif not path:
        yield node
    elif isinstance(node, dict) and (path[0] in node or len(path) == 1):
        yield from _values(node.get(path[0]), path[1:])


@dataclass
class BodyWriter(_Meets):
    """Makes the body of one document.

    Attributes:
        places: by JSON pointer of a value in the body, that of the document.
    """

    plan: BodyPlan
    document: Json
    problems: list[Problem] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)

    def write(self) -> Json:
        """The body; where something cannot be written, ``problems`` says so and the rest is there."""
        body: Json = {}
        self._scope(self.plan.rules.rules, self.document, (), body, self.plan.root, ())
        return body

    def _problem(self, code: str, place: Path, value: Any = None, **words: Any) -> None:
        shown = value if value is None or isinstance(value, str) else encode(value)
        told = mapping_problem(code, pointer(place), value=shown, **words)
        self.problems.append(replace(told, fault=Fault.US))

    def _scope(
        self, rules: tuple[Rule, ...], source: Json, place: Path, node: Json, owner: str, at: Path,
        around: dict[str, tuple[Field, Any]] | None = None,
    ) -> None:  # fmt: skip
        extensions = source.get("extensions")
        entries = [one for one in extensions if isinstance(one, dict)] if isinstance(extensions, list) else []
        absent = {one.get("address") for one in entries if one.get("absent") is True}
        written = {} if around is None else around
        for rule in rules:
            if isinstance(rule, Field):
                self._field(rule, source, place, node, owner, at, absent, written)
            elif isinstance(rule, Repeated):
                self._list(rule, source, place, node, owner, at, written)
        for entry in entries:
            self._restore(entry, place, node, owner, written)

    def _field(
        self, rule: Field, source: Json, place: Path, node: Json, owner: str, at: Path, absent: set[Any],
        written: dict[str, tuple[Field, Any]],
    ) -> None:  # fmt: skip
        address = rule.address
        absence = pointer((*address.path, *address.names[:1]))
        value = get(source, rule.path)
        if value is None and rule.fallback and get(source, rule.path[:-1] or ()) is not None:
            value = get(self.document, rule.fallback)
        if value is None and rule.default and absence not in absent:
            value = rule.default
        if value is None or address.names == ("@",) or (absence in absent and value == rule.default):
            return
        here = (*place, *rule.path)
        try:
            texts = rule.converter.write(value)
            if len(texts) > len(address.names):
                raise ValueError(f"a list of at most {len(address.names)} is needed")
        except ValueError as error:
            self._problem("BODY-WRITE", here, value, what=str(error), address=address.text)
            return
        path, parent = self._made(node, address, owner)
        for name, text in zip(address.names, texts, strict=False):
            names = tuple(one for one in (*path, name) if isinstance(one, str))
            typed = _typed(text, self.plan.forms.member(owner, names))
            if isinstance(parent, list):  # of plain values
                parent.append(typed)
            else:
                parent[name] = typed
            there = pointer(path if name == "." else (*path, name))
            written[there] = rule, value
            self.places[pointer(at) + there] = pointer(here)

    def _made(self, node: Any, address: Address, owner: str) -> tuple[Path, Any]:
        """The object of an address, made where it is not there yet; for a plain value in a list that list."""
        path: Path = ()
        for name, conditions in zip(address.path, address.conditions, strict=False):
            path = (*path, name)
            names = tuple(one for one in path if isinstance(one, str))
            member = self.plan.forms.member(owner, names)
            if member is not None and member.is_list:
                entries = node.setdefault(name, [])
                if not member.of:
                    return path, entries
                fits = (i for i, one in enumerate(entries) if self.meets(one, conditions))
                index = next(fits, len(entries))
                if index == len(entries):
                    entries.append({})
                node, path = entries[index], (*path, index)
            else:
                node = node.setdefault(name, {})
            node |= {one.name: wanted for one in conditions if (wanted := self.wanted(one))}
        return path, node

    def _list(
        self, rule: Repeated, source: Json, place: Path, node: Json, owner: str, at: Path,
        written: dict[str, tuple[Field, Any]],
    ) -> None:  # fmt: skip
        items = get(source, rule.path)
        where = (*place, *rule.path)
        if items is None:
            return
        if not isinstance(items, list):
            self._problem("BODY-WRITE", where, items, what="a list is needed", address=rule.each.text)
            return
        each = rule.each
        for index, item in enumerate(items):
            here, key = (*where, index), _member_of(rule, item) or each.names[0]
            if key == ".":
                self._scope(rule.rules, item, here, node, owner, at, written)
                continue
            path, parent = self._made(node, each, owner)
            names = (*(one for one in path if isinstance(one, str)), key)
            member = self.plan.forms.member(owner, names)
            is_list = member is None or member.is_list
            if not is_list and key in parent and len(each.names) > 1:
                self._problem("BODY-TWICE", here, key)
                continue
            if not is_list and key in parent:
                self._problem("BODY-WRITE", here, what="there is room for one only", address=each.text)
                continue
            last = each.conditions[len(each.path)] if len(each.conditions) > len(each.path) else ()
            made: Any = {one.name: self.wanted(one) for one in last}
            inside: Path = (*path, key, len(parent.get(key, ()))) if is_list else (*path, key)
            if rule.scalar is not None:
                made = self._single(rule.scalar, item, here, made)
            elif isinstance(item, dict):
                self._scope(rule.rules, item, here, made, member.of if member else "", (*at, *inside))
                made = made.get(".", made)
            else:
                self._problem("BODY-WRITE", here, item, what="an object is needed", address=each.text)
                continue
            self.places[pointer((*at, *inside))] = pointer(here)
            if is_list:
                parent.setdefault(key, []).append(made)
            else:
                parent[key] = made

    def _single(self, scalar: Field, item: Any, here: Path, made: Json) -> Any:
        try:
            (text,) = scalar.converter.write(item)
        except ValueError as error:
            self._problem("BODY-WRITE", here, item, what=str(error), address=scalar.address.text)
            return made
        return text if scalar.address.names == (".",) else made | {scalar.address.names[0]: text}

    def _restore(
        self, entry: Json, place: Path, node: Json, owner: str, written: dict[str, tuple[Field, Any]]
    ) -> None:
        """Puts back what was kept of the body; exact forms only where the value is still the same."""
        address, kept = entry.get("address"), entry.get("value")
        if entry.get("absent") is True:
            return
        try:
            if not (isinstance(address, str) and address.startswith("/") and isinstance(kept, str)):
                raise ValueError
            value = decode(kept)
        except ValueError:
            self._problem("BODY-FOREIGN", (*place, "extensions"), str(address))
            return
        if address in written:
            rule, now = written[address]
            if len(rule.address.names) > 1 or rule.converter.read((text_of(value),)) != now:
                return
        steps = [part.replace("~1", "/").replace("~0", "~") for part in address[1:].split("/")]
        member = self.plan.forms.member(owner, tuple(one for one in steps if one[:1].isalpha()))
        _set(node, steps, _typed(value, member) if isinstance(value, str) else value)


def _set(node: Any, steps: list[str], value: Any) -> None:
    """Puts a value back at a pointer below an object, making what is not there on the way."""
    for step, following in zip(steps, [*steps[1:], None]):
        is_list = following is not None and (following.isdigit() or following.startswith("["))
        empty: Any = value if following is None else [] if is_list else {}
        if isinstance(node, list) and step.startswith("["):
            named = dict(part.split("=", 1) for part in step[1:-1].split(",") if "=" in part)
            fits = (one for one in node if isinstance(one, dict) and named.items() <= one.items())
            entry = next(fits, None)
            if entry is None:
                node.append(entry := dict(named))
            node = entry
        elif isinstance(node, list):
            index = int(step) if step.isdigit() else len(node)
            if following is None or index >= len(node):
                node.insert(index, empty)
                index = min(index, len(node) - 1)
            node = node[index]
        elif isinstance(node, dict):
            if following is None or not isinstance(node.get(step), dict | list):
                node[step] = empty
            node = node[step]


def completed(plan: BodyPlan, document: Mapping[str, Any]) -> tuple[Json, list[Problem]]:
    """The document with the values that reading its body will give it: constants, and what stands elsewhere.

    Parties that the body has no place for are left out, with a warning.
    """
    found: Json = json.loads(json.dumps(document))
    problems: list[Problem] = []

    def fill(rules: tuple[Rule, ...], target: Any, place: Path) -> None:
        for rule in rules if isinstance(target, dict) else ():
            if isinstance(rule, Repeated):
                items = get(target, rule.path)
                for index, item in reversed([*enumerate(items if isinstance(items, list) else [])]):
                    if _member_of(rule, item) is None:
                        where, names = pointer((*place, *rule.path, index)), ", ".join(rule.each.names)
                        told = mapping_problem("BODY-PLACE", where, names=names)
                        problems.append(replace(told, fault=Fault.US))
                        del items[index]
                    elif not rule.scalar:
                        fill(rule.rules, item, (*place, *rule.path, index))
            elif isinstance(rule, Field) and rule.fallback and get(target, rule.path) is None:
                value = get(found, rule.fallback)
                if value is not None and get(target, rule.path[:-1]) is not None:
                    put(target, rule.path, value)

    for path, text in plan.rules.constants.items():
        if get(found, path) is None:
            put(found, path, text)
    fill(plan.rules.rules, found, ())
    return found, problems


def _member_of(rule: Repeated, item: Any) -> str | None:
    """The member that an item of a list goes to; None if it goes to none."""
    key = next((one for one in rule.rules if isinstance(one, Field) and one.address.names == ("@",)), None)
    if key is None:
        return rule.each.names[0]
    try:
        (name,) = key.converter.write(get(item, key.path) if isinstance(item, dict) else None)
    except ValueError:
        return None
    return name if name in rule.each.names else None


def lost(plan: BodyPlan, document: Json, again: Json) -> Iterator[Problem]:
    """Where a document differs from what its body says.

    Errors are what would be lost or changed without a word, warnings fields that the mapping leaves out.
    """
    copies = {pointer(rule.path) for rule in plan.rules.rules if isinstance(rule, Copy) and rule.source}
    left_out: set[str] = set()
    for place, before, after in differences(_bare(body_of(document)), _bare(body_of(again))):
        if before is None or _same(before, after):
            continue
        name = "".join("[]" if part.isdigit() else f".{part}" for part in place[1:].split("/")).lstrip(".")
        tails = [name[start:] for start in range(len(name)) if start == 0 or name[:start].endswith("[].")]
        absent = plan.rules.absent | {one.removesuffix("[]") for one in plan.rules.absent}
        # A level of a tree may stand in any other; its rules are stated once.
        is_absent = any(f"{tail}.".startswith((f"{one}.", f"{one}[]")) for tail in tails for one in absent)
        if is_absent and after is None:
            if name in left_out:
                continue  # told once for all lines
            left_out.add(name)
        told = mapping_problem(
            "BODY-LOST" if after is None else "BODY-DIFFERENT",
            place,
            value=before if isinstance(before, str) else encode(before),
            severity=Severity.WARNING if (is_absent and after is None) or place in copies else None,
            after=after if isinstance(after, str) else encode(after),
        )
        yield replace(told, fault=Fault.US)


def _bare(value: Any) -> Any:
    """A part of a document without extensions."""
    if isinstance(value, dict):
        return {key: _bare(one) for key, one in value.items() if key != "extensions"}
    return [_bare(one) for one in value] if isinstance(value, list) else value


def _same(one: Any, other: Any) -> bool:
    """Whether two texts are the same number, or the same day."""
    if not (isinstance(one, str) and isinstance(other, str)):
        return False
    try:
        return Decimal(one) == Decimal(other)
    except ArithmeticError:
        return one.removesuffix(":00").removesuffix("T00:00") == other.removesuffix(":00").removesuffix(
            "T00:00"
        )
