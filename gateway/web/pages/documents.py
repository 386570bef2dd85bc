"""Documents, the story of an order, and what partners owe an answer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import orjson
from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from gateway.api.access import Operator, Reader, allowed, partners_for, site_of
from gateway.api.paging import Text, plain, wanted
from gateway.api.routes.documents import found
from gateway.documents import KINDS
from gateway.errors import DocumentError, RefusedError
from gateway.rules import RULES
from gateway.services import chain, proof, rules
from gateway.services.access import Permission
from gateway.services.crossreference import HELD
from gateway.services.lifecycle import Acknowledgment
from gateway.services.words import label, words
from gateway.store import chains, queries, tables
from gateway.store.database import reading
from gateway.store.queries import OWED, Row, Wanted
from gateway.store.records import APPROVAL
from gateway.web.pages.message import MAX_LINES
from gateway.web.pages.messages import Tidy
from gateway.web.render import json_lines, page, see_other

router = APIRouter(route_class=Tidy)
_Asked = Annotated[Wanted, Depends(wanted)]
_FILTERS = ("text", "partner", "document_type", "direction", "acknowledgment", "since", "until")

ANSWERS = (
    ("", "Owed", OWED),
    ("overdue", "Overdue", ("overdue",)),
    ("rejected", "Not accepted", ("rejected", "partial")),
    ("accepted_with_errors", "With errors", ("accepted_with_errors",)),
    ("accepted", "Accepted", ("accepted",)),
)
"""Views of the acknowledgments: the key in the address, its name, the statuses."""


@router.get("/documents")
def documents(
    request: Request,
    identity: Reader,
    asked: _Asked,
    document_type: Text = "",
    acknowledgment: Annotated[list[Acknowledgment], Query()] = [],  # noqa: B006 -- copied by FastAPI
) -> Response:
    """Documents, newest first."""
    mine = identity.partners(Permission.READ)
    more = {"document_type": plain(document_type), "acknowledgment": tuple(acknowledgment), "partners": mine}
    asked = replace(asked, **more)  # type: ignore[arg-type]
    with reading(site_of(request).engine) as connection:
        given = queries.documents(connection, asked)
        orders = queries.keys_of(connection, [one["id"] for one in given.rows])
    return page(
        request,
        "documents.html",
        title="Documents",
        json_twin="/api/v1/documents" + (f"?{request.url.query}" if request.url.query else ""),
        rows=given.rows,
        orders={one: [key["value"] for key in keys if key["kind"] == "po"] for one, keys in orders.items()},
        asked=asked,
        types=sorted((one, words(one).capitalize()) for one in KINDS),
        answers=[(one, label("acknowledgment", one)) for one in Acknowledgment],
        can_filter=any(request.query_params.get(one) for one in _FILTERS),
        partners=partners_for(request, identity),
        cursor=given.cursor,
    )


@router.get("/documents/{document_id}")
def document(
    request: Request,
    identity: Reader,
    document_id: str,
    line: Annotated[int, Query(ge=0, le=10_000_000, description="where the part that is shown begins")] = 0,
) -> Response:
    """One document: its content, its numbers, where it went, and what stops it."""
    site, mine = site_of(request), identity.partners(Permission.READ)
    one = found(site, identity, document_id)
    with reading(site.engine) as connection:
        carriers = [name for name in (one["message_id"], one["sent_in"]) if name]
        there = queries.rows_by(connection, tables.messages, "id", carriers)
        t = tables.audit.c
        told = queries.rows_of(connection, tables.audit, t.document_id == one["id"])
        is_carried = tables.deliveries.c.document_id == one["id"]
        ways = queries.rows_of(connection, tables.deliveries, is_carried)
    for entry in told:
        entry["facts"] = orjson.loads(entry["facts"])
        entry["said"] = proof.sentence(entry["event"], entry["facts"])
    kept = [there[name][0] for name in carriers if name in there]
    kept = [row for row in kept if mine is None or row["partner"] in mine]
    held = _held(one, told, ways)
    lines = list(json_lines(one["body"])) if one["body"] is not None else []
    order = next((key["value"] for key in one["keys"] if key["kind"] == "po"), "")
    return page(
        request,
        "document.html",
        title=f"{words(one['document_type']).capitalize()} {one['number']}",
        active="documents",
        json_twin=f"/api/v1/documents/{one['id']}",
        test=one["test"],
        one=one,
        carriers=kept,
        ways=ways,
        told=told,
        held=held,
        order=order,
        lines=lines[line : line + MAX_LINES],
        line=line,
        total=len(lines),
        may=identity.may(Permission.OPERATE, one["partner"]),
    )


def _held(one: Row, told: list[Row], ways: list[Row]) -> Row | None:
    """The rules that stop a document until somebody looked at it, and what they say; None if none does."""
    if (one["batch"] or "").startswith(APPROVAL):
        said = [row["facts"] for row in told if row["event"] == "document.held"]
        facts: Mapping[str, Any] = said[-1] if said else {}
        codes, texts = [*facts.get("rules", ())], [*facts.get("problems", ())]
    else:
        stopped = [row["error"] for row in ways if row["state"] == "waits" and row["error"].startswith(HELD)]
        if not stopped:
            return None
        names, _, text = stopped[0].removeprefix(HELD).partition(": ")
        codes, texts = names.split(", "), [text]
    known = [(code, rule.what if (rule := RULES.get(code.removeprefix("RULE-"))) else "") for code in codes]
    return {"rules": known, "texts": texts}


@router.post("/documents/{document_id}/approve")
def approve(
    request: Request,
    identity: Operator,
    document_id: str,
    rule: Annotated[list[str], Form(max_length=60)] = [],  # noqa: B006 -- copied by FastAPI
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Lets a document go on that rules stopped."""
    one = found(site_of(request), identity, document_id)
    allowed(identity, Permission.OPERATE, one["partner"])
    here = f"/documents/{quote(one['id'], safe='')}"
    if not reason.strip():
        return see_other(here, "Say why; it is kept in the audit.", "warn")
    try:
        with site_of(request).acting(identity.actor) as services:
            codes = rules.approve(services, one["id"], rule, reason.strip())
    except (RefusedError, DocumentError) as error:
        return see_other(here, str(error), "error")
    return see_other(here, f"Approved. It goes on although {', '.join(codes) or 'no rule'} stopped it.")


