/* SPDX-License-Identifier: MPL-2.0 */
/* journal_model.c - see journal_model.h. */
#include "journal_model.h"
#include "base/memory.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define PACK_HEAD_BYTES 20u

static bool
s_wrong (zloom_model_t *self, const char *what, uint64_t a, uint64_t b)
{
    (void) snprintf (self->failure, sizeof self->failure, "%s (%llu, %llu)", what,
                     (unsigned long long) a, (unsigned long long) b);
    return false;
}

static void
s_state_clear (zloom_model_state_t *state)
{
    zloom_ranges_fini (&state->live);
    *state = (zloom_model_state_t){0};
}

/* Equal in what matters; an end may have moved on by numbers that were lost again. */
static bool
s_state_equal (const zloom_model_state_t *a, const zloom_model_state_t *b)
{
    if (a->live.count != b->live.count || a->value != b->value || a->end != b->end) {
        return false;
    }
    for (size_t i = 0; i < a->live.count; i++) {
        const zloom_range_t *x = zloom_ranges_at (&a->live, i);
        const zloom_range_t *y = zloom_ranges_at (&b->live, i);
        if (x->first != y->first || x->last != y->last) {
            return false;
        }
    }
    return true;
}

void
zloom_model_init (zloom_model_t *self, uint64_t seed)
{
    *self = (zloom_model_t){0};
    zloom_random_init (&self->random, seed);
    self->now = (zloom_now_t){ZLOOM_NS_PER_S, 1700000000 * ZLOOM_NS_PER_S};
}

void
zloom_model_forget_state (zloom_model_t *self)
{
    for (size_t i = 0; i < ZLOOM_MODEL_FLOWS; i++) {
        s_state_clear (&self->state[i]);
        zloom_ranges_fini (&self->holes[i]);
        self->holes[i] = (zloom_ranges_t){0};
    }
    self->gaps = 0;
    self->flow_count = 0;
    if (self->chunk.blob) {
        zloom_blob_unref (&self->chunk.blob);
    }
}

void
zloom_model_fini (zloom_model_t *self)
{
    zloom_model_forget_state (self);
    for (size_t i = 0; i < ZLOOM_MODEL_FLOWS; i++) {
        s_state_clear (&self->base[i]);
        free (self->packs[i]);
    }
    free (self->ops);
    *self = (zloom_model_t){0};
}

/* ---- the owner ------------------------------------------------------------------------------- */

static zloom_err_t
s_flow (void *arg, uint32_t flow, const char *name)
{
    zloom_model_t *self = arg;
    char want[16];
    (void) snprintf (want, sizeof want, "flow-%u", flow);
    if (flow == 0 || flow >= ZLOOM_MODEL_FLOWS ||
        (strcmp (name, want) != 0 && strncmp (name, "lost-", 5) != 0)) {
        return zloom_fail (ZLOOM_DAMAGED, "flow %u is named %s", flow, name);
    }
    self->flow_count = flow > self->flow_count ? flow : self->flow_count;
    return ZLOOM_OK;
}

static zloom_err_t
s_restore (void *arg, uint32_t flow, zloom_bytes_t snapshot)
{
    zloom_model_t *self = arg;
    if (snapshot.size < 16 || snapshot.size % 16 != 0 || flow >= ZLOOM_MODEL_FLOWS) {
        return zloom_fail (ZLOOM_DAMAGED, "model snapshot of flow %u", flow);
    }
    zloom_model_state_t *state = &self->state[flow];
    s_state_clear (state);
    state->end = zloom_get_u64 (snapshot.data);
    state->value = zloom_get_u64 (snapshot.data + 8);
    for (size_t at = 16; at < snapshot.size; at += 16) {
        zloom_ranges_add (&state->live, zloom_get_u64 (snapshot.data + at),
                          zloom_get_u64 (snapshot.data + at + 8));
    }
    return ZLOOM_OK;
}

