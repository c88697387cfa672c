# SPDX-License-Identifier: MPL-2.0
"""A whole topology under `zloom run`: each kind of node is killed and frozen while lines pass.

    feed (poller of a file that grows) → lines (io: lines, two of them) → frames (io: frames, the
    Python helper) → ledger (sink to a file)

Every line has to be in the ledger's file exactly once. The programs of `lines` start a process of
their own, which knows nothing of all this: none of them may be left in the end.
"""
import collections
import json
import os
import pathlib
import signal

from checker import check_books
from history import Report
from load import tell
from processes import Failure, pause, Process, wait

RECIPE = """\
zloom: 1
name: crash
nodes:
  router: {kind: router, heartbeat: 200ms, liveness: 4, RESTART,
           journal: {hot: 64MiB, segment: 16MiB}}
  feed:   {kind: poller, file: {path: in, follow: true, format: lines}, RESTART}
  lines:  {kind: worker, run: [sh, -c, "cat never & exec sed -u s/$/+/"], replicas: 2, RESTART}
  frames: {kind: worker, run: [/usr/bin/python3, echo.py], io: frames, RESTART}
  ledger: {kind: sink, file: {path: out}, RESTART}
flows:
  raw:  {pattern: queue, from: feed, to: lines, dead_letter: dead, RETRY}
  half: {pattern: queue, from: lines, to: frames, dead_letter: dead, RETRY}
  full: {pattern: queue, from: frames, to: ledger, dead_letter: dead, RETRY}
  dead: {pattern: queue, to: external}
"""
# Each death is charged to what had started, and so many deaths are no message's fault.
RETRY = "retry: {failures: 1000, backoff: [10ms]}"
RESTART = "restart: {backoff: [10ms], budget: 100000, within: 1m}"
ECHO = """\
import zloom

zloom.run(lambda message: message.text() + "!")
"""
FLOWS = ("raw", "half", "full")
UNITS = ("router", "feed", "lines.1", "lines.2", "frames", "ledger")
# Lines that wait in the file for the poller.
AHEAD = 3000
# As in kills.py: longer than a peer waits.
FROZEN_S = 1.2


class Topology(Process):
    """`zloom run`, in the place of the ground's router."""

    def __init__(self, ground):
        self.mark = f"ZLOOM_CRASH_MARK={ground.folder}"
        super().__init__(ground, "run", ["env", self.mark, ground.zloom, "run",
                                         str(ground.recipe), "--state", str(ground.state)])
        self.serving = ground.folder / "run.err"
        begun = self.serving.stat().st_size

        def ready():
            with open(self.serving, "rb") as file:
                file.seek(begun)
                return b" ready topology=" in file.read() or not self.alive()

        wait(ready, "the topology is ready")
        if not self.alive():
            raise Failure(f"the topology ended with {self.popen.returncode}: {self.said()}")

    def pid(self, unit):
        """Of a node; None: it is not there just now."""
        try:
            return int((self.ground.state / "run" / f"{unit}.pid").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def processes(self):
        """What it has started and is there still, as {pid: command line}."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if self.mark in (path / "environ").read_bytes().decode(errors="replace"):
                    found[int(path.name)] = (path / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
        return found


class Lines:
    """The lines that go in, and those that come out."""

    def __init__(self, folder):
        self.source, self.target = folder / "in", folder / "out"
        self.source.touch()
        self.target.touch()
        self.written = self.seen = self.offset = 0

    @staticmethod
    def line(n):
        return f"{n} " + "abcdefghij"[n % 10] * (n % 60)

    def write(self, count):
        with open(self.source, "a", encoding="ascii") as file:
            file.write("".join(self.line(self.written + i) + "\n" for i in range(count)))
        self.written += count

    def look(self):
        """How many have come out, twice or not."""
        with open(self.target, "rb") as file:
            file.seek(self.offset)
            self.seen += file.read().count(b"\n")
            self.offset = file.tell()
        return self.seen

    def flow(self):
        """The same, and more lines go in."""
        if self.written - self.look() < AHEAD:
            self.write(AHEAD)
        return self.seen

    def check(self, report, tail="+!"):
        """Each once, with what was put behind it on the way."""
        lines = self.target.read_text(encoding="ascii", errors="replace").splitlines()
        got = collections.Counter(lines)
        report.confirmed += self.written
        report.deliveries += len(lines)
        for n in range(self.written):
            count = got.pop(self.line(n) + tail, 0)
            if count != 1:
                report.add("twice" if count else "lost", f"line {n}: {count} times in the ledger")
        for text in got:
            report.add("invented", f"{text!r} is in the ledger")


class Course:
    """One run: a topology, its lines, and what is done to them."""

    def __init__(self, ground):
        self.ground = ground
        ground.folder.joinpath("echo.py").write_text(ECHO)
        os.mkfifo(ground.folder / "never")
        ground.recipe.write_text(RECIPE.replace("RESTART", RESTART).replace("RETRY", RETRY))
        ground.lock.close()
        self.lines = Lines(ground.folder)
        self.topology = ground.router = Topology(ground)

    def progress(self, count, what):
        target = self.lines.flow() + count
        wait(lambda: self.lines.flow() >= target, f"{count} more lines {what}")

    def kill(self, unit):
        before = wait(lambda: self.topology.pid(unit), f"{unit} is there")
        os.kill(before, signal.SIGKILL)
        self.ground.recovered += 1
        wait(lambda: self.topology.pid(unit) not in (None, before), f"{unit} is started again")

    def freeze(self, unit):
        """For so long that its work goes to others; nobody else stands still for it."""
        pid = wait(lambda: self.topology.pid(unit), f"{unit} is there")
        os.kill(pid, signal.SIGSTOP)
        if unit.startswith("lines"):
            self.progress(200, f"while {unit} is frozen")
        pause(FROZEN_S)
        os.kill(pid, signal.SIGCONT)

    def kill_supervisor(self):
        """Its nodes drain by themselves; it is started again."""
        self.topology.kill()
        wait(lambda: not self.topology.processes(), "nodes leave when their supervisor is gone")
        self.topology = self.ground.router = Topology(self.ground)
        self.ground.recovered += 1

    def drained(self):
        flows = self.ground.flows()
        return all(flows[name][word] == 0 for name in FLOWS
                   for word in ("ready", "leased", "waiting", "moving"))

    def conclude(self, summary):
        """All lines through, everybody out, nothing left behind."""
        wait(lambda: self.lines.look() >= self.lines.written, "all lines pass")
        wait(self.drained, "the flows are drained")
        self.topology.leave()
        report = self.ground.report = Report()
        self.lines.check(report)
        books = (self.ground.history / "books.jsonl").read_text(encoding="utf-8")
        check_books(report, [json.loads(line) for line in books.splitlines()])
        for pid, command in self.topology.processes().items():
            report.add("left behind", f"process {pid}: {command}")
            os.kill(pid, signal.SIGKILL)
        tell(self.ground, summary)


def nodes(ground, options):
    course = Course(ground)
    course.progress(500, "before anything happens")
    for number in range(options.rounds):
        for unit in ground.random.sample(UNITS, len(UNITS)):
            course.kill(unit)
            course.progress(ground.random.randrange(50, 500), f"after {unit} was killed")
        if number == options.rounds // 2:
            course.kill_supervisor()
    for unit in UNITS:
        course.freeze(unit)
        course.progress(300, f"after {unit} was frozen")
    course.conclude(f"{options.rounds * len(UNITS)} killed, {len(UNITS)} frozen, "
                    f"the supervisor killed")
