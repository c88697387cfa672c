# SPDX-License-Identifier: MPL-2.0
"""A router is hit exactly at the n-th call of a kind: killed, given an error, or made to wait.

strace does it. Each thread counts for itself. (--seccomp-bpf would make the rest of the router ten
times as fast, but forgets to count.)
"""
import shutil
import signal
import subprocess

from load import conclude, load, Skip, WINDOWS
from processes import Failure, LEASH, NOT_RESTARTED, pause, wait

# What a new log does first: zeros, their syncs, names, their syncs.
BIRTH = [(call, n) for call in ("pwritev", "fdatasync", "rename", "fsync") for n in (1, 2, 3)]
# The first calls of an opening; more are drawn. A rename takes 16 MiB of load.
FIRST = [("fdatasync", 1), ("pwritev", 1), ("fdatasync", 2), ("pwritev", 2), ("fsync", 1),
         ("pread64", 2), ("rename", 1)]
FAULTS = (("fdatasync", "EIO", 1), ("fdatasync", "EIO", 9), ("fdatasync", "EIO", 40),
          ("pwritev", "EIO", 1), ("pwritev", "EIO", 25), ("pwritev", "ENOSPC", 1),
          ("pwritev", "ENOSPC", 25), ("pread64", "EIO", 2), ("pread64", "EIO", 9),
          ("fsync", "EIO", 1), ("rename", "EIO", 1), ("rename", "ENOSPC", 1))
SLOW_MS = 100
# Confirmed after an error, at most: what producers had out, and some turns until the loop knows.
ON_THEIR_WAY = 10 * sum(WINDOWS)


class Strace:
    """A wrapper for the router that does `what` to the calls, and says whether it was done."""

    def __init__(self, ground, call, what, when):
        if call == "pread64":
            when += self.loader(ground)
        self.path = ground.folder / "strace"
        self.path.write_text("")
        self.argv = ["strace", "-f", "-qq", "-o", str(self.path), "-e", f"trace={call}", "-e",
                     f"inject={call}:{what}:when={when}"]

    @staticmethod
    def loader(ground):
        """How many preads it takes to load the program."""
        done = subprocess.run(["strace", "-f", "-qq", "-e", "trace=pread64", *LEASH, ground.zloom,
                               "--version"], capture_output=True, check=True)
        return done.stderr.count(b"pread64(")

    def hit(self):
        return "(INJECTED)" in self.path.read_text(errors="replace")


def need_strace(ground):
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    strace = Strace(ground, "close", "error=EIO", 1)
    done = subprocess.run([*strace.argv, "true"], capture_output=True, check=False)
    if not strace.hit():
        raise Skip(f"strace cannot trace here: {done.stderr.decode().strip()}")


# ---- killed -------------------------------------------------------------------------------------

def die_at(ground, call, n):
    """A router that is killed at its n-th call, under load if it comes so far."""
    if ground.start_router(Strace(ground, call, "signal=SIGKILL", n).argv):
        wait(lambda: not ground.router.alive(), f"the router meets call {n} of {call}")
    code = ground.router.wait()
    if code != -signal.SIGKILL:
        raise Failure(f"SIGKILL at {call} {n}: it ended with {code}: {ground.router.said()}")


def inject(ground, options):
    need_strace(ground)
    for call, n in BIRTH:
        shutil.rmtree(ground.state / "router", ignore_errors=True)
        die_at(ground, call, n)
        ground.need_router()
        ground.router.kill()
    ground.need_router()
    load(ground)
    drawn = [(ground.random.choice(("fdatasync", "pwritev")), n)
             for n in ground.random.sample(range(3, 120), options.points)]
    for call, n in FIRST + sorted(drawn, key=lambda it: it[1]):
        ground.progress(200, f"before SIGKILL at {call} {n}")
        ground.router.kill()
        die_at(ground, call, n)
        ground.need_router()
    ground.progress(1000, "after the last kill")
    conclude(ground, f"killed at {len(BIRTH + FIRST + drawn)} exact calls")


# ---- errors -------------------------------------------------------------------------------------

def end_or_go_on(ground, strace, name, error):
    """After EIO it has to end: what its peers still hear was confirmed before, so it is waited for,
    and no more than was on its way. Each thread counts its calls, so one that goes on may yet end
    by another's. When there is no space it may also go on."""
    wait(lambda: strace.hit() or not ground.router.alive(), f"the router meets {name}")
    if error == "EIO":
        more = ground.more(ON_THEIR_WAY)
        wait(lambda: not ground.router.alive() or more(),
             f"it ends after {name}, on which nobody can go on")
        if ground.router.alive():
            raise Failure(f"it goes on after {name}")
    else:
        more = ground.more(1000)
        wait(lambda: not ground.router.alive() or more(), f"it ends or goes on after {name}")


def fail_at(ground, call, error, n):
    """It goes on, or it ends in a way that a restart heals, and says why."""
    strace = Strace(ground, call, f"error={error}", n)
    name = f"{error} at {call} {n}"
    if ground.start_router(strace.argv):
        end_or_go_on(ground, strace, name, error)
    if ground.router.alive():
        ground.router.kill()
        return "goes on"
    code, said = ground.router.wait(), ground.router.said()
    if code in NOT_RESTARTED or code < 0:
        raise Failure(f"{name}: it ended with {code}, the supervisor would not start it again: "
                      f"{said}")
    if "disk" not in said.lower() and "journal" not in said.lower():
        raise Failure(f"{name}: it does not say why it ended: {said}")
    return "ends"


def errors(ground, _options):
    need_strace(ground)
    ground.need_router()
    load(ground)
    for call, error, n in FAULTS:
        ground.progress(200, f"before {error} at {call} {n}")
        ground.router.kill()
        print(f"{error} at {call} {n}: the router {fail_at(ground, call, error, n)}", flush=True)
        ground.need_router()
    ground.progress(1000, "after the last error")
    conclude(ground, f"{len(FAULTS)} errors at exact calls")


# ---- a slow disk --------------------------------------------------------------------------------

def slow_disk(ground, _options):
    """Every sync takes its time: nobody thinks that the router is gone, and then it is."""
    need_strace(ground)
    ground.write_recipe(beat="1s")
    ground.need_router()
    load(ground)

    def welcomes():
        return [peer.look().welcomes for peer in ground.peers]

    def all_are_back(before):
        """A quiet peer notices only by its beats that the router was another one."""
        wait(lambda: all(map(int.__gt__, welcomes(), before)), "all are back")

    for _ in range(3):
        ground.progress(2000, "before the disk is slow")
        before = welcomes()
        ground.router.kill()
        strace = Strace(ground, "fdatasync", f"delay_enter={SLOW_MS * 1000}", "1+")
        if not ground.start_router(strace.argv):
            raise Failure(f"not on a slow disk: {ground.router.said()}")
        ground.progress(1000, "on a slow disk")
        all_are_back(before)
        lost = ground.sessions_lost()
        ground.progress(5000, "more on a slow disk")
        pause(1)
        if ground.sessions_lost() > lost:
            raise Failure(f"a session was lost on a slow disk: {ground.router.said()}")
        before = welcomes()
        ground.router.kill()
        ground.need_router()
        all_are_back(before)
    conclude(ground, f"3 kills on a disk of {SLOW_MS} ms a sync")
