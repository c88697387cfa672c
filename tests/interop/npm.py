# SPDX-License-Identifier: MPL-2.0
"""Packages of npm for the tests: pinned, installed once into a folder outside of the source tree.

$ZLOOM_NPM_CACHE, or $XDG_CACHE_HOME/zloom/npm, or ~/.cache/zloom/npm; a folder a set of versions.
A test that needs them ends with code 77 and a reason where there is no npm, or no registry.
"""
import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PINNED = ("zeromq@6.8.0", "@msgpack/msgpack@3.1.3", "msgpack-test-suite@1.0.0")


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def cache():
    named = os.environ.get("ZLOOM_NPM_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(named) if named else pathlib.Path(base) / "zloom" / "npm"


def modules():
    """The node_modules folder with what is pinned, installed if it is not there yet."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        skip("node and npm are not installed")
    name = hashlib.sha256(" ".join(PINNED).encode()).hexdigest()[:16]
    folder = cache() / name
    if not folder.exists():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            skip(f"{folder.parent}: {error.strerror}")
        # Whole or not at all, also when two tests come here at once.
        made = tempfile.mkdtemp(prefix=".new-", dir=folder.parent)
        done = subprocess.run(
            [npm, "install", "--prefix", made, "--no-save", "--no-package-lock", "--no-audit",
             "--no-fund", "--ignore-scripts", *PINNED], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=100)
        if done.returncode != 0:
            shutil.rmtree(made, True)
            skip("npm cannot install " + " ".join(PINNED) + ": "
                 + (done.stdout.strip().splitlines() or ["no reason given"])[-1])
        try:
            os.rename(made, folder)
        except OSError:
            shutil.rmtree(made, True)  # somebody else was first
    return folder / "node_modules"


def node(*words, **options):
    """Run node with what is pinned; its stdout."""
    env = {**os.environ, "NODE_PATH": str(modules())}
    return subprocess.run([shutil.which("node"), *map(str, words)], env=env, check=True, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60,
                          **options).stdout


@contextlib.contextmanager
def start(*words):
    """Node with what is pinned, to be talked to by lines; it has to end well by itself."""
    env = {**os.environ, "NODE_PATH": str(modules())}
    with subprocess.Popen([shutil.which("node"), *map(str, words)], env=env, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        try:
            yield one
            if one.wait(60) != 0:
                raise RuntimeError(f"node ended with {one.returncode}")
        finally:
            one.kill()
