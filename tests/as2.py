"""A home that speaks AS2 with a played retailer over real HTTP on loopback, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from gateway.app import Gateway, Pass
from gateway.cli.commands.home import make_home
from gateway.settings import load
from gateway.store.records import Entry
from tests.certificates import pair, write_home_keys
from tests.homes import PARTNER, set_in
from tests.played import PlayedPartner
from tests.ports import free_port

OURS, THEIRS = "EXAMPLE-AS2", "ACME AS2"
US, THEM = pair("Example Supplier"), pair("Acme Retail")


@dataclass(eq=False)
class Trade:
    """A gateway at work, and the retailer.

    Attributes:
        entries: of the audit, as they were told.
    """

    home: Path
    gateway: Gateway
    retailer: PlayedPartner
    url: str
    entries: list[Entry]

    def run(self) -> Pass:
        """One pass."""
        return self.gateway.run_once()

    def said(self, event: str) -> list[dict[str, Any]]:
        """The facts of entries of the audit."""
        return [dict(one.facts) for one in self.entries if one.event == event]


def as2_home(home: Path, retailer_url: str, port: int, *, more: str = "", gateway_more: str = "") -> Path:
    """A home whose partner is reached over AS2.

    Args:
        more: further lines of the partner's ``as2``. gateway_more: of that of gateway.yaml.
    """
    make_home(home)
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    own = f"as2:\n  id: {OURS}\n  listen: 127.0.0.1:{port}\n  public_url: http://127.0.0.1:{port}/as2\n"
    theirs = f"as2:\n  id: {THEIRS}\n  url: {retailer_url}\n  private_addresses: true\n"
    for file, text in (("gateway.yaml", own + gateway_more), (f"partners/{PARTNER}.yaml", theirs + more)):
        path = home / file
        path.write_text(f"{path.read_text('utf-8')}\n{text}", "utf-8")
    write_home_keys(home, PARTNER, US, THEM.certificate)
    return home


@contextmanager
def trading(home: Path, *, more: str = "", gateway_more: str = "", **played: Any) -> Iterator[Trade]:
    """A home and a retailer that listen to each other; jobs are done by :meth:`Trade.run` alone."""
    entries: list[Entry] = []
    with PlayedPartner(THEIRS, OURS, THEM, US.certificate, **played) as retailer:
        port = free_port()
        as2_home(home, retailer.url, port, more=more, gateway_more=gateway_more)
        with Gateway(home, load(home), listener=entries.append) as gateway:
            listener, stop = gateway.listener(), Event()
            thread = Thread(target=listener.run, args=(stop,), name="listener")
            thread.start()
            try:
                assert listener.ready.wait(30)
                yield Trade(home, gateway, retailer, f"http://127.0.0.1:{port}/as2", entries)
            finally:
                stop.set()
                thread.join()
