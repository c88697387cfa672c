# SPDX-License-Identifier: MPL-2.0
"""Workers with real children: each carrier, and each way in which a program can be bad."""
import json
import os
import pathlib
import signal
import time
import unittest

from topology import Case, wait_for, zloom

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def flows(retry="failures: 3, backoff: [20ms]", more=""):
    return f"""
flows:
  todo: {{pattern: queue, from: external, to: work, dead_letter: dead, retry: {{{retry}}}{more}}}
  done: {{pattern: queue, from: work, to: external}}
  dead: {{pattern: queue, to: external}}
"""


def work(run, io, more=""):
    return f"nodes:\n  work: {{kind: worker, run: {json.dumps(run)}, io: {io}{more}}}\n"


FAST = ", restart: {backoff: [20ms], budget: 4, within: 1m}"


def command_line(pid):
    """Of a process that is there, and more than a zombie; else empty."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    except OSError:
        return ""


class Workers(Case):
    def serve(self, nodes, flow_text=None, ready=True):
        self.run_topology(self.recipe(nodes + (flow_text or flows())), ready=ready)

    def send(self, *bodies, flow="todo"):
        if len(bodies) > 8:
            done = zloom("send", flow, "--state", self.state, stdin="\n".join(bodies) + "\n")
        else:
            done = self.ask("send", flow, *bodies)
        self.assertEqual(done.returncode, 0, done.stderr)

    def dead(self):
        shown = self.ask("dlq", "show", "dead", "--max", "1000", "-o", "json")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        return json.loads(shown.stdout)

    def results(self, count, flow="done"):
        self.wait_flow(flow, lambda f: f["ready"] >= count)
        peeked = self.ask("tap", flow, "--waiting", "-o", "jsonl")
        self.assertEqual(peeked.returncode, 0, peeked.stderr)
        return [json.loads(line)["body"] for line in peeked.stdout.splitlines()]

    def settled(self, count):
        """All of todo is acked or dead."""
        return self.wait_flow("todo", lambda f: f["acked"] + f["dead"] >= count
                              and f["ready"] + f["leased"] + f["waiting"] + f["moving"] == 0)


class Good(Workers):
    def test_lines_answer_in_order(self):
        self.serve(work(["sed", "-u", "s/^/got /"], "lines"))
        self.send(*[str(i) for i in range(100)])
        self.settled(100)
        self.assertEqual(self.flows()["done"]["ready"], 100)
        self.assertEqual(self.stop(), 0)

    def test_exec_maps_exit_codes(self):
        script = ("read -r x; case $x in ack) echo done;; quiet) ;; reject) echo no >&2; exit 65;;"
                  " retry) echo later >&2; exit 75;; esac")
        self.serve(work(["sh", "-c", script], "exec"))
        self.send("ack\n", "quiet\n", "reject\n", "retry\n")
        flow = self.settled(4)
        self.assertEqual((flow["acked"], flow["dead"]), (2, 2))
        self.assertEqual(self.flows()["done"]["ready"], 1)
        causes = sorted((letter["causes"][-1]["reason"], letter["causes"][-1]["exit"],
                         letter["causes"][-1]["text"]) for letter in self.dead())
        self.assertEqual(causes, [("failures", 75, "later"), ("rejected", 65, "no")])

    def test_frames_emit_to_named_flows(self):
        self.write("work.py", """
import zloom

def handle(message):
    order = message.json()
    message.emit({"n": order}, flow="odd" if order % 2 else "even")

zloom.run(handle)
""")
        self.serve(work(["/usr/bin/python3", "work.py"], "frames"), """
flows:
  todo: {pattern: queue, from: external, to: work, dead_letter: dead}
  odd: {pattern: queue, from: work, to: external}
  even: {pattern: queue, from: work, to: external}
  dead: {pattern: queue, to: external}
""")
        self.send(*[str(i) for i in range(21)])
        self.wait_flow("todo", lambda f: f["acked"] == 21)
        self.assertEqual(self.flows()["odd"]["ready"], 10)
        self.assertEqual(self.flows()["even"]["ready"], 11)

    def test_an_emit_to_no_such_flow_is_a_dead_letter(self):
        self.write("work.py", """
import zloom

def handle(message):
    message.emit("x", flow=message.text())

