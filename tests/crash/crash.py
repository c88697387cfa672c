#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Real processes, real disk, real signals: a router with producers and consumers under fire.

    kill           SIGKILL of routers, producers, consumers; SIGSTOP; the checker over it all
    inject         SIGKILL and EIO exactly at the n-th fdatasync or pwritev of the router (strace)
    second_router  a second router on the same state folder
    full_disk      a file system that fills up and gets its space back (root, tmpfs)
    full_of_itself the same, filled by the journal; damage_last: damage in the newest group.
                   Both show known limits, so they are run by hand and not by ctest
    damage         flipped bits in a stopped router's journal

Exit codes: 0 good, 1 a promise is broken, 77 something that it needs is not here.
"""
import argparse
import errno
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from checker import body, Checker  # noqa: E402
from ground import Failure, Ground, NOT_RESTARTED, pause, wait  # noqa: E402

FROZEN_S = 1.5
ROUTER_FROZEN_S = 3


class Skip(Exception):
    """What the scenario needs is not here; the text says what."""


def load_producers(ground):
    """Two, both pipelined."""
    ground.start("produce", "p1", "orders", 2000)
    ground.start("produce", "p2", "orders", 300)


def load_consumers(ground):
    """They settle in every way; two read the effects of steps."""
    ground.start("consume", "c1", "orders", 300, "mixed")
    ground.start("consume", "c2", "orders", 50, "mixed")
    ground.start("consume", "s1", "orders", 200, "step")
    ground.start("consume", "s2", "orders", 30, "step")
    ground.start("consume", "d1", "done", 300, "ack")
    ground.start("consume", "d2", "done", 50, "ack")


def load(ground):
    load_producers(ground)
    load_consumers(ground)


def conclude(ground, summary, lost=0):
    """Drain, then the checker's word over the whole run. So many may be, and have to be, lost."""
    ground.finish()
    report = Checker(ground.history).check()
    if lost and len(report.found["lost"]) == lost:
        del report.found["lost"]
        summary += f", {lost} messages in holes and nowhere else"
    elif lost:
        report.add("lost", f"{lost} were to be lost")
    print(f"{summary}; {report.text()}", flush=True)
    if not report.good():
        raise Failure("promises were broken")


# ---- kill ---------------------------------------------------------------------------------------

def kill_peer(ground, peers):
    peer = ground.random.choice([peer for peer in peers if not peer.stopped])
    peer.kill()
    ground.start_again(peer)


def freeze_for(process, seconds):
    process.freeze()
    pause(seconds)
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


# ---- the full disk ------------------------------------------------------------------------------

def fill(path):
    """Take all space that is left."""
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def fill_and_drain(ground, size, backlog):
    """Only producers first, until they are refused; then settlements; then there is space again."""
    ground.set_limit(10 ** 7)
    if not ground.mount_tmpfs(size):
        raise Skip("no right to mount a tmpfs")
    ground.need_router()
    load_producers(ground)
    wait(lambda: ground.confirmed() > backlog, "confirms while there is space")
    ballast = ground.state / "ballast"
    fill(ballast)
    for peer in ground.producers():
        wait(lambda: peer.look().refused == "DISK_FULL", f"{peer.name} is refused")
    refused_at = ground.confirmed()
    ground.check_peers()
    ground.start("consume", "a1", "orders", 300, "ack")
    wait(lambda: ground.flows()["orders"]["acked"] > 10000, "settlements on the full disk")
    ground.check_peers()
    print(f"full with {refused_at} messages, {ground.flows()['orders']['acked']} settled so far",
          flush=True)
    ballast.unlink()
    ground.progress(1000, "after space came back")
    load_consumers(ground)
    ground.progress(1000, "with everybody")
    conclude(ground, "a full disk")


def full_disk(ground, _options):
    """Another's file fills the disk."""
    fill_and_drain(ground, "1200m", 2000)


def full_of_itself(ground, _options):
    """The journal's own backlog fills the disk: red today, see the known limits in CHANGELOG.md."""
    fill_and_drain(ground, "400m", 600000)


# ---- damage -------------------------------------------------------------------------------------

def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def doctor(ground, good):
    """What `zloom doctor` finds, as an object."""
    return json.loads(ground.cli("doctor", ground.state, "-o", "json", good=good))


def produce_alone(ground, messages):
    """Producers without consumers: what they send stays in the log. The ids of p1, from and to."""
    producer = ground.start("produce", "p1", "orders", 2000)
    wait(lambda: producer.look().confirmed, "the first confirm")
    first = producer.look().confirmed
    wait(lambda: producer.look().confirmed > first + messages, f"{messages} more in the log")
    producer.leave()
    ground.peers.remove(producer)
    return first + 1, producer.look().confirmed


def find(ground, needle):
    """Where the bytes stand in the hot log: (path, offset)."""
    for path in sorted((ground.state / "router" / "journal").glob("hot-*")):
        at = path.read_bytes().find(needle)
        if at >= 0:
            return path, at
    raise Failure(f"{needle[:40]} is not in the log")


def hurt_header(ground, number):
    """Flip a bit in the header of the group before the one that holds p1's message `number`."""
    path, at = find(ground, body("p1", number).encode())
    flip(path, path.read_bytes().rfind(b"ZLG1", 0, at) + 30)


def hurt_and_serve(ground, back):
    """A body and a group's header, both long durable: two named holes, and all else is served."""
    ground.set_limit(10 ** 6)
    ground.need_router()
    load(ground)
    ground.progress(2000, "before the damage")
    for peer in list(ground.peers):
        peer.leave()
        ground.peers.remove(peer)
    first, last = produce_alone(ground, 8000)
    ground.router.leave()
    if not doctor(ground, (0,))["whole"]:
        raise Failure("damaged before we did anything")
    path, at = find(ground, body("p1", first + 500).encode())
    flip(path, at + 5)
    hurt_header(ground, last - back)
    found = doctor(ground, (65,))["findings"]
    kinds = [(finding["kind"], finding["first_group"] > 0) for finding in found]
    if kinds != [("damage", True)] * 2:
        raise Failure(f"the doctor finds {found}")
    ground.need_router()
    lost = ground.flows()["orders"]["lost"]
    holes = re.findall(r"journal-hole .*name=orders first=(\d+) last=(\d+)", ground.router.said())
    if lost == 0 or lost != sum(int(to) - int(since) + 1 for since, to in holes):
        raise Failure(f"{lost} are counted as lost, the holes are {holes}")
    load(ground)
    ground.progress(1000, "after the damage")
    conclude(ground, f"2 flipped bits, holes {holes}", lost)
    if not doctor(ground, (0, 65))["flows"]:
        raise Failure("the doctor does not know the flows any more")


def damage(ground, _options):
    """Not in the last group, of up to a window: what the router knows of p1 would go with it."""
    hurt_and_serve(ground, 3000)


def damage_last(ground, _options):
    """Often in the last group: at times red today, see the known limits in CHANGELOG.md."""
    hurt_and_serve(ground, 1000)


# ---- main ---------------------------------------------------------------------------------------

SCENARIOS = {"kill": kill, "inject": inject, "second_router": second_router,
             "full_disk": full_disk, "full_of_itself": full_of_itself, "damage": damage,
             "damage_last": damage_last}


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
