"""Pages from templates: what every page knows of its request, and how values are shown.

Everything is escaped; what could steer a browser or a reader beyond that (control characters, overrides of
the direction of text) is made visible where it leaves a template.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, unquote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

import gateway
from gateway.services.words import TONES, WORDS, label, words

THEMES = ("auto", "light", "dark")
FLASH = "edigw_flash"
"""Cookie with what happened, for the page after a redirect."""
_MAX_FLASH = 500
_KINDS = ("done", "info", "warn", "error")
_PACKAGE = files("gateway.web")

NAV: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    (
        "Work",
        (
            ("today", "Today", "/", "read"),
            ("messages", "Messages", "/messages", "read"),
            ("documents", "Documents", "/documents", "read"),
            ("acknowledgments", "Acknowledgments", "/acknowledgments", "read"),
            ("unprocessed", "Unprocessed", "/unprocessed", "read"),
        ),
    ),
    (
        "Trade",
        (
            ("partners", "Partners", "/partners", "read"),
            ("channels", "Channels", "/channels", "read"),
            ("certificates", "Certificates", "/certificates", "read"),
            ("items", "Items", "/items", "read"),
            ("routes", "Routes", "/routes", "read"),
            ("schedule", "Schedule", "/schedule", "read"),
        ),
    ),
    (
        "Check",
        (
            ("mapping", "Mapping", "/mapping", "read"),
            ("rules", "Rules", "/rules", "read"),
            ("labels", "Labels", "/labels", "read"),
            ("reconciliation", "Reconciliation", "/reconciliation", "read"),
        ),
    ),
    ("Prove", (("audit", "Audit", "/audit", "audit"), ("alerts", "Alerts", "/alerts", "read"))),
    (
        "Administration",
        (("users", "Users", "/users", "administer"), ("keys", "API keys", "/keys", "administer")),
    ),
)
"""Groups of the navigation; an entry is its key, label, address, and the permission it takes."""


# --- filters ---------------------------------------------------------------------------------------------

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_NOTHING = Markup('<span class="nothing" title="nothing">–</span>')


def shown(value: Any) -> Any:
    """A value as a template writes it: text without characters that steer; markup stays as it is."""
    if value is None:
        return ""
    if hasattr(value, "__html__") or (text := str(value)).isprintable():
        return value
    return _STEERING.sub(lambda found: chr(0x2400 + ord(c)) if (c := found[0]) < " " else "\ufffd", text)


def moment(value: datetime | str) -> datetime:
    """A time of the store, UTC."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def time(value: datetime | str | None, form: str = "minute") -> Markup:
    """A time in UTC; a script shows it in the viewer's zone.

    Args:
        form: ``minute``, ``second`` or ``day``.
    """
    if not value:
        return _NOTHING
    at = moment(value)
    text = at.strftime({"day": "%Y-%m-%d", "second": "%Y-%m-%d %H:%M:%S"}.get(form, "%Y-%m-%d %H:%M"))
    return _time(at, text if form == "day" else f"{text} UTC", form)


def _time(at: datetime, text: str, form: str) -> Markup:
    full = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    mark = Markup('<time datetime="{}" title="{}" data-form="{}">{}</time>')
    return mark.format(at.strftime("%Y-%m-%dT%H:%M:%SZ"), full, form, text)


def ago(value: datetime | str | None, now: datetime) -> Markup:
    """How long before or after ``now``, as ``5 min ago`` or ``in 3 days``."""
    if not value:
        return _NOTHING
    at = moment(value)
    seconds = (moment(now) - at).total_seconds()
    text = duration(abs(seconds))
    if abs(seconds) < 60:
        text = "just now" if seconds >= 0 else "in a moment"
    else:
        text = f"{text} ago" if seconds > 0 else f"in {text}"
    return _time(at, text, "ago")


def duration(seconds: float) -> str:
    """A length of time in its largest unit: ``45 s``, ``5 min``, ``3 h``, ``1 day``."""
    for size, name in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {name}{'s' if name == 'day' and number != 1 else ''}"
    return f"{int(seconds)} s"


