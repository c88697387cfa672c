/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_offer.c - messages come in, within the limits.
 */
#include "patterns/common/numbers_code.h"
#include "patterns/common/records.h"
#include "patterns/queue/state.h"
#include "wire/encode.h"
#include "wire/pack.h"

/* While so many dropped ones are on their way to the dead letters, no more are dropped. */
#define OVERFLOW_MAX 4096
/* What goes is recorded by runs, beside the pack that drives it out: n messages drive out n runs
 * and so many at most. A dead letter takes no more room than any event has. */
#define RUNS_BESIDE 512u
#define RUNS_OF_DEAD 8u
#define RUNS_MAX 8192u /* of one record */
#define RUN_BYTES 18u
#define RECORD_BYTES 64u

/* ---- limits ---------------------------------------------------------------------------------- */

/* Messages and bytes that are over the limit once n messages of `bytes` bytes are in. */
static void
s_excess (const zloom_queue_t *self, uint64_t n, uint64_t bytes, uint64_t *over_n,
          uint64_t *over_bytes)
{
    uint64_t used_n = zloom_queue_used_messages (self) + n;
    uint64_t used_bytes = zloom_queue_used_bytes (self) + bytes;
    uint64_t limit_n =
      self->config.limit_messages > 0 ? (uint64_t) self->config.limit_messages : UINT64_MAX;
    uint64_t limit_bytes =
      self->config.limit_bytes > 0 ? (uint64_t) self->config.limit_bytes : UINT64_MAX;
    *over_n = used_n > limit_n ? used_n - limit_n : 0;
    *over_bytes = used_bytes > limit_bytes ? used_bytes - limit_bytes : 0;
}

static uint32_t
s_most_runs (uint32_t n)
{
    return n < RUNS_MAX - RUNS_BESIDE ? n + RUNS_BESIDE : RUNS_MAX;
}

/* The oldest ready ones that go for what is over the limit. */
typedef struct {
    uint64_t messages;
    bool enough;
    bool bounded; /* there are more, in more runs */
} drops_t;

static drops_t
s_count_drops (const zloom_queue_t *self, uint64_t over_n, uint64_t over_bytes, uint32_t runs)
{
    drops_t drops = {0};
    uint64_t from = 0;
    zloom_range_t run;
    zloom_ready_kind_t kind;
    while ((drops.messages < over_n || over_bytes > 0) &&
           zloom_queue_find_ready (self, from, UINT64_MAX, false, &run, &kind)) {
        if (runs-- == 0) {
            drops.bounded = true;
            return drops;
        }
        uint64_t seq = run.first;
        for (; seq <= run.last && (drops.messages < over_n || over_bytes > 0); seq++) {
            uint64_t mean = zloom_sizes_mean (&self->sizes, seq);
            over_bytes -= mean < over_bytes ? mean : over_bytes;
            drops.messages++;
        }
        from = run.last + 1;
    }
    drops.enough = drops.messages >= over_n && over_bytes == 0;
    return drops;
}

static void
s_record_overflow (zloom_queue_t *self, const zloom_numbers_t *doomed, const zloom_turn_t *turn)
{
    zloom_buf_clear (&self->buf);
    zloom_encode_array (&self->buf, 3);
    zloom_encode_uint (&self->buf, ZLOOM_STORED_KV_OVERFLOW);
    zloom_numbers_encode (doomed, &self->buf);
    zloom_queue_record (self, ZLOOM_STORED_KV, 0, 0, turn);
}

/*
 * Drop the `drops` oldest ready ones: to the dead letters if there are any. Where they have keys
 * that is recorded, since others of theirs go on at once: they must not come back behind those.
 */
static void
s_drop (zloom_queue_t *self, uint64_t drops, const zloom_turn_t *turn)
{
    zloom_range_t run;
    zloom_ready_kind_t kind;
    zloom_numbers_t doomed = {0};
    while (drops > 0 && zloom_queue_find_ready (self, 0, UINT64_MAX, false, &run, &kind)) {
        if (run.last - run.first >= drops) {
            run.last = run.first + drops - 1;
        }
        drops -= run.last - run.first + 1;
        if (self->config.dead_letter) {
            zloom_queue_doom (self, run.first, run.last, &self->overflow);
            zloom_numbers_add (&doomed, run.first, run.last);
        } else {
            zloom_queue_remove_ready (self, run.first, run.last);
            zloom_queue_leave (self, run.first, run.last, ZLOOM_REASON_DROPPED);
        }
    }
    if (self->lanes && doomed.total > 0) {
        s_record_overflow (self, &doomed, turn);
    }
    zloom_numbers_fini (&doomed);
}

