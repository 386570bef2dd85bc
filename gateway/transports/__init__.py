"""Moving files between us and others; no translation, no database."""
