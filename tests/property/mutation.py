"""Transaction sets to begin with, and ways to spoil them; the same for the same seed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from benchmarks import generate
from gateway.engine import library, read
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import TransactionSet
from gateway.x12.guide import Element
from gateway.x12.table import Table
from tests import samples
from tests.property import lawful

Parts = list[str]
Guided = tuple[str, str]
"""Release and set, ``("004010", "850")``: which guide a set follows."""

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "x12"
SCHEMAS = ROOT / "schemas" / "x12"
_LARGEST = 90


class Set(list[Parts]):
    """A transaction set: segments from ST to SE, each its id and elements as text."""

    guide: Guided


@dataclass(frozen=True, slots=True)
class Origin:
    """A set that is spoiled, with its name for reports and the separators it is written with."""

    name: str
    segments: tuple[tuple[str, ...], ...]
    delimiters: Delimiters
    release: str = "004010"

    @property
    def guide(self) -> Guided:
        return self.release, self.segments[0][1]

    def copy(self) -> Set:
        found = Set(list(parts) for parts in self.segments)
        found.guide = self.guide
        return found


@cache
def guides() -> tuple[Guided, ...]:
    """Every guide of every release."""
    found = set()
    for path in SCHEMAS.glob("*/maps.xml"):
        release = library().release(path.parent.name)
        assert release is not None
        found |= {(release.name, set_id) for _, set_id in release.maps}
    return tuple(sorted(found))


def origins_of(source: bytes | Path, name: str) -> Iterator[Origin]:
    """The sets of a file that have a guide, without those too long to be spoiled quickly."""
    for event in read(source, documents=False):
        if not isinstance(event, TransactionSet) or event.guide is None or event.group is None:
            continue
        marks, release = event.interchange.delimiters, event.guide.rpartition(".")[2]
        texts = [text.strip("\r\n") for text in event.text.split(marks.terminator)]
        fits = len(texts) <= _LARGEST and texts[-1].startswith("SE")
        # A set served by the nearest release is judged with leniencies.
        if fits and event.group.version.startswith(release):
            parts = tuple(tuple(text.split(marks.element)) for text in texts)
            yield Origin(f"{name} {event.control_number}", parts, marks, release)


@cache
def golden() -> tuple[Origin, ...]:
    """The project's own documents."""
    paths = sorted(GOLDEN.glob("*/*/*.edi"))
    return tuple(origin for path in paths for origin in origins_of(path, path.stem))


@cache
def generated(count: int = 60) -> tuple[Origin, ...]:
    """Orders as the benchmarks use them, cut to a few lines by taking the short ones."""
    found: list[Origin] = []
    for profile in generate.PROFILES:
        target = io.BytesIO()
        generate.write(target, profile=profile, documents=count)
        found += origins_of(target.getvalue(), profile)
    return tuple(origin for origin in found if len(origin.segments) <= 50)


@cache
def drawn(guide: Guided, count: int = 20) -> tuple[Origin, ...]:
    """Sets with segments from all over a guide."""
    release, set_id = guide
    found = []
    for number in range(count):
        parts = lawful.transaction(table(guide), Random(number), share=0.06 if number % 2 else 0.2)
        if len(parts) <= _LARGEST:
            rows = tuple(tuple(part) for part in parts)
            found.append(Origin(f"drawn {set_id} {number}", rows, Delimiters(), release))
    return tuple(found)


@cache
def sampled() -> tuple[Origin, ...]:
    """The sample documents, none where those are absent."""
    directory = samples.directory()
    if directory is None:
        return ()
    paths = sorted(directory.glob("*.edi"))
    return tuple(origin for path in paths for origin in origins_of(path, path.stem))


def origins(guide: Guided) -> list[Origin]:
    """All sets of a guide to spoil; those of the project itself come several times."""
    known = [*golden() * 3, *sampled(), *(generated() if guide == ("004010", "850") else ())]
    return [*(origin for origin in known if origin.guide == guide), *drawn(guide)]


# --- ways to spoil a set -------------------------------------------------------------------------------

