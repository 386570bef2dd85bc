"""Every part of the pages with data as it comes: ``python -m tests.web.gallery FOLDER`` writes it, to look at."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import ChoiceLoader, DictLoader

import gateway
from gateway.web import charts, render
from gateway.x12.annotate import AnnotatedSet, Annotator, Problem, Row

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
PARTNERS = ("acme-retail", "northwind-home", "harbor-stores", "lindqvist-ab")


class Somebody:
    """An identity that may everything."""

    actor, csrf = "maria.keller", "3f1c9a"

    def partners(self, permission: str) -> frozenset[str] | None:
        return None


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
        answer = render.page(asked or request(identity=Somebody()), name, title=title, **context)
        return bytes(answer.body).decode()
    finally:
        made.loader = kept


def framed(body: str, asked: Request | None = None, **context: Any) -> str:
    """The same for the content of a page."""
    return rendered("{% extends 'base.html' %}\n" + body, asked, **context)


# --- data ------------------------------------------------------------------------------------------------


def annotated(damaged: bool = True) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A purchase order of the demonstration in rows, and the problems in it."""
    text = (ROOT / "config/demo/orders-1001.edi").read_bytes()
    if damaged:
        text = text.replace(b"*120*EA*18.40*PE", b"*120*PCS*18.40*PE").replace(b"DTM*002*20260316", b"DTM*002*20261316")
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
    problems += [one for row in rows for one in (*row.problems, *(p for c in row.elements for p in c.problems))]
    return [row.to_dict() for row in rows], [one.to_dict() for one in problems]


def document() -> Any:
    (found,) = gateway.translate(ROOT / "config/demo/orders-1001.edi")
    return found


def messages(number: int = 50) -> list[dict[str, Any]]:
    """Rows as the store gives them."""
    states = [("translated", "delivered", "not_expected"), ("written", "delivered", "accepted"),
              ("written", "sent", "waiting"), ("written", "delivered", "overdue"),
              ("partly_translated", "delivered", "not_expected"), ("written", "failed", "not_expected"),
              ("written", "delivered", "rejected"), ("rejected", "not_expected", "not_expected"),
              ("translated", "delivered", "not_expected"), ("written", "delivered", "accepted_with_errors"),
              ("received", "waiting", "not_expected"), ("duplicate", "not_expected", "not_expected")]  # fmt: skip
    found = []
    for place in range(number):
        translation, delivery, acknowledgment = states[place * 5 % len(states) if place > 3 else place]
        out = translation == "written"
        kind = ("810", "856", "855")[place % 3] if out else ("850", "860", "820")[place % 3]
        found.append({
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
            "translation": translation, "delivery": delivery, "acknowledgment": acknowledgment,
        })  # fmt: skip
    return found


def drawings() -> dict[str, charts.Chart]:
    hours = [f"{hour:02d}" for hour in range(24)]
    volume = {who: [max(0, (hour * 7 + n * 13) % 37 - 6 + (24 if 8 < hour < 18 else 0)) for hour in range(24)]
              for n, who in enumerate(PARTNERS)}  # fmt: skip
    days = [f"{(NOW - timedelta(days=29 - d)):%d %b}" for d in range(30)]
    rate = [(day, None if n in (11, 12) else 100 - (n * 37 % 13) * 0.9) for n, day in enumerate(days)]
    cert = [("as2.acme-retail.example, signing", -300, 24, "warn"), ("as2.acme-retail.example, next", -6, 359, "ok"),
            ("harbor-stores, TLS", -200, 165, "ok"), ("lindqvist-ab, encryption", -730, -3, "error")]  # fmt: skip
    ages = [("under 1 hour", 31, "31", "ok"), ("1 to 4 hours", 12, "12", "ok"), ("4 to 24 hours", 5, "5", "warn"),
            ("over 24 hours", 3, "3 overdue", "error")]  # fmt: skip
    return {
        "volume": charts.stacked("Messages an hour by partner", hours, volume),
        "ages": charts.bars("Acknowledgments that are waiting", ages, "51 by age; 3 are overdue", "Age"),
        "rate": charts.line("Ship notices on time", rate, goal=97, summary="95.1% in 30 days; the retailer wants 97%"),
        "certificates": charts.spans("Validity of certificates",
            [(name, NOW + timedelta(days=a), NOW + timedelta(days=b), tone) for name, a, b, tone in cert], NOW,
            "1 ends within 30 days, its successor is there; 1 has ended"),
    }  # fmt: skip


# --- pages -----------------------------------------------------------------------------------------------

