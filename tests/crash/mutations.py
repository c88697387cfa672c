# SPDX-License-Identifier: MPL-2.0
"""The rules that are undone on purpose: one edit each, that must turn crash scenarios red.

Of `descriptors` the product has no rule of its own: libzmq ends the process when there are none
left for a connection, so what the scenario asks is that such an end loses nothing.
"""
from dataclasses import dataclass

from mutating import Edit


@dataclass
class Mutation(Edit):
    scenarios: tuple = ()  # each of them has to see it


MUTATIONS = [
    Mutation("confirm-before-durable", "a confirm waits for its group",
             "lib/engine/carry.c",
             "sender->session, &verb, zloom_engine_group (self, sender->flow));",
             "sender->session, &verb, 0);",
             ("kill", "inject", "slow_disk", "descriptors")),
    Mutation("half-made-log", "a log that was never whole is made again",
             "lib/journal/recover.c",
             "if (self->names.hot_count == 0 && self->names.cold_count == 0) {",
             "if (self->slot_errs[0] == ZLOOM_NOT_FOUND && self->names.hot_count == 0) {",
             ("inject",)),
    Mutation("frozen-kept", "who is silent for too long is let go",
             "lib/peer/session.c",
             "    if (mono_ns - session->heard_ns >= self->config.heartbeat_ns",
             "    if (mono_ns - session->heard_ns >= 1000 * self->config.heartbeat_ns",
             ("freeze",)),
    Mutation("late-is-silent", "silence does not count while nobody listens",
             "lib/client/client_core.c",
             "    if (late_ns > self->heartbeat_ns) {", "    if (late_ns < 0) {",
             ("stall",)),
    Mutation("wall-for-deadlines", "deadlines are of the monotonic clock",
             "lib/base/clock.c",
             ".mono_ns = s_read (CLOCK_MONOTONIC),", ".mono_ns = s_read (CLOCK_REALTIME),",
             ("clock",)),
    Mutation("wait-not-clamped", "a clock that is set back makes no wait longer",
             "patterns/common/backoff.c",
             "        return delay_ns;\n    }\n    /* Unsigned",
             "        return delay_ns + (stamp_wall_ns - now_wall_ns);\n    }\n    /* Unsigned",
             ("clock",)),
    Mutation("full-disk-ends-it", "a router lives on when there is no room for a new segment",
             "lib/journal/space.c",
             "    s_say_full (self);\n    return false;\n",
             "    zloom_log_stop (self, ZLOOM_DISK);\n    return false;\n",
             ("tiny_disk", "full_disk")),
    Mutation("no-reserve", "producers leave room for what settles",
             "lib/journal/commit.c",
             "    uint64_t keep = growing ? zloom_log_reserve (self) : s_own_reserve (self);",
             "    uint64_t keep = s_own_reserve (self) + 0 * growing;",
             ("full_of_itself",)),
    Mutation("orphans-live-on", "what a dead node's programs have started ends with it",
             "lib/launch/orphans.c",
             "        (void) kill (-info.si_pid, SIGKILL);\n", "",
             ("nodes",)),
    Mutation("starved-in-peace", "who has no memory ends in a way that a supervisor heals",
             "lib/base/memory.c", "    abort ();\n", "    _exit (0);\n",
             ("memory",)),
    Mutation("bytes-are-believed", "what a peer says wrong costs its own session, and nobody else",
             "lib/engine/door.c",
             "        zloom_engine_bye (self, session, err, zloom_note ());\n",
             "        __builtin_trap ();\n",
             ("hostile",)),
    Mutation("failed-sync-counts", "after a failed sync nothing is trusted",
             "lib/journal/commit.c",
             "    job->err = self->vfs->sync (self->vfs, self->file);\n    return false;",
             "    (void) self->vfs->sync (self->vfs, self->file);\n    return false;",
             ("errors",)),
    Mutation("commit-without-sync", "a group is durable when it is synced",
             "lib/journal/commit.c",
             "job->err = self->vfs->sync (self->vfs, self->file);",
             "job->err = ZLOOM_OK;",
             ("power",)),
    Mutation("no-lock", "a log is open once",
             "lib/journal/vfs_posix.c",
             "if (flock ((*lock_p)->fd, LOCK_EX | LOCK_NB) != 0) {",
             "if (flock ((*lock_p)->fd, LOCK_SH | LOCK_NB) != 0) {",
             ("second_router",)),
    Mutation("bodies-not-checked", "bodies are checked when a log is opened, and by the doctor",
             "lib/journal/walk.c",
             "zloom_crc32c (0, payload.data, payload.size) == entry->payload_crc;",
             "payload.data;",
             ("damage",)),
    Mutation("no-attestation", "a group attests what was durable before it",
             "lib/journal/commit.c", ".attested = self->durable,", ".attested = 0,",
             ("damage", "damage_last")),
]
