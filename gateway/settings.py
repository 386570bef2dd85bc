"""The settings of a home: ``gateway.yaml`` and ``partners/*.yaml``, checked as a whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from pydantic import ValidationError

from gateway import resources
from gateway.errors import ConfigurationError, NotFoundError, Problem
from gateway.gateway_settings import Erp, ErpForm, GatewaySettings, Profile
from gateway.notify.rules import Alerts
from gateway.partners.agreement import Rules
from gateway.partners.assist import Assist
from gateway.partners.calendar import Calendar, Slots
from gateway.partners.gs1 import Gs1Prefix
from gateway.partners.partner import API, WEBHOOK, Identifier, Partner, Partners
from gateway.partners.setting import adapter
from gateway.partners.sftp import Sftp
from gateway.partners.webhook import Webhook
from gateway.reconciliation.profile import Profile as Reconciliation
from gateway.routing.table import Routes
from gateway.rules.rule import Applied, Rule
from gateway.secrets import secret
from gateway.settings_file import explained, mistake, read_file

GATEWAY_FILE, ALERTS_FILE, PARTNERS_FOLDER, ROUTES_FILE = (
    *("gateway.yaml", "alerts.yaml"),
    *("partners", "routes.yaml"),
)
RECONCILIATION, OFF = "config/reconciliation", "off"
DATA, DATABASE, PAYLOADS, LOCK, FOLDERS, KEYS = "data", "gateway.db", "payloads", "lock", "folders", "keys"
CHECKPOINTS, AUDIT_KEY, AS2_KEYS, SPOOL = "checkpoints.jsonl", "audit.pem", "as2", "spool"
ERRANDS = "errands"
"""Names inside a home."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a home says about how to work. ``rules``: those that hold, by partner."""

    gateway: GatewaySettings
    partners: Partners
    routes: Routes = field(default_factory=Routes)
    alerts: Alerts = field(default_factory=Alerts)
    rules: Mapping[str, tuple[Applied, ...]] = field(default_factory=dict)
    reconciliation: Mapping[str, Reconciliation] = field(default_factory=dict)
    """How remittances are read, by the partners whose are reconciled."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Folders below ``folders/``: the ERP's first, then those of the partners."""
        ours = (one.channel for one in self.gateway.erp.channels)
        return (*ours, *(partner.folder for partner in self.partners.values()))

    @property
    def servers(self) -> dict[str, Sftp]:
        """The SFTP servers of all partners, by their channels."""
        return {name: one for partner in self.partners.values() for name, one in partner.servers.items()}

    @property
    def webhooks(self) -> dict[str, Webhook]:
        """The URLs that documents go to, by their channels."""
        ours = {one.outlet: one.webhook for one in self.gateway.erp.channels if one.webhook}
        theirs = {f"{one.folder}/{WEBHOOK}": one.webhook for one in self.partners.values() if one.webhook}
        return ours | theirs

    @property
    def markers(self) -> dict[str, str]:
        """By channel the end of names that say that a file is complete; empty where none is agreed."""
        ours = {one.channel: one.marker for one in self.gateway.erp.channels}
        return ours | {one.folder: one.marker for one in self.partners.values()}

    def gs1_prefix(self, named: str = "") -> Gs1Prefix | None:
        """The prefix that is named, or the first; None if it is not there."""
        prefixes = self.gateway.company.gs1_prefixes
        return next((one for one in prefixes if named in ("", one.prefix)), None)

    def calendar(self, name: str) -> Calendar | None:
        """The calendar of that name."""
        return next((one for one in self.gateway.calendars if one.name == name), None)

    @property
    def schedules(self) -> dict[str, Slots]:
        """What has times of its own, by the keys of the jobs that are then done."""
        rules = {f"poll:{one.channel}": one.poll for one in self.gateway.erp.channels}
        for partner in self.partners.values():
            keys = [f"fetch:{name}" for name, one in partner.servers.items() if one.inboxes]
            keys += [f"orders:{name}" for name, way in partner.channels.items() if way == API]
            rules |= dict.fromkeys(keys or [f"poll:{partner.folder}"], partner.poll)
            rules |= {f"close:{partner.id}|{one.set}": one.batch.close for one in partner.send if one.batch}
        return {key: Slots(one, self.calendar(one.calendar)) for key, one in rules.items() if one}

    def assist(self, partner: str) -> Assist:
        """What documents that are made here say to a partner."""
        return (self.partners[partner].assist if partner in self.partners else None) or self.gateway.assist

    def us(self, partner: Partner) -> Identifier:
        """Our identifier as this partner knows it."""
        return partner.us or self.gateway.company.identifier

    def as2_names(self, partner: Partner) -> tuple[str, str]:
        """Our AS2 name as this partner, with whom there is AS2, knows it, and the partner's."""
        assert partner.as2 is not None
        return partner.as2.us or self.gateway.as2.id, partner.as2.id

    def by_as2(self, sender: str, receiver: str) -> Partner | None:
        """The partner whose message has these names in AS2-From and AS2-To; both count exactly."""
        names = (receiver, sender)
        return next((one for one in self.partners.values() if one.as2 and self.as2_names(one) == names), None)


