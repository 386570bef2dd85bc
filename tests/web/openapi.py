"""The description of the REST interface, as it is committed: ``python -m tests.web.openapi`` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from gateway.api.site import Site
from gateway.web.app import make_app

FILE = Path(__file__).resolve().parents[2] / "schemas" / "openapi.json"


def description() -> dict[str, Any]:
    """What the gateway answers at ``/api/openapi.json``."""
    found: dict[str, Any] = make_app(cast("Site", None)).openapi()
    found["info"]["version"] = "0"  # that of the package changes with every release
    return found


def text() -> str:
    """The same as the file has it."""
    return json.dumps(description(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
