"""The parts that documents are made of: quantities, dates, parties, prices, lines and the like."""

from __future__ import annotations

from gateway.documents.common import Item, Model, OpenKeys, optional, required
from gateway.documents.values import Code, Count, Date, DateTime, Decimal, Many, Maybe, Text

# --- values ---------------------------------------------------------------------------------------------


class Quantity(Model):
    """A number of units."""

    value: Maybe[Decimal] = optional("How many, as received", "24")
    uom: Maybe[Text] = optional("Unit of measure, an X12 code", "EA")


class PackQuantity(Quantity):
    """A number of units and how many of them make a pack."""

    pack_size: Maybe[Count] = optional("Units in one pack", 12)


class Money(Model):
    """An amount and its currency."""

    amount: Maybe[Decimal] = optional("The amount, as received", "12.50")
    currency: Maybe[Text] = optional("Its currency: that of the document, copied when the document says one")


class Window(Model):
    """A span of time; either end may be open."""

    start: Maybe[DateTime] = optional("Not before", "2026-03-02")
    end: Maybe[DateTime] = optional("Not after", "2026-03-06T17:00")


class InCurrency(Model):
    """What may say the currency of its amounts."""

    currency: Maybe[Text] = optional("Currency of all amounts here that name no other", "USD")
    currency_party: Maybe[Code] = optional("Whose currency it is; needed to write a currency")


class Lading(Model):
    """Weight and volume."""

    weight: Maybe[Quantity] = optional("Weight")
    volume: Maybe[Quantity] = optional("Volume")


class Dimensions(Model):
    """Length, width and height."""

    length: Maybe[Decimal] = optional("Length", "24")
    width: Maybe[Decimal] = optional("Width", "16")
    height: Maybe[Decimal] = optional("Height", "12")
    uom: Maybe[Text] = optional("Their unit of measure, an X12 code", "IN")


# --- things that repeat ---------------------------------------------------------------------------------


class DateReference(Item):
    """A date with a meaning that has no field of its own."""

    type: Code = required("What happens then")
    at: Maybe[DateTime] = optional("Date, or date and time", "2026-03-02")
    time_zone: Maybe[Text] = optional("Zone of the time, an X12 code", "PT")
    period_format: Maybe[Text] = optional("Form of the period, an X12 code", "RD8")
    period: Maybe[Text] = optional("A period", "20260302-20260306")


class Reference(Item):
    """A number that refers to something outside the document."""

    type: Code = required("What it refers to")
    value: Maybe[Text] = optional("The number", "0231")
    description: Maybe[Text] = optional("The same in words", "231 KITCHEN")
    dates: Maybe[Many[DateReference]] = optional("Dates of the reference")


class ContactNumbers(OpenKeys):
    """Ways to reach a contact; further kinds under their X12 qualifier."""

    phone: Maybe[Text] = optional("Telephone", "206-555-0142")
    fax: Maybe[Text] = optional("Fax", "206-555-0143")
    email: Maybe[Text] = optional("Electronic mail", "orders@northwind.example")
    mobile: Maybe[Text] = optional("Mobile telephone", "206-555-0144")
    extension: Maybe[Text] = optional("Extension of the telephone", "21")
    url: Maybe[Text] = optional("Web address", "https://northwind.example")


class Contact(Item):
    """A person or department to talk to."""

    function: Code = required("What to talk about")
    name: Maybe[Text] = optional("Name", "Dana Field")
    numbers: Maybe[ContactNumbers] = optional("Ways to reach the contact")


class Referenced(Item):
    """What may have references, dates and people to talk to."""

    references: Maybe[Many[Reference]] = optional("References that have no field of their own")
    contacts: Maybe[Many[Contact]] = optional("People to talk to")
    dates: Maybe[Many[DateReference]] = optional("Dates that have no field of their own")


