"""What must be done until when, in a home of real files whose clock is set; windows of batches."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import resources
from gateway.cli.main import main
from gateway.services import operate, schedule
from gateway.store.records import as_text
from tests.homes import ORDER, FakeClock, acknowledgment
from tests.integration.test_agreements import MEMORY, Agreed
from tests.integration.test_home import LINE, PARTNER
from tests.orders import interchange, order

ALL = "{set: 855}, {set: 856}, {set: 810}"
MEMORY_DIR = MEMORY if MEMORY.is_dir() else None
EVENTS = "SELECT event, facts FROM audit WHERE event LIKE 'deadline.%' ORDER BY seq"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    made = FakeClock()
    monkeypatch.setattr("gateway.app.datetime", made)
    return made


@pytest.fixture
def home() -> Iterator[Agreed]:
    with tempfile.TemporaryDirectory(dir=MEMORY_DIR) as name:
        yield Agreed(Path(name) / "home")


def ours(name: str, **changes: Any) -> dict[str, Any]:
    """A document of the demo's ERP."""
    found: dict[str, Any] = json.loads(resources.find(f"config/demo/{name}-{ORDER}.json").read_bytes())
    return {**found, **changes}


def orders(home: Agreed) -> None:
    home.drop(resources.find("config/demo/orders-1001.edi").read_bytes(), "orders.edi")
    assert home.run() == 0


def events(home: Agreed, number: str = ORDER) -> list[tuple[str, str, str]]:
    """What was told of deadlines of a number: event, kind and until when."""
    told = [(event, json.loads(facts)) for event, facts in home.rows(EVENTS)]
    return [(event[9:], one["deadline"], one["due_at"]) for event, one in told if one["number"] == number]


def expected(home: Agreed, kind: str) -> list[tuple[str, str]]:
    """Until when and in which state, of the demo's documents."""
    asked = (
        "SELECT due_at, state FROM expectations e JOIN documents d ON d.id = e.document_id "
        f"WHERE kind = '{kind}' AND number IN ('{ORDER}', 'ES-SHIP-77', 'ES-1077') ORDER BY e.seq"
    )
    return [(due[:16], state) for due, state in home.rows(asked)]


def agree(home: Agreed, deadlines: str = "", more: str = "") -> None:
    lines = (f"deadlines: {{{deadlines}}}" if deadlines else "", more)
    home.agree(*lines, receive='{set: "850"}, {set: "820"}', send=ALL)


