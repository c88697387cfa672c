/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_past.c - a listener that begins in the past: it reads what is kept, message by message where
 * it wants only some, until it has come to the end, and from then on what comes in is put to what
 * waits for it. There is one place where it stands, so there is no gap and nothing comes twice.
 *
 * `last` looks through what is kept first, for the newest number of each topic, hands those out,
 * and reads on from where it stopped looking.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/bus/state.h"
#include "wire/pack.h"

/* Nothing more is read while so much waits; messages looked at in one go. */
#define ENOUGH 4096u
#define GO_MESSAGES 16384u
/* Topics of which the last is looked for; of later ones it is not known any more which are new. */
#define TOPICS_MAX 65536u

uint64_t
zloom_bus_place (const zloom_bus_t *self, zloom_from_t from, int64_t value)
{
    switch (from) {
    case ZLOOM_FROM_START:
    case ZLOOM_FROM_LAST:
        return self->retained;
    case ZLOOM_FROM_TIME: {
        const uint64_t seq = zloom_bus_arrived (self, value);
        return seq > self->retained ? seq : self->retained;
    }
    case ZLOOM_FROM_SEQ:
        return value > 0 && (uint64_t) value < self->next_seq ? (uint64_t) value
               : value > 0                                    ? self->next_seq
                                                              : self->retained;
    default:
        return self->next_seq;
    }
}

/* [first, last] are meant for it. */
static void
s_found (const zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t first, uint64_t last)
{
    listener->meant += last - first + 1;
    zloom_ranges_add (&listener->pending, first, last);
    listener->pending_bytes += (last - first + 1) * zloom_sizes_mean (&self->sizes, first);
}

/* The newest of its topic so far. */
static void
s_gather (zloom_bus_t *self, zloom_bus_listener_t *listener, zloom_bytes_t topic, uint64_t seq)
{
    if (!listener->last_of) {
        listener->last_of = zloom_map_new ();
    }
    if (zloom_map_count (listener->last_of) >= TOPICS_MAX &&
        !zloom_map_get (listener->last_of, topic)) {
        listener->meant++;
        zloom_bus_lose (self, listener, seq, seq, 1, "topics");
        return;
    }
    zloom_map_put (listener->last_of, topic, (void *) (uintptr_t) seq);
}

static void
s_look (zloom_bus_t *self, zloom_bus_listener_t *listener, const zloom_peek_t *peek)
{
    zloom_pack_iter_t iter = zloom_pack_iter (peek->pack);
    zloom_bytes_t bytes;
    zloom_bytes_t topic = ZLOOM_BYTES_NULL;
    bool wants = false;
    for (uint32_t i = 0; i < peek->n && zloom_pack_next (&iter, &bytes); i++) {
        const zloom_bytes_t next = zloom_topic_of (bytes);
        if (i == 0 || !zloom_bytes_equal (next, topic)) {
            topic = next;
            wants = zloom_bus_interest_wants (&listener->interest, topic);
        }
        if (wants && listener->stage == ZLOOM_BUS_GATHERS) {
            s_gather (self, listener, topic, listener->at + i);
        } else if (wants) {
            s_found (self, listener, listener->at + i, listener->at + i);
        }
    }
}

/* What did not come here is lost as it was to those who were there; false: it is here. */
static bool
s_pass_absent (zloom_bus_t *self, zloom_bus_listener_t *listener, const zloom_missed_t *absent)
{
    if (!absent || absent->from > listener->at) {
        return false;
    }
    zloom_bus_miss_absent (self, listener, absent, listener->at);
    listener->at = absent->to + 1;
    return true;
}

/* What stands at `at`, at most `most` messages; false when nothing more can be read now. */
static bool
s_read (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t most, const zloom_turn_t *turn)
{
    const zloom_missed_t *absent = zloom_bus_absent (self, listener->at);
    if (s_pass_absent (self, listener, absent)) {
        return true;
    }
    most = absent && absent->from - listener->at < most ? absent->from - listener->at : most;
    if (zloom_bus_pass_returned (self, &listener->at, &most)) {
        return true;
    }
    if (listener->interest.all && listener->stage == ZLOOM_BUS_READS) {
        s_found (self, listener, listener->at, listener->at + most - 1);
        listener->at += most;
        return true;
    }
    zloom_peek_t peek = {0};
    const zloom_err_t err = turn->store->peek (turn->store->arg, listener->at, (uint32_t) most,
                                               ZLOOM_BUS_LEASE_BYTES, &peek);
    if (err == ZLOOM_AGAIN) {
        listener->blocked = true;
        return false;
    }
    if (err != ZLOOM_OK) { /* whether it was meant for it nobody knows any more */
        zloom_bus_lose_unread (self, listener, listener->at, listener->at,
                               err == ZLOOM_NOT_FOUND ? "retain" : "damaged");
        listener->at++;
        return true;
    }
    s_look (self, listener, &peek);
    listener->at += peek.n;
    return true;
}

