# SPDX-License-Identifier: MPL-2.0
"""What strangers do to a topology: hostile frames, a disk that fills, a damaged journal, nodes that
are frozen and killed. Each gets a clear answer; nobody else suffers."""
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time
import unittest

import msgpack
import zmq

from topology import Case, ZLOOM, wait_for, zloom

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))

import peer  # noqa: E402

QUEUE = """
flows:
  words: {pattern: queue, from: external, to: external, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""


def nest(depth):
    return b"\x91" * depth + b"\xc0"


def hello(name="stranger"):
    return msgpack.packb([1, 1, 1, name, "test", os.urandom(16), [["words", None, 1]]])


def send(first, n, data, flags=0):
    return [msgpack.packb([10, 0, first, n, 0, flags, None, None]), data]


ONE = peer.pack([(None, b"x")])


class Wire(Case):
    """Raw sockets against a live router, beside honest peers."""

    def serve(self, text=QUEUE):
        self.run_topology(self.recipe(text))
        self.endpoint = f"ipc://{self.state}/run/router.sock"
        self.sockets = []
        self.producers = {}
        self.addCleanup(self.hang_up)

    def hang_up(self):
        for socket in self.sockets + [producer.socket for producer in self.producers.values()]:
            socket.close(0)

    def raw(self, *opening):
        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(self.endpoint)
        self.sockets.append(socket)
        for frames in opening:
            socket.send_multipart(frames)
        return socket

    def answer(self, socket, *kinds, timeout_s=10):
        """The next verb that is one of kinds."""
        end = time.monotonic() + timeout_s
        while socket.poll(max(0, int((end - time.monotonic()) * 1000))):
            verb = msgpack.unpackb(socket.recv_multipart()[0])
            if verb[0] in kinds:
                return verb
        raise AssertionError(f"no verb of {kinds} in {timeout_s} s")

    def open(self, name="stranger"):
        socket = self.raw([hello(name)])
        self.answer(socket, peer.WELCOME)
        self.answer(socket, peer.CREDIT)
        return socket

    def honest(self, *bodies):
        """What an honest producer sends beside it is confirmed."""
        if "honest" not in self.producers:
            self.producers["honest"] = peer.Peer(self.endpoint, "honest", "producer", ["words"])
        producer = self.producers["honest"]
        producer.send("words", [(None, body) for body in bodies])
        producer.flows["words"][7] = (producer.flows["words"][7] or 0) + len(bodies)

    def tearDown(self):
        said = self.said()
        self.assertNotIn("node-death node=router", said)
        self.assertEqual(self.stop(), 0, said)
        self.assertNotIn("ERROR: AddressSanitizer", said)
        self.assertNotIn("runtime error", said)

    def test_frames_without_a_session(self):
        self.serve()
        for frames in ([b""], [b"\xc1"], [b"\x00" * 100], [os.urandom(64)],
                       [msgpack.packb([10, 0, 1, 1, 0]), ONE],
                       [msgpack.packb([20, 1, "words"])], [msgpack.packb([50, 1, "stats", {}])],
                       [b"a", b"b", b"c"], [hello(), b"pack"]):
            socket = self.raw(frames)
            verb = self.answer(socket, peer.BYE)
            self.assertIsNotNone(verb[1], frames)

    def test_a_name_of_several_lines_is_shown_in_one(self):
        evil = "evil\nforged  \tworker"
        shown = r"evil\x0aforged  \x09worker"
        self.serve("""
nodes:
  fails: {kind: worker, run: [sh, -c, "exit 65"], io: exec}
flows:
  words: {pattern: queue, from: external, to: external, dead_letter: dead}
  news: {pattern: bus, from: external, to: external}
  jobs: {pattern: queue, from: external, to: fails, dead_letter: dead}
  dead: {pattern: queue, to: external}
