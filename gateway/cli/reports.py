"""What ``edigw x12 validate`` prints, written while the file is read: memory does not grow with the file."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable
from tempfile import SpooledTemporaryFile
from typing import IO, Protocol

from gateway.cli import findings
from gateway.cli.output import Style, count, to_json, visible
from gateway.errors import Level, Problem, Severity
from gateway.x12.envelope import (
    Event,
    FileProblem,
    GroupHeader,
    GroupTrailer,
    InterchangeAcknowledgment,
    InterchangeHeader,
    InterchangeTrailer,
    TransactionSet,
    Verdict,
)
from gateway.x12.parser import combined

_IN_MEMORY = 4 * 1024 * 1024
"""Bytes of a report kept in memory before they go to a temporary file."""

_LISTED = 20
"""Accepted transaction sets listed one by one in each group; more are counted."""


class FileVerdict:
    """The verdict of a file, from its events."""

    def __init__(self) -> None:
        self._verdicts: set[Verdict] = set()
        self._spoiled = False
        self.tally = dict.fromkeys(Severity, 0)

    def problems(self, found: Iterable[Problem]) -> None:
        """Notes problems of the file."""
        for problem in found:
            self.tally[problem.severity] += 1
            self._spoiled |= problem.is_error and problem.level is Level.FILE

    def interchange(self, verdict: Verdict) -> None:
        """Notes the verdict of an interchange."""
        self._verdicts.add(verdict)

    @property
    def verdict(self) -> Verdict:
        """As :class:`gateway.x12.report.Report` has it."""
        if not self._verdicts:
            return Verdict.UNREADABLE
        verdict = combined(self._verdicts)
        return Verdict.ACCEPTED_WITH_ERRORS if self._spoiled and verdict is Verdict.ACCEPTED else verdict


class Reporter(Protocol):
    """Writes the report on several files."""

    def begin(self, path: str) -> None:
        """A file begins."""

    def add(self, event: Event) -> None:
        """The next event of the file."""

    def end(self, extra: dict[str, object] | None = None) -> Verdict:
        """The file is over; ``extra`` stands beside the verdict."""

    def abandon(self) -> None:
        """Lets go of what is open, after :meth:`end` or in its place."""

    def close(self) -> None:
        """All files are over."""


class JsonReporter:
    """The JSON object of ``--json``; what is in it is that of :class:`gateway.x12.report.Report`.

    Args:
        write: takes the bytes.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._files = 0
        self._write(b'{"files":[')

    def begin(self, path: str) -> None:
        self._write((b"," if self._files else b"") + b'{"path":' + to_json(path) + b',"interchanges":[')
        self._files += 1
        self._verdict = FileVerdict()
        self._interchanges = self._groups = self._sets = 0
        self._group_open = self._loose = False
        self._spool: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 -- closed in abandon()
        # Offset (or the largest number), place in the spool and length of each problem.
        self._index = array("q")

    def add(self, event: Event) -> None:
        match event:
            case TransactionSet():
                self._problems(event.problems)
                if event.group is None and not self._loose:
                    self._begin_group(None, None, None)
                    self._loose = True
                one = {
                    "set_id": event.set_id,
                    "control_number": event.control_number,
                    "segments": event.segments,
                    "guide": event.guide,
                    "verdict": event.verdict.value,
                }
                self._write((b"," if self._sets else b"") + to_json(one))
                self._sets += 1
            case GroupHeader():
                self._end_loose()
                self._begin_group(event.functional_id, event.control_number, event.version)
            case GroupTrailer():
                self._problems(event.problems)
                self._end_group(event.verdict)
            case InterchangeHeader():
                head = to_json(
                    {
                        "control_number": event.control_number,
                        "sender": event.sender.to_dict(),
                        "receiver": event.receiver.to_dict(),
                        "version": event.version,
                        "usage": event.usage,
                    }
                )
                self._write((b"," if self._interchanges else b"") + head[:-1] + b',"groups":[')
                self._interchanges += 1
                self._groups = 0
            case InterchangeTrailer():
                self._problems(event.problems)
                self._end_loose()
                self._verdict.interchange(event.verdict)
                self._write(b'],"verdict":' + to_json(event.verdict.value) + b"}")
            case FileProblem():
                self._problems((event.problem,))
            case _:
                pass

    def _begin_group(
        self, functional_id: str | None, control_number: str | None, version: str | None
    ) -> None:
        head = to_json({"functional_id": functional_id, "control_number": control_number, "version": version})
        self._write((b"," if self._groups else b"") + head[:-1] + b',"transaction_sets":[')
        self._groups += 1
        self._sets = 0

    def _end_group(self, verdict: Verdict) -> None:
        self._write(b'],"verdict":' + to_json(verdict.value) + b"}")

    def _end_loose(self) -> None:
        if self._loose:
            self._end_group(Verdict.REJECTED)
            self._loose = False

    def _problems(self, found: Iterable[Problem]) -> None:
        for problem in found:
            self._verdict.problems((problem,))
            data = to_json(problem.to_dict())
            offset = problem.location.offset
            self._index.extend((sys.maxsize if offset is None else offset, self._spool.tell(), len(data)))
            self._spool.write(data)

    def end(self, extra: dict[str, object] | None = None) -> Verdict:
        self._write(b'],"problems":[')
        index = self._index
        order = sorted(range(0, len(index), 3), key=lambda at: index[at])
        for number, at in enumerate(order):
            self._spool.seek(index[at + 1])
            self._write((b"," if number else b"") + self._spool.read(index[at + 2]))
        verdict = self._verdict.verdict
        rest = to_json({"verdict": verdict.value, **(extra or {})})
        self._write(b"]," + rest[1:])
        return verdict

    def abandon(self) -> None:
        self._spool.close()

    def close(self) -> None:
        self._write(b"]}\n")


