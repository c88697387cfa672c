# SPDX-License-Identifier: MPL-2.0
"""What a durable queue promises, checked over the histories of one run (history.h explains them).

    lost       a confirmed message that nobody finished: no ack, no step, no dead letter
    invented   bytes that were never sent, or not under that name
    failed     delivered although the router said that it will never take it
    forgotten  a producer was welcomed below what it had a confirm for
    order      a producer's messages got numbers in another order than they were sent in
    twice      one message under two numbers or two under one; settled twice; an effect twice
    ghost      delivered again after its ack was confirmed
    unexplained  delivered again although nobody gave it back, was killed, frozen, or lost touch
    grave      dead without its reason or its bytes, dead and alive, or dead before its time
    books      counters of a flow that do not add up
"""
import collections
import itertools
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from history import body, History, SHOWN  # noqa: E402

FAILURES = 5
SECOND = 10 ** 9
# appended is the sum of these, at any time (docs/operations.md).
BOOKED = ("ready", "leased", "waiting", "moving", "acked", "dead", "requeued", "expired", "purged",
          "dropped", "lost")


def check_books(report, books):
    """`books`: what the router said of its flows, at some times."""
    for flows in books:
        for flow in flows:
            total = sum(flow[word] for word in BOOKED)
            if total != flow["appended"]:
                report.add("books", f"{flow['name']}: {flow['appended']} appended, and {total} are "
                                    f"somewhere: {flow}")