static void
s_apply (zloom_model_state_t *state, const zloom_model_op_t *op)
{
    switch (op->type) {
    case ZLOOM_RECORD_PACK:
        zloom_ranges_add (&state->live, op->first, op->last);
        state->end = op->last + 1;
        break;
    case ZLOOM_RECORD_SETTLE:
        zloom_ranges_remove (&state->live, op->first, op->last);
        break;
    default:
        state->value = op->value;
        break;
    }
}

static zloom_err_t
s_replay (void *arg, const zloom_record_t *record)
{
    zloom_model_t *self = arg;
    if (record->flow >= ZLOOM_MODEL_FLOWS) {
        return zloom_fail (ZLOOM_DAMAGED, "record of flow %u", record->flow);
    }
    zloom_model_state_t *state = &self->state[record->flow];
    zloom_model_op_t op = {
      .type = record->type, .first = record->seq, .last = record->seq + record->count - 1};
    if (record->type == ZLOOM_RECORD_HOLE) {
        if (record->flow == 0) {
            self->gaps++;
            return ZLOOM_OK;
        }
        if (record->count > 0) {
            zloom_ranges_remove (&state->live, op.first, op.last);
            zloom_ranges_add (&self->holes[record->flow], op.first, op.last);
            state->end = op.last + 1 > state->end ? op.last + 1 : state->end;
        }
        return ZLOOM_OK;
    }
    if (record->type == ZLOOM_RECORD_SETTLE) {
        op.first = zloom_get_u64 (record->head.data);
        op.last = zloom_get_u64 (record->head.data + 8);
    } else if (record->type == ZLOOM_RECORD_KV) {
        op.value = zloom_get_u64 (record->payload.data);
    } else if (record->type != ZLOOM_RECORD_PACK) {
        return zloom_fail (ZLOOM_DAMAGED, "nobody staged a record of type %u", record->type);
    }
    s_apply (state, &op);
    return ZLOOM_OK;
}

static void
s_snapshot (void *arg, uint32_t flow, zloom_buf_t *out)
{
    zloom_model_t *self = arg;
    const zloom_model_state_t *state = &self->state[flow];
    uint8_t *to = zloom_buf_reserve (out, 16 + 16 * state->live.count);
    zloom_put_u64 (to, state->end);
    zloom_put_u64 (to + 8, state->value);
    for (size_t i = 0; i < state->live.count; i++) {
        zloom_put_u64 (to + 16 + 16 * i, zloom_ranges_at (&state->live, i)->first);
        zloom_put_u64 (to + 24 + 16 * i, zloom_ranges_at (&state->live, i)->last);
    }
    out->size += 16 + 16 * state->live.count;
}

static bool
s_next_live (void *arg, uint32_t flow, uint64_t from, uint64_t last, zloom_range_t *run)
{
    zloom_model_t *self = arg;
    if (flow >= ZLOOM_MODEL_FLOWS || !zloom_ranges_find (&self->state[flow].live, from, run) ||
        run->first > last) {
        return false;
    }
    run->last = run->last < last ? run->last : last;
    return true;
}

static void
s_fetched (void *arg, uint64_t cookie, zloom_err_t err, zloom_chunk_t *chunk)
{
    zloom_model_t *self = arg;
    self->fetched = cookie;
    self->fetch_err = err;
    if (self->chunk.blob) {
        zloom_blob_unref (&self->chunk.blob);
    }
    self->chunk = chunk ? *chunk : (zloom_chunk_t){0};
}

zloom_journal_owner_t
zloom_model_owner (zloom_model_t *self)
{
    return (zloom_journal_owner_t){.arg = self,
                                   .flow = s_flow,
                                   .restore = s_restore,
                                   .replay = s_replay,
                                   .snapshot = s_snapshot,
                                   .next_live = s_next_live,
                                   .fetched = s_fetched};
}

zloom_err_t
zloom_model_open (zloom_model_t *self, const zloom_journal_config_t *config)
{
    zloom_journal_owner_t owner = zloom_model_owner (self);
    zloom_model_forget_state (self);
    self->version++;
    return zloom_log_open (config, &owner, self->now, &self->journal);
}

/* ---- actions --------------------------------------------------------------------------------- */

