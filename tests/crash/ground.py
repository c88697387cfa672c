# SPDX-License-Identifier: MPL-2.0
"""The ground of the crash tests: a router, its peers, and what the driver does to them.

Everything lives in one folder: state/ (the router's), history/ (one file a process, see peer.c, and
driver.log with the driver's own deeds), *.err (what processes said on stderr).
"""
import fcntl
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time

RECIPE = """\
zloom: 1
name: crash
nodes:
  router: {kind: router, heartbeat: 200ms, liveness: 4, journal: {hot: 256MiB}}
flows:
  orders:
    pattern: queue
    from: external
    to: external
    lease: 20s
    retry: {failures: 5, backoff: [10ms, 50ms]}
    dead_letter: orders-dead
    limit: {messages: LIMIT, on_full: block}
  done:
    pattern: queue
    from: external
    to: external
    limit: {messages: 20000, on_full: block}
  orders-dead: {pattern: queue, to: external}
"""
# What a supervisor does not start again: a restart cannot heal these.
NOT_RESTARTED = (0, 2, 65, 73, 77, 78, 126, 127)
PATIENCE_S = 60


class Failure(Exception):
    """The test has failed; the text says how."""


def pause(seconds):
    """Between two looks at a condition; and where time itself is the fault."""
    select.select([], [], [], seconds)


