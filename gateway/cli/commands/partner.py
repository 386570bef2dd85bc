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
    test.add_argument(
        "--send", action="store_true", help="SFTP: write, rename and remove a file in the outbox"
    )
    inputs.home_option(test)


def run_test(args: argparse.Namespace) -> int:
    """Try the way to a partner and see each step.

    Over AS2 it sends a message as it would send a document, and tells each step in words: name, connection,
    TLS, HTTP, receipt, its signature, and its digest. Nothing of it is delivered or expected. Over SFTP the
    steps are name, connection, host key, login, and folders; nothing is fetched. A host key that is not in
    the partner's file yet is shown, and never accepted. With Amazon's API (`sp_api`) it asks for a token,
    compares clocks, makes a harmless call of each operation that reads, and looks at the vendor code.

    exit code 1 tells that the partner did not take it, 3 that a certificate or secret of ours is missing, 5
    that the partner could not be reached.
    """
    steps: list[dict[str, Any]] = []

    def told(step: str, words: str) -> None:
        steps.append({"step": step, "ok": True, "words": words})
        if not args.json:
            show([_line(steps[-1])])

    failed: EdiError | OSError | None = None
    with gateway_of(args) as gateway:
        partner = _partner(gateway, args.partner)
        try:
            _probe(gateway, partner, args, told)
        except RefusedError:
            raise
        except (EdiError, OSError) as error:
            failed = error
        with gateway.services.store.transaction():
            facts: dict[str, Any] = {"steps": list(dict.fromkeys(one["step"] for one in steps))}
            result = str(failed or "fine")
            gateway.services.store.audit("partner.tested", partner=partner.id, **facts, result=result)
    if failed is not None:
        reached = [one["step"] for one in steps]
        default = next((one for one in _STEPS if one not in reached and one != "tls"), _STEPS[-1])
        if isinstance(failed, ConfigurationError) or getattr(failed, "code", "") == "AS2-NO-CERTIFICATE":
            default = "settings"
        elif partner.sftp:
            folders = len(partner.sftp.inboxes) + bool(partner.sftp.outbox)
            default = "upload" if reached.count("folders") == folders else "folders"
        detail = f"{failed} {getattr(failed, 'detail', '')}".strip()
        steps.append({"step": getattr(failed, "step", default), "ok": False, "words": detail})
        if not args.json:
            hint = getattr(failed, "hint", "")
            show([_line(steps[-1]), *([f"  {'':<11}-> {hint}"] if hint else [])])
    if args.json:
        write_json({"partner": partner.id, "ok": failed is None, "steps": steps})
    if failed is None:
        return ExitCode.FINE
    fault = getattr(getattr(failed, "kind", None), "fault", None)
    if steps[-1]["step"] == "settings" or fault is Fault.CONFIGURATION:
        return ExitCode.CONFIGURATION
    return ExitCode.REMOTE if isinstance(failed, TransportError | OSError) else ExitCode.PROBLEMS


def _probe(gateway: Gateway, partner: Partner, args: argparse.Namespace, told: Callable[..., None]) -> None:
    """Tries what the partner's file says. Raises EdiError or OSError with why a step failed."""
    from gateway.as2.span import Span
    from gateway.services import transmit

    if partner.sp_api is not None:
        if not args.json:
            say(f"To {partner.sp_api.base} as {partner.sp_api.vendor_code}:")
        gateway.probe_api(partner.sp_api, told)
        if not (partner.as2 or partner.sftp):
            return
    if partner.sftp is not None:
        if not args.json:
            say(f"To {partner.sftp.host} as {partner.sftp.user}:")
        gateway.probe(partner, told, send=args.send)
        return
    content = _WORDS
    if args.file:
        with inputs.opened(args.file) as file:
            content = file.read()
    link = transmit.Link.of(gateway.services, partner.folder)
    if link is None:
        raise RefusedError(
            f"{partner.id} has no `as2`, `sftp` or `sp_api` in its file, so there is nothing to test."
        )
    name = args.file.rpartition("/")[2] if args.file else "test.txt"
    if not args.json:
        say(f"To {link.terms.url} from {link.ours} to {link.theirs}:")
    with gateway.services.room() as services:
        transmit.probe(services, link, Span.of(content), name, told)


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
