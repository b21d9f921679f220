"""Holds, from their placing to their end: "The rules", "Transactions" and "Limits" in docs/AUDIT.md."""

from __future__ import annotations

from typing import Any, Optional

from .book import Book, Expected, Hold
from .events import Usage
from .limits import Flows
from .lines import Event
from .report import RuleBroken
from .transaction_rules import operation_of


def hold_placed(book: Book, event: Event, payload: Any) -> None:
    if event.sequence != 1:
        raise RuleBroken("a hold is placed once")
    source, asset, manager = payload["source"], payload["asset"], payload["manager"]
    units = book.units(payload["amount"], asset)
    if payload["expires_at"] is not None and payload["expires_at"] <= event.recorded_at:
        raise RuleBroken("the hold is over before it begins")
    if manager:
        book.need_in_command(manager)
    book.check_open(source, "debits")
    usage = book.limits.movement(flows_of(book, payload, units), event.recorded_at)
    if payload["usage"] != usage:
        raise RuleBroken("another usage would have been decided")
    book.add(source, asset, "pending", units)
    book.holders[source].check_bound(asset)
    book.limits.use(usage)
    counted = usage.counted[0] if usage else None
    book.holds[event.aggregate_id] = Hold(source, asset, units, payload["expires_at"], manager, counted)


def flows_of(book: Book, payload: Any, units: int) -> dict[tuple[str, str], Flows]:
    """What placing a hold takes from its source's owner."""
    owner, destination, manager = book.holders[payload["source"]].owner, payload["destination"], payload["manager"]
    if owner is None or not book.limits.tiers or (manager and manager[0] == "payment"):
        return {}
    flow = Flows()
    flow.outgoing = units
    if manager:
        flow.operations.add("payout")
    elif destination:
        operation = operation_of(destination, "send", "withdrawal")
        receiver = book.holders.get(destination)
        if operation is None or (receiver and receiver.owner == owner):
            return {}
        flow.operations.add(operation)
    return {(owner, payload["asset"]): flow}


def hold_of(book: Book, event: Event, payload: Any) -> Hold:
    hold = book.holds.get(event.aggregate_id)
    if hold is None or not hold.left:
        raise RuleBroken("the hold is not there, or over")
    if (payload["source"], payload["asset"]) != (hold.source, hold.asset):
        raise RuleBroken("the hold is another account's")
    return hold


def hold_captured(book: Book, event: Event, payload: Any) -> None:
    hold = hold_of(book, event, payload)
    if hold.manager:
        book.need_in_command(hold.manager)
    if hold.expires_at is not None and event.recorded_at >= hold.expires_at:
        raise RuleBroken("the hold has expired")
    units = book.units(payload["amount"], hold.asset)
    released, remaining = (
        book.units(payload[name], hold.asset) if payload[name] else 0 for name in ("released", "remaining")
    )
    if units + released + remaining != hold.left or (released and remaining):
        raise RuleBroken("the rest of the hold is either all released or all remaining")
    take(book, hold, units, released, payload["usage"])
    causes: tuple[Any, ...] = (("capture", event.aggregate_id),) + ((hold.manager,) if hold.manager else ())
    book.expected = Expected(
        payload["transaction"], [(hold.source, payload["destination"], hold.asset, units)], causes
    )


def hold_voided(book: Book, event: Event, payload: Any) -> None:
    hold = hold_of(book, event, payload)
    if hold.manager:
        book.need_in_command(hold.manager)
    release(book, hold, payload)


def hold_expired(book: Book, event: Event, payload: Any) -> None:
    hold = hold_of(book, event, payload)
    if hold.expires_at is None or event.recorded_at < hold.expires_at:
        raise RuleBroken("the hold has not expired")
    release(book, hold, payload)


def release(book: Book, hold: Hold, payload: Any) -> None:
    """Give back all that is left."""
    if book.units(payload["released"], hold.asset) != hold.left:
        raise RuleBroken("not all that is left is given back")
    take(book, hold, 0, hold.left, payload["usage"])


def take(book: Book, hold: Hold, captured: int, released: int, usage: Optional[Usage]) -> None:
    """Take these from what the hold reserves; what is released no longer counts for limits."""
    expected = None
    if hold.counted and released:
        owner, flow, asset, _, day = hold.counted
        expected = Usage(given_back=((owner, flow, asset, released, day),))
    if usage != expected:
        raise RuleBroken("a hold gives back what it releases")
    book.limits.use(usage)
    book.holders[hold.source].account(hold.asset).pending -= captured + released
    hold.left -= captured + released
