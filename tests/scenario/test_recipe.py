# SPDX-License-Identifier: MPL-2.0
"""Recipes of several parts, run: fragments with their own folder, secrets that reach one child."""
import os
import unittest
from unittest import mock

from topology import Case, zloom

SECRET = "hunter2-is-not-told"
# What a program sees of its secrets; emitted as JSON, so that a test can read it.
SHOW = """#!/usr/bin/env python3
import json, os, sys
sys.stdin.read()
names = ("ZLOOM_SECRET_KEY", "ZLOOM_SECRET_PIN_CODE", "AUTH", "ZLOOM_TEST_PIN")
print(json.dumps({name: os.environ.get(name) for name in names}))
"""
FRAGMENT = """zloom: 1
params: {out: {type: text}}
nodes:
  work: {kind: worker, run: [./show.py], io: exec, secrets: [key], env: {AUTH: "k ${secret.key}"}}
flows:
  todo: {pattern: queue, from: external, to: work, dead_letter: dead}
  done: {pattern: queue, from: work, to: "${param.out}"}
"""
RECIPE = """
secrets:
  key: {file: key.txt}
  pin-code: {env: ZLOOM_TEST_PIN}
use:
  part: {file: parts/part.yaml, with: {out: external}}
nodes:
  other: {kind: worker, run: [parts/show.py], io: exec, secrets: [pin-code]}
flows:
  todo: {pattern: queue, from: external, to: other, dead_letter: dead}
  done: {pattern: queue, from: other, to: external}
  dead: {pattern: queue, to: external}
"""


class Parts(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "parts").mkdir()
        self.write("parts/show.py", SHOW, 0o755)
        self.write("parts/part.yaml", FRAGMENT)
        self.write("key.txt", SECRET + "\n", 0o600)
        patch = mock.patch.dict(os.environ, {"ZLOOM_TEST_PIN": "1234"})
        patch.start()
        self.addCleanup(patch.stop)

    def shown(self, flow):
        self.wait_flow(flow, lambda f: f["ready"] == 1)
        return self.ask("tap", flow, "--waiting", "-o", "jsonl").stdout

    def check(self, *words):
        recipe = self.recipe(RECIPE)
        lint = zloom("lint", recipe, "--env")
        self.assertEqual(lint.returncode, 0, lint.stdout)
        self.assertNotIn(SECRET, lint.stdout + lint.stderr)
        self.run_topology(recipe, *words)
        self.ask("send", "part-todo", "x")
        self.ask("send", "todo", "x")
        part = self.shown("part-done")
        self.assertIn(f'"ZLOOM_SECRET_KEY":"{SECRET}"', part)
        self.assertIn(f'"AUTH":"k {SECRET}"', part)
        self.assertIn('"ZLOOM_SECRET_PIN_CODE":null', part)
        self.assertIn('"ZLOOM_TEST_PIN":null', part)  # not by the back door either
        other = self.shown("done")
        self.assertIn('"ZLOOM_SECRET_PIN_CODE":"1234"', other)
        self.assertIn('"ZLOOM_SECRET_KEY":null', other)
        self.assertEqual(self.stop(), 0)
        self.assertNotIn("hunter2", self.said())

    def test_each_program_gets_its_own_secrets_and_no_other(self):
        self.check()

    def test_so_it_is_with_threads(self):
        self.check("--threads")

    def test_a_missing_secret_stops_before_anything_runs(self):
        recipe = self.recipe(RECIPE)
        (self.folder / "key.txt").unlink()
        for words in (("lint", recipe, "--env"), ("run", recipe, "--state", self.state)):
            done = zloom(*words)
            self.assertEqual(done.returncode, 78)
            self.assertIn("error[Z0507]: secret 'key' cannot be read", done.stdout + done.stderr)
        self.assertEqual(zloom("lint", recipe).returncode, 0)
        self.assertFalse((self.state / "router").exists())
        # A node that does not use it does not miss it.
        node = zloom("node", recipe, "nobody", "--state", self.state)
        self.assertEqual(node.returncode, 2)
        self.assertIn("other", node.stderr)


class Paths(Case):
    def test_lint_knows_where_sockets_will_be(self):
        recipe = self.recipe("flows: {a: {pattern: queue, from: external, to: external}}\n")
        deep = self.folder / ("d" * 100)
        for words, env in ((("--state", deep), {}),
                           ((), {"XDG_RUNTIME_DIR": str(deep), "ZLOOM_STATE": ""})):
            done = zloom("lint", recipe, "--env", *words, env=env)
            self.assertEqual(done.returncode, 78, done.stdout)
            self.assertIn("error[Z0503]", done.stdout)
        self.assertEqual(zloom("lint", recipe, "--env", "--state", self.state).returncode, 0)


if __name__ == "__main__":
    unittest.main()
