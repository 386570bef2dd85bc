"""What all documents share: value types, the envelope, parties, references, dates, allowances and charges.

A document is plain JSON. The models describe its shape for people and check documents that come from outside;
the hot path works on dicts. Conventions:

- decimals are strings that keep the text as received (``"5"``, ``"5.00"``, ``".5"``); dates are ISO strings;
- an absent field is left out: no ``null``, no empty text, list or object;
- code fields are open: known codes have a name (``"ship_to"``), any other stands as its X12 code (``"DA"``);
- data for which a document has no field is kept under ``extensions`` with its X12 address.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

DECIMAL = r"^-?([0-9]+\.?[0-9]*|\.[0-9]+)$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
DATETIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,2})?)?)?$"
QUALIFIER = r"^[0-9A-Z]{2,3}$"
"""Keys of open objects that have no name of their own: X12 qualifiers such as ``PR``."""

_T = TypeVar("_T")


def _not_null(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("null_value", "null is not a value: leave the field out")
    return value


def _not_empty(value: tuple[_T, ...]) -> tuple[_T, ...]:
    if not value:
        raise PydanticCustomError("empty_list", "an empty list says nothing: leave the field out")
    return value


def _real_date(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("calendar", "there is no such day") from None
    return value


def _real_datetime(value: str) -> str:
    try:
        datetime.fromisoformat(value.partition(".")[0])
    except ValueError:
        raise PydanticCustomError("calendar", "there is no such day or time") from None
    return value


Maybe = Annotated[_T | None, BeforeValidator(_not_null)]
"""An optional field: may be left out, but never ``null``."""

Text = Annotated[str, StringConstraints(min_length=1)]
Code = Annotated[str, StringConstraints(min_length=1)]
"""A name of ours where the code has one, otherwise the X12 code as received."""
Decimal = Annotated[str, StringConstraints(pattern=DECIMAL)]
"""A decimal number as text, exactly as received."""
Date = Annotated[
    str,
    StringConstraints(pattern=DATE),
    Field(json_schema_extra={"format": "date"}),
    AfterValidator(_real_date),
]
DateTime = Annotated[str, StringConstraints(pattern=DATETIME), AfterValidator(_real_datetime)]
"""A date, or a date and a time without zone."""
Count = Annotated[StrictInt, Field(ge=0)]
Many = Annotated[tuple[_T, ...], Field(json_schema_extra={"minItems": 1}), AfterValidator(_not_empty)]
"""A list that is left out when it is empty."""


def required(meaning: str, x12: str = "", example: object = None, known: str = "") -> Any:
    """A field that must be there; see `optional`."""
    return Field(**_described(meaning, x12, example, known))


def optional(meaning: str, x12: str = "", example: object = None, known: str = "") -> Any:
    """A field that may be left out.

    Args:
        meaning: what the field says, for people.
        x12: where it stands in X12, for example ``BEG03``.
        example: a value.
        known: names of the known codes, separated by blanks; the codes behind them are in the mapping.
    """
    return Field(default=None, **_described(meaning, x12, example, known))


def _described(meaning: str, x12: str, example: object, known: str) -> dict[str, Any]:
    names = known.split()
    text = meaning if meaning.endswith(".") else f"{meaning}."
    if x12:
        text += f" X12: {x12}."
    if names:
        text += f" Known: {', '.join(names)}; any other X12 code as it is."
    if example is not None:
        text += f" Example: {example if isinstance(example, str) else json.dumps(example)}"
    found: dict[str, Any] = {"description": text}
    if example is not None:
        found["examples"] = [example]
    extra: dict[str, Any] = ({"x-x12": x12} if x12 else {}) | ({"x-known-values": names} if names else {})
    if extra:
        found["json_schema_extra"] = extra
    return found


class Model(BaseModel):
    """Base of every object in a document: frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OpenKeys(Model):
    """An object whose values have a key each: a name for known qualifiers, the X12 qualifier for others."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "additionalProperties": False,
            "patternProperties": {QUALIFIER: {"type": "string", "minLength": 1}},
        },
    )
    __pydantic_extra__: dict[Annotated[str, StringConstraints(pattern=QUALIFIER)], Text]


class Extension(Model):
    """A piece of the partner's data that no field takes, or a remark on where a mapped segment stood."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [kind]} for kind in ("elements", "value", "field", "absent")]
        }
    )

    address: Text = required("X12 address, relative to the object it is kept in", example="TD1[2]")
    elements: Maybe[Many[str | tuple[str, ...]]] = optional("A whole segment; a composite element is a list")
    value: Maybe[str | tuple[str, ...]] = optional("A single element of a mapped segment", example="x")
    field: Maybe[Text] = optional("The field whose segment stood at this place, not at its own")
    absent: Maybe[Literal[True]] = optional("True for a counted segment that the partner did not send")

    @model_validator(mode="after")
    def _one_kind(self) -> Extension:
        if sum(part is not None for part in (self.elements, self.value, self.field, self.absent)) != 1:
            raise PydanticCustomError(
                "extension_kind",
                "an extension has exactly one of elements, value, field and absent beside its address",
            )
        return self


