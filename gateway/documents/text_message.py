"""The text message: X12 864. Text from people or programs for people."""

from __future__ import annotations

from typing import Literal

from pydantic import StrictInt

from gateway.documents.common import (
    Code,
    Count,
    DateReference,
    Document,
    Item,
    Many,
    Maybe,
    Party,
    Text,
    optional,
    required,
)


class MessageLine(Item):
    """A line of a message."""

    text: Text = required("The line", "The dock is closed on March 6.")
    advance: Maybe[Code] = optional("How the printer gets to the line")
    count: Maybe[StrictInt] = optional("Lines to advance", 2)


class Message(Item):
    """One message."""

    number: Text = required("Number of the message", "0001")
    subject: Maybe[Text] = optional("What it is about", "Dock hours")
    page_width: Maybe[Count] = optional("Characters on a line of the page it is laid out for", 80)
    page_length: Maybe[Count] = optional("Lines of that page", 55)
    parties: Maybe[Many[Party]] = optional("Sender and receivers of this message alone")
    lines: Many[MessageLine] = required("The text")


class TextMessage(Document):
    """Messages that no other document has a place for."""

    document_type: Literal["text_message"] = required("Kind of document")
    purpose: Code = required("Whether the message is new or replaces another")
    description: Maybe[Text] = optional("What it is about", "Receiving notices")
    type: Maybe[Code] = optional("Kind of message")
    dates: Maybe[Many[DateReference]] = optional("Dates")
    parties: Maybe[Many[Party]] = optional("Senders and receivers")
    messages: Many[Message] = required("The messages")
