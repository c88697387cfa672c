# SPDX-License-Identifier: MPL-2.0
"""What a durable queue promises, checked over the histories of one run (peer.c explains them).

    lost       a confirmed message that nobody finished: no ack, no step, no dead letter
    invented   bytes that were never sent, or not under that name
    failed     delivered although the router said that it will never take it
    forgotten  a producer was welcomed below what it had a confirm for
    twice      one message under two numbers; one effect under two numbers
    ghost      delivered again after its ack was confirmed
    unexplained  delivered again although nobody gave it back, was killed, frozen, or lost touch
    grave      dead without its reason or its bytes, dead and alive, or dead before its time
"""
import bisect
import collections
import json
import pathlib
import sys

FAILURES = 5
SHOWN = 5
SECOND = 10 ** 9


def body(producer, n):
    """The same as in peer.c."""
    fill = 100000 if n % 1000 == 999 else n * 37 % 400
    return f"{producer} {n} " + chr(ord("a") + n % 26) * fill


class Report:
    def __init__(self):
        self.found = collections.defaultdict(list)
        self.confirmed = self.deliveries = self.effects = self.dead = self.again = 0

    def add(self, kind, text):
        self.found[kind].append(text)

    def text(self):
        """What was found, and the closing line."""
        lines = []
        for kind, texts in sorted(self.found.items()):
            lines.append(f"{kind.upper()}: {len(texts)}")
            lines += [f"    {text}" for text in texts[:SHOWN]]
        lines.append(f"{self.confirmed} confirmed messages checked, "
                     f"{len(self.found.get('lost', ()))} lost, "
                     f"{len(self.found.get('twice', ()))} doubled; {self.deliveries} deliveries, "
                     f"{self.again} of them again, {self.effects} effects of steps, "
                     f"{self.dead} dead letters")
        return "\n".join(lines)

    def good(self):
        return not any(self.found.values())


class Consumer:
    """When a consumer could not hold what it had: it lost the router, was frozen, or ended."""

    def __init__(self):
        self.breaks = []

    def broke(self, since, until):
        at = bisect.bisect_left(self.breaks, since)
        return at < len(self.breaks) and self.breaks[at] <= until


Delivery = collections.namedtuple("Delivery", "time boot token attempt holder")


class Flow:
    def __init__(self):
        self.seq_of = {}    # (producer, n) -> seq
        self.deliveries = collections.defaultdict(list)
        self.verdicts = {}  # (seq, boot, token) -> verdict
        self.sure = {}      # the same, answered in the session that said it -> time
        self.stale = set()


