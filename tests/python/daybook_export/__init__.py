"""Checks of an export of a ledger, written from docs/AUDIT.md alone.

Read it in this order; each module says which part of the page it is:

    strict_json, values   how JSON, texts, amounts and times are written
    tree                  leaves, roots and tiles
    notes, trust          checkpoints, keys, records and cosignatures, and whom to trust
    assets, events        which events there are, and the members of each
    lines                 a line of `events.ndjson`, its leaf and its event
    book, rules           what holds of a ledger, and whether an event may stand where it stands:
                          ledger_rules, transaction_rules, hold_rules, limits
    balances              what the accounts are stated to hold
    check, report         all of it in the order of the findings
"""
