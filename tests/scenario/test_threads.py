# SPDX-License-Identifier: MPL-2.0
"""`zloom run --threads`: the same recipe, its nodes as threads of one process."""
import signal
import unittest

from topology import Case, wait_for

LINES = """
nodes:
  in:    {kind: poller, file: {path: in.txt, format: lines}}
  shout: {kind: worker, run: [tr, a-z, A-Z], io: exec, replicas: 2}
  out:   {kind: sink, file: {path: out.txt, fsync: batch}}
flows:
  lines:  {pattern: queue, from: [in, external], to: shout, dead_letter: failed}
  loud:   {pattern: queue, from: shout, to: out, dead_letter: failed}
  failed: {pattern: queue, to: external}
"""
COUNT = 200


class Threads(Case):
    def out(self):
        path = self.folder / "out.txt"
        return sorted(path.read_text().split()) if path.exists() else []

    def test_the_same_recipe_in_one_process(self):
        self.write("in.txt", "".join(f"line{n}\n" for n in range(COUNT)))
        self.run_topology(self.recipe(LINES), "--threads")
        self.assertIn("ready topology=test threads=5", self.said())
        self.assertEqual(list((self.state / "run").glob("*.pid")), [])  # of node processes
        wait_for("every line", lambda: len(self.out()) == COUNT)
        done = self.ask("send", "lines", "late")
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_for("the line that was sent", lambda: "LATE" in self.out())
        self.assertEqual(self.wait_flow("loud", lambda f: f["acked"] == COUNT + 1)["ready"], 0)
        self.assertEqual(self.stop(), 0, self.said())
        self.assertIn("drain", self.said())

    def test_until_idle_ends_by_itself(self):
        self.write("in.txt", "".join(f"line{n}\n" for n in range(COUNT)))
        recipe = self.recipe(LINES)
        for _ in range(2):  # the second time nothing is left to send
            self.run_topology(recipe, "--threads", "--until-idle", ready=False)
            self.assertEqual(self.process.wait(timeout=60), 0, self.said())
            self.assertEqual(self.out(), sorted(f"LINE{n}" for n in range(COUNT)))

    def test_what_was_confirmed_survives_a_kill(self):
        self.write("in.txt", "".join(f"line{n}\n" for n in range(COUNT)))
        recipe = self.recipe(LINES)
        self.run_topology(recipe, "--threads")
        wait_for("some lines", lambda: len(self.out()) > 3)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.run_topology(recipe, "--threads", "--until-idle", ready=False)
        self.assertEqual(self.process.wait(timeout=60), 0, self.said())
        self.assertEqual(sorted(set(self.out())), sorted(f"LINE{n}" for n in range(COUNT)))

    def test_a_node_that_cannot_run_is_named(self):
        self.write("in.txt", "x\n")
        recipe = self.recipe(LINES.replace("run: [tr,", "run: [python3, no-such-file.py,"))
        self.run_topology(recipe, "--threads", ready=False)
        self.assertEqual(self.process.wait(timeout=60), 1)
        self.assertRegex(self.said(), r"zloom run: node 'shout\.\d' could not be kept running: "
                                      r"NO_PROGRAM: script 'no-such-file.py'")

    def test_an_actor_wants_its_program(self):
        recipe = self.recipe(LINES.replace("run: [tr, a-z, A-Z], io: exec", "actor: shout"))
        self.write("in.txt", "x\n")
        for words in (), ("--threads",):
            self.run_topology(recipe, *words, ready=False)
            self.assertEqual(self.process.wait(timeout=60), 78)
            self.assertIn("worker 'shout' has the actor 'shout'", self.said())

    def test_a_second_signal_stops_at_once(self):
        """A handler that takes its time is not waited for."""
        self.write("in.txt", "x\n")
        recipe = self.recipe(LINES.replace("run: [tr, a-z, A-Z]", "run: [tail, -f, /dev/null]"))
        self.run_topology(recipe, "--threads")
        self.wait_flow("lines", lambda f: f["leased"] == 1)
        self.process.send_signal(signal.SIGTERM)
        wait_for("the drain", lambda: " drain " in self.said())
        self.assertIsNone(self.process.poll())
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=60), 0, self.said())


if __name__ == "__main__":
    unittest.main()
