"""``edigw partner test``: whether a partner can be reached, step by step."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say, show, write_json
from gateway.errors import ConfigurationError, EdiError, Fault, NotFoundError, RefusedError, TransportError
from gateway.partners.partner import API, AS2, SFTP, WEBHOOK

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.partners.partner import Partner

_STEPS = ("dns", "tcp", "tls", "http", "receipt", "signature", "digest")
"""Of AS2."""

_NAMES = {
    "settings": "settings",
    "dns": "name",
    "address": "address",
    "tcp": "connection",
    "hostkey": "host key",
    "login": "login",
    "folders": "folders",
    "upload": "upload",
    "rename": "rename",
    "tls": "TLS",
    "http": "HTTP",
    "receipt": "receipt",
    "signature": "signature",
    "digest": "digest",
    "token": "token",
    "clock": "clock",
    "role": "role",
    "vendor": "vendor",
}
_WORDS = b"This is a test of the connection. Nothing needs to be done with it.\r\n"


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this module."""
    verbs = inputs.noun(commands, "partner", "try out a partner", "Tries out the connection to a partner.")
    test = inputs.command(verbs, "test", run_test, json="print the steps as JSON")
    test.add_argument("partner", metavar="P", help="name of the partner's file, without .yaml")
    words = "send this file instead of a few words; the partner may process it"
    test.add_argument("--file", metavar="FILE", help=words)
    words = "only this of several ways (default: all)"
    test.add_argument("--way", choices=(API, AS2, SFTP, WEBHOOK), help=words)
    test.add_argument(
        "--send", action="store_true", help="SFTP: write, rename and remove a file in the outbox"
    )
    inputs.home_option(test)


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
    steps: list[dict[str, Any]] = []
    code = ExitCode.FINE
    with gateway_of(args) as gateway:
        partner = _partner(gateway, args.partner)
        there = [name for name, way in partner.channels.items() if args.way in (None, way)]
        for channel in there or (partner.folder,):
            code = max(code, _tested(gateway, partner, channel, args, steps))
    if args.json:
        write_json({"partner": partner.id, "ok": code == ExitCode.FINE, "steps": steps})
    return code


def _tested(
    gateway: Gateway, partner: Partner, channel: str, args: argparse.Namespace, steps: list[dict[str, Any]]
) -> ExitCode:
    """Tries one way, adds its steps and says how it went."""
    failed: EdiError | OSError | None = None
    mine: list[dict[str, Any]] = []

    def told(step: str, words: str, *, ok: bool = True, **more: str) -> None:
        mine.append({"channel": channel, "step": step, "ok": ok, "words": words, **more})
        steps.append(mine[-1])
        if not args.json:
            hint = f"-> {more['hint']} ({more['code']})" if more.get("hint") else ""
            show([_line(mine[-1]), *([f"  {'':<11}{hint}"] if hint else [])])

    try:
        _probe(gateway, partner, channel, args, told)
    except RefusedError:
        raise
    except (EdiError, OSError) as error:
        failed = error
    reached = [one["step"] for one in mine]
    with gateway.services.store.transaction():
        facts: dict[str, Any] = {
            "channel": channel,
            "steps": list(dict.fromkeys(reached)),
            "result": str(failed or "fine"),
        }
        gateway.services.store.audit("partner.tested", partner=partner.id, **facts)
    if failed is None:
        return ExitCode.FINE
    step = next((one for one in _STEPS if one not in reached and one != "tls"), _STEPS[-1])
    if isinstance(failed, ConfigurationError) or getattr(failed, "code", "") == "AS2-NO-CERTIFICATE":
        step = "settings"
    elif (terms := partner.servers.get(channel)) is not None:
        folders = len(terms.inboxes) + bool(terms.outbox) + len(terms.outboxes)
        step = "upload" if reached.count("folders") == folders else "folders"
    step = getattr(failed, "step", "") or step
    why = {"code": getattr(failed, "code", ""), "hint": getattr(failed, "hint", "")}
    told(step, f"{failed} {getattr(failed, 'detail', '')}".strip(), ok=False, **why)
    from gateway.transports.webhook import AnswerError

    is_of_api = partner.channels.get(channel) == API
    if step == "settings" or (
        is_of_api and getattr(getattr(failed, "kind", None), "fault", None) is Fault.CONFIGURATION
    ):
        return ExitCode.CONFIGURATION
    if isinstance(failed, AnswerError):
        return ExitCode.PROBLEMS
    return ExitCode.REMOTE if isinstance(failed, TransportError | OSError) else ExitCode.PROBLEMS


def _probe(
    gateway: Gateway, partner: Partner, channel: str, args: argparse.Namespace, told: Callable[..., None]
) -> None:
    """Tries what the partner's file says. Raises EdiError or OSError with why a step failed."""
    from gateway.as2.span import Span
    from gateway.services import health, transmit, webhook

    if (terms := partner.servers.get(channel)) is not None:
        if not args.json:
            named = f" ({terms.name})" if terms.name else ""
            say(f"To {terms.host}{named} as {terms.user}:")
        gateway.probe(channel, told, send=args.send)
    elif partner.sp_api is not None and partner.channels.get(channel) == API:
        if not args.json:
            say(f"To {partner.sp_api.base} as {partner.sp_api.vendor_code}:")
        gateway.probe_api(partner.sp_api, told)
    elif partner.webhook is not None and partner.channels.get(channel) == WEBHOOK:
        if not args.json:
            say(f"To {partner.webhook.url}:")
        webhook.probe(gateway.services, partner.webhook, _content(args, b""), told)
    else:
        content = _content(args, _WORDS)
        link = transmit.Link.of(gateway.services, channel)
        if link is None:
            raise RefusedError(
                f"{partner.id} has no `as2`, `sftp`, `sp_api` or `webhook` in its file, so there is nothing "
                "to test."
            )
        name = args.file.rpartition("/")[2] if args.file else "test.txt"
        if not args.json:
            say(f"To {link.terms.url} from {link.ours} to {link.theirs}:")
        with gateway.services.room() as services:
            transmit.probe(services, link, Span.of(content), name, told)
    health.tested(gateway.services, channel)


def _content(args: argparse.Namespace, usual: bytes) -> bytes:
    if not args.file:
        return usual
    with inputs.opened(args.file) as file:
        return file.read()


def _partner(gateway: Gateway, name: str) -> Partner:
    partners = gateway.settings.partners
    if (found := partners.get(name)) is not None:
        return found
    near = partners.nearest(name)
    advice = f" Did you mean {near}?" if near else ""
    raise NotFoundError(f"{gateway.home} has no partner {name!r}.{advice}")


def _line(step: dict[str, Any]) -> str:
    mark = "ok" if step["ok"] else "failed"
    return f"  {_NAMES[step['step']]:<11}{mark:<8}{step['words']}"
