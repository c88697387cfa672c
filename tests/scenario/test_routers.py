# SPDX-License-Identifier: MPL-2.0
"""Several routers in one recipe: each flow on its own, and a command line that finds it."""
import concurrent.futures
import json
import os
import signal
import unittest

from topology import Case, wait_for, zloom

TWO = """
nodes:
  hub:  {kind: router}
  edge: {kind: router, restart: {backoff: [10ms]}}
  near: {kind: worker, run: [tr, a-z, A-Z], io: exec}
  far:  {kind: worker, run: [tr, a-z, A-Z], io: exec}
flows:
  far-in:   {pattern: queue, from: external, to: far, via: edge, dead_letter: far-dead}
  far-out:  {pattern: queue, from: far, to: external, via: edge}
  far-dead: {pattern: queue, to: external, via: edge}
  in:       {pattern: queue, from: external, to: near, dead_letter: dead}
  out:      {pattern: queue, from: near, to: external}
  dead:     {pattern: queue, to: external}
"""


BUSES = """
nodes:
  hub:  {kind: router}
  edge: {kind: router}
  near: {kind: sink, file: {path: near.txt}}
  far:  {kind: sink, file: {path: far.txt}}
flows:
  here:  {pattern: bus, from: external, to: [near, external], via: hub, dead_letter: dead}
  there: {pattern: bus, from: external, to: [far, external], via: edge, dead_letter: gone}
  dead:  {pattern: queue, to: external, via: hub}
  gone:  {pattern: queue, to: external, via: edge}
"""


PAUSES = """
nodes:
  hub:  {kind: router}
  far:  {kind: router}
  work: {kind: worker, run: [cat], io: exec, restart: {backoff: [1m]}}
flows:
  in:  {pattern: queue, from: external, to: work, via: hub}
  out: {pattern: queue, from: work, to: external, via: far}
"""


