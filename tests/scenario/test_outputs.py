#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Two promises of the whole command line: what prints data prints JSON when asked to, and how a
command ended can be told from its exit code. Each command and each code has to stand here."""
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import unittest

import topology
from topology import zloom

RECIPE = """nodes:
  work: {kind: worker, run: [python3, w.py]}
  hears: {kind: sink, file: {path: heard.txt}}
flows:
  events: {pattern: bus, from: external, to: [hears, external]}
  jobs: {pattern: queue, from: external, to: work, key: /k, dead_letter: dead}
  plain: {pattern: queue, from: external, to: external, limit: {messages: 1}}
  dead: {pattern: queue, to: external}
"""
ECHO = "import sys\nfor line in sys.stdin:\n    print(line, end='', flush=True)\n"

# Commands without data of their own: what they write to stdout is the nodes', or nothing.
SILENT = {"run", "node", "wait"}
# Commands with a form of their own.
OWN = {"schema": "it is JSON", "test": "text, tap and junit"}
# What is run of each other command; {state}, {recipe}, {folder} are filled in.
COMMANDS = {
    "choose": ["choose", "--answers", "answer=no,who=one,lost=no,fresh=now,source=program"],
    "patterns": ["patterns"],
    "new": ["new", "queue", "--dir", "{folder}/new-{form}"],
    "lint": ["lint", "{recipe}"],
    "explain": ["explain", "lease"],
    "expand": ["expand", "{recipe}"],
    "graph": ["graph", "{recipe}"],
    "ps": ["ps", "--state", "{state}"],
    "send": ["send", "jobs", '{{"k": 1}}', "--state", "{state}"],
    "pause": ["pause", "plain", "--state", "{state}"],
    "resume": ["resume", "plain", "--state", "{state}"],
    "drain": ["drain", "dead", "--state", "{state}"],
    "scale": ["scale", "work", "2", "--state", "{state}"],
    "tap": ["tap", "plain", "--waiting", "--state", "{state}"],
    "dlq": ["dlq", "ls", "dead", "--state", "{state}"],
    "flow": ["flow", "parked", "jobs", "--state", "{state}"],
    "group": ["group", "ls", "--state", "{state}"],
    "stats": ["stats", "--state", "{state}"],
    "top": ["top", "--interval", "100ms", "--state", "{state}"],
    "why": ["why", "jobs", "--for", "100ms", "--state", "{state}"],
    "trace": ["trace", "{id}", "--state", "{state}"],
    "up": ["up", "{recipe}", "--state", "{up}"],
    "logs": ["logs", "--state", "{up}"],
    "down": ["down", "--state", "{up}"],
    "doctor": ["doctor", "{folder}/closed"],
    "keys": ["keys", "new", "{form}", "--keys", "{folder}/keys"],
    "help": ["help", "--all"],
    "version": ["version"],
}


def names():
    """Every command that there is."""
    return [command["name"] for command in json.loads(zloom("help", "-o", "json").stdout)]


def values(text):
    """The JSON values of lines."""
    return [json.loads(line) for line in text.splitlines()]


class Outputs(topology.Case):
    def fill(self, words, form):
        return [word.format(state=self.state, recipe=self.path, folder=self.folder, form=form,
                            up=self.folder / "up", id=self.sent) for word in words]

    def start(self):
        self.write("w.py", ECHO)
        self.path = self.recipe(RECIPE)
        self.run_topology(self.path)
        done = self.ask("send", "plain", "1", "-o", "json")
        told = json.loads(done.stdout)
        self.assertEqual((told["sent"], told["confirmed"]), (1, 1))
        self.sent = f"{told['producer']}/{told['last_id']}"

    def close_one(self):
        """A state folder whose journal is closed."""
        recipe = self.write("closed.yaml", "zloom: 1\nname: closed\n" + RECIPE)
        process = subprocess.Popen([topology.ZLOOM, "run", str(recipe), "--state",
                                    str(self.folder / "closed")], stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if " ready topology" in line:
                process.send_signal(signal.SIGTERM)
        process.stderr.close()
        self.assertEqual(process.wait(), 0)

    def test_each_command_has_its_row(self):
        self.assertEqual(set(names()), set(COMMANDS) | SILENT | set(OWN))

    def test_each_form_is_valid(self):
        self.start()
        self.close_one()
        for form in ("json", "jsonl"):
            for name in COMMANDS:
                with self.subTest(command=name, form=form):
                    done = zloom(*self.fill(COMMANDS[name], form), "-o", form)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    if form == "json":
                        json.loads(done.stdout)
                    else:
                        values(done.stdout)
                    if name not in {"lint", "flow"}:  # nothing to say is right there
                        self.assertTrue(done.stdout, name)

    def test_an_unknown_form_is_refused_by_all(self):
        for name, words in COMMANDS.items():
            with self.subTest(command=name):
                words = itertools.takewhile(lambda word: not word.startswith("-"), words)
                done = zloom(*words, "-o", "xml")
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn("not 'xml'", done.stderr)
                self.assertEqual(done.stdout, "")

    def test_control_characters_of_others_reach_no_terminal(self):
        evil = "\x1b[2J\x07\x7f\u009b31m"
        self.write("bad.sh", f"#!/bin/sh\nprintf '{evil}' >&2\nexit 65\n", 0o755)
        self.run_topology(self.recipe("""nodes:
  work: {kind: worker, run: [./bad.sh], io: exec}
