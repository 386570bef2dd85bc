"""The rate of calls, for any calls at any times, and of ten thousand orders from the played Amazon."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from threading import Thread
from time import monotonic, sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulator.amazon import Amazon
from gateway.simulator.script import Order, Script
from gateway.transports.sp_api import Bucket, Client
from tests.amazon import SECRETS, Time, rehearsal, settings

_LITTLE = 1e-6  # times are sums of fractions


def most_in_a_second(times: list[float]) -> int:
    return max(bisect_left(times, at + 1 - _LITTLE) - place for place, at in enumerate(times))


@given(
    rate=st.sampled_from([0.0167, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0]),
    pauses=st.lists(st.floats(0, 5) | st.just(0.0), min_size=1, max_size=60),
)
def test_no_second_has_more_calls_than_the_rate_and_none_waits_longer_than_it_must(
    rate: float, pauses: list[float]
) -> None:
    time, times = Time(), list[float]()
    bucket = Bucket(rate, time.clock, time.wait)
    for pause in pauses:
        time.wait(pause)
        asked = time.seconds
        bucket.take()
        free = times[-1] + 1 / rate if times else asked
        assert time.seconds == pytest.approx(max(asked, free))
        times.append(time.seconds)
    assert most_in_a_second(times) <= max(rate, 1)
    assert all(later - before >= 1 / rate - _LITTLE for before, later in pairwise(times))


@given(st.floats(0.1, 30), st.floats(0, 60))
def test_nobody_passes_while_it_is_held(seconds: float, after: float) -> None:
    time = Time()
    bucket = Bucket(10, time.clock, time.wait)
    bucket.take()
    bucket.hold(seconds)
    time.wait(after)
    bucket.take()
    assert time.seconds == pytest.approx(max(seconds, after, 0.1))


def test_threads_share_the_rate() -> None:
    times: list[float] = []
    bucket = Bucket(20, monotonic, sleep)

    def many() -> None:
        for _ in range(5):
            bucket.take()
            times.append(monotonic())

    threads = [Thread(target=many) for _ in range(4)]
    began = monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert monotonic() - began >= 19 / 20 - _LITTLE
    assert len(times) == 20


def test_ten_thousand_orders_never_take_more_than_ten_calls_a_second() -> None:
    with rehearsal(orders=10_000) as one:
        found = one.numbers()
        times = [at for at, name, _ in one.amazon.calls if name == "getPurchaseOrders"]
        assert one.called("getPurchaseOrders") == [200] * 100
    assert len(set(found)) == 10_000
    assert most_in_a_second(times) <= 10
    assert times[-1] == pytest.approx(9.9)  # and not less either


def test_the_sandbox_has_half_of_the_rate() -> None:
    with rehearsal(terms={"sandbox": True}, orders=1000) as one:
        one.numbers()
        assert one.time.seconds == pytest.approx(9 / 5)


def test_in_real_time_amazon_never_has_to_refuse() -> None:
    script = Script(orders=(Order(number="PO000001", count=2000, at_seconds=-3600),), burst=1, rate=11)
    with Amazon(script) as amazon, Client(settings(amazon), SECRETS.__getitem__) as client:
        began = monotonic()
        pages = list(client.orders(amazon.start.replace(hour=0)))
        spent = monotonic() - began
        assert {status for _, name, status in amazon.calls} == {200}
    assert sum(len(page.items) for page in pages) == 2000
    assert 1.9 - _LITTLE <= spent < 4
