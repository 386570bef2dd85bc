"""Whether a home is in order: what ``edigw db check`` and ``edigw doctor`` look at."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, and_, cast, exists, func, or_, select, text

from gateway.errors import NotFoundError
from gateway.gateway_settings import SftpServer
from gateway.partners.calendar import Slots
from gateway.partners.certificate import ALARMS
from gateway.partners.partner import API, Partner
from gateway.services.base import job_of
from gateway.store import queries
from gateway.store import tables as t
from gateway.store.database import REVISION, revision
from gateway.store.exchanges import PAYLOADS
from gateway.store.jobs import Jobs
from gateway.store.payloads import Payloads
from gateway.store.records import APPROVAL, OPEN, SENT, WAITS, as_text
from gateway.store.verifier import Checkpoint, checkpoint_signed

_SAMPLE = 20
_FEW = 10
_MIN_FREE = 500_000_000
_MAX_WAIT = timedelta(minutes=10)
_MAX_AHEAD = timedelta(minutes=2)


class Finding(NamedTuple):
    """One thing that was looked at; ``fix`` says what to do if it is not fine."""

    ok: bool
    words: str
    fix: str = ""


def database(connection: Connection) -> Iterator[Finding]:
    """Whether the database is whole, and of the revision that this software needs."""
    found = revision(connection)
    yield Finding(found == REVISION, f"The database is of revision {found}.", "Run `edigw db upgrade`.")
    if connection.dialect.name == "sqlite":
        told = [str(one) for (one,) in connection.execute(text("PRAGMA integrity_check(10)"))]
        is_whole = told == ["ok"]
        words = "The database file is whole." if is_whole else f"The database file is damaged: {told[0]}."
        yield Finding(is_whole, words, "Restore a backup: `edigw db restore`.")


def payloads(connection: Connection, kept: Payloads, sample: bool = False) -> Iterator[Finding]:
    """Whether the bytes of messages and their receipts are there; of some of the newest they are read too."""
    m, x, number = t.messages.c, t.exchanges.c, 0
    there = select(m.id, m.name).where(m.erased_at.is_(None))
    named = [there.add_columns(m.payload.label("sha256")).order_by(m.seq.desc()).where(m.payload.isnot(None))]
    carried = there.join(t.exchanges, x.message_id == m.id).order_by(x.seq.desc())
    named += [carried.add_columns(x[one].label("sha256")).where(x[one].isnot(None)) for one in PAYLOADS]
    most = _SAMPLE if sample else None
    for row in chain.from_iterable(connection.execute(one.limit(most)) for one in named):
        number += 1
        try:
            with kept.open(row.sha256) as file:
                while sample and file.read(1 << 20):
                    pass
        except (NotFoundError, OSError, EOFError, zlib.error) as error:
            words = f"The bytes of message {row.id} ({row.name}) cannot be read: {error}"
            yield Finding(False, words, "Restore the file from a backup; `edigw audit verify` tells more.")
    yield Finding(True, f"{number} payloads of messages were looked for.")


def numbers(connection: Connection, partners: Mapping[str, Partner]) -> Iterator[Finding]:
    """Whether every control number was used once, and why some were not."""
    m, c = t.messages.c, t.control_numbers.c
    for partner, kind, last in connection.execute(
        select(c.partner, c.kind, c.last).order_by(c.partner, c.kind)
    ).all():
        if kind not in ("interchange", "group"):
            continue
        what, known = f"{kind} control numbers for {partner}", partners.get(partner)
        first = known.first_control_number if known else 1
        number = cast(m[kind], BigInteger)
        used = select(number, m.id, m.delivery).where(m.direction == "out", m.partner == partner)
        before = 0
        for now, message, delivery in connection.execute(used.where(m[kind].isnot(None)).order_by(number)):
            yield from _gap(what, before + 1, now - 1, first)
            if now == before:
                yield Finding(False, f"Of the {what}, {now} was used twice.", f"See message {message}.")
            if delivery == "cancelled":
                yield Finding(True, f"Of the {what}, {now} was not sent: message {message} was cancelled.")
            before = now
        yield from _gap(what, before + 1, last, first)
        words = f"The {what} end with {last}."
        yield Finding(before <= last, words, f"{before} was used. Set first_control_number above it.")


def _gap(what: str, first: int, last: int, begin: int) -> Iterator[Finding]:
    if first < begin <= last + 1:
        words = f"The {what} begin with {begin}, as first_control_number in its settings says."
        yield Finding(True, words)
        first = begin
    if first <= last:
        some = f"{first} was" if first == last else f"{first} to {last} were"
        fix = "Was a backup restored, or a number skipped by hand? Note the reason for the partner."
        yield Finding(False, f"Of the {what}, {some} never used; not explained.", fix)


def work(connection: Connection, jobs: Jobs, now: datetime) -> Iterator[Finding]:
    """Whether somebody is going to do what is unfinished."""
    m, d = t.messages.c, t.deliveries.c
    received = select(m.id, m.created_at).where(m.translation == "received", m.hold == "")
    owners = select(d.owner, d.planned_at).join(t.messages, m.id == d.message_id)
    owners = owners.where(d.state.in_(OPEN), m.hold == "")
    since = {str(one): str(at) for one, at in connection.execute(received.union(owners))}
    keys = [job_of(one) for one in since]
    lost = len(keys) - len(jobs.waiting(connection, keys) if keys else ())
    words = f"{len(keys)} messages are unfinished; {lost} of them have no job."
    yield Finding(not lost, words, "A running gateway wakes them within 30 seconds; or run `edigw run-once`.")
    oldest, waiting = min(since.values(), default=""), jobs.counts(connection)["waiting"]
    words = f"{waiting} jobs wait{f', the oldest work since {oldest}' if oldest else ''}."
    is_late = bool(oldest) and oldest < as_text(now - _MAX_WAIT)
    yield Finding(not is_late, words, "Is the gateway running, and are its channels reachable? `edigw up`")


def statuses(connection: Connection) -> Iterator[Finding]:
    """Whether statuses contradict each other."""
    m, d, e = t.messages.c, t.deliveries.c, t.expectations.c
    left = ((*OPEN, WAITS), (SENT,))
    open_, sent = (exists().where(d.message_id == m.id, d.state.in_(one)) for one in left)
    looked_for = exists().where(e.message_id == m.id, e.state.in_(("open", "overdue")))
    owed, receipt = (looked_for.where(e.kind == kind) for kind in ("acknowledgment", "receipt"))
    out, waits = m.direction == "out", m.acknowledgment.in_(("waiting", "overdue"))
    wrong = {
        "are delivered, but have files to be delivered": and_(m.delivery == "delivered", or_(open_, sent)),
        "wait for delivery, but have no files to be delivered": and_(m.delivery == "waiting", ~open_),
        "are sent, but no receipt is to come": and_(m.delivery == "sent", or_(open_, ~sent)),
        "wait for a receipt that nobody looks for": and_(m.delivery == "sent", ~receipt),
        "are of the other direction than their translation says": out != (m.translation == "written"),
        "are to be translated, but have results": and_(
            m.translation == "received", m.delivery != "not_expected"
        ),
        # By the API that begins when Amazon has it.
        "wait for an acknowledgment that nobody looks for": and_(
            waits, ~owed, or_(m.way != API, m.delivery == "delivered")
        ),
        "wait for no acknowledgment, but one is looked for": and_(~waits, owed),
        "are not to be answered by partners": and_(~out, m.acknowledgment != "not_expected"),
    }
    for words, condition in wrong.items():
        found = (
            connection.execute(select(m.id).where(condition).order_by(m.seq).limit(_FEW + 1)).scalars().all()
        )
        if found:
            some = ", ".join(found[:_FEW]) + (" and more" if len(found) > _FEW else "")
            yield Finding(False, f"Messages {words}: {some}.", "Please report this, with the history of one.")
    yield Finding(True, f"{len(wrong)} rules about statuses were looked at.")


def attention(connection: Connection) -> Iterator[Finding]:
    """What needs a person."""
    m = t.messages.c
    for words, fix, condition in (
        (
            "messages need a person",
            "edigw message list",
            or_(m.translation == "failed", m.delivery == "failed"),
        ),
        ("messages are on hold", "edigw message list", m.hold != ""),
        ("acknowledgments are overdue", "edigw ack list", m.acknowledgment == "overdue"),
        (
            "documents wait for an item or a place",
            "edigw item unknown` and `edigw location unknown",
            t.deliveries.c.state == WAITS,
        ),
        (
            "documents wait for approval",
            "edigw message list --person",
            t.documents.c.batch.like(f"{APPROVAL}%"),
        ),
    ):
        number = connection.execute(select(func.count()).where(condition)).scalar_one()
        yield Finding(not number, f"{number} {words}.", f"See `{fix}`.")


def clock(connection: Connection, schedules: Mapping[str, Slots], now: datetime) -> Iterator[Finding]:
    """Whether the clock agrees with the audit, and the schedules kept their times."""
    newest = connection.execute(select(func.max(t.audit.c.at))).scalar_one() or ""
    words = f"The newest entry of the audit is of {newest or 'never'}."
    yield Finding(newest <= as_text(now + _MAX_AHEAD), words, "It lies in the future: correct the clock.")
    taken = queries.schedules(connection)
    for name, slots in schedules.items():
        due, last = slots.last(now - _MAX_WAIT), str((taken.get(name) or {}).get("slot", ""))
        words = f"The schedule {name} was last at its time {last or 'never'}."
        is_kept = due is None or name not in taken or last >= as_text(due)
        yield Finding(is_kept, words, f"It was due {due}. Is the gateway running? `edigw up`")


def audit(connection: Connection) -> Iterator[Finding]:
    """Whether the newest entry is the one that was signed; `edigw audit verify` looks at all of them."""
    head = connection.execute(select(t.audit_head)).one_or_none()
    signed = head is not None and connection.execute(select(t.audit.c.seq).limit(1)).first() is None
    if head is not None and head.seq:
        point = Checkpoint(head.seq, head.hash, head.at, head.signature)
        last = connection.execute(select(t.audit.c.hash).where(t.audit.c.seq == head.seq)).scalar()
        signed = last == head.hash and checkpoint_signed(point, bytes.fromhex(head.public_key))
    yield Finding(signed, "The head of the audit has a right signature.", "Run `edigw audit verify`.")


def secrets(partners: Iterable[Partner], now: datetime) -> Iterator[Finding]:
    """How long the client secrets of Amazon's API last; less than the second alarm needs a person."""
    for one in partners:
        if one.sp_api:
            days = (one.sp_api.secret_ends - now).days
            words = f"The client secret of {one.id} ends {one.sp_api.secret_ends:%Y-%m-%d}, in {days} days."
            fix = "Make a new one in the Solution Provider Portal; then change sp_api.secret_made_on."
            yield Finding(days >= ALARMS[-2], words, fix)