flows:
  jobs: {pattern: queue, from: external, to: work, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""))
        self.assertEqual(self.ask("send", "jobs", evil).returncode, 0)
        self.wait_flow("dead", lambda counters: counters["ready"] == 1)
        letter = json.loads(self.ask("dlq", "show", "dead", "-o", "json").stdout)[0]
        self.assertEqual(letter["body"], evil)
        self.assertIn(evil, letter["causes"][0]["text"])
        for words in (["dlq", "show", "dead"], ["dlq", "show", "dead", "-o", "json"],
                      ["trace", "dead", "1"], ["send", "no" + evil, "x"], ["why", evil]):
            done = self.ask(*words)
            told = done.stdout + done.stderr
            self.assertFalse(re.search("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]", told), (words, told))
        self.assertIn(r"\x1b[2J\x07\x7f\xc2\x9b31m", self.ask("dlq", "show", "dead").stdout)
        # What a program reads is what was sent.
        self.assertEqual(self.ask("tap", "dead", "--waiting", "--count", "1").stdout, evil + "\n")

    def test_schema_is_json(self):
        json.loads(zloom("schema").stdout)

    def test_names_of_files_need_not_be_text(self):
        """What is no UTF-8 in them is shown, and what is printed is JSON all the same."""
        bad = os.fsdecode(os.fsencode(self.folder) + b"/bad-\xff.yaml")
        good = self.recipe("flows:\n  jobs: {pattern: queue, from: external, to: external}\n")
        shutil.copy(good, bad)
        for words, code in ((("lint", bad), 0), (("expand", bad), 0), (("graph", bad), 0),
                            (("new", "queue", "--dir", bad + ".new."), 0),
                            (("lint", bad, "--set", "no.such=1"), 78)):
            for form in ("json", "jsonl"):
                last = words[-1] + (form if words[0] == "new" else "")
                done = subprocess.run([topology.ZLOOM, *words[:-1], last, "-o", form],
                                      capture_output=True, check=False)
                self.assertEqual(done.returncode, code, (words, done.stderr))
                for text in [done.stdout] if form == "json" else done.stdout.splitlines():
                    json.loads(text.decode("utf-8"))


