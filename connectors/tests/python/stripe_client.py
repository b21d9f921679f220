"""Runs operations of Stripe's own client against another host.

Arguments: base URL, key. Standard input: a JSON list of `[operation, arguments]`, an operation such as
`v1.refunds.create`, its last argument the options; standard output: a JSON list of what each gave, an
error as `{"error": class, "code": text, "message": text}`. `webhook` verifies a body.
"""

import json
import sys

import stripe


def main():
    base_url, key = sys.argv[1:]
    client = stripe.StripeClient(
        key,
        base_addresses={"api": base_url},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=30),
    )
    stripe.enable_telemetry = False
    results = []
    for operation, arguments in json.load(sys.stdin):
        try:
            if operation == "webhook":
                found = client.construct_event(*arguments)
            else:
                found = client
                for name in operation.split("."):
                    found = getattr(found, name)
                *given, options = arguments
                found = found(*given, options=options)
            shown = found.to_dict() if hasattr(found, "to_dict") else found
            response = getattr(found, "last_response", None)
            if response is not None:
                shown["replayed"] = response.headers.get("idempotent-replayed")
            results.append(shown)
        except stripe.StripeError as error:
            results.append(
                {
                    "error": type(error).__name__,
                    "code": error.code,
                    "message": error.user_message,
                    "status": error.http_status,
                }
            )
    json.dump(results, sys.stdout)


main()
