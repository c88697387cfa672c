#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""`zloom send --trace`: the way of a message over two stages, failures, and a router's death."""
import json
import os
import pathlib
import signal
import unittest

import topology

# Many lines in hand: what it emits goes to the router in grouped steps.
CHARGE = """#!/bin/sh
while read -r body; do
    echo "$body charged"
done
"""

# Fails until the file is there; what is bad fails for good.
SHIP = """#!/bin/sh
read -r body
case $body in
bad*) echo "no such street" >&2; exit 65 ;;
again*) test -e mended || { echo "the van is away" >&2; exit 75; } ;;
hold*) exec sleep 3600 ;;
esac
"""


class Trail(topology.Case):
    def setUp(self):
        super().setUp()
        self.write("charge.sh", CHARGE, 0o755)
        self.write("ship.sh", SHIP, 0o755)
        self.run_topology(self.recipe("""nodes:
  charge: {kind: worker, run: [./charge.sh], io: lines}
  ship: {kind: worker, run: [./ship.sh], io: exec, replicas: 2}
flows:
  orders: {pattern: queue, from: external, to: charge, dead_letter: dead}
  paid:
    pattern: queue
    from: charge
    to: ship
    lease: 1m
    retry: {failures: 500, backoff: [100ms]}
    dead_letter: dead
  dead: {pattern: queue, to: external}
"""))

    def kill(self):
        """One of its handlers may hold on for ever: the second signal ends it."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            topology.wait_for("it drains", lambda: " drain why=" in self.said()
                              or self.process.poll() is not None)
            self.stop()

    def send(self, *words, name="shop"):
        done = self.ask("send", "orders", *words, "--name", name)
        self.assertEqual(done.returncode, 0, done.stderr)

    def trail(self, *words):
        done = self.ask("trace", *words, "-o", "json")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return json.loads(done.stdout)["trail"]

    def wait_trail(self, what, check, *words):
        def asked():
            trail = self.trail(*words)
            return trail if check(trail) else None
        try:
            return topology.wait_for(what, asked)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.ask('trace', *words).stdout}\n{self.said()}") \
                from None

    @staticmethod
    def rows(stay):
        return [row["what"] for row in stay["rows"]]

    @staticmethod
    def left(trail, flow):
        """How it left the flow; '' while it is there."""
        return "".join(row["how"] for stay in trail if stay["flow"] == flow
                       for row in stay["rows"] if row["what"] == "left")

    def test_two_stages_to_the_end(self):
        self.send("--trace", "one")
        trail = self.wait_trail("shipped", lambda t: self.left(t, "paid") == "acked", "shop/1")
        first, second = trail
        self.assertEqual((first["flow"], first["seq"], first["id"], first["way"]),
                         ("orders", 1, "shop/1", "sent"))
        self.assertEqual((second["flow"], second["seq"], second["way"]), ("paid", 1, "emitted"))
        self.assertEqual((second["from_flow"], second["from_seq"]), ("orders", 1))
        for stay, node in ((first, "charge"), (second, r"ship\.[12]")):
            self.assertEqual(self.rows(stay), ["handed out", "begun", "verdict", "left"])
            self.assertRegex(" ".join(row["node"] for row in stay["rows"][:3]),
                             rf"^({node})( \1){{2}}$")
            self.assertEqual(stay["rows"][0]["attempt"], 1)
            self.assertEqual(stay["rows"][2]["how"], "ack")
            times = [stay["stored"]] + [row["at"] for row in stay["rows"]]
            self.assertEqual(times, sorted(times))
        # From its end, too, and by number.
        self.assertEqual(self.trail(second["id"]), trail)
        self.assertEqual(self.trail("paid", "1"), trail)
        text = self.ask("trace", "shop/1").stdout
        for words in ("orders, number 1 (shop/1): acked", "  paid, number 1 (", "begun by ship.",
                      "handed out to charge, attempt 1, after waiting", "ack by ship.",
                      "stored, emitted by the handler of orders, number 1"):
            self.assertIn(words, text)

    def test_what_is_not_traced_leaves_nothing(self):
        self.send("one")
        self.wait_flow("paid", lambda flow: flow["acked"] == 1)
        self.assertEqual(self.trail("shop/1"), [])
        self.assertIn("which one is kept only of what was sent with --trace",
                      self.ask("trace", "shop/1").stdout)

    def test_each_of_many_is_followed_by_itself(self):
        self.assertEqual(self.ask("pause", "paid").returncode, 0)
        self.assertEqual(self.ask("pause", "orders").returncode, 0)
        self.write("many", "".join(f"good {i}\n" for i in range(1, 61)))
        self.send("--trace", "--file", self.folder / "many")
        self.send(*(f"plain {i}" for i in range(20)), name="other")
        self.assertEqual(self.ask("resume", "orders").returncode, 0)
        self.wait_flow("paid", lambda flow: flow["ready"] == 80)
        done = self.ask("tap", "paid", "--waiting", "-o", "jsonl")
        bodies = {message["seq"]: message["body"]
                  for message in map(json.loads, done.stdout.splitlines())}
        for number in range(1, 61):
            _, emitted = self.trail(f"shop/{number}")
            self.assertEqual(bodies[emitted["seq"]], f"good {number} charged")

    def test_failures_dead_letter_and_requeue(self):
        self.send("--trace", "bad")
        trail = self.wait_trail("it is dead", lambda t: len(t) == 3, "shop/1")
        self.assertEqual([(stay["flow"], stay["way"]) for stay in trail],
                         [("orders", "sent"), ("paid", "emitted"), ("dead", "dead")])
        verdict = trail[1]["rows"][-2]
        self.assertEqual((verdict["how"], self.left(trail, "paid")), ("reject", "moved"))
        self.assertIn("no such street", verdict["text"])
        self.assertEqual((trail[2]["from_flow"], trail[2]["from_seq"]), ("paid", 1))
        self.assertEqual(trail[2]["place"], "ready")
        self.assertEqual(self.ask("dlq", "requeue", "dead").returncode, 0)
        trail = self.wait_trail("it is dead again", lambda t: len(t) == 5, "shop/1")
        self.assertEqual([(stay["flow"], stay["way"], stay["from_flow"]) for stay in trail[3:]],
                         [("paid", "requeued", "dead"), ("dead", "dead", "paid")])
        self.assertIn("stored, put back from dead, number 1", self.ask("trace", "shop/1").stdout)

    def test_a_router_that_dies_in_the_middle(self):
        self.send("--trace", "again")
        before = self.wait_trail(
            "it has failed", lambda t: len(t) == 2 and "retry" in str(t[1]["rows"]), "shop/1")
        self.send("--trace", "hold", name="other")
        self.wait_trail("one is held", lambda t: len(t) == 2 and "begun" in self.rows(t[1]),
                        "other/1")
        os.kill(self.pid("router"), signal.SIGKILL)
        self.write("mended", "")
        trail = self.wait_trail("shipped", lambda t: self.left(t, "paid") == "acked", "shop/1")
        self.assertEqual(trail[0], before[0])
        self.assertEqual(trail[1]["rows"][:3], before[1]["rows"][:3])
        self.assertIn("the van is away", trail[1]["rows"][2]["text"])
        attempts = [row["attempt"] for row in trail[1]["rows"] if row["what"] == "handed out"]
        self.assertEqual(attempts[0], 1)
        self.assertGreater(attempts[-1], 1)
        self.assertIn("router restarted", self.rows(self.trail("other/1")[1]))


@unittest.skipUnless(pathlib.Path(topology.ZLOOM).with_name("zloom-jq.so").exists(),
                     "this build has no jq")
class Bus(topology.Case):
    def test_each_subscriber_has_its_rows(self):
        self.run_topology(self.recipe("""nodes:
  charge: {kind: worker, jq: 'to("paid"; {topic: "order.paid"})'}
  mail: {kind: worker, run: [cat], io: lines}
  ledger: {kind: worker, run: [cat], io: lines}