def wait(condition, what, seconds=PATIENCE_S):
    """Wait until condition () is true (its value is returned), or fail with what it was about."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds} s")
        pause(0.01)


class Process:
    """A process in a group of its own; its stderr goes to a file."""

    leaves_within_s = 2 * PATIENCE_S

    def __init__(self, ground, name, argv, pass_fds=(), cwd=None):
        self.ground, self.name, self.stopped = ground, name, False
        self.err_path = ground.folder / f"{name}.err"
        with open(self.err_path, "ab") as err:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                                          pass_fds=pass_fds, start_new_session=True, cwd=cwd)
        ground.note("start", name)

    def alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        """To the whole group: under strace the router is a child."""
        if self.alive():
            os.killpg(self.popen.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.popen.wait()
        self.ground.note("kill", self.name)

    def freeze(self):
        self.ground.note("freeze", self.name)
        self.signal(signal.SIGSTOP)
        self.stopped = True

    def thaw(self):
        self.signal(signal.SIGCONT)
        self.stopped = False
        self.ground.note("thaw", self.name)

    def wait(self, seconds=PATIENCE_S):
        """Its exit code."""
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} does not end within {seconds} s") from None
        self.ground.note("end", self.name)
        return code

    def leave(self):
        """SIGTERM; it has to end in peace."""
        if self.stopped:
            self.thaw()
        self.signal(signal.SIGTERM)
        code = self.wait(self.leaves_within_s)
        if code != 0:
            raise Failure(f"{self.name} left with {code}: {self.said()}")

    def said(self):
        return self.err_path.read_text(errors="replace")[-2000:]


class Router(Process):
    """`zloom node RECIPE router`; `ready` is a pipe that brings one newline when it serves."""

    # Nobody is there any more: less than what a drain may take, 20 s.
    leaves_within_s = 15

    def __init__(self, ground, wrapper=()):
        self.ready, write = os.pipe()
        argv = [*wrapper, ground.zloom, "node", str(ground.recipe), "router", "--state",
                str(ground.state), "--ready-fd", str(write)]
        super().__init__(ground, "router", argv, pass_fds=(write,))
        os.close(write)

    def serves(self, seconds=PATIENCE_S):
        """True once it serves; False if it ended before."""
        os.set_blocking(self.ready, False)

        def look():
            try:
                return "ready" if os.read(self.ready, 1) else "ended"
            except BlockingIOError:
                return None

        word = wait(look, "the router is ready", seconds)
        os.close(self.ready)
        return word == "ready"


class Peer(Process):
    """A producer or consumer (peer.c), and what it has written so far."""

    def __init__(self, ground, role, name, flow, most, mode=None):
        ground.count += 1
        self.spec = (role, name, flow, most, mode)
        self.file = ground.history / f"{ground.count:05}-{role}-{name}.log"
        self.offset, self.rest = 0, b""
        self.confirmed = self.delivered = 0
        self.refused = ""
        argv = [ground.peer, role, ground.endpoint, name, str(self.file),
                str(ground.random.getrandbits(60)), flow, str(most)]
        super().__init__(ground, self.file.stem, argv + ([mode] if mode else []))

    def look(self):
        """Take in what it wrote since the last look."""
        if not self.file.exists():
            return self
        with open(self.file, "rb") as file:
            file.seek(self.offset)
            data = self.rest + file.read()
            self.offset = file.tell()
        lines = data.split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            if line.startswith(b"C"):
                self.confirmed = int(line.split()[2])
            elif line.startswith(b"D"):
                self.delivered += 1
            elif line.startswith(b"R"):
                self.refused = line.split()[2].decode()
        return self

    def again(self):
        return Peer(self.ground, *self.spec)


class Ground:
    def __init__(self, zloom, peer, random):
        self.zloom, self.peer, self.random, self.count = zloom, peer, random, 0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zloom-crash-"))
        self.state, self.history = self.folder / "state", self.folder / "history"
        self.history.mkdir()
        self.recipe = self.folder / "crash.yaml"
        self.set_limit(20000)
        self.mounted = False
        self.endpoint = f"ipc://{self.state}/run/router.sock"
        self.driver = open(self.history / "driver.log", "a", buffering=1)
        self.router, self.peers = None, []
        self.act_as_supervisor()

    def set_limit(self, messages):
        """How many messages `orders` holds; for routers that start from now on."""
        self.recipe.write_text(RECIPE.replace("LIMIT", str(messages)))

    def mount_tmpfs(self, size):
        """A small file system under the state folder; False: not allowed to."""
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.state],
                              capture_output=True, check=False)
        self.mounted = done.returncode == 0
        if self.mounted:
            self.state.chmod(0o700)
            self.lock.close()
            self.act_as_supervisor()
        return self.mounted

    def act_as_supervisor(self):
        """What `zloom run` leaves in the runtime folder, so that the command line finds us."""
        run = self.state / "run"
        for folder in (self.state, run):
            folder.mkdir(mode=0o700, exist_ok=True)
        (run / "endpoint").write_text(self.endpoint)
        self.lock = open(run / "topology.lock", "a")
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    def note(self, deed, name):
        self.driver.write(f"{deed} {time.monotonic_ns()} {name}\n")

    def start_router(self, wrapper=()):
        """Start it and wait; True when it serves."""
        self.router = Router(self, wrapper)
        return self.router.serves()

    def need_router(self):
        if not self.start_router():
            raise Failure(f"the router ended with {self.router.wait()}: {self.router.said()}")

    def start(self, role, name, flow, most, mode=None):
        self.peers.append(Peer(self, role, name, flow, most, mode))
        return self.peers[-1]

    def start_again(self, peer):
        self.peers[self.peers.index(peer)] = peer.again()

    def producers(self):
        return [peer for peer in self.peers if peer.spec[0] == "produce"]

    def consumers(self):
        return [peer for peer in self.peers if peer.spec[0] == "consume"]

    def confirmed(self):
        return sum(peer.look().confirmed for peer in self.producers())

    def delivered(self):
        return sum(peer.look().delivered for peer in self.consumers())

    def check_peers(self):
        """Only we end peers: one that is gone by itself is a failure."""
        for peer in self.peers:
            if not peer.alive():
                raise Failure(f"{peer.name} ended by itself with {peer.popen.returncode}: "
                              f"{peer.said()} {peer.file.read_text()[-300:]}")

    def progress(self, messages, what, seconds=PATIENCE_S):
        """Wait until so many more were confirmed and any were delivered."""
        confirmed, delivered = self.confirmed() + messages, self.delivered()

        def look():
            self.check_peers()
            return self.confirmed() >= confirmed and self.delivered() > delivered

        wait(look, f"{messages} more confirmed {what}", seconds)

    def cli(self, *words, good=(0,)):
        """What `zloom WORDS` printed."""
        done = subprocess.run([self.zloom, *map(str, words)], capture_output=True, timeout=120,
                              check=False)
        if done.returncode not in good:
            raise Failure(f"zloom {' '.join(map(str, words))}: exit code {done.returncode}: "
                          f"{done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    def flows(self):
        answer = json.loads(self.cli("stats", "--state", self.state, "-o", "json"))
        return {flow["name"]: flow for flow in answer["flows"]}

    def drained(self):
        self.check_peers()
        flows = self.flows()
        return all(flows[name][word] == 0 for name in ("orders", "done")
                   for word in ("ready", "leased", "waiting"))

    def finish(self):
        """Faults are over: all that was sent is confirmed and worked off, then everybody leaves."""
        for peer in self.peers:
            if peer.stopped:
                peer.thaw()
        for peer in self.producers():
            peer.leave()
            self.peers.remove(peer)
        wait(self.drained, "the flows are drained")
        for peer in list(self.peers):
            peer.leave()
            self.peers.remove(peer)
        with open(self.history / "dead.jsonl", "w", encoding="utf-8") as file:
            file.write(self.cli("dlq", "show", "orders-dead", "--state", self.state, "-o", "jsonl"))
        self.router.leave()

    def close(self, keep):
        for process in [*self.peers, self.router]:
            if process and process.alive():
                process.signal(signal.SIGCONT)
                process.kill()
        self.driver.close()
        self.lock.close()
        if self.mounted:
            subprocess.run(["umount", "-l", self.state], check=False)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
