"""One message: what it is, where it stands, what is in it, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote, urlencode

import orjson
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from gateway.api.access import Reader, site_of
from gateway.api.paging import Text, plain
from gateway.api.problems import ApiError
from gateway.api.routes.messages import At, found, guides_of
from gateway.errors import NotFoundError
from gateway.mapping.library import Library
from gateway.services import inspect, operate, proof
from gateway.services.access import Permission
from gateway.services.words import settled, whose_move, words
from gateway.store import queries
from gateway.store.database import reading
from gateway.store.queries import Row
from gateway.web.pages.messages import ACTIONS, Tidy
from gateway.web.render import json_lines, page

MAX_LINES, MAX_ROWS = 500, 150
"""Lines of JSON, and rows of a table, that are shown at once."""

router = APIRouter(prefix="/messages/{message_id}", route_class=Tidy)


class _Screen:
    """What all tabs of a message know."""

    def __init__(self, request: Request, identity: Reader, message_id: str) -> None:
        self.request, self.identity, self.site = request, identity, site_of(request)
        self.message = found(self.site, identity, message_id)
        self.message["problems"] = [*inspect.reports(self.message, self.site.payloads)]
        self.path = f"/messages/{quote(self.message['id'])}"
        self.api = f"/api/v1{self.path}"
        try:
            self.is_x12 = inspect.is_x12(self.site.payloads, self.message)
            self.is_there = self.message["payload"] is not None
        except NotFoundError:
            self.is_x12 = self.is_there = False

    @property
    def guides(self) -> Library:
        """Those of its partner. Raises ApiError (404) if it is no X12."""
        return guides_of(self.request, self.identity, self.message)

    def shown(self, tab: str, twin: str = "", **more: Any) -> Response:
        """The page of a tab."""
        message = self.message
        counts = {
            "document": len(message["documents"]),
            "delivery": len(message["deliveries"]),
            "acknowledgments": len(message["acknowledgments"]) + len(message["acknowledges"]),
            "history": len(message["history"]),
        }
        tabs = [
            ("", "Overview", True),
            ("x12", "X12", self.is_x12),
            ("document", "Document", message["documents"]),
            ("trace", "Mapping", self.is_x12 and message["documents"]),
            ("delivery", "Delivery", message["deliveries"] or message["exchanges"]),
            ("acknowledgments", "Acknowledgments", True),
            ("history", "History", True),
            ("raw", "Raw", self.is_there),
        ]
        partner = self.site.settings.partners.get(message["partner"] or "")
        may = self.identity.may(Permission.OPERATE, message["partner"] or None)
        return page(
            self.request,
            f"message_{tab or 'overview'}.html",
            title=message["name"],
            active="unprocessed" if message["translation"] in queries.UNPROCESSED else "messages",
            json_twin=f"{self.api}{twin}",
            test=any(one["test"] for one in message["documents"]) or None,
            message=message,
            partner=partner.name if partner else message["partner"] or "",
            path=self.path,
            api=self.api,
            is_there=self.is_there,
            tabs=[
                (name, f"{self.path}/{key}".rstrip("/"), counts.get(key) or None, key == tab)
                for key, name, is_there in tabs
                if is_there or key == tab
            ],
            verbs=operate.verbs(message) if may else [],
            actions=ACTIONS,
            **more,
        )


_Shown = Annotated[_Screen, Depends()]


@router.get("")
def overview(shown: _Shown) -> Response:
    """What it is, where it stands, what is wrong, and what was made of it."""
    message, preview, sender = shown.message, "", ""
    aside = message["translation"] in (*queries.UNPROCESSED, "failed")
    if aside and shown.is_there:
        text = inspect.raw(shown.site.payloads, message, 0, 1200).decode("utf-8", "replace")
        preview = text.replace("~", "~\n") if shown.is_x12 and "\n" not in text[:300] else text
        preview = "\n".join([line for line in preview.splitlines() if line.strip()][:12])
        sender = _sender(text) if shown.is_x12 and not message["partner"] else ""
    done = settled(message)
    found = [one for report in message["problems"] for one in report["problems"] if one not in done]
    found.sort(key=lambda one: one["severity"] != "error")
    known: Row = {"found": found, "settled": done, "preview": preview, "new_partner": sender}
    return shown.shown("", move=whose_move(message), **known)


def _sender(text: str) -> str:
    """The question of a page for new partners: what the sender calls itself (ISA05, ISA06)."""
    parts = text.lstrip()[:106].split(text.lstrip()[3])
    return urlencode({"qualifier": parts[5].strip(), "id": parts[6].strip()}) if len(parts) > 6 else ""


@router.get("/x12")
def x12(shown: _Shown, at: At = 0, near: At | None = None) -> Response:
    """Each segment with its name, what it means, what is wrong, and what was made of it.

    ``near`` is a byte that is to be seen, ``at`` where the part begins.
    """
    message, payloads, guides = shown.message, shown.site.payloads, shown.guides
    part = inspect.annotated(payloads, message, guides, at)
    if near is not None and part.next is not None and near >= part.next:
        part = inspect.annotated(payloads, message, guides, at := near)
    before = [one.offset for one in part.rows if near is not None and one.offset <= near]
    here = max(before, default=None)
    links = (
        inspect.links(payloads, message, guides, part.sets.values())
        if message["documents"] and not part.note
        else {}
    )
    fields = {
        place: (pointer, f"document?{urlencode({'id': document, 'at': pointer})}")
        for place, (document, pointer) in links.items()
    }
    known: Row = {
        "rows": [one.to_dict() for one in part.rows],
        "loose": [one.to_dict() for one in part.loose],
    }
    return shown.shown("x12", f"/x12?at={at}", at=at, part=part, here=here, fields=fields, **known)


@router.get("/document")
def document(shown: _Shown, id: Text = "", at: Text = "", line: At = 0) -> Response:  # noqa: A002
    """A document of it as JSON; ``at`` is a field that is to be seen, ``line`` where the part begins."""
    message, partners = shown.message, shown.identity.partners(Permission.READ)
    if not message["documents"]:
        raise ApiError(404, f"No document was made of message {message['id']}.")
    with reading(shown.site.engine) as connection:
        one = queries.document(connection, plain(id) or message["documents"][0]["id"], partners)
    if message["id"] not in (one["message_id"], one["sent_in"]):
        raise ApiError(404, f"Document {one['id']} is not of message {message['id']}.")
    lines = list(json_lines(one["body"])) if one["body"] is not None else []
    if at:
        place = next((n for n, row in enumerate(lines) if row[1] == at), 0)
        line = place - place % MAX_LINES
    origin, places = one["sent_in"] or one["message_id"], dict[str, tuple[str, int]]()
    if shown.is_x12 and origin == message["id"]:
        places = inspect.places(shown.site.payloads, message, shown.guides, one)
    marks = {
        problem["location"]["pointer"]: problem
        for report in message["problems"]
        for problem in report["problems"]
        if problem["location"]["pointer"]
    }
    choices = [
        (each["id"], f"{words(each['document_type'])} {each['number']}") for each in message["documents"]
    ]
    part: Row = {
        "lines": lines[line : line + MAX_LINES],
        "line": line,
        "total": len(lines),
        "most": MAX_LINES,
    }
    known: Row = {"one": one, "choices": choices, "places": places, "marks": marks}
    return shown.shown("document", **known, **part)


@router.get("/trace")
def trace(shown: _Shown, at: At = 0, first: At = 0) -> Response:
    """Which rule of the mapping made which value."""
    told = inspect.trace(shown.site.payloads, shown.message, shown.guides, at)
    origins: list[Row] = told["origins"] if told else []
    part = [
        {**one, "shown": orjson.dumps(one["value"], default=str).decode()[:60]}
        for one in origins[first : first + inspect.ORIGINS]
    ]
    end, turned = first + inspect.ORIGINS, bool(at or first)
    after = end if end < len(origins) else None
    return shown.shown("trace", f"/trace?at={at}", told=told, rows=part, after=after, turned=turned)


@router.get("/delivery")
def delivery(shown: _Shown) -> Response:
    """What was delivered where, and how often that was tried."""
    return shown.shown("delivery")


@router.get("/acknowledgments")
def acknowledgments(shown: _Shown) -> Response:
    """What the partner says of it, what it says of what we sent, and what was answered."""
    return shown.shown("acknowledgments", due=queries.due_at(shown.message["expectations"]))


@router.get("/history")
def history(shown: _Shown, first: At = 0) -> Response:
    """What happened, from the audit, the latest first."""
    known = shown.message["history"][::-1]
    rows = [
        {**one, "words": proof.sentence(one["event"], one["facts"])}
        for one in known[first : first + MAX_ROWS]
    ]
    after = first + MAX_ROWS if first + MAX_ROWS < len(known) else None
    return shown.shown("history", rows=rows, after=after)


@router.get("/raw")
def raw(shown: _Shown, at: At = 0) -> Response:
    """Its bytes as text."""
    content = inspect.raw(shown.site.payloads, shown.message, at)
    after = (
        at + len(content) if at + len(content) < min(shown.message["size"], inspect.MOST_SCANNED) else None
    )
    proofs = [part for part in ("receipt", "signed") if any(one[part] for one in shown.message["exchanges"])]
    text = content.decode("utf-8", "replace")
    if shown.is_x12 and "\n" not in text[:2000]:
        end = inspect.raw(shown.site.payloads, shown.message, 0, 200).lstrip()[105:106].decode("latin-1")
        text = text.replace(end, f"{end}\n") if end.strip() else text
    return shown.shown("raw", text=text, at=at, after=after, proofs=proofs)
