# SPDX-License-Identifier: MPL-2.0
"""The examples in lib/zloom.h are programs: put together as they stand, they compile."""

import os
import re
import shutil
import subprocess
import sys
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
HEADER = os.path.join(ROOT, "lib", "zloom.h")
COMPILER = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
PROGRAM = """#include <stdio.h>
#include "zloom.h"
int work (const void *body, size_t size);
int example (void);
int
example (void)
{
%s    return err == ZLOOM_OK ? 0 : 1;
}
"""


def examples():
    """The indented lines behind each "Example:" of the comment on clients."""
    with open(HEADER, encoding="utf-8") as file:
        text = file.read()
    comment = text[text.index("client: send, take"):text.index("typedef struct zloom_client ")]
    return re.findall(r"(?m)^ \*     (.*\n)", comment[comment.index("Example:"):])


class Header(unittest.TestCase):
    def compile(self, text):
        return subprocess.run(
            [COMPILER, "-std=c17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
             "-I", os.path.join(ROOT, "lib"), "-x", "c", "-"],
            input=text, capture_output=True, text=True, check=False)

    def test_the_examples_compile(self):
        lines = examples()
        self.assertGreater(len(lines), 20)
        done = self.compile(PROGRAM % "".join(lines))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_header_stands_alone(self):
        self.assertEqual(self.compile('#include "zloom.h"\n').returncode, 0)


if __name__ == "__main__":
    if not COMPILER:
        print("there is no C compiler")
        sys.exit(77)
    unittest.main()
