# SPDX-License-Identifier: MPL-2.0
"""A recipe on two hosts: keys, shares, programs from elsewhere, and who is refused how.

Both hosts are this machine, on a loopback address of this test's own; tests/lab has real ones.
"""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import unittest

from topology import DEADLINE_S, Case, ZLOOM, wait_for, zloom

RECIPE = """
nodes:
  work: {kind: worker, run: [cat]}
  out: {kind: sink, file: {path: out.txt}}
flows:
  in: {pattern: queue, from: external, to: work, dead_letter: dead}
  mid: {pattern: queue, from: work, to: out, dead_letter: dead}
  dead: {pattern: queue, to: external}
  news: {pattern: bus, from: external, to: [out, external], retain: {age: 1h}, dead_letter: dead}
"""
FLEET = """zloom: 1
recipe: recipe.yaml
hosts:
  hub: {address: %(address)s, public: "%(hub)s"}
  b: {public: "%(b)s"}
place: {router: hub, work: b, out: hub}
"""
BRIDGED = """
nodes:
  near: {kind: router}
  far:  {kind: router}
  feed: {kind: poller, file: {path: lines.txt, format: lines}}
  copy: {kind: sink, file: {path: copy.txt}}
  out:  {kind: sink, file: {path: out.txt}}
flows:
  in:  {pattern: queue, from: feed, to: out, mirror: {from: near, to: far}}
  own: {pattern: queue, from: external, to: copy, via: near}
"""
BRIDGED_FLEET = """zloom: 1
recipe: recipe.yaml
hosts:
  hub: {address: %(address)s, public: "%(hub)s"}
  b: {address: %(address)s, port: 7700, public: "%(b)s"}
place: {near: b, feed: b, far: hub, near-bridge: hub, out: hub, copy: hub}
"""
EDGED = """
nodes:
  main: {kind: router}
  edge: {kind: forwarder}
  one: {kind: sink, file: {path: out.txt}, allow: {Z0421: "that is what is looked at"}}
flows:
  news: {pattern: bus, from: external, to: {one: {through: edge}, external: },
         allow: {Z0421: "that is what is looked at"}}
"""
EDGED_FLEET = """zloom: 1
recipe: recipe.yaml
hosts:
  hub: {address: %(address)s, public: "%(hub)s"}
  b: {public: "%(b)s"}
place: {main: hub, edge: b, one: %(where)s}
"""
KEYS = """keys:
  shop: {public: "%(shop)s", may: [{flow: in, rights: [%(rights)s]}]}
"""
ALL = """keys:
  shop: {public: "%(shop)s", may: [{flow: "*", rights: [read]}]}
"""
LATE = RECIPE.replace("flows:", "  late: {kind: sink, file: {path: late.txt}}\nflows:").replace(
    "[out, external], retain", "{out: , late: {from: start}, external: }, retain")
NEWS = """keys:
  shop: {public: "%(shop)s", may: [{flow: news, rights: [publish, read]}]}
"""


