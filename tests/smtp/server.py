"""aiosmtpd on a free port of this machine: puts what it takes into the Maildir FOLDER, and says its port on a line.

server.py FOLDER [USER PASSWORD]: with a user it takes mail from nobody else.
"""

import asyncio
import sys

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult

folder, *login = sys.argv[1:]
taken = Mailbox(folder)


def check(server, session, envelope, mechanism, data):
    known = [data.login.decode(), data.password.decode()] == login
    return AuthResult(success=known)


def connection():
    if not login:
        return SMTP(taken, hostname="localhost")
    return SMTP(taken, hostname="localhost", authenticator=check, auth_required=True, auth_require_tls=False)


async def main():
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