/* All is looked through: the last of each topic, by number. */
static void
s_end_gathering (const zloom_bus_t *self, zloom_bus_listener_t *listener)
{
    void *value;
    for (size_t i = 0; listener->last_of && zloom_map_next (listener->last_of, &i, NULL, &value);) {
        const uint64_t seq = (uint64_t) (uintptr_t) value;
        s_found (self, listener, seq, seq);
    }
    zloom_map_destroy (&listener->last_of);
    listener->stage = ZLOOM_BUS_READS;
}

void
zloom_bus_read_on (zloom_bus_t *self, zloom_bus_listener_t *listener, const zloom_turn_t *turn)
{
    uint64_t looked = 0;
    if (listener->stage != ZLOOM_BUS_LIVE && listener->pending.total == 0) {
        listener->waits_since_ns = turn->now.mono_ns; /* what is found waits from now on */
    }
    while (listener->stage != ZLOOM_BUS_LIVE && !listener->blocked && looked < GO_MESSAGES) {
        const bool gathers = listener->stage == ZLOOM_BUS_GATHERS;
        const uint64_t end = gathers ? listener->gather_end : self->next_seq;
        const uint64_t durable = end - 1 < self->durable_seq ? end : self->durable_seq + 1;
        if (listener->at == end && gathers) {
            s_end_gathering (self, listener);
            continue;
        }
        if (listener->at == end) {
            listener->stage = ZLOOM_BUS_LIVE;
            listener->past = listener->pending.total;
            listener->past_bytes = listener->pending_bytes;
            break;
        }
        if (listener->at >= durable || (!gathers && listener->pending.total >= ENOUGH)) {
            break;
        }
        uint64_t most = durable - listener->at;
        most = most < GO_MESSAGES - looked ? most : GO_MESSAGES - looked;
        most = gathers || most < ENOUGH ? most : ENOUGH;
        if (!s_read (self, listener, most, turn)) {
            break;
        }
        looked += most;
    }
}

bool
zloom_bus_may_read (const zloom_bus_t *self)
{
    for (size_t i = 0; i < self->active_count && !self->paused; i++) {
        const zloom_bus_listener_t *listener = self->active[i];
        const bool gathers = listener->stage == ZLOOM_BUS_GATHERS;
        const uint64_t end = gathers ? listener->gather_end : self->next_seq;
        if (listener->stage != ZLOOM_BUS_LIVE && !listener->blocked &&
            (listener->at == end || listener->at <= self->durable_seq) &&
            (gathers || listener->pending.total < ENOUGH)) {
            return true;
        }
    }
    return false;
}

/*
 * What is gone is nobody's last one any more, also what was found already: nothing holds it. What
 * came after the subscription is missed where it is, by one who reads.
 */
static void
s_gather_from (const zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t seq)
{
    zloom_map_t *kept = zloom_map_new ();
    zloom_bytes_t topic;
    void *value;
    for (size_t i = 0;
         listener->last_of && zloom_map_next (listener->last_of, &i, &topic, &value);) {
        if ((uint64_t) (uintptr_t) value >= seq) {
            zloom_map_put (kept, topic, value);
        }
    }
    zloom_map_destroy (&listener->last_of);
    listener->last_of = kept;
    const uint64_t at = seq < listener->gather_end ? seq : listener->gather_end;
    listener->at = listener->at < at ? at : listener->at;
    if (listener->at == listener->gather_end) {
        s_end_gathering (self, listener);
    }
}

void
zloom_bus_read_from (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t seq,
                     const zloom_turn_t *turn)
{
    if (listener->stage == ZLOOM_BUS_GATHERS) {
        s_gather_from (self, listener, seq);
    }
    if (listener->stage != ZLOOM_BUS_READS || listener->at >= seq) {
        return;
    }
    while (listener->at < seq) {
        zloom_peek_t peek = {.n = 1};
        uint64_t count = 0;
        const zloom_missed_t *absent = zloom_bus_absent (self, listener->at);
        if (s_pass_absent (self, listener, absent)) {
            continue;
        }
        const uint64_t end = absent && absent->from < seq ? absent->from : seq;
        uint64_t left = end - listener->at;
        if (zloom_bus_pass_returned (self, &listener->at, &left)) {
            continue;
        }
        const zloom_err_t err = turn->store->peek (turn->store->arg, listener->at,
                                                   left < ENOUGH ? (uint32_t) left : ENOUGH,
                                                   ZLOOM_BUS_LEASE_BYTES, &peek);
        zloom_pack_iter_t iter = zloom_pack_iter (peek.pack);
        zloom_bytes_t bytes;
        for (uint32_t i = 0; err == ZLOOM_OK && i < peek.n && zloom_pack_next (&iter, &bytes);
             i++) {
            count += zloom_bus_interest_wants (&listener->interest, zloom_topic_of (bytes)) ? 1 : 0;
        }
        if (err != ZLOOM_OK) {
            zloom_bus_lose_unread (self, listener, listener->at, listener->at + left - 1, "limit");
            listener->at += left;
            continue;
        }
        listener->meant += count;
        zloom_bus_lose (self, listener, listener->at, listener->at + peek.n - 1, count, "limit");
        listener->at += peek.n;
    }
}
