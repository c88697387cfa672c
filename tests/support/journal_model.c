/* SPDX-License-Identifier: MPL-2.0 */
/* journal_model.c - see journal_model.h. */
#include "journal_model.h"
#include "base/memory.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

bool
zloom_model_wrong (zloom_model_t *self, const char *what, uint64_t a, uint64_t b)
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

void
zloom_model_apply (zloom_model_state_t *state, const zloom_model_op_t *op)
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
    zloom_model_apply (state, &op);
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

static bool
s_cut (const zloom_chunk_t *pack, uint64_t first, uint32_t count, zloom_buf_t *head,
       zloom_bytes_t *payload)
{
    uint64_t bytes = zloom_get_u64 (pack->head.data + 8);
    uint32_t messages = zloom_get_u32 (pack->head.data + 16);
    uint64_t sent = zloom_get_u64 (pack->head.data + 20);
    size_t begin = zloom_model_offset (bytes, messages, pack->seq - sent);
    size_t from = zloom_model_offset (bytes, messages, first - sent);
    size_t to = zloom_model_offset (bytes, messages, first + count - sent);
    zloom_buf_add_bytes (head, pack->head);
    *payload = zloom_bytes (pack->payload.data + (from - begin), to - from);
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
                                   .cut = self->whole ? NULL : s_cut,
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

uint8_t
zloom_model_byte (uint32_t flow, uint64_t seq, uint64_t version, size_t at)
{
    return (uint8_t) (flow * 31 + seq * 7 + version * 13 + at * 3 + (at >> 8));
}

static void
s_note_op (zloom_model_t *self, zloom_model_op_t op)
{
    op.group = zloom_journal_group (self->journal);
    zloom_grow (&self->ops, &self->op_capacity, self->op_count + 1, sizeof *self->ops);
    self->ops[self->op_count++] = op;
    zloom_model_apply (&self->state[op.flow], &op);
}

zloom_err_t
zloom_model_send (zloom_model_t *self, uint32_t flow, uint32_t count, size_t bytes)
{
    zloom_err_t err = zloom_journal_room (self->journal, 1, bytes + ZLOOM_MODEL_HEAD_BYTES, true);
    if (err) {
        return err;
    }
    uint64_t seq = self->state[flow].end > 0 ? self->state[flow].end : 1;
    uint8_t head[ZLOOM_MODEL_HEAD_BYTES];
    zloom_put_u64 (head, self->version);
    zloom_put_u64 (head + 8, bytes);
    zloom_put_u32 (head + 16, count);
    zloom_put_u64 (head + 20, seq);
    uint8_t *data;
    zloom_blob_t *blob = zloom_blob_new_empty (bytes, &data);
    for (size_t i = 0; i < bytes; i++) {
        data[i] = zloom_model_byte (flow, seq, self->version, i);
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
            zloom_model_apply (&self->base[self->ops[i].flow], &self->ops[i]);
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
        return zloom_model_wrong (self, "the journal never woke its owner", 0, 0);
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
            return zloom_model_wrong (self, "journal failed", 0, 0);
        }
    }
    return zloom_journal_durable (self->journal) >= tag ||
           zloom_model_wrong (self, "never durable", tag, 0);
}

bool
zloom_model_fill (zloom_model_t *self, uint32_t flow, unsigned packs, uint32_t count, size_t bytes)
{
    for (unsigned i = 0; i < packs; i++) {
        zloom_err_t err = ZLOOM_AGAIN;
        for (int wait = 0; wait < 1000 && err == ZLOOM_AGAIN; wait++) {
            err = zloom_model_send (self, flow, count, bytes);
            zloom_model_turn (self, err == ZLOOM_AGAIN, ZLOOM_NS_PER_MS);
        }
        if (err != ZLOOM_OK || !zloom_model_flush (self)) {
            return zloom_model_wrong (self, "no room", i, 0);
        }
    }
    return true;
}
