"""What all documents share: the base of every object in one, and the envelope.

A document is plain JSON. The models describe its shape for people and check documents that come from outside;
the hot path works on dicts. Conventions:

- values are those of :mod:`gateway.documents.values`;
- code fields are open: known codes have a name (``"ship_to"``), any other stands as its X12 code (``"DA"``);
- data for which a document has no field is kept under ``extensions`` with its X12 address.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from gateway.documents.values import QUALIFIER, Many, Maybe, Text, refused


def required(meaning: str, example: object = None, *, x12: str = "", default: Any = ...) -> Any:
    """A field that must be there.

    Args:
        meaning: what the field says, for people.
        example: a value.
        x12: where a field of the envelope stands in X12. For all others the mapping says it, and which names
            its codes have; the JSON Schema takes both from there.
    """
    text = meaning if meaning.endswith(".") else f"{meaning}."
    examples = None if example is None else [example]
    if examples:
        text += f" Example: {example if isinstance(example, str) else json.dumps(example)}"
    extra: dict[str, Any] = {"json_schema_extra": {"x-x12": x12}} if x12 else {}
    return Field(default, description=text, examples=examples, **extra)


def optional(meaning: str, example: object = None, *, x12: str = "") -> Any:
    """A field that may be left out; see `required`."""
    return required(meaning, example, x12=x12, default=None)


OURS = "erp_"
"""So begin fields with what our own system calls and counts something; they stand in no transaction set."""


class Model(BaseModel):
    """Base of every object in a document: frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OpenKeys(Model):
    """An object whose values have a key each: a name for known qualifiers, the X12 qualifier for others."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "additionalProperties": False,
            "patternProperties": {QUALIFIER: {"type": "string", "minLength": 1}},
        },
    )
    __pydantic_extra__: dict[Annotated[str, StringConstraints(pattern=QUALIFIER)], Text]


Part = str | Many[str] | Many[Many[str]]
"""An element of a segment: a composite is a list, one that repeats a list of lists."""


class Extension(Model):
    """A piece of the partner's data that no field takes, or a remark on where a mapped segment stood."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [kind]} for kind in ("elements", "value", "field", "absent")]
        }
    )

    address: Text = required("X12 address, relative to the object it is kept in", "TD1[2]")
    elements: Maybe[Many[Part]] = optional("A whole segment; a composite element is a list")
    value: Maybe[Part] = optional("A single element of a mapped segment", "x")
    field: Maybe[Text] = optional("The field whose segment stood at this place, not at its own")
    absent: Maybe[Literal[True]] = optional("True for a counted segment that the partner did not send")

    @model_validator(mode="after")
    def _one_kind(self) -> Extension:
        if sum(part is not None for part in (self.elements, self.value, self.field, self.absent)) != 1:
            what = "must have exactly one of elements, value, field and absent beside its address"
            raise refused(what, "Keep extensions as they were received.")
        return self


class Item(Model):
    """An object that stands for a segment or loop and keeps what no field of it takes."""

    extensions: Maybe[Many[Extension]] = optional("Data of the partner for which there is no field here")


# --- the envelope ---------------------------------------------------------------------------------------


class Endpoint(Model):
    """Who sends or receives an interchange."""

    qualifier: Maybe[Text] = optional("Kind of identifier", "ZZ", x12="ISA05 or ISA07")
    id: Text = required("Identifier", "NORTHWINDRETAIL", x12="ISA06 or ISA08")


class Control(Model):
    """Where the document stood: control numbers and the two ends of the exchange."""

    interchange: Maybe[Text] = optional("Control number of the interchange", "000000101", x12="ISA13")
    group: Maybe[Text] = optional("Control number of the functional group", "101", x12="GS06")
    transaction: Maybe[Text] = optional("Control number of the transaction set", "0001", x12="ST02")
    version: Maybe[Text] = optional("Release of the transaction set", "004010", x12="GS08")
    implementation: Maybe[Text] = optional("Guide the transaction set names", "005010X231A1", x12="ST03")
    sender: Maybe[Endpoint] = optional("Sender of the interchange", x12="ISA05, ISA06")
    receiver: Maybe[Endpoint] = optional("Receiver of the interchange", x12="ISA07, ISA08")
    group_sender: Maybe[Text] = optional("Sender of the functional group", "NORTHWINDRETAIL", x12="GS02")
    group_receiver: Maybe[Text] = optional("Receiver of the functional group", "ACMESUPPLY", x12="GS03")


class Raw(Model):
    """The bytes the document was made from."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = required("SHA-256 of the bytes")
    location: Maybe[Text] = optional("Where they are kept", "payloads/3f/3fa9")


class Document(Item):
    """The envelope: top-level fields that every document has."""

    document_type: Text = required("Kind of document", "purchase_order", x12="ST01")
    schema_version: Literal["1"] = required("Version of this description", "1")
    test: Maybe[StrictBool] = optional("True for a test that must not be carried out", False, x12="ISA15")
    control: Maybe[Control] = optional("Where the document stood in an interchange")
    document_id: Maybe[Text] = optional("Our own identifier of the document")
    partner_id: Maybe[Text] = optional("The trading partner", "northwind")
    channel: Maybe[Text] = optional("The channel it came or goes by", "as2")
    raw: Maybe[Raw] = optional("The bytes the document was made from")
