"""The rate of calls, for any calls at any times, and of ten thousand orders from the played Amazon."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import ExitStack
from datetime import timedelta
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


def most_in(seconds: float, times: list[float]) -> int:
    return max((bisect_left(times, at + seconds - _LITTLE) - n for n, at in enumerate(times)), default=0)


RATES = st.sampled_from([0.0167, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0])


@given(RATES, st.lists(st.floats(0, 5) | st.just(0.0), min_size=1, max_size=60))
def test_calls_are_even_and_none_waits_longer_than_it_must(rate: float, pauses: list[float]) -> None:
    time, times, places = Time(), list[float](), max(int(rate), 1)
    bucket = Bucket(rate, time.clock, time.wait)
    for pause in pauses:
        time.wait(pause)
        must = [time.seconds, *(one + 1 / rate for one in times[-1:])]
        must += [times[-places] + 1.001 * places / rate] if len(times) >= places else []
        with bucket:
            assert time.seconds == pytest.approx(max(must))
            times.append(time.seconds)


@given(
    RATES,
    st.lists(st.tuples(st.floats(0, 2) | st.just(0.0), st.floats(0, 1), st.integers(0, 9)), max_size=80),
    st.floats(0.9995, 1.0005),
)
def test_no_second_of_amazon_has_more_calls_than_the_rate_however_long_they_take(
    rate: float, steps: list[tuple[float, float, int]], faster: float
) -> None:
    """Several are on their way at a time, end in any order, and arrive at some time in between."""
    time, most = Time(), max(int(rate), 1)
    bucket = Bucket(rate, time.clock, time.wait)
    away, arrived = list[tuple[ExitStack, float]](), list[float]()

    def answered(which: int, share: float) -> None:
        call, left = away.pop(which % len(away))
        call.close()
        arrived.append((left + share * (time.seconds - left)) * faster)

    for pause, share, which in steps:
        time.wait(pause)
        if away and (which % 2 or len(away) == most):
            answered(which, share)
        else:
            call = ExitStack()
            call.enter_context(bucket)
            away.append((call, time.seconds))
    while away:
        answered(0, 1.0)
    assert most_in(max(most / rate, 1), sorted(arrived)) <= most


@given(st.floats(0.1, 30), st.floats(0, 60))
def test_nobody_passes_while_it_is_held(seconds: float, after: float) -> None:
    time = Time()
    bucket = Bucket(10, time.clock, time.wait)
    with bucket:
        bucket.hold(seconds)
    time.wait(after)
    with bucket:
        assert time.seconds == pytest.approx(max(seconds, after, 0.1))


def test_threads_share_the_rate() -> None:
    times: list[float] = []
    bucket = Bucket(20, monotonic, sleep)

    def many() -> None:
        for _ in range(5):
            with bucket:
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
    assert most_in(1, times) <= 10
    assert times[-1] == pytest.approx(9.9, abs=0.01)  # and not less either


def test_the_sandbox_has_half_of_the_rate() -> None:
    with rehearsal(terms={"sandbox": True}, orders=1000) as one:
        one.numbers()
        assert one.time.seconds == pytest.approx(9 / 5, abs=0.01)


def test_in_real_time_amazon_never_has_to_refuse() -> None:
    script = Script(orders=(Order(number="PO000001", count=2000, at_seconds=-3600),), burst=10, rate=11)
    with Amazon(script) as amazon, Client(settings(amazon), SECRETS.__getitem__) as client:
        began = monotonic()
        pages = list(client.orders(amazon.start - timedelta(hours=2)))
        spent = monotonic() - began
        assert {status for _, name, status in amazon.calls} == {200}
        assert most_in(1, [at for at, name, _ in amazon.calls if name == "getPurchaseOrders"]) <= 10
    assert sum(len(page.items) for page in pages) == 2000
    assert 1.9 - _LITTLE <= spent < 60
