# SPDX-License-Identifier: MPL-2.0
"""A topology in the background: up, again, at once, in vain, after a kill; its logs; waiting."""
import json
import os
import signal
import subprocess
import unittest
import unittest.mock

from topology import Case, ZLOOM, wait_for, zloom

# What is sent is said on stderr; "wait" waits for somebody to write to the pipe.
SAYS = """
nodes:
  says: {kind: worker, run: [./says.sh], io: exec}
  print: {kind: sink, stdout: true}
flows:
  words: {pattern: queue, from: external, to: says, lease: 1h}
  loud: {pattern: queue, from: says, to: print}
"""
SCRIPT = """#!/bin/sh
read line
case $line in
    wait) read line < gate ;;
    many) for i in 1 2 3 4 5 6 7 8 9; do echo "line $i of a worker that talks much" >&2; done ;;
    *) echo "heard $line" >&2; echo "out $line" ;;
esac
"""

SAID = "info child-says node=says "


class Up(Case):
    def setUp(self):
        super().setUp()
        self.write("says.sh", SCRIPT, 0o755)
        os.mkfifo(self.folder / "gate")
        self.path = self.recipe(SAYS)
        self.addCleanup(self.down)

    def down(self):
        if self.ask("down", "--now").returncode not in (0, 69, 75):
            raise AssertionError("it is not down")

    def up(self, *words):
        return zloom("up", self.path, "--state", self.state, *words)

    @staticmethod
    def has_ended(pid):
        """Whether it is gone, or a zombie that nobody has reaped yet."""
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    def supervisor(self):
        return json.loads(self.ask("ps", "-o", "json").stdout)["pid"]

    def lines(self, *words):
        done = self.ask("logs", *words, "-o", "jsonl")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def send(self, *words):
        done = self.ask("send", "words", *words)
        self.assertEqual(done.returncode, 0, done.stderr)


