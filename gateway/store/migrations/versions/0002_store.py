"""From the first schema to today's tables; the log becomes an audit that is chained and signed.

What keys of ``seen`` look like is told here once more, as it was when this migration was written: a migration
must not change with the services.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import orjson
from alembic import context
from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects.sqlite import insert

from gateway.documents import KINDS, keys_of
from gateway.store import tables as t
from gateway.store.records import Entry, as_text

revision = "0002"
down_revision = "0001"

_TABLES = ("messages", "documents", "interchanges", "control_numbers", "deliveries", "log")
_BATCH = 1000
_D = t.documents.c
_DOCUMENT = (_D.id, _D.message_id, _D.sent_in, _D.document_type, _D.number, _D.sha256, _D.partner)
_ANSWER_WITHIN = timedelta(hours=24)
_OURS = ("partner", "partner_id", "channel", "document_id", "raw", "control")
_FIRST = (None, "original", "00")


def upgrade() -> None:
    """Renames the old tables, makes today's, copies every row, and drops the old ones."""
    connection = context.get_context().connection
    assert connection is not None
    indexes = connection.execute(
        text("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    )
    for (name,) in indexes.all():
        connection.execute(text(f"DROP INDEX {name}"))
    for name in _TABLES:
        connection.execute(text(f"ALTER TABLE {name} RENAME TO old_{name}"))
    t.metadata.create_all(connection)
    connection.execute(t.audit_head.insert(), t.EMPTY_HEAD)
    _copy(connection, t.messages, _messages(connection))
    _copy(connection, t.control_numbers, _old(connection, "control_numbers"))
    _copy(connection, t.deliveries, _deliveries(connection))
    _copy(connection, t.expectations, _expectations(connection))
    _copy(connection, t.acknowledgments, _acknowledgments(connection))
    _documents(connection)
    _copy(connection, t.seen, _received(connection))
    seal = context.config.attributes["seal"]
    for entries in _batches(_entries(connection)):
        seal.add(connection, entries)
    for name in _TABLES:
        connection.execute(text(f"DROP TABLE old_{name}"))
    # Software of the first schema refuses what it does not know by this number.
    connection.execute(text("PRAGMA user_version = 2"))


def _old(connection: Connection, table: str, order: str = "1") -> Iterator[dict[str, Any]]:
    """Rows of an old table, a few at a time in memory."""
    found = connection.execution_options(yield_per=_BATCH).execute(
        text(f"SELECT * FROM old_{table} ORDER BY {order}")  # nosec B608  # noqa: S608 - constants of this module
    )
    for row in found:
        yield dict(row._mapping)


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(rows)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _copy(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    for batch in _batches(rows):
        connection.execute(insert(table).on_conflict_do_nothing(), batch)


def _messages(connection: Connection) -> Iterator[dict[str, Any]]:
    first: dict[str, str] = {}
    for one in _old(connection, "interchanges"):
        first.setdefault(one["message_id"], one["control_number"].lstrip("0") or "0")
    for row in _old(connection, "messages", "seq"):
        row["interchange"] = row["interchange"] or first.get(row["id"])
        yield {**row, "hold": "", "answers": True, "erased_at": None}


def _deliveries(connection: Connection) -> Iterator[dict[str, Any]]:
    for row in _old(connection, "deliveries", "id"):
        seq, is_open = row.pop("id"), row["state"] != "delivered"
        # A try that counts makes the next one clear away what was written before the upgrade.
        more = {"owner": row["message_id"], "token": "", "tries": int(is_open), "error": ""}
        yield {**row, **more, "seq": seq, "planned_at": row["at"]}


def _expectations(connection: Connection) -> Iterator[dict[str, Any]]:
    """Answers that partners owe; how long they have was not written down."""
    for row in _old(connection, "messages", "seq"):
        if row["acknowledgment"] == "waiting":
            due = as_text(datetime.fromisoformat(row["created_at"]) + _ANSWER_WITHIN)
            yield {"kind": "acknowledgment", "message_id": row["id"], "due_at": due, "state": "open"}


def _acknowledgments(connection: Connection) -> Iterator[dict[str, Any]]:
    """What partners answered, which only the log told."""
    kinds = {"interchange.acknowledged": "TA1"}
    kinds |= dict.fromkeys(("acknowledgment.received", "acknowledgment.repeated"), "997")
    for row in _old(connection, "log", "seq"):
        if kind := kinds.get(row["event"]):
            facts = orjson.loads(row["facts"])
            said = {"status": facts["status"], "words": "\n".join(facts["words"]), "set_control": ""}
            which = {"message_id": facts["by"], "about": row["message_id"], "partner": facts["partner"]}
            yield {"at": row["at"], "kind": kind, **which, **said}


def _documents(connection: Connection) -> None:
    """Documents with the numbers they are found by, and what must not be sent or taken twice."""
    order = "(SELECT seq FROM old_messages WHERE id = message_id), CAST(set_control AS INTEGER), id"
    times = {one["id"]: one["created_at"] for one in _old(connection, "messages")}
    for rows in _batches(_old(connection, "documents", order)):
        documents, keys, seen, once = [], [], [], []
        for row in rows:
            body, plain = orjson.loads(row["body"]), row["body"]
            at = times[row["message_id"]]
            row |= {"body": zlib.compress(plain, 1), "sha256": hashlib.sha256(plain).hexdigest()}
            documents.append({**row, "test": bool(row["test"]), "batch": None, "created_at": at})
            who = {"partner": row["partner"], "document_id": row["id"]}
            keys += [{"kind": kind, "value": value, **who} for kind, value in set(keys_of(body))]
            seen += [{"key": key, "message_id": row["message_id"]} for key in _claims(row, body)]
            if row["direction"] == "out" and body.get("document_id"):
                key = {"scope": "document", "key": f"{row['partner']}|{body['document_id']}", "at": at}
                once.append({**key, "fingerprint": _fingerprint(body), "result": row["message_id"]})
        tables = ((t.documents, documents), (t.document_keys, keys), (t.seen, seen), (t.idempotency, once))
        for table, new in tables:
            _copy(connection, table, new)


def _claims(row: dict[str, Any], body: dict[str, Any]) -> Iterator[str]:
    kind, partner, number = row["document_type"], row["partner"], row["number"]
    test = "T" if row["test"] else "P"
    is_first = KINDS[kind].unique and body.get("purpose") in _FIRST
    if row["direction"] == "in":
        if is_first and body.get(KINDS[kind].number):
            yield f"number:{partner}:{kind}:{number}:{test}"
        return
    yield f"sent-content:{partner}|{kind}|{number}|{test}|{_fingerprint(body)}"
    if is_first and row["acknowledgment"] != "rejected":
        yield f"sent-number:{partner}|{kind}|{number}|{test}"


def _fingerprint(body: dict[str, Any]) -> str:
    said = {key: value for key, value in body.items() if key not in _OURS}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _received(connection: Connection) -> Iterator[dict[str, Any]]:
    """Files and interchanges that gave results."""
    for row in _old(connection, "messages", "seq"):
        if row["translation"] in ("translated", "partly_translated") and row["payload"]:
            yield {"key": f"content:{row['channel']}:{row['payload']}", "message_id": row["id"]}
    for row in _old(connection, "interchanges"):
        known = "|".join(row[name] for name in ("sender", "receiver", "usage", "control_number"))
        yield {"key": f"interchange:{known}", "message_id": row["message_id"]}


def _entries(connection: Connection) -> Iterator[Entry]:
    """The log as it was; then what there is now, with its hashes, which the log did not have."""
    documents = {}
    for one in connection.execute(t.documents.select().with_only_columns(*_DOCUMENT)):
        for message in (one.message_id, one.sent_in):
            documents[message, one.document_type, one.number] = one.id
    last = 0
    for row in _old(connection, "log", "seq"):
        facts, last = orjson.loads(row["facts"]), row["seq"]
        known = documents.get((row["message_id"], facts.get("document_type"), facts.get("number")))
        at = datetime.fromisoformat(row["at"])
        yield Entry(
            at, row["event"], row["message_id"], facts, document_id=known, partner=facts.get("partner")
        )
    now = context.config.attributes["now"]
    yield Entry(now, "store.upgraded", None, {"from": "0001", "to": revision, "entries": last})
    for row in _old(connection, "messages", "seq"):
        sealed = {"file": row["name"], "sha256": row["payload"]}
        yield Entry(now, "message.sealed", row["id"], sealed, partner=row["partner"])
    for one in connection.execute(t.documents.select().with_only_columns(*_DOCUMENT)):
        sealed = {"document_type": one.document_type, "number": one.number, "sha256": one.sha256}
        yield Entry(now, "document.sealed", one.message_id, sealed, document_id=one.id, partner=one.partner)
