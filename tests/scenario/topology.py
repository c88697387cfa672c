# SPDX-License-Identifier: MPL-2.0
"""A topology under test: a folder, a recipe in it, `zloom run` in the background, the command line.

Nothing here sleeps to hope: wait_for () asks until a condition holds or its deadline has passed.
"""
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BIN = pathlib.Path(os.environ.get("ZLOOM_BIN", "build/ci/bin")).resolve()
ZLOOM = str(BIN / "zloom")
DEADLINE_S = 60
# Each router fills five segments ahead: 80 MiB of a disk that all tests share, not 320.
SMALL = "defaults: {router: {journal: {hot: 64MiB, segment: 16MiB}}}\n"


def wait_for(what, condition, deadline_s=DEADLINE_S):
    """Ask until condition () is true, and give what it returned."""
    end = time.monotonic() + deadline_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s} s in vain: {what}")
        select.select([], [], [], 0.02)


def logged(state):
    """The end of what a topology in the background has logged."""
    path = pathlib.Path(state) / "logs" / "topology.log"
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else "no log"
    return "\n".join(text.splitlines()[-60:])


def zloom(*words, stdin=None, env=None):
    """Run the command line to its end."""
    words = [ZLOOM, *map(str, words)]
    try:
        return subprocess.run(words, input=stdin, capture_output=True, text=True,
                              timeout=DEADLINE_S, env={**os.environ, **(env or {})}, check=False)
    except subprocess.TimeoutExpired as error:
        state = words[words.index("--state") + 1] if "--state" in words else ""
        raise AssertionError(f"{error}\n{logged(state)}") from None


class Case(unittest.TestCase):
    """A test with a folder of its own, and topologies that are stopped at its end."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zloom-"))
        self.state = self.folder / "state"
        self.log = None
        self.runs = 0
        self.process = None
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.addCleanup(self.kill)

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def recipe(self, text, name="recipe.yaml"):
        small = "" if "defaults:" in text or "journal:" in text else SMALL
        return self.write(name, "zloom: 1\nname: test\n" + text.rstrip("\n") + "\n" + small)

    def run_topology(self, recipe, *words, ready=True):
        self.runs += 1
        self.log = self.folder / f"run{self.runs}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [ZLOOM, "run", str(recipe), "--state", str(self.state), *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if ready:
            wait_for("the topology is ready", lambda: " ready topology=" in self.said()
                     or self.process.poll() is not None)
            self.assertIsNone(self.process.poll(), self.said())

    def said(self):
        """What the newest run has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self):
        """Drain, and give the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=DEADLINE_S)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.stop()

    def ask(self, *words):
        return zloom(*words, "--state", self.state)

    def flows(self):
        done = self.ask("stats", "-o", "json")
        if done.returncode != 0:
            return {}
        return {flow["name"]: flow for flow in json.loads(done.stdout)["flows"]}

    def wait_flow(self, flow, condition):
        """Wait until condition (counters of the flow) is true."""
        def check():
            counters = self.flows().get(flow)
            return counters if counters and condition(counters) else None
        try:
            return wait_for(f"flow {flow}", check)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.flows()}\n{self.said()}") from None

    def pid(self, unit):
        return int((self.state / "run" / f"{unit}.pid").read_text(encoding="ascii"))
