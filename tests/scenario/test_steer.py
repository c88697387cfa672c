# SPDX-License-Identifier: MPL-2.0
"""Nodes and flows of a running topology: scaled, paused, drained, resumed."""
import json
import os
import subprocess
import unittest

from topology import Case, ZLOOM, wait_for

# Each message waits for a line in the pipe; `same` is the name of a node and of a flow.
GATED = """
params:
  others: {type: int, default: 1, min: 1, max: 2}
nodes:
  same:  {kind: worker, run: [./gated.sh], io: exec, prefetch: 1}
  other: {kind: worker, run: [cat], io: exec, replicas: "${param.others}"}
  print: {kind: sink, file: {path: out.txt}}
  lines: {kind: poller, file: {path: in.txt, follow: true}}
flows:
  gated: {pattern: queue, from: external, to: same, lease: 1h}
  open:  {pattern: queue, from: [external, lines], to: other}
  same:  {pattern: queue, from: other, to: print}
"""
GATE = "#!/bin/sh\nread line < gate\necho \"$line\" >> passed\n"


class Steer(Case):
    def setUp(self):
        super().setUp()
        self.write("gated.sh", GATE, 0o755)
        self.write("in.txt", "")
        os.mkfifo(self.folder / "gate")
        self.run_topology(self.recipe(GATED))

    def kill(self):
        if self.process and self.process.poll() is None:
            self.ask("down", "--now")
            self.process.wait(timeout=60)

    def do(self, *words, code=0):
        done = self.ask(*words)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def units(self):
        nodes = json.loads(self.ask("ps", "-o", "json").stdout)["nodes"]
        return {unit["unit"]: unit for unit in nodes}

    def states(self, node):
        return {name: unit["state"] for name, unit in self.units().items()
                if unit["node"] == node}

    def open_gate(self, line):
        (self.folder / "gate").write_text(line + "\n", encoding="ascii")


class Scale(Steer):
    def test_up_and_down(self):
        pid = self.pid("same")
        self.assertIn("has 3 replicas, had 1", self.do("scale", "same", "3"))
        self.assertEqual(self.states("same"),
                         {"same": "ready", "same.2": "ready", "same.3": "ready"})
        self.assertEqual(self.pid("same"), pid)
        # The first one is called as its node is, which means all of them; alone it is same.1.
        for name, paused in (("same.1", ["same"]), ("same", ["same", "same.2", "same.3"])):
            self.do("pause", name, "--node")
            sessions = json.loads(self.ask("stats", "-o", "json").stdout)["sessions"]
            self.assertEqual(sorted(one["name"] for one in sessions if one["paused"]), paused)
            self.do("resume", name, "--node")
        self.do("send", "gated", "a", "b", "c")
        self.wait_flow("gated", lambda f: f["leased"] == 3)
        with subprocess.Popen([ZLOOM, "scale", "same", "1", "--state", self.state, "-o", "json"],
                              stdout=subprocess.PIPE, text=True) as down:
            wait_for("two leave", lambda: list(self.states("same").values()).count("stopping") == 2)
            self.do("scale", "same", "2", code=75)  # their names are not free yet
            # At once: who reads beside a line's reader goes on when the pipe's writer closes it.
            self.open_gate("a\nb\nc")
            out, _ = down.communicate(timeout=60)
            self.assertEqual((down.returncode, json.loads(out)),
                             (0, {"node": "same", "replicas": 1}))
        self.assertEqual(self.states("same"), {"same": "ready"})
        self.assertEqual(self.pid("same"), pid)
        # What they held they finished: nothing was begun again.
        self.assertEqual(self.wait_flow("gated", lambda f: f["acked"] == 3)["failures"], 0)
        self.assertEqual(self.ask("down").returncode, 0)

    def test_only_workers_and_not_beyond_the_limits(self):
        for words, code, text in ((["print", "2"], 2, "no worker"), (["router", "2"], 2, "router"),
                                  (["open", "2"], 2, "is a flow"), (["same", "0"], 2, "1 to 256"),
                                  (["same", "257"], 2, "256"),
                                  (["other", "3"], 2, "1 to 2 replicas, says its param others"),
                                  (["same", "x"], 2, "whole number"),
                                  (["nobody", "2"], 1, "nodes: router"), (["same"], 2, "N is")):
            self.assertIn(text, self.do("scale", *words, code=code), words)


