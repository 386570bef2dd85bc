"""What happened, for programs that follow it: events of :mod:`gateway.notify.events` out of the audit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from gateway.notify import events
from gateway.store import queries
from gateway.store.queries import Row

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.settings import Settings

WINDOW = 5000
"""Entries of the audit that are looked through at once."""

_AUDITED = {source.partition(" ")[0] for one in events.EVENTS.values() for source in one.sources}


def after(
    connection: Connection,
    settings: Settings,
    seq: int,
    wanted: Collection[str] = (),
    partners: Collection[str] | None = None,
) -> tuple[list[Row], int]:
    """Events after an entry of the audit, and the last entry that was looked at.

    Args:
        wanted: names; empty for all. partners: only of these, and nothing that has no partner; None for all.
    """
    rows, last = queries.entries(connection, seq, _AUDITED, WINDOW)
    return [one for row in rows for one in _events(settings, row, wanted, partners)], last


def _events(
    settings: Settings, row: Row, wanted: Collection[str], partners: Collection[str] | None
) -> Iterator[dict[str, Any]]:
    facts: dict[str, Any] = orjson.loads(row["facts"])
    named = row["partner"] or facts.get("partner")
    owners = (one.id for one in settings.partners.values() if one.folder == facts.get("channel"))
    partner = named or next(owners, None)
    if partners is not None and partner not in partners:
        return
    about = {name: row[name] or None for name in ("message_id", "document_id")}
    for name in events.found(row["event"], facts):
        if not wanted or name in wanted:
            said = events.alert(name, {"partner": partner, **facts})
            yield {"seq": row["seq"], "at": row["at"], **said, "partner": partner or None, **about}
