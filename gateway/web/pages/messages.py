"""Lists of messages, what is not processed, and what is done with some of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from gateway.api.access import Operator, Reader, allowed, partners_for, site_of
from gateway.api.paging import plain
from gateway.api.routes.messages import asked
from gateway.errors import NotFoundError, RefusedError
from gateway.services import access, operate
from gateway.services.access import Identity, Permission
from gateway.services.quarantine import REASONS
from gateway.services.words import WORDS, label
from gateway.store import queries, tables
from gateway.store.database import reading
from gateway.store.queries import OWED, REFUSED, UNPROCESSED, Row, Wanted
from gateway.web.render import local, page, see_other

MAX_PICKED = 200
"""Messages that one action may be for."""

ACTIONS: dict[str, tuple[str, str, str]] = {
    "resend": ("Resend", "The same bytes are delivered again, with the same control numbers.", "sent again"),
    "reprocess": (
        "Reprocess",
        "The stored original is translated again, as a new message with new control numbers.",
        "to be processed again",
    ),
    "hold": ("Hold", "It stays as it is until somebody releases it.", "put on hold"),
    "release": ("Release", "A hold ends; what waits for an item or place goes on without it.", "released"),
    "close": ("Mark as done", "It is no longer among what needs somebody.", "marked as done"),
    "cancel": (
        "Cancel",
        "It is given up. Only what nobody outside has seen can be; it can't be taken back.",
        "cancelled",
    ),
}
"""What can be done: its name, what will happen, and what has happened then."""

_VIEWS = (
    ("All", ""),
    ("Needs somebody", "open=1"),
    ("Not accepted", "open=1&" + "&".join(f"acknowledgment={one}" for one in REFUSED)),
    ("Not answered", "&".join(f"acknowledgment={one}" for one in OWED)),
)
_KEPT = ("text", "partner", "direction", "since", "until", *WORDS, "person", "open", "held")
_SCREEN = "messages"


class Tidy(APIRoute):
    """A route to which the empty fields of a form are as if they were not there."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def tidied(request: Request) -> Response:
            pairs = [(name, value) for name, value in request.query_params.multi_items() if value]
            state = {**request.scope, "query_string": urlencode(pairs).encode()}
            return await handle(Request(state, request.receive))

        return tidied


router = APIRouter(route_class=Tidy)
_Asked = Annotated[Wanted, Depends(asked)]
_Text = Annotated[str, Form(max_length=1000)]


@router.get("/messages")
def messages(request: Request, identity: Reader, asked: _Asked) -> Response:
    """Messages, newest first."""
    site = site_of(request)
    with reading(site.engine) as connection:
        found = queries.messages(connection, asked)
        carried = queries.first_documents(connection, [one["id"] for one in found.rows])
    with site.acting(identity.actor) as services:
        saved = services.store.access.views(identity.id, _SCREEN)
    here = urlencode([one for one in request.query_params.multi_items() if one[0] in _KEPT])
    own = [(name, query) for name, query in saved.items()]
    views = [(name, f"/messages?{query}", None, query == here) for name, query in (*_VIEWS, *own)]
    return page(
        request,
        "messages.html",
        title="Messages",
        json_twin="/api/v1/messages" + (f"?{request.url.query}" if request.url.query else ""),
        rows=found.rows,
        carried=carried,
        asked=asked,
        partners=partners_for(request, identity),
        statuses={kind: [(one, label(kind, one)) for one in some] for kind, some in WORDS.items()},
        views=views,
        view=next((name for name, query in own if query == here), ""),
        kept=here,
        can_filter=bool(here),
        cursor=found.cursor,
        may=identity.partners(Permission.OPERATE) != frozenset(),
        actions=ACTIONS,
    )


@router.get("/unprocessed")
def unprocessed(request: Request, identity: Reader, asked: _Asked, done: bool = False) -> Response:
    """What matches no partner, agreement or guide, or breaks their rules."""
    wanted = replace(asked, translation=asked.translation or UNPROCESSED, open=not done)
    with reading(site_of(request).engine) as connection:
        found = queries.messages(connection, wanted)
        told = queries.quarantined(connection, [one["id"] for one in found.rows])
    twin = [("translation", one) for one in wanted.translation] + [("open", "1")] * (not done)
    return page(
        request,
        "unprocessed.html",
        title="Unprocessed",
        json_twin=f"/api/v1/messages?{urlencode(twin)}",
        rows=found.rows,
        told=told,
        done=done,
        asked=asked,
        reasons=REASONS,
        cursor=found.cursor,
        may=identity.partners(Permission.OPERATE) != frozenset(),
        actions=ACTIONS,
    )


