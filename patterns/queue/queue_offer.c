/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_offer.c - messages come in, within the limits.
 */
#include "patterns/queue/state.h"
#include "wire/pack.h"

/* While so many dropped ones are on their way to the dead letters, no more are dropped. */
#define OVERFLOW_MAX 4096
/* One send makes so many go at most. */
#define DROPS_MAX 262144

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

/* How many of the oldest ready ones must go; false when that is not enough, or too many. */
static bool
s_count_drops (const zloom_queue_t *self, uint64_t over_n, uint64_t over_bytes, uint64_t *drops)
{
    uint64_t from = 0;
    zloom_range_t run;
    zloom_ready_kind_t kind;
    *drops = 0;
    while ((*drops < over_n || over_bytes > 0) &&
           zloom_queue_find_ready (self, from, UINT64_MAX, false, &run, &kind)) {
        uint64_t seq = run.first;
        for (; seq <= run.last && (*drops < over_n || over_bytes > 0); seq++) {
            if (*drops == DROPS_MAX) {
                return false;
            }
            uint64_t mean = zloom_sizes_mean (&self->sizes, seq);
            over_bytes -= mean < over_bytes ? mean : over_bytes;
            ++*drops;
        }
        from = run.last + 1;
    }
    return *drops >= over_n && over_bytes == 0;
}

/* Drop the `drops` oldest ready ones: to the dead letters if there are any. */
static void
s_drop (zloom_queue_t *self, uint64_t drops)
{
    zloom_range_t run;
    zloom_ready_kind_t kind;
    while (drops > 0 && zloom_queue_find_ready (self, 0, UINT64_MAX, false, &run, &kind)) {
        if (run.last - run.first >= drops) {
            run.last = run.first + drops - 1;
        }
        drops -= run.last - run.first + 1;
        if (self->config.dead_letter) {
            zloom_queue_doom (self, run.first, run.last, &self->overflow);
        } else {
            zloom_queue_remove_ready (self, run.first, run.last);
            zloom_queue_leave (self, run.first, run.last, ZLOOM_REASON_DROPPED);
        }
    }
}

/* Make sure that n messages of `bytes` bytes fit, or say why not; nothing changes then. */
static zloom_err_t
s_fit (zloom_queue_t *self, uint64_t n, uint64_t bytes)
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
    uint64_t drops;
    if (self->config.on_full != ZLOOM_ON_FULL_DROP_OLDEST || self->overflow.total > OVERFLOW_MAX ||
        !s_count_drops (self, over_n, over_bytes, &drops)) {
        return ZLOOM_FULL;
    }
    s_drop (self, drops);
    return ZLOOM_OK;
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
    } else if (!event->offer.admitted) {
        const bool news = producer && event->offer.src_count == 0;
        err = news && self->draining ? ZLOOM_DRAINING
                                     : s_fit (self, event->offer.n - trimmed, pack.size);
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
