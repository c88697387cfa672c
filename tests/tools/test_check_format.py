# SPDX-License-Identifier: MPL-2.0
"""tools/check-format and tools/check-tidy go red on a bad sample, and green on a good one."""

import json
import os
import shutil
import sys
import unittest

from toolcase import TOOLS, ToolCase

GOOD = "int s_limit (int x);\n\nint\ns_limit (int x)\n{\n    if (x > 3) {\n        return 3;\n" \
       "    }\n    return x;\n}\n"


def copy_settings(root, name):
    shutil.copy(os.path.join(TOOLS, "..", name), os.path.join(root, name))


class CheckFormat(ToolCase):
    tool = "check-format"

    def setUp(self):
        super().setUp()
        copy_settings(self.root, ".clang-format")

    def test_green_red_and_mended(self):
        self.write("lib/a.c", GOOD)
        self.assert_green()
        self.write("lib/a.c", GOOD.replace("x > 3", "x>3"))
        self.assert_red("lib/a.c:6: not formatted")
        self.run_tool("--fix")
        self.assert_green()
        with open(os.path.join(self.root, "lib/a.c"), encoding="utf-8") as file:
            self.assertEqual(file.read(), GOOD)


class CheckTidy(ToolCase):
    tool = "check-tidy"

    def setUp(self):
        super().setUp()
        copy_settings(self.root, ".clang-tidy")
        source = os.path.join(self.root, "lib/a.c")
        command = {"directory": self.root, "file": source, "command": f"clang -c {source}"}
        self.write("build/compile_commands.json", json.dumps([command]))

    def run_tool(self, *args):
        return super().run_tool(os.path.join(self.root, "build"), *args)

    def test_green(self):
        self.write("lib/a.c", GOOD)
        self.assert_green()

    def test_no_braces(self):
        self.write("lib/a.c", GOOD.replace("(x > 3) {", "(x > 3)").replace("    }\n", ""))
        self.assert_red("lib/a.c:6: ", "readability-braces-around-statements")

    def test_null_dereference(self):
        self.write("lib/a.c", "int s_f (int x);\nint s_f (int x)\n{\n    int *p = 0;\n"
                              "    if (x) {\n        p = &x;\n    }\n    return *p;\n}\n")
        self.assert_red("lib/a.c:8: ", "clang-analyzer-core.NullDereference")

    def test_file_that_does_not_compile(self):
        self.write("lib/a.c", "int s_f (\n")
        self.assert_red("lib/a.c:")

    def test_nothing_to_check_is_red(self):
        self.write("lib/a.c", GOOD)
        status, out = self.run_tool(os.path.join(self.root, "lib/b.c"))
        self.assertEqual((status, "compiles none of these" in out), (1, True))


if __name__ == "__main__":
    if not shutil.which("clang-format") or not shutil.which("clang-tidy"):
        sys.exit(77)
    unittest.main()