""")
        socket = self.raw([msgpack.packb([1, 1, 1, evil, "te\nst", os.urandom(16),
                                          [["words", None, 1], ["jobs", None, 1]]])])
        flows = {flow[1]: flow[0] for flow in self.answer(socket, peer.WELCOME)[7]}
        for handle, flow in ((1, "words"), (2, "news")):
            socket.send(msgpack.packb([peer.SUBSCRIBE, handle, flow]))
            self.assertIsNone(self.answer(socket, peer.SUBSCRIBED)[2])
        for flow in ("words", "jobs"):
            socket.send_multipart([msgpack.packb([10, flows[flow], 1, 1, 0, 0, None, None]), ONE])
            self.answer(socket, peer.CONFIRM)
        self.wait_flow("dead", lambda counters: counters["ready"] == 1)
        known = {session["name"] for session in
                 json.loads(self.ask("stats", "-o", "json").stdout)["sessions"]}
        self.assertIn(evil, known)
        # Each table has one line for it, and no line of its making.
        for words, name in ((["stats"], shown + " te"), (["stats"], "news/" + shown),
                            (["stats", "news"], "news/" + shown), (["group", "ls"], shown),
                            (["trace", "words", "1"], f"    {shown}/1, sent"),
                            (["trace", "jobs", "1"], ""), (["dlq", "show", "dead"], shown + "/1"),
                            (["top", "--count", "1"], ""), (["why", "words"], ""),
                            (["why", evil], shown)):
            socket.send(msgpack.packb([peer.PONG, []]))  # it lives, however long these take
            done = self.ask(*words)
            told = done.stdout + done.stderr
            self.assertIn(name, told, words)
            for line in told.splitlines():
                self.assertNotRegex(line, r"^(forged|st )", (words, told))

    def test_another_protocol_version(self):
        self.serve()
        socket = self.raw([msgpack.packb([1, 7, 9, "future", "x", os.urandom(16), []])])
        verb = self.answer(socket, peer.BYE)
        self.assertEqual(verb[1], "VERSION")
        self.assertRegex(verb[2], r"\b1\b.*\b7\b|\b7\b.*\b1\b")

    def test_an_unknown_verb_is_refused_and_the_session_goes_on(self):
        self.serve()
        socket = self.open()
        for number in (31, 40, 99, 2**40):
            socket.send(msgpack.packb([number, 1, 2, 3]))
            verb = self.answer(socket, peer.REFUSE, peer.BYE)
            self.assertEqual((verb[0], verb[2]), (peer.REFUSE, "UNKNOWN_VERB"))
        socket.send_multipart(send(1, 1, ONE))
        self.assertEqual(self.answer(socket, peer.CONFIRM)[2], 1)

    def test_unreadable_frames_end_only_their_session(self):
        """Honest peers carry on while every kind of nonsense is said beside them."""
        self.serve()
        bad_verbs = [
            [b""], [b"\xc1"], [b"\x91"], [nest(40)],
            [b"\xdd\xff\xff\xff\xff"], [b"\xdf\xff\xff\xff\xff"],
            [b"\xc6\xff\xff\xff\xff"], [b"\x92\x0a\xdd\x7f\xff\xff\xff"], [msgpack.packb("SEND")],
            [msgpack.packb([10])], [msgpack.packb([10, 0])], [msgpack.packb([-1])],
            [msgpack.packb([10, "words", 1, 1, 0]), ONE],
            [msgpack.packb([10, 0, 2**64 - 1, 1, 0]), ONE],
            [msgpack.packb([10, 0, 1, 2**63, 0]), ONE],
            [msgpack.packb([10, 0, 1, 1, 0]) + b"\x00", ONE],
            [msgpack.packb([10, 0, 1, 1, 0])[:-1], ONE],
            [msgpack.packb([10, 0, 1, 1, 0, 0, b"m" * 5000]), ONE],
            [msgpack.packb([10, 0, 1, 1, 0]), ONE, b"third"],
            [msgpack.packb([20, 1, "x" * 1000])],
            [msgpack.packb([20, 1, b"\xff\xfe"])],
            [b"\x93\x14\x01\xa2\xff\xfe"],
            [msgpack.packb([24, 1, [0, 0], [[0, 0, 0]]])],
            [msgpack.packb([24, 1, [0, 0], [[1, 1, 0]] * 20000])],
            [msgpack.packb([5, [[1, 2]] * 5000])],
            [msgpack.packb([26, None, [0, 1], [], [[0, 1, 0, 0, 1, None]] * 5000])],
            [msgpack.packb([50, 1, "stats", nested()])],
            [os.urandom(2 << 20)],
            [msgpack.packb([msgpack.ExtType(1, b"x")])],
        ]
        wrong = []
        for number, frames in enumerate(bad_verbs):
            socket = self.open(f"s{number}")
            socket.send_multipart(frames)
            try:
                verb = self.answer(socket, peer.BYE, peer.REFUSE, peer.SETTLED, 51, timeout_s=5)
                if verb[0] == peer.BYE and not (verb[1] and verb[2]):
                    wrong.append((number, [f[:40] for f in frames], verb))
            except AssertionError:
                wrong.append((number, [f[:40] for f in frames], "silence"))
            self.honest(b"%d" % number)
        self.assertEqual(wrong, [])
        taken = []
        peer.Peer(self.endpoint, "worker", "worker").work(
            "words", lambda body, _: taken.append(body) or peer.ACK,
            lambda: len(taken) >= len(bad_verbs))
        self.assertEqual(taken, [b"%d" % n for n in range(len(bad_verbs))])

    def test_bad_packs_are_refused_whole(self):
        self.serve()
        big = peer.pack([(None, b"x" * (4 << 20))])
        packs = [
            (1, b""), (1, b"\xc4"), (2, ONE), (1, ONE + ONE), (1, ONE[:-1]), (1, ONE + b"\x00"),
            (1, b"\xa3abc"), (1, b"\xc6\xff\xff\xff\xff"), (1, big), (65537, ONE * 65537),
            (0, ONE),
        ]
        for number, (n, data) in enumerate(packs):
            socket = self.open(f"p{number}")
            socket.send_multipart(send(1, n, data) if data else send(1, n, b"")[:1] + [b""])
            verb = self.answer(socket, peer.BYE, peer.REFUSE, peer.CONFIRM)
            self.assertNotEqual(verb[0], peer.CONFIRM, (number, verb))
        self.assertEqual(self.flows()["words"]["ready"], 0)

    def test_an_oversized_frame_cuts_the_connection(self):
        """ZeroMQ hangs up before it has read so much; the router knows the socket no more."""
        self.serve()
        large = peer.pack([(None, b"x" * (7 << 20))])
        for frames in ([b"\x00" * (8 << 20)], send(1, 1, large)):
            socket = self.open()
            socket.send_multipart(frames)
            self.honest(b"x")

            def hung_up(socket=socket):
                socket.send(msgpack.packb([5, []]))
                return socket.poll(100) and msgpack.unpackb(socket.recv())[0] == peer.BYE
            wait_for("BYE", hung_up, 10)
        self.assertEqual(self.flows()["words"]["ready"], 2)

    def test_random_bytes(self):
        """Mutations of good frames: nothing but answers and byes, and the router lives."""
        self.serve()
        seed = random.randrange(1 << 32)
        dice = random.Random(seed)
        good = [msgpack.packb(v) for v in (
            [10, 0, 1, 1, 0, 0, None, None], [20, 1, "words", None, [], [0, None], [0], []],
            [24, 1, [1, 1], [[1, 1, 0, None, None]]], [26, 1, [1, 1], [[1, 1, 0]], [[0, 1, 0, 0]]],
            [27, 1, [1, 1], [[1, 1]]], [28, 1, [1, 1], [[1, 1]], 1], [13, 1, 1, 9, 9, 9],
            [50, 1, "stats", {"flow": "words"}], [4, [[1, 2]]], [6, "x", b"n" * 16, 0, 9, b"t"])]
        for turn in range(400):
            socket = self.raw([hello(f"r{turn}")]) if turn % 10 == 0 else socket
            frame = bytearray(dice.choice(good))
            for _ in range(dice.randrange(1, 4)):
                frame[dice.randrange(len(frame))] = dice.randrange(256)
            socket.send_multipart([bytes(frame)] + ([ONE] if dice.random() < 0.5 else []))
        self.honest(*(b"%d" % n for n in range(500)))
        self.assertGreaterEqual(self.flows()["words"]["ready"], 500, seed)


def mount(folder, size):
    """A disk of its own, or no test."""
    folder.mkdir(mode=0o700, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "zloom-test",
                           str(folder)], capture_output=True, check=False)
    if done.returncode != 0:
        raise unittest.SkipTest("only root can mount a small disk")


class Disk(Case):
    """Disks that are full, and journals that were damaged."""

    def mount(self, folder, size):
        mount(folder, size)
        self.addCleanup(subprocess.run, ["umount", "-l", str(folder)], check=False)
        self.addCleanup(self.kill)

    def test_a_full_disk_refuses_producers_and_nobody_else(self):
        self.mount(self.state, "330m")
        self.run_topology(self.recipe("""
