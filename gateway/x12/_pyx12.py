"""A second opinion on X12: what pyx12, an independent validator, says of the same bytes with the same guides.

No other module imports pyx12, and nothing needs it but this comparison. pyx12 logs every finding with the
data in it and leaves out sets it cannot place, so its log is silenced and its 997 is what counts.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any


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
    document: Any = import_module("pyx12.x12n_document")
    params: Any = import_module("pyx12.params")
    answer = io.StringIO()
    # What logging.disable() sets: pyx12 logs the partner's data.
    manager = document.logging.root.manager
    before, manager.disable = manager.disable, 50
    try:
        with redirect_stdout(io.StringIO()):
            accepted = document.x12n_document(
                params.params(), io.StringIO(interchange.decode("latin-1")), answer, None, map_path=map_path
            )
    except Exception as error:  # noqa: BLE001 -- whatever stops it is its answer
        return Opinion(False, notes_of(answer.getvalue()), f"{type(error).__name__}: {error}")
    finally:
        manager.disable = before
    return Opinion(bool(accepted), notes_of(answer.getvalue()))


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
