# SPDX-License-Identifier: MPL-2.0
"""slow-disk: a memory flow beside a disk flow whose disk takes 5 ms a sync. idle: what a router
costs that has nothing to do, and how long ten nodes take to stand."""
import subprocess
import time

from ground import cpu_ticks, folder, pause, private_bytes, router, wait
from measure import Case, Failure, Figure, pairs
from queues import RATE, paced

SLOW_SYNC_US = 5000
DISK_RATE = 5000
MIB = 1024 * 1024
TEN_NODES = """\
zloom: 1
name: ten
nodes:
  router: {kind: router}
  source: {kind: poller, file: {path: in.jsonl, follow: true}}
  WORKERS
  end: {kind: sink, file: {path: out.jsonl}}
flows:
  flow-0: {pattern: queue, from: source, to: worker-0, dead_letter: dead}
  FLOWS
  dead: {pattern: queue, to: external}
"""


def beside(node, count):
    """The memory flow's p50 while the disk flow is at work."""
    seconds = 2 * count // RATE + 5
    consumer = node.load("consume", "disk", DISK_RATE * seconds, 10_000)
    producer = None
    try:
        producer = node.load("pace", "disk", DISK_RATE * seconds, 100, DISK_RATE)
        value = paced(node, "memory", count)[0]
        if not (producer.running() and consumer.running()):
            raise Failure("the disk flow ended before the memory flow was measured")
        return value
    finally:
        for load in (producer, consumer):
            if load:
                load.kill()


def slow_disk(options):
    count = 5000 if not options.tiny else 100
    figure = Figure("slow-disk", "memory-p50", "us p50, send to confirm, beside a disk flow",
                    "the same flow alone")
    for _ in range(options.runs):
        with router(options, slow_sync_us=SLOW_SYNC_US) as node:
            alone = paced(node, "memory", count)[0]
            figure.add(beside(node, count), alone)
    return [figure]


class Bare:
    """A ROUTER of plain libzmq that nobody talks to."""

    def __init__(self, options, path):
        self.popen = subprocess.Popen(
            [options.bin / "bench-raw", "idle", f"ipc://{path}/bare.sock"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.popen.stdout.readline()
        self.pid = self.popen.pid

    def close(self):
        self.popen.communicate("")


def idle(options):
    """Private memory and CPU of a router that has served a little and then rests."""
    seconds = 10 if not options.tiny else 1
    figures = [Figure("idle", "memory", "MiB private", "a bare ROUTER of libzmq"),
               Figure("idle", "cpu", f"CPU ticks in {seconds} s", "a bare ROUTER of libzmq")]

    def both(pid):
        pause(1)
        before = cpu_ticks(pid)
        pause(seconds)
        return private_bytes(pid) / MIB, cpu_ticks(pid) - before

    def ours():
        with router(options) as node:
            paced(node, "disk", 100)
            return both(node.popen.pid)

    def theirs():
        with folder(options) as path:
            bare = Bare(options, path)
            try:
                return both(bare.pid)
            finally:
                bare.close()
    return pairs(options, figures, ours, theirs)


def ten_nodes(path):
    """A router, a poller, seven workers in a row, a sink."""
    workers = "\n  ".join(f"worker-{i}: {{kind: worker, run: [cat]}}" for i in range(7))
    flows = "\n  ".join(
        f"flow-{i + 1}: {{pattern: queue, from: worker-{i}, "
        f"to: {f'worker-{i + 1}' if i < 6 else 'end'}, dead_letter: dead}}" for i in range(7))
    recipe = path / "ten.yaml"
    recipe.write_text(TEN_NODES.replace("WORKERS", workers).replace("FLOWS", flows),
                      encoding="utf-8")
    (path / "in.jsonl").write_text("", encoding="utf-8")
    return recipe


def until_ready(options, path, recipe):
    begin = time.monotonic()
    popen = subprocess.Popen([options.bin / "zloom", "run", recipe, "--state", path / "state"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
    said = ""
    for line in popen.stderr:
        said += line
        if " ready topology=" in line:
            break
    took = time.monotonic() - begin
    popen.terminate()
    popen.communicate()
    if popen.returncode != 0 or " ready topology=" not in said:
        raise Failure(f"the ten nodes: {said[-2000:]}")
    return took


def ten_programs(options):
    """As many programs that say who they are and end."""
    begin = time.monotonic()
    programs = [subprocess.Popen([options.bin / "zloom", "--version"], stdout=subprocess.DEVNULL)
                for _ in range(10)]
    for program in programs:
        program.wait()
    return time.monotonic() - begin


def ready(options):
    """The first start makes the journal, later ones find it."""
    figures = [Figure("idle", "ready-first", "s until ten nodes are ready, nothing on the disk",
                      "ten times zloom --version at once"),
               Figure("idle", "ready-again", "s until ten nodes are ready",
                      "ten times zloom --version at once")]
    for _ in range(options.runs):
        with folder(options) as path:
            recipe = ten_nodes(path)
            for figure in figures:
                figure.add(until_ready(options, path, recipe), ten_programs(options))
    return figures


SLOW_DISK = [Case("memory-p50", slow_disk)]
IDLE = [Case("idle", idle), Case("ready", ready)]
