"""``edigw message resend|reprocess|hold|release|cancel|close``: what a person does, for a kept reason."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say, show, visible, write_json
from gateway.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.store.sql import Store


def register(verbs: inputs.Commands, which: str) -> None:
    """Adds the commands of this module; ``which`` says how a message is named."""
    for run in (run_resend, run_reprocess, run_hold, run_release, run_cancel, run_close):
        verb = inputs.command(verbs, run.__name__.removeprefix("run_"), run, json="what was done as JSON")
        verb.add_argument("ids", metavar="ID", nargs="+", help=which)
        verb.add_argument("--reason", metavar="TEXT", required=True, help="why; it is kept in the audit")
        verb.add_argument("--actor", metavar="NAME", help="who does it (default: the user of this process)")
        words = "try it, say what would be done, and change nothing"
        verb.add_argument("--dry-run", action="store_true", help=words)
        inputs.home_option(verb)
        if run is run_reprocess:
            words = "acknowledge it to the partner once more"
            verb.add_argument("--acknowledge", action="store_true", help=words)


def run_resend(args: argparse.Namespace) -> int:
    """Deliver the same bytes again, with the same control numbers.

    Puts the files of messages into their folders once more, under names that are free; of a delivery that was
    given up, tries again.

    exit code: 0 done, 4 there is no such message, 6 it has nothing to send, or waits already
    """
    return _operate(args, "sent again", goes_on=True)


def run_reprocess(args: argparse.Namespace) -> int:
    """Translate the stored original again, as a new message.

    Makes a new message of what was received and translates it with the guides, mappings and settings of
    today. What comes of it has new control numbers, and goes to your own system, or to the partner, again.

    exit code: 0 done, 4 there is no such message, 6 it cannot be processed again
    """
    return _operate(args, "processed again", goes_on=True, acknowledge=args.acknowledge)


def run_hold(args: argparse.Namespace) -> int:
    """Leave messages as they are until they are released.

    exit code: 0 done, 4 there is no such message, 6 it has nothing left to do, or is on hold
    """
    return _operate(args, "on hold")


def run_release(args: argparse.Namespace) -> int:
    """End a hold; what was left to do goes on.

    Of a message that is not on hold, documents that wait for an item or place go on without it.

    exit code: 0 done, 4 there is no such message, 6 it is not on hold, and nothing of it waits
    """
    return _operate(args, "released", goes_on=True)


def run_cancel(args: argparse.Namespace) -> int:
    """Give up messages of which nobody outside has seen anything.

    Control numbers that were given stay used; the audit explains the gap.

    exit code: 0 done, 4 there is no such message, 6 something of it was seen, or nothing is left of it
    """
    return _operate(args, "cancelled")


def run_close(args: argparse.Namespace) -> int:
    """Say that somebody has seen to messages: they need nobody any more.

    They are no longer listed as what needs somebody, until their status gets worse.

    exit code: 0 done, 4 there is no such message, 6 it needs nobody, or is on hold
    """
    return _operate(args, "seen to")


class _RehearsedError(Exception):
    """Everything is to be taken back."""


class _Rehearsal:
    """A store that does what it is told, and takes it back at the end."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.files: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._store.transaction():
            yield
            raise _RehearsedError

    def audit(self, *_: object, files: Sequence[str] = (), **__: object) -> None:
        self.files = list(files)


def _operate(args: argparse.Namespace, done: str, *, goes_on: bool = False, **more: bool) -> int:
    """Does something with each message; of those it cannot be done with, says why."""
    from gateway.store import queries, tables
    from gateway.store.database import reading

    results, code = [], ExitCode.FINE
    with gateway_of(args) as gateway:
        for given in args.ids:
            try:
                with reading(gateway.engine) as connection:
                    found = queries.resolve(connection, tables.messages, given)
                results.append(_act(args, gateway, found, done, more))
            except (NotFoundError, RefusedError) as error:
                say(f"edigw: {error}")
                code = max(code, ExitCode.REFUSED if isinstance(error, RefusedError) else ExitCode.NOT_FOUND)
    if args.json:
        write_json({"messages": results})
    else:
        show(_line(one) for one in results)
    if goes_on and results and not args.dry_run:
        say(f"A running `edigw up` does the rest; without one: edigw run-once --config {gateway.home}")
    return code


def _act(
    args: argparse.Namespace, gateway: Gateway, message_id: str, done: str, more: dict[str, bool]
) -> dict[str, Any]:
    from gateway.services import operate

    services = gateway.services
    result: dict[str, Any] = {"id": message_id, "name": services.store.message(message_id).name, "done": done}
    trial = _Rehearsal(services.store)
    if args.dry_run:
        services = replace(services, store=cast("Store", trial))
        result["done"] = f"would be {done}"
    with suppress(_RehearsedError):
        made = getattr(operate, args.verb)(services, message_id, args.reason, **more)
        return result | ({"made": made} if isinstance(made, str) else {"files": made or []})
    return result | {"files": trial.files}


def _line(result: dict[str, Any]) -> str:
    more = f" as {result['made']}" if "made" in result else "".join(f" {one}" for one in result["files"])
    return visible(f"{result['id']}  {result['name']}: {result['done']}{more}")
