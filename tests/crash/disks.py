# SPDX-License-Identifier: MPL-2.0
"""Disks that are full, and disks that give back other bytes than they got."""
import errno
import fcntl
import json
import os
import re
import shutil
import struct
import subprocess

from history import body
from load import conclude, load, load_consumers, load_producers, Skip
from processes import Failure, pause, wait

# Of a tmpfs. A router needs about 80 MiB with these segments, a log can be opened with 17.
TINY = ("size=200k,nr_inodes=6", "size=200k,nr_inodes=1000", "size=8m", "size=24m", "size=40m",
        "size=90m", "size=300m")

# ---- the full disk ------------------------------------------------------------------------------

def fill(path):
    """Take all space that is left."""
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def mount_or_skip(ground, options):
    done = ground.mount("-t", "tmpfs", "-o", options, "tmpfs")
    if done.returncode != 0:
        raise Skip(f"cannot mount a tmpfs: {done.stderr.decode().strip()}")


def fill_up(ground, size, backlog):
    """Only producers, until more than so many messages were confirmed."""
    ground.write_recipe(limit=10 ** 7)
    mount_or_skip(ground, f"size={size}")
    ground.need_router()
    load_producers(ground)
    wait(lambda: ground.confirmed() > backlog, "confirms while there is space")


def expect_refusals(ground):
    """All producers are refused; how many messages were confirmed by then."""
    for peer in ground.producers():
        wait(lambda: peer.look().refused == "DISK_FULL", f"{peer.name} is refused")
    ground.check_peers()
    return ground.confirmed()


def full_disk(ground, _options):
    """Another's file fills the disk; settlements go on, and it recovers when space comes back."""
    fill_up(ground, "300m", 2000)
    ballast = ground.state / "ballast"
    fill(ballast)
    refused_at = expect_refusals(ground)
    ground.start("consume", "a1", "orders", 300, "ack")
    wait(lambda: ground.flows()["orders"]["acked"] > 10000, "settlements on the full disk")
    ground.check_peers()
    print(f"full with {refused_at} messages, {ground.flows()['orders']['acked']} settled so far",
          flush=True)
    ballast.unlink()
    ground.progress(1000, "after space came back")
    load_consumers(ground)
    ground.progress(1000, "with everybody")
    conclude(ground, "a full disk")


