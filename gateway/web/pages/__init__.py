"""What each page shows; one module a noun, each with a ``router``."""
