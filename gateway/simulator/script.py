"""What the played Amazon does and when: a YAML file that a person writes."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.errors import ConfigurationError, NotFoundError, Problem
from gateway.partners.agreement import setting
from gateway.partners.as2 import chosen
from gateway.settings_file import read_file

TOKEN = "token"  # noqa: S105 - the name of a call
_FINANCES = "/finances/invoices/2026-06-25/invoices"
CALLS = {
    "POST /auth/o2/token": TOKEN,
    "GET /vendor/orders/v1/purchaseOrders": "getPurchaseOrders",
    "GET /vendor/orders/v1/purchaseOrders/*": "getPurchaseOrder",
    "GET /vendor/orders/v1/purchaseOrdersStatus": "getPurchaseOrdersStatus",
    "POST /vendor/orders/v1/acknowledgements": "submitAcknowledgement",
    "POST /vendor/shipping/v1/shipmentConfirmations": "SubmitShipmentConfirmations",
    "POST /vendor/shipping/v1/shipments": "SubmitShipments",
    "GET /vendor/shipping/v1/shipments": "GetShipmentDetails",
    "GET /vendor/shipping/v1/transportLabels": "GetShipmentLabels",
    "POST /vendor/payments/v1/invoices": "submitInvoices",
    "GET /vendor/transactions/v1/transactions/*": "getTransaction",
    f"GET {_FINANCES}": "getInvoiceHeaders",
    f"GET {_FINANCES}/*": "getInvoice",
}
"""What can be called, and its name; ``*`` stands for a number."""

DOES = (
    "throttle", "error", "deny", "expire", "page", "empty", "truncate", "garbage", "break", "break_after",
    "delay",
)  # fmt: skip


@setting
class Line:
    """A line of an order."""

    asin: str = "B00REHEARS"
    sku: str = "SKU-1"
    quantity: int = 10
    cost: str = "12.50"
    backorder: bool = False


@setting
class Change:
    """What Amazon changes in an order, so long after it was made, or ``of`` its ``acknowledgment``.

    Attributes:
        line: which; 0 for all. quantity, cost, ship_to: the new values; a quantity of 0 cancels.
    """

    after_seconds: float = 0
    of: str = "order"
    line: int = 0
    quantity: int | None = None
    cost: str = ""
    ship_to: str = ""

    def __post_init__(self) -> None:
        chosen("of", (self.of,), ("order", "acknowledgment"))


@setting
class Order:
    """Orders that are made so long after the start, earlier with a minus.

    Attributes:
        number: of the first; the digits at its end count up. count: so many. every_seconds: between them.
    """

    number: str
    count: int = 1
    at_seconds: float = 0
    every_seconds: float = 0
    ship_to: str = "PHX6"
    currency: str = "USD"
    lines: tuple[Line, ...] = (Line(),)
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z0-9]{8}", self.number):
            raise ValueError(f"number {self.number!r}: write 8 capital letters and digits, as PO000001")
        if self.count < 1 or len(self.numbers[-1]) > 8:
            raise ValueError("count: at least 1, and not more than the digits at the end of number can count")

    @property
    def numbers(self) -> list[str]:
        stem = self.number.rstrip("0123456789")
        width, first = 8 - len(stem), int(self.number[len(stem) :] or 0)
        many = [f"{stem}{first + n:0{width}d}" for n in range(self.count)]
        return many if width else [f"{stem}{'x' * n}" for n in range(self.count)]


@setting
class Fault:
    """What goes wrong (``DOES``), with calls that are counted or at a time.

    Attributes:
        operation: which; ``token`` for asking for an access token; empty for all.
        from_call, calls: the first that it concerns, from 1, and how many. until_seconds: not counted; all
            calls until then, from_seconds on, both since the start.
        seconds: to wait; of ``throttle``: its Retry-After. status: of ``error``.
    """

    does: str
    operation: str = ""
    from_call: int = 1
    calls: int = 1
    from_seconds: float = 0
    until_seconds: float = 0
    seconds: float = 0
    status: int = 500

    def __post_init__(self) -> None:
        chosen("does", (self.does,), DOES)
        chosen("operation", filter(None, (self.operation,)), CALLS.values())
        if not 300 <= self.status < 600 or not 0 <= self.seconds <= 600:
            raise ValueError("status is 300 to 599, seconds 0 to 600")


@setting
class Outcome:
    """What becomes of the submission of a number: ``Success``, ``Failure`` or for ever ``Processing``."""

    key: str
    status: str
    code: str = "REHEARSED"
    message: str = "The script says so."

    def __post_init__(self) -> None:
        chosen("status", (self.status,), ("Success", "Failure", "Processing"))


@setting
class Script:
    """The played Amazon.

    Attributes:
        client_id, client_secret, refresh_token: what it accepts. secret_ends_seconds: until when; 0 for ever.
        token_seconds: how long an access token lasts. denied: operations without their role.
        rate, burst: calls a second of each operation, and how many at once.
        transaction_seconds: how long a submission is Processing. paid_seconds: when an invoice is paid.
        clock_ahead_seconds: by how much its clock is wrong.
    """

    client_id: str = "rehearsal-client"
    client_secret: str = "rehearsal-secret"  # noqa: S105 - of a rehearsal
    refresh_token: str = "rehearsal-token"  # noqa: S105
    secret_ends_seconds: float = 0
    vendor_code: str = "REHRS"
    token_seconds: int = 3600
    denied: tuple[str, ...] = ()
    rate: float = 10
    burst: float = 10
    transaction_seconds: float = 2
    paid_seconds: float = 60
    clock_ahead_seconds: float = 0
    orders: tuple[Order, ...] = ()
    faults: tuple[Fault, ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    def __post_init__(self) -> None:
        chosen("denied", self.denied, CALLS.values())
        if self.rate <= 0 or self.burst < 1 or self.token_seconds < 1:
            raise ValueError("rate is more than 0, burst and token_seconds at least 1")


def load(path: Path) -> Script:
    """Reads a script. Raises ConfigurationError with every mistake, or NotFoundError."""
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.")
    problems: list[Problem] = []
    if (script := read_file(path, path.name, Script, problems)) is None:
        raise ConfigurationError(f"The script {path} is not usable.", problems=tuple(problems))
    return script
