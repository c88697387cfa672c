# SPDX-License-Identifier: MPL-2.0
"""What a send may ask for, end to end: a delay, an expiry, a priority, its own id."""
import json
import time
import unittest

from topology import Case, wait_for

# Says when it begins, and waits for a file first, so that a test can fill the flow behind it.
HANDLER = """#!/usr/bin/python3
import os, select, sys, time
body = sys.stdin.read()
end = time.monotonic() + 60
while not os.path.exists("go") and time.monotonic() < end:
    select.select([], [], [], 0.01)
with open("log", "a") as log:
    log.write(f"{time.time()} {body}\\n")
"""
RECIPE = """
nodes:
  work: {kind: worker, run: [python3, work.py], io: exec, prefetch: 1}
flows:
  jobs: {pattern: queue, from: external, to: work, dead_letter: dead, priority: {aging: 0s}}
  dead: {pattern: queue, to: external}
"""


class Times(Case):
    def begin(self):
        self.write("work.py", HANDLER)
        self.write("log", "")
        self.run_topology(self.recipe(RECIPE))

    def send(self, *words):
        done = self.ask("send", "jobs", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def begun(self):
        """(time, body) of what was begun, in that order."""
        lines = (self.folder / "log").read_text().splitlines()
        return [(float(line.split()[0]), line.split()[1]) for line in lines]

    def test_in_is_not_before(self):
        self.begin()
        self.write("go", "")
        sent = time.time()
        self.send("later", "--in", "1500ms")
        self.send("now")
        self.wait_flow("jobs", lambda f: f["acked"] == 1)
        self.assertEqual([body for _, body in self.begun()], ["now"])
        wait_for("it comes", lambda: len(self.begun()) == 2)
        self.assertGreaterEqual(self.begun()[1][0] - sent, 1.5)

    def test_what_expires_goes_to_the_dead_letters(self):
        self.begin()
        self.send("first")
        self.wait_flow("jobs", lambda f: f["leased"] == 1)
        self.send("short", "--expires", "300ms", "--id", "order-1")
        self.send("long", "--expires", "1h")
        self.wait_flow("dead", lambda f: f["ready"] == 1)
        row, = json.loads(self.ask("dlq", "show", "dead", "-o", "json").stdout)
        self.assertEqual((row["body"], row["own_id"], row["expires_ms"]), ("short", "order-1", 300))
        self.assertEqual(row["causes"][-1]["reason"], "expired")
        self.assertIn("expires 300ms after it was sent", self.ask("dlq", "show", "dead").stdout)
        self.write("go", "")
        self.wait_flow("jobs", lambda f: f["acked"] == 2)
        self.assertEqual([body for _, body in self.begun()], ["first", "long"])

    def test_the_urgent_go_first(self):
        self.begin()
        self.send("first")
        self.wait_flow("jobs", lambda f: f["leased"] == 1)
        for body, words in (("p0", ["--priority", "0"]), ("plain", []), ("p9", ["-p", "9"]),
                            ("p5", ["-p", "5"]), ("p9b", ["-p", "9"])):
            self.send(body, *words)
        self.write("go", "")
        self.wait_flow("jobs", lambda f: f["acked"] == 6)
        self.assertEqual([body for _, body in self.begun()],
                         ["first", "p9", "p9b", "p5", "plain", "p0"])

    def test_an_id_is_taken_once(self):
        recipe = self.recipe("""
flows:
  jobs: {pattern: queue, from: external, to: external, dedup: {by: id, window: 10m}}
""")
        self.run_topology(recipe)
        self.send("one", "--id", "order-1")
        self.send("one again", "--id", "order-1")
        self.send("two", "--id", "order-2")
        self.assertEqual(self.flows()["jobs"]["ready"], 2)
        self.assertEqual(self.stop(), 0)
        self.run_topology(recipe)
        self.assertIn("1 confirmed", self.send("one again", "--id", "order-1"))
        self.assertEqual(self.flows()["jobs"]["ready"], 2)


if __name__ == "__main__":
    unittest.main()
