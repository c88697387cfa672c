# SPDX-License-Identifier: MPL-2.0
"""tools/coverage counts the outcomes that it says it counts, on a small program."""

import importlib.util
import importlib.machinery
import os
import shutil
import subprocess
import sys
import unittest

from toolcase import TOOLS, ToolCase

TAG_H = """#define zloom_assert(cond) do { if (!(cond)) { __builtin_trap (); } } while (0)
#define ZLOOM_CHECK(self) zloom_assert ((self) && *(self) == 1)
"""
WIRE_H = """#define BOTH(a, b) ((a) && (b))
static inline int inside (int a) { return a > 5 ? 1 : 0; }
"""
WIRE_C = """#include "base/tag.h"
#include "wire.h"
typedef enum { ONE, TWO } kind_t;
int f (int *self, kind_t kind);
int
f (int *self, kind_t kind)
{
    ZLOOM_CHECK (self);
    zloom_assert (kind == ONE || kind == TWO);
    if (*self > 1 || kind == TWO) {
        return 1;
    }
    switch (kind) {
        case ONE:
            return BOTH (*self == 1, kind != TWO) ? inside (*self) : 2;
        case TWO:
            return 3;
    }
    if (kind == ONE) {
        zloom_assert (!"every kind was seen");
    }
    return 4;
}
int main (void) { int one = 1; return f (&one, ONE); }
"""
CMAKE = """zloom_layer (base DIR lib/base)
zloom_layer (wire DIR lib/wire USES base)
"""


def load_tool():
    path = os.path.join(TOOLS, "coverage")
    loader = importlib.machinery.SourceFileLoader("coverage_tool", path)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Coverage(ToolCase):
    def setUp(self):
        super().setUp()
        self.tool = load_tool()
        if not shutil.which("clang") or not self.tool.find_tool("llvm-cov"):
            print("clang or llvm is missing")
            sys.exit(self.tool.SKIP)
        self.write("CMakeLists.txt", CMAKE)
        self.write("lib/base/tag.h", TAG_H)
        self.write("lib/wire/wire.h", WIRE_H)
        self.write("lib/wire/wire.c", WIRE_C)
        build = os.path.join(self.root, "build")
        os.makedirs(os.path.join(build, "bin"))
        program = os.path.join(build, "bin", "test_wire")
        subprocess.run(["clang", "-fprofile-instr-generate", "-fcoverage-mapping", "-w",
                        "-I", os.path.join(self.root, "lib"),
                        os.path.join(self.root, "lib/wire/wire.c"), "-o", program], check=True)
        profile = os.path.join(build, "profiles", "1.profraw")
        subprocess.run([program], env=dict(os.environ, LLVM_PROFILE_FILE=profile), check=True)
        self.layers = self.tool.measure(self.root, build)

    def test_what_counts_and_what_does_not(self):
        layer = self.layers["lib/wire"]
        self.assertEqual(sorted(layer.missing), [
            ("lib/wire/wire.c", 10, "*self > 1", "true"),
            ("lib/wire/wire.c", 10, "kind == TWO", "true"),
            ("lib/wire/wire.c", 15, "BOTH", "false"),
            ("lib/wire/wire.c", 15, "BOTH", "false"),
            ("lib/wire/wire.c", 16, "case TWO", "true"),
            ("lib/wire/wire.c", 19, "kind == ONE", "false"),
            ("lib/wire/wire.h", 2, "a > 5", "true"),
        ])
        # Four of ||, four of BOTH, two cases, one way past the assertion, two of inside ().
        self.assertEqual(layer.branches, [6, 4 + 4 + 2 + 1 + 2])

    def test_the_gate_looks_at_what_needs_something(self):
        root = os.path.realpath(os.path.join(os.path.dirname(self.tool.__file__), ".."))
        programs = self.tool.gate_programs(root)
        self.assertIn("test_journal_log", programs)
        self.assertIn("replay_superblock", programs)
        for name in self.tool.GATE_FUZZ:
            self.assertTrue(os.path.exists(os.path.join(root, f"tests/fuzz/fuzz_{name}.c")), name)
        build = os.path.join(self.root, "build")
        layers = self.tool.measure(self.root, build, ["test_wire"])
        self.assertEqual(list(layers), ["lib/wire"])
        self.assertEqual(layers["lib/wire"].branches, self.layers["lib/wire"].branches)

    def test_a_layer_below_its_need_fails(self):
        layer = self.layers["lib/wire"]
        self.assertLess(layer.percent(layer.branches), self.tool.LEAST)
        self.assertFalse(layer.good())
        layer.branches = [9, 10]
        self.assertTrue(layer.good())
        layer.branches = [899, 1000]
        self.assertFalse(layer.good())
        layer.folder = "lib/net"
        self.assertTrue(layer.good())


if __name__ == "__main__":
    unittest.main()
