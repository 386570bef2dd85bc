"""``edigw user`` and ``edigw key``: who may log in, and which programs may call the API, for what."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from getpass import getpass
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of
from gateway.cli.commands.message import when
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say, show, visible, write_json
from gateway.errors import RefusedError

if TYPE_CHECKING:
    from gateway.services.access import Grant
    from gateway.services.base import Services

_LINE = 1000


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this module."""
    verbs = inputs.noun(
        commands, "user", "who may log in, and do what", "Adds and changes users of the page."
    )
    for run in (run_add, run_change, run_password, run_disable):
        verb = inputs.command(verbs, run.__name__.removeprefix("run_"), run, json="print the user as JSON")
        verb.add_argument(
            "name", metavar="NAME", help="the name to log in with; small and capital are the same"
        )
        if run in (run_add, run_change):
            _roles(verb, needed=False)
            verb.add_argument("--display", metavar="TEXT", help="how people call the user")
        if run in (run_add, run_password):
            words = "take the password from the first line of standard input instead of asking for it"
            verb.add_argument("--password-stdin", action="store_true", help=words)
            words = "the user does not have to change the password at the next log-in"
            verb.add_argument("--lasting", action="store_true", help=words)
        if run is run_change:
            verb.add_argument("--enable", action="store_true", help="let a disabled user log in again")
        inputs.why_options(verb)
    inputs.home_option(inputs.command(verbs, "list", run_list, json="print JSON"))
    verbs = inputs.noun(commands, "key", "keys of programs for the API", "Makes and revokes API keys.")
    verb = inputs.command(verbs, "make", run_make, json="print the key and what is known of it as JSON")
    verb.add_argument("name", metavar="NAME", help="what it is for, such as erp")
    _roles(verb, needed=True)
    words = "what it is for of what its roles permit (read, operate, administer, audit); may be given often"
    verb.add_argument("--scope", metavar="SCOPE", action="append", default=[], help=words)
    words = "after how many days it ends (default: 365)"
    verb.add_argument("--days", metavar="N", type=inputs.number(3650, "a number of days"), help=words)
    inputs.why_options(verb)
    verb = inputs.command(verbs, "revoke", run_revoke, json="print the key as JSON")
    verb.add_argument("key", metavar="ID", help="as `edigw key list` has it")
    inputs.why_options(verb)
    inputs.home_option(inputs.command(verbs, "list", run_keys, json="print JSON"))


def _roles(verb: argparse.ArgumentParser, *, needed: bool) -> None:
    words = (
        "viewer, operator, auditor or administrator; operator:P for the partner P only; may be given often"
    )
    verb.add_argument("--role", metavar="ROLE", action="append", required=needed, help=words)
    words = "for these partners only, where a role names none (default: all); may be given often"
    verb.add_argument("--partner", metavar="P", action="append", default=[], help=words)


def run_add(args: argparse.Namespace) -> int:
    """Add a user with a password and roles.

    Asks for the password twice, without showing it. It has 12 to 256 characters, and has to be changed
    at the first log-in. Without a role the user can do nothing yet.

    exit code: 0 done, 4 there is no such partner, 6 the name is taken, or something cannot be used
    """
    known = {"display": args.display or "", "must_change": not args.lasting, "reason": args.reason}
    return _act(args, lambda its, on: its.add_user(on, args.name, _password(args), _grants(args), **known))


def run_change(args: argparse.Namespace) -> int:
    """Give a user other roles or another display name.

    The roles that are named take the place of those before, and the user has to log in again.

    exit code: 0 done, 4 there is no such user or partner, 6 the last administrator would be gone
    """
    given = _grants(args) if args.role else None
    if given is None and args.display is None and not args.enable:
        say("edigw: say what is to change: --role, --display or --enable.")
        return ExitCode.USAGE

    def change(its: Any, on: Services) -> Any:
        if args.enable:
            its.disable(on, args.name, disabled=False, reason=args.reason)
        return its.change_user(on, args.name, grants=given, display=args.display, reason=args.reason)

    return _act(args, change)


def run_password(args: argparse.Namespace) -> int:
    """Give a user another password; the user has to log in again, and to change it then.

    Log-ins that are refused as too many failed are taken again at once.

    exit code: 0 done, 4 there is no such user, 6 the password cannot be used
    """
    known = {"must_change": not args.lasting, "reason": args.reason}
    return _act(args, lambda its, on: its.set_password(on, args.name, _password(args), **known))


