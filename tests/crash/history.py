# SPDX-License-Identifier: MPL-2.0
"""The histories of one run of the crash tests, read into memory: history.h explains their lines.

A million messages are read in seconds: what was delivered in a row stays a run, and of single
messages only what is out of the ordinary is kept one by one.
"""
import bisect
import collections
import json
import pathlib
from array import array

SHOWN = 5


def body(producer, n):
    """The same as in body.c."""
    fill = 100000 if n % 1000 == 999 else n * 37 % 400
    return f"{producer} {n} " + chr(ord("a") + n % 26) * fill


class Report:
    def __init__(self):
        self.found = collections.defaultdict(list)
        self.confirmed = self.deliveries = self.effects = self.dead = self.again = 0

    def add(self, kind, text):
        self.found[kind].append(text)

    def count(self, kind):
        return len(self.found.get(kind, ()))

    def text(self):
        """What was found, and the closing line."""
        lines = []
        for kind, texts in sorted(self.found.items()):
            lines.append(f"{kind.upper()}: {len(texts)}")
            lines += [f"    {text}" for text in texts[:SHOWN]]
        lines.append(f"{self.confirmed} confirmed messages checked, {self.count('lost')} lost, "
                     f"{self.count('twice')} doubled; {self.deliveries} deliveries, "
                     f"{self.again} of them again, {self.effects} effects of steps, "
                     f"{self.dead} dead letters")
        return "\n".join(lines)

    def good(self):
        return not any(self.found.values())


NEVER = 1 << 63


class Consumer:
    """When a consumer could not hold what it had: it lost the router, was frozen, or ended."""

    def __init__(self):
        self.breaks, self.ends = [], []
        self.got = collections.defaultdict(lambda: ([], []))  # boot -> tokens, times

    @staticmethod
    def any_in(times, since, until):
        at = bisect.bisect_left(times, since)
        return at < len(times) and times[at] <= until

    def take(self, run):
        """Tokens grow: of an older one that is read late the newest before it is kept."""
        tokens, times = self.got[run.boot]
        tokens.append(max(run.token, tokens[-1]) if tokens else run.token)
        times.append(run.time)

    def got_more(self, boot, token):
        """When it got something that was handed out later than this; NEVER: it did not."""
        tokens, times = self.got.get(boot, ((), ()))
        at = bisect.bisect_right(tokens, token)
        return times[at] if at < len(times) else NEVER


Run = collections.namedtuple("Run", "time seq n boot token attempt producer id verdict holder")


class Producer:
    """A producer's messages, side by side by their id."""

    def __init__(self):
        self.sent = self.confirmed = 0
        self.refused = set()
        self.numbers = {}

    def lay_out(self):
        """Once it is known how many there are."""
        size = self.sent + 1
        self.marks = {word: bytearray(size)
                      for word in ("acked", "sure", "rejected", "retries", "stepped", "effect")}

    def give_numbers(self, flow, run):
        """Whether the run's messages have no other numbers than these."""
        if flow not in self.numbers:
            self.numbers[flow] = array("Q", bytes(8 * (self.sent + 1)))
        numbers = self.numbers[flow]
        there = numbers[run.id:run.id + run.n]
        numbers[run.id:run.id + run.n] = now = array("Q", range(run.seq, run.seq + run.n))
        return there == now or all(old in (0, new) for old, new in zip(there, now))

    def in_order(self, flow):
        numbers = [number for number in self.numbers.get(flow, ()) if number]
        return numbers == sorted(numbers)


class Flow:
    def __init__(self):
        self.runs = []
        self.settled_at = {}  # index of a run -> when all in it was answered, in that session
        self.said = {}        # (seq, boot, token) -> verdict, where it is another than the run's
        self.said_at = {}     # the same -> when it was answered
        self.stale = set()    # (seq, boot, token)
        self.odd = set()      # (boot, token) of all these exceptions
        self.covered = bytearray()
        self.again = set()    # numbers that were delivered more than once

    def take(self, run):
        self.runs.append(run)
        end = run.seq + run.n
        if end > len(self.covered):
            self.covered.extend(bytes(end * 2 - len(self.covered)))
        covered = self.covered[run.seq:end]
        if any(covered):
            self.again.update(run.seq + i for i, byte in enumerate(covered) if byte)
        self.covered[run.seq:end] = b"\1" * run.n

    def say(self, key, verdict):
        self.said[key] = verdict
        self.odd.add(key[1:])

    def spoil(self, seq, count, boot, token):
        self.stale.update((seq + i, boot, token) for i in range(count))
        self.odd.add((boot, token))

    def outcome(self, index, seq):
        """Of one message of a run: its verdict, and when that was answered for sure (or None)."""
        run = self.runs[index]
        key = seq, run.boot, run.token
        verdict = self.said.get(key)
        at = self.said_at.get(key) if verdict else self.settled_at.get(index)
        return verdict or run.verdict, None if key in self.stale else at

    def redelivered(self):
        """number -> [(run, index)] of those that were delivered more than once."""
        found = collections.defaultdict(list)
        many = bytearray(len(self.covered))
        for seq in self.again:
            many[seq] = 1
        for index, run in enumerate(self.runs):
            at = many.find(1, run.seq, run.seq + run.n)
            while at >= 0:
                found[at].append((run, index))
                at = many.find(1, at + 1, run.seq + run.n)
        return found