def database_url(home: Path, settings: Settings) -> str:
    """Where the store is: EDIGW_DATABASE_URL, what gateway.yaml says, or the SQLite file in the home.

    Raises:
        ConfigurationError: the password that EDIGW_DATABASE_PASSWORD_FILE names is not there.
    """
    said = os.environ.get("EDIGW_DATABASE_URL") or settings.gateway.storage.database
    if said and (file := os.environ.get("EDIGW_DATABASE_PASSWORD_FILE")):
        password = quote(secret(f"file:{file}", home), safe="")
        said = re.sub(r"^([\w+]+://)(?:([^/@:]*)(?::[^/@]*)?@)?", rf"\1\2:{password}@", said, count=1)
    return said or f"sqlite:///{home / DATA / DATABASE}"


def load(home: Path, texts: Mapping[str, str] | None = None) -> Settings:
    """Reads and checks all settings of a home.

    Args:
        texts: by the ids of partners, what is checked in place of their files, or as if they had one.

    Raises:
        ConfigurationError: with every problem of every file.
    """
    if not (home / GATEWAY_FILE).is_file():
        raise ConfigurationError(
            f"{home} is no home of the gateway: it has no {GATEWAY_FILE}. `edigw init {home}` makes one."
        )
    problems: list[Problem] = []
    gateway = read_file(home / GATEWAY_FILE, GATEWAY_FILE, GatewaySettings, problems)
    if gateway:
        gateway = replace(gateway, erp=_with_profiles(home, gateway.erp, problems))
    folders = {one.channel for one in gateway.erp.channels} if gateway else set()
    found: list[Partner] = []
    users: dict[str, str] = {}
    texts = texts or {}
    for name in sorted({*texts, *(path.stem for path in (home / PARTNERS_FOLDER).glob("*.yaml"))}):
        shown = f"{PARTNERS_FOLDER}/{name}.yaml"
        partner = read_file(home / shown, shown, Partner, problems, texts.get(name), id=name)
        if partner is None:
            continue
        found.append(partner)
        if (account := partner.sftp_account) and (other := users.setdefault(account.user, shown)) != shown:
            hint = "Give each partner a user of its own, or its files would go to another."
            problems.append(mistake(f"{shown}: sftp_account: {other} has the user {account.user!r}.", hint))
        if partner.folder in folders:
            hint = "Give each partner, and the ERP, a channel of its own."
            problems.append(mistake(f"{shown}: the channel {partner.folder!r} is in use already.", hint))
        folders.add(partner.folder)
    alerts: Alerts | None = Alerts()
    if (home / ALERTS_FILE).exists():
        alerts = read_file(home / ALERTS_FILE, ALERTS_FILE, Alerts, problems)
    partners = Partners(())
    try:
        partners = Partners(found)
    except ValueError as error:
        problems.append(mistake(f"{PARTNERS_FOLDER}/: {error}"))
    if gateway:
        problems += _about_as2(Settings(gateway, partners))
        problems += _about_calendars(Settings(gateway, partners))
        problems += (
            mistake(
                f"{PARTNERS_FOLDER}/{one.id}.yaml: labels: there is no such prefix.",
                f"SSCCs are given from company.gs1_prefixes of {GATEWAY_FILE}.",
            )
            for one in partners.values()
            if (one.labels.sscc == "fill" or one.labels.gs1_prefix)
            and Settings(gateway, partners).gs1_prefix(one.labels.gs1_prefix) is None
        )
        problems += (
            mistake(
                f"{GATEWAY_FILE}: erp.channels: there is no partner {one.partner!r} in {PARTNERS_FOLDER}/."
            )
            for one in gateway.erp.channels
            if one.partner and one.partner not in partners
        )
    problems += (
        mistake(f"{ALERTS_FILE}: rule {rule.name}: there is no partner {one!r} in {PARTNERS_FOLDER}/.")
        for rule in (alerts.rules if alerts else ())
        for one in rule.partners
        if one not in partners
    )
    routes = Routes()
    if (home / ROUTES_FILE).exists():
        routes = read_file(home / ROUTES_FILE, ROUTES_FILE, Routes, problems) or routes
    rules = {one.id: rules_of(home, one, problems) for one in found if one.rules != Rules()}
    names = sorted({one.reconciliation for one in found})
    profiles = {name: _reconciliation(home, name, problems) for name in names}
    if problems or gateway is None or alerts is None:
        raise ConfigurationError(f"The settings in {home} are not usable.", problems=tuple(problems))
    read = {one.id: profile for one in found if (profile := profiles[one.reconciliation])}
    return Settings(gateway, partners, routes=routes, alerts=alerts, rules=rules, reconciliation=read)


