"""What needs somebody today, and how the last day went."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, case, func, literal_column, or_, select

from gateway.services import expiry
from gateway.settings import Settings
from gateway.store import queries
from gateway.store import tables as t
from gateway.store.keyring import Keyring
from gateway.store.queries import Row, within
from gateway.store.records import APPROVAL, as_text

MOST = 1000
"""What is counted of a kind; of more it is said that there are at least so many."""

ENDS_SOON = 30
"""Days before its end from which on a certificate or secret is shown."""

AGES = ((1, "under 1 hour"), (4, "1 to 4 hours"), (24, "4 to 24 hours"), (None, "over 24 hours"))
"""Hours up to which an acknowledgment that is waited for is of an age."""

DAYS_SHOWN = 14
"""Days of which it is said how much of what was due came in time."""

_DAY = timedelta(days=1)
_M, _D, _E = t.messages.c, t.documents.c, t.expectations.c
_STATUSES = (
    (
        *("failed", "translation", ("failed",)),
        *("message was stopped by an error of the gateway", "messages were stopped by errors of the gateway"),
        "error",
    ),
    (
        *("not_delivered", "delivery", ("failed",)),
        *("message could not be delivered", "messages could not be delivered", "error"),
    ),
    (
        *("unprocessed", "translation", queries.UNPROCESSED),
        *("file was not wholly processed", "files were not wholly processed", "error"),
    ),
    (
        *("refused", "acknowledgment", queries.REFUSED),
        *("message was not wholly accepted", "messages were not wholly accepted", "refused"),
    ),
    (
        *("overdue_acknowledgments", "acknowledgment", ("overdue",)),
        *("acknowledgment is overdue", "acknowledgments are overdue", "late"),
    ),
    ("held", "hold", (), "message is on hold", "messages are on hold", "wait"),
)
"""What a message needs somebody for: its name, the statuses it is told by, the words for one and for many."""


def today(
    connection: Connection,
    settings: Settings,
    keyring: Keyring,
    now: datetime,
    partners: Collection[str] | None = None,
) -> Row:
    """What needs somebody, by urgency, and figures of the last 24 hours, of these partners.

    ``attention``: ``what`` it is, how many (``count``; ``more`` if there are more), in ``words``, how it is
    drawn (``tone``), and where the ``list`` of it is.
    """
    rows = [*_messages(connection, partners), *_documents(connection, partners)]
    rows += [*_deadlines(connection, now, partners), *_ending(settings, keyring, now, partners)]
    rows += [*_channels(connection, settings, partners), *_alerts(connection, partners)]
    order = ("error", "refused", "late", "warn", "wait")
    return {
        "at": now.isoformat(timespec="seconds"),
        "attention": sorted(rows, key=lambda one: order.index(str(one["tone"]))),
        "volume": volume(connection, now, partners),
        "on_time": _on_time(connection, now, partners),
        "acknowledgments": _ages(connection, now, partners),
    }


def _line(what: str, count: int, one: str, many: str, tone: str, where: str) -> Iterator[Row]:
    if count:
        words = one if count == 1 else many
        known = {"what": what, "count": min(count, MOST), "more": count > MOST}
        yield {**known, "words": words, "tone": tone, "list": where}


def _messages(connection: Connection, partners: Collection[str] | None) -> Iterator[Row]:
    columns = (_M.translation, _M.delivery, _M.acknowledgment, _M.hold)
    found = select(*columns).where(queries.OPEN, *within(_M.partner, partners)).order_by(_M.seq.desc())
    rows = connection.execute(found.limit(10 * MOST)).all()
    for what, name, some, one, many, tone in _STATUSES:
        count = sum(row.hold != "" if name == "hold" else row._mapping[name] in some for row in rows)
        asked = "&held=1" if name == "hold" else "".join(f"&{name}={status}" for status in some)
        where = "/unprocessed" if what == "unprocessed" else f"/messages?open=1{asked}"
        yield from _line(what, count, one, many, tone, where)


def _documents(connection: Connection, partners: Collection[str] | None) -> Iterator[Row]:
    d = t.deliveries
    waits = select(d.c.message_id).where(d.c.state == "waits").limit(MOST + 1)
    if partners is not None:
        waits = waits.join(t.documents, _D.id == d.c.document_id).where(*within(_D.partner, partners))
    said = ("document waits for an item or place", "documents wait for items or places")
    yield from _line("waiting", _count(connection, waits), *said, "wait", "/messages?person=1")
    approval = (_D.batch.isnot(None), _D.batch.like(f"{APPROVAL}%"))
    held = select(_D.id).where(*approval, *within(_D.partner, partners)).limit(MOST + 1)
    said = ("document waits for approval", "documents wait for approval")
    yield from _line("approvals", _count(connection, held), *said, "warn", "/messages?person=1")


def _deadlines(connection: Connection, now: datetime, partners: Collection[str] | None) -> Iterator[Row]:
    late = queries.deadlines(connection, "overdue", "", MOST + 1, partners, now=now)
    counted: dict[str, int] = {}
    for one in late:
        counted[one["kind"]] = counted.get(one["kind"], 0) + 1
    for kind, count in counted.items():
        if kind != "acknowledgment":  # they are messages that are overdue
            said = kind.replace("_", " ")
            yield from _line(
                f"late_{kind}", count, f"{said} is late", f"{said}s are late", "late", "/schedule"
            )


def _ending(
    settings: Settings, keyring: Keyring, now: datetime, partners: Collection[str] | None
) -> Iterator[Row]:
    soon = [
        one
        for one in expiry.register(settings, keyring, now)
        if one["days_left"] <= ENDS_SOON and one["in_use"] and not one["followed"]
        if partners is None or one["whose"] in partners
    ]
    if soon:
        days = soon[0]["days_left"]
        first = f"{soon[0]['name']} of {soon[0]['whose']} " + (
            f"in {days} days" if days > 0 else "today" if days == 0 else f"{-days} days ago"
        )
        said = (
            f"certificate or secret ends: {first}",
            f"certificates or secrets end, the first is {first}",
        )
        tone = "error" if days < 0 else "warn"
        only = soon[0] if len(soon) == 1 and soon[0]["id"] else None
        where = f"/certificates/{only['whose']}/{only['id']}" if only else "/certificates"
        yield from _line("expiring", len(soon), *said, tone, where)


def _channels(connection: Connection, settings: Settings, partners: Collection[str] | None) -> Iterator[Row]:
    c = t.channels.c
    bad = select(c.channel, c.stopped_at).where(or_(c.paused_at != "", c.stopped_at != ""))
    theirs = {
        name
        for one in settings.partners.values()
        if partners is not None and one.id in partners
        for name in (one.folder, *one.channels)
    }
    rows = [row for row in connection.execute(bad) if partners is None or row.channel in theirs]
    for what, tone, found in (
        ("stopped", "error", [row for row in rows if row.stopped_at]),
        ("paused", "wait", [row for row in rows if not row.stopped_at]),
    ):
        names = ", ".join(sorted(row.channel for row in found)[:3])
        verb = "does not work" if what == "stopped" else "is paused"
        many = "do not work" if what == "stopped" else "are paused"
        said = (f"channel {verb}: {names}", f"channels {many}: {names}{', …' if len(found) > 3 else ''}")
        yield from _line(what, len(found), *said, tone, "/channels")


def _alerts(connection: Connection, partners: Collection[str] | None) -> Iterator[Row]:
    a = t.alerts.c
    open_ = select(a.seq).where(a.acknowledged_at == "", *within(a.partner, partners)).limit(MOST + 1)
    said = ("alert nobody has taken", "alerts nobody has taken")
    yield from _line("alerts", _count(connection, open_), *said, "warn", "/alerts?open=1")


def _count(connection: Connection, query: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())


def volume(connection: Connection, now: datetime, partners: Collection[str] | None) -> Row:
    """Messages of each hour, the oldest first, by partner; ``""`` are those of none."""
    end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    hours = [as_text(end - timedelta(hours=number))[:13] for number in range(24, 0, -1)]
    hour, whose = func.substr(_M.created_at, 1, 13), func.coalesce(_M.partner, "")
    counted = select(hour, whose, func.count()).where(
        _M.created_at >= hours[0], *within(_M.partner, partners)
    )
    counted = counted.group_by(literal_column("1"), literal_column("2"))
    found: dict[str, list[int]] = {}
    for at, partner, count in connection.execute(counted):
        if at in hours:
            found.setdefault(partner, [0] * 24)[hours.index(at)] = count
    total = sum(map(sum, found.values()))
    return {"hours": [f"{one}:00:00+00:00" for one in hours], "partners": found, "total": total}


def _on_time(connection: Connection, now: datetime, partners: Collection[str] | None) -> Row:
    """What was due in the last 24 hours, and on each of the last days (UTC) that the last of them reach.

    How many, how many of them are not late, and these in percent.
    """
    last = select(_E.due_at, _E.state, _E.message_id).order_by(_E.seq.desc()).limit(10 * MOST).subquery()
    mine = [last.c.due_at < as_text(now), last.c.state != "cancelled", *within(_M.partner, partners)]
    met = func.sum(case((last.c.state == "met", 1), else_=0))
    days = [
        (now - DAYS_SHOWN * _DAY + number * _DAY).date().isoformat() for number in range(1, DAYS_SHOWN + 1)
    ]
    day = func.substr(last.c.due_at, 1, 10)

    def counted(since: str, *by: Any) -> Select[Any]:
        found = select(*by, func.count(), met).where(last.c.due_at >= since, *mine)
        return found if partners is None else found.join(t.messages, _M.id == last.c.message_id)

    found = connection.execute(counted(days[0], day).group_by(literal_column("1"))).all()
    by_day = {one[0]: _share(one[1], one[2]) for one in found}
    _, *rest = connection.execute(counted(as_text(now - _DAY), literal_column("1"))).one()
    return {**_share(*rest), "days": [{"day": one, **by_day.get(one, _share(0, 0))} for one in days]}


def _share(due: int, met: int | None) -> Row:
    return {"due": due, "met": met or 0, "percent": round(100 * (met or 0) / due, 1) if due else None}


def _ages(connection: Connection, now: datetime, partners: Collection[str] | None) -> list[Row]:
    """Messages whose acknowledgment is waited for, by their age; those that are late are of it."""
    found = [0] * len(AGES)
    late = [0] * len(AGES)
    for state in ("open", "overdue"):
        mine = (_E.state == literal_column(f"'{state}'"), _E.kind == "acknowledgment")
        sent = select(_M.created_at).join(t.expectations, _E.message_id == _M.id)
        sent = sent.where(*mine, *within(_M.partner, partners)).order_by(_E.due_at).limit(5 * MOST)
        for (at,) in connection.execute(sent):
            hours = (now - datetime.fromisoformat(at)).total_seconds() / 3600
            place = next(n for n, (most, _) in enumerate(AGES) if most is None or hours < most)
            found[place] += 1
            late[place] += state == "overdue"
    return [
        {"age": words, "count": count, "overdue": some}
        for (_, words), count, some in zip(AGES, found, late, strict=True)
    ]
