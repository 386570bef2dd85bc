"""What a line of a remittance is, and what becomes of an account."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.commands.home import make_home
from gateway.cli.commands.reconcile import _STATUSES
from gateway.errors import ConfigurationError
from gateway.reconciliation.account import STATUSES, Finances, Invoice, Posting, age, claims, settle
from gateway.reconciliation.profile import Disputes, Pattern, Profile
from gateway.reconciliation.remittance import Reader, Remittance
from gateway.settings import load
from tests.homes import set_in
from tests.remittances import line, remittance

D = Decimal


@pytest.fixture(scope="module")
def amazon(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    home = tmp_path_factory.mktemp("amazon") / "home"
    make_home(home)
    set_in(
        home,
        "partners/acme-retail.yaml",
        "name: Acme Retail\n",
        "name: Acme Retail\nreconciliation: amazon\n",
    )
    return load(home).reconciliation["acme-retail"]


def read(profile: Profile, *lines: dict[str, Any], **more: Any) -> Remittance:
    known = {"INV-1": False, "CN-1": True, "ABCD-123456": False, "ODDSC": False}
    return Reader(profile, known).read({**remittance("T1", "2026-03-02", list(lines)), **more})


@pytest.mark.parametrize(
    ("ref", "paid", "kind", "root", "step"),
    [
        ("INV-1", "10", "payment", "INV-1", 0),
        ("INV-1SC", "-10", "shortage_claim", "INV-1", 1),
        ("INV-1-SC", "-10", "shortage_claim", "INV-1", 1),
        ("inv-9sc", "-10", "shortage_claim", "inv-9", 1),
        ("INV-1SCR", "10", "shortage_reversal", "INV-1", 2),
        ("INV-1SCRSC", "-10", "shortage_reclaim", "INV-1", 3),
        ("INV-1SCRSCR", "10", "shortage_reversal", "INV-1", 4),
        ("INV-1SCRSCRSC", "-10", "shortage_reclaim", "INV-1", 5),
        ("ODDSC", "10", "payment", "ODDSC", 0),  # an invoice of ours whose number ends so
        ("ABCD-123456SC", "-10", "shortage_claim", "ABCD-123456", 1),  # not a co-op agreement
        ("ABCD-654321SC", "-10", "coop", "ABCD-654321SC", 0),  # of that form, and no invoice of ours
        ("WXYZ-12345678", "-10", "coop", "WXYZ-12345678", 0),
        ("77/VCBSINV", "-10", "chargeback", "77/VCBSINV", 0),
        ("IPAPUS1234567", "-10", "price_protection", "IPAPUS1234567", 0),
        ("IPAPUS123456", "-10", "unclassified", "IPAPUS123456", 0),
        ("V1-PROVISION FOR RECEIVABLES", "-10", "provision", "PROVISION V1", 0),
        ("V1RECEIVABLESR", "10", "provision_release", "PROVISION V1", 0),
        ("CN-1", "-10", "credit", "CN-1", 0),
        ("INV-77", "10", "payment", "INV-77", 0),
        ("INV-77", "-10", "unclassified", "INV-77", 0),
        ("INV-1", "-10", "unclassified", "INV-1", 0),
        ("INV-1SC", "10", "unclassified", "INV-1", 0),  # a claim does not add
        ("INV-1SCR", "-10", "unclassified", "INV-1", 0),
        ("", "10", "unclassified", "", 0),
        ("S" * 101, "-10", "unclassified", "S" * 101, 0),
    ],
)
def test_a_reference_says_what_a_line_is(
    amazon: Profile, ref: str, paid: str, kind: str, root: str, step: int
) -> None:
    (part,) = read(amazon, line(ref, paid)).parts
    assert (part.kind, part.root, part.step, part.amount) == (kind, root, step, D(paid))
    assert part.why


def amounts(told: Remittance) -> dict[str, str]:
    return {f"{one.place} {one.kind}": str(one.amount) for one in told.parts}


def money(amount: str) -> dict[str, str]:
    return {"amount": amount}


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        ({"gross": money("100"), "discount": money("2")}, {"line payment": "100", "discount discount": "-2"}),
        (
            {"gross": money("98"), "adjustments": [{"amount": money("0"), "reason": "price"}]},
            {"line payment": "98", "adjustment 1 price": "0"},
        ),
        (
            {"gross": money("103"), "adjustments": [{"amount": money("-5"), "reason": "freight"}]},
            {"line payment": "103", "adjustment 1 freight": "-5"},
        ),
        (
            {"adjustments": [{"amount": money("-5"), "reason": "tax"}]},
            {"line payment": "103", "adjustment 1 tax": "-5"},
        ),
        (  # RMR08 without its sign
            {"gross": money("100"), "adjustment": money("2"), "adjustment_reason": "quantity"},
            {"line payment": "100", "adjustment quantity": "-2"},
        ),
        (  # RMR08 says once more what ADX say
            {
                "gross": money("100"),
                "adjustment": money("-2"),
                "adjustment_reason": "quantity",
                "adjustments": [{"amount": money("-2"), "reason": "damaged"}],
            },
            {"line payment": "100", "adjustment 1 damage": "-2"},
        ),
        ({"gross": money("100")}, {"line payment": "100", "difference unexplained": "-2"}),
        (
            {"gross": money("100"), "adjustments": [{"amount": money("-2"), "reason": "ZZ"}]},
            {"line payment": "100", "adjustment 1 unexplained": "-2"},
        ),
        (  # an adjustment that names a claim is one
            {
                "gross": money("100"),
                "adjustments": [{"amount": money("-2"), "reason": "price", "ref": "INV-1SC"}],
            },
            {"line payment": "100", "adjustment 1 shortage_claim": "-2"},
        ),
    ],
)
def test_the_parts_of_a_line_add_up_to_what_was_paid(
    amazon: Profile, more: dict[str, Any], parts: dict[str, str]
) -> None:
    told = read(amazon, line("INV-1", "98", **more))
    assert amounts(told) == parts
    assert sum(one.amount for one in told.parts) == told.amount == D(98)
    assert {one.root for one in told.parts} == {"INV-1"}
    assert not told.wrong


@pytest.mark.parametrize(
    ("lines", "more", "words"),
    [
        (
            [line("INV-1", "98")],
            {"amount": money("100")},
            "add up to 98, and 100 was paid: 2 is not explained",
        ),
        ([line("INV-1", "98.001")], {"currency": "USD"}, "98.001 is no amount of USD"),
        ([line("INV-1", "98.5")], {"currency": "JPY"}, "98.5 is no amount of JPY"),
        (
            [{**line("INV-1", "98"), "gross": {"amount": "98", "currency": "CAD"}}],
            {"currency": "USD"},
            "is in CAD",
        ),
        ([line("INV-1", "9" * 16)], {}, "is no amount"),
    ],
)
def test_a_remittance_that_is_not_right_is_held(
    amazon: Profile, lines: list[dict[str, Any]], more: dict[str, Any], words: str
) -> None:
    assert words in read(amazon, *lines, **more).wrong


def test_amounts_are_as_fine_as_their_currency(amazon: Profile) -> None:
    assert not read(amazon, line("INV-1", "98.125"), currency="KWD").wrong
    assert not read(amazon, line("INV-1", "98"), currency="JPY").wrong


def test_a_debit_takes_everything_with_the_other_sign(amazon: Profile) -> None:
    told = read(amazon, line("INV-1SC", "12"), credit_debit="debit", amount=money("12"))
    assert (told.amount, told.wrong, told.parts[0].kind) == (D(-12), "", "shortage_claim")


def test_what_was_announced_says_what_a_line_is(amazon: Profile) -> None:
    told = Reader(amazon, {}, {"RT-5": ("returns", "RT-5")}).read(
        remittance("T1", "2026-03-02", [line("RT-5", "-4")])
    )
    assert told.parts[0].kind == "returns"


BILL = Invoice(number="INV-1", total=D("100.00"), currency="USD", discount=D(2), discount_until="2026-02-10")


def posted(kind: str, amount: str, day: str = "2026-02-02", **more: Any) -> Posting:
    return Posting(kind=kind, amount=D(amount), paid_on=day, **more)


@pytest.mark.parametrize(
    ("postings", "status", "balance"),
    [
        ([], "open", "100.00"),
        ([posted("payment", "100")], "paid", "0.00"),
        ([posted("payment", "60"), posted("payment", "40")], "paid", "0.00"),
        ([posted("payment", "100"), posted("freight", "-5")], "short_paid", "5.00"),
        ([posted("payment", "100"), posted("payment", "100")], "over_paid", "-100.00"),
        ([posted("shortage_claim", "-10", ref="INV-1SC", step=1)], "open", "110.00"),
        ([posted("payment", "100"), posted("discount", "-2")], "paid", "2.00"),  # as the terms allow
        (
            [posted("payment", "100"), posted("discount", "-2", "2026-02-11")],
            "short_paid",
            "2.00",
        ),  # too late
        ([posted("payment", "100"), posted("discount", "-3")], "short_paid", "3.00"),
        ([posted("payment", "100", currency="CAD")], "open", "100.00"),
    ],
)
def test_an_invoice_stands_where_its_postings_put_it(
    postings: list[Posting], status: str, balance: str
) -> None:
    found = settle(BILL, postings)
    assert (found.status, found.balance) == (status, D(balance))


def test_an_amount_in_another_currency_is_told() -> None:
    assert (
        "100 CAD is not counted"
        in settle(BILL, [posted("payment", "100", currency="CAD", ref="I")]).remarks[0]
    )


@pytest.mark.parametrize(
    ("postings", "status"),
    [
        ([posted("payment", "5")], "unknown"),
        ([posted("shortage_claim", "-5", step=1)], "unknown"),
        ([posted("provision", "-5"), posted("provision_release", "5")], "settled"),
        ([posted("coop", "-5")], "deducted"),
        ([posted("previous", "5")], "credited"),
    ],
)
def test_an_account_without_an_invoice_of_ours(postings: list[Posting], status: str) -> None:
    assert settle(None, postings).status == status


def test_credit_notes_lower_what_is_expected() -> None:
    assert settle(BILL, [posted("payment", "70")], credits=D(-30)).status == "paid"
    note = Invoice(number="CN-1", total=D(-30))
    assert settle(note, [posted("credit", "-30")]).status == "paid"
    assert settle(note, [posted("credit", "-20")]).status == "short_paid"
    assert settle(note, [posted("credit", "-40")]).status == "over_paid"


def test_remittances_go_before_finances_and_the_difference_is_told() -> None:
    said = Finances(status="PARTIALLY_PAID", updated="2026-02-03T00:00:00Z", paid=D(90), quantity=D(10))
    alone = settle(BILL, [], said)
    assert (alone.status, alone.source, dict(alone.reasons)) == (
        "short_paid",
        "finances",
        {"quantity": D(-10)},
    )
    both = settle(BILL, [posted("payment", "100")], said)
    assert (both.status, both.source, both.difference) == ("paid", "remittance", D(-10))
    assert "Finances says that 90 was paid, the remittances 100" in both.remarks
    assert settle(BILL, [], Finances(status="REJECTED", updated="")).status == "rejected"


def chain(*steps: str) -> list[Posting]:
    found, ref = [], "INV-1"
    for step, (amount, day) in enumerate((one.split("@") for one in steps), 1):
        ref += "SC" if step % 2 else "R"
        kind = "shortage_reversal" if step % 2 == 0 else "shortage_claim" if step == 1 else "shortage_reclaim"
        found.append(posted(kind, amount, day, ref=ref, step=step))
    return found


@pytest.mark.parametrize(
    ("steps", "claim"),
    [
        (["-10@2026-02-01"], ("INV-1SC", D(-10), "2026-03-03", 1)),
        (["-10@2026-02-01", "10@2026-03-01"], None),
        (["-10@2026-02-01", "4@2026-03-01"], ("INV-1SC", D(-6), "2026-03-03", 1)),
        (["-10@2026-02-01", "10@2026-03-01", "-8@2026-04-01"], ("INV-1SCRSC", D(-8), "2026-05-01", 2)),
        (
            ["-10@2026-02-01", "10@2026-03-01", "-8@2026-04-01", "8@2026-05-01", "-8@2026-06-01"],
            None,
        ),  # no third try
    ],
)
def test_a_chain_of_claims_is_one_claim(amazon: Profile, steps: list[str], claim: Any) -> None:
    told = [(one.ref, one.amount, one.until, one.attempt) for one in claims(amazon, chain(*steps))]
    assert told == ([claim] if claim else [])
    assert told == [
        (one.ref, one.amount, one.until, one.attempt) for one in claims(amazon, chain(*steps)[::-1])
    ]


def test_a_payment_of_no_sensible_day_has_no_window(amazon: Profile) -> None:
    for day in ("", "9999-12-31", "0001-01-01"):
        assert claims(amazon, [posted("chargeback", "-5", day, ref="A")]) == []


def test_other_claims_stand_by_their_numbers(amazon: Profile) -> None:
    some = [
        posted("chargeback", "-5", ref="A"),
        posted("chargeback", "-7", ref="B"),
        posted("chargeback", "7", ref="B"),
    ]
    assert [one.ref for one in claims(amazon, some)] == ["A"]
    assert claims(amazon, [posted("coop", "-5", ref="C")]) == []  # not to be disputed, by the profile


@pytest.mark.parametrize(
    ("due", "bucket"),
    [
        ("", "not due"),
        ("2026-03-31", "not due"),
        ("2026-03-30", "1-30 days"),
        ("2026-03-01", "1-30 days"),
        ("2026-02-28", "31-60 days"),
        ("2026-01-30", "31-60 days"),
        ("2026-01-29", "61-90 days"),
        ("2025-12-30", "over 90 days"),
    ],
)
def test_ageing(due: str, bucket: str) -> None:
    assert age(due, "2026-03-31") == bucket


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"kind": "payments", "pattern": "x", "words": "w"}, "choose one of"),
        ({"kind": "coop", "pattern": "(", "words": "w"}, "no regular expression"),
        ({"kind": "shortage", "pattern": "SC", "words": "w"}, "`chain` goes with the kind shortage"),
        ({"kind": "coop", "pattern": "(?P<chain>SC)", "words": "w"}, "`chain` goes with the kind shortage"),
        ({"kind": "coop", "pattern": "x", "words": "w", "sign": "minus"}, "debit or credit"),
    ],
)
def test_a_wrong_pattern_is_told(said: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Pattern(**said)


def test_lists_can_be_asked_for_every_status() -> None:
    assert (*STATUSES, "past_due", "unclassified", "held") == _STATUSES


def test_wrong_profiles_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tries 1 to 10"):
        Disputes(tries=0)
    with pytest.raises(ValueError, match="reasons: 'prise' is none of"):
        Profile(reasons={"price": "prise"})
    with pytest.raises(ValueError, match="disputes: 'prise'"):
        Profile(disputes={"prise": Disputes()})
    with pytest.raises(ValueError, match="near_days"):
        Profile(near_days=(0,))
    home = tmp_path / "home"
    make_home(home)
    own = home / "config/reconciliation"
    own.mkdir(parents=True)
    (own / "one.yaml").write_text("extends: two\n")
    (own / "two.yaml").write_text("extends: one\n")
    partner = home / "partners/acme-retail.yaml"
    text = partner.read_text()
    for name, words in (
        ("one", "extends itself, by way of one and two"),
        ("none", "there is no profile 'none'"),
    ):
        partner.write_text(f"{text}\nreconciliation: {name}\n")
        with pytest.raises(ConfigurationError) as found:
            load(home)
        assert words in " ".join(one.message for one in found.value.problems)
    partner.write_text(f'{text}\nreconciliation: "off"\n')
    assert load(home).reconciliation == {}
