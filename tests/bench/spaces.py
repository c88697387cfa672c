# SPDX-License-Identifier: MPL-2.0
"""bus: one subscriber in another network namespace, with keys (CURVE) and without.

Both roads go over the same cable to the same router, which stands with the publisher in the first
namespace. zloom speaks without keys on loopback addresses only, so the cable has some: the loopback
devices give theirs up, and the kernel routes 127.0.0.0/24 over it. Beside it, what keys cost
zmq_proxy with the same frames on the same cable.
"""
import contextlib
import os
import shutil
import subprocess

from buses import fanout
from ground import Router, folder
from measure import Case, Failure, Figure, LeftOut, pairs

PUBLISHED = {100: 6_000_000, 1024: 2_000_000}
HUB, FAR = "127.0.0.1", "127.0.0.2"
PLAIN, KEYED = 7600, 7601
FLEET = """\
zloom: 1
recipe: recipe.yaml
hosts: {hub: {address: %(address)s, port: %(port)s, public: "%(hub)s"}}
place: {router: hub}
keys: {ear: {public: "%(ear)s", may: [{flow: events, rights: [publish, consume]}]}}
"""


def ip(*words):
    done = subprocess.run(["ip", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LeftOut(f"ip {' '.join(map(str, words))}: {done.stderr.strip()}")


def furnish(space, address):
    """One end of the cable."""
    ip("netns", "exec", space, "sh", "-c",
       "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet")
    ip("-n", space, "link", "set", "lo", "up")
    ip("-n", space, "address", "del", "127.0.0.1/8", "dev", "lo")
    ip("-n", space, "address", "add", f"{address}/24", "dev", "eth0")
    ip("-n", space, "link", "set", "eth0", "up")


@contextlib.contextmanager
def cable():
    """Two namespaces, which are gone afterwards."""
    if os.geteuid() != 0:
        raise LeftOut("only root makes network namespaces")
    if not shutil.which("ip"):
        raise LeftOut("there is no ip (package iproute2)")
    names = [f"zloom-bench-{os.getpid()}-{end}" for end in ("hub", "far")]
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", "eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0",
           "netns", names[1])
        for name, address in zip(names, (HUB, FAR)):
            furnish(name, address)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def new_key(options, path, name):
    done = subprocess.run([options.bin / "zloom", "keys", "new", name, "--keys", path / "keys"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"zloom keys new: {done.stderr}")
    return done.stdout.strip()


@contextlib.contextmanager
def keyed_router(options, path, space):
    """A router that is reached without keys and with them, and how with them."""
    public = {name: new_key(options, path, name) for name in ("hub", "ear")}
    (path / "fleet.yaml").write_text(FLEET % {**public, "address": HUB, "port": KEYED},
                                     encoding="utf-8")
    words = ["--fleet", path / "fleet.yaml", "--host", "hub", "--keys", path / "keys"]
    node = Router(options, path, tcp=f"tcp://{HUB}:{PLAIN}", space=space, words=words)
    node.start()
    try:
        yield node, f"tcp://{HUB}:{KEYED} {public['hub']} {path / 'keys' / 'ear.secret'}"
    finally:
        node.kill()


def curve(name, size, pack, publisher_too=False):
    figures = [Figure("bus", name, "events/s", "the same without keys")]
    if not publisher_too:
        figures.append(Figure("bus", f"{name}-proxy", "events/s, zmq_proxy",
                              "the same without keys"))

    def measure(options):
        count = PUBLISHED[size] if not options.tiny else 512
        with cable() as (hub, far), folder(options) as path:
            space = ("ip", "netns", "exec", hub)
            with keyed_router(options, path, space) as (node, with_keys):
                def rate(road, where, *more):
                    return fanout(options, road, where, count, size, pack, 1, "--hear-in",
                                  f"/var/run/netns/{far}", *more, space=space)["rate"]

                def rates(publish_at, hear_at, *proxy):
                    ours = rate("zloom", publish_at, "--hear-at", hear_at)
                    return ours if publisher_too else (ours, rate("proxy", "tcp", *proxy))
                return pairs(options, figures,
                             lambda: rates(with_keys if publisher_too else node.endpoint, with_keys,
                                           "--keyed", 1),
                             lambda: rates(node.endpoint, node.endpoint))
    return Case(name, measure)


CASES = [curve("curve-100B-256", 100, 256), curve("curve-100B-64", 100, 64),
         curve("curve-100B-1", 100, 1), curve("curve-1KiB-256", 1024, 256),
         curve("curve-both-100B-256", 100, 256, publisher_too=True)]