class Pause(Steer):
    def test_a_node_takes_no_more_and_stays(self):
        pid = self.pid("other")
        self.assertIn("takes no more", self.do("pause", "other"))
        self.do("send", "open", "x", "y")
        self.wait_flow("open", lambda f: f["ready"] == 2)
        self.assertEqual(self.states("other"), {"other": "ready"})
        sessions = json.loads(self.ask("stats", "-o", "json").stdout)["sessions"]
        self.assertEqual([one["name"] for one in sessions if one["paused"]], ["other"])
        self.do("send", "gated", "x")  # the others work on
        self.open_gate("x")
        self.wait_flow("gated", lambda f: f["acked"] == 1)
        self.assertEqual(self.flows()["open"]["ready"], 2)
        self.do("resume", "other")
        self.assertEqual(self.wait_flow("open", lambda f: f["acked"] == 2)["failures"], 0)
        self.assertEqual(self.pid("other"), pid)

    def test_a_flow_hands_out_nothing(self):
        self.do("pause", "open")
        self.do("send", "open", "x")
        self.assertTrue(self.wait_flow("open", lambda f: f["ready"] == 1)["paused"])
        self.assertIn("--timeout", self.do("pause", "open", "--timeout", "1s", code=2))
        self.assertIn("goes on at once", self.do("resume", "open", "--timeout", "1s", code=2))
        self.do("resume", "open")
        self.wait_flow("open", lambda f: f["acked"] == 1)

    def test_a_name_that_means_two_things(self):
        self.assertIn("--node or --flow", self.do("pause", "same", code=2))
        self.do("pause", "same", "--flow")
        self.do("send", "open", "x")
        self.wait_flow("same", lambda f: f["ready"] == 1 and f["paused"])
        self.do("resume", "same", "--flow")
        self.wait_flow("same", lambda f: f["acked"] == 1)
        self.assertIn("flows: gated open same", self.do("pause", "nothing", code=1))


class Drain(Steer):
    def test_a_node_finishes_and_comes_back(self):
        self.do("send", "gated", "a", "b")
        self.wait_flow("gated", lambda f: f["leased"] == 1)
        self.do("drain", "same", "--node", "--timeout", "100ms", code=75)
        self.open_gate("a")
        self.do("drain", "same", "--node")
        self.assertEqual(self.states("same"), {"same": "done"})
        left = self.wait_flow("gated", lambda f: f["acked"] == 1 and f["ready"] == 1)
        self.assertEqual(left["failures"], 0)
        self.assertEqual(self.ask("wait", "--ready").returncode, 0)
        self.assertIn("1 started again", self.do("resume", "same", "--node"))
        self.wait_flow("gated", lambda f: f["leased"] == 1)
        self.open_gate("b")
        self.wait_flow("gated", lambda f: f["acked"] == 2)
        self.assertIn("is the router", self.do("drain", "router", code=2))

    def test_a_flow_runs_empty(self):
        self.do("send", "gated", "a")
        self.wait_flow("gated", lambda f: f["leased"] == 1)
        self.assertIn("1 messages of 'gated' are left",
                      self.do("drain", "gated", "--timeout", "100ms", code=75))
        self.assertNotEqual(
            self.ask("send", "gated", "late", "--timeout", "200ms").returncode, 0)
        with subprocess.Popen([ZLOOM, "drain", "gated", "--state", self.state]) as drain:
            self.open_gate("a")
            self.assertEqual(drain.wait(timeout=60), 0)
        self.do("resume", "gated")
        self.do("send", "gated", "again")
        self.open_gate("again")
        self.wait_flow("gated", lambda f: f["acked"] == 2)

    def test_all_of_it_and_back(self):
        self.do("send", "gated", "a")
        self.wait_flow("gated", lambda f: f["leased"] == 1)
        with subprocess.Popen([ZLOOM, "drain", "--state", self.state]) as drain:
            wait_for("the poller has stopped", lambda: self.states("lines") == {"lines": "done"})
            self.open_gate("a")
            self.assertEqual(drain.wait(timeout=60), 0)
        self.assertEqual({unit["state"] for unit in self.units().values()}, {"ready", "done"})
        self.assertNotEqual(self.ask("send", "open", "late", "--timeout", "200ms").returncode, 0)
        (self.folder / "in.txt").write_text('"from the file"\n', encoding="ascii")
        self.assertIn("1 started again", self.do("resume", "--timeout", "30s"))
        self.assertEqual(self.states("lines"), {"lines": "ready"})
        self.wait_flow("same", lambda f: f["acked"] == 1)
        self.assertEqual((self.folder / "out.txt").read_text(encoding="ascii"),
                         '"from the file"\n')


