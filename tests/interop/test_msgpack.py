# SPDX-License-Identifier: MPL-2.0
"""npm's msgpack-test-suite against zloom's bounded reader: test_msgpack.py READER-PROGRAM; and
against the msgpack in zloom.js."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import npm  # noqa: E402

# What zloom's wire has no use for is refused by name: ext types, timestamps among them.
REFUSED = ("ext", "timestamp")


def written(value):
    """A value of the suite as reader.c writes it; floats are left to the comparison."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        return f"i{value}"
    if isinstance(value, str):
        return "s" + value.encode().hex()
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{written(key)}:{written(item)}"
                              for key, item in value.items()) + "}"
    raise TypeError(value)


def suite_path():
    return npm.modules() / "msgpack-test-suite" / "dist" / "msgpack-test-suite.json"


def forms():
    """(kind, value, bytes) of every form of every value in the suite."""
    for group in json.loads(suite_path().read_text()).values():
        for entry in group:
            kind = next(key for key in ("bignum", *entry) if key in entry and key != "msgpack")
            for form in entry["msgpack"]:
                yield kind, entry[kind], bytes.fromhex(form.replace("-", ""))


def read(samples):
    """What the reader says to each of them."""
    done = subprocess.run([READER], input="".join(data.hex() + "\n" for data in samples),
                          stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    said = done.stdout.splitlines()
    assert len(said) == len(samples)
    return said


def matches(kind, value, data, said):
    """Whether `said` is what has to be said of this form."""
    if kind in REFUSED:
        return said == "error MALFORMED"
    if kind == "binary":
        return said == "b" + value.replace("-", "")
    if kind in ("number", "bignum") and data[0] in (0xca, 0xcb):
        exact = struct.unpack(">f" if data[0] == 0xca else ">d", data[1:])[0]
        return said.startswith("f") and float(said[1:]) == exact == float(value)
    if kind == "bignum":
        return said == "i" + value
    return said == written(value)


class Suite(unittest.TestCase):
    def test_every_form_is_read_as_meant(self):
        suite = list(forms())
        self.assertGreaterEqual(len(suite), 200)
        wrong = [(kind, value, data.hex(), said) for (kind, value, data), said
                 in zip(suite, read([data for _, _, data in suite]))
                 if not matches(kind, value, data, said)]
        self.assertEqual(wrong, [])

    def test_what_is_cut_or_goes_on_is_no_value(self):
        """Every form, cut at every place and with a byte behind it."""
        good = [data for kind, _, data in forms() if kind not in REFUSED]
        cut = [data[:size] for data in good for size in range(1, len(data))]
        self.assertEqual(set(read(cut)), {"error TRUNCATED"})
        self.assertEqual(set(read([data + b"\xc0" for data in good])), {"error TRAILING"})

    def test_the_helper_in_javascript_reads_and_writes_them(self):
        source = pathlib.Path(__file__).resolve().parents[2]
        os.environ["ZLOOM_HELPERS"] = str(source / "nodes" / "worker" / "helpers")
        os.environ["MSGPACK_SUITE"] = str(suite_path())
        said = npm.node(source / "tests" / "helpers" / "test_zloom_js.js")
        self.assertIn("the suite of npm", said)
        self.assertNotIn("# SKIP", said)


if __name__ == "__main__":
    READER = os.path.abspath(sys.argv.pop(1))
    npm.modules()
    unittest.main()
