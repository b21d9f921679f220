"""Ledgers, their assets, accounts and tiers, wallets, and who has which tier: "The rules" in docs/AUDIT.md."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from .assets import MOST_DECIMALS
from .book import Book, Holder
from .lines import Event
from .report import RuleBroken

OWNERS = uuid.UUID("64617962-6f6f-6b2d-8000-7061796d656e")


def owner_id(name: str) -> str:
    digest = hashlib.sha1(OWNERS.bytes + b"owner\xff" + name.encode() + b"\xff").digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))


# The ledger


def ledger_opened(book: Book, event: Event, payload: Any) -> None:
    if book.ledger is not None or event.position != 1 or payload["name"] != event.ledger:
        raise RuleBroken("a ledger is opened once, first, in the stream of its name")
    book.ledger = payload["name"]
    for account in payload["system_accounts"]:
        open_system_account(book, account["name"])


def open_system_account(book: Book, name: str) -> None:
    if f"system:{name}" in book.holders:
        raise RuleBroken(f"{name} is opened twice")
    book.holders[f"system:{name}"] = Holder(f"system:{name}")


def asset_registered(book: Book, event: Event, payload: Any) -> None:
    code, scale, kind = (payload["asset"][name] for name in ("code", "scale", "kind"))
    if code in book.scales or kind != "custom" or scale > MOST_DECIMALS:
        raise RuleBroken(f"{code} cannot be an asset of the ledger's own")
    book.scales[code] = scale


def system_account_opened(book: Book, event: Event, payload: Any) -> None:
    open_system_account(book, payload["account"]["name"])


def tier_set(book: Book, event: Event, payload: Any) -> None:
    for asset, limits in (payload["rules"]["assets"] or {}).items():
        bounds = [*(limits["incoming"] or {}).values(), *(limits["outgoing"] or {}).values(), limits["balance"]]
        book.check_asset(asset, bounds)
    book.limits.tiers[payload["tier"]] = payload["rules"]


def default_tier_set(book: Book, event: Event, payload: Any) -> None:
    if payload["tier"] not in book.limits.tiers:
        raise RuleBroken(f"the ledger has no tier {payload['tier']}")
    book.limits.default = payload["tier"]


# Wallets


def wallet_opened(book: Book, event: Event, payload: Any) -> None:
    if event.sequence != 1:
        raise RuleBroken("a wallet is opened once")
    for asset, overdraft in (payload["overdraft"] or {}).items():
        if overdraft == "forbidden":
            raise RuleBroken("an overdraft that is forbidden is not named")
        check_overdraft(book, asset, overdraft)
    owner = owner_id(payload["owner"])
    wallet = Holder(f"wallet:{event.aggregate_id}", owner, payload["overdraft"] or {})
    book.holders[wallet.name] = wallet
    book.limits.owner(owner).holders.append(wallet)


def wallet_of(book: Book, event: Event) -> Holder:
    wallet = book.holders.get(f"wallet:{event.aggregate_id}")
    if wallet is None or wallet.closed:
        raise RuleBroken("the wallet is not open")
    return wallet


def check_overdraft(book: Book, asset: str, overdraft: Any) -> None:
    book.check_asset(asset, [overdraft[1]] if overdraft not in ("forbidden", "unlimited") else [])


def wallet_frozen(book: Book, event: Event, payload: Any) -> None:
    wallet = wallet_of(book, event)
    if wallet.frozen == payload["scope"]:
        raise RuleBroken("the wallet is frozen like this")
    wallet.frozen = payload["scope"]


def wallet_unfrozen(book: Book, event: Event, payload: Any) -> None:
    wallet = wallet_of(book, event)
    if wallet.frozen is None:
        raise RuleBroken("the wallet is not frozen")
    wallet.frozen = None


def wallet_overdraft_set(book: Book, event: Event, payload: Any) -> None:
    wallet = wallet_of(book, event)
    check_overdraft(book, payload["asset"], payload["overdraft"])
    wallet.overdrafts[payload["asset"]] = payload["overdraft"]


def wallet_closed(book: Book, event: Event, payload: Any) -> None:
    wallet = wallet_of(book, event)
    if wallet.frozen is not None:
        raise RuleBroken("a frozen wallet is not closed")
    if any(account.debits != account.credits or account.pending for account in wallet.accounts.values()):
        raise RuleBroken("a wallet that holds something is not closed")
    wallet.closed = True


# Tiers of owners


def other_grants(book: Book, event: Event, payload: Any) -> list[tuple[Any, str]]:
    """What other sources have granted the owner."""
    if event.aggregate_id != owner_id(payload["owner"]):
        raise RuleBroken("the stream is another owner's")
    return [grant for grant in book.limits.owner(event.aggregate_id).grants if grant[0] != payload["source"]]


def tier_granted(book: Book, event: Event, payload: Any) -> None:
    grants = other_grants(book, event, payload)
    book.limits.owner(event.aggregate_id).grants = [*grants, (payload["source"], payload["tier"])]


def tier_withdrawn(book: Book, event: Event, payload: Any) -> None:
    if event.sequence == 1:
        raise RuleBroken("no tier was granted")
    book.limits.owner(event.aggregate_id).grants = other_grants(book, event, payload)
