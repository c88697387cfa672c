# SPDX-License-Identifier: MPL-2.0
"""Who a router does not like: speaks without CURVE, speaks no ZMTP, or says GONE with a key that
may not. Prints what it hears.

    stranger.py plain   ENDPOINT
    stranger.py garbage HOST PORT
    stranger.py gone    ENDPOINT SERVER-KEY KEY-FILE NAME
"""
import os
import pathlib
import socket
import sys

import msgpack
import zmq

HELLO, WELCOME, GONE, REFUSE = 1, 2, 6, 12
QUIET_MS = 1500
WAIT_MS = 30000


def dealer(endpoint, server=None, key_file=None):
    peer = zmq.Context.instance().socket(zmq.DEALER)
    peer.linger = 0
    if server:
        path = pathlib.Path(key_file)
        peer.curve_serverkey = server.encode()
        peer.curve_secretkey = path.read_bytes().strip()
        peer.curve_publickey = path.with_suffix(".public").read_bytes().strip()
    peer.connect(endpoint)
    peer.send(msgpack.packb([HELLO, 1, 1, "stranger", "test", os.urandom(16), []]))
    return peer


def plain(endpoint):
    print("something" if dealer(endpoint).poll(QUIET_MS) else "nothing")


def garbage(host, port):
    with socket.create_connection((host, int(port)), timeout=30) as raw:
        try:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: zloom\r\n\r\n" * 8)
            while raw.recv(4096):
                pass
        except ConnectionError:
            pass
    print("closed")


def hear(peer, kind):
    while peer.poll(WAIT_MS):
        verb = msgpack.unpackb(peer.recv_multipart()[0])
        if verb[0] == kind:
            return verb
    raise TimeoutError(kind)


def gone(endpoint, server, key_file, name):
    peer = dealer(endpoint, server, key_file)
    hear(peer, WELCOME)
    peer.send(msgpack.packb([GONE, name, bytes(16), None, 9, b"forged"]))
    refuse = hear(peer, REFUSE)
    print(refuse[2], refuse[4])


if __name__ == "__main__":
    {"plain": plain, "garbage": garbage, "gone": gone}[sys.argv[1]](*sys.argv[2:])
