/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_offer.c - messages come in: whole or not at all, each id once, within the limits.
 */
#include "patterns/common/records.h"
#include "patterns/queue/state.h"
#include "wire/encode.h"
#include "wire/pack.h"
#include "wire/source.h"

/* While so many dropped ones are on their way to the dead letters, no more are dropped. */
#define OVERFLOW_MAX 4096
/* One send makes so many go at most. */
#define DROPS_MAX 262144

static void
s_answer (zloom_effect_type_t type, zloom_session_id_t session, uint64_t id, zloom_err_t err,
          const zloom_turn_t *turn)
{
    if (session == 0) {
        return;
    }
    zloom_effect_t *effect = zloom_effects_add (turn->effects, type);
    effect->answer.session = session;
    effect->answer.id = id;
    effect->answer.err = err;
}

/* Refuse everything from high + 1 on; later ids are dropped until that one comes. */
static void
s_refuse (zloom_queue_t *self, zloom_producer_t *producer, zloom_session_id_t session,
          zloom_err_t err, const zloom_turn_t *turn)
{
    self->refused++;
    producer->blocked = true;
    s_answer (ZLOOM_EFFECT_REFUSE, session, producer->high + 1, err, turn);
}

static void
s_record_producer (zloom_queue_t *self, const zloom_producer_t *producer, const zloom_turn_t *turn)
{
    zloom_buf_clear (&self->buf);
    zloom_producer_encode (producer, &self->buf);
    zloom_queue_record (self, ZLOOM_STORED_PRODUCER, 0, 0, turn);
}

/*
 * What to do with ids [first_id, first_id + n) of this producer; answers all but TAKE by itself.
 * *trimmed of them are known already.
 */
static bool
s_admit (zloom_queue_t *self, zloom_producer_t *producer, zloom_session_id_t session,
         uint64_t first_id, uint32_t n, uint32_t *trimmed, const zloom_turn_t *turn)
{
    switch (zloom_producer_admit (producer, first_id, n, trimmed)) {
    case ZLOOM_ADMIT_TAKE:
        self->duplicates += *trimmed;
        return true;
    case ZLOOM_ADMIT_DUPLICATE:
        self->duplicates += n;
        s_answer (ZLOOM_EFFECT_CONFIRM, session, producer->high, ZLOOM_OK, turn);
        return false;
    case ZLOOM_ADMIT_GAP:
        s_refuse (self, producer, session, ZLOOM_OUT_OF_ORDER, turn);
        return false;
    case ZLOOM_ADMIT_INVALID:
        self->refused++;
        s_answer (ZLOOM_EFFECT_REFUSE, session, producer->high + 1, ZLOOM_INVALID, turn);
        return false;
    case ZLOOM_ADMIT_DROP:
        return false;
    }
    return false;
}

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

static void
s_take (zloom_queue_t *self, zloom_producer_t *producer, const zloom_event_t *event,
        uint32_t trimmed, const zloom_turn_t *turn)
{
    zloom_bytes_t pack = event->offer.pack;
    if (trimmed > 0 &&
        zloom_pack_slice (pack, trimmed, event->offer.n - trimmed, &pack) != ZLOOM_OK) {
        s_refuse (self, producer, event->session, ZLOOM_MALFORMED, turn);
        return;
    }
    zloom_err_t err = ZLOOM_OK;
    if (!event->offer.admitted) {
        err = producer && self->draining ? ZLOOM_DRAINING
                                         : s_fit (self, event->offer.n - trimmed, pack.size);
    }
    if (err != ZLOOM_OK && producer) {
        s_refuse (self, producer, event->session, err, turn);
        return;
    }
    if (err != ZLOOM_OK) {
        self->refused++;
        s_answer (ZLOOM_EFFECT_REFUSE, event->session, event->offer.first_id, err, turn);
        return;
    }
    const bool whole = zloom_queue_append (self, event, trimmed, pack, turn);
    if (!producer) {
        return;
    }
    uint64_t high = event->offer.first_id + event->offer.n - 1;
    zloom_producer_taken (producer, high);
    zloom_producers_set_mark (self->producers, producer, event->offer.mark);
    zloom_producers_moved (self->producers, producer, turn->group);
    if (self->age_at_ns == ZLOOM_NEVER) {
        self->age_at_ns = zloom_time_add (turn->now.mono_ns, ZLOOM_QUEUE_AGE_NS);
    }
    /* A stored pack tells the high of who sent it, but neither a mark, nor who carried it, nor what
     * was left out. */
    if (producer->named && (event->offer.mark.data || event->offer.src_count > 0 || !whole)) {
        s_record_producer (self, producer, turn);
    }
    s_answer (ZLOOM_EFFECT_CONFIRM, event->session, high, ZLOOM_OK, turn);
}