class Transit(Model):
    """How goods travel with a carrier."""

    sequence: Maybe[Code] = optional("Place of the carrier in the route")
    status: Maybe[Text] = optional("Status of the shipment or order, an X12 code", "CC")
    place_type: Maybe[Text] = optional("Kind of place, an X12 code", "OR")
    place: Maybe[Text] = optional("Place", "RENO NV")
    direction: Maybe[Text] = optional("Direction of transit, an X12 code", "SD")
    transit_time: Maybe[Quantity] = optional("Transit time")
    service_level: Maybe[Text] = optional("Service level, an X12 code", "ND")


class Routing(Item, Transit):
    """A carrier or an instruction on how to route."""

    carrier_scheme: Maybe[Code] = optional("Kind of carrier code")
    carrier: Maybe[Text] = optional("Carrier code", "ABFS")
    mode: Maybe[Code] = optional("Means of transport")
    description: Maybe[Text] = optional("Routing in words", "SEE ROUTING GUIDE")


class Packaging(Item):
    """An instruction on marking, packaging or loading."""

    type: Maybe[Code] = optional("Form of the description")
    characteristic: Maybe[Text] = optional("What is described, an X12 code", "68")
    agency: Maybe[Code] = optional("Who maintains the code")
    code: Maybe[Text] = optional("Code of the description", "GOH")
    description: Maybe[Text] = optional("Instruction in words", "PALLETIZE SHIPMENT")
    unit_load: Maybe[Text] = optional("Option for unit loads, an X12 code", "01")


class Address(Model):
    """A postal address."""

    lines: Maybe[Many[Text]] = optional("Street and the like", ["31 Harbor Way", "Dock 4"])
    city: Maybe[Text] = optional("City", "Tacoma")
    state: Maybe[Text] = optional("State or province", "WA")
    postal_code: Maybe[Text] = optional("Postal code", "98421")
    country: Maybe[Text] = optional("Country", "US")
    subdivision: Maybe[Text] = optional("Subdivision of the country, an ISO 3166-2 code", "SCT")
    location_scheme: Maybe[Text] = optional("Kind of location, an X12 code", "SN")
    location: Maybe[Text] = optional("Location", "0142")


class Freight(Model):
    """Who pays the freight, and where responsibility and title pass."""

    method: Maybe[Code] = optional("Who pays")
    place_type: Maybe[Code] = optional("Kind of place where responsibility passes")
    place: Maybe[Text] = optional("Place where responsibility passes", "RENO NV")
    incoterm_scheme: Maybe[Code] = optional("Kind of terms")
    incoterm: Maybe[Text] = optional("Terms of transport", "EXW")
    title_place_type: Maybe[Code] = optional("Kind of place where title passes")
    title_place: Maybe[Text] = optional("Place where title passes", "TACOMA WA")
    risk: Maybe[Text] = optional("Who bears the risk of loss, an X12 code", "BY")
    risk_description: Maybe[Text] = optional("The same in words", "BUYER")


class Mark(Item):
    """A mark or number on the packages."""

    type: Code = required("Kind of mark")
    value: Maybe[Text] = optional("The mark, or the first of a range", "1Z999AA10123456784")
    last: Maybe[Text] = optional("The last of a range", "1Z999AA10123456793")


class Tax(Item):
    """A tax."""

    type: Code = required("Kind of tax")
    amount: Maybe[Decimal] = optional("Amount", "12.40")
    rate: Maybe[Decimal] = optional("Rate in percent", "5")
    jurisdiction_scheme: Maybe[Text] = optional("Kind of jurisdiction code", "VD")
    jurisdiction: Maybe[Text] = optional("Jurisdiction", "CA")
    exempt: Maybe[Text] = optional("Exemption, an X12 code", "0")
    relationship: Maybe[Text] = optional("Whether the price includes it, an X12 code", "A")
    taxable: Maybe[Decimal] = optional("Amount that is taxed", "248.00")
    tax_id: Maybe[Text] = optional("Tax number", "R123456789")


