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
HEAD = """#include <stdio.h>
#include "zloom.h"
int work (const void *body, size_t size);
void show (const char *topic, size_t topic_size, const void *body, size_t body_size);
"""
FUNCTION = """int %(name)s (void);
int
%(name)s (void)
{
%(body)s    return err == ZLOOM_OK ? 0 : 1;
}
"""


def examples():
    """(title, lines) of each "Example: TITLE." in a comment of the header, in order."""
    with open(HEADER, encoding="utf-8") as file:
        text = file.read()
    found = []
    for comment in re.findall(r"/\*\n(?: \*.*\n)+? \*/", text):
        parts = re.split(r"(?m)^ \* Example: (.*)$", comment)
        for title, part in zip(parts[1::2], parts[2::2]):
            lines = re.findall(r"(?m)^ \*     (.*\n)|^ \*(\n)", part)
            found.append((title, "".join(a or b for a, b in lines)))
    return found


def program():
    """All examples as one program: functions as they stand, statements in functions of their own.

    The one that takes goes on where the one that sends stopped, as the comment has it.
    """
    functions, clients, apps = [], [], []
    for title, text in examples():
        if "handler" in title:
            functions.append(text.replace("zloom_work_verdict_t\ncharge",
                                          "static zloom_work_verdict_t\ncharge"))
        else:
            (apps if "app" in title else clients).append(text)
    return HEAD + "".join(functions) + "".join(
        FUNCTION % {"name": name, "body": "".join(bodies)}
        for name, bodies in (("client", clients), ("app", apps)))


class Header(unittest.TestCase):
    def compile(self, text, *words):
        return subprocess.run(
            [COMPILER, "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
             "-I", os.path.join(ROOT, "lib"), *words, "-"],
            input=text, capture_output=True, text=True, check=False)

    def test_the_examples_compile(self):
        titles = [title for title, _ in examples()]
        self.assertEqual(titles, ["send, and know that it is safe.", "take and settle.",
                                  "hear a bus; `.gap` would tell what was missed, and where.",
                                  "a handler.", "an app."])
        done = self.compile(program(), "-std=c17", "-x", "c")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_header_stands_alone(self):
        for words in ("-std=c99", "-x", "c"), ("-std=c17", "-x", "c"), ("-x", "c++"):
            done = self.compile('#include "zloom.h"\n', "-Wpedantic", *words)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_it_may_stand_beside_czmq(self):
        done = self.compile('#include "zloom.h"\n#include <czmq.h>\n'
                            "extern zactor_fn *actor; zactor_fn *actor = zloom_router_actor;\n",
                            "-std=c17", "-x", "c")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    if not COMPILER:
        print("there is no C compiler")
        sys.exit(77)
    unittest.main()
