# SPDX-License-Identifier: MPL-2.0
"""`zloom test`: its reports and exit codes, what its documentation shows, and the cases that every
recipe of the repository carries."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree

import yaml

from topology import BIN, Case, ZLOOM, zloom

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "tests" / "data" / "cases"
HEAD = """zloom: 1
name: t
flows:
  in: {pattern: queue, from: external, to: external}
"""
ONE = HEAD + "tests: {one: {steps: [{send: in, body: a}, {expect: in, count: 1}]}}\n"

# Two that pass, and take little time.
SOME = ("passes.yaml", "--case", "pause", "-c", "keys")


def play(*words, folder=DATA):
    """`zloom test` in a folder, so that places have short names."""
    return subprocess.run([ZLOOM, "test", *words], cwd=folder, capture_output=True, text=True,
                          timeout=300, check=False)


def tap(text):
    """[(ok, number, description, what its YAML block says)] of TAP 14; anything odd is an error."""
    lines = text.rstrip("\n").split("\n")
    if lines[0] != "TAP version 14":
        raise ValueError(lines[0])
    plan = re.fullmatch(r"1\.\.(\d+)", lines[1])
    tests, block = [], None
    for line in lines[2:]:
        point = re.fullmatch(r"(not )?ok (\d+) - ((?:[^#\\]|\\.)*)", line)
        if line == "  ---":
            block = []
        elif line == "  ...":
            tests[-1][3] = yaml.safe_load("\n".join(block))
            block = None
        elif block is not None and line.startswith("  "):
            block.append(line[2:])
        elif point and block is None:
            tests.append([not point[1], int(point[2]), point[3], None])
        else:
            raise ValueError(line)
    if [test[1] for test in tests] != list(range(1, int(plan[1]) + 1)) or block is not None:
        raise ValueError("not as planned")
    return tests


class Reports(Case):
    def test_text(self):
        done = play("fails.yaml")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, (DATA / "fails.expected").read_text(encoding="utf-8"))
        self.assertEqual(done.stderr, "")

    def test_tap(self):
        done = play("fails.yaml", "-o", "tap")
        self.assertEqual(done.returncode, 1)
        tests = tap(done.stdout)
        self.assertFalse(any(test[0] for test in tests))
        by_name = {test[2].split(":")[0]: test for test in tests}
        self.assertEqual(by_name["wrong-body"][2],
                         'wrong-body: the second one differs <&> "\\#1"')
        failure = by_name["wrong-body"][3]["failures"][0]
        self.assertEqual(failure["at"], {"file": "fails.yaml", "line": 21, "column": 51})
        self.assertIn("messages of flow 'out'", failure["message"])
        self.assertEqual([row["same"] for row in failure["rows"]], [True, False])
        self.assertEqual(failure["rows"][1], {"expected": '{"id":3}', "same": False,
                                              "seen": '{"id":2,"name":"a | b"}'})
        self.assertIsNone(by_name["too-many"][3]["failures"][0]["rows"][1]["expected"])
        self.assertTrue(all(test[0] and test[3] is None
                            for test in tap(play("passes.yaml", "-o", "tap").stdout)))

    @unittest.skipUnless(shutil.which("prove"), "perl's prove is not here")
    def test_tap_as_prove_reads_it(self):
        """It knows version 13 only, of which 14 is a superset that old readers take."""
        for words, code in ((SOME, 0), (("fails.yaml",), 1)):
            text = play(*words, "-o", "tap").stdout.replace("version 14", "version 13", 1)
            done = subprocess.run(["prove", "-e", "cat", self.write("report.tap", text)],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, code, done.stdout)
            self.assertNotIn("Parse errors", done.stdout)

    def test_junit(self):
        done = play("fails.yaml", "-o", "junit")
        self.assertEqual(done.returncode, 1)
        root = xml.etree.ElementTree.fromstring(done.stdout)
        self.assertEqual(root.tag, "testsuites")
        suite = root.find("testsuite")
        cases = suite.findall("testcase")
        failed = [case for case in cases if case.find("failure") is not None]
        self.assertEqual(suite.get("name"), "fails")
        self.assertEqual(suite.get("tests"), str(len(cases)))
        self.assertEqual(suite.get("failures"), str(len(failed)))
        self.assertEqual(len(failed), len(cases))
        self.assertEqual((suite.get("errors"), suite.get("skipped")), ("0", "0"))
        self.assertEqual(len({case.get("name") for case in cases}), len(cases))
        for case in cases:
            self.assertGreaterEqual(float(case.get("time")), 0)
            self.assertEqual(case.get("classname"), "fails")
            line = (DATA / "fails.yaml").read_text(encoding="utf-8").splitlines()
            self.assertIn(case.get("name") + ":", line[int(case.get("line")) - 1])
        failure = cases[0].find("failure")
        self.assertTrue(failure.get("message").startswith("fails.yaml:21:51: messages of flow"))
        self.assertIn('! {"id":3}', failure.text)
        passed = xml.etree.ElementTree.fromstring(play(*SOME, "-o", "junit").stdout)
        self.assertEqual(passed.find("testsuite").get("failures"), "0")
        self.assertEqual(passed.findall(".//failure"), [])

    def test_json(self):
        done = play("fails.yaml", "-o", "json")
        self.assertEqual(done.returncode, 1)
        cases = json.loads(done.stdout)
        self.assertFalse(any(case["passed"] for case in cases))
        first = cases[0]
        self.assertEqual((first["recipe"], first["case"], first["file"], first["played_ms"]),
                         ("fails", "wrong-body", "fails.yaml", 0))
        failure = first["failures"][0]
        self.assertEqual((failure["line"], failure["column"], failure["after_ms"]), (21, 51, 0))
        self.assertEqual(failure["rows"][0],
                         {"expected": '{"id":1}', "seen": '{"id":1}', "same": True})
        lines = play(*SOME, "-o", "jsonl").stdout.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertTrue(all(json.loads(line)["passed"] for line in lines))
        self.assertEqual([json.loads(line)["failures"] for line in lines], [[]] * len(lines))

    def test_odd_bytes_break_no_report(self):
        text = HEAD.replace("name: t", "name: odd") + (
            'tests:\n  odd:\n    about: "]]> & <x> \\" \\\\ # done\\n\\e[0m"\n    steps:\n'
            '      - {send: in, body: "\\e[31m <b> ]]> \\x7f \\u0085 \\""}\n'
            '      - {expect: in, messages: ["# skip \\\\"]}\n'
            '  no-rule:\n    mock: {work: [{body: x}]}\n    steps:\n'
            '      - {send: job, body: "\\e[1m <&> ' + 60 * "\u00e4" + '"}\n'
            '      - {expect: job, count: 1}\n')
        text = text.replace("flows:\n", "nodes: {work: {kind: worker, run: [cat]}}\nflows:\n"
                            "  job: {pattern: queue, from: external, to: work, "
                            "dead_letter: dead}\n  dead: {pattern: queue, to: external}\n", 1)
        path = self.write("odd.yaml", text)
        for form in ("text", "tap", "junit", "json"):
            self.assertNotIn("\x1b", zloom("test", path, "-o", form).stdout)
        self.assertEqual(len(tap(zloom("test", path, "-o", "tap").stdout)), 2)
        self.assertEqual(len(json.loads(zloom("test", path, "-o", "json").stdout)), 2)
        xml.etree.ElementTree.fromstring(zloom("test", path, "-o", "junit").stdout)


class Words(Case):
    def test_one_case(self):
        done = play(*SOME)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout,
                         "ok      pause\nok      keys  (2s100ms)\npasses.yaml: 2 cases, 0 failed\n")

    def test_exit_codes(self):
        good = self.write("good.yaml", ONE)
        for words, code, said in (
                ([good], 0, ""),
                ([good, "--case", "two"], 2, "has no case 'two'"),
                ([good, "-o", "xml"], 2, "text, tap, junit, json or jsonl"),
                ([], 2, "RECIPE"),
                ([self.write("none.yaml", HEAD)], 65, "has no 'tests:'"),
                ([self.write("bad.yaml", ONE.replace("expect: in", "expect: im"))], 78, "Z0302"),
                ([self.folder / "missing.yaml"], 1, "missing.yaml")):
            done = zloom("test", *words)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(said, done.stderr)

    def test_a_letter_that_was_put_back_has_no_reason_any_more(self):
        """Whether it was looked at before or not."""
        text = """zloom: 1
