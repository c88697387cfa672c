#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Golden samples of the wire, and what docs/protocol.md shows of them.

    make.py            write the bytes of every sample anew from its literal, then the samples and
                       tables in docs/protocol.md
    make.py --check    change nothing; exit 1 when something would change, or a verb has no sample

NAME.hex holds a value as a Python literal, in lines that begin with #, and its bytes. The bytes come
from msgpack for Python, which shares no code with zloom: a sample that the C tests read and
write is therefore checked from two sides. A name that begins with "pack" holds a list of envelopes:
its bytes are the pack.
"""
import ast
import pathlib
import re
import sys

import msgpack

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DOCS = ROOT / "docs" / "protocol.md"
WAYS = {"UP": "peer → router", "DOWN": "router → peer", "BOTH": "both"}
PACKS = {"NONE": "", "MAY": "may", "MUST": "must"}


def encode(name, value):
    """The bytes of a sample."""
    if name.startswith("pack"):
        return b"".join(msgpack.packb(msgpack.packb(envelope)) for envelope in value)
    return msgpack.packb(value)


def parse(text):
    """The literal and the bytes of a sample's text."""
    literal = " ".join(line[1:].strip() for line in text.splitlines() if line.startswith("#"))
    digits = "".join(line for line in text.splitlines() if not line.startswith("#"))
    return ast.literal_eval(literal), bytes.fromhex(digits)


def render_sample(path):
    """A sample's text as it should be."""
    notes = [line for line in path.read_text().splitlines() if line.startswith("#")]
    value, _ = parse("\n".join(notes))
    digits = [f"{byte:02x}" for byte in encode(path.stem, value)]
    lines = [" ".join(digits[i:i + 32]) for i in range(0, len(digits), 32)]
    return "\n".join(notes + lines) + "\n"


def table(head, rows):
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines).replace("|  |", "| |")


def tables():
    """The tables that come from the sources, by name."""
    verbs = re.findall(r"^ZLOOM_VERB \((\w+), \w+, (\d+), (\w+), (\w+), (\w+)\)",
                       (ROOT / "lib/wire/verbs.def").read_text(), re.M)
    errors = re.findall(r'X \((\w+), "([^"]*)", (\w+)\)', (ROOT / "lib/zloom.h").read_text())
    limits = re.findall(r'^ZLOOM_LIMIT \((\w+), (\d+), "([^"]*)", "([^"]*)"\)',
                        (ROOT / "lib/wire/limits.def").read_text(), re.M)
    return {
        "verbs": table(["number", "verb", "way", "needs a session", "pack"],
                       [[number, name, WAYS[way], "yes" if session == "true" else "no", PACKS[pack]]
                        for name, number, way, session, pack in verbs]),
        "errors": table(["code", "meaning", "may pass"],
                        [[name, text, "yes" if retryable == "true" else ""]
                         for name, text, retryable in errors]),
        "limits": table(["limit", "value", "of what"],
                        [[name, f"{value} {unit}".strip(), what]
                         for name, value, unit, what in limits]),
    }, [name.lower() for name, *_ in verbs]


def render_docs(samples):
    """docs/protocol.md as it should be, and the names of the samples in it."""
    shown = []
    made, verbs = tables()

    def sample(match):
        shown.append(match[1])
        return f"```sample {match[1]}\n{samples.get(match[1], 'no such sample')}```"

    text = re.sub(r"```sample ([a-z-]+)\n.*?```", sample, DOCS.read_text(), flags=re.S)
    text = re.sub(r"(<!-- table ([a-z]+) -->\n).*?(<!-- end -->)",
                  lambda match: match[1] + made[match[2]] + match[3], text, flags=re.S)
    missing = [verb for verb in verbs if verb not in shown]
    return text, missing


def main():
    """Write or check."""
    paths = sorted(HERE.glob("*.hex"))
    wanted = {path: render_sample(path) for path in paths}
    wanted[DOCS], missing = render_docs({path.stem: wanted[path] for path in paths})
    stale = [path for path, text in wanted.items() if path.read_text() != text]
    for verb in missing:
        print(f"docs/protocol.md: no sample of {verb}", file=sys.stderr)
    if sys.argv[1:] == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)}: run tests/data/wire/make.py", file=sys.stderr)
        print(f"{len(paths)} samples, {len(stale)} files differ, {len(missing)} verbs not shown")
        return 1 if stale or missing else 0
    for path in stale:
        path.write_text(wanted[path])
        print(path.relative_to(ROOT))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
