"""Damage that keeps most of the structure: bytes changed at random seldom get past the first length.

Each function takes data and a source of random choices, and returns other data.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

MAX_DEPTH = 40
"""Elements inside of each other that are taken apart; more than the reader takes."""

WORDS = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b"\0", b"\xff", b";", b"=", b'"', b"\\", b"(", b")",
    b"--", b"--b", b"--b--", b"boundary=b", b"Content-Type: ", b"Content-Transfer-Encoding: ",
    b"Content-Disposition: attachment; ", b"multipart/signed", b"multipart/report", b"multipart/mixed",
    b"application/pkcs7-mime", b"application/pkcs7-signature", b"message/disposition-notification",
    b"text/plain", b"base64", b"quoted-printable", b"binary", b"filename*0*=", b"filename*1=", b"utf-8''",
    b"=?utf-8?Q?", b"=?iso-8859-1?B?", b"?=", b"Disposition: ", b"processed", b"failed/Failure",
    b"/error: ", b"sha-256", b"Received-Content-MIC: ", b"Disposition-Notification-To: ",
    b"Disposition-Notification-Options: ", b"signed-receipt-protocol=required, pkcs7-signature",
    b"signed-receipt-micalg=optional, sha-256",
)  # fmt: skip
"""What readers of text look for."""

TAGS = (0x00, 0x02, 0x04, 0x05, 0x06, 0x17, 0x18, 0x1F, 0x24, 0x30, 0x31, 0x80, 0x81, 0xA0, 0xA1, 0xA2, 0xBF)
LENGTHS = (b"\0", b"\x01", b"\x7f", b"\x80", b"\x81\xff", b"\x82\xff\xff", b"\x84\x7f\xff\xff\xff",
           b"\x88" + b"\xff" * 8, b"\x89" + b"\0" * 9, b"\xfe", b"\xff", b"\x84\0\0\0\x01")  # fmt: skip
"""Lengths that lie, or are written as nobody should."""

BASE64_LINES = re.compile(rb"(?:[A-Za-z0-9+/]{40,}=*\r?\n)+[A-Za-z0-9+/]*={0,2}")


@dataclass(slots=True)
class Node:
    """An element of BER.

    Attributes:
        content: of what is not taken apart. children: None if it is not.
        length: as it is written; None: as it is; empty: indefinite.
    """

    tag: int
    content: bytes = b""
    children: list[Node] | None = None
    length: bytes | None = None

    def encoded(self) -> bytes:
        inner = self.content if self.children is None else b"".join(one.encoded() for one in self.children)
        if self.length == b"":
            return bytes([self.tag, 0x80]) + inner + b"\0\0"
        return bytes([self.tag]) + (_length(len(inner)) if self.length is None else self.length) + inner

    def copy(self) -> Node:
        children = None if self.children is None else [one.copy() for one in self.children]
        return replace(self, children=children)

    def walk(self) -> list[Node]:
        """Itself and everything in it."""
        return [self] + [node for one in self.children or [] for node in one.walk()]


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    data = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(data)]) + data


def parse(data: bytes) -> list[Node]:
    """Elements in a row. Raises ValueError."""
    nodes, at = _parse(data, 0, 0, indefinite=False)
    assert at == len(data)
    return nodes


def _parse(data: bytes, at: int, depth: int, *, indefinite: bool) -> tuple[list[Node], int]:
    nodes: list[Node] = []
    while at < len(data):
        if indefinite and data[at : at + 2] == b"\0\0":
            return nodes, at + 2
        if at + 2 > len(data):
            break
        tag, size, begin = data[at], data[at + 1], at + 2
        if size == 0x80:
            if depth == MAX_DEPTH:
                raise ValueError("too deep")
            children, at = _parse(data, begin, depth + 1, indefinite=True)
            nodes.append(Node(tag, b"", children, b""))
            continue
        if size > 0x80:
            begin += size & 0x7F
            size = int.from_bytes(data[at + 2 : begin], "big")
        at = begin + size
        if at > len(data):
            break
        content, nested = data[begin:at], None
        if tag & 0x20 and depth < MAX_DEPTH:
            try:
                nested, _ = _parse(content, 0, depth + 1, indefinite=False)
            except ValueError:
                nested = None
        nodes.append(Node(tag, content if nested is None else b"", nested))
    if indefinite or at != len(data):
        raise ValueError("no BER")
    return nodes, at


def as_java_writes(data: bytes, piece: int = 1000) -> bytes:
    """An encoding with indefinite lengths and octet strings in pieces, except in what is signed."""

    def change(node: Node, level: int) -> None:
        if level < 5 and node.tag & 0x20 and node.children is not None:
            node.length = b""
            for child in node.children:
                change(child, level + 1)
        if level >= 4 and node.tag in (0x80, 0x04) and len(node.content) > piece:
            cut_up(node, piece)

    nodes = parse(data)
    for node in nodes:
        change(node, 0)
    return b"".join(node.encoded() for node in nodes)


def cut_up(node: Node, piece: int, depth: int = 1) -> None:
    """Makes an octet string one of pieces, that many levels deep."""
    pieces = [node.content[at : at + piece] for at in range(0, len(node.content), piece)]
    node.children, node.content, node.length = [Node(0x04, one) for one in pieces], b"", b""
    for _ in range(depth - 1):
        node.children = [Node(0x24, b"", node.children, b"")]
    node.tag |= 0x20


# --- structures --------------------------------------------------------------------------------------


def of_elements(data: bytes, random: Random) -> bytes:
    """An encoding whose elements are deleted, doubled, moved, of another kind, or of another form."""
    try:
        top = Node(0x30, b"", parse(data))
    except ValueError:
        return of_bytes(data, random)
    for _ in range(random.randint(1, 3)):
        if not top.children:
            return b""
        nodes = top.walk()
        target = random.choice(nodes[1:] or nodes)
        random.choice(_ELEMENTS)(target, nodes, random)
    assert top.children is not None
    return b"".join(one.encoded() for one in top.children)


def _bits(node: Node, nodes: list[Node], random: Random) -> None:
    node.content = of_bytes(node.content, random)


def _tag(node: Node, nodes: list[Node], random: Random) -> None:
    node.tag = random.choice((*TAGS, node.tag ^ 0x20))


def _false_length(node: Node, nodes: list[Node], random: Random) -> None:
    node.length = random.choice(LENGTHS)


def _padded_length(node: Node, nodes: list[Node], random: Random) -> None:
    size = len(node.encoded())  # a little more than it is; with leading zeros it is right for what is empty
    node.length = b"\x84" + max(0, size - random.choice((2, 3, 4))).to_bytes(4, "big")


def _indefinite(node: Node, nodes: list[Node], random: Random) -> None:
    node.length = b""


def _all_indefinite(node: Node, nodes: list[Node], random: Random) -> None:
    for one in node.walk():
        if one.tag & 0x20:
            one.length = b""


def _in_pieces(node: Node, nodes: list[Node], random: Random) -> None:
    if node.children is None:
        cut_up(node, random.randint(1, max(1, len(node.content))), random.choice((1, 1, 2, 5, 27, 34)))


def _with_others(node: Node, nodes: list[Node], random: Random) -> None:
    """Something in it is deleted, doubled, moved, or comes from elsewhere."""
    inside = node.children or random.choice([one.children for one in nodes if one.children])
    assert inside
    at = random.randrange(len(inside))
    how = random.randrange(5)
    if how == 0:
        del inside[at]
    elif how == 1:
        inside.insert(at, inside[at].copy())
    elif how == 2:
        other = random.randrange(len(inside))
        inside[at], inside[other] = inside[other], inside[at]
    elif how == 3:
        new = random.choice(nodes)
        if len(new.walk()) < 100:
            inside.insert(at, new.copy())
    else:
        new = Node(random.choice(TAGS), random.choice((b"", b"\0", b"\xff" * 3, b"\x02\x01\0")))
        inside.insert(at, new)


def _many(node: Node, nodes: list[Node], random: Random) -> None:
    """The same again and again."""
    inside = random.choice([one.children for one in nodes if one.children])
    assert inside is not None
    one = random.choice(inside)
    if len(one.walk()) < 30:
        inside += [one.copy() for _ in range(random.choice((2, 15, 65)))]


def _around(node: Node, nodes: list[Node], random: Random) -> None:
    """Another element around it."""
    inner = node.copy()
    node.tag, node.content, node.children = random.choice((0x30, 0x31, 0x24, 0xA0)), b"", [inner]
    node.length = random.choice((None, b""))


_ELEMENTS: tuple[Callable[[Node, list[Node], Random], None], ...] = (
    _bits, _tag, _false_length, _padded_length, _indefinite, _all_indefinite, _in_pieces, _with_others,
    _with_others, _with_others, _many, _around,
)  # fmt: skip


# --- text --------------------------------------------------------------------------------------------


def of_lines(data: bytes, random: Random) -> bytes:
    """Text whose lines are deleted, doubled, moved, folded, or end otherwise."""
    lines = data.split(b"\n")
    for _ in range(random.randint(1, 3)):
        at, other = random.randrange(len(lines)), random.randrange(len(lines))
        # Mostly near the beginning and near boundaries, where the structure is.
        near = [number for number, line in enumerate(lines) if line.startswith(b"--") or b":" in line[:40]]
        if near and random.randrange(4):
            at = random.choice(near)
        line = lines[at]
        how = random.randrange(9)
        if how == 0 and len(lines) > 1:
            del lines[at]
        elif how == 1:
            lines.insert(other, line)
        elif how == 2:
            lines[at], lines[other] = lines[other], lines[at]
        elif how == 3 and line:
            cut = random.randrange(len(line))
            lines[at : at + 1] = [line[:cut] + random.choice((b"", b"\r")), b" " + line[cut:]]
        elif how == 4:
            lines[at] = line.removesuffix(b"\r") if line.endswith(b"\r") else line + b"\r"
        elif how == 5:
            cut = random.randrange(len(line) + 1)
            lines[at] = line[:cut] + random.choice(WORDS) + line[cut:]
        elif how == 6:
            lines[at] = line.swapcase()
        elif how == 7:
            lines.insert(other, random.choice([one for one in lines if one.startswith(b"--")] or [b"--b"]))
        else:
            lines[at] = re.sub(rb"[^;:,/\s\"=]+", lambda found: random.choice((found[0], b"", b"x")), line)
    return b"\n".join(lines)


def of_lines_everywhere(data: bytes, random: Random) -> bytes:
    """Text all of whose lines end in another way."""
    lines = re.sub(rb"\r\n?", b"\n", data)
    return lines if random.randrange(2) else lines.replace(b"\n", b"\r\n")


def of_base64(data: bytes, random: Random) -> bytes:
    """Text with another signature in it."""
    found = BASE64_LINES.search(data)
    if not found:
        return of_lines(data, random)
    try:
        changed = of_elements(base64.b64decode(found[0]), random)
    except ValueError:
        return of_lines(data, random)
    return data[: found.start()] + base64.encodebytes(changed).rstrip(b"\n") + data[found.end() :]


def of_bytes(data: bytes, random: Random) -> bytes:
    """Bytes changed, cut out, put in, doubled."""
    at = random.randrange(len(data) + 1)
    stop = min(len(data), at + random.choice((0, 1, 1, 2, 8, 100)))
    piece = data[at:stop]
    flipped = bytes([piece[0] ^ 1 << random.randrange(8)]) + piece[1:] if piece else b"\0"
    new = random.choice((b"", b"", piece * 2, bytes([random.randrange(256)]), b"\0", piece[::-1], flipped))
    return data[:at] + new + data[stop:]


def of_any(data: bytes, random: Random) -> bytes:
    """Whatever suits the data."""
    if data[:1] == b"0":  # a SEQUENCE
        return random.choice((of_elements, of_elements, of_elements, of_bytes))(data, random)
    return random.choice((of_lines, of_lines, of_base64, of_base64, of_lines_everywhere, of_bytes))(
        data, random
    )
