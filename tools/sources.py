# SPDX-License-Identifier: MPL-2.0
"""What the checks share: which files there are, and C text without comments and strings."""

import argparse
import os
import re

# Build output, caches, and data that is damaged on purpose.
SKIPPED_FOLDERS = {".git", "build", "__pycache__", ".cache", "node_modules"}
SKIPPED_PATHS = {"tests/data"}

_C_TOKEN = re.compile(
    r"""(?P<comment>//(?:\\\n|[^\n])*|/\*.*?(?:\*/|\Z))"""
    r"""|(?P<string>"(?:\\.|[^"\\\n])*")"""
    r"""|(?P<char>'(?:\\.|[^'\\\n])*')""",
    re.DOTALL | re.VERBOSE,
)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def strip_c(text, keep_strings=False):
    """C text with comments blanked, and the insides of strings too; lines and columns stay."""

    def replace(match):
        if match.lastgroup == "comment":
            return _blank(match.group())
        if keep_strings:
            return match.group()
        quote = match.group()[0]
        return quote + _blank(match.group()[1:-1]) + quote

    return _C_TOKEN.sub(replace, text)


def walk(root, folders=(".",), suffixes=None):
    """Paths below `root`, relative, sorted; `suffixes` is a tuple of name endings or None."""
    found = []
    for folder in folders:
        for base, names, files in os.walk(os.path.join(root, folder)):
            relative = os.path.relpath(base, root)
            names[:] = [
                name for name in names
                if name not in SKIPPED_FOLDERS
                and os.path.normpath(os.path.join(relative, name)) not in SKIPPED_PATHS
            ]
            for name in files:
                path = os.path.normpath(os.path.join(relative, name))
                if not os.path.islink(os.path.join(root, path)):
                    if suffixes is None or name.endswith(suffixes):
                        found.append(path)
    return sorted(set(found))


def read(root, path):
    """A file as text; None when it is not text."""
    with open(os.path.join(root, path), "rb") as file:
        data = file.read()
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def parser(doc):
    """The command line that every check has: one option, the tree."""
    made = argparse.ArgumentParser(description=doc.strip().splitlines()[0])
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    made.add_argument("--root", default=here, help="the tree to check (default: this one)")
    return made


def report(name, errors, count):
    """Print `file:line: text` for each (file, line, text), a closing line, and give the status."""
    for path, line, text in sorted(set(errors)):
        print(f"{path}:{line}: {text}")
    total = len(set(errors))
    print(f"{name}: {count} files, {total} error{'' if total == 1 else 's'}")
    return 1 if total else 0
