"""Users, their sessions and keys, failed log-ins, answers to repeated requests, and views that were saved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, case, delete, func, select, update

from gateway.store import tables as t
from gateway.store.records import as_text

if TYPE_CHECKING:
    from gateway.store.sql import Store

MAX_SESSIONS = 20
"""Log-ins of one user at a time; the oldest end."""

MAX_REFUSALS = 10_000
"""Names and addresses whose failed log-ins are counted; the oldest are forgotten."""

_U, _S, _F, _K, _A, _V = (
    one.c for one in (t.users, t.sessions, t.refusals, t.api_keys, t.answers, t.saved_views)
)

Row = dict[str, Any]


class Access:
    """Reached as ``store.access``; what changes something is called in a transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # --- users and keys ------------------------------------------------------------------------------

    def users(self, *where: Any) -> list[Row]:
        """Users by name, without their passwords."""
        columns = [one for one in _U if one.name not in ("seq", "password")]
        return self._rows(select(*columns).where(*where).order_by(_U.name))

    def user(self, which: str) -> Row | None:
        """A user with the password's hash, by id."""
        return next(iter(self._rows(select(t.users).where(_U.id == which))), None)

    def user_named(self, name: str) -> Row | None:
        """A user with the password's hash, by name in small letters."""
        return next(iter(self._rows(select(t.users).where(_U.name == name))), None)

    def user_of(self, subject: str) -> Row | None:
        """A user by whom an OpenID provider knows."""
        return next(iter(self._rows(select(t.users).where(_U.subject == subject))), None)

    def add(self, table: Table, **values: Any) -> None:
        """Adds a row."""
        self._store._execute(table.insert().values(values))

    def change(self, table: Table, which: str, **values: Any) -> None:
        """Changes a user or a key."""
        self._store._execute(update(table).where(table.c.id == which).values(values))

    def keys(self, *where: Any) -> list[Row]:
        """Keys of programs, the newest first, with the hashes of their secrets."""
        return self._rows(select(t.api_keys).where(*where).order_by(_K.seq.desc()))

    # --- sessions ------------------------------------------------------------------------------------

    def add_session(self, **values: Any) -> None:
        """Adds one; those that ended, and the oldest of more than :data:`MAX_SESSIONS`, go."""
        run, mine = self._store._execute, _S.user_id == values["user_id"]
        run(delete(t.sessions).where(_S.expires_at < self._store.now()))
        kept = select(_S.token).where(mine).order_by(_S.created_at.desc()).limit(MAX_SESSIONS - 1)
        tokens = [row[0] for row in self._store._read(kept)]
        run(delete(t.sessions).where(mine, _S.token.not_in(tokens)))
        self.add(t.sessions, **values)

    def session(self, token: str) -> Row | None:
        """A session, by the sha256 of its token, with its user."""
        columns = [_U[name] for name in ("id", "name", "display", "grants", "must_change", "disabled_at")]
        found = select(t.sessions, *columns).join(t.users, _U.id == _S.user_id).where(_S.token == token)
        return next(iter(self._rows(found)), None)

    def seen(self, token: str, at: str) -> None:
        """Notes when a session was used last."""
        self._store._execute(update(t.sessions).where(_S.token == token).values(seen_at=at))

    def end_sessions(self, user_id: str, *, but: str) -> None:
        """Ends the sessions of a user, but one."""
        self._store._execute(delete(t.sessions).where(_S.user_id == user_id, _S.token != but))

    def end_session(self, token: str) -> None:
        """Ends one, by the sha256 of its token."""
        self._store._execute(delete(t.sessions).where(_S.token == token))

    def came_from(self, user_id: str, address: str) -> bool:
        """Whether a user has a session that began at an address."""
        mine = select(_S.token).where(_S.user_id == user_id, _S.address == address).limit(1)
        return bool(self._store._read(mine))

    # --- failed log-ins ------------------------------------------------------------------------------

    def refusals(self, keys: Collection[str]) -> dict[str, Row]:
        """What is counted of names and addresses; others who count them wait until this transaction ends."""
        for key in sorted(keys):
            row = self._store.upsert(t.refusals).values(key=key, failed=0, at=self._store.now(), until="")
            self._store._execute(row.on_conflict_do_update(index_elements=["key"], set_={"key": key}))
        return {row["key"]: row for row in self._rows(select(t.refusals).where(_F.key.in_(keys)))}

    def locked(self, keys: Collection[str]) -> dict[str, str]:
        """Until when log-ins are refused, of those of these keys that are."""
        found = select(_F.key, _F.until).where(_F.key.in_(keys), _F.until > self._store.now())
        return dict(self._store._read(found))

    def note_refusal(self, key: str, failed: int, at: str, until: str) -> None:
        """Changes what is counted of one."""
        values = {"failed": failed, "at": at, "until": until}
        self._store._execute(update(t.refusals).where(_F.key == key).values(values))

    def uncount(self, key: str, before: str, until: str) -> None:
        """Takes one back that was none, and the pause it made; what others did meanwhile stays."""
        pause = case((_F.until == until, before), else_=_F.until)
        values = {"failed": _F.failed - 1, "until": pause}
        self._store._execute(update(t.refusals).where(_F.key == key, _F.failed > 0).values(values))

    def forget_refusals(self, *keys: str, before: datetime | None = None) -> None:
        """Forgets what is counted of some; with ``before`` of all older ones, and the oldest of too many."""
        if before is None:
            self._store._execute(delete(t.refusals).where(_F.key.in_(keys)))
            return
        ((many,),) = self._store._read(select(func.count()).select_from(t.refusals))
        old = select(_F.key).order_by(_F.at).limit(max(0, many - MAX_REFUSALS))
        old = old if many > MAX_REFUSALS else select(_F.key).where(_F.at < as_text(before))
        free = old.with_for_update(skip_locked=True)  # who counts one now and wants another would wait for us
        self._store._execute(delete(t.refusals).where(_F.key.in_(free)))

    # --- repeated requests ---------------------------------------------------------------------------

    def begin(
        self, actor: str, key: str, method: str, path: str, fingerprint: str, kept: datetime
    ) -> Row | None:
        """Notes that a request is ``running``; the one that was there with this key, if there is one.

        Args:
            kept: older ones are forgotten.
        """
        run = self._store._execute
        run(delete(t.answers).where(_A.created_at < as_text(kept)))
        values = {"actor": actor, "key": key, "method": method, "path": path, "fingerprint": fingerprint}
        values |= {"state": "running", "headers": "", "created_at": self._store.now()}
        new = self._store.upsert(t.answers).values(**values, status=0, body=b"").on_conflict_do_nothing()
        if run(new).rowcount == 1:
            return None
        return self._rows(select(t.answers).where(_A.actor == actor, _A.key == key))[0]

    def end(self, actor: str, key: str, status: int, headers: str, body: bytes) -> None:
        """Keeps what a request was answered."""
        values: Mapping[str, Any] = {"state": "done", "status": status, "headers": headers, "body": body}
        mine = update(t.answers).where(_A.actor == actor, _A.key == key)
        self._store._execute(mine.values(values))

    def forget(self, actor: str, key: str) -> None:
        """Forgets a request that changed nothing, so that it can be made again."""
        self._store._execute(delete(t.answers).where(_A.actor == actor, _A.key == key))

    # --- saved views ---------------------------------------------------------------------------------

    def views(self, user_id: str, screen: str) -> dict[str, str]:
        """Queries that a user saved for a screen, by their names."""
        found = select(_V.name, _V.query).where(_V.user_id == user_id, _V.screen == screen)
        return dict(self._store._read(found.order_by(_V.name)))

    def save_view(self, user_id: str, screen: str, name: str, query: str) -> None:
        """Keeps a view, in the place of one with its name; an empty query removes it."""
        mine = {"user_id": user_id, "screen": screen, "name": name}
        self._store._execute(delete(t.saved_views).where(*(_V[key] == one for key, one in mine.items())))
        if query:
            self.add(t.saved_views, **mine, query=query)

    def _rows(self, query: Any) -> list[Row]:
        return [{str(name): one for name, one in row._mapping.items()} for row in self._store._read(query)]
