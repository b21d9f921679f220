"""Which keys are trusted, and who has signed: "Checkpoint, keys, records" in docs/AUDIT.md."""

from __future__ import annotations

from typing import Iterable, Optional

from .notes import Checkpoint, Key, Record
from .report import Report


class Trust:
    """The keys that are trusted, each with the largest size that it may sign."""

    def __init__(self, given: Iterable[Key], records: list[Record]) -> None:
        self.ends: dict[Key, Optional[int]] = dict.fromkeys(given)
        self.disagreeing: list[Key] = []  # that have signed records of different texts
        keys = list(self.ends)
        for key in keys:
            following = [
                record
                for record in records
                if record.origin == key.name and any(key.signed(record.note.text, s) for s in record.note.of(key))
            ]
            if following:
                first = min(following, key=lambda record: (record.after, record.key.text.encode()))
                if any(record.note.text != first.note.text for record in following):
                    self.disagreeing.append(key)
                self.ends[key] = first.after
                if first.key not in self.ends:
                    self.ends[first.key] = None
                    keys.append(first.key)

    def signer(self, checkpoint: Checkpoint, what: str, report: Report) -> Optional[Key]:
        """The key that signed it; when none did, or not as it has to be, that is a finding."""
        signers, retired, wrong = [], [], False
        for key, end in self.ends.items():
            for signature in checkpoint.note.of(key):
                if not key.signed(checkpoint.note.text, signature):
                    wrong = True
                elif end is not None and checkpoint.size > end:
                    retired.append(key)
                else:
                    signers.append(key)
        if wrong:
            report.find("signature_wrong", None, f"a signature of {what} is not its key's")
        elif signers:
            return signers[0]
        elif retired:
            report.find("key_retired", None, f"{what} is signed by a key that another one had followed")
        else:
            report.find("signature_unknown", None, f"{what} is signed by no trusted key")
        return None

