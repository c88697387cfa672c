# SPDX-License-Identifier: MPL-2.0
"""The worker of @NAME@: one message in, and what it returns goes on.

The module zloom comes with the node. What a handler may do: python3 -c "import zloom; help(zloom)"
with the folder that $ZLOOM_HELPERS names, or docs/workers.md.
"""
import zloom


def handle(message):
    text = message.text()
    if text == "bad":
        raise zloom.Reject("no worker can do this")    # never again: a dead letter
    if text == "later" and message.attempt == 1:
        raise zloom.Retry("not now")                   # again, after the flow's backoff
    return text.upper()                                # done, and this goes on: in one step


zloom.run(handle)
