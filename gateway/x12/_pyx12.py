"""A second opinion on X12: what pyx12, an independent validator, says of the same bytes with the same guides.

No other module imports pyx12, and nothing needs it but this comparison. pyx12 logs every finding with the
data in it and leaves out sets it cannot place, so its log is silenced and its 997 is what counts. By itself
it answers 005010 with a 999, which ends at a set without ST03, and no acknowledgments; here it is made to
write a 997 about everything.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from typing import Any

from gateway.x12.envelope import TransactionSet, Verdict


@dataclass(frozen=True, slots=True)
class SetOpinion:
    """What pyx12 says of one transaction set.

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
    """Asks pyx12.

    Args:
        interchange: one interchange.
        map_path: a complete pyx12 map directory.

    Raises:
        ModuleNotFoundError: pyx12 is not installed.
    """
    document = _document()
    params: Any = import_module("pyx12.params")
    answer = io.StringIO()
    # What logging.disable() sets: pyx12 logs the partner's data.
    manager = document.logging.root.manager
    before, manager.disable = manager.disable, 50
    try:
        with redirect_stdout(io.StringIO()):
            text = io.StringIO(interchange.decode("latin-1"))
            accepted = document.x12n_document(
                params.params(), text, None, None, fd_json=answer, map_path=map_path
            )
    except Exception as error:  # noqa: BLE001 -- whatever stops it is its answer
        return Opinion(False, notes_of(answer.getvalue()), f"{type(error).__name__}: {error}")
    finally:
        manager.disable = before
    return Opinion(bool(accepted), notes_of(answer.getvalue()))


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


def notes_of(text: str) -> tuple[SetOpinion, ...]:
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
