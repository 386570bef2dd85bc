"""The tables of the store, the same on SQLite and PostgreSQL.

Times are text in ISO 8601, UTC, with microseconds, so that they sort by time on both. Rows are told in
:mod:`gateway.store.records`; a change here needs a migration in ``migrations/versions``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from gateway.partners.crossreference import ITEM, LOCATION, Kind

metadata = MetaData()

_Serial = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows only where the type is INTEGER, and never twice only with AUTOINCREMENT."""


def _table(name: str, *columns: Column[object] | Index | PrimaryKeyConstraint | UniqueConstraint) -> Table:
    numbered = any(isinstance(one, Column) and one.autoincrement is True for one in columns)
    by_text = name in ("seen", "document_keys")  # found by their key only, so they are kept in its order
    return Table(name, metadata, *columns, sqlite_autoincrement=numbered, sqlite_with_rowid=not by_text)


def _text(name: str, nullable: bool = False) -> Column[object]:
    return Column(name, Text, nullable=nullable)


def _seq() -> Column[object]:
    return Column("seq", _Serial, primary_key=True, autoincrement=True)


NEEDS: dict[str, tuple[str, ...]] = {
    "translation": ("failed", "rejected", "unreadable", "unprocessed", "partly_translated", "duplicate"),
    "delivery": ("failed",),
    "acknowledgment": ("overdue", "rejected", "partial", "accepted_with_errors"),
}
"""Statuses that somebody has to look at, until it is said that this is done (``closed_at``)."""

needs_somebody = " OR ".join(f"{name} IN {some}" for name, some in NEEDS.items() if len(some) > 1)
needs_somebody = f"closed_at = '' AND (hold <> '' OR delivery = 'failed' OR {needs_somebody})"

