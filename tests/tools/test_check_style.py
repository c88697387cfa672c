# SPDX-License-Identifier: MPL-2.0
"""tools/check-style goes red for what it forbids, and stays green for what it allows."""

import os
import unittest

from toolcase import ToolCase

C = "/* SPDX-License-Identifier: MPL-2.0 */\n"
PY = "# SPDX-License-Identifier: MPL-2.0\n"
# Put together here, so that this file itself stays green.
NAP = "sleep"


def function(lines, above=""):
    """A function whose name stands in its first line and its closing brace in line `lines`."""
    return f"{above}static void\ns_f (void)\n{{\n" + "    x ();\n" * (lines - 3) + "}\n"


class CheckStyle(ToolCase):
    tool = "check-style"

    def test_green(self):
        self.write("lib/a.c", C + "int snprintf_count; // sprintf ()\n" + function(70) * 2)
        self.write("lib/a.h", C + 'const char *text = "strcpy (";\nstatic_assert (1, "");\n')
        self.write("run.sh", "#!/bin/sh\n" + PY)
        self.assert_green()

    def test_function_length(self):
        self.write("lib/a.c", C + function(70) + function(71))
        self.assert_red("lib/a.c:74: s_f has 71 lines")

    def test_function_that_says_why_it_is_long(self):
        self.write("lib/a.c", C + function(90, "/* style: long because one table */\n"))
        self.assert_green()

    def test_exemption_without_reason(self):
        self.write("lib/a.c", C + function(90, "/* style: long because */\n"))
        self.assert_red("s_f has 90 lines")

    def test_exemption_that_exempts_nothing(self):
        self.write("lib/a.c", C + function(20, "/* style: long because one table */\n"))
        self.assert_red("lib/a.c:2: this exemption (long) exempts nothing")

    def test_exemption_of_no_rule(self):
        self.write("lib/a.c", C + function(90, "/* style: lengthy because one table */\n"))
        self.assert_red("no exemption is called lengthy", "s_f has 90 lines")

    def test_file_length(self):
        self.write("lib/a.h", C + "int x;\n" * 449)
        self.assert_green()
        self.write("lib/a.h", C + "int x;\n" * 450)
        self.assert_red("lib/a.h:451: 451 lines")
        self.write("lib/a.h", C + "/* style: long-file because one list */\n" + "int x;\n" * 450)
        self.assert_green()

    def test_columns(self):
        for path in ("a.c", "a.h", "a.py", "CMakeLists.txt"):
            with self.subTest(path=path):
                head = PY if path[-1] in "yt" else C
                self.write(path, head + "x" * 100 + "\n")
                self.assert_green()
                self.write(path, head + "x" * 101 + "\n")
                self.assert_red(f"{path}:2: 101 columns")
                self.write(path, head)

    def test_banned_calls(self):
        for call in ("sprintf", "strcpy", "strcat", "strtok", "atoi", "atol", "sscanf", "gets",
                     "rand", "localtime", "gmtime", NAP, "u" + NAP, "alloca", "vsprintf"):
            with self.subTest(call=call):
                self.write("lib/a.c", C + f"int x;\nint y = {call} (1);\n")
                self.assert_red(f"lib/a.c:3: {call} () is banned")

    def test_reentrant_and_own_names_are_not_banned(self):
        self.write("lib/a.c", C + "int x = localtime_r (1) + s_gets (2) + zloom_rand (3);\n")
        self.assert_green()

    def test_bare_assert(self):
        self.write("lib/a.c", C + "#include <assert.h>\n\nint f (int x) { assert (x); }\n")
        self.assert_red("lib/a.c:2: bare assert", "lib/a.c:4: bare assert")
        self.write("lib/a.c", C + "int f (int x) { zloom_assert (x); assert_int_equal (x, 1); }\n")
        self.assert_green()

    def test_licence_line(self):
        for path, text in (("a.c", "int x;\n"), ("a.py", "x = 1\n"), ("CMakeLists.txt", "x ()\n"),
                           ("a.yaml", "x: 1\n"), ("a.service", "[Unit]\n"), ("run", "#!/bin/sh\n")):
            with self.subTest(path=path):
                self.write(path, text)
                self.assert_red(f"{path}:1: no licence line")
                self.write(path, text + PY)
        self.assert_green()

    def test_tags_are_unique(self):
        self.write("lib/a.c", C + "#define ZLOOM_A_TAG 0x0000000Au\n")
        self.write("lib/b.c", C + "#define ZLOOM_B_TAG 0x0000000Bu\n")
        self.assert_green()
        self.write("lib/b.c", C + "#define ZLOOM_B_TAG 0xau\n")
        self.assert_red("lib/b.c:2: tag 0x0000000A stands at lib/a.c:2 already")
        self.write("lib/b.c", C + "#define ZLOOM_A_TAG 0xBu\n")
        self.assert_red("lib/b.c:2: tag ZLOOM_A_TAG stands at lib/a.c:2 already")

    def test_unfinished_words(self):
        for word in ("TO" + "DO", "FIX" + "ME", "X" + "XX"):
            with self.subTest(word=word):
                self.write("README.md", f"one\n\n{word}: later\n")
                self.assert_red(f"README.md:3: unfinished word {word}")
        self.write("README.md", "mktemp /tmp/a.XX" + "XXXX\n")
        self.assert_green()

    def test_paths_of_one_machine(self):
        for path in ("/ro" + "ot/x", "/wo" + "rk", "'/wo" + "rk/main'"):
            with self.subTest(path=path):
                self.write("a.md", f"see {path} there\n")
                self.assert_red("a.md:1: path of one machine")
        self.write("a.md", "a/wo" + "rk is fine, ${D}/ro" + "ot and /wo" + "rkers too\n")
        self.assert_green()

    def test_sleeps_in_test_scripts(self):
        nap = f"time.{NAP}(1)"
        self.write("tests/a.py", PY + f"# not {nap}\nimport time\n{nap}\n")
        self.assert_red("tests/a.py:4: sleep in a test")
        self.write("tests/a.py", PY + f"# style: sleeps because it polls a socket\n{nap}\n")
        self.assert_green()
        self.write("tests/a.sh", PY + f"true && {NAP} 1\n")
        self.assert_red("tests/a.sh:2: sleep in a test")

    def test_executable_without_a_first_line(self):
        self.write("tools/x", PY)
        os.chmod(os.path.join(self.root, "tools/x"), 0o755)
        self.assert_red("tools/x:1: executable, but does not begin with #!")

    def test_damaged_data_is_left_alone(self):
        self.write("tests/data/a.yaml", "TO" + "DO\n")
        self.write("build/a.c", "gets ()\n")
        self.assert_green()


if __name__ == "__main__":
    unittest.main()
