"""What the accounts are stated to hold: "Balances" in docs/AUDIT.md."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from .lines import lines_of
from .report import Malformed, Report
from .strict_json import read_json
from .values import object_of, read_decimal, read_text

LONGEST_BALANCE = 1 << 16
AMOUNTS = ("posted_debits", "posted_credits", "pending_debits")


def check_balances(path: Path, moved: Optional[dict[str, tuple[int, int, int]]], report: Report) -> None:
    """Compare them with what the accounts moved, unless that is not known, and their sums by asset with each other."""
    stated: set[str] = set()
    sums: dict[str, int] = {}
    balance = object_of({"account": read_text, **dict.fromkeys(AMOUNTS, read_decimal)})
    with path.open("rb") as file:
        for number, (_, text) in enumerate(lines_of(file, LONGEST_BALANCE), 1):
            try:
                if len(text) > LONGEST_BALANCE:
                    raise Malformed("it is too long")
                line = balance(read_json(text.removesuffix(b"\n")))
            except Malformed as error:
                report.find("balance_malformed", None, f"line {number}: {error}")
                continue
            report.accounts += 1
            account, totals = line["account"], tuple(line[name].units for name in AMOUNTS)
            asset = account.rpartition(":")[2]
            sums[asset] = sums.get(asset, 0) + totals[0] - totals[1]
            if moved is None:
                continue
            if account in stated or account not in moved:
                report.find("balance_unknown", None, "it never moved, or is stated a second time", account)
            elif totals != moved[account]:
                report.find("balance_differs", None, "its events add up to something else", account)
            stated.add(account)
    for account in sorted(moved.keys() - stated) if moved is not None else ():
        report.find("balance_missing", None, "it moved and is not stated", account)
    for asset in sorted(asset for asset, difference in sums.items() if difference):
        report.find("trial_balance_differs", None, "the stated debits and credits differ", asset)
