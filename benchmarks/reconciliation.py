"""How long remittances take until every cent is explained, on disk, and how much memory that needs."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.run import machine  # noqa: E402
from gateway.app import Gateway  # noqa: E402
from gateway.cli.commands.home import make_home  # noqa: E402
from gateway.observability.logging import configure  # noqa: E402
from gateway.reconciliation.remittance import Reader  # noqa: E402
from gateway.services import reconcile  # noqa: E402
from gateway.settings import load  # noqa: E402
from tests.remittances import keep, quarter  # noqa: E402

LIMIT_SECONDS = 60
_LINES_AN_INVOICE = 1.18  # of the made-up quarter


def memory() -> float:
    """The most this process has had, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Prints a table; exit code 1 if it takes more than a minute."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--lines", type=int, default=100_000, help="of all remittances (default 100000)")
    asked = arguments.parse_args()
    configure(level="error")
    made = quarter(1, int(asked.lines / _LINES_AN_INVOICE), 60)
    count = sum(len(one["entities"][0]["lines"]) for one in made.remittances)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make_home(home)
        partner = home / "partners/acme-retail.yaml"
        partner.write_text(partner.read_text() + "\nreconciliation: amazon\n")
        settings = load(home)
        begin = time.perf_counter()
        reader = Reader(settings.reconciliation["acme-retail"])
        for one in made.remittances:
            reader.read(one)
        reading = time.perf_counter() - begin
        with Gateway(home, settings, works=False) as gateway, closing(gateway.services.store) as store:
            keep(gateway, made.invoices)
            begin = time.perf_counter()
            reconcile.run(gateway.services, ["acme-retail"], None)
            invoices = time.perf_counter() - begin
            ids, before = keep(gateway, made.remittances), memory()
            begin = time.perf_counter()
            for document_id in ids:
                reconcile.reconcile(gateway.services, document_id)
            took = time.perf_counter() - begin
            rows = store.remittances.roots("acme-retail")
            paid = sum(Decimal(one["amount"]["amount"]) for one in made.remittances)
    print(f"{machine()}\n")
    print("| what | number | seconds |")
    print("| --- | ---: | ---: |")
    print(f"| invoices taken into account | {len(made.invoices):,} | {invoices:.1f} |")
    print(f"| lines read and classified, in memory | {count:,} | {reading:.1f} |")
    print(f"| the same, until {len(rows):,} accounts are on disk | {count:,} | {took:.1f} |")
    print(f"\nThe remittances pay {paid:,}. Memory: {before:.0f} MiB before them, {memory():.0f} at most.")
    return int(took > LIMIT_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
