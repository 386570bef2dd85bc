"""What ``edigw x12 validate`` prints for a person: a line on each part of a file, its problems below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.cli import findings
from gateway.cli.output import Style, count, visible
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

_LISTED = 20
"""Accepted transaction sets listed one by one in each group; more are counted."""


def lines(events: Iterable[Event], style: Style) -> Iterator[str]:
    """The body of the report."""
    accepted = hidden = 0
    for event in events:
        if isinstance(event, TransactionSet) and event.verdict is Verdict.ACCEPTED and not event.problems:
            accepted += 1
            if accepted > _LISTED:
                hidden += 1
                continue
        if hidden:
            yield f"      and {count(hidden, 'more transaction set')}, accepted"
            hidden = 0
        match event:
            case InterchangeHeader():
                yield f"  {style.bold('Interchange')} {_interchange_words(event)}"
            case GroupHeader():
                accepted = 0
                name = f"{event.functional_id} {event.control_number}"
                yield visible(f"    Functional group {name}, version {event.version or '(none)'}")
            case TransactionSet():
                guide = f"guide {event.guide}" if event.guide else "no guide"
                about = f"{event.set_id} {event.control_number}, {count(event.segments, 'segment')}, {guide}"
                yield f"      {visible(about)}: {findings.verdict_words(event.verdict, style)}"
                yield from findings.of(event, style, "        ")
            case GroupTrailer():
                yield from findings.of(event, style, "      ")
                words = findings.verdict_words(event.verdict, style)
                sets = f"{event.accepted} of {count(event.received, 'transaction set')} without errors"
                yield f"    Functional group {visible(event.header.control_number)}: {words}, {sets}"
            case InterchangeAcknowledgment():
                yield f"    TA1: {visible(' '.join(event.elements[1:]))}"
                yield from findings.of(event, style, "      ")
            case InterchangeTrailer():
                yield from findings.of(event, style, "    ")
                words = findings.verdict_words(event.verdict, style)
                yield f"  Interchange {visible(event.header.control_number)}: {words}"
            case FileProblem():
                yield from findings.of(event, style, "  ")


def _interchange_words(header: InterchangeHeader) -> str:
    if not header.elements:
        return "without an ISA segment"
    sender, receiver = (f"{party.qualifier}/{party.id}" for party in (header.sender, header.receiver))
    usage = {"P": "production", "T": "test", "I": "information"}.get(header.usage, f"usage {header.usage!r}")
    parties = f"{header.control_number} from {sender} to {receiver}"
    return visible(f"{parties}, version {header.version}, {usage}")
