"""Exact numbers: amounts of money at the precision of their currency, quantities in single units."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from gateway.rules.rule import Node

EXACT = Context(prec=200, rounding=ROUND_HALF_UP)
ZERO = Decimal(0)
MAX_DIGITS = 40
"""Characters of a number; no amount or quantity is longer."""

_MINOR = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}
"""Digits after the point of currencies that have other than two (ISO 4217)."""

_PER = {"hundred": Decimal(100), "thousand": Decimal(1000)}
"""Bases of a price that is not for one unit."""

PACKS = ("CA", "CT", "PK")


def digits(currency: str | None) -> int:
    """Digits after the point of amounts in a currency; two where none is said."""
    return _MINOR.get(currency or "", 2)


def rounded(amount: Decimal, currency: str | None) -> Decimal:
    """An amount at the precision of its currency, half up."""
    return amount.quantize(Decimal(1).scaleb(-digits(currency)), context=EXACT)


def number(text: Any) -> Decimal | None:
    """The number of a text; None for none, and for one too long to be an amount."""
    return Decimal(text) if isinstance(text, str) and 0 < len(text) <= MAX_DIGITS else None


def total(parts: Iterable[Decimal]) -> Decimal:
    """Their exact sum."""
    found = ZERO
    for one in parts:
        found = EXACT.add(found, one)
    return found


def units(quantity: Node | None, pack: int | None = None) -> Decimal | None:
    """How many single units a quantity is, by its own pack size or else by ``pack``; None if it says
    nothing.
    """
    value = number((quantity or {}).get("value"))
    if value is None or quantity is None or quantity.get("uom") not in PACKS:
        return value
    return EXACT.multiply(value, Decimal(quantity.get("pack_size") or pack or 1))


def net(line: Node) -> Decimal | None:
    """Quantity times price of an invoice line, exactly."""
    value = number((line.get("quantity") or {}).get("value"))
    price = number((line.get("unit_price") or {}).get("amount"))
    if value is None or price is None:
        return None
    per = _PER.get(line.get("price_basis", ""), Decimal(1))
    return EXACT.divide(EXACT.multiply(value, price), per)


def said(amount: Decimal) -> str:
    """An amount in words of a message: without exponent."""
    return f"{amount:f}"
