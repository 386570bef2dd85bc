"""The documentation is true: its commands are run, its links followed, its lists compared with the program.

A fenced block ``console`` holds commands (lines that begin with ``$ ``) and what they print; all blocks of a
page run one after another in one empty folder, with ``CLONE`` naming this source tree. A line of dots stands
for any lines, dots inside a line for any text. A block such as ``yaml file=partners/a.yaml`` is written to
that file first.

``python -m tests.test_docs`` writes the generated tables anew.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gateway.as2.problems import CATALOGUE as AS2_PROBLEMS
from gateway.cli.exit_codes import ExitCode
from gateway.cli.main import parser
from gateway.documents import document_types, model_for
from gateway.documents.common import Document
from gateway.documents.schema import resolved
from gateway.engine import library
from gateway.mapping.converters import NAMES
from gateway.mapping.model import Field
from gateway.notify.events import EVENTS
from gateway.observability import metrics
from gateway.partners.as2 import QUIRKS
from gateway.rules import RULES
from gateway.services.explain import entries
from gateway.settings import rules_of
from gateway.simulator.script import Script
from gateway.sp_api import KINDS
from tests import forked
from tests.ports import free_port
from tests.reference import FILES, api_table, endpoints, kinds_within, setting_table, written_fields
from tests.rules import PROFILES, partner
from tests.schemas import document_schema

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
MARK = "--- end of command ---"

_BLOCK = re.compile(r"^```(console|\w+ file=(\S+))\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ADDRESS = re.compile(r"127\.0\.0\.1:\d{4,5}")
"""Where a page listens; a test listens at a port that nobody uses instead."""
_DATABASE = "postgresql://edigw@db.example/edigw"
"""The database of pages; a test takes one of its own."""
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_VARYING = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+\d\d:\d\d|Z)", "TIME"),
    (r"\d{8}T\d{12}-[0-9a-f]{8}", "MESSAGE"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r"_[0-9a-f]{8}\.json", "_ID.json"),
    (r"\*\d{6}\*\d{4}\*U\*", "*DATE*TIME*U*"),
    (r"\*\d{8}\*\d{4}(\*\d+\*X\*)", r"*DATE*TIME\1"),
)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- commands --------------------------------------------------------------------------------------------


def blocks(page: Path) -> list[tuple[str, str]]:
    """Files to write (name, content) and console blocks ("", text) of a page, in order."""
    found = [(match[2] or "", match[3]) for match in _BLOCK.finditer(page.read_text("utf-8"))]
    return [(file, text) for file, text in found if file or text.startswith("$ ")]


def steps(text: str) -> list[tuple[str, list[str]]]:
    """The commands of a block, each with the lines it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def run(commands: list[str], folder: Path, programs: Path) -> list[str]:
    """What each command prints, output and errors as a terminal shows them."""
    script = "".join(f'{one}\nleft=$?; printf "\\n{MARK}\\n"; (exit $left)\n' for one in commands)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "CLONE": str(ROOT),
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    return done.stdout.decode("utf-8", "replace").split(f"\n{MARK}\n")[:-1]


def fits(shown: list[str], printed: list[str]) -> bool:
    """Whether the output is as shown."""
    pattern = ""
    for line in shown:
        parts = [re.escape(part) for part in _constant(line).split("...")]
        pattern += "(?:.*\n)*?" if line.strip() == "..." else ".*".join(parts) + "\n"
    return re.fullmatch(pattern, "".join(f"{_constant(line)}\n" for line in printed)) is not None


