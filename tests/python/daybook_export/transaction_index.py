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