def run_disable(args: argparse.Namespace) -> int:
    """Let a user log in no more, and end what the user has open.

    The audit goes on naming users, so they are never removed. `edigw user change NAME --enable` lets one in
    again.

    exit code: 0 done, 4 there is no such user, 6 it is the last administrator
    """
    return _act(args, lambda its, on: its.disable(on, args.name, reason=args.reason))


def run_list(args: argparse.Namespace) -> int:
    """List users, what they may do, and who cannot log in."""
    from gateway.services import access

    with gateway_of(args) as gateway:
        users = access.list_users(gateway.services)
    if args.json:
        write_json({"users": users})
    else:
        show(visible(f"{one['name']:<24}{one['display']:<24}{_told(one)}") for one in users)
        if not users:
            say("There is no user yet.")
    return ExitCode.FINE


def run_make(args: argparse.Namespace) -> int:
    """Make a key with which a program calls the API; it is printed now and never again.

    exit code: 0 done, 4 there is no such partner, 6 a role, scope or name cannot be used
    """
    from gateway.services import access

    if unknown := set(args.scope) - {*access.Permission}:
        words = ", ".join(access.Permission)
        raise RefusedError(f"There is no scope {min(unknown)!r}: choose of {words}.")
    scopes = [access.Permission(one) for one in args.scope or access.Permission]
    with gateway_of(args) as gateway:
        known = {"days": args.days or access.KEY_DAYS, "reason": args.reason}
        text, key = access.make_key(gateway.services, args.name, _grants(args), scopes, **known)
    if args.json:
        write_json({**key, "key": text})
    else:
        show([text])
        say(f"Keep it now: it cannot be shown again. It ends {when(key['expires_at'])} UTC.")
    return ExitCode.FINE


def run_keys(args: argparse.Namespace) -> int:
    """List keys of programs, what they are for, when they end, and when they were used last."""
    from gateway.services import access

    with gateway_of(args) as gateway:
        keys = access.list_keys(gateway.services)
    if args.json:
        write_json({"keys": keys})
    else:
        for one in keys:
            used = f"last used {when(one['last_used_at'])}" if one["last_used_at"] else "never used"
            more = f"{', '.join(one['scopes'])}; ends {when(one['expires_at'])}; {used}"
            show([visible(f"{one['id']:<14}{one['name']:<24}{_told(one)}; {more}")])
        if not keys:
            say("There is no key yet.")
    return ExitCode.FINE


def run_revoke(args: argparse.Namespace) -> int:
    """End a key now.

    exit code: 0 done, 4 there is no such key, 6 it was revoked already
    """
    return _act(args, lambda its, on: its.revoke_key(on, args.key, reason=args.reason))


def _act(args: argparse.Namespace, act: Callable[[Any, Services], dict[str, Any]]) -> int:
    """Does something, with the module of it and the services of the home, and tells what there is now."""
    from gateway.services import access

    with gateway_of(args) as gateway:
        row = act(access, gateway.services)
    if args.json:
        write_json(row)
    else:
        say(f"{row['name']}: {_told(row)}")
    return ExitCode.FINE


def _grants(args: argparse.Namespace) -> list[Grant]:
    from gateway.services.access import ALL, Grant

    found = []
    for given in args.role or ():
        role, _, partner = given.partition(":")
        found += [Grant(role, one) for one in ([partner] if partner else args.partner or [ALL])]
    return found


def _told(row: dict[str, Any]) -> str:
    """What somebody may do, and why not now."""
    found = [
        one["role"] + (f" of {one['partner']}" if one["partner"] != "*" else "") for one in row["grants"]
    ]
    words = ", ".join(found) or "no role"
    if row.get("revoked_at"):
        words += "; revoked"
    elif row.get("disabled_at"):
        words += f"; disabled since {when(row['disabled_at'])}"
    elif row.get("locked_until"):
        words += f"; too many log-ins failed, until {when(row['locked_until'])}"
    return words + ("; has to change the password" if row.get("must_change") else "")


def _password(args: argparse.Namespace) -> str:
    """A password from standard input, or from whoever sits at the terminal."""
    if args.password_stdin:
        return sys.stdin.readline(_LINE).rstrip("\r\n")
    if not sys.stdin.isatty():
        say("edigw: there is no terminal to ask for the password: use --password-stdin.")
        raise SystemExit(ExitCode.USAGE)
    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        raise RefusedError("These were two different passwords. Nothing was changed.")
    return password
