"""Bodies of Amazon's Selling Partner API for vendors, read as documents and written from them.

Pure: no network, no clock. ``mappings/sp_api`` says what a body is in which document, ``schemas/sp_api``
which members it may have. What comes in is read as far as it can be, with warnings. What goes out is held
against its form and read again; it is not to be sent if ``problems`` holds an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.errors import Fault, NotFoundError, Problem
from gateway.mapping.body import BodyPlan, BodyReader, BodyWriter, completed, faults, lost
from gateway.mapping.library import SCHEMA_VERSION, Library
from gateway.mapping.problems import mapping_problem
from gateway.sp_api import packing
from gateway.sp_api.changes import Change, differences

__all__ = [
    "KINDS",
    "Change",
    "ReadBodies",
    "WrittenBody",
    "bodies_in",
    "differences",
    "kind_of",
    "read_body",
    "write_body",
]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of body.

    Attributes:
        document_type: what it becomes.
        around: members that may stand around it, from outside.
        mark: a member that only the body itself has.
        operation: that sends it; empty for what only comes in.
        seller: the party that is the vendor, and has the vendor's code.
    """

    document_type: str
    around: tuple[str, ...]
    mark: str
    operation: str = ""
    seller: str = "seller"


KINDS = {
    "order": Kind("purchase_order", ("payload", "orders", "order"), "purchaseOrderNumber"),
    "acknowledgement": Kind(
        "purchase_order_acknowledgment", ("acknowledgements",), "acknowledgementDate", "submitAcknowledgement"
    ),
    "order_status": Kind("purchase_order_acknowledgment", ("payload", "ordersStatus"), "purchaseOrderStatus"),
    "shipment_confirmation": Kind(
        "ship_notice", ("shipmentConfirmations",), "shipmentIdentifier", "SubmitShipmentConfirmations"
    ),
    "shipment": Kind("ship_notice", ("payload", "shipments"), "vendorShipmentIdentifier", "SubmitShipments"),
    "invoice": Kind("invoice", ("invoices",), "invoiceType", "submitInvoices", "remit_to"),
    "transaction": Kind(
        "functional_acknowledgment", ("payload", "transactionStatus"), "transactionId", seller=""
    ),
    "finances_invoice": Kind("remittance_advice", ("payload",), "invoiceHeader", seller=""),
}
"""All kinds, by the name of their mapping."""

_BY_TYPE = {kind.document_type: name for name, kind in reversed(KINDS.items()) if name != "order_status"}


@dataclass(frozen=True, slots=True)
class ReadBodies:
    """The documents of a body, and what is to be said of it; without errors all documents are right."""

    documents: list[Json] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WrittenBody:
    """A request, and what is to be said of it; the operation is empty for what only Amazon sends."""

    operation: str
    body: Json
    problems: list[Problem]

    @property
    def may_be_sent(self) -> bool:
        """Whether nothing is wrong with it."""
        return not any(one.is_error for one in self.problems)


def read_body(kind: str, body: Any, guides: Library) -> ReadBodies:
    """The documents of a body, or of all in an answer with a list of them.

    Args:
        kind: one of :data:`KINDS`.
        body: JSON as :func:`gateway.mapping.body.decode` gives it, also with what stands around it in
            requests and answers.
        guides: mappings, as they are or as a partner wants them (``Library.of``).

    Raises:
        NotFoundError: there is no such kind.
    """
    if kind not in KINDS:
        raise NotFoundError(f"There is no kind of body {kind!r}; known: {', '.join(KINDS)}.")
    plan, found = guides.body(kind), ReadBodies()
    for place, one in _unwrapped(KINDS[kind], body, ""):
        if not isinstance(one, dict) or KINDS[kind].mark not in one:
            words = f"{KINDS[kind].mark} is not in it" if isinstance(one, dict) else "it is no object"
            told = mapping_problem("BODY-KIND", place, value=kind, what=words)
            found.problems.append(replace(told, fault=Fault.PARTNER))
            continue
        document, problems = _read(kind, plan, one)
        found.documents.append(document)
        found.problems.extend(told.at(pointer=f"{place}{told.location.pointer or ''}") for told in problems)
    return found


def bodies_in(kind: str, body: Any) -> list[Json]:
    """The bodies of a kind without what stands around them."""
    return [one for _, one in _unwrapped(KINDS[kind], body, "") if isinstance(one, dict)]


def kind_of(body: Any) -> str:
    """The kind of a body, told by the members that it has; empty if it is none."""
    for name, kind in sorted(KINDS.items(), key=lambda one: one[0] == "order"):
        first = next(_unwrapped(kind, body, ""), ("", None))[1]
        if isinstance(first, dict) and kind.mark in first:
            return name
    return ""


