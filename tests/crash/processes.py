# SPDX-License-Identifier: MPL-2.0
"""The processes of the crash tests: a router and its peers, and what can be done to them."""
import os
import select
import signal
import subprocess
import time

# A driver that is killed takes all of them along.
LEASH = ("setpriv", "--pdeathsig", "KILL")
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
        self.begun = self.err_path.stat().st_size if self.err_path.exists() else 0
        with open(self.err_path, "ab") as err:
            self.popen = subprocess.Popen([*LEASH, *argv], stdin=subprocess.DEVNULL, stdout=err,
                                          stderr=err, pass_fds=pass_fds, start_new_session=True,
                                          cwd=cwd)
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
        self.stopped = False
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
        """The end of what it said, and not what one before it did under the same name."""
        with open(self.err_path, "rb") as file:
            file.seek(self.begun)
            return file.read().decode(errors="replace")[-2000:]


class Router(Process):
    """`zloom node RECIPE router`; `ready` is a pipe that brings one newline when it serves."""

    # Nobody is there any more: less than what a drain may take, 20 s.
    leaves_within_s = 15

    def __init__(self, ground, wrapper=()):
        self.traced = wrapper[:1] == ["strace"]
        self.ready, write = os.pipe()
        argv = [*wrapper, *LEASH, ground.zloom, "node", str(ground.recipe), "router", "--state",
                str(ground.state), "--ready-fd", str(write)]
        super().__init__(ground, "router", argv, pass_fds=(write,))
        os.close(write)

    def kill(self):
        """Under strace it is not our child, and may die a moment later."""
        super().kill()
        if self.traced:
            wait(self.ground.log_is_free, "the killed router lets go of its log")

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

    def __init__(self, ground, role, name, flow, most, mode=None, wrapper=()):
        ground.count += 1
        self.spec = (role, name, flow, most, mode)
        self.file = ground.history / f"{ground.count:05}-{role}-{name}.log"
        self.offset, self.rest = 0, b""
        self.confirmed = self.delivered = self.lost = 0
        self.refused, self.welcomes, self.known = "", 0, 0
        argv = [ground.peer, role, ground.endpoint, name, str(self.file),
                str(ground.random.getrandbits(60)), flow, str(most)]
        super().__init__(ground, self.file.stem, [*wrapper, *argv, *([mode] if mode else [])])

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
                self.delivered += int(line.split()[4])
            elif line.startswith(b"H"):
                self.welcomes += 1
            elif line.startswith(b"L"):
                self.lost += 1
            elif line.startswith(b"R"):
                self.refused = line.split()[2].decode()
        return self

    def leave(self):
        """It listens to SIGTERM before it makes its history."""
        if self.stopped:
            self.thaw()
        wait(lambda: self.file.exists() or not self.alive(), f"{self.name} has begun")
        super().leave()

    def again(self, wrapper=()):
        return Peer(self.ground, *self.spec, wrapper=wrapper)

    def state(self):
        """One line for people: what has become of it."""
        self.look()
        code = self.popen.poll()
        life = "alive" if code is None else f"ended with {code}"
        life = "stopped" if self.stopped and code is None else life
        lines = self.file.read_text(errors="replace").splitlines() if self.file.exists() else []
        return (f"{self.name}: {life}, {self.confirmed} confirmed, {self.delivered} delivered, "
                f"{self.welcomes} welcomes, {self.lost} lost, "
                f"refused: {self.refused or 'never'}, last: {lines[-1] if lines else 'nothing'}")
