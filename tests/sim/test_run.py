#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""tests/sim/run goes on behind the last seed of its log, sums the log up, and notes what broke."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

RUN = pathlib.Path(__file__).with_name("run")
SIM = sys.argv.pop(1)


class Run(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def run_script(self, *words, sim=SIM):
        return subprocess.run([RUN, "--state", self.folder.name, "--sim", sim, *words],
                              capture_output=True, text=True, check=False)

    def log(self):
        lines = pathlib.Path(self.folder.name, "log.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def test_seeds_follow_each_other(self):
        self.assertEqual(0, self.run_script("--seeds", "2").returncode)
        self.assertEqual(0, self.run_script("--crashes", "100").returncode)
        first, second = self.log()[:2]
        self.assertEqual(first["last_seed"] + 1, second["first_seed"])
        self.assertEqual(2, first["last_seed"] - first["first_seed"] + 1)
        points = sum(entry["crash_points"] for entry in self.log())
        self.assertGreaterEqual(points, 100)
        total = self.run_script("--total").stdout
        self.assertRegex(total, rf"crash_points\s+{points:,}\n")

    def test_given_seeds(self):
        self.assertEqual(0, self.run_script("--seeds", "1", "--from", "3").returncode)
        self.assertEqual((3, 3), (self.log()[0]["first_seed"], self.log()[0]["last_seed"]))

    def test_worlds_with_bridges(self):
        bridge = str(pathlib.Path(SIM).with_name("simbridge"))
        done = self.run_script("--of", "simbridge", "--seeds", "2", sim=bridge)
        self.assertEqual(0, done.returncode, done.stderr)
        total = self.run_script("--of", "simbridge", "--total").stdout
        self.assertRegex(total, r"carried\s+[1-9]")
        self.assertFalse(pathlib.Path(self.folder.name, "log.jsonl").exists())

    def test_a_broken_seed_is_noted(self):
        """A program that dies as an assertion makes it die."""
        dies = pathlib.Path(self.folder.name, "dies")
        dies.write_text("#!/bin/sh\necho 'sim: seed 1000007, replay: ...' >&2\nkill -ABRT $$\n")
        dies.chmod(0o755)
        self.assertEqual(1, self.run_script("--seeds", "50", sim=str(dies)).returncode)
        entry = self.log()[0]
        self.assertFalse(entry["ok"])
        self.assertEqual(1000007, entry["last_seed"])
        self.assertIn("seed 1000007", self.run_script("--total").stdout)


if __name__ == "__main__":
    unittest.main()
