# SPDX-License-Identifier: MPL-2.0
"""What a worker's program may print, hold and use: each limit, and what is said of it."""
import json
import unittest

from topology import Case, wait_for

RECIPE = """
nodes:
  work: {kind: worker, run: %s, io: %s, limits: {%s},
         restart: {backoff: [20ms], budget: 20, within: 1m}}
flows:
  todo: {pattern: queue, from: external, to: work, dead_letter: dead,
         retry: {failures: 2, backoff: [20ms]}}
  done: {pattern: queue, from: work, to: external}
  dead: {pattern: queue, to: external}
"""
WORKER = """
import os, resource, sys, zloom

def handle(message):
    what = message.text()
    if what == "hold":
        return str(len(bytearray(1 << 30)))
    if what == "open":
        return str(len([open("/dev/null") for _ in range(1000)]))
    if what == "spin":
        while True:
            pass
    if what == "long":
        return "x" * 1001
    if what == "talk":
        for number in range(10000):
            print(f"line {number} of what is for people", file=sys.stderr)
        sys.stderr.flush()
    if what == "die":
        print("my last words", file=sys.stderr, flush=True)
        os.abort()
    return "fine"

zloom.run(handle)
"""


class Limits(Case):
    def serve(self, limits, io="frames", run='[/usr/bin/python3, work.py]'):
        self.write("work.py", WORKER)
        self.run_topology(self.recipe(RECIPE % (run, io, limits)))

    def send(self, *bodies):
        done = self.ask("send", "todo", *bodies)
        self.assertEqual(done.returncode, 0, done.stderr)

    def cause(self):
        """Of the only dead letter; what else was sent is done."""
        self.wait_flow("dead", lambda f: f["ready"] == 1)
        shown = json.loads(self.ask("dlq", "show", "dead", "-o", "json").stdout)
        return shown[0]["causes"][-1]

    def test_memory(self):
        self.serve("memory: 256MiB")
        self.send("hold", "fine")
        self.assertIn("MemoryError", self.cause()["text"])
        self.wait_flow("done", lambda f: f["ready"] == 1)

    def test_what_it_held_stands_in_its_obituary(self):
        self.serve("memory: 256MiB")
        self.send("die")
        text = self.cause()["text"]
        self.assertRegex(text, r"signal 6 \(Aborted\); it held \S+ and may hold 256MiB "
                               r"\(limits.memory\): .*my last words")

    def test_descriptors(self):
        self.serve("descriptors: 64")
        self.send("open", "fine")
        self.assertIn("Too many open files", self.cause()["text"])
        self.wait_flow("done", lambda f: f["ready"] == 1)

    def test_processor_time(self):
        self.serve("cpu: 200ms")
        self.send("spin", "fine")
        self.assertEqual(self.cause()["text"],
                         "used more than 200ms of processor time (limits.cpu) and was ended")
        self.wait_flow("done", lambda f: f["ready"] == 1)
        self.assertIn("limit=200ms (limits.cpu)", self.said())

    def test_processor_time_of_a_process_a_message(self):
        self.serve("cpu: 300ms", "exec", '[sh, -c, "while :; do :; done"]')
        self.send("x")
        self.assertIn("used more than 300ms of processor time", self.cause()["text"])

    def test_answers(self):
        for io, run in (("frames", "[/usr/bin/python3, work.py]"),
                        ("exec", '[/usr/bin/python3, -c, "print(1001 * str(1))"]'),
                        ("lines", '[/usr/bin/python3, -c, "while input(): print(1001 * str(1))"]')):
            with self.subTest(io=io):
                self.serve("answer: 1000B", io, run)
                self.send("long")
                self.assertEqual(self.cause()["text"],
                                 "its answer is longer than 1kB (limits.answer)")
                self.assertEqual(self.stop(), 0)
                self.state = self.folder / f"state-{io}"

    def test_what_is_for_people(self):
        self.serve("stderr: 2KiB")
        self.send("talk", "die")
        text = self.cause()["text"]
        wait_for("it is told", lambda: "child-dropped node=work" in self.said())
        said = self.said()
        self.assertRegex(said, r"child-dropped node=work lines=\d+ bytes=\d+ limit=2KiB")
        # A second's worth at a time; the last words are known whatever was dropped.
        self.assertLess(said.count("of what is for people"), 5000)
        self.assertIn("my last words", text)


if __name__ == "__main__":
    unittest.main()
