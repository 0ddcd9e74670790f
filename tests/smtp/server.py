"""aiosmtpd on a free port of this machine: puts what it takes into the Maildir FOLDER, and says its port on a line.

server.py FOLDER [USER PASSWORD]: with a user it takes mail from nobody else. Mail to bad@ is refused for good, mail to
busy@ for now, as long as the file FOLDER.free is missing. SMTP_PORT: the port, where it must be a certain one.
"""

import asyncio
import os
import sys

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult

folder, *login = sys.argv[1:]


class Handler(Mailbox):
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("bad@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("busy@") and not os.path.exists(folder + ".free"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"


taken = Handler(folder)


def check(server, session, envelope, mechanism, data):
    known = [data.login.decode(), data.password.decode()] == login
    return AuthResult(success=known)


def connection():
    if not login:
        return SMTP(taken, hostname="localhost")
    return SMTP(taken, hostname="localhost", authenticator=check, auth_required=True, auth_require_tls=False)


async def main():
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", int(os.environ.get("SMTP_PORT", "0")))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
