"""An index of the few messages whose acknowledgment is overdue."""

from __future__ import annotations

from alembic import context

from gateway.store import tables as t

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Makes what is not there: from the first schema, an earlier migration made today's tables."""
    connection = context.get_context().connection
    assert connection is not None
    (index,) = (one for one in t.messages.indexes if one.name == "messages_overdue")
    index.create(connection, checkfirst=True)