class Ground(Case):
    """Keys for all, a recipe and its fleet."""

    def setUp(self):
        super().setUp()
        self.recipe(RECIPE)
        self.hosts = {}
        self.public = {"address": ".".join(["127", *(str(random.randint(1, 254))
                                                     for _ in range(3))])}
        for name in ("hub", "b", "shop", "stranger"):
            done = zloom("keys", "new", name, "--keys", self.folder / "keys")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.public[name] = done.stdout.strip()
        self.fleet("publish")
        self.addCleanup(self.stop_hosts)

    def fleet(self, rights):
        """Rights of the shop; None: it is not in the fleet at all."""
        text = FLEET + (KEYS if rights else "")
        return self.write("fleet.yaml", text % {**self.public, "rights": rights})

    def words(self, host):
        return ["--fleet", str(self.folder / "fleet.yaml"), "--host", host, "--keys",
                str(self.folder / "keys"), "--state", str(self.folder / host)]

    def start(self, host):
        with open(self.folder / f"{host}.log", "wb") as file:
            self.hosts[host] = subprocess.Popen([ZLOOM, "run", *self.words(host)],
                                                stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def said_on(self, host):
        return (self.folder / f"{host}.log").read_text(encoding="utf-8", errors="replace")

    def wait_log(self, host, *words):
        wait_for(f"{host} says {words}", lambda: all(word in self.said_on(host) for word in words)
                 or self.hosts[host].poll() is not None)
        self.assertIsNone(self.hosts[host].poll(), self.said_on(host))

    def run_both(self):
        self.start("hub")
        self.start("b")
        for host in self.hosts:
            self.wait_log(host, " ready topology=")

    def stop_hosts(self):
        for host in ("b", "hub"):
            process = self.hosts.get(host)
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=DEADLINE_S)

    def come(self, who, *words):
        """A program with the key `who`, from wherever."""
        return zloom(*words, "--fleet", self.folder / "fleet.yaml", "--as", who, "--keys",
                     self.folder / "keys")

    def refused(self, done, *words):
        self.assertEqual(done.returncode, 77, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def pids(self, host):
        done = zloom("ps", "-o", "json", "--state", self.folder / host)
        return {node["unit"]: node["pid"] for node in json.loads(done.stdout)["nodes"]}

    def written(self, name="out.txt"):
        path = self.folder / name
        return path.read_text(encoding="utf-8").split() if path.exists() else []


class Hosts(Ground):
    def test_each_host_runs_its_share(self):
        self.run_both()
        self.assertNotIn("node=work", self.said_on("hub"))
        self.assertIn("node-ready node=work", self.said_on("b"))
        self.assertNotIn("node=out", self.said_on("b"))
        done = self.come("shop", "send", "in", "a", "b", "c")
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_for("all is written", lambda: self.written() == ["a", "b", "c"])

    def test_a_killed_worker_is_told_by_its_own_supervisor(self):
        self.run_both()
        pid = int((self.folder / "b" / "run" / "work.pid").read_text(encoding="ascii"))
        os.kill(pid, signal.SIGKILL)
        self.wait_log("hub", "peer-gone peer=work exit=-1 signal=9")
        self.come("shop", "send", "in", "a")
        wait_for("it is written", lambda: self.written() == ["a"])

    def test_who_is_refused_is_told_why(self):
        self.run_both()
        self.refused(self.come("stranger", "send", "in", "x"), "does not know this key")
        self.wait_log("hub", "stranger router=router", self.public["stranger"])
        # Known, and without the right.
        self.refused(self.come("shop", "send", "mid", "x"), "no right")
        self.refused(self.come("shop", "tap", "in"), "may not read")
        self.refused(self.come("shop", "stats"), "may not read all flows")
        self.refused(self.come("shop", "dlq", "purge", "dead", "--yes"),
                     "may not administer flow dead")
        # Another key of the router than the fleet says.
        self.public["hub"], kept = self.public["stranger"], self.public["hub"]
        self.fleet("publish")
        self.refused(self.come("shop", "send", "in", "x"), "broke off the handshake")
        wait_for("the hub says so", lambda: re.search(r"other_key=[1-9]", self.said_on("hub")))
        self.public["hub"] = kept
        # Nothing of that has disturbed the others.
        self.fleet("publish")
        self.assertEqual(self.come("shop", "send", "in", "a").returncode, 0)
        wait_for("it is written", lambda: self.written() == ["a"])

    def test_receipts_need_the_right_to_read_their_flow_alone(self):
        self.write("fleet.yaml", (FLEET + NEWS) % self.public)
        self.run_both()
        self.assertEqual(self.come("shop", "send", "news", "--topic", "a", "x").returncode, 0)
        wait_for("it is written", lambda: self.written() == ["x"])
        done = self.come("shop", "trace", "news", "1", "--receipts", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        receipts = json.loads(done.stdout)["messages"][0]["receipts"]
        self.assertEqual([row["group"] for row in receipts], ["out"])

    def test_a_name_that_is_away_is_no_other_key_s(self):
        other = '  other: {public: "%(stranger)s", may: [{flow: in, rights: [publish]}]}\n'
        both = (FLEET + KEYS + other) % {**self.public, "rights": "publish"}
        self.write("fleet.yaml", both)
        self.run_both()
        self.assertEqual(self.come("shop", "send", "in", "--name", "till", "a").returncode, 0)
        said = self.come("stranger", "send", "in", "--name", "till", "x", "y")
        self.refused(said, "the name 'till' is another key's", "flow 'in'")
        done = self.come("shop", "send", "in", "--name", "till", "a", "b")
        self.assertIn("sent 1 to in, 1 confirmed, 1 skipped", done.stderr)
        self.assertEqual(self.come("stranger", "send", "in", "--name", "mine", "c").returncode, 0)
        wait_for("all is written", lambda: self.written() == ["a", "b", "c"])
        # What it has sent is kept over a restart, and ends with its key.
        os.kill(int((self.folder / "hub" / "run" / "router.pid").read_text(encoding="ascii")),
                signal.SIGKILL)
        wait_for("the router is back", lambda: zloom(
            "stats", "--state", self.folder / "hub").returncode == 0)
        self.refused(self.come("stranger", "send", "in", "--name", "till", "x"), "another key's")
        self.write("fleet.yaml", (FLEET + "keys:\n" + other) % self.public)
        done = zloom("up", *self.words("hub"))
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.come("stranger", "send", "in", "--name", "till", "a", "b", "d")
        self.assertIn("sent 1 to in, 1 confirmed, 2 skipped", done.stderr)

    def test_rights_change_while_it_runs(self):
        self.run_both()
        self.fleet("read")
        done = zloom("up", *self.words("hub"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("was up already", done.stderr)
        self.assertIn("keys may do what the fleet says now", done.stderr)
        self.refused(self.come("shop", "send", "in", "x"), "no right")
        before = self.said_on("hub").count("role=cli")
        tap = subprocess.Popen([ZLOOM, "tap", "in", "--fleet", str(self.folder / "fleet.yaml"),
                                "--as", "shop", "--keys", str(self.folder / "keys")],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(tap.stderr.close)
        self.addCleanup(tap.kill)
        wait_for("it is there", lambda: self.said_on("hub").count("role=cli") > before)
        self.fleet(None)
        done = zloom("up", *self.words("hub"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(tap.wait(timeout=DEADLINE_S), 77)
        self.assertIn("may do nothing here any more", tap.stderr.read())
        self.fleet("publish")
        self.refused(self.come("shop", "send", "in", "x"), "does not know this key")
        done = zloom("up", *self.words("hub"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.come("shop", "send", "in", "a").returncode, 0)

    def test_who_joins_a_bus_on_another_host_touches_nobody(self):
        """It is new in recipe and fleet: `zloom up` on the router's host, then on its own."""
        self.write("fleet.yaml", (FLEET + NEWS) % self.public)
        self.run_both()
        self.assertEqual(self.come("shop", "send", "news", "--topic", "a", "x").returncode, 0)
        before = {host: self.pids(host) for host in self.hosts}
        self.recipe(LATE)
        placed = (FLEET + NEWS).replace("work: b,", "work: b, late: b,")
        self.write("fleet.yaml", placed % self.public)
        for host in ("hub", "b"):
            done = zloom("up", *self.words(host))
            self.assertEqual(done.returncode, 0, done.stderr)
        wait_for("it hears what is kept", lambda: self.written("late.txt") == ["x"])
        late = self.pids("b").pop("late")
        self.assertEqual(before, {"hub": self.pids("hub"),
                                  "b": {"work": self.pids("b")["work"]}})
        # It is one like the others from then on: another change is taken over, and it may go.
        self.recipe(LATE.replace("late: {from: start}", "late: {topics: b, from: start}"))
        for host in ("hub", "b"):
            done = zloom("up", *self.words(host))
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotEqual(self.pids("b")["late"], late)
        self.recipe(RECIPE)
        self.write("fleet.yaml", (FLEET + NEWS) % self.public)
        for host in ("hub", "b"):
            done = zloom("up", *self.words(host))
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(before, {host: self.pids(host) for host in self.hosts})

    def test_who_has_moved_is_told_of(self):
        """Their rights have moved at once: up has to say that the processes have not."""
        self.run_both()
        self.write("fleet.yaml", FLEET.replace("work: b", "work: hub") % self.public)
        done = zloom("up", *self.words("hub"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("the fleet places 'work' here now: it comes when this host is started again "
                      "(zloom down, then zloom up)", done.stderr)
        done = zloom("up", *self.words("b"))  # whether it still runs there or was refused already
        self.assertIn("the fleet places 'work' on host hub now: here it goes when this host is "
                      "started again (zloom down, then zloom up)", done.stderr)

    def test_a_mistake_in_the_fleet_changes_nothing(self):
        self.run_both()
        self.write("fleet.yaml", "zloom: 1\n")
        done = zloom("up", *self.words("hub"))
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("Z0202", done.stderr)
        self.fleet("publish")
        self.assertEqual(self.come("shop", "send", "in", "a").returncode, 0)

    def test_the_host_without_the_router_may_come_first(self):
        self.start("b")
        self.wait_log("b", "node-start node=work")
        self.start("hub")
        self.wait_log("b", " ready topology=")
        self.wait_log("hub", " ready topology=")

    def test_a_bridge_beside_its_destination_runs_before_its_source_does(self):
        self.recipe(BRIDGED)
        self.write("lines.txt", "x\n")
        self.write("fleet.yaml", BRIDGED_FLEET % self.public)
        self.start("hub")
        self.wait_log("hub", "node-ready node=near-bridge", "bridge-waits", "router=near")
        words = ("--state", self.folder / "hub")
        states = {node["unit"]: node["state"] for node in
                  json.loads(zloom("ps", "-o", "json", *words).stdout)["nodes"]}
        self.assertEqual(states["near-bridge"], "ready")
        done = zloom("why", "near-bridge", "--for", "100ms", "-o", "json", *words)
        self.assertEqual(json.loads(done.stdout)["cause"], "no_router", done.stdout + done.stderr)
        self.wait_log("hub", "node-start node=copy")
        self.start("b")
        self.wait_log("b", " ready topology=")
        self.wait_log("hub", " ready topology=", "bridge-goes-on")
        self.assertNotIn("node-death", self.said_on("hub"))
        wait_for("it is carried", lambda: self.written() == ["x"])

    def test_a_bus_is_heard_through_an_edge_on_their_host(self):
        self.recipe(EDGED)
        self.write("fleet.yaml", (EDGED_FLEET + NEWS) % {**self.public, "where": "hub"})
        done = zloom("lint", "--fleet", self.folder / "fleet.yaml")
        self.assertIn("Z0608", done.stdout + done.stderr)
        self.write("fleet.yaml", (EDGED_FLEET + NEWS) % {**self.public, "where": "b"})
        self.start("b")  # it waits for its router, over there
        self.wait_log("b", "node-start node=edge")
        done = zloom("why", "news", "--timeout", "100ms", "--state", self.folder / "b")
        self.assertIn("it lives on router main, which has not answered", done.stdout)
        self.start("hub")
        for host in self.hosts:
            self.wait_log(host, " ready topology=")
        done = self.come("shop", "send", "news", "--topic", "a", "x", "y")
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_for("it is heard", lambda: self.written() == ["x", "y"])
        stats = json.loads(zloom("stats", "-o", "json", "--state", self.folder / "hub").stdout)
        self.assertEqual([row["consumer"] for row in stats["subscribers"]], ["edge"])
        # Its router is not for that host to look at, and the edge has not what the router has.
        done = zloom("why", "news", "--for", "100ms", "--state", self.folder / "b")
        self.refused(done, "may not read all flows")
        self.assertEqual(done.stdout, "")
        done = zloom("why", "--for", "100ms", "--state", self.folder / "b")
        self.assertEqual((done.returncode, done.stdout), (77, ""), done.stderr)

    def test_commands_on_a_host_without_the_router(self):
        self.run_both()
        words = ("--state", self.folder / "b")
        done = zloom("ps", "-o", "json", *words)
        self.assertEqual([node["unit"] for node in json.loads(done.stdout)["nodes"]], ["work"])
        # As that host: what its nodes need, and no more.
        self.refused(zloom("stats", *words), "may not read all flows")
        done = zloom("stats", "--state", self.folder / "hub", "-o", "json")
        sessions = {session["name"] for session in json.loads(done.stdout)["sessions"]}
        self.assertLessEqual({"work", "out", "supervisor-b", "supervisor-hub"}, sessions)

    def test_nodes_are_steered_by_their_own_host(self):
        """With no right but those that follow from `place:`."""
        self.run_both()
        words = ("--state", self.folder / "b")
        for verb in (["scale", "work", "2"], ["drain", "work"], ["resume", "work"],
                     ["pause", "work"]):
            done = zloom(*verb, *words)
            self.assertEqual((done.returncode, verb), (0, verb), done.stderr)
        self.assertEqual(self.come("shop", "send", "in", "a", "b").returncode, 0)
        hub = ("--state", self.folder / "hub")
        flows = json.loads(zloom("stats", "in", "-o", "json", *hub).stdout)["flows"]
        self.assertEqual((flows[0]["ready"], flows[0]["leased"]), (2, 0))
        done = zloom("resume", "work", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_for("all is written", lambda: sorted(self.written()) == ["a", "b"])
        # What is the router's is not theirs.
        for verb in (["pause", "in"], ["drain"]):
            self.refused(zloom(*verb, *words), "may not")
        done = zloom("pause", "out", *words)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("no node and no flow 'out' here; nodes: work", done.stderr)
        # That no work is left is for those to say who may look.
        self.refused(zloom("wait", "--idle", "--timeout", f"{DEADLINE_S}s", *words),
                     "may not read all flows")
        self.assertEqual(zloom("wait", "--idle", *hub).returncode, 0)

    def test_words_that_are_missing(self):
        fleet = self.folder / "fleet.yaml"
        keys = self.folder / "keys"
        for words, said in (
                (["run", "--fleet", fleet], "which host"),
                (["run", "--fleet", fleet, "--host", "c"], "there are: hub b"),
                (["run", self.folder / "recipe.yaml", "--host", "hub"], "--fleet"),
                (["run", "--fleet", fleet, "--host", "b", "--until-idle"], "--until-idle"),
                (["run", "--fleet", fleet, "--host", "hub", "--threads"], "--threads"),
                (["send", "in", "x", "--fleet", fleet], "--as")):
            done = zloom(*words, "--keys", keys, env={"ZLOOM_AS": ""})
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(said, done.stderr)
        shutil.copy(keys / "stranger.secret", keys / "hub.secret")
        done = zloom("run", "--fleet", fleet, "--host", "hub", "--keys", keys)
        self.refused(done, "is not the one that the fleet has")
        (keys / "hub.secret").chmod(0o640)
        self.refused(zloom("run", "--fleet", fleet, "--host", "hub", "--keys", keys), "chmod 600")

    def test_keys_are_looked_after(self):
        words = ("--keys", self.folder / "keys", "--fleet", self.folder / "fleet.yaml")
        done = zloom("keys", "status", "-o", "json", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = {row["name"]: row for row in json.loads(done.stdout)}
        self.assertEqual(rows["shop"]["may"], {"in": ["publish"]})
        self.assertEqual(rows["b"]["may"],
                         {"in": ["consume"], "mid": ["publish"], "*": ["supervise"]})
        self.assertEqual(rows["b"]["public"], self.public["b"])
        self.assertNotIn("is", rows["stranger"])
        for name in ("hub", "b", "shop", "stranger"):
            secret = (self.folder / "keys" / f"{name}.secret").read_text(encoding="ascii").strip()
            self.assertEqual(len(secret), 40)
            self.assertNotIn(json.dumps(secret)[1:-1], done.stdout)
        done = zloom("keys", "new", "hub", *words[:2])
        self.assertEqual(done.returncode, 73, done.stderr)
        self.assertEqual(zloom("keys", "pub", "hub", *words[:2]).stdout.strip(),
                         self.public["hub"])
        (self.folder / "keys" / "shop.secret").chmod(0o644)
        shutil.copy(self.folder / "keys" / "b.public", self.folder / "keys" / "hub.public")
        done = zloom("keys", "status", *words)
        self.assertEqual(done.returncode, 1)
        self.assertIn("chmod 600", done.stdout)
        self.assertIn("not that of the secret one", done.stdout)

    def test_lint_of_a_fleet(self):
        done = zloom("lint", "--fleet", self.folder / "fleet.yaml")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("0 errors, 0 warnings", done.stdout)
        self.public["b"] = "nothing"
        done = zloom("lint", "--fleet", self.fleet("publsh"), "-o", "json")
        self.assertEqual(done.returncode, 78)
        self.assertEqual({row["code"] for row in json.loads(done.stdout)}, {"Z0205", "Z0207"})
        # Whoever was told to come there would come to itself.
        self.public["b"] = self.public["shop"]
        for address, listen, code in (("0.0.0.0", "*", 78), ("::", "*", 78),
                                      ("10.0.0.1", "0.0.0.0", 0), ("fd00::1", "::", 0)):
            text = FLEET.replace("%(address)s", f'"{address}", listen: "{listen}"')
            self.write("fleet.yaml", text % self.public)
            done = zloom("lint", "--fleet", self.folder / "fleet.yaml")
            self.assertEqual((done.returncode, address), (code, address), done.stdout)
            self.assertEqual("write the one by which other hosts reach it" in done.stdout, code > 0)


TWO = """
nodes:
  far: {kind: router}
  near: {kind: router}
  work: {kind: worker, run: [cat]}
  out: {kind: sink, file: {path: out.txt}}
  away: {kind: sink, file: {path: away.txt}, restart: {backoff: [1m]}}
flows:
  in: {pattern: queue, from: external, to: work, via: near, dead_letter: dead}
  mid: {pattern: queue, from: work, to: external, via: near, dead_letter: dead}
  dead: {pattern: queue, to: external, via: near}
  there: {pattern: queue, from: external, to: [out, away], via: far, dead_letter: gone}
  gone: {pattern: queue, to: external, via: far}
"""
TWO_FLEET = """zloom: 1
recipe: recipe.yaml
hosts:
  hub: {address: %(address)s, public: "%(hub)s"}
  b: {address: %(address)s, port: 7601, public: "%(b)s"}
place: {near: hub, work: hub, away: hub, far: b, out: b}
"""


class RoutersOnTwoHosts(Ground):
    """Each host has a router, and its key has no right at the other one's."""

    def setUp(self):
        super().setUp()
        self.recipe(TWO)

    def fleet(self, rights):
        text = TWO_FLEET + (KEYS if rights else "")
        return self.write("fleet.yaml", text % {**self.public, "rights": rights})

    def test_commands_beside_one_of_them(self):
        self.run_both()
        words = ("--state", self.folder / "hub")
        for verb in (["send", "in", "x"], ["tap", "mid", "--waiting", "--count", "1"],
                     ["pause", "in"], ["resume", "in"], ["stats", "in"], ["group", "ls", "in"],
                     ["trace", "mid", "1"]):
            done = zloom(*verb, *words)
            self.assertEqual((done.returncode, verb), (0, verb), done.stderr)
            self.assertEqual("may not" in done.stderr, False, done.stderr)
        # Who wants to see all is told what is not seen, and sees the rest.
        for code, verb in ((77, ["stats", "-o", "json"]), (77, ["dlq", "ls"]),
                           (77, ["group", "ls"]), (77, ["top", "--count", "1"]),
                           (77, ["why"]), (0, ["why", "in"])):
            done = zloom(*verb, *words)
            self.assertEqual((done.returncode, verb), (code, verb), done.stderr)
            self.assertEqual(done.stderr.count("'far' is left out"), 1, done.stderr)
            self.assertIn("may not read all flows", done.stderr)
        stats = json.loads(zloom("stats", "-o", "json", *words).stdout)
        self.assertEqual([flow["name"] for flow in stats["flows"]], ["in", "mid", "dead"])
        # What is denied is denied as before.
        self.refused(zloom("stats", "there", *words), "may not read")
        self.refused(zloom("send", "there", "x", *words), "no right")
        self.refused(zloom("pause", "there", *words), "may not administer")
        self.refused(zloom("wait", "--idle", *words), "may not read all flows")

    def test_a_router_that_does_not_know_a_key(self):
        """It refuses the session, not the question: trying again is of no use."""
        self.fleet(None)
        self.start("b")
        self.wait_log("b", " ready topology=")
        self.write("fleet.yaml", (TWO_FLEET + ALL) % self.public)
        self.start("hub")
        self.wait_log("hub", " ready topology=")
        for verb in (["stats"], ["dlq", "ls"], ["group", "ls"], ["why"]):
            done = self.come("shop", *verb)
            self.assertEqual((done.returncode, verb), (77, verb), done.stderr)
            self.assertIn("does not know this key", done.stderr)

    def test_what_is_on_a_host_that_is_away(self):
        """A road to another host may be long: its router has more time to answer."""
        self.run_both()
        self.hosts["b"].send_signal(signal.SIGTERM)
        self.hosts["b"].wait(timeout=DEADLINE_S)
        words = ("--state", self.folder / "hub")
        done = zloom("why", "there", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nothing is known of there: it lives on router far, which has not answered "
                      "from here for 3.0s", done.stdout)
        self.assertIn("no router answers at tcp://", done.stderr)
        done = zloom("why", "in", "--timeout", "200ms", *words)
        self.assertIn("in is idle", done.stdout, done.stderr)

    def test_a_pause_is_obeyed_by_whoever_has_the_session(self):
        self.run_both()
        words = ("--state", self.folder / "hub")
        done = zloom("pause", "away", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        pid = (self.folder / "hub" / "run" / "away.pid").read_text(encoding="ascii")
        os.kill(int(pid), signal.SIGKILL)
        wait_for("its session ends", lambda: "away" not in {
            each["name"] for each in json.loads(zloom(
                "stats", "-o", "json", "--state", self.folder / "b").stdout)["sessions"]})
        # The one here has no session with it, and the other one does not let this key.
        self.refused(zloom("pause", "away", *words), "no router that this key may ask",
                     "'far' does not let it: ")


if __name__ == "__main__":
    unittest.main()
