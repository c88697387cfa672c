# SPDX-License-Identifier: MPL-2.0
"""The checker sees what it is there for: small histories, each with one promise broken."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from checker import Checker  # noqa: E402
from history import body  # noqa: E402

PRODUCER = ["W 1 1", "I 2 1 9", "C 3 3"]
# Three confirmed: 1 acked, 2 a step with its effect, 3 rejected.
CONSUMER = ["H 1 welcome",
            "D 10 orders 1 1 b1 1 0 p 1 ack",
            "D 12 orders 2 1 b1 1 0 p 2 step", "T 14 orders 2 1 b1 1 p 2 OK",
            "D 15 orders 3 1 b1 1 0 p 3 reject", "K 20 all"]
EFFECTS = ["D 18 done 1 1 b1 2 0 p 2 ack", "K 21 all"]


def letter(n, reason="rejected", text=None):
    return {"seq": n, "id": f"p/{n}", "body": text or body("p", n),
            "causes": [{"flow": "orders", "reason": reason, "count": 1}]}


def late(line):
    """The times above are tens of seconds: the checker forgives a few seconds here and there."""
    kind, time, rest = line.split(" ", 2)
    return f"{kind} {int(time) * 10 ** 10} {rest}\n"


class CheckerTest(unittest.TestCase):
    def found(self, producer=(), consumer=(), effects=(), dead=(letter(3),), driver=(),
              leave_out=(), cut="", books=()):
        """The kinds of what the checker finds when these lines are added or left out."""
        with tempfile.TemporaryDirectory(prefix="zloom-crash-") as name:
            folder = pathlib.Path(name)
            histories = {"00001-produce-p": PRODUCER + list(producer),
                         "00002-consume-c": CONSUMER, "00003-consume-d": EFFECTS + list(effects),
                         "00004-consume-e": list(consumer), "driver": list(driver)}
            for file, lines in histories.items():
                text = "".join(late(line) for line in lines if line not in leave_out)
                (folder / f"{file}.log").write_text(text + cut)
            (folder / "dead.jsonl").write_text("".join(json.dumps(it) + "\n" for it in dead))
            (folder / "books.jsonl").write_text("".join(json.dumps(it) + "\n" for it in books))
            report = Checker(folder).check()
            self.assertEqual(report.good(), not report.found)
            return set(report.found)

    def test_a_good_history(self):
        self.assertEqual(self.found(), set())

    def test_a_line_that_was_cut_by_a_kill(self):
        self.assertEqual(self.found(cut="D 99 or"), set())

    def test_lost(self):
        self.assertEqual(self.found(producer=["C 30 4"]), {"lost"})
        self.assertEqual(self.found(dead=()), {"lost"})
        self.assertEqual(self.found(leave_out=EFFECTS), {"lost"})
        self.assertEqual(self.found(producer=["C 30 4"], consumer=[
            "D 31 orders 4 1 b1 4 0 p 4 retry"]), {"lost"})
        # What D says is not what was done.
        self.assertEqual(self.found(producer=["C 30 4"], consumer=[
            "D 31 orders 4 1 b1 4 0 p 4 ack", "V 32 orders 4 b1 4 release"]), {"lost"})

    def test_a_run(self):
        """Six in one line, in two, and with one of them missing."""
        more = ["C 30 9"]
        self.assertEqual(self.found(producer=more, consumer=[
            "D 31 orders 4 6 b1 4 0 p 4 ack", "K 32 all"]), set())
        self.assertEqual(self.found(producer=more, consumer=[
            "D 31 orders 4 2 b1 4 0 p 4 ack", "D 31 orders 6 4 b1 4 0 p 6 ack"]), set())
        self.assertEqual(self.found(producer=more, consumer=[
            "D 31 orders 4 2 b1 4 0 p 4 ack", "D 31 orders 7 3 b1 4 0 p 7 ack"]), {"lost"})

    def test_invented(self):
        self.assertEqual(self.found(consumer=["B 31 orders 4 b1 4 4"]), {"invented"})
        self.assertEqual(self.found(consumer=["D 31 orders 4 1 b1 4 0 p 10 ack"]), {"invented"})
        self.assertEqual(self.found(consumer=["D 31 orders 4 7 b1 4 0 p 4 ack"]), {"invented"})
        self.assertEqual(self.found(consumer=["D 31 orders 4 1 b1 4 0 q 4 ack"]), {"invented"})
        self.assertEqual(self.found(dead=(letter(3), letter(10))), {"invented"})

    def test_failed(self):
        self.assertEqual(self.found(producer=["F 5 5 TOO_BIG"],
                                    consumer=["D 31 orders 4 2 b1 4 0 p 4 ack"]), {"failed"})

    def test_forgotten(self):
        self.assertEqual(self.found(producer=["W 40 3"]), {"forgotten"})
        self.assertEqual(self.found(producer=["W 40 4"]), set())

    def test_order(self):
        self.assertEqual(self.found(consumer=["D 31 orders 5 1 b1 4 0 p 4 ack",
                                              "D 31 orders 4 1 b1 4 0 p 5 ack"]), {"order"})

    def test_twice(self):
        self.assertEqual(self.found(consumer=["D 31 orders 4 1 b1 4 0 p 1 ack"]),
                         {"twice", "order"})
        self.assertEqual(self.found(consumer=["D 31 orders 3 1 b2 4 0 p 4 ack"]),
                         {"ghost", "twice"})
        self.assertEqual(self.found(effects=["D 31 done 2 1 b1 4 0 p 2 ack"]), {"twice"})
        self.assertEqual(self.found(effects=["D 31 done 2 1 b1 4 0 p 1 ack"]), {"twice"})
        self.assertEqual(self.found(dead=(letter(3), letter(3))), {"twice"})
        self.assertEqual(self.found(consumer=["T 31 orders 2 1 b1 1 p 2 OK"]), {"twice"})
        # It came again before the first ack was answered, and both were taken.
        self.assertEqual(self.found(consumer=["D 17 orders 1 1 b2 4 0 p 1 ack", "K 32 all"]),
                         {"twice"})
        self.assertEqual(self.found(consumer=["D 17 orders 1 1 b2 4 0 p 1 ack",
                                              "S 18 orders 1 1 b2 4", "K 32 all"]), set())

    def test_delivered_again(self):
        again = "D 31 orders 1 1 b1 4 0 p 1 ack"
        self.assertEqual(self.found(consumer=[again]), {"ghost", "unexplained"})
        # It came before the ack was confirmed: no ghost, but still for no reason.
        early = again.replace("D 31", "D 17")
        self.assertEqual(self.found(consumer=[early]), {"unexplained"})
        self.assertEqual(self.found(consumer=[early], driver=["kill 16 00002-consume-c"]), set())
        # Another boot is a reason to see it again, but not after a confirmed ack.
        self.assertEqual(self.found(consumer=[early.replace("b1", "b2")]), set())
        self.assertEqual(self.found(consumer=[again.replace("b1", "b2")]), {"ghost"})
        # In the middle of a run.
        self.assertEqual(self.found(consumer=["D 31 orders 4 6 b1 4 0 p 4 ack",
                                              "D 33 orders 6 1 b1 5 0 p 6 ack"]), {"unexplained"})
        self.assertEqual(self.found(consumer=["D 31 orders 4 6 b1 4 0 p 4 ack",
                                              "V 32 orders 6 b1 4 release",
                                              "D 33 orders 6 1 b1 5 0 p 6 ack"]), set())

    def test_somebody_who_notices_late(self):
        """However late: what is handed out again was given up, unless its holder got more."""
        again = "D 31 orders 4 1 b1 9 0 p 4 ack"
        held = ["H 20 welcome", "D 22 orders 4 1 b1 5 0 p 4 ack",
                "D 23 orders 5 1 b1 6 0 p 5 ack"]
        lost, later = "L 60 lost", "D 61 orders 6 1 b1 12 0 p 6 ack"
        for lines, kinds in ((held, {"unexplained"}), (held + [lost, later], set()),
                             (held + [later, "L 62 lost"], {"unexplained"})):
            self.assertEqual(self.found(consumer=lines, effects=[again]), kinds)
        # An end is no break: that of a run comes for everybody.
        self.assertEqual(self.found(consumer=held, effects=[again],
                                    driver=["end 60 00004-consume-e"]), {"unexplained"})
        self.assertEqual(self.found(consumer=held, effects=[again],
                                    driver=["kill 60 00004-consume-e"]), set())

    def test_books(self):
        flow = {"name": "orders", "appended": 9, "ready": 1, "leased": 1, "waiting": 1,
                "moving": 0, "acked": 3, "dead": 2, "requeued": 0, "expired": 0, "purged": 0,
                "dropped": 0, "lost": 1}
        self.assertEqual(self.found(books=[[flow]]), set())
        self.assertEqual(self.found(books=[[flow], [{**flow, "acked": 2}]]), {"books"})

    def test_grave(self):
        self.assertEqual(self.found(dead=(letter(3, text="x"),)), {"grave"})
        self.assertEqual(self.found(dead=(letter(3, "failures"),)), {"grave"})
        self.assertEqual(self.found(dead=(letter(3), letter(1))), {"grave"})
        self.assertEqual(self.found(dead=(letter(3), letter(2))), {"grave"})


if __name__ == "__main__":
    unittest.main()