@router.post("/messages/views")
def save_view(request: Request, identity: Reader, name: _Text = "", query: _Text = "") -> Response:
    """Keeps filters under a name; without filters, forgets the name."""
    kept = urlencode([one for one in parse_qsl(query) if one[0] in _KEPT])
    with site_of(request).acting(identity.actor) as services:
        access.save_view(services, identity, _SCREEN, plain(name), plain(kept))
    said = f"The view {name} is saved." if kept else f"The view {name} is gone."
    return see_other(f"/messages?{kept}" if kept else "/messages", said)


# --- actions ---------------------------------------------------------------------------------------------


@router.get("/messages/actions")
def confirm(
    request: Request,
    identity: Operator,
    do: str = "",
    ids: Annotated[list[str], Query(alias="id", max_length=MAX_PICKED)] = [],  # noqa: B006 -- copied
    back: str = "/messages",
) -> Response:
    """What will be done with which messages, and why."""
    if not ids:
        return see_other(back, "Select at least one message first.", "warn")
    return _confirm(request, do, _picked(request, identity, do, ids), local(back))


@router.post("/messages/actions")
def act(
    request: Request,
    identity: Operator,
    do: _Text = "",
    ids: Annotated[list[str], Form(alias="id", max_length=MAX_PICKED)] = [],  # noqa: B006 -- copied
    reason: _Text = "",
    back: _Text = "/messages",
    acknowledge: bool = Form(default=False),
) -> Response:
    """Does it with each; tells of which it could not be done."""
    rows, back, reason = _picked(request, identity, do, ids), local(back), plain(reason).strip()
    if not reason:
        return _confirm(request, do, rows, back, error="Say why; it is kept in the audit.")
    more = {"acknowledge": acknowledge} if do == "reprocess" else {}
    made: list[str] = []
    refused: list[tuple[str, str]] = []
    for row in rows:
        with site_of(request).acting(identity.actor) as services:
            try:
                result = getattr(operate, do)(services, row["id"], reason, **more)
                made.append(result if do == "reprocess" else row["id"])
            except (RefusedError, NotFoundError) as error:
                refused.append((row["id"], str(error)))
    words, one = ACTIONS[do][2], "1 message was" if len(made) == 1 else f"{len(made)} messages were"
    said = f"{one} {words}."
    if refused and len(rows) > 1:
        return _confirm(request, do, rows, back, done=said, refused=dict(refused))
    if refused:
        return see_other(back, refused[0][1], "error")
    if do == "reprocess" and len(made) == 1:
        back, said = f"/messages/{made[0]}", f"This new message processes {rows[0]['name']} again."
    return see_other(back, said)


def _picked(request: Request, identity: Identity, do: str, ids: list[str]) -> list[Row]:
    """The messages that are meant. Raises RefusedError, NotFoundError or ApiError."""
    if do not in ACTIONS:
        raise NotFoundError("There is no such action.")
    partners = identity.partners(Permission.READ)
    with reading(site_of(request).engine) as connection:
        found = queries.rows_by(connection, tables.messages, "id", {plain(one) for one in ids})
    rows = [row for some in found.values() for row in some]
    rows = [row for row in rows if partners is None or row["partner"] in partners]
    if not rows:
        raise NotFoundError("No message was selected. Go back and tick at least one.")
    for row in rows:
        allowed(identity, Permission.OPERATE, row["partner"])
    return rows


def _confirm(request: Request, do: str, rows: list[Row], back: str, **more: Any) -> Response:
    name, what, _ = ACTIONS[do]
    shown = {"error": "", "done": "", "refused": {}, **more}
    status = 422 if shown["error"] else 200
    known: Row = {"rows": rows, "do": do, "name": name, "what": what, "back": back}
    title = name if shown["done"] else f"{name}: are you sure?"
    return page(request, "messages_confirm.html", title=title, status=status, **known, **shown)
