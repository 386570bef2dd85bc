"""Every part of the pages with real data, to look at: ``python -m tests.web.gallery FOLDER`` writes it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import ChoiceLoader, DictLoader

import gateway
from gateway.errors import Problem
from gateway.web import charts, render
from gateway.x12.annotate import AnnotatedSet, Annotator, Row

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
SCREENS = Path(__file__).parent / "screens"
PARTNERS = ("acme-retail", "northwind-home", "harbor-stores", "lindqvist-ab")


class Somebody:
    """An identity that may everything."""

    actor, name, csrf = "web:maria.keller", "maria.keller", "3f1c9a"

    def partners(self, permission: str) -> frozenset[str] | None:
        return None


SOMEBODY = Somebody()


def request(path: str = "/messages", query: str = "", theme: str = "", identity: Any = None) -> Request:
    headers = [(b"cookie", f"theme={theme}".encode())] if theme else []
    state = {"now": NOW, "identity": identity}
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode()}
    return Request({**scope, "headers": headers, "state": state})


def rendered(template: str, asked: Request | None = None, title: str = "Gallery", **context: Any) -> str:
    """A page of a template that is given as text."""
    made = render.environment()
    kept, name = made.loader, f"{abs(hash(template))}.html"
    assert kept is not None
    made.loader = ChoiceLoader([DictLoader({name: template}), kept])
    try:
        answer = render.page(asked or request(identity=SOMEBODY), name, title=title, **context)
        return bytes(answer.body).decode()
    finally:
        made.loader = kept


# --- data ------------------------------------------------------------------------------------------------


@cache
def annotated(damaged: bool = True) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A purchase order of the demonstration in rows, and the problems in it."""
    text = (ROOT / "config/demo/orders-1001.edi").read_bytes()
    if damaged:
        text = text.replace(b"*120*EA*18.40*PE", b"*120*PCS*18.40*PE").replace(
            b"DTM*002*20260316", b"DTM*002*20261316"
        )
    rows: list[Row] = []
    problems: list[Problem] = []
    for part in Annotator(gateway.library()).file(lambda: [text]):
        match part:
            case Row():
                rows.append(part)
            case AnnotatedSet():
                rows += part.segments
                problems += part.problems
            case Problem():
                problems.append(part)
    problems += [
        one for row in rows for one in (*row.problems, *(p for c in row.elements for p in c.problems))
    ]
    return [row.to_dict() for row in rows], [one.to_dict() for one in problems]


@cache
def document() -> Any:
    (found,) = gateway.translate(ROOT / "config/demo/orders-1001.edi")
    return found


def messages(number: int = 50) -> list[dict[str, Any]]:
    """Rows as the store gives them."""
    states = [
        ("translated", "delivered", "not_expected"),
        ("written", "delivered", "accepted"),
        ("written", "sent", "waiting"),
        ("written", "delivered", "overdue"),
        ("partly_translated", "delivered", "not_expected"),
        ("written", "failed", "not_expected"),
        ("written", "delivered", "rejected"),
        ("rejected", "not_expected", "not_expected"),
        ("translated", "delivered", "not_expected"),
        ("written", "delivered", "accepted_with_errors"),
        ("received", "waiting", "not_expected"),
        ("duplicate", "not_expected", "not_expected"),
    ]
    found = []
    for place in range(number):
        translation, delivery, acknowledgment = states[place * 5 % len(states) if place > 3 else place]
        out = translation == "written"
        kind = ("810", "856", "855")[place % 3] if out else ("850", "860", "820")[place % 3]
        found.append(
            {
                "id": f"{0x5F3A91C0 + place * 7919:08x}-6d1e-4c7b-9a41-0242ac120002",
                "created_at": (NOW - timedelta(minutes=7 * place)).isoformat(),
                "direction": "out" if out else "in",
                "partner": PARTNERS[place * 3 % 4],
                "set": kind,
                "name": f"{'invoice' if out else 'orders'}-{7100 + place}.{'json' if out else 'edi'}",
                "number": f"7KX2M{41 + place}Q",
                "interchange": f"{1001 + place:09d}",
                "size": 812 + place * 977,
                "test": place % 11 == 4,
                "translation": translation,
                "delivery": delivery,
                "acknowledgment": acknowledgment,
            }
        )
    return found


