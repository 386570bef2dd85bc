"""Trying the ways to a partner, step by step: those of its file, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import BoundedSemaphore
from typing import Any, Literal

from gateway.as2.span import Span
from gateway.errors import ConfigurationError, EdiError, Fault, RefusedError, TransportError
from gateway.partners.partner import API, WEBHOOK, Partner
from gateway.secrets import secret
from gateway.services import health, transmit, webhook
from gateway.services.base import Services

Result = Literal["fine", "problems", "configuration", "remote"]

_STEPS = ("dns", "tcp", "tls", "http", "receipt", "signature", "digest")
"""Of AS2."""

STEP_NAMES = {
    "settings": "settings",
    "dns": "name",
    "address": "address",
    "tcp": "connection",
    "hostkey": "host key",
    "login": "login",
    "folders": "folders",
    "upload": "upload",
    "rename": "rename",
    "tls": "TLS",
    "http": "HTTP",
    "receipt": "receipt",
    "signature": "signature",
    "digest": "digest",
    "token": "token",
    "clock": "clock",
    "role": "role",
    "vendor": "vendor",
}
_WORDS = b"This is a test of the connection. Nothing needs to be done with it.\r\n"
_PATIENCE = 20.0
_AT_A_TIME = BoundedSemaphore(2)


def attempt(
    services: Services,
    partner: Partner,
    channel: str,
    told: Callable[[dict[str, Any]], None],
    *,
    begins: Callable[[str], None] = lambda _: None,
    content: bytes | None = None,
    name: str = "test.txt",
    send: bool = False,
) -> Result:
    """Tries one way, tells each step, and notes in the audit how it went.

    Args:
        told: takes a step: ``channel``, ``step``, ``ok``, ``words``; of one that failed ``code``, ``hint``.
        begins: is told to whom it goes. content: what is sent in place of a few words.
        send: over SFTP, whether a file is written, renamed and removed.

    Raises:
        RefusedError: there is nothing to test.
    """
    failed: EdiError | OSError | None = None
    mine: list[dict[str, Any]] = []

    def step_told(step: str, words: str, *, ok: bool = True, **more: str) -> None:
        mine.append({"channel": channel, "step": step, "ok": ok, "words": words, **more})
        told(mine[-1])

    try:
        _probe(services, partner, channel, step_told, begins, content, name, send=send)
    except RefusedError:
        raise
    except (EdiError, OSError) as error:
        failed = error
    reached = [one["step"] for one in mine]
    with services.store.transaction():
        steps = list(dict.fromkeys(reached))
        facts: dict[str, Any] = {"channel": channel, "steps": steps, "result": str(failed or "fine")}
        services.store.audit("partner.tested", partner=partner.id, **facts)
    if failed is None:
        return "fine"
    step = next((one for one in _STEPS if one not in reached and one != "tls"), _STEPS[-1])
    if isinstance(failed, ConfigurationError) or getattr(failed, "code", "") == "AS2-NO-CERTIFICATE":
        step = "settings"
    elif (terms := partner.servers.get(channel)) is not None:
        folders = len(terms.inboxes) + bool(terms.outbox) + len(terms.outboxes)
        step = "upload" if reached.count("folders") == folders else "folders"
    step = getattr(failed, "step", "") or step
    why = {"code": getattr(failed, "code", ""), "hint": getattr(failed, "hint", "")}
    step_told(step, f"{failed} {getattr(failed, 'detail', '')}".strip(), ok=False, **why)
    is_of_api = partner.channels.get(channel) == API
    ours = getattr(getattr(failed, "kind", None), "fault", None) is Fault.CONFIGURATION
    if step == "settings" or (is_of_api and ours):
        return "configuration"
    from gateway.transports.webhook import AnswerError

    is_remote = isinstance(failed, TransportError | OSError) and not isinstance(failed, AnswerError)
    return "remote" if is_remote else "problems"


def _probe(
    services: Services,
    partner: Partner,
    channel: str,
    told: Callable[..., None],
    begins: Callable[[str], None],
    content: bytes | None,
    name: str,
    *,
    send: bool,
) -> None:
    """Tries what the partner's file says. Raises EdiError or OSError with why a step failed."""
    find = partial(secret, home=services.home)
    if (terms := partner.servers.get(channel)) is not None:
        from gateway.transports.sftp import SftpFolders

        begins(f"To {terms.host}{f' ({terms.name})' if terms.name else ''} as {terms.user}:")
        stable = services.settings.gateway.pickup.stable_seconds
        SftpFolders(terms, channel, find, stable, home=str(services.home)).probe(told, send=send)
    elif partner.sp_api is not None and partner.channels.get(channel) == API:
        from gateway.transports import sp_api

        begins(f"To {partner.sp_api.base} as {partner.sp_api.vendor_code}:")
        with sp_api.Client(partner.sp_api, find, tries=1) as client:
            client.probe(told)
    elif partner.webhook is not None and partner.channels.get(channel) == WEBHOOK:
        begins(f"To {partner.webhook.url}:")
        webhook.probe(services, partner.webhook, content or b"", told)
    else:
        link = transmit.Link.of(services, channel)
        if link is None:
            raise RefusedError(
                f"{partner.id} has no `as2`, `sftp`, `sp_api` or `webhook` in its file, so there is nothing "
                "to test."
            )
        begins(f"To {link.terms.url} from {link.ours} to {link.theirs}:")
        with services.room() as roomy:
            transmit.probe(roomy, link, Span.of(_WORDS if content is None else content), name, told)
    health.tested(services, channel)


def attempts(services: Services, partner: Partner, *, way: str = "", send: bool = False) -> dict[str, Any]:
    """All ways over networks, for somebody who waits at a screen; as ``edigw partner test --json``.

    Raises:
        RefusedError: there is none, or several are being tried.
    """
    steps: list[dict[str, Any]] = []
    there = [name for name, one in partner.channels.items() if way in ("", one)]
    patient = replace(partner, sftp=tuple(_hurried(one) for one in partner.sftp))
    patient = replace(patient, as2=patient.as2 and _hurried(patient.as2))
    patient = replace(patient, sp_api=patient.sp_api and _hurried(patient.sp_api))
    others = type(services.settings.partners)(
        [patient, *(one for one in services.settings.partners.values() if one.id != partner.id)]
    )
    services = replace(services, settings=replace(services.settings, partners=others))
    if not _AT_A_TIME.acquire(blocking=False):
        raise RefusedError("Two connections are being tried just now. Wait until they are done.")
    try:
        results = [
            attempt(services, patient, name, steps.append, send=send) for name in there or [partner.folder]
        ]
    finally:
        _AT_A_TIME.release()
    return {"partner": partner.id, "ok": set(results) == {"fine"}, "steps": steps}


def _hurried(terms: Any) -> Any:
    return replace(terms, timeout_seconds=min(terms.timeout_seconds, _PATIENCE))
