"""Whether a gateway is in order, check by check: for ``edigw doctor``, ``/readyz`` and ``/livez``.

A home that is broken is no reason to fail, but what is told.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway import __version__
from gateway.errors import EdiError
from gateway.files import in_words
from gateway.observability.metrics import Site
from gateway.observability.recent import Recent
from gateway.partners.certificate import ending
from gateway.services import alert, check, expiry, webhook
from gateway.services.base import Services
from gateway.services.erp import Forms
from gateway.settings import AUDIT_KEY, DATA, FOLDERS, KEYS, LOCK, Settings, database_url, load
from gateway.store import audit, gauges
from gateway.store.channels import Channels
from gateway.store.database import REVISION, open_engine, reading, revision

OK, WARN, FAIL = "ok", "warn", "fail"
"""warn: it works, and somebody should look."""

_TIMEOUT_SECONDS = 5.0
_SOON = timedelta(days=30)
_KEPT_SECONDS = 2.0


class Check(NamedTuple):
    """One thing that was looked at: what it is called, how it is, that in words, and what to do."""

    name: str
    state: str
    words: str
    fix: str = ""


_BROKEN = (EdiError, OSError, SQLAlchemyError, ValueError)
_STARTED = "Start it with `edigw up`, or `edigw worker` where there are several processes."
_DATABASE = "Is the database running, and is its address right? See storage.database and EDIGW_DATABASE_URL."

_FILE = "May this user write data/, and is its disk there? If the file is damaged: `edigw db restore`."


def live() -> list[Check]:
    """That the process answers; a part of it that ends, ends it."""
    return [Check("process", OK, f"edigw {__version__} answers.")]


_READY: Recent[list[Check]] = Recent(_KEPT_SECONDS)


def ready(site: Site) -> list[Check]:
    """Whether work can be done now: database, migrations, storage and workers. Any node answers alike."""
    services = site.services
    return _READY.get(services.store.engine, lambda: [*_ready(services)])


def _ready(services: Services) -> Iterator[Check]:
    try:
        with gauges.limited(services.store.engine, _TIMEOUT_SECONDS) as connection:
            yield Check("database", OK, "The database answers.")
            yield _migrations(revision(connection))
            yield _workers(services, connection, is_needed=True)
    except _BROKEN as error:
        yield Check("database", FAIL, _words(error), _DATABASE)
    yield _storage(services)


def examine(home: Path, opened: Callable[[Settings], AbstractContextManager[Site]]) -> Iterator[Check]:
    """Everything there is to look at in a home, as far as it can be.

    Args:
        opened: opens the gateway of the home without working on it.
    """
    settings = None
    try:
        settings = load(home)
        Forms.load(settings.gateway.erp, (home / "mappings",))
        number = len(settings.channels)
        yield Check("settings", OK, f"The settings are right: {number} channel{'s' * (number > 1)}.")
    except _BROKEN as error:
        problems = getattr(error, "problems", ()) or (None,)
        for one in problems:
            words, fix = (one.message, one.hint) if one else (_words(error), "")
            yield Check("settings", FAIL, words, fix or "Correct that first.")
    if not home.is_dir():
        return
    channels = settings.channels if settings else ()
    yield from _of("places", FAIL, check.places(home, channels, home / DATA, home / FOLDERS, home / KEYS))
    if settings is None:
        return
    if settings.gateway.sftp_server.listen:
        yield from _of("sftp_server", FAIL, check.sftp_server(settings.gateway.sftp_server, home))
    if (yield from _database(home, settings)):
        try:
            with opened(settings) as site:
                yield from _parts(site.services)
        except _BROKEN as error:
            yield Check("gateway", FAIL, _words(error), "Correct that first.")


def _database(home: Path, settings: Settings) -> Generator[Check, None, bool]:
    """Returns whether the gateway can be opened, which would make anew what may only be away."""
    key, has_key = home / KEYS / AUDIT_KEY, (home / KEYS / AUDIT_KEY).exists()
    url = database_url(home, settings)
    file = Path(url.removeprefix("sqlite:///"))
    found, signed = None, ""
    try:
        if not url.startswith("sqlite:") or file.exists():
            engine = open_engine(url)
            try:
                with gauges.limited(engine, _TIMEOUT_SECONDS) as connection:
                    found = revision(connection)
                    signed = audit.public_key(connection) if found == REVISION else ""
            finally:
                engine.dispose()
        if found is None and has_key:
            words = "There is no database, though this home was at work before."
            yield Check("database", FAIL, words, "Is the disk mounted? If it is lost: `edigw db restore`.")
        elif found is None:
            yield Check("database", OK, "There is no database yet; the first start makes it.")
        else:
            yield _migrations(found)
        if signed and not has_key:
            fix = "Copy it from a safe place, or from the node that was there first; it cannot be made anew."
            yield Check("keys", FAIL, f"The key of the audit, {KEYS}/{AUDIT_KEY}, is missing.", fix)
        elif has_key:
            is_same = signed in ("", audit.Seal.of(key).public_key)
            words = f"The key of the audit is {'there' if is_same else 'another than it is signed with'}."
            fix = "" if is_same else f"Bring back the right {KEYS}/{AUDIT_KEY}."
            yield Check("keys", *_said(is_same, FAIL), words, fix)
            return is_same and found == REVISION
    except _BROKEN as error:
        yield Check("database", FAIL, _words(error), _FILE if url.startswith("sqlite:") else _DATABASE)
    return False


def _parts(services: Services) -> Iterator[Check]:
    """What is looked at in an open gateway; a part that cannot be is told, and the others go on."""
    settings, now = services.settings, services.clock()
    schedules = settings.schedules

    def asked(name: str, part: Callable[[Connection], Iterable[Check]]) -> Iterator[Check]:
        try:
            with reading(services.store.engine) as connection:
                yield from part(connection)
        except _BROKEN as error:
            yield Check(name, FAIL, _words(error), "Correct that first.")

    yield from asked("database", lambda c: _of("database", FAIL, check.database(c)))
    yield _storage(services)
    kept = services.payloads
    yield from asked("payloads", lambda c: _of("payloads", FAIL, check.payloads(c, kept, sample=True)))
    yield from asked("jobs", lambda c: _of("jobs", WARN, check.work(c, services.jobs, now)))
    yield from asked("workers", lambda c: [_workers(services, c, is_needed=False)])
    yield from asked("attention", lambda c: _of("attention", WARN, check.attention(c)))
    yield from asked("clock", lambda c: _of("clock", WARN, check.clock(c, schedules, now)))
    yield from asked("audit", lambda c: _of("audit", FAIL, check.audit(c)))
    yield from asked("channels", lambda _: _channels(services.store.channels))
    yield from asked("certificates", lambda _: _certificates(services, now))
    yield from asked(
        "secrets", lambda _: _of("secrets", WARN, check.secrets(settings.partners.values(), now))
    )
    yield from asked("alerts", lambda _: _of("alerts", FAIL, alert.examine(services)))
    yield from asked("webhooks", lambda _: _of("webhooks", FAIL, webhook.examine(services)))


def _of(name: str, bad: str, findings: Iterable[check.Finding]) -> Iterator[Check]:
    return (Check(name, *_said(one.ok, bad), one.words, "" if one.ok else one.fix) for one in findings)


def _said(is_ok: bool, bad: str) -> tuple[str]:
    return (OK if is_ok else bad,)


def _migrations(found: str | None) -> Check:
    if found == REVISION:
        return Check("migrations", OK, f"The database has every migration, up to {found}.")
    is_newer = bool(found and found > REVISION)
    fix = "Install the newer version of edigw again." if is_newer else "Run `edigw db upgrade`."
    return Check("migrations", FAIL, f"The database is of revision {found}, not {REVISION}.", fix)


def _storage(services: Services) -> Check:
    """Whether payloads can be kept; a share or an object store that hangs is not waited for."""
    words = ["Payloads cannot be kept: nothing answers in time"]

    def probe() -> None:
        try:
            services.payloads.probe()
            words.clear()
        except OSError as error:
            words[0] = f"Payloads cannot be kept: {_words(error)}"

    asking = Thread(target=probe, daemon=True)
    asking.start()
    asking.join(_TIMEOUT_SECONDS)
    if words:
        return Check("storage", FAIL, words[0], "Nothing is taken in until they can: see storage.payloads.")
    return Check("storage", OK, "Payloads can be kept.")


def _workers(services: Services, connection: Connection, *, is_needed: bool) -> Check:
    """Whether somebody does the jobs; without a gateway it is enough that none is due."""
    busy = services.jobs.counts(connection)
    number = busy["workers"]
    if services.store.engine.dialect.name == "sqlite" and not _is_locked(services.home / DATA / LOCK):
        number = 0  # what is in the table was left by a killed process
    if number:
        return Check("workers", OK, f"{number} worker{'s' * (number > 1)} alive, {busy['due']} jobs due.")
    words = f"No gateway works on this home; {busy['due']} jobs are due."
    state = FAIL if is_needed else WARN if busy["due"] else OK
    return Check("workers", state, words, "" if state == OK else _STARTED)


def _is_locked(path: Path) -> bool:
    """Whether a process works on the home; the lock ends with it, however it ended."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _channels(channels: Channels) -> Iterator[Check]:
    bad = [one for one in channels.all().values() if one.state in ("paused", "stopped", "failing")]
    for one in bad:
        about, fix = one.last_words, f"`edigw channel list`, then `edigw channel run {one.channel}`."
        if one.paused_at:
            about = f"by {one.paused_by}: {one.reason}"
            fix = f"`edigw channel resume {one.channel}` lets it go on."
        state = FAIL if one.state == "stopped" else WARN
        yield Check("channels", state, f"The channel {one.channel} is {one.state}: {about}", fix)
    if not bad:
        yield Check("channels", OK, "No channel fails or is paused.")