def test_an_order_that_is_not_acknowledged_is_told_before_and_when_it_is_late_each_once(
    home: Agreed, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    agree(home)
    orders(home)
    assert expected(home, "order_acknowledgment") == [("2026-03-03T09:30", "open")]
    clock.goes_on(hours=19, minutes=59)
    home.run()
    assert events(home) == []
    for hours, count in ((1, 1), (1, 1), (1.1, 2), (1, 3), (24, 3)):
        clock.goes_on(hours=hours)
        capsys.readouterr()
        home.run()
        assert len(events(home)) == count
    due = ("order_acknowledgment", "2026-03-03 09:30 UTC")
    assert events(home) == [("near", *due), ("near", *due), ("missed", *due)]
    assert expected(home, "order_acknowledgment") == [("2026-03-03T09:30", "overdue")]
    home.drop(ours("ack"), "ack.json", "erp")
    assert home.run() == 0
    home.run()
    assert expected(home, "order_acknowledgment") == [("2026-03-03T09:30", "met")]
    assert len(events(home)) == 3


def test_an_order_that_is_acknowledged_in_time_is_told_of_by_nobody(home: Agreed, clock: FakeClock) -> None:
    agree(home)
    orders(home)
    clock.goes_on(hours=1)
    home.drop(ours("ack"), "ack.json", "erp")
    home.run()
    clock.goes_on(days=3)
    home.run()
    assert expected(home, "order_acknowledgment") == [("2026-03-03T09:30", "met")]
    assert events(home) == []


def test_what_was_written_in_time_and_not_delivered_is_late(home: Agreed, clock: FakeClock) -> None:
    agree(home, "near_hours: []")
    orders(home)
    outbox = home.path / f"folders/{PARTNER}/outbox"
    outbox.rename(home.path / "away")
    home.drop(ours("ack"), "ack.json", "erp")
    assert home.run() == 5
    clock.goes_on(hours=25)
    home.run()
    assert [one[0] for one in events(home)] == ["missed"]
    (home.path / "away").rename(outbox)
    home.run()
    home.run()
    assert expected(home, "order_acknowledgment") == [("2026-03-03T09:30", "met")]


def test_what_was_delivered_in_time_is_not_late_because_nobody_looked(home: Agreed, clock: FakeClock) -> None:
    agree(home)
    orders(home)
    clock.goes_on(hours=23)
    home.drop(ours("ack"), "ack.json", "erp")
    home.run()
    clock.goes_on(hours=2)  # the gateway did not run
    home.run()
    assert [one[0] for one in events(home)] == ["near"]
    assert expected(home, "order_acknowledgment") == [("2026-03-03T09:30", "met")]


def test_an_answer_that_the_partner_refuses_meets_nothing(home: Agreed, clock: FakeClock) -> None:
    agree(home, "near_hours: []")
    orders(home)
    home.drop(ours("ack"), "ack.json", "erp")
    home.run()
    home.run()
    assert expected(home, "order_acknowledgment") == [("2026-03-03T09:30", "met")]
    home.drop(acknowledgment(77, 1, "R", "PR", "855"), "997.edi")
    home.run()
    assert expected(home, "order_acknowledgment") == [("2026-03-03T09:30", "open")]
    clock.goes_on(days=2)
    home.run()
    assert [one[0] for one in events(home)] == ["missed"]


def test_an_answer_that_is_cancelled_meets_nothing(home: Agreed, clock: FakeClock) -> None:
    agree(home, "near_hours: []")
    orders(home)
    outbox = home.path / f"folders/{PARTNER}/outbox"
    outbox.rename(home.path / "away")
    home.drop(ours("ack"), "ack.json", "erp")
    assert home.run() == 5
    with home.services() as services:
        operate.cancel(services, home.message(f"855_{ORDER}_2.edi"), "wrong")
    (home.path / "away").rename(outbox)
    clock.goes_on(days=2)
    home.run()
    assert [one[0] for one in events(home)] == ["missed"]
    home.drop(ours("ack", acknowledged_at="2026-03-04"), "again.json", "erp")
    home.run()
    home.run()
    assert expected(home, "order_acknowledgment") == [("2026-03-03T09:30", "met")]


def test_working_hours_of_a_calendar_count(home: Agreed, clock: FakeClock) -> None:
    home.set("gateway.yaml", "\n# How often", "\ncalendars: [{name: de, zone: Europe/Berlin}]\n# How often")
    agree(home, "calendar: de")
    clock.goes_on(days=4)  # a Friday
    orders(home)
    assert expected(home, "order_acknowledgment") == [("2026-03-09T09:30", "open")]


def test_a_ship_notice_is_due_by_departure_or_appointment_whichever_is_sooner(
    home: Agreed, clock: FakeClock
) -> None:
    agree(home, "ship_notice: true, zone: Europe/Berlin, near_hours: [2]")
    orders(home)
    # Delivery is asked for on the 16th: six hours before that day begins in Berlin.
    assert expected(home, "ship_notice") == [("2026-03-15T17:00", "open")]
    home.drop(ours("ack", ship_date="2026-03-11"), "ack.json", "erp")
    assert home.run() == 0
    # The departure is planned: half an hour after that day ends in Berlin.
    assert expected(home, "ship_notice") == [("2026-03-11T23:30", "open")]
    clock.goes_on(days=9, hours=12, minutes=30)
    home.run()
    assert ("near", "ship_notice", "2026-03-11 23:30 UTC") in events(home)
    notice = ours("ship", ship_date="2026-03-11T17:00", estimated_delivery="2026-03-16")
    home.drop(notice, "ship.json", "erp")
    home.run()
    # It left at 16:00 UTC and the notice of it was there at 22:00.
    home.run()
    assert expected(home, "ship_notice") == [("2026-03-11T16:30", "met")]
    assert [one for one in events(home) if one[0] == "missed"] == [
        ("missed", "ship_notice", "2026-03-11 16:30 UTC")
    ]


def test_a_ship_notice_without_an_order_is_due_by_its_own_departure(home: Agreed, clock: FakeClock) -> None:
    agree(home, "ship_notice: true, invoice_hours: 48")
    notice = ours("ship", ship_date="2026-03-02T09:15", estimated_delivery="2026-03-16")
    home.drop(notice, "ship.json", "erp")
    assert home.run() == 0
    assert expected(home, "ship_notice") == [("2026-03-02T09:45", "open")]
    clock.goes_on(hours=1)
    home.run()
    assert expected(home, "ship_notice") == [("2026-03-02T09:45", "met")]
    assert expected(home, "invoice") == [("2026-03-04T09:30", "open")]
    assert events(home, "ES-SHIP-77") == []


def test_an_invoice_follows_the_ship_notice_and_the_payment_the_invoice(
    home: Agreed, clock: FakeClock
) -> None:
    agree(home, "invoice_hours: 48, payment: true, near_hours: [24]")
    orders(home)
    home.drop(ours("ship"), "ship.json", "erp")
    home.run()
    assert expected(home, "invoice") == [("2026-03-04T09:30", "open")]
    clock.goes_on(hours=30)
    home.run()
    assert events(home, "ES-SHIP-77") == [("near", "invoice", "2026-03-04 09:30 UTC")]
    home.drop(ours("invoice"), "invoice.json", "erp")
    home.run()
    home.run()
    assert expected(home, "invoice") == [("2026-03-04T09:30", "met")]
    assert expected(home, "payment") == [("2026-04-12T00:00", "open")], "30 days, to the end of the last one"
    home.drop(resources.find("config/demo/remittance.edi").read_bytes(), "pay.edi")
    home.run()
    home.run()
    assert expected(home, "payment") == [("2026-04-12T00:00", "met")]


def test_tests_other_partners_and_repeated_work_have_no_deadlines(home: Agreed, clock: FakeClock) -> None:
    agree(home)
    content = resources.find("config/demo/orders-1001.edi").read_bytes()
    home.drop(content.replace(b"*0*P*>", b"*0*T*>").replace(b"*U*00401*0", b"*U*00401*1"), "test.edi")
    home.run()
    assert expected(home, "order_acknowledgment") == []
    orders(home)
    with home.services() as services:
        operate.reprocess(services, home.message("orders.edi"), "lost")
    home.run()
    assert len(expected(home, "order_acknowledgment")) == 1
    home.agree(receive='{set: "850"}', send='{set: "856"}')
    home.drop(content.replace(ORDER.encode(), b"7KX2M4ZZ").replace(b"1001", b"1099"), "more.edi")
    home.run()
    assert home.one("SELECT count(*) FROM documents WHERE number = '7KX2M4ZZ'") == 1
    asked = "SELECT count(*) FROM expectations e JOIN documents d ON d.id = e.document_id"
    assert home.one(f"{asked} WHERE number = '7KX2M4ZZ'") == 0, "no 855 is agreed"


def test_what_was_settled_otherwise_is_ended_by_a_person(home: Agreed, clock: FakeClock) -> None:
    agree(home)
    orders(home)
    place = ("--reason", "on the web page", "--actor", "jane", "--config", str(home.path))
    assert main(["deadline", "cancel", "1", *place]) == 0
    assert main(["deadline", "cancel", "1", *place]) == 4
    assert main(["deadline", "cancel", "99", *place]) == 4
    clock.goes_on(days=2)
    home.run()
    assert expected(home, "order_acknowledgment") == [("2026-03-03T09:30", "cancelled")]
    assert [event for event, _ in home.rows(EVENTS)] == ["deadline.cancelled"]
    assert home.one("SELECT actor FROM audit WHERE event = 'deadline.cancelled'") == "user:jane"


def test_a_date_that_is_of_no_use_stops_nothing(home: Agreed, clock: FakeClock) -> None:
    agree(home, "ship_notice: true, payment: true, zone: America/Los_Angeles")
    sets = [order(1, "END", [LINE], requested="99991231"), order(2, "BEGIN", [LINE], requested="00010101")]
    home.drop(interchange(7, sets), "po.edi")
    home.drop(ours("invoice", invoice_date="9999-12-31"), "invoice.json", "erp")
    home.drop(ours("ship", ship_date="9999-12-31T23:59", estimated_delivery="9999-12-31"), "ship.json", "erp")
    assert home.run() == 0
    kinds = [kind for (kind,) in home.rows("SELECT kind FROM expectations ORDER BY kind")]
    assert kinds == ["acknowledgment"] * 2 + ["order_acknowledgment"] * 2
    clock.goes_on(days=1)
    home.run()


def test_a_997_that_is_due_soon_is_told_once(home: Agreed, clock: FakeClock) -> None:
    home.agree("deadlines: {near_hours: [1]}", send="{set: 850, acknowledged_within_hours: 2}")
    home.order("A")
    home.run()
    for _ in range(3):
        clock.goes_on(minutes=35)
        home.run()
    clock.goes_on(minutes=35)
    home.run()
    assert events(home, "850_A_1.edi") == [("near", "acknowledgment", "2026-03-02 11:30 UTC")]
    assert home.one("SELECT count(*) FROM audit WHERE event = 'acknowledgment.overdue'") == 1


def test_deadlines_are_listed_with_the_time_left(
    home: Agreed, clock: FakeClock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(home)
    orders(home)
    home.drop(ours("ack"), "ack.json", "erp")
    home.run()
    monkeypatch.setattr("gateway.cli.commands.schedule.datetime", clock)
    clock.fromisoformat = type(clock.time).fromisoformat  # type: ignore[attr-defined]

    def listed(*options: str) -> tuple[list[str], str]:
        capsys.readouterr()
        assert main(["deadline", "list", *options, "--config", str(home.path)]) == 0
        printed = capsys.readouterr()
        return printed.out.splitlines(), printed.err

    lines, _ = listed()
    assert lines[0].split() == ["NO", "DUE", "LEFT", "PARTNER", "WHAT", "NUMBER", "ORDERS"]
    told = [line.split()[1:] for line in lines[1:]]
    assert [
        "2026-03-03",
        "09:30",
        "1",
        "d",
        "0",
        "h",
        PARTNER,
        "acknowledgment",
        f"855_{ORDER}_2.edi",
        ORDER,
    ] in told
    assert not [one for one in told if "order" in one and ORDER in one], "it is answered"
    clock.goes_on(hours=30)
    home.run()
    (first, *_), _ = listed("--missed", "--limit", "1", "--json")
    (row,) = json.loads(first)["deadlines"]
    assert row["seconds_left"] == -6 * 3600
    assert (row["kind"], row["state"], row["partner"]) == ("acknowledgment", "overdue", PARTNER)
    assert row["orders"] == [ORDER]
    assert listed("--partner", "nobody") == ([], "Nothing is due.\n")
    assert listed("--partner", "nobody", "--missed") == ([], "Nothing was missed.\n")


# --- windows ---------------------------------------------------------------------------------------------


def windows(home: Agreed, rule: str) -> None:
    home.set("gateway.yaml", "\n# How often", "\ncalendars: [{name: de, zone: Europe/Berlin}]\n# How often")
    home.agree(send=f"{{set: 850, batch: {{count: 3, close: {rule}}}}}")


def test_a_batch_closes_at_the_times_of_its_windows(home: Agreed, clock: FakeClock) -> None:
    windows(home, '{at: ["11:00", "16:00"], calendar: de}')
    home.run()
    home.order("A")
    clock.goes_on(minutes=20)  # 10:50 in Berlin
    home.run()
    home.order("B")
    clock.goes_on(minutes=9)
    home.run()
    assert home.names(f"{PARTNER}/outbox") == []
    clock.goes_on(minutes=1)
    home.run()
    assert home.names(f"{PARTNER}/outbox") == ["850_2-documents_1.edi"]
    home.order("C")
    clock.goes_on(hours=4, minutes=59)
    home.run()
    assert len(home.names(f"{PARTNER}/outbox")) == 1
    clock.goes_on(days=3)  # nobody ran over six windows; what waits goes once
    home.run()
    assert home.names(f"{PARTNER}/outbox") == ["850_2-documents_1.edi", "850_C_2.edi"]
    assert home.one("SELECT result FROM schedules") == "done"


def test_a_full_batch_does_not_wait_for_its_window(home: Agreed, clock: FakeClock) -> None:
    windows(home, '{at: ["16:00"], calendar: de}')
    for number in "ABCD":
        home.order(number)
    home.run()
    assert home.names(f"{PARTNER}/outbox") == ["850_3-documents_1.edi"]
    clock.goes_on(days=1)
    home.run()
    assert len(home.names(f"{PARTNER}/outbox")) == 2


def test_schedules_are_listed_and_run_when_a_person_says_so(
    home: Agreed, clock: FakeClock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    windows(home, '{at: ["16:00"], calendar: de}')
    home.order("A")
    home.run()
    monkeypatch.setattr("gateway.cli.commands.schedule.datetime", clock)
    place, name = ("--config", str(home.path)), f"close:{PARTNER}|850"

    def listed(*options: str) -> str:
        capsys.readouterr()
        assert main(["schedule", "list", *options, *place]) == 0
        return capsys.readouterr().out

    lines = listed("--count", "2").splitlines()
    words = f"{name} at 16:00, working days of de Europe/Berlin 2026-03-02 16:00 2026-03-02 15:00 - -"
    assert " ".join(lines[1].split()) == words
    assert lines[2].split() == ["2026-03-03", "16:00", "2026-03-03", "15:00"]
    assert (
        main(["schedule", "run", name, "--reason", "the truck leaves early", "--actor", "jane", *place]) == 0
    )
    home.run()
    assert home.names(f"{PARTNER}/outbox") == ["850_A_1.edi"]
    asked = "SELECT actor, facts FROM audit WHERE event = 'schedule.asked'"
    ((actor, facts),) = home.rows(asked)
    assert (actor, json.loads(facts)) == ("user:jane", {"schedule": name, "reason": "the truck leaves early"})
    assert main(["schedule", "run", "close:nobody|850", "--reason", "x", *place]) == 4
    clock.goes_on(hours=6)
    home.run()
    (row,) = json.loads(listed("--json"))["schedules"]
    assert (row["name"], row["result"], row["last_slot"]) == (
        name,
        "done",
        "2026-03-02T15:00:00.000000+00:00",
    )
    assert row["next"] == [{"utc": "2026-03-03T15:00:00+00:00", "local": "2026-03-03T16:00:00+01:00"}]


def test_what_goes_wrong_with_a_schedule_is_its_result(home: Agreed, clock: FakeClock) -> None:
    home.agree('poll: {at: ["09:30"]}')
    home.run()
    (home.path / f"folders/{PARTNER}/inbox").rename(home.path / "away")
    clock.goes_on(days=1)
    assert home.run() == 5
    assert str(home.one("SELECT result FROM schedules")).startswith(f"{PARTNER}: its inbox cannot be")


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        (
            f"partners/{PARTNER}.yaml",
            "poll: {at: ['25:00']}",
            "line 10: poll: at '25:00': write a time of day",
        ),
        (f"partners/{PARTNER}.yaml", "deadlines: {calendar: fr}", "there is no calendar 'fr'"),
        (f"partners/{PARTNER}.yaml", "deadlines: {zone: Mars}", "IANA"),
        (f"partners/{PARTNER}.yaml", "deadlines: {invoice_hours: -1}", "invoice_hours: 0 to 8760"),
        (f"partners/{PARTNER}.yaml", "deadlines: {near_hours: [0]}", "more than 0"),
        ("gateway.yaml", "calendars: [{name: de}, {name: de}]", "'de' stands twice"),
        ("gateway.yaml", "calendars: [{name: de, holiday: []}]", "Did you mean 'holidays'"),
    ],
)
def test_times_that_mean_nothing_are_errors_of_the_settings(
    home: Agreed, file: str, line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home.agree()
    path = home.path / file
    path.write_text(f"{path.read_text()}{line}\n")
    assert home.run() == 3
    assert words.removeprefix("line 10: ") in capsys.readouterr().err


def test_work_that_is_asked_for_twice_is_done_once(home: Agreed, clock: FakeClock) -> None:
    windows(home, '{at: ["16:00"], calendar: de}')
    home.order("A")
    home.run()
    with home.services() as services:
        for _ in range(2):
            schedule.run(services, f"close:{PARTNER}|850", "now")
        assert services.store.now() == as_text(clock.time)
    home.run()
    assert home.names(f"{PARTNER}/outbox") == ["850_A_1.edi"]
