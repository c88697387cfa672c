# SPDX-License-Identifier: MPL-2.0
"""msgpack by each of its pkg-config names: Debian 12 has msgpack, Debian 13 msgpack-c."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from installed import CMAKE, COMPILER, SOURCE, main, run


def system_files():
    """name → path of what pkg-config finds here."""
    found = {}
    folders = run("pkg-config", "--variable", "pc_path", "pkg-config").stdout.strip()
    for folder in folders.split(":"):
        for path in pathlib.Path(folder).glob("*.pc"):
            found.setdefault(path.name, path)
    return found


class Names(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zloom-names-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        (self.folder / "pc").mkdir()
        self.text = None
        for name, path in system_files().items():
            if name in ("msgpack.pc", "msgpack-c.pc"):
                self.text = path.read_text()
            elif not name.startswith("msgpack"):
                (self.folder / "pc" / name).symlink_to(path)
        self.assertIsNotNone(self.text, "msgpack is not installed")

    def configure(self, name=None, text=None):
        if name:
            (self.folder / "pc" / name).write_text(text or self.text)
        return subprocess.run(
            [CMAKE, "-G", "Ninja", "-S", str(SOURCE), "-B", str(self.folder / "build"),
             "-DZLOOM_TESTS=OFF", f"-DCMAKE_C_COMPILER={COMPILER}"],
            env={**os.environ, "PKG_CONFIG_LIBDIR": str(self.folder / "pc")}, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def test_debian_12(self):
        done = self.configure("msgpack.pc")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_debian_13(self):
        """Its file says `includedir=include`."""
        done = self.configure("msgpack-c.pc",
                              re.sub(r"(?m)^includedir=.*", "includedir=include", self.text))
        self.assertEqual(done.returncode, 0, done.stdout)
        run(CMAKE, "--build", self.folder / "build", "--target", "zloom_wire")

    def test_neither(self):
        done = self.configure()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("msgpack-c", done.stdout)


if __name__ == "__main__":
    main()
