# SPDX-License-Identifier: MPL-2.0
"""Peers over raw sockets that break ZMTP, or speak it and lie: the honest ones go on meanwhile.

No library is between them and the router: what they send is made here byte by byte (ZMTP 3.1,
https://rfc.zeromq.org/spec/37). Each attack has its turn alone, then come many at once.
"""
import pathlib
import socket
import struct

from load import conclude, load
from processes import Failure, wait

WIRE = pathlib.Path(__file__).resolve().parents[1] / "data" / "wire"
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
MORE, LONG, COMMAND = 1, 2, 4
MESSAGE_MAX = 4 << 20
PATIENCE_S = 0.2
MIX = 150
FLOOD = 100
KEPT = 100


def frame(body, flags=0):
    if len(body) > 255:
        return struct.pack(">BQ", flags | LONG, len(body)) + body
    return struct.pack(">BB", flags, len(body)) + body


def command(name, body=b""):
    return frame(bytes([len(name)]) + name + body, COMMAND)


def prop(name, value):
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value


READY = command(b"READY", prop(b"Socket-Type", b"DEALER") + prop(b"Identity", b""))


def golden():
    """The samples of the protocol: verbs as honest peers say them."""
    found = []
    for path in sorted(WIRE.glob("*.hex")):
        digits = "".join(line for line in path.read_text().splitlines() if line[:1] != "#")
        found.append(bytes.fromhex(digits))
    return found


class Attacker:
    """A raw connection, until the router closes it or does not read for a while."""

    def __init__(self, ground):
        self.random, self.over = ground.random, False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(str(ground.state / "run" / "router.sock"))

    def send(self, data):
        """False: it is over, and whatever comes next would be in the middle of a frame."""
        try:
            if not self.over:
                self.socket.sendall(data)
        except (TimeoutError, ConnectionError):
            self.over = True
        return not self.over

    def hear(self, word):
        heard = b""
        while not self.over and word not in heard:
            try:
                more = self.socket.recv(4096)
            except (TimeoutError, ConnectionError):
                more = b""
            self.over = not more
            heard += more

    def close(self):
        self.socket.close()

    def noise(self, most=300):
        return self.random.randbytes(self.random.randrange(1, most))

    def spoil(self, data):
        """A few bits are others, or an end is missing."""
        data = bytearray(data)
        for _ in range(self.random.randrange(3)):
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        if self.random.random() < 0.2:
            del data[self.random.randrange(len(data)):]
        return bytes(data)


# ---- what attackers do --------------------------------------------------------------------------

def noise(peer):
    peer.send(peer.noise(5000))


def half_a_greeting(peer):
    peer.send(GREETING[:peer.random.randrange(1, 64)])


def other_mechanisms(peer):
    name = peer.random.choice((b"PLAIN", b"CURVE", b"GSSAPI", b"\xff" * 20))
    peer.send(GREETING[:12] + name.ljust(20, b"\0") + GREETING[32:] + peer.noise())


def bad_commands(peer):
    peer.send(GREETING)
    peer.send(peer.random.choice((
        command(b"READY", prop(b"Socket-Type", b"PUB")),
        command(b"READY", b"\x05abcde\xff\xff\xff\xff"),
        command(b"READY", prop(b"Identity", b"x" * 300) * 50),
        command(b"READY", b"".join(prop(b"X%d" % i, b"y" * 200) for i in range(3000))),
        command(b"ERROR", b"\xffno"), command(b"", b""), frame(b"", COMMAND), frame(peer.noise()))))


def shake(peer):
    """libzmq takes no message before it has said READY itself."""
    peer.send(GREETING + READY)
    peer.hear(b"READY")


def garbage_verbs(peer):
    shake(peer)
    for _ in range(50):
        parts = peer.random.randrange(1, 6)
        for i in range(parts):
            peer.send(frame(peer.noise(), MORE if i < parts - 1 else 0))


def too_large(peer):
    """Said to be, and not sent; and sent."""
    shake(peer)
    if peer.random.random() < 0.5:
        peer.send(struct.pack(">BQ", LONG, 1 << 63 - peer.random.randrange(8)) + peer.noise())
    else:
        peer.send(frame(bytes(2 * MESSAGE_MAX)))


def endless_message(peer):
    shake(peer)
    for _ in range(5000):
        peer.send(frame(b"x", MORE))


def unknown_session(peer):
    """Verbs of somebody who never said HELLO."""
    shake(peer)
    for verb in peer.random.sample(SAMPLES, 10):
        peer.send(frame(verb))


def liar(peer):
    """A session, and then verbs about what it never had, true and spoilt, some with a pack."""
    shake(peer)
    peer.send(frame(HELLO))
    for _ in range(200):
        verb = peer.spoil(peer.random.choice(SAMPLES))
        if peer.random.random() < 0.5:
            peer.send(frame(verb, MORE) + frame(peer.spoil(PACK)))
        else:
            peer.send(frame(verb))


def deaf(peer):
    """Asks and asks, and reads nothing."""
    shake(peer)
    peer.send(frame(HELLO))
    for _ in range(FLOOD):
        peer.send(frame(ADMIN) * 100)


def pings(peer):
    shake(peer)
    for _ in range(FLOOD):
        peer.send(command(b"PING", b"\0\x0a" + peer.noise(17)) * 100)


def reset(peer):
    """Gone in the middle of a frame, with everything that came for it unread."""
    shake(peer)
    peer.send(frame(HELLO) + frame(ADMIN) * 10 + frame(bytes(1000))[:500])
    peer.close()


ATTACKS = (noise, half_a_greeting, other_mechanisms, bad_commands, garbage_verbs, too_large,
           endless_message, unknown_session, liar, deaf, pings, reset)
SAMPLES = golden()
HELLO, ADMIN, PACK = (bytes.fromhex("".join(
    line for line in (WIRE / f"{name}.hex").read_text().splitlines() if line[:1] != "#"))
    for name in ("hello", "admin", "pack"))


def hostile(ground, _options):
    ground.need_router()
    load(ground)
    router, kept = ground.router, []

    def attack(what):
        try:
            peer = Attacker(ground)
        except (TimeoutError, ConnectionError):
            return  # the router has enough to do, or is gone: see go_on
        what(peer)
        kept.append(peer)
        if len(kept) > KEPT:
            kept.pop(ground.random.randrange(len(kept))).close()

    def go_on(count, after):
        wait(lambda: not router.alive() or after(), "honest peers go on")
        if not router.alive():
            raise Failure(f"the router ended with {router.wait()} ({count}): {router.said()}")

    for what in ATTACKS:
        for _ in range(10):
            attack(what)
        go_on(what.__name__, ground.more(2000))
    for number in range(MIX):
        attack(ground.random.choice(ATTACKS))
        if number % 10 == 0:
            go_on("many at once", ground.more(2000))
    wait(ground.all_welcome, "everybody is still here")
    lost = ground.sessions_lost()
    if lost:
        raise Failure(f"honest peers lost {lost} sessions: {router.said()}")
    if "peer=shop" not in router.err_path.read_text(errors="replace"):
        raise Failure("no attacker ever had a session")
    for peer in kept:
        peer.close()
    ground.progress(1000, "after the attackers have left")
    conclude(ground, f"{len(ATTACKS) * 10 + MIX} attacks of {len(ATTACKS)} kinds")
