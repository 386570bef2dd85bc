"""Whether the body of a submission is one that Amazon takes: what it must have, and nothing that is unknown.

Amazon's models leave more open than Amazon does; here a field that no model has is refused, so that a
rehearsal finds a wrong name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"
_DECIMAL = r"-?(0|[1-9]\d*)(\.\d+)?"
_DEPTH = 20
_ITEM = "itemSequenceNumber amazonProductIdentifier vendorProductIdentifier"
_PARTIES = "sellingParty! shipFromParty! shipToParty! shipmentMeasurements importDetails"
_MONEYS = "taxDetails chargeDetails allowanceDetails"
_CONFIRMATION = (
    "shipmentIdentifier! shipmentConfirmationType! shipmentType shipmentStructure transportationDetails "
    "amazonReferenceNumber shipmentConfirmationDate! shippedDate estimatedDeliveryDate shippedItems! "
    f"cartons pallets {_PARTIES}"
)
_SHIPMENT = (
    "vendorShipmentIdentifier! transactionType! buyerReferenceNumber transactionDate! currentShipmentStatus "
    "currentshipmentStatusDate shipmentStatusDetails shipmentCreateDate shipmentConfirmDate purchaseOrders "
    "packageLabelCreateDate shipmentFreightTerm collectFreightPickupDetails containers "
    f"transportationDetails {_PARTIES}"
)
_INVOICE = (
    "id! invoiceType! referenceNumber date! remitToParty! shipToParty shipFromParty billToParty "
    f"paymentTerms invoiceTotal! additionalDetails items {_MONEYS}"
)
_BILLED = (
    f"{_ITEM} invoicedQuantity! netCost! netCostUnitOfMeasure purchaseOrderNumber hsnCode "
    f"creditNoteDetails {_MONEYS}"
)

FORMS = {
    "submitAcknowledgement": (
        "acknowledgements",
        "purchaseOrderNumber! sellingParty! acknowledgementDate! items!",
        "items",
        f"{_ITEM} orderedQuantity! netCost listPrice discountMultiplier itemAcknowledgements!",
    ),
    "SubmitShipmentConfirmations": (
        "shipmentConfirmations",
        _CONFIRMATION,
        "shippedItems",
        f"{_ITEM} shippedQuantity! itemDetails",
    ),
    "SubmitShipments": (
        "shipments",
        _SHIPMENT,
        "purchaseOrders",
        "purchaseOrderNumber purchaseOrderDate shipWindow items",
    ),
    "submitInvoices": ("invoices", _INVOICE, "items", _BILLED),
}
"""Of each submission: its list, the fields of a document, their list, the fields of a line; required with !.

The first field of a document is its number.
"""


def documents(operation: str, body: Any) -> dict[str, dict[str, Any]]:
    """What a right body holds, by the numbers of orders, shipments or invoices."""
    name, fields, *_ = FORMS[operation]
    return {str(one[fields.partition("!")[0]]): one for one in body[name]}


def check(operation: str, body: Any) -> list[str]:
    """What is wrong with the body of a submission, each with its place; nothing if Amazon takes it."""
    name, fields, inner, line = FORMS[operation]
    listed = body.get(name) if isinstance(body, dict) else None
    if not isinstance(listed, list) or not listed or len(body) > 1:
        return [f"the body has `{name}`, a list with something in it, and nothing else"]
    found: list[str] = []
    for number, one in enumerate(listed):
        found += _fields(one, fields, at := f"/{name}/{number}")
        lines = one.get(inner, []) if isinstance(one, dict) else []
        for place, each in enumerate(lines if isinstance(lines, list) else [lines]):
            found += _fields(each, line, f"{at}/{inner}/{place}")
        found += _values(one, at, 0)
    return found


def _fields(value: Any, fields: str, at: str) -> Iterator[str]:
    known = {one.rstrip("!"): one.endswith("!") for one in fields.split()}
    if not isinstance(value, dict):
        yield f"{at} is no object"
        return
    yield from (f"{at}/{name} is unknown" for name in value if name not in known)
    yield from (f"{at}/{name} is missing" for name, needed in known.items() if needed and name not in value)


def _values(value: Any, at: str, depth: int) -> Iterator[str]:
    """What dates, amounts and quantities look like, wherever they are."""
    if depth > _DEPTH or value is None:
        yield f"{at} is {'null: leave it out' if value is None else 'too deep'}"
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _values(one, f"{at}/{number}", depth + 1)
    elif isinstance(value, dict):
        is_quantity = value.get("unitOfMeasure") in ("Cases", "Eaches")
        for name, one in value.items():
            here, text = f"{at}/{name}", one if isinstance(one, str) else ""
            if name == "amount" and is_quantity:
                if type(one) is not int:
                    yield f"{here} is no whole number"
            elif name == "amount" and not re.fullmatch(_DECIMAL, text, re.ASCII):
                yield f"{here} is no decimal number written as text"
            elif re.search(r"(^d|D)ate$", name) and not re.fullmatch(_TIME, text, re.ASCII):
                yield f"{here} is no date and time with a zone"
            elif name == "partyId" and not text:
                yield f"{here} is empty"
            yield from _values(one, here, depth + 1)
