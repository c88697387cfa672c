#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""`zloom why` with real processes: what is wrong is found, and what is well is called well."""
import json
import os
import signal
import subprocess
import unittest

import topology

# Reads, and keeps its answers in a buffer, as Python does when its output is a pipe.
BUFFERED = """import sys
for line in sys.stdin:
    sys.stdout.write(line)
"""

ECHO = """import sys
for line in sys.stdin:
    print(line, end="", flush=True)
"""

# Fails each message until the file is there.
FAILS = """#!/bin/sh
cat > /dev/null
test -e mended || exit 75
"""

ENDS = """#!/bin/sh
read line
exit 3
"""


class Why(topology.Case):
    def kill(self):
        """Children that hang would make a drain long: a second signal ends it at once."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            topology.wait_for("it drains", lambda: " drain why=" in self.said()
                              or self.process.poll() is not None)
            self.stop()

    def why(self, name, *words):
        done = self.ask("why", name, "-o", "json", "--timeout", "20s", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def wait_cause(self, name, cause, sentence=""):
        """Until that is the cause, and said so: another may have it before, for a while."""
        said = []

        def check():
            said[:] = [self.why(name, "--for", "200ms")]
            found = said[0]["cause"] == cause and sentence in said[0]["sentence"]
            return said[0] if found else None
        try:
            return topology.wait_for(f"{name}: {cause}", check)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{said}\n{self.said()}") from None

    def worker(self, script, extra="", flow="", io="lines"):
        return self.recipe(f"""nodes:
  work: {{kind: worker, run: {script}, io: {io}{extra}}}
flows:
  jobs: {{pattern: queue, from: external, to: work, dead_letter: dead{flow}}}
  dead: {{pattern: queue, to: external}}
""")

    def send(self, *bodies, words=()):
        done = self.ask("send", "jobs", *bodies, *words)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_well_idle_paused_delayed(self):
        self.write("w.py", ECHO)
        self.run_topology(self.worker('[python3, w.py]'))
        self.assertEqual(self.why("jobs")["cause"], "idle")
        self.assertEqual(self.why("work")["cause"], "idle")
        # While it prepares its journal, the one sync that it did may have taken long.
        self.assertIn(self.why("router")["cause"], ("well", "disk_slow"))
        self.send("1", "--in", "1h")
        self.assertIn("not due yet", self.wait_cause("jobs", "delayed")["sentence"])
        text = self.ask("why", "work")
        self.assertEqual(text.returncode, 0)
        self.assertIn("work has nothing in hand, for jobs holds 1 message", text.stdout)
        done = self.ask("why", "nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn("flows: jobs dead; nodes: work router", done.stderr)
        self.assertEqual(self.ask("why", "jobs", "--for", "5ms").returncode, 2)

    def test_paused(self):
        self.write("w.py", ECHO)
        self.run_topology(self.worker('[python3, w.py]'))
        self.assertEqual(self.ask("pause", "work").returncode, 0)
        self.send("1")
        self.assertIn("work is paused by hand", self.wait_cause("jobs", "paused")["sentence"])
        self.assertEqual(self.wait_cause("work", "paused")["advice"],
                         "zloom resume work lets it go on")
        self.assertEqual(self.ask("resume", "work").returncode, 0)
        self.wait_cause("jobs", "idle")
        self.assertEqual(self.ask("pause", "jobs").returncode, 0)
        self.assertIn("it is paused by hand", self.wait_cause("jobs", "paused")["sentence"])

    def test_nobody_takes_and_full(self):
        self.run_topology(self.recipe("""nodes:
  fill: {kind: poller, file: {path: in.jsonl}}
flows:
  jobs: {pattern: queue, from: fill, to: external, limit: {messages: 10}}
