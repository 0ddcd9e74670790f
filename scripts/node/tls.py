"""tls.py ADDRESS PORT CERTIFICATE KEY TO: speaks TLS on ADDRESS:PORT, and hands on what it hears to port TO of loopback."""

import asyncio
import ssl
import sys


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def main():
    address, port, certificate, key, to = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def serve(reader, writer):
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", int(to))
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))

    server = await asyncio.start_server(serve, address, int(port), ssl=context)
    await server.serve_forever()


asyncio.run(main())
