"""What differs between two X12 files, by structure: sets, segments and elements instead of characters.

Separators, line ends, padding of ISA and trailing empty elements are outer form and never a difference.
Interchanges and functional groups are compared in their order, transaction sets by ST02 where that is unique,
else in their order. Inside a set segments are aligned first where they are equal, then where they have the
same place in the guide and the same qualifier; the work grows with the number of segments only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import Step, diagnose
from gateway.x12.guide import Element, Segment
from gateway.x12.reader import EnvelopeSegment, Foreign, Isa, Piece, SetText, TruncatedIsa
from gateway.x12.rewrite import BINARY, segments
from gateway.x12.table import Position, Table

EXACT_CELLS = 250_000
"""Largest product of two lengths for which the longest common subsequence is found by the full table."""

WINDOW = 256
"""How far ahead a match is looked for in longer stretches."""

CONTROL_ELEMENTS = {
    "ISA": {9, 10, 13},
    "GS": {4, 5, 6},
    "ST": {2},
    "SE": {1, 2},
    "GE": {1, 2},
    "IEA": {1, 2},
}
"""Control numbers, dates, times and counts: what differs whenever the same content is sent again."""

_COMPONENT, _REPETITION = "\x1f", "\x1e"

Parts = tuple[str, ...]
_T = TypeVar("_T")


class Guides(Protocol):
    """Where names and places come from."""

    def table(self, version: str, set_id: str) -> Table | None:
        """The compiled guide for GS08 and ST01; None without one."""
        ...

    def envelope_segment(self, name: str) -> Segment | None:
        """The definition of ISA, GS, GE, IEA or TA1."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """One element (or component) that differs; empty text where it is absent."""

    ref: str
    name: str
    before: str
    after: str

    def to_dict(self) -> dict[str, str]:
        return {"ref": self.ref, "name": self.name, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        kind: ``added`` (only in the second file), ``removed`` (only in the first) or ``changed``.
        level: ``interchange``, ``group``, ``transaction_set``, ``segment`` or ``text``.
        place: the interchange, group and set it is in, in words.
        segment: segment id; empty above segments. name: the guide's name of it. loop: the loops around it.
        number_before: position in the set of the first file, ST = 1. number_after: in that of the second.
        before: the text in the first file, with ``*`` and ``>`` as separators. after: that in the second.
    """

    kind: str
    level: str
    place: str
    segment: str = ""
    name: str = ""
    loop: str = ""
    number_before: int | None = None
    number_after: int | None = None
    before: str = ""
    after: str = ""
    changes: tuple[Change, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; ``null`` where there is nothing to say."""
        return {
            "kind": self.kind,
            "level": self.level,
            "place": self.place,
            "segment": self.segment or None,
            "name": self.name or None,
            "loop": self.loop or None,
            "number_before": self.number_before,
            "number_after": self.number_after,
            "before": self.before or None,
            "after": self.after or None,
            "changes": [change.to_dict() for change in self.changes],
        }


@dataclass(slots=True)
class _Set:
    begin: Parts
    piece: SetText
    delimiters: Delimiters
    version: str

    @property
    def name(self) -> str:
        return f"{_get(self.begin, 1)} {_get(self.begin, 2)}".strip()


@dataclass(slots=True)
class _Group:
    """A functional group; ``header`` is empty for sets that stand in none."""

    header: Parts = ()
    trailer: Parts = ()
    sets: list[_Set] = field(default_factory=list)


@dataclass(slots=True)
class _Interchange:
    """An interchange; ``others`` holds TA1 and whatever else stands outside transaction sets."""

    header: Parts = ()
    trailer: Parts = ()
    groups: list[_Group] = field(default_factory=list)
    others: list[Parts] = field(default_factory=list)


@dataclass(slots=True)
class Outline:
    """A file cut into interchanges, groups and sets; of text that is no X12 the beginning and the length."""

    interchanges: list[_Interchange] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def outline(pieces: Iterable[Piece]) -> Outline:
    """Reads the pieces of :class:`gateway.x12.reader.Reader`; the text of all sets stays in memory."""
    found = Outline()
    delimiters = Delimiters()
    open_group = False
    for piece in pieces:
        match piece:
            case Isa():
                delimiters, open_group = piece.delimiters, False
                found.interchanges.append(_Interchange(_isa(piece)))
            case EnvelopeSegment():
                here = found.interchanges[-1]
                values = _parts(piece.text, delimiters)
                if values[0] == "GS":
                    here.groups.append(_Group(values))
                    open_group = True
                elif values[0] == "GE" and open_group:
                    here.groups[-1].trailer = values
                    open_group = False
                elif values[0] == "IEA" and not here.trailer:
                    here.trailer = values
                else:
                    here.others.append(values)
            case SetText():
                here = found.interchanges[-1]
                if not open_group:
                    here.groups.append(_Group())
                    open_group = True
                begin = _parts(piece.text[:200].partition(delimiters.terminator)[0], delimiters)
                version = _get(here.groups[-1].header, 8).strip()
                here.groups[-1].sets.append(_Set(begin, piece, delimiters, version))
            case Foreign():
                found.foreign.append(f"{piece.count} bytes: {piece.sample}")
            case TruncatedIsa():
                found.foreign.append(piece.text)
            case _:
                pass
    return found


def _isa(piece: Isa) -> Parts:
    values = list(piece.elements)
    if values and piece.delimiters.repetition:
        values[11] = ""
    return tuple(value.rstrip() for value in values[:16])


def _parts(text: str, delimiters: Delimiters) -> Parts:
    """Segment id and elements, with separators inside elements made comparable and empty ends taken off."""
    place = BINARY.get(text.partition(delimiters.element)[0])
    if place is not None:  # data of a stated length, which may hold separators
        return tuple(text.split(delimiters.element, place))
    values = text.split(delimiters.element)
    for own, common in ((delimiters.component, _COMPONENT), (delimiters.repetition, _REPETITION)):
        if own and own in text:
            values = [value.replace(own, common) for value in values]
    values = [_trimmed(value) if _COMPONENT in value else value for value in values]
    while len(values) > 1 and not values[-1]:
        values.pop()
    return tuple(values)


def _trimmed(value: str) -> str:
    """An element without trailing empty components, in each of its repetitions."""
    return _REPETITION.join(one.rstrip(_COMPONENT) for one in value.split(_REPETITION))


def diff(
    first: Iterable[Piece], second: Iterable[Piece], guides: Guides, *, ignore_control: bool = False
) -> Iterator[Difference]:
    """The differences of two files in the order of the first.

    Args:
        first: pieces of the one file. second: pieces of the other.
        guides: names and places of segments; a set without guide is compared by its segment ids.
        ignore_control: leave out control numbers, dates, times and counts of the envelope, ST and SE.
    """
    before, after = outline(first), outline(second)
    yield from _Comparison(guides, ignore_control).files(before, after)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A segment of a set: what it says, where it stands, and by what it may be aligned."""

    number: int
    parts: Parts
    position: Position | None
    key: Hashable


@dataclass(slots=True)
class _Comparison:
    guides: Guides
    ignore_control: bool

    def files(self, before: Outline, after: Outline) -> Iterator[Difference]:
        yield from self._texts(before.foreign, after.foreign)
        for index in range(max(len(before.interchanges), len(after.interchanges))):
            one, other = _at(before.interchanges, index), _at(after.interchanges, index)
            if one is None or other is None:
                kind, only = ("removed", one) if one else ("added", other)
                assert only is not None
                sets = sum(len(group.sets) for group in only.groups)
                text = f"{_shown(only.header)} ({sets} transaction sets)"
                yield _whole(kind, "interchange", _interchange_name(only, index), "ISA", text)
            else:
                yield from self._interchange(one, other, _interchange_name(one, index))

    def _texts(self, before: list[str], after: list[str]) -> Iterator[Difference]:
        for i, j in align(before, after):
            if i is None or j is None:
                kind, text = ("removed", before[i]) if i is not None else ("added", after[j or 0])
                yield _whole(kind, "text", "outside the interchanges", "", text)

    def _interchange(self, one: _Interchange, other: _Interchange, place: str) -> Iterator[Difference]:
        yield from self._envelope(one.header, other.header, "ISA", "interchange", place)
        others = [self._plain(parts) for parts in one.others], [self._plain(parts) for parts in other.others]
        for i, j in align(*others):
            if i is None or j is None:
                kind, parts = ("removed", others[0][i]) if i is not None else ("added", others[1][j or 0])
                yield _whole(kind, "segment", place, parts[0], _shown(parts))
        for index in range(max(len(one.groups), len(other.groups))):
            left, right = _at(one.groups, index), _at(other.groups, index)
            if left is None or right is None:
                kind, only = ("removed", left) if left else ("added", right)
                assert only is not None
                text = f"{_shown(only.header)} ({len(only.sets)} transaction sets)"
                yield _whole(kind, "group", f"{place}, {_group_name(only)}", "GS", text)
            else:
                yield from self._group(left, right, f"{place}, {_group_name(left)}")
        yield from self._envelope(one.trailer, other.trailer, "IEA", "interchange", place)

    def _group(self, one: _Group, other: _Group, place: str) -> Iterator[Difference]:
        yield from self._envelope(one.header, other.header, "GS", "group", place)
        for left, right in self._pairs(one.sets, other.sets):
            if left is None or right is None:
                kind, only = ("removed", left) if left else ("added", right)
                assert only is not None
                count = len(_texts(only))
                text = f"{_shown(only.begin)} ({count} segments)"
                yield _whole(kind, "transaction_set", f"{place}, {only.name}", "ST", text)
            else:
                yield from self._set(left, right, f"{place}, {left.name}")
        yield from self._envelope(one.trailer, other.trailer, "GE", "group", place)

    def _pairs(self, before: list[_Set], after: list[_Set]) -> Iterator[tuple[_Set | None, _Set | None]]:
        """Which set is compared with which."""
        ours = {(_get(s.begin, 1), _get(s.begin, 2)): s for s in before}
        theirs = {(_get(s.begin, 1), _get(s.begin, 2)): s for s in after}
        unique = len(ours) == len(before) and len(theirs) == len(after)
        if unique and not self.ignore_control and ours.keys() & theirs.keys():
            yield from ((one, theirs.get(key)) for key, one in ours.items())
            yield from ((None, other) for key, other in theirs.items() if key not in ours)
            return
        prints = [self._print(s) for s in before], [self._print(s) for s in after]
        yield from (
            (before[i] if i is not None else None, after[j] if j is not None else None)
            for i, j in _paired(align(*prints))
        )

    def _print(self, one: _Set) -> Hashable:
        return hash(tuple(self._plain(_parts(text, one.delimiters)) for text in _texts(one)))

    def _plain(self, parts: Parts) -> Parts:
        """A segment without what is to be ignored."""
        ignored = CONTROL_ELEMENTS.get(parts[0]) if self.ignore_control else None
        if not ignored:
            return parts
        values = ["" if index in ignored else value for index, value in enumerate(parts)]
        while len(values) > 1 and not values[-1]:
            values.pop()
        return tuple(values)

    def _envelope(
        self, before: Parts, after: Parts, name: str, level: str, place: str
    ) -> Iterator[Difference]:
        one, other = (self._plain(parts) if parts else () for parts in (before, after))
        if one == other:
            return
        if not one or not other:
            kind, text = ("removed", _shown(before)) if one else ("added", _shown(after))
            yield _whole(kind, level, place, name, text)
            return
        definition = self.guides.envelope_segment(name)
        changes = tuple(_changes(one, other, definition))
        yield Difference(
            "changed",
            level,
            place,
            name,
            definition.name if definition else "",
            before=_shown(before),
            after=_shown(after),
            changes=changes,
        )

    # --- transaction sets ------------------------------------------------------------------------------
    def _set(self, before: _Set, after: _Set, place: str) -> Iterator[Difference]:
        one, other = self._entries(before), self._entries(after)
        exact = align([entry.parts for entry in one], [entry.parts for entry in other])
        gap_one: list[_Entry] = []
        gap_other: list[_Entry] = []
        for i, j in (*exact, (None, None)):
            if i is not None and j is None:
                gap_one.append(one[i])
            elif j is not None and i is None:
                gap_other.append(other[j])
            else:
                yield from self._gap(gap_one, gap_other, place)
                gap_one, gap_other = [], []

    def _gap(self, before: list[_Entry], after: list[_Entry], place: str) -> Iterator[Difference]:
        """A stretch without equal segments: aligned by place and qualifier."""
        for i, j in align([entry.key for entry in before], [entry.key for entry in after]):
            one = before[i] if i is not None else None
            other = after[j] if j is not None else None
            entry = one or other
            assert entry is not None
            segment = entry.position.segment if entry.position else None
            yield Difference(
                "changed" if one and other else "removed" if one else "added",
                "segment",
                place,
                entry.parts[0],
                segment.name if segment else "",
                _loop(entry.position),
                one.number if one else None,
                other.number if other else None,
                _shown(one.parts) if one else "",
                _shown(other.parts) if other else "",
                tuple(_changes(one.parts, other.parts, segment)) if one and other else (),
            )

    def _entries(self, one: _Set) -> list[_Entry]:
        texts = _texts(one)
        delimiters = one.delimiters
        table = self.guides.table(one.version, _get(one.begin, 1))
        if table is None:
            steps = [Step(number, [], None, 0) for number in range(1, len(texts) + 1)]
        else:
            steps = diagnose(table, texts, delimiters, complete=False).steps
        found = []
        for step, text in zip(steps, texts, strict=True):
            parts = self._plain(_parts(text, delimiters))
            position = table.positions[step.position] if table and step.position is not None else None
            found.append(_Entry(step.number, parts, position, _key(parts, position)))
        return found


def _key(parts: Parts, position: Position | None) -> Hashable:
    """What a segment is: its place, and its qualifier where the first element is one."""
    if position is None:
        return parts[0], _get(parts, 1)
    elements = position.segment.elements
    qualified = position.counts and bool(elements) and elements[0].type == "ID"
    return position.index, _get(parts, 1) if qualified else ""


def _texts(one: _Set) -> list[str]:
    return segments(one.piece, one.delimiters)


def _changes(before: Parts, after: Parts, segment: Segment | None) -> Iterator[Change]:
    elements = segment.elements if segment else ()
    for index in range(1, max(len(before), len(after))):
        one, other = _get(before, index), _get(after, index)
        if one == other:
            continue
        ref = f"{before[0]}{index:02d}"
        element = elements[index - 1] if index <= len(elements) else None
        composite = (_COMPONENT in one + other) or bool(element and element.components)
        if not composite or _REPETITION in one + other:
            yield Change(ref, element.name if element else "", _readable(one), _readable(other))
            continue
        ones, others = one.split(_COMPONENT), other.split(_COMPONENT)
        for number in range(1, max(len(ones), len(others)) + 1):
            left, right = _get(ones, number - 1), _get(others, number - 1)
            if left != right:
                yield Change(f"{ref}-{number}", _component_name(element, number), left, right)


def _component_name(element: Element | None, number: int) -> str:
    components = element.components if element else ()
    return components[number - 1].name if number <= len(components) else ""


def _whole(kind: str, level: str, place: str, segment: str, text: str) -> Difference:
    before, after = (text, "") if kind == "removed" else ("", text)
    return Difference(kind, level, place, segment, before=before, after=after)


def _shown(parts: Sequence[str]) -> str:
    return _readable("*".join(parts))


def _readable(text: str) -> str:
    return text.replace(_COMPONENT, ">").replace(_REPETITION, "^")


def _interchange_name(one: _Interchange, index: int) -> str:
    return f"interchange {_get(one.header, 13) or index + 1}"


def _group_name(one: _Group) -> str:
    return f"group {_get(one.header, 6)}" if one.header else "no group"


def _loop(position: Position | None) -> str:
    return "/".join(place.loop.trigger.id for place in position.loop.path) if position else ""


def _get(values: Sequence[str], index: int) -> str:
    return values[index] if index < len(values) else ""


def _at(values: list[_T], index: int) -> _T | None:
    return values[index] if index < len(values) else None


# --- alignment -------------------------------------------------------------------------------------------

Pair = tuple[int | None, int | None]


def align(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Pair]:
    """Pairs of equal items in the order of both sequences, and between them what stands in one only.

    Common ends come first, then items that are unique in both (patience), then short stretches exactly by the
    longest common subsequence and long ones by the nearest match within a window: the work is bounded by the
    length of the sequences times a constant.
    """
    pairs: list[Pair] = []
    begin, end_before, end_after = 0, len(before), len(after)
    while begin < min(end_before, end_after) and before[begin] == after[begin]:
        begin += 1
    while min(end_before, end_after) > begin and before[end_before - 1] == after[end_after - 1]:
        end_before, end_after = end_before - 1, end_after - 1
    pairs += [(i, i) for i in range(begin)]
    i = j = begin
    for stop_i, stop_j in (*_anchors(before, after, begin, end_before, end_after), (end_before, end_after)):
        pairs += _stretch(before, after, i, stop_i, j, stop_j)
        if stop_i < end_before or stop_j < end_after:
            pairs.append((stop_i, stop_j))
        i, j = stop_i + 1, stop_j + 1
    pairs += zip(range(end_before, len(before)), range(end_after, len(after)), strict=True)
    return pairs


def _anchors(
    before: Sequence[Hashable], after: Sequence[Hashable], begin: int, end_before: int, end_after: int
) -> list[tuple[int, int]]:
    """Items that are unique in both stretches, as the longest chain that keeps the order of both."""
    ours, theirs = Counter(before[begin:end_before]), Counter(after[begin:end_after])
    places = {item: j for j, item in enumerate(after[begin:end_after], begin) if theirs[item] == 1}
    common = [
        (i, places[item])
        for i, item in enumerate(before[begin:end_before], begin)
        if ours[item] == 1 and item in places
    ]
    tails: list[int] = []
    chosen: list[int] = []
    previous = [-1] * len(common)
    for index, (_, j) in enumerate(common):
        at = bisect_left(tails, j)
        previous[index] = chosen[at - 1] if at else -1
        tails[at : at + 1], chosen[at : at + 1] = [j], [index]
    chain = []
    index = chosen[-1] if chosen else -1
    while index >= 0:
        chain.append(common[index])
        index = previous[index]
    return chain[::-1]


def _stretch(
    before: Sequence[Hashable], after: Sequence[Hashable], i: int, stop_i: int, j: int, stop_j: int
) -> list[Pair]:
    if (stop_i - i) * (stop_j - j) <= EXACT_CELLS:
        matches = _common(before[i:stop_i], after[j:stop_j])
        found = [(i + a, j + b) for a, b in matches]
    else:
        found = _nearest(before, after, i, stop_i, j, stop_j)
    pairs: list[Pair] = []
    for match_i, match_j in (*found, (stop_i, stop_j)):
        pairs += [(k, None) for k in range(i, match_i)]
        pairs += [(None, k) for k in range(j, match_j)]
        if match_i < stop_i:
            pairs.append((match_i, match_j))
        i, j = match_i + 1, match_j + 1
    return pairs


def _common(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[tuple[int, int]]:
    """A longest common subsequence, by the full table."""
    width = len(after) + 1
    rows = [[0] * width]
    for item in reversed(before):
        below, row = rows[-1], [0] * width
        for k in range(width - 2, -1, -1):
            row[k] = below[k + 1] + 1 if after[k] == item else max(below[k], row[k + 1])
        rows.append(row)
    rows.reverse()
    found, i, j = [], 0, 0
    while i < len(before) and j < len(after):
        if before[i] == after[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif rows[i + 1][j] >= rows[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def _nearest(
    before: Sequence[Hashable], after: Sequence[Hashable], i: int, stop_i: int, j: int, stop_j: int
) -> list[tuple[int, int]]:
    """Each item with the next equal one ahead, if that is near."""
    places: dict[Hashable, list[int]] = {}
    for k in range(j, stop_j):
        places.setdefault(after[k], []).append(k)
    found = []
    for k in range(i, stop_i):
        ahead = places.get(before[k], [])
        at = bisect_left(ahead, j)
        if at < len(ahead) and ahead[at] - j <= WINDOW:
            found.append((k, ahead[at]))
            j = ahead[at] + 1
    return found


def _paired(pairs: list[Pair]) -> Iterator[Pair]:
    """Items that stand alone on both sides of a gap are compared with each other, in their order."""
    ours: list[int] = []
    theirs: list[int] = []
    for i, j in (*pairs, (None, None)):
        if i is not None and j is None:
            ours.append(i)
        elif j is not None and i is None:
            theirs.append(j)
        else:
            for k in range(max(len(ours), len(theirs))):
                yield ours[k] if k < len(ours) else None, theirs[k] if k < len(theirs) else None
            ours, theirs = [], []
            if i is not None:
                yield i, j
