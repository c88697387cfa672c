# SPDX-License-Identifier: MPL-2.0
"""bootstrap installs a package for each library that CMake looks for."""

import os
import re
import subprocess
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# pkg-config's names that are not in the package's own.
DEBIAN = {"libzmq": "libzmq3-dev", "msgpack": "libmsgpack-dev", "libcurl":
          "libcurl4-openssl-dev", "sqlite3": "libsqlite3-dev"}


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def package(module):
    """The Debian 12 package that has this module's .pc file."""
    name = module if module.startswith("lib") else f"lib{module}"
    return DEBIAN.get(module, f"{name}-dev")


class Packages(unittest.TestCase):
    def setUp(self):
        bootstrap = read("bootstrap")
        demo, test = (re.search(rf"packages_{kind}=\(([^)]*)\)", bootstrap).group(1).split()
                      for kind in ("demo", "test"))
        self.demo, self.all = set(demo), set(demo) | set(test)

    def test_each_library_has_its_package(self):
        calls = re.findall(r"pkg_(?:check|search)_modules?\s*\(\w+ REQUIRED IMPORTED_TARGET "
                           r"([^)]+)\)", read("cmake", "zloom.cmake"))
        self.assertGreaterEqual(len(calls), 5)
        for modules in calls:
            names = {package(module) for module in modules.split()}
            with self.subTest(modules=modules):
                wanted = self.all if "cmocka" in modules else self.demo
                self.assertTrue(names & wanted, f"none of {sorted(names)} in bootstrap")

    def test_help_and_unknown_words(self):
        script = os.path.join(ROOT, "bootstrap")
        for words, status in ((["--help"], 0), ([], 2), (["bogus"], 2), (["demo", "more"], 2)):
            with self.subTest(words=words):
                done = subprocess.run([script, *words], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, status)
                self.assertIn("bootstrap", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
