# SPDX-License-Identifier: MPL-2.0
"""What the command line says to a router, and what it makes of the answers: the router is a stub
that was written from docs/protocol.md, so that both sides of ADMIN are held to it."""
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

import msgpack
import zmq

from peer import BYE, HELLO, PING, WELCOME

ADMIN, ANSWER = 50, 51
ROWS = [
    {"key": b"c-7", "state": "stuck", "seq": 12, "failures": 5, "behind": 3,
     "reason": "failures: the bank is busy\nsecond line"},
    {"key": b"c-8", "state": "parked", "seq": 14, "failures": 5, "behind": 0, "reason": "crash"},
    {"key": b"\xff\x00", "state": "waiting", "seq": 15, "failures": 1, "behind": 1, "reason": ""},
]


class Router:
    """Welcomes everybody and answers ADMIN by `answers`: (command, args) → (code, text, result)."""

    def __init__(self, folder, answers):
        self.answers, self.asked = answers, []
        run = pathlib.Path(folder) / "run"
        run.mkdir(mode=0o700)
        endpoint = f"ipc://{run}/router.sock"
        (run / "endpoint").write_text(endpoint, encoding="ascii")
        self.lock = open(run / "topology.lock", "wb")  # held: somebody runs here
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(endpoint)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while not self.stop.is_set():
            if not self.socket.poll(50):
                continue
            route, head = self.socket.recv_multipart()[:2]
            verb = msgpack.unpackb(head)
            if verb[0] == HELLO:
                flows = [[i, line[0], None, None, "queue", None, 1, 0]
                         for i, line in enumerate(verb[6])]
                self.say(route, WELCOME, 1, 1, 1000, 4, [4194304, 6291456, 6291456],
                         ["router", b"\0" * 16, 1], flows)
            elif verb[0] == ADMIN:
                self.asked.append((verb[2], verb[3]))
                code, text, result = self.answers(verb[2], verb[3])
                self.say(route, ANSWER, verb[1], code, text, False, result)
            elif verb[0] not in (PING, BYE):
                self.asked.append(verb)

    def say(self, route, *verb):
        self.socket.send_multipart([route, msgpack.packb(verb)])

    def close(self):
        self.stop.set()
        self.thread.join()
        self.socket.close()
        self.lock.close()


class Flow(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="zloom-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def router(self, answers):
        router = Router(self.folder, answers)
        self.addCleanup(router.close)
        return router

    def zloom(self, *words):
        return subprocess.run([ZLOOM, *words, "--state", self.folder], capture_output=True,
                              text=True, timeout=20, check=False)

    @staticmethod
    def pages(command, args):
        """Two keys a page at most; `next` is the number to go on at."""
        assert command == "flow parked"
        rows = [row for row in ROWS if row["seq"] >= args["from"]][:min(args["max"], 2)]
        last = not rows or rows[-1] is ROWS[-1]
        return None, None, {"keys": rows, "next": -1 if last else rows[-1]["seq"] + 1}

    def test_parked_asks_page_by_page(self):
        router = self.router(self.pages)
        done = self.zloom("flow", "parked", "orders")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 4, done.stdout)
        self.assertRegex(lines[0], r"^key +state +behind +failures +last cause$")
        self.assertRegex(lines[1], r"^c-7 +stuck +3 +5 +failures: the bank is busy$")
        self.assertRegex(lines[2], r"^c-8 +parked +0 +5 +crash$")
        self.assertRegex(lines[3], r'^\{"base64":"/wA="\} +waiting +1 +1')
        self.assertEqual(router.asked, [
            ("flow parked", {"flow": "orders", "from": 0, "max": 500}),
            ("flow parked", {"flow": "orders", "from": 15, "max": 500})])

    def test_parked_as_json_and_at_most(self):
        router = self.router(self.pages)
        rows = json.loads(self.zloom("flow", "parked", "orders", "-o", "json").stdout)
        self.assertEqual([row["key"] for row in rows], ["c-7", "c-8", {"base64": "/wA="}])
        self.assertEqual(rows[0]["behind"], 3)
        router.asked.clear()
        done = self.zloom("flow", "parked", "orders", "-o", "jsonl", "--max", "1")
        self.assertEqual([json.loads(line)["key"] for line in done.stdout.splitlines()], ["c-7"])
        self.assertEqual([args["max"] for _, args in router.asked], [1])

    def test_release_names_the_key_in_bytes(self):
        router = self.router(lambda command, args: (None, None, {"released": 1}))
        done = self.zloom("flow", "release", "orders", "--key", "c-7")
        self.assertEqual((done.returncode, done.stdout), (0, "key c-7 goes on\n"), done.stderr)
        done = self.zloom("flow", "release", "orders", "--key", "c-7", "--skip", "-o", "jsonl")
        self.assertEqual(json.loads(done.stdout), {"released": 1})
        self.assertEqual(router.asked, [
            ("flow release", {"flow": "orders", "key": b"c-7", "skip": False}),
            ("flow release", {"flow": "orders", "key": b"c-7", "skip": True})])

    def test_the_routers_no_is_told(self):
        self.router(lambda command, args: ("NOT_FOUND", "no message of this key waits", None))
        for words in (["parked", "orders"], ["release", "orders", "--key", "c-7"]):
            done = self.zloom("flow", *words)
            self.assertEqual(done.returncode, 1)
            self.assertIn("no message of this key waits", done.stderr)

    def test_words_that_do_not_fit_are_usage_errors(self):
        for words in ([], ["parked"], ["release", "orders"], ["eat", "orders"],
                      ["release", "orders", "--key", "a", "--skip", "--retry"],
                      ["parked", "orders", "--key", "a"]):
            self.assertEqual(self.zloom("flow", *words).returncode, 2, words)


if __name__ == "__main__":
    ZLOOM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
