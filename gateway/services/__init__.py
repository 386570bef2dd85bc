"""Use cases: the only place where the core, the store and the transports meet."""
