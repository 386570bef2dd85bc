"""By which way a message came or goes."""

from __future__ import annotations

from alembic import context
from sqlalchemy import inspect, text

revision = "0005"
down_revision = "0004"

_KNOWN = (
    "UPDATE messages SET way = 'folder' WHERE direction = 'out'",
    (
        "UPDATE messages SET way = '' WHERE direction = 'out'"
        " AND id IN (SELECT message_id FROM deliveries WHERE owner LIKE '@%')"
    ),
    (
        "UPDATE messages SET way = 'sftp' WHERE direction = 'out'"
        # A partner had AS2 or SFTP, and only SFTP gives names.
        " AND id IN (SELECT message_id FROM deliveries WHERE owner LIKE '@%' AND name IS NOT NULL)"
    ),
    "UPDATE messages SET way = 'as2' WHERE id IN (SELECT message_id FROM exchanges)",
)


def upgrade() -> None:
    """Adds what is not there: from the first schema, an earlier migration made today's tables. What a
    message is known to have gone by is noted.
    """
    connection = context.get_context().connection
    assert connection is not None
    if "way" not in {one["name"] for one in inspect(connection).get_columns("messages")}:
        connection.execute(text("ALTER TABLE messages ADD COLUMN way TEXT DEFAULT '' NOT NULL"))
    for statement in _KNOWN:
        connection.execute(text(statement))
