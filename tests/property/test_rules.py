"""Rules on any document: they never crash, find the same again, and compute amounts exactly."""

from __future__ import annotations

import gc
import time
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.rules import RULES
from gateway.rules.amounts import digits, number, rounded, said, total, units
from gateway.rules.invoice import due
from gateway.rules.rule import ANSWERS, ORDERS, SENT, Applied, Facts, Past, check
from gateway.rules.shipment import check_digit
from tests.strategies import WILD, documents

NOW = datetime(2026, 3, 13, 10, 0, tzinfo=UTC)
ALL = [Applied(one, one.severity) for one in RULES.values()]
STRICT: dict[str, dict[str, Any]] = {
    "G7": {"table": True},
    "S3": {"table": True},
    "S9": {"required_in": ("*",), "carriers": ("ABFS",)},
    "S10": {"always": True},
    "S13": {"items": ("A",)},
    "S16": {"references": {"*": ("origin",)}},
    "I7": {"allowed": {"*": ("gst",)}},
    "I8": {"bill_to": {"*": ("AMAZON",)}, "tax_id": {"": "[0-9]+"}},
    "P5": {"table": True},
    "G1": {"required": {"invoice": ("lines[].ids.asin",)}},
}
EVERY = [*ALL, *(Applied(RULES[name], "block", parameters=given) for name, given in STRICT.items())]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*ORDERS, *SENT])
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_rules_never_crash(kind: str, data: st.DataObject) -> None:
    """On any document of the model, with any others known before it that name the same numbers."""
    alphabet = data.draw(st.sampled_from(["AB12", WILD]))
    document = data.draw(documents(kind, alphabet=alphabet))
    kinds = st.sampled_from([*ORDERS, *ANSWERS, "ship_notice", "invoice"])
    past = []
    for other in data.draw(st.lists(kinds, max_size=5)):
        one = data.draw(documents(other, alphabet=alphabet))
        for name in ("po_number", "shipment_id", "invoice_number"):
            if name in document and name in one:
                one[name] = document[name]
        past.append(Past(one, NOW))
    known = Facts(tuple(past), ({"asin": "A", "cost": "1.00"},), ({"code": "A"},))
    first = check(document, known, NOW, EVERY)
    assert check(document, known, NOW, EVERY) == first
    for found in first:
        assert found.message
        assert found.hint
        assert (found.location.pointer or "").startswith("/") or found.location.pointer == ""


CURRENCIES = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3, "INR": 2, "BHD": 3, "KRW": 0}
PRICES = st.decimals(min_value=Decimal("0.000001"), max_value=Decimal(999_999), places=6)
COUNTS = st.integers(1, 1_000_000)


@st.composite
def invoices(draw: st.DrawFn) -> tuple[dict[str, Any], Fraction, int]:
    """An invoice with the exact sum of its parts as a fraction, and the digits of its currency."""
    money = draw(st.sampled_from(sorted(CURRENCIES)))
    places = CURRENCIES[money]
    amounts = st.decimals(min_value=0, max_value=Decimal(100_000), places=places).map(said)
    lines: list[dict[str, Any]] = []
    exact = Fraction(0)
    for _ in range(draw(st.integers(1, 6))):
        count, price = draw(COUNTS), draw(PRICES)
        lines.append({"quantity": {"value": str(count), "uom": "EA"}, "unit_price": {"amount": f"{price:f}"}})
        exact += count * Fraction(price)
    told: dict[str, Any] = {"lines": lines}
    for name, sign in (("taxes", 1), ("charges", 1), ("allowances", -1)):
        parts: list[dict[str, Any]] = [
            {"type": "x", "amount": one} for one in draw(st.lists(amounts, max_size=3))
        ]
        exact += sign * sum(Fraction(one["amount"]) for one in parts)
        if name != "taxes":
            for one in parts:
                one["taxes"] = [{"type": "t", "amount": two} for two in draw(st.lists(amounts, max_size=2))]
                exact += sign * sum(Fraction(two["amount"]) for two in one["taxes"])
        where = draw(st.sampled_from(["heading", "lines", "both"]))
        if where != "lines" and parts:
            told[name] = parts
        if where != "heading" and parts:
            for place, one in enumerate(parts):
                lines[place % len(lines)].setdefault(name, []).append(one)
    told["total"] = {"currency": money}
    return told, exact, places


def half_up(exact: Fraction, places: int) -> Fraction:
    """Rounded half up, away from zero, by whole numbers alone."""
    scaled = abs(exact) * 10**places * 2
    whole = (int(scaled) + 1) // 2
    return Fraction(whole if exact >= 0 else -whole, 10**places)


