"""How long a decision takes which way a document goes, by tables of so many rules."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.run import machine  # noqa: E402
from gateway.documents import KINDS  # noqa: E402
from gateway.routing.table import Decision, Facts, Route, Routes, Table, Way, When, decide, explain  # noqa: E402

ROUNDS, LOOPS = 15, 2000
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
    """The worst: all rules are for the same document, and only the last one fits."""
    when = When(partners="p1", documents="invoice", min_bytes=10**9)
    made = (Route(name=f"r{index}", to="sftp", when=when) for index in range(rules - 1))
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
    """Prints a table; exit code 1 if a thousand rules of many partners take longer than 50 microseconds."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    ways = {"as2": Way(), "sftp": Way()}
    asked = Facts(partner="p1", document_type="invoice", time=TIME, ways=ways, bytes=2000, lines=20)
    print(f"{machine()}\n")
    print("| rules | decide, many partners | decide, all rules for one document | explain |")
    print("| --- | --- | --- | --- |")
    worst = 0.0
    for rules in (10, 100, 1000):
        usual, bad = many_partners(rules), one_partner(rules)
        times = [microseconds(decide, usual, asked, LOOPS), microseconds(decide, bad, asked, LOOPS // 20)]
        times.append(microseconds(explain, usual, asked, LOOPS // 20))
        worst = max(worst, times[0])
        print(f"| {rules:,} | {times[0]:.1f} µs | {times[1]:.0f} µs | {times[2]:.0f} µs |")
    return int(worst > 50)


if __name__ == "__main__":
    raise SystemExit(main())
