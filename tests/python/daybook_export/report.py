"""The report and its findings: "Findings" in docs/AUDIT.md."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Optional

MOST_FINDINGS = 1_000


class CannotLook(Exception):
    """The check could not be made at all."""


class Malformed(Exception):
    """Something is not written as it has to be."""


class RuleBroken(Exception):
    """An event may not stand where it stands."""


@dataclass
class Report:
    """What is printed, member by member."""

    ledger: Optional[str] = None
    origin: Optional[str] = None
    size: Optional[int] = None
    root: Optional[str] = None
    signed_by: Optional[str] = None
    cosigned_by: Optional[list[str]] = None  # left out without witnesses or a checkpoint
    events: int = 0
    transactions: int = 0
    accounts: int = 0
    consistent_checkpoints: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)
    findings_left_out: int = 0

    def find(self, code: str, position: Optional[int], detail: str, account: Optional[str] = None) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append({"code": code, "position": position, "account": account, "detail": detail})
        else:
            self.findings_left_out += 1

    def as_json(self) -> str:
        members = {"ok": not self.findings, **vars(self)}
        if self.cosigned_by is None:
            del members["cosigned_by"]
        return json.dumps(members, indent=2)

