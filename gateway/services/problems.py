"""What can go wrong with a file beyond its content: one table with words, and whose move it is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from gateway.errors import Ack, Fault, Level, Location, Problem, Severity
from gateway.x12.problems import MAX_VALUE, Kind


def _kind(level: Level, fault: Fault, message: str, hint: str, explanation: str) -> Kind:
    return Kind(level, Severity.ERROR, Ack(), message, hint, explanation, fault)


_foreign = partial(_kind, Level.INTERCHANGE, Fault.PARTNER)
_unknown = partial(_kind, Level.INTERCHANGE, Fault.CONFIGURATION)
_set = partial(_kind, Level.TRANSACTION_SET, Fault.CONFIGURATION)
_answer = partial(_kind, Level.TRANSACTION_SET, Fault.PARTNER)
_file = partial(_kind, Level.FILE, Fault.CONFIGURATION)
_ours = partial(_kind, Level.FILE, Fault.US)
_AGAIN = "Then put the file into the inbox again."
_REPROCESS = "Then reprocess the message: on its page, or with `edigw message reprocess`."

# fmt: off
CATALOGUE: dict[str, Kind] = {
    "HOME-NO-PARTNER": _unknown(
        "The interchange is from {party}, and no partner of this home has that identifier.",
        f"If you trade with them, add this identifier to a partner's file. {_REPROCESS} A file that lay in "
        "the folder of another partner goes into its own inbox.",
        "The sender of an interchange (ISA05, ISA06) must be one of the identifiers of a partner file. "
        "Nothing is guessed from the folder a file lies in, or from names inside it; nothing is answered."),
    "HOME-WRONG-CHANNEL": _foreign(
        "The interchange is from {party}, partner {partner}, but it came over the channel {channel}.",
        "Find out who put it there. If all is well, move the file to the inbox of that partner.",
        "Who may write into a folder is how a partner is known; an interchange in the name of somebody else "
        "is therefore not believed."),
    "HOME-NOT-FOR-US": _foreign(
        "The interchange is addressed to {party}, and {partner} knows you as {us}.",
        f"Tell the sender, or correct `us` in the partner file. {_REPROCESS}",
        "The receiver of an interchange (ISA07, ISA08) must be your identifier, as gateway.yaml or the "
        "partner file states it. An interchange for somebody else is neither translated nor acknowledged."),
    "HOME-NO-AGREEMENT": _set(
        "Transaction set {set} is not agreed with {partner}: it is not listed under `{list}` in its file.",
        f"Add it to partners/{{partner}}.yaml if it is wanted. {_REPROCESS}",
        "A partner file lists the transaction sets to receive and to send. Others are not translated; in a "
        "997 they are reported as not supported (AK502 = 1)."),
    "HOME-NO-DOCUMENT": _set(
        "Transaction set {set} is correct, but there is no mapping from version {version} to a document.",
        f"Add a mapping for it. {_REPROCESS}",
        "A guide checks a transaction set, a mapping makes a document of it. This set has a guide only."),
    "HOME-DUPLICATE": _foreign(
        "{what} was processed before, as {file} (message {message}).",
        "Nothing needs to be done if it was sent twice by mistake. If it holds new data, ask the sender for "
        "a new control number.",
        "The same bytes, or an interchange with the same sender, receiver and control number (ISA13), gave "
        "documents before; or your own system wrote a document again, or a first one of a number that was "
        "sent to that partner already. Doing it again would double it. What failed before may come again."),
    "HOME-KEY-TAKEN": _ours(
        "Your own system gave the document_id {id} to two different documents for {partner}; the first came "
        "as {file} (message {message}).",
        "Give each document an id of its own, or leave `document_id` out.",
        "A document_id that your own system writes is a promise that whatever carries it is the same "
        "document: the same once more is a duplicate, another content under it a mistake."),
    "HOME-REFUSED-BY-PARTNER": _ours(
        "{what}",
        "Correct the document and put it into the inbox again; it may keep its number.",
        "The partner answered what was sent with a 997, 999 or TA1 that rejects it. Nothing of it counts for "
        "the partner."),
    "HOME-TOO-LARGE": _file(
        "The file has {size} bytes; the limit is {limit} MB.",
        f"Raise `pickup.max_file_mb` in gateway.yaml if such files are expected. {_AGAIN}",
        "A limit keeps a mistake or an attack from filling the machine."),
    "HOME-UNREADABLE": _file(
        "The file could not be opened.",
        "Give the gateway's user the right to read it, and make sure that it is a regular file. " + _AGAIN,
        "It was moved to quarantine unopened. Links are not followed."),
    "HOME-NOT-JSON": _ours(
        "This is not JSON: {what}.",
        "Check what your system wrote. X12 from partners belongs into the partner's inbox.",
        "JSON is in UTF-8: one document in each file, or a list of them."),
    "HOME-NOT-A-DOCUMENT": _ours(
        "This is no document the gateway can send: {what}.",
        'Each is an object with "document_type", for example "invoice". If the type is right, add it to '
        "`documents` of the form under erp.channels.",
        "The document type decides which transaction set is written."),
    "HOME-NO-FORM": _file(
        "No form of the channel {channel} reads a file of this name.",
        f"Add a form to erp.channels whose `files` matches the name. {_REPROCESS} Or put it into the inbox "
        "again under a name that matches.",
        "A file of your own system is read by the first form of its channel whose `files` matches its name; "
        "from a channel with `direction: to_erp` nothing is read."),
    "HOME-NO-ACCOUNT": _file(
        "The partner's file of the channel {channel} has no `sp_api` any more.",
        f"Put it back into the file. {_REPROCESS}",
        "Orders that came by Amazon's API are read with what was agreed about the account."),
    "HOME-NO-OUTLET": _set(
        "No channel of your own system takes {kind}, so the {kind} {number} is not delivered.",
        "Add a form for this type to erp.channels; then let `edigw message reprocess` do it again.",
        "A document goes to the first channel of erp.channels with a form for its type. The partner's set is "
        "right, so its acknowledgment says so all the same."),
    "HOME-NO-SHAPE": _file(
        "The channel {channel}: {what}",
        "Correct `shape` or `encoding` under erp.channels, or put the file into mappings/erp.",
        "Forms of the ERP's files name shape files of mappings/erp, in the home or as they came."),
    "HOME-NO-ADDRESSEE": _ours(
        "The document cannot be addressed: {what}",
        'Set "partner_id" to the name of a file in partners/, without .yaml.',
        "A document goes to the partner it names in partner_id (or partner), or to the one whose identifier "
        "stands in control.receiver. Nothing is guessed, even if there is only one partner."),
    "HOME-TEST": _ours(
        "A document for tests cannot go to the production of Amazon's API: what is submitted there counts.",
        "Write it without `test`, or try it with an account in the sandbox (`sp_api.sandbox: true`).",
        "X12 says in its envelope that it is a test (ISA15); the API has no word for it."),
    "HOME-ACK-UNMATCHED": _answer(
        "The partner acknowledges {what}, which was never sent to it.",
        "Ask the partner which file is meant.",
        "A 997 names functional groups by their control number (AK102), a TA1 interchanges by theirs."),
    "HOME-UNKNOWN-ITEM": _set(
        "{place}: the item {names}{why}.{near}",
        "Add it with `edigw item add` or `import`. A partner's document then goes on by itself; put your own "
        "into the inbox again.",
        "The partner's file says `items: require`, and the item table has no row in force today for these "
        "numbers, or rows that contradict each other. A partner's document waits for it, and is acknowledged "
        "all the same; one of your own goes to quarantine, and so does one that has only your own number."),
    "HOME-UNKNOWN-LOCATION": _set(
        "{place}: the place {names}{why}.{near}",
        "Add it with `edigw location add` or `import`. A partner's document then goes on by itself; put your "
        "own into the inbox again.",
        "The partner's file says `locations: require`, and the table of places has no row in force today for "
        "the ship-to. A partner's document waits for it; one of your own goes to quarantine."),
    "HOME-ROW": _file(
        "{place}:{shown} {what}.",
        "Correct the row and import the file again; no row of it was taken.",
        "A table of items or places is taken whole or not at all. No name may stand for two things on the "
        "same day, so that what is looked up is never a guess."),
    "HOME-LABELS": _ours(
        "The labels of shipment {number} could not be printed: {what}",
        "The ship notice is sent. Correct what is named, and print them with `edigw label print`.",
        "A partner with `labels.to_erp` wants the labels of its shipments written for your own system. A "
        "notice does not wait for them."),
    "HOME-SSCC-NONE": _ours(
        "A carton or pallet wants a new SSCC, and none can be given: {what}.",
        "Write the SSCCs into the ship notice (`edigw document show` has those of an earlier one), or add a "
        f"prefix to company.gs1_prefixes. {_AGAIN}",
        "Units whose `sscc` is `auto`, or missing where the partner's file says `labels.sscc: fill`, get "
        "new SSCCs. A notice that replaces another one must name those on the labels."),
    "HOME-SSCC-TWICE": _ours(
        "Two units have the same SSCC {value}.",
        f"Give each carton and pallet its own; look at the labels, too. {_AGAIN}",
        "An SSCC is one unit. It may stand in several orders or items of a notice if one carton or pallet "
        "holds them, but not twice in one list, on two pallets, or on a carton and a pallet."),
    "HOME-SSCC-USED": _ours(
        "The SSCC {value} was used on {day}, by {what}.",
        f"Give the carton or pallet one that was not used for {{days}} days, and a new label. {_AGAIN}",
        "An SSCC names one unit, and no other for 365 days after its last use. A notice of the same shipment "
        "may use it again; so may another one when the partner refused the first, or it was cancelled."),
    "ROUTE-NO-RULE": _file(
        "{what}.",
        f"Add a rule to routes.yaml; `edigw route check` finds what is missing. {_REPROCESS}",
        "A partner with several ways needs a rule that says which one a document goes. Nothing is guessed."),
    "ROUTE-PINNED": _file(
        "{what}.",
        "Give the partner that way again; or, if the partner agrees, write `pin: false` into its rule.",
        "A document of an order that came by the API is answered there, and one that takes the place of an "
        "earlier one goes where that went: the other side has it nowhere else."),
    "ROUTE-UNREACHABLE": _file(
        "{what}.",
        "Move the rule before the one that takes everything, or remove it.",
        "The first rule that fits decides, so one whose documents an earlier rule takes is never chosen."),
    "ROUTE-PARTNER": _file(
        "{what}.",
        "Correct the name.",
        "A rule names a partner without a file in partners/, so it is for nobody."),
    "ROUTE-WAY": _file(
        "{what}.",
        "Write its settings into the partner's file, or take the way out of the rule.",
        "A way that a partner does not have is left out; a rule without another one is passed over."),
    "ROUTE-UNCOVERED": _file(
        "{what}.",
        "Add a last rule for the partner that has no conditions.",
        "What no rule takes does not go to a partner of several ways; it goes to quarantine."),
    "ROUTE-WINDOW": _file(
        "{what}.",
        "Nothing need be done if this is meant.",
        "Days and hours are those of the clock on the wall. A window across midnight belongs to the day it "
        "begins on; when clocks change, one is longer or shorter, or does not come."),
    "HOME-FAILED": _ours(
        "An error of the gateway stopped the work on this file {count} times; the log says which.",
        "Report it with the log. When it is put right, reprocess the message: `edigw message reprocess`.",
        "This is a fault of the software and not of the file."),
}
# fmt: on


def problem(code: str, where: Location | None = None, *, value: str | None = None, **words: Any) -> Problem:
    """A problem of the table with its words filled in."""
    kind = CATALOGUE[code]
    short = None if value is None else value[:MAX_VALUE]
    message, hint = kind.message.format(value=value, **words), kind.hint.format(**words)
    return Problem(
        code, kind.severity, kind.level, message, hint, short, where or Location(), fault=kind.fault
    )


def duplicate(then: str, where: Location, *, value: str | None, **words: Any) -> Problem:
    """HOME-DUPLICATE from a partner; what is answered as before is only a remark."""
    found = problem("HOME-DUPLICATE", where, value=value, **words)
    return replace(found, severity=Severity.INFO) if then == "answer_again" else found


def written_twice(*, value: str | None = None, **words: Any) -> Problem:
    """HOME-DUPLICATE for a document of our own system."""
    hint = (
        "Nothing needs to be done if it was written twice by mistake. If it is meant as a change, give it a "
        "new number, or a `purpose` other than original."
    )
    found = problem("HOME-DUPLICATE", value=value, **words)
    return replace(found, level=Level.FILE, fault=Fault.US, hint=hint)