class History:
    """All that a run wrote down; what is wrong at first sight is in the report already."""

    def __init__(self, folder):
        self.report = Report()
        self.flows = collections.defaultdict(Flow)
        self.producers = collections.defaultdict(Producer)
        self.boots = {}  # boot -> when it was first seen
        self.holders = collections.defaultdict(Consumer)
        folder = pathlib.Path(folder)
        self.read_driver(folder / "driver.log")
        for path in sorted(folder.glob("*-produce-*.log")):
            self.read_producer(path, path.stem.split("-", 2)[2])
        for producer in self.producers.values():
            producer.lay_out()
        for path in sorted(folder.glob("*-consume-*.log")):
            self.read_consumer(path)
        self.dead = self.objects(folder / "dead.jsonl")
        self.books = self.objects(folder / "books.jsonl")

    # ---- reading ----------------------------------------------------------------------------

    @staticmethod
    def objects(path):
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    @staticmethod
    def lines(path):
        """Whole lines; the newest of a killed writer may be cut."""
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    yield line.split()

    def read_driver(self, path):
        for deed, time, name in self.lines(path):
            if deed in ("kill", "freeze", "thaw"):
                self.holders[name].breaks.append(int(time))
            elif deed == "end":
                self.holders[name].ends.append(int(time))

    def read_producer(self, path, name):
        producer = self.producers[name]
        for kind, time, *words in self.lines(path):
            if kind == "W" and int(words[0]) <= producer.confirmed:
                self.report.add("forgotten", f"{path.name}: goes on at {words[0]}, but "
                                             f"{producer.confirmed} was confirmed ({time})")
            elif kind == "I":
                producer.sent = max(producer.sent, int(words[0]) + int(words[1]) - 1)
            elif kind == "C":
                producer.confirmed = max(producer.confirmed, int(words[0]))
            elif kind == "F":
                producer.refused.add(int(words[0]))

    def read_consumer(self, path):
        name = path.stem
        holder = self.holders[name]
        open_runs, open_said = [], []
        for kind, time, *words in self.lines(path):
            time = int(time)
            flow = self.flows[words[0]] if kind in "DVSTB" else None
            if kind == "D":
                seq, n, boot, token, attempt, producer, first, verdict = words[1:]
                run = Run(time, int(seq), int(n), boot, int(token), int(attempt), producer,
                          int(first), verdict, name)
                if self.read_run(words[0], flow, run):
                    open_runs.append((flow, len(flow.runs) - 1))
            elif kind == "V":
                seq, boot, token, verdict = words[1:]
                flow.say((int(seq), boot, int(token)), verdict)
                open_said.append((flow, (int(seq), boot, int(token))))
            elif kind == "K":
                for there, index in open_runs:
                    there.settled_at[index] = time
                for there, key in open_said:
                    there.said_at[key] = time
                open_runs, open_said = [], []
            elif kind in "HL":
                # What is said again later may be answered for somebody else's doing.
                open_runs, open_said = [], []
                holder.breaks.append(time)
            elif kind == "S":
                flow.spoil(int(words[1]), int(words[2]), words[3], int(words[4]))
            elif kind == "T":
                self.read_steps(flow, words[1:])
            elif kind == "B":
                self.report.deliveries += 1
                self.report.add("invented", f"{words[0]} {words[1]} ({path.name}): other bytes "
                                            f"than were sent")
        holder.breaks.sort()

    def read_steps(self, flow, words):
        seq, n, boot, token, producer, first, code = words
        seq, n, first = int(seq), int(n), int(first)
        if code == "OK":
            stepped = self.producers[producer].marks["stepped"]
            if any(stepped[first:first + n]):
                self.report.add("twice", f"{producer}/{first} and {n - 1} more: a step was taken "
                                         f"twice")
            stepped[first:first + n] = b"\1" * n
        elif code in ("STALE", "SETTLED"):
            flow.spoil(seq, n, boot, int(token))

    def read_run(self, name, flow, run):
        """Whether the run is of messages that were sent."""
        self.report.deliveries += run.n
        text = f"{name} {run.seq} and {run.n - 1} more ({run.producer}/{run.id}, {run.holder})"
        producer = self.producers.get(run.producer)
        if not producer or run.n < 1 or run.id < 1 or run.id + run.n - 1 > producer.sent:
            self.report.add("invented", f"{text}: never sent like this")
            return False
        if any(run.id <= refused < run.id + run.n for refused in producer.refused):
            self.report.add("failed", f"{text}: the router had refused it for good")
        if not producer.give_numbers(name, run):
            self.report.add("twice", f"{text}: under other numbers, too")
        if name == "done":
            producer.marks["effect"][run.id:run.id + run.n] = b"\1" * run.n
        self.boots[run.boot] = min(run.time, self.boots.get(run.boot, run.time))
        self.holders[run.holder].take(run)
        flow.take(run)
        return True
