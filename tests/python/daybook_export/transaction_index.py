"""By a transaction's id, where its line begins: there may be very many of them."""

from __future__ import annotations

from array import array
from typing import Optional


class TransactionIndex:
    """By a transaction's id, where its line begins, and whether it was reverted.

    There may be very many: a table of open addressing with 24 bytes a slot, at most three quarters full.
    """

    def __init__(self) -> None:
        self.count = 0
        self.slots = array("Q", bytes(24 * 1024))  # two halves of an id, and 2 * offset + reverted + 2

    def slot(self, high: int, low: int) -> int:
        """Where it stands, or where it would."""
        slots, end = self.slots, len(self.slots)
        at = 3 * (hash((high, low)) % (end // 3))
        while slots[at + 2] and (slots[at] != high or slots[at + 1] != low):
            at = (at + 3) % end
        return at

    def get(self, transaction: str) -> Optional[tuple[int, bool]]:
        value = self.slots[self.slot(*halves(transaction)) + 2]
        return ((value >> 1) - 1, bool(value & 1)) if value else None

    def set(self, transaction: str, offset: int, reverted: bool = False) -> None:
        high, low = halves(transaction)
        at, slots = self.slot(high, low), self.slots
        self.count += not slots[at + 2]
        slots[at], slots[at + 1], slots[at + 2] = high, low, 2 * (offset + 1) + reverted
        if 4 * self.count > len(slots):
            self.slots = array("Q", bytes(2 * 8 * len(slots)))
            for old in range(0, len(slots), 3):
                if slots[old + 2]:
                    at = self.slot(slots[old], slots[old + 1])
                    self.slots[at : at + 3] = slots[old : old + 3]


def halves(transaction: str) -> tuple[int, int]:
    return int(transaction[:18].replace("-", ""), 16), int(transaction[19:].replace("-", ""), 16)
