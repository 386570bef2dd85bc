"""Pages: escaping of whatever partners write, values as text, and what a page knows of its request."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

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
        "location": {"segment_id": h, "element": 3, "component": 1, "segment": 14, "loop": h, "pointer": f"/{h}",
                     "transaction_set": h, "interchange": h},
    }  # fmt: skip
    cell = {"ref": "PO103", "name": h, "value": h, "meaning": h, "usage": h, "problems": [problem]}
    row = {"number": 1, "segment_id": "PO1", "name": h, "usage": h, "loop": h, "depth": 3, "known": False,
           "offset": 0, "text": f"PO1*1*2*{h}", "elements": [cell], "problems": [problem]}  # fmt: skip
    event = {"title": h, "text": h, "href": h, "state": h, "at": NOW, "due_at": NOW}
    return {"h": h, "p": problem, "rows": [row], "event": event, "chart": charts.stacked(h, [h], {h: [3]}, h),
            "bars": charts.bars(h, [(h, 1, h, "ok")], h, h), "line": charts.line(h, [(h, 3.0)], h, summary=h),
            "spans": charts.spans(h, [(h, NOW, NOW, "ok")], NOW, h), "doc": {h: [h, {"a": h}]}}  # fmt: skip


CALLS = """
{{ h }} {{ ui.icon("ok", h) }} {{ ui.badge(h, h) }} {{ ui.badge("delivery", h) }} {{ ui.pill(h) }} {{ ui.amount(h, h) }}
{{ ui.identifier(h, "/x?" ~ h, 9) }} {{ ui.statuses({"translation": h, "delivery": h, "acknowledgment": h}) }}
{{ ui.crumbs([(h, h)]) }} {{ ui.button(h, h) }} {{ ui.post(h, h, {h: h}) }} {{ ui.notice("ok", h, h) }}
{{ ui.flash_line(("done", h)) }} {% call ui.card(h, h, h) %}{{ h }}{% endcall %} {{ ui.tile(h, h, h, h) }}
{{ ui.attention([{"count": 1, "text": h, "href": h, "tone": "ok"}]) }} {{ ui.empty(h, h, h, h) }}
{{ ui.tabs([(h, h, 1, true)], h) }} {{ ui.facts([(h, h)]) }} {% call(s) ui.split(h, h) %}{{ h }}{% endcall %}
{% call(r) ui.table(h, [{"label": h, "key": h}], [h], sort=h, empty=h, pick=h) %}{{ ui.pick(h, h, h) }}<td>{{ r }}</td>{% endcall %}
{% call ui.filters(h, h) %}{{ ui.field(h, h, h, hint=h, error=h, attrs={"placeholder": h}) }}{% endcall %}
{{ ui.pager(h, h, 1) }} {% call ui.bulk(h) %}{% endcall %} {% call ui.form(h, h, h) %}{{ ui.area(h, h, h, hint=h) }}{% endcall %}
{{ ui.errors([(h, h)]) }} {{ ui.choice(h, h, [(h, h), h], h, h, h, h) }} {{ ui.check(h, h, true, h, h) }}
{{ ui.confirm(h, h, h, h, h, fields={h: h}) }} {{ ui.problem(p, h, h, h) }} {{ ui.problems([p]) }} {{ ui.x12(rows, h) }}
{{ ui.json(doc, {"/" ~ h: p}, h) }} {{ ui.code(h, h) }} {{ ui.copy(h, h) }} {{ ui.timeline([event]) }} {{ ui.checklist([event]) }}
{{ ui.chart(chart) }} {{ ui.chart(bars) }} {{ ui.chart(line) }} {{ ui.chart(spans) }} {{ h|ticked }} {{ h|size if false }}
"""


def test_no_macro_lets_a_partner_write_markup() -> None:
    calm = Seen(rendered(CALLS, **hostile("plain")))
    html = rendered(CALLS, **hostile(HOSTILE))
    seen = Seen(html)
    assert (
        set(seen.tags) <= set(calm.tags) | {"code"} and "script" not in seen.tags and "img" not in seen.tags
    )
    assert [one for one in seen.attributes if one[1].startswith("on") or one[1] == "style"] == []
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
    assert [one for one in seen.attributes if one[1] == "style" or one[1].startswith("on")] == []
    scripts = [value for tag, name, value in seen.attributes if tag == "script" and name == "src"]
    assert len(scripts) == seen.tags.count("script")


def test_pages_of_the_gallery_have_no_style_and_refer_only_to_us() -> None:
    for html in pages().values():
        seen = Seen(html)
        assert [one for one in seen.attributes if one[1] == "style" or one[1].startswith("on")] == []
        assert [
            v for _, n, v in seen.attributes if n in ("href", "src", "action") and not re.match("/(?!/)|#", v)
        ] == []
        assert seen.tags.count("h1") == seen.tags.count("main") == 1
        assert len(html.encode()) < 100_000


def test_a_page_without_log_in_has_neither_search_nor_navigation() -> None:
    html = pages()["login"]
    assert "<nav" not in html and 'role="search"' not in html and 'class="bare"' in html


def test_a_page_shows_only_the_navigation_one_may_use() -> None:
    class Viewer:
        actor, csrf = "viewer", "t0ken"

        def partners(self, permission: str) -> frozenset[str]:
            return frozenset({"acme-retail"} if permission == "read" else ())

    html = rendered("{% extends 'base.html' %}", request(identity=Viewer()))
    assert 'href="/messages"' in html and 'href="/audit"' not in html and "Administration" not in html
    assert html.count('name="csrf" value="t0ken"') == 2
    assert re.findall(r'href="([^"]+)" aria-current="page"', html) == ["/messages", "/messages"]


def test_sorting_keeps_what_was_asked_for_and_starts_at_the_first_page() -> None:
    asked = request(query="text=a%26b&cursor=9&sort=time", identity=SOMEBODY)
    html = rendered(
        '{% call(r) ui.table("T", [{"label": "Time", "key": "time"}, {"label": "P", "key": "p"}], [], sort="time") %}{% endcall %}',
        asked,
    )
    assert 'href="/messages?text=a%26b&amp;sort=-time"' in html and 'aria-sort="ascending"' in html
    assert 'href="/messages?text=a%26b&amp;sort=p"' in html


def test_values_as_text() -> None:
    at = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    assert str(render.time("2026-03-02T15:30:00+01:00")) == (
        '<time datetime="2026-03-02T14:30:00Z" title="2026-03-02 14:30:00 UTC" data-form="minute">2026-03-02 14:30 UTC</time>'
    )
    assert ">2 days ago<" in render.ago("2026-02-28T14:00:00Z", at)
    assert ">in 5 min<" in render.ago("2026-03-02T14:35:59Z", at)
    assert ">just now<" in render.ago(at, at)
    assert [render.size(n) for n in (0, 1, 999, 1000, 12_400, 999_950, 5 * 10**9)] == [
        "0 bytes", "1 byte", "999 bytes", "1.0 KB", "12.4 KB", "1.0 MB", "5.0 GB",
    ]  # fmt: skip
    assert render.money("2956.80", "USD") == "2,956.80\u00a0USD"
    assert render.money(Decimal("-0.050")) == "−0.050" and render.money("n/a") == "n/a"
    assert (render.plural(1, "entry", "entries"), render.plural(1204, "message")) == (
        "1 entry",
        "1,204 messages",
    )
    assert 'title="nothing"' in render.time(None) and 'title="nothing"' in render.money("")
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
    kinds = {"translation": lifecycle.Translation, "delivery": lifecycle.Delivery, "acknowledgment": lifecycle.Acknowledgment}  # fmt: skip
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
    app.post("/go")(lambda: render.see_other("/there?x=1", "Saved „Müller“ <b>;\r\n", "done"))
    app.get("/there")(lambda request: None)
    app.router.routes.pop()

    from fastapi import Request

    def there(request: Request) -> Any:
        return render.page(request, "base.html", title="There")

    app.get("/there")(there)
    with TestClient(app) as client:
        went = client.post("/go")
        assert went.status_code == 200 and "Saved „Müller“ &lt;b&gt;;" in went.text
        assert "Saved" not in client.get("/there").text
        dark = client.post("/theme", data={"theme": "dark", "back": "//evil.example"}, follow_redirects=False)
        assert (dark.status_code, dark.headers["location"]) == (303, "/")
        assert '<html lang="en" data-theme="dark">' in client.get("/there").text
        client.post("/theme", data={"theme": 'x"><b>', "back": "/there"})
        assert 'data-theme="dark"' in client.get("/there").text
        client.cookies.set("edigw_flash", "%5B%5B1%5D%2C2%5D")
        assert client.get("/there").status_code == 200


@pytest.mark.parametrize(
    "url", ["//a.example", "/\\a.example", "http://a.example", "", "/a\r\nSet-Cookie: b"]
)
def test_nobody_is_sent_elsewhere(url: str) -> None:
    assert render.local(url) == "/"


def test_charts_add_up_and_hold_their_figures_as_a_table() -> None:
    series = {f"p{n}": [n, 0, n] for n in range(1, 10)}
    one = charts.stacked("Volume", ["00", "01", "02"], series)
    assert [name for _, name in one.legend][-1] == charts.OTHERS and len(one.legend) == charts.MAX_SERIES
    assert [row[-1] for row in one.rows] == [45, 0, 45] and [sum(row[1:-1]) for row in one.rows] == [
        45,
        0,
        45,
    ]
    heights = [float(h) for h in re.findall(r'class="bar c\d"[^>]* height="([\d.]+)"', one.svg)]
    assert len(heights) == 12 and sum(heights[:6]) == pytest.approx(45 / 100 * 160, abs=0.5)
    for chart in (*drawings().values(), charts.stacked("E", [], {}), charts.bars("E", []), charts.line("E", []),
                  charts.spans("E", [], NOW)):  # fmt: skip
        assert "style=" not in chart.svg and 'role="img" aria-label="' in chart.svg
        assert "nan" not in chart.svg and 'width="-' not in chart.svg
    gap = charts.line("R", [("a", 90.0), ("b", None), ("c", 95.0)])
    assert gap.svg.count("<polyline") == 2 and gap.rows[1] == ("b", "–")
