"""Orders of Amazon's API, from the played Amazon to files of our own system: asked for, stored, translated.

``python -m benchmarks.orders [ORDERS]``. Amazon gives 100 orders a call and ten calls a second, so 1,000
orders a second is the most there can be.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.observability.logging import configure
from gateway.settings import load
from gateway.simulator.amazon import Amazon
from gateway.simulator.script import Line, Order, Script

_PARTNER = """
name: Amazon
sp_api:
  region: na
  vendor_code: REHRS
  client_id: env:EDIGW_BENCH_ID
  client_secret: env:EDIGW_BENCH_SECRET
  refresh_token: env:EDIGW_BENCH_TOKEN
  secret_made_on: {day:%Y-%m-%d}
  base_url: {url}
  token_url: {url}/auth/o2/token
"""


def main() -> int:
    """Measures once, and prints a line."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    configure(level="error")
    script = Script()
    secrets = {"ID": script.client_id, "SECRET": script.client_secret, "TOKEN": script.refresh_token}
    os.environ |= {f"EDIGW_BENCH_{name}": value for name, value in secrets.items()}
    with tempfile.TemporaryDirectory(prefix="edigw-bench-") as folder, Amazon(script) as amazon:
        lines = tuple(Line(asin=f"B0FICTION{n}", sku=f"SKU-{n}") for n in range(3))
        amazon.publish(Order(number="P0000001", count=count, at_seconds=-3600, lines=lines))
        home = Path(folder) / "home"
        make_home(home)
        (home / "partners/amazon-us.yaml").write_text(_PARTNER.format(day=datetime.now(UTC), url=amazon.url))
        with Gateway(home, load(home)) as gateway, closing(gateway.services.store):
            begun = time.monotonic()
            done = gateway.run_once(patient=False)
            seconds = time.monotonic() - begun
        files = sum(1 for _ in (home / "folders/erp/outbox").iterdir())
        calls = [at for at, name, _ in amazon.calls if name == "getPurchaseOrders"]
    most = max(sum(at <= other < at + 1 for other in calls) for at in calls)
    print(
        f"{done.documents} orders of 3 lines in {seconds:.1f} s ({done.documents / seconds:.0f} a second), "
        f"{files} files; {len(calls)} calls, at most {most} in a second, the last after {calls[-1]:.1f} s"
    )
    return 0 if done.documents == files == count else 1


if __name__ == "__main__":
    raise SystemExit(main())
