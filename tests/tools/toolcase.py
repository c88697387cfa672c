# SPDX-License-Identifier: MPL-2.0
"""A small tree in a temporary folder, and a check from tools/ that is run on it."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools")


class ToolCase(unittest.TestCase):
    tool = ""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="zloom-tools-")
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def run_tool(self, *args):
        command = [sys.executable, os.path.join(TOOLS, self.tool), "--root", self.root, *args]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def assert_green(self):
        status, out = self.run_tool()
        self.assertEqual((status, " 0 errors" in out), (0, True), out)

    def assert_red(self, *texts):
        """The check fails, and says each of the texts."""
        status, out = self.run_tool()
        self.assertEqual(status, 1, out)
        for text in texts:
            self.assertIn(text, out)