@router.get("/chains")
def find_chain(_: Reader, number: Text = "") -> Response:
    """To the story of what somebody looks for."""
    return see_other(f"/chains/{quote(plain(number), safe='')}" if number.strip() else "/documents")


@router.get("/chains/{number:path}")
def story(request: Request, identity: Reader, number: str, partner: Text = "") -> Response:
    """The story of an order: what came, what was sent, what is missing."""
    site, mine = site_of(request), identity.partners(Permission.READ)
    with reading(site.engine) as connection:
        told = chain.told(connection, site.settings, plain(number), plain(partner), mine)
    twin = f"/api/v1/chains/{quote(number, safe='')}" + (
        f"?{urlencode({'partner': partner})}" if partner else ""
    )
    tests = {one["test"] for one in told}
    return page(
        request,
        "chain.html",
        title=f"The story of {number}",
        active="documents",
        json_twin=twin,
        test=tests == {True},
        chains=[{**one, "events": _timeline(one, site.now().isoformat())} for one in told],
    )


def _timeline(told: Row, now: str) -> list[Row]:
    """The documents of a chain, then what is still to come, as events of a timeline."""
    about: dict[str, Row] = {one["document_id"]: one for one in told["gaps"] if one["document_id"]}
    events = []
    for row in told["documents"]:
        gap = about.get(row["id"])
        carrier = row["sent"] or row["message"] or {}
        answers = [f"{one['kind']}: {words(one['status'])}. {one['words']}" for one in row["acknowledgments"]]
        told_by = [f"answered with {one['name']}" for one in row["answers"]]
        event = {
            "at": row["created_at"],
            "title": f"{'Received' if row['direction'] == 'in' else 'Sent'}: {chains.called(row)}",
            "href": f"/documents/{row['id']}",
            "text": " · ".join(filter(None, [carrier.get("name"), *told_by, *answers])),
            "state": "done",
        }
        if gap:
            late = bool(gap["due_at"] and gap["due_at"] < now)
            state = "failed" if gap["wrong"] and gap["kind"] in ("rejected", "delivery") else "due"
            event |= {"state": "late" if late or "late" in gap["words"] else state, "due_at": gap["due_at"]}
            event["text"] += f" · {gap['words'].partition(', due')[0]}"
        events.append(event)
    rest = [one for one in told["gaps"] if not one["document_id"]]
    states = {True: "failed", False: "gap"}
    return [*events, *({"title": one["words"].capitalize(), "state": states[one["wrong"]]} for one in rest)]


@router.get("/acknowledgments")
def acknowledgments(request: Request, identity: Reader, asked: _Asked, status: Text = "") -> Response:
    """What was sent and is to be acknowledged: what is owed oldest first, all else newest first."""
    which = next((some for key, _, some in ANSWERS if key == status), OWED)
    mine = identity.partners(Permission.READ)
    asked = replace(
        asked, acknowledgment=which, oldest_first=which == OWED or which == ("overdue",), partners=mine
    )
    with reading(site_of(request).engine) as connection:
        given = queries.acknowledgments(connection, asked)
        carried = queries.first_documents(connection, [one["id"] for one in given.rows])
    kept = [(name, value) for name in ("text", "partner") if (value := request.query_params.get(name))]
    views = []
    for key, name, _ in ANSWERS:
        query = urlencode([*([("status", key)] if key else ()), *kept])
        views.append((name, f"/acknowledgments{'?' * bool(query)}{query}", None, key == status))
    twin = urlencode([*(("status", one) for one in which), *kept])
    return page(
        request,
        "acknowledgments.html",
        title="Acknowledgments",
        json_twin=f"/api/v1/acknowledgments?{twin}",
        rows=given.rows,
        carried=carried,
        asked=asked,
        view=status,
        views=views,
        can_filter=bool(kept),
        partners=partners_for(request, identity),
        cursor=given.cursor,
    )
