"""``edigw partner``: add one, see what is missing until it is live, and try the way to it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say, show, write_json
from gateway.errors import ConfigurationError, NotFoundError
from gateway.partners.partner import API, AS2, SFTP, WEBHOOK

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.partners.partner import Partner

_WHAT = "a partner as JSON: name, identifiers, receive, send ...; - for standard input"


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this module."""
    verbs = inputs.noun(
        commands, "partner", "add and try out a partner", "Adds partners and tries out the connection."
    )
    test = inputs.command(verbs, "test", run_test, json="print the steps as JSON")
    test.add_argument("partner", metavar="P", help="name of the partner's file, without .yaml")
    words = "send this file instead of a few words; the partner may process it"
    test.add_argument("--file", metavar="FILE", help=words)
    words = "only this of several ways (default: all)"
    test.add_argument("--way", choices=(API, AS2, SFTP, WEBHOOK), help=words)
    test.add_argument(
        "--send", action="store_true", help="SFTP: write, rename and remove a file in the outbox"
    )
    added = inputs.command(verbs, "add", run_add)
    added.add_argument("file", metavar="FILE", help=_WHAT)
    check = inputs.command(verbs, "check", run_check, json="one JSON object: steps")
    for verb in (added, check):
        verb.add_argument("partner", metavar="P", help="name of the partner's file, without .yaml")
    added.add_argument("--reason", metavar="TEXT", required=True, help="why; it is kept in the audit")
    for verb in (test, added, check):
        inputs.home_option(verb)


def run_test(args: argparse.Namespace) -> int:
    """Try the way to a partner and see each step.

    Over AS2 it sends a message as it would send a document, and tells each step in words: name, connection,
    TLS, HTTP, receipt, its signature, and its digest. Nothing of it is delivered or expected. Over SFTP the
    steps are name, connection, host key, login, and folders, of each server; nothing is fetched. A host key
    that is not in the partner's file yet is shown, and never accepted. After a refused login the gateway
    tries again late; once a test goes well, at once. With Amazon's API (`sp_api`) it asks for a token,
    compares clocks, makes a harmless call of each operation that reads, and looks at the vendor code. To a
    webhook it posts a small signed JSON of the type `webhook.test`.

    exit code 1 tells that the partner did not take it, 3 that a certificate or secret of ours is missing, 5
    that the partner could not be reached.
    """
    from gateway.services import connection

    steps: list[dict[str, Any]] = []
    results = {"fine": ExitCode.FINE, "problems": ExitCode.PROBLEMS}
    results |= {"configuration": ExitCode.CONFIGURATION, "remote": ExitCode.REMOTE}
    code = ExitCode.FINE

    def told(step: dict[str, Any]) -> None:
        steps.append(step)
        if not args.json:
            hint = f"-> {step['hint']} ({step['code']})" if step.get("hint") else ""
            show([_line(step), *([f"  {'':<11}{hint}"] if hint else [])])

    given: dict[str, Any] = {"begins": (lambda _: None) if args.json else say, "send": args.send}
    if args.file:
        with inputs.opened(args.file) as file:
            given |= {"content": file.read(), "name": args.file.rpartition("/")[2]}
    with gateway_of(args) as gateway:
        partner = _partner(gateway, args.partner)
        there = [name for name, way in partner.channels.items() if args.way in (None, way)]
        for channel in there or (partner.folder,):
            code = max(code, results[connection.attempt(gateway.services, partner, channel, told, **given)])
    if args.json:
        write_json({"partner": partner.id, "ok": code == ExitCode.FINE, "steps": steps})
    return code


def run_add(args: argparse.Namespace) -> int:
    """Make the file of a new partner, after a check of all settings.

    Reads what the file is to say as JSON, with the names of docs/reference/home.md. A running gateway takes
    it up within seconds.

    exit code: 0 it is written, 3 something of it is wrong, 6 there is such a partner
    """
    from gateway.services import partner

    with inputs.opened(args.file) as file:
        try:
            said = json.loads(file.read(partner.MAX_FILE + 1))
        except ValueError as error:
            raise ConfigurationError(f"{args.file} is no JSON: {error}.") from None
    if not isinstance(said, dict):
        raise ConfigurationError(f"{args.file} holds no JSON object.")
    with gateway_of(args) as gateway:
        partner.add(gateway.services, args.partner, said, args.reason, trusted=True)
        show([f"partners/{args.partner}.yaml"])
    return ExitCode.FINE


def run_check(args: argparse.Namespace) -> int:
    """Show what there is to do until a partner is live, and what of it is done.

    exit code: 0 all is done, 1 something is missing, 4 there is no such partner
    """
    from gateway.services import partner
    from gateway.store.database import reading

    with gateway_of(args) as gateway:
        found = _partner(gateway, args.partner)
        with reading(gateway.engine) as connection:
            rows = partner.steps(gateway.services, found, connection, gateway.waiting)
    if args.json:
        write_json({"partner": found.id, "steps": rows})
    else:
        show(f"{'done' if row['done'] else 'to do':<7}{row['title']}: {row['words']}" for row in rows)
    return ExitCode(not all(row["done"] for row in rows))


def _partner(gateway: Gateway, name: str) -> Partner:
    partners = gateway.settings.partners
    if (found := partners.get(name)) is not None:
        return found
    near = partners.nearest(name)
    advice = f" Did you mean {near}?" if near else ""
    raise NotFoundError(f"{gateway.home} has no partner {name!r}.{advice}")


def _line(step: dict[str, Any]) -> str:
    from gateway.services.connection import STEP_NAMES

    mark = "ok" if step["ok"] else "failed"
    return f"  {STEP_NAMES[step['step']]:<11}{mark:<8}{step['words']}"
