# SPDX-License-Identifier: MPL-2.0
"""peer.js with npm's zeromq and @msgpack/msgpack against a real router: test_node.py ZLOOM."""
import json
import os
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import npm  # noqa: E402
import peer  # noqa: E402
import routed  # noqa: E402

PEER = pathlib.Path(__file__).resolve().parent / "peer.js"
COUNT = 1000


class NodeTest(routed.Case):
    def check(self, report):
        """Each number came once, and those that were to die are dead."""
        rejected = {number for number in range(COUNT) if number % 50 == 7}
        self.assertEqual(set(report["rejected"]), rejected)
        self.assertEqual(set(report["acked"]), set(range(COUNT)) - rejected)
        dead = []

        def bury(body, _failures):
            dead.append(int(body))
            return peer.ACK

        peer.Peer(self.endpoint, "undertaker", "worker").work(
            "orders-dead", bury, lambda: len(dead) == len(rejected))
        self.assertEqual(set(dead), rejected)

    def test_javascript_to_javascript(self):
        npm.node(PEER, "produce", self.endpoint, "orders", COUNT)
        self.check(json.loads(npm.node(PEER, "consume", self.endpoint, "orders", COUNT)))

    def test_python_to_javascript(self):
        shop = peer.Peer(self.endpoint, "shop", "producer", ["orders"])
        shop.send("orders", [(b"k", b"%d" % number) for number in range(COUNT)])
        self.check(json.loads(npm.node(PEER, "consume", self.endpoint, "orders", COUNT)))

    def test_javascript_to_python(self):
        """A producer that runs twice goes on with its numbers: nothing is taken for a repeat."""
        npm.node(PEER, "produce", self.endpoint, "orders", COUNT)
        npm.node(PEER, "produce", self.endpoint, "orders", COUNT)
        got = []

        def take(body, _failures):
            got.append(int(body))
            return peer.ACK

        peer.Peer(self.endpoint, "charge", "worker").work(
            "orders", take, lambda: len(got) == 2 * COUNT)
        self.assertEqual(sorted(got), sorted([*range(COUNT)] * 2))


if __name__ == "__main__":
    routed.ZLOOM = os.path.abspath(sys.argv.pop(1))
    npm.modules()
    unittest.main()