CODES = ("BY", "ST", "ZZ", "EA", "00", "TE", "002", "064", "USD", "F", "08", "LPR", "TT", "Q9", "?", "A")
NUMBERS = (
    "0", "00", "007", "-1", "1.", ".5", "-.5", "1.50", "1,5", "1E3", "+1", "--1", "-", ".", "12345678901",
    "123456789012345678901234567890", "0.0", "1 ", "\xb2", "99999999999999999999999999", "-0", "1.2.3", "5X",
)  # fmt: skip
DATES = (
    "20260231", "20240229", "19000229", "20000229", "000229", "260101", "2026010", "00000101", "20261301",
    "20260100", "2026-1-1", "202601011", "20260101 ", "99991231", "00170107", "\xb2" * 8,
)  # fmt: skip
TIMES = (
    "0000", "2359", "2400", "1260", "120060", "12005", "1200599", "12005999", "24", "12:00", "120059999",
)  # fmt: skip
ODD = (
    ">", ">>", "A>", ">A", "A>B", "^", "A^B", "|", ":", "\x1f", "\x1e", "\x1d", "\x00", "\x7f", "\x80",
    "\xa0", "\xe4\xf6", "\xff", "\n", "\r\n", "\t", " ", "  x", "x  ", "a", "~", "'", '"', "\\", "{}", "{0}",
    "%s", "ISA", "_",
)  # fmt: skip
UNKNOWN = ("ZZZ", "", "X", "BEGX", "beg", " BEG", "BEG ", "ST", "SE", "GS", "ISA", "HL", "\xc4\xd6\xdc", "9A")

Mutator = Callable[[Set, Random], None]


def _inside(segments: Set, choices: Random) -> int:
    """A place between ST and SE."""
    return choices.randint(1, max(1, len(segments) - 2))


def _some(segments: Set, choices: Random) -> Parts:
    return segments[min(_inside(segments, choices), len(segments) - 1)]


def _at(parts: Parts, choices: Random) -> int:
    """The place of an element; a segment without any gets one."""
    if len(parts) < 2:
        parts.append("")
    return choices.randint(1, len(parts) - 1)


def drop_segment(segments: Set, choices: Random) -> None:
    if len(segments) > 3:
        del segments[_inside(segments, choices)]


def double_segment(segments: Set, choices: Random) -> None:
    at = min(_inside(segments, choices), len(segments) - 1)
    times = choices.choice((1, 1, 1, 2, 5, 30))
    segments[at:at] = [list(segments[at]) for _ in range(times)]


def swap_segments(segments: Set, choices: Random) -> None:
    one = min(_inside(segments, choices), len(segments) - 1)
    other = choices.choice((one + 1, _inside(segments, choices)))
    if other < len(segments) - 1:
        segments[one], segments[other] = segments[other], segments[one]


def move_segment(segments: Set, choices: Random) -> None:
    if len(segments) > 3:
        segments.insert(_inside(segments, choices), segments.pop(_inside(segments, choices)))


def repeat_part(segments: Set, choices: Random) -> None:
    """A run of segments once more: a loop, often."""
    start = _inside(segments, choices)
    segments[start:start] = [list(parts) for parts in segments[start : start + choices.randint(2, 6)][:-1]]


def insert_unknown(segments: Set, choices: Random) -> None:
    segments.insert(_inside(segments, choices), [choices.choice(UNKNOWN), "1", "X"])


def insert_known(segments: Set, choices: Random) -> None:
    """A lawful segment of the guide, wherever."""
    definition = choices.choice(table(segments.guide).positions).segment
    segments.insert(_inside(segments, choices), lawful.segment(definition, choices))


def insert_fitting(segments: Set, choices: Random) -> None:
    """A lawful segment where the guide knows it to follow."""
    at = _inside(segments, choices)
    before = segments[at - 1][0] if at <= len(segments) else "ST"
    positions = table(segments.guide).positions
    places = [position for position in positions if position.id == before and position.targets]
    if places:
        names = choices.choice(places).targets.values()
        target = choices.choice([positions[one.position] for one in names])
        segments.insert(at, lawful.segment(target.segment, choices, share=choices.choice((0.1, 0.5))))


def drop_element(segments: Set, choices: Random) -> None:
    parts = _some(segments, choices)
    del parts[_at(parts, choices)]


def double_element(segments: Set, choices: Random) -> None:
    parts = _some(segments, choices)
    at = _at(parts, choices)
    parts.insert(at, parts[at])


