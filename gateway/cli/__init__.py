"""The command line `edigw`."""
