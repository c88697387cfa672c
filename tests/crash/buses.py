# SPDX-License-Identifier: MPL-2.0
"""A bus under `zloom run`: its router and everybody at it are killed while lines pass.

    feed (poller of a file that grows) → events (bus) → keep.1 to keep.3 (sinks to a file each)
                                                      → work (io: lines) → done → ledger (sink)

All four subscribers are durable: every line has to be in each file exactly once, in each sink's in
the order of the lines that went in.
"""
import json
import os
import signal

from history import Report
from load import tell
from nodes import RESTART, RETRY, Lines, Topology
from processes import wait

RECIPE = """\
zloom: 1
name: crash
nodes:
  router: {kind: router, heartbeat: 200ms, liveness: 4, RESTART,
           journal: {hot: 64MiB, segment: 16MiB}}
  feed:   {kind: poller, file: {path: in, follow: true, format: lines}, RESTART}
  keep-1: {kind: sink, file: {path: keep-1}, RESTART}
  keep-2: {kind: sink, file: {path: keep-2}, RESTART}
  keep-3: {kind: sink, file: {path: keep-3}, prefetch: 7, RESTART}
  work:   {kind: worker, run: [sed, -u, "s/$/+/"], RESTART}
  ledger: {kind: sink, file: {path: out}, RESTART}
flows:
  events: {pattern: bus, from: feed, topics: line, to: [keep-1, keep-2, keep-3, work],
           limit: {messages: 20000}, dead_letter: dead, RETRY}
  done: {pattern: queue, from: work, to: ledger, dead_letter: dead, RETRY}
  dead: {pattern: queue, to: external}
"""
KEEPERS = ("keep-1", "keep-2", "keep-3")
OTHERS = (*KEEPERS, "feed", "work", "ledger")


class Kept:
    """What one sink has written so far."""

    def __init__(self, path):
        self.path, self.seen, self.offset = path, 0, 0
        path.touch()

    def look(self):
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            self.seen += file.read().count(b"\n")
            self.offset = file.tell()
        return self.seen

    def check(self, lines, report):
        """Each once, in order."""
        got = self.path.read_text(encoding="ascii", errors="replace").splitlines()
        report.deliveries += len(got)
        wanted = [lines.line(n) for n in range(lines.written)]
        missing, again = len(set(wanted) - set(got)), len(got) - len(set(got))
        if missing:
            report.add("lost", f"{missing} lines are not in {self.path.name}")
        if again:
            report.add("twice", f"{again} lines twice in {self.path.name}")
        if not missing and not again and got != wanted:
            at = next((n for n, text in enumerate(wanted) if got[n] != text), lines.written)
            report.add("order", f"{self.path.name}: {got[at]!r} in the place of line {at}")


def kill(ground, topology, unit):
    before = wait(lambda: topology.pid(unit), f"{unit} is there")
    os.kill(before, signal.SIGKILL)
    ground.recovered += 1
    wait(lambda: topology.pid(unit) not in (None, before), f"{unit} is started again")


def drained(ground):
    said = ground.cli("group", "ls", "events", "--state", ground.state, "-o", "json")
    groups = json.loads(said)
    return len(groups) == len(KEEPERS) + 1 and all(row["lag"] == 0 for row in groups)


def bus(ground, options):
    ground.recipe.write_text(RECIPE.replace("RESTART", RESTART).replace("RETRY", RETRY))
    ground.lock.close()
    lines = Lines(ground.folder)
    kept = [Kept(ground.folder / name) for name in KEEPERS]
    topology = ground.router = Topology(ground)
    cycles = max(1, options.cycles // 4)
    for number in range(cycles):
        target = min(lines.flow(), *(one.look() for one in kept)) + \
            ground.random.randrange(50, 1000)
        wait(lambda goal=target: min(lines.flow(), *(one.look() for one in kept)) >= goal,
             f"more lines before cycle {number}")
        if ground.random.random() < 0.4:
            kill(ground, topology, ground.random.choice(OTHERS))
        kill(ground, topology, "router")
    wait(lambda: min(lines.look(), *(one.look() for one in kept)) >= lines.written,
         "all lines pass")
    wait(lambda: drained(ground), "all subscribers are through")
    topology.leave()
    report = ground.report = Report()
    lines.check(report, "+")
    for one in kept:
        one.check(lines, report)
    tell(ground, f"the router killed {cycles} times, {lines.written} lines to each of four")
