# SPDX-License-Identifier: MPL-2.0
"""Workers that are an expression: filter, map, split, route, and what becomes of failures."""
import json
import os
import pathlib
import unittest

from topology import ZLOOM, Case, zloom

RECIPE = """
nodes:
  work:
    kind: worker
    %s
flows:
  in: {pattern: queue, from: external, to: work, dead_letter: dead,
       retry: {failures: 2, backoff: [10ms]}}
  small: {pattern: queue, from: work, to: external}
  %s
  dead: {pattern: queue, to: external}
"""
BIG = "big: {pattern: queue, from: work, to: external, key: /id}"


class Jq(Case):
    def serve(self, expression, more="", timeout=None):
        lines = expression.strip().splitlines()
        block = "jq: |\n" + "\n".join("      " + line for line in lines)
        block += f"\n    timeout: {timeout}" if timeout else ""
        self.run_topology(self.recipe(RECIPE % (block, more)))

    def send(self, *bodies):
        done = self.ask("send", "in", *bodies)
        self.assertEqual(done.returncode, 0, done.stderr)

    def bodies(self, flow, count):
        self.wait_flow(flow, lambda f: f["ready"] >= count)
        peeked = self.ask("tap", flow, "--waiting", "-o", "jsonl")
        self.assertEqual(peeked.returncode, 0, peeked.stderr)
        found = [json.loads(line) for line in peeked.stdout.splitlines()]
        self.assertEqual(len(found), count)
        return found

    def causes(self, count):
        self.wait_flow("dead", lambda f: f["ready"] >= count)
        shown = json.loads(self.ask("dlq", "show", "dead", "-o", "json").stdout)
        return {json.dumps(entry["body"]): entry["causes"][-1]["text"] for entry in shown}

    def test_filter_map_and_split(self):
        self.serve("select(.total > 10) | .items[] | {item: ., total: 1}")
        self.send('{"total": 5, "items": [1]}', '{"total": 50, "items": [1, "zwei"]}')
        self.assertEqual([one["body"] for one in self.bodies("small", 2)],
                         [{"item": 1, "total": 1}, {"item": "zwei", "total": 1}])
        self.wait_flow("in", lambda f: f["acked"] == 2)

    def test_route(self):
        self.serve('if .total > 10 then to("big"; {key: "k"}), (.total | to("small"))\n'
                   'elif .total == 0 then to("nowhere")\n'
                   'elif .total == 1 then .\n'
                   'else to("small") end', BIG)
        self.send('{"total":100}', '{"total":5}', '{"total":0}', '{"total":1}')
        self.assertEqual([one["body"] for one in self.bodies("big", 1)], [{"total": 100}])
        self.assertEqual([one["body"] for one in self.bodies("small", 2)], [100, {"total": 5}])
        causes = self.causes(2)
        self.assertIn("does not send to flow 'nowhere'", causes['{"total": 0}'])
        self.assertIn('as in to("flow")', causes['{"total": 1}'])

    def test_failures_say_why(self):
        self.serve('if .no then reject("no: \\(.no)")\n'
                   'elif .later and $message.attempt == 1 then retry("later")\n'
                   'elif .never then retry("never"; 0.01)\n'
                   'else .a.b end')
        self.send('{"no":1}', '{"later":1,"a":{"b":2}}', '{"never":1}', '{"a":3}', "{")
        self.assertEqual([one["body"] for one in self.bodies("small", 1)], [2])
        causes = self.causes(4)
        self.assertEqual(causes['{"no": 1}'], "no: 1")
        self.assertEqual(causes['{"never": 1}'], "never")
        self.assertTrue(causes['{"a": 3}'].startswith("Cannot index number with"))
        self.assertIn("the body is not JSON", causes['"{"'])

    def test_values_without_end_are_too_many(self):
        self.serve("range(infinite)")
        self.send("1")
        self.assertIn("one step emits at most", self.causes(1)["1"])

    def test_what_never_ends_is_ended(self):
        """Without a value nothing but its time limit stops it; then the next one is served."""
        self.serve("if .turn then def f: f; f elif .grow then last(range(infinite)) else . end",
                   timeout="100ms")
        self.send('{"turn":1}', '{"grow":1}', '{"a":1}')
        self.assertEqual([one["body"] for one in self.bodies("small", 1)], [{"a": 1}])
        causes = self.causes(2)
        for body in ('{"turn": 1}', '{"grow": 1}'):
            self.assertEqual(causes[body], "took longer than 100ms and was ended")

    def test_a_recipe_without_its_module_says_so(self):
        recipe = self.recipe(RECIPE % ("jq: '.a'", ""))
        env = {**os.environ, "ZLOOM_JQ": "/no/such.so"}
        done = zloom("lint", recipe, "--env", env=env)
        self.assertEqual(done.returncode, 78)
        self.assertIn("error[Z0510]", done.stdout + done.stderr)
        self.assertIn("/no/such.so", done.stdout + done.stderr)
        self.assertEqual(zloom("lint", recipe, env=env).returncode, 0)


if __name__ == "__main__":
    if not pathlib.Path(ZLOOM).with_name("zloom-jq.so").exists():
        print("skipped: this build has no jq")
        raise SystemExit(77)
    unittest.main()
