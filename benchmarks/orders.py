"""Orders of Amazon's API, from the played Amazon to files of our own system: asked for, stored, translated.

``python -m benchmarks.orders [ORDERS] [once|up]``. Amazon gives 100 orders a call and ten calls a second,
so 1,000 orders a second is the most there can be; it fails if a second has more calls. ``up`` (the default)
is a gateway that runs, in a process of its own; the time is from the first call to the last file. ``once``
is one pass: it asks first, and translates then.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.run import machine  # noqa: E402
from gateway.app import Gateway  # noqa: E402
from gateway.cli.commands.home import make_home  # noqa: E402
from gateway.observability.logging import configure  # noqa: E402
from gateway.settings import load  # noqa: E402
from gateway.simulator.amazon import Amazon  # noqa: E402
from gateway.simulator.script import Line, Order, Script  # noqa: E402

_LIMIT_SECONDS = 600
_CALLS = 10  # a second

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


def once(home: Path) -> float:
    """Seconds of one pass."""
    with Gateway(home, load(home)) as gateway, closing(gateway.services.store):
        begun = time.monotonic()
        gateway.run_once(patient=False)
        return time.monotonic() - begun


def up(home: Path, count: int, amazon: Amazon) -> float:
    """Seconds from the first call for orders to the last file, of a gateway that runs."""
    command = [sys.executable, "-m", "gateway", "up", "--config", str(home)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, env=environment)
        try:
            begun, limit = 0.0, time.monotonic() + _LIMIT_SECONDS
            while files(home) < count:
                begun = begun or (time.monotonic() if asked(amazon) else 0.0)
                if process.poll() is not None or time.monotonic() > limit:
                    raise SystemExit(f"The gateway did not do it:\n{(home / 'log').read_text()[-2000:]}")
                time.sleep(0.05)
            return time.monotonic() - begun
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def files(home: Path) -> int:
    """How many files our own system can take."""
    with os.scandir(home / "folders/erp/outbox") as entries:
        return sum(entry.name[0] != "." for entry in entries)


def asked(amazon: Amazon) -> list[float]:
    """When it was asked for orders."""
    return [at for at, name, _ in amazon.calls if name == "getPurchaseOrders"]


def main() -> int:
    """Measures once, and prints a line."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    way = sys.argv[2] if len(sys.argv) > 2 else "up"
    configure(level="error")
    script = Script()
    secrets = {"ID": script.client_id, "SECRET": script.client_secret, "TOKEN": script.refresh_token}
    os.environ |= {f"EDIGW_BENCH_{name}": value for name, value in secrets.items()}
    where = machine()
    with tempfile.TemporaryDirectory(prefix="edigw-bench-") as folder, Amazon(script) as amazon:
        lines = tuple(Line(asin=f"B0FICTION{n}", sku=f"SKU-{n}") for n in range(3))
        amazon.publish(Order(number="P0000001", count=count, at_seconds=-3600, lines=lines))
        home = Path(folder) / "home"
        make_home(home)
        (home / "partners/amazon-us.yaml").write_text(_PARTNER.format(day=datetime.now(UTC), url=amazon.url))
        seconds = once(home) if way == "once" else up(home, count, amazon)
        made, calls = files(home), asked(amazon)
    most = max(sum(at <= other < at + 1 for other in calls) for at in calls)
    last = calls[min(-(-count // 100), len(calls)) - 1] - calls[0]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(where)
    print(f"{made} orders of 3 lines in {seconds:.1f} s ({made / seconds:.0f} a second)")
    print(f"{len(calls)} calls, at most {most} in a second, the last page after {last:.1f} s")
    if way == "up":
        print(f"{used.ru_utime + used.ru_stime:.1f} s of processor, with the start of the gateway")
    return 0 if made == count and most <= _CALLS else 1


if __name__ == "__main__":
    raise SystemExit(main())
