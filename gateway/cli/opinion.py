"""``--second-opinion``: our 997 beside that of pyx12, an independent validator, for the same bytes.

No other module imports pyx12, and nothing needs it but this comparison. pyx12 logs every finding with the
data in it and leaves out sets it cannot place, so its log is silenced and its 997 is what counts. By itself
it answers 005010 with a 999, which ends at a set without ST03, and no acknowledgments; here it is made to
write a 997 about everything.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from typing import Any

from gateway import resources
from gateway.cli.output import count, visible
from gateway.errors import ConfigurationError
from gateway.x12.envelope import Event, InterchangeHeader, TransactionSet, Verdict

_WORDS = {"A": "accepts", "E": "accepts, with errors noted,"}
_RELEASE = "004010"  # whose maps are given to pyx12 where no set of an interchange has a guide


@dataclass(frozen=True, slots=True)
class SetOpinion:
    """What a 997 says of one transaction set.

    Attributes:
        code: AK501. notes: its AK3 and AK4 as elements, without loop and without the copy of the bad value.
    """

    group: str
    control_number: str
    code: str
    notes: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What pyx12 says of one interchange.

    Attributes:
        accepted: its overall answer, which also counts what its 997 leaves out.
        trouble: why it could not finish; empty if it did.
    """

    accepted: bool
    sets: tuple[SetOpinion, ...]
    trouble: str = ""


def version() -> str | None:
    """The version of pyx12; None if it is not installed."""
    try:
        return metadata.version("pyx12")
    except metadata.PackageNotFoundError:
        return None


def judge(interchange: bytes, map_path: str) -> Opinion:
    """Asks pyx12 about one interchange; ``map_path`` is a complete map directory.

    Raises:
        ModuleNotFoundError: pyx12 is not installed.
    """
    document = _document()
    params: Any = import_module("pyx12.params")
    answer, accepted, trouble = io.StringIO(), False, ""
    # What logging.disable() sets: pyx12 logs the partner's data.
    manager = document.logging.root.manager
    before, manager.disable = manager.disable, 50
    try:
        with redirect_stdout(io.StringIO()):
            text = io.StringIO(interchange.decode("latin-1"))
            accepted = bool(
                document.x12n_document(params.params(), text, None, None, fd_json=answer, map_path=map_path)
            )
    except Exception as error:  # noqa: BLE001 -- whatever stops it is its answer
        trouble = f"{type(error).__name__}: {error}"
    finally:
        manager.disable = before
    return Opinion(accepted, _said(answer.getvalue()), trouble)


@cache
def _document() -> Any:
    """pyx12's module, with the writer of a 997 in the place of that of JSON, and each map loaded once."""
    document: Any = import_module("pyx12.x12n_document")
    load = document.pyx12.map_if.load_map_file

    @cache
    def loaded(file: str, map_path: str) -> Any:
        return load(file, document.pyx12.params.params(), map_path)

    document.pyx12.map_if.load_map_file = lambda file, _, map_path: loaded(file, map_path)
    document.pyx12.errh_json.errh_json_visitor = document.pyx12.error_997.error_997_visitor
    return document


def _said(text: str) -> tuple[SetOpinion, ...]:
    """What a 997 says of each set, whatever its separators."""
    if not text.startswith("ISA") or len(text) < 106:
        return ()
    element, component, terminator = text[3], text[104], text[105]
    found: list[SetOpinion] = []
    group = control = ""
    notes: list[tuple[str, ...]] = []
    for part in text.split(terminator):
        match [*part.strip().replace(component, ">").split(element), *[""] * 5]:
            case ["AK1", _, group, *_]:
                pass
            case ["AK2", _, control, *_]:
                notes = []
            case ["AK3", segment, position, _, code, *_]:
                notes.append(("AK3", segment, position, code))
            case ["AK4", place, _, code, *_]:
                notes.append(("AK4", place, code))
            case ["AK5", code, *_]:
                found.append(SetOpinion(group, control.strip(), code, tuple(notes)))
    return tuple(found)


