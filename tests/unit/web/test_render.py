"""Pages: escaping of whatever partners write, values as text, and what a page knows of its request."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response

from gateway.services import lifecycle
from gateway.services.words import TONES, WORDS
from gateway.web import charts, render
from gateway.web.pages import theme
from tests.web.gallery import NOW, SCREENS, SOMEBODY, drawings, pages, rendered, request

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((ROOT / "gateway/web/templates").glob("*.html"))
HOSTILE = "\"><script>x('1')</script><img src=x onerror=y> 'q' \x00\x1b[31m\u202egpj\u2066 \udc80 `&amp;"


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def hostile(h: str) -> dict[str, Any]:
    problem = {
        "code": h, "severity": "error", "fault": "partner", "value": h, "message": h, "hint": h,
        "location": {"segment_id": h, "element": 3, "component": 1, "segment": 14, "loop": h,
                     "pointer": f"/{h}",
                     "transaction_set": h, "interchange": h},
    }  # fmt: skip
    cell = {"ref": "PO103", "name": h, "value": h, "meaning": h, "usage": h, "problems": [problem]}
    row = {"number": 1, "segment_id": "PO1", "name": h, "usage": h, "loop": h, "depth": 3, "known": False,
           "offset": 0, "text": f"PO1*1*2*{h}", "elements": [cell], "problems": [problem]}  # fmt: skip
    event = {"title": h, "text": h, "href": h, "state": h, "at": NOW, "due_at": NOW}
    return {"h": h, "p": problem, "rows": [row], "event": event, "chart": charts.stacked(h, [h], {h: [3]}),
            "bars": charts.bars(h, [(h, 1, h, "ok")], h, h),
            "spans": charts.spans(h, [(h, NOW, NOW, "ok")], NOW, h), "doc": {h: [h, {"a": h}]}}  # fmt: skip


CALLS = (ROOT / "tests/web/hostile.html").read_text(encoding="utf-8")
"""Every part, called with ``h`` for whatever a partner may have written."""


def test_no_macro_lets_a_partner_write_markup() -> None:
    calm = Seen(rendered(CALLS, **hostile("plain")))
    html = rendered(CALLS, **hostile(HOSTILE))
    seen = Seen(html)
    assert set(seen.tags) <= set(calm.tags) | {"code"}
    assert "script" not in seen.tags
    assert "img" not in seen.tags
    assert [one for one in seen.attributes if re.match("on[a-z]+$", one[1]) or one[1] == "style"] == []
    # What steers a reader or a terminal is gone, but in the values of fields, which go back as they came.
    text = re.sub(r'<input[^>]*>|<textarea.*?</textarea>|value="[^"]*"', "", html, flags=re.DOTALL)
    assert not re.search("[\x00\x1b\u202e\u2066]", text)
    assert "\u241b[31m" in text


def test_every_macro_is_held_to_it_and_told_in_the_list() -> None:
    source = (ROOT / "gateway/web/templates/_parts.html").read_text(encoding="utf-8")
    names = set(re.findall(r"{% macro ([a-z]\w*)\(", source))
    listed, _, _ = source.partition("#}")
    assert {name for name in names if f"  {name}(" not in listed} == set()
    used = CALLS + "".join(one.read_text(encoding="utf-8") for one in (*TEMPLATES, *SCREENS.glob("*.html")))
    assert {name for name in names if f"ui.{name}(" not in used} == set()
    signatures = dict(re.findall(r"{% macro ([a-z]\w*)(\([^\n]*\)) -?%}", source))
    said = {name: re.search(rf"  {name}(\(.*?\))(?=\s|$)", listed) for name in names}
    assert {n for n, s in said.items() if s and s[1].count(",") != signatures[n].count(",")} <= {"x12"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_style_or_script_stands_in_a_template(path: Path) -> None:
    seen = Seen(path.read_text(encoding="utf-8"))
    assert "style" not in seen.tags
    assert [one for one in seen.attributes if one[1] == "style" or re.match("on[a-z]+$", one[1])] == []
    scripts = [value for tag, name, value in seen.attributes if tag == "script" and name == "src"]
    assert len(scripts) == seen.tags.count("script")


def test_pages_of_the_gallery_have_no_style_and_refer_only_to_us() -> None:
    for html in pages().values():
        seen = Seen(html)
        assert [one for one in seen.attributes if one[1] == "style" or re.match("on[a-z]+$", one[1])] == []
        assert [
            v for _, n, v in seen.attributes if n in ("href", "src", "action") and not re.match("/(?!/)|#", v)
        ] == []
        assert seen.tags.count("h1") == seen.tags.count("main") == 1
        assert len(html.encode()) < 100_000


def test_a_page_without_log_in_has_neither_search_nor_navigation() -> None:
    html = pages()["login"]
    assert "<nav" not in html
    assert 'role="search"' not in html
    assert 'class="bare"' in html


def test_a_page_shows_only_the_navigation_one_may_use() -> None:
    class Viewer:
        actor, name, csrf = "web:viewer", "viewer", "t0ken"

        def partners(self, permission: str) -> frozenset[str]:
            return frozenset({"acme-retail"} if permission == "read" else ())

    html = rendered("{% extends 'base.html' %}", request(identity=Viewer()))
    assert 'href="/messages"' in html
    assert 'href="/audit"' not in html
    assert "Administration" not in html
    assert html.count('name="csrf" value="t0ken"') == 2
    assert re.findall(r'href="([^"]+)" aria-current="page"', html) == ["/messages", "/messages"]


def test_sorting_keeps_what_was_asked_for_and_starts_at_the_first_page() -> None:
    asked = request(query="text=a%26b&cursor=9&sort=time", identity=SOMEBODY)
    html = rendered(
        '{% call(r) ui.table("T", [{"label": "Time", "key": "time"}, {"label": "P", "key": "p"}], [], '
        'sort="time") %}{% endcall %}',
        asked,
    )
    assert 'href="/messages?text=a%26b&amp;sort=-time"' in html
    assert 'aria-sort="ascending"' in html
    assert 'href="/messages?text=a%26b&amp;sort=p"' in html


def test_values_as_text() -> None:
    at = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    assert str(render.time("2026-03-02T15:30:00+01:00")) == (
        '<time datetime="2026-03-02T14:30:00Z" title="2026-03-02 14:30:00 UTC" data-form="minute">'
        "2026-03-02 14:30 UTC</time>"
    )
    assert ">2 days ago<" in render.ago("2026-02-28T14:00:00Z", at)
    assert ">in 5 min<" in render.ago("2026-03-02T14:35:59Z", at)
    assert ">just now<" in render.ago(at, at)
    assert [render.size(n) for n in (0, 1, 999, 1000, 12_400, 999_950, 5 * 10**9)] == [
        "0 bytes", "1 byte", "999 bytes", "1.0 KB", "12.4 KB", "1.0 MB", "5.0 GB",
    ]  # fmt: skip
    assert render.money("2956.80", "USD") == "2,956.80\u00a0USD"
    assert render.money(Decimal("-0.050")) == "−0.050"
    assert render.money("n/a") == "n/a"
    assert (render.plural(1, "entry", "entries"), render.plural(1204, "message")) == (
        "1 entry",
        "1,204 messages",
    )
    assert 'title="nothing"' in render.time(None)
    assert 'title="nothing"' in render.money("")
    assert str(render.ticked("Map `a<b` to EA")) == "Map <code>a&lt;b</code> to EA"
    assert str(render.ticked("one ` alone")) == "one ` alone"


def test_json_has_an_anchor_for_each_value() -> None:
    lines = list(render.json_lines({"a/b": [1, {"c d": []}], "e": None}))
    assert [(d, p) for d, p, _, _ in lines if p or d == 0] == [
        (0, ""), (1, "/a~1b"), (2, "/a~1b/0"), (2, "/a~1b/1"), (3, "/a~1b/1/c d"), (1, "/e"), (0, ""),
    ]  # fmt: skip
    assert "".join(key + text for _, _, key, text in lines) == '{"a/b": [1,{"c d": []}],"e": null}'
    assert render.anchor("/a~1b/1/c d") == "json/a~1b/1/c%20d"


def test_every_status_has_words_and_a_shape() -> None:
    known = (lifecycle.Translation, lifecycle.Delivery, lifecycle.Acknowledgment)
    kinds: dict[str, Any] = {kind.__name__.lower(): kind for kind in known}
    shapes = set(re.findall(r'symbol id="(\w+)"', (ROOT / "gateway/web/static/icons.svg").read_text()))
    for kind, values in kinds.items():
        assert list(WORDS[kind]) == list(TONES[kind]) == [one.value for one in values]
        assert set(TONES[kind].values()) <= shapes
    assert TONES["delivery"]["failed"] != TONES["acknowledgment"]["rejected"]
    used = set(re.findall(r'icon\("(\w+)"', "".join(t.read_text() for t in TEMPLATES)))
    assert used <= shapes


def test_a_line_after_a_redirect_is_shown_once_and_colours_are_remembered() -> None:
    app = FastAPI()
    app.include_router(theme.router)

    def go() -> Response:
        return render.see_other("/there?x=1", "Saved „Müller“ <b>;\r\n")

    def there(request: Request) -> Response:
        return render.page(request, "base.html", title="There")

    app.add_api_route("/go", go, methods=["POST"], response_model=None)
    app.add_api_route("/there", there, response_model=None)

    async def story() -> None:
        over = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=over, base_url="http://gw", follow_redirects=True) as client:
            went = await client.post("/go")
            assert went.status_code == 200
            assert "Saved „Müller“ &lt;b&gt;;" in went.text
            assert "Saved" not in (await client.get("/there")).text
            chosen = {"theme": "dark", "back": "//evil.example"}
            dark = await client.post("/theme", data=chosen, follow_redirects=False)
            assert (dark.status_code, dark.headers["location"]) == (303, "/")
            assert '<html lang="en" data-theme="dark">' in (await client.get("/there")).text
            await client.post("/theme", data={"theme": 'x"><b>', "back": "/there"})
            assert 'data-theme="dark"' in (await client.get("/there")).text
            for odd in ("%5B%5B1%5D%2C2%5D", "%7B%7D", "x", "5"):
                client.cookies.set("edigw_flash", odd)
                assert (await client.get("/there")).status_code == 200

    asyncio.run(story())


@pytest.mark.parametrize(
    "url", ["//a.example", "/\\a.example", "http://a.example", "", "/a\r\nSet-Cookie: b"]
)
def test_nobody_is_sent_elsewhere(url: str) -> None:
    assert render.local(url) == "/"


def test_charts_add_up_and_hold_their_figures_as_a_table() -> None:
    series = {f"p{n}": [n, 0, n] for n in range(1, 10)}
    one = charts.stacked("Volume", ["00", "01", "02"], series)
    assert [name for _, name in one.legend][-1] == charts.OTHERS
    assert len(one.legend) == charts.MAX_SERIES
    assert [row[-1] for row in one.rows] == [45, 0, 45]
    assert [sum(row[1:-1]) for row in one.rows] == [
        45,
        0,
        45,
    ]
    heights = [float(h) for h in re.findall(r'class="bar c\d"[^>]* height="([\d.]+)"', one.svg)]
    assert len(heights) == 12
    assert sum(heights[:6]) == pytest.approx(45 / 100 * 160, abs=0.5)
    empty = (
        charts.stacked("E", [], {}),
        charts.bars("E", []),
        charts.spans("E", [], NOW),
    )
    for chart in (*drawings().values(), *empty):
        assert "style=" not in chart.svg
        assert 'role="img" aria-label="' in chart.svg
        assert "nan" not in chart.svg
        assert 'width="-' not in chart.svg
