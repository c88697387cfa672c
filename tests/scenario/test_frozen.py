#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Routers that stand still, before they are asked or while they are, and what the others know."""
import json
import os
import select
import signal
import socket
import subprocess
import threading
import unittest

from topology import Case, DEADLINE_S, ZLOOM, wait_for

THREE = """
nodes:
  one:   {kind: router}
  two:   {kind: router}
  three: {kind: router}
  hears: {kind: sink, file: {path: out.txt}, restart: {backoff: [1h]}}
flows:
  first:  {pattern: queue, from: external, to: external, via: one}
  second: {pattern: queue, from: external, to: external, via: two}
  third:  {pattern: queue, from: external, to: external, via: three}
  events: {pattern: bus, from: external, to: [hears, external], via: three, dead_letter: dead}
  dead:   {pattern: queue, to: external, via: three}
"""
AGAIN = "what is there is left out (zloom why says why); ask again once it answers"


class Relay(threading.Thread):
    """A road to a router that stops its process when a word comes by, before it is heard."""

    def __init__(self, path, router, word, stop):
        super().__init__(daemon=True)
        self.router, self.word, self.stop = router, word, stop
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.ends = {}

    def accept(self):
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self.router))
        self.ends[client], self.ends[server] = (server, True), (client, False)

    def carry(self, end):
        other, asks = self.ends[end]
        try:
            data = end.recv(65536)
            if asks and self.word in data:
                self.stop()
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        for each in (end, other):
            self.ends.pop(each, None)
            each.close()

    def run(self):
        while True:
            ready, _, _ = select.select([self.listener, *self.ends], [], [])
            for end in ready:
                if end is self.listener:
                    self.accept()
                elif end in self.ends:
                    self.carry(end)


class Frozen(Case):
    def setUp(self):
        super().setUp()
        self.stopped = set()
        self.doors = self.state / "run" / "endpoint"
        self.run_topology(self.recipe(THREE))

    def kill(self):
        for name in list(self.stopped):
            self.thaw(name)
        super().kill()

    def freeze(self, name):
        os.kill(self.pid(name), signal.SIGSTOP)
        self.stopped.add(name)

    def thaw(self, name):
        self.stopped.discard(name)
        os.kill(self.pid(name), signal.SIGCONT)

    def freeze_when_asked(self, name, word):
        """It welcomes whoever comes, and stands still once it is asked this."""
        doors = self.doors.read_text(encoding="ascii").splitlines()
        at = next(i for i, door in enumerate(doors) if door.endswith(f"/{name}.sock"))
        road = self.folder / f"{name}.sock"
        Relay(road, doors[at].removeprefix("ipc://"), word, lambda: self.freeze(name)).start()
        doors[at] = f"ipc://{road}"
        self.doors.write_text("".join(f"{door}\n" for door in doors), encoding="ascii")

    def send(self, flow, *words):
        """Its id."""
        done = self.ask("send", flow, "x", "--name", "shop", "-o", "json", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return f"shop/{json.loads(done.stdout)['first_id']}"

    def named(self, done, *names):
        """Each of them has one line, and no other router has."""
        lines = done.stderr.splitlines()
        for name in ("one", "two", "three"):
            told = [line for line in lines if f"/{name}.sock" in line or f"'{name}'" in line]
            self.assertEqual(len(told), int(name in names), (name, done.stderr))
            self.assertTrue(all("once it answers" in line for line in told), told)

    def test_what_the_others_know_of_a_message_comes_at_once(self):
        one = self.send("third")
        self.freeze("one")
        with subprocess.Popen([ZLOOM, "trace", one, "--state", str(self.state)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asks:
            self.assertTrue(select.select([asks.stdout], [], [], DEADLINE_S)[0])
            self.assertIn("third, number 1: ", asks.stdout.readline())
            # It is waited for yet, and what it knows comes when it goes on.
            self.assertIsNone(asks.poll())
            self.thaw("one")
            _, said = asks.communicate(timeout=DEADLINE_S)
            self.assertEqual((asks.returncode, said), (0, ""))

    def test_who_does_not_come_is_named_and_missed(self):
        one = self.send("third")
        self.freeze("one")
        self.freeze("two")
        done = self.ask("trace", one)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("third, number 1: ", done.stdout)
        self.named(done, "one", "two")
        self.assertIn(AGAIN, done.stderr)
        done = self.ask("trace", one, "-o", "json")
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertEqual([row["flow"] for row in json.loads(done.stdout)["messages"]], ["third"])
        # What those that answer do not know may be known there.
        done = self.ask("trace", "shop/99")
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertNotIn("it never sent anything here", done.stdout)

    def test_who_stands_still_while_it_is_asked(self):
        self.assertEqual(self.ask("pause", "hears").returncode, 0)
        one = self.send("events", "--topic", "a.b")
        self.freeze_when_asked("one", b"trace")
        self.freeze_when_asked("two", b"trace")
        done = self.ask("trace", one, "--receipts", "-o", "json")
        self.assertEqual(done.returncode, 69, done.stderr)
        messages = json.loads(done.stdout)["messages"]
        self.assertEqual([row["flow"] for row in messages], ["events"])
        self.assertEqual([row["group"] for row in messages[0]["receipts"]], ["hears"])
        self.named(done, "one", "two")

    def test_what_is_shown_is_less_than_all(self):
        self.freeze_when_asked("one", b"stats")
        done = self.ask("stats", "-o", "json")
        self.assertEqual(done.returncode, 69, done.stderr)
        flows = json.loads(done.stdout)["flows"]
        self.assertEqual({flow["name"] for flow in flows}, {"second", "third", "events", "dead"})
        self.named(done, "one")

    def test_a_flow_is_found_past_one_that_stands_still(self):
        self.freeze_when_asked("one", b"group ls")
        for words in (["send", "third", "x"], ["stats", "third"], ["trace", "third", "1"]):
            done = self.ask(*words)
            self.assertEqual((done.returncode, words), (0, words), done.stderr)
            self.assertNotIn("answer", done.stderr)
            wait_for("it was asked", lambda: "one" in self.stopped)
            self.thaw("one")

    def test_a_node_is_paused_past_one_that_stands_still(self):
        self.freeze_when_asked("one", b"peer pause")
        done = self.ask("pause", "hears")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("hears takes no more", done.stderr)
        self.named(done, "one")
        self.thaw("one")
        os.kill(self.pid("hears"), signal.SIGKILL)
        wait_for("its session ends", lambda: "hears" not in {
            each["name"]
            for each in json.loads(self.ask("stats", "-o", "json").stdout)["sessions"]})
        done = self.ask("pause", "hears")
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("no router that answers has a session with 'hears'", done.stderr)
        self.named(done, "one")

    def test_a_flow_that_may_be_on_one_that_stands_still(self):
        self.freeze("one")
        done = self.ask("send", "first", "x")
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("no router that answers has a flow 'first'", done.stderr)
        self.named(done, "one")
        self.thaw("one")
        self.freeze_when_asked("one", b"group ls")
        done = self.ask("send", "first", "x")
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("no router that answers has a flow 'first'", done.stderr)
        self.named(done, "one")


if __name__ == "__main__":
    unittest.main()
