# SPDX-License-Identifier: MPL-2.0
"""The command line as a user meets it: help, mistakes, exit codes, sends, taps, counters."""
import json
import os
import signal
import subprocess
import unittest

from topology import Case, ZLOOM, wait_for, zloom

QUEUE = """
flows:
  words: {pattern: queue, from: external, to: external}
"""
SHOUT = """
nodes:
  shout: {kind: worker, run: [tr, a-z, A-Z], io: exec}
  print: {kind: sink, file: {path: out.txt, fsync: batch}}
flows:
  words: {pattern: queue, from: external, to: shout, dead_letter: failed}
  loud: {pattern: queue, from: shout, to: print}
  failed: {pattern: queue, to: external}
"""


class Help(unittest.TestCase):
    def test_help_lists_commands_and_options(self):
        done = zloom("help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("  run ", done.stdout)
        every = zloom("help", "--all").stdout
        for line in every.splitlines():
            if line.startswith("  "):
                name = line.split()[0]
                one = zloom("help", name)
                self.assertEqual(one.returncode, 0, name)
                self.assertIn(f"usage: zloom {name}", one.stdout)

    def test_help_is_asked_for_anywhere(self):
        for words in [("graph", "--help"), ("graph", "no-such.yaml", "--help"), ("up", "x", "-h"),
                      ("stats", "-o", "json", "--help")]:
            done = zloom(*words)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout, zloom("help", words[0]).stdout)
        self.assertIn("No such file", zloom("lint", "--", "--help").stderr)

    def test_unknown_words_are_usage_errors_with_a_suggestion(self):
        done = zloom("statz")
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'stats'", done.stderr)
        done = zloom("stats", "--outptu", "json")
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean --output", done.stderr)
        self.assertEqual(zloom("stats", "-o", "xml").returncode, 2)
        self.assertEqual(zloom("send").returncode, 2)
        self.assertEqual(zloom("dlq", "eat", "x").returncode, 2)
        for words in [("trace", "a", "1", "b"), ("down", "a", "b"), ("version", "x")]:
            done = zloom(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"'{words[-1]}' is a word too many; usage: zloom {words[0]}",
                          done.stderr)

    def test_version(self):
        self.assertRegex(zloom("version").stdout, r"^zloom \d+\.\d+\.\d+ \(libzmq 4")


class Author(Case):
    def test_lint_tells_all_mistakes_at_once(self):
        recipe = self.recipe("flows:\n  a: {pattern: quue, from: external, to: nobody}\n")
        done = zloom("lint", recipe)
        self.assertEqual(done.returncode, 78)
        self.assertIn(":4:", done.stdout)
        self.assertIn("did you mean 'queue'", done.stdout)
        self.assertIn("nobody", done.stdout)
        found = json.loads(zloom("lint", recipe, "-o", "json").stdout)
        self.assertGreaterEqual(len(found), 2)
        self.assertEqual({item["severity"] for item in found}, {"error"})

    def test_lint_of_a_good_recipe_is_quiet(self):
        done = zloom("lint", self.recipe(QUEUE))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("0 errors, 0 warnings", done.stdout)

    def test_lint_of_no_file(self):
        done = zloom("lint", self.folder / "nothing.yaml")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing.yaml", done.stderr)

    def test_explain(self):
        recipe = self.recipe(SHOUT)
        self.assertIn("words", zloom("explain", recipe, "words").stdout)
        self.assertIn("lease", zloom("explain", "lease").stdout)
        self.assertEqual(zloom("explain", "Z0105").returncode, 0)
        done = zloom("explain", "Z9999")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Z9999", done.stderr)


