# SPDX-License-Identifier: MPL-2.0
"""A recipe on three hosts: cables are cut under load, a host dies, strangers knock."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

from hosts import DEADLINE_S, Feeder, Fleet, Network, need_namespaces, wait_for

STRANGER = pathlib.Path(__file__).resolve().parent / "stranger.py"
RECIPE = """zloom: 1
name: lab
nodes:
  router: {kind: router, heartbeat: 200ms, liveness: 3}
%(workers)s
  out: {kind: sink, file: {path: out.txt}}
flows:
  in: {pattern: queue, from: external, to: [%(names)s], dead_letter: dead}
  mid: {pattern: queue, from: [%(names)s], to: out, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""
BUS = """zloom: 1
name: lab
nodes:
  router: {kind: router, heartbeat: 200ms, liveness: 3}
  near: {kind: sink, file: {path: near.txt}}
  far: {kind: sink, file: {path: far.txt}}
flows:
  news:
    pattern: bus
    from: external
    topics: [a, b]
    retain: {age: 1h}
    to: {near: {}, far: {topics: a}}
    dead_letter: dead
  dead: {pattern: queue, to: external}
"""
BRIDGED = """zloom: 1
name: lab
nodes:
  near: {kind: router, heartbeat: 200ms, liveness: 3, restart: {backoff: [10ms]}}
  far: {kind: router, heartbeat: 200ms, liveness: 3}
  feed: {kind: poller, file: {path: in.txt, follow: true, format: lines}}
  one: {kind: sink, file: {path: one.txt}}
  two: {kind: sink, file: {path: two.txt}}
flows:
  news:
    pattern: bus
    from: feed
    topics: line
    mirror: {from: near, to: far}
    to: [one, two]
    dead_letter: dead
  dead: {pattern: queue, to: external, via: far}
"""
KEYS = {"shop": "[{flow: in, rights: [publish]}]", "hand": "[{flow: in, rights: [consume]}]"}
PLACE = {"router": "hub", "work": "b", "spare": "c", "out": "c"}
PORT = 7600


class Hosts(unittest.TestCase):
    def setUp(self):
        self.network = Network("hub", "b", "c")
        self.addCleanup(self.network.close)
        self.fleet = None
        self.place = {}
        self.put = 0

    def lines(self, name):
        path = self.fleet.folder / name
        return path.read_text(encoding="ascii").splitlines() if path.exists() else []

    def run_fleet(self, *workers):
        lines = [f"  {name}: {{kind: worker, run: [cat]}}" for name in workers]
        recipe = RECIPE % {"workers": "\n".join(lines), "names": ", ".join(workers)}
        self.place = {node: host for node, host in PLACE.items()
                      if node in ("router", "out", *workers)}
        self.fleet = Fleet(self.network, recipe, self.place, KEYS)
        self.addCleanup(self.fleet.close)
        self.fleet.run_all()

    def written(self):
        return self.lines("out.txt")

    def feeder(self):
        feeder = Feeder(self.fleet.come("c", "shop", "send", "in", "--name", "feeder",
                                        "--timeout", f"{DEADLINE_S}s"), self.written)
        self.addCleanup(feeder.close)
        return feeder

    def feed_more(self, feeder, count):
        goal = len(self.written()) + count
        feeder.feed_until(f"{goal} are through", lambda: len(self.written()) >= goal)

    def all_is_there_once(self, feeder):
        sent = feeder.end()
        wait_for("all are through", lambda: len(self.written()) >= sent)
        self.assertEqual(sorted(map(int, self.written())), list(range(sent)))

    def test_cables_are_cut_under_load(self):
        self.run_fleet("work")
        feeder = self.feeder()
        for host, peer in (("b", "work"), ("c", "out")):
            self.feed_more(feeder, 300)
            heard = self.fleet.said("hub").count(f"peer-end peer={peer}")
            self.network.cut(host)
            feeder.feed_until(f"the router misses {peer}", lambda p=peer, n=heard: self.fleet.said(
                "hub").count(f"peer-end peer={p}") > n)
            self.network.heal(host)
            self.feed_more(feeder, 300)
        self.all_is_there_once(feeder)

    def test_a_host_dies(self):
        self.run_fleet("work", "spare")
        feeder = self.feeder()
        self.feed_more(feeder, 300)
        self.network.cut("b")
        self.network.kill("b")
        self.fleet.wait_said("hub", "peer-end peer=work")
        self.feed_more(feeder, 300)  # the spare one goes on, also with what the dead one held
        self.network.heal("b")
        self.fleet.start("b")
        self.fleet.wait_said("hub", "peer-hello peer=work", 2)
        self.feed_more(feeder, 300)
        self.all_is_there_once(feeder)

    def publish(self, topic, bodies):
        done = self.command(self.fleet.come("hub", "shop", "send", "news", "--topic", topic),
                            "\n".join(bodies) + "\n")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_subscriber_behind_a_cut_cable_catches_up(self):
        self.fleet = Fleet(self.network, BUS, {"router": "hub", "near": "hub", "far": "b"},
                           {"shop": "[{flow: news, rights: [publish]}]"})
        self.addCleanup(self.fleet.close)
        for host in ("hub", "b"):
            self.fleet.start(host)
        for host in ("hub", "b"):
            self.fleet.wait_said(host, " ready topology=")
        events = [[str(number) for number in range(at, at + 100)] for at in (0, 100, 200)]
        self.publish("a", events[0])
        self.network.cut("b")
        self.fleet.wait_said("hub", "peer-end peer=far")
        self.publish("a", events[1])  # the publisher does not notice, nor does its neighbour
        self.publish("b", ["not for far"])
        self.network.heal("b")
        self.publish("a", events[2])
        wait_for("it has caught up", lambda: len(self.lines("far.txt")) >= 300)
        self.assertEqual(sorted(self.lines("far.txt"), key=int), sum(events, []))
        self.assertEqual([line for line in self.lines("near.txt") if line.isdigit()],
                         sum(events, []))

    def carry(self, what, condition):
        """More lines go in, as many as come out, until it is so."""
        def step():
            out = min(len(self.lines(name)) for name in ("one.txt", "two.txt"))
            with open(self.fleet.folder / "in.txt", "a", encoding="ascii") as file:
                while self.put < out + 200:
                    file.write(f"{self.put}\n")
                    self.put += 1
            return condition(out)
        wait_for(what, step)

    def carry_more(self, count):
        goal = min(len(self.lines(name)) for name in ("one.txt", "two.txt")) + count
        self.carry(f"{goal} are carried", lambda out: out >= goal)

    def kill_bridge(self):
        deaths = self.fleet.said("c").count("node-death node=near-bridge")
        pid = (self.fleet.folder / "c" / "run" / "near-bridge.pid").read_text(encoding="ascii")
        os.kill(int(pid), signal.SIGKILL)
        self.fleet.wait_said("c", "node-death node=near-bridge", deaths + 1)

    def cut_while_it_carries(self, host, router):
        """Until the bridge misses its router."""
        waits = f"bridge-waits node=near-bridge flow=news router={router}"
        said = self.fleet.said("c").count(waits)
        self.carry_more(100)
        self.network.cut(host)
        self.carry(f"the bridge misses {router}",
                   lambda _: self.fleet.said("c").count(waits) > said)

    def test_a_bus_is_carried_between_hosts(self):
        """The bridge is on a third host, and killed; both routers' hosts are cut off, and die."""
        self.fleet = Fleet(self.network, BRIDGED, {"near": "b", "feed": "b", "near-bridge": "c",
                                                   "far": "hub", "one": "hub", "two": "c"}, {})
        self.addCleanup(self.fleet.close)
        (self.fleet.folder / "in.txt").touch()
        self.fleet.run_all()
        self.carry_more(100)
        self.kill_bridge()
        self.cut_while_it_carries("b", "near")
        self.network.heal("b")
        self.carry_more(200)
        self.network.kill("b")
        self.fleet.start("b")
        self.cut_while_it_carries("hub", "far")
        self.network.kill("hub")
        self.kill_bridge()  # with all that it could take, and nobody to give it to
        self.network.heal("hub")
        self.fleet.start("hub")
        self.carry_more(200)
        lines = [str(number) for number in range(self.put)]
        wait_for("all are there", lambda: min(len(self.lines("one.txt")),
                                              len(self.lines("two.txt"))) >= self.put)
        self.assertEqual(self.lines("one.txt"), lines)
        self.assertEqual(self.lines("two.txt"), lines)

    def command(self, words, stdin=""):
        return subprocess.run(words, input=stdin, capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False)

    def refused(self, words, said):
        done = self.command(words)
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn(said, done.stderr)

    def stranger(self, *words):
        done = self.command(self.network.words("c", "/usr/bin/python3", STRANGER, *words))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def test_strangers_are_told_and_disturb_nobody(self):
        self.run_fleet("work")
        fleet = self.fleet
        feeder = self.feeder()
        self.feed_more(feeder, 100)
        endpoint = f"tcp://{self.network.address['hub']}:{PORT}"
        # Without CURVE, and without ZMTP.
        self.assertEqual(self.stranger("plain", endpoint), "nothing")
        wait_for("it was noticed", lambda: re.search(r" handshakes .*(plain|broken)=[1-9]",
                                                     fleet.said("hub")))
        self.assertEqual(self.stranger("garbage", self.network.address["hub"], PORT), "closed")
        # A key that nobody knows.
        public = fleet.new_key("nobody")
        self.refused(fleet.come("c", "nobody", "send", "in", "x"), "does not know this key")
        fleet.wait_said("hub", f"stranger router=router address={self.network.address['c']} "
                               f"key={public}")
        # A router with another key than the fleet says.
        other = fleet.write("other.yaml", {**fleet.public, "hub": public}, self.place, KEYS)
        self.refused(fleet.come("c", "shop", "send", "in", "x", fleet=other),
                     "broke off the handshake")
        wait_for("it was noticed", lambda: re.search(r"other_key=[1-9]", fleet.said("hub")))
        # Known, and without the right.
        self.refused(fleet.come("c", "shop", "send", "mid", "x"), "no right")
        self.refused(fleet.come("c", "hand", "send", "in", "x"), "no right")
        self.refused(fleet.come("c", "hand", "tap", "in"), "may not read")
        self.assertIn("FORBIDDEN GONE: only a supervisor",
                      self.stranger("gone", endpoint, fleet.public["hub"],
                                    fleet.folder / "keys" / "hand.secret", "work"))
        self.feed_more(feeder, 100)
        self.all_is_there_once(feeder)
        for peer in ("work", "out", "feeder"):
            self.assertEqual(fleet.said("hub").count(f"peer-hello peer={peer} "), 1, peer)


if __name__ == "__main__":
    need_namespaces()
    unittest.main(argv=sys.argv)
