/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/intake.h"

#include <stdlib.h>

#include "base/memory.h"
#include "patterns/common/records.h"
#include "wire/encode.h"

/* How often it is looked for producers that may be forgotten. */
#define AGE_NS (300 * ZLOOM_NS_PER_S)

void
zloom_intake_init (zloom_intake_t *self)
{
    *self = (zloom_intake_t){.producers = zloom_producers_new (), .age_at_ns = ZLOOM_NEVER};
}

void
zloom_intake_fini (zloom_intake_t *self)
{
    zloom_producers_destroy (&self->producers);
    free (self->anonymous);
    zloom_buf_fini (&self->buf);
}

void
zloom_intake_name (zloom_intake_t *self, const char *flow)
{
    free (self->anonymous);
    self->anonymous = zloom_format ("~%s", flow);
}

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

/* A RECORD effect with self->buf as its head. */
static void
s_record (zloom_intake_t *self, uint8_t type, const zloom_turn_t *turn)
{
    const zloom_bytes_t head = zloom_effects_copy (turn->effects, zloom_buf_bytes (&self->buf));
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_RECORD);
    effect->record.type = type;
    effect->record.head = head;
}

static void
s_record_producer (zloom_intake_t *self, const zloom_producer_t *producer, const zloom_turn_t *turn)
{
    zloom_buf_clear (&self->buf);
    zloom_producer_encode (producer, &self->buf);
    s_record (self, ZLOOM_STORED_PRODUCER, turn);
}

/* Refuse everything from high + 1 on; later ids are dropped until that one comes. */
static void
s_refuse (zloom_intake_t *self, zloom_producer_t *producer, zloom_session_id_t session,
          zloom_err_t err, const zloom_turn_t *turn)
{
    self->refused++;
    producer->blocked = true;
    s_answer (ZLOOM_EFFECT_REFUSE, session, producer->high + 1, err, turn);
}

/*
 * What to do with ids [first_id, first_id + n) of this producer; answers all but TAKE by itself.
 * *trimmed of them are known already.
 */
