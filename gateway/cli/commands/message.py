"""``edigw message …``: what was received and sent; what a person may do with it is in :mod:`operate`."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.commands import operate
from gateway.cli.commands.audit import store_of
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import count, cut, say, show, table, visible, whole, write_json
from gateway.errors import NotFoundError
from gateway.services.words import WORDS, words

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.settings import Settings
    from gateway.store.payloads import Payloads
    from gateway.store.queries import Page, Row, Wanted

MAX_LISTED = 1000
_ID = "its id, or the beginning of it if no other begins so"
_WIDTH = 34
"""Characters shown of a file name in a list."""

_PARTS = {
    "receipt": "the newest receipt, with its header lines",
    "signed": "what was signed, with the signature",
}
"""Bytes that prove what was exchanged over AS2."""


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    verbs = inputs.noun(commands, "message", "find, send again, hold what came and went", "Work on messages.")
    listed = inputs.command(verbs, "list", run_list, json="one JSON object: messages, and the next cursor")
    list_options(listed, "a number, control number, id, partner, or part of a file name")
    for name in WORDS:
        status_option(listed, f"--{name}", name, f"with this {name} status; may be given several times")
    listed.add_argument(
        "--person",
        action="store_true",
        help="only what needs one: failed, on hold, or waiting for an item, a place or an approval",
    )
    shown = inputs.command(verbs, "show", run_show, json="one JSON object with everything")
    shown.add_argument("id", metavar="ID", help=_ID)
    inputs.home_option(shown)
    raw = inputs.command(verbs, "raw", run_raw)
    raw.add_argument("id", metavar="ID", help=_ID)
    part = raw.add_mutually_exclusive_group()
    for name, said in _PARTS.items():
        part.add_argument(f"--{name}", dest="part", action="store_const", const=name, help=f"{said} (AS2)")
    raw.add_argument("-o", "--output", metavar="OUT", help="write to this file, whole or not at all")
    inputs.home_option(raw)
    operate.register(verbs, _ID)


# --- what lists and details of the store share -----------------------------------------------------------


def list_options(parser: argparse.ArgumentParser, text: str) -> None:
    """Adds what all lists can be asked for."""
    parser.add_argument("text", metavar="TEXT", nargs="?", default="", help=text)
    parser.add_argument("--partner", metavar="P", default="", help="of this partner")
    parser.add_argument("--direction", choices=("in", "out"), default="", help="received, or sent")
    words = "from this day or time on (UTC), as 2026-03-02 or 2026-03-02T09:30"
    parser.add_argument("--since", metavar="TIME", type=day_or_time, help=words)
    words = "until the end of this day, or before this time"
    parser.add_argument("--until", metavar="TIME", type=end_of, help=words)
    limit = inputs.number(MAX_LISTED, "a number of rows")
    parser.add_argument("--limit", metavar="N", type=limit, default=50, help="at most so many (default 50)")
    cursor = inputs.number(999_999_999, "a cursor")
    parser.add_argument("--cursor", metavar="N", type=cursor, help="go on where the last list ended")
    inputs.home_option(parser)


def status_option(parser: argparse.ArgumentParser, option: str, name: str, help: str) -> None:  # noqa: A002
    """Adds an option for some values of one of the three statuses."""
    parser.add_argument(
        option, choices=list(WORDS[name]), action="append", default=[], metavar="S", help=help
    )


def day_or_time(text: str, days: int = 0) -> datetime:
    """The type of an option: when something begins, UTC."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC) + timedelta(days=days)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a day or time such as 2026-03-02T09:30") from None


def end_of(text: str) -> datetime:
    """The same: when it ends; a day with its last moment."""
    return day_or_time(text, days=int(len(text) <= len("2026-03-02")))


def wanted(args: argparse.Namespace, **more: Any) -> Wanted:
    """What the options of a list ask for."""
    from gateway.store.queries import Wanted

    names = ("text", "partner", "direction", "since", "until", "limit", "cursor")
    return Wanted(**{name: getattr(args, name) for name in names}, **more)


@contextmanager
def asking(args: argparse.Namespace) -> Iterator[tuple[Connection, Settings]]:
    """A connection that reads the store of the home, and the home's settings."""
    home = inputs.home_named(args)
    from gateway.settings import database_url, load
    from gateway.store.database import opened, reading

    settings = load(home)
    with opened(database_url(home, settings)) as engine, reading(engine) as connection:
        yield connection, settings


def show_page(
    args: argparse.Namespace,
    name: str,
    page: Page,
    header: Sequence[str],
    cells: Callable[[Row], Sequence[str]],
) -> int:
    """Prints a page of a list."""
    if args.json:
        write_json({name: page.rows, "cursor": page.cursor})
        return ExitCode.FINE
    rows = [[visible(cell) for cell in cells(row)] for row in page.rows]
    sys.stdout.write(table(rows, header) if rows else "")
    if not rows:
        say("Nothing was found.")
    if page.cursor is not None:
        say(f"There are more: --cursor {page.cursor}")
    return ExitCode.FINE


