"""What Amazon's Finances API says of our invoices: asked for now and then, kept by the number of the invoice.

It tells how much of an invoice was paid so far, and why not all of it. Where there are remittances these
count, and how far Finances differs is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import orjson

from gateway.partners.partner import API
from gateway.reconciliation.remittance import digits, plain
from gateway.services import receive
from gateway.services.base import Services
from gateway.services.lifecycle import Translation
from gateway.services.reconcile import Ledger
from gateway.services.sp_api import Account
from gateway.transports.sp_api import Answer, SpApiError

INVOICES = "invoices"
"""Kind of look, and how its messages are called."""

_WINDOW, _WINDOWS = timedelta(days=90), 3
"""Issue dates of one call, the longest that is allowed, and how many such windows are asked for."""

_LOOKBACK = timedelta(days=3)
_ASKED = 50
"""Invoices whose causes are asked for in one look: two seconds each."""

_SETTLED = {
    "AmountPaid": "paid",
    "QuantityVarianceAmount": "quantity",
    "PriceVariance": "price",
    "QuickPayDiscount": "discount",
    "Other": "other",
}


def look(services: Services, channel: str) -> None:
    """Asks for invoices that changed, and keeps what is new."""
    account = Account.of(services, channel)
    profile = services.settings.reconciliation.get(account.partner.id) if account else None
    if account is None or profile is None or not account.terms.marketplace:
        return
    ledger = Ledger(services, account.partner.id, profile)
    now, newest = account.client.now(), services.store.last_received(account.partner.id, API, INVOICES)
    since = (min(newest, now) if newest else now - _WINDOW * _WINDOWS) - _LOOKBACK
    asked = {"marketplaceId": account.terms.marketplace, "invoicesModifiedAfter": _text(since)}
    try:
        for place in range(_WINDOWS):
            until = now - _WINDOW * place
            issued = {"fromIssueDate": _text(until - _WINDOW), "toIssueDate": _text(until)}
            for answer in account.client.pages("getInvoiceHeaders", query=asked | issued):
                services.guard()
                _keep(services, account, ledger, answer)
        _causes(services, account, ledger)
        services.well(channel)
    except SpApiError as error:
        services.trouble(channel, f"invoices cannot be asked for: {error}", error)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _keep(services: Services, account: Account, ledger: Ledger, answer: Answer) -> None:
    """Makes a message of a page in which something is new."""
    store, said = services.store, dict[str, dict[str, Any]]()
    for head in answer.items:
        if (number := str(head.get("invoiceNumber") or "")[:100]) and (one := _read(head)):
            said[number] = one
    known = store.remittances.accounts(account.partner.id, said)
    before = {number: orjson.loads(row["finances"]) for number, row in known.items() if row["finances"]}
    fresh = {
        number: one
        for number, one in said.items()
        if one["updated"] >= before.get(number, {}).get("updated", "")
        and {**before.get(number, {}), "causes": None} != {**one, "causes": None}
    }
    if not fresh:
        return
    name = f"{INVOICES}_{services.clock():%Y%m%dT%H%M%S%f}.json"
    partner, content = account.partner, BytesIO(answer.received)
    about = {"partner": partner.id, "translation": Translation.TRANSLATED, "way": API}
    message = receive.came(services, partner.folder, name, content, **about)
    with store.transaction():
        receive.keep(services, message, operation=answer.operation, request_id=answer.request_id)
        for number, one in fresh.items():
            told = {"number": number, "status": one["status"], "paid": one["paid"]}
            store.audit("finances.changed", message.id, partner=account.partner.id, **told)
        ledger.hear(fresh)


def _read(head: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a header says, as it is kept; None if it says nothing that can be used."""
    try:
        total = head.get("invoiceAmount") or {}
        found: dict[str, Any] = dict.fromkeys(_SETTLED.values(), Decimal(0))
        for one in head.get("invoiceSettlementBreakdowns") or ():
            money = one["breakdownAmount"]
            if (name := _SETTLED.get(one["breakdownType"])) and money["currencyCode"] == total[
                "currencyCode"
            ]:
                found[name] += Decimal(str(money["currencyAmount"]))
        step = Decimal(1).scaleb(-digits(str(total.get("currencyCode"))))
        amounts = {
            name: plain(one.quantize(step) if one == round(one, 4) else one) for name, one in found.items()
        }
        variance = found["quantity"] or found["price"]
        known = {"status": str(head["invoiceStatus"]), "updated": str(head.get("lastUpdatedDate") or "")}
        known["identifier"] = str(head.get("invoiceIdentifier") or "")
        return known | amounts | {"causes": None if variance else []}
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return None


def _causes(services: Services, account: Account, ledger: Ledger) -> None:
    """Asks why the quantity or the price of invoices was not accepted."""
    for number, said in ledger.without_causes(_ASKED).items():
        causes: dict[str, None] = {}
        place = {"marketplaceId": account.terms.marketplace}
        for answer in account.client.pages("getInvoice", key=said["identifier"], query=place):
            for item in answer.items:
                context = (item.get("lineItemContext") or {}).get("matchingContext") or {}
                for reason in context.get("varianceReasons") or ():
                    kinds = reason.get("defectTypes") or ["OTHER"]
                    causes |= dict.fromkeys(f"{reason.get('varianceType')} {one}" for one in kinds)
        services.guard()
        with services.store.transaction():
            ledger.hear({number: said | {"causes": [*causes][:50]}})