zloom.run(handle)
""")
        self.serve(work(["/usr/bin/python3", "work.py"], "frames"))
        self.send("done", "nowhere")
        flow = self.settled(2)
        self.assertEqual((flow["acked"], flow["dead"]), (1, 1))
        self.assertIn("nowhere", self.dead()[0]["causes"][-1]["text"])

    def test_the_ten_lines_of_the_documentation(self):
        text = (DOCS / "workers.md").read_text(encoding="utf-8")
        program = text.split("```python\n", 1)[1].split("```", 1)[0]
        self.assertLessEqual(len([line for line in program.splitlines() if line.strip()]), 10)
        self.write("work.py", program)
        self.serve(work(["/usr/bin/python3", "work.py"], "frames"))
        self.send('{"id": 1, "cents": 5}', '{"id": 2, "cents": 0}', '{"id": 3}')
        flow = self.settled(3)
        self.assertEqual((flow["acked"], flow["dead"]), (1, 2))
        self.assertEqual(self.flows()["done"]["ready"], 1)

    def test_a_drain_finishes_what_is_in_hand(self):
        self.write("work.py", """
import pathlib, select, zloom

def handle(message):
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        select.select([], [], [], 0.01)
    return message.body

zloom.run(handle, most=1)
""")
        self.serve(work(["/usr/bin/python3", "work.py"], "frames"))
        self.send("one", "two", "three")
        wait_for("the handler has begun", (self.folder / "begun").exists)
        self.process.send_signal(signal.SIGTERM)
        wait_for("the drain has begun", lambda: " drain " in self.said())
        self.write("go", "")
        self.assertEqual(self.process.wait(timeout=60), 0, self.said())
        self.assertRegex(self.said(), r"worker-ended node=work taken=\d acked=1 emitted=1 ")
        self.serve(work(["/usr/bin/python3", "work.py"], "frames"))
        flow = self.wait_flow("todo", lambda f: f["acked"] == 3)
        self.assertEqual(flow["failures"], 0)
        self.assertEqual(self.flows()["done"]["ready"], 3)

    def test_a_killed_worker_loses_and_doubles_nothing(self):
        self.write("work.py", "import zloom\nzloom.run(lambda message: message.body)\n")
        self.serve(work(["/usr/bin/python3", "work.py"], "frames", ", replicas: 2"))
        self.send(*[str(i) for i in range(300)])
        os.kill(self.pid("work.1"), signal.SIGKILL)
        self.send(*[str(i) for i in range(300, 600)])
        self.wait_flow("todo", lambda f: f["acked"] == 600)
        self.assertEqual(self.flows()["done"]["ready"], 600)


class Leases(Workers):
    def test_what_waits_in_a_slow_worker_keeps_its_lease(self):
        """Twelve in hand, each a third of a lease: the first to get them does them all."""
        self.write("work.py", """
import select, zloom

def handle(message):
    select.select([], [], [], 0.1)
    return message.body

zloom.run(handle)
""")
        self.serve(work(["/usr/bin/python3", "work.py"], "frames"), flows(more=", lease: 300ms"))
        self.send(*[str(i) for i in range(12)])
        flow = self.settled(12)
        self.assertEqual((flow["acked"], flow["failures"], flow["lease_ends"]), (12, 0, 0), flow)
        self.assertEqual(self.flows()["done"]["ready"], 12)

    def test_progress_keeps_the_lease_of_a_long_handler(self):
        self.write("work.py", """
import select, zloom

def handle(message):
    for _ in range(10):
        select.select([], [], [], 0.1)
        message.progress()
    return message.body

zloom.run(handle)
""")
        self.serve(work(["/usr/bin/python3", "work.py"], "frames"), flows(more=", lease: 400ms"))
        self.send("x")
        flow = self.settled(1)
        self.assertEqual((flow["acked"], flow["failures"], flow["stale"]), (1, 0, 0), flow)

    def test_without_a_timeout_a_handler_has_the_lease(self):
        self.write("work.py", """
import signal, zloom

def handle(message):
    signal.pause()

zloom.run(handle)
""")
        self.serve(work(["/usr/bin/python3", "work.py"], "frames", FAST),
                   flows("failures: 2, backoff: [20ms]", ", lease: 500ms"))
        self.send("x")
        flow = self.settled(1)
        self.assertEqual((flow["dead"], flow["failures"]), (1, 2), flow)
        self.assertIn("took longer than 450ms", self.dead()[0]["causes"][-1]["text"])

    def test_a_full_flow_stops_the_worker_until_there_is_room(self):
        self.serve(work(["cat"], "lines"), """
flows:
  todo: {pattern: queue, from: external, to: work, dead_letter: dead, lease: 300ms}
  done: {pattern: queue, from: work, to: external, dead_letter: dead, limit: {messages: 5}}
  dead: {pattern: queue, to: external}
