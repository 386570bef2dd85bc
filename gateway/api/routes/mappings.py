"""Mappings, and what they make of a sample: nothing of it is stored."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from gateway.api import models
from gateway.api.access import Reader, allowed, site_of
from gateway.api.problems import ApiError
from gateway.api.routes.messages import found
from gateway.api.site import Site
from gateway.documents import KINDS
from gateway.errors import NotFoundError
from gateway.mapping.trial import Difference
from gateway.services import mapping
from gateway.services.access import Identity, Permission
from gateway.services.apart import Apart
from gateway.services.mapping import Trial, Tried
from gateway.store import queries
from gateway.store.database import reading

router = APIRouter(prefix="/api/v1/mappings", tags=["mappings"])
_turns = threading.BoundedSemaphore(2)
_PATIENCE = 10.0


class Sample(models.Given):
    """What is tried with a mapping."""

    sample: str = Field(default="", max_length=mapping.MAX_SAMPLE, description="X12, or a document as JSON")
    text: str | None = Field(
        default=None, max_length=mapping.MAX_TEXT, description="this YAML in the place of the file"
    )


_findings: Any = list[models.Finding]
_Mapping = models.of(
    "Mapping",
    "A mapping, and how it differs from what it extends.",
    "name document_type guide text extends",
    {"problems": _findings, "differences": list[dict[str, str | None]]},
)
_Set = models.of(
    "TracedSet",
    "What became of a transaction set or body.",
    "set_id control_number guide? reason?",
    {
        "number": int,
        "document": dict[str, Any] | None,
        "origins": models.many(models.Origin),
        "problems": _findings,
    },
)
_Preview = models.of(
    "Preview",
    "What a mapping makes of a sample.",
    "name direction x12?",
    {"sets": models.many(_Set), "problems": _findings},
)
_Test = models.of("Test", "A test beside a mapping.", "name", differences=list[Difference])
_Tested = models.of("Tested", "Tests beside a mapping.", "name", tests=models.many(_Test) | None)
_Mappings = models.of("Mappings", "The names of all mappings.", mappings=list[str])


def names(site: Site, identity: Identity) -> list[str]:
    """The mappings that somebody may see: the shared ones, and those of partners."""
    mine, partners = identity.partners(Permission.READ), site.settings.partners
    own = None if mine is None else {partners[one].overlay for one in mine if one in partners}
    listed = [one.removeprefix("mappings/") for one in mapping.listing(overrides(site))]
    shown = [one for one in listed if not one.endswith("/blocks")]
    return [
        one for one in shown if own is None or not one.startswith("partners/") or one.split("/")[1] in own
    ]


def overrides(site: Site) -> tuple[Any, ...]:
    """The folders of a home that go before what is installed."""
    return site.home / "mappings", site.home / "schemas"


@contextmanager
def trial(site: Site, identity: Identity, name: str, text: str | None = None) -> Iterator[Trial]:
    """A mapping to be tried, in turn: two at a time. Raises ApiError, NotFoundError."""
    if name not in names(site, identity):
        raise NotFoundError(f"There is no mapping {name}.")
    if text is not None:
        allowed(identity, Permission.OPERATE, None)
    if not _turns.acquire(timeout=_PATIENCE):
        raise ApiError(503, "Others are trying mappings just now.", headers={"Retry-After": "10"})
    try:
        if text is None:
            yield Trial(name, overrides(site))
        else:
            with closing(Apart(name, overrides(site), text)) as apart:
                yield apart
    finally:
        _turns.release()


def used_by(site: Site, identity: Identity, message_id: str) -> tuple[str, bytes]:
    """The mapping that a message was translated with, and a sample of it. Raises ApiError."""
    from gateway import engine
    from gateway.x12.envelope import TransactionSet

    message = found(site, identity, message_id)
    if message["payload"] is None:
        raise ApiError(404, "The bytes of the message are not kept.")
    with site.payloads.open(message["payload"]) as file:
        sample = file.read(mapping.MAX_SAMPLE)
    partner, documents = site.settings.partners.get(message["partner"] or ""), message["documents"]
    first = next(
        (one for one in engine.read(sample, documents=False) if isinstance(one, TransactionSet)), None
    )
    if first is not None:
        set_id, version = first.set_id, first.group.version if first.group else ""
    elif documents and documents[0]["document_type"] in KINDS:
        set_id = KINDS[documents[0]["document_type"]].set_id
        partner = site.settings.partners.get(documents[0]["partner"])
        agreed = partner.sends(set_id) if partner else None
        version = agreed.version if agreed else "004010"
    else:
        raise ApiError(404, "No mapping was used for this message.")
    if documents and (message["direction"] == "out" or first is None):
        with reading(site.engine) as connection:
            body = queries.bodies(connection, [documents[0]["id"]]).get(documents[0]["id"])
        sample = mapping.shown_json(body) if body else sample
    release = engine.library().served_by(version)
    own = f"partners/{partner.overlay}/{set_id}.{release}" if partner else ""
    name = own if own in names(site, identity) else f"x12/{release}/{set_id}"
    return name, sample


def told(name: str, tried: Tried) -> dict[str, Any]:
    """A preview in its JSON form."""
    problems = [one.to_dict() for one in tried.problems]
    known = {one: getattr(tried, one) for one in ("direction", "sets", "x12")}
    return {"name": name, **known, "problems": problems}


@router.get("", response_model=_Mappings)
def list_mappings(request: Request, identity: Reader) -> Any:
    """The names of all mappings."""
    return {"mappings": names(site_of(request), identity)}


@router.post("/{name:path}/preview", response_model=_Preview)
def preview(request: Request, identity: Reader, name: str, given: Sample) -> Any:
    """What the mapping makes of a sample, and which rule wrote what from where."""
    with trial(site_of(request), identity, name, given.text) as one:
        return told(name, one.run(given.sample.encode("utf-8", "replace")))


@router.post("/{name:path}/test", response_model=_Tested)
def test(request: Request, identity: Reader, name: str, given: Sample) -> Any:
    """Run the tests that stand beside the mapping."""
    with trial(site_of(request), identity, name, given.text) as one:
        return {"name": name, "tests": one.tests()}


@router.post("/{name:path}/check", response_model=_Mapping)
def check(request: Request, identity: Reader, name: str, given: Sample) -> Any:
    """What is wrong with a text in the place of the mapping, before it is one."""
    with trial(site_of(request), identity, name, given.text) as one:
        return _shown(one)


@router.get("/{name:path}", response_model=_Mapping)
def show(request: Request, identity: Reader, name: str) -> Any:
    """One mapping: its text, what is wrong with it, and how it differs from what it extends."""
    with trial(site_of(request), identity, name) as one:
        return _shown(one)


def _shown(one: Trial) -> Any:
    extends, differences = one.overlay()
    problems = [found.to_dict() for found in one.findings]
    more: dict[str, Any] = {"extends": extends, "differences": differences, **one.facts}
    text = one.text.decode("utf-8", "replace")
    return {"name": one.name, "text": text, "problems": problems, **more}
