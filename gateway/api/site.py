"""What API and pages need of the gateway they show."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine

from gateway.partners.calendar import Slots
from gateway.services.base import Services
from gateway.settings import Settings
from gateway.store.keyring import Keyring
from gateway.store.payloads import Payloads


class Site(Protocol):
    """An open home. What is only read is read from ``engine`` (:func:`gateway.store.database.reading`)."""

    @property
    def home(self) -> Path: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def payloads(self) -> Payloads: ...
    @property
    def keyring(self) -> Keyring: ...
    @property
    def trouble(self) -> str:
        """Why settings that were changed are not taken up; empty if nothing is wrong."""

    @property
    def schedules(self) -> Mapping[str, Slots]:
        """What has times of its own, by the keys of its jobs."""

    def acting(self, actor: str) -> AbstractContextManager[Services]:
        """Services for one request; what is written with them carries the actor in the audit."""

    def waiting(self, channel: str) -> int | None:
        """How many files lie in the inbox of a channel; None where that cannot be seen."""

    def now(self) -> datetime:
        """The time, UTC."""
