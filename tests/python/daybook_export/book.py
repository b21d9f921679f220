"""What holds of a ledger after the events so far: "The rules" in docs/AUDIT.md (Holders, Amounts, Scales)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Callable, NamedTuple, Optional

from .assets import BUILT_IN_SCALES
from .events import Usage
from .limits import Limits
from .lines import Event
from .report import RuleBroken
from .transaction_index import TransactionIndex
from .values import DECIMALS, EXACT, Amount

# By scale, what amounts and totals are below: as whole numbers of the smallest unit they are below 2^96.
BOUNDS = [EXACT * 10 ** (DECIMALS - scale) for scale in range(DECIMALS + 1)]


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
        account = self.accounts.get(asset)
        if account is None:
            account = self.accounts[asset] = Account()
        return account

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


class Book:
    """What the rules read and write; `rules.follow` takes in one event after the other."""

    def __init__(self, transaction_at: Callable[[int], Event]) -> None:
        self.transaction_at = transaction_at  # reads the event of the line at an offset again
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

    def need_in_command(self, of: tuple[str, str]) -> None:
        if of not in self.in_command:
            raise RuleBroken(f"the {of[0]} has no event in this command")

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
        if amount.units >= BOUNDS[scale]:
            raise RuleBroken(f"no amount of {asset} is as large")
        return amount.units

    def add(self, name: str, asset: str, side: str, units: int) -> None:
        account = self.holders[name].account(asset)
        total = getattr(account, side) + units
        if total >= BOUNDS[self.scales[asset]]:
            raise RuleBroken("a total can no longer be kept exactly")
        setattr(account, side, total)

    def moved(self) -> dict[str, tuple[int, int, int]]:
        """Every account that ever moved: its debits, credits and pending debits."""
        return {
            f"{holder.name}:{asset}": (account.debits, account.credits, account.pending)
            for holder in self.holders.values()
            for asset, account in holder.accounts.items()
        }
