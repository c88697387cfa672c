# SPDX-License-Identifier: MPL-2.0
"""The load under which things fail, and what is asked for at the end of each run."""
import re
import time

from checker import Checker
from processes import Failure


class Skip(Exception):
    """What the scenario needs is not here; the text says what."""


# What producers have unconfirmed at most, in messages.
WINDOWS = (2000, 300)


def load_producers(ground):
    """Two, both pipelined."""
    for number, window in enumerate(WINDOWS, 1):
        ground.start("produce", f"p{number}", "orders", window)


def load_consumers(ground):
    """They settle in every way; two read the effects of steps."""
    ground.start("consume", "c1", "orders", 300, "mixed")
    ground.start("consume", "c2", "orders", 50, "mixed")
    ground.start("consume", "s1", "orders", 200, "step")
    ground.start("consume", "s2", "orders", 30, "step")
    ground.start("consume", "d1", "done", 300, "ack")
    ground.start("consume", "d2", "done", 50, "ack")


def load(ground):
    load_producers(ground)
    load_consumers(ground)


def tell(ground, summary):
    """The last words of a run, which fails when its report is not good."""
    report = ground.report
    print(f"{summary}; {ground.recovered} recoveries; {report.text()}", flush=True)
    if not report.good():
        raise Failure(f"promises were broken: {report.text()}")


def check_late(ground):
    """A router moves all deadlines by what it takes for a stop: by no more than there was time."""
    said = ground.router.err_path.read_text(errors="replace")
    late = max(map(int, re.findall(r" turn-late .* late_ms=(\d+)", said)), default=0)
    if late > 1000 * (time.monotonic() - ground.begin):
        raise Failure(f"a turn of the router was late by {late} ms, longer than the test ran")


def conclude(ground, summary, lost=0):
    """Drain, then the checker's word over the whole run. So many may be, and have to be, lost."""
    ground.finish()
    check_late(ground)
    report = ground.report = Checker(ground.history).check()
    if lost and report.count("lost") == lost:
        del report.found["lost"]
        summary += f", {lost} messages in holes and nowhere else"
    elif lost:
        report.add("lost", f"{lost} were to be lost")
    tell(ground, summary)
