"""Ports for servers that must be known by number before they listen."""

from __future__ import annotations

import random
import socket

_FIRST, _LAST = 10_240, 32_767
"""Below those that Linux gives to connections (``ip_local_port_range``), so that none takes it."""
_DRAW = random.SystemRandom()


def free_port() -> int:
    """A port of loopback that nobody uses now, and that nobody but who asked for it is given."""
    while True:
        with socket.socket() as one:
            # Servers do so, and a port on which connections have just ended is free to them.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port = _DRAW.randint(_FIRST, _LAST)
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
