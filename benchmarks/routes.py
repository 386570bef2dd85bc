"""How long a decision takes which way a document goes, by tables of so many rules."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.run import machine  # noqa: E402
from gateway.documents import KINDS  # noqa: E402
from gateway.routing.table import Decision, Facts, Route, Routes, Table, Way, When, decide, explain  # noqa: E402

ROUNDS, LOOPS = 15, 2000
_ZONES = ("UTC", "Europe/Berlin", "Europe/London", "Asia/Tokyo", "Asia/Kolkata", "Australia/Sydney")
_US = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")
TIME = datetime(2026, 3, 4, 12, tzinfo=UTC)


def many_partners(rules: int) -> Table:
    """Some rules for each partner and type of document, a tenth for all, and a last one."""
    made = []
    for index in range(rules - 1):
        partners = () if index % 10 == 9 else (f"p{index % 50}",)
        kind = [*KINDS][index % len(KINDS)]
        when = When(partners=partners, documents=kind, min_bytes=10**9, hours="08:00-17:00")
        made.append(Route(name=f"r{index}", to=("sftp", "as2"), when=when))
    return Table(Routes(routes=(*made, Route(name="last", to="as2")), zone="Europe/Berlin"))


def one_partner(rules: int) -> Table:
    """All rules are for the same document, which is too small for all but the last."""
    when = When(partners="p1", documents="invoice", min_bytes=10**9)
    made = (Route(name=f"r{index}", to="sftp", when=when) for index in range(rules - 1))
    return Table(Routes(routes=(*made, Route(name="last", to="as2"))))


def all_conditions(rules: int) -> Table:
    """The worst: all rules are for the same document, each with another size, time and ways, in ten zones."""
    made = []
    for index in range(rules - 1):
        first, zone = index % 700, (*_ZONES, *_US)[index % 10]
        hours = f"{first // 60:02}:{first % 60:02}-{first // 60 + 12:02}:{first % 60:02}"
        given: dict[str, Any] = {"partners": "p1", "documents": "invoice", "min_bytes": index, "zone": zone}
        given |= {"days": ("mon", "wed", "fri"), "hours": hours, "healthy": index % 2 == 0}
        to = ("webhook",) if index % 3 else ("api",)  # the partner has none of them
        made.append(Route(name=f"r{index}", to=to, when=When(**given), pin=False))
    return Table(Routes(routes=(*made, Route(name="last", to="as2"))))


def microseconds(work: Callable[[Table, Facts], Decision], table: Table, asked: Facts, loops: int) -> float:
    """Of one decision, the median of some rounds."""
    assert work(table, asked).rule == "last"
    rounds = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        for _ in range(loops):
            work(table, asked)
        rounds.append((time.process_time() - begin) / loops * 1e6)
    return median(rounds)


def main() -> int:
    """Prints a table; exit code 1 if a decision by a thousand rules takes longer than 50 microseconds."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    ways = {"as2": Way(), "sftp": Way()}
    asked = Facts(partner="p1", document_type="invoice", time=TIME, ways=ways, bytes=2000, lines=20)
    print(f"{machine()}\n")
    print("| rules | many partners | all for one document | with all conditions | explain | table made |")
    print("| --- | --- | --- | --- | --- | --- |")
    worst = 0.0
    for rules in (10, 100, 1000, 10_000):
        begin = time.process_time()
        worst_table = all_conditions(rules)
        made = (time.process_time() - begin) * 1e3
        tables = [many_partners(rules), one_partner(rules), worst_table]
        times = [microseconds(decide, one, asked, LOOPS) for one in tables]
        worst = max(worst, *times) if rules <= 1000 else worst
        told = microseconds(explain, worst_table, asked, max(1, LOOPS // rules))
        shown = " | ".join(f"{one:.1f} µs" for one in times)
        print(f"| {rules:,} | {shown} | {told:,.0f} µs | {made:,.0f} ms |")
    return int(worst > 50)


if __name__ == "__main__":
    raise SystemExit(main())