messages = _table(
    "messages",
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _text("direction"),
    _text("channel"),
    _text("name"),
    _text("payload", nullable=True),
    Column("size", BigInteger, nullable=False),
    _text("created_at"),
    _text("translation"),
    _text("delivery"),
    _text("acknowledgment"),
    _text("partner", nullable=True),
    _text("interchange", nullable=True),
    _text("group", nullable=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _text("origin", nullable=True),
    _text("hold"),
    Column("answers", Boolean, nullable=False, server_default=text("true")),
    _text("erased_at", nullable=True),
    Column("way", Text, nullable=False, server_default=""),
    Column("closed_at", Text, nullable=False, server_default=""),
    Index("messages_payload", "payload"),
    Index("messages_partner", "partner", "seq"),
    Index("messages_group", "group"),
    Index("messages_name", "seq", "name"),
    Index("messages_control", "interchange"),
    Index("messages_origin", "origin", postgresql_where=text("origin IS NOT NULL")),
    Index("messages_created", "created_at"),
)
Index(
    "messages_open",
    messages.c.seq,
    sqlite_where=messages.c.translation == "received",
    postgresql_where=messages.c.translation == "received",
)
Index(
    "messages_person",
    messages.c.seq,
    sqlite_where=text("translation = 'failed' OR delivery = 'failed'"),
    postgresql_where=text("translation = 'failed' OR delivery = 'failed'"),
)
Index(
    "messages_overdue",
    messages.c.seq,
    sqlite_where=text("acknowledgment = 'overdue'"),
    postgresql_where=text("acknowledgment = 'overdue'"),
)
messages_needs = Index(
    "messages_needs",
    messages.c.seq,
    sqlite_where=text(needs_somebody),
    postgresql_where=text(needs_somebody),
)

documents = _table(
    "documents",
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _text("message_id"),
    _text("direction"),
    _text("partner"),
    _text("document_type"),
    _text("number"),
    Column("test", Boolean, nullable=False),
    _text("set_control"),
    Column("body", LargeBinary, nullable=True),
    _text("sha256"),
    _text("sent_in", nullable=True),
    _text("acknowledgment"),
    _text("batch", nullable=True),
    _text("created_at"),
    Index("documents_sent", "sent_in", "set_control"),
    Index("documents_message", "message_id"),
    # Read from end to end, in the order of the lists; so is messages_name.
    Index("documents_list", "seq", "partner", "document_type", "direction", "acknowledgment", "created_at"),
)
Index(
    "documents_batch",
    documents.c.batch,
    sqlite_where=documents.c.batch.isnot(None),
    postgresql_where=documents.c.batch.isnot(None),
)

document_keys = _table(
    "document_keys",
    _text("value"),
    _text("kind"),
    _text("partner"),
    _text("document_id"),
    PrimaryKeyConstraint("value", "kind", "partner", "document_id"),
    Index("document_keys_document", "document_id"),
)
"""By which numbers people look for a document: ``kind`` is one of :data:`gateway.documents.KEYS`."""

seen = _table("seen", Column("key", Text, primary_key=True), _text("message_id"))
"""What must not be processed twice, whoever works on it: an insert of a second finds the first."""

control_numbers = _table(
    "control_numbers",
    _text("partner"),
    _text("kind"),
    Column("last", BigInteger, nullable=False),
    PrimaryKeyConstraint("partner", "kind"),
)

ssccs = _table(
    "ssccs",
    Column("sscc", Text, primary_key=True),
    *map(_text, ("used_on", "shipment", "unit")),
    Index("ssccs_shipment", "shipment"),
)
"""SSCCs that were given or used, with the last day of it. ``shipment``: who uses it, empty for nobody;
``unit``: where it stands in the notice of that."""

deliveries = _table(
    "deliveries",
    _seq(),
    _text("message_id"),
    _text("owner"),
    _text("channel"),
    _text("box"),
    _text("wanted"),
    _text("name", nullable=True),
    _text("payload", nullable=True),
    _text("document_id", nullable=True),
    _text("state"),
    _text("token"),
    Column("tries", Integer, nullable=False, server_default="0"),
    _text("error"),
    _text("planned_at"),
    _text("at"),
    UniqueConstraint("channel", "box", "name", name="deliveries_name"),
    Index("deliveries_message", "message_id"),
    Index("deliveries_owner", "owner"),
    Index("deliveries_wanted", "channel", "box", "wanted"),
)
Index(
    "deliveries_open",
    deliveries.c.owner,
    sqlite_where=text("state IN ('pending', 'sending')"),
    postgresql_where=text("state IN ('pending', 'sending')"),
)
deliveries_waits = Index(
    "deliveries_waits",
    deliveries.c.seq,
    sqlite_where=deliveries.c.state == "waits",
    postgresql_where=deliveries.c.state == "waits",
)
deliveries_payload = Index(
    "deliveries_payload",
    deliveries.c.payload,
    sqlite_where=deliveries.c.payload.isnot(None),
    postgresql_where=deliveries.c.payload.isnot(None),
)
"""Who deletes a payload asks whether a delivery still needs it."""

exchanges = _table(
    "exchanges",
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _text("direction"),
    _text("channel"),
    _text("partner"),
    _text("message_id"),
    Column("delivery", BigInteger, nullable=True),
    _text("sender"),
    _text("receiver"),
    _text("as2_id"),
    _text("state"),
    _text("disposition"),
    _text("mic"),
    _text("signed", nullable=True),
    _text("wire", nullable=True),
    _text("headers"),
    _text("receipt", nullable=True),
    _text("receipt_url"),
    Column("tries", Integer, nullable=False, server_default="0"),
    _text("error"),
    _text("at"),
    _text("ended_at", nullable=True),
    Index("exchanges_message", "message_id"),
    Index("exchanges_delivery", "delivery"),
    Index("exchanges_as2_id", "as2_id"),
)
for _name in ("signed", "wire", "receipt"):
    Index(
        f"exchanges_{_name}",
        exchanges.c[_name],
        sqlite_where=exchanges.c[_name].isnot(None),
        postgresql_where=exchanges.c[_name].isnot(None),
    )
Index(
    "exchanges_answering",
    exchanges.c.seq,
    sqlite_where=exchanges.c.state == "answering",
    postgresql_where=exchanges.c.state == "answering",
)


channels = _table(
    "channels",
    Column("channel", Text, primary_key=True),
    *map(_text, ("paused_at", "paused_by", "reason", "doing", "since", "stopped_at")),
    Column("failures", Integer, nullable=False),
    *map(_text, ("last_ok_at", "last_trouble_at", "last_code", "last_words", "not_before")),
)
"""How channels are; a row comes with the first thing there is to say."""


def _crossreference(kind: Kind) -> Table:
    """The rows of a cross-reference; times are days, empty for ever."""
    name = f"{kind.name}s"
    own = [Index(f"{name}_{one}", one) for one in kind.names]
    added = {"cost": ""}  # columns of later versions, with what older rows have in them
    texts: list[Column[object]] = [
        Column(one, Text, nullable=False, server_default=added.get(one))
        for one in (*kind.columns, "updated_at", "actor")
    ]
    unique = UniqueConstraint("partner", kind.own, "since", name=f"{name}_identity")
    return _table(name, _seq(), *texts, unique, Index(f"{name}_own", kind.own), *own)


items = _crossreference(ITEM)
Index("items_described", func.lower(items.c.description))
locations = _crossreference(LOCATION)

acknowledgments = _table(
    "acknowledgments",
    _seq(),
    _text("at"),
    _text("kind"),
    _text("partner"),
    _text("message_id"),
    _text("about"),
    _text("set_control"),
    _text("status"),
    _text("words"),
    Index("acknowledgments_about", "about"),
)

expectations = _table(
    "expectations",
    _seq(),
    _text("kind"),
    _text("message_id"),
    _text("due_at"),
    _text("state"),
    _text("document_id", nullable=True),
    _text("answer", nullable=True),
    _text("next_at", nullable=True),
    Column("about", Text, nullable=False, server_default=""),
    Index("expectations_message", "message_id"),
)
"""What must come, or be done, until then. ``answer`` is the document that meets the deadline of a document,
``next_at`` when somebody must be told of it, ``about`` its number where that is not the document's."""
Index(
    "expectations_open",
    expectations.c.due_at,
    sqlite_where=expectations.c.state == "open",
    postgresql_where=expectations.c.state == "open",
)

has_subject = text("about <> ''")
answered = text("answer IS NOT NULL AND state IN ('open', 'overdue')")
for _name, _where in (
    ("next_at", text("state = 'open' AND next_at IS NOT NULL")),
    ("document_id", text("document_id IS NOT NULL")),
    ("answer", text("answer IS NOT NULL")),
    ("about", has_subject),
    ("due_at", text("state = 'overdue'")),
    ("state", answered),  # few: those whose answer is not at the partner yet
):
    Index(f"expectations_{_name}", expectations.c[_name], sqlite_where=_where, postgresql_where=_where)

remittances = _table(
    "remittances",
    _seq(),
    *map(_text, ("partner", "trace", "document_id", "message_id", "received_at", "paid_on", "currency")),
    *map(_text, ("amount", "state", "words", "fingerprint")),
    UniqueConstraint("partner", "trace", name="remittances_identity"),
)
"""Payments by their trace numbers: ``counted``, ``held`` (``words`` say why) or ``notice`` (no money)."""

remittance_parts = _table(
    "remittance_parts",
    _seq(),
    Column("remittance", BigInteger, nullable=False),
    Column("line", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    *map(_text, ("partner", "place", "ref", "root", "kind", "amount", "why", "actor")),
    Index("remittance_parts_remittance", "remittance"),
    Index("remittance_parts_root", "partner", "root"),
    Index("remittance_parts_ref", "partner", "ref"),
)
"""Every amount of a remittance; ``actor`` is who said what it is, empty for the profile."""

accounts = _table(
    "accounts",
    _seq(),
    *map(_text, ("partner", "number", "document_id", "original", "total", "currency", "invoiced_on", "due")),
    *map(_text, ("discount", "discount_until", "finances", "status", "expected", "received", "reasons")),
    *map(_text, ("difference", "source", "remarks")),
    UniqueConstraint("partner", "number", name="accounts_identity"),
    Index("accounts_status", "status", "due"),
    Index("accounts_original", "partner", "original"),
)
"""Invoices and what else remittances net: without ``total`` none of ours. ``original``: of a credit note."""

schedules = _table(
    "schedules",
    Column("name", Text, primary_key=True),
    _text("slot"),
    _text("taken_at"),
    _text("ended_at"),
    _text("result"),
)
"""The last slot of each schedule that was taken, by its UTC time, and how its job ended."""

idempotency = _table(
    "idempotency",
    _text("scope"),
    _text("key"),
    _text("fingerprint"),
    _text("result"),
    _text("at"),
    PrimaryKeyConstraint("scope", "key"),
    Index("idempotency_at", "at"),
)

audit = _table(
    "audit",
    Column("seq", _Serial, primary_key=True, autoincrement=False),
    _text("at"),
    _text("event"),
    _text("message_id"),
    _text("document_id"),
    _text("partner"),
    _text("actor"),
    _text("facts"),
    _text("hash"),
    Index("audit_message", "message_id"),
    Index("audit_document", "document_id"),
)

audit_head = _table(
    "audit_head",
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    _text("hash"),
    _text("at"),
    _text("signature"),
    _text("public_key"),
)

EMPTY_HEAD = {"one": 1, "seq": 0, "hash": "0" * 64, "at": "", "signature": "", "public_key": ""}
"""The head of an audit without entries."""

checkpoints = _table(
    "checkpoints",
    Column("seq", _Serial, primary_key=True, autoincrement=False),
    _text("hash"),
    _text("at"),
    _text("signature"),
)

legal_holds = _table(
    "legal_holds",
    _seq(),
    _text("kind"),
    _text("value"),
    _text("reason"),
    _text("actor"),
    _text("at"),
    _text("released_at", nullable=True),
)

_SAID = ("event", "severity", "partner", "message_id", "document_id", "words", "facts", "at", "last_at")
_DONE = ("acknowledged_at", "actor", "reason")

alerts = _table(
    "alerts",
    _seq(),
    *(_text(one) for one in ("rule", "thing", *_SAID)),
    Column("times", BigInteger, nullable=False),
    Column("step", Integer, nullable=False),
    *(_text(one) for one in ("due_at", *_DONE)),
    Index("alerts_thing", "rule", "thing", "at"),
)
"""What a rule tells of one thing. ``step``: how often it was told; ``due_at``: when it is next, or empty."""

_waits = alerts.c.due_at > ""
Index("alerts_due", alerts.c.due_at, sqlite_where=_waits, postgresql_where=_waits)

notices = _table(
    "notices",
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    *(_text(one) for one in ("target", "rule", "body", "state", "error", "at")),
    Column("tries", Integer, nullable=False),
)
"""One message to one target: ``pending``, ``sent`` or ``failed``. The receiver knows it by ``id``."""

_waits = notices.c.state == "pending"
Index("notices_open", notices.c.seq, sqlite_where=_waits, postgresql_where=_waits)

jobs = _table(
    "jobs",
    _seq(),
    _text("key"),
    _text("due_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _text("worker", nullable=True),
    Index("jobs_key", "key"),
    Index("jobs_due", "worker", "due_at"),
)
"""Work of the embedded engine: ``due_at`` is empty for at once, ``worker`` who has it."""

workers = _table("workers", Column("id", Text, primary_key=True), Column("beat", BigInteger, nullable=False))
"""Who works: a beat that stands still tells of a death, whatever the clocks say."""

users = _table(
    "users",
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, unique=True),
    *map(_text, ("display", "password", "grants")),
    Column("must_change", Boolean, nullable=False),
    *map(_text, ("disabled_at", "created_at", "changed_at")),
    Column("subject", Text, nullable=True, unique=True),
)
"""Who may log in. ``name`` is in small letters; ``password``: its argon2 hash, empty for none; ``grants``:
JSON; ``subject``: who it is at an OpenID provider."""

sessions = _table(
    "sessions",
    Column("token", Text, primary_key=True),
    *map(_text, ("user_id", "csrf", "created_at", "seen_at", "expires_at", "agent", "address")),
    Index("sessions_user", "user_id"),
    Index("sessions_expires", "expires_at"),
)
"""Log-ins; ``token`` is the sha256 of what the browser has."""

refusals = _table(
    "refusals",
    Column("key", Text, primary_key=True),
    Column("failed", Integer, nullable=False),
    *map(_text, ("at", "until")),
    Index("refusals_at", "at"),
)
"""Log-ins that failed, by the sha256 of a name, whether somebody has it or not, or of an address."""

api_keys = _table(
    "api_keys",
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    *map(_text, ("name", "secret", "scopes", "grants", "expires_at", "revoked_at")),
    *map(_text, ("created_by", "created_at", "last_used_at")),
)
"""Keys of programs; ``secret`` is the sha256 of theirs."""

answers = _table(
    "answers",
    *map(_text, ("actor", "key", "method", "path", "fingerprint", "state")),
    Column("status", Integer, nullable=False),
    _text("headers"),
    Column("body", LargeBinary, nullable=False),
    _text("created_at"),
    PrimaryKeyConstraint("actor", "key"),
    Index("answers_created", "created_at"),
)
"""What the API answered to requests with an Idempotency-Key, or that it is ``running``; ``fingerprint``: the
sha256 of the request's body."""

saved_views = _table(
    "saved_views",
    _seq(),
    *map(_text, ("user_id", "screen", "name", "query")),
    UniqueConstraint("user_id", "screen", "name", name="saved_views_identity"),
)
