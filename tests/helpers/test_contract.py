# SPDX-License-Identifier: MPL-2.0
"""One contract, three languages: what a node says to a child and hears from it.

Each class below runs the same tests with the same worker (workers/worker.*) written in its own
language. The frames are packed and read by python3-msgpack, not by any of the helpers.
"""
import fcntl
import os
import pathlib
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

import msgpack

HELPERS = os.environ["ZLOOM_HELPERS"]
WORKERS = pathlib.Path(__file__).resolve().parent / "workers"
READY, WORK, STARTED, PROGRESS, DONE = 1, 2, 3, 4, 5
ACK, RETRY, REJECT = 0, 1, 2
PATIENCE = 60  # seconds until a test gives up on a child


def short(array):
    """nil and missing are the same at an array's end."""
    while array and array[-1] is None:
        array = array[:-1]
    return array


def message(number, body):
    return [number, "in", 2, body, b"k\xc3\xa9y", "t.u", {"source": "shop"}, 1700000000000,
            f"shop/{number}", True]


class Child:
    """A worker in its own process, and this end of its descriptors 3 and 4."""

    def __init__(self, argv, **env):
        to_child, self.to = os.pipe()
        self.at, from_child = os.pipe()
        self.said = tempfile.TemporaryFile()
        # Out of the way first: each may be the number of the other's place.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_child, from_child)]

        def place():
            for place_at, fd in enumerate(high, 3):
                os.dup2(fd, place_at)

        self.process = subprocess.Popen(
            argv,
            preexec_fn=place, pass_fds=(3, 4), stdin=subprocess.DEVNULL, stdout=self.said,
            stderr=self.said, cwd=WORKERS,
            env={**os.environ, "PYTHONPATH": HELPERS, "NODE_PATH": HELPERS,
                 "PYTHONDONTWRITEBYTECODE": "1", **env})
        for fd in (to_child, from_child, *high):
            os.close(fd)
        self.bytes = b""

    def write(self, data):
        while data:
            data = data[os.write(self.to, data):]

    def say(self, frame):
        packed = msgpack.packb(frame)
        self.write(struct.pack(">I", len(packed)) + packed)

    def hello(self, version=1):
        self.say([READY, version, "work", ["in"], ["out"], 64, "a later version's"])

    def more(self):
        ready, _, _ = select.select([self.at], [], [], PATIENCE)
        if not ready:
            raise AssertionError("nothing came from the child")
        data = os.read(self.at, 65536)
        self.bytes += data
        return data

    def hear(self):
        """The next frame; None at the end."""
        while len(self.bytes) < 4 or len(self.bytes) < 4 + struct.unpack(">I", self.bytes[:4])[0]:
            if not self.more():
                return None
        size = struct.unpack(">I", self.bytes[:4])[0]
        frame = msgpack.unpackb(self.bytes[4:4 + size], strict_map_key=False)
        self.bytes = self.bytes[4 + size:]
        return frame

    def close_input(self):
        if self.to is not None:
            os.close(self.to)
            self.to = None

    def end(self):
        """Its exit code, and what it said for people."""
        self.close_input()
        code = self.process.wait(PATIENCE)
        self.said.seek(0)
        return code, self.said.read().decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close_input()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.at)
        self.said.close()