def brief(identity: str) -> str:
    """The part of an id that tells it from others."""
    return identity.partition("-")[0]


def when(time: str, *, seconds: bool = False) -> str:
    """A time of the store for a person; it is UTC."""
    return time[: 19 if seconds else 16].replace("T", " ")


# --- list and show ---------------------------------------------------------------------------------------


def run_list(args: argparse.Namespace) -> int:
    """List messages, newest first.

    Lists what was received and sent, newest first, with the three statuses side by side. Times are UTC.
    """
    from gateway.store import queries

    given = {name: tuple(getattr(args, name)) for name in WORDS}
    with asking(args) as (connection, _):
        page = queries.messages(connection, wanted(args, person=args.person, **given))
    header = ("ID", "TIME", "", "PARTNER", "FILE", "TRANSLATION", "DELIVERY", "ACKNOWLEDGMENT")
    return show_page(args, "messages", page, header, _cells)


def _cells(row: Row) -> Sequence[str]:
    held = " (on hold)" if row["hold"] else ""
    said = [words(row[name]) for name in WORDS]
    known = (row["direction"], row["partner"] or "-", cut(row["name"], _WIDTH))
    return (brief(row["id"]), when(row["created_at"]), *known, said[0] + held, *said[1:])


def run_show(args: argparse.Namespace) -> int:
    """Tell everything about one message.

    Tells what a message is, where it stands, what is wrong with it, what was made from it, what the partner
    said, and its history. Times are UTC.
    """
    from gateway.services.inspect import reports

    found, kept = _found(args)
    found["problems"] = list(reports(found, kept))
    if args.json:
        write_json(found)
    else:
        show(visible(line) for line in _told(found))
    return ExitCode.FINE


def run_raw(args: argparse.Namespace) -> int:
    """Write the bytes of a message, exactly as they came or went.

    Writes its file; or, of a message that went over AS2, the proof of it: the receipt, or what was signed.

    exit code: 0 done, 4 there is no such message, or it has no such bytes
    """
    found, kept = _found(args)
    given = [one[args.part] for one in found["exchanges"]] if args.part else [found["payload"]]
    sha256 = next((one for one in reversed(given) if one), None)
    if sha256 is None:
        words = _PARTS.get(args.part, "its bytes")
        raise NotFoundError(f"This is not kept of message {found['id']}: {words}.")
    with kept.open(sha256) as file, whole(args.output) as out:
        shutil.copyfileobj(file, out)
    return ExitCode.FINE


def _found(args: argparse.Namespace) -> tuple[Row, Payloads]:
    """The message that is asked for, and where its bytes are."""
    from gateway.store import queries, tables
    from gateway.store.database import reading

    with store_of(inputs.home_named(args)) as (engine, kept), reading(engine) as connection:
        return queries.message(connection, queries.resolve(connection, tables.messages, args.id)), kept


def _told(message: Row) -> Iterator[str]:
    """Everything about a message in lines."""
    came = message["direction"] == "in"
    where = f"{'received through' if came else 'written for'} {message['channel']}"
    where += f" by {message['way']}" if message["way"] not in ("", "folder") else ""
    at = when(message["created_at"], seconds=True)
    yield f"Message {message['id']}"
    yield f"{message['name']}, {message['size']:,} bytes, {where} at {at} UTC"
    numbers = [f", {name} {message[name]}" for name in ("interchange", "group") if message[name]]
    yield f"Partner {message['partner'] or 'unknown'}{''.join(numbers)}"
    if message["hold"]:
        yield f"On hold: {message['hold']}"
    if message["erased_at"]:
        yield f"Its bytes were deleted at {when(message['erased_at'])} UTC; its retention was over."
    yield ""
    said = [(name.capitalize(), words(message[name]), WORDS[name][message[name]]) for name in WORDS]
    yield from table(said).splitlines()
    for title, lines in _parts(message):
        if lines:
            yield from ("", title, *(f"  {line}" for line in lines))
    if message["truncated"]:
        yield from ("", f"There is more than shown of: {', '.join(message['truncated'])}.")


