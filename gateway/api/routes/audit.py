"""The audit: search, the check of its chain, exports that prove it, legal holds and retention."""

from __future__ import annotations

from functools import partial
from pathlib import Path as FilePath
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from gateway.api.access import Auditor, allowed, site_of
from gateway.api.files import sent
from gateway.api.idempotency import Once
from gateway.api.models import Given, Reason, Why, many, of, page_of
from gateway.api.paging import Cursor, Limit, Moment, Number, Text, listed, plain, with_etag
from gateway.api.problems import ApiError
from gateway.api.site import Site
from gateway.errors import NotFoundError
from gateway.services import errand, export, history, proof
from gateway.services.access import Identity, Permission
from gateway.services.base import Services
from gateway.services.errand import Beat, Row
from gateway.services.history import Asked
from gateway.services.scope import Scope
from gateway.settings import AUDIT_KEY, CHECKPOINTS, DATA, ERRANDS, KEYS
from gateway.store.audit import Seal
from gateway.store.database import reading
from gateway.store.verifier import fingerprint_of

_PREFIX = "/api/v1/audit"
router = APIRouter(prefix=_PREFIX, tags=["audit"])
_once = APIRouter(route_class=Once)
Short = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
EXPORT, CHECK = "export", "check"


_entry = "at event message_id document_id partner actor words"
_more: Any = {"seq": int, "facts": dict[str, Any]}
Entry = of("AuditEntry", "What happened, as the audit has it.", _entry, **_more)
Linked = of("Linked", "An entry with its place in the chain.", f"{_entry} hash before", **_more, fits=bool)
Errand = of(
    "Errand", "An export or a check that was asked for.", "id kind title actor at state words", size=int
)
_LastCheck = of(
    "LastCheck",
    "How a check of the chain ended.",
    "at actor since? until? fingerprint?",
    {"entries": int, "payloads": bool, "problems": list[str], "newest": dict[str, Any] | None},
)
Hold = of("Hold", "A legal hold that is in force.", "kind value reason actor at", seq=int)
Errands = of("Errands", "Exports of the last day, the newest first.", exports=many(Errand))
Checked = of(
    "AuditCheck",
    "The last check of the chain, by whomever, and the one that runs.",
    {"last": _LastCheck | None, "running": Errand | None},
)
Holds = of("Holds", "Legal holds, the oldest first.", holds=many(Hold))
_Years = dict[str, float]
Retention = of("Retention", "How long documents are kept.", years=float, types=_Years)


class NewCheck(Given):
    """What is checked: the chain, and the stored bytes as well."""

    payloads: bool = False


class NewExport(Given):
    """What is exported: what fits all that is said. Nothing but the reason: everything."""

    po: Short = ""
    invoice: Short = ""
    message: Short = ""
    partner: Short = ""
    since: Moment | None = None
    until: Moment | None = None
    reason: Reason


class NewHold(Given):
    """What a dispute is about: everything, a partner, a message, or documents with a number."""

    kind: Literal["all", "partner", "message", "number"]
    value: Short = ""
    reason: Reason


