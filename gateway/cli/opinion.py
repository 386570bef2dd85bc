"""``--second-opinion``: the 997 we would send beside the one pyx12 would send, set by set."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

from gateway.cli.output import count, say, visible
from gateway.x12 import _pyx12
from gateway.x12.acknowledgment import Acknowledger
from gateway.x12.envelope import Event, InterchangeHeader, TransactionSet

if TYPE_CHECKING:
    from gateway.cli.reports import Reporter

_WORDS = {"A": "accepts", "E": "accepts, with errors noted,", "R": "rejects"}
_RELEASE = "004010"

Notes = tuple[tuple[str, ...], ...]


class Comparison:
    """Compares file by file; the file is held in memory, as pyx12 needs it whole."""

    def __init__(self, version: str, map_path: str) -> None:
        self.differs = False
        self._name = f"pyx12 {version}"
        self._map_path = map_path

    @classmethod
    def prepare(cls) -> Comparison | None:
        """A comparison, or None after it was told that pyx12 is not installed."""
        from gateway import resources

        version = _pyx12.version()
        if version is None:
            say(
                "edigw: --second-opinion needs the independent validator pyx12, which is not installed. "
                "Install it beside edigw: pip install pyx12==4.0.0"
            )
            return None
        return cls(version, str(resources.find(f"schemas/x12/{_RELEASE}/maps.xml").parent))

    def begin(self, file: BinaryIO) -> bytes:
        """Takes a file."""
        self._data = file.read()
        self._offsets: list[int] = []
        self._acknowledger = Acknowledger()
        self._sets: list[TransactionSet] = []
        return self._data

    def add(self, event: Event) -> None:
        """The next event of the file."""
        self._acknowledger.add(event)
        if isinstance(event, InterchangeHeader) and event.elements:
            self._offsets.append(event.offset)
        if isinstance(event, TransactionSet):
            self._sets.append(event)

    def end(self, reporter: Reporter) -> dict[str, object]:
        """Compares, and says so in a report for people; what was found goes into one for programs."""
        ours = self._ours()
        theirs: dict[tuple[str, str], list[_pyx12.SetOpinion]] = {}
        troubles = []
        for start, stop in zip(self._offsets, [*self._offsets[1:], len(self._data)], strict=True):
            opinion = _pyx12.judge(self._data[start:stop], self._map_path)
            if opinion.trouble:
                troubles.append(opinion.trouble)
            for one in opinion.sets:
                theirs.setdefault((one.group, one.control_number), []).append(one)
        rows = []
        for event in self._sets:
            if event.group is None or event.group.functional_id == "FA":
                continue
            key = (event.group.control_number, event.control_number)
            mine = ours[key].pop(0) if ours.get(key) else None
            other = theirs[key].pop(0) if theirs.get(key) else None
            rows.append(_compared(event, mine, other))
        self.differs = self.differs or not all(row["agrees"] for row in rows)
        note = getattr(reporter, "note", None)
        if note is not None:
            for line in self._lines(rows, troubles):
                note(visible(line))
        return {
            "second_opinion": {
                "validator": self._name,
                "agrees": all(row["agrees"] for row in rows),
                "trouble": troubles,
                "transaction_sets": rows,
            }
        }

    def _ours(self) -> dict[tuple[str, str], list[_pyx12.SetOpinion]]:
        found: dict[tuple[str, str], list[_pyx12.SetOpinion]] = {}
        # Only the notes are compared; number and date of these answers are seen by nobody.
        for _, data in self._acknowledger.interchanges(lambda: 1, datetime(2000, 1, 1, tzinfo=UTC), "997"):
            for one in _pyx12.notes_of(data.decode("latin-1")):
                found.setdefault((one.group, one.control_number), []).append(one)
        return found

    def _lines(self, rows: list[dict[str, object]], troubles: list[str]) -> list[str]:
        agreeing = sum(bool(row["agrees"]) for row in rows)
        lines = [
            f"  Second opinion ({self._name}): agrees on {agreeing} of {count(len(rows), 'transaction set')}"
        ]
        lines += [f"    it could not finish: {trouble}" for trouble in troubles]
        for row in rows:
            if row["agrees"]:
                continue
            lines.append(f"    {row['set_id']} {row['control_number']} differs: {row['words']}")
            lines += [f"      only edigw: {note}" for note in _texts(row["only_here"])]
            lines += [f"      only pyx12: {note}" for note in _texts(row["only_there"])]
        return lines


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _compared(
    event: TransactionSet, mine: _pyx12.SetOpinion | None, other: _pyx12.SetOpinion | None
) -> dict[str, object]:
    here, there = (set(one.notes) if one else set() for one in (mine, other))
    code, their_code = (one.code if one else None for one in (mine, other))
    agrees = mine is not None and other is not None and here == there and (code == "R") == (their_code == "R")
    if other is None:
        words = "pyx12 says nothing about it"
        words += f" (it needs a guide of release {_RELEASE})" if event.guide is None else ""
    else:
        said = _WORDS.get(str(their_code), "rejects")
        words = f"edigw {_WORDS.get(str(code), 'rejects')} it, pyx12 {said} it"
        if (code == "R") == (their_code == "R"):
            words = f"both {'reject' if code == 'R' else 'accept'} it, with other notes"
    return {
        "group": event.group.control_number if event.group else None,
        "set_id": event.set_id,
        "control_number": event.control_number,
        "agrees": agrees,
        "here": code,
        "there": their_code,
        "words": "" if agrees else words,
        "only_here": ["*".join(note) for note in (mine.notes if mine else ()) if note not in there],
        "only_there": ["*".join(note) for note in (other.notes if other else ()) if note not in here],
    }
