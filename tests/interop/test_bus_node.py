# SPDX-License-Identifier: MPL-2.0
"""hear.js with npm's zeromq and @msgpack/msgpack against a real bus: test_bus_node.py ZLOOM."""
import json
import os
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import hear  # noqa: E402
import npm  # noqa: E402
import routed  # noqa: E402
from test_bus import BUS  # noqa: E402


class NodeBusTest(routed.Case):
    def test_a_slow_subscriber_in_javascript(self):
        """It hears the first event, is slow, and is told exactly what it missed."""
        shop = hear.Hearer(self.endpoint, "shop", "producer", ["events"])
        with npm.start(HERE / "hear.js", self.endpoint, "events", "a.>,b", "a.first", "b") as node:
            self.assertEqual(node.stdout.readline(), "ready\n")
            shop.publish("events", 1, [("a.first", b"0"), ("c", b"1")])
            self.assertEqual(node.stdout.readline(), "slow\n")
            topics = ["a.x" if i % 2 else "c" for i in range(100)]
            shop.publish("events", 3, [(topic, b"%d" % i) for i, topic in enumerate(topics)])
            node.stdin.write("go on\n")
            node.stdin.flush()
            shop.publish("events", 103, [("b", b"end")])
            heard = json.loads(node.stdout.readline())
        gaps = [one["gap"] for one in heard if "gap" in one]
        events = [one for one in heard if "topic" in one]
        self.assertEqual((events[0]["topic"], events[-1]["topic"]), ("a.first", "b"))
        self.assertEqual(sum(gap[2] for gap in gaps) + len(events), 52)
        self.assertGreaterEqual(sum(gap[2] for gap in gaps), 40)
        self.assertEqual({gap[3] for gap in gaps}, {"drop-oldest"})
        numbers = [one["number"] for one in events]
        self.assertEqual(numbers, sorted(set(numbers)))


if __name__ == "__main__":
    routed.ZLOOM = os.path.abspath(sys.argv.pop(1))
    routed.RECIPE = BUS
    npm.modules()
    unittest.main()
