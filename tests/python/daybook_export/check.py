"""All checks of one export, in the order of the findings: "Findings" in docs/AUDIT.md."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Optional

from .balances import check_balances
from .book import Book
from .lines import LONGEST_LINE, Event, Line, LineReader, leaf_of, lines_of
from .notes import Checkpoint, Key, Record, read_note
from .report import Malformed, Report, RuleBroken
from .rules import expected_sequence, follow
from .tree import TILE, Tree, check_tiles, leaf_hash, read_tile
from .trust import Trust, check_cosignatures


@dataclass
class Given:
    """What a verifier is given beside the export."""

    folder: Path
    keys: list[Key]
    records: list[Record] = field(default_factory=list)  # kept earlier
    earlier: list[tuple[str, Checkpoint]] = field(default_factory=list)  # kept checkpoints, with names for people
    witnesses: list[Key] = field(default_factory=list)
    witnesses_needed: Optional[int] = None  # all of them


class Verifier:
    """The checks of one export, in the order of the findings."""

    def __init__(self, given: Given) -> None:
        self.folder, self.given = given.folder, given
        self.report = Report()
        self.trust = Trust(given.keys, given.records, self.read_records())
        self.lines = LineReader()
        self.checkpoint: Optional[Checkpoint] = None
        self.earlier = given.earlier
        self.signed: list[Checkpoint] = []  # those that a trusted key has signed, of the export and earlier
        self.marks: dict[str, dict[str, int]] = {}  # by profile and mark, where it stands first
        self.erased: set[str] = set()  # profiles
        self.tile: Optional[tuple[int, list[bytes]]] = None  # number and hashes, the last one of level 0
        self.following = True  # the rules; until the first finding with a line or event

    def verify(self) -> Report:
        self.check_checkpoint()
        self.trust.check(self.report.origin, self.report)
        self.check_cosignatures()
        self.check_earlier()
        with_tiles = self.check_tiles()
        with (self.folder / "events.ndjson").open("rb") as file:
            with (self.folder / "events.ndjson").open("rb") as again:

                def transaction_at(offset: int) -> Event:
                    again.seek(offset)
                    return self.lines.event(self.lines.read(again.readline()), offset)

                self.book = Book(transaction_at)
                self.check_events(file, with_tiles)
        moved = self.book.moved() if self.following else None
        check_balances(self.folder / "balances.ndjson", moved, self.report)
        return self.report

    def read_records(self) -> list[Record]:
        """The records that can be read; one that cannot makes no key trusted."""
        records, folder = [], self.folder / "records"
        for path in sorted(folder.iterdir()) if folder.exists() else ():
            try:
                records.append(Record.read(read_note(path)))
            except Malformed:
                pass
        return records

    # Checkpoints

    def check_checkpoint(self) -> None:
        try:
            checkpoint = Checkpoint.read(read_note(self.folder / "checkpoint"))
        except (Malformed, FileNotFoundError) as error:
            self.report.find("checkpoint_malformed", None, str(error))
            return
        self.checkpoint, report = checkpoint, self.report
        report.origin, report.size = checkpoint.origin, checkpoint.size
        report.root = base64.b64encode(checkpoint.root).decode()
        signer = self.trust.signer(checkpoint, "the checkpoint", report)
        if signer:
            report.signed_by = signer.text
            self.signed.append(checkpoint)
            if checkpoint.origin != signer.name:
                report.find("origin_differs", None, f"the checkpoint is of {checkpoint.origin}, its key is not")

    def check_cosignatures(self) -> None:
        given, report = self.given, self.report
        if given.witnesses and self.checkpoint:
            report.cosigned_by = check_cosignatures(self.checkpoint, given.witnesses, given.witnesses_needed, report)

    def check_tiles(self) -> int:
        """How many leaves the tiles have, when they can be used."""
        checkpoint, report = self.checkpoint, self.report
        if checkpoint is None:
            return 0
        try:
            check_tiles(self.folder, checkpoint.size, checkpoint.root)
        except Malformed as error:
            report.find("tiles_differ", None, str(error))
            return 0
        return checkpoint.size

    def check_earlier(self) -> None:
        """Keep those that can be compared, the largest first."""
        kept = []
        for name, checkpoint in self.earlier:
            signer = self.trust.signer(checkpoint, name, self.report)
            if self.checkpoint and checkpoint.origin != self.checkpoint.origin:
                self.report.find("origin_differs", None, f"{name} is of {checkpoint.origin}")
            else:
                kept.append((name, checkpoint))
                if signer:
                    self.signed.append(checkpoint)
        self.earlier = sorted(kept, key=lambda pair: pair[1].size, reverse=True)

    def check_origin(self) -> None:
        checkpoint, ledger = self.checkpoint, self.report.ledger
        if checkpoint and ledger is not None and not checkpoint.origin.endswith(f"/{ledger}"):
            self.report.find("origin_differs", None, f"the checkpoint is of {checkpoint.origin}")

    # Events

    def find(self, code: str, position: int, detail: str) -> None:
        """A finding with a line or event."""
        self.report.find(code, position, detail)
        self.following = False

    def check_events(self, file: BinaryIO, with_tiles: int) -> None:
        report, size = self.report, self.checkpoint.size if self.checkpoint else None
        tree, expected, time = Tree(), 1, None
        self.check_history(tree)
        for offset, raw in lines_of(file, LONGEST_LINE):
            report.events += 1
            text = raw[:LONGEST_LINE].removesuffix(b"\n")
            leaf = leaf_hash(leaf_of(text))
            tree.add(leaf)
            try:
                if len(raw) > LONGEST_LINE or not raw.endswith(b"\n"):
                    raise Malformed("the line is too long, or has no line feed")
                line = self.lines.read(text)
            except Malformed as error:
                self.find("line_malformed", expected, str(error))
                expected += 1
            else:
                if self.check_place(line, expected, size):
                    expected = line.position + 1
                    changed = line.position <= with_tiles and leaf != self.tile_leaf(line.position, with_tiles)
                    if changed:
                        self.find("event_changed", line.position, "it is not what was sealed")
                    if time is not None and line.recorded_at < time:
                        self.find("time_backwards", line.position, "it was recorded before the event in front of it")
                    time = line.recorded_at
                    self.check_signed_time(line, changed)
                    self.check_mark(line)
                    self.check_event(line, offset)
            self.check_history(tree)
        for name, checkpoint in reversed(self.earlier):
            report.find("history_truncated", report.events + 1, f"{name} is of {checkpoint.size} events")
        if size is not None and expected <= size:
            self.find("event_missing", expected, f"the checkpoint is of {size} events")
        if self.checkpoint and tree.root() != self.checkpoint.root:
            report.find("root_differs", None, "the events are not those that were signed")
        self.check_origin()
        if self.following and self.book.expected:
            self.find("rule_broken", expected - 1, f"transaction {self.book.expected.transaction} had to follow")
        if self.following:
            self.check_marks()

    def check_place(self, line: Line, expected: int, size: Optional[int]) -> bool:
        """Whether the line is to be looked at; not when it is passed over."""
        position = line.position
        if self.report.ledger is None:
            self.report.ledger = line.ledger
        elif line.ledger != self.report.ledger:
            self.find("ledger_differs", position, f"it is of {line.ledger[:60]}")
        if position < expected:
            self.find("event_out_of_order", position, f"position {expected} was expected")
            return False
        if position > expected:
            self.find("event_missing", expected, f"position {position} follows")
        if size is not None and position > size:
            self.find("event_beyond_checkpoint", position, f"the checkpoint is of {size} events")
        return True

    def check_signed_time(self, line: Line, changed: bool) -> None:
        """The checkpoints whose last event this is say when it was recorded."""
        for checkpoint in self.signed:
            if checkpoint.size == line.position and checkpoint.recorded_at != line.recorded_at and not changed:
                self.report.find("recorded_at_differs", line.position, f"the checkpoint says {checkpoint.recorded_at}")

    def check_mark(self, line: Line) -> None:
        """Events that tell of a person are marked, and no others; what the mark has to be is known at the end."""
        if line.aggregate_type == "profile" and line.event_type == "ProfileErased":
            self.erased.add(line.aggregate_id)
        of_person = line.aggregate_type == "profile" and line.event_type != "ProfileErased"
        if (line.personal is not None) != of_person:
            self.report.find("personal_mark_wrong", line.position, "only events that tell of a person are marked")
        elif line.personal:
            self.marks.setdefault(line.aggregate_id, {}).setdefault(line.personal, line.position)

    def check_marks(self) -> None:
        wrong = (marks.get("sealed" if of in self.erased else "erased") for of, marks in self.marks.items())
        for position in sorted(position for position in wrong if position is not None):
            self.report.find("personal_mark_wrong", position, "the mark is not what became of the person")

    def tile_leaf(self, position: int, size: int) -> bytes:
        """The leaf hash at a position, from level 0 of the tiles of a tree of that size."""
        number, at = divmod(position - 1, TILE)
        if self.tile is None or self.tile[0] != number:
            self.tile = (number, read_tile(self.folder, 0, number, size))
        return self.tile[1][at]

    def check_history(self, tree: Tree) -> None:
        """Compare the earlier checkpoints of exactly the lines so far."""
        while self.earlier and self.earlier[-1][1].size == self.report.events:
            name, checkpoint = self.earlier.pop()
            if tree.root() == checkpoint.root:
                self.report.consistent_checkpoints += 1
            else:
                self.report.find("history_rewritten", checkpoint.size, f"{name} has another root")

    def check_event(self, line: Line, offset: int) -> None:
        """Whether the event can be read, and as long as the rules are followed, whether it keeps to them."""
        try:
            event = self.lines.event(line, offset)
            if not self.following:
                return
            sequence = expected_sequence(self.book, event)
            if event.sequence != sequence:
                self.find("sequence_gap", event.position, f"sequence {sequence} was expected")
                return
            follow(self.book, event)
            self.report.transactions += event.event_type == "TransactionPosted"
        except (Malformed, RecursionError) as error:
            self.find("event_malformed", line.position, str(error))
        except RuleBroken as error:
            self.find("rule_broken", line.position, str(error))
