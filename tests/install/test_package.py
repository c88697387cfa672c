# SPDX-License-Identifier: MPL-2.0
"""cpack -G DEB: two packages, their files and dependencies, and that what is unpacked runs."""
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

from installed import BUILD, CMAKE, SOURCE, main, run

CPACK = os.path.join(os.path.dirname(CMAKE), "cpack")


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="zloom-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        run(CPACK, "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", cls.folder / "out")
        cls.packages = {}
        for path in (cls.folder / "out").glob("*.deb"):
            cls.packages[path.name.split("_")[0]] = path

    def field(self, package, name):
        return run("dpkg-deb", "--field", self.packages[package], name).stdout.strip()

    def files(self, package):
        rows = run("dpkg-deb", "--contents", self.packages[package]).stdout.splitlines()
        return [row.split()[5].lstrip(".") for row in rows if not row.startswith("d")]

    def test_three_packages(self):
        self.assertEqual(sorted(self.packages), ["libzloom-dev", "zloom", "zloom-jq"])
        depends = self.field("zloom", "Depends")
        for library in ("libc6", "libczmq4", "libfyaml0", "libjansson4", "libzmq5"):
            self.assertIn(library, depends)
        self.assertNotIn("libjq", depends)
        self.assertIn("zloom-jq", self.field("zloom", "Suggests"))
        self.assertIn("libjq1", self.field("zloom-jq", "Depends"))
        self.assertEqual(self.files("zloom-jq"), ["/usr/libexec/zloom/zloom-jq.so"])
        self.assertRegex(self.field("libzloom-dev", "Depends"), r"^zloom \(= ")

    def test_their_files(self):
        files = self.files("zloom")
        self.assertIn("/usr/bin/zloom", files)
        self.assertIn("/usr/libexec/zloom/zloom-spawn", files)
        self.assertIn("/usr/libexec/zloom/zloom-sh", files)
        for helper in (SOURCE / "nodes" / "worker" / "helpers").iterdir():
            if helper.is_file():
                self.assertIn(f"/usr/share/zloom/helpers/{helper.name}", files)
        for page in (SOURCE / "docs" / "man").glob("*.1"):
            self.assertIn(f"/usr/share/man/man1/{page.name}", files)
        self.assertFalse([name for name in files if name.endswith((".h", ".pc", ".cmake"))])
        dev = self.files("libzloom-dev")
        self.assertIn("/usr/include/zloom.h", dev)
        self.assertEqual(len([name for name in dev if name.endswith("libzloom.so")]), 1)
        self.assertEqual(len([name for name in dev if name.endswith("zloom.pc")]), 1)

    def test_what_is_unpacked_runs(self):
        run("dpkg-deb", "--extract", self.packages["zloom"], self.folder / "root")
        program = self.folder / "root/usr/bin/zloom"
        self.assertIn("zloom ", run(program, "version").stdout)
        library = next((self.folder / "root").rglob("libzloom.so.*"))
        self.assertTrue(library.exists())


if __name__ == "__main__":
    if not shutil.which("dpkg-shlibdeps"):
        print("dpkg-shlibdeps (dpkg-dev) is missing")
        sys.exit(77)
    main()
