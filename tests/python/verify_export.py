#!/usr/bin/env python3
"""Check an export of a ledger, offline: `verify_export.py FOLDER --key VKEY`, and what `--help` says.

Written from docs/AUDIT.md alone, which says what each check means, so that it can be read as the
reference for one in another language; `daybook_export` beside it has the checks. Prints the report as
JSON; exits with 0 when nothing is wrong, 2 when something is, 1 when it could not look. Python 3.9, and
`cryptography` for Ed25519.

A file is read once from its beginning, so memory is the book of the ledger (accounts, wallets,
holds, streams) and an index of its transactions.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Callable, NoReturn, TypeVar

from daybook_export.check import Given, Verifier
from daybook_export.notes import WITNESS, Checkpoint, Key, Record, read_note
from daybook_export.report import CannotLook, Malformed

T = TypeVar("T")


class Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CannotLook(message)


def read_arguments(arguments: list[str]) -> Given:
    parser = Arguments(description="Check an export of a ledger.", allow_abbrev=False)

    def several(name: str, metavar: str, help: str) -> None:
        parser.add_argument(name, action="append", default=[], metavar=metavar, help=help)

    parser.add_argument("folder", type=Path, metavar="FOLDER")
    several("--key", "VKEY", "a public key that is trusted")
    several("--record", "FILE", "a record by which a key follows another, kept earlier")
    several("--checkpoint", "FILE", "a checkpoint that was kept earlier")
    several("--witness", "WKEY", "the public key of a witness that is to have cosigned the checkpoint")
    several("--witnesses-needed", "N", "how many of the witnesses suffice; all when absent")
    given = parser.parse_args(arguments)
    needed, *more = given.witnesses_needed or [None]
    if not given.key:
        raise CannotLook("a --key is needed")
    if needed is not None and not (given.witness and re.fullmatch("[+]?[0-9]{1,18}", needed)):
        raise CannotLook("--witnesses-needed is a whole number, and needs a --witness")
    if more:
        raise CannotLook("--witnesses-needed is given once")
    return Given(
        given.folder,
        [of(text, lambda: Key.read(text)) for text in given.key],
        [of(name, lambda: Record.read(read_note(Path(name)))) for name in given.record],
        [(name, of(name, lambda: Checkpoint.read(read_note(Path(name))))) for name in given.checkpoint],
        [of(text, lambda: Key.read(text, WITNESS)) for text in given.witness],
        None if needed is None else int(needed),
    )


def of(name: str, read: Callable[[], T]) -> T:
    """What was given, which has to be what it is given as."""
    try:
        return read()
    except (Malformed, UnicodeError) as error:  # an argument may be bytes that are no UTF-8
        raise CannotLook(f"{name!r}: {error}") from None


def main(arguments: list[str]) -> int:
    try:
        report = Verifier(read_arguments(arguments)).verify()
        print(report.as_json(), flush=True)
    except (CannotLook, Malformed, OSError) as error:  # Malformed: a tile that was changed meanwhile
        print("verify_export.py:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    return 2 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
