# SPDX-License-Identifier: MPL-2.0
"""backlog: ten million messages wait, and a router works, and starts, as if they did not. cold: a
consumer that reads gigabytes from the disk, and what a live flow on the same router feels of it."""
import contextlib
import os
import pathlib
import threading

from ground import pause, private_bytes, router, through
from measure import Case, Failure, Figure

MIB = 1024 * 1024
GB = 1_000_000_000
COLD_BODY = 4096
LIVE_RATE = 1000


class Watch(contextlib.AbstractContextManager):
    """The most private memory that a router has while this is open."""

    def __init__(self, node):
        self.node, self.most, self.ended = node, 0, threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.ended.wait(0.05):
            self.most = max(self.most, private_bytes(self.node.popen.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.thread.join()


def fill(node, flow, count, body):
    """Messages that nobody takes yet."""
    producer = node.load("produce", flow, count, body, 0)
    try:
        producer.result()
    finally:
        producer.kill()
    ready = node.counters(flow)["ready"]
    if ready < count:
        raise Failure(f"flow {flow}: {ready} of {count} messages wait")


def over(node, count):
    """The same as `through`, where the consumer gets the oldest of the backlog."""
    before = node.counters("disk")
    consumer = node.load("consume", "disk", count, 32768)
    producer = None
    try:
        producer = node.load("produce", "disk", count, 100, 0)
        produced, consumed = producer.result(), consumer.result()
    finally:
        for load in (consumer, producer):
            if load:
                load.kill()
    after = node.counters("disk")
    if after["acked"] - before["acked"] != count:
        raise Failure(f"not all of {count} messages are settled: {after}")
    begin_ns = min(produced["begin_ns"], consumed["begin_ns"])
    return count / ((max(produced["end_ns"], consumed["end_ns"]) - begin_ns) / 1e9)


def backlog(options):
    """Two routers in turn, one of them with nothing but these messages: what a machine does in a
    minute is not what it did in the one before."""
    count = 2_000_000 if not options.tiny else 2000
    name = f"{options.messages:,} messages wait"
    rate = Figure("backlog", "rate", f"messages/s while {name}", "an empty queue")
    memory = Figure("backlog", "memory", f"MiB private while {name}", "an empty queue")
    reopen = Figure("backlog", "reopen", f"s to start while {name}", "an empty queue")
    with router(options) as empty, router(options) as node:
        through(empty, "disk", count, 100)
        with Watch(node) as watch:
            fill(node, "disk", options.messages, 100)
        filling = watch.most / MIB
        for _ in range(options.runs):
            with Watch(empty) as beside_empty:
                alone = through(empty, "disk", count, 100)
            with Watch(node) as watch:
                rate.add(over(node, count), alone)
            memory.add(max(watch.most / MIB, filling), beside_empty.most / MIB)
        for _ in range(options.runs):
            empty.stop()
            node.stop()
            reopen.add(node.start(), empty.start())
    return [rate, memory, reopen]


def drop_caches(node):
    """Forget the journal's pages, so that reading it is reading the disk."""
    os.sync()
    for path in pathlib.Path(node.state).rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def live(node, count):
    """p50 and p99 of the live flow, send to confirm, us."""
    consumer = node.load("consume", "live", count, 1000)
    producer = None
    try:
        producer = node.load("pace", "live", count, 100, LIVE_RATE)
        result = producer.result()
        consumer.result()
    finally:
        for load in (consumer, producer):
            if load:
                load.kill()
    return result["p99_us"]


def beside(node, part, sample):
    """MB/s at which a part of the backlog is read, and what the live flow feels all the while."""
    consumer = node.load("consume", "disk", part, 4096)
    values = []
    try:
        while consumer.running() or not values:
            value = live(node, sample)
            if consumer.running() or not values:
                values.append(value)
        result = consumer.result()
    finally:
        consumer.kill()
    seconds = (result["end_ns"] - result["begin_ns"]) / 1e9
    return part * COLD_BODY / seconds / 1e6, values


def cold(options):
    """The backlog is read in as many parts as there are runs; before each the flow is alone."""
    part = int(options.size * GB / COLD_BODY) // options.runs
    sample = 2000 if not options.tiny else 50
    p99 = Figure("cold", "live-p99", f"us p99, send to confirm, beside {options.size:g} GB read",
                 "the same flow alone")
    speed = Figure("cold", "catch-up", "MB/s read, taken and settled", "the live flow's MB/s")
    with router(options) as node:
        fill(node, "disk", part * options.runs, COLD_BODY)
        drop_caches(node)
        for _ in range(options.runs):
            pause(2)  # for what the disk has still to do
            alone = live(node, sample)
            rate, values = beside(node, part, sample)
            for value in values:
                p99.add(value, alone)
            speed.add(rate, LIVE_RATE * 100 / 1e6)
    return [p99, speed]


BACKLOG = [Case("backlog", backlog)]
COLD = [Case("cold", cold)]
