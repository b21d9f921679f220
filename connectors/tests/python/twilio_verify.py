"""Runs operations of Twilio's own client against another host.

Arguments: base URL, account SID, auth token, service SID. Standard input: a JSON list of
`[operation, arguments]`; standard output: a JSON list of what each gave, an error as `{"error": ...}`.
"""

import json
import sys
from urllib.parse import urlsplit, urlunsplit

from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client


class ElsewhereClient(TwilioHttpClient):
    """Sends what is meant for Twilio to another host, and takes no proxy from the environment."""

    def __init__(self, base_url):
        super().__init__(timeout=30)
        self.base = urlsplit(base_url)
        self.session.trust_env = False

    def request(self, method, url, *arguments, **options):
        parts = urlsplit(url)
        assert parts.scheme == "https" and parts.hostname == "verify.twilio.com", url
        elsewhere = urlunsplit(parts._replace(scheme=self.base.scheme, netloc=self.base.netloc))
        return super().request(method, elsewhere, *arguments, **options)


def shown(found):
    names = ("sid", "account_sid", "service_sid", "to", "channel", "status", "valid")
    told = {name: getattr(found, name) for name in names}
    told["date_created"] = found.date_created.isoformat()
    told["attempts"] = len(getattr(found, "send_code_attempts", None) or [])
    return told


def main():
    base_url, account_sid, auth_token, service_sid = sys.argv[1:]
    client = Client(account_sid, auth_token, http_client=ElsewhereClient(base_url))
    service = client.verify.v2.services(service_sid)
    operations = {
        "create": lambda arguments: service.verifications.create(**arguments),
        "check": lambda arguments: service.verification_checks.create(**arguments),
        "fetch": lambda arguments: service.verifications(arguments["sid"]).fetch(),
        "update": lambda arguments: service.verifications(arguments["sid"]).update(
            status=arguments["status"]
        ),
    }
    results = []
    for operation, arguments in json.load(sys.stdin):
        try:
            results.append(shown(operations[operation](arguments)))
        except TwilioRestException as error:
            told = {"status": error.status, "code": error.code, "message": error.msg}
            results.append({"error": told})
    json.dump(results, sys.stdout)


main()
