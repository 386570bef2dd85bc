"""The nouns of the REST interface, a module each with a ``router``."""
