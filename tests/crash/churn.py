# SPDX-License-Identifier: MPL-2.0
"""A thousand subscribers a second come and go at a bus under load, beside some that stay (churn.c).

Those that stay miss nothing that they are not told of, and the durable ones nothing at all; when
all have gone the router knows none of them any more; its memory does not grow with those who came.
"""
import json
import pathlib
import statistics
import subprocess
import time

from load import tell
from history import Report
from processes import LEASH, PATIENCE_S, Failure, pause, wait

RECIPE = """\
zloom: 1
name: crash
nodes:
  router: {kind: router, journal: {hot: 64MiB, segment: 16MiB}}
flows:
  events: {pattern: bus, from: external, to: external, confirm: disk, retain: {messages: 1000},
           limit: {messages: 3000, on_full: block}, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""
CHURN = 1000
MIB = 1 << 20
# What a router may grow by, after the first sixth of a run. A short run may see all come that waits
# for slow ones, a dozen MiB.
GROWTH_BYTES, GROWTH_SHORT_BYTES, SHORT_S = 6 * MIB, 24 * MIB, 30


def private_bytes(pid):
    """Memory that is this process's own."""
    total = 0
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").split("\n"):
        if line.startswith("Private_") and "Hugetlb" not in line:
            total += int(line.split()[1]) * 1024
    return total


def load(ground, seconds, churn):
    """What crash-churn counted, and the router's memory in each quarter of a second."""
    words = [pathlib.Path(ground.peer).parent / "crash-churn", ground.endpoint, seconds, churn, 0,
             ground.random.getrandbits(60)]
    with subprocess.Popen([*LEASH, *map(str, words)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as popen:
        if popen.stdout.readline() != "begin\n":
            raise Failure(f"crash-churn: {popen.stderr.read()}")
        begin, memory = time.monotonic(), []
        while time.monotonic() < begin + seconds and popen.poll() is None:
            memory.append(private_bytes(ground.router.popen.pid))
            pause(0.25)
        try:
            out, err = popen.communicate(timeout=seconds + 2 * PATIENCE_S)
        except subprocess.TimeoutExpired:
            popen.kill()
            raise Failure("crash-churn does not end") from None
    if popen.returncode != 0:
        raise Failure(f"crash-churn: {err}")
    return json.loads(out), memory


def check_stayers(result, report):
    for name, row in result["stayers"].items():
        report.deliveries += row["heard"]
        if row["untold"]:
            report.add("lost", f"{name} misses {row['untold']} events that no GAP told of")
        if row["durable"] and row["told"]:
            report.add("lost", f"{name} is durable and has lost {row['told']} events")
        if row["twice"]:
            report.add("twice", f"{name} had {row['twice']} events twice")
    report.confirmed += result["published"]


def who_is_left(ground):
    """Sessions and subscribers that the router knows; in the end none but the durable groups."""
    said = json.loads(ground.cli("stats", "--state", ground.state, "-o", "json"))
    rows = json.loads(ground.cli("group", "ls", "events", "--state", ground.state, "-o", "json"))
    return ([session["name"] for session in said["sessions"] if session["role"] != "cli"],
            sorted((row["group"] or "", row["consumers"], row["lag"]) for row in rows))


def wait_gone(ground):
    wanted = ([], [("ledger", 0, 0), ("stock", 0, 0)])
    try:
        wait(lambda: who_is_left(ground) == wanted, "the router forgets who has left")
    except Failure as failure:
        raise Failure(f"{failure}: {who_is_left(ground)}") from None


def growth(memory):
    """The memory in each sixth of the time, and by how much it grew as what is lost with each
    subscriber makes it grow: in all of them. A pause of the machine makes more wait than ever
    before, and the allocator keeps that: such a leap is in one of them."""
    sixth = max(1, len(memory) // 6)
    levels = [statistics.median(memory[i * sixth:(i + 1) * sixth] or memory[-1:]) for i in range(6)]
    steps = [after - before for before, after in zip(levels[1:], levels[2:])]
    return levels, statistics.median(steps) * len(steps)


def churn(ground, options):
    ground.recipe.write_text(RECIPE)
    ground.need_router()
    report = ground.report = Report()
    shorter = max(1, options.seconds // 6)
    alone, still = (load(ground, shorter, churn)[0] for churn in ("none", 0))
    beside, memory = load(ground, options.seconds, CHURN)
    for result in (alone, still, beside):
        check_stayers(result, report)
    wait_gone(ground)
    ground.router.leave()
    if beside["comes"] != beside["goes"] or not beside["kills"] or not beside["heard"]:
        raise Failure(f"nobody came and went: {beside}")
    if not beside["stayers"]["slow"]["gaps"]:
        raise Failure("the slow one was not slow")
    levels, grown = growth(memory)
    said = ", ".join(f"{level / MIB:.1f}" for level in levels)
    if grown > (GROWTH_BYTES if options.seconds > SHORT_S else GROWTH_SHORT_BYTES):
        report.add("memory", f"the router grows: {said} MiB")
    rates = [result["published"] / result["seconds"] for result in (alone, still, beside)]
    tell(ground, f"{beside['comes']} subscribers in {beside['seconds']} s, of {beside['connects']} "
         f"programs, {beside['kills']} of them without a word; {rates[2]:.0f} events/s, "
         f"{rates[1]:.0f} when they stay, {rates[0]:.0f} without them; memory "
         f"{said} MiB; stayers {json.dumps(beside['stayers'])}")
