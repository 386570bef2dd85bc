"""What an item costs, by which the price of an order is judged."""

from __future__ import annotations

from alembic import context, op
from sqlalchemy import Column, Text, inspect

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Adds the column where it is not there: from an earlier schema, a migration made today's table."""
    connection = context.get_context().connection
    assert connection is not None
    if "cost" not in {one["name"] for one in inspect(connection).get_columns("items")}:
        op.add_column("items", Column("cost", Text, nullable=False, server_default=""))
