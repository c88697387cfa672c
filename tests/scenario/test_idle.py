# SPDX-License-Identifier: MPL-2.0
"""Nodes with nothing to do sleep, whatever they are made of. (The router prepares its journal
after the start: it is measured by `tests/bench/run idle`.)"""
import os
import pathlib
import threading
import unittest

from topology import Case, wait_for

RECIPE = """
nodes:
  router: {kind: router}
  poll: {kind: poller, file: {path: in.txt, format: lines, follow: true}}
  lines: {kind: worker, run: [cat], io: lines}
  frames: {kind: worker, run: [python3, work.py], io: frames, replicas: 2}
  each: {kind: worker, run: [cat], io: exec}
  keep: {kind: sink, file: {path: out.txt, fsync: batch}}
  edge: {kind: forwarder, of: router}
  hears: {kind: sink, file: {path: heard.txt}}
flows:
  a: {pattern: queue, from: poll, to: lines}
  b: {pattern: queue, from: lines, to: frames}
  c: {pattern: queue, from: frames, to: each}
  d: {pattern: queue, from: each, to: keep}
  news: {pattern: bus, from: external, topics: [x], to: {hears: {durable: false, through: edge}}}
"""
WORK = """\
import zloom
zloom.run(lambda message: message.body)
"""
# Of a span in which nothing happens but heartbeats: seconds, and the share of a CPU that these may
# take. Waking for nothing takes a good part of one.
SPAN_S, MOST = 2, 0.05


def cpu_s(pid):
    words = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Idle(Case):
    def test_nobody_works_when_there_is_nothing_to_do(self):
        self.write("work.py", WORK)
        self.write("in.txt", "one\ntwo\n")
        self.run_topology(self.recipe(RECIPE))
        out = self.folder / "out.txt"
        wait_for("both lines have passed all nodes", lambda: out.exists() and
                 out.read_text(encoding="utf-8").count("\n") == 2)
        units = ("poll", "lines", "frames.1", "frames.2", "each", "keep", "edge", "hears")
        pids = {unit: self.pid(unit) for unit in units}
        pids["the supervisor"] = self.process.pid
        before = {name: cpu_s(pid) for name, pid in pids.items()}
        threading.Event().wait(SPAN_S)  # time itself is what is looked at
        took = {name: cpu_s(pid) - before[name] for name, pid in pids.items()}
        self.assertEqual({name: s for name, s in took.items() if s > SPAN_S * MOST}, {})


if __name__ == "__main__":
    unittest.main()
