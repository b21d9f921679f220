"""How values are written: the table of values in "The rules" of docs/AUDIT.md.

A `Reader` takes a JSON value, and gives what it means or raises `Malformed`.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from functools import lru_cache
from typing import Any, Callable, Iterable, NamedTuple, Optional

from .report import Malformed

# Amounts are whole numbers of 10^-28 of the major unit: no asset has to be known to read one.
DECIMALS = 28
EXACT = 1 << 96

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LEDGER = re.compile(r"[a-z][a-z0-9_]{0,39}")
TIER = re.compile(r"[a-z][a-z0-9_]{0,23}")
PRINTABLE = r"[^\x00-\x1f\x7f-\x9f]"
OWNER = re.compile(rf"(?!\s){PRINTABLE}{{1,128}}(?<!\s)")
REFERENCE = re.compile(rf"{PRINTABLE}{{1,256}}")
ASSET = re.compile(r"[A-Z][A-Z0-9._-]{0,23}")
SYSTEM_ACCOUNT = re.compile(r"[a-z][a-z0-9_.-]{0,47}")
HOLDER = re.compile(f"wallet:{UUID.pattern}|system:{SYSTEM_ACCOUNT.pattern}")
DECIMAL = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?")
TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9:]{8})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Reader = Callable[[Any], Any]


class Amount(NamedTuple):
    units: int  # of 10^-28
    decimals: int  # without zeros at the end


def read_decimal(value: Any) -> Amount:
    match = DECIMAL.fullmatch(value) if type(value) is str else None
    if not match:
        raise Malformed("an amount is plain decimal digits")
    whole, decimals = match[1], match[2] or ""
    if len(whole) > DECIMALS + 1 or len(decimals) > DECIMALS or int(whole + decimals) >= EXACT:
        raise Malformed("an amount has more digits than can be kept exactly")
    return Amount(int(whole + decimals) * 10 ** (DECIMALS - len(decimals)), len(decimals.rstrip("0")))


def read_amount(value: Any) -> Amount:
    amount = read_decimal(value)
    if amount.units == 0:
        raise Malformed("an amount is above zero")
    return amount


def read_time(value: Any) -> datetime:
    if type(value) is not str:
        raise Malformed("a time is a text")
    return time_of(value)


@lru_cache(maxsize=64)  # events of one batch have one time, and most take effect when they are recorded
def time_of(text: str) -> datetime:
    match = TIME.fullmatch(text)
    if not match:
        raise Malformed("a time is written as RFC 3339")
    micros = ((match[3] or "") + "000000")[:6]
    offset = "+00:00" if match[4] in "Zz" else match[4]
    try:
        time = datetime.fromisoformat(f"{match[1]}T{match[2]}.{micros}{offset}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise Malformed("there is no such time") from None
    if not 1900 <= time.year <= 2199:
        raise Malformed("a time is in the years 1900 to 2199")
    return time


def read_day(value: Any) -> date:
    try:
        return date.fromisoformat(matching(DAY)(value))
    except ValueError:
        raise Malformed("there is no such day") from None


def read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed("a text was expected")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise Malformed("a text has half a character") from None
    return value


def read_any(value: Any) -> Any:
    return value


def check_texts(value: Any) -> None:
    """No text in it has half a character."""
    if isinstance(value, str):
        read_text(value)
    elif isinstance(value, dict):
        for name, member in value.items():
            read_text(name)
            check_texts(member)
    elif isinstance(value, list):
        for item in value:
            check_texts(item)


def whole_of(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Malformed(f"a whole number from {least} to {most} was expected")
        return value

    return read


def matching(pattern: re.Pattern[str]) -> Reader:
    fullmatch = pattern.fullmatch

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise Malformed("a text was expected")
        if not fullmatch(value):
            raise Malformed(f"{value[:60]!r} is not written as it has to be")
        return value

    return read


def one_of(*words: str) -> Reader:
    def read(value: Any) -> str:
        if type(value) is not str or value not in words:
            raise Malformed(f"one of {', '.join(words)} was expected")
        return value

    return read


def list_of(reader: Reader) -> Reader:
    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Malformed("a list was expected")
        return [reader(item) for item in value]

    return read


def map_of(key_reader: Reader, reader: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Malformed("an object was expected")
        return {key_reader(key): reader(member) for key, member in value.items()}

    return read


def object_of(needed: dict[str, Reader], others: Optional[dict[str, Reader]] = None) -> Reader:
    """An object with these members and no more; of the others, those that are absent are None."""
    others = others or {}
    names = {*needed, *others}

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Malformed("an object was expected, with each member once")
        if not value.keys() <= names:
            raise Malformed(f"{min(value.keys() - names)[:60]!r} is no member here")
        if not value.keys() >= needed.keys():
            raise Malformed(f"{min(needed.keys() - value.keys())!r} is missing")
        members = {name: reader(value[name]) for name, reader in needed.items()}
        for name, reader in others.items():
            member = value.get(name)
            members[name] = None if member is None else reader(member)
        return members

    return read


def choice_of(words: Iterable[str], reader: Reader, *names: str) -> Reader:
    """One of the words, or `{name: …}`; read as the word, or as the pair of name and value."""
    word = one_of(*words)

    def read(value: Any) -> Any:
        if type(value) is str:
            return word(value)
        if type(value) is not dict or len(value) != 1:
            raise Malformed("a word, or an object with one member was expected")
        ((name, member),) = value.items()
        if name not in names:
            raise Malformed(f"{name[:60]!r} is no member here")
        return name, reader(member)

    return read