def empty_element(segments: Set, choices: Random) -> None:
    parts = _some(segments, choices)
    parts[_at(parts, choices)] = ""


def cut_elements(segments: Set, choices: Random) -> None:
    parts = _some(segments, choices)
    del parts[_at(parts, choices) :]


def lengthen(segments: Set, choices: Random) -> None:
    parts = _some(segments, choices)
    parts[_at(parts, choices)] += choices.choice("A1 .") * choices.choice((1, 1, 2, 8, 40, 300))


def shorten(segments: Set, choices: Random) -> None:
    parts = _some(segments, choices)
    at = _at(parts, choices)
    parts[at] = parts[at][: -choices.choice((1, 1, 2))]


def _putting(values: tuple[str, ...]) -> Mutator:
    def put(segments: Set, choices: Random) -> None:
        parts = _some(segments, choices)
        parts[_at(parts, choices)] = choices.choice(values)

    return put


def other_code(segments: Set, choices: Random) -> None:
    """Another code of the same list, mostly, or of any."""
    parts = _some(segments, choices)
    at = _at(parts, choices)
    places = [position for position in table(segments.guide).positions if position.id == parts[0]]
    if places and at <= len(places[0].segment.elements) and choices.random() < 0.7:
        parts[at] = lawful.element_text(places[0].segment.elements[at - 1], choices, ">", 0.3)
    else:
        parts[at] = choices.choice(CODES)


def of_its_type(segments: Set, choices: Random) -> None:
    """A borderline value for an element with a type of its own."""
    typed = [
        (parts, at, kind)
        for parts in segments[1:-1]
        for at, kind in _types(segments.guide).get(parts[0], {}).items()
        if at < len(parts)
    ]
    if typed:
        parts, at, kind = choices.choice(typed)
        parts[at] = choices.choice({"DT": DATES, "TM": TIMES}.get(kind, NUMBERS))


def odd_characters(segments: Set, choices: Random) -> None:
    parts = _some(segments, choices)
    at = _at(parts, choices)
    place = choices.randint(0, len(parts[at]))
    parts[at] = parts[at][:place] + choices.choice(ODD) + parts[at][place:]


def lower_case(segments: Set, choices: Random) -> None:
    parts = _some(segments, choices)
    at = choices.randint(0, len(parts) - 1)
    parts[at] = parts[at].lower()


def blanks_before(segments: Set, choices: Random) -> None:
    parts = _some(segments, choices)
    at = choices.randint(0, len(parts) - 1)
    parts[at] = choices.choice((" ", "\n", "\r\n", "\t ")) + parts[at]


def trailing_elements(segments: Set, choices: Random) -> None:
    parts = _some(segments, choices)
    parts += [""] * choices.choice((1, 2, 3, 30))
    if choices.random() < 0.2:
        parts.append("X")


def wrong_totals(segments: Set, choices: Random) -> None:
    for parts in segments:
        if parts[0] in ("CTT", "SE") and len(parts) > 1:
            parts[1] = choices.choice(("0", "1", "001", "-1", "", "99999", parts[1], f"0{parts[1]}", "x"))
            if parts[0] == "CTT" and choices.random() < 0.3:
                parts[2:3] = [choices.choice(("1", "100.5", "12", "x", ""))]


def composite(segments: Set, choices: Random) -> None:
    """A composite where the guide has one."""
    for parts in choices.sample(segments, len(segments)):
        places = composites(segments.guide).get(parts[0])
        if places:
            at, element = choices.choice(places)
            parts += [""] * (at + 1 - len(parts))
            text = lawful.element_text(element, choices, ">", 0.4)
            parts[at] = choices.choice(
                (text, text, text + ">", text + ">X" * 20, ">" + text, text + "^" + text)
            )
            return


def flip_byte(segments: Set, choices: Random) -> None:
    parts = _some(segments, choices)
    at = choices.randint(0, len(parts) - 1)
    if parts[at]:
        place = choices.randint(0, len(parts[at]) - 1)
        flipped = chr(ord(parts[at][place]) % 256 ^ 1 << choices.randint(0, 7))
        parts[at] = parts[at][:place] + flipped + parts[at][place + 1 :]


