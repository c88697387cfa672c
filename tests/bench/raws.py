# SPDX-License-Identifier: MPL-2.0
"""raw: what the machine gives. These are the yardsticks of the other benches; their own is the same
bytes with one layer less (a plain socket, a write without a sync, a memset)."""
from ground import folder, raw
from measure import plain

KIB = 1024


def one_way(transport, per_frame):
    def rate(program):
        def measure(options):
            count = 2_000_000 if per_frame == 1 else 10_000_000
            return raw(options, program, transport, count if not options.tiny else 5000, 100,
                       per_frame)
        return measure
    return plain("raw", f"zmq-{transport}-{per_frame}", "messages/s",
                 "the same frames through a plain socket", rate("zmq"), rate("socket"))


def disk(kib):
    def p50(verb):
        def measure(options):
            with folder(options) as path:
                return raw(options, verb, path, kib * KIB, 2000 if not options.tiny else 20)[0]
        return measure
    name = f"sync-{kib}KiB" if kib < KIB else f"sync-{kib // KIB}MiB"
    return plain("raw", name, "us p50", "the same write without fdatasync", p50("sync"),
                 p50("write"))


def memory():
    def rate(verb):
        return lambda options: raw(options, verb, KIB * KIB, 5000 if not options.tiny else 10)
    return plain("raw", "memcpy", "GB/s", "memset", rate("memcpy"), rate("memset"))


CASES = [one_way(transport, per_frame)
         for transport in ("ipc", "tcp") for per_frame in (1, 64, 256)]
CASES += [disk(kib) for kib in (4, 64, 256, KIB)]
CASES.append(memory())