def size(value: int | None) -> Any:
    """Bytes as ``812 bytes`` or ``12.4 KB``."""
    if value is None:
        return _NOTHING
    if value < 1_000:
        return plural(value, "byte")
    number, units = value / 1_000, iter(("KB", "MB", "GB", "TB"))
    unit = next(units)
    while number >= 999.95 and unit != "TB":
        number, unit = number / 1_000, next(units)
    return f"{number:,.1f} {unit}"


def number(value: float | Decimal | None) -> Any:
    """A number with its thousands apart."""
    return _NOTHING if value is None else f"{value:,}"


def money(value: Decimal | str | int | None, currency: str | None = "") -> Any:
    """An amount with the digits it was written with, its thousands apart."""
    if value is None or value == "":
        return _NOTHING
    try:
        text = f"{Decimal(value):,f}"
    except InvalidOperation:
        text = str(value)
    text = text.replace("-", "−", 1)
    return f"{text}\u00a0{currency}" if currency else text


def plural(value: int, one: str, many: str = "") -> str:
    """``1 message``, ``1,204 messages``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def ticked(text: str) -> Markup:
    """A sentence of a catalogue in which `what is between ticks` is code."""
    parts = str(shown(text)).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(one) if place % 2 else one for place, one in enumerate(parts))


def anchor(pointer: str) -> str:
    """The id of the JSON field with this pointer on its page, and, after ``#``, the link to it."""
    return "json" + quote(pointer, safe="/~-_.", errors="replace")


def json_lines(value: Any) -> Iterator[tuple[int, str, str, str]]:
    """A JSON value in lines: indentation, pointer (for the line that begins a value), its key, its text."""
    yield from _lines(value, "", "", 0, "")


def _lines(value: Any, pointer: str, key: str, depth: int, comma: str) -> Iterator[tuple[int, str, str, str]]:
    name = f"{json.dumps(key, ensure_ascii=False)}: " if key else ""
    if not value or not isinstance(value, Mapping | list | tuple):
        yield depth, pointer, name, json.dumps(value, ensure_ascii=False, default=str) + comma
        return
    listed = not isinstance(value, Mapping)
    pairs = list(value.items() if isinstance(value, Mapping) else enumerate(value))
    yield depth, pointer, name, "[" if listed else "{"
    for place, (part, one) in enumerate(pairs, 1):
        step = str(part).replace("~", "~0").replace("/", "~1")
        end = "," if place < len(pairs) else ""
        yield from _lines(one, f"{pointer}/{step}", "" if listed else str(part), depth + 1, end)
    yield depth, "", "", ("]" if listed else "}") + comma


def pieces(row: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """An annotated segment in its elements, each with whether a problem stands at it."""
    text, name = row["text"], row["segment_id"]
    separator = text[len(name) : len(name) + 1]
    parts = text.split(separator) if separator else [text]
    wrong = {int(one["ref"][len(name[:10]) :][:2]) for one in row["elements"] if one["problems"]}
    wrong |= {0} if row["problems"] else set()
    parts += [""] * (max(wrong, default=0) + 1 - len(parts))
    return [(part, place in wrong) for place, part in enumerate(parts)]


# --- environment -----------------------------------------------------------------------------------------


@cache
def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    content = (_PACKAGE / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:10]}"


def _source(name: str) -> str | None:
    file = _PACKAGE / "templates" / name
    return file.read_text(encoding="utf-8") if file.is_file() else None


@cache
def environment() -> Environment:
    """The templates of the package, from a folder or an archive."""
    made = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shows = (time, ago, duration, size, number, money, plural, words, anchor, json_lines, pieces, ticked)
    made.filters.update({one.__name__: one for one in shows})
    made.filters["urlencode"] = lambda text: quote(str(text), safe="", errors="replace")
    made.filters["label"] = lambda status, kind: label(kind, status)
    made.globals.update(asset=asset, TONES=TONES, WORDS=WORDS, THEMES=THEMES)
    made.globals["version"] = gateway.__version__
    return made