name: t
nodes:
  work: {kind: worker, run: [cat]}
flows:
  in: {pattern: queue, from: external, to: work, dead_letter: dead}
  dead: {pattern: queue, to: external}
tests:
  one:
    mock: {work: [{times: 1, do: reject, text: no}, {do: ack}]}
    steps: [{send: in, body: a}, {wait: 1s}, LOOK{requeue: dead}, {wait: 1s}, EXPECT]
"""
        look = "{expect: dead, messages: [{body: a, reason: rejected}]}"
        kept = text.replace(", LOOK{requeue: dead}, {wait: 1s}, EXPECT", f", {look}")
        self.assertEqual(zloom("test", self.write("kept.yaml", kept)).returncode, 0)
        for number, before in enumerate(("", look + ", ")):
            path = self.write(f"back{number}.yaml",
                              text.replace("LOOK", before).replace("EXPECT", look))
            done = zloom("test", path)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)

    def test_params(self):
        text = ONE.replace("name: t\n", "name: t\nparams: {n: {type: int, default: 1}}\n")
        path = self.write("params.yaml", text.replace("count: 1", 'count: "${param.n}"'))
        self.assertEqual(zloom("test", path).returncode, 0)
        self.assertEqual(zloom("test", path, "--set", "n=2").returncode, 1)

    def test_it_leaves_nothing_behind(self):
        path = self.write("good.yaml", ONE)
        before = sorted(os.listdir(self.folder))
        done = zloom("test", path, env={"XDG_STATE_HOME": str(self.folder),
                                        "XDG_RUNTIME_DIR": str(self.folder)})
        self.assertEqual(done.returncode, 0)
        self.assertEqual(sorted(os.listdir(self.folder)), before)


class Programs(Case):
    """Workers without a mock: their own programs, while the clock stands still."""

    RECIPE = """zloom: 1
