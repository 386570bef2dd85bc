"""Purchase orders of the made-up retailer of a new home, as files for its inbox."""

from __future__ import annotations


def order(control: int, po_number: str, lines: list[str], requested: str = "20260316") -> list[str]:
    """The segments of one purchase order (850), ST to SE; a line is ``quantity|unit|price|ASIN|SKU|text``."""
    segments = [
        f"ST*850*{control:04d}",
        f"BEG*00*NE*{po_number}**20260302",
        "REF*DP*KITCHEN",
        f"DTM*002*{requested}",
        "N1*ST*ACME RETAIL FULFILMENT RNO4*92*RNO4",
        "N3*8000 NORTH VIRGINIA STREET",
        "N4*RENO*NV*89506*US",
    ]
    for number, line in enumerate(lines, 1):
        quantity, unit, price, asin, sku, text = line.split("|")
        segments += [f"PO1*{number}*{quantity}*{unit}*{price}*PE*BP*{asin}*VN*{sku}", f"PID*F****{text}"]
    return [*segments, f"CTT*{len(lines)}", f"SE*{len(segments) + 2}*{control:04d}"]


def interchange(control: int, sets: list[list[str]], group: str = "PO", sender: str = "ACMERETAIL") -> bytes:
    """An interchange to Example Supplier."""
    isa = f"ISA*00*          *00*          *ZZ*{sender:<15}*ZZ*EXAMPLESUPPLIER"
    segments = [
        f"{isa}*260302*0915*U*00401*{control:09d}*0*P*>",
        f"GS*{group}*{sender}*EXAMPLESUPPLIER*20260302*0915*{control}*X*004010",
        *(segment for one in sets for segment in one),
        f"GE*{len(sets)}*{control}",
        f"IEA*1*{control:09d}",
    ]
    return "".join(f"{segment}~\n" for segment in segments).encode("ascii")
