"""Partners, and the way from nothing to a test document exchanged with one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.responses import Response

from gateway.api.access import Administrator, Operator, Reader, allowed, site_of
from gateway.api.files import attachment
from gateway.api.paging import plain
from gateway.api.routes import certificates
from gateway.api.routes.partners import detailed, listed, visible
from gateway.api.routes.routes import hidden
from gateway.documents import KINDS
from gateway.errors import ConfigurationError, EdiError, NotFoundError, RefusedError
from gateway.partners.as2 import ENCRYPT, SIGN
from gateway.routing.table import Table
from gateway.services import certificate, connection, partner
from gateway.services.access import Identity, Permission
from gateway.services.connection import STEP_NAMES
from gateway.settings_file import plain as settings_of
from gateway.store import queries
from gateway.store.database import reading
from gateway.store.keyring import ssh_public
from gateway.store.queries import Wanted
from gateway.transports.problems import CATALOGUE
from gateway.web.render import page, see_other

router = APIRouter()
_Text = Annotated[str, Form(max_length=1000)]
_Secret = Annotated[str, Form(max_length=partner.MAX_SECRET)]
_Picked = Annotated[list[Annotated[str, Form(max_length=10)]], Form(max_length=40)]

STEPS = ("identity", "documents", "channel", "certificates", "test", "live")
QUALIFIERS = [
    ("ZZ", "ZZ, mutually agreed"),
    ("01", "01, D-U-N-S number"),
    ("08", "08, UCC number"),
    ("12", "12, telephone number"),
    ("14", "14, D-U-N-S with suffix"),
]
REGIONS = [
    ("na", "North America: US, CA, MX, BR"),
    ("eu", "Europe, Middle East, Egypt, South Africa, India"),
    ("fe", "Far East: JP, AU, SG"),
]
API_SECRETS = {
    "client_id": "Client identifier",
    "client_secret": "Client secret",
    "refresh_token": "Refresh token",
}
_COMES = ("850", "860", "820", "824", "864", "846")
_GOES = ("855", "865", "856", "810", "846")
SETS = {one.set_id: name.replace("_", " ").capitalize() for name, one in KINDS.items()}
_LINE = re.compile(r'"((?:ssh|ecdsa|sk-)[!-~]+ [A-Za-z0-9+/=]+)"')
_WHY = "by the steps of the page"


@router.get("/partners")
def partners(request: Request, identity: Reader) -> Response:
    """Who we trade with, and how it goes."""
    site = site_of(request)
    rows = listed(site, identity)
    return page(
        request,
        "partners.html",
        title="Partners",
        json_twin="/api/v1/partners",
        rows=rows,
        examples=[row["partner"] for row in rows if partner.is_example(site.home, row["partner"])],
        can_add=identity.may(Permission.ADMINISTER),
    )


@router.get("/partners/new")
def new(
    request: Request,
    identity: Administrator,
    qualifier: str = "",
    id: str = "",  # noqa: A002 -- in the address
    name: str = "",
    way: str = "",
) -> Response:
    """The first step, filled in with what is known."""
    allowed(identity, Permission.ADMINISTER, None)
    given = {"qualifier": qualifier[:2], "isa_id": id[:15].strip(), "name": name[:100], "way": way}
    return _new(request, given | {"partner": _slug(given["name"] or given["isa_id"])})


def _new(request: Request, given: dict[str, str], wrong: Sequence[tuple[str, str]] = ()) -> Response:
    status = 422 if wrong else 200
    more: dict[str, Any] = {"given": given, "errors": wrong, "qualifiers": _qualifiers(given["qualifier"])}
    more |= {"regions": REGIONS, "secrets": API_SECRETS}
    return page(request, "partner_new.html", title="Add a partner", status=status, **more)


def _api_form(
    region: _Text = "",
    vendor_code: _Text = "",
    sandbox: _Text = "",
    marketplace: _Text = "",
    secret_made_on: _Text = "",
    client_id: _Secret = "",
    client_secret: _Secret = "",
    refresh_token: _Secret = "",
) -> dict[str, str]:
    """What a form says about Amazon's API, by the names of ``sp_api``."""
    return {name: value.strip() for name, value in locals().items()}


_Api = Annotated[dict[str, str], Depends(_api_form)]


def _typed(form: dict[str, str]) -> dict[str, str]:
    """What of it may be shown again."""
    return {name: value for name, value in form.items() if name not in API_SECRETS}


