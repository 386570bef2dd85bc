"""The schema as it was first released: written by ``sqlite3``, without a table of migrations."""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Does nothing: databases of this schema are there, and new ones are made with today's tables."""
