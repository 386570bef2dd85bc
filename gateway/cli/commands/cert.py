"""``edigw cert``: our keys, the certificates of partners, and when one follows another."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.commands.audit import end_of, gateway_of, moment
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import Style, count, cut, say, show, table, visible, whole, write_json
from gateway.errors import ConfigurationError, RefusedError

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.partners.certificate import Held
    from gateway.settings import Settings
    from gateway.store.keyring import Contents, Keyring

_PURPOSES = ("sign", "encrypt", "tls")
_SHOWN = 16


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    verbs = inputs.noun(commands, "cert", "look after keys and certificates", "Keys and certificates of AS2.")
    listed = inputs.command(verbs, "list", run_list, json="one JSON list")
    added = inputs.command(verbs, "import", run_import)
    added.add_argument("file", metavar="FILE", help="PEM, DER, P12, PFX or P7B; - for standard input")
    added.add_argument("--all", action="store_true", help="all certificates of the file, not one alone")
    made = inputs.command(verbs, "generate", run_generate)
    for parser in (added, made):
        parser.add_argument(
            "--from", metavar="DATE", type=moment, dest="since", help="use it from then on, UTC"
        )
        parser.add_argument(
            "--until", metavar="DATE", type=end_of, help="use it until then, the day included, UTC"
        )
    out = inputs.command(verbs, "export", run_export)
    out.add_argument("--der", action="store_true", help="as DER instead of PEM")
    out.add_argument("-o", "--out", metavar="FILE", help="the file to write (default: standard output)")
    check = inputs.command(verbs, "check", run_check, json="one JSON list")
    change = inputs.command(verbs, "rollover", run_rollover)
    change.add_argument("--import", metavar="FILE", dest="file", help="the new one, as of `import`")
    words = "use the new one from then on, UTC"
    change.add_argument("--on", metavar="DATE", type=moment, required=True, help=words)
    words = "accept the old one for so long afterwards (default: 30)"
    days = inputs.number(3650, "a number of days")
    change.add_argument("--overlap-days", metavar="N", type=days, default=30, help=words)
    gone = inputs.command(verbs, "remove", run_remove)
    for parser in (added, change):
        parser.add_argument("--own", action="store_true", help="it is ours, with its private key")
        words = "environment variable with the password of the file"
        parser.add_argument("--password-env", metavar="NAME", help=words)
        parser.add_argument("--weak", action="store_true", help="a partner's may have a short key")
    for parser in (made, change):
        words = "name in the new certificate (default: the company's)"
        parser.add_argument("--name", metavar="CN", help=words)
        years = inputs.number(20, "a number of years")
        parser.add_argument(
            "--years", metavar="N", type=years, default=3, help="valid for so long (default: 3)"
        )
        words = "length of the new RSA key (default: 3072)"
        parser.add_argument("--bits", type=int, choices=(2048, 3072, 4096), default=3072, help=words)
    for parser in (added, made, change):
        words = "what it is for; may be given often (default: what it allows of sign and encrypt)"
        parser.add_argument("--purpose", choices=_PURPOSES, action="append", default=[], help=words)
    for parser in (out, gone):
        parser.add_argument("id", metavar="ID", help="the first characters of its fingerprint, 8 or more")
    for parser in (listed, added, made, out, change, gone):
        words = "of this partner; with ours: for this partner only"
        parser.add_argument("--partner", metavar="P", default="", help=words)
    for parser in (added, made, change, gone):
        parser.add_argument("--reason", metavar="TEXT", default="", help="why; kept in the audit")
    for parser in (listed, added, made, out, check, change, gone):
        inputs.home_option(parser)


def _opened(args: argparse.Namespace) -> tuple[Settings, Keyring]:
    """Settings and keyring of a home, to be read only."""
    from gateway.secrets import secret
    from gateway.settings import AS2_KEYS, KEYS, load
    from gateway.store.keyring import Keyring

    home = inputs.home_named(args)
    settings = load(home)
    ring = Keyring(home / KEYS / AS2_KEYS, partial(secret, settings.gateway.keys.password, home))
    return settings, _problems_told(ring)


def _problems_told(ring: Keyring) -> Keyring:
    for problem in ring.problems:
        say(f"edigw: {problem}")
    return ring


def run_list(args: argparse.Namespace) -> int:
    """List our keys and the certificates of partners.

    With --partner those that count for it. `id` is the beginning of the fingerprint (SHA-256).

    exit code: 0 all are usable, 1 a file of keys/as2 is not
    """
    _, ring = _opened(args)
    now, wanted = datetime.now(UTC), ("", args.partner)
    held = [one for group in ring.groups() for one in group if not args.partner or one.partner in wanted]
    if args.json:
        from gateway.services.certificate import told

        write_json([told(one, now) for one in held])
    elif held:
        show(table([_row(one, now) for one in held], _COLUMNS).splitlines())
    else:
        show(["There is no certificate."])
    return ExitCode(bool(ring.problems))


_COLUMNS = ("id", "whose", "purposes", "name", "from", "until", "days")


def _row(one: Held, now: datetime) -> list[str]:
    whose = f"us for {one.partner}" if one.key is not None and one.partner else one.whose
    name = cut(visible(one.certificate.name), 44)
    dates = f"{one.begins:%Y-%m-%d}", f"{one.ends():%Y-%m-%d}"
    return [
        one.fingerprint[:_SHOWN],
        whose,
        " ".join(one.purposes),
        name,
        *dates,
        str((one.ends() - now).days),
    ]


# --- changes ---------------------------------------------------------------------------------------------


@contextmanager
def _changing(args: argparse.Namespace, is_own: bool) -> Iterator[tuple[Gateway, Keyring]]:
    """The gateway and its keyring; the password of our keys is made with the first of them."""
    from gateway.services.certificate import known_partner, ready_for_own
    from gateway.store.keyring import WeakKeyError

    with gateway_of(args) as gateway:
        known_partner(gateway.settings, args.partner)
        ring = _problems_told(gateway.keyring)
        if is_own:
            ready_for_own(gateway.home, gateway.settings, ring)
        try:
            yield gateway, ring
        except RefusedError as error:
            if is_own or not isinstance(error.__cause__, WeakKeyError):
                raise
            raise RefusedError(f"{error} A partner's is taken with --weak.") from None


def _put(gateway: Gateway, ring: Keyring, held: Held, reason: str) -> None:
    """Keeps one and tells it in the audit, or neither if its file cannot be written."""
    from gateway.services.certificate import put

    show([f"{put(gateway.services, ring, held, reason)}: {_words(held)}"])


def _tell_at_once(held: Held, before: Sequence[Held]) -> None:
    """Tells which ones something that was added takes the place of now."""
    from gateway.partners.certificate import sending

    now = datetime.now(UTC)
    used = {purpose: sending(before, held.partner, purpose, now) for purpose in held.purposes}
    if held.begins <= now and (old := sorted({one.fingerprint[:_SHOWN] for one in used.values() if one})):
        say(f"It is used from now on instead of {', '.join(old)}. Does the other side not know it yet? Then")
        say("remove it, and let it follow on a day you agree on: `edigw cert rollover`.")


def _words(one: Held) -> str:
    whose = "ours" if one.key is not None else f"of {one.partner}"
    only = f", for {one.partner} only" if one.key is not None and one.partner else ""
    times = f"from {one.begins:%Y-%m-%d %H:%M} until {one.ends():%Y-%m-%d %H:%M}"
    name = visible(one.certificate.name)
    return f"{one.fingerprint[:_SHOWN]} {whose}, {name}, to {' and '.join(one.purposes)}{only}, {times}."


def run_import(args: argparse.Namespace) -> int:
    """Import a certificate of a partner, or a key of ours with its certificate.

    Of a file with several, that of the key counts, or the one that is of no authority. What is there already
    is left as it is.

    exit code: 0 it is there, 6 it cannot be used
    """
    if not args.own and not args.partner:
        say("edigw: say whose it is: --own or --partner P.")
        return ExitCode.USAGE
    found = _contents(args)
    with _changing(args, args.own) as (gateway, ring):
        for held in [_held(args, found, one) for one in found.certificates]:
            if (there := ring.find(held)) is not None:
                show([f"It is there already, and nothing was changed: {_words(there)}"])
                continue
            before = ring.own() if args.own else ring.theirs(args.partner)
            _put(gateway, ring, held, args.reason)
            _tell_at_once(held, before)
    return ExitCode.FINE


def _contents(args: argparse.Namespace) -> Contents:
    """What the file of the options holds. Raises RefusedError: not what they say."""
    from gateway.services.certificate import contents

    password = os.environ.get(args.password_env or "", "")
    if args.password_env and not password:
        raise ConfigurationError(f"The environment variable {args.password_env} is not set, or empty.")
    with inputs.opened(args.file) as file:
        found = contents(file.read(), password, own=args.own, several=getattr(args, "all", False))
    for name in found.others:
        say(f"Not needed and left out: {name}")
    return found


def _held(args: argparse.Namespace, found: Contents, certificate: Any) -> Held:
    from gateway.services.certificate import usable

    return usable(
        found,
        certificate,
        purposes=args.purpose,
        since=args.since,
        until=args.until,
        added=datetime.now(UTC),
        partner=args.partner,
        weak=getattr(args, "weak", False),
    )


def run_generate(args: argparse.Namespace) -> int:
    """Make a key of ours, with a certificate signed by itself.

    With --partner it is for that partner only. Give partners the certificate: `edigw cert export`.
    """
    from gateway.services.certificate import fresh

    with _changing(args, True) as (gateway, ring):
        found = fresh(gateway.services, args.name or "", args.years, args.bits)
        held, before = _held(args, found, found.certificates[0]), ring.own()
        _put(gateway, ring, held, args.reason)
        _tell_at_once(held, before)
    say(f"For partners: edigw cert export {held.fingerprint[:_SHOWN]} -o certificate.pem")
    return ExitCode.FINE


def run_rollover(args: argparse.Namespace) -> int:
    """Change to a new certificate on a day, with both in force around it.

    Until DATE what we send is made with the old one, from then on with the new one. What comes may be made
    with either until the overlap is over. Of ours a new one is made unless there is --import.

    exit code: 0 it is planned, 6 at some time there would be none
    """
    from gateway.services.certificate import fresh, rolled

    if not args.own and not (args.partner and args.file):
        say("edigw: say whose it is and what is new: --own, or --partner P --import FILE.")
        return ExitCode.USAGE
    found = _contents(args) if args.file else None
    with _changing(args, args.own) as (gateway, _):
        found = found or fresh(gateway.services, args.name or "", args.years, args.bits)
        known: dict[str, Any] = {"partner": args.partner, "purposes": args.purpose, "weak": args.weak}
        plan = rolled(gateway.services, found, args.on, args.overlap_days, args.reason, **known)
        show([f"{done}: {_words(one)}" for done, one in plan])
    new, *old = [one for _, one in plan]
    names = ", ".join(one.fingerprint[:_SHOWN] for one in old)
    end = max(one.ends() for one in old)
    show([f"{args.on:%Y-%m-%d %H:%M} UTC: {new.fingerprint[:_SHOWN]} follows {names}."])
    show([f"Until {end:%Y-%m-%d %H:%M} UTC what comes may be made with either."])
    if args.own:
        show([f"Give it to partners before: edigw cert export {new.fingerprint[:_SHOWN]} -o certificate.pem"])
    return ExitCode.FINE


def run_export(args: argparse.Namespace) -> int:
    """Write a certificate, to be given to partners; never a key."""
    from gateway.store.keyring import encoded

    one = _named(args, _opened(args)[1])[0]
    with whole(args.out) as file:
        file.write(encoded(one.certificate, args.der))
    return ExitCode.FINE


def run_remove(args: argparse.Namespace) -> int:
    """Remove a certificate; of ours the key is deleted too.

    What partners encrypted for a key that was removed can be read no more. One whose time is over need not be
    removed: it is not used.
    """
    from gateway.services.certificate import removed

    with gateway_of(args) as gateway:
        found = _named(args, _problems_told(gateway.keyring))
        one = removed(gateway.services, found, args.reason)
    show([f"Removed: {_words(one)}"])
    return ExitCode.FINE


def _named(args: argparse.Namespace, ring: Keyring) -> list[Held]:
    """What ID names. Raises NotFoundError or RefusedError."""
    from gateway.services.certificate import named

    held = [one for group in ring.groups() for one in group]
    return named([one for one in held if not args.partner or one.partner == args.partner], args.id)


# --- check -----------------------------------------------------------------------------------------------


def run_check(args: argparse.Namespace) -> int:
    """Say for each partner with AS2 what is missing, and what ends when.

    exit code: 0 all is there, 1 something is missing, ends within 30 days, or a file is not usable
    """
    from gateway.services.certificate import uses

    settings, ring = _opened(args)
    now = datetime.now(UTC)
    rows = [row for one in settings.partners.values() if one.as2 for row in uses(one, ring, now)]
    if args.json:
        write_json(rows)
    elif not rows:
        show(["No partner has settings for AS2."])
    else:
        style = Style.of(sys.stdout)
        for row in rows:
            mark = style.green("ok   ") if row["ok"] else style.red("wrong")
            show([f"{mark}  {row['partner']}: to {row['use']}: {_until(row)}"])
        wrong = sum(not row["ok"] for row in rows)
        fix = "`edigw cert rollover` or `edigw cert import`"
        show([f"{wrong} of {count(len(rows), 'use')} need you: {fix}."] if wrong else [])
    return ExitCode(bool(ring.problems) or not all(row["ok"] for row in rows))


def _until(row: dict[str, Any]) -> str:
    if row["until"] is None:
        return "nothing is there" + ("" if row["needed"] else ", and nothing is needed")
    ids = ", ".join(one[:_SHOWN] for one in row["ids"])
    return f"{ids}, until {row['until']:%Y-%m-%d} ({count(row['days_left'], 'day')})"
