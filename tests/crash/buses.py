# SPDX-License-Identifier: MPL-2.0
"""A bus under `zloom run`: its router and everybody at it are killed while lines pass.

    feed (poller of a file that grows) → events (bus) → keep.1 to keep.3 (sinks to a file each)
                                                      → work (io: lines) → done → ledger (sink)

All four subscribers are durable: every line has to be in each file exactly once, in each sink's in
the order of the lines that went in.

With bridges there are two routers. What the poller sends at the one is carried to the bus at the
other, and what the worker there makes of it is carried back, to a queue at the first.
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
BRIDGED = """\
zloom: 1
name: crash
nodes:
  near: {kind: router, heartbeat: 200ms, liveness: 4, RESTART,
         journal: {hot: 64MiB, segment: 16MiB}}
  far:  {kind: router, heartbeat: 200ms, liveness: 4, RESTART,
         journal: {hot: 64MiB, segment: 16MiB}}
  feed:   {kind: poller, file: {path: in, follow: true, format: lines}, RESTART}
  keep-1: {kind: sink, file: {path: keep-1}, RESTART}
  keep-2: {kind: sink, file: {path: keep-2}, prefetch: 7, RESTART}
  work:   {kind: worker, run: [sed, -u, "s/$/+/"], RESTART}
  ledger: {kind: sink, file: {path: out}, RESTART}
flows:
  events: {pattern: bus, from: feed, topics: line, to: [keep-1, keep-2, work],
           mirror: {from: near, to: far}, limit: {messages: 20000}, dead_letter: dead, RETRY}
  dead:   {pattern: queue, to: external, via: far}
  done:   {pattern: queue, via: near, from: work, to: ledger, dead_letter: lost, RETRY}
  lost:   {pattern: queue, to: external, via: near}
"""
KEEPERS = ("keep-1", "keep-2", "keep-3")
OTHERS = ("feed", "work", "ledger")
# What carries, at one end or the other.
CARRIERS = ("near", "far", "near-bridge", "far-bridge")


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


class Course:
    """One run of a recipe, and what its subscribers have got."""

    def __init__(self, ground, recipe, keepers):
        ground.recipe.write_text(recipe.replace("RESTART", RESTART).replace("RETRY", RETRY))
        ground.lock.close()
        self.ground = ground
        self.lines = Lines(ground.folder)
        self.kept = [Kept(ground.folder / name) for name in keepers]
        self.topology = ground.router = Topology(ground)

    def progress(self, what):
        """Wait for some more lines at each end, while more go in."""
        def least():
            return min(self.lines.flow(), *(one.look() for one in self.kept))

        target = least() + self.ground.random.randrange(50, 1000)
        wait(lambda: least() >= target, f"more lines {what}")

    def kill(self, *units):
        """All of them at once."""
        before = {unit: wait(lambda unit=unit: self.topology.pid(unit), f"{unit} is there")
                  for unit in units}
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        for unit, pid in before.items():
            self.ground.recovered += 1
            wait(lambda: self.topology.pid(unit) not in (None, pid), f"{unit} is started again")

    def drained(self, outboxes):
        groups = json.loads(self.ground.cli("group", "ls", "events", "--state", self.ground.state,
                                            "-o", "json"))
        flows = self.ground.flows() if outboxes else {}
        return len(groups) == len(self.kept) + 1 and all(row["lag"] == 0 for row in groups) and \
            all(flows[name][word] == 0 for name in outboxes for word in ("ready", "leased"))

    def conclude(self, summary, outboxes=()):
        wait(lambda: min(self.lines.look(), *(one.look() for one in self.kept)) >=
             self.lines.written, "all lines pass")
        wait(lambda: self.drained(outboxes), "all subscribers are through")
        self.topology.leave()
        report = self.ground.report = Report()
        self.lines.check(report, "+")
        for one in self.kept:
            one.check(self.lines, report)
        tell(self.ground, f"{summary}, {self.lines.written} lines to each of "
                          f"{len(self.kept) + 1}")


def bus(ground, options):
    course = Course(ground, RECIPE, KEEPERS)
    cycles = max(1, options.cycles // 4)
    for number in range(cycles):
        course.progress(f"before cycle {number}")
        if ground.random.random() < 0.4:
            course.kill(ground.random.choice((*KEEPERS, *OTHERS)))
        course.kill("router")
    course.conclude(f"the router killed {cycles} times")


def bridge(ground, options):
    """One of the four, or two at once; now and then somebody at the ends besides."""
    keepers = KEEPERS[:2]
    course = Course(ground, BRIDGED, keepers)
    cycles = max(1, options.cycles // 6)
    killed = dict.fromkeys(CARRIERS, 0)
    for number in range(cycles):
        course.progress(f"before cycle {number}")
        if ground.random.random() < 0.3:
            course.kill(ground.random.choice((*keepers, *OTHERS)))
        units = [CARRIERS[number % len(CARRIERS)]]
        if ground.random.random() < 0.3:
            units.append(ground.random.choice([one for one in CARRIERS if one != units[0]]))
        course.kill(*units)
        for unit in units:
            killed[unit] += 1
    summary = ", ".join(f"{unit} {count}" for unit, count in killed.items())
    course.conclude(f"killed: {summary}", ("events@far", "done@near"))
