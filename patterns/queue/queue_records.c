/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_records.c - what an event leaves in the journal, written when it is over: so a run that was
 * settled in pieces is one range, and a message that failed and died in one event leaves only its
 * settlement behind. Heads: common/records.h.
 */
#include "patterns/common/records.h"
#include "patterns/queue/state.h"
#include "wire/encode.h"

/* Ranges in one SETTLE record. */
#define RANGES_MAX 8192
/* Histories in one STATE record: whole ones up to here, then without texts, then none. */
#define HISTORY_FULL_BYTES (1024u * 1024)
#define HISTORY_BARE_BYTES (2u * 1024 * 1024)

static void
s_flush_way (zloom_queue_t *self, uint8_t way, const zloom_turn_t *turn)
{
    size_t at = 0;
    while (at < self->leaving_count) {
        size_t ranges = 0;
        uint64_t count = 0;
        uint64_t lowest = UINT64_MAX;
        size_t end = at;
        for (; end < self->leaving_count && ranges < RANGES_MAX; end++) {
            const zloom_queue_leaving_t *leaving = &self->leaving[end];
            if (leaving->way == way) {
                ranges++;
                count += leaving->n;
                lowest = leaving->first < lowest ? leaving->first : lowest;
            }
        }
        const bool heard = self->missing.heard && way == ZLOOM_REASON_ACKED;
        if (ranges > 0) {
            zloom_buf_clear (&self->buf);
            zloom_encode_array (&self->buf, heard ? 4 : 3);
            zloom_encode_uint (&self->buf, way == ZLOOM_WAY_REQUEUED ? ZLOOM_REASON_MOVED : way);
            zloom_encode_array (&self->buf, ranges * 2);
            for (size_t i = at; i < end; i++) {
                if (self->leaving[i].way == way) {
                    zloom_encode_uint (&self->buf, self->leaving[i].first);
                    zloom_encode_uint (&self->buf, self->leaving[i].n);
                }
            }
            zloom_encode_bool (&self->buf, way == ZLOOM_WAY_REQUEUED);
            if (heard) {
                zloom_missing_encode (&self->missing, &self->buf);
                self->missing.heard = false;
            }
            zloom_queue_record (self, ZLOOM_STORED_SETTLE, lowest, count, turn);
        }
        at = end;
    }
}

static void
s_flush_settles (zloom_queue_t *self, const zloom_turn_t *turn)
{
    uint32_t ways = 0;
    for (size_t i = 0; i < self->leaving_count; i++) {
        ways |= 1u << self->leaving[i].way;
    }
    for (uint8_t way = 0; way < ZLOOM_WAYS; way++) {
        if (ways & (1u << way)) {
            s_flush_way (self, way, turn);
        }
    }
    for (size_t i = 0; i < self->leaving_count && self->group == 0; i++) {
        const zloom_queue_leaving_t *leaving = &self->leaving[i];
        zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_FORGET);
        effect->forget = (zloom_range_t){leaving->first, leaving->first + leaving->n - 1};
    }
    if (self->leaving_count > 0) {
        zloom_ages_drop (&self->ages, self->done.floor);
        zloom_expiries_drop (&self->expiries, self->done.floor);
        self->leaving_count = 0;
    }
}

/* Whether two entries that follow each other are one in the record. */
static bool
s_alike (const zloom_exception_t *a, const zloom_exception_t *b)
{
    return a->failures == b->failures && a->stamp_ns == b->stamp_ns && a->delay_ns == b->delay_ns &&
           a->moving == b->moving && a->history == b->history;
}

/* The history as it stands, or without texts, or none: as the record's size allows. */
static void
s_encode_history (const zloom_exception_t *entry, uint64_t limit_full, uint64_t limit_bare,
                  zloom_buf_t *out)
{
    zloom_bytes_t bytes = entry->history ? zloom_blob_bytes (entry->history) : ZLOOM_BYTES_NULL;
    if (bytes.size + out->size <= limit_full) {
        zloom_encode_bytes (out, bytes);
        return;
    }
    zloom_history_t history;
    zloom_buf_t bare = {0};
    zloom_history_decode (bytes, &history);
    for (uint32_t i = 0; i < history.count; i++) {
        history.causes[i].text = ZLOOM_BYTES_NULL;
    }
    zloom_history_encode (&history, &bare);
    bool fits = bare.size + out->size <= limit_bare;
    zloom_encode_bytes (out, fits ? zloom_buf_bytes (&bare) : ZLOOM_BYTES_NULL);
    zloom_buf_fini (&bare);
}

