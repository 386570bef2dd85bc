"""Guides and mappings, loaded when first needed and kept compiled.

The library itself opens no file: it asks the ``load`` function it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any

from gateway.documents import KINDS
from gateway.errors import Ack, Fault, Level, Location, NotFoundError, Problem, Severity
from gateway.mapping.codegen import Functions
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import diagnose
from gateway.x12.guide import Guide, Loop, Release, Segment, parse_guide, parse_release
from gateway.x12.guideline import Guideline, Leniency, narrowed, parse_guideline
from gateway.x12.parser import ENVELOPE_RELEASE, TECHNICAL
from gateway.x12.table import Table, build

if TYPE_CHECKING:
    from gateway.mapping.body import BodyPlan
    from gateway.mapping.members import Forms
    from gateway.mapping.model import Mapping
    from gateway.mapping.plan import Plan
    from gateway.mapping.writegen import SetFunctions

SERVED = (("004010", "004010"), ("004030", "005010"), ("009", ""))
"""From which release on which guides serve those that have none of their own; 005010 has most of what came
with 004030 (text in MTX, for one), and no release has come to 009 yet."""

_OTHER_RELEASE = tuple(
    Leniency("another release may allow it", code)
    for code in ("X12-ELEMENT-LONG", "X12-ELEMENT-SHORT", "X12-ELEMENT-CODE")
)
"""Lengths and codes are what changes from release to release."""

_CONTROL = "x12.control.00401.xml"

Load = Callable[[str], bytes]
"""Gives the bytes of a resource such as ``schemas/x12/004010/codes.xml``; raises NotFoundError."""

MAX_RELEASES = 200
"""Releases remembered, also as not there; hostile files name more."""

SCHEMA_VERSION = "1"
"""Version of the internal documents' form."""


@dataclass(slots=True)
class SetEngine:
    """Checks sets of one guide; with a mapping it also makes their documents."""

    name: str
    table: Table
    functions: Functions
    plan: Plan | None = None
    leniencies: tuple[Leniency, ...] = ()
    _writer: SetFunctions | None = None

    @property
    def translates(self) -> bool:
        """Whether there is a mapping, so that a document can be made."""
        return self.plan is not None

    @property
    def writer(self) -> SetFunctions:
        """The generated writer of the mapping."""
        if self._writer is None:
            from gateway.mapping.writegen import SetFunctions

            assert self.plan is not None
            self._writer = SetFunctions(self.plan)
        return self._writer

    def check(
        self, segments: list[str], delimiters: Delimiters, document: dict[str, Any] | None
    ) -> tuple[Problem, ...] | None:
        """None if the set is not plainly right, else remarks: what the mapping kept in the extensions."""
        if self.plan is None or document is None:
            found = self.functions.run(segments, delimiters, {})
            if found is None:
                return self._leniently(segments, delimiters, None)
            return self._warnings(segments, delimiters, right=found[1])
        head = {"document_type": self.plan.mapping.document_type, "schema_version": SCHEMA_VERSION} | document
        document.clear()
        document.update(head)
        self.plan.put_constants(document)
        found = self.functions.run(segments, delimiters, document)
        if found is None:
            document.clear()
            document.update(head)
            return self._leniently(segments, delimiters, document)
        kept, right = found
        remarks = self._warnings(segments, delimiters, right=right)
        if self.plan.mapping.sums:
            remarks += _sums(self.plan, document)
        return (*remarks, _unmapped(kept)) if kept else remarks

    def explain(self, segments: list[str], delimiters: Delimiters, *, complete: bool = True) -> list[Problem]:
        """Every problem of a set; what the partner may do is told without weight."""
        found = diagnose(self.table, segments, delimiters, complete=complete).problems
        return [self._weighed(one) for one in found] if self.leniencies else found

    def _weighed(self, found: Problem) -> Problem:
        name = next((one.name for one in self.leniencies if one.covers(found.code, found.location)), None)
        if name is None or not found.is_error:
            return found
        message = f"{found.message} This is let pass: {name}."
        return replace(found, severity=Severity.WARNING, ack=Ack(), message=message)

    def _leniently(
        self, segments: list[str], delimiters: Delimiters, document: dict[str, Any] | None
    ) -> tuple[Problem, ...] | None:
        """The slow way for a set that is right but for what its partner may do; None for others."""
        if not self.leniencies:
            return None
        diagnosis = diagnose(self.table, segments, delimiters)
        problems = [self._weighed(one) for one in diagnosis.problems]
        if any(one.is_error for one in problems) or not problems:
            return None
        if self.plan is not None and document is not None:
            from gateway.mapping.reader import DocumentReader, Origin

            origins: list[Origin] = []
            self.plan.put_constants(document)
            DocumentReader(self.plan, document, origins).read(diagnosis.steps, delimiters)
            problems += _sums(self.plan, document)
            if kept := [one.source for one in origins if one.kind == "kept"]:
                problems.append(_unmapped(kept))
        return tuple(problems)

    def _warnings(self, segments: list[str], delimiters: Delimiters, *, right: bool) -> tuple[Problem, ...]:
        """What the diagnosis has to say about a set that is right but for its hash total."""
        return () if right else tuple(self.explain(segments, delimiters))


