"""The answer to an order: all of it, or what the stock list says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from gateway.documents.assist.lists import Row, number, text, told, wrong_date
from gateway.documents.assist.story import Json, Line, Made, Story, heading, lines_of
from gateway.errors import Problem

STOCK = ("sku", "available", "date")
"""Columns of a stock list."""

REASONS = {
    "unavailable": "rejected_unavailable",
    "invalid_id": "rejected_invalid_id",
    "obsolete": "rejected_obsolete",
}
"""Why a line is rejected, and its code; X12 has none for the last."""


def acknowledge(
    story: Story,
    *,
    today: str,
    stock: Sequence[Row] | None = None,
    rejects: Mapping[str, str] | None = None,
    later: str = "",
    api: bool = False,
) -> Made:
    """The answer to an order: all is accepted, or what the stock list says.

    Args:
        stock: rows of :data:`STOCK`; None to accept all. It is counted in the unit of the order, or of our
            own system where the order has its quantity.
        rejects: reasons by line number. later: when what is not there ships, if no row says it.
        api: whether Amazon's API is answered, which knows obsolete items and sizes of packs.
    """
    wrong, order, lefts = list[Problem](), story.order, dict(rejects or {})
    lines = lines_of(Story(order), wrong)
    available = _stocked(stock or (), wrong)
    answered: list[Json] = []
    for one in lines:
        reason = lefts.pop(one.number, "")
        if reason and reason not in REASONS:
            wrong.append(
                told("MADE-REASON", f"{one.called}: {reason!r} is no reason for a rejection", reason)
            )
            continue
        have, when = (Decimal(0) if reason else one.ordered), later
        if stock is not None and not reason:
            skus = [sku for sku in available if sku in one.names]
            if len(skus) != 1:
                what = "several rows" if skus else "no row"
                wrong.append(told("MADE-LINE", f"{one.called}: the stock list has {what} for it"))
                continue
            rest, day = available[skus[0]]
            own = Decimal(one.line.get("erp_quantity", {}).get("value") or one.ordered)
            have, when = (
                min(one.ordered, (rest * one.ordered / own).to_integral_value("ROUND_FLOOR")),
                day or later,
            )
            available[skus[0]] = (rest - have * own / one.ordered, day)
        parts = [("accepted", have, "")] if have else []
        if (short := one.ordered - have) and not reason:
            allowed = one.line.get("backorder_allowed", order.get("backorder_default", False))
            if allowed and not when:
                wrong.append(
                    told("MADE-DATE", f"{one.called}: {text(short)} are short and may come later; when?")
                )
            parts.append(("backordered" if allowed else "rejected", short, "" if allowed else "unavailable"))
        elif short:
            parts.append(("rejected", short, reason))
        answered.append(_answer(one, parts, when, api=api))
    wrong += [told("MADE-LINE", f"The order has no open line {one}", one) for one in lefts]
    if not lines:
        wrong.append(told("MADE-NOTHING", "The order has no line that was not cancelled"))
    codes = {str(part["code"]).partition("_")[0] for one in answered for part in one["responses"]}
    made = heading("purchase_order_acknowledgment", [order]) | {"po_number": order["po_number"]}
    made |= {"ack_type": next(iter(codes)) if codes in ({"accepted"}, {"rejected"}) else "changed"}
    made |= {name: order[name] for name in ("release_number", "contract_number", "currency") if name in order}
    if "currency" in order and not api:
        made["currency_party"] = order.get("currency_party", "buyer")
    return Made(made | {"acknowledged_at": today, "lines": answered}, tuple(wrong))


def _stocked(rows: Sequence[Row], wrong: list[Problem]) -> dict[str, tuple[Decimal, str]]:
    found: dict[str, tuple[Decimal, str]] = {}
    for row in rows:
        sku, day = row.values.get("sku", ""), row.values.get("date", "")
        if not sku or sku in found:
            wrong.append(row.wrong("sku", "it stands twice" if sku else "it is missing"))
        wrong += wrong_date(row, "date")
        if (much := number(row, "available", wrong, least=True)) is not None:
            found[sku] = (much, day)
    return found


def _answer(one: Line, parts: Iterable[tuple[str, Decimal, str]], when: str, *, api: bool) -> Json:
    responses = []
    for code, much, reason in parts:
        quantity = {name: text for name, text in one.quantity(much).items() if api or name != "pack_size"}
        no_code = reason == "obsolete" and not api
        said: Json = {"code": REASONS[reason] if reason and not no_code else code, "quantity": quantity}
        if code == "backordered" and when:
            said["ship_date"] = when
        if no_code:
            said["reference"] = "OBSOLETE"
        responses.append(said)
    kept = {name: one.line[name] for name in ("unit_price", "price_basis") if name in one.line}
    return one.copied | kept | {"quantity_ordered": one.quantity(one.ordered), "responses": responses}