def places(home: Path, channels: tuple[str, ...], data: Path, folders: Path, keys: Path) -> Iterator[Finding]:
    """Whether folders can be used, the disk has room, and keys are kept from others."""
    boxes = [folders / channel / box for channel in channels for box in ("inbox", "outbox", "quarantine")]
    for path in (data, *boxes):
        if not os.access(path, os.W_OK | os.X_OK):
            words = f"{path.relative_to(home)} {'cannot be written' if path.exists() else 'is not there'}."
            yield Finding(False, words, "Is the share mounted, and does it belong to this user?")
    yield Finding(True, f"{len(boxes) + 1} folders were looked at.")
    free = shutil.disk_usage(data if data.exists() else home).free
    yield Finding(free > _MIN_FREE, f"{free // 1_000_000} MB are free.", "Make room, or move the home.")
    for path in (keys, *sorted(keys.glob("*"))):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            mode = "0700" if path.is_dir() else "0600"
            words = f"{path.relative_to(home)} can be read by others."
            yield Finding(False, words, f"chmod {mode} {path}")


def sftp_server(rules: SftpServer, home: Path) -> Iterator[Finding]:
    """Whether partners can log in, or could if it ran."""
    is_there = find_spec("asyncssh") is not None
    words = f"The library of the SFTP server is {'' if is_there else 'not '}there."
    yield Finding(is_there, words, "pip install 'edi-gateway[sftp-server]'")
    key = home / rules.host_key
    words = f"Its key {rules.host_key} {'is there' if key.exists() else 'will be made at its start'}."
    yield Finding(
        os.access(key if key.exists() else key.parent, os.R_OK), words, f"Let this user read {key}."
    )
    host, port = rules.address
    is_ours, words = True, "is free; it listens there while `edigw up` runs"
    try:
        with socket.create_connection((host or "localhost", port), 2) as line:
            is_ours, words = line.recv(12) == b"SSH-2.0-SFTP", "is in use"
    except OSError:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            socket.create_server((host, port), family=family).close()
        except OSError as error:
            is_ours, words = False, f"cannot be used: {error.strerror or error}"
    fix = "Is it an address of this machine, and which program has the port? See `sftp_server.listen`."
    yield Finding(is_ours, f"{rules.listen} {words}.", fix)