class Contract:
    """The tests; `argv` is the language's own."""

    argv = ()
    one_by_one = False  # it takes one message at a time, whatever MOST says
    wrong = "no such thing"  # what is said of a handler that went wrong
    exits = 3  # how the process ends when its handler ends it

    def child(self, **env):
        return Child(self.argv, **env)

    def started(self, child):
        child.hello()
        frame = child.hear()
        self.assertEqual(frame[:2], [READY, 1])
        return frame[2] if len(frame) > 2 else None

    def verdict(self, child, body, number=1):
        """Give one message; the marks before its verdict, and the verdict with nil filled in."""
        child.say([WORK, [message(number, body)]])
        marks = []
        while True:
            frame = child.hear()
            self.assertIsNotNone(frame, "the child is gone")
            if frame[0] == DONE:
                break
            marks.append(frame)
        self.assertEqual(len(frame[1]), 1)
        verdict = (frame[1][0] + [None] * 5)[:5]
        verdict[4] = [short(emit) for emit in verdict[4] or []]
        self.assertEqual(verdict[0], number)
        self.assertEqual(marks[0], [STARTED, [number]])
        return marks[1:], verdict[1:]

    def test_verdicts_and_emits(self):
        whole = [b"x", "out", "a.b", b"k", {"source": "s"}, 1500, 60000, 0, b"order-1"]
        table = (
            (b"nothing", [ACK, None, None, []]),
            (b"echo hello", [ACK, None, None, [[b"hello"]]]),
            (b"echo \x00\n\xff'\"$x\\ \n", [ACK, None, None, [[b"\x00\n\xff'\"$x\\ \n"]]]),
            (b"echo ", [ACK, None, None, [[b""]]]),
            (b"json", [ACK, None, None, [['{"a":[1,null,"ä"]}'.encode()]]]),
            (b"several", [ACK, None, None, [[b"a"], [b"b"], [b"c"]]]),
            (b"emit", [ACK, None, None, [whole, [b"y"] + [None] * 6 + [9]]]),
            (b"large", [ACK, None, None, [[b"x" * 200000]]]),
            (b"huge", [REJECT, None, "it emits more than one step may have", []]),
            (b"retry", [RETRY, None, "not now", []]),
            (b"retry-in", [RETRY, 500, "later", []]),
            (b"reject", [REJECT, None, "never", []]),
            (b"unheard of", [REJECT, None, "what is 'unheard of'?", []]),
        )
        with self.child() as child:
            self.started(child)
            for number, (body, wanted) in enumerate(table, 1):
                marks, verdict = self.verdict(child, body, number)
                self.assertEqual(marks, [], body)
                self.assertEqual(verdict, wanted, body)
            self.assertEqual(child.end()[0], 0)

    def test_a_handler_knows_its_message(self):
        with self.child() as child:
            self.started(child)
            _, verdict = self.verdict(child, b"describe", 7)
            self.assertEqual(verdict[3], [["in|2|kéy|t.u|shop/7|1700000000000|1|shop".encode()]])

    def test_what_goes_wrong_in_a_handler_is_a_retry_that_says_what(self):
        for body, word in ((b"wrong", self.wrong), (b"bad-emit", "priority")):
            with self.child() as child:
                self.started(child)
                _, verdict = self.verdict(child, body)
                self.assertEqual(verdict[:2], [RETRY, None], body)
                self.assertIn(word, verdict[2])
                self.assertLessEqual(len(verdict[2].encode()), 4096)
                self.assertFalse(verdict[3])
                _, verdict = self.verdict(child, b"echo alive", 2)
                self.assertEqual(verdict[3], [[b"alive"]])

    def test_progress_is_told_before_the_verdict(self):
        with self.child() as child:
            self.started(child)
            marks, verdict = self.verdict(child, b"progress", 3)
            self.assertEqual([mark[:2] for mark in marks], [[PROGRESS, [3]], [PROGRESS, [3]]])
            self.assertEqual([(mark + [None])[2] for mark in marks], [None, 1500])
            self.assertEqual(verdict[3], [[b"done"]])

    def test_what_is_printed_is_no_frame(self):
        with self.child() as child:
            self.started(child)
            self.assertEqual(self.verdict(child, b"say")[1][0], ACK)
            code, said = child.end()
            self.assertEqual(code, 0)
            self.assertIn("for people\n", said)
            self.assertIn("for people, too\n", said)

    def test_credit_is_what_ready_says(self):
        with self.child(MOST="3") as child:
            self.assertEqual(self.started(child), 1 if self.one_by_one else 3)

    def test_a_batch_is_handled_in_order_each_by_itself(self):
        with self.child() as child:
            most = self.started(child) or 64
            left = list(enumerate((b"echo a", b"retry", b"several", b"echo b", b"reject"), 1))
            in_hand, marks, verdicts = 0, [], []
            while len(verdicts) < 5:
                batch, left = left[:most - in_hand], left[most - in_hand:]
                in_hand += len(batch)
                if batch:
                    child.say([WORK, [message(number, body) for number, body in batch]])
                frame = child.hear()
                if frame[0] == STARTED:
                    marks += frame[1]
                else:
                    self.assertEqual(frame[0], DONE)
                    in_hand -= len(frame[1])
                    verdicts += [(verdict[0], verdict[1]) for verdict in frame[1]]
                # Nothing is started before the one before it is done: a crash charges one.
                self.assertLessEqual(len(marks) - len(verdicts), 1)
            self.assertEqual(marks, [1, 2, 3, 4, 5])
            self.assertEqual(verdicts, [(1, ACK), (2, RETRY), (3, ACK), (4, ACK), (5, REJECT)])

    def test_a_crash_comes_after_its_mark_and_without_a_verdict(self):
        for body, code in ((b"exit", self.exits), (b"die", -signal.SIGKILL)):
            with self.child() as child:
                self.started(child)
                child.say([WORK, [message(9, body)]])
                self.assertEqual(child.hear(), [STARTED, [9]])
                self.assertIsNone(child.hear(), body)
                self.assertEqual(child.end()[0], code)

    def test_a_frame_that_is_none_ends_it(self):
        for data in (b"\x00\x00\x00\x01\xc1", b"\x00\x00\x00\x02\x01\x01",
                     b"\x00\x00\x00\x03\x92\x02\x91", b"\x00\x00\x00\x09\x92\x02"):
            with self.child() as child:
                self.started(child)
                child.write(data)
                code, said = child.end()
                self.assertIsNone(child.hear(), data)
                self.assertNotEqual(code, 0, data)
                self.assertGreater(code, 0, data)
                self.assertNotEqual(said, "", data)

    def test_another_version_is_refused(self):
        with self.child() as child:
            child.hello(version=2)
            code, said = child.end()
            self.assertGreater(code, 0)
            self.assertIn("version", said)

    def test_the_end_of_input_ends_it(self):
        with self.child() as child:
            self.started(child)
            self.assertEqual(child.end(), (0, ""))

    def test_what_was_taken_is_finished(self):
        with self.child() as child:
            self.started(child)
            child.say([WORK, [message(1, b"progress")]])
            child.close_input()
            frames = []
            while (frame := child.hear()):
                frames.append(frame)
            self.assertEqual(frames[-1][0], DONE)
            self.assertEqual(child.end()[0], 0)

    def test_it_says_so_when_no_node_has_started_it(self):
        env = {**os.environ, "PYTHONPATH": HELPERS, "NODE_PATH": HELPERS, "MOST": "1"}
        done = subprocess.run(self.argv, cwd=WORKERS, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE,
                              check=False, text=True)
        self.assertGreater(done.returncode, 0)
        self.assertIn("descriptors 3 and 4", done.stderr)


class Python(Contract, unittest.TestCase):
    argv = ("/usr/bin/python3", "worker.py")


@unittest.skipUnless(shutil.which("node"), "node is not installed")
class JavaScript(Contract, unittest.TestCase):
    argv = ("node", "worker.js")


class Sh(Contract, unittest.TestCase):
    argv = ("/bin/sh", "worker.sh")
    one_by_one = True
    wrong = "the handler ended with exit code 1"
    exits = -signal.SIGTERM


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class Bash(Sh):
    argv = ("bash", "worker.sh")


if __name__ == "__main__":
    unittest.main()