""")
        self.send(*[str(i) for i in range(20)])
        self.wait_flow("done", lambda f: f["ready"] == 5)
        self.wait_flow("todo", lambda f: f["acked"] == 5)
        # Longer than a lease: what is finished and waits for room is nobody else's.
        begin = time.monotonic()
        wait_for("a few leases pass", lambda: time.monotonic() - begin > 1)
        flow = self.flows()["todo"]
        self.assertEqual((flow["acked"], flow["failures"], flow["lease_ends"]), (5, 0, 0), flow)
        for acked in (10, 15, 20):
            self.assertEqual(self.ask("dlq", "purge", "done", "--yes").returncode, 0)
            self.wait_flow("todo", lambda f, least=acked: f["acked"] >= least)
        self.assertEqual(self.flows()["todo"]["failures"], 0)


class Bad(Workers):
    def test_a_program_that_is_not_there(self):
        self.serve(work(["sh", "-c", "exec nowhere-at-all"], "lines"), ready=False)
        # It says why behind its last figures, and is gone after that.
        wait_for("it is not started again", lambda: 'end="exit code 127"' in self.said())
        said = self.said()
        self.assertIn("worker-ended", said)
        self.assertIn("NO_PROGRAM", said)
        self.assertIn("nowhere-at-all", said)
        self.assertEqual(self.said().count("node-start node=work"), 1)

    def test_a_script_that_is_not_there(self):
        self.serve(work(["/usr/bin/python3", "nowhere.py"], "frames"), ready=False)
        wait_for("the node gives up", lambda: "nowhere.py" in self.said())

    def test_one_that_dies_at_once_charges_nobody(self):
        self.serve(work(["sh", "-c", "echo I cannot >&2; exit 3"], "lines", FAST), ready=False)
        wait_for("the node gives up", lambda: "ended 5 times without settling" in self.said())
        said = self.said()
        self.assertIn("exit code 3: I cannot", said)
        self.assertIn("charged=0", said)
        self.assertNotIn("charged=1", said)

    def test_a_poisoned_message_is_found_among_many(self):
        self.write("work.py", """
import os, sys, zloom

def handle(message):
    if message.text() == "poison":
        sys.stderr.write("my last words\\n")
        os.abort()
    return message.body

zloom.run(handle)
""")
        self.serve(work(["/usr/bin/python3", "work.py"], "frames", FAST))
        self.send(*(["fine"] * 30 + ["poison"] + ["fine"] * 30))
        flow = self.settled(61)
        self.assertEqual((flow["acked"], flow["dead"], flow["failures"]), (60, 1, 3))
        cause = self.dead()[0]["causes"][-1]
        self.assertEqual((cause["reason"], cause["signal"]), ("crash", signal.SIGABRT))
        self.assertIn("my last words", cause["text"])

    def test_a_poisoned_line_is_found_among_many(self):
        """Nobody says which line killed it: suspects are halved, only the one is charged."""
        self.write("work.py", """
import os, sys

for line in sys.stdin:
    if line == "poison\\n":
        os.abort()
    print("ok", flush=True)
""")
        self.serve(work(["/usr/bin/python3", "work.py"], "lines", FAST))
        self.send(*(["fine"] * 30 + ["poison"] + ["fine"] * 30))
        flow = self.settled(61)
        self.assertEqual((flow["acked"], flow["dead"]), (60, 1))
        self.assertEqual(self.dead()[0]["causes"][-1]["reason"], "crash")

    def test_a_crash_is_remembered_with_its_end_and_its_last_words(self):
        """Exit code and signal as they were, and of what it said the last 4 KiB."""
        self.write("die.py", """
import os, sys

def die(body):
    sys.stderr.write("".join(f"word {number}\\n" for number in range(2000)))
    sys.stderr.flush()
    if "code" in body:
        os._exit(3)
    os.abort()

if sys.argv[1] == "frames":
    import zloom
    zloom.run(lambda message: die(message.text()))
else:
    die(sys.stdin.readline())
""")
        for io, reason in (("frames", "crash"), ("lines", "crash"), ("exec", "failures")):
            with self.subTest(io=io):
                self.serve(work(["/usr/bin/python3", "die.py", io], io,
                                ", restart: {backoff: [20ms], budget: 20, within: 1m}"),
                           flows("failures: 2, backoff: [20ms]"))
                self.send("code", "signal")
                self.assertEqual(self.settled(2)["dead"], 2)
                causes = {letter["body"]: letter["causes"][-1] for letter in self.dead()}
                self.assertEqual(causes["code"]["exit"], 3)
                self.assertEqual(causes["signal"]["signal"], signal.SIGABRT)
                for cause in causes.values():
                    self.assertEqual(cause["reason"], reason)
                    self.assertIn("word 1999", cause["text"])
                    self.assertNotIn("word 1\n", cause["text"])
                    self.assertLessEqual(len(cause["text"].encode()), 4096)
                    self.assertGreater(len(cause["text"].encode()), 3500)
                self.assertEqual(self.stop(), 0)
                self.state = self.folder / f"state-{io}"

    def test_one_that_never_writes_is_ended_in_time(self):
        self.serve(work(["sh", "-c", "cat > /dev/null"], "lines", ", timeout: 200ms" + FAST),
                   flows("failures: 2, backoff: [20ms]"))
        self.send("x")
        self.settled(1)
        cause = self.dead()[0]["causes"][-1]
        self.assertIn("took longer than 200ms", cause["text"])
        self.assertIn("is its output buffered?", cause["text"])

    def test_one_that_never_reads_charges_nobody(self):
        self.serve(work(["sleep", "1000"], "lines", ", timeout: 100ms" + FAST))
        self.send("x")
        wait_for("the node gives up", lambda: "ended 5 times without settling" in self.said())
        flow = self.flows()["todo"]
        self.assertEqual((flow["failures"], flow["ready"] + flow["leased"]), (0, 1), flow)

    def test_one_that_hangs_in_frames_lets_its_neighbours_go(self):
        self.write("work.py", """
