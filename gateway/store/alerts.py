"""Alerts, and the notices that tell targets of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    func,
    select,
    true,
    update,
)

from gateway.errors import NotFoundError, RefusedError
from gateway.store import tables as t
from gateway.store.queries import Page, within
from gateway.store.records import as_text

if TYPE_CHECKING:
    from gateway.store.sql import Store

LIMIT = 100
"""Alerts of a rule that wait to be told; what is more is counted in one of its own."""

_A, _N = t.alerts.c, t.notices.c


class Alerts:
    """The alerts of a store, reached as ``store.alerts``; what changes them is called in a transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def lock(self) -> None:
        """Waits for whoever is adding to the audit, and thereby to alerts."""
        self._store.connection.execute(select(t.audit_head.c.seq).with_for_update())

    def add(
        self, rule: str, rows: Sequence[dict[str, Any]], since: datetime, more: Mapping[str, str]
    ) -> None:
        """Adds alerts of a rule, one for each thing; of things told since then another time is counted.

        Args:
            more: what differs in the alert that counts those over :data:`LIMIT`.
        """
        store, now = self._store, self._store.now()
        mine, waits = _A.rule == rule, (_A.rule == rule, _A.step == 0, _A.due_at > "")
        recent = (_A.thing.in_([one["thing"] for one in rows]), _A.at > as_text(since))
        known = dict(store._read(select(_A.thing, _A.seq).where(mine, *recent).order_by(_A.seq)))
        ((waiting,),) = store._read(select(func.count()).where(*waits))
        fresh = [one for one in rows if one["thing"] not in known]
        room = max(0, LIMIT - int(waiting))
        if over := fresh[room:]:
            times, due = sum(one["times"] for one in over), min(one["due_at"] for one in over)
            was = store._read(select(_A.seq, _A.due_at).where(*waits, _A.thing == more["thing"]))
            for seq, due_at in was:
                values = {"times": _A.times + times, "due_at": min(due, due_at), "last_at": now}
                store._execute(update(t.alerts).where(_A.seq == seq).values(values))
            many = {**over[0], **more, "times": times, "due_at": due}
            fresh = [*fresh[:room], *([] if was else [many])]
        again = update(t.alerts).where(_A.seq == bindparam("which"))
        again = again.values(times=_A.times + bindparam("more"), last_at=now)
        old = [one for one in rows if one["thing"] in known]
        counted = [{"which": known[one["thing"]], "more": one["times"]} for one in old]
        blank = dict.fromkeys(("acknowledged_at", "actor", "reason"), "")
        new = [{**one, **blank, "rule": rule, "step": 0, "last_at": one["at"]} for one in fresh]
        if counted:
            store._execute(again, counted)
        if new:
            store._execute(t.alerts.insert(), new)

    def due_rules(self, now: datetime) -> list[str]:
        """Rules with something to be told."""
        return [str(one) for (one,) in self._store._read(select(_A.rule).where(*_due(now)).distinct())]

    def due(self, rule: str, now: datetime) -> Sequence[Row[Any]]:
        """What a rule has to tell now, oldest first, at most so much as is told at once."""
        found = select(t.alerts).where(_A.rule == rule, *_due(now)).order_by(_A.seq)
        return self._store._read(found.limit(LIMIT + 1))

    def told(self, seqs: Collection[int], due_at: str) -> None:
        """They were told once more, and are again at that time; empty for never."""
        mine = update(t.alerts).where(_A.seq.in_(seqs))
        self._store._execute(mine.values(step=_A.step + 1, due_at=due_at))

    def acknowledge(self, seq: int, actor: str, reason: str) -> Row[Any]:
        """Somebody takes care of it. Raises NotFoundError, and RefusedError the second time."""
        values = {"acknowledged_at": self._store.now(), "actor": actor, "reason": reason, "due_at": ""}
        open_ = update(t.alerts).where(_A.seq == seq, _A.acknowledged_at == "")
        is_done = self._store._execute(open_.values(values)).rowcount
        found = self._store._read(select(t.alerts).where(_A.seq == seq))
        if not found:
            raise NotFoundError(f"There is no alert {seq}.")
        row: Row[Any] = found[0]
        if not is_done:
            raise RefusedError(
                f"{row.actor} acknowledged alert {seq} at {row.acknowledged_at[:19]}: {row.reason}"
            )
        return row

    def add_notice(self, notice_id: str, target: str, rule: str, body: str) -> None:
        """Adds what is to be sent to a target; its id is new."""
        values = {"id": notice_id, "target": target, "rule": rule, "body": body, "at": self._store.now()}
        self._store._execute(t.notices.insert(), {**values, "state": "pending", "tries": 0, "error": ""})

    def notice(self, notice_id: str) -> Row[Any] | None:
        """A notice that is still to be sent."""
        found = select(t.notices).where(_N.id == notice_id, _N.state == "pending")
        return next(iter(self._store._read(found)), None)

    def pending(self, limit: int) -> list[str]:
        """Ids of notices that are still to be sent, oldest first."""
        found = select(_N.id).where(_N.state == "pending").order_by(_N.seq).limit(limit)
        return [str(one) for (one,) in self._store._read(found)]

    def settle(self, notice_id: str, state: str, error: str = "") -> bool:
        """A try of a notice is over; False if somebody else has ended it."""
        mine = update(t.notices).where(_N.id == notice_id, _N.state == "pending")
        values = {"state": state, "error": error, "tries": _N.tries + 1}
        return bool(self._store._execute(mine.values(values)).rowcount)

    def again(self, notice_id: str) -> Row[Any]:
        """A notice is to be sent once more. Raises NotFoundError, and RefusedError if it is on its way."""
        found = self._store._read(select(t.notices).where(_N.id == notice_id))
        if not found:
            raise NotFoundError(f"There is no notice {notice_id}.")
        values = {"state": "pending", "tries": 0, "error": "", "at": self._store.now()}
        ended = update(t.notices).where(_N.id == notice_id, _N.state != "pending")
        if not self._store._execute(ended.values(values)).rowcount:
            raise RefusedError("It is being sent already.")
        row: Row[Any] = found[0]
        return row

    def forget(self, before: datetime) -> None:
        """Forgets alerts and notices that are older and have nothing left to be done; the audit has them."""
        old = delete(t.alerts).where(_A.due_at == "", _A.last_at < as_text(before))
        self._store._execute(old)
        self._store._execute(delete(t.notices).where(_N.state != "pending", _N.at < as_text(before)))


