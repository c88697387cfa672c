# SPDX-License-Identifier: MPL-2.0
"""A bus heard through an edge, with real processes: slow ones, dead ones, and what is told."""
import json
import os
import re
import signal
import subprocess
import unittest

from topology import ZLOOM, Case, wait_for, zloom

RECIPE = """
nodes:
  hub: {kind: router}
  edge: {kind: forwarder, of: hub, restart: {backoff: [100ms]}}
  one: {kind: sink, file: {path: one.txt}, allow: {Z0421: "that is what is looked at"}}
  two: {kind: sink, file: {path: two.txt}, allow: {Z0421: "that is what is looked at"}}
  slow: {kind: worker, run: [./slow.sh], io: exec, prefetch: 1}
flows:
  events:
    pattern: bus
    from: external
    to:
      one: {through: edge}
      two: {through: edge, topics: "b.>"}
      slow: {through: edge, on_slow: drop-oldest(5)}
      external: {through: edge}
    allow: {Z0421: "that is what is looked at"}
"""
# It works on its first event until it may go on.
SLOW = """#!/bin/sh
read line
[ -e go ] || read wait < gate
echo "$line" >> slow.txt
"""
THIRD = """      three: {through: edge}
      external:"""

JOBS = """
  jobs: {pattern: queue, from: external, to: four, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""
FOUR = """  four: {kind: sink, file: {path: four.txt}}
flows:"""
NEWS = """
  news: {pattern: bus, from: external, to: {three: {through: edge}}, retain: {age: 1h},
         allow: {Z0421: "that is what is looked at"}}
"""

EDGED = """
nodes:
  hub: {kind: router}
  edge: {kind: forwarder, of: hub}
  one: {kind: sink, file: {path: one.txt}}
flows:
  events: {pattern: bus, from: external, to: {one: {through: edge}},
           allow: {Z0421: "that is what is looked at"}}
"""
BARE = EDGED.replace("  edge: {kind: forwarder, of: hub}\n", "").replace(
    "through: edge", "durable: false")


# A worker that becomes three, and hears a bus more.
SCALED = """
nodes:
  hub: {kind: router}
  edge: {kind: forwarder, of: hub, restart: {backoff: [100ms]}}
  work: {kind: worker, run: [./hear.sh], io: exec, replicas: 1}
flows:
  events:
    pattern: bus
    from: external
    to: {work: {through: edge}}
"""
HEAR = """#!/bin/sh
read line
echo "$line" >> "$ZLOOM_FLOW.txt"
"""
LATE = """  late:
    pattern: bus
    from: external
    to: {work: {through: edge}}
