"""``edigw audit``: what happened, whether the record of it is whole, and exports that prove it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import count, say, show, table, visible, whole, write_json
from gateway.errors import RefusedError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from gateway.app import Gateway
    from gateway.store.payloads import Payloads

HOLDS = ("all", "partner", "message", "number")
"""What a legal hold may cover."""


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    verbs = inputs.noun(commands, "audit", "prove what happened", "Show, check and export the audit.")
    one = inputs.command(verbs, "verify", run_verify, json="one JSON object")
    one.add_argument("--no-payloads", action="store_true", help="check the chain only, not the stored bytes")
    words = "also a checkpoint that was kept elsewhere, as `audit checkpoint` printed it; may be given often"
    one.add_argument("--checkpoint", metavar="FILE", action="append", type=Path, default=[], help=words)
    shown = inputs.command(verbs, "show", run_show, json="one JSON list")
    shown.add_argument("--message", metavar="ID", help="of this message")
    shown.add_argument("--document", metavar="ID", help="of this document")
    shown.add_argument("--event", metavar="E", help="such as file.received")
    out = inputs.command(verbs, "export", run_export)
    out.add_argument("--out", metavar="FILE.zip", required=True, help="the file to write")
    out.add_argument("--po", metavar="NUMBER", default="", help="one purchase order, to its payment")
    out.add_argument("--message", metavar="ID", default="", help="one message, with answers")
    out.add_argument("--all", action="store_true", help="everything")
    for parser in (shown, out):
        parser.add_argument("--partner", metavar="P", default="", help="of this partner")
        parser.add_argument("--since", metavar="DATE", type=moment, help="from then on, UTC")
        parser.add_argument("--until", metavar="DATE", type=end_of, help="until then, the day included, UTC")
    point = inputs.command(verbs, "checkpoint", run_checkpoint)
    holds = inputs.noun(verbs, "legal-hold", "keep what a dispute is about", "Legal holds.")
    add = inputs.command(holds, "add", run_hold)
    add.add_argument("kind", choices=HOLDS, help="what it covers")
    add.add_argument("value", nargs="?", default="", help="which partner, message, or number of a document")
    listed = inputs.command(holds, "list", run_holds, json="one JSON list")
    end = inputs.command(holds, "release", run_release)
    end.add_argument("hold", metavar="HOLD", type=inputs.number(999_999_999, "a hold"), help="its number")
    retain = inputs.command(verbs, "retain", run_retain)
    retain.add_argument("--dry-run", action="store_true", help="only tell what would be deleted")
    for parser in (out, add, end):
        parser.add_argument("--reason", metavar="TEXT", required=True, help="why; kept in the audit")
    for parser in (one, shown, out, point, add, listed, end, retain):
        inputs.home_option(parser)


def moment(text: str) -> datetime:
    """A date or time of an option; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not of the form 2026-03-31 or 2026-03-31T12:00"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def end_of(text: str) -> datetime:
    """The same of when something ends; a day with its last moment."""
    return moment(text) + timedelta(days=len(text) <= len("2026-03-31"))


@contextmanager
def store_of(home: Path) -> Iterator[tuple[Engine, Payloads]]:
    """Database and payloads of a home, to be read only; no key is needed, and none is made."""
    from gateway.settings import DATA, PAYLOADS, database_url, load
    from gateway.store.database import opened
    from gateway.store.payloads import open_payloads

    settings = load(home)
    with opened(database_url(home, settings)) as engine:
        yield engine, open_payloads(settings.gateway.storage.payloads, home / DATA / PAYLOADS)


@contextmanager
def gateway_of(args: argparse.Namespace) -> Iterator[Gateway]:
    """The gateway of the home, for what a person does beside its work."""
    from gateway.app import Gateway
    from gateway.observability.logging import configure
    from gateway.settings import load

    home = inputs.home_named(args)
    settings = load(home)
    configure(level="error")  # what was done the command tells, and the audit has it
    opened = Gateway(home, settings, works=False, actor=inputs.actor(getattr(args, "actor", None)))
    with opened as gateway, closing(gateway.services.store):
        yield gateway


def run_verify(args: argparse.Namespace) -> int:
    """Check that nothing was changed or removed.

    Follows the chain of the audit from its first entry, checks the signatures of its checkpoints, and hashes
    every stored payload and document again. Each problem is a sentence.

    exit code: 0 all is as it was written, 1 it is not
    """
    told = verified(inputs.home_named(args), not args.no_payloads, args.checkpoint)
    if args.json:
        write_json(told)
    else:
        show(visible(problem) for problem in told["problems"])
        show(told_in_words(told))
    return ExitCode(bool(told["problems"]))


def verified(home: Path, with_payloads: bool, kept: list[Path]) -> dict[str, Any]:
    """See :func:`gateway.services.proof.verified`; the page shows the result of the last check."""
    from gateway.services import proof
    from gateway.store.database import reading

    with store_of(home) as (engine, payloads), reading(engine) as connection:
        told = proof.verified(home, connection, payloads if with_payloads else None, kept)
    with suppress(OSError):  # a copy that cannot be written to is checked as well
        proof.remember(home, told, datetime.now(UTC).isoformat(), inputs.actor(None))
    return told


def told_in_words(told: dict[str, Any]) -> list[str]:
    """The result of :func:`verified` without the problems."""
    if not told["entries"] and not told["problems"]:
        return ["The audit has no entries yet."]
    lines = [f"{count(told['entries'], 'entry', 'entries')} from {told['since']} to {told['until']}."]
    lines.append(f"Fingerprint of the key: {told['fingerprint']}")
    number = len(told["problems"])
    checked = " and the stored bytes" if told["payloads"] else ""
    fine = f"The chain, its signatures{checked} are as they were written."
    return [*lines, f"{count(number, 'problem')} found." if number else fine]


