"""Partners, and how one is found by what an interchange or a document says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from difflib import get_close_matches
from typing import Any

from gateway.partners.agreement import (
    Deadlines,
    Duplicates,
    Items,
    Labels,
    Locations,
    Receive,
    Rules,
    Send,
    Writing,
    checked_marker,
    checked_name,
    setting,
)
from gateway.partners.as2 import As2
from gateway.partners.assist import Assist, Expiry
from gateway.partners.calendar import When
from gateway.partners.sftp import Sftp, SftpAccount
from gateway.partners.sp_api import SpApi
from gateway.partners.webhook import Webhook
from gateway.x12.acknowledgment import Form
from gateway.x12.envelope import PartyId
from gateway.x12.parser import GROUP_OF_SET

API, AS2, SFTP, FOLDER, WEBHOOK = WAYS = ("api", "as2", "sftp", "folder", "webhook")
"""Ways to a partner."""

X12_WAYS = (AS2, SFTP, FOLDER)


@setting
class Identifier:
    """A name on an interchange. qualifier: ISA05, ISA07. id: ISA06, ISA08."""

    qualifier: str
    id: str

    def __post_init__(self) -> None:
        if len(self.qualifier) != 2:
            raise ValueError(f"qualifier {self.qualifier!r}: write two characters, such as ZZ, 01 or 12")
        if not 1 <= len(self.id) <= 15:
            raise ValueError(f"id {self.id!r}: an interchange identifier has 1 to 15 characters")

    @property
    def party(self) -> PartyId:
        """The same as the X12 core names it."""
        return PartyId(self.qualifier, self.id)


@setting
class Partner:
    """Somebody we trade with; one file ``partners/<id>.yaml`` of the home.

    Attributes:
        id: the file's name. name: shown to people.
        identifiers: how the partner names itself on interchanges; the first is used for what we send.
        us: how the partner names us; empty for the company's own identifier.
        group_id: GS02 and GS03 of the partner; empty for its first identifier.
        our_group_id: the same for us.
        channel: its folder below ``folders/``; empty for the partner's id.
        marker: end of the name of the file that says that another is complete; empty for none.
        profile: whose guidelines and mappings hold, those in the folders ``partners/<profile>``; empty for
            the partner's id.
        receive, send: what was agreed.
        duplicates: what is done with what came before.
        items, locations: what is looked up in the tables of items and places.
        rules: which rules of vendors hold.
        first_control_number: where our numbers for the partner begin, if it knows us from an earlier system.
        as2, sftp, sp_api, webhook: what was agreed about AS2, SFTP with each server, Amazon's API, and a URL
            that takes our JSON; none of them where files go by folders only. Of several ways routes.yaml
            chooses.
        sftp_account: how it logs in to our server, to put files into its inbox and fetch from its outbox.
        poll: when its inbox, here or on its server, is looked into; without it every so many seconds.
        deadlines: until when what must be done.
        reconciliation: how its remittances are read, a file in ``config/reconciliation``, or ``off``.
        assist: what documents that are made here say, in place of that of gateway.yaml.
        expiries: what ends, as a form W-9, and is to be renewed.
        labels: SSCCs and labels of cartons and pallets.
    """

    id: str
    name: str
    identifiers: tuple[Identifier, ...] = ()
    us: Identifier | None = None
    group_id: str = ""
    our_group_id: str = ""
    channel: str = ""
    marker: str = ""
    profile: str = ""
    receive: tuple[Receive, ...] = ()
    send: tuple[Send, ...] = ()
    writing: Writing = field(default_factory=Writing)
    duplicates: Duplicates = field(default_factory=Duplicates)
    items: Items = field(default_factory=Items)
    locations: Locations = field(default_factory=Locations)
    rules: Rules = field(default_factory=Rules)
    first_control_number: int = 1
    poll: When | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)
    reconciliation: str = "generic"
    assist: Assist | None = None
    expiries: tuple[Expiry, ...] = ()
    labels: Labels = field(default_factory=Labels)
    as2: As2 | None = None
    sftp: tuple[Sftp, ...] = ()
    sp_api: SpApi | None = None
    webhook: Webhook | None = None
    sftp_account: SftpAccount | None = None

    def __post_init__(self) -> None:
        checked_name(self.id)
        if not self.name.strip():
            raise ValueError("name: what people call the partner must not be empty")
        for name in filter(None, (self.channel, self.profile, self.reconciliation)):
            checked_name(name)
        checked_marker(self.marker)
        self._check_servers()
        if not 1 <= self.first_control_number <= 999_999_999:
            raise ValueError("first_control_number: 1 to 999999999")
        if not self.identifiers and (self.receive or self.send or not self.is_direct):
            raise ValueError("identifiers: at least one is needed, to tell which interchanges are theirs")
        for agreed in (self.receive, self.send):
            sets = [one.set for one in agreed]
            if len(set(sets)) < len(sets):
                raise ValueError("a transaction set is listed twice for the same direction")

    def _check_servers(self) -> None:
        if wrong := {one.name for one in self.sftp} & {API, WEBHOOK}:
            raise ValueError(f"sftp: the name {wrong.pop()!r} is that of another way")
        if len(self.servers) < len(self.sftp):
            raise ValueError("sftp: give each of several servers a `name` of its own; one may have none")
        outboxes = [one for one in self.sftp if one.outbox]
        sets = [set_id for one in outboxes for set_id in one.sets]
        if len(set(sets)) < len(sets):
            raise ValueError("sftp: a transaction set stands in the `sets` of two servers")
        if outboxes and sum(not one.sets for one in outboxes) != 1:
            raise ValueError("sftp: of the servers with an outbox one has no `sets`; it gets all others")

    @property
    def is_direct(self) -> bool:
        """Whether documents may go without X12, by themselves, so that nothing of `send` is needed."""
        return self.sp_api is not None or self.webhook is not None

    @property
    def servers(self) -> dict[str, Sftp]:
        """The SFTP servers by their channels."""
        first = f"{self.folder}/{SFTP}" if self.as2 else self.folder
        return {f"{self.folder}/{one.name}" if one.name else first: one for one in self.sftp}

    @property
    def overlay(self) -> str:
        """Name of the guidelines and mappings that hold for the partner."""
        return self.profile or self.id

    @property
    def folder(self) -> str:
        """Name of the partner's channel."""
        return self.channel or self.id

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways that its settings are there for; without any, its folder."""
        there = {API: self.sp_api, AS2: self.as2, SFTP: any(one.outbox for one in self.sftp)}
        there |= {WEBHOOK: bool(self.webhook)}
        return tuple(way for way, terms in there.items() if terms) or (FOLDER,)

    @property
    def x12_way(self) -> str:
        """The way of X12 about which nothing was decided."""
        return next((way for way in self.ways if way in X12_WAYS), FOLDER)

    @property
    def channels(self) -> dict[str, str]:
        """The ways over networks, by their channels."""
        found = {f"{self.folder}/{API}": API} if self.sp_api else {}
        found |= {f"{self.folder}/{WEBHOOK}": WEBHOOK} if self.webhook else {}
        return found | ({self.folder: AS2} if self.as2 else {}) | dict.fromkeys(self.servers, SFTP)

    def place_of(self, way: str, set_id: str) -> tuple[str, str]:
        """The channel over which a transaction set goes, and the set if it has a folder of its own."""
        if way in (API, WEBHOOK):
            return f"{self.folder}/{way}", ""
        ways = [(name, one) for name, one in self.servers.items() if one.outbox and way == SFTP]
        ways.sort(key=lambda way: set_id not in way[1].sets)
        for name, one in ways:
            if set_id in one.sets or not one.sets:
                return name, set_id if set_id in one.outboxes else ""
        return self.folder, ""

    def receives(self, set_id: str) -> Receive | None:
        """What was agreed about a transaction set from the partner, None if nothing was."""
        return next((one for one in self.receive if one.set == set_id), None)

    def duplicates_of(self, set_id: str) -> Duplicates:
        """What is done with transaction sets that came before."""
        agreed = self.receives(set_id)
        return agreed.duplicates if agreed is not None and agreed.duplicates else self.duplicates

    def answers(self, functional_id: str) -> Form | None:
        """With what a functional group of the partner (GS01) is answered, None for nothing.

        What acknowledges is never answered; a group of which nothing was agreed gets a 997.
        """
        agreed = [one.answer for one in self.receive if GROUP_OF_SET.get(one.set) == functional_id]
        if functional_id == "FA" or None in agreed:
            return None
        return next(iter(agreed), "997")

    def sends(self, set_id: str) -> Send | None:
        """What was agreed about a transaction set for the partner, None if nothing was."""
        return next((one for one in self.send if one.set == set_id), None)


class Partners(dict[str, Partner]):
    """All partners of a home by their ids.

    Attributes:
        by_party: the same by what they call themselves on interchanges.

    Raises:
        ValueError: two partners share an identifier, so a sender could not be told.
    """

    def __init__(self, partners: Iterable[Partner]) -> None:
        super().__init__({one.id: one for one in partners})
        self.by_party: dict[PartyId, Partner] = {}
        for partner in self.values():
            for identifier in partner.identifiers:
                other = self.by_party.setdefault(identifier.party, partner)
                if other is not partner:
                    raise ValueError(
                        f"{other.id} and {partner.id} both claim {identifier.qualifier}/{identifier.id}: "
                        "a sender must belong to one partner"
                    )

    def nearest(self, partner_id: str) -> str | None:
        """The known id most like this one, for a message to somebody who mistyped it."""
        return next(iter(get_close_matches(partner_id, self, n=1)), None)

    def of_document(self, document: Mapping[str, Any]) -> Partner | str:
        """The partner a document is for, or a sentence that says why none can be told.

        A document names its partner (``partner_id`` or ``partner``), or else the receiver of its
        interchange (``control.receiver``). A name that is unknown is never replaced by another one.
        """
        for key in ("partner_id", "partner"):
            if (named := document.get(key)) is not None:
                near = self.nearest(str(named))
                advice = f" Did you mean {near!r}?" if near else ""
                return self.get(str(named)) or f"There is no partner {named!r} in partners/.{advice}"
        control = document.get("control")
        receiver = control.get("receiver") if isinstance(control, dict) else None
        if isinstance(receiver, dict):
            party = PartyId(str(receiver.get("qualifier")), str(receiver.get("id")))
            unknown = f"No partner in partners/ has the identifier {party.qualifier}/{party.id}."
            return self.by_party.get(party) or unknown
        return 'The document does not say whom it is for: add "partner_id" with the name of a partner file.'
