#!/usr/bin/env python3
"""Check an export of a ledger, offline: `verify_export.py FOLDER --key VKEY [--checkpoint FILE]`.

Written from docs/AUDIT.md alone, which says what each check means, so that it can be read as the
reference for one in another language. Prints the report as JSON; exits with 0 when nothing is
wrong, 2 when something is, 1 when it could not look. Python 3.9, and `cryptography` for Ed25519.

A file is read once from its beginning, so memory is the book of the ledger (accounts, wallets,
holds, streams) and an index of its transactions, see `TransactionIndex`.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
import uuid
from array import array
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO, Callable, Iterable, Iterator, NamedTuple, NoReturn, Optional

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MOST_FINDINGS = 1_000
LONGEST_LINE = 16 << 20
LONGEST_BALANCE = 1 << 16
LONGEST_NOTE = 1 << 20
MOST_SIGNATURES = 100
MOST_POSTINGS = 1_000
TILE = 256
KEPT_DAYS = 35
# Amounts are whole numbers of 10^-28 of the major unit: no asset has to be known to read one.
DECIMALS = 28
EXACT = 1 << 96
MOST_DECIMALS = 18  # of an asset that a ledger registers

BUILT_IN_SCALES = {
    18: "AAVE AVAX BNB DAI ETC ETH LINK POL UNI",
    12: "XMR",
    10: "DOT",
    9: "SOL SUI TON",
    8: "BCH BTC DOGE LTC WBTC ZEC",
    7: "XLM",
    6: "ADA ALGO ATOM EURC PYUSD TRX USDC USDT XRP XTZ",
    4: "CLF UYW",
    3: "BHD IQD JOD KWD LYD OMR TND",
    2: """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
        CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP
        GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK
        LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK
        NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD
        SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD
        XCG YER ZAR ZMW ZWG ZWL""",
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
}

# Aggregate types whose events move nothing here, and these events.
OTHER_EVENTS = {
    "payment": """PaymentCreated PaymentRerouted PaymentAwaitingPayer PaymentAuthorized PaymentReleased
        PaymentFailed PaymentExpired PaymentCaptured UnexpectedPaymentCaptured PaymentFeesRecorded
        PaymentCredited RefundRequested RefundPending RefundSucceeded RefundDiscovered RefundMatched
        RefundFailed DisputeOpened DisputeClosed DisputeWon DisputeLost DisputeFeesRecorded""",
    "payout": """PayoutRequested PayoutApproved PayoutDeclined PayoutCancelled PayoutSubmitted
        PayoutNotAccepted PayoutProcessing PayoutSucceeded PayoutFeesRecorded PayoutFailed
        PayoutReturned""",
    "beneficiary": "BeneficiaryAdded BeneficiaryVerified BeneficiaryRemoved",
    "settlement": "SettlementRecorded SettlementBreakFound SettlementBreakResolved",
    "verification_case": """CaseOpened DocumentsRequested DocumentReceived DocumentRemoved
        CaseSubmitted FindingNoted CaseReviewStarted CaseApproved CaseRejected CaseExpired CaseReset
        ReverificationDue""",
    "onboarding": """OnboardingStarted OnboardingContactVerified OnboardingContactRemoved
        OnboardingVerificationSeen OnboardingOwnerAwaited OnboardingReminderSent OnboardingCompleted
        OnboardingRejected OnboardingExpired OnboardingCancelled OnboardingResumed""",
    "profile": "ProfileRecorded ProfileErased",
}


class CannotLook(Exception):
    """The check could not be made at all."""


class Malformed(Exception):
    """Something is not written as it has to be."""


class RuleBroken(Exception):
    """An event may not stand where it stands."""


# ---------------------------------------------------------------- report


@dataclass
class Report:
    """What is printed, member by member."""

    ledger: Optional[str] = None
    origin: Optional[str] = None
    size: Optional[int] = None
    root: Optional[str] = None
    signed_by: Optional[str] = None
    events: int = 0
    transactions: int = 0
    accounts: int = 0
    consistent_checkpoints: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)
    findings_left_out: int = 0

    def find(self, code: str, position: Optional[int], detail: str, account: Optional[str] = None) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append({"code": code, "position": position, "account": account, "detail": detail})
        else:
            self.findings_left_out += 1

    def as_json(self) -> str:
        return json.dumps({"ok": not self.findings, **vars(self)}, indent=2)


# ---------------------------------------------------------------- JSON


class Repeated(dict):
    """An object that has a member twice; `type(x) is dict` tells it from others."""


def of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Repeated(members)


def whole(digits: str) -> Any:
    # Python does not read thousands of digits; no number that matters has more than 20.
    return int(digits) if len(digits) <= 20 else float(digits)


def no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


JSON = json.JSONDecoder(object_pairs_hook=of_pairs, parse_int=whole, parse_constant=no_number)


def read_json(text: bytes) -> Any:
    """One JSON value as RFC 8259 has it: no NaN, and UTF-8 that is right."""
    try:
        return JSON.decode(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no JSON: {str(error)[:200]}") from None


# ---------------------------------------------------------------- tree


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


class Tree:
    """A Merkle tree that grows to the right; of its nodes only those of the right edge are kept."""

    def __init__(self) -> None:
        self.complete: list[tuple[int, bytes]] = []  # subtrees, leaves and root, from left to right

    def add(self, node: bytes, leaves: int = 1) -> None:
        """Add a complete subtree, which is not larger than those to the left of it."""
        while self.complete and self.complete[-1][0] == leaves:
            _, left = self.complete.pop()
            leaves, node = 2 * leaves, self.parent(left, node)
        self.complete.append((leaves, node))

    def root(self) -> bytes:
        if not self.complete:
            return hashlib.sha256(b"").digest()
        _, root = self.complete[-1]
        for _, left in reversed(self.complete[:-1]):
            root = self.parent(left, root)
        return root

    @staticmethod
    def parent(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()


def tile_path(folder: Path, level: int, number: int, width: int) -> Path:
    number, last = divmod(number, 1000)
    name = f"{last:03}"
    while number:
        number, part = divmod(number, 1000)
        name = f"x{part:03}/{name}"
    return folder / "tile" / str(level) / (name if width == TILE else f"{name}.p/{width}")


def read_tile(folder: Path, level: int, number: int, size: int) -> list[bytes]:
    """The hashes of one tile of a tree of `size` leaves."""
    width = min(TILE, (size >> (8 * level)) - TILE * number)
    path = tile_path(folder, level, number, width)
    try:
        with path.open("rb") as file:
            hashes = file.read(32 * width + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise Malformed(f"{path.relative_to(folder)} is missing") from None
    if len(hashes) != 32 * width:
        raise Malformed(f"{path.relative_to(folder)} has not {width} hashes")
    return [hashes[at : at + 32] for at in range(0, len(hashes), 32)]


def check_tiles(folder: Path, size: int, root: bytes) -> None:
    """Every tile is made of those below, and level 0 makes the root."""
    unfinished: list[list[bytes]] = []  # by level, what the tile that is not full yet has to be

    def finish(level: int) -> None:
        number = ((size >> (8 * level)) - 1) // TILE if len(unfinished[level]) < TILE else done[level]
        if level > 0 and read_tile(folder, level, number, size) != unfinished[level]:
            raise Malformed(f"tile {number} of level {level} is not made of those below")

    done: list[int] = []  # by level, how many full tiles there were

    def add(level: int, node: bytes) -> None:
        if level == len(unfinished):
            unfinished.append([])
            done.append(0)
        unfinished[level].append(node)
        if len(unfinished[level]) == TILE:
            finish(level)
            tile = Tree()
            for below in unfinished[level]:
                tile.add(below)
            unfinished[level], done[level] = [], done[level] + 1
            add(level + 1, tile.root())

    for number in range(-(-size // TILE)):
        for node in read_tile(folder, 0, number, size):
            add(0, node)
    tree = Tree()
    for level in reversed(range(len(unfinished))):
        if unfinished[level]:
            finish(level)
        for node in unfinished[level]:
            tree.add(node, TILE**level)
    if tree.root() != root:
        raise Malformed("the tiles have another root than the checkpoint")


# ---------------------------------------------------------------- notes and keys


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


@dataclass(frozen=True)
class Key:
    """A public key of C2SP signed-note, of the type Ed25519."""

    name: str
    id: bytes
    public: bytes
    text: str

    @classmethod
    def read(cls, text: str) -> Key:
        parts = text.split("+", 2)
        if len(parts) != 3 or not is_key_name(parts[0]) or not re.fullmatch("[0-9a-fA-F]{8}", parts[1]):
            raise Malformed("a key is <name>+<8 hexadecimal digits>+<base64>")
        name, public = parts[0], read_base64(parts[2])
        if len(public) != 33 or public[0] != 1:
            raise Malformed("the key is none of Ed25519")
        key_id = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
        if key_id != bytes.fromhex(parts[1]):
            raise Malformed("the key has another id than it says")
        return cls(name, key_id, public[1:], text)

    def signed(self, text: bytes, signature: bytes) -> bool:
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


class Trust:
    """The keys that are trusted, each with the largest size that it may sign."""

    def __init__(self, given: Iterable[Key], records: list[Record]) -> None:
        self.ends: dict[Key, Optional[int]] = dict.fromkeys(given)
        self.disagreeing: list[Key] = []  # that have signed records of different texts
        keys = list(self.ends)
        for key in keys:
            following = [
                record
                for record in records
                if record.origin == key.name and any(key.signed(record.note.text, s) for s in record.note.of(key))
            ]
            if following:
                first = min(following, key=lambda record: (record.after, record.key.text.encode()))
                if any(record.note.text != first.note.text for record in following):
                    self.disagreeing.append(key)
                self.ends[key] = first.after
                if first.key not in self.ends:
                    self.ends[first.key] = None
                    keys.append(first.key)

    def signer(self, checkpoint: Checkpoint, what: str, report: Report) -> Optional[Key]:
        """The key that signed it; when none did, or not as it has to be, that is a finding."""
        signers, retired, wrong = [], [], False
        for key, end in self.ends.items():
            for signature in checkpoint.note.of(key):
                if not key.signed(checkpoint.note.text, signature):
                    wrong = True
                elif end is not None and checkpoint.size > end:
                    retired.append(key)
                else:
                    signers.append(key)
        if wrong:
            report.find("signature_wrong", None, f"a signature of {what} is not its key's")
        elif signers:
            return signers[0]
        elif retired:
            report.find("key_retired", None, f"{what} is signed by a key that another one had followed")
        else:
            report.find("signature_unknown", None, f"{what} is signed by no trusted key")
        return None


# ---------------------------------------------------------------- values in events

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LEDGER = re.compile(r"[a-z][a-z0-9_]{0,39}")
TIER = re.compile(r"[a-z][a-z0-9_]{0,23}")
PRINTABLE = r"[^\x00-\x1f\x7f-\x9f]"
OWNER = re.compile(rf"(?!\s){PRINTABLE}{{1,128}}(?<!\s)")
REFERENCE = re.compile(rf"{PRINTABLE}{{1,256}}")
ASSET = re.compile(r"[A-Z][A-Z0-9._-]{0,23}")
SYSTEM_ACCOUNT = re.compile(r"[a-z][a-z0-9_.-]{0,47}")
HOLDER = re.compile(f"wallet:{UUID.pattern}|system:{SYSTEM_ACCOUNT.pattern}")
DECIMAL = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?")
TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9:]{8})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Reader = Callable[[Any], Any]


class Amount(NamedTuple):
    units: int  # of 10^-28
    decimals: int  # without zeros at the end


def read_decimal(value: Any) -> Amount:
    match = DECIMAL.fullmatch(value) if type(value) is str else None
    if not match:
        raise Malformed("an amount is plain decimal digits")
    whole, decimals = match[1], match[2] or ""
    if len(whole) > DECIMALS + 1 or len(decimals) > DECIMALS or int(whole + decimals) >= EXACT:
        raise Malformed("an amount has more digits than can be kept exactly")
    return Amount(int(whole + decimals) * 10 ** (DECIMALS - len(decimals)), len(decimals.rstrip("0")))


def read_amount(value: Any) -> Amount:
    amount = read_decimal(value)
    if amount.units == 0:
        raise Malformed("an amount is above zero")
    return amount


def read_time(value: Any) -> datetime:
    match = TIME.fullmatch(value) if type(value) is str else None
    if not match:
        raise Malformed("a time is written as RFC 3339")
    micros = ((match[3] or "") + "000000")[:6]
    offset = "+00:00" if match[4] in "Zz" else match[4]
    try:
        time = datetime.fromisoformat(f"{match[1]}T{match[2]}.{micros}{offset}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise Malformed("there is no such time") from None
    if not 1900 <= time.year <= 2199:
        raise Malformed("a time is in the years 1900 to 2199")
    return time


def read_day(value: Any) -> date:
    try:
        return date.fromisoformat(matching(DAY)(value))
    except ValueError:
        raise Malformed("there is no such day") from None


def read_text(value: Any) -> str:
    if type(value) is not str:
        raise Malformed("a text was expected")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("a text has half a character") from None
    return value


def read_any(value: Any) -> Any:
    return value


def whole_of(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Malformed(f"a whole number from {least} to {most} was expected")
        return value

    return read


def matching(pattern: re.Pattern[str]) -> Reader:
    def read(value: Any) -> str:
        if not pattern.fullmatch(read_text(value)):
            raise Malformed(f"{value[:60]!r} is not written as it has to be")
        return value

    return read


def one_of(*words: str) -> Reader:
    def read(value: Any) -> str:
        if type(value) is not str or value not in words:
            raise Malformed(f"one of {', '.join(words)} was expected")
        return value

    return read


def list_of(reader: Reader) -> Reader:
    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Malformed("a list was expected")
        return [reader(item) for item in value]

    return read


def map_of(key_reader: Reader, reader: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Malformed("an object was expected")
        return {key_reader(key): reader(member) for key, member in value.items()}

    return read


def object_of(needed: dict[str, Reader], others: Optional[dict[str, Reader]] = None) -> Reader:
    """An object with these members and no more; of the others, those that are absent are None."""
    readers = {**needed, **(others or {})}

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Malformed("an object was expected, with each member once")
        result = dict.fromkeys(readers)
        for name, member in value.items():
            if name not in readers:
                raise Malformed(f"{name[:60]!r} is no member here")
            if member is not None or name in needed:
                result[name] = readers[name](member)
        for name in needed:
            if name not in value:
                raise Malformed(f"{name!r} is missing")
        return result

    return read


def choice_of(words: Iterable[str], reader: Reader, *names: str) -> Reader:
    """One of the words, or `{name: …}`; read as the word, or as the pair of name and value."""
    word = one_of(*words)

    def read(value: Any) -> Any:
        if type(value) is str:
            return word(value)
        if type(value) is not dict or len(value) != 1:
            raise Malformed("a word, or an object with one member was expected")
        ((name, member),) = value.items()
        if name not in names:
            raise Malformed(f"{name[:60]!r} is no member here")
        return name, reader(member)

    return read


class Usage(NamedTuple):
    """What counts towards limits: entries are (owner, flow, asset, units, day)."""

    counted: tuple[tuple[str, str, str, int, date], ...] = ()
    given_back: tuple[tuple[str, str, str, int, date], ...] = ()


def usage_reader() -> Reader:
    entry = object_of(
        {
            "owner": matching(UUID),
            "flow": one_of("incoming", "outgoing"),
            "asset": matching(ASSET),
            "amount": read_amount,
            "day": read_day,
        }
    )
    lists = object_of({}, {"counted": list_of(entry), "given_back": list_of(entry)})

    def entries(values: Optional[list[dict[str, Any]]]) -> tuple[Any, ...]:
        return tuple((e["owner"], e["flow"], e["asset"], e["amount"].units, e["day"]) for e in values or ())

    def read(value: Any) -> Usage:
        usage = lists(value)
        return Usage(entries(usage["counted"]), entries(usage["given_back"]))

    return read


def event_readers() -> dict[str, dict[str, Reader]]:
    """By aggregate type and event type, what reads the payload."""
    holder, asset, an_id, tier = matching(HOLDER), matching(ASSET), matching(UUID), matching(TIER)
    owner, reference, usage = matching(OWNER), matching(REFERENCE), usage_reader()
    words = {"reference": reference, "metadata": map_of(read_text, read_text)}
    account = object_of({"name": matching(SYSTEM_ACCOUNT), "normal_side": one_of("debit", "credit")})
    overdraft = choice_of(("forbidden", "unlimited"), read_amount, "up_to")
    operations = list_of(one_of("deposit", "withdrawal", "send", "receive", "conversion", "payout"))
    bounds = object_of({}, dict.fromkeys(("per_transaction", "per_day", "per_month"), read_amount))
    rules = object_of(
        {"other_assets": one_of("forbidden", "unlimited")},
        {
            "operations": operations,
            "assets": map_of(
                asset,
                object_of(
                    {}, {"operations": operations, "incoming": bounds, "outgoing": bounds, "balance": read_amount}
                ),
            ),
            "utc_offset_minutes": whole_of(-720, 840),
        },
    )
    posting = object_of({"source": holder, "destination": holder, "asset": asset, "amount": read_amount})
    cause = choice_of(("request",), an_id, "revert", "capture", "payment", "payout", "settlement")
    manager = choice_of((), an_id, "payment", "payout")
    source = choice_of(("staff",), an_id, "case")
    grant = object_of({"owner": owner, "tier": tier, "source": source}, {"by": read_text, "reason": reference})
    registered = {"code": asset, "scale": whole_of(0, (1 << 32) - 1), "kind": one_of("currency", "crypto", "custom")}
    released = {"source": holder, "asset": asset, "released": read_amount}
    reason = {"reason": reference}
    return {
        "ledger": {
            "LedgerOpened": object_of({"name": matching(LEDGER), "system_accounts": list_of(account)}),
            "AssetRegistered": object_of({"asset": object_of(registered)}),
            "SystemAccountOpened": object_of({"account": account}),
            "TierSet": object_of({"tier": tier, "rules": rules}),
            "DefaultTierSet": object_of({"tier": tier}),
            "PaymentPolicySet": read_any,
        },
        "wallet": {
            "WalletOpened": object_of({"owner": owner}, {"overdraft": map_of(asset, overdraft), **words}),
            "WalletFrozen": object_of({"scope": one_of("debits", "credits", "all")}, reason),
            "WalletUnfrozen": object_of({}, reason),
            "WalletOverdraftSet": object_of({"asset": asset, "overdraft": overdraft}),
            "WalletClosed": object_of({}, reason),
        },
        "transaction": {
            "TransactionPosted": object_of(
                {"postings": list_of(posting), "effective_at": read_time}, {"cause": cause, "usage": usage, **words}
            ),
            "TransactionReverted": object_of({"reverting_transaction": an_id}),
        },
        "hold": {
            "HoldPlaced": object_of(
                {"source": holder, "asset": asset, "amount": read_amount},
                {"destination": holder, "expires_at": read_time, "manager": manager, "usage": usage, **words},
            ),
            "HoldCaptured": object_of(
                {
                    "source": holder,
                    "asset": asset,
                    "destination": holder,
                    "amount": read_amount,
                    "transaction": an_id,
                },
                {"released": read_amount, "remaining": read_amount, "usage": usage},
            ),
            "HoldVoided": object_of(released, {"usage": usage, **reason}),
            "HoldExpired": object_of(released, {"usage": usage}),
        },
        "owner": {"TierGranted": grant, "TierWithdrawn": grant},
        **{kind: dict.fromkeys(names.split(), read_any) for kind, names in OTHER_EVENTS.items()},
    }


# ---------------------------------------------------------------- lines


@dataclass(frozen=True)
class Line:
    """A line of events, before it is known whether its payload can be read."""

    ledger: str
    position: int
    recorded_at: datetime
    aggregate_type: str
    aggregate_id: str
    sequence: int
    event_type: str
    event_version: str
    payload: Any
    metadata: Any
    personal: Optional[str]


@dataclass(frozen=True)
class Event:
    ledger: str
    position: int
    recorded_at: datetime
    aggregate_type: str
    aggregate_id: str
    sequence: int
    event_type: str
    payload: Any
    command_id: str
    offset: int


def leaf_of(line: bytes) -> bytes:
    for ending in (b',"personal":"sealed"}', b',"personal":"erased"}'):
        if line.endswith(ending):
            return line[: -len(ending)] + b"}"
    return line


class LineReader:
    """Reads lines, and the events in them."""

    def __init__(self) -> None:
        self.line = object_of(
            {
                "ledger": read_text,
                "position": whole_of(1, (1 << 63) - 1),
                "recorded_at": read_time,
                "aggregate_type": read_text,
                "aggregate_id": read_text,
                "sequence": whole_of(-(1 << 63), (1 << 63) - 1),
                "event_type": read_text,
                "event_version": read_text,
                "payload": read_any,
                "metadata": read_any,
            },
            {"personal": one_of("sealed", "erased")},
        )
        self.payloads = event_readers()
        self.is_id = UUID.fullmatch
        self.is_ledger = LEDGER.fullmatch

    def read(self, text: bytes) -> Line:
        return Line(**self.line(read_json(text)))

    def event(self, line: Line, offset: int) -> Event:
        readers = self.payloads.get(line.aggregate_type)
        if readers is None:
            raise Malformed(f"there is no aggregate type {line.aggregate_type[:60]!r}")
        is_id = self.is_ledger if line.aggregate_type == "ledger" else self.is_id
        if not is_id(line.aggregate_id):
            raise Malformed(f"{line.aggregate_id[:60]!r} is no id of a {line.aggregate_type}")
        if line.event_type not in readers or line.event_version != "1":
            raise Malformed(f"there is no {line.event_type[:60]} version {line.event_version[:60]}")
        if type(line.payload) is not dict or list(line.payload) != [line.event_type]:
            raise Malformed("the payload has not the type of the event as its only member")
        if type(line.metadata) is not dict:
            raise Malformed("metadata is an object, with each member once")
        return Event(
            line.ledger,
            line.position,
            line.recorded_at,
            line.aggregate_type,
            line.aggregate_id,
            line.sequence,
            line.event_type,
            readers[line.event_type](line.payload[line.event_type]),
            matching(UUID)(line.metadata.get("command_id")),
            offset,
        )


# ---------------------------------------------------------------- limits


@dataclass
class Owner:
    """What is known of one owner for limits."""

    holders: list[Holder] = field(default_factory=list)
    grants: list[tuple[Any, str]] = field(default_factory=list)  # source and tier, the last one counts
    sums: dict[tuple[str, str, date], int] = field(default_factory=dict)  # by asset, flow and day
    last_day: date = date.min


class Flows:
    """What goes out and comes in of one owner in one asset by a movement, and as which operations."""

    def __init__(self) -> None:
        self.outgoing = 0
        self.incoming = 0
        self.operations: set[str] = set()


class Limits:
    """Tiers, who has them, and what is used of them."""

    def __init__(self) -> None:
        self.tiers: dict[str, dict[str, Any]] = {}
        self.default: Optional[str] = None
        self.owners: dict[str, Owner] = {}

    def owner(self, owner_id: str) -> Owner:
        return self.owners.setdefault(owner_id, Owner())

    def tier_of(self, owner_id: str) -> Optional[dict[str, Any]]:
        grants = self.owner(owner_id).grants
        name = grants[-1][1] if grants else self.default
        return self.tiers.get(name) if name is not None else None

    def movement(
        self, flows: dict[tuple[str, str], Flows], time: datetime, outgoing: bool = True
    ) -> Optional[Usage]:
        """The usage of a movement that is allowed. `outgoing` is false where that side was judged before."""
        counted = []
        for (owner_id, asset), flow in sorted(flows.items()):
            tier = self.tier_of(owner_id)
            if tier is None:
                continue
            limits = (tier["assets"] or {}).get(asset)
            if limits is None and tier["other_assets"] == "forbidden":
                raise RuleBroken(f"the tier does not allow {asset}")
            limits = limits or {}
            allowed = limits.get("operations")
            allowed = tier["operations"] if allowed is None else allowed
            if allowed is not None and not flow.operations.issubset(allowed):
                raise RuleBroken(f"the tier does not allow all of {', '.join(sorted(flow.operations))} in {asset}")
            day = (time + timedelta(minutes=tier["utc_offset_minutes"] or 0)).date()
            for name, units in (("outgoing", flow.outgoing if outgoing else 0), ("incoming", flow.incoming)):
                if units > 0 and self.is_counted(limits.get(name) or {}, owner_id, asset, name, units, day):
                    counted.append((owner_id, name, asset, units, day))
            balance = limits.get("balance")
            if balance is not None and flow.incoming > flow.outgoing:
                accounts = [holder.accounts.get(asset) for holder in self.owner(owner_id).holders]
                before = sum(account.credits - account.debits for account in accounts if account)
                if before + flow.incoming - flow.outgoing > balance.units:
                    raise RuleBroken(f"the owner would hold more {asset} than the tier allows")
        return Usage(counted=tuple(counted)) if counted else None

    def is_counted(
        self, bounds: dict[str, Optional[Amount]], owner_id: str, asset: str, flow: str, units: int, day: date
    ) -> bool:
        sums = self.owner(owner_id).sums
        used_on_day = sums.get((asset, flow, day), 0)
        used_in_month = sum(
            used
            for (of_asset, of_flow, of_day), used in sums.items()
            if (of_asset, of_flow, of_day.year, of_day.month) == (asset, flow, day.year, day.month)
        )
        for name, used in (("per_transaction", 0), ("per_day", used_on_day), ("per_month", used_in_month)):
            bound = bounds.get(name)
            if bound is not None and used + units > bound.units:
                raise RuleBroken(f"{flow} {asset} is above the limit {name}")
        return bounds.get("per_day") is not None or bounds.get("per_month") is not None

    def use(self, usage: Optional[Usage]) -> None:
        """Count what is counted, give back what is given back."""
        for owner_id, flow, asset, units, day in usage.counted if usage else ():
            owner = self.owner(owner_id)
            if day > owner.last_day:
                owner.last_day = day
                oldest = day - timedelta(days=KEPT_DAYS)
                owner.sums = {key: used for key, used in owner.sums.items() if key[2] >= oldest}
            owner.sums[asset, flow, day] = owner.sums.get((asset, flow, day), 0) + units
        for owner_id, flow, asset, units, day in usage.given_back if usage else ():
            sums = self.owner(owner_id).sums
            if (asset, flow, day) in sums:
                if units > sums[asset, flow, day]:
                    raise RuleBroken("more is given back than was counted")
                sums[asset, flow, day] -= units


# ---------------------------------------------------------------- the book


@dataclass
class Account:
    debits: int = 0
    credits: int = 0
    pending: int = 0


@dataclass
class Holder:
    """A wallet, or a system account when it has no owner."""

    name: str
    owner: Optional[str] = None
    overdrafts: dict[str, Any] = field(default_factory=dict)
    frozen: Optional[str] = None  # debits, credits or all
    closed: bool = False
    accounts: dict[str, Account] = field(default_factory=dict)

    def account(self, asset: str) -> Account:
        return self.accounts.setdefault(asset, Account())

    def check_bound(self, asset: str) -> None:
        """What is available is not below zero."""
        overdraft = self.overdrafts.get(asset, "forbidden")
        if self.owner is None or overdraft == "unlimited":
            return
        allowed = 0 if overdraft == "forbidden" else overdraft[1].units
        account = self.account(asset)
        if account.credits + allowed < account.debits + account.pending:
            raise RuleBroken(f"{self.name}:{asset} has too little")


@dataclass
class Hold:
    source: str
    asset: str
    left: int
    expires_at: Optional[datetime]
    manager: Any
    counted: Optional[tuple[str, str, str, int, date]]  # the entry, if it counted


class Expected(NamedTuple):
    """The transaction that has to be the very next event."""

    transaction: str
    postings: list[tuple[str, str, str, int]]
    causes: tuple[Any, ...]
    given_back: Optional[Usage] = None  # of a revert


class TransactionIndex:
    """By a transaction's id, where its line begins, and whether it was reverted.

    There may be very many: a table of open addressing with 24 bytes a slot, at most three quarters full.
    """

    def __init__(self) -> None:
        self.count = 0
        self.slots = array("Q", bytes(24 * 1024))  # two halves of an id, and 2 * offset + reverted + 2

    def slot(self, high: int, low: int) -> int:
        """Where it stands, or where it would."""
        slots, most = self.slots, len(self.slots) // 3
        at = hash((high, low)) % most
        while slots[3 * at + 2] and (slots[3 * at], slots[3 * at + 1]) != (high, low):
            at = (at + 1) % most
        return 3 * at

    def get(self, transaction: str) -> Optional[tuple[int, bool]]:
        value = self.slots[self.slot(*self.halves(transaction)) + 2]
        return ((value >> 1) - 1, bool(value & 1)) if value else None

    def set(self, transaction: str, offset: int, reverted: bool = False) -> None:
        at = self.slot(*self.halves(transaction))
        if not self.slots[at + 2]:
            self.count += 1
        self.slots[at], self.slots[at + 1] = self.halves(transaction)
        self.slots[at + 2] = 2 * (offset + 1) + reverted
        if 4 * self.count > len(self.slots):
            before, self.slots = self.slots, array("Q", bytes(16 * len(self.slots)))
            for old in range(0, len(before), 3):
                if before[old + 2]:
                    at = self.slot(before[old], before[old + 1])
                    self.slots[at : at + 3] = before[old : old + 3]

    @staticmethod
    def halves(transaction: str) -> tuple[int, int]:
        number = int(transaction.replace("-", ""), 16)
        return number >> 64, number & ((1 << 64) - 1)


def owner_id(name: str) -> str:
    namespace = uuid.UUID("64617962-6f6f-6b2d-8000-7061796d656e")
    digest = hashlib.sha1(namespace.bytes + b"owner\xff" + name.encode() + b"\xff").digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))


class Book:
    """What follows from the events so far; `follow` one after the other."""

    def __init__(self, transaction_at: Callable[[int], Event]) -> None:
        self.transaction_at = transaction_at
        self.ledger: Optional[str] = None
        self.scales = {code: scale for scale, codes in BUILT_IN_SCALES.items() for code in codes.split()}
        self.holders: dict[str, Holder] = {}
        self.holds: dict[str, Hold] = {}
        self.limits = Limits()
        self.transactions = TransactionIndex()
        self.sequences: dict[tuple[str, str], int] = {}  # of all streams but transactions
        self.expected: Optional[Expected] = None
        self.command: Optional[str] = None
        self.in_command: set[tuple[str, str]] = set()  # the streams that the command has written to
        self.handlers: dict[str, Callable[[Event, Any], None]] = {
            "LedgerOpened": self.ledger_opened,
            "AssetRegistered": self.asset_registered,
            "SystemAccountOpened": self.system_account_opened,
            "TierSet": self.tier_set,
            "DefaultTierSet": self.default_tier_set,
            "WalletOpened": self.wallet_opened,
            "WalletFrozen": self.wallet_frozen,
            "WalletUnfrozen": self.wallet_unfrozen,
            "WalletOverdraftSet": self.wallet_overdraft_set,
            "WalletClosed": self.wallet_closed,
            "TransactionPosted": self.transaction_posted,
            "TransactionReverted": self.transaction_reverted,
            "HoldPlaced": self.hold_placed,
            "HoldCaptured": self.hold_captured,
            "HoldVoided": self.hold_ended,
            "HoldExpired": self.hold_ended,
            "TierGranted": self.tier_granted,
            "TierWithdrawn": self.tier_withdrawn,
        }

    def expected_sequence(self, event: Event) -> int:
        if event.aggregate_type != "transaction":
            return self.sequences.get((event.aggregate_type, event.aggregate_id), 0) + 1
        posted = self.transactions.get(event.aggregate_id)
        return 1 if posted is None else 2 + posted[1]

    def follow(self, event: Event) -> None:
        """Take in one event whose sequence is right."""
        stream = (event.aggregate_type, event.aggregate_id)
        if self.ledger is None and event.event_type != "LedgerOpened":
            raise RuleBroken("the log does not begin with LedgerOpened")
        if event.aggregate_type == "ledger" and event.aggregate_id != event.ledger:
            raise RuleBroken("the stream of a ledger has its name")
        if event.command_id != self.command:
            self.command, self.in_command = event.command_id, set()
        self.in_command.add(stream)
        expected, self.expected = self.expected, None
        if event.event_type == "TransactionPosted":
            self.check_expected(event, expected)
        elif expected:
            raise RuleBroken(f"transaction {expected.transaction} had to follow")
        if event.aggregate_type != "transaction":
            self.sequences[stream] = event.sequence
        handler = self.handlers.get(event.event_type)
        if handler:
            handler(event, event.payload)

    # The ledger

    def ledger_opened(self, event: Event, payload: Any) -> None:
        if self.ledger is not None or event.position != 1 or payload["name"] != event.ledger:
            raise RuleBroken("a ledger is opened once, first, in the stream of its name")
        self.ledger = payload["name"]
        for account in payload["system_accounts"]:
            self.open_system_account(account["name"])

    def open_system_account(self, name: str) -> None:
        if f"system:{name}" in self.holders:
            raise RuleBroken(f"{name} is opened twice")
        self.holders[f"system:{name}"] = Holder(f"system:{name}")

    def asset_registered(self, event: Event, payload: Any) -> None:
        code, scale, kind = (payload["asset"][name] for name in ("code", "scale", "kind"))
        if code in self.scales or kind != "custom" or scale > MOST_DECIMALS:
            raise RuleBroken(f"{code} cannot be an asset of the ledger's own")
        self.scales[code] = scale

    def system_account_opened(self, event: Event, payload: Any) -> None:
        self.open_system_account(payload["account"]["name"])

    def tier_set(self, event: Event, payload: Any) -> None:
        for asset, limits in (payload["rules"]["assets"] or {}).items():
            bounds = [*(limits["incoming"] or {}).values(), *(limits["outgoing"] or {}).values(), limits["balance"]]
            self.check_asset(asset, bounds)
        self.limits.tiers[payload["tier"]] = payload["rules"]

    def default_tier_set(self, event: Event, payload: Any) -> None:
        if payload["tier"] not in self.limits.tiers:
            raise RuleBroken(f"the ledger has no tier {payload['tier']}")
        self.limits.default = payload["tier"]

    # Wallets

    def wallet_opened(self, event: Event, payload: Any) -> None:
        if event.sequence != 1:
            raise RuleBroken("a wallet is opened once")
        for asset, overdraft in (payload["overdraft"] or {}).items():
            if overdraft == "forbidden":
                raise RuleBroken("an overdraft that is forbidden is not named")
            self.check_overdraft(asset, overdraft)
        wallet = Holder(f"wallet:{event.aggregate_id}", owner_id(payload["owner"]), payload["overdraft"] or {})
        self.holders[wallet.name] = wallet
        self.limits.owner(owner_id(payload["owner"])).holders.append(wallet)

    def wallet(self, event: Event) -> Holder:
        wallet = self.holders.get(f"wallet:{event.aggregate_id}")
        if wallet is None or wallet.closed:
            raise RuleBroken("the wallet is not open")
        return wallet

    def check_overdraft(self, asset: str, overdraft: Any) -> None:
        self.check_asset(asset, [overdraft[1]] if overdraft not in ("forbidden", "unlimited") else [])

    def wallet_frozen(self, event: Event, payload: Any) -> None:
        wallet = self.wallet(event)
        if wallet.frozen == payload["scope"]:
            raise RuleBroken("the wallet is frozen like this")
        wallet.frozen = payload["scope"]

    def wallet_unfrozen(self, event: Event, payload: Any) -> None:
        wallet = self.wallet(event)
        if wallet.frozen is None:
            raise RuleBroken("the wallet is not frozen")
        wallet.frozen = None

    def wallet_overdraft_set(self, event: Event, payload: Any) -> None:
        wallet = self.wallet(event)
        self.check_overdraft(payload["asset"], payload["overdraft"])
        wallet.overdrafts[payload["asset"]] = payload["overdraft"]

    def wallet_closed(self, event: Event, payload: Any) -> None:
        wallet = self.wallet(event)
        if wallet.frozen is not None:
            raise RuleBroken("a frozen wallet is not closed")
        if any(account.debits != account.credits or account.pending for account in wallet.accounts.values()):
            raise RuleBroken("a wallet that holds something is not closed")
        wallet.closed = True

    # Transactions

    def transaction_posted(self, event: Event, payload: Any) -> None:
        if event.sequence != 1:
            raise RuleBroken("a transaction is posted once")
        cause, usage = payload["cause"] or "request", payload["usage"]
        kind = "request" if cause == "request" else cause[0]
        if kind in ("payment", "payout", "settlement"):
            self.need_in_command(cause)
        fact = kind in ("payment", "payout", "settlement") and usage is None
        postings = [self.checked(posting, fact) for posting in payload["postings"]]
        if not 1 <= len(postings) <= MOST_POSTINGS:
            raise RuleBroken(f"a transaction has 1 to {MOST_POSTINGS} postings")
        if not fact and kind != "revert":
            flows = self.flows(postings)
            if usage != self.limits.movement(flows, event.recorded_at, outgoing=kind != "capture"):
                raise RuleBroken("another usage would have been decided")
        change: dict[tuple[str, str], int] = {}
        for source, destination, asset, units in postings:
            self.add(source, asset, "debits", units)
            self.add(destination, asset, "credits", units)
            change[source, asset] = change.get((source, asset), 0) - units
            change[destination, asset] = change.get((destination, asset), 0) + units
        for (name, asset), more in change.items():
            if more < 0 and not fact:
                self.holders[name].check_bound(asset)
        self.limits.use(usage)
        self.transactions.set(event.aggregate_id, event.offset)

    def checked(self, posting: dict[str, Any], fact: bool) -> tuple[str, str, str, int]:
        source, destination, asset = posting["source"], posting["destination"], posting["asset"]
        units = self.units(posting["amount"], asset)
        if source == destination:
            raise RuleBroken(f"{source} is both source and destination")
        self.check_open(source, "debits", fact)
        self.check_open(destination, "credits", fact)
        return source, destination, asset, units

    def check_open(self, name: str, side: str, fact: bool = False) -> None:
        holder = self.holders.get(name)
        if holder is None or holder.closed:
            raise RuleBroken(f"{name} is not there, or closed")
        if holder.frozen in (side, "all") and not fact:
            raise RuleBroken(f"{name} is frozen")

    def check_asset(self, asset: str, amounts: list[Optional[Amount]]) -> None:
        """It is an asset of the ledger, and these are amounts of it."""
        for amount in amounts:
            if amount is not None:
                self.units(amount, asset)
        if asset not in self.scales:
            raise RuleBroken(f"the ledger has no asset {asset}")

    def units(self, amount: Amount, asset: str) -> int:
        scale = self.scales.get(asset)
        if scale is None:
            raise RuleBroken(f"the ledger has no asset {asset}")
        if amount.decimals > scale:
            raise RuleBroken(f"{asset} has {scale} decimals")
        self.check_exact(amount.units, scale)
        return amount.units

    @staticmethod
    def check_exact(units: int, scale: int) -> None:
        """As a whole number of the smallest unit it is below 2^96."""
        if units * 10**scale >= EXACT * 10**DECIMALS:
            raise RuleBroken("a total can no longer be kept exactly")

    def add(self, name: str, asset: str, side: str, units: int) -> None:
        account = self.holders[name].account(asset)
        total = getattr(account, side) + units
        self.check_exact(total, self.scales[asset])
        setattr(account, side, total)

    def flows(self, postings: list[tuple[str, str, str, int]]) -> dict[tuple[str, str], Flows]:
        """The sums of a movement by owner and asset, none as long as the ledger has no tiers."""
        flows: dict[tuple[str, str], Flows] = {}
        for source, destination, asset, units in postings if self.limits.tiers else ():
            giver, receiver = self.holders[source].owner, self.holders[destination].owner
            if giver == receiver:
                continue
            operation = self.operation(destination, "send", "withdrawal")
            if giver and operation:
                flow = flows.setdefault((giver, asset), Flows())
                flow.outgoing += units
                flow.operations.add(operation)
            operation = self.operation(source, "receive", "deposit")
            if receiver and operation:
                flow = flows.setdefault((receiver, asset), Flows())
                flow.incoming += units
                flow.operations.add(operation)
        return flows

    @staticmethod
    def operation(other_side: str, with_wallet: str, with_system: str) -> Optional[str]:
        if other_side.startswith("wallet:"):
            return with_wallet
        return {"system:fees": None, "system:fx": "conversion"}.get(other_side, with_system)

    def need_in_command(self, of: tuple[str, str]) -> None:
        if of not in self.in_command:
            raise RuleBroken(f"the {of[0]} has no event in this command")

    def check_expected(self, event: Event, expected: Optional[Expected]) -> None:
        cause = event.payload["cause"]
        if expected is None:
            if cause and cause[0] in ("revert", "capture"):
                raise RuleBroken(f"a {cause[0]} has to follow the event that names it")
            return
        postings = [(p["source"], p["destination"], p["asset"], p["amount"].units) for p in event.payload["postings"]]
        if event.aggregate_id != expected.transaction or cause not in expected.causes or postings != expected.postings:
            raise RuleBroken(f"transaction {expected.transaction} had to follow, with other postings or cause")
        if cause[0] == "revert" and event.payload["usage"] != expected.given_back:
            raise RuleBroken("a revert gives back what was counted")

    def transaction_reverted(self, event: Event, payload: Any) -> None:
        posted = self.transactions.get(event.aggregate_id)
        if posted is None or posted[1]:
            raise RuleBroken("the transaction was not posted, or reverted before")
        reverted = self.transaction_at(posted[0]).payload
        cause, usage = reverted["cause"], reverted["usage"]
        if cause and cause[0] in ("payment", "payout", "settlement"):
            raise RuleBroken(f"a transaction of a {cause[0]} is not reverted")
        self.transactions.set(event.aggregate_id, posted[0], reverted=True)
        self.expected = Expected(
            payload["reverting_transaction"],
            [(p["destination"], p["source"], p["asset"], p["amount"].units) for p in reverted["postings"]],
            (("revert", event.aggregate_id),),
            Usage(given_back=usage.counted) if usage and usage.counted else None,
        )

    # Holds

    def hold_placed(self, event: Event, payload: Any) -> None:
        if event.sequence != 1:
            raise RuleBroken("a hold is placed once")
        source, asset, manager = payload["source"], payload["asset"], payload["manager"]
        units = self.units(payload["amount"], asset)
        if payload["expires_at"] is not None and payload["expires_at"] <= event.recorded_at:
            raise RuleBroken("the hold is over before it begins")
        if manager:
            self.need_in_command(manager)
        self.check_open(source, "debits")
        usage = self.limits.movement(self.hold_flows(payload, units), event.recorded_at)
        if payload["usage"] != usage:
            raise RuleBroken("another usage would have been decided")
        self.add(source, asset, "pending", units)
        self.holders[source].check_bound(asset)
        self.limits.use(usage)
        counted = usage.counted[0] if usage else None
        self.holds[event.aggregate_id] = Hold(source, asset, units, payload["expires_at"], manager, counted)

    def hold_flows(self, payload: Any, units: int) -> dict[tuple[str, str], Flows]:
        """What placing a hold takes from its source's owner."""
        owner, destination, manager = self.holders[payload["source"]].owner, payload["destination"], payload["manager"]
        if owner is None or not self.limits.tiers or (manager and manager[0] == "payment"):
            return {}
        flow = Flows()
        flow.outgoing = units
        if manager:
            flow.operations.add("payout")
        elif destination:
            operation = self.operation(destination, "send", "withdrawal")
            receiver = self.holders.get(destination)
            if operation is None or (receiver and receiver.owner == owner):
                return {}
            flow.operations.add(operation)
        return {(owner, payload["asset"]): flow}

    def hold(self, event: Event, payload: Any) -> Hold:
        hold = self.holds.get(event.aggregate_id)
        if hold is None or not hold.left:
            raise RuleBroken("the hold is not there, or over")
        if (payload["source"], payload["asset"]) != (hold.source, hold.asset):
            raise RuleBroken("the hold is another account's")
        return hold

    def give_back(self, hold: Hold, released: int, usage: Optional[Usage]) -> None:
        expected = None
        if hold.counted and released:
            owner, flow, asset, _, day = hold.counted
            expected = Usage(given_back=((owner, flow, asset, released, day),))
        if usage != expected:
            raise RuleBroken("a hold gives back what it releases")
        self.limits.use(usage)

    def hold_captured(self, event: Event, payload: Any) -> None:
        hold = self.hold(event, payload)
        if hold.manager:
            self.need_in_command(hold.manager)
        if hold.expires_at is not None and event.recorded_at >= hold.expires_at:
            raise RuleBroken("the hold has expired")
        units = self.units(payload["amount"], hold.asset)
        released, remaining = (
            self.units(payload[name], hold.asset) if payload[name] else 0 for name in ("released", "remaining")
        )
        if units + released + remaining != hold.left or (released and remaining):
            raise RuleBroken("the rest of the hold is either all released or all remaining")
        self.give_back(hold, released, payload["usage"])
        self.holders[hold.source].account(hold.asset).pending -= units + released
        hold.left = remaining
        causes: tuple[Any, ...] = (("capture", event.aggregate_id),) + ((hold.manager,) if hold.manager else ())
        self.expected = Expected(
            payload["transaction"], [(hold.source, payload["destination"], hold.asset, units)], causes
        )

    def hold_ended(self, event: Event, payload: Any) -> None:
        hold = self.hold(event, payload)
        if event.event_type == "HoldExpired":
            if hold.expires_at is None or event.recorded_at < hold.expires_at:
                raise RuleBroken("the hold has not expired")
        elif hold.manager:
            self.need_in_command(hold.manager)
        if self.units(payload["released"], hold.asset) != hold.left:
            raise RuleBroken("not all that is left is given back")
        self.give_back(hold, hold.left, payload["usage"])
        self.holders[hold.source].account(hold.asset).pending -= hold.left
        hold.left = 0

    # Owners

    def grants(self, event: Event, payload: Any) -> list[tuple[Any, str]]:
        """What other sources have granted the owner."""
        if event.aggregate_id != owner_id(payload["owner"]):
            raise RuleBroken("the stream is another owner's")
        return [grant for grant in self.limits.owner(event.aggregate_id).grants if grant[0] != payload["source"]]

    def tier_granted(self, event: Event, payload: Any) -> None:
        grants = self.grants(event, payload)
        self.limits.owner(event.aggregate_id).grants = [*grants, (payload["source"], payload["tier"])]

    def tier_withdrawn(self, event: Event, payload: Any) -> None:
        if event.sequence == 1:
            raise RuleBroken("no tier was granted")
        self.limits.owner(event.aggregate_id).grants = self.grants(event, payload)