# Nobody waits for these by themselves.
WAITING = """
nodes:
  hub:  {kind: router}
  far:  {kind: router, restart: {backoff: [1h]}}
  work: {kind: worker, run: [cat], io: exec, restart: {backoff: [10ms, 1h], budget: 2}}
flows:
  in:    {pattern: queue, from: external, to: work, via: hub}
  there: {pattern: queue, from: external, to: external, via: far}
"""


class Waiting(Steer):
    def setUp(self):
        Case.setUp(self)
        self.run_topology(self.recipe(WAITING))

    def die(self, node):
        """What became of it: it is back, or waits long for its restart."""
        before = self.units()[node]
        os.kill(before["pid"], 9)

        def looked():
            unit = self.units()[node]
            waits = (unit["next_ms"] or 0) > 1000
            back = unit["state"] == "ready" and unit["starts"] > before["starts"]
            return unit if waits or back else None
        return wait_for("it waits, or is back", looked)

    def test_what_waits_for_its_restart_is_started_now(self):
        for _ in range(2):
            self.assertEqual(self.die("work")["state"], "ready")
            self.assertGreater(self.die("work")["next_ms"], 3000000)
            self.assertIn("work goes on, 1 started again", self.do("resume", "work"))
            # Its budget is whole again, and its next wait the first one.
            unit = self.units()["work"]
            self.assertEqual((unit["state"], unit["restarts"]), ("ready", 0))

    def test_a_router_that_waits_is_started_and_never_paused(self):
        self.assertIn("'far' is a router, which is never paused", self.do("resume", "far", code=2))
        self.assertEqual(self.die("far")["state"], "backoff")
        self.assertIn("far goes on, 1 started again", self.do("resume", "far"))
        self.assertEqual(self.states("far"), {"far": "ready"})
        self.do("send", "there", "x")


# It cannot be kept running once its program is away.
BROKEN = """
nodes:
  good: {kind: worker, run: [cat], io: exec}
  bad:  {kind: worker, run: [./bad.sh]}
flows:
  in:  {pattern: queue, from: external, to: good}
  odd: {pattern: queue, from: external, to: bad}
"""


class Broken(Steer):
    def setUp(self):
        Case.setUp(self)
        self.write("bad.sh", "#!/bin/sh\nexec cat\n", 0o755)
        self.path = self.recipe(BROKEN)
        self.run_topology(self.path)
        self.write("bad.sh", "#!/nowhere/sh\n", 0o755)
        os.kill(self.pid("bad"), 9)
        wait_for("it has failed", lambda: self.states("bad") == {"bad": "failed"})

    def test_the_others_are_steered_all_the_same(self):
        self.assertIn("has 2 replicas, had 1", self.do("scale", "good", "2"))
        self.assertIn("has stopped", self.do("drain", "good"))
        self.assertEqual(set(self.states("good").values()), {"done"})
        self.assertIn("2 started again", self.do("resume", "good"))
        self.assertIn("has stopped", self.do("drain", "good.2"))
        self.assertIn("'bad' could not be kept running", self.do("wait", code=1))

    def test_an_edit_mends_it(self):
        self.assertIn("'bad' could not be kept running", self.do("up", self.path, code=1))
        self.recipe(BROKEN.replace("run: [cat]", "run: [cat], replicas: 2"))
        self.assertIn("nodes.good.replicas", self.do("up", self.path))
        self.recipe(BROKEN.replace("./bad.sh", "cat"))
        self.assertIn("nodes.bad.run", self.do("up", self.path))
        self.assertEqual(self.states("bad"), {"bad": "ready"})


if __name__ == "__main__":
    unittest.main()