def full_of_itself(ground, _options):
    """The journal's own backlog fills the disk, and no space comes from outside: what is settled
    has to give it back, although steps and dead letters wait for it and their messages stay."""
    fill_up(ground, "110m", 20000)
    refused_at = expect_refusals(ground)
    load_consumers(ground)
    ground.progress(refused_at // 2, "from the space of what was settled")
    print(f"full with {refused_at} messages, {ground.confirmed()} in the end", flush=True)
    conclude(ground, "a disk full of itself")


def tiny_disk(ground, _options):
    """Too small for anything, then for a log, then for its reserve, then large enough."""
    mount_or_skip(ground, TINY[0])
    served = 0
    for options in TINY:
        subprocess.run(["mount", "-o", f"remount,{options}", ground.state], check=True)
        if not ground.start_router():
            code, said = ground.router.wait(), ground.router.said()
            if code != 1 or "No space left on device" not in said:
                raise Failure(f"with {options} it ended with {code}: {said}")
            print(f"{options}: no room to open a log", flush=True)
            continue
        if not ground.peers:
            load(ground)
        pause(0.5)
        ground.check_peers()
        if not ground.router.alive():
            raise Failure(f"with {options} it ended with {ground.router.wait()}: "
                          f"{ground.router.said()}")
        served += 1
        print(f"{options}: {ground.confirmed()} confirmed so far", flush=True)
        ground.router.kill()
    ground.need_router()
    ground.progress(20000, "with room")
    conclude(ground, f"{len(TINY)} sizes, {served} of them with a log")


# ---- damage -------------------------------------------------------------------------------------

def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def doctor(ground, good):
    """What `zloom doctor` finds, as an object."""
    return json.loads(ground.cli("doctor", ground.state, "-o", "json", good=good))


def produce_alone(ground, messages):
    """Producers without consumers: what they send stays in the log. The ids of p1, from and to."""
    producer = ground.start("produce", "p1", "orders", 2000)
    wait(lambda: producer.look().confirmed, "the first confirm")
    first = producer.look().confirmed
    wait(lambda: producer.look().confirmed > first + messages, f"{messages} more in the log")
    producer.leave()
    ground.peers.remove(producer)
    return first + 1, producer.look().confirmed


def find(ground, needle):
    """Where the bytes stand in the hot log: (path, offset)."""
    for path in sorted((ground.state / "router" / "journal").glob("hot-*")):
        at = path.read_bytes().find(needle)
        if at >= 0:
            return path, at
    raise Failure(f"{needle[:40]} is not in the log")


def hurt_header(ground, number):
    """Flip a bit in the header of the group before the one that holds p1's message `number`."""
    path, at = find(ground, body("p1", number).encode())
    flip(path, path.read_bytes().rfind(b"ZLG1", 0, at) + 30)


def hurt_and_serve(ground, back):
    """A body and a group's header, both long durable: two named holes, and all else is served."""
    ground.write_recipe(limit=10 ** 6)
    ground.need_router()
    load(ground)
    ground.progress(2000, "before the damage")
    for peer in list(ground.peers):
        peer.leave()
        ground.peers.remove(peer)
    first, last = produce_alone(ground, 8000)
    ground.router.leave()
    if not doctor(ground, (0,))["whole"]:
        raise Failure("damaged before we did anything")
    path, at = find(ground, body("p1", first + 500).encode())
    flip(path, at + 5)
    hurt_header(ground, last - back)
    found = doctor(ground, (65,))["findings"]
    kinds = [(finding["kind"], finding["first_group"] > 0) for finding in found]
    if kinds != [("damage", True)] * 2:
        raise Failure(f"the doctor finds {found}")
    ground.need_router()
    holes = re.findall(r"journal-hole .*name=orders first=(\d+) last=(\d+)", ground.router.said())
    named = sum(int(to) - int(since) + 1 for since, to in holes)
    at_start = ground.flows()["orders"]["lost"]
    if named == 0 or at_start != named:
        raise Failure(f"{at_start} are counted as lost, the holes are {holes}")
    load(ground)
    ground.progress(1000, "after the damage")
    # Replay begins at a snapshot: a body that stands before it is found when it is read.
    body_count = found[0]["count"] if found[0]["count"] else found[1]["count"]
    lost = named if len(holes) == 2 else named + body_count
    conclude(ground, f"2 flipped bits, holes {holes}", lost)
    if not doctor(ground, (0, 65))["flows"]:
        raise Failure("the doctor does not know the flows any more")


def damage(ground, _options):
    """Not in the last group, of up to a window: what the router knows of p1 would go with it."""
    hurt_and_serve(ground, 3000)


def damage_last(ground, _options):
    """Often the last group with messages: the attesting one behind it still knows of p1."""
    hurt_and_serve(ground, 1000)


# ---- power loss ---------------------------------------------------------------------------------

# linux/fs.h, ext4: stop at once, and what the file system's own log has not on the disk is gone.
FS_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
CUTS = 6


class LoopDisk:
    """An ext4 of its own in a file, mounted under the ground's state folder."""

    def __init__(self, ground):
        self.ground, self.image = ground, ground.folder / "disk.img"
        for tool in ("mkfs.ext4", "losetup"):
            if not shutil.which(tool):
                raise Skip(f"{tool} is not here")
        with open(self.image, "wb") as file:
            file.truncate(512 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True)
        done = self.mount()
        if done.returncode != 0:
            raise Skip(f"cannot mount a loop device: {done.stderr.decode().strip()}")

    def mount(self):
        return self.ground.mount("-o", "loop", self.image)

    def cut(self):
        """The power fails; the disk comes back with what was synced."""
        folder = os.open(self.ground.state, os.O_RDONLY)
        fcntl.ioctl(folder, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(folder)
        self.ground.router.kill()
        self.ground.unmount()
        done = self.mount()
        if done.returncode != 0:
            raise Failure(f"cannot mount after the cut: {done.stderr.decode()}")


def power(ground, _options):
    """Under load, while a log is young, and when it has been around once."""
    disk = LoopDisk(ground)
    ground.need_router()
    load(ground)
    for number in range(CUTS):
        ground.progress(ground.random.randrange(500, 30000), f"before cut {number}")
        disk.cut()
        ground.need_router()
    ground.progress(1000, "after the last cut")
    conclude(ground, f"the power was cut {CUTS} times")
