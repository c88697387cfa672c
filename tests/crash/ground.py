# SPDX-License-Identifier: MPL-2.0
"""The ground of the crash tests: a router, its peers, and what the driver does to them.

Everything lives in one folder: state/ (the router's), history/ (one file a process, see peer.c, and
driver.log with the driver's own deeds), *.err (what processes said on stderr).
"""
import fcntl
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from processes import Failure, PATIENCE_S, Peer, Router, wait

RECIPE = """\
zloom: 1
name: crash
nodes:
  router: {kind: router, heartbeat: BEAT, liveness: 4, journal: JOURNAL}
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


# Exit code of a command that lost its router.
NOT_RUNNING = 69


def last_lines(path, count):
    """Of a log, none wider than a page; for people."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return [f"    {line[:240]}" for line in lines[-count:]]


class Ground:
    def __init__(self, zloom, peer, random):
        self.zloom, self.peer, self.random, self.count = zloom, peer, random, 0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zloom-crash-"))
        self.state, self.history = self.folder / "state", self.folder / "history"
        self.history.mkdir()
        self.recipe = self.folder / "crash.yaml"
        self.write_recipe()
        self.mounted = False
        self.endpoint = f"ipc://{self.state}/run/router.sock"
        self.driver = open(self.history / "driver.log", "a", buffering=1)
        self.router, self.peers = None, []
        self.begin = time.monotonic()
        self.recovered = 0  # routers that served what a router before them had not closed
        self.report = None  # the checker's
        self.act_as_supervisor()

    def write_recipe(self, limit=20000, beat="200ms", journal="{hot: 64MiB, segment: 16MiB}"):
        """How many messages `orders` holds, and so on; for routers that start from now on."""
        self.recipe.write_text(RECIPE.replace("LIMIT", str(limit)).replace("BEAT", beat)
                               .replace("JOURNAL", journal))

    def mount(self, *words):
        """A file system under the state folder."""
        self.lock.close()
        done = subprocess.run(["mount", *words, self.state], capture_output=True, check=False)
        self.mounted = done.returncode == 0
        if self.mounted:
            self.state.chmod(0o700)
        self.act_as_supervisor()
        return done

    def unmount(self):
        self.lock.close()
        subprocess.run(["umount", self.state], check=True)
        self.mounted = False

    def act_as_supervisor(self):
        """What `zloom run` leaves in the runtime folder, so that the command line finds us."""
        run = self.state / "run"
        for folder in (self.state, run):
            folder.mkdir(mode=0o700, exist_ok=True)
        (run / "endpoint").write_text(self.endpoint)
        self.lock = open(run / "topology.lock", "a")
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    def log_is_free(self):
        """Whether no router holds the journal."""
        try:
            with open(self.state / "router" / "journal" / "lock", "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return True
        except BlockingIOError:
            return False
        return True

    def note(self, deed, name):
        self.driver.write(f"{deed} {time.monotonic_ns()} {name}\n")

    def start_router(self, wrapper=()):
        """Start it and wait; True when it serves."""
        for peer in self.peers:
            peer.known = peer.look().welcomes
        before, self.router = self.router, Router(self, wrapper)
        serves = self.router.serves()
        self.recovered += bool(serves and before and before.popen.poll())
        return serves

    def need_router(self, wrapper=()):
        if not self.start_router(wrapper):
            raise Failure(f"the router ended with {self.router.wait()}: {self.router.said()}")

    def start(self, role, name, flow, most, mode=None):
        self.peers.append(Peer(self, role, name, flow, most, mode))
        return self.peers[-1]

    def start_again(self, peer, wrapper=()):
        self.peers[self.peers.index(peer)] = peer.again(wrapper)

    def producers(self):
        return [peer for peer in self.peers if peer.spec[0] == "produce"]

    def consumers(self):
        return [peer for peer in self.peers if peer.spec[0] == "consume"]

    def confirmed(self):
        return sum(peer.look().confirmed for peer in self.producers())

    def delivered(self):
        return sum(peer.look().delivered for peer in self.consumers())

    def all_welcome(self):
        """Whether every peer has had a session with this router."""
        return all(peer.look().welcomes > peer.known for peer in self.peers)

    def sessions_lost(self):
        """How often a peer has lost the router."""
        return sum(peer.look().lost for peer in self.peers)

    def check_peers(self):
        """Only we end peers: one that is gone by itself is a failure."""
        for peer in self.peers:
            if not peer.alive():
                raise Failure(f"{peer.name} ended by itself with {peer.popen.returncode}: "
                              f"{peer.said()} {peer.file.read_text()[-300:]}")

    def more(self, messages):
        """A condition: so many more were confirmed, and any were delivered."""
        confirmed, delivered = self.confirmed() + messages, self.delivered()

        def look():
            self.check_peers()
            return self.confirmed() >= confirmed and self.delivered() > delivered

        return look

    def progress(self, messages, what, seconds=PATIENCE_S):
        """Wait until so many more were confirmed and any were delivered."""
        wait(self.more(messages), f"{messages} more confirmed {what}", seconds)

    def cli(self, *words, good=(0,)):
        """What `zloom WORDS` printed. They only read, so they are asked again when a machine that
        has too much to do has cost them their session, of a second without a word."""
        for _ in range(5):
            try:
                done = subprocess.run([self.zloom, *map(str, words)], capture_output=True,
                                      timeout=120, check=False)
            except subprocess.TimeoutExpired as slow:
                raise Failure(f"zloom {' '.join(map(str, words))}: {slow}") from None
            if done.returncode != NOT_RUNNING or b"session was lost" not in done.stderr:
                break
        if done.returncode not in good:
            raise Failure(f"zloom {' '.join(map(str, words))}: exit code {done.returncode}: "
                          f"{done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    def flows(self):
        """The counters of each flow; the checker will see whether they add up."""
        flows = json.loads(self.cli("stats", "--state", self.state, "-o", "json"))["flows"]
        with open(self.history / "books.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(flows) + "\n")
        return {flow["name"]: flow for flow in flows}

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

    def scene(self):
        """What people need to know of a failure, short enough for the end of a log."""
        lines = [peer.state()[:240] for peer in self.peers]
        lines += ["the driver's last deeds:", *last_lines(self.history / "driver.log", 2)]
        if self.router:
            lines += [f"{self.router.name}.err:", *last_lines(self.router.err_path, 6)]
        return "\n".join(lines)

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