def frame(segments: Set, choices: Random) -> None:
    """More elements in ST or SE than there are."""
    segments[choices.choice((0, -1))] += choices.choice(([""], ["X"], ["", "X"], [""] * 9))


MUTATORS: tuple[Mutator, ...] = (
    drop_segment, double_segment, swap_segments, move_segment, repeat_part, insert_unknown, insert_known,
    insert_fitting, insert_fitting, insert_fitting, drop_element, double_element, empty_element,
    cut_elements, lengthen, shorten, _putting(CODES), _putting(NUMBERS), _putting(DATES), other_code,
    other_code, of_its_type, of_its_type, odd_characters, lower_case, blanks_before, trailing_elements,
    wrong_totals, composite, flip_byte, frame,
)  # fmt: skip


def mutant(origin: Origin, choices: Random) -> Set:
    """A copy with one to three things changed."""
    segments = origin.copy()
    for _ in range(choices.choice((1, 1, 1, 2, 3))):
        choices.choice(MUTATORS)(segments, choices)
    return segments


SEPARATORS = (
    Delimiters(),
    Delimiters(component=":"),
    Delimiters(repetition="^"),
    Delimiters(component=""),
    Delimiters(element="|", component="^", terminator="\n"),
    Delimiters(element="\x1d", component="\x1f", terminator="\x1e"),
    Delimiters(element="\x1f", component="\x1d", terminator="\x1c"),
    Delimiters(element="\x1e", component=">", terminator="~"),
    Delimiters(component="\x1e", repetition="\x1f", terminator="\x1c"),
    Delimiters(component="\xe4", terminator="\xff"),
)


def texts(segments: list[Parts], delimiters: Delimiters) -> list[str]:
    """The segments as text; the marks ``>`` and ``^`` of composites become the separators in use."""
    out = []
    for parts in segments:
        parts = [part.replace(delimiters.terminator, "") for part in parts]
        marked = [part.replace(">", delimiters.component) if delimiters.component else part for part in parts]
        if delimiters.repetition:
            marked = [part.replace("^", delimiters.repetition) for part in marked]
        out.append(delimiters.element.join(marked))
    return out


# --- making a failure small ----------------------------------------------------------------------------


def smallest(segments: list[str], fails: Callable[[list[str]], bool], separator: str) -> list[str]:
    """The failing set without every segment, element and character that the failure does not need."""
    changed = True
    while changed:
        changed = False
        for smaller in _smaller(segments, separator):
            if fails(smaller):
                segments, changed = smaller, True
                break
    return segments


def _smaller(segments: list[str], separator: str) -> Iterator[list[str]]:
    last = len(segments) - 1
    inner = range(1, last)
    for size in (16, 4, 1):
        for at in inner[::size]:
            yield [*segments[:at], *segments[min(at + size, last) :]]
    for at in inner:
        parts = segments[at].split(separator)
        for cut in _shorter(parts):
            yield [*segments[:at], separator.join(cut), *segments[at + 1 :]]


def _shorter(parts: Parts) -> Iterable[Parts]:
    if len(parts) > 1:
        yield parts[:-1]
    for at in range(1, len(parts)):
        if parts[at]:
            yield [*parts[:at], "", *parts[at + 1 :]]
            if len(parts[at]) > 12:
                yield [*parts[:at], parts[at][: len(parts[at]) // 2], *parts[at + 1 :]]


# --- what the guide says -------------------------------------------------------------------------------


@cache
def table(guide: Guided) -> Table:
    found = library().table(*guide)
    assert found is not None
    return found


@cache
def _types(guide: Guided) -> dict[str, dict[int, str]]:
    """Elements by segment and place that are numbers, dates or times."""
    return {
        position.id: {
            index: element.type
            for index, element in enumerate(position.segment.elements, 1)
            if element.type[0] in "NR" or element.type in ("DT", "TM")
        }
        for position in table(guide).positions
    }


@cache
def composites(guide: Guided) -> dict[str, list[tuple[int, Element]]]:
    found: dict[str, list[tuple[int, Element]]] = {}
    for position in table(guide).positions:
        found[position.id] = [
            (index, element)
            for index, element in enumerate(position.segment.elements, 1)
            if element.components
        ]
    return found