class Amount(Item):
    """An amount of money with a meaning, in the currency of the document, or a quantity beside it."""

    type: Maybe[Code] = optional("Meaning")
    amount: Maybe[Decimal] = optional("The amount", "900.00")
    sign: Maybe[Code] = optional("Credit or debit")
    quantity_type: Maybe[Text] = optional("Meaning of the quantity, an X12 code", "01")
    quantity: Maybe[Quantity] = optional("The quantity")


class AllowanceCharge(Item, InCurrency):
    """An allowance, a charge or a service: how much it is, and how it is settled."""

    kind: Maybe[Code] = optional("Which of them, where the list does not say so")
    type: Maybe[Code] = optional("What it is for")
    agency: Maybe[Code] = optional("Who maintains the agency's code")
    agency_code: Maybe[Text] = optional("Reason, a code of the agency", "TC990101")
    amount: Maybe[Decimal] = optional("Total amount; in X12 with two implied decimals", "451.20")
    percent_basis: Maybe[Text] = optional("What the percentage is taken of, an X12 code", "1")
    percent: Maybe[Decimal] = optional("Percentage", "2.5")
    rate: Maybe[Decimal] = optional("Amount for a unit", "0.15")
    quantity: Maybe[Quantity] = optional("Quantity it applies to")
    handling: Maybe[Code] = optional("How it is settled")
    reference: Maybe[Text] = optional("Reference", "PROMO-77")
    option: Maybe[Text] = optional("Option", "A")
    description: Maybe[Text] = optional("The same in words", "New store allowance")
    language: Maybe[Text] = optional("Language of the description", "en")
    taxes: Maybe[Many[Tax]] = optional("Taxes on it")


class Note(Item):
    """A note, a remark or an agreement."""

    type: Maybe[Code] = optional("Kind of note")
    reference: Maybe[Text] = optional("Reference", "SPH")
    text: Maybe[Text] = optional("Short text", "Special handling")
    at: Maybe[DateTime] = optional("Date, or date and time", "2026-02-20")
    time_zone: Maybe[Text] = optional("Zone of the time, an X12 code", "PT")
    messages: Maybe[Many[Text]] = optional("Lines of text", ["Deliver to the back door."])


class Measurement(Item):
    """A measurement of an item."""

    type: Maybe[Code] = optional("What is measured")
    measure: Maybe[Code] = optional("Which measure")
    value: Maybe[Decimal] = optional("Value", "61.5")
    uom: Maybe[Text] = optional("Unit of measure, an X12 code", "IN")
    minimum: Maybe[Decimal] = optional("Lower limit", "61")
    maximum: Maybe[Decimal] = optional("Upper limit", "62")


class QualifiedQuantity(Item, Quantity):
    """A quantity with a meaning."""

    type: Code = required("What it counts")


class Schedule(Item):
    """A part of a quantity and its date."""

    quantity: Maybe[Quantity] = optional("How much")
    party_role: Maybe[Code] = optional("For whom")
    party_name: Maybe[Text] = optional("Name of that party", "Store 142")
    type: Maybe[Code] = optional("What happens then")
    at: Maybe[DateTime] = optional("Date, or date and time", "2026-03-02")
    second_type: Maybe[Code] = optional("Meaning of a second date")
    second_at: Maybe[DateTime] = optional("The second date", "2026-03-06")
    request_ref: Maybe[Text] = optional("Reference of the request", "R-1")
    references: Maybe[Many[Reference]] = optional("References of this part")
    measurements: Maybe[Many[Measurement]] = optional("Measurements of this part")


class Delivery(Model):
    """How a document reaches a party."""

    method: Maybe[Code] = optional("Way of delivery")
    name: Maybe[Text] = optional("For whom", "Accounts Receivable")
    number: Maybe[Text] = optional("Number or address", "ar@acme.example")