# --- to be looked at ---------------------------------------------------------------------------------------


def alerts(
    connection: Connection,
    *,
    is_open: bool | None = None,
    partners: Collection[str] | None = None,
    limit: int = 50,
    cursor: int | None = None,
) -> Page:
    """Alerts, the newest first; open or acknowledged ones, and of these partners, if that is said."""
    found = select(*(one for one in _A if one.name != "thing")).where(*within(_A.partner, partners))
    if is_open is not None:
        found = found.where(_A.acknowledged_at == "" if is_open else _A.acknowledged_at != "")
    page = _page(connection, found, _A.seq, limit, cursor)
    return page._replace(rows=[{**one, "facts": orjson.loads(one["facts"])} for one in page.rows])


def notices(connection: Connection, state: str = "", limit: int = 50, cursor: int | None = None) -> Page:
    """What was or is to be told, the newest first."""
    found = select(t.notices).where(_N.state == state if state else true())
    page = _page(connection, found, _N.seq, limit, cursor)
    return page._replace(rows=[{**one, "body": orjson.loads(one["body"])} for one in page.rows])


def _page(connection: Connection, found: Select[Any], seq: Any, limit: int, cursor: int | None) -> Page:
    found = found.where(seq < cursor if cursor is not None else true()).order_by(seq.desc())
    rows = [
        {str(key): value for key, value in row.items()}
        for row in connection.execute(found.limit(limit + 1)).mappings()
    ]
    return Page(rows[:limit], rows[limit - 1]["seq"] if len(rows) > limit else None)


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return _A.due_at > "", _A.due_at <= as_text(now)
