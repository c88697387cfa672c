# SPDX-License-Identifier: MPL-2.0
"""bus: what those who hear feel of others: of ten thousand subscriptions with wildcards, and of a
subscriber that reads nothing."""
from buses import fanout
from ground import router
from measure import Case, Figure, pairs

PUBLISHED = 6_000_000  # some seconds: shorter runs differ by more than what is looked for
PACK, SIZE, SUBSCRIBERS = 256, 100, 8
WILD, FEW = 10_000, 10
TOPICS = 1024


def beside(name, yardstick, ours, theirs):
    """Events a second to those who hear, with the options `ours`, and with `theirs`."""
    def measure(options):
        count = PUBLISHED if not options.tiny else 512

        def rate(node, more):
            return fanout(options, "zloom", node.endpoint, count, SIZE, PACK, SUBSCRIBERS,
                          *more)["rate"]
        with router(options) as node:
            return pairs(options, [Figure("bus", name, "events/s", yardstick)],
                         lambda: rate(node, ours(options)), lambda: rate(node, theirs(options)))
    return Case(name, measure)


def wildcards(name, *topics):
    def wild(count):
        return lambda options: (*topics, "--wild", count if not options.tiny else FEW)
    return beside(name, f"the same with {FEW}", wild(WILD), wild(FEW))


def stalled(word):
    return beside(f"stalled-{word}", "the same without it",
                  lambda options: ("--stalled", word), lambda options: ())


CASES = [wildcards(f"wildcards-{WILD}"), wildcards(f"wildcards-{WILD}-topics", "--topics", TOPICS),
         *(stalled(word) for word in ("drop-oldest", "disconnect", "frozen"))]