name: t
nodes:
  frames: {kind: worker, run: [python3, w.py], io: frames, replicas: 2}
  exec: {kind: worker, run: [tr, a-z, A-Z], io: exec}
  lines: {kind: worker, run: [sed, -u, "s/a/b/g"], io: lines}
  gone: {kind: worker, run: [./nothing], io: exec}
  dies: {kind: worker, run: [sh, -c, "exit 4"], io: lines}
flows:
  f: {pattern: queue, from: external, to: frames, dead_letter: dead,
      retry: {failures: 2, backoff: [1s]}}
  e: {pattern: queue, from: external, to: exec, dead_letter: dead}
  l: {pattern: queue, from: external, to: lines, dead_letter: dead}
  g: {pattern: queue, from: external, to: gone, dead_letter: dead}
  d: {pattern: queue, from: external, to: dies, dead_letter: dead}
  out: {pattern: queue, from: [frames, exec, lines, gone, dies], to: external}
  dead: {pattern: queue, to: external}
tests:
  frames:
    steps:
      - {send: f, body: one}
      - {send: f, body: bad}
      - {send: f, body: later}
      - {send: f, body: two}
      - {expect: out, messages: [ONE-1]}
      - {wait: 1s}
      - {expect: out, messages: [ONE-1, LATER-2]}
      - {expect: dead, messages: [{body: bad, reason: rejected, text: no worker can}]}
      - {kill: frames}
      - {send: f, body: die}
      - {wait: 1s}
      - {expect: dead, messages: [bad, {body: die, reason: crash, failures: 2, text: code 3}]}
      - {send: f, body: after}
      - {expect: out, count: 3}
  exec: {steps: [{send: e, body: abc, count: 3}, {expect: out, messages: [ABC, ABC, ABC]}]}
  lines: {steps: [{send: l, body: aXa, count: 3}, {expect: out, messages: [bXb, bXb, bXb]}]}
  mocked: {mock: {exec: [{do: ack}]}, steps: [{send: e, body: a}, {expect: out, count: 0}]}
  gone: {steps: [{send: g, body: a}, {expect: out, count: 0}]}
  dies: {steps: [{send: d, body: a}, {expect: out, count: 0}]}
