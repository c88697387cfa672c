# SPDX-License-Identifier: MPL-2.0
"""The rules that are undone on purpose: one edit each, that must turn the simulator red.

An edit replaces text that stands exactly once in its file; `mutate --check` says when one does not
fit the source any more. `unit` names a test that is asked when the simulator stays green: allowed
only for a rule that no simulated world can break, with the reason beside it.
"""
from dataclasses import dataclass


@dataclass
class Mutation:
    name: str
    rule: str  # what is undone
    file: str
    old: str
    new: str
    unit: str = ""  # a ctest name


MUTATIONS = [
    # ---- before its time -----------------------------------------------------------------------
    Mutation("deliver-before-durable", "nothing is handed out before it is durable",
             "lib/engine/carry.c",
             "flow->port->disk ? self->disk.staged : self->step.group, last);", "0, last);"),
    Mutation("confirm-before-durable", "a confirm waits for its group",
             "lib/engine/carry.c",
             "sender->session, &verb, zloom_engine_group (self, sender->flow));",
             "sender->session, &verb, 0);"),
    Mutation("settled-before-durable", "SETTLED waits for its group",
             "lib/engine/carry.c",
             "zloom_engine_say (self, consumer->session, &verb, zloom_engine_group (self, flow));",
             "zloom_engine_say (self, consumer->session, &verb, 0);"),
    Mutation("early-high", "WELCOME's high waits for the newest staged group",
             "lib/engine/hello.c",
             "    zloom_hold_push (self->hold, &held);\n",
             "    zloom_engine_say_bytes (self, session, held.verb);\n"
             "    s_begin (self, session);\n"),
    Mutation("commit-without-sync", "a group is durable when it is synced",
             "lib/journal/commit.c",
             "job->err = self->vfs->sync (self->vfs, self->file);",
             "job->err = ZLOOM_OK;"),
    Mutation("failed-sync-counts", "after a failed sync nothing is trusted",
             "lib/journal/commit.c",
             "    job->err = self->vfs->sync (self->vfs, self->file);\n    return false;",
             "    (void) self->vfs->sync (self->vfs, self->file);\n    return false;"),
    # ---- the log -------------------------------------------------------------------------------
    Mutation("no-tail-rewrite", "the last group is written again before it is believed",
             "lib/journal/settle.c",
             "if (self->last_bytes == 0 || self->last_group <= self->attested) {",
             "if (log) {"),
    Mutation("no-attestation", "a group attests what was durable before it",
             "lib/journal/commit.c", ".attested = self->durable,", ".attested = 0,"),
    Mutation("reuse-before-move", "a segment is used again after the MOVE is durable",
             "lib/journal/space.c", "self->durable >= self->moved_after && ", ""),
    Mutation("reuse-while-needed", "a segment is used again when neither slot needs it",
             "lib/journal/space.c",
             "self->slot_needs[0] > target &&\n        self->slot_needs[1] > target) {",
             "self->slot_needs[0] + self->slot_needs[1] > 0) {"),
    Mutation("one-slot", "the superblock is written in turn into two slots",
             "lib/journal/superblock.c", "(unsigned) (self->generation & 1),", "0,"),
    Mutation("name-not-synced", "a new segment's name is synced before it is used",
             "lib/journal/space.c",
             "job->err = self->vfs->sync_directory (self->vfs, self->directory);\n"
             "        return false;",
             "return false;"),
    Mutation("copies-not-synced", "copies in cold segments are synced before the MOVE",
             "lib/journal/mover.c",
             "            job->err = self->vfs->sync (self->vfs, target->file);\n",
             "            job->err = target->file ? ZLOOM_OK : ZLOOM_DISK;\n"),
    Mutation("settlements-forgotten", "replay starts where the oldest snapshot ends",
             "lib/journal/superblock.c",
             "    uint64_t oldest = UINT64_MAX;\n"
             "    for (size_t i = 0; i < self->flow_count; i++) {\n"
             "        uint64_t needed = self->flows[i]->mark.border_segment;\n"
             "        oldest = needed < oldest ? needed : oldest;",
             "    uint64_t oldest = 0;\n"
             "    for (size_t i = 0; i < self->flow_count; i++) {\n"
             "        uint64_t needed = self->flows[i]->mark.border_segment;\n"
             "        oldest = needed > oldest ? needed : oldest;"),
    Mutation("settled-is-believed", "what was settled before its pack was copied stays settled",
             "patterns/common/done.c",
             "    zloom_numbers_decode (&self->above, &fields, self->floor + 1, end);\n",
             "    zloom_numbers_decode (&self->above, &fields, self->floor + 1, end);\n"
             "    zloom_numbers_fini (&self->above);\n"),
    # ---- leases --------------------------------------------------------------------------------
    Mutation("no-holder-check", "only the token's holder settles",
             "patterns/queue/queue_lease.c",
             "return holder->id == consumer ? lease : NULL;",
             "return holder->id > 0 && consumer > 0 ? lease : NULL;"),
    Mutation("retry-by-anybody", "only an ack of an earlier boot is taken from who holds nothing",
             "patterns/queue/queue_settle.c",
             "settle->settle.token.boot == self->boot || !ack ||",
             "settle->settle.token.boot == self->boot || (!ack && 0) ||"),
    Mutation("unknown-boot", "a late ack counts only from a boot that stands in this log",
             "lib/engine/consume.c",
             "event->settle.earlier_boot = zloom_journal_boot_end (\n"
             "          flow->port->journal, token.boot, flow->number, "
             "&event->settle.earlier_end);",
             "event->settle.earlier_boot = true;\n"
             "        event->settle.earlier_end = UINT64_MAX;"),
    Mutation("free-while-leased", "who comes too late does not settle what another holds",
             "patterns/queue/queue_settle.c",
             "if (lease && zloom_leases_held (lease, first, last, &part)) {\n"
             "        if (part.seq == first && self->recall_count > 0)",
             "if (!lease && ack) {\n"
             "        const zloom_token_t last_one = {self->boot, self->next_token - 1};\n"
             "        lease = zloom_leases_find (self->leases, last_one);\n    }\n"
             "    if (lease && zloom_leases_held (lease, first, last, &part)) {\n"
             "        if (part.seq == first && self->recall_count > 0)"),
    Mutation("leases-not-shifted", "a late turn moves deadlines by the lateness",
             "lib/engine/turn.c",
             "const zloom_event_t event = {.type = ZLOOM_EVENT_SHIFT, .shift_ns = late_ns};",
             "const zloom_event_t event = {.type = ZLOOM_EVENT_SHIFT, .shift_ns = 0};"),
    Mutation("timers-before-frames", "timers come after the frames that are here",
             "lib/engine/turn.c",
             "    zloom_engine_receive (self);\n    zloom_engine_beats (self);",
             "    (void) s_flow_timers (self);\n    zloom_engine_receive (self);\n"
             "    zloom_engine_beats (self);"),
    Mutation("not-fenced", "a newer epoch fences the older one",
             "lib/engine/hello.c",
             "    if (older && fenced) {\n", "    if (older && fenced && !older->part) {\n"),
    Mutation("holding-ignored", "what a worker holds over a restart is leased to it again",
             "patterns/queue/queue_lease.c",
             "for (size_t i = 0; i < event->subscribe.holding_count; i++) {",
             "for (size_t i = 0; i < 0 * event->subscribe.holding_count; i++) {"),
    Mutation("credit-not-counted", "nobody gets more than it granted",
             "patterns/queue/queue_dispatch.c",
             "    out->consumer->used_messages += out->messages;\n", ""),
    # ---- failures ------------------------------------------------------------------------------
    Mutation("crash-charges-all", "only what had started is charged for a crash",
             "patterns/queue/queue_lease.c", "if (crashed && part.started) {", "if (crashed) {"),
    Mutation("expiry-charges-all", "a lease that ran out charges only what had started",
             "patterns/queue/queue_lease.c",
             "            if (part.started) {\n", "            if (part.n > 0) {\n"),
    Mutation("one-failure-more", "the last allowed failure is the last",
             "patterns/queue/queue_leave.c",
             "entry->failures >= (uint64_t) self->config.failures_max",
             "entry->failures > (uint64_t) self->config.failures_max"),
    Mutation("failures-forgotten", "failures are journaled",
             "patterns/queue/queue_recover.c",
             "        entry->failures = failures;\n", "        entry->failures = failures / 2;\n"),
    Mutation("delay-forgotten", "a message waits for its retry",
             "patterns/queue/queue_leave.c",
             "        s_wait (self, entry, delay_ns, turn);",
             "        s_wait (self, entry, delay_ns / 2, turn);"),
    # ---- dead letters and steps ----------------------------------------------------------------
    Mutation("dead-not-removed", "a dead letter leaves its flow in the same group",
             "patterns/queue/queue_records.c",
             "        if (ways & (1u << way)) {",
             "        if ((ways & (1u << way)) && way != ZLOOM_REASON_MOVED) {"),
    Mutation("dead-not-copied", "what leaves for the dead letters is there",
             "lib/engine/dead.c", "    zloom_engine_feed (self, target, &event);\n}",
             "    (void) event;\n}"),
    Mutation("step-in-two-groups", "a step's settlement and emits are one group",
             "lib/engine/step.c", "        self->step.settles = false;\n",
             "        self->step.settles = false;\n"
             "        zloom_engine_seal (self, &self->disk);\n"),
    Mutation("step-does-not-settle", "a step settles its input",
             "lib/engine/step.c",
             "        zloom_engine_feed (self, work->consumer->flow, &work->settle);\n", ""),
    Mutation("requeue-not-removed", "what is put back by hand leaves the dead letters",
             "lib/engine/admin_dlq.c",
             "    s_take_out (self, job, letter->seq, ZLOOM_REASON_MOVED);\n", ""),
    # ---- producers -----------------------------------------------------------------------------
    Mutation("gap-accepted", "ids have no gaps",
             "patterns/common/producers.c",
             "    if (first_id > self->high + 1) {\n        if (self->blocked) {",
             "    if (first_id > self->high + 1) {\n"
             "        if (!self->blocked || n > 0) {\n"
             "            return ZLOOM_ADMIT_TAKE;\n        }\n"
             "        if (self->blocked) {"),
    Mutation("duplicates-not-trimmed", "what is known is trimmed",
             "patterns/common/producers.c",
             "    *trimmed = n > 0 ? (uint32_t) known : 0;\n",
             "    *trimmed = known > n ? n : 0;\n"),
    Mutation("duplicates-stored", "what is known is not stored again",
             "patterns/common/producers.c",
             "    if (n > 0 && known >= n) {\n",
             "    if (n > 0 && known >= n && self->blocked) {\n"),
    Mutation("high-not-replayed", "a producer's high outlives a crash",
             "patterns/queue/queue_recover.c",
             "zloom_producer_taken (producer, src->first_id + src->n - 1);",
             "zloom_producer_taken (producer, 0);"),
    Mutation("hole-not-adopted", "a producer that is ahead of a restored log leaves a hole",
             "patterns/queue/queue_offer.c",
             "if (next <= high + 1 || next > INT64_MAX) {", "if (next > 0) {"),
    # ---- order ---------------------------------------------------------------------------------
    Mutation("returned-goes-last", "what comes back goes before what is later",
             "patterns/common/ready.c",
             "(!found || candidate.first < run->first)) {", "!found) {"),
    Mutation("key-not-recalled", "a failure takes later messages of its key from their holder",
             "patterns/queue/queue_order.c",
             "        s_recall (self, seq);\n        zloom_lanes_fail (self->lanes, seq);",
             "        zloom_lanes_fail (self->lanes, seq);"),
    Mutation("late-ack-anywhere", "of a key a late ack is taken only for what comes first",
             "patterns/queue/queue_settle.c",
             "zloom_queue_order_first (self, first) ? ZLOOM_PIECE_FREE",
             "zloom_queue_order_first (self, first) || ack ? ZLOOM_PIECE_FREE"),
    Mutation("held-behind-lost", "of a key nothing is leased again behind what is lost",
             "patterns/queue/queue_lease.c",
             "        lost = lost || (fate == LOST && self->lanes);\n", ""),
    Mutation("suspect-not-recalled", "who hands a suspect back loses what is behind it",
             "patterns/queue/queue_leave.c",
             "    zloom_queue_order_recall (self, part->seq, part->seq + part->n - 1);\n", ""),
    Mutation("held-not-in-order", "what is held is named in order",
             "lib/client/parcel.c", "    qsort (runs, count, sizeof *runs, s_by_number);\n",
             "    (void) s_by_number;\n"),
    Mutation("due-ignored", "nothing goes before it is due",
             "patterns/queue/queue_append.c",
             "            if (delay_ns > 0) {\n", "            if (delay_ns > 0 && i > 1000) {\n"),
    Mutation("due-forgotten", "what is due later is due later after a restart, too",
             "patterns/queue/queue_recover.c",
             "        entry->delay_ns = delay_ns;\n", "        entry->delay_ns = delay_ns / 2;\n"),
    Mutation("expired-goes", "what has expired is not handed out",
             "patterns/queue/queue_dispatch.c",
             "if (zloom_queue_may_expire (self, peek.flags)) {",
             "if (zloom_queue_may_expire (self, peek.flags) && out->messages > 1000) {"),
    Mutation("no-priorities", "higher priorities go first",
             "patterns/queue/queue_append.c",
             "if (!(piece->event->offer.flags & ZLOOM_FLAG_PRIORITY) || self->lanes) {",
             "if (piece->event->offer.flags || self->lanes) {"),
    Mutation("ids-not-journaled", "ids are remembered over a restart",
             "patterns/queue/queue_append.c",
             "    if (hash_count > 0) {\n        zloom_queue_record_ids",
             "    if (hash_count > 1000) {\n        zloom_queue_record_ids"),
    Mutation("ids-not-asked", "an id is stored once within its window",
             "patterns/queue/queue_append.c",
             "    if (zloom_ids_keeps (self->ids, *hash, self->forgotten)) {",
             "    if (zloom_ids_keeps (self->ids, *hash, self->forgotten + SIZE_MAX / 2)) {"),
    Mutation("ids-not-in-snapshot", "ids are remembered by snapshots",
             "patterns/queue/queue_snapshot.c",
             "cursor, zloom_queue_ids_max (self),", "cursor, 0 * zloom_queue_ids_max (self),"),
    Mutation("ids-for-ever", "an id is forgotten after its window",
             "patterns/queue/queue_append.c",
             "zloom_ids_older (&self->ids, wall_ns - self->config.dedup_window_ns),",
             "zloom_ids_older (&self->ids, 0 * wall_ns),"),
    Mutation("park-not-journaled", "a parked key stays parked over a restart",
             "patterns/queue/queue_order.c",
             "    zloom_queue_record_key (self, key, true, turn);\n", ""),
    Mutation("park-not-in-snapshot", "parked keys are remembered by snapshots",
             "patterns/queue/queue_snapshot.c",
             "zloom_cursor_bytes (cursor, ZLOOM_LIMIT_KEY_BYTES), true);",
             "zloom_cursor_bytes (cursor, ZLOOM_LIMIT_KEY_BYTES), false);"),
    Mutation("followers-go", "what comes later of a parked key follows it",
             "patterns/queue/queue_order.c",
             "key.data && zloom_map_get (self->parked, key);",
             "key.data && zloom_map_get (self->parked, key) && seq == 0;"),
    Mutation("lane-shared", "nothing goes out of a lane while something of it is out",
             "patterns/common/lanes.c",
             "lane->next.count == 0 || lane->out.count > 0 ||", "lane->next.count == 0 ||"),
    Mutation("strict-kills", "where order is strict, failures kill nothing",
             "patterns/queue/queue_keys.c",
             "(self->config.order == ZLOOM_ORDER_STRICT ||", "(self->config.order > 99 ||"),
    Mutation("failed-does-not-park", "a key waits for its message that failed",
             "patterns/common/lanes_after.c",
             "    zloom_lanes_park (self, lane, item);\n    zloom_lanes_list (self, lane);\n",
             "    zloom_idmap_remove (self->states, seq);\n    (void) item;\n"
             "    zloom_lanes_list (self, lane);\n"),
    Mutation("nobody-held", "after a restart nothing goes past what is held again",
             "patterns/queue/queue_order.c",
             "    return seq < self->held_to ? STOP : GIVE;", "    return GIVE;",
             # Only who names less than it holds is saved by it, and the client names all.
             unit="queue.turns"),
    Mutation("ranks-not-in-snapshot", "priorities are remembered by snapshots",
             "patterns/common/ranks.c",
             "            zloom_encode_uint (out, i);\n",
             "            zloom_encode_uint (out, ZLOOM_RANKS - 1 - i);\n"),
]