def opinion_of(event: TransactionSet) -> SetOpinion:
    """What the gateway says of a set, in the same words: the codes of a 997 of release 004010."""
    notes: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for one in sorted(event.problems, key=lambda one: (one.location.segment or 0, one.location.element or 0)):
        where, ack = one.location, one.ack
        if ack.ak3 is None:
            continue
        listed = notes.setdefault(("AK3", where.segment_id or "", str(where.segment or 1), ack.ak3), [])
        if ack.ak4 and where.element:
            place = f"{where.element}>{where.component}" if where.component else str(where.element)
            listed.append(("AK4", place, ack.ak4))
    rejected = event.guide is None or event.verdict is Verdict.REJECTED
    noted = any(one.is_error or one.ack.ak3 or one.ack.ak5 for one in event.problems)
    return SetOpinion(
        event.group.control_number if event.group else "",
        event.control_number,
        "R" if rejected else "E" if noted else "A",
        tuple(note for at, listed in notes.items() for note in (at, *listed)),
    )


class Comparison:
    """Compares one file, which pyx12 needs whole.

    Attributes:
        found: what a report for programs says of it, as soon as all events have passed.

    Raises:
        ConfigurationError: pyx12 is not installed.
    """

    def __init__(self, data: bytes) -> None:
        installed = version()
        if installed is None:
            raise ConfigurationError(
                "--second-opinion needs the independent validator pyx12, which is not installed. "
                "Install it beside edigw: pip install pyx12==4.0.0"
            )
        self._data = data
        self._name = f"pyx12 {installed}"
        self.found: dict[str, Any] = {}

    def watch(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events; those of a whole file."""
        releases: dict[int, str] = {}  # of each interchange, by its offset: that of its first set
        sets: list[TransactionSet] = []
        for event in events:
            if isinstance(event, InterchangeHeader) and event.elements:
                releases[event.offset] = ""
            elif isinstance(event, TransactionSet) and event.group:
                sets.append(event)
                start = event.interchange.offset
                if event.guide and not releases.get(start, "none"):
                    releases[start] = event.guide.rpartition(".")[2]
            yield event
        trouble: list[str] = []
        # Each opinion is one on a single set: where a number comes twice, the first goes with the first.
        theirs: defaultdict[tuple[str, str], list[SetOpinion]] = defaultdict(list)
        for (start, release), stop in zip(releases.items(), [*releases, len(self._data)][1:], strict=True):
            maps = resources.find(f"schemas/x12/{release or _RELEASE}/maps.xml").parent
            opinion = judge(self._data[start:stop], str(maps))
            trouble += filter(None, [opinion.trouble])
            for one in opinion.sets:
                theirs[one.group, one.control_number].append(one)
        rows = []
        for event in sets:
            mine = opinion_of(event)
            others = theirs[mine.group, mine.control_number]
            rows.append(_compared(event, mine, others.pop(0) if others else None))
        agrees = all(row["agrees"] for row in rows)
        about = {"validator": self._name, "agrees": agrees, "trouble": trouble, "transaction_sets": rows}
        self.found["second_opinion"] = about

    def lines(self) -> Iterator[str]:
        """What was found, for a person; after all events have passed."""
        found = self.found["second_opinion"]
        rows = found["transaction_sets"]
        differing = [row for row in rows if not row["agrees"]]
        agreeing = f"{len(rows) - len(differing)} of {count(len(rows), 'transaction set')}"
        yield f"  Second opinion ({self._name}): agrees on {agreeing}"
        yield from (visible(f"    it could not finish: {trouble}") for trouble in found["trouble"])
        for row in differing:
            yield visible(f"    {row['set_id']} {row['control_number']} differs: {row['words']}")
            yield from (visible(f"      only edigw: {note}") for note in row["only_here"])
            yield from (visible(f"      only pyx12: {note}") for note in row["only_there"])


def _compared(event: TransactionSet, mine: SetOpinion, other: SetOpinion | None) -> dict[str, Any]:
    there, their_code = (other.notes, other.code) if other else ((), None)
    alike = (mine.code == "R") == (their_code == "R")
    agrees = other is not None and set(mine.notes) == set(there) and alike
    if agrees:
        words = ""
    elif other is None:
        words = f"pyx12 says nothing about it{' (there is no guide)' if event.guide is None else ''}"
    elif alike:
        words = f"both {'reject' if mine.code == 'R' else 'accept'} it, with other notes"
    else:
        said, they_said = (_WORDS.get(one.code, "rejects") for one in (mine, other))
        words = f"edigw {said} it, pyx12 {they_said} it"
    return {
        "group": mine.group,
        "set_id": event.set_id,
        "control_number": event.control_number,
        "agrees": agrees,
        "here": mine.code,
        "there": their_code,
        "words": words,
        "only_here": ["*".join(note) for note in mine.notes if note not in there],
        "only_there": ["*".join(note) for note in there if note not in mine.notes],
    }
