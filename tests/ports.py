"""Ports for servers that must be known by number before they listen."""

from __future__ import annotations

import os
import random
import socket
from itertools import count

_FIRST, _SHARE, _SHARES = 10_240, 1_000, 22
"""Below those that Linux gives to connections (``ip_local_port_range``), so that none takes it."""
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_numbers = count(random.SystemRandom().randrange(_SHARE))


def free_port() -> int:
    """A port of loopback that nobody uses now, and that no other test process is given; each only once."""
    while True:
        with socket.socket() as one:
            # Servers do so, and a port on which connections have just ended is free to them.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port = _FIRST + _WORKER % _SHARES * _SHARE + next(_numbers) % _SHARE
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
