#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Real processes, real disk, real signals: a router with producers and consumers under fire.

    kill           SIGKILL of routers, producers, consumers under load, at random
    freeze         SIGSTOP of each for longer than its peers wait, and SIGCONT
    stall          all stand still at once, as on a machine that was suspended
    inject         SIGKILL exactly at the n-th write, sync, rename or read of the router (strace)
    errors         EIO and ENOSPC at the n-th, likewise
    slow_disk      every sync takes long (strace)
    bus            `zloom run` with a bus: its router is killed, and who publishes and hears
    churn          a thousand subscribers a second come and go at a bus under load
    bridge         two routers and their bridges, with a bus at the far one: each is killed
    nodes          `zloom run` with poller, workers and sink: each is killed and frozen
    second_router  a second router on the same state folder
    full_disk      a file system that fills up and gets its space back (root, tmpfs)
    tiny_disk      a file system that is too small, in steps (root, tmpfs)
    full_of_itself the same, filled by the journal alone, and no space comes from outside
    hostile        peers over raw sockets that break the protocol, or speak it and lie
    clock          the wall clock jumps, forth and back (libfaketime)
    descriptors    none are left
    memory         it is refused (setrlimit), or the kernel kills for it (cgroup v1)
    power          the power of a disk fails (root, ext4 on a loop device)
    damage         flipped bits in a stopped router's journal
    damage_last    the same in the newest groups: what the log knew of the producer went with them

Exit codes: 0 good, 1 a promise is broken, 77 something that it needs is not here.
"""
import argparse
import json
import os
import pathlib
import random
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import buses  # noqa: E402
import churn  # noqa: E402
import disks  # noqa: E402
import exact  # noqa: E402
import hostile  # noqa: E402
import kills  # noqa: E402
import limits  # noqa: E402
import nodes  # noqa: E402
from ground import Ground  # noqa: E402
from load import Skip  # noqa: E402
from processes import Failure  # noqa: E402

SCENARIOS = {
    "kill": kills.kill, "freeze": kills.freeze, "stall": kills.stall,
    "second_router": kills.second_router, "inject": exact.inject, "errors": exact.errors,
    "slow_disk": exact.slow_disk,
    "bus": buses.bus, "churn": churn.churn, "bridge": buses.bridge, "nodes": nodes.nodes,
    "hostile": hostile.hostile, "clock": limits.clock,
    "descriptors": limits.descriptors, "memory": limits.memory, "full_disk": disks.full_disk,
    "full_of_itself": disks.full_of_itself, "tiny_disk": disks.tiny_disk, "power": disks.power,
    "damage": disks.damage, "damage_last": disks.damage_last}


def result_path(options):
    return pathlib.Path(options.results) / f"{options.scenario}.json"


def tell(options, ground, code, seconds):
    """What came of it, for the summary."""
    report = ground.report
    result = {"scenario": options.scenario, "seed": options.seed, "code": code,
              "seconds": round(seconds, 1), "recovered": ground.recovered}
    if report:
        result.update(confirmed=report.confirmed, deliveries=report.deliveries,
                      again=report.again, lost=report.count("lost"),
                      doubled=report.count("twice"))
    path = result_path(options)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result), encoding="utf-8")


def end_in_time(seconds):
    """Fail by ourselves before ctest kills us, so that it can be told where we stood."""
    def late(_number, _frame):
        raise Failure(f"the whole takes longer than {seconds} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)


def brief(failure):
    """What was expected and what was seen, without the middle of a long log."""
    lines = [line[:240] for line in str(failure).splitlines()]
    return "\n".join(lines if len(lines) <= 11 else [*lines[:4], "    ...", *lines[-6:]])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--zloom", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("ZLOOM_CRASH_SEED") or time.time_ns() % 10 ** 9))
    parser.add_argument("--cycles", type=int,
                        default=int(os.environ.get("ZLOOM_CRASH_CYCLES") or 100))
    parser.add_argument("--points", type=int, default=7, help="inject: how many random calls")
    parser.add_argument("--rounds", type=int, default=5, help="nodes: how often each is killed")
    parser.add_argument("--seconds", type=int, default=4, help="churn: how long it lasts")
    parser.add_argument("--within", type=int, default=0, help="seconds until it fails; 0: never")
    parser.add_argument("--results", help="a folder for SCENARIO.json, see summary.py")
    parser.add_argument("--keep", action="store_true", help="keep the folder even if all is good")
    options = parser.parse_args()
    print(f"{options.scenario}: seed {options.seed}", flush=True)
    if options.results:
        result_path(options).unlink(missing_ok=True)
    begin = time.monotonic()
    ground = Ground(options.zloom, options.peer, random.Random(options.seed))
    code = 1
    end_in_time(options.within)
    try:
        SCENARIOS[options.scenario](ground, options)
        code = 0
    except Skip as skip:
        print(f"{options.scenario} left out: {skip}")
        code = 77
    except Failure as failure:
        print(f"{ground.scene()}\nsee {ground.folder}\n"
              f"FAILED, seed {options.seed}: {brief(failure)}", file=sys.stderr)
    finally:
        signal.alarm(0)
        ground.close(options.keep or code == 1)
    if options.results:
        tell(options, ground, code, time.monotonic() - begin)
    return code


if __name__ == "__main__":
    sys.exit(main())