class Item(Model):
    """An object that stands for a segment or loop and keeps what no field of it takes."""

    extensions: Maybe[Many[Extension]] = optional("Data of the partner for which there is no field here")


# --- the envelope ---------------------------------------------------------------------------------------


class Endpoint(Model):
    """Who sends or receives an interchange."""

    qualifier: Maybe[Text] = optional("Kind of identifier", "ISA05 or ISA07", "ZZ")
    id: Text = required("Identifier", "ISA06 or ISA08", "NORTHWINDRETAIL")


class Control(Model):
    """Where the document stood: control numbers and the two ends of the exchange."""

    interchange: Maybe[Text] = optional("Control number of the interchange", "ISA13", "000000101")
    group: Maybe[Text] = optional("Control number of the functional group", "GS06", "101")
    transaction: Maybe[Text] = optional("Control number of the transaction set", "ST02", "0001")
    version: Maybe[Text] = optional("Release of the transaction set", "GS08", "004010")
    sender: Maybe[Endpoint] = optional("Sender of the interchange", "ISA05, ISA06")
    receiver: Maybe[Endpoint] = optional("Receiver of the interchange", "ISA07, ISA08")
    group_sender: Maybe[Text] = optional("Sender of the functional group", "GS02", "NORTHWINDRETAIL")
    group_receiver: Maybe[Text] = optional("Receiver of the functional group", "GS03", "ACMESUPPLY")


