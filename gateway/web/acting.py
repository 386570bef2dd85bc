"""What a form asks for: done by whoever sent it, and told on the page after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response

from gateway.api import models
from gateway.api.access import site_of
from gateway.errors import EdiError
from gateway.services.access import Identity
from gateway.services.base import Services
from gateway.web.render import see_other

Reason = Annotated[models.Reason, Form()]
Field = Annotated[str, Form(max_length=1000)]
Fields = Annotated[list[str], Form(max_length=2000)]


def act(request: Request, identity: Identity, back: str, do: Callable[[Services], str]) -> Response:
    """Does something, and goes back with what it says, or with why it was not done."""
    try:
        with site_of(request).acting(identity.actor) as services:
            return see_other(back, do(services))
    except EdiError as error:
        return see_other(back, str(error), "error")