class Run(Case):
    def test_wrong_recipe_is_78(self):
        done = zloom("run", self.recipe("flows: {a: {pattern: bus}}\n"), "--state", self.state)
        self.assertEqual(done.returncode, 78)
        self.assertIn("error[Z", done.stderr)

    def test_nothing_running_is_69(self):
        for words in (["stats"], ["send", "words", "x"], ["tap", "words"], ["dlq", "ls"]):
            done = self.ask(*words)
            self.assertEqual(done.returncode, 69, words)
            self.assertIn("start it with: zloom up RECIPE", done.stderr)

    def test_a_topology_works_from_send_to_file(self):
        self.run_topology(self.recipe(SHOUT))
        done = self.ask("send", "words", "hello, world", "again")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sent 2 to words, 2 confirmed", done.stderr)
        out = self.folder / "out.txt"
        wait_for("both lines", lambda: out.exists() and out.read_text().count("\n") == 2)
        self.assertEqual(sorted(out.read_text().split("\n")), ["", "AGAIN", "HELLO, WORLD"])
        counters = self.wait_flow("loud", lambda f: f["acked"] == 2)
        self.assertEqual(counters["ready"], 0)
        text = self.ask("stats").stdout
        self.assertRegex(text, r"words +disk +0 +0 +0 +2 +0 +0")
        self.assertRegex(text, r"supervisor +supervisor +-\n")
        self.assertRegex(text, r"last sync [0-9.]+m?s,")
        self.assertNotRegex(text + self.ask("stats", "words").stdout, r'[" ]\n')
        self.assertEqual(self.stop(), 0)
        self.assertIn("drain", self.said())

    def test_second_run_of_the_same_name_is_refused(self):
        recipe = self.recipe(QUEUE)
        self.run_topology(recipe)
        done = zloom("run", recipe, "--state", self.state)
        self.assertEqual(done.returncode, 73)
        self.assertIn(f"process {self.process.pid}", done.stderr)
        self.assertEqual(self.ask("send", "words", "still here").returncode, 0)

    def test_second_router_on_the_same_journal_is_refused(self):
        recipe = self.recipe(QUEUE)
        self.run_topology(recipe)
        done = zloom("node", recipe, "router", "--state", self.state, "--runtime",
                     self.folder / "other")
        self.assertEqual(done.returncode, 73)
        self.assertIn("LOCKED", done.stderr)
        self.assertEqual(self.ask("send", "words", "still here").returncode, 0)

    def test_a_router_alone_is_found(self):
        recipe = self.recipe(QUEUE)
        with subprocess.Popen([ZLOOM, "node", str(recipe), "router", "--state", str(self.state)],
                              stderr=subprocess.DEVNULL) as router:
            wait_for("the router answers", self.flows)
            self.assertEqual(self.ask("send", "words", "x").returncode, 0)
            router.terminate()
            self.assertEqual(router.wait(timeout=60), 0)
        self.assertEqual(self.ask("stats").returncode, 69)

    def test_until_idle_ends_by_itself(self):
        self.write("in.txt", "".join(f"line {n}\n" for n in range(500)))
        recipe = self.recipe("""
nodes:
  in: {kind: poller, file: {path: in.txt, format: lines}}
  out: {kind: sink, file: {path: out.txt, fsync: batch}}
flows:
  lines: {pattern: queue, from: in, to: out}
""")
        self.run_topology(recipe, "--until-idle", ready=False)
        self.assertEqual(self.process.wait(timeout=60), 0, self.said())
        self.assertEqual((self.folder / "out.txt").read_text(),
                         (self.folder / "in.txt").read_text())
        # Again: everything was read before, so nothing is sent twice.
        self.run_topology(recipe, "--until-idle", ready=False)
        self.assertEqual(self.process.wait(timeout=60), 0, self.said())
        self.assertEqual((self.folder / "out.txt").read_text(),
                         (self.folder / "in.txt").read_text())

    def test_unknown_node_names_the_others(self):
        done = zloom("node", self.recipe(SHOUT), "shuot", "--state", self.state)
        self.assertEqual(done.returncode, 2)
        self.assertIn("shout print router", done.stderr)

    def test_a_killed_supervisor_takes_its_nodes_along(self):
        self.run_topology(self.recipe(QUEUE))
        router = self.pid("router")
        self.process.kill()
        self.process.wait()
        wait_for("the router has drained", lambda: not alive(router))


    def test_a_state_folder_that_cannot_be_made_is_73(self):
        done = zloom("run", self.recipe(QUEUE), "--state", "/proc/zloom")
        self.assertEqual(done.returncode, 73)
        self.assertIn("/proc/zloom", done.stderr)

    def test_a_topology_and_a_state_folder_are_one_too_many(self):
        done = self.ask("send", "other/words", "x")
        self.assertEqual(done.returncode, 2)
        self.assertIn("either", done.stderr)


