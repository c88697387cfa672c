# SPDX-License-Identifier: MPL-2.0
"""The ground of the benches: a folder, a real router on it, and the programs that load it."""
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from measure import Failure

PATIENCE_S = 600
# Below those that zmq_proxy takes (fanout_proxy.c), and those that the kernel gives out by itself.
PORTS = range(10000, 20000)
RECIPE = """\
zloom: 1
name: bench
nodes:
  router: {kind: router, LISTENjournal: {hot: HOT}}
flows:
  disk: {pattern: queue, from: external, to: external, limit: {messages: 1000000000, bytes: 1TiB}}
  live: {pattern: queue, from: external, to: external}
  events: {pattern: bus, from: external, to: external, confirm: memory}
  memory: {pattern: queue, from: external, to: external, confirm: memory,
           limit: {messages: 10000000, bytes: 256MiB}}
"""


def pause(seconds):
    """Where time itself is measured, or between two looks at a condition."""
    select.select([], [], [], seconds)


def wait(condition, what, seconds=PATIENCE_S):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds} s")
        pause(0.01)


def raw(options, *words):
    """What `bench-raw` prints, as numbers."""
    done = subprocess.run([options.bin / "bench-raw", *map(str, words)], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"bench-raw {' '.join(map(str, words))}: {done.stderr}")
    numbers = [float(word) for word in done.stdout.split()]
    return numbers[0] if len(numbers) == 1 else numbers


@contextlib.contextmanager
def folder(options):
    """A folder that is gone afterwards."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="zloom-bench-", dir=options.dir))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Load:
    """`bench-load`: started, and later asked what came of it."""

    def __init__(self, options, *words):
        self.words = [str(word) for word in words]
        self.popen = subprocess.Popen([options.bin / "bench-load", *self.words], text=True,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE)
        if self.popen.stdout.readline() != "ready\n":
            raise Failure(f"{self.name()}: {self.popen.stderr.read()}")

    def name(self):
        return "bench-load " + " ".join(self.words)

    def running(self):
        return self.popen.poll() is None

    def result(self):
        out, err = self.popen.communicate(timeout=PATIENCE_S)
        if self.popen.returncode != 0:
            raise Failure(f"{self.name()}: {err}")
        result = json.loads(out)
        if result["wrong"]:
            raise Failure(f"{self.name()}: {result['wrong']} bodies out of order or damaged")
        return result

    def kill(self):
        if self.running():
            self.popen.kill()
        self.popen.communicate()


def private_bytes(pid):
    """Memory that is this process's own."""
    total = 0
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").split("\n"):
        if line.startswith("Private_") and "Hugetlb" not in line:
            total += int(line.split()[1]) * 1024
    return total


def cpu_ticks(pid):
    words = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return int(words[11]) + int(words[12])


def free_port():
    """A port of the loopback that nobody has, another one for each process."""
    for i in range(len(PORTS)):
        port = PORTS[(os.getpid() + i) % len(PORTS)]
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
    raise Failure("no port is free")


class Router:
    """`zloom node RECIPE router` in a folder; `start` may come again after `stop`."""

    def __init__(self, options, path, tcp=False, slow_sync_us=0, hot="512MiB", space=(), words=()):
        """`tcp`: True, or the endpoint; the command line is between `space` and `words`."""
        self.space, self.words = space, words
        self.options, self.path, self.state = options, path, path / "state"
        self.recipe = path / "recipe.yaml"
        self.environment = dict(os.environ)
        if slow_sync_us:
            self.environment["LD_PRELOAD"] = str(options.bin / "bench-slow-disk.so")
            self.environment["ZLOOM_SLOW_SYNC_US"] = str(slow_sync_us)
        listen = ""
        self.endpoint = f"ipc://{self.state}/run/router.sock"
        if tcp:
            self.endpoint = tcp if tcp is not True else \
                f"tcp://127.0.0.1:{free_port()}"
            listen = f'listen: "{self.endpoint}", '
        self.recipe.write_text(RECIPE.replace("LISTEN", listen).replace("HOT", hot),
                               encoding="utf-8")
        self.popen = None

    def start(self):
        """Seconds until it serves."""
        ready, write = os.pipe()
        begin = time.monotonic()
        with open(self.path / "router.err", "ab") as err:
            self.popen = subprocess.Popen(
                [*self.space, self.options.bin / "zloom", "node", self.recipe, "router", "--state",
                 self.state, "--ready-fd", str(write), *self.words],
                stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                pass_fds=(write,), env=self.environment)
        os.close(write)
        served = os.read(ready, 1)
        took = time.monotonic() - begin
        os.close(ready)
        if not served:
            self.popen.wait()
            raise Failure(f"the router does not start: {self.said()}")
        return took

    def said(self):
        return (self.path / "router.err").read_text(encoding="utf-8", errors="replace")[-2000:]

    def stop(self):
        self.popen.send_signal(signal.SIGTERM)
        if self.popen.wait(PATIENCE_S) != 0:
            raise Failure(f"the router ended badly: {self.said()}")

    def kill(self):
        if self.popen and self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()

    def load(self, *words):
        return Load(self.options, words[0], self.endpoint, *words[1:])

    def counters(self, flow):
        """The flow's row of `zloom stats`."""
        done = subprocess.run(
            [self.options.bin / "zloom", "stats", "--state", self.state, "-o", "json"],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"zloom stats: {done.stderr}")
        for row in json.loads(done.stdout)["flows"]:
            if row["name"] == flow:
                return row
        raise Failure(f"zloom stats has no flow {flow}")


@contextlib.contextmanager
def router(options, **how):
    """A router that serves, in a folder of its own."""
    with folder(options) as path:
        node = Router(options, path, **how)
        node.start()
        try:
            yield node
        finally:
            node.kill()


def through(node, flow, count, body, pack=0, prefetch=32768):
    """Messages a second through one producer and one consumer, all confirmed and all settled."""
    before = node.counters(flow)
    consumer = node.load("consume", flow, count, prefetch)
    producer = None
    try:
        producer = node.load("produce", flow, count, body, pack)
        produced, consumed = producer.result(), consumer.result()
    finally:
        for load in (consumer, producer):
            if load:
                load.kill()
    after = node.counters(flow)
    if after["acked"] - before["acked"] != count or after["ready"] or after["leased"]:
        raise Failure(f"flow {flow}: not all of {count} messages are settled: {after}")
    end_ns = max(produced["end_ns"], consumed["end_ns"])
    return count / ((end_ns - produced["begin_ns"]) / 1e9)