def run_show(args: argparse.Namespace) -> int:
    """Show the history in words.

    Without an option all of it; with several, what fits all of them.
    """
    from sqlalchemy import select

    from gateway.services.proof import entry_of, facts_of, words
    from gateway.services.scope import Scope
    from gateway.store import tables as t
    from gateway.store.database import reading

    asked = {"message_id": args.message, "document_id": args.document, "partner": args.partner}
    asked["event"] = args.event
    found = select(t.audit).where(*(t.audit.c[name] == one for name, one in asked.items() if one))
    found = found.where(Scope(since=args.since, until=args.until).within(t.audit.c.at)).order_by(
        t.audit.c.seq
    )
    with store_of(inputs.home_named(args)) as (engine, _), reading(engine) as connection:
        rows = connection.execution_options(yield_per=1000).execute(found)
        entries = map(entry_of, rows)
        if args.json:
            told = ({**one._asdict(), "facts": facts_of(one.facts), "words": words(one)} for one in entries)
            write_json([*told])
        else:
            show(visible(f"{one.seq:>6}  {one.at[:19]}  {words(one)}{_by(one.actor)}") for one in entries)
    return ExitCode.FINE


def _by(actor: str) -> str:
    from gateway.store.records import GATEWAY

    return "" if actor == GATEWAY else f"  ({actor})"


def run_export(args: argparse.Namespace) -> int:
    """Write a zip file that proves what happened.

    It has the original bytes, what they say, acknowledgments, the log with its chain, a readable report and a
    program that checks all that without this software. Whoever gets it runs: python3 verify.py

    exit code: 0 it is written, 4 there is nothing of that kind
    """
    period = bool(args.partner or args.since or args.until)
    if [bool(args.po), bool(args.message), args.all, period and not args.po].count(True) != 1:
        say("edigw: name one of --po, --message, --all, or --partner, --since and --until.")
        return ExitCode.USAGE
    from gateway.services.export import export
    from gateway.services.scope import Scope
    from gateway.settings import AUDIT_KEY, CHECKPOINTS, DATA, KEYS
    from gateway.store.audit import Seal
    from gateway.store.verifier import fingerprint_of

    scope = Scope(args.po, args.message, args.partner, args.since, args.until)
    with gateway_of(args) as gateway, whole(args.out) as out:
        seal = Seal.of(gateway.home / KEYS / AUDIT_KEY)
        said = export(gateway.services, scope, args.reason, out, gateway.home / DATA / CHECKPOINTS, seal)
    say(f"{args.out}: {said}.")
    say(f"Fingerprint of the key: {fingerprint_of(bytes.fromhex(seal.public_key))}")
    return ExitCode.FINE


def run_checkpoint(args: argparse.Namespace) -> int:
    """Print the newest checkpoint, to be kept elsewhere.

    Whoever has it can prove later that nothing before it was changed or removed: `edigw audit verify
    --checkpoint FILE`. It tells nothing about the content.
    """
    from gateway.services import attend, proof
    from gateway.settings import CHECKPOINTS, DATA

    with gateway_of(args) as gateway:
        file = gateway.home / DATA / CHECKPOINTS
        if not attend.checkpoint(gateway.services, file):
            raise RefusedError("The audit has no entries yet.")
        show([json.dumps(proof.written(file)[-1]._asdict())])
    return ExitCode.FINE


def run_hold(args: argparse.Namespace) -> int:
    """Keep what a dispute is about beyond its retention.

    Covers everything, a partner, a message, or all documents with a number such as a purchase order.
    """
    if (args.kind == "all") != (not args.value):
        say("edigw: name what is to be held: `all`, or a kind and a value.")
        return ExitCode.USAGE
    with gateway_of(args) as gateway, gateway.services.store.transaction():
        if args.kind == "message":
            gateway.services.store.message(args.value)
        number = gateway.services.store.retention.add_hold(args.kind, args.value, args.reason)
    show([f"Legal hold {number} is in force."])
    return ExitCode.FINE


def run_holds(args: argparse.Namespace) -> int:
    """List the legal holds in force."""
    with gateway_of(args) as gateway:
        holds = gateway.services.store.retention.holds()
    if args.json:
        write_json(holds)
    else:
        columns = ("seq", "kind", "value", "reason", "actor", "at")
        rows = [[visible(str(hold[column])) for column in columns] for hold in holds]
        show(table(rows, ("hold", *columns[1:])).splitlines() if rows else ["No legal hold is in force."])
    return ExitCode.FINE


def run_release(args: argparse.Namespace) -> int:
    """End a legal hold."""
    with gateway_of(args) as gateway, gateway.services.store.transaction():
        gateway.services.store.retention.release_hold(args.hold, args.reason)
    show([f"Legal hold {args.hold} has ended."])
    return ExitCode.FINE


def run_retain(args: argparse.Namespace) -> int:
    """Delete what is older than its retention.

    Deletes the bytes and documents of finished messages; that they were there stays in the audit. Legal holds
    keep what they cover. A gateway that runs does it once a day.
    """
    from gateway.services.attend import retain

    with gateway_of(args) as gateway:
        total = 0
        while told := retain(gateway.services, dry_run=args.dry_run):
            show(map(visible, told))
            total += len(told)
            if args.dry_run:
                break
    show([f"{count(total, 'message')} {'would be' if args.dry_run else 'were'} deleted."])
    return ExitCode.FINE
