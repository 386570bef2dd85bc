"""``edigw db`` and ``edigw doctor``: the database of a home, its backups, and whether all is in order."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of, store_of, told_in_words, verified
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import Style, count, say, show, visible, whole, write_json

if TYPE_CHECKING:
    from gateway.services.check import Finding


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this module."""
    verbs = inputs.noun(commands, "db", "look after the database of a home", "The database of a home.")
    upgrade = inputs.command(verbs, "upgrade", run_upgrade)
    upgrade.add_argument("--backup", metavar="FILE", help="where to (default: data/before-upgrade-TIME.tar)")
    check = inputs.command(verbs, "check", run_check, json="one JSON list")
    backup = inputs.command(verbs, "backup", run_backup)
    backup.add_argument("file", metavar="FILE", help="a tar file to write; - for standard output")
    backup.add_argument("--with-keys", action="store_true", help="also the keys; keep such a file secret")
    restore = inputs.command(verbs, "restore", run_restore)
    restore.add_argument("file", metavar="FILE", type=Path, help="a backup")
    restore.add_argument("--to", metavar="DIR", type=Path, required=True, help="the new home")
    restore.add_argument("--moved", action="store_true", help="the old home did nothing after the backup")
    doctor = inputs.command(commands, "doctor", run_doctor, json="one JSON list")
    for parser in (upgrade, check, backup, doctor):
        inputs.home_option(parser)


def run_upgrade(args: argparse.Namespace) -> int:
    """Bring the database of an earlier version up to date.

    Makes a backup first. May be stopped and run again. No gateway may work on the home meanwhile.
    """
    from gateway.app import locked
    from gateway.services import backup
    from gateway.settings import AUDIT_KEY, DATA, FOLDERS, KEYS, LOCK, PAYLOADS, database_url, load
    from gateway.store import database
    from gateway.store.audit import Seal
    from gateway.store.migrations import files

    home = inputs.home_named(args)
    engine = database.open_engine(database_url(home, load(home)))
    with ExitStack() as ends:
        ends.callback(engine.dispose)
        if engine.dialect.name == "sqlite":
            ends.enter_context(locked(home / DATA / LOCK))
        with database.reading(engine) as connection:
            found = database.revision(connection) or ""
        if found >= database.REVISION:
            database.prepare(engine)  # refuses a newer one
            show([f"The database is of revision {found}: there is nothing to do."])
            return ExitCode.FINE
        if found:
            kept = args.backup or str(home / DATA / f"before-upgrade-{datetime.now(UTC):%Y%m%dT%H%M%S}.tar")
            with whole(kept) as out:
                backup.write(home, engine, out)
            show([f"The backup is in {kept}."])
            packed = files.upgrade(home / DATA / PAYLOADS, home / FOLDERS)
            show([f"{count(packed, 'payload')} compressed."])
        done = database.upgrade(engine, Seal.of(home / KEYS / AUDIT_KEY))
    show([f"The database is of revision {done[-1]} now."])
    return ExitCode.FINE


def run_check(args: argparse.Namespace) -> int:
    """Check that the database is whole and contradicts itself nowhere.

    Looks at the database file, the payloads of all messages, the control numbers with their gaps, unfinished
    messages and statuses. `edigw audit verify` looks whether somebody changed something.

    exit code: 0 all is well, 1 something is not
    """
    from gateway.services import check
    from gateway.store.database import reading

    with gateway_of(args) as gateway, reading(gateway.engine) as connection:
        services = gateway.services
        return _told(
            [
                *check.database(connection),
                *check.payloads(connection, gateway.payloads),
                *check.numbers(connection, gateway.settings.partners),
                *check.work(connection, services.jobs, services.clock()),
                *check.statuses(connection),
            ],
            args.json,
        )


def run_doctor(args: argparse.Namespace) -> int:
    """Say whether the gateway is in order, and what to do if not.

    Also where it cannot start: settings that are wrong, a database that is away, keys that are missing.

    exit code: 0 all is well, 1 something needs you, 3 the settings cannot be used
    """
    from gateway.app import Gateway
    from gateway.observability.logging import configure
    from gateway.services import doctor

    home = inputs.home_named(args)
    configure(level="error")
    rows, style = [], Style.of(sys.stdout)
    paints = {doctor.OK: style.green, doctor.WARN: style.yellow, doctor.FAIL: style.red}
    for one in doctor.examine(home, lambda settings: Gateway(home, settings, works=False)):
        rows.append(one)
        if not args.json:
            show([f"{paints[one.state](one.state.ljust(4))}  {visible(one.words)}"])
            show([f"      {visible(one.fix)}"] if one.fix else [])
    if args.json:
        write_json([one._asdict() for one in rows])
    if any(one.name == "settings" and one.state == doctor.FAIL for one in rows):
        return ExitCode.CONFIGURATION
    return ExitCode(any(one.state != doctor.OK for one in rows))


def _told(findings: Iterable[Finding], as_json: bool) -> int:
    rows = [*findings]
    if as_json:
        write_json([one._asdict() for one in rows])
    else:
        style = Style.of(sys.stdout)
        for one in rows:
            show([f"{style.green('ok   ') if one.ok else style.red('wrong')}  {visible(one.words)}"])
            show([] if one.ok or not one.fix else [f"       {visible(one.fix)}"])
    return ExitCode(not all(one.ok for one in rows))


def run_backup(args: argparse.Namespace) -> int:
    """Write a backup, also while the gateway works.

    Database, payloads and settings; not the files in the folders of channels. A PostgreSQL database is
    copied by pg_dump. Keys are left out: keep keys/ elsewhere, where nobody else gets it.
    """
    from gateway.services import backup
    from gateway.settings import load

    home = inputs.home_named(args)
    with store_of(home) as (engine, _), whole(args.file) as out:
        backup.write(home, engine, out, with_keys=args.with_keys)
    say(f"The backup is in {args.file}.")
    if load(home).gateway.storage.payloads:
        say("Payloads are in an object store and not in it.")
    return ExitCode.FINE


def run_restore(args: argparse.Namespace) -> int:
    """Make a new home of a backup, and verify its audit.

    What was unfinished at the time of the backup is put on hold: the old home may have sent it meanwhile, and
    nothing is sent twice. A backup from PostgreSQL goes into the empty database that EDIGW_DATABASE_URL, or
    the settings in the backup, name; pg_restore must be on the PATH.

    exit code: 0 it is restored, 1 its audit is not as it was written, 6 there is something at that place
    """
    from getpass import getuser

    from gateway.services import backup
    from gateway.settings import AUDIT_KEY, FOLDERS, KEYS, load
    from gateway.transports.folder import Folder

    backup.read(args.file, args.to)
    settings = load(args.to)
    for channel in settings.channels:
        Folder(args.to / FOLDERS / channel, 0).make()
    told = verified(args.to, True, [])
    show(visible(problem) for problem in told["problems"])
    show(told_in_words(told))
    key = args.to / KEYS / AUDIT_KEY
    if not args.moved:
        with store_of(args.to) as (engine, _):
            held = backup.hold(engine, key, args.file.name, partial(datetime.now, UTC), getuser())
        show([f"{count(held, 'message')} unfinished and put on hold: {backup.HELD}."] if held else [])
        show(["Control numbers used after the backup are not known here: see first_control_number."])
    if not key.exists():
        show([f"Copy {KEYS}/{AUDIT_KEY} of the old home to {key}: nothing can be done without it."])
    return ExitCode(bool(told["problems"]))
