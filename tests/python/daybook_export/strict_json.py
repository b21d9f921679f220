"""JSON as RFC 8259 has it, and whether a member stands twice: "Lines and leaves" in docs/AUDIT.md."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from .report import Malformed


class Repeated(dict[str, Any]):
    """An object that has a member twice; `type(x) is dict` tells it from others."""


def of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Repeated(members)


def whole(digits: str) -> Any:
    # Python does not read thousands of digits; no number that matters has more than 20. -0 is no whole number.
    return int(digits) if len(digits) <= 20 and digits != "-0" else float(digits)


def no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


JSON = json.JSONDecoder(object_pairs_hook=of_pairs, parse_int=whole, parse_constant=no_number)


def read_json(text: bytes) -> Any:
    """One JSON value as RFC 8259 has it: no NaN, and UTF-8 that is right."""
    try:
        return JSON.decode(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no JSON: {str(error)[:200]}") from None
