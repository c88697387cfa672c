# SPDX-License-Identifier: MPL-2.0
"""A router whose clock jumps, and one that runs out of descriptors and memory."""
import glob
import os
import pathlib
import resource
import socket
import time

from load import conclude, load, load_consumers, load_producers, Skip
from processes import Failure, NOT_RESTARTED, pause, wait

# ---- clock --------------------------------------------------------------------------------------

HOUR, DAY = 3600, 86400
JUMPS = (HOUR, -HOUR, 10 * DAY, -10 * DAY, 400 * DAY, 0)


class Clock:
    """The wall clock of processes that are started behind `wrapper` (libfaketime)."""

    def __init__(self, folder, name):
        found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not found:
            raise Skip("libfaketime is not installed")
        self.path = folder / name
        self.jump(0)
        self.wrapper = ["env", f"LD_PRELOAD={found[0]}", "FAKETIME_DONT_FAKE_MONOTONIC=1",
                        "FAKETIME_NO_CACHE=1", f"FAKETIME_TIMESTAMP_FILE={self.path}"]

    def jump(self, seconds):
        """Who reads it meanwhile sees the old time or the new one, and no half of it."""
        new = self.path.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self.path)


def years(ground):
    """Of the log's lines: the year is the easiest to see."""
    said = ground.router.err_path.read_text(errors="replace")
    return {line[:4] for line in said.splitlines() if line[4:5] == "-"}


def clock(ground, _options):
    """Of the router, and of one producer and one consumer: forth, back, and many times a second."""
    theirs, router = Clock(ground.folder, "theirs"), Clock(ground.folder, "router")
    ground.write_recipe(beat="1s")
    ground.need_router(router.wrapper)
    load(ground)
    for peer in (ground.producers()[0], ground.consumers()[0]):
        peer.leave()
        ground.start_again(peer, theirs.wrapper)
    for seconds in JUMPS:
        wait(ground.all_welcome, "everybody is here")
        ground.progress(1000, "before the clock jumps")
        lost = ground.sessions_lost()
        router.jump(seconds)
        theirs.jump(-seconds)
        ground.progress(3000, f"after the clock jumped to {seconds:+d}")
        for _ in range(20):
            router.jump(ground.random.randrange(-DAY, DAY))
            theirs.jump(ground.random.randrange(-DAY, DAY))
            pause(0.01)
        ground.progress(3000, "after many jumps")
        if ground.sessions_lost() > lost:
            raise Failure(f"a session was lost by a jump: {ground.router.said()}")
        # And while it is away: what it wrote down was of another time.
        ground.router.kill()
        router.jump(-seconds)
        ground.need_router(router.wrapper)
    if len(years(ground)) < 2:
        raise Failure(f"the router's clock did not jump: {ground.router.said()}")
    conclude(ground, f"{len(JUMPS)} jumps, and 20 small ones after each")


# ---- descriptors --------------------------------------------------------------------------------

def flood(ground, count):
    """So many connections that say nothing."""
    sockets = []
    for _ in range(count):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.setblocking(False)
        try:
            one.connect(str(ground.state / "run" / "router.sock"))
        except OSError:
            one.close()
            continue
        sockets.append(one)
    return sockets


def supervise(ground):
    """As `zloom run` does: started again when it ended in a way that a restart heals."""
    if ground.router.alive():
        return False
    code = ground.router.wait()
    if code in NOT_RESTARTED:
        raise Failure(f"it ended with {code}, the supervisor would not start it again: "
                      f"{ground.router.said()}")
    ground.need_router()
    return True


def descriptors(ground, _options):
    """Those who are there already go on, and when there are some again, others come."""
    ground.need_router()
    load(ground)
    deaths = 0
    for spare in (3, 6, 20, 40):
        ground.progress(2000, "before the flood")
        pid = ground.router.popen.pid
        most = len(os.listdir(f"/proc/{pid}/fd")) + spare
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
        sockets = flood(ground, spare + 50)
        more = ground.more(20000)
        wait(lambda: not ground.router.alive() or more(), "it goes on without descriptors, or ends")
        for one in sockets:
            one.close()
        deaths += supervise(ground)
        peer = ground.random.choice(ground.consumers())
        peer.leave()
        ground.start_again(peer)
        wait(lambda: ground.peers[-1].look().file.exists(), "a peer comes")
        ground.progress(2000, "after the flood")
        deaths += supervise(ground)
    conclude(ground, f"4 floods without descriptors, {deaths} ends")


# ---- memory -------------------------------------------------------------------------------------

ROUNDS = 4
STARVED_S = 8
CGROUPS = pathlib.Path("/sys/fs/cgroup/memory")


class Cgroup:
    """A group of processes (cgroup v1) that the kernel kills when they need more memory."""

    def __init__(self, most):
        self.path = CGROUPS / f"zloom-crash-{os.getpid()}"
        self.path.mkdir()
        (self.path / "memory.limit_in_bytes").write_text(str(most))
        self.wrapper = ["sh", "-c", f'echo $$ > {self.path}/cgroup.procs && exec "$@"', "sh"]

    def remove(self):
        self.path.rmdir()


def starve(ground, wrapper, squeeze):
    """Producers fill it until it ends, or it does not need more; then with everybody."""
    ground.need_router(wrapper)
    if squeeze:
        squeeze(ground.router.popen.pid)
    if not ground.peers:
        load_producers(ground)
        load_consumers(ground)
    for peer in ground.consumers():
        peer.freeze()
    enough = ground.confirmed() + 150000
    until = time.monotonic() + STARVED_S
    wait(lambda: not ground.router.alive() or ground.confirmed() > enough
         or time.monotonic() > until, "it ends, or lives with what it has")
    for peer in ground.consumers():
        peer.thaw()
    ended = not ground.router.alive()
    if ended:
        code = ground.router.wait()
        if code in NOT_RESTARTED:
            raise Failure(f"without memory it ended with {code}: {ground.router.said()}")
    else:
        ground.router.kill()
    ground.need_router()
    ground.progress(5000, "with memory again")
    ground.router.kill()
    return ended


def squeeze(pid):
    """A few MiB more, and no more than that."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    size = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:"))
    most = (size << 10) + (6 << 20)
    resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))


def memory(ground, _options):
    """What it asks for is refused, and it aborts; over its group's limit the kernel kills it."""
    ground.write_recipe(limit=10 ** 6)
    ended = sum(starve(ground, (), squeeze) for _ in range(ROUNDS))
    killed = "not tried: no cgroup v1 here"
    try:
        group = Cgroup(20 << 20)
    except OSError as error:
        killed = f"not tried: {error}"
    else:
        killed = sum(starve(ground, group.wrapper, None) for _ in range(ROUNDS))
        wait(lambda: not (group.path / "cgroup.procs").read_text(), "the group is empty")
        group.remove()
        if not killed:
            raise Failure("the group's limit was never felt")
    if not ended:
        raise Failure("the limit of its data was never felt")
    ground.need_router()
    ground.progress(1000, "with memory")
    conclude(ground, f"{ROUNDS} times refused memory: {ended} ends; "
                     f"{ROUNDS} times over the group's limit: {killed} kills")