class Party(Referenced):
    """A company, store or warehouse that takes part."""

    role: Code = required("What the party does here")
    name: Maybe[Text] = optional("Name", "Northwind Retail DC 12")
    id_scheme: Maybe[Code] = optional("Kind of identifier")
    id: Maybe[Text] = optional("Identifier", "0012")
    erp_ship_to: Maybe[Text] = optional("Number of the place in your own system, by its table", "S-017")
    additional_names: Maybe[Many[Text]] = optional("Further names", ["Receiving"])
    address: Maybe[Address] = optional("Postal address")
    routing: Maybe[Many[Routing]] = optional("Routing to this party")
    packaging: Maybe[Many[Packaging]] = optional("Packaging for this party")
    freight: Maybe[Freight] = optional("Freight terms with this party")
    delivery: Maybe[Delivery] = optional("How the document reaches it")
    messages: Maybe[Many[Text]] = optional("Lines of text", ["Dock closed on Monday."])
    quantities: Maybe[Many[QualifiedQuantity]] = optional("Its share of the line")
    schedule: Maybe[Many[Schedule]] = optional("Its delivery schedule")


class Person(Party):
    """A person, or an organization beside the parties."""

    kind: Code = required("Person or organization")
    first_name: Maybe[Text] = optional("First name, where the name is that of a family", "Dana")
    middle_name: Maybe[Text] = optional("Middle name", "R")
    prefix: Maybe[Text] = optional("What stands before the name", "Dr")
    suffix: Maybe[Text] = optional("What follows the name", "Jr")


class RelatedData(Item):
    """A piece of data that belongs to an error or a code."""

    text: Text = required("The data, or what it is", "00100012345678902")
    type: Maybe[Text] = optional("What it is, an X12 code", "94")
    agency: Maybe[Code] = optional("Who maintains the code")
    source: Maybe[Text] = optional("Part of the agency's lists", "ERRORS")
    list: Maybe[Text] = optional("Kind of list, an X12 code", "ZZ")
    code: Maybe[Text] = optional("The code", "E019")


class IndustryCode(Item):
    """A code of a list that X12 does not keep."""

    list: Maybe[Text] = optional("Kind of list, an X12 code", "ZZ")
    code: Maybe[Text] = optional("The code", "A17")
    related: Maybe[Many[RelatedData]] = optional("Data that belong to the code")


class IndustryCodes(Item):
    """Codes of one industry or agency."""

    agency: Code = required("Who maintains the codes")
    source: Maybe[Text] = optional("Part of the agency's lists", "STATUS")
    codes: Many[IndustryCode] = required("The codes")


class Place(Item):
    """A place in a transaction set."""

    segment: Maybe[Text] = optional("Segment", "PRF")
    position: Maybe[Count] = optional("Position of the segment in the set, ST being 1", 4)
    loop: Maybe[Text] = optional("Loop of the segment", "PO1")
    element: Maybe[Count] = optional("Position of the element in the segment", 2)
    component: Maybe[Count] = optional("Position in a composite element", 1)
    repetition: Maybe[Count] = optional("Which occurrence of a repeating element", 1)
    data_element: Maybe[Text] = optional("Number of the data element", "324")


class Context(Place):
    """A place that is not at fault, but the reason for a finding elsewhere."""

    name: Maybe[Text] = optional("What it tells", "SITUATIONAL TRIGGER")
    value: Maybe[Text] = optional("Its value, or that by which the business document is known", "PO-1001")
    component_data_element: Maybe[Text] = optional("Number of the data element in a composite", "355")


class Terms(Model):
    """Terms of payment."""

    type: Maybe[Code] = optional("Kind of terms")
    basis: Maybe[Code] = optional("Date from which days are counted")
    discount_pct: Maybe[Decimal] = optional("Discount in percent", "2")
    discount_due_date: Maybe[Date] = optional("Last day for the discount", "2026-03-12")
    discount_days: Maybe[Count] = optional("Days for the discount", 10)
    net_due_date: Maybe[Date] = optional("Last day to pay", "2026-04-01")
    net_days: Maybe[Count] = optional("Days to pay", 30)
    discount_amount: Maybe[Decimal] = optional("Discount as an amount; in X12 with two implied decimals")
    deferred_due_date: Maybe[Date] = optional("Day of the deferred payment", "2026-06-01")
    deferred_amount: Maybe[Decimal] = optional("Deferred amount; in X12 with two implied decimals")
    payable_pct: Maybe[Decimal] = optional("Part of the invoice that is payable, in percent", "50")
    description: Maybe[Text] = optional("Terms in words", "2% 10 NET 30")
    day_of_month: Maybe[Count] = optional("Day of the month", 25)
    payment_method: Maybe[Text] = optional("Means of payment, an X12 code", "E")


