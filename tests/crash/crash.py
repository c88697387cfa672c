#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Real processes, real disk, real signals: a router with producers and consumers under fire.

    kill           SIGKILL of routers, producers, consumers; SIGSTOP; the checker over it all
    inject         SIGKILL and EIO exactly at the n-th fdatasync or pwritev of the router (strace)
    second_router  a second router on the same state folder

Exit codes: 0 good, 1 a promise is broken, 77 something that it needs is not here.
"""
import argparse
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from checker import Checker  # noqa: E402
from ground import Failure, Ground, NOT_RESTARTED, wait  # noqa: E402

FROZEN_S = 1.5
ROUTER_FROZEN_S = 3


class Skip(Exception):
    """What the scenario needs is not here; the text says what."""


def load(ground):
    """Two pipelined producers; consumers that settle in every way; one that reads the effects."""
    ground.start("produce", "p1", "orders", 2000)
    ground.start("produce", "p2", "orders", 300)
    ground.start("consume", "c1", "orders", 300, "mixed")
    ground.start("consume", "c2", "orders", 50, "mixed")
    ground.start("consume", "s1", "orders", 200, "step")
    ground.start("consume", "s2", "orders", 30, "step")
    ground.start("consume", "d1", "done", 300, "ack")
    ground.start("consume", "d2", "done", 50, "ack")


def conclude(ground, summary, **allowed):
    """Drain, then the checker's word over the whole run."""
    ground.finish()
    report = Checker(ground.history, **allowed).check()
    print(f"{summary}; {report.text()}", flush=True)
    if not report.good():
        raise Failure("promises were broken")
    return report


# ---- kill ---------------------------------------------------------------------------------------

def kill_peer(ground, peers):
    peer = ground.random.choice([peer for peer in peers if not peer.stopped])
    peer.kill()
    ground.start_again(peer)


def freeze_for(process, seconds):
    """Time is what this fault is made of; what follows waits for conditions."""
    process.freeze()
    time.sleep(seconds)
    process.thaw()


def cycle(ground, number):
    """The router dies; now and then somebody else before, or while it is away, or after it."""
    dice = ground.random.random
    ground.progress(ground.random.randrange(100, 4000), f"before cycle {number}")
    if dice() < 0.3:
        kill_peer(ground, ground.consumers())
    if dice() < 0.2:
        kill_peer(ground, ground.producers())
    if dice() < 0.1:
        freeze_for(ground.random.choice(ground.consumers()), FROZEN_S)
    frozen = ground.random.choice(ground.consumers()) if dice() < 0.2 else None
    if frozen:
        frozen.freeze()
    ground.router.kill()
    if dice() < 0.2:
        kill_peer(ground, ground.peers)
    ground.need_router()
    if dice() < 0.2:
        # Again, before anybody may have found it.
        ground.router.kill()
        ground.need_router()
    if frozen:
        frozen.thaw()


def kill(ground, options):
    ground.need_router()
    load(ground)
    for number in range(options.cycles):
        cycle(ground, number)
        if number == options.cycles // 2:
            freeze_for(ground.router, ROUTER_FROZEN_S)
    ground.progress(1000, "after the last cycle")
    conclude(ground, f"{options.cycles} cycles")


# ---- inject -------------------------------------------------------------------------------------

def strace(call, what, n):
    # Each thread counts for itself. (--seccomp-bpf would be faster, but forgets to count.)
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
            f"inject={call}:{what}:when={n}"]


def need_strace():
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    done = subprocess.run([*strace("fdatasync", "error=EIO", 1), "true"], capture_output=True,
                          check=False)
    if done.returncode != 0:
        raise Skip(f"strace cannot trace here: {done.stderr.decode().strip()}")


def die_at(ground, call, what, n):
    """A router that is hit at its n-th call, under load; how it ended."""
    if ground.start_router(strace(call, what, n)):
        wait(lambda: not ground.router.alive(), f"the router meets call {n} of {call} ({what})")
    return ground.router.wait()


def inject(ground, options):
    need_strace()
    ground.need_router()
    load(ground)
    count = 0
    for n in sorted(ground.random.sample(range(1, 120), options.points) + [1, 2, 3]):
        call = ground.random.choice(["fdatasync", "pwritev"])
        ground.progress(200, f"before SIGKILL at {call} {n}")
        ground.router.kill()
        code = die_at(ground, call, "signal=SIGKILL", n)
        if code != -signal.SIGKILL:
            raise Failure(f"SIGKILL at {call} {n}: it ended with {code}")
        ground.need_router()
        count += 1
    for call, error, n in (("fdatasync", "EIO", 1), ("fdatasync", "EIO", 9),
                           ("fdatasync", "EIO", 40), ("pwritev", "EIO", 25)):
        ground.progress(200, f"before {error} at {call} {n}")
        ground.router.kill()
        code = die_at(ground, call, f"error={error}", n)
        if code in NOT_RESTARTED or code < 0:
            raise Failure(f"{error} at {call} {n}: it ended with {code}, the supervisor would not "
                          f"start it again: {ground.router.said()}")
        said = ground.router.said()
        if call not in said and "disk" not in said.lower():
            raise Failure(f"{error} at {call} {n}: it does not say why it ended: {said}")
        ground.need_router()
        count += 1
    ground.progress(1000, "after the last fault")
    conclude(ground, f"{count} faults at exact calls")


# ---- the second router --------------------------------------------------------------------------

def second_router(ground, _options):
    ground.need_router()
    load(ground)
    first = ground.router
    ground.progress(500, "with one router")
    for _ in range(3):
        if ground.start_router():
            raise Failure("a second router serves from the same state folder")
        code, said = ground.router.wait(), ground.router.said()
        ground.router = first
        if code != 73 or "in use by another process" not in said:
            raise Failure(f"the second router ended with {code}: {said}")
        if not first.alive():
            raise Failure(f"the first router ended with {first.wait()}: {first.said()}")
        ground.progress(500, "after the second router was refused")
    conclude(ground, "3 second routers refused")


# ---- main ---------------------------------------------------------------------------------------

SCENARIOS = {"kill": kill, "inject": inject, "second_router": second_router}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--zloom", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("ZLOOM_CRASH_SEED") or time.time_ns() % 10 ** 9))
    parser.add_argument("--cycles", type=int,
                        default=int(os.environ.get("ZLOOM_CRASH_CYCLES") or 20))
    parser.add_argument("--points", type=int, default=7, help="inject: how many random calls")
    parser.add_argument("--keep", action="store_true", help="keep the folder even if all is good")
    options = parser.parse_args()
    print(f"{options.scenario}: seed {options.seed}", flush=True)
    ground = Ground(options.zloom, options.peer, random.Random(options.seed))
    code = 1
    try:
        SCENARIOS[options.scenario](ground, options)
        code = 0
    except Skip as skip:
        print(f"{options.scenario} left out: {skip}")
        code = 77
    except Failure as failure:
        print(f"FAILED, seed {options.seed}: {failure}\nsee {ground.folder}", file=sys.stderr)
    finally:
        ground.close(options.keep or code == 1)
    return code


if __name__ == "__main__":
    sys.exit(main())
