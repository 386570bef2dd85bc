"""Labels of a ship notice as files for our own system, and the fonts for them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import ConfigurationError, DocumentError, Severity
from gateway.labels.label import labels
from gateway.partners.partner import Partner
from gateway.services.problems import problem
from gateway.services.work import Work
from gateway.transports.folder import OUTBOX, harmless

if TYPE_CHECKING:
    from gateway.labels.fonts import Fonts

_MOST = 500
"""So many labels are made in passing."""


@lru_cache(maxsize=4)
def fonts(files: tuple[Path, ...]) -> Fonts:
    """Fonts with these files. Raises ConfigurationError if one cannot be used, or packages are missing."""
    from gateway.labels.fonts import Fonts

    return Fonts([(str(one), one.read_bytes()) for one in files])


def plan(work: Work, partner: Partner, notice: dict[str, Any]) -> None:
    """Plans the file with the labels of a notice, if the partner's settings want one.

    The notice is sent all the same where they cannot be printed; that is told.
    """
    form, services = partner.labels.to_erp, work.services
    if not form:
        return
    try:
        found = labels(notice, services.settings.gateway.company.name)
        if len(found) > _MOST:
            raise DocumentError(f"there are {len(found)}; by itself the gateway prints {_MOST}")
        from gateway.labels.output import printed

        files = tuple(services.home / one for one in services.settings.gateway.labels.fonts)
        content = printed(found, form, layout=partner.labels.layout, fonts=fonts(files))
    except (DocumentError, ConfigurationError, OSError) as error:
        words = [one.message for one in getattr(error, "problems", ())] or [str(error)]
        told = problem("HOME-LABELS", number=notice.get("shipment_id"), what=" ".join(words))
        work.findings.add(replace(told, severity=Severity.WARNING))
        return
    payload, _ = services.payloads.put(BytesIO(content))
    mine, name = work.message.id, harmless(f"labels_{notice.get('shipment_id')}.{form}")
    work.store.add_delivery(mine, mine, work.message.channel, OUTBOX, name, payload=payload)
    work.findings.deliveries = True