static bool
s_may_drop (const zloom_queue_t *self)
{
    return self->config.on_full == ZLOOM_ON_FULL_DROP_OLDEST &&
           self->overflow.total <= OVERFLOW_MAX;
}

/*
 * Make sure that n messages of `bytes` bytes fit, or say why not; nothing changes then. But for
 * what lies in too many runs: some of it goes, and whoever sends comes again.
 */
static zloom_err_t
s_fit (zloom_queue_t *self, uint32_t n, uint64_t bytes, const zloom_turn_t *turn)
{
    uint64_t over_n;
    uint64_t over_bytes;
    s_excess (self, n, bytes, &over_n, &over_bytes);
    if (over_n == 0 && over_bytes == 0) {
        return ZLOOM_OK;
    }
    if (over_n > 0 && n > (uint64_t) self->config.limit_messages) {
        return ZLOOM_TOO_BIG;
    }
    if (over_bytes > 0 && bytes > (uint64_t) self->config.limit_bytes) {
        return ZLOOM_TOO_BIG;
    }
    if (!s_may_drop (self)) {
        return ZLOOM_FULL;
    }
    const drops_t drops = s_count_drops (self, over_n, over_bytes, s_most_runs (n));
    if (drops.enough || drops.bounded) {
        s_drop (self, drops.messages, turn);
    }
    return drops.enough ? ZLOOM_OK : ZLOOM_FULL;
}

/* What is taken in whatever there is of room drives out what it can. */
static void
s_make_room (zloom_queue_t *self, uint64_t n, uint64_t bytes, uint32_t runs,
             const zloom_turn_t *turn)
{
    uint64_t over_n;
    uint64_t over_bytes;
    s_excess (self, n, bytes, &over_n, &over_bytes);
    if ((over_n > 0 || over_bytes > 0) && s_may_drop (self)) {
        s_drop (self, s_count_drops (self, over_n, over_bytes, runs).messages, turn);
    }
}

uint64_t
zloom_queue_drop_bytes (const zloom_queue_t *self, const zloom_offer_t *offer)
{
    uint64_t over_n;
    uint64_t over_bytes;
    if (!s_may_drop (self)) {
        return 0;
    }
    s_excess (self, offer->n, offer->pack.size, &over_n, &over_bytes);
    /* What is shared finds less room than there is now, and one run more. */
    if (over_n == 0 && over_bytes == 0 && !offer->shared) {
        return 0;
    }
    const uint64_t there = zloom_queue_ready_total (self) + 1;
    const uint64_t most = s_most_runs (offer->n);
    return RECORD_BYTES + (there < most ? there : most) * RUN_BYTES;
}

/* ---- taking ---------------------------------------------------------------------------------- */

void
zloom_queue_offer (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    zloom_producer_t *producer;
    uint32_t trimmed;
    if (!zloom_intake_open (&self->intake, event, &producer, &trimmed, turn)) {
        return;
    }
    zloom_bytes_t pack = event->offer.pack;
    zloom_err_t err = ZLOOM_OK;
    if (trimmed > 0 &&
        zloom_pack_slice (pack, trimmed, event->offer.n - trimmed, &pack) != ZLOOM_OK) {
        err = ZLOOM_MALFORMED;
    } else if (event->offer.admitted) {
        const uint32_t n = event->offer.n - trimmed;
        s_make_room (self, n, pack.size, event->offer.past ? RUNS_OF_DEAD : s_most_runs (n), turn);
    } else {
        const bool news = producer && event->offer.src_count == 0;
        err = news && self->draining ? ZLOOM_DRAINING
                                     : s_fit (self, event->offer.n - trimmed, pack.size, turn);
    }
    if (err != ZLOOM_OK) {
        zloom_intake_refuse (&self->intake, producer, event, err, turn);
        return;
    }
    const bool whole = zloom_queue_append (self, event, trimmed, pack, turn);
    zloom_intake_taken (&self->intake, producer, event, whole, turn);
}

void
zloom_queue_rebase (void *self, zloom_bytes_t producer, uint64_t high, zloom_bytes_t mark,
                    const zloom_turn_t *turn)
{
    zloom_intake_rebase (&zloom_queue_of (self)->intake, producer, high, mark, turn);
}