def _constant(line: str) -> str:
    for pattern, text in _VARYING:
        line = re.sub(pattern, text, line)
    return line.rstrip()


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with ``edigw`` of this source tree."""
    folder = tmp_path_factory.mktemp("bin")
    with forked.server(tmp_path_factory.mktemp("forked"), ROOT) as server:
        forked.program(folder / "edigw", server)
        yield folder


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name)
def test_commands_print_what_the_page_shows(
    page: Path, programs: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if "$ curl " in page.read_text("utf-8") and not shutil.which("curl"):
        pytest.skip("no curl on this machine")
    work = tmp_path / "work"
    work.mkdir()
    named = sorted(set(_ADDRESS.findall(page.read_text("utf-8"))))
    free = {one: f"127.0.0.1:{free_port()}" for one in named}
    if any(_DATABASE in text for _, text in blocks(page)):
        free[_DATABASE] = request.getfixturevalue("postgres_url")
    for file, text in blocks(page):
        for one, other in free.items():
            text = text.replace(one, other)
        if file:
            (work / file).parent.mkdir(parents=True, exist_ok=True)
            (work / file).write_text(text)
            continue
        commands = steps(text)
        outputs = run([command for command, _ in commands], work, programs)
        assert len(outputs) == len(commands)
        for (command, shown), output in zip(commands, outputs, strict=True):
            printed = output.rstrip("\n").splitlines()
            assert fits(shown, printed), f"{name(page)}: {command}\nprints\n{output}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_in_listings_exist(page: Path) -> None:
    for line in re.findall(r"^edigw ([a-z].+)$", page.read_text("utf-8"), re.MULTILINE):
        parser().parse_args(shlex.split(line, comments=True))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_in_sentences_exist_with_their_options(page: Path) -> None:
    known = dict(commands(parser()))
    for said in re.findall(r"`edigw ([a-z][^`]*)`", page.read_text("utf-8")):
        words = said.split()
        end = next(
            (n for n, word in enumerate(words) if not re.fullmatch(r"[a-z][a-z0-9-]*", word)), len(words)
        )
        found = [
            one
            for n in range(end, 0, -1)
            for one in known
            if f"{one} ".startswith(f"edigw {' '.join(words[:n])} ") and (n == end or one.count(" ") == n)
        ]
        assert found, f"{name(page)}: edigw {said}"
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]+", said):
            assert option == "--help" or any(option in known[one] for one in found), (
                f"{name(page)}: edigw {said}: {option}"
            )


def test_dots_stand_for_anything_and_nothing_else_does() -> None:
    assert fits(["a", "...", "z"], ["a", "b", "c", "z"])
    assert fits(["took ... bytes"], ["took 12 bytes"])
    assert not fits(["a"], ["a", "b"])
    assert not fits(["a", "...", "z"], ["a", "b"])


# --- links -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in _LINK.findall(text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(there.read_text("utf-8")), target


def anchors(text: str) -> set[str]:
    """The anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    for page in sorted((ROOT / "docs").rglob("*.md")):
        if page.name != "index.md":
            assert f"({page.relative_to(ROOT / 'docs').as_posix()})" in index


# --- lists -----------------------------------------------------------------------------------------------


def commands(program: argparse.ArgumentParser, words: str = "edigw") -> Iterator[tuple[str, set[str]]]:
    """Every command with its options."""
    nested = [action for action in program._actions if isinstance(action, argparse._SubParsersAction)]
    for action in nested:
        for word, child in action.choices.items():
            yield from commands(child, f"{words} {word}")
    if not nested:
        long = {option for action in program._actions for option in action.option_strings if "--" in option}
        yield words, long - {"--help"}


