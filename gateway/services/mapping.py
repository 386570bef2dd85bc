"""Mappings as files: which there are, what is wrong with them, their tests, and how they work on a sample.

Nothing is stored. A text may stand in the place of a file, for what is asked here and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import unified_diff
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import resources
from gateway.errors import ConfigurationError, DocumentError, EdiError, MappingError, NotFoundError, Problem
from gateway.mapping.trial import origins

if TYPE_CHECKING:
    from gateway.gateway_settings import Erp
    from gateway.mapping.library import Library
    from gateway.mapping.reader import Origin
    from gateway.x12.annotate import AnnotatedSet
    from gateway.x12.table import Table

_FOLDERS = ("mappings/x12", "mappings/sp_api", "mappings/partners")
BLOCKS = "blocks.yaml"
MAX_SAMPLE, MAX_TEXT, MAX_SETS = 1_000_000, 200_000, 20
"""Bytes of a sample and characters of a mapping that are tried, and sets of a sample that are shown."""


def listing(overrides: Sequence[Path]) -> list[str]:
    """The mappings and files of blocks that are installed, as ``mappings/x12/004010/850``."""
    found = [one for folder in _FOLDERS for one in resources.listing(folder, "*.yaml", overrides)]
    return [one.removesuffix(".yaml") for one in found if not one.endswith(".test.yaml")]


def findings(name: str, text: bytes, library: Library) -> list[Problem]:
    """What is wrong with a mapping, or a file of blocks, by its path."""
    from gateway.mapping.check import check_mapping, check_shared

    if name.endswith(BLOCKS):
        return check_shared(text, Path(name).parent.name)

    def table_of(guide: str) -> Table | None:
        kind, _, rest = guide.partition("/")
        release, _, set_id = rest.partition("/")
        return library.table(release, set_id) if kind == "x12" and set_id else None

    return check_mapping(text, table_of, _fields_of, library.mapping_file, library.body_plan)


def _fields_of(document_type: str) -> Collection[str] | None:
    from gateway.documents.fields import field_paths

    with suppress(NotFoundError):
        return field_paths(document_type)
    return None


def tested(name: str, text: bytes, tests: bytes, library: Library) -> list[dict[str, Any]]:
    """The tests beside a mapping (by its path), each with its ``differences``."""
    from gateway.mapping.model import parse_mapping
    from gateway.mapping.trial import parse_trials, run_trial

    done = []
    try:
        mapping = parse_mapping(text, name, library.mapping_file)
        used = library.of(name.split("/")[2]) if name.startswith("mappings/partners/") else library
        for trial in parse_trials(tests):
            different = run_trial(trial, used, mapping.guide, mapping.document_type)
            done.append({"name": trial.name, "differences": [one.to_dict() for one in different]})
    except MappingError as error:
        fault = {"place": "", "expected": None, "found": str(error)}
        done.append({"name": name, "differences": [fault]})
    return done


def check_own(home: Path, erp: Erp) -> None:
    """Compiles what is in the folders ``mappings`` and ``schemas`` of a home, before it is put to work.

    Raises:
        ConfigurationError: something cannot be used; the message names the file.
    """
    from gateway.mapping.library import Library
    from gateway.services.erp import Forms

    layers = (home / "mappings", home / "schemas")
    library = Library(lambda name: resources.find(name, layers).read_bytes())
    Forms.load(erp, layers[:1])
    own = sorted(one.relative_to(home) for layer in layers for one in layer.rglob("*.*ml"))
    blocks = [one for one in own if one.name == BLOCKS]  # on which all others stand
    for path in [*own, *(Path(f"{one}.yaml") for one in listing(layers[:1]) if blocks)]:
        if path.name.endswith((".test.yaml", BLOCKS)):
            continue
        kind, folder, *below = path.parts
        set_id, _, release = path.stem.partition(".")
        try:
            if folder in ("x12", "partners") and len(below) > 1:
                used = library.of(below[0] if folder == "partners" else "")
                release = below[0] if folder == "x12" else release
                known = used.release(release)
                named = [one for one, file in (known.maps if known else {}).items() if file == path.name]
                for version, name in named or [(release, set_id)]:
                    used.engine(version, name, documents=True)
            elif (kind, folder) == ("mappings", "sp_api"):
                library.body(set_id)
        except Exception as error:  # whatever it is, it would stop messages later
            words = str(error) or type(error).__name__
            blamed = path if path in own else " or ".join(map(str, blocks))
            raise ConfigurationError(f"{blamed} cannot be used: {words}") from error


# --- on a page -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tried:
    """What a mapping makes of a sample.

    Attributes:
        direction: ``read`` (into documents) or ``write`` (a document into X12 or a body).
        sets: for each transaction set or body what `edigw map trace --json` says of it, and its ``document``.
        x12: what was written; None where nothing was. problems: of the whole. annotated: the sets in lines.
    """

    direction: str
    sets: list[dict[str, Any]] = field(default_factory=list)
    x12: str | None = None
    problems: list[Problem] = field(default_factory=list)
    annotated: list[AnnotatedSet] = field(default_factory=list)


class Trial:
    """A mapping that is looked at, as it is or with another text.

    Args:
        name: as ``x12/004010/850``. instead: the text in the place of the file.

    Raises:
        NotFoundError: there is no such mapping.
    """

    def __init__(self, name: str, overrides: Sequence[Path], instead: str | None = None) -> None:
        self.path, self._overrides = f"mappings/{name}", overrides
        if self.path not in listing(overrides) or name.endswith("/blocks"):
            raise NotFoundError(f"There is no mapping {name}.")
        self.name, self.live = name, self._load(f"{self.path}.yaml")
        self.text = self.live if instead is None else instead.encode("utf-8", "replace")
        if len(self.text) > MAX_TEXT:
            raise DocumentError(f"The text has more than {MAX_TEXT // 1000} KB.")

    def _load(self, relative: str) -> bytes:
        if relative == f"{self.path}.yaml" and hasattr(self, "text"):
            return self.text
        return resources.find(relative, self._overrides).read_bytes()

    @property
    def profile(self) -> str:
        """Whose mapping it is; empty for a shared one."""
        return self.name.split("/")[1] if self.name.startswith("partners/") else ""

    @cached_property
    def library(self) -> Library:
        """Guides and mappings as they are on disk, with this text; those at work are left alone."""
        from gateway.mapping.library import Library

        return Library(self._load)

    @property
    def is_overlay(self) -> bool:
        """Whether it extends another."""
        return bool(_top(self.text, "extends"))

    @cached_property
    def findings(self) -> list[Problem]:
        """See :func:`findings`."""
        return findings(f"{self.path}.yaml", self.text, self.library)

    def tests(self) -> list[dict[str, Any]] | None:
        """See :func:`tested`; None where none stand beside it."""
        try:
            tests = self._load(f"{self.path}.test.yaml")
        except NotFoundError:
            return None
        return tested(f"{self.path}.yaml", self.text, tests, self.library)

    def changes(self) -> list[str]:
        """The lines in which the text differs from the file."""
        live, text = (one.decode("utf-8", "replace").splitlines() for one in (self.live, self.text))
        return [*unified_diff(live, text, "live", "tried", lineterm="")]

    def overlay(self) -> tuple[str, list[dict[str, str | None]]]:
        """What it extends, and the rules in which they differ: ``field``, ``base`` and ``here``."""
        from gateway.mapping.statement import stated

        library = self.library
        with suppress(EdiError, ValueError, RecursionError):
            base = _top(self.text, "extends")
            if base:
                rules = [
                    _flat({key: found[key] for key in ("fields", "computed") if key in found})
                    for found in (
                        stated(library.mapping_file(base), library.mapping_file),
                        stated(self.text, library.mapping_file),
                    )
                ]
                names = [*rules[1], *(one for one in rules[0] if one not in rules[1])]
                rows = [{"field": one, "base": rules[0].get(one), "here": rules[1].get(one)} for one in names]
                return base, [one for one in rows if one["base"] != one["here"]]
        return "", []

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Its ``document_type`` and ``guide``, as far as they can be read."""
        from gateway.mapping.model import read_mapping

        with suppress(EdiError, ValueError, RecursionError):
            found = read_mapping(self.text, self.library.mapping_file)[0]
            return {"document_type": found.document_type, "guide": found.guide}
        return {"document_type": "", "guide": ""}

    def run(self, sample: bytes) -> Tried:
        """What it makes of a sample: X12, segments without an envelope, a document, or a body of the SP-API.

        Raises:
            DocumentError: the sample is nothing of that, or too large; or the mapping has errors.
        """
        if len(sample) > MAX_SAMPLE:
            raise DocumentError(f"The sample has more than {MAX_SAMPLE // 1_000_000} MB.")
        if wrong := [one for one in self.findings if one.is_error]:
            raise DocumentError("The mapping has errors; nothing was tried.", problems=tuple(wrong))
        guide, library = self.facts["guide"], self.library.of(self.profile)
        text = sample.decode("utf-8-sig", "replace").strip()
        if text[:1] == "{":
            return self._json(text, guide, library)
        if not text:
            raise DocumentError("The sample is empty.")
        if not guide.startswith("x12/"):
            raise DocumentError("This mapping is of JSON bodies; the sample is none.")
        if not text.startswith("ISA"):
            from gateway.mapping.trial import enveloped

            sample = enveloped(text, guide).encode("latin-1", "replace")
        return self._read(sample, library, Tried("read"))

    def _read(self, sample: bytes, library: Library, tried: Tried) -> Tried:
        from gateway import engine
        from gateway.x12.annotate import Annotator
        from gateway.x12.envelope import TransactionSet

        annotator = Annotator(library)
        for event in engine.read(sample, guides=library):
            if not isinstance(event, TransactionSet):
                tried.problems += getattr(event, "problems", ())
                continue
            found, reason = origins(event, library)
            if len(tried.sets) == MAX_SETS:
                raise DocumentError(f"The sample has more than {MAX_SETS} transaction sets.")
            about = {name: getattr(event, name) for name in ("set_id", "control_number", "guide", "document")}
            tried.sets.append(_told(len(tried.sets) + 1, found, event.problems, reason, about))
            tried.annotated.append(annotator.set(event))
        if not tried.sets and not tried.problems:
            raise DocumentError("There is no transaction set in the sample.")
        return tried

    def _json(self, text: str, guide: str, library: Library) -> Tried:
        from gateway.mapping.body import BodyReader, decode, encode, faults
        from gateway.mapping.library import SCHEMA_VERSION
        from gateway.mapping.trial import DELIMITERS, enveloped
        from gateway.mapping.writer import write_set
        from gateway.sp_api import bodies_in, kind_of, write_body

        try:
            given = decode(text.encode())
        except (ValueError, RecursionError) as error:
            raise DocumentError(f"The sample is not JSON: {error}.") from None
        if not isinstance(given, dict):
            raise DocumentError("The sample is no object in braces.")
        document_type = self.facts["document_type"]
        if not guide.startswith("x12/"):
            kind = self.name.rpartition("/")[2].partition(".")[0]
            if given.get("document_type"):
                written = write_body(json.loads(text), library, kind=kind)
                return Tried("write", [], encode(written.body), list(written.problems))
            tried = Tried("read")
            if kind_of(given) != kind:
                raise DocumentError(f"The sample is no body of the kind {kind}.")
            plan = library.body(kind)
            for number, one in enumerate(bodies_in(kind, given), 1):
                reader = BodyReader(plan, traced=True)
                about = {"set_id": kind, "control_number": "", "guide": guide, "document": reader.read(one)}
                tried.sets.append(_told(number, reader.origins, faults(plan, one, inbound=True), "", about))
            return tried
        given = {"document_type": document_type, "schema_version": SCHEMA_VERSION} | json.loads(text)
        if given["document_type"] != document_type:
            raise DocumentError(
                f"The sample is a {given['document_type']}, the mapping of a {document_type}."
            )
        _, release, set_id = guide.split("/")
        engine = library.engine(release, set_id, documents=True)
        assert engine is not None
        try:
            segments = write_set(engine, given, DELIMITERS)
        except DocumentError as error:
            return Tried("write", problems=list(error.problems))
        # Each rule says both ways: what reads a value back is what wrote it.
        written_text = enveloped("~".join(segments), guide)
        return self._read(
            written_text.encode("latin-1", "replace"), library, Tried("write", x12=written_text)
        )


def _told(
    number: int, found: Sequence[Origin], problems: Sequence[Problem], reason: str, about: dict[str, Any]
) -> dict[str, Any]:
    lists: dict[str, Sequence[Any]] = {"origins": found, "problems": problems}
    told = {name: [one.to_dict() for one in some] for name, some in lists.items()}
    return {"number": number, **about, "reason": reason or None, **told}


def _top(text: bytes, key: str) -> str:
    """A text at the top of a mapping file; empty without it."""
    found = re.search(rb"(?m)^" + key.encode() + rb":[ \t]*([\w./-]+)", text)
    return found[1].decode() if found else ""


def _flat(rules: Any, prefix: str = "") -> dict[str, str]:
    """Rules by the whole names of their fields."""
    found: dict[str, str] = {}
    for name, one in rules.items():
        at = f"{prefix}.{name}" if prefix else str(name)
        found |= _flat(one, at) if isinstance(one, dict) else {at.removeprefix("fields."): str(one or "~")}
    return found


def shown_json(document: Any) -> bytes:
    """A document as a sample."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode()
