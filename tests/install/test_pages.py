#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Man pages without a warning of groff's; completions that bash, zsh and fish take, and offer."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
COMPLETIONS = TOP / "nodes" / "zloom" / "completions"
BASH = """
source {file}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_zloom
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


def run(*words, **how):
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, **how)


class Man(unittest.TestCase):
    @needs("groff")
    def test_no_warnings(self):
        pages = sorted((TOP / "docs" / "man").glob("*.1"))
        self.assertGreater(len(pages), 20)
        for page in pages:
            done = run("groff", "-man", "-ww", "-Tutf8", page)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)
            self.assertIn(page.stem.upper(), done.stdout)


class Bash(unittest.TestCase):
    def offered(self, words, folder="/"):
        done = run("bash", "-c", BASH.format(file=COMPLETIONS / "zloom.bash", words=words),
                   cwd=folder)
        self.assertEqual(done.stderr, "")
        return done.stdout.split("\n")[:-1]

    def test_commands(self):
        self.assertEqual(self.offered("zloom dl"), ["dlq"])
        self.assertIn("run", self.offered("zloom ''"))

    def test_options_and_values(self):
        self.assertEqual(self.offered("zloom send --pri"), ["--priority"])
        self.assertEqual(self.offered("zloom graph -o m"), ["mermaid"])
        self.assertEqual(self.offered("zloom dlq r"), ["requeue"])
        self.assertEqual(self.offered("zloom help stat"), ["stats"])

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("my orders.yaml", "notes.txt"):
                (pathlib.Path(folder) / name).touch()
            (pathlib.Path(folder) / "more").mkdir()
            self.assertEqual(self.offered("zloom run m", folder), ["my orders.yaml", "more"])
            self.assertEqual(self.offered("zloom run n", folder), [""])
            self.assertEqual(self.offered("zloom send f --file n", folder), ["notes.txt"])
            self.assertEqual(self.offered("zloom run x.yaml --state m", folder), ["more"])


class Zsh(unittest.TestCase):
    @needs("zsh")
    def test_syntax(self):
        done = run("zsh", "-n", COMPLETIONS / "zloom.zsh")
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Fish(unittest.TestCase):
    @needs("fish")
    def test_offers(self):
        with tempfile.TemporaryDirectory() as home:
            for line, word in (("zloom dl", "dlq"), ("zloom send --pri", "--priority"),
                               ("zloom graph -o m", "mermaid")):
                done = run("fish", "-c",
                           f"source {COMPLETIONS / 'zloom.fish'}; complete -C '{line}'",
                           env={"HOME": home, "PATH": "/usr/bin:/bin"})
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual([row.split("\t")[0] for row in done.stdout.split("\n")[:-1]],
                                 [word])


if __name__ == "__main__":
    sys.exit(unittest.main())
