#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""`zloom top`: on a terminal it draws, follows its size and leaves cleanly; elsewhere it prints."""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import termios
import time
import unittest

import topology


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, words, env, rows=12, columns=90):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(words[0], words, {**os.environ, **env})
        self.before = termios.tcgetattr(self.fd)
        self.text = ""

    def read_until(self, what, condition):
        end = time.monotonic() + topology.DEADLINE_S
        while not condition(self.text):
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain: {what}\n{self.text[-2000:]!r}")
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode()
                except OSError:
                    break
        if not condition(self.text):
            raise AssertionError(f"it ended before: {what}\n{self.text[-2000:]!r}")

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self):
        self.read_until("it leaves the screen", lambda text: text.endswith("\x1b[?1049l"))
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


class Top(topology.Case):
    def setUp(self):
        super().setUp()
        self.write("w.py", "import sys\n"
                           "for line in sys.stdin:\n    print(line, end='', flush=True)\n")
        self.run_topology(self.recipe("""nodes:
  work: {kind: worker, run: [python3, w.py]}
flows:
  jobs: {pattern: queue, from: external, to: work, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""))

    def terminal(self, **env):
        return Terminal([topology.ZLOOM, "top", "--state", str(self.state), "--interval", "200ms"],
                        {"NO_COLOR": "", **env})

    def test_printed_once(self):
        done = self.ask("top", "--interval", "100ms")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("\x1b", done.stdout)
        for word in ("router: 2 flows", "jobs", "dead", "work", "worker", "ready"):
            self.assertIn(word, done.stdout)

    def test_printed_as_json(self):
        done = self.ask("top", "--interval", "100ms", "-n", "3", "-o", "jsonl")
        self.assertEqual(done.returncode, 0, done.stderr)
        looks = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(looks), 3)
        self.assertEqual([flow["name"] for flow in looks[0]["flows"]], ["jobs", "dead"])
        nodes = {node["name"]: node for node in looks[0]["nodes"]}
        self.assertEqual(nodes["work"]["state"], "ready")
        self.assertEqual(nodes["work"]["pid"], self.pid("work"))
        json.loads(self.ask("top", "--interval", "100ms", "-o", "json").stdout)
        self.assertEqual(self.ask("top", "-n", "2", "-o", "json").returncode, 2)
        self.assertEqual(self.ask("top", "--interval", "1ms").returncode, 2)

    def test_rates_move(self):
        self.assertEqual(self.ask("send", "jobs", *map(str, range(50))).returncode, 0)
        self.wait_flow("jobs", lambda flow: flow["acked"] == 50)
        done = self.ask("top", "--interval", "100ms", "-o", "json")
        self.assertEqual(json.loads(done.stdout)["flows"][0]["acked"], 50)

    def test_drawn_and_left_by_a_key(self):
        terminal = self.terminal()
        terminal.read_until("two drawings", lambda text: text.count("\x1b[H") >= 2)
        self.assertTrue(terminal.text.startswith("\x1b[?1049h\x1b[?25l"))
        self.assertIn("\x1b[1mflow", terminal.text)
        self.assertIn("jobs", terminal.text)
        os.write(terminal.fd, b"xq")
        self.assertEqual(terminal.end(), 0)
        self.assertEqual(termios.tcgetattr(terminal.fd), terminal.before)

    def test_a_signal_leaves_as_cleanly(self):
        for how in (signal.SIGTERM, None):
            terminal = self.terminal()
            terminal.read_until("a drawing", lambda text: "\x1b[H" in text)
            if how:
                os.kill(terminal.pid, how)
            else:
                os.write(terminal.fd, b"\x03")
            self.assertEqual(terminal.end(), 0)

    def test_size_and_colour(self):
        terminal = self.terminal(NO_COLOR="1")
        terminal.read_until("a drawing", lambda text: "\x1b[H" in text)
        self.assertNotIn("\x1b[1m", terminal.text)
        terminal.resize(6, 20)
        terminal.text = ""

        def small(text):
            """The last screen that is whole fits: six rows, and the last column stays free."""
            screens = text.split("\x1b[H")[1:-1]
            lines = screens[-1].replace("\x1b[K", "").replace("\x1b[J", "").split("\r\n") \
                if screens else [" " * 20]
            return len(lines) <= 6 and max(map(len, lines)) < 20
        terminal.read_until("a drawing of six rows", small)
        self.assertIn("flow     ", terminal.text)
        os.write(terminal.fd, b"q")
        self.assertEqual(terminal.end(), 0)

    def test_without_a_topology(self):
        self.assertEqual(self.stop(), 0)
        self.assertEqual(self.ask("top").returncode, 69)


if __name__ == "__main__":
    unittest.main()
