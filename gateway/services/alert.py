"""Tells people and programs what happened, as the rules of alerts.yaml say.

An alert is made in the transaction of the entry of the audit that it tells of. A rule's job makes notices of
the alerts that are due, one for each target; each is sent by a job of its own, again until it is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import orjson

from gateway.errors import EdiError, NotFoundError, TransportError
from gateway.files import in_words
from gateway.notify import events
from gateway.notify import notice as notices
from gateway.notify.rules import LOG, Rule, Target
from gateway.observability.logging import get_logger
from gateway.secrets import secret
from gateway.services.base import Services
from gateway.services.check import Finding
from gateway.store.records import Entry, as_text
from gateway.transports import mail, webhook
from gateway.transports.as2 import Target as Place
from gateway.transports.as2 import tls_context

_KEPT = timedelta(days=90)
_LONGEST_PAUSE = 3600.0
_MAX_ERROR = 1000
_OFF = "webhook"
"""Scope of the keys of webhooks that are switched off."""

_MORE = dict.fromkeys(("partner", "message_id", "document_id"), "") | {
    "event": events.MORE,
    "thing": events.MORE,
    "severity": events.EVENTS[events.MORE].severity,
    "words": events.EVENTS[events.MORE].words,
    "facts": "{}",
}


def notice(services: Services, entries: Sequence[Entry]) -> None:
    """Makes alerts of entries of the audit, in their transaction."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    now, rules = services.clock(), services.settings.alerts.rules
    for entry in entries:
        for name in events.found(entry.event, entry.facts):
            partner = entry.partner or _partner(services, entry)
            facts: dict[str, Any] = {"partner": partner, **entry.facts}
            about = {"message_id": entry.message_id or "", "document_id": entry.document_id or ""}
            thing = events.thing(name, facts | about)
            for rule in rules:
                if not rule.is_about(name, partner) or not _is_of(services, rule, entry):
                    continue
                if (known := found.setdefault(rule.name, {}).get(thing)) is not None:
                    known["times"] += 1
                    continue
                said, severity = events.told(name, facts), events.EVENTS[name].severity
                row: dict[str, Any] = {
                    "rule": rule.name,
                    "thing": thing,
                    "event": name,
                    "severity": severity,
                    **about,
                }
                row |= {"partner": partner or "", "words": events.words(name, said), "times": 1, "step": 0}
                row |= {
                    "at": as_text(entry.at),
                    "last_at": as_text(entry.at),
                    "facts": orjson.dumps(said).decode(),
                }
                row |= {
                    "due_at": as_text(rule.due(now, severity)),
                    "acknowledged_at": "",
                    "actor": "",
                    "reason": "",
                }
                found[rule.name][thing] = row
    for rule in rules:
        if rows := [*found.get(rule.name, {}).values()]:
            since = now - timedelta(minutes=rule.repeat_minutes)
            services.store.alerts.add(rule.name, rows, since, _MORE)
            if any(one["due_at"] <= as_text(now) for one in rows):
                services.enqueue([f"alert:{rule.name}"])


def _partner(services: Services, entry: Entry) -> str | None:
    """Whose channel an entry is about."""
    channel = entry.facts.get("channel")
    return next((one.id for one in services.settings.partners.values() if one.folder == channel), None)


def _is_of(services: Services, rule: Rule, entry: Entry) -> bool:
    """Whether an entry is about a type of document that the rule is about."""
    if not rule.documents or entry.facts.get("document_type") in rule.documents:
        return True
    if "document_type" in entry.facts or not entry.message_id:
        return False
    kept = services.store.documents_of(entry.message_id)
    return any(one.document_type in rule.documents for one in kept)


def tell(services: Services, name: str) -> None:
    """Makes notices of what a rule has to tell now."""
    store, now = services.store, services.clock()
    rule = services.settings.alerts.rule(name)
    with store.transaction():
        store.alerts.lock()
        due = store.alerts.due(name, now)
        for step, some in groupby(sorted(due, key=lambda one: int(one.step)), key=lambda one: int(one.step)):
            rows = [*some]
            if rule is None or step > len(rule.escalate):  # it was taken out of the settings meanwhile
                store.alerts.told([one.seq for one in rows], "")
                continue
            later = rule.escalate[step] if step < len(rule.escalate) else None
            for severity, more in groupby(sorted(rows, key=_severity), key=_severity):
                then = now + timedelta(minutes=later.after_minutes) if later else None
                again = as_text(rule.due(then, severity)) if then else ""
                store.alerts.told([one.seq for one in more], again)
            targets = rule.escalate[step - 1].to if step else rule.to
            body = notices.notice(name, [_row(one) for one in rows], now, escalated=step > 0)
            for target in targets:
                key = f"msg_{services.new_id()}"
                store.alerts.add_notice(key, target, name, orjson.dumps(body).decode())
                services.enqueue([f"notice:{key}"])
            store.audit("alert.told", rule=name, targets=[*targets], alerts=[int(one.seq) for one in rows])


def _severity(row: Any) -> str:
    return str(row.severity)


def _row(row: Any) -> dict[str, Any]:
    """An alert as notices and lists show it."""
    names = ("event", "severity", "words", "partner", "message_id", "document_id", "times", "at")
    return {
        "alert": row.seq,
        **{name: getattr(row, name) for name in names},
        "facts": orjson.loads(row.facts),
    }


