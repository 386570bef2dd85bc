"""When schedules ran, and deadlines of documents."""

from __future__ import annotations

from alembic import context
from sqlalchemy import inspect, text

from gateway.store import tables as t

revision = "0008"
down_revision = "0007"

_KEPT = "seq, kind, message_id, due_at, state"


def upgrade() -> None:
    """Makes what is not there: from the first schema, an earlier migration made today's tables."""
    connection = context.get_context().connection
    assert connection is not None
    t.schedules.create(connection, checkfirst=True)
    if "next_at" in {one["name"] for one in inspect(connection).get_columns("expectations")}:
        return
    if (
        connection.dialect.name == "sqlite"
    ):  # a column that is added later is written otherwise than a new one
        connection.execute(text("ALTER TABLE expectations RENAME TO old_expectations"))
        for name in ("expectations_message", "expectations_open"):
            connection.execute(text(f"DROP INDEX {name}"))
        t.expectations.create(connection)
        connection.execute(
            text(f"INSERT INTO expectations ({_KEPT}) SELECT {_KEPT} FROM old_expectations")  # nosec B608  # noqa: S608
        )
        connection.execute(text("DROP TABLE old_expectations"))
        return
    for column in ("document_id", "answer", "next_at"):
        connection.execute(text(f"ALTER TABLE expectations ADD COLUMN {column} TEXT"))
    for index in t.expectations.indexes:
        if index.name != "expectations_about":  # its column comes later
            index.create(connection, checkfirst=True)
