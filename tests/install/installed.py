# SPDX-License-Identifier: MPL-2.0
"""An installed zloom in a temporary folder, and what is built against it there."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
BUILD, CMAKE, COMPILER = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]


def run(*words, **options):
    """Run to the end; the whole output when it fails."""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=200, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: exit code {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done


def declared():
    """The functions that zloom.h declares."""
    text = re.sub(r"/\*.*?\*/", "", (SOURCE / "lib" / "zloom.h").read_text(), flags=re.S)
    text = re.sub(r"(?m)^#.*(?:\\\n.*)*", "", text)
    names = re.findall(r"\b(zloom_\w+)\s*\((?!\s*zloom_\w+\))", text)
    return {name for name in names if re.search(r"\b" + name + r"\s*\([^;{]*\)\s*;", text)}


class Case(unittest.TestCase):
    """Installed once for all tests, under a prefix that the build does not know."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="zloom-installed-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.prefix = cls.folder / "prefix"
        run(CMAKE, "--install", BUILD, "--prefix", cls.prefix)
        cls.lib = next(cls.prefix.rglob("libzloom.so")).parent
        cls.env = {**os.environ, "LD_LIBRARY_PATH": str(cls.lib),
                   "PKG_CONFIG_PATH": str(cls.lib / "pkgconfig"),
                   "CMAKE_GENERATOR": "Ninja",
                   "ZLOOM_STATE": str(cls.folder / "state")}
        cls.env.pop("ZLOOM_HELPERS", None)
        cls.env.pop("ZLOOM_SPAWN", None)

    def setUp(self):
        self.place = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        self.env = {**self.env, "ZLOOM_STATE": str(self.place / "state")}

    def pkg_config(self, *words):
        return run("pkg-config", *words, env=self.env).stdout.split()

    def compile(self, source, *flags):
        """A program from `source` by pkg-config, strictly as C."""
        program = self.place / source.stem
        run(COMPILER, "-std=c17", "-Wall", "-Wextra", "-Werror", source, "-o", program, *flags,
            *self.pkg_config("--cflags", "--libs", "zloom"), env=self.env)
        return program


def main():
    """unittest without the words of the command line."""
    del sys.argv[1:]
    unittest.main()
