"""Others that are played, for rehearsals, the demonstration and tests."""
