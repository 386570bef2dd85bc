"""Every part of the pages with data as it is: ``python -m tests.web.gallery FOLDER`` writes it as a folder to look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import DictLoader

from gateway.web import render

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
PARTNERS = ("acme-retail", "northwind-home", "harbor-stores", "lindqvist-ab")


class Somebody:
    """An identity that may everything."""

    actor, csrf = "maria.keller", "3f1c9a"

    def partners(self, permission: str) -> frozenset[str] | None:
        return None


def request(path: str = "/messages", query: str = "", theme: str = "", identity: Any = None) -> Request:
    cookie = [(b"cookie", f"theme={theme}".encode())] if theme else []
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": cookie,
        "state": {"now": NOW, "identity": identity},
    }
    return Request(scope)


def shown(body: str, context: Mapping[str, Any] = {}, asked: Request | None = None, **known: Any) -> str:
    """A page whose content is written here; ``body`` alone with ``bare``."""
    made = render.environment()
    name = f"gallery-{abs(hash(body))}.html"
    whole = "{% extends 'base.html' %}{% block content %}" + body + "{% endblock %}"
    kept, made.loader = made.loader, DictLoader({name: body if known.pop("bare", False) else whole})
    from jinja2 import ChoiceLoader

    assert kept is not None
    made.loader = ChoiceLoader([made.loader, kept])
    try:
        asked = asked or request(identity=Somebody())
        answer = render.page(asked, name, title=known.pop("title", "Gallery"), **known, **context)
        return bytes(answer.body).decode()
    finally:
        made.loader = kept
