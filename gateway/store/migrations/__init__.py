"""What brings a home of an earlier version up to date: its database (Alembic), and its files."""
