"""Alerts, and the notices that tell of them."""

from __future__ import annotations

from alembic import context

from gateway.store import tables as t

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Makes what is not there: from the first schema, an earlier migration made today's tables."""
    connection = context.get_context().connection
    assert connection is not None
    for table in (t.alerts, t.notices):
        table.create(connection, checkfirst=True)
