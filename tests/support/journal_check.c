/* SPDX-License-Identifier: MPL-2.0 */
/* journal_check.c - what the model finds out after an opening; see journal_model.h. */
#include "journal_model.h"

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
            zloom_model_apply (&self->base[self->ops[i].flow], &self->ops[i]);
        }
    }
    for (size_t flow = 1; flow < ZLOOM_MODEL_FLOWS; flow++) {
        if (!s_state_equal (&self->base[flow], &self->state[flow])) {
            return zloom_model_wrong (self, "no whole group gives this state: flow, end", flow,
                                      self->state[flow].end);
        }
    }
    return false;
}

/* Whether a pack with this number, count and version was ever staged. */
static bool
s_was_staged (const zloom_model_t *self, uint32_t flow, uint64_t first, uint32_t count,
              uint64_t version)
{
    for (size_t i = self->pack_count[flow]; i > 0; i--) {
        const zloom_model_pack_t *pack = &self->packs[flow][i - 1];
        if (pack->first == first && pack->version == version) {
            return pack->count == count;
        }
    }
    return false;
}

static bool
s_check_chunk (zloom_model_t *self, uint32_t flow, uint64_t seq, const zloom_chunk_t *chunk)
{
    if (chunk->seq > seq || chunk->seq + chunk->count <= seq ||
        chunk->head.size != ZLOOM_MODEL_HEAD_BYTES) {
        return zloom_model_wrong (self, "another pack than asked for: flow, seq", flow, seq);
    }
    uint64_t version = zloom_get_u64 (chunk->head.data);
    uint64_t bytes = zloom_get_u64 (chunk->head.data + 8);
    uint32_t count = zloom_get_u32 (chunk->head.data + 16);
    uint64_t first = zloom_get_u64 (chunk->head.data + 20);
    if (!s_was_staged (self, flow, first, count, version) || chunk->seq < first ||
        chunk->seq + chunk->count > first + count) {
        return zloom_model_wrong (self, "a pack that was never sent: flow, seq", flow, seq);
    }
    size_t from = zloom_model_offset (bytes, count, chunk->seq - first);
    size_t to = zloom_model_offset (bytes, count, chunk->seq + chunk->count - first);
    if (to - from != chunk->payload.size) {
        return zloom_model_wrong (self, "another size: flow, seq", flow, seq);
    }
    for (size_t i = 0; i < chunk->payload.size; i++) {
        if (chunk->payload.data[i] != zloom_model_byte (flow, first, version, from + i)) {
            return zloom_model_wrong (self, "other bytes: flow, seq", flow, seq);
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
            return zloom_model_wrong (self, "fetch: seq, error", seq, self->fetch_err);
        }
        chunk = self->chunk;
        self->chunk.blob = NULL;
    } else if (err) {
        return zloom_model_wrong (self, "lookup: flow, seq", flow, seq);
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
