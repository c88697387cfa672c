# SPDX-License-Identifier: MPL-2.0
"""Hosts on one machine: a network namespace for each, cabled to a switch in one more.

The root namespace is not touched. Everything is removed at the end, also after a failure.
"""
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path(os.environ.get("ZLOOM_BIN", "build/ci/bin")).resolve()
ZLOOM = str(BIN / "zloom")
DEADLINE_S = 90
SKIPPED = 77


def wait_for(what, condition, deadline_s=DEADLINE_S):
    """Ask until condition () is true, and give what it returned."""
    end = time.monotonic() + deadline_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s} s in vain: {what}")
        select.select([], [], [], 0.02)


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True, capture_output=True, text=True)


def need_namespaces():
    """End the test as skipped, with the reason, where there can be none."""
    reason = None
    if os.geteuid() != 0:
        reason = "only root makes network namespaces"
    elif not shutil.which("ip"):
        reason = "there is no ip (package iproute2)"
    else:
        name = f"zloom-probe-{os.getpid()}"
        try:
            ip("netns", "add", name)
            ip("-n", name, "link", "add", "br0", "type", "bridge")
        except subprocess.CalledProcessError as error:
            reason = f"this kernel makes no namespace with a bridge: {error.stderr.strip()}"
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)


class Network:
    """Hosts by name, at 10.99.0.1 and on; `cut` and `heal` are the cable of one."""

    def __init__(self, *names):
        self.tag = f"zloom-{os.getpid()}"
        self.switch = f"{self.tag}-switch"
        self.address = {name: f"10.99.0.{at}" for at, name in enumerate(names, 1)}
        try:
            ip("netns", "add", self.switch)
            ip("-n", self.switch, "link", "add", "br0", "type", "bridge")
            ip("-n", self.switch, "link", "set", "br0", "up")
            for name, address in self.address.items():
                self.add(name, address)
        except BaseException:
            self.close()
            raise

    def space(self, name):
        return f"{self.tag}-{name}"

    def add(self, name, address):
        space = self.space(name)
        ip("netns", "add", space)
        ip("link", "add", "eth0", "netns", space, "type", "veth",
           "peer", "name", f"to-{name}", "netns", self.switch)
        ip("-n", space, "address", "add", f"{address}/24", "dev", "eth0")
        ip("-n", space, "link", "set", "lo", "up")
        ip("-n", space, "link", "set", "eth0", "up")
        ip("-n", self.switch, "link", "set", f"to-{name}", "master", "br0")
        ip("-n", self.switch, "link", "set", f"to-{name}", "up")

    def cut(self, name):
        ip("-n", self.switch, "link", "set", f"to-{name}", "down")

    def heal(self, name):
        ip("-n", self.switch, "link", "set", f"to-{name}", "up")

    def words(self, name, *words):
        """A command line that runs on that host."""
        return ["ip", "netns", "exec", self.space(name), *map(str, words)]

    def pids(self, name):
        done = subprocess.run(["ip", "netns", "pids", self.space(name)], check=False,
                              capture_output=True, text=True)
        return [int(pid) for pid in done.stdout.split()]

    def kill(self, name):
        """All that runs there, at once, until nothing does."""
        def gone():
            pids = self.pids(name)
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not pids
        wait_for(f"nothing runs on {name}", gone)

    def close(self):
        for name in self.address:
            self.kill(name)
        for space in [*map(self.space, self.address), self.switch]:
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


class Fleet:
    """A recipe on these hosts, with a folder, keys, and a share of it on each."""

    def __init__(self, network, recipe, place, keys):
        self.network = network
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zloom-lab-"))
        self.public = {name: self.new_key(name) for name in [*network.address, *keys]}
        (self.folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
        self.fleet = self.write("fleet.yaml", self.public, place, keys)
        self.shares = {}

    def write(self, file, public, place, keys):
        lines = ["zloom: 1", "recipe: recipe.yaml", "hosts:"]
        for name, address in self.network.address.items():
            lines.append(f"  {name}: {{address: {address}, public: \"{public[name]}\"}}")
        lines += ["place: {" + ", ".join(f"{node}: {host}" for node, host in place.items()) + "}"]
        lines += ["keys:"] if keys else []
        for name, may in keys.items():
            lines.append(f"  {name}: {{public: \"{public[name]}\", may: {may}}}")
        path = self.folder / file
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def new_key(self, name):
        return subprocess.run([ZLOOM, "keys", "new", name, "--keys", self.folder / "keys"],
                              check=True, capture_output=True, text=True).stdout.strip()

    def start(self, host):
        if host in self.shares:
            self.shares[host].wait()
        with open(self.folder / f"{host}.log", "ab") as log:
            self.shares[host] = subprocess.Popen(
                self.network.words(host, ZLOOM, "run", "--fleet", self.fleet, "--host", host,
                                   "--keys", self.folder / "keys",
                                   "--state", self.folder / host),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def said(self, host):
        return (self.folder / f"{host}.log").read_text(encoding="utf-8", errors="replace")

    def wait_said(self, host, words, count=1):
        """Until its log has these words so often."""
        try:
            wait_for(f"{host} says {words}", lambda: self.said(host).count(words) >= count)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said(host)}") from None

    def run_all(self):
        for host in self.network.address:
            self.start(host)
        for host in self.network.address:
            self.wait_said(host, " ready topology=")

    def come(self, host, who, *words, fleet=None):
        """A command of a program on that host with the key `who`."""
        return self.network.words(host, ZLOOM, *words, "--fleet", fleet or self.fleet,
                                  "--as", who, "--keys", self.folder / "keys")

    def close(self):
        for host in self.network.address:
            self.network.kill(host)
        for share in self.shares.values():
            share.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Feeder:
    """A program that sends numbers, at most `ahead` more than have come out at the other end."""

    def __init__(self, words, written, ahead=200):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self.written, self.ahead, self.count = written, ahead, 0

    def close(self):
        """After a failure: it has not ended by itself."""
        self.process.kill()
        self.process.communicate()

    def feed_until(self, what, condition):
        def step():
            goal = len(self.written()) + self.ahead
            while self.count < goal:  # what comes out meanwhile is for the next step
                self.process.stdin.write(f"{self.count}\n".encode())
                self.process.stdin.flush()
                self.count += 1
            return condition()
        wait_for(what, step)

    def end(self):
        """All is sent and confirmed; how many there were."""
        _, said = self.process.communicate(timeout=DEADLINE_S)
        if self.process.returncode != 0:
            raise AssertionError(said.decode())
        return self.count
