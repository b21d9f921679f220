"""Runs operations of Onfido's own client against another host.

Arguments: base URL with the version, API token. Standard input: a JSON list of `[operation, arguments]` or
`[operation, arguments, named arguments]`; an argument `{Model: fields}` is that model, `{"file": text}` a
file. Standard output: a JSON list of what each gave, an error as `{"error": class, "status": number}`.
`webhook` verifies a body.
"""

import json
import sys

import onfido


def argument(given):
    if isinstance(given, dict) and len(given) == 1:
        (name, value), = given.items()
        if name == "file":
            return ("passport.jpg", value.encode())
        if hasattr(onfido, name):
            return getattr(onfido, name).from_dict(value)
    return given


def shown(found):
    if isinstance(found, list):
        return [shown(each) for each in found]
    return found.model_dump(mode="json") if hasattr(found, "model_dump") else found


def main():
    base_url, token = sys.argv[1:]
    configuration = onfido.Configuration(api_token=token, host=base_url)
    results = []
    with onfido.ApiClient(configuration) as client:
        interface = onfido.DefaultApi(client)
        for operation, arguments, *named in json.load(sys.stdin):
            try:
                if operation == "webhook":
                    secret, body, signature = arguments
                    found = onfido.WebhookEventVerifier(secret).read_payload(body, signature)
                else:
                    named = named[0] if named else {}
                    found = getattr(interface, operation)(*map(argument, arguments), **named)
                results.append(shown(found))
            except (onfido.ApiException, onfido.OnfidoInvalidSignatureError) as error:
                status = getattr(error, "status", None)
                results.append({"error": type(error).__name__, "status": status})
    json.dump(results, sys.stdout)


main()
