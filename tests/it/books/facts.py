"""What beancount has read: every transaction's date and metadata, as JSON. Exits with 1 when it finds errors."""

import json
import sys

from beancount import loader
from beancount.core import data

entries, errors, _ = loader.load_file(sys.argv[1])
for error in errors:
    print(error, file=sys.stderr)
told = [
    {
        "date": entry.date.isoformat(),
        "links": sorted(entry.links),
        "postings": len(entry.postings),
        **{key: str(value) for key, value in entry.meta.items() if key not in ("filename", "lineno")},
    }
    for entry in entries
    if isinstance(entry, data.Transaction)
]
json.dump(told, sys.stdout)
sys.exit(1 if errors else 0)
