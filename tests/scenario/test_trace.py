#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""`zloom trace`: one message through its life: waiting, with a worker, failed, dead, gone."""
import json
import signal
import unittest

import topology

# Says what it has on stderr, and fails until the file is there.
WORKER = """#!/bin/sh
read -r body
echo "$body" >> taken
case $body in
hold*) exec sleep 3600 ;;
bad*) echo "no such card" >&2; exit 65 ;;
again*) test -e mended || { echo "card service is away" >&2; exit 75; } ;;
esac
echo "$body done"
"""


class Trace(topology.Case):
    def setUp(self):
        super().setUp()
        self.write("w.sh", WORKER, 0o755)
        self.run_topology(self.recipe("""nodes:
  charge: {kind: worker, run: [./w.sh], io: exec}
flows:
  orders:
    pattern: queue
    from: external
    to: charge
    lease: 1m
    retry: {failures: 5, backoff: [50s]}
    dead_letter: dead
  paid: {pattern: queue, from: charge, to: external}
  dead: {pattern: queue, to: external}
"""))

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            topology.wait_for("it drains", lambda: " drain why=" in self.said()
                              or self.process.poll() is not None)
            self.stop()

    def send(self, *words):
        """The ids of what was sent."""
        done = self.ask("send", "orders", *words, "--name", "shop", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(told["producer"], "shop")
        return [f"shop/{number}" for number in range(told["first_id"], told["last_id"] + 1)]

    def trace(self, *words, code=0):
        done = self.ask("trace", *words, "-o", "json")
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout)

    def wait_place(self, place, *words, flow="orders"):
        def check():
            return [row for row in self.trace(*words)["messages"]
                    if (row["flow"], row["place"]) == (flow, place)]
        return topology.wait_for(f"{words} is {place}", check)[0]

    def test_held_by_a_worker(self):
        one, = self.send("hold")
        row = self.wait_place("leased", one)
        self.assertEqual((row["id"], row["seq"], row["consumer"]), (one, 1, "charge"))
        topology.wait_for("it has begun", lambda: self.trace(one)["messages"][0]["started"])
        self.assertGreater(self.trace(one)["messages"][0]["lease_ms"], 0)
        text = self.ask("trace", one).stdout
        self.assertIn("orders, number 1: with charge, begun, its lease ends in ", text)
        self.assertIn("shop/1, sent at 20", text)
        self.assertEqual(self.trace("orders", "1")["messages"][0]["id"], one)

    def test_delayed_failed_and_mended(self):
        late, = self.send("late", "--in", "1h")
        row = self.wait_place("waiting", late)
        self.assertEqual((row["failures"], row["causes"]), (0, []))
        self.assertGreater(row["due_ms"], 3500000)
        done = self.ask("send", "orders", "late", "again", "--name", "shop")
        self.assertEqual(done.returncode, 0, done.stderr)
        row = topology.wait_for("it has failed", lambda: [
            row for row in self.trace("shop/2")["messages"] if row["failures"] == 1])[0]
        self.assertEqual(row["place"], "waiting")
        cause, = row["causes"]
        self.assertEqual((cause["flow"], cause["reason"], cause["count"]),
                         ("orders", "failures", 1))
        text = self.ask("trace", "shop/2").stdout
        self.assertIn("waits for its time, due in ", text)
        self.assertIn("1 failure counted in this flow", text)
        self.assertIn("1 x failures in orders, last at ", text)
        self.assertIn("exit code 75", text)

    def test_dead_and_put_back(self):
        one, = self.send("bad")
        row = self.wait_place("ready", one, flow="dead")
        self.assertEqual((row["id"], row["seq"]), (one, 1))
        self.assertEqual(row["causes"][0]["reason"], "rejected")
        self.assertIn("no such card", row["causes"][0]["text"])
        # In its own flow it is gone, and only its number says so.
        self.assertEqual(self.trace("orders", "1")["messages"][0]["place"], "gone")
        self.assertIn("has left the flow", self.ask("trace", "orders", "1").stdout)

    def test_done_and_what_it_emitted(self):
        one, = self.send("good")
        self.wait_flow("paid", lambda flow: flow["ready"] == 1)
        told = self.trace(one)
        self.assertEqual((told["messages"], told["known"]), ([], True))
        self.assertEqual(told["taken"], [{"flow": "orders", "high": 1}])
        self.assertIn("orders: taken (it has ids up to 1 of this producer) and not there any more",
                      self.ask("trace", one).stdout)
        emitted = self.trace("paid", "1")["messages"][0]["id"]
        self.assertEqual(emitted, f"{told['log']}/paid/1")
        self.assertEqual(self.trace(emitted)["messages"][0]["place"], "ready")
        self.assertEqual(self.ask("dlq", "purge", "paid", "--yes").returncode, 0)
        self.wait_flow("paid", lambda flow: flow["ready"] == 0)
        row, = self.trace(emitted)["messages"]  # its id says its number
        self.assertEqual((row["flow"], row["seq"], row["place"]), ("paid", 1, "gone"))

    def test_after_a_restart_and_among_many(self):
        ids = self.send("hold", *(f"good {i}" for i in range(20)))
        row = self.wait_place("leased", ids[0])
        self.kill()
        self.write("w.sh", "#!/bin/sh\nexec sleep 3600\n", 0o755)
        self.run_topology(self.folder / "recipe.yaml")
        again = self.wait_place("leased", ids[0])
        self.assertEqual((row["seq"], row["id"]), (again["seq"], again["id"]))

    def test_what_nobody_knows(self):
        self.assertFalse(self.trace("shop/1", code=1)["known"])
        self.assertIn("no flow knows this producer", self.ask("trace", "shop/1").stdout)
        self.send("good")
        self.wait_flow("orders", lambda flow: flow["acked"] == 1)
        self.assertFalse(self.trace("shop/2", code=1)["known"])
        self.assertIn("not taken yet; it has ids up to 1", self.ask("trace", "shop/2").stdout)
        self.assertEqual(self.trace("orders", "7", code=1)["messages"][0]["place"], "never given")
        for words in (["shop"], ["shop/x"], ["orders", "x"], ["orders", "0"], []):
            self.assertEqual(self.ask("trace", *words).returncode, 2, words)
        self.assertEqual(self.ask("trace", "nowhere", "1").returncode, 1)


if __name__ == "__main__":
    unittest.main()