def _sums(plan: Plan, document: dict[str, Any]) -> tuple[Problem, ...]:
    """Warnings where a field is not the sum of its parts."""
    from gateway.mapping.problems import mapping_problem

    found = []
    for path, stated, total in plan.sums(document):
        if stated is not None and Decimal(stated) != total:
            name = ".".join(path)
            place = plan.addresses.get(name, "")
            told = mapping_problem("MAP-SUM", name, value=stated, total=format(total, "f"), address=place)
            found.append(told.at(pointer=f"/{'/'.join(path)}", segment=1, segment_id="ST"))
    return tuple(found)


def _unmapped(addresses: list[str]) -> Problem:
    """The remark that parts of a set are in no rule of its mapping."""
    shown = list(dict.fromkeys(addresses))
    count = "1 value is" if len(addresses) == 1 else f"{len(addresses)} values are"
    listed = ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
    return Problem(
        code="MAP-UNMAPPED",
        severity=Severity.INFO,
        level=Level.TRANSACTION_SET,
        message=f"{count} in no rule of the mapping, kept in extensions: {listed}.",
        hint="Nothing is lost. Add rules to the mapping if your system needs the values.",
        location=Location(segment=1, segment_id="ST"),
        fault=Fault.CONFIGURATION,
    )


class Library:
    """All guides and mappings, as they are or as one partner wants them (:meth:`of`).

    Args:
        load: gives the bytes of a resource.
        profile: the partner whose guidelines and mappings go before the shared ones.
        base: the library without a profile.
    """

    def __init__(self, load: Load, profile: str = "", base: Library | None = None) -> None:
        self._load = load
        self.profile = profile
        self._base = base
        self._releases: dict[str, Release | None] = {} if base is None else base._releases
        #: By file of the guide; engines also by whether it serves another release, and make documents.
        self._tables: dict[str, Table | None] = {}
        self._plans: dict[str, Plan | None] = {}
        self._engines: dict[tuple[str, bool, bool], SetEngine | None] = {}
        self._guidelines: dict[tuple[str, str], Guideline | None] = {}
        self._profiles: dict[str, Library] = {}
        self._bodies: dict[str, BodyPlan] = {}
        self._forms: dict[str, Forms] = {} if base is None else base._forms
        # Guide, mapping and functions know each other by identity: threads must not make two of them.
        self._making: RLock = RLock() if base is None else base._making

    def of(self, profile: str) -> Library:
        """The library as a partner wants it; the files are below ``partners/<profile>/``."""
        with self._making:
            if profile not in self._profiles:
                self._profiles[profile] = Library(self._load, profile, self) if profile else self
            return self._profiles[profile]

    def release(self, name: str) -> Release | None:
        """The release of that name, such as ``004010``; None if there is none."""
        with self._making:
            if name not in self._releases:
                if len(self._releases) > MAX_RELEASES:
                    self._releases.clear()
                folder = f"schemas/x12/{name}"
                try:
                    parts = [
                        self._load(f"{folder}/{file}") for file in ("maps.xml", "dataele.xml", "codes.xml")
                    ]
                except NotFoundError:
                    self._releases[name] = None
                else:
                    self._releases[name] = parse_release(name, *parts)
            return self._releases[name]

    def served_by(self, version: str) -> str:
        """The release whose guides serve a version (GS08), such as ``004010``; empty if none does.

        An industry variant (``004010VICS``) is served by its release, and a release without guides as
        :data:`SERVED` says. Before 004010 dates had six digits: nothing serves those.
        """
        name = version[:6]
        if not (name.isascii() and name.isdigit() and len(name) == 6):
            return ""
        if self.release(name) is not None:
            return name
        return max((one for one in SERVED if one[0] <= name), default=("", ""))[1]

    def table(self, version: str, set_id: str) -> Table | None:
        """The compiled guide for GS08 and ST01; None without one."""
        file = self._file(version, set_id)
        if file and file not in self._tables:
            with self._making:
                if file not in self._tables:
                    self._tables[file] = self._build(version, set_id, file)
        return self._tables[file] if file else None

    def _file(self, version: str, set_id: str) -> str:
        """The guide's file below ``schemas/x12``, empty without one; many versions have the same."""
        if set_id == TECHNICAL:
            return f"{ENVELOPE_RELEASE}/{_CONTROL}"
        name = self.served_by(version)
        release = self.release(name)
        maps = {} if release is None else release.maps
        file = maps.get((version, set_id)) or maps.get((name, set_id))
        return f"{name}/{file}" if file else ""

    def _build(self, version: str, set_id: str, file: str) -> Table | None:
        if set_id == TECHNICAL:
            return self._technical()
        name, _, title = file.partition("/")
        release = self.release(name)
        assert release is not None
        if self._base is not None:
            shared, guideline = self._base.table(version, set_id), self._guideline(name, set_id)
            if shared is None or guideline is None:
                return shared
            return build(narrowed(shared.guide, guideline))
        return build(parse_guide(title, self._load(f"schemas/x12/{file}"), release))

    def _guideline(self, release: str, set_id: str) -> Guideline | None:
        """The partner's guideline of a set; None without one."""
        key = (release, set_id)
        if key not in self._guidelines:
            name = f"schemas/partners/{self.profile}/{set_id}.{release}.xml"
            text = self._optional(name) if self.profile else None
            self._guidelines[key] = parse_guideline(name, text) if text else None
        return self._guidelines[key]

    def _technical(self) -> Table | None:
        """The TA1 of the control map as a transaction set of one segment."""
        segment = self.envelope_segment(TECHNICAL)
        if segment is None:
            return None
        # ST and SE are there for the walk alone.
        first, last = (Segment(name, "", "R", 1, segment.elements[:2]) for name in ("ST", "SE"))
        root = Loop("ST_LOOP", segment.name, "R", 1, (first, replace(segment, usage="R", max_use=1), last))
        return build(Guide(TECHNICAL, TECHNICAL, ENVELOPE_RELEASE, "", root))

    def plan(self, version: str, set_id: str) -> Plan | None:
        """The mapping of a set bound to its guide; None without mapping or guide."""
        file = self._file(version, set_id)
        if file and file not in self._plans:
            with self._making:
                if file not in self._plans:
                    self._plans[file] = self._bound(version, file.partition("/")[0], set_id)
        return self._plans[file] if file else None

    def _bound(self, version: str, release: str, set_id: str) -> Plan | None:
        table = self.table(version, set_id)
        name, text = f"x12/{release}/{set_id}", None
        if self._base is not None:
            own = f"partners/{self.profile}/{set_id}.{release}"
            text = self._optional(f"mappings/{own}.yaml")
            if text is None and table is self._base.table(version, set_id):
                return self._base.plan(version, set_id)
            name = own if text is not None else name
        if text is None:
            text = self._optional(f"mappings/{name}.yaml")
        if table is None or text is None:
            return None
        # A check alone needs nothing of mappings, and they are a third of its start-up.
        from gateway.mapping.model import parse_mapping
        from gateway.mapping.plan import bind

        return bind(parse_mapping(text, f"{name}.yaml", self.mapping_file), table)

    def _optional(self, name: str) -> bytes | None:
        try:
            return self._load(name)
        except NotFoundError:
            return None

    def mapping_file(self, name: str) -> bytes:
        """A mapping file by its path below ``mappings/``; raises NotFoundError."""
        return self._load(f"mappings/{name}.yaml")

    def body(self, name: str) -> BodyPlan:
        """The mapping of a JSON body, such as ``order``, with its form.

        Raises:
            NotFoundError: there is no such mapping.
        """
        with self._making:
            if name not in self._bodies:
                own = self.profile and self._optional(f"mappings/partners/{self.profile}/{name}.sp_api.yaml")
                if not own and self._base is not None:
                    self._bodies[name] = self._base.body(name)
                else:
                    from gateway.mapping.model import parse_mapping

                    text = own or self._load(f"mappings/sp_api/{name}.yaml")
                    mapping = parse_mapping(text, f"{name}.yaml", self.mapping_file)
                    self._bodies[name] = self.body_plan(mapping)
            return self._bodies[name]

    def body_plan(self, mapping: Mapping) -> BodyPlan:
        """A mapping with the form of its body; NotFoundError if there is no such form."""
        from gateway.mapping.body import BodyPlan
        from gateway.mapping.members import parse_forms

        file, _, root = mapping.guide.rpartition("/")
        if file not in self._forms:
            self._forms[file] = parse_forms(self._load(f"schemas/{file}.yaml"), file)
        if root not in self._forms[file].objects:
            raise NotFoundError(f"There is no form {mapping.guide}.")
        return BodyPlan(mapping, self._forms[file], root)

    def engine(self, version: str, set_id: str, *, documents: bool) -> SetEngine | None:
        """What checks (and with ``documents`` translates) sets of this version and kind."""
        table = self.table(version, set_id)
        if table is None:
            return None
        nearest = set_id != TECHNICAL and not version.startswith(table.guide.release)
        key = (self._file(version, set_id), nearest, documents)
        if key not in self._engines:
            plan = self.plan(version, set_id) if documents else None
            own = self._guideline(table.guide.release, set_id)
            if own is None and self._base is not None and plan is self._base.plan(version, set_id):
                self._engines[key] = self._base.engine(version, set_id, documents=documents)
                return self._engines[key]
            name = f"{table.guide.set_id}.{table.guide.release}"
            made = SetEngine(f"{self.profile}/{name}" if own else name, table, Functions(table, plan), plan)
            made.leniencies = (own.leniencies if own else ()) + (_OTHER_RELEASE if nearest else ())
            self._engines[key] = made
        return self._engines[key]

    def mapping_for(self, document_type: str, release: str) -> Plan:
        """The plan that writes a document of this type; without a release, for an interchange without groups.

        Raises:
            NotFoundError: no mapping for the type in the release.
        """
        found = self.release(self.served_by(release))
        usual = KINDS[document_type].set_id if document_type in KINDS else ""
        # A guide of the very version goes before those of its release: 005010X231A1 is a 999, 005010 a 997.
        # Then comes the usual set of the type, as each look at another one loads its guide.
        maps = sorted(found.maps, key=lambda one: (one[0] != release, one[1] != usual, one)) if found else []
        for _, set_id in maps if release else [("", TECHNICAL)]:
            plan = self.plan(release, set_id)
            if plan is not None and plan.mapping.document_type == document_type:
                return plan
        raise NotFoundError(
            f"There is no mapping for documents of type {document_type!r} in release {release}.",
            code="MAP-NO-MAPPING",
        )

    @cached_property
    def _envelope(self) -> dict[str, Segment]:
        release = self.release(ENVELOPE_RELEASE)
        if release is None:
            return {}
        text = self._load(f"schemas/x12/{ENVELOPE_RELEASE}/{_CONTROL}")
        found: dict[str, Segment] = {}
        loops = [parse_guide(_CONTROL, text, release, root_id="ISA_LOOP").root]
        for loop in loops:
            for child in loop.children:
                if isinstance(child, Loop):
                    loops.append(child)
                else:
                    found.setdefault(child.id, child)
        return found

    def envelope_segment(self, name: str) -> Segment | None:
        """The definition of ISA, GS, GE, IEA or TA1."""
        return self._envelope.get(name)
