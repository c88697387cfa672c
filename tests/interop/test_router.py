# SPDX-License-Identifier: MPL-2.0
"""peer.py against a real router: test_router.py ZLOOM-PROGRAM."""
import os
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import peer  # noqa: E402
import routed  # noqa: E402

COUNT = 2000


class RouterTest(routed.Case):
    def test_queue(self):
        """Each message comes; one in ten fails once, one in fifty for good."""
        shop = peer.Peer(self.endpoint, "shop", "producer", ["orders"])
        shop.send("orders", [(None, b"%d" % number) for number in range(COUNT)])
        acked, rejected, first_tries = set(), set(), set()

        def charge(body, failures):
            number = int(body)
            self.assertEqual(failures, 1 if number in first_tries else 0)
            if number % 10 == 3 and failures == 0:
                first_tries.add(number)
                return peer.RETRY
            (rejected if number % 50 == 7 else acked).add(number)
            return peer.REJECT if number % 50 == 7 else peer.ACK

        peer.Peer(self.endpoint, "charge", "worker").work(
            "orders", charge, lambda: len(acked) + len(rejected) == COUNT)
        self.assertEqual(len(first_tries), COUNT // 10)
        dead = []

        def bury(body, _failures):
            dead.append(int(body))
            return peer.ACK

        peer.Peer(self.endpoint, "undertaker", "worker").work(
            "orders-dead", bury, lambda: len(dead) == len(rejected))
        self.assertEqual(set(dead), rejected)

    def test_the_router_remembers_a_producer(self):
        """A newer process of a name goes on where the older one stood; the older one is fenced."""
        first = peer.Peer(self.endpoint, "shop", "producer", ["orders"])
        first.send("orders", [(None, b"x")] * 10)
        second = peer.Peer(self.endpoint, "shop", "producer", ["orders"])
        self.assertEqual(second.flows["orders"][7], 10)
        with self.assertRaisesRegex(RuntimeError, "FENCED"):
            while True:
                first.hear()
        second.send("orders", [(None, b"y")] * 10)


if __name__ == "__main__":
    routed.ZLOOM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
