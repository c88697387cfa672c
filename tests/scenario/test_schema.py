# SPDX-License-Identifier: MPL-2.0
"""`zloom schema` against what `zloom lint` says: editors take what zloom takes, see most slips."""
import glob
import json
import os
import re
import subprocess
import unittest

import jsonschema
import yaml

from topology import zloom

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# What a schema can know: shapes, words, types, required keys. Not names that refer to each other,
# ranges with units, or what a value becomes once ${…} is replaced.
SEEN = {"Z0201", "Z0202", "Z0203", "Z0204", "Z0205", "Z0207", "Z0209", "Z0210", "Z0214"}
# Lint says one of these, and why the schema does not see it.
UNSEEN = {
    "bus-bad-topics.yaml": "the form of one text",
    "bus-on-slow.yaml": "the form of one text",
    "bad-allow-code.yaml": "codes are not in the schema",
    "empty-flows.yaml": "flows may be those of fragments",
    "param-value.yaml": "what a param becomes where it is used",
    "router-listen.yaml": "the form of one text",
    "trap-home.yaml": "a path is any text",
    "use-params.yaml": "the params of other files",
}


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema, which editors use: `yes` and 1:30 are texts, and so is every key."""

    def construct_mapping(self, node, deep=False):
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789")):
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"),
                               list(first))
Core.add_constructor("tag:yaml.org,2002:int",
                     lambda loader, node: int(loader.construct_scalar(node), 0)
                     if re.match("0[ox]", node.value) else int(node.value))


def schema(*words):
    done = zloom("schema", *words)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


def codes(path):
    done = zloom("lint", path, "-o", "json")
    return {item["code"] for item in json.loads(done.stdout)
            if item["severity"] == "error" and item["file"] == path}


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.recipe = schema()
        cls.fragment = schema("--fragment")
        cls.validator = jsonschema.Draft202012Validator(cls.recipe)

    def errors(self, path, validator=None):
        with open(path, encoding="utf-8") as file:
            document = yaml.load(file, Loader=Core)
        return [error.message for error in (validator or self.validator).iter_errors(document)]

    def test_schemas_are_schemas(self):
        for one in (self.recipe, self.fragment):
            jsonschema.Draft202012Validator.check_schema(one)

    def test_recipes_of_the_repository_are_taken(self):
        paths = glob.glob(os.path.join(ROOT, "patterns", "**", "*.yaml"), recursive=True)
        paths.append(os.path.join(ROOT, "tests", "data", "shown", "whole.yaml"))
        self.assertGreater(len(paths), 2)
        for path in paths:
            with self.subTest(path=path):
                self.assertEqual(self.errors(path), [])

    def test_expanded_recipes_are_taken(self):
        path = os.path.join(ROOT, "tests", "data", "shown", "whole.yaml")
        done = zloom("expand", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        document = yaml.load(done.stdout, Loader=Core)
        self.assertEqual([error.message for error in self.validator.iter_errors(document)], [])

    def test_fragments_are_taken(self):
        validator = jsonschema.Draft202012Validator(self.fragment)
        path = os.path.join(ROOT, "tests", "data", "shown", "parts", "region.yaml")
        self.assertEqual(self.errors(path, validator), [])
        self.assertNotEqual(self.errors(path), [])  # it is no recipe

    def test_wrong_recipes_are_seen_as_far_as_a_schema_can(self):
        seen = taken = 0
        unseen = set()
        for path in sorted(glob.glob(os.path.join(ROOT, "tests", "data", "recipes", "*.yaml"))):
            said = codes(path)
            if {code for code in said if code.startswith("Z01")}:
                continue  # no YAML, or not what zloom takes of it
            name = os.path.basename(path)
            wrong = self.errors(path)
            with self.subTest(path=name, said=said):
                if not said:
                    self.assertEqual(wrong, [])
                    taken += 1
                elif said & SEEN and name not in UNSEEN:
                    self.assertNotEqual(wrong, [])
                    seen += 1
                elif said & SEEN:
                    unseen.add(name)
                    self.assertEqual(wrong, [], "it is seen: take it out of UNSEEN")
        self.assertGreater(seen, 20)
        self.assertGreater(taken, 1)
        self.assertEqual(unseen, set(UNSEEN))


class Drawings(unittest.TestCase):
    def test_graphviz_takes_dot(self):
        path = os.path.join(ROOT, "tests", "data", "shown", "whole.yaml")
        drawn = zloom("graph", path, "-o", "dot")
        done = subprocess.run(["dot", "-Tplain"], input=drawn.stdout, capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        edges = [line for line in done.stdout.splitlines() if line.startswith("edge ")]
        graph = json.loads(zloom("graph", path, "-o", "json").stdout)
        ends = sum(len(flow["from"]) + len(flow["to"]) + ("dead_letter" in flow)
                   for flow in graph["flows"])
        self.assertEqual(len(edges), ends)

    def test_an_unknown_form_is_told(self):
        path = os.path.join(ROOT, "tests", "data", "shown", "whole.yaml")
        done = zloom("graph", path, "-o", "svg")
        self.assertEqual(done.returncode, 2)
        self.assertIn("dot", done.stderr)


if __name__ == "__main__":
    unittest.main()