# --- lines ----------------------------------------------------------------------------------------------


class ItemIds(OpenKeys):
    """Identifiers of an item; further kinds under their X12 qualifier."""

    asin: Maybe[Text] = optional("Buyer's part number: at Amazon the ASIN", "B0FICTION1")
    vendor_sku: Maybe[Text] = optional("Vendor's item number", "ACME-100")
    upc: Maybe[Text] = optional("UPC of the consumer unit, 12 digits", "012345678905")
    ean: Maybe[Text] = optional("EAN, 13 digits", "4006381333931")
    gtin14: Maybe[Text] = optional("Shipping container code, 14 digits", "10012345678902")
    isbn: Maybe[Text] = optional("ISBN", "0306406152")
    upc_case: Maybe[Text] = optional("Case code without check digit", "001234567890")
    buyer_item: Maybe[Text] = optional("Buyer's item number", "71039103")
    buyer_catalog: Maybe[Text] = optional("Buyer's catalog number", "956591117")
    purchaser_item: Maybe[Text] = optional("Purchaser's item code", "0000547")
    sku: Maybe[Text] = optional("Stock keeping unit", "56065050")
    vendor_style: Maybe[Text] = optional("Vendor's style number", "531044ML")
    vendor_part: Maybe[Text] = optional("Vendor's part number", "WIDGET-A")
    vendor_catalog: Maybe[Text] = optional("Vendor's catalog number", "5323-1151")
    vendor_color: Maybe[Text] = optional("Vendor's color", "LAVENDER")
    buyer_style: Maybe[Text] = optional("Buyer's style number", "1409")
    buyer_color: Maybe[Text] = optional("Buyer's color", "RED")
    buyer_size: Maybe[Text] = optional("Buyer's size", "XL")
    manufacturer_part: Maybe[Text] = optional("Manufacturer's part number", "XYZ-1234")
    ndc: Maybe[Text] = optional("National drug code", "00071015523")
    erp_sku: Maybe[Text] = optional("Item number in your own system, by its item table", "100-4711")


class Price(Item, InCurrency):
    """A price of a line beside its unit price."""

    class_of_trade: Maybe[Code] = optional("For whom the price is")
    type: Maybe[Code] = optional("Kind of price")
    amount: Maybe[Decimal] = optional("Price of a unit", "54.99")
    quantity: Maybe[Quantity] = optional("Quantity the price is for")
    multiplier_type: Maybe[Code] = optional("Kind of multiplier")
    multiplier: Maybe[Decimal] = optional("Multiplier of the price", ".57")
    extended: Maybe[Decimal] = optional("Amount for the whole quantity", "1319.76")
    basis: Maybe[Text] = optional("What the price is for, an X12 code", "PE")
    condition: Maybe[Text] = optional("Condition of the price", "10")
    per: Maybe[Count] = optional("Number of units the price is for", 1)


class Description(Item):
    """A coded description of an item."""

    type: Code = required("Form")
    characteristic: Maybe[Code] = optional("What is described")
    agency: Maybe[Code] = optional("Who maintains the code")
    code: Maybe[Text] = optional("Code of the description", "600")
    text: Maybe[Text] = optional("Description in words", "LAVENDER")
    language: Maybe[Text] = optional("Language", "en")
    measurements: Maybe[Many[Measurement]] = optional("Measurements that belong to it")


class Described(Item):
    """What is described in words, by codes and by measurements."""

    description: Maybe[Text] = optional("Plain description", "Zip robe, M")
    descriptions: Maybe[Many[Description]] = optional("Coded descriptions")
    measurements: Maybe[Many[Measurement]] = optional("Measurements")