static uint8_t
s_byte (uint32_t flow, uint64_t seq, uint64_t version, size_t at)
{
    return (uint8_t) (flow * 31 + seq * 7 + version * 13 + at * 3 + (at >> 8));
}

static void
s_note_op (zloom_model_t *self, zloom_model_op_t op)
{
    op.group = zloom_journal_group (self->journal);
    zloom_grow (&self->ops, &self->op_capacity, self->op_count + 1, sizeof *self->ops);
    self->ops[self->op_count++] = op;
    s_apply (&self->state[op.flow], &op);
}

zloom_err_t
zloom_model_send (zloom_model_t *self, uint32_t flow, uint32_t count, size_t bytes)
{
    zloom_err_t err = zloom_journal_room (self->journal, 1, bytes + PACK_HEAD_BYTES, true);
    if (err) {
        return err;
    }
    uint64_t seq = self->state[flow].end > 0 ? self->state[flow].end : 1;
    uint8_t head[PACK_HEAD_BYTES];
    zloom_put_u64 (head, self->version);
    zloom_put_u64 (head + 8, bytes);
    zloom_put_u32 (head + 16, count);
    uint8_t *data;
    zloom_blob_t *blob = zloom_blob_new_empty (bytes, &data);
    for (size_t i = 0; i < bytes; i++) {
        data[i] = s_byte (flow, seq, self->version, i);
    }
    zloom_record_t record = {.type = ZLOOM_RECORD_PACK,
                             .critical = true,
                             .flow = flow,
                             .seq = seq,
                             .count = count,
                             .head = zloom_bytes (head, sizeof head),
                             .payload = zloom_blob_bytes (blob)};
    zloom_journal_stage (self->journal, &record, blob);
    zloom_blob_unref (&blob);
    zloom_grow (&self->packs[flow], &self->pack_capacity[flow], self->pack_count[flow] + 1,
                sizeof *self->packs[flow]);
    self->packs[flow][self->pack_count[flow]++] = (zloom_model_pack_t){seq, count, self->version};
    s_note_op (self,
               (zloom_model_op_t){
                 .type = ZLOOM_RECORD_PACK, .flow = flow, .first = seq, .last = seq + count - 1});
    return ZLOOM_OK;
}

zloom_err_t
zloom_model_settle (zloom_model_t *self, uint32_t flow, uint64_t first, uint64_t last)
{
    uint8_t head[16];
    zloom_err_t err = zloom_journal_room (self->journal, 1, sizeof head, false);
    if (err) {
        return err;
    }
    zloom_put_u64 (head, first);
    zloom_put_u64 (head + 8, last);
    zloom_record_t record = {.type = ZLOOM_RECORD_SETTLE,
                             .critical = true,
                             .flow = flow,
                             .head = zloom_bytes (head, sizeof head)};
    zloom_journal_stage (self->journal, &record, NULL);
    s_note_op (self, (zloom_model_op_t){
                       .type = ZLOOM_RECORD_SETTLE, .flow = flow, .first = first, .last = last});
    zloom_journal_forget (self->journal, flow, first, last);
    return ZLOOM_OK;
}

static void
s_set_value (zloom_model_t *self, uint32_t flow)
{
    uint8_t *data;
    if (zloom_journal_room (self->journal, 1, 8, false)) {
        return;
    }
    zloom_blob_t *blob = zloom_blob_new_empty (8, &data);
    uint64_t value = zloom_random_next (&self->random);
    zloom_put_u64 (data, value);
    zloom_record_t record = {
      .type = ZLOOM_RECORD_KV, .critical = true, .flow = flow, .payload = zloom_blob_bytes (blob)};
    zloom_journal_stage (self->journal, &record, blob);
    zloom_blob_unref (&blob);
    s_note_op (self, (zloom_model_op_t){.type = ZLOOM_RECORD_KV, .flow = flow, .value = value});
}

