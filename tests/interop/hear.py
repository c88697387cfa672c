# SPDX-License-Identifier: MPL-2.0
"""A publisher and a subscriber of buses, written from docs/protocol.md and nothing else."""
import io
import time

import msgpack

import peer

GAP = 30
NOW, SEQ = 1, 5
DROP_OLDEST = 0


def pack(events):
    """(topic, body) pairs as a pack."""
    return b"".join(msgpack.packb(msgpack.packb([topic] + [None] * 8 + [body]))
                    for topic, body in events)


def events(data):
    """The (topic, body) pairs of a pack."""
    envelopes = [msgpack.unpackb(envelope) for envelope in msgpack.Unpacker(io.BytesIO(data))]
    return [(envelope[0], envelope[9]) for envelope in envelopes]


class Hearer(peer.Peer):
    def publish(self, name, first_id, some):
        """All of them in one SEND; return when it is confirmed."""
        flow = self.flows[name][0]
        data = pack(some)
        while self.credit.get(flow, [0])[0] < first_id - 1 + len(some):
            self.hear()
        self.say(peer.SEND, flow, first_id, len(some), time.time_ns(), peer.TOPIC, data=data)
        while (verb := self.wait_for(peer.CONFIRM))[2] < first_id - 1 + len(some):
            pass
        return verb[2]

    def subscribe(self, name, patterns, begin=(NOW, None), on_slow=(DROP_OLDEST, None), handle=1):
        """The number that it begins with."""
        self.say(peer.SUBSCRIBE, handle, name, None, patterns, begin, [0, False, *on_slow])
        answer = self.wait_for(peer.SUBSCRIBED)
        if answer[2] is not None:
            raise RuntimeError(f"no subscription: {answer[2]} {answer[3]}")
        return answer[7]

    def grant(self, messages, handle=1):
        """Credit for so many, counted from the subscription's beginning."""
        self.say(peer.CREDIT, 1, handle, messages, 1 << 40, messages)

    def listen(self, handle=1):
        """What comes, without end: (number, topic, body), or (first, last, count, reason)."""
        while True:
            verb, data = self.hear()
            if verb[0] == GAP and verb[1] == handle:
                yield tuple(verb[2:6])
            elif verb[0] == peer.DELIVER and verb[1] == handle:
                if verb[2][1] != 0:
                    raise RuntimeError("a lease, which nobody asked for")
                if verb[6] != self.seen.get(handle, 0) + 1:
                    raise RuntimeError("a delivery was lost on the way")
                self.seen[handle] = verb[6]
                numbers = [first + i for first, n in verb[3] for i in range(n)]
                for number, (topic, body) in zip(numbers, events(data)):
                    yield number, topic, body