class Checker(History):
    def order(self, delivery):
        return self.boots[delivery[0].boot], delivery[0].token

    def broke(self, before, after):
        """Whether the holder had been given up. A frozen one reads late what was sent before, and
        notices the end of its session whenever it comes to it, on a machine that has too much to
        do: but not later than it gets what was handed out after that."""
        holder = self.holders[before.holder]
        since, until = min(before.time, after.time) - 5 * SECOND, after.time + 2 * SECOND
        return (holder.any_in(holder.ends, since, until)
                or holder.any_in(holder.breaks, since,
                                 max(until, holder.got_more(before.boot, after.token))))

    def check_again(self, name, flow):
        """Each delivery after the first needs a reason, and none comes after a confirmed ack."""
        for seq, deliveries in flow.redelivered().items():
            self.report.again += len(deliveries) - 1
            deliveries.sort(key=self.order)
            if len({(run.producer, run.id + seq - run.seq) for run, _ in deliveries}) > 1:
                self.report.add("twice", f"{name} {seq}: the number of several messages")
            for (before, index), (after, _) in zip(deliveries, deliveries[1:]):
                verdict, sure = flow.outcome(index, seq)
                if verdict in ("ack", "step", "reject") and sure and after.time > sure:
                    self.report.add("ghost", f"{name} {seq}: {verdict} by {before.holder} "
                                             f"confirmed at {sure}, given to {after.holder} at "
                                             f"{after.time}")
                if not (verdict in ("retry", "release") or before.boot != after.boot
                        or (seq, before.boot, before.token) in flow.stale
                        or self.broke(before, after)):
                    self.report.add("unexplained", f"{name} {seq}: with {before.holder} from "
                                                   f"{before.time} ({verdict}), given to "
                                                   f"{after.holder} at {after.time}")

    def book_one(self, producer, n, verdict, sure):
        marks = producer.marks
        if verdict == "ack":
            if sure and marks["sure"][n]:
                self.report.add("twice", f"message {n} of a producer: settled twice for sure")
            marks["acked"][n] = 1
            marks["sure"][n] |= bool(sure)
        elif verdict == "reject":
            marks["rejected"][n] = 1
        elif verdict == "retry":
            marks["retries"][n] = min(marks["retries"][n] + 1, 255)

    def book(self):
        """What was said of each message of `orders`, put down at its producer."""
        flow = self.flows["orders"]
        for index, run in enumerate(flow.runs):
            producer = self.producers[run.producer]
            span = slice(run.id, run.id + run.n)
            sure = flow.settled_at.get(index)
            if ((run.boot, run.token) in flow.odd or run.verdict == "retry"
                    or (sure and any(producer.marks["sure"][span]))):
                for i in range(run.n):
                    self.book_one(producer, run.id + i, *flow.outcome(index, run.seq + i))
            elif run.verdict in ("ack", "reject"):
                ones = b"\1" * run.n
                producer.marks["acked" if run.verdict == "ack" else "rejected"][span] = ones
                if run.verdict == "ack" and sure:
                    producer.marks["sure"][span] = ones

    def check_grave(self, letter):
        """A dead letter: its bytes, its reason, its time. Returns (producer, n)."""
        name, n = letter["id"].rsplit("/", 1)
        n = int(n)
        text = f"dead letter {letter['id']}"
        producer = self.producers.get(name)
        if not producer or not 1 <= n <= producer.sent:
            self.report.add("invented", f"{text}: never sent")
            return name, n
        if letter["body"] != body(name, n):
            self.report.add("grave", f"{text}: other bytes than were sent")
        marks = {word: marks[n] for word, marks in producer.marks.items()}
        reasons = [(cause["flow"], cause["reason"]) for cause in letter["causes"]]
        last = reasons[-1] if reasons else None
        if last == ("orders", "rejected"):
            if not marks["rejected"]:
                self.report.add("grave", f"{text}: rejected by nobody")
        elif last != ("orders", "failures") or marks["retries"] < FAILURES:
            self.report.add("grave", f"{text}: {reasons} after {marks['retries']} retries")
        if marks["sure"] or marks["effect"]:
            self.report.add("grave", f"{text}: worked off, too")
        return name, n

    def story(self, name, n):
        """All that is known of one message of `orders`, for people."""
        flow = self.flows["orders"]
        told = [f"{flow.outcome(index, run.seq + n - run.id)[0]} by {run.holder} at {run.time}"
                for index, run in enumerate(flow.runs)
                if run.producer == name and run.id <= n < run.id + run.n]
        return ", ".join(told) or "never delivered"

    @staticmethod
    def places(some, size):
        """Where the whole number `some`, `size` bytes long, has a byte that is not 0."""
        data = some.to_bytes(size, "little")
        return itertools.compress(range(size), data)

    def check_ends(self, name, producer, dead):
        size = producer.confirmed + 1
        graves = bytearray(producer.sent + 1)
        for n in dead:
            graves[n] = 1
        as_number = {word: int.from_bytes(marks[:size], "little")
                     for word, marks in (*producer.marks.items(), ("dead", graves))}
        ones = int.from_bytes(b"\0" + b"\1" * producer.confirmed, "little")
        gone = as_number["stepped"] & ~as_number["effect"]
        for n in self.places(gone & ones, size):
            self.report.add("lost", f"{name}/{n}: its step was confirmed, its effect is gone")
        ended = as_number["acked"] | as_number["effect"] | as_number["dead"]
        for n in self.places(ones & ~ended & ~gone, size):
            told = self.story(name, n) if self.report.count("lost") < SHOWN else ""
            self.report.add("lost", f"{name}/{n}: confirmed, and then only: {told}")
        for n in self.places(as_number["sure"] & as_number["effect"], size):
            self.report.add("twice", f"{name}/{n}: acked for sure, and a step took effect")

    def check(self):
        """Call it when everything has been drained."""
        self.book()
        graves = collections.Counter(self.check_grave(letter) for letter in self.dead)
        for (name, n), count in graves.items():
            if count > 1:
                self.report.add("twice", f"{name}/{n}: {count} dead letters")
        for name, flow in self.flows.items():
            self.check_again(name, flow)
        for name, producer in self.producers.items():
            self.report.confirmed += producer.confirmed
            self.check_ends(name, producer,
                            [n for there, n in graves if there == name and n <= producer.sent])
            if not producer.in_order("orders"):
                self.report.add("order", f"{name}: numbered in another order than sent")
            self.report.effects += sum(producer.marks["effect"])
        check_books(self.report, self.books)
        self.report.dead = len(self.dead)
        return self.report


if __name__ == "__main__":
    again = Checker(sys.argv[1]).check()
    print(again.text())
    sys.exit(not again.good())