class Start(Up):
    def test_ready_when_it_returns_and_of_no_terminal(self):
        done = self.up()
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        units = json.loads(self.ask("ps", "-o", "json").stdout)
        self.assertEqual({unit["state"] for unit in units["nodes"]}, {"ready"})
        with open(f"/proc/{units['pid']}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        self.assertEqual((int(fields[3]), int(fields[4])), (units["pid"], 0))  # session, terminal
        self.assertEqual(os.readlink(f"/proc/{units['pid']}/cwd"), "/")
        again = self.up("-o", "json")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(json.loads(again.stdout),
                         {"topology": "test", "pid": units["pid"], "started": False,
                          "changed": []})
        run = zloom("run", self.path, "--state", self.state)
        self.assertEqual(run.returncode, 73)
        self.assertIn(f"runs already, as process {units['pid']}", run.stderr)
        self.assertEqual(self.ask("down").returncode, 0)
        self.assertTrue(self.has_ended(units["pid"]))

    def test_two_at_once_start_one(self):
        ups = [subprocess.Popen([ZLOOM, "up", self.path, "--state", self.state, "-o", "json"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for _ in range(4)]
        said = []
        for process in ups:
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, err)
            said.append(json.loads(out))
        self.assertEqual(sorted(one["started"] for one in said), [False, False, False, True])
        self.assertEqual({one["pid"] for one in said}, {self.supervisor()})

    def test_a_wrong_recipe_and_wrong_options_start_nothing(self):
        wrong = self.recipe("flows: {a: {pattern: bus}}\n", "wrong.yaml")
        done = zloom("up", wrong, "--state", self.state)
        self.assertEqual(done.returncode, 78)
        self.assertIn("error[Z", done.stderr)
        for words in (["--grace", "soon"], ["--log-size", "1"], ["--timeout", "x"]):
            self.assertEqual(self.up(*words).returncode, 2, words)
        self.assertEqual(self.ask("ps").returncode, 69)

    def test_a_node_that_cannot_be_started_says_why(self):
        (self.state / "router").mkdir(parents=True)
        self.state.chmod(0o700)
        (self.state / "router").chmod(0o755)
        done = self.up()
        run = zloom("run", self.path, "--state", self.state)
        self.assertEqual(done.returncode, run.returncode)
        self.assertEqual(done.returncode, 1)
        self.assertIn("node 'router' could not be kept running", done.stderr)
        self.assertIn("router said last:", done.stderr)
        self.assertRegex(done.stderr, "others may enter .*/router .*chmod 700")
        self.assertEqual(self.ask("ps").returncode, 69)

    def test_again_after_a_kill_while_its_nodes_still_drain(self):
        self.assertEqual(self.up().returncode, 0)
        self.send("wait")
        self.wait_flow("words", lambda f: f["leased"] == 1)
        first = self.supervisor()
        router = self.pid("router")
        os.kill(first, signal.SIGKILL)
        with subprocess.Popen([ZLOOM, "up", self.path, "--state", self.state],
                              stderr=subprocess.PIPE, text=True) as again:
            self.assertEqual(again.wait(timeout=60), 0, again.stderr.read())
        self.assertNotEqual(self.supervisor(), first)
        self.assertNotEqual(self.pid("router"), router)
        (self.folder / "gate").write_text("go on\n", encoding="ascii")
        self.wait_flow("words", lambda f: f["acked"] == 1)


class Logs(Up):
    def test_merged_filtered_and_cut(self):
        self.assertEqual(self.up().returncode, 0)
        self.send("one", "two")
        self.wait_flow("loud", lambda f: f["acked"] == 2)
        texts = wait_for("all was said", lambda: (
            lambda said: said if {SAID + "heard two", "out two"} <= set(said) else None)(
                [line["text"] for line in self.lines()]))
        self.assertIn(SAID + "heard one", texts)
        self.assertIn("out one", texts)
        self.assertEqual({line["unit"] for line in self.lines()},
                         {"supervisor", "router", "print", "says"})
        said = self.ask("logs", "says").stdout
        self.assertRegex(
            said, r"(?m)^\d{4}-\d\d-\d\dT[\d:.]+Z says       \| " + SAID + "heard one$")
        self.assertNotIn("router     |", said)
        self.assertEqual(len(self.lines("-n", "3")), 3)
        self.assertEqual(self.lines("-n", "0"), [])
        every = self.lines("--since", "1h")
        self.assertEqual(self.lines("--since", every[0]["time"])[0], every[0])
        since = [line for line in every if line["time"] >= every[-1]["time"]]
        self.assertEqual(self.lines("--since", every[-1]["time"]), since)
        array = json.loads(self.ask("logs", "says", "-o", "json").stdout)
        self.assertEqual({line["unit"] for line in array}, {"says"})
        done = self.ask("logs", "syas")
        self.assertEqual(done.returncode, 1)
        self.assertIn("who has: supervisor router print says", done.stderr)
        for words in (["--since", "soon"], ["-n", "-1"], ["-f", "-o", "json"]):
            self.assertEqual(self.ask("logs", *words).returncode, 2, words)
        # What was said stays there when it is down.
        self.assertEqual(self.ask("down").returncode, 0)
        self.assertIn("heard one", self.ask("logs", "says").stdout)
        self.assertEqual(self.ask("logs", "-f").returncode, 69)

    def test_followed_over_rotation_until_it_is_down(self):
        self.assertEqual(self.up("--log-size", "4KiB").returncode, 0)
        out = self.folder / "followed"
        with open(out, "wb") as stdout, subprocess.Popen(
                [ZLOOM, "logs", "says", "-f", "-n", "0", "--state", self.state],
                stdout=stdout, stderr=subprocess.PIPE, text=True) as follow:
            wait_for("it follows", lambda: self.send("first") or b"first" in out.read_bytes())
            for i in range(12):
                self.send("many", f"number{i}")
                wait_for(f"number {i}", lambda i=i: f"heard number{i}\n".encode()
                         in out.read_bytes())
            self.assertEqual(self.ask("down").returncode, 0)
            self.assertEqual(follow.wait(timeout=60), 0, follow.stderr.read())
        lines = out.read_text(encoding="ascii").splitlines()
        self.assertEqual(sum("line 9 of a worker" in line for line in lines), 12)
        self.assertEqual(sum(SAID in line and "first" not in line for line in lines), 12 * 10)
        files = sorted(path.name for path in (self.state / "logs").iterdir())
        self.assertEqual(files, ["topology.log"] + [f"topology.log.{n}" for n in range(1, 5)])
        for path in (self.state / "logs").iterdir():
            self.assertLessEqual(path.stat().st_size, 4096)
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertIn("heard number11", self.ask("logs", "says").stdout)

    def test_of_a_node_beyond_those_that_are_named_when_one_is_wrong(self):
        self.assertEqual(self.up().returncode, 0)
        self.down()
        line = self.ask("logs", "says", "-n", "1").stdout
        with open(self.state / "logs" / "topology.log", "a", encoding="utf-8") as log:
            log.writelines(line.replace("says", f"unit{i}", 1) for i in range(100))
        self.assertEqual(self.ask("logs", "unit99").stdout, line.replace("says", "unit99", 1))
        self.assertEqual(self.ask("logs", "unit100").returncode, 1)

    def test_a_plain_run_keeps_none(self):
        self.run_topology(self.path)
        done = self.ask("logs")
        self.assertEqual(done.returncode, 1)
        self.assertIn("zloom up", done.stderr)


class Wait(Up):
    def test_ready_idle_down(self):
        self.assertEqual(self.ask("wait").returncode, 69)
        self.assertEqual(self.ask("wait", "--down").returncode, 0)
        self.assertEqual(self.up().returncode, 0)
        self.assertEqual(self.ask("wait").returncode, 0)
        self.assertEqual(self.ask("wait", "--idle").returncode, 0)
        self.send("wait")
        done = self.ask("wait", "--idle", "--timeout", "200ms")
        self.assertEqual(done.returncode, 75)
        self.assertIn("not idle within the timeout", done.stderr)
        self.assertEqual(self.ask("wait", "--down", "--timeout", "50ms").returncode, 75)
        with subprocess.Popen([ZLOOM, "wait", "--idle", "--state", self.state]) as idle:
            (self.folder / "gate").write_text("go on\n", encoding="ascii")
            self.assertEqual(idle.wait(timeout=60), 0)
        self.assertEqual(self.flows()["words"]["acked"], 1)
        with subprocess.Popen([ZLOOM, "wait", "--down", "--state", self.state]) as down:
            self.assertEqual(self.ask("down").returncode, 0)
            self.assertEqual(down.wait(timeout=60), 0)
        self.assertEqual(self.ask("wait", "--idle", "--down").returncode, 2)

    def test_down_is_no_error_where_nothing_runs_at_all(self):
        nothing = {"XDG_RUNTIME_DIR": str(self.folder)}
        done = zloom("wait", "--down", env=nothing)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        done = zloom("wait", env=nothing)
        self.assertEqual(done.returncode, 69)
        self.assertIn("start one with: zloom up RECIPE", done.stderr)

    def test_who_waits_is_told_that_it_will_not_be(self):
        self.assertEqual(self.up().returncode, 0)
        self.send("wait")
        self.wait_flow("words", lambda f: f["leased"] == 1)
        with subprocess.Popen([ZLOOM, "wait", "--idle", "--state", self.state],
                              stderr=subprocess.PIPE, text=True) as idle:
            # Both have to be there before it goes down.
            wait_for("somebody waits", lambda: self.waits(idle.pid))
            self.assertEqual(self.ask("down", "--now").returncode, 0)
            _, err = idle.communicate(timeout=60)
            self.assertEqual(idle.returncode, 1, err)
        self.assertIn("it is draining", err)

    @staticmethod
    def waits(pid):
        """Whether the process sleeps in poll, with its request sent."""
        try:
            with open(f"/proc/{pid}/wchan", encoding="ascii") as where:
                return "poll" in where.read()
        except OSError:
            return False


class Ready(Case):
    def test_ready_is_a_worker_whose_program_runs(self):
        """zloom-spawn is held back on its way to it: until then nothing is ready."""
        gate = self.folder / "gate"
        os.mkfifo(gate)
        self.write("late.sh", "#!/no/such/interpreter\n", 0o755)
        spawn = self.write("spawn", f"""#!/bin/sh
case $* in *late.sh) read line < {gate} ;; esac
exec {ZLOOM}-spawn "$@"
""", 0o755)
        recipe = self.recipe("""nodes: {work: {kind: worker, run: [./late.sh], io: lines}}
flows:
  jobs: {pattern: queue, from: external, to: work, dead_letter: dead}
  dead: {pattern: queue, to: external}
""", "late.yaml")
        with unittest.mock.patch.dict(os.environ, ZLOOM_SPAWN=str(spawn)):
            self.run_topology(recipe, ready=False)
        wait_for("it has a session", lambda: "peer-hello peer=work " in self.said())
        self.assertNotIn("node-ready node=work", self.said())
        gate.write_text("go\n", encoding="ascii")
        wait_for("it has ended", lambda: 'end="exit code 127"' in self.said())
        self.assertNotIn("node-ready node=work", self.said())


if __name__ == "__main__":
    unittest.main()
