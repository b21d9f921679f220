"""Reads a beancount file with beancount's own loader and writes what it says as NDJSON.

    adapter.py journal FILE      accounts and transactions, as booked by beancount
    adapter.py balances FILE     what every account holds, at each month's end and at the end
    adapter.py example FILE      writes a made-up household's books to FILE

Every line of standard output is one JSON object with a "record". Numbers are strings of plain
decimal digits. The last line is "end" with the count of lines before it, so that output that
stops early is noticed; or "refused", alone, with a stable code.

A beancount file can name Python modules to run as plugins. Only beancount's own are run here:
reading a file must not run its author's code. (The loader ignores plugins of included files.) For
the same reason the loader's cache (a pickle beside the file) is neither read nor written.
"""

import collections
import datetime
import json
import os
import sys

# Must be set before the loader is imported. Without a cache the loader would still delete one that
# another program made, so its name is one that cannot exist.
os.environ["BEANCOUNT_DISABLE_LOAD_CACHE"] = "1"
os.environ["BEANCOUNT_LOAD_CACHE_FILENAME"] = os.path.join(os.devnull, "none")

MAX_ERRORS_SHOWN = 5
MAX_ERROR_LENGTH = 300


class Refused(Exception):
    """The file cannot be taken; carries a stable code and what is wrong, for people."""

    def __init__(self, code, errors):
        super().__init__(code)
        self.code = code
        self.errors = errors


class Output:
    """Lines written so far."""

    def __init__(self):
        self.lines = 0

    def write(self, record, **fields):
        sys.stdout.write(json.dumps({"record": record, **fields}) + "\n")
        self.lines += 1

    def end(self):
        self.write("end", lines=self.lines)
        sys.stdout.flush()


def refuse_foreign_plugins():
    """Makes the loader refuse plugins that are not beancount's own, before any of them is loaded."""
    from beancount import loader

    transform = loader.run_transformations
    trusted_path = list(sys.path)

    def guarded(entries, parse_errors, options, log_timings):
        # The option insert_pythonpath has put the file's folder first by now.
        sys.path[:] = trusted_path
        foreign = [name for name, _ in options["plugin"] if not name.startswith("beancount.")]
        if foreign:
            raise Refused("beancount_plugin_not_allowed", foreign)
        return transform(entries, parse_errors, options, log_timings)

    loader.run_transformations = guarded


def describe(error):
    source = getattr(error, "source", None) or {}
    message = " ".join(str(error.message).split())
    place = f"{source.get('filename', '?')}:{source.get('lineno', 0)}"
    text = "".join(c if c.isprintable() else "?" for c in f"{place}: {message}")
    return text if len(text) <= MAX_ERROR_LENGTH else text[: MAX_ERROR_LENGTH - 1] + "…"


def load(file):
    from beancount import loader

    refuse_foreign_plugins()
    entries, errors, options = loader.load_file(file)
    if errors:
        raise Refused("beancount_errors", [describe(error) for error in errors])
    return entries, options


def transactions_of(entries):
    from beancount.core import data

    return [entry for entry in entries if isinstance(entry, data.Transaction)]


def digits(number):
    return format(number, "f")


def priced(amount):
    return f"{digits(amount.number)} {amount.currency}"


def write_accounts(entries, options, output):
    from beancount.core import account_types, getters
    from beancount.parser.options import get_account_types

    types = get_account_types(options)
    kinds = {getattr(types, kind): kind for kind in types._fields}
    for name, (opened, closed) in getters.get_account_open_close(entries).items():
        if opened is None:
            continue
        output.write(
            "account",
            name=name,
            kind=kinds[account_types.get_account_type(name)],
            opened=opened.date.isoformat(),
            closed=closed.date.isoformat() if closed else None,
            currencies=opened.currencies or [],
        )


def write_transaction(transaction, output):
    output.write(
        "transaction",
        date=transaction.date.isoformat(),
        flag=transaction.flag or "*",
        payee=transaction.payee or "",
        narration=transaction.narration or "",
        tags=sorted(transaction.tags or ()),
        links=sorted(transaction.links or ()),
        file=str(transaction.meta.get("filename", "")),
        line=int(transaction.meta.get("lineno", 0)),
        postings=[
            {
                "account": posting.account,
                "number": digits(posting.units.number),
                "currency": posting.units.currency,
                "cost": priced(posting.cost) if posting.cost else None,
                "price": priced(posting.price) if posting.price else None,
            }
            for posting in transaction.postings
        ],
    )


def write_journal(file, output):
    entries, options = load(file)
    write_accounts(entries, options, output)
    for transaction in transactions_of(entries):
        write_transaction(transaction, output)


def month_after(date):
    return datetime.date(date.year + date.month // 12, date.month % 12 + 1, 1)


def held(balances, moved):
    """What every account holds in units, zero included for what it held once."""
    from beancount.core import convert

    numbers = dict.fromkeys(moved, "0")
    for account, inventory in balances.items():
        for position in inventory.reduce(convert.get_units):
            numbers[(account, position.units.currency)] = digits(position.units.number)
    return [
        {"account": account, "currency": currency, "number": number}
        for (account, currency), number in sorted(numbers.items())
    ]


def write_month_ends(transactions, output):
    from beancount.core.inventory import Inventory

    balances, moved = collections.defaultdict(Inventory), set()
    remaining = collections.deque(transactions)
    month = remaining[0].date if remaining else None
    while remaining:
        month = month_after(month)
        while remaining and remaining[0].date < month:
            for posting in remaining.popleft().postings:
                balances[posting.account].add_position(posting)
                moved.add((posting.account, posting.units.currency))
        last_day = month - datetime.timedelta(days=1)
        output.write("month_end", last_day=last_day.isoformat(), held=held(balances, moved))
    return moved


def write_balances(file, output):
    from beancount.ops import summarize

    entries, _ = load(file)
    moved = write_month_ends(transactions_of(entries), output)
    balances, _ = summarize.balance_by_account(entries)
    output.write("closing", held=held(balances, moved))


def write_example(file, output):
    from beancount.scripts import example

    arguments = {"seed": "7", "date-begin": "2016-01-01", "date-end": "2025-12-31"}
    # The fictional person's birthday, too, is taken from today's date unless it is given.
    arguments["date-birth"] = "1980-05-12"
    command_line = [f"--{name}={value}" for name, value in arguments.items()]
    example.main([*command_line, f"--output={file}"], standalone_mode=False)


COMMANDS = {"journal": write_journal, "balances": write_balances, "example": write_example}


def main(command, file):
    output = Output()
    try:
        import beancount.loader  # noqa: F401
    except ImportError as error:
        output.write("refused", code="beancount_not_installed", total=1, errors=[str(error)])
        return
    try:
        COMMANDS[command](file, output)
        output.end()
    except Refused as refused:
        errors = refused.errors
        shown = errors[:MAX_ERRORS_SHOWN]
        output.write("refused", code=refused.code, total=len(errors), errors=shown)


if __name__ == "__main__":
    main(*sys.argv[1:])
