# SPDX-License-Identifier: MPL-2.0
"""peer.py against a real router: test_router.py ZLOOM-PROGRAM."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import peer  # noqa: E402

RECIPE = """\
zloom: 1
name: interop
flows:
  orders:
    pattern: queue
    from: external
    to: external
    retry: {failures: 3, backoff: [10ms]}
    dead_letter: orders-dead
  orders-dead: {pattern: queue, to: external}
"""
COUNT = 2000


class RouterTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zloom-interop-")
        state = pathlib.Path(self.folder.name) / "state"
        recipe = pathlib.Path(self.folder.name) / "interop.yaml"
        recipe.write_text(RECIPE)
        # A DEALER connects as soon as there is somebody to connect to.
        self.endpoint = f"ipc://{state}/run/router.sock"
        self.router = subprocess.Popen(
            [ZLOOM, "node", str(recipe), "router", "--state", str(state)],
            stdout=subprocess.DEVNULL)

    def tearDown(self):
        self.router.terminate()
        code = self.router.wait(30)
        self.folder.cleanup()
        self.assertEqual(code, 0, "the router did not leave in peace")

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
    ZLOOM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
