"""Users, their sessions and keys, and what the API answered."""

from __future__ import annotations

from alembic import context

from gateway.store import tables as t

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Makes what is not there: from the first schema, an earlier migration made today's tables."""
    connection = context.get_context().connection
    assert connection is not None
    for table in (t.users, t.sessions, t.refusals, t.api_keys, t.answers, t.saved_views):
        table.create(connection, checkfirst=True)