TODAY = """
{% block actions %}{{ ui.button("Create invoice", "/documents/new") }}{{ ui.button("Upload a file", "/messages/new", "primary") }}{% endblock %}
{% block content %}
{{ ui.attention([
  {"count": 2, "text": "messages failed to be delivered", "href": "/messages", "tone": "error"},
  {"count": 1, "text": "document not accepted by Acme Retail", "href": "/acknowledgments", "tone": "refused"},
  {"count": 3, "text": "acknowledgments overdue", "href": "/acknowledgments", "tone": "late"},
  {"count": 1, "text": "certificate ends in 24 days", "href": "/certificates", "tone": "warn"}]) }}
<div class="tiles">
  {{ ui.tile("Messages in 24 hours", 1284|number, "1,196 the day before", "/messages") }}
  {{ ui.tile("Translated", "99.4%", "8 of 1,284 had problems") }}
  {{ ui.tile("Acknowledged on time", "97.8%", "3 overdue", "/acknowledgments", "warn") }}
  {{ ui.tile("Open with partners", "18,204.50"|money("USD"), "7 short payments") }}
</div>
{% call ui.card("Last 24 hours", "/messages", "All messages") %}{{ ui.chart(charts.volume) }}{% endcall %}
<div class="cards">
  {% call ui.card("Waiting for partners") %}{{ ui.chart(charts.ages) }}{% endcall %}
  {% call ui.card("On time") %}{{ ui.chart(charts.rate) }}{% endcall %}
</div>
{% call ui.card("Certificates") %}{{ ui.chart(charts.certificates) }}{% endcall %}
{% endblock %}
"""

LIST = """
{% block actions %}{{ ui.button("Save this view", "/views/new") }}{% endblock %}
{% block content %}
{{ ui.tabs([("All", "/messages", 1284, true), ("Needs somebody", "/messages?person=1", 6, false), ("Overdue", "/messages?ack=overdue", 3, false), ("Saved: Acme invoices", "/messages?view=2", none, false)], "Views") }}
{% call ui.filters("/messages", "/messages") %}
  <div class="grow">{{ ui.field("text", "Search", "", "search", attrs={"placeholder": "PO, invoice, file"}) }}</div>
  {{ ui.choice("partner", "Partner", [("acme-retail", "Acme Retail"), ("harbor-stores", "Harbor Stores")], blank="All partners") }}
  {{ ui.choice("translation", "Translation", ["translated", "rejected"], blank="Any") }}
  {{ ui.choice("delivery", "Delivery", ["waiting", "sent", "failed"], blank="Any") }}
  {{ ui.field("since", "From", "2026-03-01", "date") }}
{% endcall %}
<form method="post" action="/messages/actions">
{{ ui.csrf_field() }}
{% call ui.bulk("Nothing selected") %}<button name="do" value="resend">Resend…</button><button name="do" value="reprocess">Reprocess…</button>{% endcall %}
{% call(row) ui.table("Messages", [{"label": "Time", "key": "time", "kind": "tight"}, {"label": "Partner", "key": "partner"},
    {"label": "Document"}, {"label": "File"}, {"label": "Size", "kind": "num"}, {"label": "Translation"}, {"label": "Delivery"}, {"label": "Acknowledgment"}],
    messages, sort="-time", pick="id", stack=true) %}
{{ ui.pick("id", row.id, "Select " ~ row.name) }}
<td data-label="Time" class="tight">{{ row.created_at|time }}</td>
<td data-label="Partner"><a href="/partners/{{ row.partner }}">{{ row.partner }}</a></td>
<td data-label="Document"><span>{{ row.set }} <a href="/messages/{{ row.id }}">{{ row.number }}</a>{{ ui.usage(row.test) }}</span></td>
<td data-label="File">{{ ui.identifier(row.name, short=24) }}</td>
<td data-label="Size" class="num">{{ row.size|size }}</td>
<td data-label="Translation">{{ ui.badge("translation", row.translation) }}</td>
<td data-label="Delivery">{{ ui.badge("delivery", row.delivery) }}</td>
<td data-label="Acknowledgment">{{ ui.badge("acknowledgment", row.acknowledgment) }}</td>
{% endcall %}
</form>
{{ ui.pager("/messages?cursor=51", "", 50) }}
{% endblock %}
"""