nodes:
  work: {kind: worker, run: [cat], io: lines}
flows:
  bulk: {pattern: queue, from: external, to: external}
  small: {pattern: queue, from: external, to: work, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""))
        lines = self.write("lines.txt", ("x" * 900000 + "\n") * 60)
        confirmed = unanswered = 0

        def refused():
            """On a slow machine 2 s may be over before the disk is full."""
            nonlocal confirmed, unanswered
            done = self.ask("send", "bulk", "--file", lines, "--timeout", "2s")
            confirmed += int(done.stderr.split(" confirmed")[0].split()[-1])
            if "disk is full" in done.stderr:
                return done
            unanswered += sum(map(int, re.findall(r"(\d+) not answered", done.stderr)))
            return None

        self.assertEqual(wait_for("a full disk", refused).returncode, 75)
        self.assertIn("DISK FULL", self.ask("stats").stdout)
        self.assertIn(self.flows()["bulk"]["ready"], range(confirmed, confirmed + unanswered + 1))
        self.assertEqual(self.ask("dlq", "purge", "bulk", "--yes").returncode, 0)
        wait_for("room", lambda: "DISK FULL" not in self.ask("stats").stdout)
        self.assertEqual(self.ask("send", "bulk", "again").returncode, 0)
        self.assertEqual(self.ask("send", "small", "again").returncode, 0)
        self.wait_flow("small", lambda f: f["acked"] == 1)
        self.assertNotIn("node-death", self.said())
        self.assertEqual(self.stop(), 0)
        self.assertEqual(zloom("doctor", self.state).returncode, 0)

    def test_a_sink_waits_for_room(self):
        self.mount(self.folder / "out", "1m")
        self.run_topology(self.recipe("""
nodes:
  print: {kind: sink, file: {path: out/lines.txt}}
flows:
  lines: {pattern: queue, from: external, to: print, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""))
        bodies = [f"{n} {'x' * 1000}" for n in range(3000)]
        lines = self.write("lines.txt", "\n".join(bodies) + "\n")
        self.assertEqual(self.ask("send", "lines", "--file", lines).returncode, 0)
        wait_for("the sink says so", lambda: "sink-stuck" in self.said())
        subprocess.run(["mount", "-o", "remount,size=20m", str(self.folder / "out")], check=True)
        self.wait_flow("lines", lambda f: f["acked"] == 3000)
        written = (self.folder / "out" / "lines.txt").read_text(encoding="ascii").splitlines()
        self.assertEqual(written, bodies)

    def damage(self, path, at):
        data = bytearray(path.read_bytes())
        data[at] ^= 0x55
        path.write_bytes(data)

    def test_a_damaged_message_is_a_hole_with_its_range(self):
        recipe = self.recipe(QUEUE)
        self.run_topology(recipe)
        for part in range(3):
            lines = self.write("lines.txt", "".join(f"{part}-{n} {'x' * 99}\n" for n in range(100)))
            self.assertEqual(self.ask("send", "words", "--file", lines).returncode, 0)
        self.stop()
        segment = self.state / "router" / "journal" / "hot-0000000001"
        self.damage(segment, segment.read_bytes().index(b"1-50 ") + 3)
        found = zloom("doctor", self.state, "-o", "json")
        self.assertEqual(found.returncode, 65)
        hole = json.loads(found.stdout)["findings"][0]
        self.assertTrue(hole["first"] <= 151 < hole["first"] + hole["count"], hole)
        self.run_topology(recipe)
        self.assertIn(f"journal-hole flow=1 name=words first={hole['first']}", self.said())
        counters = self.flows()["words"]
        self.assertEqual(counters["lost"], hole["count"])
        left = self.ask("tap", "words", "--waiting").stdout.splitlines()
        self.assertEqual(len(left), 300 - hole["count"])
        self.assertEqual(counters["ready"], len(left))
        self.assertEqual(self.ask("send", "words", "later").returncode, 0)

    def test_a_journal_without_a_superblock_is_refused_once(self):
        recipe = self.recipe(QUEUE)
        self.run_topology(recipe)
        self.ask("send", "words", "x")
        self.stop()
        for slot in (self.state / "router" / "journal").glob("slot.*"):
            self.damage(slot, 20)
        self.run_topology(recipe, ready=False)
        self.assertEqual(self.process.wait(30), 1)
        self.assertIn("zloom doctor", self.said())
        self.assertEqual(self.said().count("node-failed"), 1)


class Recipes(Case):
    """A recipe that changes between two runs."""

    def test_a_flow_with_backlog_is_not_forgotten(self):
        whole = "flows:\n  a: {pattern: queue, from: external, to: external}\n"
        self.run_topology(self.recipe(whole + whole.splitlines()[1].replace("a:", "old:") + "\n"))
        self.ask("send", "old", "x", "y")
        self.stop()
        self.run_topology(self.recipe(whole), ready=False)
        self.assertEqual(self.process.wait(30), 78)
        self.assertIn("flow 'old' holds 2 unsettled messages", self.said())
        self.assertIn("zloom dlq purge old --yes", self.said())
        self.assertEqual(self.said().count("node-failed"), 1)
        self.run_topology(self.recipe(whole + whole.splitlines()[1].replace("a:", "old:") + "\n"))
        self.assertIn("2 deleted", self.ask("dlq", "purge", "old", "--yes").stdout)
        self.stop()
        self.run_topology(self.recipe(whole))

    def test_a_lower_limit_keeps_what_is_there(self):
        text = "flows:\n  a: {pattern: queue, from: external, to: external%s}\n"
        self.run_topology(self.recipe(text % ""))
        self.ask("send", "a", "1", "2", "3")
        self.stop()
        self.run_topology(self.recipe(text % ", limit: {messages: 2, on_full: reject}"))
        self.assertEqual(self.flows()["a"]["ready"], 3)
        done = self.ask("send", "a", "4", "--timeout", "2s")
        self.assertEqual(done.returncode, 75)
        self.assertIn("flow is full", done.stderr)
        self.assertLess(self.flows()["a"]["refused"], 20)

    def test_full_flows_do_as_they_say(self):
        self.run_topology(self.recipe("""
flows:
  wait: {pattern: queue, from: external, to: external, limit: {messages: 5}}
  drop: {pattern: queue, from: external, to: external, dead_letter: dead,
         limit: {messages: 5, on_full: drop-oldest}}
  dead: {pattern: queue, to: external}
"""))
        lines = self.write("lines.txt", "".join(f"{n}\n" for n in range(12)))
        done = self.ask("send", "wait", "--file", lines, "--timeout", "4s")
        self.assertEqual(done.returncode, 75)
        self.assertIn("sent 12 to wait, 5 confirmed", done.stderr)
        self.assertEqual(self.flows()["wait"]["ready"], 5)
        self.assertEqual(self.ask("send", "drop", "--file", lines).returncode, 0)
        self.wait_flow("dead", lambda f: f["ready"] == 7)
        self.assertEqual(self.ask("tap", "drop", "--waiting").stdout, "7\n8\n9\n10\n11\n")
        self.assertIn("overflow 7", self.ask("dlq", "ls", "dead").stdout)

    def test_a_socket_path_that_is_too_long(self):
        self.state = self.folder / ("x" * 120)
        self.run_topology(self.recipe(QUEUE), ready=False)
        self.assertNotEqual(self.process.wait(30), 0)
        self.assertRegex(self.said(), "107; shorten a name")


class Storm(Case):
    """Nodes that die or freeze while there is work."""

    def test_every_kind_is_killed_and_the_books_balance(self):
        count = 10000
        self.write("work.py", "import zloom\nzloom.run(lambda message: message.body)\n")
        bodies = [f'{{"n":{n}}}' for n in range(count)]
        self.write("in.jsonl", "\n".join(bodies) + "\n")
        self.run_topology(self.recipe("""
nodes:
  hub: {kind: router, restart: {backoff: [50ms], budget: 100}}
  read: {kind: poller, file: {path: in.jsonl, follow: true},
         restart: {backoff: [50ms], budget: 100}}
  work: {kind: worker, run: [/usr/bin/python3, work.py], io: frames, replicas: 2,
         restart: {backoff: [50ms], budget: 100}}
  print: {kind: sink, file: {path: out.jsonl}, restart: {backoff: [50ms], budget: 100}}
flows:
  in: {pattern: queue, from: read, to: work, dead_letter: dead, limit: {messages: 1000}}
  out: {pattern: queue, from: work, to: print, dead_letter: dead, limit: {messages: 1000}}
  dead: {pattern: queue, to: external}
"""))
        for unit in ("work.1", "hub", "print", "read", "work.2", "hub"):
            before = self.said().count("node-death")
            os.kill(self.pid(unit), signal.SIGKILL)
            wait_for("its obituary", lambda n=before: self.said().count("node-death") > n)
            self.wait_flow("in", lambda f: f["appended"] > 0)
        self.wait_flow("out", lambda f: f["acked"] + f["dead"] == count)
        flows = self.flows()
        self.assertEqual((flows["in"]["appended"], flows["in"]["acked"]), (count, count))
        self.assertEqual((flows["out"]["appended"], flows["dead"]["ready"]), (count, 0))
        self.assertEqual(self.stop(), 0)
        written = (self.folder / "out.jsonl").read_text(encoding="ascii").splitlines()
        self.assertEqual(sorted(set(written)), sorted(bodies))

    def test_a_frozen_worker_gives_its_leases_back(self):
        self.write("work.py", "import zloom\nzloom.run(lambda message: message.body)\n")
        self.run_topology(self.recipe("""
nodes:
  work: {kind: worker, run: [/usr/bin/python3, work.py], io: frames, replicas: 2}
flows:
  in: {pattern: queue, from: external, to: work, lease: 10m, dead_letter: dead}
  out: {pattern: queue, from: work, to: external}
  dead: {pattern: queue, to: external}
"""))
        frozen = self.pid("work.1")
        os.kill(frozen, signal.SIGSTOP)
        self.addCleanup(os.kill, frozen, signal.SIGCONT)
        lines = self.write("lines.txt", "".join(f"{n}\n" for n in range(200)))
        self.assertEqual(self.ask("send", "in", "--file", lines).returncode, 0)
        counters = self.wait_flow("in", lambda f: f["acked"] == 200)
        self.assertEqual(counters["failures"], 0)
        os.kill(frozen, signal.SIGCONT)
        wait_for("it is back", lambda: self.said().count("peer-hello peer=work.1") == 2)
        self.assertEqual(self.flows()["out"]["appended"], 200)

    def test_a_step_is_whole_or_not_at_all(self):
        """A worker that sends to two flows and dies now and then: both have all, once."""
        self.write("work.py", """
import os, random, zloom

def handle(message):
    message.emit(message.body, flow="left")
    message.emit(message.body, flow="right")
    if random.random() < 0.03:
        os._exit(9)
zloom.run(handle)
""")
        self.run_topology(self.recipe("""
nodes:
  work: {kind: worker, run: [/usr/bin/python3, work.py], io: frames, replicas: 2,
         restart: {backoff: [20ms], budget: 1000}}
flows:
  in: {pattern: queue, from: external, to: work, retry: {failures: 1000, backoff: [10ms]},
       dead_letter: dead}
  left: {pattern: queue, from: work, to: external}
  right: {pattern: queue, from: work, to: external}
  dead: {pattern: queue, to: external}
"""))
        bodies = [str(n) for n in range(200)]
        lines = self.write("lines.txt", "\n".join(bodies) + "\n")
        self.assertEqual(self.ask("send", "in", "--file", lines).returncode, 0)
        self.wait_flow("in", lambda f: f["acked"] == 200)
        for side in ("left", "right"):
            there = self.ask("tap", side, "--waiting").stdout.split()
            self.assertEqual(sorted(there), sorted(bodies), side)

    def test_delays_are_those_of_the_recipe(self):
        self.write("work.py", """
import time, zloom

def handle(message):
    with open("log", "a") as log:
        log.write(f"{time.monotonic()} {message.attempt}\\n")
    raise zloom.Retry("no")
zloom.run(handle)
""")
        self.run_topology(self.recipe("""
nodes:
  work: {kind: worker, run: [/usr/bin/python3, work.py], io: frames}
flows:
  in: {pattern: queue, from: external, to: work, dead_letter: dead,
       retry: {failures: 4, backoff: [200ms, 500ms], jitter: 0%}}
  dead: {pattern: queue, to: external}
"""))
        self.ask("send", "in", "x")
        self.wait_flow("dead", lambda f: f["ready"] == 1)
        rows = [line.split() for line in (self.folder / "log").read_text().splitlines()]
        self.assertEqual([row[1] for row in rows], ["1", "2", "3", "4"])
        times = [float(row[0]) for row in rows]
        for gap, least in zip([b - a for a, b in zip(times, times[1:])], [0.2, 0.5, 0.5]):
            self.assertGreater(gap, least - 0.01)
            self.assertLess(gap, least + 1)

    def test_what_echo_writes_arrives_as_a_line(self):
        self.run_topology(self.recipe("""
nodes:
  say: {kind: worker, run: [sh, -c, "read word; echo said $word"], io: exec}
  pass: {kind: worker, run: [cat], io: lines}
  print: {kind: sink, file: {path: out.txt}}
flows:
  a: {pattern: queue, from: external, to: say, dead_letter: dead}
  b: {pattern: queue, from: say, to: pass, dead_letter: dead}
  c: {pattern: queue, from: pass, to: print, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""))
        self.ask("send", "a", "hello")
        self.wait_flow("c", lambda f: f["acked"] == 1)
        self.assertEqual((self.folder / "out.txt").read_text(encoding="ascii"), "said hello\n")


def nested():
    value = {}
    for _ in range(30):
        value = {"x": value}
    return value


if __name__ == "__main__":
    unittest.main()
