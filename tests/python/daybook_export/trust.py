"""Which keys are trusted, and who has signed: "Checkpoint, keys, records" in docs/AUDIT.md."""

from __future__ import annotations

from typing import Iterable, Optional

from .notes import Checkpoint, Key, Record
from .report import Report


class Trust:
    """The keys that are trusted, each with the largest size that it may sign."""

    def __init__(self, keys: Iterable[Key], kept: list[Record], exported: list[Record]) -> None:
        self.kept = kept  # the records that were given
        self.ends: dict[Key, Optional[int]] = dict.fromkeys(keys)
        self.disagreeing: list[Key] = []  # that have signed records of different texts
        trusted = list(self.ends)
        for key in trusted:  # it grows while it is gone through
            following, others = records_of(key, kept), records_of(key, exported)
            if len({record.note.text for record in following + others}) > 1:
                self.disagreeing.append(key)
            following = following or others
            if following:
                first = min(following, key=lambda record: (record.after, record.key.text.encode()))
                self.ends[key] = first.after
                if first.key not in self.ends:
                    self.ends[first.key] = None
                    trusted.append(first.key)

    def check(self, origin: Optional[str], report: Report) -> None:
        """What is wrong with the keys and records of an origin; of none, when there is no checkpoint."""
        for key in self.disagreeing:
            report.find("key_record_differs", None, f"{key.text} has signed different records")
        if origin is None:
            return
        for record in self.kept:
            if record.origin == origin and not any(record.note.signed_by(key) for key in self.ends):
                report.find("key_record_unknown", None, f"no trusted key has introduced {record.key.text}")
        unended = [key.text for key, end in self.ends.items() if end is None and key.name == origin]
        if len(unended) > 1:
            report.find("key_unended", None, f"nothing joins {' and '.join(unended)}")

    def signer(self, checkpoint: Checkpoint, what: str, report: Report) -> Optional[Key]:
        """The key that signed it; when none did, or not as it has to be, that is a finding."""
        signers: list[Key] = []
        retired: list[Key] = []
        wrong = False
        for key, end in self.ends.items():
            if checkpoint.note.signed_by(key):
                (signers if end is None or checkpoint.size <= end else retired).append(key)
            elif checkpoint.note.of(key):
                wrong = True
        if wrong:
            report.find("signature_wrong", None, f"a signature of {what} is not its key's")
        elif signers:
            return signers[0]
        elif retired:
            report.find("key_retired", None, f"{what} is signed by a key that another one had followed")
        else:
            report.find("signature_unknown", None, f"{what} is signed by no trusted key")
        return None


def records_of(key: Key, records: list[Record]) -> list[Record]:
    """Those that the key has signed for its own name."""
    return [record for record in records if record.origin == key.name and record.note.signed_by(key)]


def check_cosignatures(
    checkpoint: Checkpoint, witnesses: Iterable[Key], needed: Optional[int], report: Report
) -> list[str]:
    """The witnesses that have cosigned it; a finding when these are fewer than needed, which is all unless said."""
    witnesses = list(dict.fromkeys(witnesses))  # one that is given twice is one
    cosigned = [witness.text for witness in witnesses if checkpoint.note.cosigned_by(witness)]
    for witness in witnesses:
        if witness.text not in cosigned and checkpoint.note.of(witness):
            report.find("cosignature_wrong", None, f"no cosignature of {witness.text} is right")
    needed = len(witnesses) if needed is None else needed
    if len(cosigned) < needed:
        report.find("cosignatures_missing", None, f"{len(cosigned)} witnesses have cosigned, {needed} are needed")
    return cosigned