def _reconciliation(
    home: Path, name: str, problems: list[Problem], above: tuple[str, ...] = ()
) -> Reconciliation | None:
    """A profile with what it extends; None for ``off``, or with its problems added."""
    if name == OFF:
        return None
    shown = f"{RECONCILIATION}/{name}.yaml"
    if name in above:
        problems.append(mistake(f"{shown}: it extends itself, by way of {' and '.join(above)}."))
        return None
    try:
        path = resources.find(shown, [home / "config"])
    except NotFoundError:
        known = ", ".join(Path(one).stem for one in resources.listing(RECONCILIATION, "*.yaml"))
        what = f"{PARTNERS_FOLDER}/: reconciliation: there is no profile {name!r}."
        problems.append(mistake(what, f"Known: {known}; {OFF} reconciles nothing."))
        return None
    found = read_file(path, shown, Reconciliation, problems)
    if found is None or not found.extends:
        return found
    base = _reconciliation(home, found.extends, problems, (*above, name))
    return found.on(base) if base else None


def read_routes(path: Path) -> Routes:
    """Another table than that of the home. Raises ConfigurationError."""
    problems: list[Problem] = []
    routes = read_file(path, path.name, Routes, problems)
    if routes is None:
        raise ConfigurationError(f"{path} is no table of routes.", problems=tuple(problems))
    return routes


def rules_of(home: Path | None, partner: Partner, problems: list[Problem]) -> tuple[Applied, ...]:
    """The rules that hold for a partner; what is wrong with them is added to the problems."""
    from gateway.rules.own import OwnRule
    from gateway.rules.profile import RuleProfile, resolved

    said, shown = partner.rules, f"{PARTNERS_FOLDER}/{partner.id}.yaml: rules"
    profile, own = None, list[OwnRule]()
    if said.profile:
        name = f"config/rules/{said.profile}.yaml"
        try:
            path = resources.find(name, [home / "config"] if home else [])
        except NotFoundError:
            known = ", ".join(Path(one).stem for one in resources.listing("config/rules", "*.yaml"))
            problems.append(mistake(f"{shown}: there is no profile {said.profile!r}.", f"Known: {known}."))
        else:
            profile = read_file(path, name, RuleProfile, problems)
    for number, one in enumerate(said.own, 1):
        try:
            own.append(adapter(OwnRule).validate_python(one))
        except ValidationError as error:
            for wrong in error.errors():
                where = (*("own", number - 1), *wrong["loc"])
                problems.append(explained(f"{shown}", 0, where, wrong["type"], wrong["msg"], RuleProfile))
    names = {name for name, given in (("change", said.change), ("own", own)) if given}
    told = f"{shown}.change" if "change" in names else shown
    return resolved(
        all_rules(), profile, said.change, own, lambda words: problems.append(mistake(f"{told}: {words}."))
    )


