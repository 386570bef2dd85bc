"""Functions made from a mapping: they write the segments of a document, one function for each scope.

They serve documents without extensions and of the right shape, and care for nothing else: any surprise
raises, and the table-driven writer then does the work or explains. What they write is read back and compared
in any case. As in :mod:`gateway.mapping.codegen`, nothing of a mapping enters the code but through ``repr``
or as an object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.mapping.converters import Converter, inverted
from gateway.mapping.generated import Memo, bound, indented
from gateway.mapping.model import Path
from gateway.mapping.plan import Case, Plan, Scope, Take
from gateway.x12.hierarchy import Tree


class SetFunctions:
    """The generated writer of a plan; call it with a document to get its segments, or None if it declines."""

    def __init__(self, plan: Plan) -> None:
        self._names: dict[str, Any] = {"EMPTY": {}}
        self._memos: list[tuple[int, Converter, str]] = []
        self._bodies: dict[str, str] = {}
        self._functions: dict[int, str] = {}
        self._plan = plan
        self._write: Callable[[dict[str, Any], list[str], str, str], None]
        self._write = self._names[self._scope(plan.root)]

    def __call__(self, document: dict[str, Any], separator: str, component: str) -> list[str] | None:
        """The segments between ST and SE."""
        out: list[str] = []
        try:
            self._write(document, out, separator, component)
        except (LookupError, TypeError, ValueError, AttributeError):
            return None
        return out

    def _scope(self, scope: Scope) -> str:
        """The name of the function of a scope; scopes that are written alike, such as levels, share one."""
        if scope.id not in self._functions:
            lines, below = self._function(scope)
            body = "\n".join([*indented(lines or ["pass"]), *below])
            name = self._functions[scope.id] = self._bodies.setdefault(body, f"scope{scope.id}")
            if name not in self._names:
                source = f"def {name}(d, out, sep, comp):\n{body}"
                exec(compile(source, f"<writer of {self._plan.mapping.guide}>", "exec"), self._names)  # nosec B102  # noqa: S102
        return self._functions[scope.id]

    def _function(self, scope: Scope) -> tuple[list[str], list[str]]:
        """Statements of a scope, and functions inside it for the levels of a hierarchy."""
        lines = ["if 'extensions' in d: raise LookupError"] if scope.container is scope.loop else []
        below: list[str] = []
        for index, cases in sorted(scope.cases.items()):
            position = self._plan.table.positions[index]
            segment = position.id
            if tree := position.tree:
                top = [case for case in cases if case.list_path is None][:1]
                parent = repr("1" if top else "")
                lines.append("n = [0]")
                for case in top:
                    lines += self._level(case, segment, tree, "d", "''")
                lines.append(f"below{index}(d, out, sep, comp, {parent}, n)")
                below.append(f"def below{index}(d, out, sep, comp, p, n):")
                for case in cases:
                    if case.list_path is not None and len(case.list_path) == 1:
                        key = case.list_path[0]
                        inner = self._level(case, segment, tree, "o", "p")
                        inner.append(f"below{index}(o, out, sep, comp, h, n)")
                        each = [f"if {key!r} in d:", f"    for o in d[{key!r}]:", *indented(indented(inner))]
                        below += indented(each)
                continue
            for case in cases:
                lines += self._case(case, segment)
        return lines, below

    def _level(self, case: Case, segment: str, tree: Tree, holder: str, parent: str) -> list[str]:
        """Statements that write one level of a hierarchy with its own segments; ``h`` is its number."""
        names = [case.list_path[0] for case in self._plan.levels if case.list_path]
        children = " or ".join(f"{holder}.get({name!r})" for name in names) or "False"
        given = {tree.id: "h", tree.parent: parent, tree.children: f"'1' if {children} else '0'"}
        lines, text, _ = self._segment(case, segment, holder, given)
        lines = ["n[0] += 1", "h = str(n[0])", *lines, f"out.append({text})"]
        if case.scope is not None and case.scope.cases:
            lines.append(f"{self._scope(case.scope)}({holder}, out, sep, comp)")
        elif holder == "o":
            lines.insert(0, "if 'extensions' in o: raise LookupError")
        return lines

    def _case(self, case: Case, segment: str) -> list[str]:
        child = case.scope if case.scope and case.scope.cases else None
        if case.marks:
            return []
        if case.list_path is None:
            lines, text, values = self._segment(case, segment, "d")
            filled = " or ".join(values)
            if child is None:
                # Most documents leave most fields out; one look at the outer names settles it.
                names = dict.fromkeys(repr(take.path[0]) for take in case.takes)
                guard = " or ".join(f"{name} in d" for name in names)
                body = [*lines, f"if {filled}: out.append({text})"]
                return [f"if {guard}:", *indented(body)] if filled else []
            enter = f"{self._scope(child)}(d, out, sep, comp)"
            checks = [f"if len(out) == at and not ({filled or 'False'}): out.pop()"]
            return [*lines, f"out.append({text})", "at = len(out)", enter, *checks]
        holder = _inside("d", case.list_path[:-1])
        head = f"for o in {holder}.get({case.list_path[-1]!r}, ()):"
        if case.scalar:
            lines, text, _ = self._segment(case, segment, "o")
            return [head, *indented([*lines, f"out.append({text})"])]
        lines = self._item(case, segment)
        for variant in reversed(case.variants):
            test = " or ".join(f"{_inside('o', path)} is not EMPTY" for path in sorted(variant.marks))
            lines = [f"if {test}:", *indented(self._item(variant, segment)), "else:", *indented(lines)]
        loop = [head, *indented(lines)]
        return [f"if {case.list_path[0]!r} in d:", *indented(loop)] if len(case.list_path) == 1 else loop

    def _item(self, case: Case, segment: str) -> list[str]:
        """Statements that write one item of a list, ``o``."""
        lines, text, _ = self._segment(case, segment, "o")
        lines.append(f"out.append({text})")
        if case.scope is not None and case.scope.cases:
            return [*lines, f"{self._scope(case.scope)}(o, out, sep, comp)"]
        return ["if 'extensions' in o: raise LookupError", *lines]

    def _memo(self, convert: Converter, size: int) -> str:
        """The name of a memo of what a converter writes: of several elements a tuple, for None empty text."""

        def texts(value: Any) -> str | tuple[str, ...]:
            written = () if value is None else convert.write(value)
            padded = written + ("",) * (size - len(written))
            return padded[0] if size == 1 else padded

        for known_size, known, name in self._memos:
            if known_size == size and known == convert:
                return name
        name = bound(self._names, "M", Memo(texts))
        self._memos.append((size, convert, name))
        return name

    def _segment(
        self, case: Case, segment: str, holder: str, given: Mapping[int, str] | None = None
    ) -> tuple[list[str], str, list[str]]:
        """Statements that get the values, an expression for the text, and names that tell if any is there.

        ``given`` has expressions for elements that no rule gives.
        """
        lines: list[str] = []
        nested: dict[str, list[str]] = {}
        absent: dict[str, list[str]] = {}
        parts: dict[int, str] = dict(given or {})
        components: dict[int, dict[int, str]] = {}
        values: list[str] = []
        #: Names of values that fill elements as far as they reach, by the first and their greatest number.
        spread: dict[tuple[int, int], str] = {}
        objects: dict[tuple[str, ...], str] = {(): holder}

        def place(element: int, component: int, expression: str) -> None:
            if component:
                components.setdefault(element, {})[component] = expression
            else:
                parts[element] = expression

        for condition in case.conditions:
            if condition.value:
                place(condition.element, condition.component, repr(condition.value))
        for number, take in enumerate(case.takes):
            prefix = take.path[:-1]
            if prefix not in objects:
                objects[prefix] = f"s{len(objects)}"
                lines.append(f"{objects[prefix]} = {_inside(holder, prefix)}")
            name = f"v{number}"
            found, open_ended = self._value(take, objects[prefix], name, is_item=case.scalar)
            if prefix and not open_ended:
                nested.setdefault(objects[prefix], []).extend(found)
                many = len(take.sources) > 1
                absent.setdefault(objects[prefix], []).append(
                    f"{name} = {('',) * len(take.sources) if many else repr('')}"
                )
            else:
                lines += found
            values.append(name)
            if open_ended:
                spread[take.sources[0][0], len(take.sources)] = name
                lines.append(f"if len({name}) > {len(take.sources)}: raise LookupError")
            elif len(take.sources) > 1:
                for position, source in enumerate(take.sources):
                    place(*source, f"{name}[{position}]")
                values[-1] = f"any({name})"
            else:
                place(*take.sources[0], name)
        for inner, found in nested.items():
            lines += [f"if {inner}:", *indented(found)]
            lines += ["else:", *indented(absent[inner])]
        for element, listed in components.items():
            joined = [listed.get(i, "''") for i in range(1, max(listed) + 1)]
            parts[element] = (
                joined[0] if len(joined) == 1 else f"comp.join(({', '.join(joined)})).rstrip(comp)"
            )
        last = max([*parts, *(first for first, _ in spread)])
        for (first, size), name in spread.items():
            if any(first <= number < first + size for number in parts):
                lines.append("raise LookupError")
            rest = f", *('',) * ({size} - len({name}))" if last >= first + size else ""
            parts |= dict.fromkeys(range(first, first + size), "") | {first: f"*{name}{rest}"}
        items = [repr(segment), *filter(None, (parts.get(i, "''") for i in range(1, last + 1)))]
        return lines, f"sep.join(({', '.join(items)},)).rstrip(sep)", values

    def _value(self, take: Take, holder: str, name: str, *, is_item: bool) -> tuple[list[str], bool]:
        """Statements that put the text of a field, or a list of texts, into ``name``."""
        convert = take.converter

        def got(missing: str) -> str:
            return holder if is_item else f"{holder}.get({take.path[-1]!r}, {missing})"

        inverse = bound(self._names, "I", inverted(convert.table)) if convert.table else ""

        def coded(text: str) -> str:
            return f"{inverse}.get({text}, {text})" if inverse else text

        if convert.plain:
            lines = [f"{name} = {got(repr(''))}"]
            return [*lines, f"{name} = {coded(name)}"] if inverse else lines, False
        if convert.name == "pairs":
            return [f"{name} = []", f"for q, w in {got('EMPTY')}.items(): {name} += ({coded('q')}, w)"], True
        if convert.name == "records":
            fields = ", ".join(f"r[{field!r}]" for field in convert.keys)
            return [f"{name} = []", f"for r in {got('()')}: {name} += ({fields})"], True
        if convert.name == "list":
            words = f"[{coded('w')} for w in {got('()')}]" if inverse else got("()")
            return [f"{name} = {words}"], True
        memo = self._memo(convert, len(take.sources))
        kind = {"integer": "int", "boolean": "bool"}.get(convert.kind)
        if kind is None:
            return [f"{name} = {memo}[{got('None')}]"], False
        # What is remembered does not tell 1 from true and 1.0.
        return [
            f"{name} = {got('None')}",
            f"if {name} is not None and {name}.__class__ is not {kind}: raise LookupError",
            f"{name} = {memo}[{name}]",
        ], False


def _inside(holder: str, path: Path) -> str:
    """An expression for what stands at a path of an object; without it an empty object."""
    return holder + "".join(f".get({key!r}, EMPTY)" for key in path)
