#!/usr/bin/env python3
"""Checks an export of Daybook, offline, by docs/AUDIT.md alone. It shares no code with Daybook.

    verify_export.py FOLDER --key VKEY [--key VKEY] [--checkpoint FILE]

prints the report as JSON and exits with 0 when nothing is wrong, 2 when something is.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
import uuid
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal, Inexact, localcontext
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_FINDINGS = 1000
EMPTY = hashlib.sha256(b"").digest()
SEALED = b',"personal":"sealed"}'
ERASED = b',"personal":"erased"}'
MEMBERS = [
    "ledger", "position", "recorded_at", "aggregate_type", "aggregate_id", "sequence", "event_type",
    "event_version", "payload", "metadata",
]
OWNERS = uuid.UUID("64617962-6f6f-6b2d-8000-7061796d656e")

SCALES = {}
for codes, scale in [
    ("AAVE AVAX BNB DAI ETC ETH LINK POL UNI", 18),
    ("ADA ALGO ATOM EURC PYUSD TRX USDC USDT XRP XTZ", 6),
    ("BCH BTC DOGE LTC WBTC ZEC", 8),
    ("DOT", 10),
    ("SOL SUI TON", 9),
    ("XLM", 7),
    ("XMR", 12),
    ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 0),
    ("BHD IQD JOD KWD LYD OMR TND", 3),
    ("CLF UYW", 4),
]:
    for code in codes.split():
        SCALES[code] = scale
NO_ASSETS = set("XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX".split())

# What an event of each type has to have, and may have. Types that move nothing are not listed.
SHAPES = {
    ("ledger", "LedgerOpened"): ({"name", "system_accounts"}, set()),
    ("ledger", "AssetRegistered"): ({"asset"}, set()),
    ("ledger", "SystemAccountOpened"): ({"account"}, set()),
    ("ledger", "TierSet"): ({"tier", "rules"}, set()),
    ("ledger", "DefaultTierSet"): ({"tier"}, set()),
    ("wallet", "WalletOpened"): ({"owner"}, {"overdraft", "reference", "metadata"}),
    ("wallet", "WalletFrozen"): ({"scope"}, {"reason"}),
    ("wallet", "WalletUnfrozen"): (set(), {"reason"}),
    ("wallet", "WalletOverdraftSet"): ({"asset", "overdraft"}, set()),
    ("wallet", "WalletClosed"): (set(), {"reason"}),
    ("transaction", "TransactionPosted"): (
        {"postings", "effective_at"}, {"cause", "reference", "metadata", "usage"},
    ),
    ("transaction", "TransactionReverted"): ({"reverting_transaction"}, set()),
    ("hold", "HoldPlaced"): (
        {"source", "asset", "amount"},
        {"destination", "expires_at", "reference", "metadata", "manager", "usage"},
    ),
    ("hold", "HoldCaptured"): (
        {"source", "asset", "destination", "amount", "transaction"}, {"released", "remaining", "usage"},
    ),
    ("hold", "HoldVoided"): ({"source", "asset", "released"}, {"reason", "usage"}),
    ("hold", "HoldExpired"): ({"source", "asset", "released"}, {"usage"}),
}
ECONOMIC = {"wallet", "transaction", "hold"}
KINDS = ECONOMIC | {
    "ledger", "payment", "payout", "beneficiary", "settlement", "owner", "verification_case", "profile", "onboarding",
}


class Broken(Exception):
    """A rule is broken."""


class Malformed(Exception):
    """Something is not what it should be."""


def need(holds, why):
    if not holds:
        raise Broken(why)


# --- Hashes -------------------------------------------------------------------------------------------------------


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """The roots of the full subtrees of a growing tree, the largest first."""

    def __init__(self):
        self.size = 0
        self.peaks = []

    def push(self, leaf):
        self.size += 1
        node, size = leaf, 1
        while self.peaks and self.peaks[-1][1] == size:
            node, size = node_hash(self.peaks.pop()[0], node), size * 2
        self.peaks.append((node, size))

    def root(self):
        if not self.peaks:
            return EMPTY
        root = self.peaks[-1][0]
        for node, _ in reversed(self.peaks[:-1]):
            root = node_hash(node, root)
        return root


def root_of(hashes):
    tree = Tree()
    for one in hashes:
        tree.push(one)
    return tree.root()


# --- Notes, keys, checkpoints -------------------------------------------------------------------------------------


class Key:
    def __init__(self, text):
        name, id_text, encoded = text.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        if len(raw) != 33 or raw[0] != 1:
            raise ValueError("not an Ed25519 key")
        if hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex() != id_text:
            raise ValueError("the id is of another key")
        self.text, self.name, self.id = text, name, bytes.fromhex(id_text)
        self.public = Ed25519PublicKey.from_public_bytes(raw[1:])

    def signed(self, note):
        """True, False when it has not, None when its signature is wrong."""
        found = False
        for name, key_id, signature in note.signatures:
            if name == self.name and key_id == self.id:
                try:
                    self.public.verify(signature, note.text)
                except InvalidSignature:
                    return None
                found = True
        return found


class Note:
    def __init__(self, raw):
        text = raw.decode("utf-8")
        if any(ord(character) < 0x20 and character != "\n" for character in text):
            raise Malformed("control characters")
        body, found, lines = text.rpartition("\n\n")
        if not found or not lines.endswith("\n"):
            raise Malformed("no signatures")
        self.text = (body + "\n").encode()
        self.signatures = []
        for line in lines[:-1].split("\n"):
            match = re.fullmatch("\u2014 ([^ ]+) ([A-Za-z0-9+/]+={0,2})", line)
            if not match:
                raise Malformed("a signature line")
            signature = base64.b64decode(match[2], validate=True)
            if len(signature) < 5:
                raise Malformed("a signature")
            self.signatures.append((match[1], signature[:4], signature[4:]))


class Checkpoint:
    def __init__(self, raw):
        try:
            self.note = Note(raw)
            lines = self.note.text.decode().split("\n")
            if len(lines) < 4 or lines[-1] != "" or "" in lines[:-1]:
                raise Malformed("lines")
            self.origin = lines[0]
            if not re.fullmatch("0|[1-9][0-9]*", lines[1]):
                raise Malformed("size")
            self.size = int(lines[1])
            self.root = base64.b64decode(lines[2], validate=True)
            if len(self.root) != 32:
                raise Malformed("root")
        except (ValueError, UnicodeDecodeError) as error:
            raise Malformed(str(error)) from error


class Chain:
    """Trusted keys, each with the size up to which it signs."""

    def __init__(self, trusted, records):
        self.keys = [[key, None] for key in trusted]
        at = 0
        while at < len(self.keys):
            key = self.keys[at][0]
            following = [
                (after, new) for after, new, note in records if new.name == key.name and key.signed(note) is True
            ]
            if following:
                after, new = min(following, key=lambda one: one[0])
                self.keys[at][1] = after
                if all(known.text != new.text for known, _ in self.keys):
                    self.keys.append([new, None])
            at += 1

    def check(self, note, size):
        """The key that signed, or the code of what is wrong."""
        code = "signature_unknown"
        for key, until in self.keys:
            signed = key.signed(note)
            if signed is None:
                return None, "signature_wrong"
            if signed and until is not None and size > until:
                code = "key_retired"
            elif signed:
                return key, None
        return None, code


def read_records(folder):
    records = []
    for file in sorted((folder / "records").glob("*")) if (folder / "records").is_dir() else []:
        try:
            note = Note(file.read_bytes())
            lines = note.text.decode().split("\n")
            if len(lines) == 5 and lines[0] == "daybook checkpoint key 1" and lines[4] == "":
                key = Key(lines[3])
                if lines[1] == key.name and re.fullmatch("0|[1-9][0-9]*", lines[2]):
                    records.append((int(lines[2]), key, note))
        except (Malformed, ValueError):
            continue
    return records


# --- Tiles --------------------------------------------------------------------------------------------------------


def tile_path(level, number, width):
    text = f"{number % 1000:03}"
    while number >= 1000:
        number //= 1000
        text = f"x{number % 1000:03}/{text}"
    return f"tile/{level}/{text}" + (f".p/{width}" if width < 256 else "")


def read_tile(folder, level, number, width):
    try:
        raw = (folder / tile_path(level, number, width)).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(raw) != 32 * width:
        return None
    return [raw[at : at + 32] for at in range(0, len(raw), 32)]


class Tiles:
    def __init__(self, folder, size):
        self.folder, self.size, self.read = folder, size, (None, None)

    @staticmethod
    def check(folder, size, root):
        """The leaf hashes of a checkpoint, or None when they are not its."""
        nodes, level, below, tree = size, 0, [], Tree()
        while nodes > 0:
            above = []
            for number in range((nodes + 255) // 256):
                width = min(256, nodes - 256 * number)
                tile = read_tile(folder, level, number, width)
                if tile is None or (level > 0 and tile != below[256 * number : 256 * number + width]):
                    return None
                if level == 0:
                    for one in tile:
                        tree.push(one)
                if width == 256:
                    above.append(root_of(tile))
            nodes, level, below = nodes // 256, level + 1, above
        return Tiles(folder, size) if tree.root() == root else None

    def leaf(self, index):
        number = index // 256
        if self.read[0] != number:
            width = min(256, self.size - 256 * number)
            self.read = (number, read_tile(self.folder, 0, number, width))
        return self.read[1][index % 256]


# --- Values -------------------------------------------------------------------------------------------------------

EXACT = Context(prec=100, traps=[Inexact])


def decimal(text):
    if not isinstance(text, str) or not re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]+)?", text):
        raise Malformed(f"{text!r} is no amount")
    return Decimal(text)


def amount(text):
    value = decimal(text)
    if value <= 0:
        raise Malformed("an amount is above zero")
    return value


def moment(text):
    if not isinstance(text, str):
        raise Malformed("a time is text")
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(str(error)) from error
    if time.tzinfo is None:
        raise Malformed("a time without an offset")
    return time.astimezone(timezone.utc)


def holder(text):
    if not isinstance(text, str) or not re.fullmatch(
        r"wallet:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|system:[a-z][a-z0-9_.]*", text
    ):
        raise Malformed(f"{text!r} is no holder")
    return text


def is_wallet(name):
    return name.startswith("wallet:")


def owner_id(name):
    raw = b"owner\xff" + name.encode() + b"\xff"
    digest = hashlib.sha1(OWNERS.bytes + raw).digest()[:16]
    return str(uuid.UUID(bytes=digest, version=5))


def usage_of(body):
    """What an event says that it counts: two lists of (owner, flow, asset, amount, day)."""
    usage = body.get("usage") or {}
    if set(usage) - {"counted", "given_back"}:
        raise Malformed("usage")
    return tuple(
        [
            (one["owner"], one["flow"], one["asset"], amount(one["amount"]), date.fromisoformat(one["day"]))
            for one in usage.get(name, [])
        ]
        for name in ("counted", "given_back")
    )


def overdraft(value):
    if value in ("forbidden", "unlimited"):
        return value
    return amount(value["up_to"])


# --- The ledger ---------------------------------------------------------------------------------------------------


class Ledger:
    def __init__(self):
        self.name = None
        self.assets, self.systems, self.wallets = {}, set(), {}
        self.accounts = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0)])
        self.transactions, self.holds = {}, {}
        self.tiers, self.default_tier, self.grants = {}, None, defaultdict(list)
        self.used, self.latest, self.owned = defaultdict(dict), {}, defaultdict(list)
        self.streams, self.due, self.command = {}, None, (None, set())

    # What happens, one function for each event that matters.

    def follow(self, event):
        kind, name, body = event["aggregate_type"], event["event_type"], event["body"]
        stream = (kind, event["aggregate_id"])
        last = self.streams.get(stream, 0)
        if event["sequence"] != last + 1:
            return "sequence_gap"
        self.streams[stream] = last + 1
        if event["metadata"]["command_id"] != self.command[0]:
            self.command = (event["metadata"]["command_id"], set())
        due, self.due = self.due, None
        posted = name == "TransactionPosted"
        if due:
            need(posted and event["aggregate_id"] == due[0], "a transaction does not follow")
            need(self.cause(body) == due[1], "the cause is another")
            if due[2]:
                need([self.posting(one) for one in body["postings"]] == [due[2]], "the posting is another")
        elif posted:
            need(self.cause(body)[0] not in ("capture", "revert"), "nothing was captured or reverted")
        if kind == "ledger" or self.name is not None:
            handler = getattr(self, f"on_{name}", None)
            if handler and kind in ECONOMIC | {"ledger", "owner"}:
                handler(event, body, last == 0)
        else:
            raise Broken("the ledger is not open")
        self.command[1].add(stream)
        return None

    def on_LedgerOpened(self, event, body, first):
        need(first and self.name is None and body["name"] == event["ledger"] == event["aggregate_id"], "opened")
        self.name = body["name"]
        self.systems.update(one["name"] for one in body["system_accounts"])

    def on_AssetRegistered(self, event, body, _):
        need(self.name == event["aggregate_id"], "the ledger is not open")
        self.assets[body["asset"]["code"]] = body["asset"]["scale"]

    def on_SystemAccountOpened(self, event, body, _):
        need(self.name == event["aggregate_id"], "the ledger is not open")
        self.systems.add(body["account"]["name"])

    def on_TierSet(self, event, body, _):
        need(self.name == event["aggregate_id"], "the ledger is not open")
        self.tiers[body["tier"]] = body["rules"]

    def on_DefaultTierSet(self, event, body, _):
        need(self.name == event["aggregate_id"], "the ledger is not open")
        self.default_tier = body["tier"]

    def on_TierGranted(self, event, body, _):
        grants = self.grants[event["aggregate_id"]]
        source = json.dumps(body["source"], sort_keys=True)
        self.grants[event["aggregate_id"]] = [one for one in grants if one[0] != source] + [(source, body["tier"])]

    def on_TierWithdrawn(self, event, body, first):
        need(not first, "nothing was granted")
        source = json.dumps(body["source"], sort_keys=True)
        grants = self.grants[event["aggregate_id"]]
        self.grants[event["aggregate_id"]] = [one for one in grants if one[0] != source]

    def wallet(self, event):
        wallet = self.wallets.get("wallet:" + event["aggregate_id"])
        need(wallet is not None, "the wallet was never opened")
        return wallet

    def on_WalletOpened(self, event, body, first):
        need(first, "opened before")
        name = "wallet:" + event["aggregate_id"]
        limits = {asset: overdraft(value) for asset, value in body.get("overdraft", {}).items()}
        self.wallets[name] = {"status": "open", "overdraft": limits, "owner": owner_id(body["owner"])}
        self.owned[owner_id(body["owner"])].append(name)

    def on_WalletFrozen(self, event, body, _):
        wallet = self.wallet(event)
        need(wallet["status"] != "closed", "closed")
        wallet["status"] = body["scope"]

    def on_WalletUnfrozen(self, event, body, _):
        wallet = self.wallet(event)
        need(wallet["status"] not in ("open", "closed"), "not frozen")
        wallet["status"] = "open"

    def on_WalletOverdraftSet(self, event, body, _):
        wallet = self.wallet(event)
        need(wallet["status"] != "closed", "closed")
        wallet["overdraft"][body["asset"]] = overdraft(body["overdraft"])

    def on_WalletClosed(self, event, body, _):
        wallet, name = self.wallet(event), "wallet:" + event["aggregate_id"]
        need(wallet["status"] == "open", "not open")
        for account, (debits, credits, pending) in self.accounts.items():
            if account[0] == name:
                need(debits == credits and pending == 0, "not empty")
        wallet["status"] = "closed"

    # Amounts and accounts.

    def scale(self, asset):
        scale = self.assets.get(asset, SCALES.get(asset))
        if scale is None and re.fullmatch("[A-Z]{3}", asset) and asset not in NO_ASSETS:
            scale = 2
        need(scale is not None, f"there is no asset {asset}")
        return scale

    def check_amount(self, asset, value):
        units = value.scaleb(self.scale(asset), EXACT)
        need(units == units.to_integral_value(), "too many decimals")
        need(units < 2**96, "too large")

    def check_total(self, asset, value):
        need(value.scaleb(self.scale(asset), EXACT) < 2**96, "a total is too large")

    def exists(self, name):
        need(name in self.wallets if is_wallet(name) else name[7:] in self.systems, f"there is no {name}")

    def room(self, account):
        """Credits and overdraft less debits and pending debits; None without bound."""
        name, asset = account
        if not is_wallet(name):
            return None
        limit = self.wallets[name]["overdraft"].get(asset, "forbidden")
        if limit == "unlimited":
            return None
        debits, credits, pending = self.accounts[account] if account in self.accounts else (0, 0, 0)
        return credits - debits - pending + (0 if limit == "forbidden" else limit)

    # Transactions.

    @staticmethod
    def cause(body):
        cause = body.get("cause") or "request"
        return (cause, None) if isinstance(cause, str) else next(iter(cause.items()))

    @staticmethod
    def posting(one):
        return (holder(one["source"]), holder(one["destination"]), one["asset"], amount(one["amount"]))

    def on_TransactionPosted(self, event, body, first):
        need(first, "posted before")
        kind, of = self.cause(body)
        postings = [self.posting(one) for one in body["postings"]]
        counted, given_back = usage_of(body)
        managed = kind in ("payment", "payout", "settlement")
        if managed:
            need((kind, of) in self.command[1], "nothing led to it")
        fact = managed and not counted and not given_back
        need(1 <= len(postings) <= 1000, "postings")
        for source, destination, asset, value in postings:
            self.check_amount(asset, value)
            need(source != destination, "the same place")
            for name, stopped in ((source, "debits"), (destination, "credits")):
                self.exists(name)
                if is_wallet(name):
                    status = self.wallets[name]["status"]
                    need(status != "closed", "closed")
                    need(fact or status not in (stopped, "all"), "frozen")
        if kind == "revert":
            reverted = self.transactions[of]
            turned = [(to, source, asset, value) for source, to, asset, value in reverted["postings"]]
            need(reverted["reverted_by"] == event["aggregate_id"] and postings == turned, "not what was reverted")
            expected = ([], reverted["counted"])
        elif fact:
            expected = ([], [])
        else:
            expected = (self.judge(postings, event["time"], kind != "capture"), [])
        need((counted, given_back) == expected, "something else counts")
        changes = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for source, destination, asset, value in postings:
            changes[(source, asset)][0] += value
            changes[(destination, asset)][1] += value
        for account, (out, into) in changes.items():
            totals = self.accounts[account]
            room = None if fact else self.room(account)
            if out > into and room is not None:
                need(room - out + into >= 0, f"{account} has not enough")
            self.check_total(account[1], totals[0] + out)
            self.check_total(account[1], totals[1] + into)
        for account, (out, into) in changes.items():
            self.accounts[account][0] += out
            self.accounts[account][1] += into
        self.count(counted, given_back)
        self.transactions[event["aggregate_id"]] = {
            "postings": postings, "counted": counted, "managed": managed, "reverted_by": None,
        }

    def on_TransactionReverted(self, event, body, _):
        posted = self.transactions.get(event["aggregate_id"])
        need(posted and posted["reverted_by"] is None and not posted["managed"], "not to be reverted")
        posted["reverted_by"] = body["reverting_transaction"]
        self.due = (body["reverting_transaction"], ("revert", event["aggregate_id"]), None)

    # Holds.

    def check_manager(self, manager):
        if manager:
            need(next(iter(manager.items())) in self.command[1], "nothing led to it")

    def on_HoldPlaced(self, event, body, first):
        need(first, "placed before")
        account, value = (holder(body["source"]), body["asset"]), amount(body["amount"])
        manager = body.get("manager")
        self.check_manager(manager)
        if body.get("expires_at"):
            need(moment(body["expires_at"]) > event["time"], "expired")
        self.check_amount(body["asset"], value)
        self.exists(account[0])
        if is_wallet(account[0]):
            need(self.wallets[account[0]]["status"] not in ("closed", "debits", "all"), "closed or frozen")
        room = self.room(account)
        need(room is None or room - value >= 0, "not enough")
        counted, given_back = usage_of(body)
        need((counted, given_back) == (self.judge_hold(body, value, event["time"]), []), "something else counts")
        self.accounts[account][2] += value
        self.check_total(account[1], self.accounts[account][2])
        self.count(counted, [])
        self.holds[event["aggregate_id"]] = {
            "account": account, "left": value, "expires_at": body.get("expires_at"), "manager": manager,
            "counted": counted[0] if counted else None,
        }

    def hold(self, event, body):
        hold = self.holds.get(event["aggregate_id"])
        need(hold and hold["left"] is not None, "the hold is not active")
        need(hold["account"] == (body["source"], body["asset"]), "the hold is of another account")
        return hold

    def give_back(self, hold, body, released):
        counted = hold["counted"]
        expected = [(*counted[:3], released, counted[4])] if counted and released is not None else []
        need(usage_of(body) == ([], expected), "something else is given back")
        self.count([], expected)

    def on_HoldCaptured(self, event, body, _):
        hold = self.hold(event, body)
        self.check_manager(hold["manager"])
        if hold["expires_at"]:
            need(moment(hold["expires_at"]) > event["time"], "expired")
        value = amount(body["amount"])
        self.check_amount(body["asset"], value)
        need(value <= hold["left"], "more than is left")
        rest = hold["left"] - value or None
        released = amount(body["released"]) if body.get("released") else None
        remaining = amount(body["remaining"]) if body.get("remaining") else None
        need((released, remaining) in ((rest, None), (None, rest)), "the rest is another")
        self.accounts[hold["account"]][2] -= value + (released or 0)
        self.give_back(hold, body, released)
        hold["left"] = remaining
        if hold["manager"]:
            cause = next(iter(hold["manager"].items()))
        else:
            cause = ("capture", event["aggregate_id"])
        self.due = (body["transaction"], cause, (body["source"], holder(body["destination"]), body["asset"], value))

    def on_HoldVoided(self, event, body, _):
        hold = self.hold(event, body)
        if event["event_type"] == "HoldVoided":
            self.check_manager(hold["manager"])
        released = amount(body["released"])
        need(released == hold["left"], "not what is left")
        self.accounts[hold["account"]][2] -= released
        self.give_back(hold, body, released)
        hold["left"] = None

    def on_HoldExpired(self, event, body, first):
        hold = self.hold(event, body)
        need(hold["expires_at"] and moment(hold["expires_at"]) <= event["time"], "not due")
        self.on_HoldVoided(event, body, first)

    # Limits.

    def tier(self, owner):
        grants = self.grants.get(owner)
        return self.tiers.get(grants[-1][1] if grants else self.default_tier)

    @staticmethod
    def limits(tier, asset):
        limits = tier.get("assets", {}).get(asset)
        if limits is None:
            if tier["other_assets"] == "forbidden":
                return None
            limits = {}
        operations = limits.get("operations")
        return {**limits, "operations": tier.get("operations") if operations is None else operations}

    @staticmethod
    def operation(other, outgoing):
        if is_wallet(other):
            return "send" if outgoing else "receive"
        if other == "system:fees":
            return None
        if other == "system:fx":
            return "conversion"
        return "withdrawal" if outgoing else "deposit"

    def owner(self, name):
        return self.wallets[name]["owner"] if is_wallet(name) and name in self.wallets else None

    def judge(self, postings, time, whole):
        if not self.tiers:
            return []
        moves, receives = defaultdict(lambda: [Decimal(0), Decimal(0), set()]), set()
        for source, destination, asset, value in postings:
            giver, receiver = self.owner(source), self.owner(destination)
            if receiver:
                receives.add((receiver, asset))
            if giver and giver == receiver:
                continue
            for owner, other, at in ((giver, destination, 0), (receiver, source, 1)):
                operation = self.operation(other, at == 0)
                if owner and operation:
                    moves[(owner, asset)][at] += value
                    moves[(owner, asset)][2].add(operation)
        counted = []
        for owner, asset in sorted(moves):
            out, into, operations = moves[(owner, asset)]
            is_receiver = (owner, asset) in receives
            counted += self.judge_owner(owner, asset, (out, into), operations, time, whole, is_receiver)
        return counted

    def judge_hold(self, body, value, time):
        source, to = body["source"], body.get("destination")
        manager = body.get("manager") or {}
        if not self.tiers or not is_wallet(source) or "payment" in manager:
            return []
        owner = self.owner(source)
        if "payout" in manager:
            operations = {"payout"}
        elif to is None:
            operations = set()
        else:
            operation = self.operation(to, True)
            if operation is None or self.owner(to) == owner:
                return []
            operations = {operation}
        return self.judge_owner(owner, body["asset"], (value, Decimal(0)), operations, time, True, False)

    def judge_owner(self, owner, asset, moved, operations, time, whole, is_receiver):
        tier = self.tier(owner)
        if tier is None:
            return []
        limits = self.limits(tier, asset)
        if limits is None:
            raise Broken("nothing is allowed with the asset")
        allowed = limits["operations"]
        need(allowed is None or operations <= set(allowed), "not allowed")
        day = (time + timedelta(minutes=tier.get("utc_offset_minutes", 0))).date()
        counted = []
        for flow, value in (("outgoing", moved[0]), ("incoming", moved[1])):
            if value == 0 or (flow == "outgoing" and not whole):
                continue
            of = limits.get(flow, {})
            if of.get("per_transaction"):
                need(value <= amount(of["per_transaction"]), "more than a transaction may have")
            used = [
                (then, sum_)
                for (known, known_flow, then), sum_ in self.used[owner].items()
                if known == asset and known_flow == flow
            ]
            if of.get("per_day"):
                total = sum(sum_ for then, sum_ in used if then == day)
                need(total + value <= amount(of["per_day"]), "more than a day may have")
            if of.get("per_month"):
                total = sum(sum_ for then, sum_ in used if (then.year, then.month) == (day.year, day.month))
                need(total + value <= amount(of["per_month"]), "more than a month may have")
            if of.get("per_day") or of.get("per_month"):
                counted.append((owner, flow, asset, value, day))
        if limits.get("balance") and is_receiver and moved[1] > moved[0]:
            held = Decimal(0)
            for name in self.owned[owner]:
                if (name, asset) in self.accounts:
                    held += self.accounts[(name, asset)][1] - self.accounts[(name, asset)][0]
            need(held + moved[1] - moved[0] <= amount(limits["balance"]), "more than may be held")
        return counted

    def count(self, counted, given_back):
        for owner, flow, asset, value, day in counted:
            sums = self.used[owner]
            sums[(asset, flow, day)] = sums.get((asset, flow, day), Decimal(0)) + value
            if owner not in self.latest or self.latest[owner] < day:
                self.latest[owner] = day
                oldest = day - timedelta(days=35)
                self.used[owner] = {key: one for key, one in sums.items() if key[2] >= oldest}
        for owner, flow, asset, value, day in given_back:
            sums = self.used[owner]
            if (asset, flow, day) in sums:
                need(sums[(asset, flow, day)] >= value, "more than was counted")
                sums[(asset, flow, day)] -= value


# --- The export ---------------------------------------------------------------------------------------------------


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("a member twice")
    return members


def envelope(line):
    try:
        read = json.loads(line.decode("utf-8"), object_pairs_hook=unique, parse_constant=int)
    except (ValueError, Malformed) as error:
        raise Malformed(str(error)) from error
    if not isinstance(read, dict) or set(read) - {"personal"} != set(MEMBERS):
        raise Malformed("other members")
    for name in ("position", "sequence"):
        if type(read[name]) is not int:
            raise Malformed(name)
    if read["position"] < 1 or read.get("personal") not in (None, "sealed", "erased"):
        raise Malformed("position or mark")
    for name in ("ledger", "aggregate_type", "aggregate_id", "event_type", "event_version"):
        if not isinstance(read[name], str):
            raise Malformed(name)
    read["time"] = moment(read["recorded_at"])
    return read


def check_event(event):
    """Takes the payload apart."""
    kind, name, payload = event["aggregate_type"], event["event_type"], event["payload"]
    if kind not in KINDS or event["event_version"] != "1" or list(payload) != [name]:
        raise Malformed("the type of the event")
    if kind != "ledger" and str(uuid.UUID(event["aggregate_id"])) != event["aggregate_id"]:
        raise Malformed("an id")
    uuid.UUID(event["metadata"]["command_id"])
    body = payload[name]
    shape = SHAPES.get((kind, name))
    if shape is None:
        if kind in ECONOMIC:
            raise Malformed("an unknown event")
    else:
        needed, allowed = shape
        if needed - set(body) or set(body) - needed - allowed:
            raise Malformed("members of the payload")
    event["body"] = body


class Verification:
    def __init__(self, folder, keys, checkpoints):
        self.folder, self.findings, self.left_out = folder, [], 0
        self.chain = Chain(keys, read_records(folder))
        self.old_files = checkpoints
        self.is_followed = True
        self.report = {
            "ok": False, "ledger": None, "origin": None, "size": None, "root": None, "signed_by": None,
            "events": 0, "transactions": 0, "accounts": 0, "consistent_checkpoints": 0,
        }

    def find(self, code, position=None, account=None, detail=""):
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append({"code": code, "position": position, "account": account, "detail": detail})
        else:
            self.left_out += 1

    def find_in_event(self, code, position, detail=""):
        self.is_followed = False
        self.find(code, position, detail=detail)

    def run(self):
        try:
            head = Checkpoint((self.folder / "checkpoint").read_bytes())
        except (FileNotFoundError, Malformed):
            head = None
            self.find("checkpoint_malformed")
        if head:
            self.report.update(origin=head.origin, size=head.size, root=base64.b64encode(head.root).decode())
            key, fault = self.chain.check(head.note, head.size)
            if fault:
                self.find(fault)
            else:
                self.report["signed_by"] = key.text
                if key.name != head.origin:
                    self.find("origin_differs")
        self.old = []
        for file in self.old_files:
            old = Checkpoint(file.read_bytes())
            _, fault = self.chain.check(old.note, old.size)
            if fault:
                self.find(fault)
            if head and old.origin != head.origin:
                self.find("origin_differs")
                continue
            self.old.append((old.size, old.root))
        self.old.sort(key=lambda one: one[0])
        self.tiles = None
        if head:
            self.tiles = Tiles.check(self.folder, head.size, head.root)
            if self.tiles is None:
                self.find("tiles_differ")
        self.events(head)
        self.balances()
        self.report["ok"] = not self.findings
        self.report["findings"] = self.findings
        self.report["findings_left_out"] = self.left_out
        return self.report

    def events(self, head):
        self.tree, self.ledger = Tree(), Ledger()
        self.expected, self.time, self.name = 1, None, None
        with open(self.folder / "events.ndjson", "rb") as lines:
            for line in lines:
                self.line(line, head)
        self.compare_old()
        for size, _ in self.old:
            self.find("history_truncated", self.tree.size + 1, detail=f"{size} events")
        if head:
            if self.expected <= head.size:
                self.find_in_event("event_missing", self.expected)
            if self.tree.root() != head.root:
                self.find("root_differs")
            if self.name is not None and not head.origin.endswith("/" + self.name):
                self.find("origin_differs")
        self.report["ledger"] = self.name
        if self.is_followed and self.ledger.due:
            self.find_in_event("rule_broken", self.expected - 1, "a transaction does not follow")

    def compare_old(self):
        while self.old and self.old[0][0] == self.tree.size:
            size, root = self.old.pop(0)
            if root == self.tree.root():
                self.report["consistent_checkpoints"] += 1
            else:
                self.find("history_rewritten", size)

    def line(self, line, head):
        self.report["events"] += 1
        self.compare_old()
        text = line[:-1] if line.endswith(b"\n") else line
        leaf = text
        for mark in (SEALED, ERASED):
            if text.endswith(mark):
                leaf = text[: -len(mark)] + b"}"
        leaf = leaf_hash(leaf)
        self.tree.push(leaf)
        try:
            if not line.endswith(b"\n"):
                raise Malformed("no line feed")
            event = envelope(text)
        except Malformed as error:
            self.find_in_event("line_malformed", self.expected, str(error))
            self.expected += 1
            return
        position = event["position"]
        self.name = self.name or event["ledger"]
        if event["ledger"] != self.name:
            self.find_in_event("ledger_differs", position)
        if position < self.expected:
            self.find_in_event("event_out_of_order", position)
            return
        if position > self.expected:
            self.find_in_event("event_missing", self.expected)
        self.expected = position + 1
        if head and position > head.size:
            self.find_in_event("event_beyond_checkpoint", position)
        elif self.tiles and self.tiles.leaf(position - 1) != leaf:
            self.find_in_event("event_changed", position)
        if self.time and event["time"] < self.time:
            self.find_in_event("time_backwards", position)
        self.time = event["time"]
        try:
            check_event(event)
        except (Malformed, ValueError, TypeError, KeyError, AttributeError) as error:
            self.find_in_event("event_malformed", position, str(error))
            return
        if not self.is_followed:
            return
        try:
            with localcontext(EXACT):
                code = self.ledger.follow(event)
        except Broken as error:
            self.find_in_event("rule_broken", position, str(error))
            return
        except (Malformed, ValueError, TypeError, KeyError, AttributeError) as error:
            self.find_in_event("event_malformed", position, str(error))
            return
        if code:
            self.find_in_event(code, position)
        elif event["event_type"] == "TransactionPosted":
            self.report["transactions"] += 1

    def balances(self):
        held = None
        if self.is_followed:
            held = {f"{name}:{asset}": totals for (name, asset), totals in self.ledger.accounts.items()}
        sums = defaultdict(lambda: [Decimal(0), Decimal(0)])
        with open(self.folder / "balances.ndjson", "rb") as lines:
            for line in lines:
                try:
                    row = json.loads(line.decode("utf-8"), object_pairs_hook=unique)
                    if set(row) != {"account", "posted_debits", "posted_credits", "pending_debits"}:
                        raise Malformed("members")
                    stated = [decimal(row[name]) for name in ("posted_debits", "posted_credits", "pending_debits")]
                    account = row["account"]
                    asset = account.rpartition(":")[2]
                except (ValueError, TypeError, AttributeError, Malformed) as error:
                    self.find("balance_malformed", detail=str(error))
                    continue
                self.report["accounts"] += 1
                sums[asset][0] += stated[0]
                sums[asset][1] += stated[1]
                if held is None:
                    continue
                totals = held.pop(account, None)
                if totals is None:
                    self.find("balance_unknown", account=account)
                elif totals != stated:
                    self.find("balance_differs", account=account)
        for account in sorted(held or {}):
            self.find("balance_missing", account=account)
        for asset in sorted(sums):
            if sums[asset][0] != sums[asset][1]:
                self.find("trial_balance_differs", account=asset)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--key", action="append", required=True)
    arguments.add_argument("--checkpoint", action="append", type=Path, default=[])
    given = arguments.parse_args()
    report = Verification(given.folder, [Key(text) for text in given.key], given.checkpoint).run()
    json.dump(report, sys.stdout, indent=2)
    print()
    return 0 if report["ok"] else 2


if __name__ == "__main__":
    sys.exit(main())
