# SPDX-License-Identifier: MPL-2.0
"""docs/architecture.md speaks of the layers and files that there are."""

import os
import re
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def layers():
    """{layer: (folder, layers that it uses)} as CMake has it."""
    calls = re.findall(r"zloom_layer \((\w+) DIR (\S+?)(?:\s+USES ([\w\s]+?))?(?: LIBS [^)]*)?\)",
                       read("CMakeLists.txt"))
    return {name: (folder, set(uses.split())) for name, folder, uses in calls}


def table(text):
    """{layer: (folder, layers that it may use)} as the page has it."""
    rows = re.findall(r"(?m)^\| ([a-z]+) \| (\S+) \| [^|]+ \| ([^|]+) \|", text)
    return {name: (folder, set(re.findall(r"[a-z]+", uses.replace(".h", ""))))
            for name, folder, uses in rows if name != "layer"}


class Architecture(unittest.TestCase):
    def setUp(self):
        self.text = read("docs", "architecture.md")

    def test_the_table_of_layers_is_that_of_cmake(self):
        built = layers()
        told = table(self.text)
        kinds = {"router", "worker", "sink", "poller", "forwarder"}   # one row for the five
        self.assertGreater(len(told), 10)
        self.assertEqual(told, {name: built[name] for name in set(built) - kinds})
        self.assertLessEqual(kinds, set(built))

    def test_every_file_that_is_named_is_there(self):
        files = {name for folder in ("lib", "nodes", "patterns", "tests")
                 for _, _, names in os.walk(os.path.join(ROOT, folder)) for name in names}
        named = re.findall(r"`([\w/]+\.(?:c|h|def))`", self.text)
        self.assertGreater(len(named), 15)
        for name in named:
            there = os.path.exists(os.path.join(ROOT, name)) if "/" in name else name in files
            self.assertTrue(there, name)


if __name__ == "__main__":
    unittest.main()
