"""Whatever comes in whatever order: the end is the same, and no cent is lost or made."""

from __future__ import annotations

import ast
import random
from contextlib import closing
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.reconciliation.account import Invoice, Posting, claims, settle
from gateway.reconciliation.profile import KINDS, Profile
from gateway.reconciliation.remittance import Reader
from gateway.settings import load
from tests.homes import rows, set_in
from tests.remittances import accounts, line, quarter, remittance, take

D = Decimal
CORE = Path(__file__).resolve().parents[2] / "gateway" / "reconciliation"


@pytest.fixture(scope="module")
def amazon(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return load(home_of(tmp_path_factory.mktemp("amazon"))).reconciliation["acme-retail"]


def home_of(folder: Path) -> Path:
    make_home(folder / "home")
    set_in(folder / "home", "partners/acme-retail.yaml", "name: Acme", "reconciliation: amazon\nname: Acme")
    return folder / "home"


cents = st.integers(-(10**9), 10**9).map(lambda one: D(one) / 100)
words = st.sampled_from(["INV-1", "INV-1SC", "INV-1SCR", "CN-1", "ABCDPROVISION FOR RECEIVABLES", "X-9", ""])
refs = words | st.text(max_size=40) | st.from_regex(r"INV-[0-9]{1,2}(SC(RSC)*R?)?", fullmatch=True)


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    made = line(
        draw(refs), draw(cents), ref_type=draw(st.sampled_from(["invoice", "credit_memo", "debit_memo"]))
    )
    for name in ("gross", "discount", "adjustment"):
        if draw(st.booleans()):
            made[name] = {"amount": str(draw(cents))}
    reasons = st.sampled_from(["price", "quantity", "freight", "ZZ"])
    if draw(st.booleans()):
        made["adjustment_reason"] = draw(reasons)
    some = st.builds(
        lambda a, r, n: {"amount": {"amount": str(a)}, "reason": r, "ref": n}, cents, reasons, refs
    )
    return made | {"adjustments": draw(st.lists(some, max_size=3))}


@given(some=st.lists(lines(), max_size=8), sign=st.sampled_from(["credit", "debit"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_parts_are_the_payment_and_decimals(
    amazon: Profile, some: list[dict[str, Any]], sign: str
) -> None:
    told = Reader(amazon, {"INV-1": False, "CN-1": True}).read(
        {**remittance("T", "2026-01-02", some), "credit_debit": sign}
    )
    assert not told.wrong or "is no amount" in told.wrong
    assert sum((one.amount for one in told.parts), D(0)) == told.amount
    for one in told.parts:
        assert type(one.amount) is Decimal
        assert one.kind in KINDS
        assert one.why
        assert not one.step or one.root


postings = st.builds(
    lambda kind, amount, day, step: Posting(
        kind=kind,
        amount=amount,
        paid_on=f"2026-01-{day:02d}",
        ref=f"I{kind}",
        step=step if "shortage" in kind else 0,
    ),
    st.sampled_from([*KINDS]),
    cents,
    st.integers(1, 28),
    st.integers(1, 5),
)


@given(some=st.lists(postings, max_size=5), total=cents)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
def test_an_account_is_the_same_in_every_order(amazon: Profile, some: list[Posting], total: Decimal) -> None:
    invoice = Invoice(number="I", total=total)
    found = settle(invoice, some)
    assert found.received == sum((one.amount for one in some), D(0))
    own = sum((one.amount for one in some if one.kind in ("payment", "credit")), D(0))
    assert own + sum(found.reasons.values(), D(0)) == found.received
    for other in permutations(some):
        assert settle(invoice, other) == found
        assert claims(amazon, other) == claims(amazon, some)


@given(seed=st.integers(0, 10**6), order=st.integers(0, 10**6))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=8,
    derandomize=True,
)
def test_the_order_of_arrival_does_not_matter(tmp_path: Path, seed: int, order: int) -> None:
    made = quarter(seed, 30, 6, deep=5)
    ends: list[dict[str, Any]] = []
    chance = random.Random(order)
    for _ in range(2):
        home = home_of(tmp_path / f"{len(list(tmp_path.iterdir()))}")
        documents = [*made.invoices, *made.remittances]
        with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
            take(gateway, documents if not ends else chance.sample(documents, len(documents)))
        ends.append(accounts(home))
        assert rows(home, "SELECT count(*) FROM remittances WHERE state <> 'counted'") == [(0,)]
    assert ends[0] == ends[1]
    assert {number: D(one[2]) for number, one in ends[0].items() if D(one[2])} == {
        number: amount for number, amount in made.received.items() if amount
    }


def test_nothing_in_it_is_a_float() -> None:
    for path in CORE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), path
            assert not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "float"), path
            is_division = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
            assert not is_division, f"{path}: a quotient may have no end"
