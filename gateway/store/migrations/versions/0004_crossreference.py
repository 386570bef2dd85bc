"""What partners call items and places, and an index of what waits for them."""

from __future__ import annotations

from alembic import context

from gateway.store import tables as t

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes what is not there: from the first schema, an earlier migration made today's tables."""
    connection = context.get_context().connection
    assert connection is not None
    for table in (t.items, t.locations):
        table.create(connection, checkfirst=True)
    t.deliveries_waits.create(connection, checkfirst=True)
