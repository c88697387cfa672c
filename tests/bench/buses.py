# SPDX-License-Identifier: MPL-2.0
"""bus: one publisher, 1, 8 and 64 subscribers, each a process; beside zmq_proxy with the same
frames, and beside nats-server where it is installed."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess

from ground import folder, free_port, router, wait
from measure import Case, Failure, Figure, pairs

SIZES = {"100B": 100, "1KiB": 1024}
SUBSCRIBERS = (1, 8, 64)
PACKS = (1, 64, 256)
PACED = ("--rate", 1000)
# Deliveries of one run, and the most that is published for it.
DELIVERIES = {100: {1: 4_000_000, 64: 12_000_000, 256: 16_000_000},
              1024: {1: 2_000_000, 64: 4_000_000, 256: 4_000_000}}
PUBLISHED = 4_000_000
# What is said of a port that somebody else has; how often another one is tried.
TAKEN, TRIES = "Address already in use", 8


def run(words):
    """Exit code, output, errors. Ended as soon as the proxy, whose port is that of its process
    number, finds it taken: the others would wait for it."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as popen:
        said = ""
        try:
            for line in popen.stderr:
                said += line
                if TAKEN in line:
                    os.killpg(popen.pid, signal.SIGKILL)
            return popen.wait(), popen.stdout.read(), said
        except BaseException:
            os.killpg(popen.pid, signal.SIGKILL)
            raise


def fanout(options, road, where, count, size, pack, subscribers, *more, space=()):
    """`more`: options of bench-fanout; `space`: what its command line begins with."""
    words = [road, where, count, size, pack, subscribers, *more]
    code, out, said = 1, "", TAKEN
    for _ in range(TRIES):
        code, out, said = run([*space, options.bin / "bench-fanout", *map(str, words)])
        if TAKEN not in said:
            break
    if code != 0:
        raise Failure(f"bench-fanout {' '.join(map(str, words))}: {said}")
    result = json.loads(out)
    if result["wrong"]:
        raise Failure(f"bench-fanout {road}: {result['wrong']} events out of order")
    return result


@contextlib.contextmanager
def nats(options):
    """A nats-server's port; None where there is none."""
    program = shutil.which("nats-server")
    if not program:
        yield None
        return
    port = free_port()
    with folder(options) as path:
        config = path / "nats.conf"
        config.write_text(f'listen: "127.0.0.1:{port}"\nmax_pending: 1GB\nwrite_deadline: "60s"\n',
                          encoding="ascii")
        popen = subprocess.Popen([program, "-c", config], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)

        def serves():
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", port)) == 0
        try:
            wait(serves, "nats-server", 30)
            yield port
        finally:
            popen.send_signal(signal.SIGTERM)
            popen.wait()


def count_of(options, size, pack, subscribers):
    count = min(PUBLISHED, DELIVERIES[size][pack] // subscribers)
    return count if not options.tiny else 512


def rate(transport, size_name, subscribers, pack):
    name = f"{transport}-{size_name}-{subscribers}-{pack}"
    size = SIZES[size_name]

    def measure(options):
        count = count_of(options, size, pack, subscribers)
        figures = [Figure("bus", name, "events/s",
                          f"zmq_proxy, {transport}, {pack} a frame")]
        with router(options, tcp=transport == "tcp") as node, nats(options) as port:
            if port:
                figures.append(Figure("bus", f"{name}-nats", "events/s",
                                      "nats-server, pipelined client, tcp"))

            def ours():
                value = fanout(options, "zloom", node.endpoint, count, size, pack,
                               subscribers)["rate"]
                return (value,) * len(figures) if len(figures) > 1 else value

            def theirs():
                values = [fanout(options, "proxy", transport, count, size, pack,
                                 subscribers)["rate"]]
                if port:
                    values.append(fanout(options, "nats", port, count, size, pack,
                                         subscribers)["rate"])
                return tuple(values) if len(figures) > 1 else values[0]
            return pairs(options, figures, ours, theirs)
    return Case(name, measure)


def latency(transport):
    def measure(options):
        count = 5_000 if not options.tiny else 100
        quantiles = ("p50", "p99")
        with router(options, tcp=transport == "tcp") as node, nats(options) as port:
            figures = [Figure("bus", f"latency-{transport}-{part}", f"us {part}, due to heard",
                              f"zmq_proxy, {transport}, {part}") for part in quantiles]
            if port:
                figures += [Figure("bus", f"latency-{transport}-{part}-nats",
                                   f"us {part}, due to heard", f"nats-server, tcp, {part}")
                            for part in quantiles]

            def both(result):
                return tuple(result[f"{part}_us"] for part in quantiles)

            def ours():
                values = both(fanout(options, "zloom", node.endpoint, count, 100, 1, 8, *PACED))
                return values * (2 if port else 1)

            def theirs():
                values = both(fanout(options, "proxy", transport, count, 100, 1, 8, *PACED))
                if port:
                    values += both(fanout(options, "nats", port, count, 100, 1, 8, *PACED))
                return values
            return pairs(options, figures, ours, theirs)
    return Case(f"latency-{transport}", measure)


CASES = [rate(transport, size, subscribers, pack) for transport in ("ipc", "tcp")
         for size in SIZES for subscribers in SUBSCRIBERS for pack in PACKS]
CASES += [latency(transport) for transport in ("ipc", "tcp")]
