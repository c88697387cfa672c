# SPDX-License-Identifier: MPL-2.0
"""A bus with real processes: who hears what, who is away, who comes late, and what is told."""
import json
import os
import signal
import subprocess
import unittest

from topology import ZLOOM, Case, wait_for, zloom

RECIPE = """
nodes:
  email: {kind: sink, file: {path: email.txt}}
  audit: {kind: sink, file: {path: audit.txt}}
  work: {kind: worker, run: [./work.sh], io: exec}
  done: {kind: sink, file: {path: done.txt}}
flows:
  orders:
    pattern: bus
    from: external
    topics: [order.paid, order.declined, "stock.>"]
    to:
      email: {topics: order.paid}
      audit:
      work: {topics: "stock.>"}
      external:
    retain: {age: 1h}
    retry: {failures: 2, backoff: [50ms]}
    dead_letter: dead
  results: {pattern: queue, from: work, to: done, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""
SCRIPT = """#!/bin/sh
read line
[ "$line" = fail ] && exit 75
echo "$ZLOOM_TOPIC $line"
"""
SEVENTH = """  late: {kind: sink, file: {path: late.txt}}
flows:"""


class Bus(Case):
    def setUp(self):
        super().setUp()
        self.write("work.sh", SCRIPT, 0o755)
        self.path = self.recipe(RECIPE)
        self.addCleanup(self.ask, "down", "--now")
        self.up()

    def up(self):
        done = zloom("up", self.path, "--state", self.state, "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def pids(self):
        nodes = json.loads(self.ask("ps", "-o", "json").stdout)["nodes"]
        return {unit["unit"]: unit["pid"] for unit in nodes}

    def send(self, topic, *bodies, code=0):
        done = zloom("send", "orders", "--topic", topic, "--timeout", "5s", "--state", self.state,
                     stdin="".join(f"{body}\n" for body in bodies))
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def heard(self, name):
        path = self.folder / f"{name}.txt"
        return path.read_text(encoding="ascii").split("\n")[:-1] if path.exists() else []

    def wait_heard(self, name, lines):
        wait_for(f"{name} has heard {lines}", lambda: self.heard(name) == lines)

    def groups(self):
        done = self.ask("group", "ls", "orders", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return {row["group"]: row for row in json.loads(done.stdout)}

    def place(self, number):
        done = self.ask("trace", "orders", number, "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["messages"][0]["place"]

    def test_each_hears_what_it_asked_for(self):
        self.send("order.paid", "a", "b")
        self.send("order.declined", "c")
        self.send("stock.low.mug", "d")
        self.wait_heard("email", ["a", "b"])
        self.wait_heard("audit", ["a", "b", "c", "d"])
        self.wait_heard("done", ["stock.low.mug d"])
        wait_for("all is settled", lambda: all(row["lag"] == 0 for row in self.groups().values()))
        self.assertEqual(self.place(1), "kept")
        rows = self.groups()
        self.assertEqual(rows["email"]["patterns"], ["order.paid"])
        self.assertEqual((rows["email"]["acked"], rows["email"]["filtered"]), (2, 2))
        self.assertEqual(rows["audit"]["acked"], 4)
        self.assertIn("orders/email", self.ask("stats").stdout)
        self.assertIn("everything", self.ask("group", "ls").stdout)
        done = self.ask("group", "drop", "orders", "email", "--yes")
        self.assertEqual(done.returncode, 1)
        self.assertIn("'email' stands in the recipe; take it out there first", done.stderr)

    def test_topics_that_nobody_may_publish(self):
        self.assertIn("order.payed", self.send("order.payed", "x", code=65))
        self.assertIn("token is empty", self.send("order..paid", "x", code=65))
        self.assertIn("*", self.send("order.*", "x", code=65))
        done = self.ask("send", "orders", "x", "--timeout", "5s")
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertIn("topic", done.stderr)
        self.assertIn("sent 1 to orders, 0 confirmed, 1 refused", done.stderr)
        done = self.ask("send", "orders", "x", "--timeout", "5s", "-o", "json")
        told = json.loads(done.stdout)
        self.assertEqual((told["sent"], told["confirmed"], told["refused"]), (1, 0, 1))
        self.send("order.paid", "y")
        self.wait_heard("audit", ["y"])

    def test_who_is_away_catches_up(self):
        self.assertEqual(self.ask("drain", "email").returncode, 0)
        self.send("order.paid", *map(str, range(100)))
        wait_for("the other has heard", lambda: len(self.heard("audit")) == 100)
        wait_for("and has said so", lambda: self.groups()["audit"]["acked"] == 100)
        self.assertEqual(self.groups()["email"]["lag"], 100)
        done = self.ask("trace", "orders", "41", "--receipts", "-o", "json")
        receipts = json.loads(done.stdout)["messages"][0]["receipts"]
        self.assertEqual({row["group"]: (row["state"], row["behind"]) for row in receipts},
                         {"email": ("lagging", 40), "audit": ("acked", 0), "work": ("filtered", 0)})
        self.assertEqual(self.place(41), "ready")
        self.assertIn("lagging, 40 before it", self.ask("trace", "orders", "41",
                                                        "--receipts").stdout)
        self.assertEqual(self.heard("email"), [])
        self.assertEqual(self.ask("resume", "email").returncode, 0)
        self.wait_heard("email", [str(i) for i in range(100)])

    def test_a_router_that_dies_loses_nothing(self):
        self.assertEqual(self.ask("drain", "email").returncode, 0)
        self.send("order.paid", *map(str, range(50)))
        wait_for("the other has heard", lambda: len(self.heard("audit")) == 50)
        router = self.pids()["router"]
        os.kill(router, signal.SIGKILL)
        wait_for("the router is back", lambda: self.pids()["router"] not in (None, router))
        self.send("order.paid", "last")
        self.assertEqual(self.ask("resume", "email").returncode, 0)
        self.wait_heard("email", [str(i) for i in range(50)] + ["last"])
        wait_for("the other has heard the last", lambda: self.heard("audit")[-1] == "last")
        self.assertEqual(len(self.heard("audit")), 51)

    def test_what_fails_at_one_is_dead_there_alone(self):
        self.send("stock.low", "fail", "ok")
        self.wait_heard("audit", ["fail", "ok"])
        self.wait_heard("done", ["stock.low ok"])
        self.wait_flow("dead", lambda f: f["ready"] == 1)
        letters = json.loads(self.ask("dlq", "show", "dead", "-o", "json").stdout)
        self.assertEqual(letters[0]["causes"][-1]["flow"], "orders/work")
        self.write("work.sh", SCRIPT.replace("= fail", "= never"), 0o755)
        self.assertEqual(self.ask("dlq", "requeue", "dead").returncode, 0)
        self.wait_heard("done", ["stock.low ok", "stock.low fail"])
        self.assertEqual(self.heard("audit"), ["fail", "ok"])

    def test_one_more_joins_while_all_runs(self):
        self.send("order.paid", "before")
        self.wait_heard("audit", ["before"])
        pids = self.pids()
        self.recipe(RECIPE.replace("flows:", SEVENTH, 1).replace(
            "      audit:\n", "      audit:\n      late: {from: start, topics: \"order.*\"}\n"))
        self.up()
        now = self.pids()
        self.assertEqual({name: now[name] for name in pids}, pids)
        self.send("order.declined", "after")
        self.wait_heard("late", ["before", "after"])
        self.wait_heard("audit", ["before", "after"])
        # It leaves: what it has not heard is kept until it is dropped.
        self.recipe(RECIPE)
        self.up()
        self.send("order.paid", "later")
        late = self.groups()["late"]
        self.assertEqual((late["consumers"], late["lag"]), (0, 1))
        self.assertEqual(self.ask("group", "drop", "orders", "late").returncode, 2)
        self.assertEqual(self.ask("group", "drop", "orders", "late", "--yes").returncode, 0)
        self.assertNotIn("late", self.groups())
        self.assertEqual(self.ask("group", "drop", "orders", "late", "--yes").returncode, 1)

    def test_one_is_durable_no_more_once_it_is_dropped(self):
        """Until then it misses nothing; who changed the recipe hears so."""
        self.recipe(RECIPE.replace("email: {topics: order.paid}",
                                   "email: {topics: order.paid, durable: false}"))
        done = zloom("up", self.path, "--state", self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("'email' misses nothing of orders yet: zloom drain email, zloom group drop "
                      "orders email --yes and zloom resume email end that", done.stderr)
        self.assertTrue(self.groups()["email"]["durable"])
        for words in (["drain", "email"], ["group", "drop", "orders", "email", "--yes"],
                      ["resume", "email"]):
            done = self.ask(*words)
            self.assertEqual((done.returncode, words), (0, words), done.stderr)
        self.assertEqual([row["consumer"] for row in json.loads(
            self.ask("group", "ls", "orders", "-o", "json").stdout) if not row["durable"]],
            ["email"])
        audit = "  audit: {kind: sink, file: {path: audit.txt}}\n"
        self.recipe(RECIPE.replace("      audit:\n", "").replace(audit, "").replace(
            "email: {topics: order.paid}", "email: {topics: order.paid, durable: false}"))
        done = zloom("up", self.path, "--state", self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("what 'audit' has not heard of orders is kept until zloom group drop orders "
                      "audit --yes", done.stderr)
        self.assertNotIn("'email' misses nothing", done.stderr)

    def test_tap_by_topic(self):
        with subprocess.Popen([ZLOOM, "tap", "orders", "--topic", "order.*", "--count", "2", "-o",
                               "jsonl", "--state", self.state], stdout=subprocess.PIPE,
                              text=True) as tap:
            def seen():
                self.send("order.paid", "a")
                self.send("stock.low", "b")
                return tap.poll() is not None
            wait_for("it has seen two", seen)
            lines = [json.loads(line) for line in tap.stdout]
        self.assertEqual([line["topic"] for line in lines], ["order.paid"] * 2)


class Unkept(Case):
    def test_of_what_has_left_receipts_say_so(self):
        self.write("work.sh", SCRIPT, 0o755)
        self.run_topology(self.recipe(RECIPE.replace("    retain: {age: 1h}\n", "")))
        self.assertEqual(self.ask("send", "orders", "--topic", "order.paid", "a").returncode, 0)
        self.wait_flow("orders", lambda f: f["acked"] == 2)
        done = self.ask("trace", "orders", "1", "--receipts")
        self.assertIn("orders, number 1, at its durable subscribers:\n"
                      "    it has left the flow, so each is past it", done.stdout)


class OneTopic(Case):
    def test_it_need_not_be_named(self):
        """Programs, nodes and those who send through another router learn it from their router."""
        self.run_topology(self.recipe("""
nodes:
  near: {kind: router}
  far: {kind: router}
  here: {kind: worker, run: [cat], io: exec}
  there: {kind: worker, run: [cat], io: exec}
  out: {kind: sink, file: {path: out.txt}}
  far-out: {kind: sink, file: {path: far.txt}}
flows:
  alarms: {pattern: bus, from: external, to: [here, there], via: near, topics: fire,
           dead_letter: dead}
  calls: {pattern: bus, from: here, to: [out, external], via: near, topics: call, dead_letter: dead}
  far-calls: {pattern: bus, from: there, to: [far-out, external], via: far, topics: [far.call],
              dead_letter: gone}
  dead: {pattern: queue, to: external, via: near}
  gone: {pattern: queue, to: external, via: far}
"""))
        done = self.ask("send", "alarms", "x", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("out.txt", "far.txt"):
            path = self.folder / name
            wait_for(f"{name} is written", path.exists)
            wait_for(f"{name} is written", lambda path=path: path.read_text() == "x\n")
        done = self.ask("send", "alarms", "--topic", "flood", "x", "--timeout", "5s")
        self.assertEqual(done.returncode, 65, done.stderr)


if __name__ == "__main__":
    unittest.main()
