# SPDX-License-Identifier: MPL-2.0
"""The benches run, on sizes that mean nothing, and say what they promise to say.

    test_bench.py BUILD [NAME...]      all benches, or those named
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
FIELDS = ["bench", "case", "value", "unit", "yardstick", "yardstick_value", "ratio", "runs", "min",
          "max"]
CASES = {
    "raw": ["zmq-ipc-1", "zmq-ipc-64", "zmq-ipc-256", "zmq-tcp-1", "zmq-tcp-64", "zmq-tcp-256",
            "sync-4KiB", "sync-64KiB", "sync-256KiB", "sync-1MiB", "memcpy"],
    "journal": ["100B-1", "100B-64", "100B-4096", "1KiB-1", "1KiB-64", "1KiB-4096"],
    "queue": ["disk-100B-batched", "disk-100B-single", "disk-1KiB-batched", "memory-100B-batched",
              "disk-100B-batched-tcp", "disk-1KiB-batched-tcp", "memory-100B-batched-tcp",
              "disk-latency-p50", "disk-latency-p99", "memory-latency-p50", "memory-latency-p99"],
    "slow-disk": ["memory-p50"],
    "idle": ["memory", "cpu", "ready-first", "ready-again"],
    "backlog": ["rate", "memory", "reopen"],
    "cold": ["live-p99", "catch-up"],
}
BUILD = ""
NAMES = list(CASES)


def run(*words):
    return subprocess.run([HERE / "run", *words, "--build", BUILD, "--tiny"], capture_output=True,
                          text=True, timeout=120, check=False)


class Output(unittest.TestCase):
    def check_row(self, name, row):
        self.assertEqual(list(row), FIELDS)
        self.assertEqual(row["bench"], name)
        self.assertGreater(row["runs"], 0)
        self.assertLessEqual(row["min"], row["value"])
        self.assertLessEqual(row["value"], row["max"])
        self.assertTrue(row["unit"] and row["yardstick"])
        if row["yardstick_value"]:
            self.assertAlmostEqual(row["ratio"], row["value"] / row["yardstick_value"],
                                   delta=0.01 * row["ratio"] + 1e-9)
        else:
            self.assertIsNone(row["ratio"])

    def test_lines(self):
        for name in NAMES:
            with self.subTest(bench=name):
                done = run(name)
                self.assertEqual(done.returncode, 0, done.stderr)
                rows = [json.loads(line) for line in done.stdout.splitlines()]
                self.assertEqual([row["case"] for row in rows], CASES[name])
                for row in rows:
                    self.check_row(name, row)

    def test_one_case(self):
        done = run("raw", "--case", "memcpy")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 1)

    def test_unknown_case(self):
        done = run("raw", "--case", "nonsense")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("has no case nonsense", done.stderr)


class Page(unittest.TestCase):
    def test_page(self):
        done = subprocess.run([HERE / "report", "--check"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    if not os.path.isdir(sys.argv[1]):
        sys.exit(f"no build in {sys.argv[1]}")
    BUILD = sys.argv[1]
    NAMES = sys.argv[2:] or NAMES
    unittest.main(argv=sys.argv[:1])
