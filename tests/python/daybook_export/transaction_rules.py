"""Transactions, and what they mean for limits: "Transactions" and "Limits" in docs/AUDIT.md."""

from __future__ import annotations

from typing import Any, Optional

from .book import Book, Expected
from .events import Usage
from .limits import Flows
from .lines import Event
from .report import RuleBroken

MOST_POSTINGS = 1_000
FROM_OUTSIDE = ("payment", "payout", "settlement")

Posting = tuple[str, str, str, int]  # source, destination, asset and amount


def transaction_posted(book: Book, event: Event, payload: Any) -> None:
    if event.sequence != 1:
        raise RuleBroken("a transaction is posted once")
    cause, usage = payload["cause"], payload["usage"]
    kind = "request" if cause in (None, "request") else cause[0]
    if kind in FROM_OUTSIDE:
        book.need_in_command(cause)
    fact = kind in FROM_OUTSIDE and usage is None
    postings = [checked(book, posting, fact) for posting in payload["postings"]]
    if not 1 <= len(postings) <= MOST_POSTINGS:
        raise RuleBroken(f"a transaction has 1 to {MOST_POSTINGS} postings")
    if not fact and kind != "revert":
        flows = flows_of(book, postings)
        if usage != book.limits.movement(flows, event.recorded_at, outgoing=kind != "capture"):
            raise RuleBroken("another usage would have been decided")
    change: dict[tuple[str, str], int] = {}
    for source, destination, asset, units in postings:
        book.add(source, asset, "debits", units)
        book.add(destination, asset, "credits", units)
        change[source, asset] = change.get((source, asset), 0) - units
        change[destination, asset] = change.get((destination, asset), 0) + units
    for (name, asset), more in change.items():
        if more < 0 and not fact:
            book.holders[name].check_bound(asset)
    book.limits.use(usage)
    book.transactions.set(event.aggregate_id, event.offset)


def checked(book: Book, posting: dict[str, Any], fact: bool) -> Posting:
    source, destination, asset = posting["source"], posting["destination"], posting["asset"]
    units = book.units(posting["amount"], asset)
    if source == destination:
        raise RuleBroken(f"{source} is both source and destination")
    book.check_open(source, "debits", fact)
    book.check_open(destination, "credits", fact)
    return source, destination, asset, units


def flows_of(book: Book, postings: list[Posting]) -> dict[tuple[str, str], Flows]:
    """The sums of a movement by owner and asset, none as long as the ledger has no tiers."""
    flows: dict[tuple[str, str], Flows] = {}
    for source, destination, asset, units in postings if book.limits.tiers else ():
        giver, receiver = book.holders[source].owner, book.holders[destination].owner
        if giver == receiver:
            continue
        operation = operation_of(destination, "send", "withdrawal")
        if giver and operation:
            flow = flows.setdefault((giver, asset), Flows())
            flow.outgoing += units
            flow.operations.add(operation)
        operation = operation_of(source, "receive", "deposit")
        if receiver and operation:
            flow = flows.setdefault((receiver, asset), Flows())
            flow.incoming += units
            flow.operations.add(operation)
    return flows


def operation_of(other_side: str, with_wallet: str, with_system: str) -> Optional[str]:
    if other_side.startswith("wallet:"):
        return with_wallet
    return {"system:fees": None, "system:fx": "conversion"}.get(other_side, with_system)


def check_expected(event: Event, expected: Optional[Expected]) -> None:
    """Whether it is the transaction that the event before it names, if that names one."""
    payload = event.payload
    cause = payload["cause"]
    if expected is None:
        if cause and cause[0] in ("revert", "capture"):
            raise RuleBroken(f"a {cause[0]} has to follow the event that names it")
        return
    postings = [(p["source"], p["destination"], p["asset"], p["amount"].units) for p in payload["postings"]]
    if event.aggregate_id != expected.transaction or cause not in expected.causes or postings != expected.postings:
        raise RuleBroken(f"transaction {expected.transaction} had to follow, with other postings or cause")
    if cause[0] == "revert" and payload["usage"] != expected.given_back:
        raise RuleBroken("a revert gives back what was counted")


def transaction_reverted(book: Book, event: Event, payload: Any) -> None:
    posted = book.transactions.get(event.aggregate_id)
    if posted is None or posted[1]:
        raise RuleBroken("the transaction was not posted, or reverted before")
    reverted = book.transaction_at(posted[0]).payload
    cause, usage = reverted["cause"], reverted["usage"]
    if cause and cause[0] in FROM_OUTSIDE:
        raise RuleBroken(f"a transaction of a {cause[0]} is not reverted")
    book.transactions.set(event.aggregate_id, posted[0], reverted=True)
    book.expected = Expected(
        payload["reverting_transaction"],
        [(p["destination"], p["source"], p["asset"], p["amount"].units) for p in reverted["postings"]],
        (("revert", event.aggregate_id),),
        Usage(given_back=usage.counted) if usage and usage.counted else None,
    )