static bool
s_admit (zloom_intake_t *self, zloom_producer_t *producer, zloom_session_id_t session,
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

/* ---- offers ---------------------------------------------------------------------------------- */

bool
zloom_intake_open (zloom_intake_t *self, const zloom_event_t *event, zloom_producer_t **producer_p,
                   uint32_t *trimmed, const zloom_turn_t *turn)
{
    const zloom_bytes_t name = event->offer.producer;
    *producer_p = NULL;
    *trimmed = 0;
    if (event->offer.n == 0) {
        return false;
    }
    if (!name.data && event->offer.src_count > 0) {
        return true; /* foreign: nobody numbers it */
    }
    if (!name.data && event->session == 0) {
        return false;
    }
    *producer_p = zloom_producers_use (self->producers, name, event->session, turn->now.wall_ns);
    if (!*producer_p) {
        self->refused++;
        s_answer (ZLOOM_EFFECT_REFUSE, event->session, event->offer.first_id, ZLOOM_TOO_MANY, turn);
        return false;
    }
    return s_admit (self, *producer_p, event->session, event->offer.first_id, event->offer.n,
                    trimmed, turn);
}

void
zloom_intake_refuse (zloom_intake_t *self, zloom_producer_t *producer, const zloom_event_t *event,
                     zloom_err_t err, const zloom_turn_t *turn)
{
    if (producer) {
        s_refuse (self, producer, event->session, err, turn);
        return;
    }
    self->refused++;
    s_answer (ZLOOM_EFFECT_REFUSE, event->session, event->offer.first_id, err, turn);
}

static void
s_begin_aging (zloom_intake_t *self, zloom_now_t now)
{
    if (self->age_at_ns == ZLOOM_NEVER) {
        self->age_at_ns = zloom_time_add (now.mono_ns, AGE_NS);
    }
}

void
zloom_intake_taken (zloom_intake_t *self, zloom_producer_t *producer, const zloom_event_t *event,
                    bool whole, const zloom_turn_t *turn)
{
    if (!producer) {
        return;
    }
    const uint64_t high = event->offer.first_id + event->offer.n - 1;
    zloom_producer_taken (producer, high);
    zloom_producers_set_mark (self->producers, producer, event->offer.mark);
    const bool bound = zloom_producers_set_owner (self->producers, producer, event->offer.owner,
                                                  event->offer.keyless);
    zloom_producers_moved (self->producers, producer, turn->group);
    s_begin_aging (self, turn->now);
    /* A stored pack tells the high of who sent it, but neither a mark, nor whose the name is, nor
     * who carried it, nor what was left out. */
    if (producer->named &&
        (event->offer.mark.data || bound || event->offer.src_count > 0 || !whole)) {
        s_record_producer (self, producer, turn);
    }
    s_answer (ZLOOM_EFFECT_CONFIRM, event->session, high, ZLOOM_OK, turn);
}

const zloom_src_t *
zloom_intake_source (const zloom_intake_t *self, const zloom_event_t *event, uint32_t index,
                     uint32_t n, uint64_t seq, size_t *count, const zloom_turn_t *turn)
{
    if (event->offer.src_count > 0 && n == event->offer.n) {
        *count = event->offer.src_count;
        return event->offer.src;
    }
    const size_t most = event->offer.src_count > 0 ? event->offer.src_count : 1;
    zloom_src_t *src = zloom_effects_memory (turn->effects, most * sizeof *src);
    if (event->offer.src_count > 0) {
        *count = zloom_src_cut (event->offer.src, event->offer.src_count, index, n, src);
        return src;
    }
    *src = (zloom_src_t){.n = n,
                         .producer = event->offer.producer,
                         .first_id = event->offer.first_id + index,
                         .base_time_ns = event->offer.base_time_ns};
    if (!src->producer.data) {
        src->producer = zloom_bytes_text (self->anonymous);
        src->first_id = seq;
    }
    *count = 1;
    return src;
}

/* ---- without messages ------------------------------------------------------------------------ */

void
zloom_intake_skip (zloom_intake_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
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
    (void) zloom_producers_set_owner (self->producers, producer, event->skip.owner,
                                      event->skip.keyless);
    zloom_producers_moved (self->producers, producer, turn->group);
    if (producer->named) {
        s_record_producer (self, producer, turn);
    }
    s_answer (ZLOOM_EFFECT_CONFIRM, event->session, producer->high, ZLOOM_OK, turn);
}

static void
s_record_hole (zloom_intake_t *self, zloom_bytes_t name, uint64_t first, uint64_t last, bool back,
               const zloom_turn_t *turn)
{
    zloom_buf_clear (&self->buf);
    zloom_encode_array (&self->buf, back ? 4 : 3);
    zloom_encode_bytes (&self->buf, name);
    zloom_encode_uint (&self->buf, first);
    zloom_encode_uint (&self->buf, last);
    if (back) {
        zloom_encode_bool (&self->buf, true);
    }
    s_record (self, ZLOOM_STORED_HOLE, turn);
}

uint64_t
zloom_intake_adopt (zloom_intake_t *self, zloom_bytes_t name, uint64_t next,
                    const zloom_turn_t *turn)
{
    if (!name.data) {
        return 0;
    }
    zloom_producer_t *producer = zloom_producers_get (self->producers, name);
    const uint64_t high = producer ? producer->high : 0;
    if (next <= high + 1 || next > INT64_MAX) {
        return high;
    }
    producer = zloom_producers_use (self->producers, name, producer ? producer->session : 0,
                                    turn->now.wall_ns);
    if (!producer) {
        return 0;
    }
    zloom_producer_taken (producer, next - 1);
    zloom_producers_moved (self->producers, producer, turn->group);
    s_record_producer (self, producer, turn);
    s_record_hole (self, name, high + 1, next - 1, false, turn);
    return next - 1;
}

/*
 * What is known of a producer is of a log that was restored from a copy since. Replay takes no high
 * that is below what it knows, so that it is set back stands in a record of its own.
 */
void
zloom_intake_rebase (zloom_intake_t *self, zloom_bytes_t name, uint64_t high, zloom_bytes_t mark,
                     const zloom_turn_t *turn)
{
    zloom_producer_t *producer = zloom_producers_get (self->producers, name);
    producer = zloom_producers_use (self->producers, name, producer ? producer->session : 0,
                                    turn->now.wall_ns);
    if (!producer) {
        return; /* too many are known: its first message is refused for it */
    }
    if (high < producer->high) {
        s_record_hole (self, name, high + 1, producer->high, true, turn);
        producer->high = high;
        producer->blocked = false;
    }
    zloom_producers_set_mark (self->producers, producer, mark);
    zloom_producers_moved (self->producers, producer, turn->group);
    s_record_producer (self, producer, turn);
}

bool
zloom_intake_repeat (zloom_intake_t *self, size_t bytes, const zloom_turn_t *turn)
{
    size_t used = 0;
    for (size_t left = zloom_producers_untold (self->producers); left > 0; left--) {
        if (used >= bytes) {
            return true;
        }
        s_record_producer (self, zloom_producers_tell (self->producers, turn->group), turn);
        used += self->buf.size;
    }
    return false;
}

bool
zloom_intake_producer (const zloom_intake_t *self, zloom_bytes_t name, uint64_t *high,
                       zloom_bytes_t *mark, zloom_bytes_t *owner)
{
    const zloom_producer_t *producer = zloom_producers_get (self->producers, name);
    if (!producer) {
        return false;
    }
    *high = producer->high;
    *mark = zloom_producer_mark (producer);
    if (owner) {
        *owner = zloom_producer_owner (producer);
    }
    return true;
}

/* ---- time and recovery ----------------------------------------------------------------------- */

void
zloom_intake_age (zloom_intake_t *self, zloom_now_t now)
{
    if (now.mono_ns >= self->age_at_ns) {
        const bool more = zloom_producers_age (self->producers, now.wall_ns);
        self->age_at_ns = zloom_time_add (now.mono_ns, more ? ZLOOM_NS_PER_S : AGE_NS);
    }
}

void
zloom_intake_replay (zloom_intake_t *self, const zloom_pack_head_t *head)
{
    for (size_t i = 0; head->own && i < head->src_count; i++) {
        const zloom_src_t *src = &head->src[i];
        zloom_producer_t *producer = zloom_producers_use (self->producers, src->producer, 0, 0);
        if (producer) {
            zloom_producer_taken (producer, src->first_id + src->n - 1);
            zloom_producers_moved (self->producers, producer, 0);
        }
    }
}

void
zloom_intake_replay_hole (zloom_intake_t *self, zloom_bytes_t head)
{
    zloom_cursor_t cursor = zloom_cursor (head);
    if (head.size == 0) {
        return; /* it is a record that is missing, not an id */
    }
    zloom_fields_t fields = zloom_fields_open (&cursor);
    const zloom_bytes_t name = zloom_fields_bytes (&fields, ZLOOM_NEED, ZLOOM_LIMIT_PRODUCER_BYTES);
    const uint64_t first = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
    (void) zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
    const bool back = zloom_fields_next (&fields, ZLOOM_MAY) && zloom_cursor_bool (&cursor);
    zloom_producer_t *known =
      cursor.err == ZLOOM_OK && back ? zloom_producers_get (self->producers, name) : NULL;
    if (known && first > 0 && known->high >= first) {
        known->high = first - 1;
    }
}

void
zloom_intake_recovered (zloom_intake_t *self, zloom_now_t now)
{
    zloom_producers_date (self->producers, now.wall_ns);
    if (zloom_producers_count (self->producers) > 0) {
        self->age_at_ns = zloom_time_add (now.mono_ns, AGE_NS);
    }
}
