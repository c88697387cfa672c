# SPDX-License-Identifier: MPL-2.0
"""What bootstrap prints when a step fails is enough to know what failed, and to see it again."""

import base64
import os
import re
import subprocess
import unittest

from toolcase import TOOLS, ToolCase

BOOTSTRAP = os.path.join(TOOLS, "..", "bootstrap")
GOOD = """#!/bin/sh
echo 'stat::number_of_executed_units: 4711'
echo 'stat::peak_rss_mb: 33'
"""
# What libFuzzer and ASan say, shortened, and with much of no use around it.
BAD = """#!/bin/sh
seq 500
echo 'zloom: lib/a.c:7: assertion failed: x < 3'
echo '==9== ERROR: libFuzzer: deadly signal'
echo '    #0 0x55 in __sanitizer_print_stack_trace (/bin/fuzz_bad+0x1)'
echo '    #1 0x56 in fuzzer::PrintStackTrace() (/bin/fuzz_bad+0x2)'
echo '    #2 0x57 in s_limit lib/a.c:7:5'
seq 500
printf 'in\\000put' >crash-1
exit 77
"""
KILLED = """#!/bin/sh
echo 'the last that it said'
kill -9 $$
"""
CTEST = """        Start   1: unit.good
  1/4 Test   #1: unit.good ........................   Passed    0.01 sec
        Start   2: unit.bad
        Start   3: unit.skips
  2/4 Test   #2: unit.bad .........................***Failed    0.01 sec
{said}

  3/4 Test   #3: unit.skips .......................***Skipped   0.01 sec
why it is skipped
        Start   4: unit.slow
  4/4 Test   #4: unit.slow ........................***Timeout   1.01 sec
how far it came

50% tests passed, 2 tests failed out of 4

Total Test time (real) =   1.02 sec
"""


class Bootstrap(ToolCase):
    def run_parts(self, commands):
        """The output of these commands where the functions of bootstrap are known, as lines."""
        script = f". {BOOTSTRAP}\ncd '{self.root}'\nlog_dir=$PWD\n{commands}\n"
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.stdout.splitlines()

    def fuzz(self, **programs):
        for name, text in programs.items():
            self.write(f"build/clang/bin/fuzz_{name}", text)
            os.chmod(os.path.join(self.root, "build/clang/bin", f"fuzz_{name}"), 0o755)
        return self.run_parts("jobs=2; step fuzz fuzz_all; echo status $?")

    def test_targets_that_find_nothing_are_a_line_each(self):
        self.assertRegex(self.fuzz(one=GOOD, two=GOOD)[0], r"^fuzz .* ok ")
        with open(os.path.join(self.root, "fuzz.log"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual(len(lines), 2)
        for line in lines:
            self.assertRegex(line, r"^fuzz_(one|two) +4711 executions, +\d+\.\d s, at most 33 MiB$")

    def test_a_find_is_told_last_with_its_input(self):
        lines = self.fuzz(bad=BAD, good=GOOD, late=GOOD)
        self.assertEqual(lines.pop(), "status 123")
        self.assertLess(len(lines), 20)
        text = "\n".join(lines)
        told = text.index("fuzz_bad FAILED with status 77")
        self.assertLess(text.index("fuzz_late"), told)
        self.assertLess(told, text.index("lib/a.c:7: assertion failed: x < 3"))
        self.assertIn("s_limit lib/a.c:7:5", text)
        self.assertNotIn("fuzzer::PrintStackTrace", text)
        given = re.search(r"echo '(\S+)' \| base64 -d >build/fuzz/fuzz_bad/crash-1", text)
        self.assertEqual(base64.b64decode(given.group(1)), b"in\0put")

    def test_a_great_input_is_named_only(self):
        text = "\n".join(self.fuzz(bad=BAD.replace("printf", "seq 3000 >crash-2; printf")))
        self.assertIn("fuzz_bad build/fuzz/fuzz_bad/crash-2)", text)
        self.assertNotIn("base64 -d >build/fuzz/fuzz_bad/crash-2", text)

    def test_a_target_that_says_nothing_of_use_shows_its_end(self):
        text = "\n".join(self.fuzz(killed=KILLED, good=GOOD))
        self.assertIn("fuzz_killed FAILED with status 137", text)
        self.assertIn("the last that it said", text)

    def test_the_closing_shows_what_failed_tests_said(self):
        said = "\n".join(f"line {i}" for i in range(100))
        self.write("said", CTEST.format(said=said))
        self.write("rows", "".join(f"row {i}\n" for i in range(100)))
        lines = self.run_parts(
            "ctest () { cat said; return 8; }; closing=()\n"
            "step good true; ctest_run tests ci; check broken eval 'cat rows; false'\n"
            "echo ---; print_closing; echo $failed")
        self.assertEqual(lines.pop(), "3")
        closing = [line.strip() for line in lines[lines.index("---"):]]
        summary, first = closing.index("50% tests passed, 2 tests failed out of 4"), \
            closing.index("FAILED: tests")
        self.assertLess(summary, first)
        self.assertNotIn("line 69", closing)
        self.assertEqual(closing.index("line 99") - closing.index("line 70"), 29)
        self.assertLess(first, closing.index("line 70"))
        self.assertIn("how far it came", closing)
        self.assertNotIn("why it is skipped", closing)
        self.assertEqual(closing.count("Total Test time (real) =   1.02 sec"), 1)
        self.assertLess(closing.index("how far it came"), closing.index("FAILED: broken"))
        self.assertEqual(closing.index("row 99") - closing.index("row 60"), 39)
        self.assertNotIn("row 59", closing)

    def test_what_runs_beside_is_a_step_at_its_end(self):
        lines = self.run_parts(
            "mkfifo go; beside sh -c 'read -r word <go; echo said $word; false'\n"
            "step other true; echo first >go\n"
            "check late end_beside; echo $failed\n"
            "beside echo well; check second end_beside; echo $failed; cat second.log")
        self.assertRegex(lines[0], r"^other .* ok ")
        self.assertRegex(lines[1], r"^late .* FAILED ")
        self.assertEqual(lines[2].strip(), "said first")
        self.assertEqual(lines[-4], "1")
        self.assertRegex(lines[-3], r"^second .* ok ")
        self.assertEqual(lines[-2:], ["1", "well"])

    def test_what_runs_beside_goes_with_a_run_that_stops(self):
        os.mkfifo(os.path.join(self.root, "alive"))
        alive = os.open(os.path.join(self.root, "alive"), os.O_RDONLY | os.O_NONBLOCK)
        lines = self.run_parts(
            "mkfifo begun; beside sh -c 'exec 3>alive; echo >begun; exec sleep 1000'\n"
            "read -r word <begun; must stop false")
        self.assertEqual(lines[-1], "0 passed, 1 failed")
        os.set_blocking(alive, True)
        self.assertEqual(os.read(alive, 1), b"")  # nobody has it open any more
        os.close(alive)


if __name__ == "__main__":
    unittest.main()
