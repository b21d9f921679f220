"""C2SP signed notes: "Checkpoint, keys, records" in docs/AUDIT.md."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Optional

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .report import Malformed
from .values import read_time

LONGEST_NOTE = 1 << 20
MOST_SIGNATURES = 100


def read_note(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(LONGEST_NOTE + 1)
    if len(content) > LONGEST_NOTE:
        raise Malformed("too long for a note")
    return content


def read_base64(text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("no base64") from None
    if base64.b64encode(content).decode() != text:
        raise Malformed("base64 that is not written as it has to be")
    return content


def whole_number(text: str) -> int:
    """As a tree's size is written, up to 2^64 - 1."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,19}", text) or int(text) >= 1 << 64:
        raise Malformed("no size of a tree")
    return int(text)


# What a public key is for, its first byte: to sign notes, or to cosign checkpoints.
LOG, WITNESS = 1, 4


@dataclass(frozen=True)
class Key:
    """A public key of Ed25519, of C2SP signed-note or, when it is a witness's, of C2SP tlog-cosignature."""

    name: str
    id: bytes
    kind: int
    public: bytes
    text: str

    @classmethod
    def read(cls, text: str, kind: int = LOG) -> Key:
        parts = text.split("+", 2)
        if len(parts) != 3 or not is_key_name(parts[0]) or not re.fullmatch("[0-9a-f]{8}", parts[1]):
            raise Malformed("a key is <name>+<8 hexadecimal digits>+<base64>")
        name, public = parts[0], read_base64(parts[2])
        if len(public) != 33 or public[0] != kind:
            raise Malformed(f"it is no key of the type {kind}")
        key_id = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
        if key_id.hex() != parts[1]:
            raise Malformed("the key has another id than it says")
        return cls(name, key_id, kind, public[1:], text)

    def signed(self, text: bytes, signature: bytes) -> bool:
        if self.kind == WITNESS:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            if time >= 1 << 63:
                return False
            text = b"cosignature/v1\ntime %d\n" % time + text
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


def is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)


@dataclass(frozen=True)
class Note:
    text: bytes
    signatures: list[tuple[str, bytes, bytes]]  # name, key id, signature

    @classmethod
    def read(cls, content: bytes) -> Note:
        try:
            whole = content.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("the note is not UTF-8") from None
        if any(character < " " and character != "\n" for character in whole):
            raise Malformed("the note has a control character")
        text, gap, below = whole.rpartition("\n\n")
        if not gap or not below.endswith("\n"):
            raise Malformed("the note has no signatures")
        signatures, lines = [], below[:-1].split("\n")
        if len(lines) > MOST_SIGNATURES:
            raise Malformed("the note has too many signatures")
        for line in lines:
            parts = line.split(" ")
            if len(parts) != 3 or parts[0] != "\u2014" or not is_key_name(parts[1]):
                raise Malformed("the note has a line that is no signature")
            signature = read_base64(parts[2])
            if len(signature) < 5:
                raise Malformed("the note has a signature that is too short")
            signatures.append((parts[1], signature[:4], signature[4:]))
        return cls((text + "\n").encode(), signatures)

    def signed_by(self, key: Key) -> bool:
        """Whether the key has signed it: it has lines of the key, and none of them is wrong."""
        signatures = self.of(key)
        return bool(signatures) and all(key.signed(self.text, signature) for signature in signatures)

    def cosigned_by(self, witness: Key) -> bool:
        """Whether a witness has: of several lines, one that is right suffices."""
        return any(witness.signed(self.text, signature) for signature in self.of(witness))

    def of(self, key: Key) -> list[bytes]:
        """The signatures that say they are this key's."""
        return [signature for name, key_id, signature in self.signatures if (name, key_id) == (key.name, key.id)]


@dataclass(frozen=True)
class Checkpoint:
    note: Note
    origin: str
    size: int
    root: bytes
    recorded_at: Optional[datetime]  # of the last event

    @classmethod
    def read(cls, content: bytes) -> Checkpoint:
        note = Note.read(content)
        lines = note.text.decode().split("\n")[:-1]
        if len(lines) < 3 or not all(lines):
            raise Malformed("a checkpoint has an origin, a size and a root")
        root = read_base64(lines[2])
        if len(root) != 32:
            raise Malformed("a root has 32 bytes")
        times = [line[len("recorded_at ") :] for line in lines[3:] if line.startswith("recorded_at ")]
        return cls(note, lines[0], whole_number(lines[1]), root, read_time(times[0]) if times else None)


@dataclass(frozen=True)
class Record:
    """That one key follows another."""

    note: Note
    origin: str
    after: int
    key: Key

    @classmethod
    def read(cls, content: bytes) -> Record:
        note = Note.read(content)
        lines = note.text.decode().split("\n")[:-1]
        if len(lines) != 4 or lines[0] != "daybook checkpoint key 1":
            raise Malformed("no record of keys")
        key = Key.read(lines[3])
        if key.name != lines[1]:
            raise Malformed("a key never changes its name")
        return cls(note, lines[1], whole_number(lines[2]), key)