/* Settle some of the first live run, or of a run somewhere. */
static void
s_settle_some (zloom_model_t *self, uint32_t flow)
{
    zloom_model_state_t *state = &self->state[flow];
    zloom_range_t range;
    uint64_t from = 0;
    if (flow % 3 == 0 && state->live.total < 200) {
        return; /* a flow with a backlog: what it holds moves to cold segments */
    }
    if (state->end > 0 && zloom_random_below (&self->random, 4) == 0) {
        from = zloom_random_below (&self->random, state->end);
    }
    if (!zloom_ranges_find (&state->live, from, &range)) {
        return;
    }
    uint64_t most = range.last - range.first + 1;
    uint64_t count = 1 + zloom_random_below (&self->random, most < 24 ? most : 24);
    (void) zloom_model_settle (self, flow, range.first, range.first + count - 1);
}

/* What is durable is the new ground. */
static void
s_take_durable (zloom_model_t *self)
{
    uint64_t durable = zloom_journal_durable (self->journal);
    size_t kept = 0;
    for (size_t i = 0; i < self->op_count; i++) {
        if (self->ops[i].group <= durable) {
            s_apply (&self->base[self->ops[i].flow], &self->ops[i]);
        } else {
            self->ops[kept++] = self->ops[i];
        }
    }
    self->op_count = kept;
}

static void
s_poll (zloom_model_t *self)
{
    zloom_journal_poll (self->journal, self->now);
    s_take_durable (self);
}

bool
zloom_model_step (zloom_model_t *self)
{
    uint64_t dice = zloom_random_below (&self->random, 100);
    if (self->flow_count == 0 || (dice == 0 && self->flow_count + 1 < ZLOOM_MODEL_FLOWS)) {
        if (!zloom_journal_room (self->journal, 1, 16, false)) {
            char name[16];
            (void) snprintf (name, sizeof name, "flow-%u", self->flow_count + 1);
            self->flow_count = zloom_journal_flow (self->journal, name);
        }
    } else if (dice < 35) {
        uint32_t flow = 1 + (uint32_t) zloom_random_below (&self->random, self->flow_count);
        uint32_t count = 1 + (uint32_t) zloom_random_below (&self->random, 6);
        (void) zloom_model_send (self, flow, count, zloom_random_below (&self->random, 6000));
    } else if (dice < 55) {
        s_settle_some (self, 1 + (uint32_t) zloom_random_below (&self->random, self->flow_count));
    } else if (dice < 60) {
        s_set_value (self, 1 + (uint32_t) zloom_random_below (&self->random, self->flow_count));
    } else if (dice < 75) {
        (void) zloom_journal_seal (self->journal, self->now);
    } else if (dice < 90) {
        for (uint64_t i = zloom_random_below (&self->random, 6); i > 0; i--) {
            (void) zloom_journal_work (self->journal);
        }
    } else {
        self->now.mono_ns += (int64_t) zloom_random_below (&self->random, 60) * ZLOOM_NS_PER_MS;
        s_poll (self);
    }
    return zloom_journal_failed (self->journal) == ZLOOM_OK;
}

void
zloom_model_turn (zloom_model_t *self, unsigned turns, int64_t step_ns)
{
    for (unsigned i = 0; i < turns; i++) {
        while (zloom_journal_work (self->journal)) {
        }
        self->now.mono_ns += step_ns;
        s_poll (self);
    }
}

bool
zloom_model_wait (zloom_model_t *self, int timeout_ms)
{
    struct pollfd waiting = {.fd = zloom_journal_fd (self->journal), .events = POLLIN};
    if (poll (&waiting, 1, timeout_ms) != 1) {
        return s_wrong (self, "the journal never woke its owner", 0, 0);
    }
    self->now.mono_ns += ZLOOM_NS_PER_MS;
    s_poll (self);
    return true;
}

bool
zloom_model_flush (zloom_model_t *self)
{
    uint64_t tag = zloom_journal_seal (self->journal, self->now);
    for (int i = 0; i < 64 && zloom_journal_durable (self->journal) < tag; i++) {
        zloom_model_turn (self, 1, 0);
        if (zloom_journal_failed (self->journal)) {
            return s_wrong (self, "journal failed", 0, 0);
        }
    }
    return zloom_journal_durable (self->journal) >= tag || s_wrong (self, "never durable", tag, 0);
}

