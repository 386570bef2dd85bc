from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.store import verifier
from gateway.store.verifier import (
    GENESIS,
    Chain,
    Checkpoint,
    Entry,
    Link,
    UnreadableError,
    checkpoint_signed,
    checkpoint_text,
    content_hash,
    ed25519_verify,
    entry_hash,
    fingerprint_of,
    main,
    verify,
)

SCRIPT = Path(verifier.__file__)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19


# Ed25519

# RFC 8032 section 7.1: public key, message, signature.
VECTORS = {
    "TEST 1": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    "TEST 2": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    "TEST 3": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    "TEST SHA(abc)": (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_of_rfc_8032(name: str) -> None:
    public, message, signature = (bytes.fromhex(text) for text in VECTORS[name])
    assert ed25519_verify(public, message, signature)
    assert not ed25519_verify(public, message + b"\0", signature)
    assert not ed25519_verify(bytes.fromhex(VECTORS["TEST 2"][0]), b"other", signature)


def trusted(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300), data=st.data())
def test_it_agrees_with_cryptography(seed: bytes, message: bytes, data: st.DataObject) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert ed25519_verify(public, message, signature)
    whole = bytearray(public + signature + message)
    at = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[at // 8] ^= 1 << at % 8
    flipped = bytes(whole[:32]), bytes(whole[96:]), bytes(whole[32:96])
    assert not ed25519_verify(*flipped)
    assert not trusted(*flipped)


@given(st.binary(max_size=70), st.binary(max_size=10), st.binary(max_size=70))
def test_any_bytes_are_only_wrong(public: bytes, message: bytes, signature: bytes) -> None:
    assert not ed25519_verify(public, message, signature)


def test_a_scalar_that_is_not_reduced_is_refused() -> None:
    public, signature = KEY.public_key().public_bytes_raw(), KEY.sign(b"m")
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    assert not ed25519_verify(public, b"m", signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize(
    "encoded",
    [
        (FIELD + 1).to_bytes(32, "little"),  # y = 1, not reduced
        (FIELD + 0).to_bytes(32, "little"),  # y = 0, not reduced
        (1 | 1 << 255).to_bytes(32, "little"),  # x = 0 said to be odd
        (2).to_bytes(32, "little"),  # no point has this y
    ],
)
def test_a_point_that_is_not_canonical_is_refused(encoded: bytes) -> None:
    neutral, zero = (1).to_bytes(32, "little"), bytes(32)
    assert ed25519_verify(neutral, b"m", neutral + zero)  # so only the encoding is at fault below
    assert not ed25519_verify(encoded, b"m", neutral + zero)
    assert not ed25519_verify(neutral, b"m", encoded + zero)


# The chain


def entry(seq: int, **changes: str) -> Entry:
    values = {
        "at": f"2026-03-02T09:{seq:02}:00Z",
        "event": "message.received",
        "message_id": f"m{seq}",
        "document_id": "",
        "partner": "acme",
        "actor": "",
        "facts": "{}",
    }
    return Entry(seq, **{**values, **changes})


def linked(entries: list[Entry]) -> list[Link]:
    links, previous = [], GENESIS
    for one in entries:
        content = content_hash(one)
        links.append(Link(one.seq, content, entry_hash(previous, content), previous))
        previous = links[-1].hash or ""
    return links


def without_previous(links: list[Link]) -> list[Link]:
    return [link._replace(previous=None) for link in links]


LINKS = linked([entry(seq) for seq in range(1, 11)])


def test_the_hashes_are_those_of_the_description() -> None:
    said = Entry(1, "2026", "event", "m", "d", "acmé", "", '{"a":"b"}')
    content = hashlib.sha256('1\n2026\nevent\nm\nd\nacmé\n\n{"a":"b"}'.encode()).hexdigest()
    assert content_hash(said) == content
    assert entry_hash(GENESIS, content) == hashlib.sha256(bytes(32) + bytes.fromhex(content)).hexdigest()
    assert checkpoint_text(7, "ab", "2026") == b"edi-gateway checkpoint 1\n7\nab\n2026"


@pytest.mark.parametrize("name", Entry._fields[1:])
def test_no_field_may_hold_a_line_feed_or_a_lone_surrogate(name: str) -> None:
    for text in ("a\nb", "\ud800"):
        with pytest.raises(ValueError, match=r"line feed|surrogates"):
            content_hash(entry(1, **{name: text}))


@pytest.mark.parametrize("links", [LINKS, without_previous(LINKS)], ids=["with previous", "without"])
def test_a_whole_chain_has_no_problems(links: list[Link]) -> None:
    chain = Chain(checkpoints={5: LINKS[4].hash or "", 10: LINKS[9].hash or ""})
    assert list(chain.check(iter(links), reach=10)) == []
    assert (chain.seq, chain.hash) == (10, LINKS[9].hash)
    later = Chain(4, LINKS[3].hash or "")
    assert list(later.check(links[4:])) == []


@pytest.mark.parametrize("at", range(10))
def test_a_changed_entry_is_told_once(at: int) -> None:
    links = list(LINKS)
    links[at] = links[at]._replace(content=content_hash(entry(at + 1, partner="other")))
    assert list(Chain().check(links)) == [f"Entry {at + 1} was changed: its content does not give its hash."]
    [problem] = Chain().check(without_previous(links))
    assert problem.startswith(f"Entry {at + 1} was changed, or the hash of entry {at} was")
    links[at] = links[at]._replace(content="")  # what cannot be hashed
    assert len(list(Chain().check(links))) == 1


@pytest.mark.parametrize("at", range(9))
def test_a_changed_entry_with_a_new_hash_breaks_what_follows(at: int) -> None:
    links = list(LINKS)
    content = content_hash(entry(at + 1, partner="other"))
    links[at] = links[at]._replace(content=content, hash=entry_hash(links[at].previous or "", content))
    [problem] = Chain().check(links)
    assert problem.startswith(f"Entry {at + 2} does not follow the entry {at + 1} that is here")
    [problem] = Chain().check(without_previous(links))
    assert problem.startswith(f"Entry {at + 2} was changed, or the hash of entry {at + 1} was")


def test_an_entry_whose_previous_was_changed() -> None:
    links = list(LINKS)
    links[4] = links[4]._replace(previous=LINKS[0].hash)
    assert [problem[:30] for problem in Chain().check(links)] == [
        "Entry 5 does not follow the en",
        "Entry 5 was changed: its conte",
    ]


@pytest.mark.parametrize("broken", ["", "zz", "0" * 63, GENESIS[:-2] + " 0"])
def test_a_stored_hash_that_is_no_hash(broken: str) -> None:
    links = list(LINKS)
    links[4] = links[4]._replace(hash=broken)
    problems = list(Chain().check(links))
    assert problems[0].startswith("Entry 5 was changed")
    assert next(Chain().check(without_previous(links))).startswith("Entry 5 was changed")


def test_gaps_and_disorder() -> None:
    assert list(Chain().check(LINKS[:3] + LINKS[5:])) == ["Entry 6 follows entry 3: 2 missing between them."]
    assert list(Chain().check(without_previous(LINKS[:3] + LINKS[5:]))) == [
        "Entry 6 follows entry 3: 2 missing between them."
    ]
    assert list(Chain().check(LINKS[1:])) == ["Entry 2 follows entry 0: 1 missing between them."]
    assert list(Chain().check([*LINKS[:4], LINKS[3], *LINKS[4:]])) == [
        "Entry 4 stands after entry 4: the order is wrong."
    ]
    swapped = [*LINKS[:2], LINKS[3], LINKS[2], *LINKS[4:]]
    assert list(Chain().check(swapped)) == [
        "Entry 4 follows entry 2: 1 missing between them.",
        "Entry 3 stands after entry 4: the order is wrong.",
    ]


def test_an_end_that_was_cut_off_and_a_log_that_was_made_anew() -> None:
    [problem] = Chain().check(LINKS[:7], reach=9)
    assert problem == "The log ends with entry 7 but had at least 9: its end was cut off."
    anew = linked([entry(seq, actor="other") for seq in range(1, 11)])
    [problem] = Chain(checkpoints={9: LINKS[8].hash or ""}).check(anew)
    assert problem.startswith("Entry 9 has another hash than its signed checkpoint")


def test_the_chain_is_not_kept_in_memory() -> None:
    def many() -> Iterator[Link]:
        previous = GENESIS
        for seq in range(1, 5001):
            link = Link(seq, GENESIS, entry_hash(previous, GENESIS), previous)
            previous = link.hash or ""
            yield link
            taken.append(seq)

    taken: list[int] = []
    chain = Chain()
    assert not any(chain.check(many()))
    assert chain.seq == len(taken) == 5000
    broken = (link._replace(hash=GENESIS) for link in many())
    taken.clear()
    next(Chain().check(broken))
    assert len(taken) <= 1


def signed(seq: int, digest: str, at: str, key: Ed25519PrivateKey = KEY) -> Checkpoint:
    return Checkpoint(seq, digest, at, key.sign(checkpoint_text(seq, digest, at)).hex())


def test_checkpoints() -> None:
    checkpoint, public = signed(0, GENESIS, "2026"), KEY.public_key().public_bytes_raw()
    assert checkpoint_signed(checkpoint, public)
    assert not checkpoint_signed(checkpoint, OTHER.public_key().public_bytes_raw())
    for changed in (
        {"seq": 1},
        {"hash": "1" * 64},
        {"at": "2027"},
        {"signature": checkpoint.signature.upper()},
    ):
        assert not checkpoint_signed(checkpoint._replace(**changed), public)


# The export


def dumped(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


@dataclass
class Export:
    """An export as it is made; ``files`` may be changed before or after :meth:`sign`.

    Log: 12 entries, checkpoints of 0, 6 and 12, a range file for each half; 3, 4 and 9 are hidden.
    """

    entries: list[Entry]
    payloads: list[bytes]
    hidden: frozenset[int] = frozenset({3, 4, 9})
    deleted: list[dict[str, str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def build(self) -> Export:
        links = linked(self.entries)
        hashes = {0: GENESIS, **{link.seq: link.hash or "" for link in links}}
        self.files = {
            "verify.py": SCRIPT.read_bytes(),
            "entries.jsonl": b"".join(
                json.dumps(one._asdict()).encode() + b"\n"
                for one in self.entries
                if one.seq not in self.hidden
            ),
            "checkpoints.json": dumped(
                [signed(seq, hashes[seq], "2026-03-03")._asdict() for seq in (0, 6, 12)]
            ),
            **{f"payloads/{number}.edi": payload for number, payload in enumerate(self.payloads)},
        }
        for number, start in enumerate((0, 6), 1):
            rows = "".join(f"{link.seq},{link.content}\n" for link in links[start : start + 6])
            self.files[f"chain/{number:06}.csv"] = f"# from {start} {hashes[start]}\n{rows}".encode()
        return self

    def sign(self, key: Ed25519PrivateKey = KEY, **changes: Any) -> Export:
        """Lists all files as they are now and signs the list."""
        for name in ("manifest.json", "manifest.sig"):
            self.files.pop(name, None)
        manifest = {
            "format": "edi-gateway audit export 1",
            "made_at": "2026-04-01T00:00:00Z",
            "gateway": "0.1.0",
            "scope": "partner acme, March 2026",
            "public_key": KEY.public_key().public_bytes_raw().hex(),
            "files": [
                {"path": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
                for name, data in self.files.items()
            ],
            "deleted": self.deleted,
            **changes,
        }
        self.files["manifest.json"] = dumped(manifest)
        self.files["manifest.sig"] = key.sign(self.files["manifest.json"]).hex().encode() + b"\n"
        return self

    def lines(self, name: str) -> list[bytes]:
        return self.files[name].splitlines(keepends=True)

    def edit(self, name: str, change: Callable[[Any], Any]) -> Export:
        """Changes a JSON file in place."""
        value = json.loads(self.files[name])
        self.files[name] = dumped(change(value) or value)
        return self

    def folder(self, root: Path) -> Path:
        if root.exists():
            shutil.rmtree(root)
        for name, data in self.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        return root

    def zip(self, path: Path, compression: int = zipfile.ZIP_DEFLATED) -> Path:
        with zipfile.ZipFile(path, "w", compression) as out:
            for name, data in self.files.items():
                out.writestr(name, data)
        return path


def payload_of(data: bytes) -> str:
    return json.dumps({"sha256": hashlib.sha256(data).hexdigest(), "file": "po.edi"}, separators=(",", ":"))


def fresh() -> Export:
    payloads = [b"ISA*00*one~", b"ISA*00*two~" * 50, b"ISA*00*answer~", b""]
    facts = {n: payload_of(data) for n, data in zip((1, 2, 5, 7), payloads)} | {8: payload_of(b"was deleted")}
    entries = [
        entry(seq, facts=facts.get(seq, '{"status":"accepted"}'), message_id="" if seq == 10 else f"m{seq}")
        for seq in range(1, 12)
    ]
    # An entry of neither message nor document: its sha256 is no payload.
    entries.append(entry(12, message_id="", event="key.made", actor="Jörg", facts='{"sha256":"00"}'))
    deleted = [{"sha256": hashlib.sha256(b"was deleted").hexdigest(), "reason": "retention of 90 days"}]
    return Export(entries, payloads, deleted=deleted).build().sign()


@pytest.fixture
def export() -> Export:
    return fresh()


@pytest.fixture
def check(tmp_path: Path) -> Callable[[Export], list[str]]:
    """The problems of an export, which must be the same for the folder and the zip."""

    def run(export: Export) -> list[str]:
        problems = verify(export.folder(tmp_path / "export"))
        assert verify(export.zip(tmp_path / "export.zip")) == problems
        return problems

    return run


Check = Callable[[Export], list[str]]


def test_the_intact_export_is_accepted(export: Export, check: Check, tmp_path: Path) -> None:
    assert check(export) == []
    assert verify(export.zip(tmp_path / "stored.zip", zipfile.ZIP_STORED)) == []
    (tmp_path / "export/empty").mkdir()
    assert verify(tmp_path / "export") == []
    export.files["manifest.sig"] = export.files["manifest.sig"].strip()
    assert check(export) == []


def test_an_empty_log_is_accepted(export: Export, check: Check) -> None:
    export.files = {
        "entries.jsonl": b"",
        "checkpoints.json": b"[]",
        "chain/000001.csv": f"# from 0 {GENESIS}\n".encode(),
        **{f"payloads/{number}": data for number, data in enumerate(export.payloads)},
    }
    assert check(export.sign()) == []


INTACT = fresh()


@given(name=st.sampled_from(sorted(name for name, data in INTACT.files.items() if data)), data=st.data())
@settings(max_examples=150)
def test_every_flip_of_a_byte_is_found(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    export = fresh()
    raw = bytearray(export.files[name])
    raw[data.draw(st.integers(0, len(raw) - 1), label="place")] ^= data.draw(
        st.integers(1, 255), label="flip"
    )
    export.files[name] = bytes(raw)
    root = tmp_path_factory.getbasetemp() / "flipped"
    assert verify(export.folder(root))


@pytest.mark.parametrize("name", ["manifest.sig", "checkpoints.json", "manifest.json"])
def test_every_bit_of_the_signed_files_counts(name: str, tmp_path: Path) -> None:
    root = fresh().folder(tmp_path / "export")
    raw = (root / name).read_bytes()
    step = max(1, len(raw) // 50)
    for place in range(0, len(raw), step):
        for bit in (0x01, 0x20):
            (root / name).write_bytes(raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :])
            assert verify(root), (place, bit)


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.booleans())
@settings(max_examples=200)
def test_a_damaged_zip_never_crashes_it(
    tmp_path_factory: pytest.TempPathFactory, place: float, flip: int, cut: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    raw = bytearray(INTACT.zip(path).read_bytes())
    at = int(place * len(raw))
    if cut:
        del raw[at:]
    else:
        raw[at] ^= flip
    path.write_bytes(bytes(raw))
    try:
        problems = verify(path)
    except UnreadableError:
        return
    # What a zip says besides the files (dates, rights) is not evidence, so it may differ.
    with zipfile.ZipFile(path) as read:
        assert problems or {one: read.read(one) for one in read.namelist()} == INTACT.files


@given(
    name=st.sampled_from(
        ["manifest.json", "checkpoints.json", "entries.jsonl", "chain/000001.csv", "manifest.sig"]
    ),
    raw=st.one_of(
        st.binary(min_size=1, max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["seq", "at"]), inner)
            ),
            max_leaves=10,
        ).map(lambda value: json.dumps(value).encode() + b"\n"),
    ),
)
def test_any_signed_rubbish_is_told(tmp_path_factory: pytest.TempPathFactory, name: str, raw: bytes) -> None:
    export = fresh()
    export.files[name] = raw
    if not name.startswith("manifest"):
        export.sign()
    assert verify(export.folder(tmp_path_factory.getbasetemp() / "rubbish"))


TYPES: list[Any] = [None, True, 1, -1, 1.5, 10**30, "", "x", "\ud800", [], [1], [[]], {}, {"a": 1}]


@pytest.mark.parametrize("name", ["manifest.json", "checkpoints.json", "entries.jsonl"])
def test_json_that_is_nested_too_deep_is_told(export: Export, check: Check, name: str) -> None:
    export.files[name] = b"[" * 200_000 + b"\n"
    if name != "manifest.json":
        export.sign()
    assert "maximum recursion depth" in check(export)[0]


@pytest.mark.parametrize("name", ["manifest.json", "checkpoints.json", "entries.jsonl"])
def test_a_value_of_another_kind_is_told(tmp_path: Path, name: str) -> None:
    def places(value: Any) -> Iterator[tuple[Any, Any]]:
        for key, inner in list(value.items()) if isinstance(value, dict) else list(enumerate(value)):
            yield value, key
            if isinstance(inner, dict | list):
                yield from places(inner)

    root = INTACT.folder(tmp_path / "export")
    raw = INTACT.files[name]
    lines = name.endswith("l")
    whole = [json.loads(line) for line in raw.splitlines()] if lines else json.loads(raw)
    for holder, key in list(places(whole))[: 10 if lines else 20]:
        kept = holder[key]
        for other in TYPES:
            if other == kept and type(other) is type(kept):
                continue
            holder[key] = other
            changed = b"".join(json.dumps(one).encode() + b"\n" for one in whole) if lines else dumped(whole)
            export = Export([], [], files=dict(INTACT.files), deleted=INTACT.deleted)
            export.files[name] = changed
            if name != "manifest.json":
                export.sign()
            for changed_name in (name, "manifest.json", "manifest.sig"):
                (root / changed_name).write_bytes(export.files[changed_name])
            assert verify(root), (key, other)
        holder[key] = kept


@pytest.mark.parametrize("count", range(1, 6))
@pytest.mark.parametrize("signer", [None, OTHER, KEY], ids=["not signed", "other key", "own key"])
def test_a_cut_end_is_found(
    export: Export, check: Check, count: int, signer: Ed25519PrivateKey | None
) -> None:
    last = export.lines("chain/000002.csv")[:-count]
    export.files["chain/000002.csv"] = b"".join(last)
    kept = 12 - count
    shown = [line for line in export.lines("entries.jsonl") if json.loads(line)["seq"] <= kept]
    export.files["entries.jsonl"] = b"".join(shown)
    if signer:
        export.sign(signer)
    problems = check(export)
    assert f"'chain/000002.csv' ends with entry {kept}, which no checkpoint confirms." in problems
    assert ("manifest.json or manifest.sig was changed: they do not belong together." in problems) == (
        signer is OTHER
    )
    assert any("its size is" in problem for problem in problems) == (signer is None)


@pytest.mark.parametrize("name", Entry._fields[1:])
@pytest.mark.parametrize("seq", [1, 6, 8, 12])
@pytest.mark.parametrize("also", ["entry only", "content hash", "content hash and manifest"])
def test_a_changed_field_is_found(export: Export, check: Check, seq: int, name: str, also: str) -> None:
    lines = export.lines("entries.jsonl")
    [at] = [n for n, line in enumerate(lines) if json.loads(line)["seq"] == seq]
    before = Entry(**json.loads(lines[at]))
    changes: dict[str, Any] = {name: '{"x":1}' if name == "facts" else "changed"}
    after = before._replace(**changes)
    lines[at] = json.dumps(after._asdict()).encode() + b"\n"
    export.files["entries.jsonl"] = b"".join(lines)
    chain = f"chain/{1 if seq <= 6 else 2:06}.csv"
    if also != "entry only":
        content = content_hash(before).encode(), content_hash(after).encode()
        export.files[chain] = export.files[chain].replace(*content)
    if also == "content hash and manifest":
        export.sign()  # even who has the key of the manifest cannot do it without new checkpoints
    problems = check(export)
    if also == "entry only":
        larger = "its size is" in problems[0] and len(lines[at]) > len(json.dumps(before._asdict())) + 1
        assert larger or f"Entry {seq} was changed: it does not give its hash in the chain." in problems
    else:
        end = 6 if seq <= 6 else 12
        assert f"'{chain}' ends with entry {end}, which no checkpoint confirms." in problems
    assert ("'entries.jsonl' was changed" in "".join(problems)) == (also != "content hash and manifest")


def test_a_moved_border_between_fields_is_found(export: Export, check: Check) -> None:
    lines = export.lines("entries.jsonl")
    first = json.loads(lines[0])
    first["event"], first["message_id"], first["document_id"] = (
        f"{first['event']}\n{first['message_id']}",
        "",
        "",
    )
    lines[0] = json.dumps(first).encode() + b"\n"
    export.files["entries.jsonl"] = b"".join(lines)
    assert "'entries.jsonl' cannot be read: entry 1 has a line feed in a field." in check(export.sign())


@pytest.mark.parametrize("twice", [b'"seq": 99, "seq": 1', b'"extra": "", "seq": 1'])
def test_names_that_are_not_hashed_are_refused(export: Export, check: Check, twice: bytes) -> None:
    export.files["entries.jsonl"] = export.files["entries.jsonl"].replace(b'"seq": 1', twice, 1)
    assert "'entries.jsonl' cannot be read" in check(export.sign())[0]


def test_payloads_are_there_or_stated_as_deleted(export: Export, check: Check) -> None:
    two = export.files.pop("payloads/1.edi")
    assert check(export) == ["'payloads/1.edi' is missing."]
    export.sign()
    missing = hashlib.sha256(two).hexdigest()
    assert check(export) == [f"The payload '{missing}' of entry 2 is missing."]
    export.files["another/place"] = two
    assert check(export.sign()) == []
    gone = export.deleted.pop()["sha256"]
    assert check(export.sign()) == [f"The payload '{gone}' of entry 8 is missing."]


def test_facts_that_cannot_be_read_are_told(check: Check) -> None:
    for facts, said in {"{": "Expecting", '{"sha256":["a"]}': "is missing", '{"a":1,"a":2}': "twice"}.items():
        export = Export([*(entry(seq) for seq in range(1, 12)), entry(12, facts=facts)], []).build().sign()
        [problem] = check(export)
        assert said in problem
    for facts in ("", "[]", "null", '{"sha256":null}', '{"sha256":null,"more":[{"sha256":"00"}]}'):
        export = Export([*(entry(seq) for seq in range(1, 12)), entry(12, facts=facts)], []).build().sign()
        assert check(export) == []


def test_added_files_are_told(export: Export, check: Check) -> None:
    export.files |= {"notes.txt": b"", "chain/000003.csv": b"# from 12 0\n"}
    assert check(export) == [
        "'chain/000003.csv' is here but not listed in manifest.json.",
        "'notes.txt' is here but not listed in manifest.json.",
    ]


@pytest.mark.parametrize("name", ["entries.jsonl", "checkpoints.json", "chain/000001.csv", "verify.py"])
def test_any_missing_file_is_told(export: Export, check: Check, name: str) -> None:
    del export.files[name]
    assert f"'{name}' is missing." in check(export)
    if name != "verify.py":
        assert check(export.sign())


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig"])
def test_without_manifest_nothing_is_accepted(export: Export, check: Check, name: str) -> None:
    del export.files[name]
    assert check(export) == [f"'manifest.json' cannot be read: {name} is missing or too large."]


@pytest.mark.parametrize("own", [False, True], ids=["not signed", "signed"])
def test_another_order_is_told(check: Check, own: bool) -> None:
    for name, first, said in [
        ("entries.jsonl", 0, "the order is wrong"),
        ("chain/000001.csv", 2, "the order is wrong"),
        ("chain/000001.csv", 0, "its first line is not"),
    ]:
        export = fresh()
        lines = export.lines(name)
        lines[first], lines[first + 1] = lines[first + 1], lines[first]
        export.files[name] = b"".join(lines)
        problems = check(export.sign() if own else export)
        assert any(said in problem for problem in problems), problems
    export = fresh()
    one, two = "chain/000001.csv", "chain/000002.csv"
    export.files[one], export.files[two] = export.files[two], export.files[one]
    problems = check(export.sign() if own else export)
    told = f"'{two}' does not begin at a checkpoint, or not after the range before."
    assert told in problems if own else problems


def test_a_gap_within_a_range_is_told(export: Export, check: Check) -> None:
    lines = export.lines("chain/000001.csv")
    del lines[4]  # the hidden entry 4
    export.files["chain/000001.csv"] = b"".join(lines)
    problems = check(export.sign())
    assert problems[0] == "'chain/000001.csv': Entry 5 follows entry 3: 1 missing between them."
    assert any("another hash than its signed checkpoint" in problem for problem in problems)


def test_a_shown_entry_outside_of_all_ranges_is_told(export: Export, check: Check) -> None:
    del export.files["chain/000001.csv"]
    told = [f"Entry {seq} is shown but in no range of the chain." for seq in (1, 2, 5, 6)]
    assert check(export.sign()) == told
    export = fresh()
    del export.files["chain/000002.csv"]
    told = [f"Entry {seq} is shown but in no range of the chain." for seq in (7, 8, 10, 11, 12)]
    assert check(export.sign()) == told


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("name", ["seq", "hash", "at", "signature"])
def test_a_changed_checkpoint_is_told(export: Export, check: Check, index: int, name: str) -> None:
    def change(found: list[dict[str, Any]]) -> None:
        found[index][name] = {"seq": 5, "hash": "1" * 64, "at": "2027", "signature": "2" * 128}[name]

    problems = check(export.edit("checkpoints.json", change).sign())
    assert any("has a wrong signature." in problem for problem in problems)
    assert any("no checkpoint confirms" in problem for problem in problems) == (index > 0)


def test_checkpoints_that_contradict_are_told(export: Export, check: Check) -> None:
    export.edit("checkpoints.json", lambda found: [*found, signed(6, "1" * 64, "2026")._asdict()])
    assert check(export.sign()) == ["Entry 6 has two different checkpoints: the log was forked."]
    export = fresh()
    export.edit("checkpoints.json", lambda found: [*found, signed(8, "1" * 64, "2026")._asdict()])
    [problem] = check(export.sign())
    assert "Entry 8 has another hash than its signed checkpoint" in problem
    export = fresh()  # an entry 0 that is not the empty log
    wrong = signed(0, "1" * 64, "2026")._asdict()
    export.edit("checkpoints.json", lambda found: [wrong, *found[1:]])
    export.files["chain/000001.csv"] = export.files["chain/000001.csv"].replace(GENESIS.encode(), b"1" * 64)
    assert "'chain/000001.csv' does not begin at a checkpoint" in check(export.sign())[0]


def test_the_key_that_is_expected(export: Export, tmp_path: Path) -> None:
    root = export.folder(tmp_path / "export")
    print_of, other = (fingerprint_of(key.public_key().public_bytes_raw()) for key in (KEY, OTHER))
    assert verify(root, print_of) == verify(root, print_of.replace(" ", "").upper()) == []
    assert verify(root, other) == ["The export is signed with another key than the one you expect."]
    assert verify(root, "nonsense") == ["The export is signed with another key than the one you expect."]
    # A forger signs all of it with a key of his own: only the fingerprint tells.
    forged = fresh()
    public = OTHER.public_key().public_bytes_raw().hex()
    hashes = {0: GENESIS, **{link.seq: link.hash or "" for link in linked(forged.entries)}}
    checkpoints = [signed(seq, hashes[seq], "2026", OTHER)._asdict() for seq in (0, 6, 12)]
    forged.edit("checkpoints.json", lambda found: checkpoints).sign(OTHER, public_key=public)
    root = forged.folder(tmp_path / "forged")
    assert verify(root) == []
    assert verify(root, print_of) == ["The export is signed with another key than the one you expect."]


def test_a_file_listed_twice_or_of_the_manifest_itself_is_refused(export: Export, check: Check) -> None:
    files = json.loads(export.files["manifest.json"])["files"]
    for more in ({**files[0]}, {**files[0], "path": "manifest.sig"}):
        [problem] = check(export.sign(files=[*files, more]))
        assert "is listed twice or must not be listed" in problem
    [problem] = check(export.sign(format="edi-gateway audit export 2"))
    assert "its format is not 'edi-gateway audit export 1'" in problem


# Zip files and folders with malice


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "a/../../x", "C:/x", "..\\x", "a//x", "./x", "payloads/..", "//server/x"]
)
def test_names_that_lead_out_are_refused(export: Export, tmp_path: Path, name: str) -> None:
    path = export.zip(tmp_path / "export.zip")
    with zipfile.ZipFile(path, "a") as out:
        out.writestr(name, b"x")
    [problem] = verify(path)
    assert "is not a safe name: nothing was read" in problem


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(export: Export, tmp_path: Path) -> None:
    path = export.zip(tmp_path / "export.zip")
    with zipfile.ZipFile(path, "a") as out:
        out.writestr("payloads/0.edi", b"another")
    [problem] = verify(path)
    assert problem.startswith("'payloads/0.edi' is in it 2 times")


def test_a_bomb_is_not_read(export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("payloads/0.edi", "entries.jsonl", "chain/000001.csv", "checkpoints.json", "manifest.json"):
        bomb = fresh()
        bomb.files[name] = bytes(200 << 20) if name == "manifest.json" else bytes(20 << 20)
        path = bomb.zip(tmp_path / "bomb.zip")
        assert path.stat().st_size < 1 << 20
        with monkeypatch.context() as patch:
            read: list[int] = []
            real = zipfile.ZipExtFile._read1  # type: ignore[attr-defined]

            def counting(self: Any, n: int, real: Any = real, read: list[int] = read) -> bytes:
                data: bytes = real(self, n)
                read.append(len(data))
                return data

            patch.setattr(zipfile.ZipExtFile, "_read1", counting)
            problems = verify(path)
        assert any(name in problem for problem in problems)
        assert sum(read) < 1 << 20


def test_a_member_that_lies_about_its_size_is_told(export: Export, tmp_path: Path) -> None:
    """The directory says 11 bytes, as the manifest does; the packed data are 20 MB."""
    said, export.files["payloads/0.edi"] = len(export.files["payloads/0.edi"]), bytes(20 << 20)
    path = export.zip(tmp_path / "lie.zip")
    raw = path.read_bytes()
    path.write_bytes(raw.replace((20 << 20).to_bytes(4, "little"), said.to_bytes(4, "little")))
    with zipfile.ZipFile(path) as read:
        assert read.getinfo("payloads/0.edi").file_size == said
    assert any("'payloads/0.edi'" in problem for problem in verify(path))


def test_encrypted_and_oddly_packed_members_are_told(export: Export, tmp_path: Path) -> None:
    path = export.zip(tmp_path / "lzma.zip", zipfile.ZIP_LZMA)
    assert verify(path) == ["'manifest.json' cannot be read: manifest.json is missing or too large."]
    raw = bytearray(export.zip(path).read_bytes())
    at = raw.index(b"PK\1\2")
    while at >= 0:
        raw[at + 8] |= 1
        at = raw.find(b"PK\1\2", at + 1)
    path.write_bytes(bytes(raw))
    [problem] = verify(path)
    assert "encrypted" in problem


def test_problems_are_bounded(export: Export, check: Check) -> None:
    export.files |= {f"more/{number}": b"" for number in range(1500)}
    assert len(check(export)) == 1000


def test_only_plain_files_count(export: Export, tmp_path: Path) -> None:
    root = export.folder(tmp_path / "export")
    (root / "payloads/0.edi").rename(tmp_path / "elsewhere")
    (root / "payloads/0.edi").symlink_to(tmp_path / "elsewhere")
    assert verify(root) == ["'payloads/0.edi' was changed: its size is -1, not 11."]


# The program


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, command)],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        timeout=60,
        env={},
    )


def python(minor: int) -> str | None:
    """A Python 3.x that starts; with the versions that pyenv keeps."""
    kept = sorted((Path.home() / ".pyenv/versions").glob(f"3.{minor}.*/bin/python3"))
    for candidate in (f"/usr/bin/python3.{minor}", shutil.which(f"python3.{minor}"), *kept):
        if candidate and Path(candidate).exists():
            asked = run(candidate, "-c", "import sys; print(sys.version_info[:2])")
            if asked.stdout.strip() == f"(3, {minor})":
                return str(candidate)
    return None


@pytest.mark.parametrize("minor", range(8, 15))
def test_it_stands_alone(export: Export, tmp_path: Path, minor: int) -> None:
    program = sys.executable if sys.version_info[1] == minor else python(minor)
    if program is None:
        pytest.skip(f"there is no Python 3.{minor} on this machine")
    root = export.folder(tmp_path / "export")
    found = run(program, "-I", "-S", root / "verify.py", cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "No problems were found." in found.stdout
    assert "Chain: 9 entries shown of 12 in 2 ranges (1 to 6, 7 to 12)." in found.stdout
    assert fingerprint_of(KEY.public_key().public_bytes_raw()) in found.stdout
    assert not list(root.rglob("__pycache__"))
    path = export.zip(tmp_path / "export.zip")
    assert run(program, "-I", "-S", root / "verify.py", path).returncode == 0
    (root / "payloads/0.edi").write_bytes(b"ISA*00*TWO~")
    (root / "entries.jsonl").write_bytes(export.files["entries.jsonl"].replace(b"acme", b"acne", 1))
    found = run(program, "-I", "-S", root / "verify.py")
    assert (found.returncode, found.stderr) == (1, "")
    assert "- Entry 1 was changed: it does not give its hash in the chain." in found.stdout


def test_the_program_in_words(export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(export.folder(tmp_path / "export"))
    public = KEY.public_key().public_bytes_raw()
    assert main([root]) == 0
    checkpoint = json.loads(export.files["checkpoints.json"])[2]
    assert capsys.readouterr().out == (
        "Audit export 'partner acme, March 2026', made '2026-04-01T00:00:00Z' by gateway '0.1.0'.\n"
        "Files: 9 listed; 1 payloads are stated as deleted.\n"
        "Chain: 9 entries shown of 12 in 2 ranges (1 to 6, 7 to 12).\n"
        "Period of the shown entries: '2026-03-02T09:01:00Z' to '2026-03-02T09:12:00Z'.\n"
        "Checkpoints with a right signature: 3.\n"
        f"  The newest is of entry 12, '2026-03-03': {checkpoint['hash']}\n"
        f"Fingerprint of the key: {fingerprint_of(public)}\n"
        "  This is proof only if the key is the supplier's. Compare the fingerprint with the one\n"
        "  that the supplier publishes, not with one that came with the export.\n"
        "\nNo problems were found.\n"
    )
    for known in (["--key", public.hex()], ["--fingerprint", fingerprint_of(public)]):
        assert main([root, *known]) == 0
        assert "supplier" not in capsys.readouterr().out
    for wrong in (["--key", "00" * 32], ["--fingerprint", "00" * 32]):
        assert main([root, *wrong]) == 1
        assert "\nPROBLEMS: 1\n- The export is signed with another key" in capsys.readouterr().out


def test_what_cannot_be_checked_ends_with_2(
    export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(export.folder(tmp_path / "export"))
    (tmp_path / "no.zip").write_bytes(b"PK\3\4 rubbish")
    for path in ("no.zip", "nothing"):
        assert main([str(tmp_path / path)]) == 2
        assert "is no folder and no readable zip file" in capsys.readouterr().out
    for wrong in (["--key", ""], ["--key", "zz"], ["--fingerprint", ""], ["--fingerprint", "12"]):
        assert main([root, *wrong]) == 2
        assert "hex digits" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main([root, "--unknown"])
    assert ended.value.code == 2
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty")]) == 1
    assert "PROBLEMS: 1" in capsys.readouterr().out


def test_names_and_words_cannot_steer_a_terminal(export: Export, tmp_path: Path) -> None:
    export.files["\x1b[2J\nNo problems were found."] = b""
    export.sign(scope="a\x1b[2Jé\ud800")
    export.files["\x1b[2J more ü"] = b""
    found = run(sys.executable, "-I", "-S", SCRIPT, export.folder(tmp_path / "export"))
    assert (found.returncode, found.stderr) == (1, "")
    assert "\x1b" not in found.stdout
    assert found.stdout.count("\n\nPROBLEMS: 1\n") == 1


def test_a_file_that_may_not_be_read_is_told(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(path: Path) -> IO[bytes]:
        if path.name == "0.edi":
            raise PermissionError("not for you")
        return path.open("rb")

    monkeypatch.setattr(verifier, "_open", refusing)
    assert verify(export.folder(tmp_path / "export")) == ["'payloads/0.edi' cannot be read: not for you."]
