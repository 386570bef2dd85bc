"""Workers on PostgreSQL share guides and mappings between their threads."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from gateway import engine
from tests.orders import interchange, order


def _file(number: int) -> bytes:
    draw = random.Random(number)
    lines = [
        f"{draw.randrange(1, 900)}|EA|{draw.randrange(1, 9000) / 100:.2f}|B{draw.randrange(10**9):09d}|S{n}|A"
        for n in range(draw.randrange(1, 30))
    ]
    return interchange(number, [order(n, f"PO{number}-{n}", lines[n:] or lines) for n in range(1, 6)])


def _both_ways(data: bytes) -> tuple[list[dict[str, Any]], bytes]:
    documents = list(engine.translate(data))
    return documents, engine.write(documents, now=datetime(2026, 3, 2, 9, 15, tzinfo=UTC))


def test_threads_that_share_guides_do_not_mix_their_documents() -> None:
    files = [_file(number) for number in range(1, 61)]
    alone = [_both_ways(data) for data in files]
    engine.library.cache_clear()  # compiling, too, happens in all threads at once
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(_both_ways, files * 3))
    assert together == alone * 3
    assert all(len(documents) == 5 for documents, _ in alone)