def _sp_api(mine: str, form: dict[str, str], old: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What a form changes of ``sp_api``, and the secrets that are kept for it. Raises RefusedError."""
    given = {name: form[name] for name in API_SECRETS if form[name]}
    if missing := [label for name, label in API_SECRETS.items() if name not in {*given, *old}]:
        raise RefusedError(f"Write what the application was given: {', '.join(missing)}.")
    kept = {name: f"api-{name.replace('_', '-')}" for name in given}
    said: dict[str, Any] = {name: value or None for name, value in _typed(form).items()}
    said |= {"sandbox": form["sandbox"] == "true" or None}
    said |= {name: partner.kept_at(mine, what) for name, what in kept.items()}
    return {"sp_api": said}, {what: given[name] for name, what in kept.items()}


@router.post("/partners/new")
def add(
    request: Request,
    identity: Administrator,
    api: _Api,
    name: _Text = "",
    qualifier: _Text = "",
    isa_id: _Text = "",
    partner_id: _Text = "",
    way: _Text = "",
) -> Response:
    """Writes the partner's file."""
    site = site_of(request)
    allowed(identity, Permission.ADMINISTER, None)
    given = {"qualifier": qualifier, "isa_id": isa_id.strip(), "name": name.strip(), "partner": partner_id}
    mine = partner_id.strip() or _slug(name or isa_id)
    said: dict[str, Any] = {"identifiers": [{"qualifier": qualifier, "id": given["isa_id"]}]}
    secrets: dict[str, str] = {}
    try:
        if way == "api":
            said, secrets = _sp_api(mine, api, {})
        if not given["name"] or not (given["isa_id"] or secrets):
            raise ConfigurationError("Write the name and the identifier.")
        with site.acting(identity.actor) as services:
            said = partner.merged({"name": given["name"]}, said)
            partner.add(services, mine, said, "added " + _WHY, trusted=False, secrets=secrets)
    except (ConfigurationError, RefusedError) as error:
        given |= {"way": way, **_typed(api)}
        return _new(request, given, [(_field(words), words) for words in _words(error)])
    words = f"{name} is added. The gateway takes it up within seconds."
    return see_other(f"/partners/{mine}/setup" + ("?step=channel" if way == "api" else ""), words)


@router.get("/partners/{partner_id}")
def show(request: Request, identity: Reader, partner_id: str) -> Response:
    """Everything about one partner."""
    site, name = site_of(request), plain(partner_id)
    found, text = visible(site, identity, name), partner.text_of(site.home, name)
    with reading(site.engine) as store:
        recent = queries.messages(store, Wanted(partner=name, limit=10)).rows
    secret = hidden(Table(site.settings.routes), identity)
    routes = [
        one
        for one in site.settings.routes.routes
        if one.name not in secret
        and (not (asked := one.when.partners) or name in ((asked,) if isinstance(asked, str) else asked))
    ]
    uses = [row for row in certificates.uses(site, identity) if row["partner"] == name]
    return page(
        request,
        "partner.html",
        title=found.name,
        json_twin=f"/api/v1/partners/{name}",
        found=found,
        one=detailed(site, found, text),
        is_example=partner.is_example(site.home, name),
        text=text,
        recent=recent,
        routes=routes,
        uses=uses,
        sets=SETS,
        us=site.settings.us(found),
        **_may(identity, name),
    )


@router.get("/partners/{partner_id}/setup")
def setup(request: Request, identity: Reader, partner_id: str, step: str = "", way: str = "") -> Response:
    """The steps until a partner is live, with the form of one of them."""
    return _setup(request, identity, plain(partner_id), step, way=way)


def _setup(
    request: Request,
    identity: Identity,
    name: str,
    step: str,
    *,
    way: str = "",
    errors: list[str] | None = None,
    given: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    site = site_of(request)
    found, text = visible(site, identity, name), partner.text_of(site.home, name)
    one = detailed(site, found, text)
    known = [row["step"] for row in one["steps"]]
    first = next((row["step"] for row in one["steps"] if not row["done"]), known[-1])
    step = step if step in known else first
    now = "" if step == "live" and one["steps"][-1]["done"] else step
    shown = [
        {
            "title": row["title"],
            "text": row["words"],
            "state": "current" if row["step"] == now else "done" if row["done"] else "missing",
            "href": f"/partners/{name}/setup?step={row['step']}" if row["step"] != step else "",
        }
        for row in one["steps"]
    ]
    ways = {"sftp": found.sftp, "as2": found.as2, "api": found.sp_api}
    way = way if way in ("folder", *ways) else next((key for key, terms in ways.items() if terms), "folder")
    said = settings_of(text)
    context: dict[str, Any] = {"tested": [], "result": None, "lines": [], "sample": ""}
    if step == "test":
        with reading(site.engine) as store:
            context["tested"] = partner.tests(store, name)[:20]
    if step == "channel":
        key = site.home / f"{partner.SECRETS}/{name}-sftp-key"
        context["public_key"] = ssh_public(key.read_bytes()) if key.is_file() else ""
    if step == "certificates":
        held = [one for one in certificates.visible(site, identity) if one.partner in ("", name)]
        context["held"] = [(one, certificate.told(one, site.now())) for one in held]
    answer = page(
        request,
        "partner_setup.html",
        title=f"Set up {found.name}",
        status=422 if errors else 200,
        active="partners",
        json_twin=f"/api/v1/partners/{name}",
        found=found,
        one=one,
        said=said,
        steps=shown,
        step=step,
        following=known[min(known.index(step) + 1, len(known) - 1)],
        way=way,
        errors=[("form", words) for words in errors or []],
        sets=SETS,
        comes=_COMES,
        goes=_GOES,
        versions=sorted({one.version for one in found.send} | {"004010", "005010"}),
        profiles=partner.profiles(site.home),
        qualifiers=_qualifiers(found.identifiers[0].qualifier if found.identifiers else ""),
        samples=[
            one
            for one in partner.SAMPLES
            if (found.receives(one) if one == "850" else found.sends(one) and found.ways != ("api",))
        ],
        ciphers=sorted(ENCRYPT),
        digests=sorted(SIGN),
        our_as2=site.settings.gateway.as2,
        api={**said.get("sp_api", {}), **(given or {})},
        regions=REGIONS,
        secrets=API_SECRETS,
        names=STEP_NAMES,
        **_may(identity, name),
        **(context | more),
    )
    if step == "test" and not one["in_force"]:
        answer.headers["Refresh"] = f"2; url=/partners/{name}/setup?step=test"
    return answer


def _changed(
    request: Request,
    identity: Identity,
    name: str,
    step: str,
    work: Callable[[], str],
    following: str,
    way: str = "",
    given: Mapping[str, str] | None = None,
) -> Response:
    """Does what a form asks for; what is wrong stands above the form."""
    found = visible(site_of(request), identity, name)
    allowed(identity, Permission.ADMINISTER, found.id)
    try:
        words = work()
    except (ConfigurationError, RefusedError, NotFoundError) as error:
        return _setup(request, identity, name, step, way=way, errors=_words(error), given=given)
    return see_other(f"/partners/{name}/setup?step={following}", words)


def _patch(
    request: Request,
    identity: Identity,
    name: str,
    patch: dict[str, Any],
    reason: str = "",
    secrets: Mapping[str, str] | None = None,
) -> str:
    with site_of(request).acting(identity.actor) as services:
        partner.change(services, name, patch, reason or "changed " + _WHY, trusted=False, secrets=secrets)
    return "Saved. The gateway takes it up within seconds."


@router.post("/partners/{partner_id}/setup/identity")
def save_identity(
    request: Request,
    identity: Administrator,
    partner_id: str,
    name: _Text = "",
    qualifier: _Text = "",
    isa_id: _Text = "",
    us_qualifier: _Text = "",
    us_id: _Text = "",
) -> Response:
    """Who the partner is, and how it knows us."""
    mine = plain(partner_id)

    def work() -> str:
        rest = settings_of(partner.text_of(site_of(request).home, mine)).get("identifiers", [])[1:]
        us = {"qualifier": us_qualifier, "id": us_id.strip()} if us_id.strip() else None
        first = [{"qualifier": qualifier, "id": isa_id.strip()}] if isa_id.strip() else []
        ids = [*first, *rest] or None
        return _patch(request, identity, mine, {"name": name.strip(), "identifiers": ids, "us": us})

    return _changed(request, identity, mine, "identity", work, "documents")


@router.post("/partners/{partner_id}/setup/documents")
def save_documents(
    request: Request,
    identity: Administrator,
    partner_id: str,
    receive: _Picked = [],  # noqa: B006
    send: _Picked = [],  # noqa: B006
    profile: _Text = "",
    version: _Text = "004010",
    acknowledge: _Text = "997",
) -> Response:
    """What is exchanged, and by whose guideline; what is new is sent as a test."""
    mine = plain(partner_id)

    def work() -> str:
        old = settings_of(partner.text_of(site_of(request).home, mine))
        answer = acknowledge if acknowledge in ("997", "999") else False

        def agreed(direction: str, sets: list[str], fresh: dict[str, Any]) -> list[Any]:
            known = {one.get("set"): one for one in old.get(direction, ()) if isinstance(one, dict)}
            others = [
                one for key, one in known.items() if key not in (_COMES if direction == "receive" else _GOES)
            ]
            return [known.get(one, {"set": one, **fresh}) for one in dict.fromkeys(sets)] + others

        patch = {
            "profile": profile or None,
            "receive": agreed("receive", receive, {"acknowledge": answer}),
            "send": agreed("send", send, {"version": version, "usage": "T"}),
        }
        return _patch(request, identity, mine, patch)

    return _changed(request, identity, mine, "documents", work, "channel")


@router.post("/partners/{partner_id}/setup/sftp")
def save_sftp(
    request: Request,
    identity: Administrator,
    partner_id: str,
    host: _Text = "",
    port: _Text = "22",
    user: _Text = "",
    password: _Secret = "",
    make_key: bool = Form(default=False),
    inbox: _Text = "",
    outbox: _Text = "",
) -> Response:
    """The partner's SFTP server; a password, or our new key, goes into a file that only the gateway reads."""
    mine = plain(partner_id)

    def work() -> str:
        old = settings_of(partner.text_of(site_of(request).home, mine)).get("sftp", {})
        if isinstance(old, list) and len(old) > 1:
            raise RefusedError("There are several servers: change them in the partner's file.")
        first = {**(old[0] if isinstance(old, list) and old else old)} if old else {}
        changed = str(first.get("host", "")) != host.strip() or str(first.get("port", "22")) != (port or "22")
        first |= {"host": host.strip(), "port": port or "22", "user": user.strip(), "outbox": outbox.strip()}
        first["inboxes"] = [inbox.strip()] if inbox.strip() else []
        if changed:
            first.pop("host_keys", None)
        if make_key:
            with site_of(request).acting(identity.actor) as services:
                first["key"] = partner.keep_secret(services, mine, "sftp-key")
        secrets = {"sftp-password": password} if password else {}
        first |= {"password": partner.kept_at(mine, "sftp-password")} if password else {}
        cleaned = {key: value for key, value in first.items() if value not in ("", [])}
        patch = {"sftp": [cleaned] if isinstance(old, list) else cleaned}
        return _patch(request, identity, mine, patch, secrets=secrets)

    return _changed(request, identity, mine, "channel", work, "channel", "sftp")


@router.post("/partners/{partner_id}/setup/as2")
def save_as2(
    request: Request,
    identity: Administrator,
    partner_id: str,
    as2_id: _Text = "",
    us: _Text = "",
    url: _Text = "",
    sign: _Text = "sha256",
    encrypt: _Text = "aes256-cbc",
    mode: _Text = "sync",
) -> Response:
    """AS2 with the partner."""
    mine = plain(partner_id)
    said = {
        "id": as2_id.strip(),
        "us": us.strip() or None,
        "url": url.strip(),
        "sign": sign,
        "encrypt": encrypt,
    }
    patch = {"as2": {**said, "receipt": {"mode": mode}}}
    return _changed(
        request, identity, mine, "channel", lambda: _patch(request, identity, mine, patch), "channel", "as2"
    )


@router.post("/partners/{partner_id}/setup/api")
def save_api(request: Request, identity: Administrator, partner_id: str, api: _Api) -> Response:
    """Amazon's API; each secret goes into a file that only the gateway reads, and empty stays as it is."""
    mine = plain(partner_id)

    def work() -> str:
        old = settings_of(partner.text_of(site_of(request).home, mine)).get("sp_api", {})
        patch, secrets = _sp_api(mine, api, old)
        return _patch(request, identity, mine, patch, secrets=secrets)

    return _changed(request, identity, mine, "channel", work, "channel", "api", _typed(api))


@router.post("/partners/{partner_id}/setup/hostkey")
def save_host_key(
    request: Request,
    identity: Administrator,
    partner_id: str,
    line: _Text = "",
    compared: bool = Form(default=False),
) -> Response:
    """Trusts a host key, after a person compared it."""
    mine = plain(partner_id)

    def work() -> str:
        old = settings_of(partner.text_of(site_of(request).home, mine)).get("sftp", {})
        first = old[0] if isinstance(old, list) else old
        if not compared or not line:
            raise RefusedError("Compare the fingerprint with the partner first, then say that you did.")
        if isinstance(old, list) and len(old) > 1:
            raise RefusedError("There are several servers: write the key into the partner's file.")
        keys = [*first.get("host_keys", ()), line]
        new = {**first, "host_keys": list(dict.fromkeys(keys))}
        patch = {"sftp": [new] if isinstance(old, list) else new}
        return _patch(request, identity, mine, patch, f"host key compared: {line[:60]}")

    return _changed(request, identity, mine, "channel", work, "channel", "sftp")


@router.post("/partners/{partner_id}/setup/attempt")
def attempt(request: Request, identity: Operator, partner_id: str) -> Response:
    """Tries the connection, and shows each step."""
    mine = plain(partner_id)
    found = visible(site_of(request), identity, mine)
    allowed(identity, Permission.OPERATE, mine)
    try:
        with site_of(request).acting(identity.actor) as services:
            result = connection.attempts(services, found)
    except (EdiError, OSError) as error:
        return _setup(request, identity, mine, "channel", errors=_words(error))
    wrong = [one for one in result["steps"] if one.get("code") in _HOST_KEYS]
    lines = [line for one in wrong for line in _LINE.findall(one["hint"])]
    return _setup(request, identity, mine, "channel", result=result, lines=lines)


_HOST_KEYS = [code for code, kind in CATALOGUE.items() if kind.step == "hostkey"]


@router.post("/partners/{partner_id}/setup/certificates")
def save_certificate(
    request: Request,
    identity: Administrator,
    partner_id: str,
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Takes the partner's certificate; without a file makes our key."""
    mine, site = plain(partner_id), site_of(request)
    data = file.file.read(certificates.MAX_FILE + 1) if file and file.filename else b""

    def work() -> str:
        with site.acting(identity.actor) as services:
            if file is None:
                allowed(identity, Permission.ADMINISTER, None)
                certificate.made(services, "made " + _WHY)
                return "Our key is made. Give the partner its certificate."
            if not data or len(data) > certificates.MAX_FILE:
                raise RefusedError("Choose a file with one certificate, of at most 128 KB.")
            if mine not in services.settings.partners:
                raise RefusedError(
                    "The gateway does not work with this partner yet; try again in some seconds."
                )
            why = "imported " + _WHY
            held = certificate.taken(services, data, "", partner=mine, own=False, weak=False, reason=why)
        return f"Imported: {held[0].certificate.name}. Compare its fingerprint with the partner."

    return _changed(request, identity, mine, "certificates", work, "certificates")


@router.get("/partners/{partner_id}/samples/{set_id}")
def sample(request: Request, identity: Reader, partner_id: str, set_id: str) -> Response:
    """A test document, to look at or to give to the partner."""
    site, name = site_of(request), plain(partner_id)
    found = visible(site, identity, name)
    content = partner.sample(site.settings, found, plain(set_id), site.now())
    return Response(content, headers=attachment(f"test-{set_id}.{'edi' if set_id == '850' else 'json'}"))


@router.post("/partners/{partner_id}/setup/test")
def exchange(request: Request, identity: Operator, partner_id: str, set_id: _Text = "") -> Response:
    """Lets a test document go its way."""
    site, mine = site_of(request), plain(partner_id)
    found = visible(site, identity, mine)
    allowed(identity, Permission.OPERATE, mine)
    try:
        with site.acting(identity.actor) as services:
            words = partner.exchange(services, site.settings, found, set_id)
    except (EdiError, OSError) as error:
        return _setup(request, identity, mine, "test", errors=_words(error))
    return see_other(f"/partners/{mine}/setup?step=test", words)


@router.post("/partners/{partner_id}/setup/live")
def live(request: Request, identity: Administrator, partner_id: str, reason: _Text = "") -> Response:
    """From tests to production."""
    mine = plain(partner_id)

    def work() -> str:
        if not reason.strip():
            raise RefusedError("Say why: it is kept in the audit.")
        with site_of(request).acting(identity.actor) as services:
            partner.go_live(services, mine, reason.strip())
        return "Live: what is sent from now on is production."

    return _changed(request, identity, mine, "live", work, "live")


def _may(identity: Identity, name: str) -> dict[str, Any]:
    kinds = {"can_operate": Permission.OPERATE, "can_change": Permission.ADMINISTER}
    return {key: identity.may(one, name) for key, one in kinds.items()} | {
        "can_all": identity.may(Permission.ADMINISTER)
    }


def _words(error: Exception) -> list[str]:
    problems = getattr(error, "problems", ())
    return [f"{one.message} {one.hint}".strip() for one in problems[:20]] or [str(error)]


def _field(words: str) -> str:
    known = {name: name for name in ("vendor_code", "secret_made_on", "marketplace", "region")}
    known |= {"application": "client_id", "identifier": "isa_id", "qualifier": "qualifier"}
    known |= {"id:": "partner_id", "already": "partner_id"}
    return next((field for word, field in known.items() if word in words), "name")


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:41].strip("-")


def _qualifiers(given: str) -> list[tuple[str, str]]:
    known = [one[0] for one in QUALIFIERS]
    return QUALIFIERS + ([(given, given)] if given and given not in known else [])
