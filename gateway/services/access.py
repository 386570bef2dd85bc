"""Who may do what: users, their sessions, keys of programs, and what roles permit."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from math import ceil
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

import orjson
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.errors import ForbiddenError, LogInError, NotFoundError, RefusedError, TransportError
from gateway.store import tables as t
from gateway.store.records import as_text

if TYPE_CHECKING:
    from gateway.services.base import Services

ALL = "*"
"""All partners, and what belongs to no one of them."""

IDLE, LIFE = timedelta(hours=12), timedelta(days=7)
"""A session ends when it was not used for so long, and at the latest."""

SET_UP_LIFE = timedelta(hours=24)
MIN_PASSWORD, MAX_PASSWORD, MAX_SUBJECT = 12, 256, 255
KEY_DAYS, MAX_KEY_DAYS = 365, 3650
FREE_NAME, FREE_ADDRESS = 5, 20
"""Failed log-ins of a name, and from an address, before pauses begin."""

MAX_VIEWS, MAX_VIEW, MAX_VIEW_NAME = 50, 2000, 60
PAUSE, LONGEST = timedelta(seconds=5), timedelta(minutes=15)
"""The first pause; each next one is twice as long, until the longest."""

_SET_UP = "set-up"
_FADES = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")
_KEY = re.compile(r"edigw_([0-9a-f]{12})_([0-9a-f]{64})")
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HASHING = BoundedSemaphore(2)  # each takes 64 MiB
_HASHER = PasswordHasher()
_COMMON = re.compile(
    "(?:password|passw0rd|welcome|letmein|changeme|iloveyou|qwerty|qwertyuiop|admin|administrator|secret|edigw"
    "|abc123|1q2w3e4r5t6y|1qaz2wsx3edc|abcdefghijkl|0?123456789)+[0-9!.?]*"
)
"""What is tried first, in small letters without spaces."""

Row = dict[str, Any]


class Permission(StrEnum):
    """What may be done: look, act on messages, change settings and users, look into and export the audit."""

    READ = "read"
    OPERATE = "operate"
    ADMINISTER = "administer"
    AUDIT = "audit"


ROLES: Mapping[str, frozenset[Permission]] = {
    "viewer": frozenset({Permission.READ}),
    "operator": frozenset({Permission.READ, Permission.OPERATE}),
    "auditor": frozenset({Permission.READ, Permission.AUDIT}),
    "administrator": frozenset(Permission),
}


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A role for one partner, or for all of them."""

    role: str
    partner: str = ALL


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who is known.

    Attributes:
        actor: as the audit has it. kind: ``user`` or ``key``. name: as people know it.
        grants: none while a password is to be changed first (``must_change``).
        csrf: what a form of the session has to carry; empty for a key.
        scopes: what a key is for, whatever its roles permit besides; None for all.
    """

    actor: str
    kind: str
    id: str
    grants: tuple[Grant, ...]
    csrf: str = ""
    name: str = ""
    scopes: frozenset[Permission] | None = None
    must_change: bool = False

    def may(self, permission: Permission, partner: str | None = None) -> bool:
        """Whether something is permitted, with a partner; with None what belongs to no one partner."""
        found = self.partners(permission)
        return found is None or partner in found

    def partners(self, permission: Permission) -> frozenset[str] | None:
        """The partners with which something is permitted; None for all, and for what belongs to none."""
        if self.scopes is not None and permission not in self.scopes:
            return frozenset()
        found = frozenset(one.partner for one in self.grants if permission in ROLES.get(one.role, ()))
        return None if ALL in found else found


# --- sessions ----------------------------------------------------------------------------------------------


def log_in(services: Services, name: str, password: str, *, agent: str, address: str) -> str:
    """Begins a session of a user; returns its new token, which is kept as a hash only.

    Raises:
        LogInError: name and password do not belong together, or too many attempts failed; ``seconds`` says
            how long no further one counts.
    """
    store, access = services.store, services.store.access
    nobody, name, address = _nobody(_HASHER), _small(name), _line(address)
    mine = _hash(f"name {name}")
    counters = {mine: FREE_NAME, _hash(f"address {_network(address)}"): FREE_ADDRESS}
    user = access.user_named(name) if _NAME.fullmatch(name) else None
    # A stranger who tries the name somewhere else keeps nobody out who was let in from here.
    known = user is not None and access.came_from(user["id"], address)
    before, until = _counted(services, counters, spared=mine if known else "")
    right = _matches((user or {}).get("password") or nobody, password) and user is not None
    actor = _actor(user["name"]) if user and right else store.actor
    with store.acting(actor), store.transaction():
        if user and right:  # it may have been changed while the password was looked at
            store.alerts.lock()
            there, checked = access.user(user["id"]), user["password"]
            user, right = there, bool(there and there["password"] == checked)
        facts = {"user": user["name"] if user else "", "address": address}
        if not user or not right or user["disabled_at"]:
            reason = "no such user" if not user else "disabled" if right else "wrong password"
            reason += f"; not taken again until {until}" if until else ""
            store.audit("session.refused", **facts, reason=reason)
        else:
            access.forget_refusals(mine)
            for key in counters.keys() - {mine}:
                access.uncount(key, before[key]["until"], until)
            if _HASHER.check_needs_rehash(user["password"]):
                access.change(t.users, user["id"], password=_hashed(password))
            return _begun(services, user, agent, address)
    raise LogInError("This user is disabled." if user and right else "Name or password is wrong.")


def log_in_as(
    services: Services,
    subject: str,
    name: str,
    grants: Iterable[Grant] | None,
    *,
    agent: str,
    address: str,
) -> str:
    """Begins a session of whom an OpenID provider knows by ``subject``.

    Args:
        name: for a user who is new. grants: what the provider says that the user may do; such a user is made,
            or has these roles from now on. None to let in only who was linked.

    Raises:
        LogInError: nobody is linked, or the user is disabled or may do nothing.
        RefusedError: the name cannot be used. NotFoundError: there is no such partner.
    """
    store, address = services.store, _line(address)
    given = None if grants is None else _checked(services, grants, None)
    why = ""
    with store.transaction():
        store.alerts.lock()
        user = store.access.user_of(subject)
        if user is None and given:
            if not _NAME.fullmatch(name := _small(name)):
                raise RefusedError(f"The name {name[:100]!r} of the provider cannot be used here.")
            row = {"name": name, "display": name, "password": "", "must_change": False, "subject": subject}
            _add(services, row, given, "logged in by the OpenID provider")
            user = store.access.user_of(subject)
        if user is None or given == ():
            why = "Your account is known to the provider, but may do nothing here. Ask an administrator."
        elif user["disabled_at"]:
            why = "This user is disabled."
        elif given is not None and given != _grants(user["grants"]):
            store.access.change(t.users, user["id"], grants=_json(given), changed_at=store.now())
            what = f"roles {_told(given)} (before: {_told(_grants(user['grants']))})"
            store.audit("user.changed", user=user["name"], what=what, reason="groups of the provider")
            if user["id"] not in _administrators(services) and not _administrators(services):
                raise RefusedError(f"{user['name']} is the last administrator and would lose that role.")
            user = store.access.user_of(subject)
        if not why and user:
            with store.acting(_actor(user["name"])):
                return _begun(services, user, agent, address)
        facts = {"user": user["name"] if user else "", "address": address}
        store.audit("session.refused", **facts, reason=f"OpenID subject {_line(subject)}: not admitted")
    raise LogInError(why)


def of_session(services: Services, token: str) -> Identity:
    """Whose session it is. Raises LogInError if it is none, or has ended."""
    access, now, hashed = services.store.access, services.clock(), _hash(token)
    found = access.session(hashed)
    unused = found is None or found["seen_at"] <= as_text(now - IDLE)
    if not found or unused or found["disabled_at"] or found["expires_at"] <= as_text(now):
        raise LogInError("The session has ended. Log in again.")
    if found["seen_at"] < as_text(now - _MINUTE):
        with suppress(TransportError), services.store.transaction():
            access.seen(hashed, as_text(now))
    must, grants = bool(found["must_change"]), _grants(found["grants"])
    known = ("user", found["id"], () if must else grants, found["csrf"], found["display"])
    return Identity(_actor(found["name"]), *known, must_change=must)


def log_out(services: Services, token: str) -> None:
    """Ends a session."""
    with services.store.transaction():
        services.store.access.end_session(_hash(token))


def of_key(services: Services, text: str) -> Identity:
    """Whose key it is. Raises LogInError if it is none, or ended, or was revoked."""
    access, now = services.store.access, services.clock()
    parts = _KEY.fullmatch(text)
    found = access.keys(t.api_keys.c.id == parts[1]) if parts else []
    same = hmac.compare_digest(_hash(parts[2] if parts else ""), found[0]["secret"] if found else "-")
    if not same or found[0]["revoked_at"] or found[0]["expires_at"] <= as_text(now):
        raise LogInError("The API key is not known, was revoked, or has ended.")
    (key,) = found
    if key["last_used_at"] < as_text(now - _MINUTE):
        with suppress(TransportError), services.store.transaction():
            access.change(t.api_keys, key["id"], last_used_at=as_text(now))
    scopes = frozenset(map(Permission, orjson.loads(key["scopes"])))
    actor = f"key:{key['name']}/{key['id']}"
    return Identity(actor, "key", key["id"], _grants(key["grants"]), name=key["name"], scopes=scopes)


# --- users -------------------------------------------------------------------------------------------------


def add_user(
    services: Services,
    name: str,
    password: str,
    grants: Iterable[Grant],
    *,
    display: str = "",
    must_change: bool = True,
    reason: str,
    by: Identity | None = None,
) -> Row:
    """Adds a user.

    Args:
        must_change: whether the password is to be changed at the first log-in.
        by: who does it; None for whoever may run commands on the home.

    Raises:
        RefusedError: name, password or roles cannot be used, or the name is taken.
        ForbiddenError: ``by`` may not administer all of it.
    """
    given, name = _checked(services, grants, by), _small(name)
    hashed, display = _acceptable(name, password), _line(display or name)
    with services.store.transaction():
        row = {"name": name, "display": display, "password": hashed, "must_change": must_change}
        user_id = _add(services, row, given, reason)
    return _shown(services, user_id)


def change_user(
    services: Services,
    which: str,
    *,
    grants: Iterable[Grant] | None = None,
    display: str | None = None,
    disabled: bool | None = None,
    subject: str | None = None,
    reason: str,
    by: Identity | None = None,
) -> Row:
    """Changes roles or display name of a user, by id or name, or whether and where it may log in.

    Of anything but the display name the sessions end.

    Args:
        subject: who it is at the OpenID provider; the user logs in there and has no password any more.
            Empty to end that.

    Raises:
        NotFoundError: there is no such user.
        RefusedError: the last administrator would be gone, or something cannot be used.
        ForbiddenError: ``by`` may not administer what the user may do, before or after.
    """
    given = None if grants is None else _checked(services, grants, by)

    def change(user: Row) -> tuple[Row, str]:
        values, what, before = Row(), [], _grants(user["grants"])
        if display is not None:
            values["display"] = _line(display) or user["name"]
            what.append(f"called {values['display']}")
        if given is not None and given != before:
            values["grants"] = _json(given)
            what.append(f"roles {_told(given)} (before: {_told(before)})")
        if disabled is not None:
            values["disabled_at"] = services.store.now() if disabled else ""
            what.append("disabled" if disabled else "enabled")
        if subject is not None and subject != (user["subject"] or ""):
            if len(subject) > MAX_SUBJECT or not subject.isprintable():
                raise RefusedError(f"A subject has at most {MAX_SUBJECT} characters that can be printed.")
            if subject and services.store.access.user_of(subject):
                raise RefusedError("Another user is linked with this subject.")
            values |= {"subject": subject or None, "must_change": False}
            values |= {"password": ""} if subject else {}
            what.append(f"linked with the OpenID subject {subject}" if subject else "not linked any more")
        return values, "; ".join(what)

    return _changed(services, which, change, reason, by)


def set_password(
    services: Services,
    which: str,
    password: str,
    *,
    reason: str,
    current: str | None = None,
    keep: str = "",
    must_change: bool = True,
    by: Identity | None = None,
) -> Row:
    """Gives a user another password; the other sessions end.

    Args:
        current: the password until now, which users have to say when they change their own.
        keep: the token of the session that goes on.
        must_change: whether the user has to change it; never after changing the own.

    Raises:
        NotFoundError: there is no such user.
        LogInError: ``current`` is wrong.
        RefusedError: the password cannot be used.
        ForbiddenError: ``by`` may not administer what the user may do.
    """
    user = _user(services, which)
    own = by is not None and (by.kind, by.id) == ("user", user["id"])
    guesses = _hash(f"password {user['id']}")
    if own:
        _counted(services, {guesses: FREE_NAME})
        if not _matches(user["password"] or _nobody(_HASHER), current or ""):
            raise LogInError("The password until now is wrong.")
        if password == current:
            raise RefusedError("That is the password until now. Choose another one.")
    hashed = _acceptable(user["name"], password)

    def change(user: Row) -> tuple[Row, str]:
        services.store.access.forget_refusals(guesses, _hash(f"name {user['name']}"))
        return {"password": hashed, "must_change": must_change and not own}, "password"

    return _changed(services, user["id"], change, reason, None if own else by, keep)


def disable(
    services: Services, which: str, *, disabled: bool = True, reason: str, by: Identity | None = None
) -> Row:
    """Lets a user log in no more, or again; raises as :func:`change_user`."""
    return change_user(services, which, disabled=disabled, reason=reason, by=by)


def list_users(services: Services, by: Identity | None = None) -> list[Row]:
    """Users by name, with until when log-ins of theirs are refused; only those that ``by`` may change."""
    access = services.store.access
    users = access.users()
    keys = {_hash(f"name {one['name']}"): one["name"] for one in users}
    locked = {keys[key]: until for key, until in access.locked(keys).items()}
    return [
        {**one, "grants": _plain(given), "locked_until": locked.get(one["name"], "")}
        for one in users
        if _covers(by, given := _grants(one["grants"]))
    ]


def save_view(services: Services, identity: Identity, screen: str, name: str, query: str) -> None:
    """Keeps a query of a screen by a name, for whoever asks; an empty one removes it. Raises RefusedError."""
    name, access = _line(name), services.store.access
    if not name or len(name) > MAX_VIEW_NAME or len(query) > MAX_VIEW or not (screen + query).isprintable():
        raise RefusedError(f"A view needs a name of at most {MAX_VIEW_NAME} characters, and a query.")
    with services.store.transaction():
        known = access.views(identity.id, screen)
        if query and name not in known and len(known) >= MAX_VIEWS:
            raise RefusedError(f"There are {MAX_VIEWS} views of this screen. Remove one of them first.")
        access.save_view(identity.id, screen, name, query)


# --- keys --------------------------------------------------------------------------------------------------


def make_key(
    services: Services,
    name: str,
    grants: Iterable[Grant],
    scopes: Iterable[Permission] = tuple(Permission),
    *,
    days: int = KEY_DAYS,
    reason: str,
    by: Identity | None = None,
) -> tuple[str, Row]:
    """Makes a key of a program; returns its text, which nobody can see again.

    Raises:
        RefusedError: name, roles, scopes or days cannot be used.
        ForbiddenError: ``by`` may not administer all of it.
    """
    store, given, scopes = services.store, _checked(services, grants, by), sorted(set(scopes))
    if not _KEY_NAME.fullmatch(name):
        raise RefusedError(f"The name {name[:64]!r} cannot be used: letters, digits and . _ -, at most 64.")
    if not scopes or not given:
        raise RefusedError("A key needs a role, and something it is for (scopes).")
    if not 1 <= days <= MAX_KEY_DAYS:
        raise RefusedError(f"A key ends after 1 to {MAX_KEY_DAYS} days, not after {days}.")
    key_id, secret = services.entropy(6).hex(), services.entropy(32).hex()
    ends = as_text(services.clock() + timedelta(days=days))
    row = {"id": key_id, "name": name, "scopes": orjson.dumps(scopes).decode(), "grants": _json(given)}
    row |= {"expires_at": ends, "revoked_at": "", "created_by": store.actor, "created_at": store.now()}
    with store.transaction():
        store.access.add(t.api_keys, **row, secret=_hash(secret), last_used_at="")
        facts = {"key": key_id, "name": name, "grants": _told(given), "scopes": ", ".join(scopes)}
        store.audit("key.made", **facts, ends=ends, reason=reason)
    return f"edigw_{key_id}_{secret}", list_keys(services, key_id)[0]


def list_keys(services: Services, key_id: str = "", by: Identity | None = None) -> list[Row]:
    """Keys, the newest first, without their secrets; only those ``by`` may change."""
    found = services.store.access.keys(*([t.api_keys.c.id == key_id] if key_id else []))
    shown = []
    for row in found:
        if _covers(by, given := _grants(row.pop("grants"))):
            del row["seq"], row["secret"]
            shown.append({**row, "grants": _plain(given), "scopes": orjson.loads(row["scopes"])})
    return shown


def revoke_key(services: Services, key_id: str, *, reason: str, by: Identity | None = None) -> Row:
    """Ends a key now. Raises NotFoundError, ForbiddenError, or RefusedError if it was revoked before."""
    store = services.store
    with store.transaction():
        store.alerts.lock()
        if not key_id.isprintable() or not (found := store.access.keys(t.api_keys.c.id == key_id)):
            raise NotFoundError(f"There is no key {_line(key_id)}.")
        _need(by, _grants(found[0]["grants"]))
        if found[0]["revoked_at"]:
            raise RefusedError(f"Key {key_id} was revoked {found[0]['revoked_at'][:16]} already.")
        store.access.change(t.api_keys, key_id, revoked_at=store.now())
        store.audit("key.revoked", key=key_id, name=found[0]["name"], reason=reason)
    return list_keys(services, key_id)[0]


# --- first run ---------------------------------------------------------------------------------------------


def needs_set_up(services: Services) -> bool:
    """Whether there is no administrator of everything yet."""
    return not _administrators(services)


def set_up_token(services: Services) -> str:
    """A new token with which the first administrator is made, within a day; others stay good until then."""
    token = services.entropy(24).hex()
    with services.store.transaction():
        services.store.once(_SET_UP, _hash(token), result="open")
    return token


def set_up(services: Services, token: str, name: str, password: str) -> Row:
    """Makes the first administrator.

    Raises:
        LogInError: the token is not one of this home, was used, or has ended.
        RefusedError: there is an administrator, or name or password cannot be used.
    """
    store = services.store
    with store.transaction():
        store.alerts.lock()
        if not needs_set_up(services):
            raise RefusedError("There is an administrator already. Log in.")
        store.forget(_SET_UP, services.clock() - SET_UP_LIFE)
        if not store.result_of(_SET_UP, _hash(token)):
            raise LogInError("This token was used, or has ended. Start the gateway again for a new one.")
        row = {"name": _small(name), "display": _line(name), "must_change": False}
        row["password"] = _acceptable(_small(name), password)
        with store.acting(_actor(_small(name))):
            user_id = _add(services, row, (Grant("administrator"),), "first set-up")
        store.forget(_SET_UP, services.clock() + SET_UP_LIFE)
    return _shown(services, user_id)


# --- parts -------------------------------------------------------------------------------------------------


def _add(services: Services, row: Row, grants: tuple[Grant, ...], reason: str) -> str:
    store, name = services.store, row["name"]
    store.alerts.lock()
    if store.access.user_named(name):
        raise RefusedError(f"There is a user {name} already.")
    row |= {"id": services.new_id(), "grants": _json(grants), "disabled_at": ""}
    store.access.add(t.users, **row, created_at=store.now(), changed_at=store.now())
    store.audit("user.added", user=name, grants=_told(grants), reason=reason)
    return str(row["id"])


def _counted(services: Services, counters: Mapping[str, int], spared: str = "") -> tuple[dict[str, Row], str]:
    """Counts an attempt as failed, before it is looked at: many at once are many.

    Args:
        counters: how many each is free to fail before pauses begin. spared: whose pause does not count.

    Returns:
        What was counted before, and until when no further one is taken; empty if it is.

    Raises:
        LogInError: none is taken now.
    """
    access, now, until = services.store.access, services.clock(), ""
    with services.store.transaction():
        before = access.refusals(counters)
        pause = max((one["until"] for key, one in before.items() if key != spared), default="")
        for key, free in counters.items() if pause <= as_text(now) else ():
            fresh = before[key]["at"] >= as_text(now - _FADES)
            failed = 1 + (before[key]["failed"] if fresh else 0)
            more = min(LONGEST, PAUSE * (1 << min(max(failed - free, 0), 16)))
            ends = as_text(now + more) if failed >= free else ""
            access.note_refusal(key, failed, as_text(now), ends)
            until = max(until, ends)
        access.forget_refusals(before=now - _FADES)
    if pause > as_text(now):
        seconds = max(1, ceil((datetime.fromisoformat(pause) - now).total_seconds()))
        error = LogInError(f"Too many log-ins failed. Try again in {seconds} seconds.")
        error.seconds = seconds
        raise error
    return before, until


def _changed(
    services: Services,
    which: str,
    change: Callable[[Row], tuple[Row, str]],
    reason: str,
    by: Identity | None,
    keep: str = "",
) -> Row:
    """Changes a user, one at a time; ``change`` says what, also in words. An administrator has to remain.

    Of anything but the display name the sessions end, but that of the token ``keep``.
    """
    store = services.store
    with store.transaction():
        store.alerts.lock()
        user, there = _user(services, which), _administrators(services)
        _need(by, _grants(user["grants"]))
        values, what = change(user)
        if values:
            store.access.change(t.users, user["id"], **values, changed_at=store.now())
            store.audit("user.changed", user=user["name"], what=what, reason=reason)
        if values.keys() - {"display"}:
            store.access.end_sessions(user["id"], but=_hash(keep))
        if there and not _administrators(services):
            name = user["name"]
            raise RefusedError(f"{name} is the last administrator. Give somebody else the role first.")
    return _shown(services, user["id"])


def _user(services: Services, which: str) -> Row:
    access = services.store.access
    known = which.isprintable() and (access.user(which) or access.user_named(_small(which)))
    if not known:
        raise NotFoundError(f"There is no user {_line(which)}.")
    return known


def _administrators(services: Services) -> list[str]:
    """Users who may administer everything."""
    found = services.store.access.users(t.users.c.disabled_at == "")
    full = Grant("administrator")
    return [one["id"] for one in found if full in _grants(one["grants"])]


def _begun(services: Services, user: Row, agent: str, address: str) -> str:
    store, now = services.store, services.clock()
    token, csrf = services.entropy(32).hex(), services.entropy(32).hex()
    row = {"token": _hash(token), "user_id": user["id"], "csrf": csrf, "address": address}
    row |= {"agent": _line(agent), "created_at": as_text(now), "seen_at": as_text(now)}
    store.access.add_session(**row, expires_at=as_text(now + LIFE))
    store.audit("session.begun", user=user["name"], address=row["address"], agent=row["agent"])
    return token


def _actor(name: str) -> str:
    return f"web:{name}"  # the command line has user:<name of the system>


def _shown(services: Services, user_id: str) -> Row:
    return next(one for one in list_users(services) if one["id"] == user_id)


def _grants(text: str) -> tuple[Grant, ...]:
    return tuple(Grant(role, partner) for role, partner in orjson.loads(text))


def _json(grants: Iterable[Grant]) -> str:
    return orjson.dumps([(one.role, one.partner) for one in grants]).decode()


def _plain(grants: Iterable[Grant]) -> list[Row]:
    return [{"role": one.role, "partner": one.partner} for one in grants]


def _told(grants: Sequence[Grant]) -> str:
    return ", ".join(f"{one.role} of {one.partner}" for one in grants) or "none"


def _checked(services: Services, grants: Iterable[Grant], by: Identity | None) -> tuple[Grant, ...]:
    """Grants that can be given, in order."""
    found = tuple(sorted(set(grants)))
    for one in found:
        if one.role not in ROLES:
            raise RefusedError(f"There is no role {one.role[:50]!r}: choose of {', '.join(ROLES)}.")
        if one.partner != ALL and one.partner not in services.settings.partners:
            raise NotFoundError(f"There is no partner {one.partner[:100]}.")
    _need(by, found)
    return found


def _covers(by: Identity | None, grants: Sequence[Grant]) -> bool:
    """Whether somebody administers everything that these grants permit."""
    found = None if by is None else by.partners(Permission.ADMINISTER)
    return found is None or (bool(grants) and all(one.partner in found for one in grants))


def _need(by: Identity | None, grants: Sequence[Grant]) -> None:
    if not _covers(by, grants):
        raise ForbiddenError("Only an administrator of all partners that this is about may do that.")


def _acceptable(name: str, password: str) -> str:
    """The hash of a password that may be used. Raises RefusedError."""
    plain = _normal(password)
    if not MIN_PASSWORD <= len(plain) <= MAX_PASSWORD:
        raise RefusedError(f"The password has to have {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
    small = plain.casefold()
    bare = small.strip("0123456789!.?-_ ")
    if len(set(small)) < 4 or _COMMON.fullmatch(small.replace(" ", "")) or bare in ("", name):
        raise RefusedError("The password is the name, or one that is tried first. Choose another one.")
    if not _NAME.fullmatch(name):
        words = "letters a to z, digits and . _ @ + -, beginning with a letter or digit, at most 100"
        raise RefusedError(f"The name {name[:100]!r} cannot be used: it is made of {words}.")
    return _hashed(plain)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password[: 4 * MAX_PASSWORD])


def _hashed(password: str) -> str:
    with _HASHING:
        return _HASHER.hash(_normal(password).encode("utf-8", "surrogatepass"))


def _matches(hashed: str, password: str) -> bool:
    with _HASHING, suppress(VerificationError, InvalidHashError):
        return _HASHER.verify(hashed, _normal(password).encode("utf-8", "surrogatepass"))
    return False


@cache
def _nobody(hasher: PasswordHasher) -> str:
    """What is compared where there is no user, so that it takes as long."""
    with _HASHING:
        return hasher.hash(b"the password of nobody")


def _network(address: str) -> str:
    """What one person has of addresses: of IPv6 a whole /64."""
    with suppress(ValueError):
        found = ipaddress.ip_address(address)
        return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
    return address


def _small(name: str) -> str:
    return unicodedata.normalize("NFKC", name[:200]).strip().casefold()


def _line(text: str) -> str:
    return " ".join("".join(one for one in text if one.isprintable()).split())[:200]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