class Data(Case):
    def test_tap_shows_what_waits_and_takes_nothing(self):
        self.run_topology(self.recipe(QUEUE))
        self.ask("send", "words", "one", '{"two": 2}')
        done = self.ask("tap", "words", "--waiting")
        self.assertEqual(done.stdout, 'one\n{"two": 2}\n', done.stderr)
        rows = [json.loads(line) for line in
                self.ask("tap", "words", "--waiting", "-o", "jsonl").stdout.splitlines()]
        self.assertEqual([row["body"] for row in rows], ["one", {"two": 2}])
        self.assertEqual(self.flows()["words"]["ready"], 2)

    def test_tap_is_live(self):
        self.run_topology(self.recipe(QUEUE))
        with subprocess.Popen([ZLOOM, "tap", "words", "--count", "3", "--state", str(self.state)],
                              stdout=subprocess.PIPE, text=True) as tap:
            # The tap hears only what comes after it is there: send until it has heard enough.
            def feed():
                self.ask("send", "words", "x")
                return tap.poll() is not None
            wait_for("three copies", feed)
            self.assertEqual(tap.stdout.read(), "x\nx\nx\n")

    def test_named_send_skips_what_was_sent(self):
        self.run_topology(self.recipe(QUEUE))
        lines = self.write("lines.txt", "a\nb\nc\n")
        self.assertEqual(self.ask("send", "words", "--file", lines, "--name", "imp").returncode, 0)
        lines.write_text("a\nb\nc\nd\n")
        done = self.ask("send", "words", "--file", lines, "--name", "imp")
        self.assertIn("sent 1 to words, 1 confirmed, 3 skipped", done.stderr)
        self.assertEqual(self.flows()["words"]["ready"], 4)
        for words in (["x"], ["--file", self.write("one.txt", "x\n")]):
            done = self.ask("send", "words", *words, "--name", "imp")
            self.assertIn("sent 0 to words, 0 confirmed, 1 skipped", done.stderr)

    def test_unknown_flow(self):
        self.run_topology(self.recipe(QUEUE))
        for words in (["send", "wrods", "x"], ["stats", "wrods"], ["tap", "wrods"]):
            done = self.ask(*words)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn("wrods", done.stderr)

    def test_dead_letters_are_shown_requeued_and_purged(self):
        handler = self.write("fail.sh", "#!/bin/sh\ncat >/dev/null\n[ -e ok ] && exit 0\n"
                             "echo sorry >&2\nexit 65\n", 0o755)
        self.run_topology(self.recipe(f"""
nodes:
  work: {{kind: worker, run: [{handler}], io: exec}}
flows:
  jobs: {{pattern: queue, from: external, to: work, dead_letter: dead}}
  dead: {{pattern: queue, to: external}}
"""))
        self.ask("send", "jobs", "one", "two", "three")
        self.wait_flow("dead", lambda f: f["ready"] == 3)
        self.assertRegex(self.ask("dlq", "ls", "dead").stdout, r"dead +3 +rejected 3")
        # Where nothing is found, it is said where it may be.
        for words in (["show"], ["requeue", "--dry-run"]):
            done = self.ask("dlq", words[0], "jobs", *words[1:])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("jobs holds no dead letters: what it gives up goes to dead", done.stderr)
        done = self.ask("dlq", "show", "dead", "--reason", "reject")
        self.assertIn("none of the 3 in dead is one of those; zloom dlq ls dead", done.stderr)
        done = self.ask("dlq", "show", "jobs", "-o", "json")
        self.assertEqual((done.stdout.strip(), done.stderr), ("[]", ""))
        shown = json.loads(self.ask("dlq", "show", "dead", "-o", "json").stdout)
        self.assertEqual(sorted(item["body"] for item in shown), ["one", "three", "two"])
        self.assertEqual({cause["reason"] for item in shown for cause in item["causes"]},
                         {"rejected"})
        self.assertEqual({cause["flow"] for item in shown for cause in item["causes"]}, {"jobs"})
        dry = self.ask("dlq", "requeue", "dead", "--dry-run")
        self.assertIn("3 matched, 3 would be requeued", dry.stdout)
        self.assertEqual(self.flows()["dead"]["ready"], 3)
        self.write("ok", "")
        done = self.ask("dlq", "requeue", "dead", "--max", "2", "--rate", "1")
        self.assertIn("2 requeued", done.stdout, done.stderr)
        self.wait_flow("jobs", lambda f: f["acked"] == 2)
        refused = self.ask("dlq", "purge", "dead")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("--yes", refused.stderr)
        self.assertIn("1 deleted", self.ask("dlq", "purge", "dead", "--yes").stdout)
        self.assertEqual(self.flows()["dead"]["ready"], 0)
        self.assertIn("dead holds no dead letters\n", self.ask("dlq", "show", "dead").stderr)
        self.assertRegex(self.ask("dlq", "ls").stdout, r"dead +0 +-\n")
        self.assertIn("nobody hears jobs; only a bus is heard",
                      self.ask("group", "ls", "jobs").stdout)


