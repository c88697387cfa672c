# SPDX-License-Identifier: MPL-2.0
"""hear.py against a real router's bus: test_bus.py ZLOOM-PROGRAM."""
import os
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import hear  # noqa: E402
import routed  # noqa: E402

BUS = """\
zloom: 1
name: interop
flows:
  events: {pattern: bus, from: external, to: external, confirm: memory}
  alarms: {pattern: bus, from: external, to: external, confirm: memory, topics: fire}
"""


class BusTest(routed.Case):
    def test_topics(self):
        """Each hears what one of its patterns matches, once, in order."""
        shop = hear.Hearer(self.endpoint, "shop", "producer", ["events"])
        some, every = [hear.Hearer(self.endpoint, name, "screen") for name in ("some", "every")]
        begins = some.subscribe("events", ["order.*", "order.paid", "price.>"])
        self.assertEqual(every.subscribe("events", []), begins)
        some.grant(100)
        every.grant(100)
        topics = ["order.paid", "order.paid.eu", "price", "price.up", "price.up.eu", "order.new"]
        shop.publish("events", 1, [(topic, topic.encode()) for topic in topics])
        heard, all_heard = some.listen(), every.listen()
        self.assertEqual([next(heard) for _ in range(4)],
                         [(begins + i, topics[i], topics[i].encode()) for i in (0, 3, 4, 5)])
        self.assertEqual([next(all_heard)[1] for _ in topics], topics)

    def test_what_a_slow_one_misses_is_told(self):
        """Exactly what it lost, in its place, and nobody else lost anything."""
        shop = hear.Hearer(self.endpoint, "shop", "producer", ["events"])
        slow, other = [hear.Hearer(self.endpoint, name, "screen") for name in ("slow", "other")]
        begins = slow.subscribe("events", ["a.*"], on_slow=(hear.DROP_OLDEST, 10))
        other.subscribe("events", ["a.*"])
        slow.grant(5)
        other.grant(1000)
        shop.publish("events", 1, [("a.b" if i % 2 else "c", b"%d" % i) for i in range(200)])
        all_heard = other.listen()
        self.assertEqual([next(all_heard)[2] for _ in range(100)],
                         [b"%d" % i for i in range(1, 200, 2)])
        heard = slow.listen()
        self.assertEqual([next(heard)[0] for _ in range(5)],
                         [begins + i for i in range(1, 10, 2)])
        slow.grant(1000)
        first, last, count, reason = next(heard)
        self.assertEqual((count, reason), (85, "drop-oldest"))
        self.assertEqual([next(heard)[0] for _ in range(10)],
                         [begins + i for i in range(181, 200, 2)])
        self.assertTrue(begins + 9 < first <= begins + 11 and last < begins + 181)

    def test_a_new_session_goes_on_behind_the_last_event(self):
        """What was published meanwhile is kept no longer: that is told, not passed over."""
        shop = hear.Hearer(self.endpoint, "shop", "producer", ["events"])
        first = hear.Hearer(self.endpoint, "screen", "screen")
        begins = first.subscribe("events", [])
        first.grant(100)
        shop.publish("events", 1, [("a", b"1")])
        self.assertEqual(next(first.listen()), (begins, "a", b"1"))
        first.say(hear.peer.BYE)
        again = hear.Hearer(self.endpoint, "screen", "screen")
        shop.publish("events", 2, [("a", b"2"), ("a", b"3")])
        again.subscribe("events", [], begin=(hear.SEQ, begins + 1))
        again.grant(100)
        shop.publish("events", 4, [("a", b"4")])
        heard, missed = again.listen(), 0
        while len(one := next(heard)) == 4:
            missed += one[2]
        self.assertEqual((missed, one), (2, (begins + 3, "a", b"4")))

    def test_one_topic(self):
        """WELCOME has the topic of what names none, and an event without any is refused still."""
        every = hear.Hearer(self.endpoint, "every", "screen")
        begins = every.subscribe("alarms", ["fire"])
        every.grant(100)
        shop = hear.Hearer(self.endpoint, "shop", "producer", ["alarms", "events"])
        self.assertEqual((shop.flows["alarms"][10], len(shop.flows["events"])), ("fire", 10))
        shop.send("alarms", [(None, b"x")])
        self.assertEqual(next(every.listen()), (begins, "fire", b"x"))
        with self.assertRaisesRegex(RuntimeError, "MALFORMED"):
            shop.publish("alarms", 2, [(None, b"y")])

    def test_refused(self):
        """No topic, a wrong topic, a wrong pattern: in words, and nothing is taken."""
        every = hear.Hearer(self.endpoint, "every", "screen")
        begins = every.subscribe("events", [])
        every.grant(100)
        for bad, code in ((None, "MALFORMED"), ("a..b", "MALFORMED"), ("a.*", "MALFORMED"),
                          (">", "MALFORMED"), (".".join("a" * 33), "TOO_BIG")):
            shop = hear.Hearer(self.endpoint, "shop", "producer", ["events"])
            with self.assertRaisesRegex(RuntimeError, code, msg=bad):
                shop.publish("events", 1, [(bad, b"x")])
        with self.assertRaisesRegex(RuntimeError, "no subscription: MALFORMED .+"):
            hear.Hearer(self.endpoint, "eye", "screen").subscribe("events", ["a.>.b"])
        shop = hear.Hearer(self.endpoint, "shop", "producer", ["events"])
        shop.publish("events", 1, [("a", b"good")])
        self.assertEqual(next(every.listen()), (begins, "a", b"good"))


if __name__ == "__main__":
    routed.ZLOOM = os.path.abspath(sys.argv.pop(1))
    routed.RECIPE = BUS
    unittest.main()