class Packing(Lading):
    """How an item is packed, with weight and volume of a pack; the pack size stands with the quantity."""

    size: Maybe[Quantity] = optional("Size of a unit in the pack")
    code: Maybe[Text] = optional("Packaging, an X12 code", "CTN25")
    weight_type: Maybe[Text] = optional("Kind of weight, an X12 code", "G")
    dimensions: Maybe[Dimensions] = optional("Length, width and height of a pack")
    inner_packs: Maybe[Count] = optional("Inner packs in a pack", 4)


class StoreQuantity(Model):
    """The share of one store."""

    location: Text = required("The store", "0142")
    quantity: Decimal = required("Its share", "6")


class Stores(Item):
    """Quantities for single stores or warehouses."""

    uom: Text = required("Unit of measure, an X12 code", "EA")
    scheme: Maybe[Code] = optional("Kind of store number")
    quantities: Many[StoreQuantity] = required("One entry for each store")
    place: Maybe[Text] = optional("Place that all of them are in", "001")


class Response(Item):
    """The supplier's answer to a line, or to a part of its quantity."""

    code: Code = required("The answer")
    quantity: Maybe[PackQuantity] = optional("Quantity it is about")
    erp_quantity: Maybe[Quantity] = optional("The same as your own system counts it, by its item table")
    ship_date: Maybe[Date] = optional("Day it is to be shipped", "2026-03-02")
    delivery_date: Maybe[Date] = optional("Day it is to be delivered", "2026-03-05")
    date_type: Maybe[Code] = optional("Meaning of another date")
    date: Maybe[Date] = optional("Another date", "2026-03-02")
    reference: Maybe[Text] = optional("Reference of the request, or words on the answer", "ITEM FILLED")
    ids: Maybe[ItemIds] = optional("Identifiers of the item, or of the one sent in its place")
    reason_agency: Maybe[Code] = optional("Who maintains the reason codes")
    reason_list: Maybe[Text] = optional("Part of the agency's list", "ACK")
    reason: Maybe[Text] = optional("Why, a code of the agency", "14")
    dates: Maybe[Many[DateReference]] = optional("Further dates of this part")


class Goods(Item):
    """An item and its price."""

    line_no: Maybe[Text] = optional("Line number, text as received", "00001")
    ids: Maybe[ItemIds] = optional("Identifiers of the item")
    erp_quantity: Maybe[Quantity] = optional("Its quantity as your own system counts, by its item table")
    unit_price: Maybe[Money] = optional("Price of a unit, without tax")
    price_basis: Maybe[Code] = optional("What the price is for")


class Component(Goods, Described, Referenced):
    """A part of an assortment, set or kit, and what the supplier says to it."""

    line_no: Text = required("Number of the component", "1")
    parent_line_no: Maybe[Text] = optional("Number of the component it belongs to", "1")
    relationship: Code = required("How it belongs to the line")
    quantity: Maybe[PackQuantity] = optional("Quantity in one unit of the line")
    prices: Maybe[Many[Price]] = optional("Further prices")
    packing: Maybe[Packing] = optional("How it is packed")
    messages: Maybe[Many[Text]] = optional("Lines of text", ["Fold once."])
    notes: Maybe[Many[Note]] = optional("Notes")
    allowances_charges: Maybe[Many[AllowanceCharge]] = optional("Allowances and charges")
    taxes: Maybe[Many[Tax]] = optional("Taxes of the component")
    responses: Maybe[Many[Response]] = optional("Answers")


class Totals(Lading):
    """Totals at the end of a document."""

    line_count: Maybe[Count] = optional("Number of lines; counted when written", 2)
    level_count: Maybe[Count] = optional("Number of levels, or what the partners agree to count", 6)
    hash: Maybe[Decimal] = optional("Sum of the quantities", "48")
    description: Maybe[Text] = optional("Totals in words", "Spring order")
    amount: Maybe[Decimal] = optional("Total amount", "900.00")
