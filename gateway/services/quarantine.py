"""Files that need a person: the file itself, what is wrong as JSON, and the same in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import PurePath
from textwrap import wrap
from typing import Any

import orjson

from gateway.errors import Fault, Problem
from gateway.services.base import Services
from gateway.services.lifecycle import Translation
from gateway.store.records import Message
from gateway.transports.folder import QUARANTINE

MAX_PROBLEMS = 500
"""Problems written into a report; how many more there are is always told."""

REFUSED = "refused_by_partner"
"""Status of a document that was sent in vain."""

_MAX_RESULTS = 100

_MOVES = {
    Fault.PARTNER: "the partner",
    Fault.US: "your own system (ERP)",
    Fault.CONFIGURATION: "whoever looks after the gateway",
    Fault.NETWORK: "nobody yet; it is tried again",
}

REASONS: dict[str, str] = {
    Translation.TRANSLATED: "Everything was processed, with remarks.",
    Translation.PARTLY_TRANSLATED: "Part of the file was processed; the rest could not be.",
    Translation.REJECTED: "The content breaks rules of its guide or partner, so nothing of it was processed.",
    Translation.UNREADABLE: "The file is not what this inbox takes, or cannot be read.",
    Translation.UNPROCESSED: "The file was not processed, because nothing is agreed about it.",
    Translation.DUPLICATE: "The file, or what is in it, was processed before; it was not processed again.",
    Translation.FAILED: "An error of the gateway itself stopped the work on this file.",
    REFUSED: "The document was sent, and the partner refused it.",
}

_PLACES = ("interchange", "group", "transaction_set", "segment", "line", "field")


@dataclass(slots=True)
class Findings:
    """What was found in one file.

    Attributes:
        verdict: of the X12 core, as in ``edigw x12 validate``. partner: whom it is from or for, if known.
        interchange: control number of the first interchange. set_id: what the first transaction set is.
        problems: the first of them; ``count`` is how many there are, ``errors`` how many are errors and
            ``codes`` of which kinds.
        done: how many documents were made and acknowledgments matched. deliveries: files are for others.
        results: what came of the file all the same, in words; the first of them.
        answered: what the partner is told, in words.
    """

    verdict: str = "unreadable"
    partner: str | None = None
    problems: list[Problem] = field(default_factory=list)
    count: int = 0
    errors: int = 0
    codes: set[str] = field(default_factory=set)
    interchange: str | None = None
    set_id: str = ""
    done: int = 0
    deliveries: bool = False
    results: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    def add(self, *problems: Problem) -> None:
        """Notes problems."""
        for problem in problems:
            self.count += 1
            if problem.is_error:
                self.errors += 1
                self.codes.add(problem.code)
            if len(self.problems) < MAX_PROBLEMS:
                self.problems.append(problem)

    def result(self, words: str) -> None:
        """Notes what came of the file."""
        if len(self.results) < _MAX_RESULTS:
            self.results.append(words)


def put(services: Services, message: Message, status: str, findings: Findings, owner: str = "") -> None:
    """Plans the three files of a quarantined message, in the transaction of what brings it there.

    Args:
        status: a translation, or ``refused_by_partner``.
        owner: the message whose job delivers them; empty for the message itself.
    """
    store = services.store
    name = message.name
    if message.payload is None:
        name = f"{message.id}__{name}"  # where Folder.set_aside put it
    elif (QUARANTINE, name) in store.names("wanted", message.channel, [name]):
        path = PurePath(name)
        name = f"{path.stem}_{message.id[-8:]}{path.suffix}"
    report = _report(message, name, status, findings)
    for end, content in (
        ("json", orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n"),
        ("txt", _words(report).encode()),
    ):
        payload, _ = services.payloads.put(BytesIO(content))
        store.add_delivery(
            message.id,
            owner or message.id,
            message.channel,
            QUARANTINE,
            f"{name}.problem.{end}",
            payload=payload,
        )
    if message.payload is not None:
        store.add_delivery(
            message.id, owner or message.id, message.channel, QUARANTINE, name, payload=message.payload
        )
    told = {key: report[key] for key in ("channel", "partner", "file", "status", "reason", "move")}
    if rules := sorted(one for one in findings.codes if one.startswith("RULE-")):
        told["rules"] = rules
    store.audit("file.quarantined", message.id, **told, problems=findings.count)


def _report(message: Message, name: str, status: str, findings: Findings) -> dict[str, Any]:
    """The content of ``.problem.json``; ``verdict`` and ``problems`` as in ``edigw x12 validate --json``."""
    errors = [problem for problem in findings.problems if problem.is_error] or findings.problems
    moves = list(dict.fromkeys(_MOVES[problem.fault] for problem in errors))
    todo = list(dict.fromkeys(problem.hint for problem in errors if problem.hint))
    return {
        "file": name,
        "channel": message.channel,
        "partner": findings.partner,
        "message_id": message.id,
        "received_at": message.created_at.isoformat(timespec="seconds"),
        "sha256": message.payload,
        "status": status,
        "verdict": findings.verdict,
        "reason": REASONS[status],
        "move": " and ".join(moves),
        "what_to_do": todo[:10],
        "answered": findings.answered,
        "results": findings.results,
        "problems": [problem.to_dict() for problem in findings.problems],
        "problems_left_out": findings.count - len(findings.problems),
    }


def _words(report: dict[str, Any]) -> str:
    """The report as plain text for a person, 100 columns wide."""
    told = report["answered"] or ["nobody was told; this report is the only notice"]
    lines = [
        f"{report['file']}  -  {report['status'].replace('_', ' ')}",
        "",
        report["reason"],
        "",
        f"Received     {report['received_at']} through {report['channel']}",
        f"Whose move   {report['move']}",
        *(f"Told         {text}" for text in told),
        *(f"Processed    {text}" for text in report["results"][:20]),
        "",
        "What is wrong, and what to do",
        "",
    ]
    for number, problem in enumerate(report["problems"][:50], 1):
        at = {**problem["location"], "field": problem["location"]["pointer"]}
        place = ", ".join(f"{key.replace('_', ' ')} {at[key]}" for key in _PLACES if at[key] is not None)
        lines += wrap(problem["message"], 94, initial_indent=f"{number:>3}. ", subsequent_indent="     ")
        lines += [f"     {place}  [{problem['code']}]" if place else f"     [{problem['code']}]"]
        lines += wrap(problem["hint"], 94, initial_indent="     -> ", subsequent_indent="        ")
        lines += [""]
    if left := report["problems_left_out"] + max(0, len(report["problems"]) - 50):
        lines += [f"     ... and {left} more", ""]
    end = "When this is settled, delete this file and those of the same name; the gateway keeps the original."
    return "\n".join([*lines, end, "", f"Message {report['message_id']}", ""])