def page(
    request: Request,
    template: str,
    *,
    title: str,
    status: int = 200,
    active: str = "",
    json_twin: str = "",
    test: bool | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page, or with a template that extends nothing a part of one.

    Args:
        title: heading, and title of the window.
        active: key of the entry in the navigation (`NAV`); by default the first part of the path.
        json_twin: address of the same in the REST API.
        test: whether what is shown is a test document; None for what has no usage.
    """
    state = request.state
    identity = getattr(state, "identity", None)
    flash = getattr(state, "flash", None) or _flashed(request)
    now = getattr(state, "now", None) or datetime.now(UTC)
    theme = request.cookies.get("theme", "")
    shared = {
        "title": title,
        "active": active or request.url.path.split("/")[1] or "today",
        "json_twin": json_twin,
        "test": test,
        "identity": identity,
        "csrf": getattr(state, "csrf", None) or getattr(identity, "csrf", None) or "",
        "now": now,
        "flash": flash,
        "trouble": _trouble(request) if identity else "",
        "theme": theme if theme in THEMES else "auto",
        "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "query": request.query_params,
        "nav": _nav(identity),
        "named": lambda partner: _named(request, identity, partner),
        "url_with": lambda **changes: _url_with(request, changes),
    }
    made = environment()
    shared["ui"] = made.get_template("_parts.html").make_module(shared)
    html = made.get_template(template).render(shared | context)
    content = html.encode("utf-8", "replace")  # names of files may hold bytes that are no text
    answer = HTMLResponse(
        content, status_code=status, headers={"Cache-Control": "no-store", "Vary": "Cookie"}
    )
    if flash and FLASH in request.cookies:
        answer.delete_cookie(FLASH, httponly=True, samesite="strict")
    return answer


def see_other(url: str, text: str = "", kind: str = "done") -> RedirectResponse:
    """To another page of ours after a POST, with a line that says what happened.

    Args:
        url: a path. kind: ``done``, ``info``, ``warn`` or ``error``.
    """
    answer = RedirectResponse(local(url), status_code=303)
    if text:
        value = quote(json.dumps([kind, text[:_MAX_FLASH]]))
        answer.set_cookie(FLASH, value, max_age=60, httponly=True, samesite="strict")
    return answer


def local(url: str) -> str:
    """The address if it is a path of ours, else the first page: nobody is sent elsewhere."""
    return url if re.fullmatch(r"/(?![/\\])[^\\\x00-\x20\x7f]*", url) else "/"


def _flashed(request: Request) -> tuple[str, str] | None:
    try:
        kind, text = json.loads(unquote(request.cookies.get(FLASH, "")))
        return (kind, text[:_MAX_FLASH]) if kind in _KINDS and isinstance(text, str) else None
    except (ValueError, TypeError):
        return None


def _nav(identity: Any) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """The entries that this identity may open; none without one."""
    if identity is None:
        return []
    groups = [
        (group, [one[:3] for one in entries if identity.partners(one[3]) != frozenset()])
        for group, entries in NAV
    ]
    return [group for group in groups if group[1]]


def _site(request: Request) -> Any:
    app = request.scope.get("app")
    return getattr(app and app.state, "site", None)


def _trouble(request: Request) -> str:
    """Why settings that were changed are not in force; empty if they are."""
    return str(getattr(_site(request), "trouble", ""))


def _named(request: Request, identity: Any, partner_id: str | None) -> str:
    """What a partner is called; its id if it is gone or not for this identity, and nothing for none."""
    site, mine = _site(request), identity.partners("read") if identity else frozenset()
    found = site.settings.partners.get(partner_id) if site and (mine is None or partner_id in mine) else None
    return (found.name if found else "") or partner_id or ""


def _url_with(request: Request, changes: Mapping[str, Any]) -> str:
    """The address of this page with parts of its query changed; None takes one away."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in changes]
    new = [(name, str(value)) for name, value in changes.items() if value is not None]
    asked = urlencode(kept + new, errors="replace")
    return request.url.path + (f"?{asked}" if asked else "")
