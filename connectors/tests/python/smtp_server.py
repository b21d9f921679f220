"""A mail server (aiosmtpd) on a free port, which says what happens to it and answers as it is asked.

Argument: a JSON object with `tls` ("none", "starttls", "implicit"), `certificate` and `key` (paths) and
`password` (none: nobody has to sign in; the user is "daybook"). Standard output: one JSON object a line,
first `{"port"}`, then `{"auth"}` and `{"from", "to", "data"}`. It ends when standard input ends.

The recipient's local part says how a recipient or message is answered:
  rcpt-550-5.1.1    the RCPT command gets 550 5.1.1 and words that hold the address
  data-451-4.3.0-2  the first two messages get 451 4.3.0, later ones are taken
  throttled         RCPT gets the words of a limit without an enhanced code
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def tell(**event):
    print(json.dumps(event), flush=True)


class Handler:
    def __init__(self):
        self.refused = {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        kind, *codes = address.split("@")[0].split("-")
        if kind == "rcpt":
            return f"{codes[0]} {codes[1]} <{address}> is not served"
        if kind == "throttled":
            return "454 Throttling failure: Maximum sending rate exceeded."
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        tell(
            **{"from": envelope.mail_from},
            to=envelope.rcpt_tos,
            data=envelope.original_content.decode(),
        )
        kind, *codes = envelope.rcpt_tos[0].split("@")[0].split("-")
        if kind == "data":
            self.refused[codes[2]] = self.refused.get(codes[2], 0) + 1
            if self.refused[codes[2]] <= int(codes[2]):
                return f"{codes[0]} {codes[1]} not now"
        return "250 OK"


async def main():
    wanted = json.loads(sys.argv[1])
    context = None
    if wanted["tls"] != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(wanted["certificate"], wanted["key"])
    handler = Handler()

    def authenticate(server, session, envelope, mechanism, data):
        good = data.login == b"daybook" and data.password == wanted["password"].encode()
        tell(auth=good)
        return AuthResult(success=good, handled=False)

    def protocol():
        return SMTP(
            handler,
            hostname="mail.test",
            tls_context=context if wanted["tls"] == "starttls" else None,
            require_starttls=wanted["tls"] == "starttls",
            authenticator=authenticate if wanted["password"] else None,
            auth_required=bool(wanted["password"]),
            auth_require_tls=wanted["tls"] == "starttls",
        )

    implicit = context if wanted["tls"] == "implicit" else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    tell(port=server.sockets[0].getsockname()[1])
    await asyncio.to_thread(sys.stdin.buffer.read)
    server.close()


asyncio.run(main())
