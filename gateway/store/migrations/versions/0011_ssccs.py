"""SSCCs that were given or used."""

from __future__ import annotations

from alembic import context

from gateway.store import tables as t

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Makes what is not there: from the first schema, an earlier migration made today's tables."""
    connection = context.get_context().connection
    assert connection is not None
    t.ssccs.create(connection, checkfirst=True)
