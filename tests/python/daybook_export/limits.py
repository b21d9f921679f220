"""Tiers, who has them, and what is used of them: "Limits" in docs/AUDIT.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Optional

from .events import Usage
from .report import RuleBroken
from .values import Amount

if TYPE_CHECKING:
    from .book import Holder

KEPT_DAYS = 35


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