def _unwrapped(kind: Kind, body: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(body, list):
        for index, one in enumerate(body):
            yield from _unwrapped(kind, one, f"{place}/{index}")
        return
    outer = next((name for name in kind.around if isinstance(body, dict) and name in body), None)
    if outer is None or kind.mark in body:
        yield place, body
    else:
        yield from _unwrapped(kind, body[outer], f"{place}/{outer}")


def _read(kind: str, plan: BodyPlan, body: Json) -> tuple[Json, list[Problem]]:
    from gateway.documents.validation import explain

    problems = faults(plan, body, inbound=True)
    document = BodyReader(plan).read(body)
    if kind == "shipment_confirmation":
        document, found = packing.tree(document)
        problems += found
    document = {"document_type": KINDS[kind].document_type, "schema_version": SCHEMA_VERSION} | document
    return document, problems + [replace(one, fault=Fault.PARTNER) for one in explain(document)]


def write_body(
    document: Mapping[str, Any], guides: Library, *, vendor_code: str = "", kind: str = ""
) -> WrittenBody:
    """The request that sends a document.

    Args:
        guides: mappings, as they are or as a partner wants them (``Library.of``).
        vendor_code: of the seller, where the document does not name it.
        kind: another than the usual one of the document's type, such as ``shipment``.

    Raises:
        NotFoundError: no body carries documents of this type.
    """
    from gateway.documents.validation import explain

    name = kind or _BY_TYPE.get(str(document.get("document_type")), "")
    if name not in KINDS or KINDS[name].document_type != document.get("document_type"):
        raise NotFoundError(f"No body carries documents of the type {document.get('document_type')!r}.")
    used, plan = KINDS[name], guides.body(name)
    if wrong := list(explain(document)):
        return WrittenBody(used.operation, {}, wrong)
    whole, problems = completed(plan, _with_seller(document, used.seller, vendor_code))
    given, places = whole, dict[str, str]()
    if name == "shipment_confirmation":
        given, places, found = packing.lists(whole)
        problems += found
    writer = BodyWriter(plan, given)
    body = writer.write()
    problems += [_placed(one, places) for one in writer.problems]
    for told in faults(plan, body, inbound=False):
        problems.append(_placed(_of_document(told, writer.places), places))
    again, _ = _read(name, plan, body)
    different = list(lost(plan, _by_role(whole), _by_role(again)))
    if name == "shipment_confirmation" and any(one.is_error for one in different):
        ordered = list(lost(plan, _ordered(whole), _ordered(again)))  # the order in lists says nothing
        different = different if any(one.is_error for one in ordered) else ordered
    known = {one.location.pointer for one in problems}
    problems += [one for one in different if one.location.pointer not in known]
    outer = used.around[-1]
    return WrittenBody(used.operation, {outer: [body]} if used.operation else body, problems)


def _with_seller(document: Mapping[str, Any], role: str, vendor_code: str) -> Json:
    parties = document.get("parties") or []
    if not (role and vendor_code) or any(one.get("role") == role for one in parties if isinstance(one, dict)):
        return dict(document)
    return {**document, "parties": [*parties, {"role": role, "id": vendor_code}]}


def _of_document(told: Problem, places: Mapping[str, str]) -> Problem:
    """A fault of a body with the place in the document that it comes from."""
    place = told.location.pointer or ""
    while place and place not in places:
        place = place.rpartition("/")[0]
    return told.at(pointer=places.get(place, ""))


def _placed(told: Problem, places: Mapping[str, str]) -> Problem:
    """With the place in the tree instead of that in the lists."""
    pointer = told.location.pointer or ""
    outer = max((one for one in places if f"{pointer}/".startswith(f"{one}/")), key=len, default="")
    return told.at(pointer=places[outer] + pointer[len(outer) :]) if outer else told


def _by_role(node: Any) -> Any:
    """A document with its parties in the order of their roles, as a body has a member for each."""
    if isinstance(node, list):
        return [*map(_by_role, node)]
    if not isinstance(node, dict):
        return node
    found = {key: _by_role(one) for key, one in node.items()}
    if isinstance(parties := found.get("parties"), list):
        found["parties"] = sorted(parties, key=lambda one: str(one.get("role", "")))
    return found


def _ordered(node: Any) -> Any:
    """A ship notice with its levels in an order of their own."""
    if isinstance(node, list):
        return sorted(map(_ordered, node), key=repr)
    if not isinstance(node, dict):
        return node
    return {key: _ordered(node[key]) for key in sorted(node) if key != "extensions"}
