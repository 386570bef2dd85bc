"""What is exchanged over AS2, and an index that finds who needs a payload."""

from __future__ import annotations

from alembic import context

from gateway.store import tables as t

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Makes what is not there: from the first schema, the migration before this one made today's tables."""
    connection = context.get_context().connection
    assert connection is not None
    t.exchanges.create(connection, checkfirst=True)
    t.deliveries_payload.create(connection, checkfirst=True)
