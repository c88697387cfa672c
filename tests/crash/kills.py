# SPDX-License-Identifier: MPL-2.0
"""A router, producers and consumers are killed and frozen at random, under load."""
import signal

from load import conclude, load
from processes import Failure, pause, wait

# More than `liveness` beats (ground.py): whoever is silent for so long is given up.
FROZEN_S = 1.2
# More than it takes to notice that, on a busy machine.
LET_GO_S = 20

# ---- kill ---------------------------------------------------------------------------------------

def kill_peer(ground, peers):
    peer = ground.random.choice([peer for peer in peers if not peer.stopped])
    peer.kill()
    ground.start_again(peer)


def cycle(ground, number):
    """The router dies; now and then somebody else before, or while it is away, or after it."""
    dice = ground.random.random
    ground.progress(ground.random.randrange(100, 24000), f"before cycle {number}")
    if dice() < 0.3:
        kill_peer(ground, ground.consumers())
    if dice() < 0.2:
        kill_peer(ground, ground.producers())
    frozen = ground.random.choice(ground.consumers()) if dice() < 0.2 else None
    if frozen:
        frozen.freeze()
    ground.router.kill()
    if dice() < 0.2:
        kill_peer(ground, ground.peers)
    ground.need_router()
    if dice() < 0.2:
        # Again, before anybody may have found it.
        ground.router.kill()
        ground.need_router()
    if frozen:
        frozen.thaw()
    if number % 10 == 0:
        ground.flows()


def kill(ground, options):
    ground.need_router()
    load(ground)
    for number in range(options.cycles):
        cycle(ground, number)
    ground.progress(1000, "after the last cycle")
    conclude(ground, f"{options.cycles} cycles")


# ---- freeze -------------------------------------------------------------------------------------

def freeze_for(process, seconds):
    process.freeze()
    pause(seconds)
    process.thaw()


def let_go(ground, peer):
    """While a consumer is frozen the router gives what it had to others; then it comes again."""
    flow, welcomes = peer.spec[2], peer.look().welcomes
    all_there = sum(other.spec[2] == flow for other in ground.consumers())

    def missing():
        return all_there - ground.flows()[flow]["consumers"]

    wait(lambda: missing() == 0, f"all consumers of {flow} are there")
    peer.freeze()
    pause(FROZEN_S)
    wait(missing, f"{peer.name} is let go", LET_GO_S)
    peer.thaw()
    wait(lambda: peer.look().welcomes > welcomes, f"{peer.name} comes again")


def freeze(ground, _options):
    """Each for longer than the router waits for beats; what they had goes to others and back."""
    ground.need_router()
    load(ground)
    for peer in ground.consumers():
        ground.progress(2000, f"before {peer.name} is frozen")
        let_go(ground, peer)
    for peer in [*ground.producers(), ground.router]:
        ground.progress(2000, f"before {peer.name} is frozen")
        freeze_for(peer, FROZEN_S)
    # Somebody's messages, and the router itself before it could give them to others.
    ground.consumers()[0].freeze()
    freeze_for(ground.router, FROZEN_S)
    ground.consumers()[0].thaw()
    ground.progress(2000, "after the last frost")
    conclude(ground, f"{len(ground.peers) + 2} frosts")


# ---- the machine stands still -------------------------------------------------------------------

# Longer than anybody waits for anybody, with beats of BEAT.
STALL_BEAT, STALLED_S, STALLS = "500ms", 3.5, 3


def stall(ground, _options):
    """All stand still at once, as when the machine is suspended: nobody blames anybody."""
    ground.write_recipe(beat=STALL_BEAT)
    ground.need_router()
    load(ground)
    for number in range(STALLS):
        ground.progress(2000, f"before stall {number}")
        wait(ground.all_welcome, "everybody is here")
        lost = ground.sessions_lost()
        for process in (ground.router, *ground.peers):
            process.signal(signal.SIGSTOP)
        pause(STALLED_S)
        for process in (ground.router, *ground.peers):
            process.signal(signal.SIGCONT)
        ground.progress(2000, f"after stall {number}")
        if ground.sessions_lost() > lost:
            raise Failure(f"{ground.sessions_lost() - lost} sessions were lost, as all stood "
                          f"still for {STALLED_S} s: {ground.router.said()}")
    conclude(ground, f"all stood still {STALLS} times")


# ---- the second router --------------------------------------------------------------------------

def second_router(ground, _options):
    ground.need_router()
    load(ground)
    first = ground.router
    ground.progress(500, "with one router")
    for _ in range(3):
        if ground.start_router():
            raise Failure("a second router serves from the same state folder")
        code, said = ground.router.wait(), ground.router.said()
        ground.router = first
        if code != 73 or "in use by another process" not in said:
            raise Failure(f"the second router ended with {code}: {said}")
        if not first.alive():
            raise Failure(f"the first router ended with {first.wait()}: {first.said()}")
        ground.progress(500, "after the second router was refused")
    conclude(ground, "3 second routers refused")