def all_rules() -> dict[str, Rule]:
    """The rules that came with the gateway, and those of installed packages (entry points ``edigw.rules``).

    Raises:
        ConfigurationError: a package's rule has the name of another, or is none.
    """
    from importlib.metadata import entry_points

    from gateway.rules import RULES

    found = dict(RULES)
    for entry in entry_points(group="edigw.rules"):
        loaded = entry.load()
        for one in [loaded] if isinstance(loaded, Rule) else loaded:
            if not isinstance(one, Rule) or found.setdefault(one.id, one) is not one:
                what = f"The package behind the entry point {entry.name} of edigw.rules"
                raise ConfigurationError(f"{what} has a rule whose name is taken, or something that is none.")
    return found


def _with_profiles(home: Path, erp: Erp, problems: list[Problem]) -> Erp:
    """The settings of the ERP with the forms of its profiles in each channel."""
    channels = []
    for one in erp.channels:
        forms, shown = one.forms, f"config/erp/{one.profile}.yaml"
        if one.profile:
            try:
                path = resources.find(shown, [home / "config"])
            except NotFoundError:
                known = ", ".join(Path(name).stem for name in resources.listing("config/erp", "*.yaml"))
                what = f"{GATEWAY_FILE}: erp.channels: there is no profile {one.profile!r}."
                problems.append(mistake(what, f"Known: {known}."))
            else:
                profile = read_file(path, shown, Profile, problems)
                forms += profile.forms if profile else ()
        channels.append(replace(one, forms=forms or (ErpForm(),)))
    return replace(erp, channel="erp", test_channel="", channels=tuple(channels))


def _about_as2(settings: Settings) -> Iterator[Problem]:
    """What is wrong with AS2 though each file is right in itself."""
    known: dict[tuple[str, str], str] = {}
    for partner in settings.partners.values():
        if partner.as2 is None:
            continue
        shown, names, ours = (
            f"{PARTNERS_FOLDER}/{partner.id}.yaml",
            settings.as2_names(partner),
            settings.gateway.as2,
        )
        if not names[0]:
            hint = f"Write as2.id in {GATEWAY_FILE}, or as2.us here if only this partner knows you so."
            yield mistake(f"{shown}: as2: there is no AS2 name of your own.", hint)
        elif (other := known.setdefault(names, shown)) != shown:
            hint = "Only one of them can have it, or it could not be told whose a message is."
            words = (
                f"as2: {other} has the same AS2 names, {names[1]!r} for the partner and {names[0]!r} for you."
            )
            yield mistake(f"{shown}: {words}", hint)
        if partner.as2.receipt.mode == "async" and not (ours.listen and ours.public_url):
            hint = (
                f"Write as2.listen and as2.public_url in {GATEWAY_FILE}, or choose receipts of the mode sync."
            )
            yield mistake(f"{shown}: as2.receipt: asynchronous receipts could not arrive.", hint)


def _about_calendars(settings: Settings) -> Iterator[Problem]:
    """Calendars that stand twice, or are named and not there."""
    known = [one.name for one in settings.gateway.calendars]
    for name in {one for one in known if known.count(one) > 1}:
        yield mistake(f"{GATEWAY_FILE}: calendars: {name!r} stands twice.")
    asked = [(f"{key}: its times", one.when.calendar) for key, one in settings.schedules.items()]
    asked += [
        (f"{PARTNERS_FOLDER}/{one.id}.yaml: deadlines", one.deadlines.calendar)
        for one in settings.partners.values()
    ]
    for where, name in asked:
        if name and name not in known:
            hint = f"Known in {GATEWAY_FILE}: {', '.join(known) or 'none'}."
            yield mistake(f"{where}: there is no calendar {name!r}.", hint)
