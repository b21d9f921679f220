"""Runs operations of Razorpay's own client against another host.

Arguments: base URL, key id, key secret. Standard input: a JSON list of `[operation, arguments]`, an
operation such as `order.create`; standard output: a JSON list of what each gave, an error as
`{"error": class, "message": text}`.
"""

import json
import sys

import razorpay
from razorpay.errors import BadRequestError, GatewayError, ServerError, SignatureVerificationError


def main():
    base_url, key_id, key_secret = sys.argv[1:]
    client = razorpay.Client(auth=(key_id, key_secret), base_url=base_url)
    client.session.trust_env = False
    results = []
    for operation, arguments in json.load(sys.stdin):
        resource, method = operation.split(".")
        options = arguments.pop() if isinstance(arguments[-1], dict) and "headers" in arguments[-1] else {}
        try:
            results.append(getattr(getattr(client, resource), method)(*arguments, **options))
        except (BadRequestError, GatewayError, ServerError, SignatureVerificationError) as error:
            results.append({"error": type(error).__name__, "message": str(error)})
    json.dump(results, sys.stdout)


main()