/* ---- checks ---------------------------------------------------------------------------------- */

bool
zloom_model_check (zloom_model_t *self)
{
    /* Add group by group of what was staged until all flows agree with what came back. */
    for (size_t i = 0;;) {
        bool equal = true;
        for (size_t flow = 1; flow < ZLOOM_MODEL_FLOWS; flow++) {
            equal &= s_state_equal (&self->base[flow], &self->state[flow]);
        }
        if (equal) {
            self->op_count = 0;
            return true;
        }
        if (i == self->op_count) {
            break;
        }
        for (uint64_t group = self->ops[i].group; i < self->op_count && self->ops[i].group == group;
             i++) {
            s_apply (&self->base[self->ops[i].flow], &self->ops[i]);
        }
    }
    for (size_t flow = 1; flow < ZLOOM_MODEL_FLOWS; flow++) {
        if (!s_state_equal (&self->base[flow], &self->state[flow])) {
            return s_wrong (self, "no whole group gives this state: flow, end", flow,
                            self->state[flow].end);
        }
    }
    return false;
}

/* Whether a pack with this number, count and version was ever staged. */
static bool
s_was_staged (const zloom_model_t *self, uint32_t flow, const zloom_chunk_t *chunk,
              uint64_t version)
{
    for (size_t i = self->pack_count[flow]; i > 0; i--) {
        const zloom_model_pack_t *pack = &self->packs[flow][i - 1];
        if (pack->first == chunk->seq && pack->version == version) {
            return pack->count == chunk->count;
        }
    }
    return false;
}

static bool
s_check_chunk (zloom_model_t *self, uint32_t flow, uint64_t seq, const zloom_chunk_t *chunk)
{
    if (chunk->seq > seq || chunk->seq + chunk->count <= seq ||
        chunk->head.size != PACK_HEAD_BYTES) {
        return s_wrong (self, "another pack than asked for: flow, seq", flow, seq);
    }
    uint64_t version = zloom_get_u64 (chunk->head.data);
    if (zloom_get_u64 (chunk->head.data + 8) != chunk->payload.size ||
        !s_was_staged (self, flow, chunk, version)) {
        return s_wrong (self, "a pack that was never sent: flow, seq", flow, seq);
    }
    for (size_t i = 0; i < chunk->payload.size; i++) {
        if (chunk->payload.data[i] != s_byte (flow, chunk->seq, version, i)) {
            return s_wrong (self, "other bytes: flow, seq", flow, seq);
        }
    }
    return true;
}

/* Get the pack with `seq` from memory or disk and check it. */
static bool
s_read_one (zloom_model_t *self, uint32_t flow, uint64_t seq, uint64_t *next)
{
    zloom_chunk_t chunk;
    zloom_err_t err = zloom_journal_lookup (self->journal, flow, seq, &chunk);
    if (err == ZLOOM_AGAIN) {
        uint64_t cookie = self->fetched + 1;
        zloom_journal_fetch (self->journal, flow, seq, cookie);
        for (int i = 0; i < 1000 && self->fetched != cookie; i++) {
            zloom_model_turn (self, 1, 0);
        }
        if (self->fetched != cookie || self->fetch_err) {
            return s_wrong (self, "fetch: seq, error", seq, self->fetch_err);
        }
        chunk = self->chunk;
        self->chunk.blob = NULL;
    } else if (err) {
        return s_wrong (self, "lookup: flow, seq", flow, seq);
    }
    bool good = s_check_chunk (self, flow, seq, &chunk);
    *next = chunk.seq + chunk.count;
    zloom_blob_unref (&chunk.blob);
    return good;
}

bool
zloom_model_read_all (zloom_model_t *self)
{
    for (uint32_t flow = 1; flow < ZLOOM_MODEL_FLOWS; flow++) {
        zloom_range_t range;
        for (uint64_t seq = 0; zloom_ranges_find (&self->state[flow].live, seq, &range);) {
            if (!s_read_one (self, flow, range.first, &seq)) {
                return false;
            }
        }
    }
    return true;
}
