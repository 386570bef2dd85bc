"""``--second-opinion``: what we would say in a 997 beside what pyx12 would, set by set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway import resources
from gateway.cli.output import count, visible
from gateway.errors import ConfigurationError
from gateway.x12 import _pyx12
from gateway.x12.envelope import Event, InterchangeHeader, TransactionSet

_WORDS = {"A": "accepts", "E": "accepts, with errors noted,"}
_RELEASE = "004010"
"""Whose maps are given to pyx12 where no set of an interchange has a guide."""


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
        opinions = []
        for (start, release), stop in zip(releases.items(), [*releases, len(self._data)][1:], strict=True):
            maps = resources.find(f"schemas/x12/{release or _RELEASE}/maps.xml").parent
            opinions.append(_pyx12.judge(self._data[start:stop], str(maps)))
        theirs = [one for opinion in opinions for one in opinion.sets]
        rows = [_compared(event, _pyx12.opinion_of(event), _taken(theirs, event)) for event in sets]
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
    event: TransactionSet, mine: _pyx12.SetOpinion, other: _pyx12.SetOpinion | None
) -> dict[str, Any]:
    here, there = mine.notes, other.notes if other else ()
    code, their_code = mine.code, other.code if other else None
    alike = (code == "R") == (their_code == "R")
    agrees = other is not None and set(here) == set(there) and alike
    if agrees:
        words = ""
    elif other is None:
        words = f"pyx12 says nothing about it{' (there is no guide)' if event.guide is None else ''}"
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