class Raw(Model):
    """The bytes the document was made from."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = required("SHA-256 of the bytes")
    location: Maybe[Text] = optional("Where they are kept", example="payloads/3f/3fa9")


class Document(Item):
    """The envelope: top-level fields that every document has."""

    document_type: Text = required("Kind of document", "ST01", "purchase_order")
    schema_version: Literal["1"] = required("Version of this description", example="1")
    test: Maybe[StrictBool] = optional("True for a test that must not be carried out", "ISA15", False)
    control: Maybe[Control] = optional("Where the document stood in an interchange")
    document_id: Maybe[Text] = optional("Our own identifier of the document")
    partner_id: Maybe[Text] = optional("The trading partner", example="northwind")
    channel: Maybe[Text] = optional("The channel it came or goes by", example="as2")
    raw: Maybe[Raw] = optional("The bytes the document was made from")


# --- values ---------------------------------------------------------------------------------------------


class Quantity(Model):
    """A number of units."""

    value: Maybe[Decimal] = optional("How many, as received", example="24")
    uom: Maybe[Text] = optional("Unit of measure, an X12 code", example="EA")


class PackQuantity(Quantity):
    """A number of units and how many of them make a pack."""

    pack_size: Maybe[Count] = optional("Units in one pack", "PO401", 12)


class Money(Model):
    """An amount and its currency."""

    amount: Maybe[Decimal] = optional("The amount, as received", example="12.50")
    currency: Maybe[Text] = optional("Its currency: that of the document, copied when the document says one")


class Window(Model):
    """A span of time; either end may be open."""

    start: Maybe[DateTime] = optional("Not before", example="2026-03-02")
    end: Maybe[DateTime] = optional("Not after", example="2026-03-06T17:00")


# --- things that repeat ---------------------------------------------------------------------------------


class Reference(Item):
    """A number that refers to something outside the document."""

    type: Code = required(
        "What it refers to",
        "REF01",
        known="department vendor_number vendor_id merchandise_type division account store contract "
        "customer_ref customer_order deal_code purchase_order original_purchase_order price_quote job "
        "buyer_id customer_number bill_of_lading shipment_mark carrier_pro lot serial mutually_defined",
    )
    value: Maybe[Text] = optional("The number", "REF02", "0231")
    description: Maybe[Text] = optional("The same in words", "REF03", "231 KITCHEN")


class ContactNumbers(OpenKeys):
    """Ways to reach a contact; further kinds under their X12 qualifier."""

    phone: Maybe[Text] = optional("Telephone", "PER03.. TE", "206-555-0142")
    fax: Maybe[Text] = optional("Fax", "PER03.. FX", "206-555-0143")
    email: Maybe[Text] = optional("Electronic mail", "PER03.. EM", "orders@northwind.example")
    mobile: Maybe[Text] = optional("Mobile telephone", "PER03.. CP", "206-555-0144")
    extension: Maybe[Text] = optional("Extension of the telephone", "PER03.. EX", "21")
    url: Maybe[Text] = optional("Web address", "PER03.. UR", "https://northwind.example")


class Contact(Item):
    """A person or department to talk to."""

    function: Code = required(
        "What to talk about",
        "PER01",
        known="buyer order_department order_contact general information delivery receiving accounts_payable "
        "sales expediter",
    )
    name: Maybe[Text] = optional("Name", "PER02", "Dana Field")
    numbers: Maybe[ContactNumbers] = optional("Ways to reach the contact", "PER03..PER08")


class Routing(Item):
    """A carrier or an instruction on how to route."""

    sequence: Maybe[Code] = optional(
        "Place of the carrier in the route",
        "TD501",
        known="origin origin_to_delivery first_after_origin second_after_origin",
    )
    carrier_scheme: Maybe[Code] = optional(
        "Kind of carrier code", "TD502", known="scac seller_assigned buyer_assigned mutually_defined"
    )
    carrier: Maybe[Text] = optional("Carrier code", "TD503", "ABFS")
    mode: Maybe[Code] = optional(
        "Means of transport",
        "TD504",
        known="air motor ltl parcel rail ocean intermodal consolidation customer_pickup contract_carrier "
        "best_way",
    )
    description: Maybe[Text] = optional("Routing in words", "TD505", "SEE ROUTING GUIDE")
    status: Maybe[Text] = optional("Status of the shipment or order, an X12 code", "TD506", "CC")
    place_type: Maybe[Text] = optional("Kind of place, an X12 code", "TD507", "OR")
    place: Maybe[Text] = optional("Place", "TD508", "RENO NV")
    direction: Maybe[Text] = optional("Direction of transit, an X12 code", "TD509", "SD")
    transit_time_unit: Maybe[Text] = optional("Unit of the transit time, an X12 code", "TD510", "CD")
    transit_time: Maybe[Decimal] = optional("Transit time", "TD511", "3")
    service_level: Maybe[Text] = optional("Service level, an X12 code", "TD512", "ND")


class Packaging(Item):
    """An instruction on marking, packaging or loading."""

    type: Maybe[Code] = optional(
        "Form of the description", "PKG01", known="free_form structured semi_structured"
    )
    characteristic: Maybe[Text] = optional("What is described, an X12 code", "PKG02", "68")
    agency: Maybe[Code] = optional("Who maintains the code", "PKG03", known="vics")
    code: Maybe[Text] = optional("Code of the description", "PKG04", "GOH")
    description: Maybe[Text] = optional("Instruction in words", "PKG05", "PALLETIZE SHIPMENT")
    unit_load: Maybe[Text] = optional("Option for unit loads, an X12 code", "PKG06", "01")


class Address(Model):
    """A postal address."""

    lines: Maybe[Many[Text]] = optional("Street and the like", "N301, N302", ["31 Harbor Way", "Dock 4"])
    city: Maybe[Text] = optional("City", "N401", "Tacoma")
    state: Maybe[Text] = optional("State or province", "N402", "WA")
    postal_code: Maybe[Text] = optional("Postal code", "N403", "98421")
    country: Maybe[Text] = optional("Country", "N404", "US")
    location_scheme: Maybe[Text] = optional("Kind of location, an X12 code", "N405", "SN")
    location: Maybe[Text] = optional("Location", "N406", "0142")


class Party(Item):
    """A company, store or warehouse that takes part."""

    role: Code = required(
        "What the party does here",
        "N101",
        known="buyer seller vendor supplier ship_to ship_from bill_to remit_to bill_and_ship_to sold_to "
        "mark_for intended_for store warehouse consignee carrier forwarder broker end_user ordered_by "
        "payer payee manufacturer acknowledge_to",
    )
    name: Maybe[Text] = optional("Name", "N102", "Northwind Retail DC 12")
    id_scheme: Maybe[Code] = optional(
        "Kind of identifier",
        "N103",
        known="duns scac duns4 dea san hin ein seller_assigned buyer_assigned originator_assigned "
        "destination_assigned gln mutually_defined",
    )
    id: Maybe[Text] = optional("Identifier", "N104", "0012")
    additional_names: Maybe[Many[Text]] = optional("Further names", "N201, N202", ["Receiving"])
    address: Maybe[Address] = optional("Postal address", "N3, N4")
    references: Maybe[Many[Reference]] = optional("References of this party", "REF")
    contacts: Maybe[Many[Contact]] = optional("Contacts of this party", "PER")
    routing: Maybe[Many[Routing]] = optional("Routing to this party", "TD5")
    packaging: Maybe[Many[Packaging]] = optional("Packaging for this party", "PKG")


_DATE_TYPES = (
    "cancel_after requested_delivery effective requested_ship shipped promotion_start promotion_end "
    "estimated_delivery expiration ship_not_before ship_not_after cancel_if_not_delivered_by "
    "deliver_not_after deliver_not_before scheduled_delivery scheduled_ship required_by "
    "requested_pickup cancel_if_not_shipped_by"
)


class DateReference(Item):
    """A date with a meaning that has no field of its own."""

    type: Code = required("What happens then", "DTM01", known=_DATE_TYPES)
    at: Maybe[DateTime] = optional("Date, or date and time", "DTM02, DTM03", "2026-03-02")
    time_zone: Maybe[Text] = optional("Zone of the time, an X12 code", "DTM04", "PT")
    period_format: Maybe[Text] = optional("Form of the period, an X12 code", "DTM05", "RD8")
    period: Maybe[Text] = optional("A period", "DTM06", "20260302-20260306")


class Mark(Item):
    """A mark or number on the packages."""

    type: Code = required(
        "Kind of mark", "MAN01", known="sscc shipping_container carrier_package mutually_defined"
    )
    value: Maybe[Text] = optional("The mark, or the first of a range", "MAN02", "1Z999AA10123456784")
    last: Maybe[Text] = optional("The last of a range", "MAN03", "1Z999AA10123456793")


class Tax(Item):
    """A tax."""

    type: Code = required("Kind of tax", "TXI01", known="state_sales gst value_added provincial all")
    amount: Maybe[Decimal] = optional("Amount", "TXI02", "12.40")
    rate: Maybe[Decimal] = optional("Rate in percent", "TXI03", "5")
    jurisdiction_scheme: Maybe[Text] = optional("Kind of jurisdiction code", "TXI04", "VD")
    jurisdiction: Maybe[Text] = optional("Jurisdiction", "TXI05", "CA")
    exempt: Maybe[Text] = optional("Exemption, an X12 code", "TXI06", "0")
    relationship: Maybe[Text] = optional("Whether the price includes it, an X12 code", "TXI07", "A")
    taxable: Maybe[Decimal] = optional("Amount that is taxed", "TXI08", "248.00")
    tax_id: Maybe[Text] = optional("Tax number", "TXI09", "R123456789")


class Amount(Item):
    """An amount of money with a meaning, in the currency of the document."""

    type: Code = required("Meaning", "AMT01", known="total line_total")
    amount: Decimal = required("The amount", "AMT02", "900.00")
    sign: Maybe[Code] = optional("Credit or debit", "AMT03", known="credit debit")


class AllowanceCharge(Item):
    """An allowance, a charge or a service."""

    type: Code = required(
        "Which of them",
        "SAC01",
        known="allowance charge none promotion charge_request allowance_request service",
    )
    code: Maybe[Text] = optional("Reason, an X12 code", "SAC02", "D240")
    agency: Maybe[Code] = optional("Who maintains the agency's code", "SAC03", known="vics")
    agency_code: Maybe[Text] = optional("Reason, a code of the agency", "SAC04", "TC990101")
    amount: Maybe[Decimal] = optional("Total amount; in X12 with two implied decimals", "SAC05", "451.20")
    percent_basis: Maybe[Text] = optional("What the percentage is taken of, an X12 code", "SAC06", "1")
    percent: Maybe[Decimal] = optional("Percentage", "SAC07", "2.5")
    rate: Maybe[Decimal] = optional("Amount for a unit", "SAC08", "0.15")
    quantity: Maybe[Quantity] = optional("Quantity it applies to", "SAC10, SAC09")
    handling: Maybe[Code] = optional(
        "How it is settled",
        "SAC12",
        known="bill_back off_invoice vendor_check credit_account charge_paid_by_vendor "
        "charge_paid_by_customer",
    )
    reference: Maybe[Text] = optional("Reference", "SAC13", "PROMO-77")
    option: Maybe[Text] = optional("Option", "SAC14", "A")
    description: Maybe[Text] = optional("The same in words", "SAC15", "New store allowance")
    language: Maybe[Text] = optional("Language of the description", "SAC16", "en")
    currency: Maybe[Text] = optional("Currency, where it is not that of the document", "CUR02", "CAD")
    currency_party: Maybe[Code] = optional("Whose currency it is", "CUR01", known="buyer seller")


class Note(Item):
    """A note or an agreement with its text."""

    type: Code = required("Kind of note", "N901", known="agreement note purchase_order mutually_defined")
    reference: Maybe[Text] = optional("Reference", "N902", "SPH")
    text: Maybe[Text] = optional("Short text", "N903", "Special handling")
    at: Maybe[DateTime] = optional("Date, or date and time", "N904, N905", "2026-02-20")
    time_zone: Maybe[Text] = optional("Zone of the time, an X12 code", "N906", "PT")
    messages: Maybe[Many[Text]] = optional("Lines of text", "MSG01", ["Deliver to the back door."])


class Measurement(Item):
    """A measurement of an item."""

    type: Maybe[Code] = optional("What is measured", "MEA01", known="physical weight count")
    measure: Maybe[Code] = optional(
        "Which measure", "MEA02", known="gross_weight net_weight height length width weight volume"
    )
    value: Maybe[Decimal] = optional("Value", "MEA03", "61.5")
    uom: Maybe[Text] = optional("Unit of measure, an X12 code", "MEA04", "IN")
    minimum: Maybe[Decimal] = optional("Lower limit", "MEA05", "61")
    maximum: Maybe[Decimal] = optional("Upper limit", "MEA06", "62")


class QualifiedQuantity(Item):
    """A quantity with a meaning."""

    type: Text = required("Meaning, an X12 code", "QTY01", "01")
    value: Maybe[Decimal] = optional("How many", "QTY02", "100")
    uom: Maybe[Text] = optional("Unit of measure, an X12 code", "QTY03", "EA")


class ItemIds(OpenKeys):
    """Identifiers of an item; further kinds under their X12 qualifier."""

    asin: Maybe[Text] = optional("Buyer's part number: at Amazon the ASIN", "BP", "B0FICTION1")
    vendor_sku: Maybe[Text] = optional("Vendor's item number", "VN", "ACME-100")
    upc: Maybe[Text] = optional("UPC of the consumer unit, 12 digits", "UP", "012345678905")
    ean: Maybe[Text] = optional("EAN, 13 digits", "EN", "4006381333931")
    gtin14: Maybe[Text] = optional("Shipping container code, 14 digits", "UK", "10012345678902")
    isbn: Maybe[Text] = optional("ISBN", "IB", "0306406152")
    upc_case: Maybe[Text] = optional("Case code without check digit", "UA", "001234567890")
    buyer_item: Maybe[Text] = optional("Buyer's item number", "IN", "71039103")
    buyer_catalog: Maybe[Text] = optional("Buyer's catalog number", "CB", "956591117")
    purchaser_item: Maybe[Text] = optional("Purchaser's item code", "PI", "0000547")
    sku: Maybe[Text] = optional("Stock keeping unit", "SK", "56065050")
    vendor_style: Maybe[Text] = optional("Vendor's style number", "VA", "531044ML")
    vendor_part: Maybe[Text] = optional("Vendor's part number", "VP", "WIDGET-A")
    vendor_catalog: Maybe[Text] = optional("Vendor's catalog number", "VC", "5323-1151")
    vendor_color: Maybe[Text] = optional("Vendor's color", "VE", "LAVENDER")
    buyer_style: Maybe[Text] = optional("Buyer's style number", "IT", "1409")
    buyer_color: Maybe[Text] = optional("Buyer's color", "BO", "RED")
    buyer_size: Maybe[Text] = optional("Buyer's size", "IZ", "XL")
    manufacturer_part: Maybe[Text] = optional("Manufacturer's part number", "MG", "XYZ-1234")
    ndc: Maybe[Text] = optional("National drug code", "N4", "00071015523")


class Freight(Model):
    """Who pays the freight, and where responsibility and title pass."""

    method: Maybe[Code] = optional(
        "Who pays",
        "FOB01",
        known="prepaid prepaid_and_charged prepaid_only collect paid_by_buyer defined_by_parties pickup "
        "third_party mixed",
    )
    place_type: Maybe[Code] = optional(
        "Kind of place where responsibility passes", "FOB02", known="origin destination mutually_defined"
    )
    place: Maybe[Text] = optional("Place where responsibility passes", "FOB03", "RENO NV")
    incoterm_scheme: Maybe[Code] = optional("Kind of terms", "FOB04", known="incoterms")
    incoterm: Maybe[Text] = optional("Terms of transport", "FOB05", "EXW")
    title_place_type: Maybe[Code] = optional(
        "Kind of place where title passes",
        "FOB06",
        known="origin destination port_of_loading mutually_defined",
    )
    title_place: Maybe[Text] = optional("Place where title passes", "FOB07", "TACOMA WA")
    risk: Maybe[Text] = optional("Who bears the risk of loss, an X12 code", "FOB08", "BY")
    risk_description: Maybe[Text] = optional("The same in words", "FOB09", "BUYER")


class Terms(Model):
    """Terms of payment."""

    type: Maybe[Code] = optional(
        "Kind of terms",
        "ITD01",
        known="basic end_of_month fixed_date deferred no_discount mixed extended basic_discount proximo "
        "instant elective ten_days_after_month previously_agreed on_receipt letter_of_credit",
    )
    basis: Maybe[Code] = optional(
        "Date from which days are counted",
        "ITD02",
        known="ship_date delivery_date invoice_date specified_date invoice_receipt expected_delivery "
        "effective_date order_date goods_receipt",
    )
    discount_pct: Maybe[Decimal] = optional("Discount in percent", "ITD03", "2")
    discount_due_date: Maybe[Date] = optional("Last day for the discount", "ITD04", "2026-03-12")
    discount_days: Maybe[Count] = optional("Days for the discount", "ITD05", 10)
    net_due_date: Maybe[Date] = optional("Last day to pay", "ITD06", "2026-04-01")
    net_days: Maybe[Count] = optional("Days to pay", "ITD07", 30)
    discount_amount: Maybe[Decimal] = optional(
        "Discount as an amount; in X12 with two implied decimals", "ITD08"
    )
    deferred_due_date: Maybe[Date] = optional("Day of the deferred payment", "ITD09", "2026-06-01")
    deferred_amount: Maybe[Decimal] = optional("Deferred amount; in X12 with two implied decimals", "ITD10")
    payable_pct: Maybe[Decimal] = optional("Part of the invoice that is payable, in percent", "ITD11", "50")
    description: Maybe[Text] = optional("Terms in words", "ITD12", "2% 10 NET 30")
    day_of_month: Maybe[Count] = optional("Day of the month", "ITD13", 25)
    payment_method: Maybe[Text] = optional("Means of payment, an X12 code", "ITD14", "E")
