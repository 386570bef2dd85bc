"""Every problem code: what it means, what it does to an acknowledgment, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from gateway import errors
from gateway.errors import EdiError

_ACK = {"ta1": "TA105", "ak3": "AK304", "ak4": "AK403", "ak5": "AK502", "ak9": "AK905"}
_IMPLEMENTATION_ACK = {"ak3": "IK304", "ak4": "IK403", "ak5": "IK502"}

_OTHERS = {
    "DOC-DIFFERENT": (
        "A field would not come back as it is: its value is not in the form that its rule writes.",
        "Write the value as the message says.",
    ),
    "DOC-ENVELOPE": (
        "Sender, receiver or a control number is missing, too long, or holds a separator.",
        "Correct `control` in the document, or the identifiers of the partner or of yourself.",
    ),
    "DOC-EXTENSION": (
        "An entry of `extensions` has no place in the guide, or not the form of an extension.",
        "Keep extensions as they were received, or leave them out.",
    ),
    "DOC-FONT": (
        "A text of a label has letters that no font at hand has, or that must be joined to be read.",
        "Name a TrueType font that has them in `labels.fonts` or `--font`, or write in Latin letters.",
    ),
    "DOC-LABEL": (
        "A ship notice lacks what a label must show: an SSCC, or where the shipment goes.",
        "Correct the ship notice; `labels.sscc: fill` of a partner gives SSCCs to all cartons and pallets.",
    ),
    "DOC-LOST": (
        "A field is in no rule of the mapping, or in no place that the mapping writes, so it would be lost.",
        "Correct its name or place, or add a rule to the mapping.",
    ),
    "DOC-SEPARATOR": (
        "A text holds a separator of this interchange or a control character, and would be cut apart.",
        "Take the character out, or agree on other separators with the partner.",
    ),
    "DOC-TYPE": (
        "There is a list where an object or value is needed, or the other way round.",
        "Give the field the form the message asks for.",
    ),
    "SHAPE": (
        "A shape file (mappings/erp/...) cannot be read, or does not fit its document.",
        "Correct what the messages name; docs/reference/shapes.md has the keys.",
    ),
    "RESOURCE-NOT-FOUND": (
        "A guide, mapping or configuration file is in none of the places where it is looked for.",
        "Check the name, and the folders in the message.",
    ),
}
"""Codes without a table of their own: of documents on their way to X12, and of some exceptions."""

HTTP: dict[int, tuple[str, str, str]] = {
    400: ("HTTP-REQUEST", "The request cannot be read.", "Compare it with /api/openapi.json."),
    401: (
        "HTTP-LOGIN",
        "Log in, or send an API key: `Authorization: Bearer edigw_...`.",
        "An administrator makes keys and users.",
    ),
    403: ("HTTP-FORBIDDEN", "You may not do this.", "An administrator can give you the role."),
    404: ("HTTP-NOT-FOUND", "There is nothing at this address.", "Check the address."),
    405: ("HTTP-METHOD", "This method is not possible here.", "The header `Allow` says which are."),
    406: ("HTTP-ACCEPT", "The answer does not exist in this form.", "Ask for `application/json`."),
    409: (
        "HTTP-CONFLICT",
        "The state of things does not allow this.",
        "Read it again; the message says why.",
    ),
    412: (
        "HTTP-CHANGED",
        "It was changed since you read it. Read it again.",
        "Decide anew, and send it then.",
    ),
    413: ("HTTP-TOO-LARGE", "The body is too large.", "Send less, or raise `web.max_body_mb`."),
    415: ("HTTP-MEDIA-TYPE", "A body of this type is not read here.", "Send JSON, or the form of the page."),
    422: (
        "HTTP-INVALID",
        "The request says something that cannot be.",
        "`errors` names each value that is wrong, and why.",
    ),
    428: ("HTTP-CONDITION", "Send `If-Match` with the ETag of what you read.", "Read it first."),
    429: (
        "HTTP-TOO-MANY",
        "Too many requests. Wait as long as `Retry-After` says.",
        "`web.requests_per_second` is the limit of one address.",
    ),
    500: (
        "HTTP-FAULT",
        "A fault of the gateway. The log has the details under the id of this request.",
        "Report it with what the log says.",
    ),
    503: ("HTTP-LATER", "This cannot be done now. Try again later.", "If it stays, look at `edigw doctor`."),
}
"""Codes of answers of the page and the REST interface that have no better ones, by status."""

_HTTP_MORE = {
    "HTTP-CSRF": (
        "The form comes from another site, or from a page that was opened before the last log-in.",
        "Load the page again, and send the form from there.",
    ),
    "HTTP-ERROR": ("The request failed in a way that has no code of its own.", "Read the message."),
    "HTTP-IDEMPOTENCY": (
        "`Idempotency-Key` is missing, is used for another request, or that request is still running.",
        "Give each thing to be done a key of its own, and repeat a request with the same one.",
    ),
    "HTTP-PASSWORD": ("An administrator chose this password.", "Choose one of your own first."),
}

WHOSE = {
    "partner": "the partner's",
    "us": "yours",
    "configuration": "yours: settings, guides or mappings",
    "network": "nobody's yet: try again",
}
"""Whose move it is, in words."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one code."""

    code: str
    about: str
    explanation: str
    hint: str
    message: str = ""
    severity: str = "error"
    level: str = ""
    fault: str = ""
    ack: tuple[dict[str, str], ...] = ()


