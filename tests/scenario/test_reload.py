# SPDX-License-Identifier: MPL-2.0
"""`zloom up` of what runs already: what its recipe says now is taken over, or told why not."""
import json
import os
import unittest

from topology import Case, wait_for, zloom

RECIPE = """
params:
  level: {type: text, default: low}
nodes:
  says: {kind: worker, run: [./says.sh], io: exec, env: {LEVEL: "${param.level}"}, prefetch: 1,
         replicas: 2}
  print: {kind: sink, file: {path: out.txt}}
flows:
  words: {pattern: queue, from: external, to: says, retry: {failures: 5}, dead_letter: dead}
  loud: {pattern: queue, from: says, to: print, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""
SCRIPT = """#!/bin/sh
read line
[ "$line" = fail ] && exit 75
[ "$line" = hold ] && read line < gate
echo "$LEVEL $line"
"""


class Reload(Case):
    def setUp(self):
        super().setUp()
        self.write("says.sh", SCRIPT, 0o755)
        self.path = self.recipe(RECIPE)
        self.addCleanup(self.ask, "down", "--now")
        self.assertEqual(self.up()["started"], True)
        self.pid = self.pids()

    def up(self, *words, code=0):
        done = zloom("up", self.path, "--state", self.state, "-o", "json", *words)
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout) if code == 0 else done.stderr

    def pids(self):
        nodes = json.loads(self.ask("ps", "-o", "json").stdout)["nodes"]
        return {unit["unit"]: unit["pid"] for unit in nodes}

    def change(self, old, new):
        self.assertIn(old, RECIPE)
        self.recipe(RECIPE.replace(old, new))

    def send(self, flow, *bodies):
        done = self.ask("send", flow, *bodies)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_nothing_new(self):
        self.assertEqual(self.up()["changed"], [])
        self.recipe("# a comment more\n" + RECIPE)
        self.assertEqual(self.up()["changed"], [])
        self.assertEqual(self.pids(), self.pid)
        done = self.ask("up", self.path, "--metrics", "9100", "--grace", "1s")
        self.assertEqual(done.returncode, 0)
        self.assertIn(": --grace, --metrics counts at its next start", done.stderr)

    def test_a_flow_s_retry_counts_at_once(self):
        self.change("failures: 5", "failures: 1")
        self.assertEqual(self.up()["changed"], ["flows.words.retry.failures"])
        self.assertEqual(self.pids(), self.pid)
        self.send("words", "fail")
        self.wait_flow("words", lambda f: f["dead"] == 1 and f["failures"] == 1)
        self.assertEqual(self.up()["changed"], [])

    def test_what_is_for_lint_changes_nothing_that_runs(self):
        self.recipe("allow: {Z0402: everywhere}\n" + RECIPE.replace(
            "prefetch: 1,", "prefetch: 1, allow: {Z0410: here},").replace(
            "retry: {failures: 5}", "allow: {Z0406: there}, retry: {failures: 5}"))
        self.assertEqual(self.up()["changed"], ["allow.Z0402", "nodes.says.allow.Z0410",
                                                "flows.words.allow.Z0406"])
        self.assertEqual(self.pids(), self.pid)
        self.recipe(RECIPE)
        self.assertEqual(len(self.up()["changed"]), 3)
        self.assertEqual(self.pids(), self.pid)

    def test_a_new_flow_is_there(self):
        self.change("  dead:", "  more: {pattern: queue, from: external, to: says, dead_letter: "
                    "dead}\n  dead:")
        self.assertIn("flows.more.pattern", self.up()["changed"])
        self.send("more", "hello")
        self.wait_flow("loud", lambda f: f["acked"] == 1)
        self.assertEqual(self.pids()["router"], self.pid["router"])
        self.assertEqual(self.pids()["print"], self.pid["print"])

    def test_replicas(self):
        self.change("replicas: 2", "replicas: 3")
        self.assertEqual(self.up()["changed"], ["nodes.says.replicas"])
        now = self.pids()
        self.assertEqual({name: now[name] for name in self.pid}, self.pid)
        self.assertIn("says.3", now)
        self.recipe(RECIPE)
        self.assertEqual(self.up()["changed"], ["nodes.says.replicas"])
        self.assertEqual(self.pids(), self.pid)

    def test_replicas_within_what_the_recipe_says_now(self):
        self.assertEqual(self.ask("down").returncode, 0)
        level = "default: low}"
        by_param = RECIPE.replace("replicas: 2", 'replicas: "${param.n}"')
        self.recipe(by_param.replace(level, level + "\n  n: {type: int, default: 1, max: 2}"))
        self.up()
        self.assertEqual(self.ask("scale", "says", "3").returncode, 2)
        self.recipe(by_param.replace(level, level + "\n  n: {type: int, default: 4, max: 8}"))
        self.assertIn("nodes.says.replicas", self.up()["changed"])
        self.assertIn("says.4", self.pids())
        self.assertEqual(self.ask("scale", "says", "8").returncode, 0)
        self.assertEqual(self.ask("scale", "says", "9").returncode, 2)

    def test_what_ends_half_way_is_open_yet(self):
        os.mkfifo(self.folder / "gate")
        self.send("words", "hold", "hold")
        self.wait_flow("words", lambda f: f["leased"] == 2)
        self.assertEqual(self.ask("scale", "says", "1", "--timeout", "100ms").returncode, 75)
        self.recipe(RECIPE.replace("failures: 5", "failures: 1").replace("as: 2", "as: 3"))
        for _ in range(2):
            self.assertIn("are leaving yet", self.up(code=75))
        # Also when the file says again what it said: the router has gone on to the other.
        self.recipe(RECIPE)
        self.assertIn("are leaving yet", self.up(code=75))
        (self.folder / "gate").write_text("a\nb\n", encoding="ascii")
        wait_for("one has left", lambda: "says.2" not in self.pids())
        self.assertEqual(sorted(self.up()["changed"]),
                         ["flows.words.retry.failures", "nodes.says.replicas"])
        self.assertIn("says.2", self.pids())
        self.assertEqual(self.up()["changed"], [])

    def test_a_node_s_settings_start_it_again(self):
        self.assertEqual(self.up("--set", "level=high")["changed"], ["nodes.says.env.LEVEL"])
        now = self.pids()
        self.assertEqual([name for name in now if now[name] != self.pid[name]],
                         ["says.1", "says.2"])
        self.send("words", "x")
        self.wait_flow("loud", lambda f: f["acked"] == 1)
        self.assertEqual((self.folder / "out.txt").read_text(encoding="ascii"), "high x\n")
        # Who is started later has it, too.
        os.kill(now["says.1"], 9)
        os.kill(now["says.2"], 9)
        self.send("words", "y")
        self.wait_flow("loud", lambda f: f["acked"] == 2)
        self.assertIn("high y\n", (self.folder / "out.txt").read_text(encoding="ascii"))

    def test_what_cannot_change_is_told_and_nothing_changes(self):
        self.recipe(RECIPE.replace("failures: 5", "failures: 1").replace(
            "to: says, retry", "to: says, key: /k, retry"))
        said = self.up(code=1)
        self.assertIn("flows.words.key: - → /k", said)
        self.assertIn("zloom down test && zloom up", said)
        self.assertEqual(self.pids(), self.pid)
        self.recipe(RECIPE)
        self.assertEqual(self.up()["changed"], [])
        for old, new, path in (
                ("  print:", "  router: {kind: router, heartbeat: 2s}\n  print:",
                 "nodes.router.heartbeat"),
                ("failures: 5}", "failures: 5}, confirm: memory", "flows.words.confirm"),
                ("replicas: 2", "replicas: 2, restart: {budget: 3}", "nodes.says.restart.budget")):
            self.change(old, new)
            self.assertIn(path, self.up(code=1))
        self.change("queue", "quue")
        self.assertIn("did you mean 'queue'", self.up(code=78))
        self.recipe(RECIPE)
        self.assertEqual(self.up()["changed"], [])
        self.assertEqual(self.pids(), self.pid)

    def grow(self):
        """A recipe with one more node, which takes what `says` said before `print` gets it."""
        grown = RECIPE.replace("flows:", "  more: {kind: worker, run: [cat], io: lines}\nflows:")
        return grown.replace("from: says, to: print", "from: says, to: more") + (
            "  last: {pattern: queue, from: more, to: print, dead_letter: dead}\n")

    def test_a_node_joins_and_leaves(self):
        self.recipe(self.grow())
        changed = self.up()["changed"]
        self.assertIn("nodes.more.kind", changed)
        self.assertIn("flows.loud.to", changed)
        now = self.pids()
        self.assertIn("more", now)
        # Who sends to `words`, and who sends to `loud`, is not touched.
        self.assertEqual([name for name in self.pid if now[name] != self.pid[name]], ["print"])
        self.send("words", "x")
        self.wait_flow("last", lambda f: f["acked"] == 1)
        self.assertEqual(self.ask("wait", "idle").returncode, 0)
        self.assertEqual((self.folder / "out.txt").read_text(encoding="ascii"), "low x\n")
        self.assertEqual(self.ask("scale", "more", "2").returncode, 0)
        self.recipe(RECIPE)
        self.up()
        self.assertEqual(sorted(self.pids()), sorted(self.pid))
        self.send("words", "y")
        self.wait_flow("loud", lambda f: f["acked"] == 2)
        self.assertEqual(self.ask("stats", "last").returncode, 1)
        self.assertEqual(self.up()["changed"], [])
        # Once more: nothing of its first life is in the way.
        self.recipe(self.grow())
        self.up()
        self.send("words", "z")
        self.wait_flow("last", lambda f: f["acked"] == 2)
        self.assertEqual((self.folder / "out.txt").read_text(encoding="ascii"),
                         "low x\nlow y\nlow z\n")

    def test_a_flow_that_holds_messages_stays_and_so_do_its_nodes(self):
        self.recipe(self.grow())
        self.up()
        self.assertEqual(self.ask("drain", "print").returncode, 0)
        self.send("words", "x")
        self.wait_flow("last", lambda f: f["ready"] == 1)
        self.recipe(RECIPE)
        self.assertIn("flow 'last' is not in the recipe any more, but holds 1 unsettled",
                      self.up(code=78))
        self.recipe(self.grow())  # what is started reads the file
        self.assertEqual(self.ask("resume", "print").returncode, 0)
        self.wait_flow("last", lambda f: f["acked"] == 1)
        self.send("words", "y")
        self.wait_flow("last", lambda f: f["acked"] == 2)
        self.assertIn("more", self.pids())
        self.recipe(RECIPE)
        self.up()
        self.assertNotIn("more", self.pids())

    def test_a_node_that_never_serves_is_told_and_taken_back(self):
        self.recipe(RECIPE.replace(
            "flows:", "  file: {kind: sink, file: {path: there}}\nflows:") + (
                "  extra: {pattern: queue, from: external, to: file, dead_letter: dead}\n"))
        (self.folder / "there").mkdir()
        self.assertIn("node 'file' could not be kept running", self.up(code=1))
        self.send("extra", "x")
        (self.folder / "there").rmdir()
        self.assertIn("flows.extra.to", self.up()["changed"])
        self.wait_flow("extra", lambda f: f["acked"] == 1)
        self.recipe(RECIPE)
        self.up()
        self.assertEqual(self.pids(), self.pid)

    def test_what_has_left_already_is_in_nobody_s_way(self):
        self.recipe(self.grow())
        self.up()
        # `more` goes, and the take-over ends half-way behind that.
        self.recipe(RECIPE.replace(
            "flows:", "  file: {kind: sink, file: {path: there}}\nflows:") + (
                "  extra: {pattern: queue, from: external, to: file, dead_letter: dead}\n"))
        (self.folder / "there").mkdir()
        self.assertIn("node 'file' could not be kept running", self.up(code=1))
        self.assertNotIn("more", self.pids())
        self.recipe(RECIPE)
        self.up()
        self.assertEqual(sorted(self.pids()), sorted(self.pid))
        self.assertEqual(self.up()["changed"], [])

    def test_a_flow_goes_under_load_and_nothing_is_lost(self):
        self.recipe(self.grow())
        self.up()
        lines = [f"{i:03}" for i in range(300)]
        for some in range(0, 300, 50):
            self.send("words", *lines[some:some + 50])
        # What `more` holds yet keeps the flow: until then nothing changes.
        self.recipe(RECIPE)
        wait_for("the flow goes", lambda: zloom("up", self.path, "--state",
                                                self.state).returncode == 0)
        self.assertNotIn("more", self.pids())
        wait_for("all are written", lambda: sorted(
            (self.folder / "out.txt").read_text(encoding="ascii").split()[1::2]) == lines, 60)
        self.assertEqual(self.ask("wait", "idle").returncode, 0)

    def test_another_file_of_that_name(self):
        other = self.recipe(RECIPE, "other.yaml")
        done = zloom("up", other, "--state", self.state)
        self.assertEqual(done.returncode, 73)
        self.assertIn(f"runs already, from {self.path}", done.stderr)


if __name__ == "__main__":
    unittest.main()