void
zloom_queue_offer (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    zloom_bytes_t name = event->offer.producer;
    uint32_t trimmed = 0;
    if (event->offer.n == 0) {
        return;
    }
    if (!name.data && event->offer.src_count > 0) { /* foreign: nobody numbers it */
        s_take (self, NULL, event, 0, turn);
        return;
    }
    if (!name.data && event->session == 0) {
        return;
    }
    zloom_producer_t *producer =
      zloom_producers_use (self->producers, name, event->session, turn->now.wall_ns);
    if (!producer) {
        self->refused++;
        s_answer (ZLOOM_EFFECT_REFUSE, event->session, event->offer.first_id, ZLOOM_TOO_MANY, turn);
        return;
    }
    if (s_admit (self, producer, event->session, event->offer.first_id, event->offer.n, &trimmed,
                 turn)) {
        s_take (self, producer, event, trimmed, turn);
    }
}

void
zloom_queue_skip (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    if (!event->skip.producer.data && event->session == 0) {
        return;
    }
    zloom_producer_t *producer = zloom_producers_use (self->producers, event->skip.producer,
                                                      event->session, turn->now.wall_ns);
    if (!producer) {
        self->refused++;
        s_answer (ZLOOM_EFFECT_REFUSE, event->session, event->skip.first_id, ZLOOM_TOO_MANY, turn);
        return;
    }
    uint32_t trimmed;
    if (!s_admit (self, producer, event->session, event->skip.first_id, event->skip.n, &trimmed,
                  turn)) {
        return;
    }
    self->duplicates -= trimmed; /* ids without messages */
    uint64_t high = event->skip.first_id + event->skip.n - 1;
    if (event->skip.n > 0) {
        zloom_producer_taken (producer, high);
    }
    zloom_producers_set_mark (self->producers, producer, event->skip.mark);
    zloom_producers_moved (self->producers, producer, turn->group);
    if (producer->named) {
        s_record_producer (self, producer, turn);
    }
    s_answer (ZLOOM_EFFECT_CONFIRM, event->session, producer->high, ZLOOM_OK, turn);
}

uint64_t
zloom_queue_adopt (void *self, zloom_bytes_t name, uint64_t next, const zloom_turn_t *turn)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    if (!name.data) {
        return 0;
    }
    zloom_producer_t *producer = zloom_producers_get (queue->producers, name);
    uint64_t high = producer ? producer->high : 0;
    if (next <= high + 1 || next > INT64_MAX) {
        return high;
    }
    producer = zloom_producers_use (queue->producers, name, producer ? producer->session : 0,
                                    turn->now.wall_ns);
    if (!producer) {
        return 0;
    }
    zloom_producer_taken (producer, next - 1);
    zloom_producers_moved (queue->producers, producer, turn->group);
    s_record_producer (queue, producer, turn);
    zloom_buf_clear (&queue->buf);
    zloom_encode_array (&queue->buf, 3);
    zloom_encode_bytes (&queue->buf, name);
    zloom_encode_uint (&queue->buf, high + 1);
    zloom_encode_uint (&queue->buf, next - 1);
    zloom_queue_record (queue, ZLOOM_STORED_HOLE, 0, 0, turn);
    return next - 1;
}

bool
zloom_queue_repeat (void *self, size_t bytes, const zloom_turn_t *turn)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    size_t used = 0;
    for (size_t left = zloom_producers_untold (queue->producers); left > 0; left--) {
        if (used >= bytes) {
            return true;
        }
        s_record_producer (queue, zloom_producers_tell (queue->producers, turn->group), turn);
        used += queue->buf.size;
    }
    return false;
}
