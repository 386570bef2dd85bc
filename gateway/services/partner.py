"""Partners as people see them: what was agreed, how it goes, what is missing until they are live.

The file ``partners/<id>.yaml`` is the one owner of what was agreed. Whoever changes it does so here: all
settings are checked before, the file is replaced in one step, and the audit has the difference, by which the
version before can be made again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from difflib import unified_diff
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, or_, select, union_all

from gateway import resources
from gateway.documents import KINDS
from gateway.errors import ConfigurationError, NotFoundError, Problem, RefusedError
from gateway.files import put_file
from gateway.partners.agreement import checked_name
from gateway.partners.partner import API, Partner
from gateway.services import assist, health
from gateway.services.base import Services
from gateway.services.certificate import uses
from gateway.settings import DATA, FOLDERS, KEYS, PARTNERS_FOLDER, Settings, load
from gateway.settings_file import edited, plain, read_file
from gateway.store import tables as t
from gateway.store.keyring import make_ssh_key
from gateway.store.queries import Row
from gateway.transports.folder import INBOX

MAX_FILE = 1 << 18
"""Characters of a partner's file that is written here."""

MAX_SECRET = 4096
SECRETS = f"{KEYS}/partners"
"""Folder of what was given here: passwords, and our SSH keys, by partner."""

_HEAD = "# {}. docs/reference/home.md tells all settings.\n"
_DEPTH = 12
_NEWEST = 300
_CHUNK = 100

# --- files -------------------------------------------------------------------------------------------------


def path_of(home: Path, partner: str) -> Path:
    """The file of a partner. Raises NotFoundError: a name like this no partner has."""
    try:
        return home / PARTNERS_FOLDER / f"{checked_name(partner)}.yaml"
    except ValueError:
        raise NotFoundError(f"There is no partner {partner[:60]!r}.") from None


def text_of(home: Path, partner: str) -> str:
    """What the file says. Raises NotFoundError."""
    path = path_of(home, partner)
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"There is no partner {partner!r}.") from None
    except ValueError:
        raise ConfigurationError(f"{PARTNERS_FOLDER}/{path.name} is no text in UTF-8.") from None


def read(home: Path, partner: str) -> Partner:
    """A partner as its file says now, in force or not. Raises NotFoundError, ConfigurationError."""
    problems: list[Problem] = []
    name = f"{PARTNERS_FOLDER}/{partner}.yaml"
    text = text_of(home, partner)
    found = read_file(home / name, name, Partner, problems, text, id=partner)
    if found is None:
        raise ConfigurationError(f"{name} is not usable.", problems=tuple(problems))
    return found


def owner_of(settings: Settings, channel: str) -> str | None:
    """The partner that a channel belongs to; None for our own system's."""
    mine = (one.id for one in settings.partners.values() if channel in channels_of(one))
    return next(mine, None)


def digest(text: str) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(text.encode()).hexdigest()


def add(
    services: Services,
    partner: str,
    said: Mapping[str, Any],
    reason: str,
    *,
    trusted: bool,
    secrets: Mapping[str, str] | None = None,
) -> None:
    """Makes the file of a new partner.

    Args:
        trusted: whether references to any secret, and addresses to which Amazon's are sent, may be written,
            as by who has the home on disk.
        secrets: what is kept with it if all is right, by the ``what`` of :func:`kept_at`.

    Raises:
        ConfigurationError: with every problem of the settings as they would be; nothing was written.
        RefusedError: there is such a partner.
    """
    try:
        checked_name(partner)
    except ValueError as error:
        raise ConfigurationError(f"id: {error}.") from None
    if partner == "new":
        raise ConfigurationError("id: 'new' is taken by the page that adds partners.")
    with _alone(services.home):
        if path_of(services.home, partner).exists():
            raise RefusedError(f"There is a partner {partner!r} already.")
        text = _written(services.home, said, {}, "", partner, trusted, secrets or {})
        for what, value in (secrets or {}).items():
            keep_secret(services, partner, what, value)
        _save(services, partner, None, text, reason)


