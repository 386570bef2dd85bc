"""``--second-opinion``: the 997 we would send beside the one pyx12 would send, set by set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from gateway import resources
from gateway.cli.output import count, visible
from gateway.errors import ConfigurationError
from gateway.x12 import _pyx12
from gateway.x12.acknowledgment import Acknowledger
from gateway.x12.envelope import Event, InterchangeHeader, TransactionSet

_WORDS = {"A": "accepts", "E": "accepts, with errors noted,"}
_RELEASE = "004010"


class Comparison:
    """Compares one file, which pyx12 needs whole.

    Attributes:
        found: what a report for programs says of it, as soon as all events have passed.

    Raises:
        ConfigurationError: pyx12 is not installed.
    """

    def __init__(self, data: bytes) -> None:
        version = _pyx12.version()
        if version is None:
            raise ConfigurationError(
                "--second-opinion needs the independent validator pyx12, which is not installed. "
                "Install it beside edigw: pip install pyx12==4.0.0"
            )
        self._data = data
        self._name = f"pyx12 {version}"
        self.found: dict[str, Any] = {}

    def watch(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events; those of a whole file."""
        acknowledger = Acknowledger()
        starts: list[int] = []
        sets: list[TransactionSet] = []
        for event in events:
            acknowledger.add(event)
            if isinstance(event, InterchangeHeader) and event.elements:
                starts.append(event.offset)
            elif isinstance(event, TransactionSet) and event.group and event.group.functional_id != "FA":
                sets.append(event)
            yield event
        # Only the notes are compared; number and date of these answers are seen by nobody.
        answers = acknowledger.interchanges(lambda: 1, datetime(2000, 1, 1, tzinfo=UTC), "997")
        ours = [one for _, data in answers for one in _pyx12.notes_of(data.decode("latin-1"))]
        maps = str(resources.find(f"schemas/x12/{_RELEASE}/maps.xml").parent)
        pieces = zip(starts, [*starts[1:], len(self._data)], strict=False)
        opinions = [_pyx12.judge(self._data[start:stop], maps) for start, stop in pieces]
        theirs = [one for opinion in opinions for one in opinion.sets]
        rows = [_compared(event, _taken(ours, event), _taken(theirs, event)) for event in sets]
        self.found["second_opinion"] = {
            "validator": self._name,
            "agrees": all(row["agrees"] for row in rows),
            "trouble": [opinion.trouble for opinion in opinions if opinion.trouble],
            "transaction_sets": rows,
        }

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


def _taken(opinions: list[_pyx12.SetOpinion], event: TransactionSet) -> _pyx12.SetOpinion | None:
    """The first opinion on a set, which then is no opinion on the next of that number."""
    group = event.group.control_number if event.group else None
    for index, one in enumerate(opinions):
        if (one.group, one.control_number) == (group, event.control_number):
            return opinions.pop(index)
    return None


def _compared(
    event: TransactionSet, mine: _pyx12.SetOpinion | None, other: _pyx12.SetOpinion | None
) -> dict[str, Any]:
    here, there = (one.notes if one else () for one in (mine, other))
    code, their_code = (one.code if one else None for one in (mine, other))
    alike = (code == "R") == (their_code == "R")
    agrees = mine is not None and other is not None and set(here) == set(there) and alike
    if agrees:
        words = ""
    elif other is None:
        words = "pyx12 says nothing about it"
        words += f" (it needs a guide of release {_RELEASE})" if event.guide is None else ""
    elif alike:
        words = f"both {'reject' if code == 'R' else 'accept'} it, with other notes"
    else:
        said, they_said = (_WORDS.get(str(one), "rejects") for one in (code, their_code))
        words = f"edigw {said} it, pyx12 {they_said} it"
    return {
        "group": event.group.control_number if event.group else None,
        "set_id": event.set_id,
        "control_number": event.control_number,
        "agrees": agrees,
        "here": code,
        "there": their_code,
        "words": words,
        "only_here": ["*".join(note) for note in here if note not in there],
        "only_there": ["*".join(note) for note in there if note not in here],
    }
