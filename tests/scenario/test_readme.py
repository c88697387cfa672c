# SPDX-License-Identifier: MPL-2.0
"""What the documentation shows does what it says: its recipes are lint-clean, its console sessions
print what stands there, its workers run, in a real topology."""
import json
import pathlib
import re
import unittest

from topology import Case, wait_for, zloom

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENTS = ["README.md", "docs/workers.md", "docs/recipe.md", "docs/operations.md",
             "docs/testing-recipes.md",
             "patterns/queue/README.md"]
HEAD = "zloom: 1\nname: test\n"
BLOCK = re.compile(r"(?ms)^```(\w*)\n(.*?)^```$")


def blocks(document, language):
    """The code blocks of one language, in their order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return [body for name, body in BLOCK.findall(text) if name == language]


def session(text):
    """[(words of a command, lines it prints)] of a console session."""
    steps = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append((re.findall(r'"[^"]*"|\S+', line[2:]), []))
        elif steps:
            steps[-1][1].append(line)
    return [([word.strip('"') for word in words], lines) for words, lines in steps]


class Recipes(Case):
    """Every recipe that is shown, whole or in part."""

    def whole(self, text):
        """A recipe around a part: the nodes and flows that it speaks of, and what it leaves out."""
        if text.startswith("zloom:"):
            return text
        if not re.match(r"nodes:|flows:", text):
            return None
        if "nodes:" not in text:
            # A part with flows alone names nodes that stand elsewhere.
            text = ("nodes:\n  shop: {kind: poller, file: {path: in.jsonl}}\n"
                    "  charge: {kind: worker, run: [cat]}\n" + text)
        return HEAD + text

    def test_every_recipe_is_without_errors_and_warnings(self):
        seen = 0
        for document in DOCUMENTS:
            for number, text in enumerate(blocks(document, "yaml")):
                whole = self.whole(text)
                if whole is None:
                    continue
                seen += 1
                with self.subTest(document=document, block=number):
                    done = zloom("lint", self.write("recipe.yaml", whole))
                    self.assertEqual(done.returncode, 0, done.stdout)
                    self.assertIn("0 errors, 0 warnings", done.stdout)
        self.assertGreaterEqual(seen, 5)

    def test_a_recipe_with_a_mistake_is_seen(self):
        broken = blocks("README.md", "yaml")[0].replace("to: shout", "to: shuot")
        self.assertEqual(zloom("lint", self.write("recipe.yaml", broken)).returncode, 78)


class Readme(Case):
    def same(self, shown, printed):
        """Each line that is shown was printed, in this order; "…" stands for the rest of one."""
        rest = iter(printed.splitlines())
        for line in shown:
            self.assertTrue(any(line == got.rstrip() or
                                (line.endswith("…") and got.startswith(line[:-1]))
                                for got in rest),
                            f"'{line}' is not in\n{printed}")

    def test_hello_does_what_is_shown(self):
        recipe = self.write("hello.yaml", blocks("README.md", "yaml")[0])
        first, second = [session(text) for text in blocks("README.md", "")
                         if text.startswith("$ zloom")]
        (lint, shown), (run, _) = first
        self.assertEqual((lint, run), (["zloom", "lint", "hello.yaml"],
                                       ["zloom", "run", "hello.yaml"]))
        self.same([line.replace("hello.yaml", str(recipe)) for line in shown],
                  zloom("lint", recipe).stdout)
        self.run_topology(recipe)
        self.assertGreaterEqual(len(second), 3)
        for words, lines in second:
            with self.subTest(words=words):
                self.assertTrue(lines, "a command without what it prints")
                self.step(words, lines, recipe)
        self.assertEqual(self.stop(), 0)

    def step(self, words, lines, recipe):
        words = [str(recipe) if word == "hello.yaml" else word for word in words[1:]]
        done = zloom(*words) if words[0] == "explain" else self.ask(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.same(lines, done.stdout + done.stderr)
        if words[0] == "send":
            self.wait_flow("loud", lambda flow: flow["ready"] == 1)


class Workers(Case):
    """The Python workers that are shown, with the recipes that stand below them."""

    def start(self, document):
        script = next(text for text in blocks(document, "python") if "zloom.run(" in text)
        self.write("charge.py", script)
        part = next(text for text in blocks(document, "yaml") if "charge.py" in text)
        part = part.replace("dead_letter: failed",
                            "dead_letter: failed, retry: {failures: 3, backoff: [10ms]}")
        self.run_topology(self.write("recipe.yaml", HEAD + part))

    def bodies(self, flow):
        done = self.ask("tap", flow, "--waiting")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def send(self, *orders):
        done = self.ask("send", "orders", *[json.dumps(order) for order in orders])
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_worker_of_the_readme(self):
        self.start("README.md")
        self.send({"id": 1, "cents": 500}, {"id": 2, "cents": 0}, {"id": 3, "cents": 200000})
        self.wait_flow("orders", lambda flow: flow["acked"] == 2 and flow["dead"] == 1)
        counters = self.flows()["orders"]
        self.assertEqual(counters["failures"], 2)   # the one that was retried, the one rejected
        self.assertEqual(sorted(body["id"] for body in self.bodies("paid")), [1, 3])
        self.assertIn("an order must cost something", self.ask("dlq", "show", "failed").stdout)

    def test_the_worker_of_the_worker_manual(self):
        self.start("docs/workers.md")
        self.send({"id": 1, "cents": 500}, {"id": 2}, {"id": 3, "cents": 0})
        self.wait_flow("orders", lambda flow: flow["acked"] == 1 and flow["dead"] == 2)
        self.assertEqual(self.bodies("paid"), [{"id": 1, "paid": True}])
        shown = self.ask("dlq", "show", "failed").stdout
        self.assertIn("an order without a price", shown)
        self.assertIn("the price is not there yet", shown)


if __name__ == "__main__":
    unittest.main()
