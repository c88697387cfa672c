# SPDX-License-Identifier: MPL-2.0
"""Keyed flows with real workers: the order of a key holds with two of them, through failures in all
three modes, and through a router that is killed in the middle."""
import json
import os
import signal
import unittest

from topology import Case, wait_for

KEYS, EACH = 12, 8
# Writes down when it begins and ends with a message; fails as `fail` in its folder says.
HANDLER = """
import os, select, time, zloom
log = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def say(what, order):
    os.write(log, f"{what} {os.getpid()} {order['k']} {order['n']}\\n".encode())

def both():
    '''Until two workers have begun: then both take part in what follows.'''
    end = time.monotonic() + 30
    while len({line.split()[1] for line in open("log")}) < 2 and time.monotonic() < end:
        select.select([], [], [], 0.01)

def work(message):
    order = message.json()
    assert message.key.decode() == order["k"]
    say("begin", order)
    if os.path.exists("both"):
        both()
    failing = open("fail").read().split() if os.path.exists("fail") else []
    if f"{order['k']}-{order['n']}" in failing:
        say("fail", order)
        raise zloom.Retry("not this one")
    select.select([], [], [], 0.001)
    say("end", order)
    return order

zloom.run(work)
"""
LINES = """
import json, os, sys
log = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for line in sys.stdin:
    order = json.loads(line)
    for what in ("begin", "end"):
        os.write(log, f"{what} {os.getpid()} {order['k']} {order['n']}\\n".encode())
    print(line, end="", flush=True)
"""
RECIPE = """
nodes:
  work: {{kind: worker, run: [python3, {program}], io: {io}, replicas: 2, prefetch: 16}}
flows:
  orders:
    pattern: queue
    from: external
    to: work
    key: /k
    order: {order}
    retry: {{failures: 2, backoff: [50ms], jitter: 0%}}
    dead_letter: dead
  done: {{pattern: queue, from: work, to: external, key: /k}}
  dead: {{pattern: queue, to: external}}
"""


class Keys(Case):
    def begin(self, order="skip", io="frames", program="work.py"):
        self.write("work.py", HANDLER)
        self.write("lines.py", LINES)
        self.write("log", "")
        self.run_topology(self.recipe(RECIPE.format(order=order, io=io, program=program)))

    def send(self, keys=KEYS, each=EACH):
        lines = self.write("orders.jsonl", "".join(
            json.dumps({"k": f"k{k}", "n": n}) + "\n" for n in range(each) for k in range(keys)))
        done = self.ask("send", "orders", "--file", lines)
        self.assertEqual(done.returncode, 0, done.stderr)

    def events(self):
        """(what, pid, key, n) in the order in which they happened."""
        return [(what, pid, key, int(n)) for what, pid, key, n in
                (line.split() for line in (self.folder / "log").read_text().splitlines())]

    def ended(self):
        return {(key, n) for what, _, key, n in self.events() if what == "end"}

    def check_order(self, given_up=(), alone=True):
        """No message begins before all of its key before it have ended, or were given up; `alone`:
        nor while another one of its key is at work, wherever that is."""
        ended, at_work = set(given_up), {}
        for what, pid, key, n in self.events():
            if what == "begin":
                missing = [m for m in range(n) if (key, m) not in ended]
                self.assertEqual(missing, [], f"{key}-{n} began before them")
                if alone:
                    self.assertNotIn(key, at_work, f"{key}-{n} began beside another")
                at_work[key] = (pid, n)
            else:
                at_work.pop(key, None)
                if what == "end":
                    ended.add((key, n))

    def all_done(self, count):
        self.wait_flow("done", lambda f: f["ready"] == count)

    def dead(self):
        rows = json.loads(self.ask("dlq", "show", "dead", "-o", "json").stdout)
        return [(row["body"]["k"], row["body"]["n"], row["causes"][-1]["reason"]) for row in rows]

    def test_two_workers_keep_each_keys_order(self):
        self.write("both", "")
        self.begin()
        self.send()
        self.all_done(KEYS * EACH)
        self.check_order()
        self.assertEqual(len({pid for _, pid, _, _ in self.events()}), 2)

    def test_lines_keep_it_too(self):
        self.begin(io="lines", program="lines.py")
        self.send()
        self.all_done(KEYS * EACH)
        self.check_order()

    def test_skip_goes_on_behind_the_dead(self):
        self.write("fail", "k1-3 k2-0 k3-7")
        self.begin()
        self.send()
        self.all_done(KEYS * EACH - 3)
        given_up = {("k1", 3), ("k2", 0), ("k3", 7)}
        self.check_order(given_up)
        self.assertEqual(sorted(self.dead()), [("k1", 3, "failures"), ("k2", 0, "failures"),
                                               ("k3", 7, "failures")])
        # Each was tried twice, and what was behind it in a worker went back at no cost.
        fails = [(key, n) for what, _, key, n in self.events() if what == "fail"]
        self.assertEqual(sorted(fails), sorted(2 * list(given_up)))
        self.assertEqual(self.flows()["orders"]["failures"], 6)

    def test_park_sends_what_follows_to_the_dead_letters(self):
        self.write("fail", "k1-3")
        self.begin(order="park")
        self.send()
        self.all_done(KEYS * EACH - (EACH - 3))
        self.check_order({("k1", 3)})
        self.wait_flow("dead", lambda f: f["ready"] == EACH - 3)
        self.assertEqual(self.dead(), [("k1", 3, "failures")] + [("k1", n, "parked")
                                                                 for n in range(4, EACH)])
        self.assertFalse({("k1", n) for n in range(3, EACH)} & self.ended())
        rows = self.parked()
        self.assertEqual([(row["key"], row["state"]) for row in rows], [("k1", "parked")])
        self.assertEqual(self.release("k1").returncode, 0)
        self.assertEqual(self.parked(), [])
        self.ask("send", "orders", json.dumps({"k": "k1", "n": EACH}))
        wait_for("it goes on", lambda: ("k1", EACH) in self.ended())

    def parked(self):
        return json.loads(self.ask("flow", "parked", "orders", "-o", "json").stdout)

    def release(self, key, *words):
        return self.ask("flow", "release", "orders", "--key", key, *words)

    def test_strict_waits_for_a_hand(self):
        self.write("fail", "k1-3")
        self.begin(order="strict")
        self.send()
        self.all_done(KEYS * EACH - (EACH - 3))
        self.wait_flow("orders", lambda f: f["stuck"] == 1)
        self.check_order()
        self.assertFalse({("k1", n) for n in range(3, EACH)} & self.ended())
        self.assertEqual(self.flows()["dead"]["ready"], 0)
        row, = self.parked()
        self.assertEqual((row["key"], row["state"], row["behind"]), ("k1", "stuck", EACH - 4))
        self.assertGreaterEqual(row["failures"], 2)
        self.assertIn("not this one", row["reason"])
        self.assertEqual(self.release("k2").returncode, 1)
        # Tried again, it fails again; mended, it goes on and so do those behind it.
        self.write("fail", "k1-3 k1-4")
        self.assertEqual(self.release("k1", "--retry").returncode, 0)
        wait_for("it was tried again", lambda: [event for event in self.events()
                                                if event[0] == "fail"][2:])
        self.wait_flow("orders", lambda f: f["stuck"] == 1)
        self.write("fail", "k1-4")
        self.assertEqual(self.release("k1").returncode, 0)
        wait_for("the next one is stuck", lambda: [row for row in self.parked()
                                                   if row["behind"] == EACH - 5])
        self.wait_flow("orders", lambda f: f["stuck"] == 1)
        self.assertEqual(self.release("k1", "--skip").returncode, 0)
        self.all_done(KEYS * EACH - 1)
        self.check_order({("k1", 4)})
        self.assertEqual([row[:2] for row in self.dead()], [("k1", 4)])

    def test_a_router_that_is_killed_breaks_no_order(self):
        self.begin()
        self.send(each=4 * EACH)
        for share in (1, 2, 3):
            wait_for("some more are done",
                     lambda most=share: len(self.ended()) >= most * KEYS * EACH)
            os.kill(self.pid("router"), signal.SIGKILL)
        wait_for("all are done", lambda: len(self.ended()) == 4 * KEYS * EACH)
        self.wait_flow("orders", lambda f: f["ready"] + f["leased"] + f["waiting"] == 0)
        self.check_order(alone=False)
        self.all_done(4 * KEYS * EACH)
        self.assertEqual(self.flows()["dead"]["ready"], 0)


