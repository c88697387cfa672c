# SPDX-License-Identifier: MPL-2.0
"""What a worker at one router sends to a flow of another is there once, whoever dies meanwhile."""
import json
import os
import re
import shutil
import signal
import unittest

from topology import Case, wait_for, zloom

CHAIN = """
nodes:
  hub:  {kind: router, restart: {backoff: [10ms], budget: 1000}}
  edge: {kind: router, restart: {backoff: [10ms], budget: 1000}}
  near: {kind: worker, run: [cat], io: lines, replicas: 2, restart: {budget: 1000}}
  last: {kind: sink, file: {path: out.txt}, restart: {budget: 1000}}
%s
flows:
  in:   {pattern: queue, from: %s, to: near, via: edge, dead_letter: dead}
  dead: {pattern: queue, to: external, via: edge}
  out:  {pattern: queue, from: near, to: last, via: hub}
"""
POLLED = CHAIN % ("  lines: {kind: poller, file: {path: lines.txt, format: lines}}", "lines")
SENT = CHAIN % ("", "external")
MIRROR = """
nodes:
  hub:  {kind: router}
  edge: {kind: router}
  lines: {kind: poller, file: {path: lines.txt, format: lines}}
  last: {kind: sink, file: {path: out.txt}}
flows:
  mir: {pattern: queue, from: lines, to: last, key: /id, mirror: {from: edge, to: hub}}
"""


TOLD = CHAIN % ("  ear: {kind: sink, file: {path: ear.txt}}%s", "external") + """\
  news: {pattern: bus, from: external, to: [%s, external], via: edge, dead_letter: dead}
%s
"""
JOINS = "\n  joins: {kind: worker, run: [cat], io: lines}"
MORE = "  more: {pattern: queue, from: joins, to: last, via: hub}"

EVENTS = """
nodes:
  hub:  {kind: router}
  edge: {kind: router}
  last: {kind: sink, file: {path: out.txt}}
flows:
  mir: {pattern: bus, from: external, to: [last, external], topics: %s, dead_letter: dead,
        mirror: {from: edge, to: hub}}
  dead: {pattern: queue, to: external, via: hub}
"""