import signal, zloom

def handle(message):
    if message.text() == "hang":
        signal.pause()

zloom.run(handle)
""")
        self.serve(work(["/usr/bin/python3", "work.py"], "frames", ", timeout: 300ms" + FAST),
                   flows("failures: 2, backoff: [20ms]"))
        self.send("a", "b", "hang", "c", "d")
        flow = self.settled(5)
        self.assertEqual((flow["acked"], flow["dead"], flow["failures"]), (4, 1, 2))

    def test_garbage_on_lines(self):
        self.serve(work(["sh", "-c", "echo hello; echo hello; exec cat"], "lines", FAST),
                   ready=False)
        wait_for("the node gives up", lambda: "ended 5 times without settling" in self.said())
        self.assertIn("it wrote a line that no message had asked for", self.said())

    def test_garbage_on_frames(self):
        self.serve(work(["sh", "-c", "echo hello, I am a print >&4; exec sleep 1000"], "frames",
                        FAST), ready=False)
        wait_for("the node gives up", lambda: "ended 5 times without settling" in self.said())
        self.assertIn("is something printed on descriptor 4?", self.said())

    def test_prints_are_for_people_in_frames(self):
        self.write("work.py", """
import zloom

def handle(message):
    print("a word from the handler")
    return message.body

zloom.run(handle)
""")
        self.serve(work(["/usr/bin/python3", "work.py"], "frames"))
        self.send("x")
        self.settled(1)
        wait_for("it is in the log", lambda: "a word from the handler" in self.said())
        self.assertEqual(self.flows()["done"]["ready"], 1)

    def test_exec_that_never_reads_a_large_body(self):
        self.serve(work(["true"], "exec"))
        done = self.ask("send", "todo", "x" * 100000)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.settled(1)

    def test_exec_that_forks_leaves_nothing(self):
        self.serve(work(["sh", "-c", "sleep 1000 & echo $!"], "exec"))
        self.send("x")
        self.settled(1)
        pid = int(self.results(1)[0])
        wait_for("the grandchild is gone", lambda: not command_line(pid))

    def test_a_killed_worker_leaves_nothing(self):
        """Not even what its program has started: that cannot know that it is not needed."""
        os.mkfifo(self.folder / "never")
        self.serve(work(["sh", "-c", "cat never & echo $! > pid; exec cat"], "lines", FAST))
        wait_for("the program runs", lambda: (self.folder / "pid").exists())
        self.send("x")
        self.settled(1)
        pid = (self.folder / "pid").read_text().strip()
        self.assertIn("never", command_line(pid))
        os.kill(self.pid("work"), signal.SIGKILL)
        wait_for("the grandchild is gone", lambda: not command_line(pid))
        self.send("y")
        self.settled(2)
        pid = (self.folder / "pid").read_text().strip()
        self.assertEqual(self.stop(), 0)
        self.assertFalse(command_line(pid))

    def test_a_newline_in_lines_is_a_dead_letter(self):
        self.serve(work(["cat"], "lines"))
        self.send("two\nlines")
        self.settled(1)
        self.assertIn("newline", self.dead()[0]["causes"][-1]["text"])

    def test_an_emit_that_can_never_be_taken_is_tried_once(self):
        """Its flow is keyed and the answer has no key: no retry would mend that."""
        self.serve(work(["sh", "-c", "tee -a taken"], "exec"),
                   flows("failures: 5, backoff: [10ms]").replace("from: work,",
                                                                 "from: work, key: /id,"))
        self.send('{"id": 1}', "no key in this")
        self.settled(2)
        letter, = self.dead()
        cause, = letter["causes"]
        self.assertEqual((cause["reason"], cause["count"]), ("rejected", 1))
        self.assertIn("cannot emit: flow done is keyed", cause["text"])
        self.assertEqual(self.results(1), [{"id": 1}])
        taken = (self.folder / "taken").read_text(encoding="utf-8")
        self.assertEqual(taken.count("no key in this"), 1)


if __name__ == "__main__":
    unittest.main()