class Lines(Case):
    def test_a_poller_steps_over_lines_without_key(self):
        lines = ['{"k": "a", "n": 0}', '{"n": 1}', '{"k": null, "n": 2}', "no JSON",
                 '{"k": "' + "x" * 257 + '"}', '{"k": "b", "n": 3}']
        self.write("in.jsonl", "\n".join(lines) + "\n")
        recipe = self.recipe("""
nodes:
  in: {kind: poller, file: {path: in.jsonl}}
flows:
  orders: {pattern: queue, from: in, to: external, key: /k}
""")
        self.run_topology(recipe, "--until-idle", ready=False)
        self.assertEqual(self.process.wait(timeout=60), 0, self.said())
        self.assertEqual(self.said().count("poller-line-no-key"), 3, self.said())
        self.assertIn("null makes no key", self.said())
        self.assertRegex(self.said(), r"poller-end .* sent=2 .*invalid=1 .*no_key=3 failed=0")
        # The lines stay what they are: nothing is sent twice, nothing is stepped over.
        with open(self.folder / "in.jsonl", "a", encoding="ascii") as file:
            file.write('{"k": "c", "n": 4}\n')
        self.run_topology(recipe)
        self.wait_flow("orders", lambda f: f["ready"] == 3)
        rows = [json.loads(line)["key"] for line in
                self.ask("tap", "orders", "--waiting", "-o", "jsonl").stdout.splitlines()]
        self.assertEqual(rows, ["a", "b", "c"])


class Sends(Case):
    def test_a_body_without_key_is_told_before_anything_is_sent(self):
        self.run_topology(self.recipe(
            "flows:\n"
            "  orders: {pattern: queue, from: external, to: external, key: /customer_id}\n"))
        done = self.ask("send", "orders", '{"customer_id": 7}', '{"cents": 1}')
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertIn("/customer_id", done.stderr)
        self.assertIn("nothing there", done.stderr)
        self.assertIn("sent 1 to orders, 1 confirmed", done.stderr)
        self.assertEqual(self.ask("send", "orders", "no JSON", "--key", "c-7").returncode, 0)
        rows = [json.loads(line) for line in
                self.ask("tap", "orders", "--waiting", "-o", "jsonl").stdout.splitlines()]
        self.assertEqual([row["key"] for row in rows], ["7", "c-7"])
        done = self.ask("send", "orders", '{"customer_id": 7}', "--priority", "9")
        self.assertEqual(done.returncode, 1, done.stderr)  # a keyed flow has none
        self.assertEqual(self.flows()["orders"]["ready"], 2)


if __name__ == "__main__":
    unittest.main()
