"""Values, segments and whole transaction sets that a guide allows, drawn at random.

``choices`` is any :class:`random.Random`: a seeded one for repeatable runs, or the one hypothesis hands out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random

from gateway.x12.elements import broken_notes
from gateway.x12.guide import UNLIMITED, Element, Loop, Segment, SyntaxNote
from gateway.x12.hierarchy import Tree
from gateway.x12.table import Position, Table
from tests.strategies import matching

Parts = list[str]

UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
LETTERS = UPPER + UPPER.lower() + DIGITS + "-/.,'&#+()"
_LONGEST = 24
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def letters(choices: Random, low: int, high: int, alphabet: str = LETTERS) -> str:
    size = choices.randint(max(1, low), max(1, low, min(high, _LONGEST)))
    text = "".join(choices.choice(alphabet) for _ in range(size))
    if size > 4 and alphabet is LETTERS and choices.random() < 0.3:
        text = f"{text[:2]} {text[3:]}"
    return text


def date(choices: Random, low: int, high: int) -> str:
    """CCYYMMDD, or YYMMDD where eight digits do not fit."""
    month = choices.randint(1, 12)
    day = choices.randint(1, _DAYS[month - 1])
    text = f"{choices.randint(1990, 2060)}{month:02d}{day:02d}"
    return text if high >= 8 and (low > 6 or choices.random() < 0.9) else text[2:]


def time(choices: Random, low: int, high: int) -> str:
    """HHMM, HHMMSS or HHMMSSDD."""
    size = choices.choice([size for size in (4, 4, 4, 6, 7, 8) if low <= size <= high])
    text = f"{choices.randint(0, 23):02d}{choices.randint(0, 59):02d}{choices.randint(0, 59):02d}"
    return (text + f"{choices.randint(0, 99):02d}")[:size]


def decimal(choices: Random, low: int, high: int) -> str:
    size = choices.randint(max(1, low), max(1, low, min(high, 9)))
    digits = "".join(choices.choice(DIGITS) for _ in range(size))
    digits = (digits.lstrip("0") or "1").rjust(max(1, low), "1")
    kind = choices.random()
    if kind < 0.4 and len(digits) > 1:
        point = choices.randint(1, len(digits) - 1)
        digits = f"{digits[:point]}.{digits[point:]}"
    return f"-{digits}" if kind > 0.95 else digits


def whole(choices: Random, low: int, high: int) -> str:
    size = choices.randint(max(1, low), max(1, low, min(high, 9)))
    digits = "".join(choices.choice(DIGITS) for _ in range(size)).lstrip("0") or "0"
    return digits.rjust(max(1, low), "1")


def codes(element: Element) -> list[str]:
    """The codes that fit the length, in a fixed order."""
    listed = element.codes.codes if element.codes is not None else ()
    return sorted(code for code in listed if element.min <= len(code) <= element.max)


def value(element: Element, choices: Random) -> str:
    """A lawful value of a simple element."""
    if element.pattern:
        return matching(element.pattern, choices)
    if element.codes is not None and (listed := codes(element)):
        return choices.choice(listed)
    match element.type:
        case "DT":
            return date(choices, element.min, element.max)
        case "TM":
            return time(choices, element.min, element.max)
        case "R":
            return decimal(choices, element.min, element.max)
        case "ID":
            return letters(choices, element.min, element.max, UPPER)
        case "AN" | "B":
            return letters(choices, element.min, element.max)
        case _:
            return whole(choices, element.min, element.max)


def filled(
    elements: Sequence[Element],
    notes: Iterable[SyntaxNote],
    choices: Random,
    share: float,
    fixed: dict[int, bool] | None = None,
) -> set[int] | None:
    """Which elements (from 1) to fill so that usage and notes hold; None where that was not found.

    Args:
        fixed: elements that must or must not be filled.
    """
    fixed = fixed or {}
    listed = tuple(notes)
    chosen = {
        index
        for index, element in enumerate(elements, 1)
        if fixed.get(index, element.usage == "R" or (element.usage != "N" and choices.random() < share))
    }
    for _ in range(40):
        state = [False] + [index in chosen for index in range(1, len(elements) + 1)]
        broken = next(iter(broken_notes(listed, state)), None)
        if broken is None:
            needed = {i for i, e in enumerate(elements, 1) if e.usage == "R" and fixed.get(i, True)}
            return chosen if needed <= chosen else None
        note = broken[0]
        loose = [n for n in note.elements if n <= len(elements) and n not in fixed]
        match note.kind:
            case "E":
                removable = [n for n in loose if n in chosen]
                chosen.difference_update(removable[:1])
            case "P" | "C" if choices.random() < 0.5:
                chosen.difference_update(loose if note.kind == "P" else loose[:1])
            case _:
                missing = [n for n in loose if n not in chosen]
                chosen.update(missing[:1])
    return None


def element_text(element: Element, choices: Random, component: str, share: float) -> str:
    """A lawful text of an element; a composite needs a component separator."""
    if not element.components:
        return value(element, choices)
    if not component:
        return value(element.components[0], choices)
    inside = filled(element.components, element.notes, choices, share, {1: True}) or {1}
    texts = [
        value(part, choices) if index in inside else "" for index, part in enumerate(element.components, 1)
    ]
    return component.join(texts).rstrip(component)


def segment(definition: Segment, choices: Random, component: str = ">", share: float = 0.3) -> Parts:
    """A lawful segment; a count is always 1 and a hash total left out."""
    chosen = filled(definition.elements, definition.notes, choices, share)
    chosen = chosen or filled(definition.elements, definition.notes, choices, 0.9) or set()
    parts = [definition.id]
    for index, element in enumerate(definition.elements, 1):
        given = index in chosen and not element.hash
        text = "1" if element.count else element_text(element, choices, component, share)
        parts.append(text if given else "")
    return stripped(parts)


def below(tree: Tree, level: str, choices: Random, known: Sequence[str]) -> str:
    """A level that may stand below another; seldom one that the guide says nothing of."""
    if level and level not in tree.parents:
        return choices.choice(sorted(tree.parents))
    fitting = sorted(one for one, above in tree.parents.items() if level in above)
    if level and (not fitting or choices.random() < 0.1):
        fitting = [one for one in known if one not in tree.parents]
    return choices.choice(fitting)


def levels(loop: Loop, tree: Tree, choices: Random, most: int = 9) -> list[Parts]:
    """The segments that begin the levels of a lawful tree, depth first or in another order, parents first."""
    known = codes(loop.trigger.elements[tree.level - 1])
    deep, flags, width = choices.random() < 0.6, choices.random() < 0.8, choices.choice((1, 1, 1, 4))
    found: list[tuple[str, str, str]] = []
    path = [("", "")]
    for number in range(1, choices.randint(1, most) + 1):
        at = choices.randrange(len(path)) if number > 1 else 0
        at = at or min(1, len(path) - 1)
        parent, level = path[at]
        one = (str(number).zfill(width), below(tree, level, choices, known))
        path = [*(path[: at + 1] if deep else path), one]
        found.append((one[0], parent, one[1]))
    parents = {parent for _, parent, _ in found}
    out = []
    for own, parent, level in found:
        parts = [loop.trigger.id, *[""] * len(loop.trigger.elements)]
        parts[tree.id], parts[tree.parent], parts[tree.level] = own, parent, level
        parts[tree.children] = str(int(own in parents)) if flags else ""
        out.append(stripped(parts))
    return out


def packs(count: int, parent: Callable[[int], int]) -> bytes:
    """Many levels in bytes, numbered from 2; lawful only as far as ``parent`` is."""
    return b"".join(b"HL*%d*%d*P~" % (number, parent(number)) for number in range(2, count + 2))


def stripped(parts: Parts) -> Parts:
    """The segment without empty elements at its end."""
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def at(position: Position, choices: Random, share: float = 0.3) -> Parts:
    """A lawful segment for a place; a level is the only one."""
    if position.tree is not None:
        return levels(position.loop.loop, position.tree, choices, 1)[0]
    return segment(position.segment, choices, share=share)


def transaction(table: Table, choices: Random, component: str = ">", share: float = 0.12) -> list[Parts]:
    """A set with segments from all over the guide, counts included; nearly always without an error."""
    out: list[Parts] = []

    def walk(loop: Loop, depth: int, begin: Parts | None = None) -> None:
        for child in loop.children:
            inner = isinstance(child, Loop)
            first = child is loop.children[0]
            often = share / (2 if depth else 1)
            if not first and child.usage != "R" and (child.usage == "N" or choices.random() > often):
                continue
            limit = child.repeat if isinstance(child, Loop) else child.max_use
            times = 1 if first or limit == 1 or choices.random() < 0.6 else 2
            if limit not in (UNLIMITED, 1):
                times = min(times, limit)
            if isinstance(child, Loop) and child.tree is not None:
                for level in levels(child, child.tree, choices):
                    walk(child, depth + 1, level)
                continue
            for _ in range(times):
                if inner:
                    walk(child, depth + 1)  # type: ignore[arg-type]
                else:
                    given = begin if first else None
                    out.append(given or segment(child, choices, component))  # type: ignore[arg-type]

    walk(table.guide.root, 0)
    out[0] = ["ST", table.guide.set_id, "0001"]
    for position in table.positions:
        for index, element in enumerate(position.segment.elements, 1):
            if element.count:
                for parts in out:
                    if parts[0] == position.id and len(parts) > index and parts[index]:
                        counted = choices.choice(element.count.split())
                        parts[index] = str(sum(other[0] == counted for other in out))
    out[-1] = ["SE", str(len(out)), "0001"]
    return out


def route(table: Table, start: int, end: int) -> list[int]:
    """The positions between two, by the shortest way that leaves out nothing mandatory; empty if adjacent."""
    came: dict[int, int] = {start: start}
    waiting = [start]
    for here in waiting:
        for target in table.positions[here].targets.values():
            there = target.position
            if there == end and not target.skipped:
                path = [here]
                while path[-1] != start:
                    path.append(came[path[-1]])
                return path[-2::-1]
            if not target.skipped and there not in came:
                came[there] = here
                waiting.append(there)
    raise LookupError(f"no way from {table.positions[start].path} to {table.positions[end].path}")