def _parts(message: Row) -> Iterator[tuple[str, list[str]]]:
    yield "Problems", [line for report in message["problems"] for line in _problems(report)]
    yield "Documents", [_document(one) for one in message["documents"]]
    yield "Route", [_route(one["facts"]) for one in message["routes"]]
    yield "Deliveries", [_delivery(one) for one in message["deliveries"]]
    due: dict[str, list[str]] = {"acknowledgment": [], "receipt": [], "deadlines": []}
    for one in message["expectations"]:
        kind, state = one["kind"], f"until {when(one['due_at'])}: {one['state']}"
        if kind in due:
            due[kind].append(f"expected {state}")
        else:
            due["deadlines"].append(f"{words(kind)} {state}")
    yield "Deadlines", due["deadlines"]
    over, lines = ("Amazon's API", _submission) if message["way"] == "api" else ("AS2", _exchange)
    posted = [one for one in message["exchanges"] if one["channel"].endswith("/webhook")]
    yield over, [line for one in message["exchanges"] if one not in posted for line in lines(one)]
    yield "Webhook", [line for one in posted for line in _post(one)]
    yield "Receipt of the partner (MDN)", due["receipt"]
    said = [*due["acknowledgment"], *map(_answer, message["acknowledgments"])]
    yield "Acknowledgment by the partner", said
    yield "What it says of messages we sent", [*map(_answer, message["acknowledges"])]
    origin = [f"it was made from, or processes again: {message['origin']}"] if message["origin"] else []
    made = [
        f"{one['name']}: {words(one['translation'])}, delivery {words(one['delivery'])}  ({one['id']})"
        for one in message["made_from_it"]
    ]
    yield "Related messages", origin + made
    yield "History", [*map(_entry, message["history"])]


def _problems(report: Row) -> Iterator[str]:
    """A report on a message in quarantine, in lines."""
    yield report["reason"]
    yield f"Whose move: {report['move']}"
    for one in report["problems"]:
        known = {**one["location"], "value": one["value"]}
        places = ("transaction_set", "segment", "line", "pointer", "value")
        place = ", ".join(f"{name.replace('_', ' ')} {known[name]}" for name in places if known.get(name))
        yield f"- {one['message']}  [{one['code']}{place and f', {place}'}]"
        if one["hint"]:
            yield f"  {one['hint']}"
    if report["problems_left_out"]:
        yield f"and {count(report['problems_left_out'], 'more problem')}"


def _document(one: Row) -> str:
    said = (
        "" if one["acknowledgment"] == "not_expected" else f", acknowledgment: {words(one['acknowledgment'])}"
    )
    what = "approval" if (one["batch"] or "").startswith("approval|") else "its batch"
    batch = f", waits for {what}" if one["batch"] else ""
    test = ", a test" if one["test"] else ""
    return f"{words(one['document_type'])} {one['number']}{test}{said}{batch}  ({one['id']})"


def _route(one: Row) -> str:
    rule = f"rule {one['rule']!r}: " if one["rule"] else ""
    return f"{words(one['document_type'])} {one['number']} goes by {one['way']}: {rule}{one['why']}"


def _delivery(one: Row) -> str:
    last = f", last error: {one['error']}" if one["error"] else ""
    name = one["name"] or one["wanted"]
    if one["state"] == "waits":
        return f"{one['channel']}/{one['box']}/{name}: waits for {one['error']}"
    return f"{one['channel']}/{one['box']}/{name}: {one['state']} at {when(one['at'])}{last}"


def _exchange(one: Row) -> Iterator[str]:
    at = when(one["ended_at"] or one["at"])
    yield f"{one['as2_id']} from {one['sender']} to {one['receiver']}: {one['state']} at {at}"
    said = {"receipt": one["disposition"], "digest (MIC)": one["mic"], "last error": one["error"]}
    yield from (f"  {name}: {value}" for name, value in said.items() if value)
    for name, words_ in _PARTS.items():
        if one[name]:
            yield f"  edigw message raw {one['message_id']} --{name}: {words_}"


def _submission(one: Row) -> Iterator[str]:
    at, number = when(one["ended_at"] or one["at"]), one["as2_id"] or "without a number yet"
    yield f"transaction {number}, {one['receiver']} of {one['sender']}: {one['state']} at {at}"
    if one["error"]:
        yield f"  last error: {one['error']}"
    if one["receipt"]:
        yield f"  edigw message raw {one['message_id']} --receipt: Amazon's last answer about it"


def _post(one: Row) -> Iterator[str]:
    at, tries = when(one["ended_at"] or one["at"]), one["tries"] + 1
    yield f"{one['as2_id']} to {one['receiver']}: {one['state']} at {at}, {count(tries, 'attempt')}"
    if one["error"]:
        yield f"  last error: {one['error']}"


def _answer(one: Row) -> str:
    which = f" for set {one['set_control']}" if one["set_control"] else ""
    return f"{one['kind']} at {when(one['at'])}{which}: {words(one['status'])}. {one['words']}".replace(
        "\n", " "
    )


def _entry(entry: Row) -> str:
    facts = entry["facts"]
    about = [facts.get("document_type", "").replace("_", " "), facts.get("number"), facts.get("file")]
    said = " ".join(str(one) for one in about if one)
    by = f" by {entry['actor']}: {facts.get('reason', '')}" if entry["actor"] != "gateway" else ""
    event = entry["event"].replace(".", " ").replace("_", " ")
    return f"{when(entry['at'], seconds=True)}  {event}{by}{f'  {said}' if said else ''}"
