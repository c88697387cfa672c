# SPDX-License-Identifier: MPL-2.0
"""deploy/systemd: systemd accepts the unit without a word, and finds it well locked up.

Needs no running systemd: both checks read the file alone.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "..", "..", "deploy", "systemd")
UNIT = "zloom-node@.service"
# Exposure in tenths, as systemd-analyze counts it: 17 when this was written, 100 is an open door.
THRESHOLD = 20


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


class SystemdUnit(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(FOLDER, UNIT), encoding="utf-8") as file:
            self.text = file.read()

    def instance(self, text):
        """The unit with a program that exists in place of zloom, as instance `x`."""
        folder = tempfile.mkdtemp(prefix="zloom-unit-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, UNIT.replace("@", "@x"))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("/usr/bin/zloom ", shutil.which("true") + " "))
        return path

    def test_verify_says_nothing(self):
        done = run("systemd-analyze", "verify", self.instance(self.text))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_verify_goes_red_for_a_mistake(self):
        done = run("systemd-analyze", "verify", self.instance(self.text + "\n[Service]\nUsr=x\n"))
        self.assertIn("Usr", done.stdout + done.stderr)

    def security(self, text):
        return run("systemd-analyze", "security", "--no-pager", "--offline=true",
                   f"--threshold={THRESHOLD}", self.instance(text))

    def test_exposure(self):
        done = self.security(self.text)
        self.assertEqual(done.returncode, 0, done.stdout[-200:])

    def test_exposure_goes_red_without_the_filter(self):
        done = self.security(self.text.replace("SystemCallFilter=@system-service", ""))
        self.assertNotEqual(done.returncode, 0)

    def test_what_zeromq_needs(self):
        self.assertRegex(self.text, r"(?m)^LimitNOFILE=65536$")
        self.assertRegex(self.text, r"(?m)^MemoryMax=")
        self.assertNotRegex(self.text, r"(?m)^SystemCallErrorNumber=")

    def test_restart_matches_the_exit_codes_of_nodes(self):
        with open(os.path.join(HERE, "..", "..", "nodes", "node.h"), encoding="utf-8") as file:
            told = re.search(r"restart cannot heal \(([\d, ]+)\)", file.read()).group(1)
        unit = re.search(r"(?m)^RestartPreventExitStatus=(.*)$", self.text).group(1)
        self.assertEqual(unit.split(), told.replace(",", "").split())


if __name__ == "__main__":
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is not installed")
        sys.exit(77)
    unittest.main()