flows:
  orders: {pattern: queue, from: external, to: charge, dead_letter: dead}
  paid: {pattern: bus, from: charge, topics: [order.paid], to: [mail, ledger], dead_letter: dead}
  dead: {pattern: queue, to: external}
"""))
        done = self.ask("send", "orders", '{"a": 1}', "--trace", "--name", "shop")
        self.assertEqual(done.returncode, 0, done.stderr)

        def acked():
            text = self.ask("trace", "shop/1").stdout
            return text if "acked by all who had it" in text else None
        text = topology.wait_for("both have acknowledged it", acked)
        for words in ("  paid, number 1 (", "handed out to mail, attempt 1, after waiting ",
                      "handed out to ledger, attempt 1", "ack by mail after ",
                      "ack by ledger after "):
            self.assertIn(words, text)


class Sampled(topology.Case):
    def test_a_poller_asks_for_a_part(self):
        self.write("in.jsonl", "".join(f"{i}\n" for i in range(1, 31)))
        self.run_topology(self.recipe("""nodes:
  read: {kind: poller, file: {path: in.jsonl, follow: true}, trace: 10%}
flows:
  numbers: {pattern: queue, from: read, to: external}
"""))
        self.wait_flow("numbers", lambda flow: flow["ready"] == 30)
        traced = []
        for number in range(1, 31):
            done = self.ask("trace", "numbers", str(number), "-o", "json")
            self.assertEqual(done.returncode, 0, done.stderr)
            traced += [stay["seq"] for stay in json.loads(done.stdout)["trail"]]
        self.assertEqual(traced, [10, 20, 30])


if __name__ == "__main__":
    unittest.main()