def send(services: Services, notice_id: str) -> None:
    """Sends a notice; what may succeed later is tried again, with growing pauses."""
    store, now = services.store, services.clock()
    if (row := store.alerts.notice(notice_id)) is None:
        return
    facts = {"target": row.target, "rule": row.rule, "notice": notice_id}
    services.guard()
    try:
        refused = post(services, row.target, notice_id, row.body.encode())
    except (EdiError, OSError) as error:
        words = events.clean(in_words(error) if isinstance(error, OSError) else error, _MAX_ERROR)
        retries = services.settings.gateway.retries
        late = row.at < as_text(now - timedelta(hours=retries.give_up_after_hours))
        is_over = late or isinstance(error, webhook.GoneError | NotFoundError)
        with store.transaction():
            if store.alerts.settle(notice_id, "failed" if is_over else "pending", words):
                if is_over:
                    store.audit("alert.failed", **facts, error=words)
                else:
                    pause = timedelta(seconds=min(5.0 * 4 ** min(row.tries, 10), _LONGEST_PAUSE))
                    services.enqueue([f"notice:{notice_id}"], now + pause)
                if isinstance(error, webhook.GoneError):
                    store.once(_OFF, _address(services, row.target), result="410")
        services.trouble(row.target, f"an alert: {words}")
        return
    more: dict[str, Any] = {"refused": refused} if refused else {}
    with store.transaction():
        if store.alerts.settle(notice_id, "sent"):
            store.audit("alert.sent", **facts, **more)


def post(services: Services, name: str, notice_id: str, body: bytes, *, test: bool = False) -> list[str]:
    """Sends a notice to a target; returns mail addresses that were refused while others were not.

    Args:
        test: also to a webhook that was switched off; it is on again if it takes this.

    Raises:
        GoneError: a webhook is switched off.
        TransportError: the target did not take it.
        ConfigurationError: a secret or file is not there.
        NotFoundError: there is no such target in the settings.
    """
    said, target = orjson.loads(body), services.settings.alerts.target(name)
    if name == LOG:
        for one in said["data"]["alerts"]:
            get_logger().warning(
                "alert", **{key: one[key] for key in ("alert", "severity", "words", "times")}
            )
        return []
    if target is None:
        raise NotFoundError(f"There is no target {name!r} in alerts.yaml.")
    if target.email is not None:
        terms = target.email
        made = mail.message(
            terms.sender, terms.to, notices.subject(said), notices.text(said), notice_id, services.clock()
        )
        return mail.send(_server(services, target), made)
    hook = target.webhook
    assert hook is not None
    off = _address(services, name)
    if not test and services.store.result_of(_OFF, off):
        raise webhook.GoneError(
            f"It answered 410 and is switched off; `edigw alert test {name}` switches it on."
        )
    secrets = [secret(one, services.home) for one in hook.secrets]
    place = Place(
        hook.url,
        tls=tls_context(_path(services, hook.ca_file), None),
        timeout_seconds=hook.timeout_seconds,
        public_only=not hook.private_addresses,
    )
    webhook.post(services.http, place, secrets, notice_id, body, services.clock())
    if test:
        with services.store.transaction():
            services.store.forget_key(_OFF, off)
    return []


def _server(services: Services, target: Target) -> mail.Server:
    terms = target.email
    assert terms is not None
    login = (terms.user, secret(terms.password, services.home)) if terms.user else None
    context = tls_context(_path(services, terms.ca_file), None)
    public = not terms.private_addresses
    return mail.Server(terms.host, terms.port, terms.tls, context, login, public, terms.timeout_seconds)


def _path(services: Services, name: str) -> str:
    return str(services.home / name) if name else ""


def _address(services: Services, name: str) -> str:
    target = services.settings.alerts.target(name)
    return f"{name} {target.webhook.url if target and target.webhook else ''}"


def acknowledge(services: Services, seq: int, reason: str) -> str:
    """Somebody takes care of an alert; returns what it says."""
    store = services.store
    with store.transaction():
        store.alerts.lock()
        row = store.alerts.acknowledge(seq, store.actor, reason)
        about = {"partner": row.partner or None, "document_id": row.document_id or None}
        store.audit(
            "alert.acknowledged", row.message_id or None, **about, alert=seq, about=row.words, reason=reason
        )
    return str(row.words)


def try_out(services: Services, name: str) -> str:
    """Sends a test to a target; returns what went well, in words. Raises as :func:`post`."""
    body, result = orjson.dumps(notices.test(services.clock())), "fine"
    try:
        refused = post(services, name, f"msg_{services.new_id()}", body, test=True)
        return f"{name} took it{', but not for ' * bool(refused)}{' '.join(refused)}."
    except EdiError as error:
        result = str(error)
        raise
    finally:
        with services.store.transaction():
            services.store.audit("alert.tested", target=name, result=events.clean(result))


def examine(services: Services) -> Iterator[Finding]:
    """Whether targets could be told: what they name is there, and leads to addresses that are allowed."""
    for one in services.settings.alerts.targets:
        words, fix = f"The target {one.name} of alerts can be told.", "Correct alerts.yaml, or what it names."
        try:
            if one.email is not None:
                server = _server(services, one)
                mail.addresses(server.host, server.port, server.public_only)
            elif one.webhook is not None:
                for reference in one.webhook.secrets:
                    webhook.signature(secret(reference, services.home), "", 0, b"")
                tls_context(_path(services, one.webhook.ca_file), None)
                parts = urlsplit(one.webhook.url)
                mail.addresses(parts.hostname or "", parts.port or 443, not one.webhook.private_addresses)
                if services.store.result_of(_OFF, _address(services, one.name)):
                    raise TransportError("it answered 410 (Gone) and is switched off")
            yield Finding(True, words)
        except (EdiError, OSError, UnicodeError) as error:
            why = in_words(error) if isinstance(error, OSError) else str(error)
            yield Finding(False, f"The target {one.name} of alerts cannot be told: {why}", fix)


def forget(services: Services) -> None:
    """Forgets what was told long ago; the audit keeps it."""
    with services.store.transaction():
        services.store.alerts.forget(services.clock() - _KEPT)