class Codes(topology.Case):
    """The table of exit codes, a real command line each."""

    def code(self, expected, *words, **options):
        done = zloom(*words, **options)
        self.assertEqual(done.returncode, expected, f"{words}: {done.stdout}{done.stderr}")
        return done.stderr

    def plain(self, **limits):
        extra = "".join(f", {name}: {value}" for name, value in limits.items())
        return self.recipe("flows:\n  jobs: {pattern: queue, from: external, to: external"
                           + extra + "}\n")

    def test_every_code_of_the_page_stands_here(self):
        page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs",
                            "operations.md")
        with open(page, encoding="utf-8") as text:
            section = text.read().split("\n## 9. Exit codes", 1)[1].split("\n## ", 1)[0]
        told = {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", section)}
        here = {int(code) for name in dir(self)
                for code in re.findall(r"^test_(\d+)_", name)}
        # 70 is for what must not happen: no command line is known that gets there, but
        # tests/unit/cli/test_print.c does.
        self.assertEqual(told - here, {70})

    def test_0_done(self):
        self.code(0, "version")
        self.code(0, "lint", self.plain())

    def test_1_failed(self):
        self.code(1, "explain", "no-such-thing")
        self.run_topology(self.plain())
        self.code(1, "why", "nowhere", "--state", self.state, "--for", "100ms")
        self.code(1, "stats", "nowhere", "--state", self.state)

    def test_2_the_command_line_is_wrong(self):
        self.code(2, "statz")
        self.code(2, "send")
        self.code(2, "stats", "--outputt", "json")
        self.code(2, "run", self.plain(), "--metrics", "here")
        self.code(2, "run", self.plain(), "--log-size", "4KiB")
        self.code(2, "top", "--interval", "soon")

    def test_65_data_that_cannot_be_taken(self):
        self.run_topology(self.plain(key="/k"))
        said = self.code(65, "send", "jobs", '{"no": 1}', "--state", self.state)
        self.assertIn("key", said)
        self.assertEqual(self.stop(), 0)
        journal = self.state / "router" / "journal"
        hot = sorted(journal.glob("hot-*"))[0]
        data = bytearray(hot.read_bytes())
        start = next(i for i, byte in enumerate(data[4096:], 4096) if byte)
        data[start + 40] ^= 0xff
        hot.write_bytes(bytes(data))
        self.code(65, "doctor", self.state)

    def test_69_nothing_runs_there(self):
        for words in (["stats"], ["send", "jobs", "1"], ["ps"], ["top"], ["why"], ["down"]):
            with self.subTest(words=words):
                self.code(69, *words, "--state", self.state)

    def test_73_cannot_be_created(self):
        recipe = self.plain()
        self.write("file", "")
        self.code(73, "run", recipe, "--state", self.folder / "file" / "state")
        self.run_topology(recipe)
        self.assertIn("runs", self.code(73, "run", recipe, "--state", self.state))

    def test_75_not_in_time(self):
        self.run_topology(self.plain(limit="{messages: 1}"))
        self.code(0, "send", "jobs", "1", "--state", self.state)
        said = self.code(75, "send", "jobs", "2", "--state", self.state, "--timeout", "200ms")
        self.assertIn("1 not answered by the router", said)
        self.assertIn("zloom why jobs", said)

    def test_77_a_folder_that_others_may_enter(self):
        self.run_topology(self.plain())
        self.assertEqual(self.stop(), 0)
        self.state.chmod(0o777)
        (self.state / "run").chmod(0o777)
        self.code(77, "run", self.plain(), "--state", self.state)

    def test_78_the_recipe_has_errors(self):
        wrong = self.recipe("flows:\n  jobs: {pattern: quue}\n")
        self.code(78, "lint", wrong)
        self.code(78, "run", wrong, "--state", self.state)

    def test_126_a_program_that_cannot_be_executed(self):
        """Of zloom-spawn, which runs programs; the pipe takes the errno."""
        plain = self.write("plain.txt", "no program\n")
        read, write = os.pipe()
        done = subprocess.run(
            [topology.BIN / "zloom-spawn", str(write), str(os.getpid()), "15", "0", "0", "/",
             str(plain)], pass_fds=(write,), capture_output=True, text=True, check=False)
        os.close(write)
        os.close(read)
        self.assertEqual(done.returncode, 126, done.stderr)

    def test_127_a_program_that_is_not_there(self):
        self.check_program("nowhere", None)

    def test_127_a_program_that_is_none(self):
        self.check_program("w.txt", 0o644)

    def check_program(self, name, mode):
        if mode is not None:
            self.write(name, "#!/bin/sh\n", mode)
        recipe = self.recipe(f"""nodes:
  work: {{kind: worker, run: [./{name}]}}
flows:
  jobs: {{pattern: queue, from: external, to: work, dead_letter: dead}}
  dead: {{pattern: queue, to: external}}
""")
        with open(self.folder / "router.log", "wb") as log:
            self.process = subprocess.Popen([topology.ZLOOM, "node", str(recipe), "router",
                                             "--state", str(self.state)], stderr=log)
        topology.wait_for("the router serves", (self.state / "run" / "router.sock").exists)
        self.code(127, "node", recipe, "work", "--state", self.state)
        self.assertEqual(self.stop(), 0)


if __name__ == "__main__":
    unittest.main()