def test_every_command_and_option_is_in_the_reference() -> None:
    text = (REFERENCE / "cli.md").read_text("utf-8")
    sections = dict(re.findall(r"^## `(edigw [^`]+)`\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))
    named = {re.match(r"edigw(?: [a-z0-9-]+)+", title)[0]: body for title, body in sections.items()}  # type: ignore[index]
    found = dict(commands(parser()))
    assert set(named) == set(found)
    for command, options in found.items():
        shared = {"--config", "--partner"} if "home options" in named[command] else set()
        assert set(re.findall(r"--[a-z][a-z-]+", named[command])) | shared == options, command


def test_every_converter_is_in_the_reference() -> None:
    text = (REFERENCE / "mapping-language.md").read_text("utf-8")
    rows = " ".join(re.findall(r"^\| (`.*?) \|", text, re.MULTILINE))
    assert set(re.findall(r"`([a-z][a-z0-9]*)", rows)) >= set(NAMES)


def test_every_exit_code_is_in_the_reference() -> None:
    text = (REFERENCE / "exit-codes.md").read_text("utf-8")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == set(map(int, ExitCode))


def test_every_setting_is_in_the_reference() -> None:
    text = (REFERENCE / "home.md").read_text("utf-8")
    shipped = "".join(
        (ROOT / "config" / file).read_text("utf-8") for file in ("gateway.yaml", "partners/example.yaml")
    )
    keys = set(re.findall(r"^ *(?:# |- )?([a-z_]+):(?= |$)", shipped, re.MULTILINE))
    named = {part for setting in re.findall(r"`([a-z_.]+)`", text) for part in setting.split(".")}
    assert keys - named == set()


@pytest.mark.parametrize("file", ["gateway.yaml", "partners/*.yaml", "routes.yaml", "alerts.yaml"])
def test_every_setting_is_explained_on_the_page_about_the_home(file: str) -> None:
    """What a person writes by hand stands in words there, beside the generated list of all settings."""
    text = (REFERENCE / "home.md").read_text("utf-8")
    named = {part for setting in re.findall(r"`([a-z0-9_.]+)`", text) for part in setting.split(".")}
    waiting, seen = [FILES[file]], set[str]()
    while waiting:
        for field, hint in written_fields(waiting.pop()):
            seen.add(field.name)
            waiting += kinds_within(hint)
    assert seen - named == set()


def test_every_member_of_a_script_of_the_played_amazon_is_in_its_page() -> None:
    text = (ROOT / "docs" / "how-to" / "connect-amazon-by-api.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z_]+)`|\b([a-z_]+):", text))
    waiting: list[type[Any]] = [Script]
    while waiting:
        for field, hint in written_fields(waiting.pop()):
            assert any(field.name in pair for pair in named), field.name
            waiting += kinds_within(hint)


def test_every_endpoint_is_in_the_reference() -> None:
    text = (REFERENCE / "api.md").read_text("utf-8")
    assert (
        set(re.findall(r"^### `([A-Z]+ /\S*)`$", text, re.MULTILINE)) == dict(endpoints(described())).keys()
    )


def test_every_variable_of_the_environment_is_in_the_reference() -> None:
    named = set(re.findall(r"EDIGW_[A-Z_]+", (REFERENCE / "settings.md").read_text("utf-8")))
    read = {
        one
        for file in (ROOT / "gateway").rglob("*.py")
        for one in re.findall(r"EDIGW_[A-Z_]+[A-Z]", file.read_text("utf-8"))
    }
    assert read - named == set()


def test_every_problem_and_quirk_of_as2_is_in_its_manual() -> None:
    text = (ROOT / "docs" / "how-to" / "as2-problems.md").read_text("utf-8")
    rows = " ".join(re.findall(r"^\| (`.*?) \|", text, re.MULTILINE))
    assert set(re.findall(r"`(AS2-[A-Z0-9-]+)`", rows)) == set(AS2_PROBLEMS)
    assert set(re.findall(r"`([a-z0-9-]+)`", text)) >= set(QUIRKS)


def test_every_test_that_a_page_names_exists() -> None:
    named = 0
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for file, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text("utf-8")):
            assert f"\ndef {test}(" in (ROOT / file).read_text("utf-8"), f"{name(page)}: {file}::{test}"
            named += 1
    assert named > 20


def test_speed_in_the_readme_is_what_was_measured() -> None:
    measured = (ROOT / "docs" / "benchmarks.md").read_text("utf-8").splitlines()
    speed = (ROOT / "README.md").read_text("utf-8").partition("## Speed")[2]
    rows = [row.rstrip("| ") for row in re.findall(r"^\| .*: .*\|$", speed, re.MULTILINE)]
    assert rows
    for row in rows:
        assert any(line.startswith(row) for line in measured), row


# --- generated tables ------------------------------------------------------------------------------------


def problem_table() -> str:
    """All problem codes by what they are about."""
    titles = {
        "X12": "X12: what is wrong with a file",
        "document": "Documents: what keeps JSON from becoming X12",
        "shape": "Shapes: XML, CSV, fixed width and JSON of one's own",
        "home": "Home: what is wrong beyond the content",
        "AS2": "AS2: messages and receipts",
        "SFTP": "SFTP: servers of partners",
        "SP-API": "SP-API: calls of Amazon's API",
        "rule": "Rules of vendors",
        "mapping": "Mappings",
        "web": "The page and the REST interface",
        "edigw": "Errors of a command",
    }
    lines = []
    for about, title in titles.items():
        lines += [
            f"## {title}",
            "",
            "| code | weight | move | answered with | meaning |",
            "| --- | --- | --- | --- | --- |",
        ]
        for entry in entries().values():
            if entry.about == about:
                answer = ", ".join(f"{said['element']} {said['code']}" for said in entry.ack)
                text = (
                    (entry.message or entry.explanation.split(". ", 1)[0])
                    .replace("<nearest>", "")
                    .rstrip(".")
                )
                meaning = _cell(re.sub(r"<(\w+)>", r"*\1*", text))
                lines.append(f"| `{entry.code}` | {entry.severity} | {entry.fault} | {answer} | {meaning} |")
        lines.append("")
    return "\n".join(lines) + "\n"


