"""Lines of `events.ndjson`, their leaves and their events: "Lines and leaves" in docs/AUDIT.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Iterator, Optional

from .events import event_readers
from .report import Malformed
from .strict_json import read_json
from .values import LEDGER, UUID, check_texts, matching, object_of, one_of, read_any, read_text, read_time, whole_of

LONGEST_LINE = 16 << 20


def lines_of(file: BinaryIO, longest: int) -> Iterator[tuple[int, bytes]]:
    """Each line's offset, and the line with its LF; one that is longer than `longest` is cut behind that."""
    offset = 0
    while line := file.readline(longest + 1):
        yield offset, line
        offset += len(line)
        while len(line) > longest and not line.endswith(b"\n"):
            line = file.readline(longest + 1)
            offset += len(line)


@dataclass
class Line:
    """A line of events, before it is known whether its payload can be read."""

    ledger: str
    position: int
    recorded_at: datetime
    aggregate_type: str
    aggregate_id: str
    sequence: int
    event_type: str
    event_version: str
    payload: Any
    metadata: Any
    personal: Optional[str]
    escapes: bool  # it has `\u`, without which no text has half a character


@dataclass
class Event:
    ledger: str
    position: int
    recorded_at: datetime
    aggregate_type: str
    aggregate_id: str
    sequence: int
    event_type: str
    payload: Any
    command_id: str
    offset: int


def leaf_of(line: bytes) -> bytes:
    for ending in (b',"personal":"sealed"}', b',"personal":"erased"}'):
        if line.endswith(ending):
            return line[: -len(ending)] + b"}"
    return line


class LineReader:
    """Reads lines, and the events in them."""

    def __init__(self) -> None:
        self.line = object_of(
            {
                "ledger": read_text,
                "position": whole_of(1, (1 << 63) - 1),
                "recorded_at": read_time,
                "aggregate_type": read_text,
                "aggregate_id": read_text,
                "sequence": whole_of(-(1 << 63), (1 << 63) - 1),
                "event_type": read_text,
                "event_version": read_text,
                "payload": read_any,
                "metadata": read_any,
            },
            {"personal": one_of("sealed", "erased")},
        )
        self.payloads = event_readers()
        self.command_id = matching(UUID)
        self.is_id = UUID.fullmatch
        self.is_ledger = LEDGER.fullmatch

    def read(self, text: bytes) -> Line:
        return Line(**self.line(read_json(text)), escapes=b"\\u" in text)

    def event(self, line: Line, offset: int) -> Event:
        readers = self.payloads.get(line.aggregate_type)
        if readers is None:
            raise Malformed(f"there is no aggregate type {line.aggregate_type[:60]!r}")
        is_id = self.is_ledger if line.aggregate_type == "ledger" else self.is_id
        if not is_id(line.aggregate_id):
            raise Malformed(f"{line.aggregate_id[:60]!r} is no id of a {line.aggregate_type}")
        if line.event_type not in readers or line.event_version != "1":
            raise Malformed(f"there is no {line.event_type[:60]} version {line.event_version[:60]}")
        if type(line.payload) is not dict or list(line.payload) != [line.event_type]:
            raise Malformed("the payload has not the type of the event as its only member")
        if type(line.metadata) is not dict:
            raise Malformed("metadata is an object, with each member once")
        if line.escapes:
            check_texts(line.payload)
            check_texts(line.metadata)
        return Event(
            line.ledger,
            line.position,
            line.recorded_at,
            line.aggregate_type,
            line.aggregate_id,
            line.sequence,
            line.event_type,
            readers[line.event_type](line.payload[line.event_type]),
            self.command_id(line.metadata.get("command_id")),
            offset,
        )
