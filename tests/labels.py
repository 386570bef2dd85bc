"""Ship notices with all that a label can show, and an independent reader of bars."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import zxingcpp
from PIL import Image
from pypdfium2 import PdfDocument

from gateway.partners.gs1 import Gs1Prefix

PREFIX = Gs1Prefix(prefix="0614141", extension=1)


def sscc(serial: int) -> str:
    return f"00{PREFIX.sscc(serial)}"


def item(line: str = "1", **changes: Any) -> dict[str, Any]:
    ids = {"asin": f"B0C1KETTL{line}", "vendor_sku": f"EX-KT-1{line}"}
    return {"line_no": line, "ids": ids, "quantity": {"value": "12", "uom": "EA"}, **changes}


def address(name: str = "ACME RETAIL FULFILMENT RNO4", **changes: Any) -> dict[str, Any]:
    """A party ``ship_to``; changes are of its address."""
    said = {"lines": ["8000 NORTH VIRGINIA STREET"], "city": "RENO", "state": "NV", "postal_code": "89506"}
    known = {field: value for field, value in {**said, "country": "US", **changes}.items() if value}
    return {"role": "ship_to", "id": "RNO4", "name": name, "address": known}


NAMELESS = {"role": "ship_to", "id": "RNO4"}


def notice(**changes: Any) -> dict[str, Any]:
    """A pallet of two cartons, one with two items, one with one that has lot and expiry."""
    cartons = [
        {"sscc": sscc(2), "items": [item(), item("2", quantity={"value": "6", "uom": "EA"})]},
        {
            "sscc": sscc(3),
            "items": [item("3", lot="L26-118", expiry="2026-09-30", description="Tea, 40 bags")],
        },
    ]
    supplier = {**address("EXAMPLE SUPPLIER LLC", city="TACOMA", state="WA", postal_code="98421"), "id": "S1"}
    return {
        "document_type": "ship_notice",
        "schema_version": "1",
        "purpose": "original",
        "created_at": "2026-03-02T16:30",
        "shipment_id": "SHIP0042",
        "bill_of_lading": "ES00000077",
        "carrier": {"scac": "ABFS", "name": "ABF FREIGHT", "pro": "402118834"},
        "parties": [{**supplier, "role": "ship_from"}, address()],
        "orders": [{"po_number": "7KX2M41Q", "pallets": [{"sscc": sscc(1), "cartons": cartons}]}],
        **changes,
    }


def read(picture: Image.Image) -> set[tuple[str, str]]:
    """The bars in a picture: what they say, and of which kind that is."""
    found = zxingcpp.read_barcodes(picture.convert("L"))
    assert {one.format.name for one in found} <= {"Code128"}
    return {(one.text, one.content_type.name) for one in found}


def pictures(pdf: bytes, dpi: int) -> list[Image.Image]:
    """The pages of a PDF as a printer has them: black or white dots."""
    with PdfDocument(pdf) as document:
        return [
            page.render(scale=dpi / 72).to_pil().convert("L").point(lambda one: 255 * (one > 127))
            for page in document
        ]


def picture(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png))


HOW_TO = Path(__file__).resolve().parents[1] / "docs" / "how-to"

if __name__ == "__main__":  # the pictures of the documentation: python -m tests.labels
    from gateway.labels.fonts import Fonts
    from gateway.labels.label import labels
    from gateway.labels.layout import LAYOUTS
    from gateway.labels.output import printed

    for name, number in (("amazon", 2), ("generic", 1)):
        some = labels(notice())[number : number + 1]
        assert name in LAYOUTS
        (HOW_TO / f"label-{name}.png").write_bytes(printed(some, "png", layout=name, fonts=Fonts()))
