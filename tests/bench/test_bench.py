# SPDX-License-Identifier: MPL-2.0
"""The benches run, on sizes that mean nothing, and say what they promise to say.

    test_bench.py BUILD [BENCH[:CASE]...]      all benches, or those named
"""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import buses
import ground

HERE = pathlib.Path(__file__).resolve().parent
FIELDS = ["bench", "case", "value", "unit", "yardstick", "yardstick_value", "ratio", "runs", "min",
          "max"]
RATES = [f"{road}-{size}-{subscribers}-{pack}" for road in ("ipc", "tcp")
         for size in ("100B", "1KiB") for subscribers in (1, 8, 64) for pack in (1, 64, 256)]
LATENCIES = ["latency-ipc-p50", "latency-ipc-p99", "latency-tcp-p50", "latency-tcp-p99"]
# What keys cost the proxy is told beside what they cost zloom.
KEYED = ["curve-100B-256", "curve-100B-64", "curve-100B-1", "curve-1KiB-256"]
ALONE = ["wildcards-10000", "wildcards-10000-topics", "stalled-drop-oldest", "stalled-disconnect",
         "stalled-frozen", *KEYED, "curve-both-100B-256"]
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
    "bus": [*RATES, *LATENCIES, *ALONE],
}
PEERS = ("-nats", "-proxy")
BUILD = ""
NAMES = list(CASES)


def run(*words):
    return subprocess.run([HERE / "run", *words, "--build", BUILD, "--tiny"], capture_output=True,
                          text=True, timeout=500, check=False)


def beside(cases):
    """Each case of the bus beside nats as well, where that is installed."""
    for one in cases:
        if one in KEYED:
            yield f"{one}-proxy"
        elif one not in ALONE and shutil.which("nats-server"):
            yield f"{one}-nats"


def load_report():
    loader = importlib.machinery.SourceFileLoader("report", str(HERE / "report"))
    spec = importlib.util.spec_from_loader("report", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


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
        for words in NAMES:
            with self.subTest(bench=words):
                name, _, case = words.partition(":")
                done = run(name, "--case", case)
                self.assertEqual(done.returncode, 0, done.stderr)
                rows = [json.loads(line) for line in done.stdout.splitlines()]
                wanted = [one for one in CASES[name] if one.startswith(case)]
                wanted = [one for one in wanted if f" {one} is left out: " not in done.stderr]
                peers = [row["case"] for row in rows if row["case"].endswith(PEERS)]
                self.assertEqual([row["case"] for row in rows if row["case"] not in peers], wanted)
                self.assertEqual(peers, list(beside(wanted)) if name == "bus" else [])
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


# Takes the port that zmq_proxy would for this process, once, and becomes the program that is named.
TAKES = """import os, socket, sys
mark, port, program = sys.argv[1], 21000 + os.getpid() % 8000 * 2, sys.argv[2]
taken = socket.socket()
taken.set_inheritable(True)
if not os.path.exists(mark):
    open(mark, "w").close()
    taken.bind(("127.0.0.1", port))
    taken.listen()
os.execv(program, sys.argv[2:])
"""


class Ports(unittest.TestCase):
    def test_a_port_that_is_taken(self):
        options = argparse.Namespace(bin=pathlib.Path(BUILD) / "bin")
        with tempfile.TemporaryDirectory() as path:
            mark = os.path.join(path, "mark")
            result = buses.fanout(options, "proxy", "tcp", 512, 100, 1, 1,
                                  space=(sys.executable, "-c", TAKES, mark))
            self.assertTrue(os.path.exists(mark))
        self.assertGreater(result["rate"], 0)
        with socket.socket() as taken:
            port = ground.free_port()
            taken.bind(("127.0.0.1", port))
            taken.listen()
            self.assertNotEqual(ground.free_port(), port)
        self.assertLess(port, 20000)


class Page(unittest.TestCase):
    def test_page(self):
        done = subprocess.run([HERE / "report", "--check"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_page_of_a_bus(self):
        """Each figure once, beside its peers, whatever was measured."""
        def row(case, value):
            return {"bench": "bus", "case": case, "value": value, "unit": "events/s",
                    "yardstick": "y", "yardstick_value": value + 1, "ratio": value + 2, "runs": 3,
                    "min": value + 3, "max": value + 4}
        lines = list(load_report().bus([row("ipc-100B-8-64", 10), row("ipc-100B-8-64-nats", 20),
                                        row("tcp-1KiB-1-256", 30), row("latency-tcp-p99", 40),
                                        row("curve-100B-64", 50)]))
        for text in ("| 100B | 8 | 64 | **10** | 13 – 14 | 11 | 12 | 21 | 22 | 3 |",
                     "| 1KiB | 1 | 256 | **30** | 33 – 34 | 31 | 32 | – | – | 3 |",
                     "| tcp | p99 | **40** | 43 – 44 | 41 | 42 | – | – | 3 |",
                     "| `curve-100B-64` | **50** events/s | 53 – 54 | y | 51 | 52 | 3 |"):
            self.assertEqual(lines.count(text), 1, lines)
        self.assertEqual(sum(line.startswith("###") for line in lines), 4)


if __name__ == "__main__":
    if not os.path.isdir(sys.argv[1]):
        sys.exit(f"no build in {sys.argv[1]}")
    BUILD = sys.argv[1]
    NAMES = sys.argv[2:] or NAMES
    unittest.main(argv=sys.argv[:1])