DETAIL = """
{% block crumbs %}{{ ui.crumbs([("Messages", "/messages"), ("Acme Retail", "/partners/acme-retail")]) }}{% endblock %}
{% block actions %}
{{ ui.button("Download", "/messages/1/raw") }}
{{ ui.confirm("Resend…", "/messages/1/resend", "Send the same bytes again?", "Acme Retail gets interchange 000001001 once more, with the same control numbers. It may call it a duplicate.", "Send again") }}
{{ ui.confirm("Cancel…", "/messages/1/cancel", "Give it up?", "Nothing of it was seen by anybody. It can't be taken back.", "Cancel the message", danger=true) }}
{% endblock %}
{% block content %}
{{ ui.tabs([("Overview", "/m/1", none, true), ("X12", "/m/1/x12", none, false), ("Document", "/m/1/json", none, false), ("Mapping", "/m/1/trace", none, false), ("Delivery", "/m/1/delivery", 2, false), ("Acknowledgments", "/m/1/acks", 1, false), ("History", "/m/1/history", 9, false), ("Raw", "/m/1/raw", none, false)], "Message") }}
{% call ui.card("Where it stands") %}
{{ ui.statuses({"translation": "partly_translated", "delivery": "failed", "acknowledgment": "rejected"}) }}
{{ ui.facts([("Partner", "Acme Retail"), ("File", ui.identifier("orders-1001.edi")), ("Received", "2026-03-02T09:15:31Z"|time("second")), ("Size", 812|size), ("Interchange", ui.identifier("000001001")), ("Purchase order", ui.identifier("7KX2M41Q", "/documents/1")), ("Amount", ui.amount("2956.80", "USD")), ("Channel", "AS2"), ("Origin", "")]) }}
{% endcall %}
{{ ui.problems(problems, "/m/1/json", "Acme Retail") }}
{{ ui.problem(refused) }}
{% call(side) ui.split("X12 as it came", "Document") %}
{% if side == "left" %}{{ ui.x12(rows) }}{% else %}{{ ui.json(document, {"/lines/0/unit": problems[0]}) }}{% endif %}
{% endcall %}
<div class="cards">
{% call ui.card("Purchase order 7KX2M41Q") %}{{ ui.timeline(events) }}{% endcall %}
{% call ui.card("History", "/m/1/history") %}{{ ui.facts([("Received", "2026-03-02T09:15:31Z"|time), ("Translated", "2026-03-02T09:15:32Z"|time), ("Resent by maria.keller", "The partner asked for it")], wide=true) }}{% endcall %}
</div>
{{ ui.x12(rows) }}
{{ ui.code("ISA*00*          *00*          *ZZ*ACMERETAIL     ~\\nGS*PO*ACMERETAIL*EXAMPLESUPPLIER~", "Raw") }}
{% endblock %}
"""

WIZARD = """
{% block crumbs %}{{ ui.crumbs([("Partners", "/partners")]) }}{% endblock %}
{% block content %}
<div class="cards">
{% call ui.card("Until it is live") %}{{ ui.checklist(steps) }}{% endcall %}
{% call ui.card("Identity") %}
{{ ui.errors([("isa_id", "The identifier is too long: ISA06 has 15 characters")]) }}
{% call ui.form("/partners", "Save and go on", "/partners") %}
{{ ui.field("name", "Name", "Northwind Home & Garden", hint="Shown to people; documents do not carry it.", required=true) }}
<div class="pair">{{ ui.choice("qualifier", "Qualifier", [("ZZ", "ZZ, mutually defined"), ("01", "01, D-U-N-S")], "ZZ") }}
{{ ui.field("isa_id", "Identifier", "NORTHWINDHOMEGARDEN", error="This has 19 characters; ISA06 takes 15.") }}</div>
{{ ui.area("note", "Certificate (PEM)", "-----BEGIN CERTIFICATE-----\\nMIIB…", 4, code=true) }}
{{ ui.check("t", "Test documents only", true, hint="ISA15 = T until you go live.") }}
{{ ui.field("file", "Sample file", type="file") }}
{% endcall %}
{% endcall %}
</div>
{{ ui.notice("ok", "The connection works", "Host key SHA256:mE3…; logged in as edi; /outbound can be written.") }}
{{ ui.notice("warn", "The certificate ends in 24 days", "Import the next one; the old one stays valid until then.") }}
{{ ui.notice("error", "The server refused the key", "It is their move: ask them to add the key shown below.") }}
{{ ui.notice("busy", "Nothing was sent", "This is a preview.") }}
<p>{{ ui.pill("live", "ok") }} {{ ui.pill("paused", "wait") }} {{ ui.pill("stopped", "error") }} {{ ui.pill("AS2") }} {{ ui.pill("4010", "accent") }} {{ ui.pill("not accepted", "refused") }} {{ ui.pill("overdue", "late") }}</p>
<ul class="statuses">{% for kind, states in WORDS.items() %}{% for state in states %}<li>{{ ui.badge(kind, state) }}</li>{% endfor %}{% endfor %}</ul>
<p class="actions">{{ ui.button("Link", "/x") }} {{ ui.button("Primary", "/x", "primary") }} {{ ui.button("Danger", "/x", "danger") }} {{ ui.post("/channels/1/run", "Run now", {"id": 1}) }} <button disabled>Disabled</button></p>
{{ ui.confirm("Delete…", "/x", "Delete the partner?", "Its messages stay.", "Delete", danger=true, open=true) }}
{% endblock %}
"""

