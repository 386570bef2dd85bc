"""Runs a gateway, or one part of it, as a process of its own: ``python benchmarks/part.py PART HOME``.

PART is ``up`` for all of it, ``listen`` for what receives over AS2, or ``send`` for what sends.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from threading import Event, Thread

# A tool of development, for which structlog takes 4 MiB where it is installed.
sys.modules["rich"] = None  # type: ignore[assignment]
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> int:
    """Works until SIGTERM."""
    part, home = sys.argv[1], Path(sys.argv[2])
    if part == "up":
        from gateway.cli.main import main as edigw

        return edigw(["up", "--config", str(home)])
    from gateway.app import Gateway
    from gateway.observability.logging import configure
    from gateway.settings import load

    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    configure()
    with Gateway(home, load(home)) as gateway:
        thread = Thread(target=getattr(gateway, part), args=(stop,))
        thread.start()
        while not stop.wait(1):
            pass
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
