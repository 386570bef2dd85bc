"""How ``make docs`` makes a site of these pages, which stay plain Markdown: what else it needs is added here.

``index.md`` is the list of all pages; each of its headings with links becomes a part of the navigation.
"""

from __future__ import annotations

import re
from importlib.metadata import version as version_of
from typing import Any

project = "EDI gateway"
author = "the EDI gateway project"
version = release = version_of("edi-gateway")
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
nitpicky = True

myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["misc.highlighting_failure"]  # listings may leave something out, with dots

html_theme = "furo"
html_title = project
html_show_sphinx = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_last_updated_fmt = ""
html_theme_options: dict[str, Any] = {"navigation_with_keys": True}


def navigation(text: str) -> str:
    """Hidden tables of contents: one for each heading of a page, of the pages it links to, in order."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    made = []
    for caption, body in zip(parts[1::2], parts[2::2], strict=True):
        pages = dict.fromkeys(re.findall(r"\]\(([\w./-]+)\.md\)", body))
        made.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"]))
    return "\n\n".join(made)


def setup(app: Any) -> None:
    """Adds the navigation to the front page."""

    def read(_: Any, page: str, source: list[str]) -> None:
        if page == "index":
            source[0] += f"\n\n{navigation(source[0])}\n"

    app.connect("source-read", read)