EMPTY = """
{% block content %}
{{ ui.empty("Nothing is unprocessed", "Files that match no partner, agreement or schema wait here, each with its reason and what can be done. Every file of the last 30 days found its way.", "/messages", "See all messages") }}
{% call(row) ui.table("Routes", [{"label": "Rule"}, {"label": "Way"}], [], empty="No rules yet: every document goes the way of its partner.") %}{% endcall %}
{% call ui.card("Problems") %}{{ ui.problems([]) }}{% endcall %}
{% endblock %}
"""

LOGIN = """
{% block content %}
{% call ui.card("With your password") %}
{% call ui.form("/login", "Sign in") %}
{{ ui.field("name", "User name", required=true, attrs={"autocomplete": "username"}) }}
{{ ui.field("password", "Password", type="password", required=true, attrs={"autocomplete": "current-password"}) }}
{% endcall %}
{% endcall %}
{% endblock %}
"""


def pages(theme: str = "auto") -> dict[str, str]:
    """All pages of the gallery by name."""
    rows, problems = annotated()
    refused = {
        "code": "HOME-REFUSED-BY-PARTNER", "severity": "error", "fault": "us", "value": "PCS",
        "message": "Invoice 4711, line 3: unit code `PCS` is not in the list this partner allows for IT103 (EA, CA).",
        "hint": "Change `lines[2].unit`, or map PCS to EA in mappings/partners/acme-retail/810.yaml.",
        "location": {"segment_id": "IT1", "element": 3, "component": None, "segment": 14, "loop": "IT1",
                     "pointer": "/lines/2/unit", "transaction_set": "0001", "interchange": "000000912"},
    }  # fmt: skip
    events = [
        {"at": NOW - timedelta(days=9), "title": "Purchase order 7KX2M41Q", "text": "850, 2 lines, 2,956.80 USD", "href": "/d/1", "state": "done"},
        {"at": NOW - timedelta(days=9), "title": "Acknowledged", "text": "997, accepted", "state": "done"},
        {"at": NOW - timedelta(days=8), "title": "Order acknowledgment", "text": "855, accepted", "href": "/d/2", "state": "done"},
        {"due_at": NOW - timedelta(hours=4), "title": "Ship notice is late", "text": "856 is due before the carrier arrives", "state": "late"},
        {"at": NOW - timedelta(hours=1), "title": "Invoice 4711 not delivered", "href": "/d/3", "state": "failed"},
        {"due_at": NOW + timedelta(days=30), "title": "Payment", "text": "820", "state": "due"},
        {"title": "No return", "state": "gap"},
    ]  # fmt: skip
    steps = [
        {"title": "Identity", "text": "ZZ NORTHWINDHOME, you are ZZ EXAMPLESUPPLIER", "state": "done", "href": "/p/1", "action": "Change"},
        {"title": "Documents and guideline", "text": "850, 855, 856, 810 in 004010", "state": "done", "href": "/p/2", "action": "Change"},
        {"title": "Channel", "text": "SFTP to edi.northwind.example; not tested yet", "state": "current", "href": "/p/3", "action": "Test connection"},
        {"title": "Certificates", "text": "Only for AS2", "state": "optional"},
        {"title": "Test documents", "text": "Exchange one of each", "state": "missing"},
        {"title": "Go live", "text": "ISA15 from T to P", "state": "missing"},
    ]  # fmt: skip
    known: Mapping[str, Any] = {"rows": rows, "problems": problems, "document": document(), "messages": messages(),
        "refused": refused, "events": events, "steps": steps, "charts": drawings()}  # fmt: skip

    def asked(path: str, query: str = "", who: Any = Somebody()) -> Request:
        made = request(path, query, theme, who)
        if path == "/partners":
            made.state.flash = ("done", "The settings of Northwind Home & Garden are saved.")
        return made

    return {
        "today": framed(TODAY, asked("/"), title="Today", json_twin="/api/v1/today", **known),
        "messages": framed(LIST, asked("/messages", "sort=-time"), title="Messages", json_twin="/api/v1/messages", **known),
        "message": framed(DETAIL, asked("/messages/1"), title="Purchase order 7KX2M41Q", json_twin="/api/v1/messages/1", test=True, **known),
        "partner": framed(WIZARD, asked("/partners"), title="Northwind Home & Garden", json_twin="/api/v1/partners/1", **known),
        "empty": framed(EMPTY, asked("/unprocessed"), title="Unprocessed", json_twin="/api/v1/unprocessed", **known),
        "login": framed(LOGIN, asked("/login", who=None), title="Sign in", **known),
    }


def write(folder: Path) -> None:
    """The gallery in both colours, with what it needs."""
    static = ROOT / "gateway/web/static"
    shutil.copytree(static, folder / "static", dirs_exist_ok=True)
    for theme in ("light", "dark"):
        for name, html in pages(theme).items():
            (folder / f"{name}-{theme}.html").write_text(html, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
