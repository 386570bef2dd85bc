"""A played Amazon and a client of it, on one clock that tests move."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Any

from gateway.partners.sp_api import SpApi
from gateway.simulator.amazon import Amazon
from gateway.simulator.script import Fault, Order, Script
from gateway.transports.sp_api import Client

BEGIN = datetime(2026, 11, 2, 8, tzinfo=UTC)
SECRETS = {
    "env:ID": "rehearsal-client",
    "env:SECRET": "rehearsal-secret",
    "env:TOKEN": "rehearsal-token",
}


class Time:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = Lock()

    def clock(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        with self._lock:
            self.seconds += seconds

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds)


def settings(amazon: Amazon, **changes: Any) -> SpApi:
    said: dict[str, Any] = {
        "region": "na",
        "vendor_code": "REHRS",
        "client_id": "env:ID",
        "client_secret": "env:SECRET",
        "refresh_token": "env:TOKEN",
        "secret_made_on": date(2026, 9, 1),
        "marketplace": "ATVPDKIKX0DER",
        "base_url": amazon.url,
        "token_url": f"{amazon.url}/auth/o2/token",
        "timeout_seconds": 5,
    }
    return SpApi(**{**said, **changes})


class Rehearsal:
    """Both sides and their time. ``secrets`` may be changed."""

    def __init__(self, amazon: Amazon, time: Time, tries: int, changes: dict[str, Any]) -> None:
        self.amazon, self.time, self.secrets = amazon, time, dict(SECRETS)
        self.client = Client(
            settings(amazon, **changes),
            self.secrets.__getitem__,
            clock=time.clock,
            wait=time.wait,
            now=time.now,
            tries=tries,
        )

    def called(self, operation: str) -> list[int]:
        """The statuses that the calls of an operation got."""
        return [status for _, one, status in self.amazon.calls if one == operation]

    def numbers(self, since_hours: float = 24, *, changed: bool = False) -> list[str]:
        """The numbers of the orders of the last hours."""
        pages = self.client.orders(self.client.now() - timedelta(hours=since_hours), changed=changed)
        return [str(one["purchaseOrderNumber"]) for page in pages for one in page.items]


@contextmanager
def rehearsal(
    *faults: Fault,
    orders: int | tuple[Order, ...] = 3,
    tries: int = 4,
    terms: dict[str, Any] | None = None,
    **script: Any,
) -> Iterator[Rehearsal]:
    """Some orders of the last hours, and what goes wrong."""
    time = Time()
    if isinstance(orders, int):
        orders = (Order(number="PO000001", count=orders, at_seconds=-3600),)
    told = Script(**{"faults": faults, "orders": orders, **script})
    with Amazon(told, now=time.now, wait=time.wait) as amazon:
        one = Rehearsal(amazon, time, tries, terms or {})
        with one.client:
            yield one


def acknowledgment(number: str, accepted: int = 10, **changes: Any) -> bytes:
    item = {
        "itemSequenceNumber": "1",
        "amazonProductIdentifier": "B00REHEARS",
        "orderedQuantity": {"amount": 10, "unitOfMeasure": "Eaches"},
        "netCost": {"currencyCode": "USD", "amount": "12.50"},
        "itemAcknowledgements": [
            {
                "acknowledgementCode": "Accepted",
                "acknowledgedQuantity": {"amount": accepted, "unitOfMeasure": "Eaches"},
            }
        ],
    }
    one = {
        "purchaseOrderNumber": number,
        "sellingParty": {"partyId": "REHRS"},
        "acknowledgementDate": "2026-11-02T09:00:00Z",
        "items": [item],
    }
    return json.dumps({"acknowledgements": [one | changes]}).encode()


def confirmation(shipment: str, number: str, kind: str = "Original") -> bytes:
    address = {"name": "Example Supplier", "addressLine1": "1 Way", "countryCode": "US"}
    one = {
        "shipmentIdentifier": shipment,
        "shipmentConfirmationType": kind,
        "shipmentConfirmationDate": "2026-11-02T10:00:00Z",
        "sellingParty": {"partyId": "REHRS"},
        "shipFromParty": {"partyId": "REHRS", "address": address},
        "shipToParty": {"partyId": "PHX6"},
        "shippedItems": [
            {
                "itemSequenceNumber": "1",
                "amazonProductIdentifier": "B00REHEARS",
                "shippedQuantity": {"amount": 10, "unitOfMeasure": "Eaches"},
                "itemDetails": {"purchaseOrderNumber": number},
            }
        ],
    }
    return json.dumps({"shipmentConfirmations": [one]}).encode()


def pickup(shipment: str) -> bytes:
    one = {
        "vendorShipmentIdentifier": shipment,
        "transactionType": "New",
        "transactionDate": "2026-11-02T10:00:00Z",
        **{name: {"partyId": "REHRS"} for name in ("sellingParty", "shipFromParty", "shipToParty")},
    }
    return json.dumps({"shipments": [one]}).encode()


def invoice(number: str, order: str) -> bytes:
    one = {
        "invoiceType": "Invoice",
        "id": number,
        "date": "2026-11-02T11:00:00Z",
        "remitToParty": {"partyId": "REHRS"},
        "invoiceTotal": {"currencyCode": "USD", "amount": "125.00"},
        "items": [
            {
                "itemSequenceNumber": 1,
                "amazonProductIdentifier": "B00REHEARS",
                "invoicedQuantity": {"amount": 10, "unitOfMeasure": "Eaches"},
                "netCost": {"currencyCode": "USD", "amount": "12.50"},
                "purchaseOrderNumber": order,
            }
        ],
    }
    return json.dumps({"invoices": [one]}).encode()
