"""Runs operations of Instamojo's own client against another host.

Arguments: endpoint, API key, auth token. Standard input: a JSON list of `[operation, arguments]`, an
operation such as `payment_request_create`, its arguments by name; standard output: a JSON list of what
each gave. The client raises for nothing but an answer that is no JSON, which is told as
`{"error": text}`.
"""

import json
import os
import sys

# The client makes each call by itself; nothing of it is to go through a proxy.
os.environ["NO_PROXY"] = "*"

from instamojo_wrapper import Instamojo


def main():
    endpoint, api_key, auth_token = sys.argv[1:]
    client = Instamojo(api_key=api_key, auth_token=auth_token, endpoint=endpoint)
    results = []
    for operation, arguments in json.load(sys.stdin):
        try:
            results.append(getattr(client, operation)(**arguments))
        except Exception as error:
            results.append({"error": str(error)})
    json.dump(results, sys.stdout)


main()
