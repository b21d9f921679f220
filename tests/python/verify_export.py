#!/usr/bin/env python3
"""Check an export of a ledger, offline: `verify_export.py FOLDER --key VKEY [--checkpoint FILE]`.

Written from docs/AUDIT.md alone, which says what each check means, so that it can be read as the
reference for one in another language; `daybook_export` beside it has the checks. Prints the report as
JSON; exits with 0 when nothing is wrong, 2 when something is, 1 when it could not look. Python 3.9, and
`cryptography` for Ed25519.

A file is read once from its beginning, so memory is the book of the ledger (accounts, wallets,
holds, streams) and an index of its transactions.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from daybook_export.check import Verifier
from daybook_export.notes import Checkpoint, Key, read_note
from daybook_export.report import CannotLook, Malformed


class Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CannotLook(message)


def read_arguments(arguments: list[str]) -> Verifier:
    parser = Arguments(description="Check an export of a ledger.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--key", action="append", required=True, metavar="VKEY", help="a public key that is trusted")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="FILE", help="one that was kept earlier")
    given = parser.parse_args(arguments)
    keys, earlier = [], []
    for text in given.key:
        try:
            keys.append(Key.read(text))
        except Malformed as error:
            raise CannotLook(f"{text!r}: {error}") from None
    for name in given.checkpoint:
        try:
            earlier.append((name, Checkpoint.read(read_note(Path(name)))))
        except Malformed as error:
            raise CannotLook(f"{name!r}: {error}") from None
    return Verifier(given.folder, keys, earlier)


def main(arguments: list[str]) -> int:
    try:
        report = read_arguments(arguments).verify()
    except (CannotLook, OSError) as error:
        print("verify_export.py:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    print(report.as_json())
    return 2 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
