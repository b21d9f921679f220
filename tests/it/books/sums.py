"""Debits less credits of every account in a CSV of books, and every reference, as JSON."""

import csv
import decimal
import json
import sys

decimal.getcontext().prec = 60
sums, references = {}, {}
with open(sys.argv[1], newline="", encoding="utf-8") as rows:
    for row in csv.DictReader(rows, strict=True):
        amount = decimal.Decimal(row["amount"])
        assert -amount.as_tuple().exponent == int(row["scale"]), row
        sign = {"debit": 1, "credit": -1}[row["side"]]
        sums[row["account"]] = sums.get(row["account"], decimal.Decimal()) + sign * amount
        is_first = row["position"] not in references
        told = references.setdefault(row["position"], [row["reference"], row["metadata"]])
        assert told[0] == row["reference"] and (is_first or row["metadata"] == ""), row
json.dump({"sums": {name: f"{value:f}" for name, value in sums.items()}, "references": references}, sys.stdout)