static void
s_encode_entry (const zloom_exception_t *entry, uint32_t n, bool bounded, zloom_buf_t *out)
{
    zloom_encode_array (out, 7);
    zloom_encode_uint (out, entry->seq);
    zloom_encode_uint (out, n);
    zloom_encode_uint (out, entry->failures);
    zloom_encode_int (out, entry->stamp_ns);
    zloom_encode_int (out, entry->delay_ns);
    zloom_encode_bool (out, entry->moving);
    s_encode_history (entry, bounded ? HISTORY_FULL_BYTES : UINT64_MAX,
                      bounded ? HISTORY_BARE_BYTES : UINT64_MAX, out);
}

uint32_t
zloom_queue_encode_states (const zloom_queue_t *self, uint64_t first, uint64_t last, bool bounded,
                           zloom_buf_t *out)
{
    uint32_t count = 0;
    zloom_range_t run;
    while (first <= last && zloom_exceptions_find (self->exceptions, first, last, &run)) {
        uint64_t seq = run.first;
        while (seq <= run.last) {
            const zloom_exception_t *entry = zloom_exceptions_get (self->exceptions, seq);
            uint32_t n = 1;
            while (seq + n <= run.last && n < ZLOOM_QUEUE_LEASE_MESSAGES &&
                   s_alike (entry, zloom_exceptions_get (self->exceptions, seq + n))) {
                n++;
            }
            s_encode_entry (entry, n, bounded, out);
            seq += n;
            count++;
        }
        first = run.last + 1;
    }
    return count;
}

static void
s_flush_states (zloom_queue_t *self, const zloom_turn_t *turn)
{
    if (self->touched_count == 0) {
        return;
    }
    uint32_t count = 0;
    uint64_t lowest = UINT64_MAX;
    zloom_buf_clear (&self->states);
    for (size_t i = 0; i < self->touched_count; i++) {
        const zloom_run_t *run = &self->touched[i];
        lowest = run->seq < lowest ? run->seq : lowest;
        count +=
          zloom_queue_encode_states (self, run->seq, run->seq + run->n - 1, true, &self->states);
    }
    self->touched_count = 0;
    if (count == 0) { /* all of them have left in the same event */
        return;
    }
    zloom_buf_clear (&self->buf);
    zloom_encode_array (&self->buf, count);
    zloom_buf_add_bytes (&self->buf, zloom_buf_bytes (&self->states));
    zloom_queue_record (self, ZLOOM_STORED_STATE, lowest, 0, turn);
}

/* ---- keys and ids ---------------------------------------------------------------------------- */

void
zloom_queue_record_key (zloom_queue_t *self, zloom_bytes_t key, bool parked,
                        const zloom_turn_t *turn)
{
    zloom_buf_clear (&self->buf);
    zloom_encode_array (&self->buf, 3);
    zloom_encode_uint (&self->buf, ZLOOM_STORED_KV_PARKED);
    zloom_encode_bytes (&self->buf, key);
    zloom_encode_bool (&self->buf, parked);
    zloom_queue_record (self, ZLOOM_STORED_KV, 0, 0, turn);
}

void
zloom_queue_record_ids (zloom_queue_t *self, const zloom_id_hash_t *hashes, size_t count,
                        const zloom_turn_t *turn)
{
    zloom_buf_clear (&self->buf);
    zloom_encode_array (&self->buf, 2);
    zloom_encode_uint (&self->buf, ZLOOM_STORED_KV_IDS);
    zloom_ids_encode_some (hashes, count, turn->now.wall_ns, &self->buf);
    zloom_queue_record (self, ZLOOM_STORED_KV, 0, 0, turn);
}

/* ---- the event is over ----------------------------------------------------------------------- */

void
zloom_queue_flush (zloom_queue_t *self, const zloom_turn_t *turn)
{
    s_flush_settles (self, turn);
    s_flush_states (self, turn);
}
