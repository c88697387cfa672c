# SPDX-License-Identifier: MPL-2.0
"""Rules that are undone on purpose, in a copy of the tree: for scripts that ask for red.

An edit replaces text that stands exactly once in its file; check () says when one does not fit the
source any more.
"""
import argparse
import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclass
class Edit:
    name: str
    rule: str  # what is undone
    file: str
    old: str
    new: str


def check(edits):
    bad = [edit for edit in edits if (ROOT / edit.file).read_text().count(edit.old) != 1]
    for edit in bad:
        print(f"mutate: {edit.name}: the text to replace is not once in {edit.file}")
    print(f"mutate: {len(edits)} mutations, {len(bad)} do not fit the source")
    return 1 if bad else 0


class Tree:
    """The copy, its build, and one edit at a time in it."""

    def __init__(self, folder):
        self.tree = pathlib.Path(folder) / "tree"
        self.build = pathlib.Path(folder) / "build"
        self.tree.mkdir(parents=True, exist_ok=True)
        listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard"],
                                capture_output=True, check=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            self.refresh(name)
        subprocess.run(["cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja",
                        "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                        *["-DCMAKE_C_COMPILER_LAUNCHER=ccache"][:bool(shutil.which("ccache"))]],
                       stdout=subprocess.DEVNULL, check=True)

    def refresh(self, name):
        """As in the source tree; what has not changed keeps its time, so nothing is built anew."""
        source, copy = ROOT / name, self.tree / name
        if source.is_symlink() or not source.is_file():
            return
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            shutil.copymode(source, copy)

    def make(self, *targets):
        done = subprocess.run(["cmake", "--build", self.build, "--target", *targets, "--",
                               "--quiet"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"mutate: does not build:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")

    @contextlib.contextmanager
    def edited(self, edit):
        path = self.tree / edit.file
        text = path.read_text()
        path.write_text(text.replace(edit.old, edit.new))
        try:
            yield
        finally:
            path.write_text(text)


def words(doc, edits):
    """The parser of a script over these edits; further options are its own."""
    parser = argparse.ArgumentParser(description=doc,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="which mutations; none: all")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--folder", help="where to work; kept")
    parser.set_defaults(known={edit.name: edit for edit in edits})
    return parser


def main(parser, ready, run):
    """
    `ready (tree, chosen, options)` builds, and exits if all is not green without an edit;
    `run (tree, edit, options)` is called with the edit in the tree: what caught it, or None.
    """
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in options.known]
    if unknown:
        parser.error(f"no such mutation: {', '.join(unknown)}")
    chosen = [options.known[name] for name in options.names or options.known]
    if options.list:
        for edit in chosen:
            print(f"{edit.name:<24} {edit.rule}")
        return 0
    unfit = check(chosen)
    if unfit or options.check:
        return unfit
    folder = options.folder or tempfile.mkdtemp(prefix="zloom-mutate-")
    survived = []
    try:
        tree = Tree(folder)
        ready(tree, chosen, options)
        for edit in chosen:
            began = time.monotonic()
            with tree.edited(edit):
                caught = run(tree, edit, options)
            print(f"{edit.name:<24} {caught or 'SURVIVES'} ({time.monotonic() - began:.0f} s)",
                  flush=True)
            if not caught:
                survived.append(edit.name)
    finally:
        if not options.folder:
            shutil.rmtree(folder)
    print(f"mutate: {len(chosen) - len(survived)} of {len(chosen)} caught"
          + (f"; survivors: {', '.join(survived)}" if survived else ""))
    return 1 if survived else 0
