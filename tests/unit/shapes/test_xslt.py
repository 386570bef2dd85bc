"""XML of other systems by stylesheets: what they may not do, and what is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gateway import engine
from gateway.errors import ConfigurationError, DocumentError, NotFoundError
from gateway.shapes.model import Shape
from tests.unit.shapes.support import faults

PO = "urn:edi-gateway:purchase_order:1"
HEAD = (
    '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" '
    f'xmlns:po="{PO}" exclude-result-prefixes="po">'
)
LINES = "<lines><line><quantity><value>1</value><uom>EA</uom></quantity></line></lines>"
READ = f"""{HEAD}<xsl:template match="/"><purchase_order xmlns="{PO}">
<po_number><xsl:value-of select="/o/n"/></po_number><purpose>original</purpose><po_type>regular</po_type>
<ordered_at><xsl:value-of select="/o/d"/></ordered_at>{LINES}
</purchase_order></xsl:template></xsl:stylesheet>"""
WRITE = f"""{HEAD}<xsl:template match="/"><all><xsl:for-each select="//po:po_number">
<o><xsl:value-of select="."/></o></xsl:for-each></all></xsl:template></xsl:stylesheet>"""
SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="all"><xs:complexType>
<xs:sequence><xs:element name="o" maxOccurs="unbounded"><xs:simpleType><xs:restriction base="xs:string">
<xs:maxLength value="4"/></xs:restriction></xs:simpleType></xs:element></xs:sequence></xs:complexType>
</xs:element></xs:schema>"""


def made(folder: Path, read: str = READ, write: str = WRITE, schema: str = SCHEMA) -> Shape:
    lines = ["shape: xslt", "document: purchase_order"]
    for key, text in (("read", read), ("write", write), ("schema", schema)):
        if text:
            (folder / f"{key}.xml").write_text(text, "utf-8")
            lines.append(f"{key}: {key}.xml")
    (folder / "mine.yaml").write_text("\n".join(lines))
    return engine.shape(str(folder / "mine.yaml"))


def read(shape: Shape, text: str) -> list[str]:
    return [one["po_number"] for one in engine.read_shape(shape, io.BytesIO(text.encode()))]


def refused(shape: Shape, text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        read(shape, text)
    return caught.value.problems[0].message


def test_both_ways(tmp_path: Path) -> None:
    shape = made(tmp_path)
    found = list(engine.read_shape(shape, io.BytesIO(b"<o><n>PO-1</n><d>2026-02-18</d></o>")))
    written = b"".join(engine.write_shape(shape, found * 2))
    assert written.split()[3:] == [b"<all>", b"<o>PO-1</o>", b"<o>PO-1</o>", b"</all>"]
    assert written.startswith(b"<?xml version='1.0' encoding='utf-8'?>")


def test_a_wrong_value_has_the_place_in_the_file(tmp_path: Path) -> None:
    shape = made(tmp_path)
    told = refused(shape, "<o>\n<n>PO-1</n>\n<d>18.2.</d></o>")
    assert told.startswith("Line 3, /o/d: ordered_at is not a date")
    assert "In what the stylesheet makes of the file" in refused(shape, "<o><n>1</n><d>x</d><e>x</e></o>")


def test_what_is_written_must_be_as_the_schema_says(tmp_path: Path) -> None:
    shape = made(tmp_path)
    document = next(engine.read_shape(shape, io.BytesIO(b"<o><n>PO-12345</n><d>2026-02-18</d></o>")))
    with pytest.raises(DocumentError) as caught:
        list(engine.write_shape(shape, [document]))
    assert "maxLength" in caught.value.problems[0].message
    assert b"PO-12345" in b"".join(engine.write_shape(made(tmp_path, schema=""), [document]))


@pytest.mark.parametrize(
    "select",
    ["document('file:///etc/hostname')", "document('http://127.0.0.1:9/x')", "document('mine.yaml')"],
)
def test_a_stylesheet_reaches_no_files_and_no_network(tmp_path: Path, select: str) -> None:
    shape = made(tmp_path, READ.replace("/o/n", select))
    assert refused(shape, "<o><d>2026-02-18</d></o>")


def test_a_message_that_terminates_refuses_in_words_of_ones_own(tmp_path: Path) -> None:
    stop = '<xsl:message terminate="yes">Not before noon.</xsl:message>'
    shape = made(tmp_path, READ.replace('match="/">', f'match="/">{stop}'))
    assert refused(shape, "<o/>").endswith("Not before noon.")


def test_shape_files_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no XSLT 1\.0"):
        read(made(tmp_path, "<a"), "<o/>")
    with pytest.raises(ConfigurationError, match="no read: stylesheet"):
        read(made(tmp_path, ""), "<o/>")
    (tmp_path / "write.xml").unlink()
    with pytest.raises(NotFoundError, match=r"needs write\.xml beside it"):
        engine.shape(str(tmp_path / "mine.yaml"))
    assert faults("shape: xslt\nread: ../a.xslt\n")[0].endswith("files beside the shape file.")
    assert faults("shape: xslt\n")[0].startswith("read: and write: belong to")
    assert faults("shape: csv\ndocument: invoice\nschema: a\ncolumns: {A: ~}\n") == [
        "schema: belongs to xslt alone."
    ]


def test_the_schema_of_a_shape_that_is_none(tmp_path: Path) -> None:
    shape = made(tmp_path, schema="<a/>")
    document = next(engine.read_shape(shape, io.BytesIO(b"<o><n>1</n><d>2026-02-18</d></o>")))
    with pytest.raises(ConfigurationError, match="no XML Schema"):
        list(engine.write_shape(shape, [document]))