@cache
def entries() -> dict[str, Entry]:
    """Every code, in the order of its table."""
    from gateway.as2 import problems as as2
    from gateway.documents import validation
    from gateway.documents.assist import lists
    from gateway.mapping import problems as mapping
    from gateway.rules import RULES
    from gateway.services import problems as services
    from gateway.shapes.form import EXPLANATIONS
    from gateway.transports import problems as sftp
    from gateway.transports import sp_api_problems as sp_api
    from gateway.x12 import problems as x12
    from gateway.x12.acknowledgment import exact
    from gateway.x12.answer import meaning

    found: list[Entry] = []
    catalogues = {"X12": x12.CATALOGUE, "mapping": mapping.CATALOGUE, "home": services.CATALOGUE}
    for about, catalogue in catalogues.items():
        for code, kind in catalogue.items():
            said = kind.ack.to_dict()
            # A 999 is told of only where it says something else.
            other = {k: v for k, v in exact(code, kind.ack).to_dict().items() if v != said[k]}
            ack = tuple(
                {"element": names[place], "code": value, "meaning": meaning(place, value)}
                for names, given in ((_ACK, said), (_IMPLEMENTATION_ACK, other))
                for place, value in given.items()
                if value and place in names
            )
            hint, message = (_plain(template) for template in (kind.hint, kind.message))
            weight = (kind.severity.value, kind.level.value, kind.fault.value)
            found.append(Entry(code, about, kind.explanation, hint, message, *weight, ack))
    for code, told in (as2.CATALOGUE | sp_api.CATALOGUE).items():
        ack = (
            ({"element": "Disposition", "code": told.disposition, "meaning": ""},) if told.disposition else ()
        )
        about, message = ("AS2" if code in as2.CATALOGUE else "SP-API"), _plain(told.message)
        fault = told.fault.value
        found.append(Entry(code, about, told.explanation, told.hint, message, fault=fault, ack=ack))
    for code, one in sftp.CATALOGUE.items():
        message, hint = _plain(one.message), _plain(one.hint) if "{line}" in one.hint else one.hint
        found.append(Entry(code, "SFTP", one.explanation, hint, message, fault=one.fault.value))
    for rule in RULES.values():
        text = f"{rule.what} Why: {rule.why} Source: {rule.source}."
        text += f" Done by {rule.elsewhere}." if rule.elsewhere else ""
        heavy = "error" if rule.severity == "block" else "warning"
        found.append(Entry(rule.code, "rule", text, rule.hint, severity=heavy, fault=rule.fault.value))
    for code, words in EXPLANATIONS.items():
        severity = "info" if code == "SHAPE-UNWRITTEN" else "error"
        found.append(Entry(code, "shape", *words, severity=severity, fault="us"))
    hint = "The message names the field and what it should hold."
    texts = {code: (text, hint) for code, text in validation.EXPLANATIONS.items()}
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, EdiError)]
    texts |= {code: (why, hint) for code, (hint, why) in lists.CATALOGUE.items()}
    texts |= _OTHERS | {kind.code: ((kind.__doc__ or "").partition("\n")[0], kind.hint) for kind in kinds}
    web = {code: (f"{what} (HTTP {status})", hint) for status, (code, what, hint) in HTTP.items()}
    for code, words in (web | _HTTP_MORE).items():
        found.append(Entry(code, "web", *words))
    for code, words in texts.items():
        about, fault = ("document", "us") if code.startswith(("DOC-", "MADE-")) else ("edigw", "")
        found.append(Entry(code, about, *words, fault=fault))
    return {entry.code: entry for entry in found}


def _plain(template: str) -> str:
    """A message with its blanks shown as names: ``{value!r}`` becomes ``<value>``."""
    named = re.sub(r"(?<!\{)\{(\w+)[^{}]*\}", r"<\1>", template)
    return named.replace("{{", "{").replace("}}", "}")


def nearest(code: str) -> list[str]:
    """The codes most like one that is not there."""
    known = entries()
    near = get_close_matches(code, known, n=3, cutoff=0.5)
    return near or [name for name in known if code.removeprefix("X12-") in name][:3]