# ---------------------------------------------------------------- the check


def lines_of(file: BinaryIO, longest: int = LONGEST_LINE) -> Iterator[tuple[int, bytes, bool]]:
    """Each line's offset, the line without its end (cut when it is too long), and whether it is whole."""
    offset = 0
    while True:
        line = file.readline(longest + 1)
        if not line:
            return
        start, whole = offset, line.endswith(b"\n")
        offset += len(line)
        rest = line
        while len(rest) == longest + 1 and not rest.endswith(b"\n"):
            rest = file.readline(longest + 1)
            offset += len(rest)
        yield start, line[:-1] if whole else line, whole


class Verifier:
    """The checks of one export, in the order of the findings."""

    def __init__(self, folder: Path, keys: list[Key], earlier: list[tuple[str, Checkpoint]]) -> None:
        self.folder = folder
        self.report = Report()
        self.trust = Trust(keys, self.read_records())
        self.lines = LineReader()
        self.checkpoint: Optional[Checkpoint] = None
        self.earlier = earlier
        self.signed: list[Checkpoint] = []  # those that a trusted key has signed, of the export and earlier
        self.marks: dict[str, dict[str, int]] = {}  # by profile and mark, where it stands first
        self.erased: set[str] = set()  # profiles
        self.tile: Optional[tuple[int, list[bytes]]] = None  # number and hashes, the last one of level 0
        self.following = True  # the rules; until the first finding with a line or event

    def verify(self) -> Report:
        self.check_checkpoint()
        self.check_keys()
        self.check_earlier()
        tiles = self.check_tiles()
        with (self.folder / "events.ndjson").open("rb") as file:
            with (self.folder / "events.ndjson").open("rb") as again:

                def transaction_at(offset: int) -> Event:
                    again.seek(offset)
                    return self.lines.event(self.lines.read(again.readline()), offset)

                self.book = Book(transaction_at)
                self.check_events(file, tiles)
        self.check_balances()
        return self.report

    def read_records(self) -> list[Record]:
        """The records that can be read; one that cannot makes no key trusted."""
        records, folder = [], self.folder / "records"
        for path in sorted(folder.iterdir()) if folder.exists() else ():
            try:
                records.append(Record.read(read_note(path)))
            except Malformed:
                pass
        return records

    # Checkpoints

    def check_checkpoint(self) -> None:
        try:
            checkpoint = Checkpoint.read(read_note(self.folder / "checkpoint"))
        except (Malformed, FileNotFoundError) as error:
            self.report.find("checkpoint_malformed", None, str(error))
            return
        self.checkpoint, report = checkpoint, self.report
        report.origin, report.size = checkpoint.origin, checkpoint.size
        report.root = base64.b64encode(checkpoint.root).decode()
        signer = self.trust.signer(checkpoint, "the checkpoint", report)
        if signer:
            report.signed_by = signer.text
            self.signed.append(checkpoint)
            if checkpoint.origin != signer.name:
                report.find("origin_differs", None, f"the checkpoint is of {checkpoint.origin}, its key is not")

    def check_keys(self) -> None:
        for key in self.trust.disagreeing:
            self.report.find("key_record_differs", None, f"{key.text} has signed different records")
        unended = [
            key.text
            for key, end in self.trust.ends.items()
            if end is None and self.checkpoint and key.name == self.checkpoint.origin
        ]
        if len(unended) > 1:
            self.report.find("key_unended", None, f"nothing joins {' and '.join(unended)}")

    def check_tiles(self) -> bool:
        """Whether the tiles can be used."""
        checkpoint, report = self.checkpoint, self.report
        if checkpoint is None:
            return False
        try:
            check_tiles(self.folder, checkpoint.size, checkpoint.root)
        except Malformed as error:
            report.find("tiles_differ", None, str(error))
            return False
        return True

    def check_earlier(self) -> None:
        """Keep those that can be compared, the largest first."""
        kept = []
        for name, checkpoint in self.earlier:
            signer = self.trust.signer(checkpoint, name, self.report)
            if self.checkpoint and checkpoint.origin != self.checkpoint.origin:
                self.report.find("origin_differs", None, f"{name} is of {checkpoint.origin}")
            else:
                kept.append((name, checkpoint))
                if signer:
                    self.signed.append(checkpoint)
        self.earlier = sorted(kept, key=lambda pair: pair[1].size, reverse=True)

    def check_origin(self) -> None:
        checkpoint, ledger = self.checkpoint, self.report.ledger
        if checkpoint and ledger is not None and not checkpoint.origin.endswith(f"/{ledger}"):
            self.report.find("origin_differs", None, f"the checkpoint is of {checkpoint.origin}")

    # Events

    def find(self, code: str, position: int, detail: str) -> None:
        """A finding with a line or event."""
        self.report.find(code, position, detail)
        self.following = False

    def check_events(self, file: BinaryIO, tiles: bool) -> None:
        report, size = self.report, self.checkpoint.size if self.checkpoint else None
        tree, expected, time = Tree(), 1, None
        self.check_history(tree)
        for offset, text, whole in lines_of(file):
            report.events += 1
            leaf = leaf_hash(leaf_of(text))
            tree.add(leaf)
            try:
                if not whole:
                    raise Malformed("the line has no line feed, or is too long")
                line = self.lines.read(text)
            except Malformed as error:
                self.find("line_malformed", expected, str(error))
                expected += 1
            else:
                if self.check_place(line, expected, size):
                    expected = line.position + 1
                    changed = tiles and line.position <= report.size and leaf != self.tile_leaf(line.position)
                    if changed:
                        self.find("event_changed", line.position, "it is not what was sealed")
                    if time is not None and line.recorded_at < time:
                        self.find("time_backwards", line.position, "it was recorded before the event in front of it")
                    time = line.recorded_at
                    self.check_signed_time(line, changed)
                    self.check_mark(line)
                    self.check_event(line, offset)
            self.check_history(tree)
        for name, checkpoint in reversed(self.earlier):
            report.find("history_truncated", report.events + 1, f"{name} is of {checkpoint.size} events")
        if size is not None and expected <= size:
            self.find("event_missing", expected, f"the checkpoint is of {size} events")
        if self.checkpoint and tree.root() != self.checkpoint.root:
            report.find("root_differs", None, "the events are not those that were signed")
        self.check_origin()
        if self.following and self.book.expected:
            self.find("rule_broken", expected - 1, f"transaction {self.book.expected.transaction} had to follow")
        if self.following:
            self.check_marks()

    def check_place(self, line: Line, expected: int, size: Optional[int]) -> bool:
        """Whether the line is to be looked at; not when it is passed over."""
        position = line.position
        if self.report.ledger is None:
            self.report.ledger = line.ledger
        elif line.ledger != self.report.ledger:
            self.find("ledger_differs", position, f"it is of {line.ledger[:60]}")
        if position < expected:
            self.find("event_out_of_order", position, f"position {expected} was expected")
            return False
        if position > expected:
            self.find("event_missing", expected, f"position {position} follows")
        if size is not None and position > size:
            self.find("event_beyond_checkpoint", position, f"the checkpoint is of {size} events")
        return True

    def check_signed_time(self, line: Line, changed: bool) -> None:
        """The checkpoints whose last event this is say when it was recorded."""
        for checkpoint in self.signed:
            if checkpoint.size == line.position and checkpoint.recorded_at != line.recorded_at and not changed:
                self.report.find("recorded_at_differs", line.position, f"the checkpoint says {checkpoint.recorded_at}")

    def check_mark(self, line: Line) -> None:
        """Events that tell of a person are marked, and no others; what the mark has to be is known at the end."""
        if line.aggregate_type == "profile" and line.event_type == "ProfileErased":
            self.erased.add(line.aggregate_id)
        of_person = line.aggregate_type == "profile" and line.event_type != "ProfileErased"
        if (line.personal is not None) != of_person:
            self.report.find("personal_mark_wrong", line.position, "only events that tell of a person are marked")
        elif line.personal:
            self.marks.setdefault(line.aggregate_id, {}).setdefault(line.personal, line.position)

    def check_marks(self) -> None:
        wrong = (marks.get("sealed" if of in self.erased else "erased") for of, marks in self.marks.items())
        for position in sorted(position for position in wrong if position is not None):
            self.report.find("personal_mark_wrong", position, "the mark is not what became of the person")

    def tile_leaf(self, position: int) -> bytes:
        """The leaf hash at a position, from level 0 of the tiles."""
        number, at = divmod(position - 1, TILE)
        if self.tile is None or self.tile[0] != number:
            self.tile = (number, read_tile(self.folder, 0, number, self.report.size))
        return self.tile[1][at]

    def check_history(self, tree: Tree) -> None:
        """Compare the earlier checkpoints of exactly the lines so far."""
        while self.earlier and self.earlier[-1][1].size == self.report.events:
            name, checkpoint = self.earlier.pop()
            if tree.root() == checkpoint.root:
                self.report.consistent_checkpoints += 1
            else:
                self.report.find("history_rewritten", checkpoint.size, f"{name} has another root")

    def check_event(self, line: Line, offset: int) -> None:
        """Whether the event can be read, and as long as the rules are followed, whether it keeps to them."""
        try:
            event = self.lines.event(line, offset)
            if not self.following:
                return
            sequence = self.book.expected_sequence(event)
            if event.sequence != sequence:
                self.find("sequence_gap", event.position, f"sequence {sequence} was expected")
                return
            self.book.follow(event)
            self.report.transactions += event.event_type == "TransactionPosted"
        except Malformed as error:
            self.find("event_malformed", line.position, str(error))
        except RuleBroken as error:
            self.find("rule_broken", line.position, str(error))

    # Balances

    def check_balances(self) -> None:
        report, stated, sums = self.report, set(), {}
        amounts = dict.fromkeys(("posted_debits", "posted_credits", "pending_debits"), read_decimal)
        balance = object_of({"account": read_text, **amounts})
        moved = {
            f"{holder.name}:{asset}": (account.debits, account.credits, account.pending)
            for holder in self.book.holders.values()
            for asset, account in holder.accounts.items()
        }
        with (self.folder / "balances.ndjson").open("rb") as file:
            for number, (_, text, _) in enumerate(lines_of(file, LONGEST_BALANCE), 1):
                try:
                    if len(text) > LONGEST_BALANCE:
                        raise Malformed("it is too long")
                    line = balance(read_json(text))
                except Malformed as error:
                    report.find("balance_malformed", None, f"line {number}: {error}")
                    continue
                report.accounts += 1
                account, totals = line["account"], tuple(line[name].units for name in amounts)
                asset = account.rpartition(":")[2]
                sums[asset] = sums.get(asset, 0) + totals[0] - totals[1]
                if not self.following:
                    continue
                if account in stated or account not in moved:
                    report.find("balance_unknown", None, "it never moved, or is stated a second time", account)
                elif totals != moved[account]:
                    report.find("balance_differs", None, "its events add up to something else", account)
                stated.add(account)
        for account in sorted(moved.keys() - stated) if self.following else ():
            report.find("balance_missing", None, "it moved and is not stated", account)
        for asset in sorted(asset for asset, difference in sums.items() if difference):
            report.find("trial_balance_differs", None, "the stated debits and credits differ", asset)


def read_note(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(LONGEST_NOTE + 1)
    if len(content) > LONGEST_NOTE:
        raise Malformed("too long for a note")
    return content


class Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CannotLook(message)


def read_arguments(arguments: list[str]) -> Verifier:
    parser = Arguments(description="Check an export of a ledger.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--key", action="append", required=True, metavar="VKEY", help="a public key that is trusted")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="FILE", help="one that was kept earlier")
    given = parser.parse_args(arguments)
    keys, earlier = [], []
    for text in given.key:
        try:
            keys.append(Key.read(text))
        except Malformed as error:
            raise CannotLook(f"{text!r}: {error}") from None
    for name in given.checkpoint:
        try:
            earlier.append((name, Checkpoint.read(read_note(Path(name)))))
        except Malformed as error:
            raise CannotLook(f"{name!r}: {error}") from None
    return Verifier(given.folder, keys, earlier)


def main(arguments: list[str]) -> int:
    try:
        report = read_arguments(arguments).verify()
    except (CannotLook, OSError) as error:
        print("verify_export.py:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    print(report.as_json())
    return 2 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