def field_table() -> str:
    """The fields of every document type: its own, those of objects that only it has, and the parts all share.

    What every document and object has stands above the table in words.
    """
    lines: list[str] = []
    shared: dict[str, dict[str, Any]] = {}
    for kind in document_types():
        schema, module = document_schema(kind), import_module(model_for(kind).__module__)
        own: dict[str, dict[str, Any]] = {}
        for name, one in schema["$defs"].items():
            is_own = getattr(getattr(module, name, None), "__module__", "") == module.__name__
            (own if is_own else shared)[f"`{kind}`: {name}" if is_own else name] = one | {"in": schema}
        for title, model in {f"`{kind}`": schema | {"in": schema}, **own}.items():
            lines += [f"### {title}", "", *_fields(model, by_place=True), ""]
    lines += [
        "## Parts",
        "",
        "What several types have; where each field stands in X12 depends on the set.",
        "",
    ]
    for name, model in sorted(shared.items()):
        if name not in ENVELOPE:
            lines += [f"### {name}", "", f"{model['description']}", "", *_fields(model, by_place=False), ""]
    return "\n".join(lines) + "\n"


ENVELOPE = ("Control", "Endpoint", "Extension", "Raw")
_STATED = {*Document.model_fields}


def _fields(model: dict[str, Any], *, by_place: bool) -> Iterator[str]:
    yield "| field | X12 | meaning |" if by_place else "| field | meaning |"
    yield "| --- | --- | --- |" if by_place else "| --- | --- |"
    for key, one in model["properties"].items():
        if key not in _STATED:
            meaning = one.get("description") or resolved(model["in"], one).get("description", "")
            cells = [f"`{key}{'[]' * ('minItems' in one)}`{' (needed)' * (key in model.get('required', ()))}"]
            cells += [one.get("x-x12", "")] * by_place
            cells += [
                f"{meaning.partition(' X12: ')[0].partition('. ')[0].rstrip('.')}{_part(model['in'], one)}"
            ]
            yield f"| {' | '.join(map(_cell, cells))} |"
    if "patternProperties" in model:
        yield f"| others | {'| ' * by_place}under their X12 qualifier |"


def _part(schema: dict[str, Any], one: dict[str, Any]) -> str:
    """A link to the table of what stands in a field, if it is an object."""
    name = (one.get("$ref") or one.get("items", {}).get("$ref", "")).rpartition("/")[2]
    if not name or name in ENVELOPE:
        return ""
    kind = schema["properties"]["document_type"]["const"]
    module = import_module(model_for(kind).__module__)
    is_own = getattr(getattr(module, name, None), "__module__", "") == module.__name__
    return f": [{name}](#{f'{kind}-' * is_own}{name.lower()})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def event_table() -> str:
    """The events of alerts."""
    lines = ["| event | severity | words | of the audit | facts |", "| --- | --- | --- | --- | --- |"]
    for name, one in EVENTS.items():
        words = re.sub(r"{(\w+)}", r"*\1*", one.words)
        sources = ", ".join(
            f"`{audited}`" + f" with {key} {_cell(values.replace('|', ' or '))}" * bool(key)
            for audited, _, condition in (source.partition(" ") for source in one.sources)
            for key, _, values in (condition.partition("="),)
        )
        facts = ", ".join(f"`{field}`" for field in one.fields)
        lines.append(f"| `{name}` | {one.severity} | {words} | {sources} | {facts} |")
    return "\n".join(lines) + "\n\n"