def _certificates(services: Services, now: datetime) -> Iterator[Check]:
    """Keys that cannot be read, and what ends within 30 days with nothing to follow."""
    number = 0
    for words in services.keyring.problems:
        yield Check("keys", FAIL, words, "See keys.password, and `edigw cert list`.")
    for held in services.keyring.groups():
        late = bool(held) and expiry.late(services.settings, held[0].whose)
        number += len(held)
        for one, _ in ending(held, now, late):
            if (ends := one.ends(late)) - now <= _SOON:
                words = (
                    f"The certificate {one.certificate.name} of {one.whose} ends {ends:%Y-%m-%d}, and none"
                )
                fix = (
                    "Renew it in time: `edigw cert rollover`." if one.key else "Ask the partner for the next."
                )
                yield Check("certificates", FAIL if ends <= now else WARN, f"{words} follows.", fix)
    for whose, noted in expiry.noted(services.settings):
        if noted.at - now <= _SOON:
            words = f"{noted.name} of {whose or 'us'} ends {noted.ends}."
            yield Check("certificates", WARN, words, "Renew it, and change it in expiries.")
    yield Check("certificates", OK, f"{number} certificates were looked at.")


def _words(error: Exception) -> str:
    file = getattr(error, "filename", None)
    return f"{file}: {in_words(error)}" if file else in_words(error)


def summary(checks: Iterable[Check]) -> Mapping[str, object]:
    """Checks as JSON for an answer over HTTP, with the worst state of all."""
    rows = [one._asdict() for one in checks]
    worst = max((row["state"] for row in rows), key=(OK, WARN, FAIL).index, default=OK)
    return {"status": worst, "checks": rows}