class TwoRouters(Case):
    def through(self, flow, out, body):
        self.assertEqual(self.ask("send", flow, body).returncode, 0)
        self.wait_flow(out, lambda counters: counters["ready"] == 1)
        done = self.ask("tap", out, "--waiting", "--count", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.strip(), body.upper())

    def check_all(self):
        self.through("in", "out", "near")
        self.through("far-in", "far-out", "far")
        stats = json.loads(self.ask("stats", "-o", "json").stdout)
        on = {flow["name"]: flow["router"] for flow in stats["flows"]}
        self.assertEqual(on, {"in": "hub", "out": "hub", "dead": "hub", "far-in": "edge",
                              "far-out": "edge", "far-dead": "edge"})
        self.assertEqual([each["router"] for each in stats["routers"]], ["hub", "edge"])
        self.assertIn("far-in ", self.ask("stats").stdout)
        self.assertIn("edge's journal", self.ask("stats").stdout)
        one = json.loads(self.ask("stats", "far-in", "-o", "json").stdout)
        self.assertEqual(one["flows"][0]["acked"], 1)

    def test_each_flow_lives_on_its_own(self):
        self.run_topology(self.recipe(TWO))
        self.check_all()
        self.assertTrue((self.state / "hub" / "journal").is_dir())
        self.assertTrue((self.state / "edge" / "journal").is_dir())
        self.assertEqual(len((self.state / "run" / "endpoint").read_text().split("\n")), 2)
        # Questions about a flow, a message and a node find the router that knows.
        self.assertIn("far-out holds 1 message", self.ask("why", "far-out").stdout)
        self.assertEqual(self.ask("why", "far").returncode, 0)
        self.assertEqual(self.ask("top", "-o", "json", "--count", "1").returncode, 0)
        traced = json.loads(self.ask("trace", "far-out", "1", "-o", "json").stdout)
        self.assertEqual(traced["messages"][0]["flow"], "far-out")
        identity = traced["messages"][0]["id"]
        by_id = json.loads(self.ask("trace", identity, "-o", "json").stdout)
        self.assertEqual([each["flow"] for each in by_id["messages"]], ["far-out"])
        letters = json.loads(self.ask("dlq", "ls", "-o", "json").stdout)
        self.assertEqual({each["name"] for each in letters}, {"dead", "far-dead"})
        # A flow and a node are steered where they are.
        self.assertEqual(self.ask("pause", "far-in").returncode, 0)
        self.assertTrue(self.flows()["far-in"]["paused"])
        self.assertFalse(self.flows()["in"]["paused"])
        self.assertEqual(self.ask("resume", "far-in").returncode, 0)
        self.assertEqual(self.ask("drain", "far-in", "--timeout", "30s").returncode, 0)
        self.assertEqual(self.ask("send", "no-such", "x").returncode, 1)
        self.assertEqual(self.stop(), 0)
        # Both logs are looked at.
        done = zloom("doctor", self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("hub/journal: whole", done.stdout)
        self.assertIn("edge/journal: whole", done.stdout)

    def test_a_killed_router_is_missed_by_its_own_flows_only(self):
        self.run_topology(self.recipe(TWO))
        self.assertEqual(self.ask("send", "far-out", "kept").returncode, 0)
        os.kill(self.pid("edge"), signal.SIGKILL)
        self.through("in", "out", "near")
        self.wait_flow("far-out", lambda counters: counters["ready"] == 1)
        done = wait_for("the other router is back", lambda: self.ask("tap", "far-out", "--waiting",
                                                                     "--count", "1").stdout)
        self.assertEqual(done.strip(), "kept")

    def test_who_hears_the_buses_of_both(self):
        self.run_topology(self.recipe(BUSES))
        groups = json.loads(self.ask("group", "ls", "-o", "json").stdout)
        self.assertEqual({(row["router"], row["flow"], row["group"]) for row in groups},
                         {("hub", "here", "near"), ("edge", "there", "far")})
        text = self.ask("group", "ls").stdout
        self.assertRegex(text, r"\Asubscriber .*\n(.*\n)*there/far ")
        groups = json.loads(self.ask("group", "ls", "there", "-o", "json").stdout)
        self.assertEqual([row["group"] for row in groups], ["far"])
        self.assertEqual(self.ask("group", "drop", "there", "nobody", "--yes").returncode, 1)
        self.assertIn("\n\nsubscriber ", self.ask("stats").stdout)

    def pause(self, name, code=0):
        done = self.ask("pause", name)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_a_pause_says_what_it_does(self):
        self.run_topology(self.recipe(PAUSES))
        self.assertIn("'far' is a router: pause its flows", self.pause("far", 2))
        self.assertIn("'hub-bridge' is a bridge: pause what", self.pause("hub-bridge", 2))
        done = self.ask("resume", "far")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("'far' is a router, which is never paused", done.stderr)
        # A bridge is drained, and resumed.
        for words in (["drain", "hub-bridge"], ["resume", "hub-bridge"]):
            done = self.ask(*words)
            self.assertEqual((done.returncode, words), (0, words), done.stderr)
        self.assertIn("work takes no more", self.pause("work"))
        os.kill(self.pid("work"), signal.SIGKILL)
        wait_for("its session ends", lambda: '"work"' not in self.ask("stats", "-o", "json").stdout)
        self.assertIn("work is not there now, and is paused once it comes", self.pause("work"))
        done = json.loads(self.ask("pause", "work", "-o", "json").stdout)
        self.assertEqual(done, {"node": "work", "paused": 0})
        # The one that does not answer may have it.
        far = self.pid("far")
        self.addCleanup(os.kill, far, signal.SIGCONT)
        os.kill(far, signal.SIGSTOP)
        said = self.pause("work", 69)
        self.assertIn("no router that answers has a session with 'work'", said)
        os.kill(far, signal.SIGCONT)

    def test_one_that_is_frozen_is_missed_by_its_own_flows_only(self):
        self.run_topology(self.recipe(PAUSES))
        far = self.pid("far")
        self.addCleanup(os.kill, far, signal.SIGCONT)
        os.kill(far, signal.SIGSTOP)
        for words in (["send", "in", "x"], ["pause", "in"], ["resume", "in"], ["pause", "work"],
                      ["stats", "in"]):
            done = self.ask(*words)
            self.assertEqual((done.returncode, words), (0, words), done.stderr)
            self.assertNotIn("left out", done.stderr)
        self.assertEqual(self.ask("why", "in").returncode, 0)
        self.assertEqual(self.ask("why", "nowhere").returncode, 69) # far may have it
        # Who wants to see all, or steer all, is told what is missing, and gets the rest.
        done = self.part("stats", "-o", "json")
        self.assertEqual({flow["name"] for flow in json.loads(done.stdout)["flows"]},
                         {"in", "out@far"})
        commands = {("stats",): "in ", ("dlq", "ls"): "flow ", ("group", "ls"): "bus",
                    ("top", "--count", "1"): "in ", ("why",): "in is idle"}
        with concurrent.futures.ThreadPoolExecutor() as side_by_side:
            for done, shown in zip(side_by_side.map(lambda words: self.part(*words), commands),
                                   commands.values()):
                self.assertIn(shown, done.stdout)
        self.part("drain")
        self.assertIs(self.is_draining("in"), True)
        self.part("resume")
        self.assertIs(self.is_draining("in"), False)
        os.kill(far, signal.SIGCONT)
        done = self.ask("resume")
        self.assertEqual(done.returncode, 0, done.stderr)

    def part(self, *words):
        """What is not whole is told from what is by its exit code."""
        done = self.ask(*words)
        self.assertEqual((done.returncode, words), (69, words), done.stderr)
        self.assertIn("far.sock: what is there is left out", done.stderr)
        return done

    def is_draining(self, flow):
        return json.loads(self.ask("stats", flow, "-o", "json").stdout)["flows"][0]["draining"]

    def test_threads(self):
        self.run_topology(self.recipe(TWO), "--threads")
        self.check_all()
        self.assertEqual(self.stop(), 0)

    def test_until_idle(self):
        """Idle means that no router has work left."""
        recipe = self.recipe(TWO.replace("far-in:   {pattern: queue, from: external",
                                         "far-in:   {pattern: queue, from: lines")
                             .replace("flows:", "  lines: {kind: poller, file: {path: lines.txt, "
                                      "format: lines}}\nflows:", 1))
        self.write("lines.txt", "".join(f"line {i}\n" for i in range(20)))
        self.run_topology(recipe, "--until-idle", ready=False)
        self.assertEqual(self.process.wait(timeout=60), 0, self.said())
        self.run_topology(recipe)
        self.assertEqual(self.flows()["far-out"]["ready"], 20)


if __name__ == "__main__":
    unittest.main()
