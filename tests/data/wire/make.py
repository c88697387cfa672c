#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Golden samples of the wire: NAME.hex holds a value as a Python literal and its bytes.

    make.py            write the bytes of every sample anew, from its literal
    make.py --check    exit 1 when a sample differs from what msgpack makes of its literal, or when
                       docs/protocol.md shows other bytes, or shows none for a verb

The bytes come from msgpack for Python, which shares no code with zloom: a sample that the C
tests read and write back is therefore checked from two sides. A name that begins with "pack" holds
a list of envelopes: its bytes are the pack.
"""
import ast
import pathlib
import re
import sys

import msgpack

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parents[2] / "docs" / "protocol.md"


def encode(name, value):
    if name.startswith("pack"):
        return b"".join(msgpack.packb(msgpack.packb(envelope)) for envelope in value)
    return msgpack.packb(value)


def parse(text):
    """The literal, from the lines that begin with #, and the bytes."""
    literal = " ".join(line[1:].strip() for line in text.splitlines() if line.startswith("#"))
    digits = "".join(line for line in text.splitlines() if not line.startswith("#"))
    return ast.literal_eval(literal), bytes.fromhex(digits)


def hex_lines(data):
    pairs = [f"{byte:02x}" for byte in data]
    return "\n".join(" ".join(pairs[i:i + 32]) for i in range(0, len(pairs), 32)) + "\n"


def write():
    for path in sorted(HERE.glob("*.hex")):
        notes = [line for line in path.read_text().splitlines() if line.startswith("#")]
        value, _ = parse("\n".join(notes))
        path.write_text("\n".join(notes) + "\n" + hex_lines(encode(path.stem, value)))


def check():
    wrong = []
    samples = {path.stem: path.read_text() for path in sorted(HERE.glob("*.hex"))}
    for name, text in samples.items():
        value, data = parse(text)
        if encode(name, value) != data:
            wrong.append(f"{name}.hex: bytes are not those of the literal")
    shown = dict(re.findall(r"```sample ([a-z-]+)\n(.*?)```", DOCS.read_text(), re.S))
    for name, text in shown.items():
        if samples.get(name) != text:
            wrong.append(f"docs/protocol.md: sample {name} is not tests/data/wire/{name}.hex")
    verbs = re.findall(r"^ZLOOM_VERB \((\w+)", (HERE.parents[2] / "lib/wire/verbs.def").read_text(),
                       re.M)
    for verb in verbs:
        if verb.lower() not in shown:
            wrong.append(f"docs/protocol.md: no sample of {verb}")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(samples)} samples, {len(shown)} shown in docs/protocol.md, {len(verbs)} verbs")
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    write()
