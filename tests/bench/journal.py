# SPDX-License-Identifier: MPL-2.0
"""journal: the log alone, in groups of so many messages, with turnover and cleaning running, beside
a plain write + fdatasync of as many bytes a group."""
import json
import subprocess

from ground import folder, raw
from measure import Case, Failure, Figure

# A router's default. The hot log is full before the clock starts, so each segment of 64 MiB is one
# that is used again: at least two of them, and for a second or more.
HOT_MIB = 512
GROUPS = {(1, 100): 40_000, (64, 100): 20_000, (4096, 100): 3000,
          (1, 1024): 40_000, (64, 1024): 20_000, (4096, 1024): 600}
BLOCK = 4096


def ours(options, path, messages, size):
    groups, hot_mib = (GROUPS[messages, size], HOT_MIB) if not options.tiny else (50, 96)
    words = [path / "log", groups, messages, size, hot_mib]
    done = subprocess.run([options.bin / "bench-journal", *map(str, words)], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"bench-journal: {done.stderr}")
    return json.loads(done.stdout)


def case(messages, size):
    name = f"{'100B' if size == 100 else '1KiB'}-{messages}"

    def measure(options):
        figure = Figure("journal", name, "MB/s", "write + fdatasync of the same bytes")
        for _ in range(options.runs):
            with folder(options) as path:
                result = ours(options, path, messages, size)
                # The same share of the time for both, and whole blocks, as the log writes them.
                bytes_ = round(result["group_bytes"] / BLOCK) * BLOCK
                theirs = raw(options, "sync", path, bytes_, result["groups"])[2]
            figure.add(result["groups"] * result["group_bytes"] / result["seconds"] / 1e6, theirs)
        return [figure]
    return Case(name, measure)


CASES = [case(messages, size) for messages, size in GROUPS]
