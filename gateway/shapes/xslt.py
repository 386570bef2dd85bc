"""XML of another system: one XSLT 1.0 stylesheet makes plain XML (:mod:`gateway.shapes.xml`) of it, another
makes it of plain XML.

Stylesheets come from shape files, data from outside: files, network and writing are denied to both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from io import BytesIO
from typing import Any, BinaryIO, cast

from lxml import etree

from gateway.errors import ConfigurationError, DocumentError, Problem
from gateway.shapes import xml
from gateway.shapes.form import Problems
from gateway.shapes.model import Shape


def read(shape: Shape, source: BinaryIO) -> Iterator[dict[str, Any]]:
    """The documents that ``read`` makes of a file; none is given on after one that is wrong.

    Raises:
        DocumentError: at the end, with everything that is wrong; a value that stands once in the file has its
            XPath and line there.
    """
    problems = Problems("The XML is not right")
    tree = xml.tree(source, problems)
    made = _transformed(_sheet(shape, "read"), tree, problems)
    found = made.getroot()
    if found is None or not (len(found) or found.text):
        problems.refuse("SHAPE-XSLT", "read: makes no document of this file.")
    try:
        yield from xml.read(BytesIO(etree.tostring(made)))
    except DocumentError as error:
        raise DocumentError(
            str(error), problems=tuple(_placed(tree, one) for one in error.problems)
        ) from None


def write(shape: Shape, documents: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """What ``write`` makes of documents, as one file.

    Raises:
        DocumentError: the stylesheet failed, or its result is not as the shape's ``schema`` says.
    """
    problems = Problems("The documents cannot be written as XML")
    plain = etree.fromstring(b"".join(xml.write(documents)))
    made = _transformed(_sheet(shape, "write"), etree.ElementTree(plain), problems)
    if made.getroot() is None:
        problems.refuse("SHAPE-XSLT", "write: makes nothing of this document.")
    if shape.schema_text and not (schema := _schema(shape.schema_text)).validate(made):
        for one in schema.error_log:
            problems.tell("SHAPE-XSLT", one.path or "", f"write: {one.message}")
        problems.check()
    etree.indent(made)
    content: Any = etree.tostring(made, encoding=shape.encoding.removesuffix("-sig"), xml_declaration=True)
    yield content + b"\n"


def _transformed(sheet: Any, tree: Any, problems: Problems) -> Any:
    try:
        return sheet(tree)
    except etree.XSLTError as error:  # also <xsl:message terminate="yes">
        said = "; ".join(one.message for one in error.error_log) or str(error)
        problems.refuse("SHAPE-XSLT", " ".join(said.split()))


def _placed(tree: Any, problem: Problem) -> Problem:
    """A problem of the documents with the place in the file where its value stands, if that is one place."""
    value = problem.value
    found = [one for one in tree.iter("*") if (one.text or "").strip() == value] if value else []
    what = problem.message
    if len(found) == 1:
        what = f"Line {found[0].sourceline}, {tree.getpath(found[0])}: {problem.message.partition(': ')[2]}"
        return replace(problem, message=what).at(line=found[0].sourceline)
    what = what.partition(", ")[2] if what.startswith("Line ") else what
    return replace(problem, message=f"In what the stylesheet makes of the file, {what}").at(line=None)


def _sheet(shape: Shape, way: str) -> Any:
    text = getattr(shape, way)
    if not text:
        raise ConfigurationError(
            f"The shape has no {way}: stylesheet, so it goes one way only.", code="SHAPE"
        )
    return _compiled(text)


@cache
def _compiled(text: str) -> Any:
    try:
        denied = cast("Any", etree.XSLTAccessControl).DENY_ALL
        return etree.XSLT(_parsed(text), access_control=denied)
    except (etree.XMLSyntaxError, etree.XSLTParseError) as error:
        raise ConfigurationError(f"This is no XSLT 1.0: {error}", code="SHAPE") from None


@cache
def _schema(text: str) -> Any:
    try:
        return etree.XMLSchema(_parsed(text))
    except (etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
        raise ConfigurationError(f"This is no XML Schema: {error}", code="SHAPE") from None


def _parsed(text: str) -> Any:
    return etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, no_network=True))