class TextReporter:
    """The report for a person: a line on each part of a file, its problems below it.

    Args:
        write: takes the text.
    """

    def __init__(self, write: Callable[[str], object], style: Style) -> None:
        self._write = write
        self._style = style
        self._files = 0

    def begin(self, path: str) -> None:
        self._path = path
        self._verdict = FileVerdict()
        self._body: IO[str] = SpooledTemporaryFile(  # noqa: SIM115 -- closed in abandon()
            max_size=_IN_MEMORY, mode="w+", encoding="utf-8", errors="surrogatepass", newline=""
        )
        self._accepted = self._hidden = self._sets = 0

    def _say(self, text: str) -> None:
        self._body.write(text + "\n")

    def _problems(self, found: tuple[Problem, ...], header: InterchangeHeader | None, indent: str) -> None:
        self._verdict.problems(found)
        for problem in found:
            segment = None
            if header is not None and problem.location.segment_id == "ISA":
                segment = header.delimiters.element.join(header.elements)
            marks = header.delimiters if header else None
            for line in self._lines(problem, segment if marks else None, header, indent):
                self._say(line)

    def _lines(
        self, problem: Problem, segment: str | None, header: InterchangeHeader | None, indent: str
    ) -> Iterable[str]:
        from gateway.x12.delimiters import Delimiters

        marks = header.delimiters if header else Delimiters()
        return findings.described(problem, segment, marks, self._style, indent)

    def add(self, event: Event) -> None:
        match event:
            case InterchangeHeader():
                self._say(f"  {self._style.bold('Interchange')} {_interchange_words(event)}")
            case GroupHeader():
                self._accepted = self._hidden = 0
                self._say(
                    visible(
                        f"    Functional group {event.functional_id} {event.control_number}, "
                        f"version {event.version or '(none)'}"
                    )
                )
            case TransactionSet():
                self._set(event)
            case GroupTrailer():
                self._more()
                if event.problems:
                    self._problems(event.problems, event.header.interchange, "      ")
                number = event.header.control_number
                words = findings.verdict_words(event.verdict, self._style)
                accepted = f"{event.accepted} of {count(event.received, 'transaction set')} without errors"
                self._say(visible(f"    Functional group {number}: ") + f"{words}, {accepted}")
            case InterchangeAcknowledgment():
                self._say(f"    TA1: {visible(' '.join(event.elements[1:]))}")
            case InterchangeTrailer():
                self._verdict.interchange(event.verdict)
                if event.problems:
                    self._problems(event.problems, event.header, "    ")
                words = findings.verdict_words(event.verdict, self._style)
                self._say(visible(f"  Interchange {event.header.control_number}: ") + words)
            case FileProblem():
                self._problems((event.problem,), None, "  ")

    def _set(self, event: TransactionSet) -> None:
        self._sets += 1
        self._verdict.problems(event.problems)
        if event.verdict is Verdict.ACCEPTED and not event.problems:
            self._accepted += 1
            if self._accepted > _LISTED:
                self._hidden += 1
                return
        self._more()
        words = findings.verdict_words(event.verdict, self._style)
        guide = f"guide {event.guide}" if event.guide else "no guide"
        about = f"{event.set_id} {event.control_number}, {count(event.segments, 'segment')}, {guide}: "
        self._say("      " + visible(about) + words)
        for line in findings.of_set(event, self._style, "        "):
            self._say(line)

    def _more(self) -> None:
        if self._hidden:
            self._say(f"      and {count(self._hidden, 'more transaction set')}, accepted")
            self._hidden = 0

    def end(self, extra: dict[str, object] | None = None) -> Verdict:
        del extra
        verdict = self._verdict.verdict
        found = findings.counted(self._verdict.tally)
        name = self._style.bold(visible("standard input" if self._path == "-" else self._path))
        line = f"{name}: {findings.verdict_words(verdict, self._style)}" + (f", {found}" if found else "")
        self._write(("\n" if self._files else "") + line + "\n")
        self._files += 1
        self._body.seek(0)
        while text := self._body.read(1 << 16):
            self._write(text)
        return verdict

    def note(self, text: str) -> None:
        """A line of another opinion, within the file."""
        self._say(text)

    def abandon(self) -> None:
        self._body.close()

    def close(self) -> None:
        pass


def _interchange_words(header: InterchangeHeader) -> str:
    sender, receiver = (f"{party.qualifier}/{party.id}" for party in (header.sender, header.receiver))
    usage = {"P": "production", "T": "test", "I": "information"}.get(header.usage, f"usage {header.usage!r}")
    if not header.elements:
        return "without an ISA segment"
    number, version = header.control_number, header.version
    return visible(f"{number} from {sender} to {receiver}, version {version}, {usage}")
