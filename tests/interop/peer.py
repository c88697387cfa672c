# SPDX-License-Identifier: MPL-2.0
"""A producer and a worker for zloom, written from docs/protocol.md and nothing else."""
import io
import os
import time

import msgpack
import zmq

HELLO, WELCOME, BYE, PING, PONG = 1, 2, 3, 4, 5
SEND, CONFIRM, REFUSE, CREDIT = 10, 11, 12, 13
SUBSCRIBE, SUBSCRIBED, DELIVER, SETTLE, SETTLED = 20, 21, 23, 24, 25
KEY, TOPIC, ACK, RETRY, REJECT = 1, 2, 0, 1, 2


def pack(messages, topic=None):
    """(key, body) pairs as a pack."""
    return b"".join(msgpack.packb(msgpack.packb([topic, key] + [None] * 7 + [body]))
                    for key, body in messages)


def bodies(data):
    return [msgpack.unpackb(envelope)[9] for envelope in msgpack.Unpacker(io.BytesIO(data))]


class Peer:
    """One session. `sends` are flows to send to, from where the router has us."""

    def __init__(self, endpoint, name, role, sends=()):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 1000
        self.socket.connect(endpoint)
        self.seen, self.credit = {}, {}
        self.say(HELLO, 1, 1, name, role, os.urandom(16), [[flow, None, 1] for flow in sends])
        flows = self.wait_for(WELCOME)[7]
        self.flows = {flow[1]: flow for flow in flows if flow[2] is None}

    def say(self, *verb, data=b""):
        self.socket.send_multipart([msgpack.packb(verb)] + ([data] if data else []))

    def hear(self, timeout_s=10):
        """The next verb and its pack; pings are answered on the way."""
        while self.socket.poll(timeout_s * 1000):
            head, *rest = self.socket.recv_multipart()
            verb = msgpack.unpackb(head)
            if verb[0] == PING:
                self.say(PONG, list(self.seen.items()))
                continue
            if verb[0] == CREDIT:
                self.credit[verb[2]] = verb[3:6]
            if verb[0] in (BYE, REFUSE):
                raise RuntimeError(f"the router says {verb}")
            return verb, rest[0] if rest else b""
        raise TimeoutError(f"nothing for {timeout_s} s")

    def wait_for(self, kind):
        while (verb := self.hear()[0])[0] != kind:
            pass
        return verb

    def send(self, name, messages, most=100):
        """Send (key, body) pairs, as credit allows; return when all are confirmed."""
        flow, sent, used = self.flows[name], 0, [0, 0, 0]
        before = flow[7] or 0
        confirmed = before
        while confirmed < before + len(messages):
            chunk = messages[sent:sent + most]
            credit = self.credit.get(flow[0], [0, 0, 0])
            if chunk and used[0] + len(chunk) <= credit[0] and used[1] < credit[1] \
                    and used[2] < credit[2]:
                data = pack(chunk, *flow[10:11])
                self.say(SEND, flow[0], before + sent + 1, len(chunk), time.time_ns(),
                         (KEY if flow[5] else 0) | (TOPIC if flow[10:] else 0), data=data)
                used = [used[0] + len(chunk), used[1] + len(data), used[2] + 1]
                sent += len(chunk)
            else:
                verb, _ = self.hear()
                if verb[0] == CONFIRM and verb[1] == flow[0]:
                    confirmed = verb[2]

    def work(self, name, handler, done, handle=1):
        """Settle by handler (body, failures so far) → verdict, until done () is true."""
        self.say(SUBSCRIBE, handle, name)
        if self.wait_for(SUBSCRIBED)[2] is not None:
            raise RuntimeError(f"no subscription to {name}")
        taken, frames, unanswered = 0, 0, 0
        while unanswered or not done():
            self.say(CREDIT, 1, handle, taken + 100, 1 << 40, frames + 10)
            verb, data = self.hear()
            if verb[0] == DELIVER:
                token, runs, facts, self.seen[handle] = verb[2], verb[3], verb[5], verb[6]
                failures = {place: fact[0] or 0 for place, fact in facts or []}
                numbers = [first + i for first, n in runs for i in range(n)]
                self.say(SETTLE, handle, token,
                         [[number, 1, handler(body, failures.get(place, 0))]
                          for place, (number, body) in enumerate(zip(numbers, bodies(data)))])
                taken, frames, unanswered = taken + len(numbers), frames + 1, unanswered + 1
            elif verb[0] == SETTLED:
                unanswered -= 1