def body_table() -> str:
    """The members of every body and the fields they are."""
    lines = []
    for kind in KINDS:
        plan = library().body(kind)
        lines += [f"### `{kind}`: {plan.root}", "", "| member | holds | field |", "| --- | --- | --- |"]
        for path, field, rule in plan.stated():
            member = plan.forms.member(plan.root, path)
            if isinstance(rule, Field) and member is not None and rule.address.names != ("@",):
                lines.append(f"| `{'.'.join(path)}` | {_cell(member.words)} | `{field}` |")
        lines.append("")
    return "\n".join(lines) + "\n"


_TYPE_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "whole number",
    Decimal: "number",
    str: "text",
    tuple[str, ...]: "list of texts",
    tuple[int, ...]: "list of whole numbers",
    dict[str, str]: "text by name",
    dict[str, tuple[str, ...]]: "list of texts by name",
}


def rule_table() -> str:
    """All rules by their documents, with what the shipped profiles say of them."""
    titles = {"G": "Any document", "P": "Orders when they come", "A": "Acknowledgments", "S": "Ship notices"}
    titles["I"] = "Invoices"
    profiles = {name: {one.rule.id: one for one in rules_of(None, partner(name), [])} for name in PROFILES}
    lines = []
    header = ["rule", "what", "why", "source", "parameters", "by itself", *profiles]
    for letter, title in titles.items():
        lines += [f"## {title}", "", f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}"]
        for one in (one for one in RULES.values() if one.id[0] == letter):
            given = "; ".join(
                f"`{name}`: {_TYPE_NAMES[kind]}, {_default(default)}"
                for name, (kind, default) in one.parameters.items()
            )
            does = [one.severity, *(applied[one.id].severity for applied in profiles.values())]
            if one.elsewhere:
                does = [f"always, by other parts: {one.elsewhere}"] + [""] * len(profiles)
            row = [f"`{one.id}`", one.what, one.why, one.source, given, *does]
            lines.append(f"| {' | '.join(map(_cell, row))} |")
        lines.append("")
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | dict):
        return " ".join(map(str, value)) or "none"
    return f"`{value}`"


def described() -> dict[str, Any]:
    """The committed description of the REST API; empty as long as there is none."""
    places = (REFERENCE / "openapi.json", ROOT / "schemas" / "openapi.json")
    return next((json.loads(one.read_text("utf-8")) for one in places if one.exists()), {})


def metric_table() -> str:
    """All metrics."""
    lines = ["| metric | kind | labels | of | meaning |", "| --- | --- | --- | --- | --- |"]
    for one in (metrics.MESSAGES, metrics.TRANSLATION, metrics.ATTEMPTS, metrics.BUILD):
        end = {"counter": "_total", "info": "_info"}.get(one._type, "")
        said = one._labelnames or (("version", "revision", "python") if one is metrics.BUILD else ())
        lines.append(_metric(one._name + end, one._type, said, "process", one._documentation))
    lines += [_metric(name, "gauge", said, "store", words) for name, (words, said) in metrics.GAUGES.items()]
    return "\n".join(lines) + "\n\n"


def _metric(name: str, kind: str, labels: Sequence[str], of: str, words: str) -> str:
    return f"| `{name}` | {kind} | {', '.join(f'`{one}`' for one in labels)} | {of} | {_cell(words)} |"


TABLES = {
    "settings.md": setting_table,
    "api.md": lambda: api_table(described()),
    "problem-codes.md": problem_table,
    "documents.md": field_table,
    "events.md": event_table,
    "sp-api.md": body_table,
    "rules.md": rule_table,
    "metrics.md": metric_table,
}
_BEGIN, _END = "<!-- generated: python -m tests.test_docs -->\n\n", "<!-- end -->"


def with_table(text: str, table: str) -> str:
    """A page with its generated part replaced."""
    before, _, rest = text.partition(_BEGIN)
    assert _END in rest
    return f"{before}{_BEGIN}{table}{_END}{rest.partition(_END)[2]}"


@pytest.mark.parametrize("page", TABLES)
def test_generated_tables_are_up_to_date(page: str) -> None:
    text = (REFERENCE / page).read_text("utf-8")
    assert text == with_table(text, TABLES[page]()), "run python -m tests.test_docs"


if __name__ == "__main__":
    for page, table in TABLES.items():
        path = REFERENCE / page
        path.write_text(with_table(path.read_text("utf-8"), table()), "utf-8")
