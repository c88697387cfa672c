# SPDX-License-Identifier: MPL-2.0
"""`zloom new` and `zloom choose`: what they write runs, and their tests pass."""
import json
import re
import shutil
import subprocess
import unittest

from topology import DEADLINE_S, ZLOOM, Case, wait_for, zloom


class New(Case):
    def new(self, *words):
        done = subprocess.run([ZLOOM, "new", *words], cwd=self.folder, capture_output=True,
                              text=True, timeout=DEADLINE_S, check=False)
        return done

    def check(self, worker, *patterns):
        name = "-".join((worker, *patterns))
        done = self.new(*patterns, "--worker", worker, "--name", name)
        self.assertEqual(done.returncode, 0, done.stderr)
        for path in done.stdout.split():
            self.assertTrue((self.folder / path).is_file(), path)
        folder = self.folder / name
        said = re.fullmatch(r"next: (?:\((.*)\), then: )?(zloom test .*), then: zloom run .*\n",
                            done.stderr)
        self.assertTrue(said, done.stderr)
        self.assertEqual(said[1] is not None, worker == "c")
        if said[1]:
            subprocess.run(["sh", "-c", said[1]], cwd=self.folder, check=True)
        recipe = folder / f"{name}.yaml"
        lint = zloom("lint", recipe, "--env")
        self.assertEqual(lint.returncode, 0, lint.stdout)
        test = zloom("test", recipe)
        self.assertEqual(test.returncode, 0, test.stdout + test.stderr)
        self.assertIn("5 cases, 0 failed", test.stdout)
        return recipe

    def whole(self, recipe, *words):
        """The same for real: a topology that runs."""
        self.run_topology(recipe, *words)
        if not words:
            self.assertEqual(self.ask("send", "todo", "one", "bad").returncode, 0)
        wait_for("the answer is printed", lambda: "ONE" in self.said())

    def test_queue_in_python(self):
        self.whole(self.check("python", "queue"))

    def test_queue_in_sh(self):
        self.check("sh", "queue")

    def test_queue_in_c(self):
        self.check("c", "queue")

    @unittest.skipUnless(shutil.which("node"), "node is not installed")
    def test_queue_in_js(self):
        self.check("js", "queue")

    def test_poll_in_python(self):
        self.check("python", "queue", "poll")

    def test_poll_in_sh(self):
        lines = self.write("lines.txt", "one\n")
        self.whole(self.check("sh", "poll"), "--set", f"input={lines}")

    def test_the_test_goes_red(self):
        self.assertEqual(self.new("queue", "--worker", "sh").returncode, 0)
        worker = self.folder / "queue" / "worker.sh"
        worker.write_text(worker.read_text().replace("zloom_reject", "zloom_emit"))
        test = zloom("test", self.folder / "queue" / "queue.yaml")
        self.assertEqual(test.returncode, 1, test.stdout + test.stderr)
        self.assertIn("FAILED  refused", test.stdout)
        self.assertIn("5 cases, 1 failed", test.stdout)

    def test_nothing_is_written_over(self):
        self.assertEqual(self.new("queue").returncode, 0)
        before = {path.name: path.read_text() for path in (self.folder / "queue").iterdir()}
        (self.folder / "queue" / "queue.yaml").unlink()
        done = self.new("queue")
        self.assertEqual(done.returncode, 73)
        self.assertIn("worker.py is there already", done.stderr)
        del before["queue.yaml"]
        self.assertEqual({path.name: path.read_text()
                          for path in (self.folder / "queue").iterdir()}, before)

    def test_what_is_not_built_is_refused_by_name(self):
        for word in ("call", "stream", "batch"):
            done = self.new(word)
            self.assertEqual(done.returncode, 1, word)
            self.assertIn(f"'{word}' is not in this version", done.stderr)
            self.assertFalse((self.folder / word).exists())
        done = self.new("pubsub")
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'bus'?", done.stderr)
        self.assertEqual(self.new("queue", "--worker", "perl").returncode, 2)
        self.assertEqual(self.new("queue", "--name", "No Name").returncode, 2)
        self.assertEqual(self.new().returncode, 2)

    def test_a_folder_that_cannot_be_made_is_73(self):
        self.assertEqual(self.new("queue", "--dir", "/proc/zloom").returncode, 73)


class Choose(Case):
    ONE = "answer=no,who=one,lost=no,fresh=now,source=program"

    def test_questions_are_asked_until_they_are_answered(self):
        done = zloom("choose", stdin="no\nall\nmaybe\n2\nnow\nprogram\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("'lost' is one of no, yes, not 'maybe'", done.stderr)
        self.assertIn("You need: bus\n", done.stdout)
        self.assertIn("--answers answer=no,who=all,lost=yes,fresh=now,source=program", done.stdout)
        again = zloom("choose", "--answers", "answer=no,who=all,lost=yes,fresh=now,source=program")
        self.assertEqual(again.stdout, done.stdout)

    def test_who_waits_for_an_answer_is_asked_nothing_else(self):
        done = zloom("choose", stdin="yes\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("You need: call\n", done.stdout)
        self.assertIn("not in this version", done.stdout)

    def test_an_end_of_input_is_told(self):
        done = zloom("choose", stdin="no\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no answer to 'who'", done.stderr)

    def test_answers_that_lack_one_are_told(self):
        done = zloom("choose", "--answers", "answer=no,who=one")
        self.assertEqual(done.returncode, 2)
        self.assertIn("lost=no|yes", done.stderr)
        done = zloom("choose", "--answers", "answer=no,whom=one")
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'who'", done.stderr)

    def test_json(self):
        chosen = json.loads(zloom("choose", "--answers", self.ONE, "-o", "json").stdout)
        self.assertEqual([pattern["name"] for pattern in chosen["patterns"]], ["queue"])
        self.assertNotIn("until_then", chosen["patterns"][0])
        self.assertEqual(len(chosen["why"]), 5)
        self.assertEqual(chosen["answers"], self.ONE)
        self.assertEqual(chosen["recipe"],
                         zloom("choose", "--answers", self.ONE, "--recipe").stdout)

    def test_its_recipe_runs(self):
        written = zloom("choose", "--answers", self.ONE, "--recipe").stdout
        recipe = self.write("recipe.yaml", written)
        self.run_topology(recipe)
        self.assertEqual(self.ask("send", "todo", "hello").returncode, 0)
        wait_for("the answer is printed", lambda: "HELLO" in self.said())

    def test_patterns(self):
        six = json.loads(zloom("patterns", "-o", "json").stdout)
        self.assertEqual([pattern["name"] for pattern in six],
                         ["queue", "bus", "call", "stream", "batch", "poll"])
        for pattern in six:
            self.assertTrue({"delivery", "latency", "complexity", "best_for", "costs"}
                            <= set(pattern), pattern)
            self.assertEqual("until_then" in pattern, not pattern["built"]
                             or pattern["name"] == "poll")
        text = zloom("patterns").stdout
        self.assertIn("\ncall  (not in this version)\n", text)
        lines = zloom("patterns", "-o", "jsonl").stdout.splitlines()
        self.assertEqual([json.loads(line) for line in lines], six)
        self.assertEqual(zloom("patterns", "-o", "xml").returncode, 2)


if __name__ == "__main__":
    unittest.main()
