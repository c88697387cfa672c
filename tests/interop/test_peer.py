# SPDX-License-Identifier: MPL-2.0
"""peer.py against a router of golden samples: what it says is held against docs/protocol.md."""
import pathlib
import sys
import threading
import unittest

import msgpack
import zmq

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[0] / "data" / "wire")]
sys.dont_write_bytecode = True

import hear  # noqa: E402
import make  # noqa: E402
import peer  # noqa: E402


def sample(name):
    """The bytes of a golden sample."""
    return make.parse((HERE.parents[0] / "data/wire" / f"{name}.hex").read_text())[1]


class Script(threading.Thread):
    """A ROUTER that answers from a list: after each verb of a kind, these frames."""

    def __init__(self, endpoint, answers):
        super().__init__(daemon=True)
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(endpoint)
        self.answers, self.heard = answers, []

    def run(self):
        while self.answers:
            if not self.socket.poll(10000):
                return
            route, *frames = self.socket.recv_multipart()
            self.heard.append(frames)
            kind = msgpack.unpackb(frames[0])[0]
            if kind == self.answers[0][0]:
                for answer in self.answers.pop(0)[1:]:
                    self.socket.send_multipart([route, *answer])


class PeerTest(unittest.TestCase):
    def play(self, *answers):
        endpoint = f"inproc://{self.id()}"
        script = Script(endpoint, list(answers))
        script.start()
        return endpoint, script

    def test_packs(self):
        messages = [(b"c-7", b'{"order":1}'), (b"c-8", b'{"order":2}')]
        self.assertEqual(peer.pack(messages), sample("pack"))
        self.assertEqual(peer.bodies(sample("pack")), [body for _, body in messages])

    def test_send(self):
        endpoint, script = self.play(
            [peer.HELLO, [sample("welcome")], [sample("ping")], [sample("credit")]],
            [peer.SEND, [sample("confirm")]])
        one = peer.Peer(endpoint, "shop", "producer", ["orders"])
        one.send("orders", [(b"c-7", b'{"order":1}'), (b"c-8", b'{"order":2}')])
        script.join(10)
        kinds = [msgpack.unpackb(frames[0])[0] for frames in script.heard]
        self.assertEqual(kinds, [peer.HELLO, peer.PONG, peer.SEND])
        verb, data = script.heard[2]
        golden = msgpack.unpackb(sample("send"))
        self.assertEqual(msgpack.unpackb(verb)[:4], golden[:4])
        self.assertEqual(msgpack.unpackb(verb)[5], golden[5])
        self.assertEqual(data, sample("pack"))

    def test_work(self):
        endpoint, script = self.play(
            [peer.HELLO, [sample("welcome")]],
            [peer.SUBSCRIBE, [sample("subscribed")]],
            [peer.CREDIT, [sample("deliver"), sample("pack")]],
            [peer.SETTLE, [sample("settled")]])
        seen = []

        def handler(body, failures):
            seen.append((body, failures))
            return peer.ACK if len(seen) == 1 else peer.RETRY

        peer.Peer(endpoint, "charge", "worker").work("orders", handler, lambda: len(seen) == 2)
        script.join(10)
        self.assertEqual(seen, [(b'{"order":1}', 0), (b'{"order":2}', 0)])
        settle = msgpack.unpackb(script.heard[-1][0])
        golden = msgpack.unpackb(sample("settle"))
        self.assertEqual(settle[:3], golden[:3])
        self.assertEqual(settle[3], [[1001, 1, peer.ACK], [1002, 1, peer.RETRY]])

    def test_deliveries_come_between(self):
        """A DELIVER that comes before the answer to the last SETTLE is not lost."""
        endpoint, script = self.play(
            [peer.HELLO, [sample("welcome")]],
            [peer.SUBSCRIBE, [sample("subscribed")]],
            [peer.CREDIT, [sample("deliver"), sample("pack")],
             [sample("deliver-again"), sample("pack") + sample("pack")[:29]]],
            [peer.SETTLE, [sample("settled")]],
            [peer.SETTLE, [sample("settled")]])
        seen = []
        peer.Peer(endpoint, "charge", "worker").work(
            "orders", lambda body, failures: seen.append(failures) or peer.ACK,
            lambda: len(seen) == 5)
        script.join(10)
        self.assertEqual(seen, [0, 0, 2, 0, 0])

    def test_hear(self):
        """Events and a gap between them, in their order; nothing is settled."""
        endpoint, script = self.play(
            [peer.HELLO, [sample("welcome")]],
            [peer.SUBSCRIBE, [sample("subscribed-bus")]],
            [peer.CREDIT, [sample("deliver-unleased"), sample("pack")], [sample("gap-slow")]])
        one = hear.Hearer(endpoint, "screen", "screen")
        begins = one.subscribe("paid", ["order.paid", "order.>"], on_slow=(1, 1000), handle=3)
        self.assertEqual(begins, 1001)
        one.grant(10, 3)
        heard = one.listen(3)
        self.assertEqual([next(heard) for _ in range(3)],
                         [(1001, None, b'{"order":1}'), (1002, None, b'{"order":2}'),
                          (1003, 1902, 900, "drop-oldest")])
        script.join(10)
        kinds = [msgpack.unpackb(frames[0])[0] for frames in script.heard]
        self.assertEqual(kinds, [peer.HELLO, peer.SUBSCRIBE, peer.CREDIT])
        self.assertEqual(msgpack.unpackb(script.heard[1][0]),
                         msgpack.unpackb(sample("subscribe-bus"))[:7])

    def test_goodbye(self):
        endpoint, _ = self.play([peer.HELLO, [sample("bye")]])
        with self.assertRaisesRegex(RuntimeError, "FENCED"):
            peer.Peer(endpoint, "shop", "producer")

    def test_under_a_hundred_lines(self):
        lines = (HERE / "peer.py").read_text().splitlines()
        self.assertLess(len(lines), 100)


if __name__ == "__main__":
    unittest.main()
