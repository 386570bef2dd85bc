"""Which way a document goes to its partner, and why."""
