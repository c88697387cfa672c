# SPDX-License-Identifier: MPL-2.0
"""What test_contract.py asks of each language: a message's body says what to do with it."""
import os
import signal
import sys

import zloom


def handle(message):
    body = message.body
    if body.startswith(b"echo "):
        return body[5:]
    what = message.text()
    if what == "nothing":
        return None
    if what == "json":
        return {"a": [1, None, "ä"]}
    if what == "describe":
        return "|".join(str(value) for value in (
            message.flow, message.attempt, message.key.decode(), message.topic, message.id,
            message.sent_ms, int(message.redelivered), message.attrs["source"]))
    if what == "large":
        return "x" * 200000
    if what == "huge":
        return ("x" * 3000000 for _ in range(3))
    if what == "several":
        return (value for value in ("a", "b", "c"))
    if what == "emit":
        message.emit("x", flow="out", topic="a.b", key="k", attrs={"source": "s"}, delay=1.5,
                     expires=60, priority=0, id="order-1")
        return zloom.Emit("y", priority=9)
    if what == "bad-emit":
        return zloom.Emit("x", priority=10)
    if what == "retry":
        raise zloom.Retry("not now")
    if what == "retry-in":
        message.emit("lost")
        raise zloom.Retry("later", delay=0.5)
    if what == "reject":
        raise zloom.Reject("never")
    if what == "wrong":
        raise KeyError("no such thing")
    if what == "progress":
        message.progress()
        message.progress(1.5)
        return "done"
    if what == "say":
        print("for people", flush=True)
        print("for people, too", file=sys.stderr, flush=True)
        return None
    if what == "exit":
        os._exit(3)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    raise zloom.Reject(f"what is '{what}'?")


zloom.run(handle, most=int(os.environ["MOST"]) if "MOST" in os.environ else None)
