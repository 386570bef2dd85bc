"""What pyx12 says of the same sets with the same guides; every difference has a reason in a list.

The list is explained in ``docs/explanation/second-opinion.md``. An entry that nothing needs any more fails.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from random import Random

import pytest

from gateway import engine, resources
from gateway.cli import opinion as _pyx12
from gateway.engine import library
from gateway.x12.delimiters import Delimiters
from gateway.x12.elements import CONTROL
from gateway.x12.envelope import TransactionSet
from gateway.x12.parser import GROUP_OF_SET, Parser
from tests import samples as sample_documents
from tests.property import mutation
from tests.property import test_hypothesis_documents as drawn
from tests.property.mutation import Guided

pytest.importorskip("pyx12")

MARKS = Delimiters(component=">")
MUTANTS = 24
"""Of each guide."""
BATCH = 40
"""Sets in one interchange, which is what pyx12 is given at a time."""
ORDERS = ("004010", "850")

EXTENDED = frozenset(string.ascii_letters + string.digits + " !\"&'()*+,-./:;?=%~@[]_{}\\|<>#$")
"""The extended character set of X12.6."""
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "second-opinion.md"


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """An AK3 with one of its AK4, or alone: segment, its position, AK304, element (and component), AK403."""

    position: int
    segment: str
    code: str
    element: str = ""
    why: str = ""


@dataclass
class Case:
    """One transaction set and what was said of it."""

    name: str
    guide: Guided
    segments: list[str]
    ours: set[Note] = field(default_factory=set)
    theirs: set[Note] = field(default_factory=set)
    we_reject: bool = False
    they_reject: bool = False
    crashed: str = ""

    def parts(self, note: Note) -> list[str]:
        """The segment a note is about; empty for one that is missing at the end."""
        return self.segments[note.position - 1].split("*") if note.position <= len(self.segments) else [""]

    def value(self, note: Note) -> str:
        """The element or component a note is about."""
        element, _, component = note.element.partition(">")
        parts = self.parts(note)
        text = parts[int(element)] if element and int(element) < len(parts) else ""
        pieces = text.split(">")
        return pieces[int(component) - 1] if component and int(component) <= len(pieces) else text

    def at(self, notes: set[Note], note: Note) -> set[Note]:
        """The notes about the same segment."""
        return {other for other in notes if other.position == note.position}

    @cached_property
    def first_illegal(self) -> int:
        """Position of the first segment whose id is none, past the end if all are."""
        for number, text in enumerate(self.segments, 1):
            if not re.fullmatch(r"[A-Z][A-Z0-9]{1,2}", text.split("*")[0]):
                return number
        return len(self.segments) + 1


def notes(opinion: _pyx12.SetOpinion) -> set[Note]:
    """The notes of a 997; an AK3 with code 8 stands alone only where no AK4 follows."""
    found: list[Note] = []
    for name, *values in opinion.notes:
        if name == "AK3":
            found.append(Note(int(values[1]), values[0], values[2]))
        else:
            last = found[-1]
            if last.code == "8" and not last.element:
                found.pop()
            found.append(Note(last.position, last.segment, "8", values[0], values[1]))
    return set(found)


def interchange(guide: Guided, sets: Iterable[list[str]]) -> bytes:
    """Sets in an envelope that pyx12 accepts, with control numbers and counts made right."""
    release, set_id = guide
    isa12, repetition = ("00401", "U") if release < "005010" else ("00501", "^")
    # pyx12 chooses by GS01 and GS08 alone, and 997 and 999 share the one.
    version = "005010X231A1" if set_id == "999" else release
    out = [
        f"ISA*00*{' ' * 10}*00*{' ' * 10}*ZZ*BUYER          *ZZ*SUPPLIER       *260105*0830*{repetition}",
        f"*{isa12}*000000001*0*P*>~GS*{GROUP_OF_SET[set_id]}*BUYER*SUPPLIER*20260105*0830*1*X*{version}~",
    ]
    count = 0
    for count, segments in enumerate(sets, 1):
        body = "".join(f"{text}~" for text in segments[1:-1])
        out.append(f"ST*{set_id}*{count:04d}~{body}SE*{len(segments)}*{count:04d}~")
    return "".join([*out, f"GE*{count}*1~IEA*1*000000001~"]).encode("latin-1")


def maps(guide: Guided) -> str:
    return str(resources.find(f"schemas/x12/{guide[0]}/maps.xml").parent)


def our_opinions(data: bytes) -> dict[str, _pyx12.SetOpinion]:
    parser = Parser(library())
    sets = [one for one in (*parser.feed(data), *parser.close()) if isinstance(one, TransactionSet)]
    return {one.control_number: _pyx12.opinion_of(one) for one in sets}


Named = tuple[str, list[str]]


def judged(guide: Guided, named: list[Named]) -> Iterator[Case]:
    """Both opinions of some sets, asked at once; one by one where pyx12 stops in the middle."""
    data = interchange(guide, (segments for _, segments in named))
    opinion = _pyx12.judge(data, maps(guide))
    if len(opinion.sets) == len(named) or len(named) == 1:
        yield from cases(guide, named, data, opinion)
        return
    for one in named:
        yield from judged(guide, [one])


def cases(guide: Guided, named: list[Named], data: bytes, opinion: _pyx12.Opinion) -> Iterator[Case]:
    """The sets of an interchange, numbered from 1, with what both say of them."""
    theirs, ours = {one.control_number: one for one in opinion.sets}, our_opinions(data)
    for number, (name, segments) in enumerate(named, 1):
        key = f"{number:04d}"
        case = Case(name, guide, segments, notes(ours[key]), we_reject=ours[key].code == "R")
        if key in theirs:
            case.theirs, case.they_reject = notes(theirs[key]), theirs[key].code == "R"
            if case.they_reject and not case.theirs and not case.we_reject:
                case.theirs = {Note(1, "ST", "rejected")}
        else:
            case.crashed = opinion.trouble or "no answer"
        yield case


# --- what is let pass --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allowed:
    """A kind of difference with its name in the document; ``ours`` tells whose note it is."""

    name: str
    ours: bool
    matches: Callable[[Case, Note], bool]


def _notes_on_value(case: Case, notes: set[Note], note: Note) -> set[str]:
    return {other.why for other in case.at(notes, note) if other.element == note.element}


def _misplaced(case: Case, note: Note) -> bool:
    return note.code == "2" and Note(note.position, note.segment, "1") in case.theirs


def _misplaced_there(case: Case, note: Note) -> bool:
    return note.code == "1" and Note(note.position, note.segment, "2") in case.ours


def _further(case: Case, note: Note) -> bool:
    """pyx12 names several faults of one value; the first of them is ours."""
    ours, theirs = (_notes_on_value(case, notes, note) for notes in (case.ours, case.theirs))
    return bool(note.element and ours & theirs)


def _total(case: Case, note: Note) -> bool:
    return note.segment == "CTT" and note.element in ("1", "2") and note.why == "7"


def _condition(case: Case, note: Note) -> bool:
    noted = ">" in note.element or any(other.code == "8" for other in case.at(case.theirs, note))
    return note.why in ("2", "10") and noted


def _surplus(case: Case, note: Note) -> bool:
    beyond = ">" not in case.value(note)
    return note.why == "3" and beyond and any(other.code == "8" for other in case.at(case.theirs, note))


def _lost(case: Case, note: Note) -> bool:
    """AK3 alone, where ours has the AK4."""
    told = case.at(case.ours, note)
    lost = any(other.why in ("2", "3", "10") or _first_component(case, other) for other in told)
    return note.code == "8" and not note.element and lost


def _remark(case: Case, note: Note) -> bool:
    """A remark of its reader; one on a segment without a place comes with the next that has one."""
    if note.code != "8" or note.element:
        return False
    at = note.position
    while True:
        text = case.segments[at - 1]
        if text.endswith("*") or "*" not in text:
            return True
        at -= 1
        if not any(other.position == at and other.code == "1" for other in case.theirs):
            return False


def _charset(case: Case, note: Note) -> bool:
    return note.why == "6" and not EXTENDED.issuperset(case.value(note))


def _missing_elsewhere(case: Case, note: Note) -> bool:
    others = case.theirs if note in case.ours else case.ours
    return note.code == "3" and any(one.code == "3" and one.segment == note.segment for one in others)


def _missing_before(case: Case, note: Note) -> bool:
    """The loop begins again, and what it should have held is not there."""
    begins = case.parts(note)[0]
    places = [one.loop.path for one in mutation.table(case.guide).positions if one.id == note.segment]
    return note.code == "3" and any(begins == place.loop.trigger.id for path in places for place in path)


def _point(case: Case, note: Note) -> bool:
    return note.why == "6" and bool(re.fullmatch(r"-?[0-9]+\.", case.value(note)))


def _cut(case: Case, note: Note) -> bool:
    return note.why == "3" and ">" in case.value(note)


def _cut_there(case: Case, note: Note) -> bool:
    return ">" in case.value(note) and "3" in _notes_on_value(case, case.ours, note)


def _first_component(case: Case, note: Note) -> bool:
    composites = mutation.composites(case.guide).get(note.segment, ())
    return note.why == "1" and any(note.element in (str(at), f"{at}>1") for at, _ in composites)


def _sign(case: Case, note: Note) -> bool:
    return case.value(note) == "-" and note.why in ("4", "6")


def _blanks(case: Case, note: Note) -> bool:
    return note.why == "6" and case.value(note).endswith(" ")


def _level(case: Case, note: Note) -> bool:
    return note.segment == "HL" and note.why == "7" and note.element in ("1", "2", "3", "4")


def _order_of_levels(case: Case, note: Note) -> bool:
    """HL01 that does not count from 1, or HL02 that is no level still open at that place."""
    levels = [f"{text}***".split("*") for text in case.segments if text.startswith("HL*")]
    path: list[str] = []
    for number, (_, own, parent, *_) in enumerate(levels, 1):
        parent = parent.lstrip("0")
        if own.lstrip("0") != str(number) or (parent and parent not in path):
            return note.code == "rejected"
        path = [*path[: path.index(parent) + 1 if parent else None], str(number)]
    return False


def _repeated(case: Case, note: Note) -> bool:
    return case.guide[0] >= "005010" and any("^" in part for part in case.parts(note))


def _early(case: Case, note: Note) -> bool:
    return note.why == "8" and bool(re.fullmatch(r"(0\d|1[0-7])\d{6}", case.value(note)))


def _period(case: Case, note: Note) -> bool:
    return note.segment == "DTP" and note.element == "3" and note.why in ("8", "9")


def _illegal(case: Case, note: Note) -> bool:
    return note.code == "1" and note.position >= case.first_illegal


ALLOWED = (
    Allowed("misplaced", True, _misplaced),
    Allowed("misplaced", False, _misplaced_there),
    Allowed("one finding for a value", False, _further),
    Allowed("place of a missing segment", True, _missing_elsewhere),
    Allowed("place of a missing segment", False, _missing_elsewhere),
    Allowed("missing before a repetition", True, _missing_before),
    Allowed("totals", True, _total),
    Allowed("conditions", True, _condition),
    Allowed("too many elements", True, _surplus),
    Allowed("lost AK4", False, _lost),
    Allowed("empty elements", False, _remark),
    Allowed("characters beyond the extended set", False, _charset),
    Allowed("decimal point at the end", False, _point),
    Allowed("component separator in text", True, _cut),
    Allowed("component separator in text", False, _cut_there),
    Allowed("first component left out", True, _first_component),
    Allowed("a sign alone", True, _sign),
    Allowed("a sign alone", False, _sign),
    Allowed("blanks at the end", False, _blanks),
    Allowed("tree of levels", True, _level),
    Allowed("order of levels", False, _order_of_levels),
    Allowed("date by its format", False, _period),
    Allowed("repetitions", True, _repeated),
    Allowed("repetitions", False, _repeated),
    Allowed("years before 1800", False, _early),
    Allowed("segment ids that are none", False, _illegal),
)


def differences(case: Case) -> list[tuple[bool, Note]]:
    """The notes that only one side has, with whether it is ours."""
    return sorted(
        [(True, note) for note in case.ours - case.theirs]
        + [(False, note) for note in case.theirs - case.ours]
    )


@dataclass
class Comparison:
    """Compares case after case and keeps account of the list."""

    unexplained: list[str] = field(default_factory=list)
    used: set[tuple[str, bool]] = field(default_factory=set)
    cases: int = 0
    alike: int = 0
    rejected: int = 0

    def add(self, case: Case) -> None:
        self.cases += 1
        self.rejected += case.we_reject and case.they_reject
        found = differences(case)
        self.alike += not found
        problems = [f"pyx12 gives no answer: {case.crashed}"] if case.crashed else []
        if not found and case.we_reject != case.they_reject:
            problems.append(f"rejected by us: {case.we_reject}, by pyx12: {case.they_reject}")
        for ours, note in found if not case.crashed else ():
            entries = [entry for entry in ALLOWED if entry.ours is ours and entry.matches(case, note)]
            self.used.update((entry.name, ours) for entry in entries)
            if not entries:
                problems.append(f"only {'ours' if ours else 'theirs'}: {note} {'*'.join(case.parts(note))!r}")
        if problems:
            lines = [f"{case.name}: {case.segments}", *problems]
            lines += [f"ours {sorted(case.ours)}", f"theirs {sorted(case.theirs)}"]
            self.unexplained.append("\n  ".join(lines))

    @property
    def unused(self) -> set[tuple[str, bool]]:
        return {(entry.name, entry.ours) for entry in ALLOWED} - self.used


def comparable(guide: Guided, segments: list[str]) -> bool:
    """Whether pyx12 reads these segments as they stand; the tests below tell what it makes of others."""
    if CONTROL.search("".join(segments)):
        return False
    known = mutation.composites(guide)
    for text in segments[1:-1]:
        name, *elements = text.split("*")
        if not text or text != text.strip() or name in ("ST", "SE", "GS", "GE", "ISA", "IEA", "TA1"):
            return False
        if (name == "HL" and name not in known) or ":" in name:  # pyx12 separates components by it
            return False
        for index, element in known.get(name, []):
            if index <= len(elements) and elements[index - 1].count(">") >= len(element.components):
                return False
    return True


def whole(guide: Guided) -> list[Named]:
    """The sets themselves: our own, drawn ones, those of the benchmarks, and the samples where present."""
    listed = dict.fromkeys(origin for origin in mutation.origins(guide))
    return [(origin.name, mutation.texts(origin.copy(), MARKS)) for origin in listed]


def mutants(guide: Guided, count: int, seed: int) -> list[Named]:
    choices, origins = Random(seed), mutation.origins(guide)
    found: list[Named] = []
    while len(found) < count:
        origin = choices.choice(origins)
        segments = mutation.texts(mutation.mutant(origin, choices), MARKS)
        found.append((f"{origin.name}, mutant {len(found)}", segments))
    return found


def compare(comparison: Comparison, guide: Guided, named: list[Named]) -> None:
    named = [(name, segments) for name, segments in named if comparable(guide, segments)]
    for start in range(0, len(named), BATCH):
        for case in judged(guide, named[start : start + BATCH]):
            comparison.add(case)


def test_differences_have_reasons() -> None:
    comparison = Comparison()
    for guide in mutation.guides():
        compare(comparison, guide, whole(guide))
        compare(comparison, guide, mutants(guide, MUTANTS * (10 if guide == ORDERS else 1), 4010))
    for guide, seed in product(mutation.guides(), range(4011, 4031)):
        if comparison.unused:  # some kinds are rare
            compare(comparison, guide, mutants(guide, MUTANTS, seed))
    assert not comparison.unexplained, "\n".join(comparison.unexplained[:5])
    # Neither side says yes or no to everything.
    assert comparison.alike > comparison.cases / 4
    assert comparison.rejected > comparison.cases / 4
    if sample_documents.directory() is not None:
        assert not comparison.unused, "these entries are needed no more"


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("guide", mutation.guides(), ids="-".join)
def test_differences_have_reasons_at_length(guide: Guided) -> None:
    comparison = Comparison()
    compare(comparison, guide, mutants(guide, 10_000 if guide == ORDERS else 2_000, 4011))
    assert not comparison.unexplained, "\n".join(comparison.unexplained[:5])


def written(name: str, count: int) -> None:
    """Whole interchanges as they leave; where pyx12 rejects, a row says why."""
    release, set_id = name.split("/")
    plan = drawn.engine(name).plan
    assert plan is not None
    control = {
        "sender": {"qualifier": "ZZ", "id": "SUPPLIER"},
        "receiver": {"qualifier": "01", "id": "006922827"},
        "version": "005010X231A1" if set_id == "999" else release,
    }
    head = {"document_type": plan.mapping.document_type, "control": control}
    drafts = [drawn.Draft(plan, Random(seed), (0.1, 0.3, 0.7)[seed % 3]).document() for seed in range(count)]
    data = engine.write([head | draft for draft in drafts])
    sets = [one for one in engine.read(data, documents=False) if isinstance(one, TransactionSet)]
    named = [(f"drawn {number}", one.text.split("~")) for number, one in enumerate(sets)]
    assert len(named) == count
    opinion = _pyx12.judge(data, maps((release, set_id)))
    comparison = Comparison()
    for case in cases((release, set_id), named, data, opinion):
        assert not case.we_reject
        comparison.add(case)
    assert not comparison.unexplained, "\n".join(comparison.unexplained[:3])
    assert opinion.accepted or comparison.used


@pytest.mark.parametrize("name", drawn.SETS)
def test_what_is_written_is_right_to_pyx12(name: str) -> None:
    written(name, 8)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", drawn.SETS)
def test_much_that_is_written_is_right_to_pyx12(name: str) -> None:
    written(name, 1_000)


def test_every_entry_is_in_the_document() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| \*(.+?)\* \|", text, re.MULTILINE))
    assert rows == {entry.name for entry in ALLOWED}


ORDER = ["ST*850*0001", "BEG*00*NE*1**20260105", "PO1*1*1*EA*1*PE*VN*X", "CTT*1", "SE*4*0001"]
GOOD = interchange(ORDERS, [ORDER])
PRICE = "CTP**LPR*1**EA" + ">1" * 15


@pytest.mark.parametrize(
    ("data", "we_accept"),
    [
        pytest.param(interchange(ORDERS, [[*ORDER[:3], PRICE, *ORDER[3:]]]), False, id="too many components"),
        pytest.param(GOOD.replace(b"~CTT", b"~~CTT"), False, id="an empty segment"),
        pytest.param(GOOD.replace(b"*00401*", b"*00400*"), True, id="ISA12 00400"),
        pytest.param(GOOD.replace(b">", b"\x1f"), True, id="separator 0x1F"),
        pytest.param(GOOD.replace(b"*850*", b"*855*"), False, id="an 855 among orders"),
        pytest.param(GOOD.replace(b"~CTT", b"~ CTT"), True, id="blanks before a segment"),
    ],
)
def test_where_pyx12_cannot_follow(data: bytes, we_accept: bool) -> None:
    """Whole files of which pyx12 says nothing useful; the comparison leaves such out."""
    theirs = _pyx12.judge(data, maps(ORDERS))
    (ours,) = our_opinions(data).values()
    assert (ours.code != "R") is we_accept
    opinions = {one.control_number: one.code for one in theirs.sets}
    assert theirs.trouble or not theirs.accepted or opinions != {"0001": ours.code}