def drawings() -> dict[str, charts.Chart]:
    hours = [f"{hour:02d}" for hour in range(24)]
    volume = {
        who: [max(0, (hour * 7 + n * 13) % 37 - 6 + (24 if 8 < hour < 18 else 0)) for hour in range(24)]
        for n, who in enumerate(PARTNERS)
    }
    cert = [
        ("as2.acme-retail.example, signing", -300, 24, "warn"),
        ("as2.acme-retail.example, next", -6, 359, "ok"),
        ("harbor-stores, TLS", -200, 165, "ok"),
        ("lindqvist-ab, encryption", -730, -3, "error"),
    ]
    ages = [
        ("under 1 hour", 31, "31", "ok"),
        ("1 to 4 hours", 12, "12", "ok"),
        ("4 to 24 hours", 5, "5", "warn"),
        ("over 24 hours", 3, "3 overdue", "error"),
    ]
    return {
        "volume": charts.stacked("Messages an hour by partner", hours, volume),
        "ages": charts.bars(
            "Acknowledgments that are waiting", ages, "51 by age; 3 are overdue", "Age", charts.HALF
        ),
        "certificates": charts.spans(
            "Validity of certificates",
            [(name, NOW + timedelta(days=a), NOW + timedelta(days=b), tone) for name, a, b, tone in cert],
            NOW,
            "1 ends within 30 days, its successor is there; 1 has ended",
        ),
    }


# --- pages -----------------------------------------------------------------------------------------------


@cache
def pages(theme: str = "auto") -> dict[str, str]:
    """All pages of the gallery by name."""
    rows, problems = annotated()
    refused = {
        "code": "HOME-REFUSED-BY-PARTNER",
        "severity": "error",
        "fault": "us",
        "value": "PCS",
        "message": "Invoice 4711, line 3: unit code `PCS` is not in the list this partner allows for IT103 "
        "(EA, CA).",
        "hint": "Change `lines[2].unit`, or map PCS to EA in mappings/partners/acme-retail/810.yaml.",
        "location": {
            "segment_id": "IT1",
            "element": 3,
            "component": None,
            "segment": 14,
            "loop": "IT1",
            "pointer": "/lines/2/unit",
            "transaction_set": "0001",
            "interchange": "000000912",
        },
    }
    events = [
        {
            "at": NOW - timedelta(days=9),
            "title": "Purchase order 7KX2M41Q",
            "text": "850, 2 lines, 2,956.80 USD",
            "href": "/d/1",
            "state": "done",
        },
        {"at": NOW - timedelta(days=9), "title": "Acknowledged", "text": "997, accepted", "state": "done"},
        {
            "at": NOW - timedelta(days=8),
            "title": "Order acknowledgment",
            "text": "855, accepted",
            "href": "/d/2",
            "state": "done",
        },
        {
            "due_at": NOW - timedelta(hours=4),
            "title": "Ship notice is late",
            "text": "856 is due before the carrier arrives",
            "state": "late",
        },
        {
            "at": NOW - timedelta(hours=1),
            "title": "Invoice 4711 not delivered",
            "href": "/d/3",
            "state": "failed",
        },
        {"due_at": NOW + timedelta(days=30), "title": "Payment", "text": "820", "state": "due"},
        {"title": "No return", "state": "gap"},
    ]
    steps = [
        {
            "title": "Identity",
            "text": "ZZ NORTHWINDHOME, you are ZZ EXAMPLESUPPLIER",
            "state": "done",
            "href": "/p/1",
            "action": "Change",
        },
        {
            "title": "Documents and guideline",
            "text": "850, 855, 856, 810 in 004010",
            "state": "done",
            "href": "/p/2",
            "action": "Change",
        },
        {
            "title": "Channel",
            "text": "SFTP to edi.northwind.example; not tested yet",
            "state": "current",
            "href": "/p/3",
            "action": "Test connection",
        },
        {"title": "Certificates", "text": "Only for AS2", "state": "optional"},
        {"title": "Test documents", "text": "Exchange one of each", "state": "missing"},
        {"title": "Go live", "text": "ISA15 from T to P", "state": "missing"},
    ]
    known: Mapping[str, Any] = {
        "rows": rows,
        "problems": problems,
        "document": document(),
        "messages": messages(),
        "refused": refused,
        "events": events,
        "steps": steps,
        "charts": drawings(),
    }

    shown = {
        "today": ("/", "", "Today"),
        "messages": ("/messages", "sort=-time", "Messages"),
        "message": ("/messages/1", "", "Purchase order 7KX2M41Q"),
        "partner": ("/partners", "", "Northwind Home & Garden"),
        "empty": ("/unprocessed", "", "Unprocessed"),
        "login": ("/login", "", "Sign in"),
    }
    found = {}
    for name, (path, query, title) in shown.items():
        asked = request(path, query, theme, None if name == "login" else SOMEBODY)
        if name == "partner":
            asked.state.flash = ("done", f"The settings of {title} are saved.")
        twin = "" if name == "login" else f"/api/v1{path}"
        template = (SCREENS / f"{name}.html").read_text(encoding="utf-8")
        found[name] = rendered(template, asked, title, json_twin=twin, test=name == "message", **known)
    return found


def write(folder: Path) -> None:
    """The gallery in both colours, with what it needs."""
    static = ROOT / "gateway/web/static"
    shutil.copytree(static, folder / "static", dirs_exist_ok=True)
    for theme in ("light", "dark"):
        for name, html in pages(theme).items():
            (folder / f"{name}-{theme}.html").write_text(html, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
