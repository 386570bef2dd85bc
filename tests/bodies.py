"""Bodies of the SP-API and ship notices drawn by chance, all of them lawful."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from gateway import engine
from gateway.mapping.members import Member
from gateway.sp_api import packing
from tests.strategies import matching

Json = dict[str, Any]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,-/&#'()~*"


class Draft:
    """Draws bodies from their forms.

    Args:
        share: how many of the members that may be left out are there, from 0 to 1.
    """

    def __init__(self, choices: Random, share: float) -> None:
        self.choices, self.share = choices, share

    def body(self, kind: str) -> Json:
        plan = engine.library().body(kind)
        self.forms = plan.forms
        return self.object(plan.root, 0)

    def object(self, name: str, depth: int) -> Json:
        return {
            key: sorted(value, key=_first) if key.endswith("Identifiers") else value
            for key, member in self.forms.objects[name].items()
            if member.required or (depth < 5 and self.choices.random() < self.share)
            for value in (self.member(member, depth),)
        }

    def member(self, member: Member, depth: int) -> Any:
        if member.is_list:
            return [self.value(member, depth) for _ in range(self.choices.randint(1, 3))]
        return self.value(member, depth)

    def value(self, member: Member, depth: int) -> Any:
        choices, words = self.choices, member.spec.split(" ", 1)
        match member.kind:
            case "object":
                return self.object(member.of, depth + 1)
            case "enum":
                return choices.choice(words[1].split())
            case "int":
                return choices.randint(1, 10_000)
            case "number":
                return choices.choice(
                    (
                        choices.randint(0, 9999),
                        Decimal(f"{choices.randint(1, 999)}.{choices.randint(0, 99):02}"),
                    )
                )
            case "bool":
                return choices.random() < 0.5
            case "decimal":
                return choices.choice(("1", "12.50", "0.125", "19.9900", "1000000", "7.0"))
            case "time":
                return self.time()
            case "window":
                return f"{self.time()}--{self.time()}"
        if member.spec == "text /[A-Z]{3}/":
            return "USD"  # amounts in other currencies have a test of their own
        if "/" in member.spec:
            text = matching(member.spec.split("/")[1], choices)
            return text.replace(" ", "-")[:40]
        most = int(member.spec.rpartition("..")[2] or 30) if ".." in member.spec else 30
        return "".join(choices.choice(LETTERS) for _ in range(choices.randint(2, min(most, 30))))

    def time(self) -> str:
        choices = self.choices
        day = f"20{choices.randint(20, 35)}-{choices.randint(1, 12):02}-{choices.randint(1, 28):02}"
        clock = choices.choice(("00:00:00", "08:30:00", "17:04:59", "23:59:59.5", "12:00:00.123456"))
        return f"{day}T{clock}{choices.choice(('Z', 'Z', '+02:00', '-08:00'))}"


def _first(identifier: Json) -> bool:
    """Puts SSCCs first, where they are written."""
    return identifier.get("containerIdentificationType") != "SSCC"


def sscc(number: int) -> str:
    return f"00{number:018}"


def ship_notice(structure: str, choices: Random) -> Json:
    """A ship notice whose levels are those of a structure."""
    serial = iter(range(1, 10_000))
    lines = iter(range(1, 10_000))
    standard = structure.endswith("StandardCase")

    def item(*, cartons: int = 0) -> Json:
        made: Json = {"line_no": str(next(lines)), "ids": {"asin": f"B0{choices.randint(1, 99):08}"}}
        size = choices.randint(1, 12)
        if choices.random() < 0.5 and not cartons:
            made["quantity"] = {"value": str(choices.randint(1, 40)), "uom": "CA", "pack_size": size}
        else:
            count = max(cartons, 1)
            made["quantity"] = {"value": str(size * count), "uom": "EA"}
            if cartons:
                made["quantity"]["pack_size"] = size
        if choices.random() < 0.5:
            made["lot"] = f"L{choices.randint(1, 9)}"
        if choices.random() < 0.3:
            made["expiry"] = "2027-09-30"
        return made

    def level(levels: tuple[str, ...]) -> list[Json]:
        name, rest = levels[0], levels[1:]
        found = []
        for _ in range(choices.randint(1, 3)):
            if name == "items":
                many = choices.randint(1, 4)
                found.append(item(cartons=many if standard else 0))
                if rest:
                    found[-1]["cartons"] = [{"sscc": sscc(next(serial))} for _ in range(many)]
                continue
            made: Json = {}
            if name == "orders":
                made = {"po_number": f"PO{next(serial):06}"}
            else:
                made = {"sscc": sscc(next(serial))}
                if name == "cartons" and choices.random() < 0.5:
                    made["tracking"] = f"1Z{next(serial):08}"
                if name == "pallets":
                    made |= {"tier": choices.randint(1, 4), "block": choices.randint(1, 9)}
            made[rest[0]] = level(rest)
            found.append(made)
        return found

    code, levels = packing.STRUCTURES[structure]
    notice: Json = {
        "document_type": "ship_notice",
        "schema_version": "1",
        "shipment_id": "SHIP0042",
        "purpose": "original",
        "created_at": "2026-03-02T16:30",
        "structure": code,
        "mode": choices.choice(("motor", "ltl", "parcel")),
        "carrier": {"scac": "ABFS", "pro": "402-118834"},
        "bill_of_lading": "06141411234567890",
        "ship_date": "2026-03-02T17:00",
        "estimated_delivery": "2026-03-05",
        "measurements": {"cartons": 24, "weight": {"value": "120.45", "uom": "KG"}},
        "parties": [
            {"role": role, "id_scheme": "buyer_assigned", "id": name}
            for role, name in (("seller", "ACME1"), ("ship_from", "ACMEW"), ("ship_to", "PHX6"))
        ],
    }
    return notice | {levels[0]: level(levels)}