class Bridge(Case):
    def out(self):
        path = self.folder / "out.txt"
        return path.read_text().split() if path.exists() else []

    def check_once(self, lines):
        wait_for("every line is there", lambda: len(self.out()) >= len(lines))
        self.wait_flow("out", lambda counters: counters["ready"] + counters["leased"] == 0)
        self.wait_flow("out@hub", lambda counters: counters["ready"] + counters["leased"] == 0)
        self.assertEqual(sorted(self.out()), sorted(lines))

    def test_kills_under_load(self):
        """The bridge, its source, its destination: each is killed while lines go through."""
        lines = [f"line-{i}" for i in range(30000)]
        self.write("lines.txt", "".join(line + "\n" for line in lines))
        self.run_topology(self.recipe(POLLED))
        for i, unit in enumerate(["edge-bridge", "hub", "edge"] * 4):
            before = len(self.out())
            wait_for("some more have come", lambda: len(self.out()) > before or
                     len(self.out()) >= len(lines))
            if i == 0:
                self.assertLess(len(self.out()), len(lines))
            try:
                os.kill(self.pid(unit), signal.SIGKILL)
            except (ProcessLookupError, FileNotFoundError, ValueError):
                pass  # it is being started just now
        self.check_once(lines)
        self.assertEqual(self.stop(), 0)
        # A bridge has no words of its own in the recipe: it is started again as its router is.
        deaths = re.findall(r"node-death node=edge-bridge .*then=\"restart \d+ in (.*)\"",
                            self.said())
        self.assertEqual(set(deaths), {"10 ms"})

    def test_what_waits_is_seen_and_carried_later(self):
        self.run_topology(self.recipe(SENT))
        self.assertEqual(self.ask("drain", "edge-bridge").returncode, 0)
        self.assertEqual(self.ask("send", "in", "a").returncode, 0)
        waits = self.wait_flow("out@hub", lambda counters: counters["ready"] == 1)
        self.assertEqual(waits["router"], "edge")
        self.assertEqual(self.flows()["out"]["appended"], 0)
        self.assertEqual(self.ask("resume", "edge-bridge").returncode, 0)
        self.check_once(["a"])
        # The message is known by the name that it got where it was made.
        traced = json.loads(self.ask("trace", "out", "1", "-o", "json").stdout)
        self.assertEqual(traced["messages"][0]["place"], "gone")

    def send_all(self, lines):
        self.write("more.txt", "".join(line + "\n" for line in lines))
        done = self.ask("send", "in", "--file", str(self.folder / "more.txt"))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_source_that_was_restored(self):
        """Numbers that the lost part of its log had given are given again, to other messages."""
        self.run_topology(self.recipe(SENT))
        self.send_all([f"first-{i}" for i in range(10)])
        self.check_once([f"first-{i}" for i in range(10)])
        self.assertEqual(self.stop(), 0)
        shutil.copytree(self.state / "edge", self.folder / "copy")
        self.run_topology(self.recipe(SENT))
        lost = [f"lost-{i}" for i in range(20)]
        self.send_all(lost)
        self.check_once([f"first-{i}" for i in range(10)] + lost)
        self.assertEqual(self.stop(), 0)
        shutil.rmtree(self.state / "edge")
        shutil.copytree(self.folder / "copy", self.state / "edge")
        self.run_topology(self.recipe(SENT))
        again = [f"again-{i}" for i in range(15)]
        self.send_all(again)
        self.check_once([f"first-{i}" for i in range(10)] + lost + again)
        self.assertIn("source-restored", self.said())

    def test_a_destination_that_was_restored(self):
        self.run_topology(self.recipe(SENT))
        self.send_all(["a", "b"])
        self.check_once(["a", "b"])
        self.assertEqual(self.stop(), 0)
        shutil.copytree(self.state / "hub", self.folder / "copy")
        self.run_topology(self.recipe(SENT))
        self.send_all(["c", "d", "e"])
        self.check_once(["a", "b", "c", "d", "e"])
        self.assertEqual(self.stop(), 0)
        shutil.rmtree(self.state / "hub")
        shutil.copytree(self.folder / "copy", self.state / "hub")
        self.run_topology(self.recipe(SENT))
        self.send_all(["f"])
        self.check_once(["a", "b", "c", "d", "e", "f"])
        self.assertIn("producer-hole", self.said())

    def test_topics_are_looked_at_where_somebody_hears_of_it(self):
        """Not by the other router alone, which can tell nobody but the bridge's log."""
        path = self.recipe(EVENTS % '[order.paid, "stock.>"]')
        self.run_topology(path)
        for topic, word in (("order.payed", "none of the flow's topics"), ("stock", "topics"),
                            ("stock..x", "a token is empty"), ("stock.*", "'*'")):
            done = self.ask("send", "mir@hub", "--topic", topic, "x", "--timeout", "5s")
            self.assertEqual((done.returncode, topic), (65, topic), done.stderr)
            self.assertIn(word, done.stderr)
        done = self.ask("send", "mir@hub", "x", "--timeout", "5s")
        self.assertEqual(done.returncode, 65, done.stderr)
        self.recipe(EVENTS % '["order.*", "stock.>"]')
        done = zloom("up", path, "--state", self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        for topic, body in (("order.payed", "a"), ("stock.x", "b")):
            done = self.ask("send", "mir@hub", "--topic", topic, body)
            self.assertEqual(done.returncode, 0, done.stderr)
        wait_for("they are carried", lambda: sorted(self.out()) == ["a", "b"])
        self.assertEqual(self.flows()["mir@hub"]["dropped"], 0)
        # One topic need not be named, whatever it was before.
        self.recipe(EVENTS % "sold")
        self.assertEqual(zloom("up", path, "--state", self.state).returncode, 0)
        self.assertEqual(self.ask("send", "mir@hub", "c").returncode, 0)
        wait_for("it is carried", lambda: sorted(self.out()) == ["a", "b", "c"])

    def test_it_is_started_again_only_for_what_it_carries(self):
        path = self.recipe(TOLD % ("", "ear", ""))
        self.run_topology(path)
        bridge = self.pid("edge-bridge")
        for more, same in (("", True), (MORE, False), ("", False)):
            self.recipe(TOLD % (JOINS, "ear, joins", more))
            done = zloom("up", path, "--state", self.state)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual((more, self.pid("edge-bridge") == bridge), (more, same))
            bridge = self.pid("edge-bridge")
            before = len(self.out())
            self.send_all(["a"])
            done = self.ask("send", "news", "--topic", "x", "b")
            self.assertEqual(done.returncode, 0, done.stderr)
            wait_for("it is carried", lambda: len(self.out()) == before + (2 if more else 1))
        self.assertEqual(sorted(self.out()), ["a", "a", "a", "b"])

    def test_a_mirror_keeps_its_keys(self):
        lines = [json.dumps({"id": i % 7, "n": i}).replace(" ", "") for i in range(500)]
        self.write("lines.txt", "".join(line + "\n" for line in lines))
        self.run_topology(self.recipe(MIRROR), "--until-idle", ready=False)
        self.assertEqual(self.process.wait(timeout=60), 0, self.said())
        self.assertEqual(sorted(self.out()), sorted(lines))
        for key in range(7):
            mine = [json.loads(line)["n"] for line in self.out() if json.loads(line)["id"] == key]
            self.assertEqual(mine, sorted(mine))

    def test_threads(self):
        lines = [f"line-{i}" for i in range(100)]
        self.write("lines.txt", "".join(line + "\n" for line in lines))
        self.run_topology(self.recipe(POLLED), "--threads", "--until-idle", ready=False)
        self.assertEqual(self.process.wait(timeout=60), 0, self.said())
        self.assertEqual(sorted(self.out()), sorted(lines))


if __name__ == "__main__":
    unittest.main()
