"""Which messages somebody has seen to, and an index of those that need it."""

from __future__ import annotations

from alembic import context, op
from sqlalchemy import Column, Text, inspect

from gateway.store import tables as t

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Makes what is not there: from an earlier schema, a migration made today's tables."""
    connection = context.get_context().connection
    assert connection is not None
    if "closed_at" not in {one["name"] for one in inspect(connection).get_columns("messages")}:
        op.add_column("messages", Column("closed_at", Text, nullable=False, server_default=""))
    for index in (t.messages_needs, *t.expectations.indexes):
        index.create(connection, checkfirst=True)
