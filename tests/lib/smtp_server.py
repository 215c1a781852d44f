#!/usr/bin/python3
"""A mail server on loopback for the tests: STARTTLS or TLS, login, one file per message.

usage: smtp_server.py FOLDER [--cert FILE --key FILE] [--mode starttls|tls|plain] [--login USER:PASSWORD]
                      [--refuse ADDRESS]

Prints the port it listens on and serves until its standard input ends. A message goes to FOLDER/N.eml, its
envelope to FOLDER/N.env (sender, then recipients, one a line), the login that was used to FOLDER/login.
"""
import argparse
import asyncio
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, options):
        self.options = options
        self.count = 0

    def save(self, name, data):
        path = os.path.join(self.options.folder, name)
        with open(path + ".part", "wb") as f:
            f.write(data)
        os.rename(path + ".part", path)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == self.options.refuse:
            return "550 5.1.1 no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        lines = [envelope.mail_from, *envelope.rcpt_tos]
        self.save(f"{self.count}.env", "".join(f"{line}\n" for line in lines).encode())
        self.save(f"{self.count}.eml", envelope.content)
        return "250 2.0.0 taken"

    def authenticate(self, server, session, envelope, mechanism, data):
        login = b":".join([data.login, data.password])
        good = login == self.options.login.encode()
        if good:
            self.save("login", data.login)
            return AuthResult(success=True)
        return AuthResult(success=False, handled=False, message="535 5.7.8 wrong user or password")


def context(options):
    if options.cert is None:
        return None
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(options.cert, options.key)
    return c


async def serve(options):
    handler = Handler(options)
    tls = context(options)

    def session():
        return SMTP(handler, hostname="mail.test", enable_SMTPUTF8=False,
                    tls_context=tls if options.mode == "starttls" else None,
                    require_starttls=options.mode == "starttls",
                    authenticator=handler.authenticate if options.login else None,
                    auth_required=bool(options.login), auth_require_tls=options.mode == "starttls")

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=tls if options.mode == "tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("--cert")
    p.add_argument("--key")
    p.add_argument("--mode", choices=["starttls", "tls", "plain"], default="starttls")
    p.add_argument("--login")
    p.add_argument("--refuse")
    options = p.parse_args()
    asyncio.run(serve(options))


main()
