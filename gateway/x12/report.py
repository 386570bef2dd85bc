"""The events of a file as one report: the JSON of ``edigw x12 validate --json``."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from gateway.errors import Level, Severity
from gateway.x12 import envelope as x12
from gateway.x12.envelope import Event, TransactionSet, Verdict
from gateway.x12.parser import combined

_GROUP = ("functional_id", "control_number", "version")
_SET = ("set_id", "control_number", "segments", "guide", "verdict")


class Tally:
    """The verdict of a file and how many problems of each weight it has, from its events."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(Severity, 0)
        self._verdicts: set[Verdict] = set()
        self._spoiled = False

    def watch(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events, noted as they pass."""
        for event in events:
            for problem in event.problems:
                self.counts[problem.severity] += 1
                self._spoiled |= problem.is_error and problem.level is Level.FILE
            if isinstance(event, x12.InterchangeTrailer):
                self._verdicts.add(event.verdict)
            yield event

    @property
    def verdict(self) -> Verdict:
        """The verdict of the whole file."""
        if not self._verdicts:
            return Verdict.UNREADABLE
        verdict = combined(self._verdicts)
        return Verdict.ACCEPTED_WITH_ERRORS if self._spoiled and verdict is Verdict.ACCEPTED else verdict


def report(
    path: str, events: Iterable[Event], tally: Tally, spool: IO[bytes], extra: Mapping[str, Any]
) -> Iterator[bytes]:
    """One entry of ``files`` in the JSON of ``validate``, piece by piece while the file is read.

    Args:
        tally: a new one; it has the verdict when the report is at its end.
        spool: an empty file for the problems, which stand at the end, in the order of the file.
        extra: what else to say of the file, looked at when all events have come.
    """
    from orjson import dumps  # whoever wants no report starts without it

    lead = b""

    def opened(value: Mapping[str, Any], name: str) -> bytes:
        nonlocal lead
        begin, lead = lead, b""
        return begin + dumps(value)[:-1] + f',"{name}":['.encode()

    def closed(verdict: Verdict) -> bytes:
        nonlocal lead
        lead = b","
        return f'],"verdict":"{verdict}"}}'.encode()

    loose = False  # in a group of sets that came without one
    # Offset (or the largest number), place in the spool and length of each problem.
    index = array("q")
    yield opened({"path": path}, "interchanges")
    for event in tally.watch(events):
        for problem in event.problems:
            data = dumps(problem.to_dict())
            offset = problem.location.offset
            index.extend((sys.maxsize if offset is None else offset, spool.tell(), len(data)))
            spool.write(data)
        if loose and isinstance(event, x12.GroupHeader | x12.InterchangeTrailer):
            yield closed(Verdict.REJECTED)
            loose = False
        match event:
            case x12.InterchangeHeader():
                parties = {"sender": event.sender.to_dict(), "receiver": event.receiver.to_dict()}
                about = {"version": event.version, "usage": event.usage}
                yield opened({"control_number": event.control_number, **parties, **about}, "groups")
            case x12.GroupHeader():
                yield opened({name: getattr(event, name) for name in _GROUP}, "transaction_sets")
            case TransactionSet():
                if event.group is None and not loose:
                    yield opened(dict.fromkeys(_GROUP), "transaction_sets")
                    loose = True
                yield lead + dumps({name: getattr(event, name) for name in _SET})
                lead = b","
            case x12.GroupTrailer() | x12.InterchangeTrailer():
                yield closed(event.verdict)
            case _:
                pass
    yield b'],"problems":['
    for number, at in enumerate(sorted(range(0, len(index), 3), key=lambda at: index[at])):
        spool.seek(index[at + 1])
        yield (b"," if number else b"") + spool.read(index[at + 2])
    yield b"]," + dumps({"verdict": tally.verdict, **extra})[1:]