"""


class Edge(Case):
    def setUp(self):
        super().setUp()
        self.write("slow.sh", SLOW, 0o755)
        os.mkfifo(self.folder / "gate")
        self.path = self.recipe(RECIPE)

    def send(self, topic, first, last):
        done = zloom("send", "events", "--topic", topic, "--timeout", "20s", "--state", self.state,
                     stdin="".join(f"{number}\n" for number in range(first, last + 1)))
        self.assertEqual(done.returncode, 0, done.stderr)

    def heard(self, name):
        path = self.folder / f"{name}.txt"
        lines = path.read_text(encoding="ascii").split("\n")[:-1] if path.exists() else []
        return [int(line) for line in lines]

    def wait_heard(self, name, last):
        try:
            wait_for(f"{name} has heard {last}", lambda: last in self.heard(name))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.heard(name)[-5:]}\n{self.said()}") from None

    def missed(self, name):
        """What a node has said that it missed: (events, why), a line each."""
        pattern = rf"missed node={name} flow=events events=(\d+) from=\d+ to=\d+ why=(\S+)"
        return [(int(n), why) for n, why in re.findall(pattern, self.said())]

    def ready(self, unit):
        return self.said().count(f"edge-ready edge={unit} ")

    def let_go(self):
        self.write("go", "")
        with open(self.folder / "gate", "w", encoding="ascii") as gate:
            gate.write("on\n")

    def test_a_slow_one_loses_alone_and_is_told(self):
        self.run_topology(self.path)
        self.send("b.x", 1, 1)
        wait_for("slow is at work", lambda: self.row("slow", "delivered") == 1)
        self.send("b.x", 2, 40)
        self.wait_heard("one", 40)
        self.wait_heard("two", 40)
        self.let_go()
        self.wait_heard("slow", 40)
        self.assertEqual(self.heard("one"), list(range(1, 41)))
        self.assertEqual(self.heard("two"), list(range(1, 41)))
        self.assertEqual(self.heard("slow"), [1, *range(36, 41)])
        self.assertEqual(self.missed("slow"), [(34, "drop-oldest")])
        self.assertEqual(self.missed("one") + self.missed("two"), [])
        # The router has one subscriber for all three.
        self.assertEqual(self.row("edge", "delivered", "hub"), 40)

    def row(self, name, key, router="edge"):
        """What `stats` says of a subscriber at that router or edge; None: nothing."""
        done = self.ask("stats", "-o", "json")
        rows = json.loads(done.stdout).get("subscribers", []) if done.returncode == 0 else []
        for row in rows:
            if row["router"] == router and name in (row.get("group"), row.get("consumer")):
                return row[key]
        return None

    def test_why_asks_the_bus_s_own_router(self):
        self.run_topology(self.path)
        hub = self.pid("hub")
        self.addCleanup(os.kill, hub, signal.SIGCONT)
        os.kill(hub, signal.SIGSTOP)
        done = self.ask("why", "events", "--for", "100ms", "-o", "json")
        judged = json.loads(done.stdout)
        self.assertEqual((judged["cause"], judged["numbers"]), ("router_silent", None), judged)
        done = self.ask("why", "--for", "100ms", "-o", "jsonl")
        judged = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([(flow["name"], flow["cause"]) for flow in judged if flow["name"] ==
                          "events"], [("events", "router_silent")])
        self.assertEqual(done.returncode, 69, done.stderr)

    def test_both_are_killed_under_load(self):
        self.run_topology(self.path)
        self.let_gate_open()
        load = subprocess.Popen([ZLOOM, "send", "events", "--topic", "b.x", "--state", self.state,
                                 "--timeout", "60s"], stdin=subprocess.PIPE, text=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        number = 0

        def feed(until):
            nonlocal number
            def more():
                nonlocal number
                for _ in range(50):
                    number += 1
                    load.stdin.write(f"{number}\n")
                load.stdin.flush()
                return until()
            wait_for("the load", more)

        feed(lambda: len(self.heard("one")) > 200)
        os.kill(self.pid("edge"), signal.SIGKILL)
        feed(lambda: self.ready("edge") == 2 and self.missed("one") and self.missed("two"))
        seen = number
        feed(lambda: self.heard("one")[-1] > seen and self.heard("two")[-1] > seen)
        # The numbers go on: what nobody had, all know to the last event.
        for name in ("one", "two"):
            self.assertEqual([why for _, why in self.missed(name)], ["edge"])
        heard = self.heard("one")
        self.assertEqual(heard, sorted(set(heard)))
        self.assertEqual(heard[-1] - len(heard), self.missed("one")[0][0])
        os.kill(self.pid("hub"), signal.SIGKILL)
        feed(lambda: all("restart" in [why for _, why in self.missed(name)]
                         for name in ("one", "two")))
        seen = number
        feed(lambda: self.heard("one")[-1] > seen and self.heard("two")[-1] > seen)
        load.stdin.close()
        self.assertEqual(load.wait(timeout=60), 0, load.stderr.read())
        load.stderr.close()
        self.wait_heard("one", number)
        for name in ("one", "two"):
            heard = self.heard(name)
            self.assertEqual(heard, sorted(set(heard)))

    def let_gate_open(self):
        self.write("go", "")

    def test_as_threads(self):
        self.let_gate_open()
        self.run_topology(self.path, "--threads")
        self.send("a", 1, 20)
        self.send("b.x", 21, 30)
        self.wait_heard("one", 30)
        self.wait_heard("two", 30)
        self.assertEqual(self.heard("one"), list(range(1, 31)))
        self.assertEqual(self.heard("two"), list(range(21, 31)))
        self.assertEqual(self.stop(), 0)

    def test_it_waits_for_no_heartbeat(self):
        self.let_gate_open()
        self.addCleanup(self.ask, "down", "--now")
        self.recipe(RECIPE.replace("{kind: router}", "{kind: router, heartbeat: 1m}")
                    .replace("of: hub,", "of: hub, heartbeat: 1m,"))
        done = zloom("up", self.path, "--state", self.state, "--timeout", "30s")
        self.assertEqual(done.returncode, 0, done.stderr)
        for number in range(1, 6):
            self.send("a", number, number)
            self.wait_heard("one", number)

    def test_one_more_joins_a_running_edge(self):
        self.let_gate_open()
        self.addCleanup(self.ask, "down", "--now")
        self.assertEqual(zloom("up", self.path, "--state", self.state).returncode, 0)
        hub = self.pid("hub")
        self.send("a", 1, 5)
        self.wait_heard("one", 5)
        text = RECIPE.replace("      external:", THIRD).replace(
            "  slow: {kind", "  three: {kind: sink, file: {path: three.txt}}\n  slow: {kind")
        self.recipe(text)
        done = zloom("up", self.path, "--state", self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        number = 5

        def both():
            nonlocal number
            number += 1
            self.send("a", number, number)
            return self.heard("three") and self.heard("one")[-1] > 5
        wait_for("the new one hears", both)
        self.assertEqual(self.pid("hub"), hub)

    def test_an_edge_that_is_away_is_in_no_change_s_way(self):
        self.addCleanup(self.ask, "down", "--now")
        self.assertEqual(zloom("up", self.path, "--state", self.state).returncode, 0)
        edge = self.pid("edge")
        self.addCleanup(os.kill, edge, signal.SIGCONT)
        os.kill(edge, signal.SIGSTOP)
        self.recipe(RECIPE + "    limit: {messages: 1000}\n")
        done = zloom("up", self.path, "--state", self.state)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_only_what_is_heard_there_starts_an_edge_again(self):
        self.addCleanup(self.ask, "down", "--now")
        self.assertEqual(zloom("up", self.path, "--state", self.state).returncode, 0)
        edge = self.pid("edge")
        self.recipe(RECIPE.replace("flows:", FOUR) + JOBS)
        done = zloom("up", self.path, "--state", self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.pid("edge"), edge)
        # One that is new hears a bus that nobody has heard there: the edge is the first to know.
        self.recipe(RECIPE.replace("flows:", "  three: {kind: sink, file: {path: three.txt}}\n"
                                   + FOUR) + JOBS + NEWS)
        done = zloom("up", self.path, "--state", self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotEqual(self.pid("edge"), edge)
        done = self.ask("send", "news", "--topic", "a", "7")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_heard("three", 7)

    def test_more_workers_hear_a_bus_that_is_new_to_their_edge(self):
        self.addCleanup(self.ask, "down", "--now")
        self.write("hear.sh", HEAR, 0o755)
        self.recipe(SCALED)
        self.assertEqual(zloom("up", self.path, "--state", self.state).returncode, 0)
        edge = self.pid("edge")
        self.send("a", 1, 5)
        self.wait_heard("events", 5)
        self.recipe(SCALED.replace("replicas: 1", "replicas: 3") + LATE)
        done = zloom("up", self.path, "--state", self.state, "--timeout", "40s")
        self.assertEqual(done.returncode, 0, done.stderr)
        # What is new is told by its name, and not by all that it says.
        self.assertEqual(done.stderr.splitlines()[-1],
                         "zloom up: 'test' has taken over: nodes.work.replicas flows.late")
        self.assertNotEqual(self.pid("edge"), edge)
        units = {unit["unit"]: unit for unit in json.loads(self.ask("ps", "-o", "json").stdout)[
            "nodes"] if unit["node"] == "work"}
        self.assertEqual({name: unit["state"] for name, unit in units.items()},
                         {"work": "ready", "work.2": "ready", "work.3": "ready"})
        # None had to be tried again: the edge knew the bus before they came.
        self.assertEqual([unit["restarts"] for unit in units.values()], [0, 0, 0])
        self.assertEqual([units[name]["starts"] for name in ("work.2", "work.3")], [1, 1])
        # Each has its session under the name that its supervisor has for it.
        def hear():
            rows = json.loads(self.ask("stats", "-o", "json").stdout)["sessions"]
            return {row["name"] for row in rows if "late" in [flow for flow, _ in row["consumes"]]}
        wait_for("all three hear it", lambda: hear() >= set(units))
        done = self.ask("pause", "work", "-o", "json")
        self.assertEqual(json.loads(done.stdout), {"node": "work", "paused": 3})
        self.assertEqual(self.ask("resume", "work").returncode, 0)
        for number in range(6, 12):
            done = self.ask("send", "late", "--topic", "a", str(number))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.send("a", number, number)
        wait_for("each event is heard by one of them", lambda: sorted(self.heard("late")) ==
                 list(range(6, 12)) and sorted(self.heard("events")) == list(range(1, 12)))

    def test_what_may_wait_at_an_edge_changes(self):
        self.addCleanup(self.ask, "down", "--now")
        self.assertEqual(zloom("up", self.path, "--state", self.state).returncode, 0)
        edge, hub = self.pid("edge"), self.pid("hub")
        self.recipe(RECIPE + "    limit: {bytes: 5MiB}\n")
        done = zloom("up", self.path, "--state", self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotEqual(self.pid("edge"), edge)
        self.assertEqual(self.pid("hub"), hub)

    def test_edges_that_come_and_go_are_found_and_forgotten(self):
        def up(recipe):
            self.recipe(recipe)
            done = zloom("up", self.path, "--state", self.state)
            self.assertEqual(done.returncode, 0, done.stderr)
            done = self.ask("stats")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout.count("journal: boot"), 1)  # an edge has none
            path = self.state / "run" / "endpoint"
            lines = path.read_text(encoding="ascii").splitlines()
            return [line.rsplit("/", 1)[1] for line in lines]

        self.addCleanup(self.ask, "down", "--now")
        self.assertEqual(up(BARE), ["hub.sock"])
        self.assertEqual(up(EDGED), ["hub.sock", "edge.sock"])
        self.assertEqual(up(BARE), ["hub.sock"])


if __name__ == "__main__":
    unittest.main()
