# SPDX-License-Identifier: MPL-2.0
"""queue: one producer, one consumer, a real router between them; all confirmed and all settled."""
from ground import folder, raw, router, through
from measure import Case, Figure, pairs

SIZES = {"100B": 100, "1KiB": 1024}
RATE = 1000
CONFIRM = "confirm"


def rate(flow, size, single=False, tcp=False):
    name = f"{flow}-{size}-{'single' if single else 'batched'}{'-tcp' if tcp else ''}"
    transport = "tcp" if tcp else "ipc"
    per_frame = 1 if single else 256
    count = 1_000_000 if single or size == "1KiB" else 4_000_000

    def measure(options):
        n = count if not options.tiny else 2000
        figure = Figure("queue", name, "messages/s",
                        f"libzmq one-way, {transport}, {per_frame} a frame")
        with router(options, tcp=tcp) as node:
            through(node, flow, n // 4, SIZES[size], 1 if single else 0)
            return pairs(options, [figure],
                         lambda: through(node, flow, n, SIZES[size], 1 if single else 0),
                         lambda: raw(options, "zmq", transport, n, SIZES[size], per_frame))
    return Case(name, measure)


def paced(node, flow, count):
    """p50 and p99 of send to confirm, in us, with somebody who takes."""
    consumer = node.load("consume", flow, count, 1000)
    producer = None
    try:
        producer = node.load("pace", flow, count, 100, RATE)
        result = producer.result()
        consumer.result()
    finally:
        for load in (consumer, producer):
            if load:
                load.kill()
    return result["p50_us"], result["p99_us"]


def latency(flow):
    yardstick = (f"write + fdatasync of 4 KiB at {RATE}/s" if flow == "disk" else
                 f"round trip over a unix socket at {RATE}/s")

    def theirs(options, count):
        if flow == "memory":
            return raw(options, "ping", "ipc", count, RATE)
        with folder(options) as path:
            return raw(options, "paced-sync", path, 4096, count, RATE)[:2]

    def measure(options):
        count = 10_000 if not options.tiny else 100
        figures = [Figure("queue", f"{flow}-latency-{part}", f"us {part}, send to {CONFIRM}",
                          f"{yardstick}, {part}") for part in ("p50", "p99")]
        with router(options) as node:
            paced(node, flow, count // 10)
            return pairs(options, figures, lambda: paced(node, flow, count),
                         lambda: theirs(options, count))
    return Case(f"{flow}-latency", measure)


CASES = [rate("disk", "100B"), rate("disk", "100B", single=True), rate("disk", "1KiB"),
         rate("memory", "100B"), rate("disk", "100B", tcp=True), rate("disk", "1KiB", tcp=True),
         rate("memory", "100B", tcp=True), latency("disk"), latency("memory")]
