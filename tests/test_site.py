"""The site of the documentation: it is built without a warning, and asks nothing of the network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_REMOTE = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*\b(?:src|data)=[\"']?(?:https?:)?//[^>]*>"
    r"|<link\b(?![^>]*rel=[\"']?canonical)[^>]*\bhref=[\"']?(?:https?:)?//[^>]*>",
    re.IGNORECASE,
)
_LOADED = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", re.IGNORECASE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make docs`` does, where no connection can be made."""
    folder = tmp_path_factory.mktemp("site")
    offline = (
        "import runpy, socket, sys\n"
        "def refused(*_): raise OSError('no network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused\n"
        "sys.argv = ['sphinx', '-q', '-W', '--keep-going', '-b', 'html', '-d', *sys.argv[1:]]\n"
        "runpy.run_module('sphinx', run_name='__main__')\n"
    )
    command = [sys.executable, "-c", offline, str(folder / "trees"), str(ROOT / "docs"), str(folder / "html")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_page_is_built_and_reached_from_the_navigation(site: Path) -> None:
    front = (site / "index.html").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        made = page.relative_to(ROOT / "docs").with_suffix(".html")
        assert (site / made).exists(), made
        if page.name != "index.md":
            assert f'class="reference internal" href="{made.as_posix()}"' in front, made


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for file in site.rglob("*.html"):
        assert _REMOTE.findall(file.read_text("utf-8")) == [], file
    for file in site.rglob("*.css"):
        assert _LOADED.findall(file.read_text("utf-8")) == [], file


def test_a_page_that_would_load_something_is_found() -> None:
    for one in (
        '<script src="https://cdn.example/a.js">',
        '<link rel="stylesheet" href="//fonts.example/a">',
        "<img alt='' src='http://x.example/a.png'>",
    ):
        assert _REMOTE.search(one), one
    assert not _REMOTE.search('<a href="https://example.org/">')
    assert not _REMOTE.search('<script src="_static/a.js">')