class Checker:
    def __init__(self, folder):
        self.report = Report()
        self.flows = collections.defaultdict(Flow)
        self.sent = collections.Counter()
        self.confirmed = collections.Counter()
        self.refused = set()
        self.boots = {}  # boot -> when it was first seen
        self.done_steps = set()
        self.holders = collections.defaultdict(Consumer)
        folder = pathlib.Path(folder)
        self.read_driver(folder / "driver.log")
        for path in sorted(folder.glob("*-produce-*.log")):
            self.read_producer(path, path.stem.split("-", 2)[2])
        for path in sorted(folder.glob("*-consume-*.log")):
            self.read_consumer(path)
        dead = (folder / "dead.jsonl").read_text(encoding="utf-8")
        self.dead = [json.loads(line) for line in dead.splitlines()]

    # ---- reading ----------------------------------------------------------------------------

    @staticmethod
    def lines(path):
        """Whole lines; the newest of a killed writer may be cut."""
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    yield line.split()

    def read_driver(self, path):
        for deed, time, name in self.lines(path):
            if deed in ("kill", "end", "freeze", "thaw"):
                self.holders[name].breaks.append(int(time))

    def read_producer(self, path, producer):
        for kind, time, *words in self.lines(path):
            if kind == "W" and int(words[0]) <= self.confirmed[producer]:
                self.report.add("forgotten", f"{path.name}: goes on at {words[0]}, but "
                                             f"{self.confirmed[producer]} was confirmed ({time})")
            elif kind == "I":
                self.sent[producer] = max(self.sent[producer], int(words[0]) + int(words[1]) - 1)
            elif kind == "C":
                self.confirmed[producer] = max(self.confirmed[producer], int(words[0]))
            elif kind == "F":
                self.refused.add((producer, int(words[0])))

    def read_consumer(self, path):
        holder = self.holders[path.stem]
        open_verdicts = []
        for kind, time, *words in self.lines(path):
            time = int(time)
            if kind == "D":
                self.read_delivery(path, time, words, path.stem)
            elif kind == "V":
                flow, seq, boot, token, verdict = words
                key = (int(seq), boot, int(token))
                self.flows[flow].verdicts[key] = verdict
                open_verdicts.append((flow, key))
            elif kind == "K":
                for flow, key in open_verdicts:
                    self.flows[flow].sure[key] = time
                open_verdicts = []
            elif kind in "HL":
                # What is said again later may be answered for somebody else's doing.
                open_verdicts = []
                holder.breaks.append(time)
            elif kind == "S":
                flow, seq, count, boot, token = words
                self.flows[flow].stale.update((int(seq) + i, boot, int(token))
                                              for i in range(int(count)))
            elif kind == "T" and words[4] == "OK":
                self.done_steps.add(int(words[1]))
            elif kind == "T" and words[4] in ("STALE", "SETTLED"):
                self.flows[words[0]].stale.add((int(words[1]), words[2], int(words[3])))
        holder.breaks.sort()

    def read_delivery(self, path, time, words, holder):
        flow, seq, boot, token, good, attempt, producer, n = words
        self.report.deliveries += 1
        self.boots[boot] = min(time, self.boots.get(boot, time))
        seq, n = int(seq), int(n)
        name = f"{flow} {seq} ({producer}/{n}, {path.name})"
        if good != "1" or not 1 <= n <= self.sent[producer]:
            self.report.add("invented", f"{name}: never sent like this")
            return
        if (producer, n) in self.refused:
            self.report.add("failed", f"{name}: the router had refused it for good")
        first = self.flows[flow].seq_of.setdefault((producer, n), seq)
        if first != seq:
            self.report.add("twice", f"{name}: is number {first}, too")
        self.flows[flow].deliveries[seq].append(
            Delivery(time, boot, int(token), int(attempt), holder))

    # ---- checking ---------------------------------------------------------------------------

    def order(self, boot, token):
        return self.boots[boot], token

    def broke(self, before, after):
        """A frozen one reads late what was sent before; a session's end is noticed late."""
        return self.holders[before.holder].broke(min(before.time, after.time) - 5 * SECOND,
                                                 after.time + 2 * SECOND)

    def check_again(self, name, flow):
        """Each delivery after the first needs a reason, and none comes after a confirmed ack."""
        for seq, deliveries in flow.deliveries.items():
            if len(deliveries) == 1:
                continue
            self.report.again += len(deliveries) - 1
            deliveries.sort(key=lambda it: self.order(it.boot, it.token))
            for before, after in zip(deliveries, deliveries[1:]):
                key = (seq, before.boot, before.token)
                verdict = flow.verdicts.get(key)
                sure = flow.sure.get(key)
                if (verdict in ("ack", "step", "reject") and sure and key not in flow.stale
                        and after.time > sure):
                    self.report.add("ghost", f"{name} {seq}: {verdict} by {before.holder} "
                                             f"confirmed at {sure}, given to {after.holder} at "
                                             f"{after.time}")
                if not (verdict in ("retry", "release") or before.boot != after.boot
                        or key in flow.stale
                        or self.broke(before, after)):
                    self.report.add("unexplained", f"{name} {seq}: with {before.holder} from "
                                                   f"{before.time} ({verdict}), given to "
                                                   f"{after.holder} at {after.time}")

    def endings(self, seq):
        """How often each verdict was said of a message of `orders`, and which acks are sure."""
        orders = self.flows["orders"]
        said, sure = collections.Counter(), 0
        for delivery in orders.deliveries.get(seq, ()):
            key = (seq, delivery.boot, delivery.token)
            verdict = orders.verdicts.get(key)
            said[verdict] += 1
            sure += verdict == "ack" and key in orders.sure and key not in orders.stale
        return said, sure

    def check_grave(self, letter):
        """A dead letter: its bytes, its reason, its time. Returns (producer, n)."""
        producer, n = letter["id"].rsplit("/", 1)
        n = int(n)
        name = f"dead letter {letter['id']}"
        if letter["body"] != body(producer, n):
            self.report.add("grave", f"{name}: other bytes than were sent")
        reasons = [(cause["flow"], cause["reason"]) for cause in letter["causes"]]
        said, sure = self.endings(self.flows["orders"].seq_of.get((producer, n)))
        last = reasons[-1] if reasons else None
        if last == ("orders", "rejected"):
            if not said["reject"]:
                self.report.add("grave", f"{name}: rejected by nobody")
        elif last != ("orders", "failures") or said["retry"] < FAILURES:
            self.report.add("grave", f"{name}: {reasons} after {said['retry']} retries")
        if sure or (producer, n) in self.flows["done"].seq_of:
            self.report.add("grave", f"{name}: worked off, too")
        return producer, n

    def check_end(self, producer, n, dead):
        orders, done = self.flows["orders"], self.flows["done"]
        seq = orders.seq_of.get((producer, n))
        said, sure = self.endings(seq)
        effect = (producer, n) in done.seq_of
        if sure and effect:
            self.report.add("twice", f"{producer}/{n}: acked for sure, and a step took effect")
        if seq in self.done_steps and not effect:
            self.report.add("lost", f"{producer}/{n}: its step was confirmed, its effect is gone")
        elif not (said["ack"] or effect or (producer, n) in dead):
            self.report.add("lost", f"{producer}/{n} (number {seq}): confirmed, and then only "
                                    f"{dict(said)}")

    def check(self):
        """Call it when everything has been drained."""
        dead = collections.Counter(self.check_grave(letter) for letter in self.dead)
        for (producer, n), count in dead.items():
            if count > 1:
                self.report.add("twice", f"{producer}/{n}: {count} dead letters")
        for name, flow in self.flows.items():
            self.check_again(name, flow)
        for producer, last in self.confirmed.items():
            self.report.confirmed += last
            for n in range(1, last + 1):
                self.check_end(producer, n, dead)
        self.report.effects = len(self.flows["done"].seq_of)
        self.report.dead = len(self.dead)
        return self.report


if __name__ == "__main__":
    again = Checker(sys.argv[1]).check()
    print(again.text())
    sys.exit(not again.good())
