"""Whether an event may stand where it stands: "The rules" in docs/AUDIT.md.

What each event does is in `ledger_rules`, `transaction_rules` and `hold_rules`.
"""

from __future__ import annotations

from typing import Any, Callable

from . import hold_rules, ledger_rules, transaction_rules
from .book import Book
from .lines import Event
from .report import RuleBroken

Rule = Callable[[Book, Event, Any], None]

# By event type; an event that is not here moves nothing by itself.
RULES: dict[str, Rule] = {
    "LedgerOpened": ledger_rules.ledger_opened,
    "AssetRegistered": ledger_rules.asset_registered,
    "SystemAccountOpened": ledger_rules.system_account_opened,
    "TierSet": ledger_rules.tier_set,
    "DefaultTierSet": ledger_rules.default_tier_set,
    "TierGranted": ledger_rules.tier_granted,
    "TierWithdrawn": ledger_rules.tier_withdrawn,
    "WalletOpened": ledger_rules.wallet_opened,
    "WalletFrozen": ledger_rules.wallet_frozen,
    "WalletUnfrozen": ledger_rules.wallet_unfrozen,
    "WalletOverdraftSet": ledger_rules.wallet_overdraft_set,
    "WalletClosed": ledger_rules.wallet_closed,
    "TransactionPosted": transaction_rules.transaction_posted,
    "TransactionReverted": transaction_rules.transaction_reverted,
    "HoldPlaced": hold_rules.hold_placed,
    "HoldCaptured": hold_rules.hold_captured,
    "HoldVoided": hold_rules.hold_voided,
    "HoldExpired": hold_rules.hold_expired,
}


def expected_sequence(book: Book, event: Event) -> int:
    """1, 2, 3 … in each stream. A transaction has its posting, and perhaps that it was reverted."""
    if event.aggregate_type != "transaction":
        return book.sequences.get((event.aggregate_type, event.aggregate_id), 0) + 1
    posted = book.transactions.get(event.aggregate_id)
    return 1 if posted is None else 2 + posted[1]


def follow(book: Book, event: Event) -> None:
    """Take in one event whose sequence is right."""
    stream = (event.aggregate_type, event.aggregate_id)
    if book.ledger is None and event.event_type != "LedgerOpened":
        raise RuleBroken("the log does not begin with LedgerOpened")
    if event.aggregate_type == "ledger" and event.aggregate_id != event.ledger:
        raise RuleBroken("the stream of a ledger has its name")
    if event.command_id != book.command:
        book.command, book.in_command = event.command_id, set()
    book.in_command.add(stream)
    expected, book.expected = book.expected, None
    if event.event_type == "TransactionPosted":
        transaction_rules.check_expected(event, expected)
    elif expected:
        raise RuleBroken(f"transaction {expected.transaction} had to follow")
    if event.aggregate_type != "transaction":
        book.sequences[stream] = event.sequence
    rule = RULES.get(event.event_type)
    if rule:
        rule(book, event, event.payload)
