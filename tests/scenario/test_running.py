# SPDX-License-Identifier: MPL-2.0
"""What an operator does with a topology that runs: look at it, stop it."""
import json
import os
import signal
import socket
import subprocess
import unittest

from topology import Case, ZLOOM, wait_for, zloom

SHOUT = """
nodes:
  shout: {kind: worker, run: [tr, a-z, A-Z], io: exec, replicas: 2,
          restart: {backoff: [20ms], budget: 5, within: 1m}}
  print: {kind: sink, file: {path: out.txt, fsync: batch}}
flows:
  words: {pattern: queue, from: external, to: shout, dead_letter: failed}
  loud: {pattern: queue, from: shout, to: print}
  failed: {pattern: queue, to: external}
"""
# A worker whose program does not end, and that will not be stopped before its time.
HANGS = """
nodes:
  slow: {kind: worker, run: [python3, -c, "import signal; signal.pause()"], io: exec}
flows:
  words: {pattern: queue, from: external, to: slow, lease: 1h}
"""


def control(folder, text, lines=1):
    """Say `text` to the control socket of a runtime folder, and give the lines of the answer."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(60)
        peer.connect(str(folder / "control"))
        try:
            peer.sendall(text)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        while answer.count(b"\n") < lines:
            try:
                chunk = peer.recv(65536)
            except ConnectionResetError:
                break
            if not chunk:
                break
            answer += chunk
    return [json.loads(line) for line in answer.splitlines()]


class Ps(Case):
    def units(self):
        done = self.ask("ps", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return {unit["unit"]: unit for unit in json.loads(done.stdout)["nodes"]}

    def test_every_process_with_its_life(self):
        self.run_topology(self.recipe(SHOUT))
        units = self.units()
        self.assertEqual(sorted(units), ["print", "router", "shout.1", "shout.2"])
        for name, unit in units.items():
            self.assertEqual((unit["state"], unit["pid"]), ("ready", self.pid(name)))
            self.assertGreater(unit["memory_bytes"], 1 << 20)
            self.assertEqual((unit["restarts"], unit["last_end"]), (0, None))
        os.kill(units["shout.2"]["pid"], signal.SIGKILL)
        again = wait_for("the worker is back", lambda: (
            lambda unit: unit if unit["starts"] == 2 and unit["state"] == "ready" else None)(
                self.units()["shout.2"]))
        self.assertEqual((again["restarts"], again["last_end"]), (1, "signal 9 (Killed)"))
        text = self.ask("ps")
        self.assertRegex(text.stdout, r"shout\.2 +worker +ready +\d+ .* 1 .*signal 9")
        self.assertIn(f"test is running, supervisor {self.process.pid}", text.stdout)
        lines = self.ask("ps", "-o", "jsonl").stdout.splitlines()
        self.assertEqual([json.loads(line)["kind"] for line in lines],
                         ["router", "sink", "worker", "worker"])

    def test_threads(self):
        self.run_topology(self.recipe(SHOUT), "--threads")
        self.assertEqual({(unit["state"], unit["pid"]) for unit in self.units().values()},
                         {("ready", None)})
        self.assertEqual(self.ask("down").returncode, 0)
        self.assertEqual(self.process.wait(timeout=60), 0)

    def test_by_recipe_and_by_name(self):
        recipe = self.recipe(SHOUT)
        home = {"XDG_STATE_HOME": str(self.folder / "home"), "XDG_RUNTIME_DIR": str(self.folder)}
        self.assertEqual(zloom("ps", env=home).returncode, 69)
        self.assertEqual(zloom("ps", "test", env=home).returncode, 69)
        with subprocess.Popen([ZLOOM, "run", recipe], env={**os.environ, **home},
                              stderr=subprocess.DEVNULL) as self.process:
            for words in ([], ["test"], [recipe]):
                wait_for("it answers", lambda w=words: zloom("ps", *w, env=home).returncode == 0)
            self.assertEqual(zloom("ps", "other", env=home).returncode, 69)
            self.assertEqual(zloom("down", recipe, env=home).returncode, 0)
            self.assertEqual(self.process.wait(timeout=60), 0)


class Down(Case):
    def test_it_drains_and_waits(self):
        self.run_topology(self.recipe(SHOUT))
        self.assertEqual(self.ask("send", "words", "hello").returncode, 0)
        self.wait_flow("loud", lambda f: f["acked"] == 1)
        done = self.ask("down", "-o", "json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout)["topology"], "test")
        self.assertFalse(json.loads(done.stdout)["by_force"])
        # It has ended, not only promised to.
        self.assertEqual(self.process.poll(), 0)
        self.assertIn("told to go down", self.said())
        self.assertFalse((self.state / "run" / "control").exists())
        self.assertEqual(self.ask("down").returncode, 69)

    def test_a_worker_that_hangs_is_ended_when_the_grace_is_over(self):
        self.run_topology(self.recipe(HANGS))
        self.assertEqual(self.ask("send", "words", "x").returncode, 0)
        self.wait_flow("words", lambda f: f["leased"] == 1)
        done = self.ask("down", "--grace", "300ms")
        self.assertEqual(done.returncode, 75, done.stderr)
        self.assertIn("ended by force", done.stderr)
        self.assertEqual(self.process.wait(timeout=60), 75)

    def test_now_does_not_wait_for_it(self):
        self.run_topology(self.recipe(HANGS))
        self.assertEqual(self.ask("send", "words", "x").returncode, 0)
        self.wait_flow("words", lambda f: f["leased"] == 1)
        with subprocess.Popen([ZLOOM, "down", "--state", self.state], stderr=subprocess.PIPE,
                              text=True) as first:
            wait_for("it drains", lambda: "told to go down" in self.said())
            self.assertEqual(json.loads(self.ask("ps", "-o", "json").stdout)["phase"], "draining")
            # Two who wait, and one who has no patience: all are told.
            done = self.ask("down", "--now")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(first.wait(timeout=60), 0)
        self.assertEqual(self.process.wait(timeout=60), 0)


class Socket(Case):
    def test_garbage_harms_nobody(self):
        self.run_topology(self.recipe(SHOUT))
        run = self.state / "run"
        for text, error in ((b"\x00\x01\x02\n", "MALFORMED"), (b"{\n", "MALFORMED"),
                            (b'{"verb":"dance"}\n', "UNSUPPORTED"),
                            (b'{"verb":"down","grace_ms":-1}\n', "INVALID"),
                            (b'{"verb":"down","grace_ms":"soon"}\n', "INVALID"),
                            (b'{"verb":"wait","for":7}\n', "INVALID"),
                            (b'{"verb":"wait","for":"ready","node":7}\n', "INVALID"),
                            (b'{"verb":"wait","for":"idle","node":"shout"}\n', "INVALID"),
                            (b'{"verb":"wait","for":"ready","node":"nobody"}\n', "NOT_FOUND"),
                            (b'{"verb":"stop"}\n', "INVALID"),
                            (b'{"verb":"stop","node":"' + b"x" * 9000 + b'"}\n', "NOT_FOUND"),
                            (b'{"verb":"start","node":"router"}\n', "INVALID"),
                            (b'{"verb":"scale","node":"shout","replicas":1e9}\n', "INVALID"),
                            (b'{"verb":"scale","node":"shout"}\n', "INVALID"),
                            (b'{"verb":"adopt","sets":[1]}\n', "INVALID"),
                            (b'{"verb":"adopt","sets":{"a":1}}\n', "INVALID"),
                            (b'{"verb":"adopt","sets":["nothing=1"]}\n', "RECIPE"),
                            (b'{"verb":"adopt","sets":[],"changed":[1]}\n', "INVALID"),
                            (b'{"verb":"settle"}\n', "INVALID"),
                            (b'{"verb":"settle","adopted":7}\n', "AGAIN"),
                            (b"[" * 60000 + b"\n", "MALFORMED"),
                            (b"a" * 200000, "TOO_BIG")):
            answers = control(run, text)
            # A peer that still writes may miss the answer; then it sees the end.
            self.assertTrue(len(text) > 65536 or answers, text[:20])
            for answer in answers:
                self.assertEqual((answer["ok"], answer["error"]), (False, error), text[:20])
        self.assertEqual(self.ask("ps").returncode, 0)
        self.assertNotIn("drain", self.said())
        self.assertEqual(self.stop(), 0)

    def test_a_socket_that_others_may_write_to_is_not_believed(self):
        self.run_topology(self.recipe(SHOUT))
        path = self.state / "run" / "control"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        path.chmod(0o666)
        done = self.ask("down")
        self.assertEqual(done.returncode, 77)
        self.assertIn("not to be trusted", done.stderr)
        path.chmod(0o600)
        self.assertEqual(self.ask("ps").returncode, 0)

    def test_a_killed_supervisor_leaves_a_socket_that_bothers_nobody(self):
        recipe = self.recipe(SHOUT)
        self.run_topology(recipe)
        pids = [self.pid(name) for name in ("router", "print", "shout.1", "shout.2")]
        self.process.kill()
        self.process.wait(timeout=60)
        self.assertTrue((self.state / "run" / "control").exists())
        for words in (["ps"], ["down"]):
            self.assertEqual(self.ask(*words).returncode, 69, words)
        wait_for("the nodes have drained by themselves",
                 lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
        self.run_topology(recipe)
        self.assertEqual(self.ask("ps").returncode, 0)


if __name__ == "__main__":
    unittest.main()