""") if self.write("in.jsonl", "".join(f"{i}\n" for i in range(50))) else None)
        self.wait_flow("jobs", lambda flow: flow["ready"] >= 10)
        said = topology.wait_for("the poller says that it waits", lambda: (
            lambda w: w if "fill has waited for room" in w["sentence"] else None)(
                self.wait_cause("jobs", "no_takers")))
        self.assertIn("jobs is full (10 of 10 messages)", said["sentence"])
        self.assertEqual(said["numbers"]["limit_messages"], 10)
        self.assertEqual(self.wait_cause("fill", "blocked")["advice"], "zloom why jobs")

    def test_output_that_is_buffered(self):
        self.write("w.py", BUFFERED)
        self.run_topology(self.worker('[env, "-u", PYTHONUNBUFFERED, python3, w.py]'))
        self.send("1")
        said = self.wait_cause("jobs", "buffered")
        self.assertIn("has read 1 line and written none", said["sentence"])
        self.assertIn("is its output buffered?", said["sentence"])
        self.assertIn("tty: true", said["advice"])
        self.assertEqual(self.wait_cause("work", "buffered")["numbers"]["report"]["begun"], 1)

    def test_failures_wait_for_their_retry(self):
        self.write("w.sh", FAILS, 0o755)
        self.run_topology(self.worker(
            "[./w.sh]", io="exec", flow=", retry: {failures: 9, backoff: [30s]}"))
        self.send("1")
        said = self.wait_cause("jobs", "retry")
        self.assertIn("1 waits for a retry; the next try is in ", said["sentence"])
        self.assertEqual(said["numbers"]["due_failures"], 1)

    def test_a_child_that_ends_at_once(self):
        self.write("w.sh", ENDS, 0o755)
        self.run_topology(self.worker(
            "[./w.sh]", extra=", restart: {backoff: [60s], budget: 9}",
            flow=", retry: {failures: 9, backoff: [1ms]}"))
        self.send("1")
        said = self.wait_cause("jobs", "child_restarts")
        self.assertIn("the program of work has ended and is started again in ", said["sentence"])

    def test_a_node_that_is_killed_again_and_again(self):
        self.write("w.py", ECHO)
        self.run_topology(self.worker('[python3, w.py]', extra=", restart: {backoff: [60s]}"))
        os.kill(self.pid("work"), signal.SIGKILL)
        said = self.wait_cause("work", "restarting")
        self.assertIn("work has ended: ", said["sentence"])
        self.assertIn("is started again in ", said["sentence"])
        self.assertEqual(said["advice"], "zloom logs work shows its last words; once its cause is "
                                         "mended, zloom resume work starts it at once")
        self.send("1")
        said = self.wait_cause("jobs", "no_takers")
        self.assertIn("(node work is waiting to be started", said["sentence"])
        self.assertEqual(said["advice"], "zloom why work")

    def test_a_router_that_does_not_answer(self):
        self.write("w.py", ECHO)
        self.run_topology(self.recipe("""nodes:
  hub: {kind: router, restart: {backoff: [60s]}}
  far: {kind: router, restart: {backoff: [60s]}}
  work: {kind: worker, run: [python3, w.py], io: lines}
flows:
  jobs: {pattern: queue, from: external, to: work}
  done: {pattern: queue, from: work, to: external}
  away: {pattern: queue, from: external, to: external, via: far}
"""))
        hub, far = self.pid("hub"), self.pid("far")
        for pid in (hub, far):
            self.addCleanup(subprocess.run, ["kill", "-CONT", str(pid)], check=False,
                            capture_output=True)
        os.kill(far, signal.SIGSTOP)
        done = self.ask("why", "away")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"nothing is known of away: router far runs (process {far}), and has not "
                      "answered for ", done.stdout)
        self.assertIn("what is there is left out", done.stderr)
        done = self.ask("why")
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("jobs is idle", done.stdout)
        self.assertIn("nothing is known of away", done.stdout)
        # None answers: the supervisor still does.
        os.kill(hub, signal.SIGSTOP)
        for name in ("jobs", "hub"):
            done = self.ask("why", name, "-o", "json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["cause"], "router_silent")
        # It is known why it does not.
        os.kill(hub, signal.SIGCONT)
        os.kill(far, signal.SIGKILL)
        said = topology.wait_for("its end is known", lambda: (
            lambda done: done.stdout if "far has ended: " in done.stdout else None)(
                self.ask("why", "away")))
        self.assertIn("is started again in ", said)

    def test_a_bus_that_keeps_what_one_does_not_hear(self):
        self.run_topology(self.recipe("""nodes:
  here: {kind: sink, file: {path: here.txt}}
  away: {kind: sink, file: {path: away.txt}}
flows:
  news: {pattern: bus, from: external, to: [here, away], dead_letter: dead}
  dead: {pattern: queue, to: external}
"""))
        self.assertEqual(self.ask("drain", "away").returncode, 0)
        done = self.ask("send", "news", "a", "b", "--topic", "x")
        self.assertEqual(done.returncode, 0, done.stderr)
        said = self.wait_cause("news", "paused")
        self.assertIn("2 wait for away, and nobody takes them: away is done: ", said["sentence"])
        self.assertEqual(said["advice"], "zloom resume away starts it again")
        self.assertFalse(said["well"])
        self.assertEqual(self.ask("resume", "away").returncode, 0)
        self.wait_cause("news", "idle")

    def test_dead_letters(self):
        self.write("w.sh", "#!/bin/sh\nexit 65\n", 0o755)
        self.run_topology(self.worker("[./w.sh]", io="exec"))
        self.send("1")
        said = self.wait_cause("dead", "no_takers")
        self.assertIn("dead letters, which wait for a hand", said["sentence"])
        self.assertIn("zloom dlq show dead says why", said["advice"])

    def test_takers_that_hold_all_they_may(self):
        # It answers its first message, then works on the second for ever.
        self.write("w.py", "import sys, time\n"
                           "print(sys.stdin.readline(), end='', flush=True)\ntime.sleep(3600)\n")
        self.run_topology(self.worker('[python3, w.py]', extra=", prefetch: 2"))
        self.send("1", "2", "3", "4", "5")
        said = self.wait_cause("jobs", "child_quiet", "is it still at work?")
        self.assertIn("message", said["sentence"])


if __name__ == "__main__":
    unittest.main()
