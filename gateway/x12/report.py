"""The events of a file as one report: the JSON of ``edigw x12 validate --json``."""

from __future__ import annotations

from typing import Any

from gateway.errors import Level, Problem
from gateway.x12.envelope import (
    Event,
    FileProblem,
    GroupHeader,
    GroupTrailer,
    InterchangeHeader,
    InterchangeTrailer,
    TransactionSet,
    Verdict,
)
from gateway.x12.parser import combined


class Report:
    """Collects the events of one file.

    Args:
        path: name of the file, as the report shows it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.verdicts: list[Verdict] = []
        self.interchanges: list[dict[str, Any]] = []
        self._loose: dict[str, Any] | None = None

    def add(self, event: Event) -> None:
        """Takes one event of the parser."""
        match event:
            case TransactionSet():
                self.problems += event.problems
                self._group_of(event)["transaction_sets"].append(
                    {
                        "set_id": event.set_id,
                        "control_number": event.control_number,
                        "segments": event.segments,
                        "guide": event.guide,
                        "verdict": event.verdict.value,
                    }
                )
            case GroupHeader():
                self._loose = None
                self.interchanges[-1]["groups"].append(
                    {
                        "functional_id": event.functional_id,
                        "control_number": event.control_number,
                        "version": event.version,
                        "verdict": Verdict.REJECTED.value,
                        "transaction_sets": [],
                    }
                )
            case GroupTrailer():
                self.problems += event.problems
                self.interchanges[-1]["groups"][-1]["verdict"] = event.verdict.value
                self._loose = None
            case InterchangeHeader():
                self._loose = None
                self.interchanges.append(
                    {
                        "control_number": event.control_number,
                        "sender": event.sender.to_dict(),
                        "receiver": event.receiver.to_dict(),
                        "version": event.version,
                        "usage": event.usage,
                        "verdict": Verdict.REJECTED.value,
                        "groups": [],
                    }
                )
            case InterchangeTrailer():
                self.problems += event.problems
                self.verdicts.append(event.verdict)
                self.interchanges[-1]["verdict"] = event.verdict.value
            case FileProblem():
                self.problems.append(event.problem)
            case _:
                pass

    def _group_of(self, event: TransactionSet) -> dict[str, Any]:
        groups: list[dict[str, Any]] = self.interchanges[-1]["groups"]
        if event.group is not None:
            return groups[-1]
        if self._loose is None:
            self._loose = {
                "functional_id": None,
                "control_number": None,
                "version": None,
                "verdict": Verdict.REJECTED.value,
                "transaction_sets": [],
            }
            groups.append(self._loose)
        return self._loose

    @property
    def verdict(self) -> Verdict:
        """The verdict of the whole file."""
        if not self.verdicts:
            return Verdict.UNREADABLE
        verdict = combined(self.verdicts)
        spoiled = any(p.is_error and p.level is Level.FILE for p in self.problems)
        return Verdict.ACCEPTED_WITH_ERRORS if spoiled and verdict is Verdict.ACCEPTED else verdict

    def to_dict(self) -> dict[str, Any]:
        """One entry of ``files`` in the JSON of ``validate``; problems in the order of the file."""
        ordered = sorted(self.problems, key=lambda p: (p.location.offset is None, p.location.offset or 0))
        return {
            "path": self.path,
            "verdict": self.verdict.value,
            "interchanges": self.interchanges,
            "problems": [p.to_dict() for p in ordered],
        }