def asked(
    identity: Auditor,
    event: Annotated[Text, Query(description="as `file.received`, or `file.*`")] = "",
    actor: Text = "",
    partner: Text = "",
    message: Annotated[Text, Query(description="id, or its beginning")] = "",
    document: Annotated[Text, Query(description="id, or its beginning")] = "",
    po: Annotated[Text, Query(description="a purchase order, with all that belongs to it")] = "",
    since: Moment | None = None,
    until: Moment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Asked:
    """What entries can be asked for."""
    texts = {"event": event, "actor": actor, "partner": partner, "message": message, "document": document}
    known: dict[str, Any] = {name: plain(text).strip() for name, text in (texts | {"po": po}).items()}
    times: dict[str, Any] = {"since": since, "until": until, "limit": limit, "cursor": cursor}
    return Asked(**known, **times, partners=identity.partners(Permission.AUDIT))


@router.get("/entries", response_model=page_of("Entries", "entries", Entry))
def list_entries(request: Request, response: Response, what: Annotated[Asked, Depends(asked)]) -> Any:
    """Entries, the newest first. A page may be short and have a cursor: go on from there."""
    with reading(site_of(request).engine) as connection:
        return listed(request, response, "entries", history.entries(connection, what))


@router.get("/entries/{seq}", response_model=Linked)
def show_entry(request: Request, response: Response, identity: Auditor, seq: Number) -> Any:
    """One entry, with its hash and the hash before."""
    with reading(site_of(request).engine) as connection:
        found = history.one(connection, seq, identity.partners(Permission.AUDIT))
    return with_etag(request, response, found)


# --- the check ---------------------------------------------------------------------------------------------


@router.get("/check", response_model=Checked)
def show_check(request: Request, identity: Auditor) -> Any:
    """How the last check of the chain ended, and how far the one is that runs."""
    allowed(identity, Permission.AUDIT, None)
    site = site_of(request)
    known = errand.listed(errands(site), site.now())
    mine = [one for one in known if one["kind"] == CHECK]
    return {"last": proof.last_check(site.home), "running": mine[0] if mine else None}


@_once.post("/check", status_code=202, response_model=Errand)
def begin_check(request: Request, response: Response, identity: Auditor, given: NewCheck) -> Any:
    """Check the chain in the background; `GET` tells how far it is."""
    response.headers["Location"] = f"{_PREFIX}/check"
    return check(site_of(request), identity, given.payloads)


def check(site: Site, identity: Identity, with_payloads: bool) -> Row:
    """Begins a check. Raises RefusedError if one runs."""
    allowed(identity, Permission.AUDIT, None)

    def work(_: BinaryIO, beat: Beat) -> Row:
        with reading(site.engine) as connection:
            payloads = site.payloads if with_payloads else None
            told = proof.verified(site.home, connection, payloads, beat=beat)
        proof.remember(site.home, told, site.now().isoformat(), identity.actor)
        return {"words": f"{told['entries']:,} entries, {len(told['problems'])} problems"}

    title = "chain and stored bytes" if with_payloads else "chain"
    made = errand.begin(errands(site), CHECK, title, identity.actor, site.now, work)
    return errand.one(errands(site), made, site.now())


# --- exports -----------------------------------------------------------------------------------------------


@router.get("/exports", response_model=Errands)
def list_exports(request: Request, identity: Auditor) -> Any:
    """Exports of the last day, the newest first."""
    return {"exports": exports(site_of(request), identity)}


def exports(site: Site, identity: Identity) -> list[Row]:
    """Exports of the last day; raises ApiError unless somebody audits all partners."""
    allowed(identity, Permission.AUDIT, None)
    return [one for one in errand.listed(errands(site), site.now()) if one["kind"] == EXPORT]


@_once.post("/exports", status_code=202, response_model=Errand)
def begin_export(request: Request, response: Response, identity: Auditor, given: NewExport) -> Any:
    """Make an export in the background. It needs the permission for all partners: files may be of several."""
    made = make_export(site_of(request), identity, given)
    response.headers["Location"] = f"{_PREFIX}/exports/{made['id']}"
    return made


def make_export(site: Site, identity: Identity, given: NewExport) -> Row:
    """Begins an export. Raises NotFoundError if there is nothing of that kind, RefusedError if one runs."""
    allowed(identity, Permission.AUDIT, None)
    if given.partner and given.partner not in site.settings.partners:
        raise NotFoundError(f"There is no partner {given.partner}.")
    times = (given.since, given.until)
    scope = Scope(given.po, given.message, given.partner, *times, invoice=given.invoice)

    def work(out: BinaryIO, _: Beat) -> Row:
        seal = Seal.of(site.home / KEYS / AUDIT_KEY)
        with site.acting(identity.actor) as services:
            points = site.home / DATA / CHECKPOINTS
            said = export.export(services, scope, given.reason, out, points, seal)
        return {"words": said, "fingerprint": fingerprint_of(bytes.fromhex(seal.public_key))}

    made = errand.begin(errands(site), EXPORT, str(scope), identity.actor, site.now, work)
    return errand.one(errands(site), made, site.now())


@router.get("/exports/{export_id}", response_model=Errand)
def show_export(request: Request, identity: Auditor, export_id: str) -> Any:
    """How far an export is."""
    allowed(identity, Permission.AUDIT, None)
    site = site_of(request)
    return errand.one(errands(site), export_id, site.now())


@router.post("/exports/{export_id}/download", response_class=Response)
def download_export(request: Request, identity: Auditor, export_id: str) -> Response:
    """The zip file, for the first who asks: it is removed then."""
    return download(site_of(request), identity, export_id)


def download(site: Site, identity: Identity, export_id: str) -> Response:
    """Hands out an export, once, and notes in the audit to whom."""
    allowed(identity, Permission.AUDIT, None)
    row, file = errand.take(errands(site), export_id, site.now())
    with site.acting(identity.actor) as services, services.store.transaction():
        services.store.audit("audit.downloaded", scope=row["title"], export=row["id"])

    return sent(file, f"audit-{row['at'][:10]}-{row['id'][:8]}.zip", **{"Content-Length": str(row["size"])})


# --- holds and retention -----------------------------------------------------------------------------------


@router.get("/holds", response_model=Holds)
def list_holds(request: Request, identity: Auditor) -> Any:
    """Legal holds in force; those on partners that you audit, or all."""
    with site_of(request).acting(identity.actor) as services:
        return {"holds": holds(services, identity)}


@_once.post("/holds", status_code=201, response_model=Hold)
def add_hold(request: Request, identity: Auditor, given: NewHold) -> Any:
    """Keep what a dispute is about beyond its retention."""
    with site_of(request).acting(identity.actor) as services:
        return hold(services, identity, given.kind, given.value, given.reason)


@_once.post("/holds/{hold_id}/release", response_model=Hold)
def release_hold(request: Request, identity: Auditor, hold_id: Number, why: Why) -> Any:
    """End a legal hold: what it covered is deleted when its retention is over."""
    with site_of(request).acting(identity.actor) as services:
        return release(services, identity, hold_id, why.reason)


@router.get("/retention", response_model=Retention)
def show_retention(request: Request, _: Auditor) -> Any:
    """How long documents are kept, as gateway.yaml says."""
    rules = site_of(request).settings.gateway.retention
    return {"years": rules.years, "types": rules.types}


def holds(services: Services, identity: Identity) -> list[Row]:
    """The legal holds that somebody may see."""
    mine, found = partial(identity.may, Permission.AUDIT), services.store.retention.holds()
    return [one for one in found if mine() or (one["kind"] == "partner" and mine(one["value"]))]


def hold(services: Services, identity: Identity, kind: str, value: str, reason: str) -> Row:
    """Begins a legal hold. Raises ApiError, and NotFoundError for what is not there."""
    allowed(identity, Permission.AUDIT, value if kind == "partner" else None)
    if (kind == "all") != (not value):
        raise ApiError(422, "Say what is to be held: a partner, message or number; nothing for `all`.")
    if kind == "partner" and value not in services.settings.partners:
        raise NotFoundError(f"There is no partner {value}.")
    with services.store.transaction():
        if kind == "message":
            services.store.message(value)
        number = services.store.retention.add_hold(kind, value, reason)
        return next(one for one in services.store.retention.holds() if one["seq"] == number)


def release(services: Services, identity: Identity, number: int, reason: str) -> Row:
    """Ends a legal hold. Raises NotFoundError and ApiError."""
    with services.store.transaction():
        found = [one for one in services.store.retention.holds() if one["seq"] == number]
        if not found:
            raise NotFoundError(f"There is no legal hold {number} in force.")
        allowed(identity, Permission.AUDIT, found[0]["value"] if found[0]["kind"] == "partner" else None)
        services.store.retention.release_hold(number, reason)
    return found[0]


def errands(site: Site) -> FilePath:
    """Where exports lie until they are fetched."""
    return site.home / DATA / ERRANDS


router.include_router(_once)
