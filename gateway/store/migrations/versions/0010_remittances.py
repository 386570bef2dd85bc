"""Remittances, their parts, and the accounts these are netted with."""

from __future__ import annotations

from alembic import context
from sqlalchemy import inspect, text

from gateway.store import tables as t

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Makes what is not there: from an earlier schema, a migration made today's tables."""
    connection = context.get_context().connection
    assert connection is not None
    for table in (t.remittances, t.remittance_parts, t.accounts):
        table.create(connection, checkfirst=True)
    if "about" not in {one["name"] for one in inspect(connection).get_columns("expectations")}:
        connection.execute(text("ALTER TABLE expectations ADD COLUMN about TEXT DEFAULT '' NOT NULL"))
    for index in t.expectations.indexes:
        index.create(connection, checkfirst=True)
