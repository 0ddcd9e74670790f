"""names.py ADDRESS NAME...: a DNS server on ADDRESS:53 that answers these names with ADDRESS, and no others."""

import socket
import struct
import sys


def answer(query, address, names):
    """One question, at most one answer: enough for a resolver that asks for A and AAAA."""
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode().lower())
        at += query[at] + 1
    kind = struct.unpack(">H", query[at + 1 : at + 3])[0]
    question = query[12 : at + 5]
    is_known = ".".join(labels) in names
    found = is_known and kind == 1
    head = query[:2] + struct.pack(">HHHHH", 0x8180 if is_known else 0x8183, 1, int(found), 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 30, 4) + socket.inet_aton(address) if found else b""
    return head + question + record


def main():
    address, names = sys.argv[1], set(sys.argv[2:])
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    while True:
        query, client = server.recvfrom(512)
        server.sendto(answer(query, address, names), client)


main()