@settings(max_examples=300, deadline=None)
@given(invoices())
def test_an_invoice_comes_to_the_exact_sum_of_its_parts_at_the_precision_of_its_currency(
    drawn: tuple[dict[str, Any], Fraction, int],
) -> None:
    told, exact, places = drawn
    each, whole = due(told)
    assert Fraction(whole) == half_up(exact, places)
    assert -whole.as_tuple().exponent == places  # type: ignore[operator]
    # Rounded line by line: off by half a unit of the currency for each line at most.
    assert abs(Fraction(each) - exact) <= Fraction(len(told["lines"]), 2 * 10**places)


@settings(max_examples=200, deadline=None)
@given(invoices(), st.integers(1, 5), st.booleans())
def test_the_total_rule_takes_the_right_total_and_no_other(
    drawn: tuple[dict[str, Any], Fraction, int], off: int, above: bool
) -> None:
    told, _, places = drawn
    told |= {"document_type": "invoice", "invoice_number": "I", "invoice_date": "2026-03-13"}
    rule = [Applied(RULES["I5"], "block")]
    for right in set(due(told)):
        told["total"]["amount"] = said(right)
        assert bool(check(told, Facts(), NOW, rule)) == (right == 0)
        wrong = right + (1 if above else -1) * Decimal(off).scaleb(-places)
        if wrong not in due(told):
            told["total"]["amount"] = said(wrong)
            assert check(told, Facts(), NOW, rule)


@given(
    st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, places=6, max_value=10**20, min_value=-(10**20))
    )
)
def test_sums_are_exact_in_any_context(parts: list[Decimal]) -> None:
    with localcontext(prec=3):
        found = total(parts)
    assert Fraction(found) == sum(map(Fraction, parts))


@given(
    st.sampled_from(sorted(CURRENCIES)),
    st.decimals(allow_nan=False, allow_infinity=False, max_value=10**15, min_value=-(10**15)),
)
def test_rounding_is_half_up(money: str, amount: Decimal) -> None:
    assert digits(money) == CURRENCIES[money]
    assert Fraction(rounded(amount, money)) == half_up(Fraction(amount), CURRENCIES[money])


@given(COUNTS, st.integers(1, 10_000), st.sampled_from(["EA", "CA", "CT"]))
def test_packs_are_counted_in_units(count: int, size: int, uom: str) -> None:
    found = units({"value": str(count), "uom": uom, "pack_size": size})
    assert found == count * (1 if uom == "EA" else size)
    assert units({"value": str(count), "uom": uom}, size) == found


def test_no_amount_is_a_float_or_endless() -> None:
    assert number(18.4) is None
    assert number("9" * 41) is None
    assert number("9" * 40) == Decimal("9" * 40)


@given(st.text("0123456789", min_size=17, max_size=17))
def test_the_check_digit_makes_the_weighted_sum_a_ten(digits_: str) -> None:
    whole = f"{digits_}{check_digit(digits_)}"
    assert sum(int(one) * (3, 1)[place % 2] for place, one in enumerate(whole)) % 10 == 0


@pytest.mark.slow
def test_rules_take_linear_time() -> None:
    """Of an order of ten times as many lines the check takes about ten times as long."""

    def seconds(count: int) -> float:
        ids = [{"asin": f"B0C1{one:06}"} for one in range(count)]
        quantity, price = {"value": "1", "uom": "EA"}, {"amount": "1.00", "currency": "USD"}
        lines = [
            {"line_no": str(place), "ids": one, "quantity": quantity, "unit_price": price}
            for place, one in enumerate(ids, 1)
        ]
        head: dict[str, Any] = {"po_number": "A1B2C3D4", "schema_version": "1"}
        order = {**head, "document_type": "purchase_order", "ordered_at": "2026-03-01", "lines": lines}
        change = {**order, "document_type": "purchase_order_change", "purpose": "change"}
        answer = {**head, "document_type": "purchase_order_acknowledgment", "lines": lines}
        cartons = [{"sscc": f"00{one:018}", "items": [line]} for one, line in enumerate(lines)]
        notice = {**head, "document_type": "ship_notice", "shipment_id": "S1", "created_at": "2026-03-12"}
        notice |= {"purpose": "original", "orders": [{"po_number": "A1B2C3D4", "cartons": cartons}]}
        invoice = {**head, "document_type": "invoice", "invoice_number": "I", "invoice_date": "2026-03-13"}
        invoice |= {"lines": lines, "total": {"amount": f"{count}.00"}}
        known = _Counted(tuple(Past(one, NOW) for one in (order, change, answer, notice)))
        start = time.thread_time()  # without what gateways of other tests still do
        for one in (change, answer, notice, invoice):
            check(one, known, NOW, ALL)
        return time.thread_time() - start

    gc.collect()
    gc.freeze()  # what other tests left is not looked through again and again
    try:
        seconds(100)
        assert any(seconds(5000) < 30 * max(seconds(500), 0.01) for _ in range(3))
    finally:
        gc.unfreeze()


class _Counted(Facts):
    """Documents by the number of their order alone, as a store finds them by an index."""

    def documents(self, kind: str, number: str) -> list[Past]:
        return list(self.past) if kind == "po" else []