class Asks(Case):
    """What a send may ask for: what cannot be meant is said before anything is looked for."""

    def refused(self, *words):
        done = self.ask("send", "words", *words)
        self.assertEqual(done.returncode, 2, (words, done.stderr))
        return done.stderr

    def test_times_that_cannot_be_meant(self):
        self.assertIn("either --in or --at", self.refused("x", "--in", "1m", "--at", "14:05"))
        self.assertIn("ago", self.refused("x", "--at", "2020-01-01T00:00:00Z"))
        self.assertIn("'noon' is no time", self.refused("x", "--at", "noon"))
        self.assertIn("does not exist", self.refused("x", "--at", "2027-02-29T12:00"))
        self.assertIn("duration", self.refused("x", "--in", "10"))
        self.assertIn("worthless", self.refused("x", "--in", "1m", "--expires", "1m"))
        self.assertIn("worthless", self.refused("x", "--expires", "0s"))
        far = "2200-01-01T00:00:00Z"
        self.assertIn("worthless", self.refused("x", "--at", far, "--expires", "1h"))

    def test_priorities_and_ids_that_cannot_be_meant(self):
        self.assertIn("from 0 to 9", self.refused("x", "--priority", "10"))
        self.assertIn("from 0 to 9", self.refused("x", "--priority", "high"))
        self.assertIn("one message", self.refused("x", "y", "--id", "order-1"))
        self.assertIn("one message", self.refused("--id", "order-1"))
        self.assertIn("64 bytes", self.refused("x", "--id", "i" * 65))

    def test_at_says_what_was_understood(self):
        done = zloom("send", "words", "x", "--at", "2200-01-01T00:00", "--state", self.state,
                     env={"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"})
        self.assertEqual(done.returncode, 69)  # nothing runs, but it was understood
        self.assertIn("not before 2200-01-01T00:00:00+01:00, in ", done.stderr)


class Restart(Case):
    def test_what_was_confirmed_survives_a_kill_of_everything(self):
        recipe = self.recipe(QUEUE)
        self.run_topology(recipe)
        lines = self.write("lines.txt", "".join(f"{n}\n" for n in range(1000)))
        self.assertEqual(self.ask("send", "words", "--file", lines).returncode, 0)
        os.kill(self.pid("router"), signal.SIGKILL)
        self.wait_flow("words", lambda f: f["ready"] == 1000)
        self.assertIn("node-death node=router", self.said())
        stored = self.flows()["words"]["bytes"]
        self.assertGreater(stored, 3000)
        self.assertEqual(self.stop(), 0)
        self.run_topology(recipe)
        self.assertEqual(self.flows()["words"]["ready"], 1000)
        self.assertEqual(self.flows()["words"]["bytes"], stored)  # limit.bytes counts it

    def test_doctor_on_a_closed_journal(self):
        self.run_topology(self.recipe(QUEUE))
        self.ask("send", "words", "x")
        busy = zloom("doctor", self.state)
        self.assertNotEqual(busy.returncode, 0)
        self.assertIn("is in use: stop what runs there (zloom down)", busy.stderr)
        self.stop()
        done = zloom("doctor", self.state)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("whole", done.stdout)
        report = json.loads(zloom("doctor", self.state, "-o", "json").stdout)
        self.assertTrue(report["whole"])
        self.assertEqual([flow["name"] for flow in report["flows"]], ["words"])
        done = zloom("doctor", self.folder / "nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn("DIR is the state folder of a topology", done.stderr)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    unittest.main()