def change(
    services: Services,
    partner: str,
    patch: Mapping[str, Any],
    reason: str,
    *,
    trusted: bool,
    check: Callable[[str], None] = lambda _: None,
    secrets: Mapping[str, str] | None = None,
) -> None:
    """Changes the file of a partner by a merge patch (RFC 7396), and keeps its comments elsewhere.

    Args:
        check: is told the file as it is, and may raise. trusted, secrets: as in :func:`add`.

    Raises:
        NotFoundError, ConfigurationError: as in :func:`add`.
    """
    with _alone(services.home):
        before = text_of(services.home, partner)
        check(before)
        old = plain(before)
        text = _written(services.home, merged(old, patch), old, before, partner, trusted, secrets or {})
        for what, value in (secrets or {}).items():
            keep_secret(services, partner, what, value)
        if text != before:
            _save(services, partner, before, text, reason)


def merged(old: Any, patch: Any, depth: int = 0) -> Any:
    """A value changed by a merge patch. Raises ConfigurationError: it goes too deep."""
    if depth > _DEPTH:
        raise ConfigurationError(f"Settings are not nested deeper than {_DEPTH} times.")
    if not isinstance(patch, Mapping):
        if isinstance(patch, list):
            return [merged(None, one, depth + 1) for one in patch]
        return patch
    result = {**old} if isinstance(old, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(str(name), None)
        else:
            result[str(name)] = merged(result.get(str(name)), value, depth + 1)
    return result


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One at a time changes files of settings, of all threads and processes."""
    with (home / DATA / "settings.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _written(
    home: Path,
    new: Mapping[str, Any],
    old: Mapping[str, Any],
    text: str,
    partner: str,
    trusted: bool,
    secrets: Collection[str],
) -> str:
    if not new:
        raise ConfigurationError("Nothing would be left of the settings; a partner has at least a name.")
    try:
        packed = json.dumps(new, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError):
        raise ConfigurationError("The settings hold something that is no text.") from None
    if b"\\u00" in packed.replace(b"\\\\", b""):  # as JSON writes them
        raise ConfigurationError("The settings hold a control character.")
    if not trusted:
        for name, one in sorted({*_places(new)} - {*_places(old)}):
            if name.endswith("_url"):
                raise ConfigurationError(f"{name}: secrets are sent there, so it is written by hand.")
            if not _is_own(home, partner, name, one):
                raise ConfigurationError(
                    f"{one[:80]!r} names a secret or file of this machine. Here only those of {SECRETS}/ can "
                    f"be named that begin with {partner}; write others into its file by hand."
                )
        known = {*_logins(old)}
        kept = {password for _, password in known} - {kept_at(partner, what) for what in secrets}
        for host, password in sorted({*_logins(new)} - known):
            if password in kept:
                raise ConfigurationError(
                    f"{host}: the password here was kept for another place; type it again."
                )
    result = edited(text, new) if text else _HEAD.format(partner) + edited("{}", new)
    if len(result) > MAX_FILE:
        raise ConfigurationError(f"The file would have more than {MAX_FILE} characters.")
    load(home, {partner: result})
    return result


def _logins(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """To which servers passwords are sent: host or URL, and where the password is kept."""
    if isinstance(value, Mapping):
        where = str(value.get("host") or value.get("url") or where)
        if value.get("password"):
            yield where, str(value["password"])
        for one in value.values():
            yield from _logins(one, where)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _logins(one, where)


def _places(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """What names a file, variable or credential here, or where Amazon's secrets go, by its place."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _places(one, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _places(one, name)
    elif isinstance(value, str) and (
        value.startswith(("env:", "file:", "credential:"))
        or (value and name.rpartition(".")[2] in ("ca_file", "certificate", "base_url", "token_url"))
    ):
        yield name.removeprefix("."), value


def _is_own(home: Path, partner: str, name: str, place: str) -> bool:
    """Whether a secret was kept for this partner, not for one with a longer name; for Amazon if so kept."""
    found = re.fullmatch(rf"file:{SECRETS}/([a-z0-9-]+)", place)
    names = {partner, *(path.stem for path in (home / PARTNERS_FOLDER).glob("*.yaml"))}
    owners = [one for one in names if found and f"{found[1]}-".startswith(f"{one}-")]
    is_amazons = place.startswith(kept_at(partner, "api-"))
    return max(owners, key=len, default="") == partner and name.startswith("sp_api.") >= is_amazons


def _save(services: Services, partner: str, before: str | None, text: str, reason: str) -> None:
    path, store = path_of(services.home, partner), services.store
    name = f"{PARTNERS_FOLDER}/{path.name}"
    lines = unified_diff((before or "").splitlines(), text.splitlines(), name, name, lineterm="")
    facts = {"before": None if before is None else digest(before), "after": digest(text)}
    event = "partner.added" if before is None else "partner.changed"
    with store.transaction():
        store.audit(event, partner=partner, reason=reason, file=name, **facts, diff="\n".join(lines))
        mode = 0o640 if before is None else path.stat().st_mode & 0o777
        put_file(path, text.encode(), os.link if before is None else os.replace, mode)


def kept_at(partner: str, what: str) -> str:
    """The reference to what is kept for a partner. what: such as ``sftp-password``."""
    return f"file:{SECRETS}/{partner}-{what}"


def keep_secret(services: Services, partner: str, what: str, value: str = "") -> str:
    """Keeps a password, or makes an SSH key, where only the gateway reads it; returns the reference.

    Args:
        what: such as ``sftp-password``. value: the password; empty makes a key, if there is none.
    """
    reference = kept_at(path_of(services.home, partner).stem, what)
    name = reference.partition(":")[2]
    path = services.home / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with services.store.transaction():
        if value or not path.exists():
            services.store.audit("secret.kept", partner=partner, file=name)
            put_file(path, value.encode() if value else make_ssh_key(), os.replace)
    return reference


# --- what there is -----------------------------------------------------------------------------------------


def usage(partner: Partner) -> str:
    """``test``, ``production``, or ``mixed``: which documents we send; what comes says it of itself."""
    said = {one.usage for one in partner.send}
    if partner.sp_api is not None:
        said.add("T" if partner.sp_api.sandbox else "P")
    return "mixed" if len(said) > 1 else "test" if said == {"T"} else "production"


def rows(
    connection: Connection,
    settings: Settings,
    channels: Collection[Row],
    partners: Collection[str] | None = None,
) -> list[Row]:
    """All partners, or some, with what was agreed, how their channels are, and when something went last."""
    mine = [one for one in settings.partners.values() if partners is None or one.id in partners]
    last = last_traffic(connection, [one.id for one in mine])
    return [_row(one, channels, last.get(one.id)) for one in mine]


def row(connection: Connection, one: Partner, channels: Collection[Row]) -> Row:
    """One partner, as in :func:`rows`."""
    return _row(one, channels, last_traffic(connection, [one.id]).get(one.id))


def _row(one: Partner, channels: Collection[Row], last: str | None) -> Row:
    names = channels_of(one)
    mine = [row for row in channels if row["channel"] in names]
    states = [row["state"] for row in mine]
    order = ("stopped", "failing", "paused", "working", "unused")
    return {
        "partner": one.id,
        "name": one.name,
        "identifiers": [{"qualifier": each.qualifier, "id": each.id} for each in one.identifiers],
        "profile": one.overlay,
        "receive": [each.set for each in one.receive],
        "send": [each.set for each in one.send],
        "usage": usage(one),
        "channels": mine,
        "state": next((state for state in order if state in states), "unused"),
        "last_traffic_at": last,
    }


def channels_of(partner: Partner) -> dict[str, str]:
    """The channels of a partner with their ways, its folder included."""
    return {partner.folder: "folder"} | partner.channels


def last_traffic(connection: Connection, partners: list[str]) -> dict[str, str]:
    """When the newest message of each partner came or was made."""
    m, found = t.messages.c, dict[str, str]()
    for place in range(0, len(partners), _CHUNK):
        each = [
            select(m.partner, m.created_at).where(m.partner == one).order_by(m.seq.desc()).limit(1).subquery()
            for one in partners[place : place + _CHUNK]
        ]
        query = union_all(*(select(one.c.partner, one.c.created_at) for one in each))
        found |= {str(name): str(at) for name, at in connection.execute(query)}
    return found


def is_example(home: Path, partner: str) -> bool:
    """Whether its file is the one that a new home begins with, as it came."""
    example = resources.find("config/partners/example.yaml").read_bytes()
    path = path_of(home, partner)
    return path.is_file() and path.read_bytes() == example


def profiles(home: Path) -> list[str]:
    """Partners and profiles with guidelines or mappings of their own, shipped or of this home."""
    layers = [home / kind for kind in ("schemas", "mappings")]
    found = {
        name.split("/")[2]
        for kind in ("schemas", "mappings")
        for name in resources.listing(f"{kind}/partners", "*", layers)
        if name.count("/") > 2
    }
    return sorted(found)


# --- until it is live --------------------------------------------------------------------------------------

SAMPLES = {
    "850": "orders-1001.edi",
    "855": "ack-7KX2M41Q.json",
    "856": "ship-7KX2M41Q.json",
    "810": "invoice-7KX2M41Q.json",
}
"""Transaction sets of which there is a sample."""

_ORDER = "7KX2M41Q"


def tests(connection: Connection, partner: str) -> list[Row]:
    """The test documents among the newest messages of a partner, newest first."""
    m, d = t.messages.c, t.documents.c
    newest = select(m.id).where(m.partner == partner).order_by(m.seq.desc()).limit(_NEWEST)
    ids = [str(one) for one in connection.scalars(newest)]
    shown = [column for column in d if column.name != "body"]
    query = select(*shown).where(or_(d.message_id.in_(ids), d.sent_in.in_(ids)), d.partner == partner, d.test)
    return [
        {str(k): v for k, v in row.items()}
        for row in connection.execute(query.order_by(d.seq.desc())).mappings()
    ]


def steps(
    services: Services, partner: Partner, connection: Connection, waiting: Callable[[str], int | None]
) -> list[Row]:
    """What there is to do until a partner is live, in its order; ``done`` says what is."""
    channels, tested = health.channels(services, waiting, [partner]), tests(connection, partner.id)
    ways, mine = partner.channels, [row for row in channels if row["channel"] in partner.channels]
    unsure = [row["channel"] for row in mine if row["failures"] or not row["last_ok_at"]]
    known = ", ".join(f"{one.qualifier}/{one.id}" for one in partner.identifiers)
    agreed = [f"{one.set} in" for one in partner.receive] + [f"{one.set} out" for one in partner.send]
    way = (
        " and ".join(f"{way.upper()} ({name})" for name, way in ways.items())
        or f"Its folder, folders/{partner.folder}"
    )
    direct = partner.is_direct
    unnamed = "No identifier is needed without X12." if direct else ""
    unagreed = "Nothing needs to be agreed without X12." if direct else "Nothing is agreed yet."
    found = [
        ("identity", "Identity", bool(known) or direct, known or unnamed),
        ("documents", "Documents and guideline", bool(agreed) or direct, ", ".join(agreed) or unagreed),
        ("channel", "Channel", not unsure, f"{way}{': test the connection' if unsure else ''}."),
    ]
    if partner.as2 is not None:
        missing = sorted(
            {
                row["use"]
                for row in uses(partner, services.keyring, services.clock())
                if row["needed"] and row["until"] is None
            }
        )
        words = f"Missing to {', '.join(missing)}." if missing else "Both sides have what they need."
        found.append(("certificates", "Certificates", not missing, words))
    count = len(tested)
    words = (
        f"{count} test document{'' if count == 1 else 's'} exchanged." if count else "None was exchanged yet."
    )
    if not count and direct and not agreed:
        words = "None are needed: without X12 there are no test documents."
    live = (bool(agreed) or direct) and usage(partner) == "production"
    now = "Production." if direct else "Nothing is sent; what comes says itself if it is a test."
    now = "Production (ISA15 = P)." if partner.send else now
    sandbox = partner.sp_api and partner.sp_api.sandbox and all(one.usage == "P" for one in partner.send)
    until = "Amazon's sandbox is called" if sandbox else "We send tests (ISA15 = T)"
    found += [
        ("test", "Test documents", bool(count) or (direct and not agreed), words),
        ("live", "Go live", live, now if live else f"{until} until you go live."),
    ]
    return [{"step": key, "title": title, "done": done, "words": said} for key, title, done, said in found]


def sample(settings: Settings, partner: Partner, set_id: str, now: datetime, order: str = "") -> bytes:
    """A test document: an interchange of the partner with ISA15 = T, or the JSON of our own system.

    Args:
        order: number of the order that what we send is about; empty for a new one.

    Raises:
        NotFoundError: there is no sample, or it was not agreed.
    """
    comes = partner.receives(set_id) is not None
    if set_id not in SAMPLES or not (comes if set_id == "850" else partner.sends(set_id)):
        raise NotFoundError(f"There is no sample of {set_id[:10]!r} for {partner.id}, or it was not agreed.")
    content = resources.find(f"config/demo/{SAMPLES[set_id]}").read_bytes()
    stamp = f"{now:%m%d%H%M%S}"
    number = order or f"TEST{stamp}"
    if set_id != "850":
        document = orjson.loads(content.replace(_ORDER.encode(), number.encode()))
        document |= {"partner_id": partner.id, "test": True}
        name = KINDS[document["document_type"]].number
        if name and name != "po_number":
            document[name] = f"TEST{stamp}"
        return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"
    if not partner.identifiers:
        raise NotFoundError(f"{partner.id} has no identifier for interchanges.")
    us, them = settings.us(partner), partner.identifiers[0]
    segments = [one.split("*") for one in content.decode("latin-1").replace("\n", "").split("~") if one]
    isa, gs = segments[0], segments[1]
    control = f"{int(stamp) % 10**9:09}"
    isa[5:9] = [them.qualifier, them.id.ljust(15), us.qualifier, us.id.ljust(15)]
    isa[9], isa[10], isa[13], isa[15] = f"{now:%y%m%d}", f"{now:%H%M}", control, "T"
    gs[2:4] = [partner.group_id or them.id, partner.our_group_id or us.id]
    segments[-1][2], gs[6] = control, str(int(control))
    segments[-2][2] = gs[6]
    text = "~\n".join("*".join(one) for one in segments) + "~\n"
    return text.replace(_ORDER, number).encode("latin-1", "replace")


def exchange(services: Services, settings: Settings, partner: Partner, set_id: str) -> str:
    """Lets a sample go the way of its kind; returns what was done, in words.

    An order is put into the partner's inbox here, as if it had come; what we send goes to the partner.

    Raises:
        RefusedError: it would not be sent as it is, or the gateway does not work with the partner yet.
    """
    if partner.folder not in services.channels or partner.id not in services.settings.partners:
        raise RefusedError(
            "The gateway does not work with this partner yet. It takes new settings within seconds."
        )
    now = services.clock()
    if set_id == "850":
        content = sample(settings, partner, set_id, now)
        inbox = services.home / FOLDERS / partner.folder / INBOX
        for ending, held in (("", content), *([(partner.marker, b"")] if partner.marker else ())):
            put_file(inbox / f"test-{set_id}-{now:%m%d%H%M%S}.edi{ending}", held, os.link, 0o660)
        with services.store.transaction():
            services.enqueue([f"poll:{partner.folder}"])
        services.jobs.wake()
        return "A test order was put into the partner's inbox, as if it had come."
    if partner.ways == (API,):
        raise RefusedError("Samples go as X12, and this partner has Amazon's API alone, which has no tests.")
    with services.store.engine.connect() as connection:
        orders = [one for one in tests(connection, partner.id) if one["document_type"] == "purchase_order"]
    document = orjson.loads(sample(settings, partner, set_id, now, orders[0]["number"] if orders else ""))
    seen = assist.preview(services, document)
    if errors := [one for one in seen.problems if one.is_error]:
        raise ConfigurationError(
            f"The sample of {set_id} cannot be written as agreed.", problems=tuple(errors)
        )
    assist.send(services, document)
    ways = {API: "the API", "folder": "its folder", "": "its way"}
    return f"A test {set_id} goes to the partner by {ways.get(seen.way) or str(seen.way).upper()}."


def go_live(services: Services, partner: str, reason: str) -> None:
    """Lets what is sent be production from now on. Raises RefusedError: it is already, or nothing is sent."""
    old, patch = plain(text_of(services.home, partner)), dict[str, Any]()
    sends = [one for one in old.get("send", ()) if isinstance(one, Mapping)]
    if any(one.get("usage") == "T" for one in sends):
        patch["send"] = [{**one, "usage": "P"} for one in sends]
    if (old.get("sp_api") or {}).get("sandbox"):
        patch["sp_api"] = {"sandbox": None}
    if not patch:
        raise RefusedError(f"Nothing that is sent to {partner} is a test.")
    with suppress(AttributeError):
        change(services, partner, patch, reason, trusted=True)