"""
    WORKER = """import os
import zloom


def handle(message):
    text = message.text()
    if text == "bad":
        raise zloom.Reject("no worker can do this")
    if text == "later" and message.attempt == 1:
        raise zloom.Retry("not now")
    if text == "die":
        os._exit(3)
    with open("pids", "a", encoding="ascii") as pids:
        pids.write(f"{os.getpid()}\\n")
    return None if text == "two" else f"{text.upper()}-{message.attempt}"


zloom.run(handle)
"""

    def test_they_run(self):
        path = self.write("recipe.yaml", self.RECIPE)
        self.write("w.py", self.WORKER)
        done = zloom("test", path)
        results = dict(reversed(line.split()[:2]) for line in done.stdout.splitlines()
                       if line.startswith(("ok", "FAILED")))
        self.assertEqual(results, {"frames": "ok", "exec": "ok", "lines": "ok", "mocked": "ok",
                                   "gone": "FAILED", "dies": "FAILED"}, done.stdout)
        self.assertIn("node 'gone': '", done.stdout)
        self.assertIn("No such file", done.stdout)
        self.assertIn("node 'dies': its program ended before it took the message: exit code 4",
                      done.stdout)
        for pid in (self.folder / "pids").read_text(encoding="ascii").split():
            self.assertFalse(os.path.exists(f"/proc/{pid}"), "a program was left behind")


class Recipes(Case):
    """Every recipe of the repository, and every one that `zloom choose` writes, carries cases."""

    def passes(self, path):
        done = zloom("test", path)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r": [1-9]\d* cases?, 0 failed\n$")

    def test_those_of_the_repository(self):
        paths = sorted((ROOT / "patterns").glob("**/*.yaml"))
        self.assertGreaterEqual(len(paths), 2)
        jq = (BIN / "zloom-jq.so").exists()
        for path in paths:
            with self.subTest(recipe=str(path.relative_to(ROOT))):
                if "jq:" in path.read_text() and not jq:
                    self.skipTest("zloom-jq.so was not built")
                self.passes(path)

    def test_those_that_choose_writes(self):
        answers = ["answer=yes", "answer=later,lost=no"] + [
            f"answer=no,who={who},lost=no,fresh=now,source={source}"
            for who in ("one", "all", "again") for source in ("program", "file")]
        for number, words in enumerate(answers):
            with self.subTest(answers=words):
                done = zloom("choose", "--answers", words, "--recipe")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.passes(self.write(f"chosen{number}.yaml", done.stdout))


class Documentation(Case):
    """docs/testing-recipes.md prints what `zloom test` prints."""

    def test_its_sessions(self):
        page = (ROOT / "docs" / "testing-recipes.md").read_text(encoding="utf-8")
        blocks = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", page)
        recipe = next(body for name, body in blocks if name == "yaml")
        change = ("retry: {failures: 3, backoff: [1s, 10s]}",
                  "retry: {failures: 4, backoff: [1s, 5s]}")
        self.assertIn(change[0], recipe)
        self.assertIn(change[1], re.sub(r"\s+", " ", page))
        self.write("orders.yaml", recipe)
        self.write("changed.yaml", recipe.replace(*change))
        sessions = [body for name, body in blocks if not name and body.startswith("$ zloom test ")]
        self.assertEqual(len(sessions), 2)
        for session in sessions:
            command, printed = session.split("\n", 1)
            done = play(*command.split()[3:], folder=self.folder)
            self.assertEqual(done.stdout, printed)
            self.assertEqual(done.returncode, 1 if "FAILED" in printed else 0)


if __name__ == "__main__":
    unittest.main()
