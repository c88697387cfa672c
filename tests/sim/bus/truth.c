/* SPDX-License-Identifier: MPL-2.0 */
#include "truth.h"

#include "base/crc32c.h"
#include "patterns/common/pack_head.h"
#include "patterns/common/topics.h"
#include "wire/pack.h"

#include <inttypes.h>
#include <stdio.h>

const char *const bus_topics[BUS_TOPICS] = {"a.x", "a.y", "b.x", "b.y.z", "c"};

static uint8_t
s_topic (zloom_bytes_t topic)
{
    uint8_t at = 0;
    while (at < BUS_TOPICS - 1 && !zloom_bytes_equal (topic, zloom_bytes_text (bus_topics[at]))) {
        at++;
    }
    return at;
}

/* "w1" is publisher 1. */
static uint8_t
s_publisher (zloom_bytes_t name)
{
    const bool known = name.size == 2 && name.data[1] >= '0' && name.data[1] < '0' + BUS_PUBLISHERS;
    return known && name.data[0] == 'w' ? (uint8_t) (name.data[1] - '0' + 1) : 0;
}

static void
s_said (bus_truth_t *self, const bus_event_t *event, uint64_t seq)
{
    if (event->publisher == 0 || event->id >= BUS_IDS) {
        sim_fail (self->ground, "P1: nobody sends what is at %" PRIu64, seq);
        return;
    }
    uint32_t *said = &self->said[event->publisher - 1][event->id];
    const uint32_t was = self->origin ? self->origin->said[event->publisher - 1][event->id] : *said;
    if (was != event->sum && (was != 0 || self->origin)) {
        sim_fail (self->ground, "P1: %u of publisher %u is not what was sent", event->id,
                  event->publisher);
    }
    *said = event->sum;
}

void
bus_truth_staged (bus_truth_t *self, const zloom_record_t *record)
{
    zloom_arena_t arena = {0};
    zloom_pack_head_t head;
    if (zloom_pack_head_decode (record->head, &arena, &head) != ZLOOM_OK ||
        record->seq + record->count >= BUS_SEQS) {
        sim_fail (self->ground, "a pack at %" PRIu64 " that is none", record->seq);
        zloom_arena_fini (&arena);
        return;
    }
    zloom_pack_iter_t iter = zloom_pack_iter (record->payload);
    zloom_bytes_t bytes;
    size_t run = 0;
    uint32_t at = 0;
    for (uint64_t seq = record->seq; zloom_pack_next (&iter, &bytes); seq++, at++) {
        while (at == head.src[run].n) {
            run++;
            at = 0;
        }
        self->events[seq] = (bus_event_t){.publisher = s_publisher (head.src[run].producer),
                                          .topic = s_topic (zloom_topic_of (bytes)),
                                          .id = (uint32_t) head.src[run].first_id + at,
                                          .sum = 1 | zloom_crc32c (0, bytes.data, bytes.size)};
        s_said (self, &self->events[seq], seq);
    }
    self->next_seq = record->seq + record->count;
    zloom_arena_fini (&arena);
}

/*
 * What was carried from a log that is gone stays where it was carried to, and who is not told that
 * it was taken sends it again. What a log loses that others carried to may have been settled there.
 */
static void
s_lost (bus_truth_t *self, const bus_event_t *event)
{
    if (event->publisher > 0) {
        bus_truth_t *from = self->origin ? self->origin : self;
        from->loose[event->publisher - 1][event->id] = true;
        from->again[event->publisher - 1][event->id] |= !self->origin;
    }
}

void
bus_truth_cut (bus_truth_t *self, uint64_t next_seq)
{
    for (uint64_t seq = next_seq; seq < self->next_seq; seq++) {
        if (self->restored) {
            s_lost (self, &self->events[seq]);
        }
        self->events[seq] = (bus_event_t){0};
    }
    self->next_seq = next_seq;
    self->restored = false;
    bus_truth_books (self);
}

void
bus_truth_confirmed (bus_truth_t *self, uint32_t publisher, uint64_t id)
{
    self->confirmed[publisher] = id > self->confirmed[publisher] ? id : self->confirmed[publisher];
}

bool
bus_truth_wants (const char *patterns, const bus_event_t *event)
{
    bool wants = *patterns == '\0';
    while (event->publisher > 0 && *patterns && !wants) {
        size_t size = 0;
        while (patterns[size] && patterns[size] != ' ') {
            size++;
        }
        wants = zloom_topic_matches (zloom_bytes (patterns, size),
                                     zloom_bytes_text (bus_topics[event->topic]));
        patterns += size + (patterns[size] ? 1 : 0);
    }
    return wants && event->publisher > 0;
}

/* Between what was heard of last and `seq` nothing may be missing. */
static void
s_no_hole (bus_truth_t *self, const bus_ear_t *ear, uint64_t seq)
{
    for (uint64_t at = ear->highest + 1; ear->highest > 0 && at < seq; at++) {
        if (bus_truth_wants (ear->patterns, &self->events[at])) {
            sim_fail (self->ground, "P4: %s was not told that it missed %" PRIu64, ear->name, at);
            return;
        }
    }
}

void
bus_truth_shared (bus_truth_t *self, const bus_ear_t *ear, uint64_t seq, const char *producer,
                  size_t producer_size, uint64_t id)
{
    const uint8_t publisher = s_publisher (zloom_bytes (producer, producer_size));
    self->heard++;
    if (seq >= self->next_seq || publisher == 0 || self->events[seq].publisher != publisher ||
        self->events[seq].id != id) {
        sim_fail (self->ground, "P1: %s heard %" PRIu64 " of publisher %u at %" PRIu64, ear->name,
                  id, publisher, seq);
    } else if (!bus_truth_wants (ear->patterns, &self->events[seq])) {
        sim_fail (self->ground, "P5: %s heard %" PRIu64 ", about %s", ear->name, seq,
                  bus_topics[self->events[seq].topic]);
    }
}

void
bus_truth_heard (bus_truth_t *self, bus_ear_t *ear, uint64_t seq, const char *producer,
                 size_t producer_size, uint64_t id)
{
    const uint8_t publisher = s_publisher (zloom_bytes (producer, producer_size));
    bus_truth_shared (self, ear, seq, producer, producer_size, id);
    if (self->ground->failed) {
        return;
    }
    if (seq <= ear->highest) {
        sim_fail (self->ground, "P3: %s heard %" PRIu64 " after %" PRIu64, ear->name, seq,
                  ear->highest);
        return;
    }
    if (id <= ear->last[publisher - 1]) {
        sim_fail (self->ground, "P2: %s heard %" PRIu64 " of publisher %u after %" PRIu64,
                  ear->name, id, publisher, ear->last[publisher - 1]);
        return;
    }
    s_no_hole (self, ear, seq);
    ear->highest = seq;
    ear->last[publisher - 1] = id;
}

void
bus_truth_gap (bus_truth_t *self, bus_ear_t *ear, uint64_t from, uint64_t to, uint64_t count)
{
    uint64_t wanted = 0;
    self->gaps++;
    self->missed += count;
    if (to <= ear->highest || from > to) {
        sim_fail (self->ground, "P4: %s is told of a gap behind it: [%" PRIu64 ", %" PRIu64 "]",
                  ear->name, from, to);
        return;
    }
    s_no_hole (self, ear, from);
    for (uint64_t at = from > ear->highest ? from : ear->highest + 1; at <= to; at++) {
        wanted += bus_truth_wants (ear->patterns, &self->events[at]) ? 1 : 0;
    }
    if (count != wanted && count > 0 && ear->highest > 0) {
        sim_fail (self->ground,
                  "P4: %s is told of %" PRIu64 " of [%" PRIu64 ", %" PRIu64 "], it is %" PRIu64,
                  ear->name, count, from, to, wanted);
        return;
    }
    ear->highest = to;
}

void
bus_truth_end (bus_truth_t *self, const bus_ear_t *ear)
{
    for (uint64_t at = ear->highest + 1; ear->highest > 0 && at < self->next_seq; at++) {
        if (bus_truth_wants (ear->patterns, &self->events[at])) {
            sim_fail (self->ground, "P6: %s neither heard nor was told of %" PRIu64, ear->name, at);
            return;
        }
    }
}

uint64_t
bus_truth_count (const bus_truth_t *self, const char *patterns)
{
    uint64_t count = 0;
    for (uint64_t at = 1; at < self->next_seq; at++) {
        count += bus_truth_wants (patterns, &self->events[at]) ? 1 : 0;
    }
    return count;
}

void
bus_truth_taken (bus_truth_t *self, const char *producer, size_t producer_size, uint64_t id)
{
    const uint8_t publisher = s_publisher (zloom_bytes (producer, producer_size));
    if (publisher > 0 && id < BUS_IDS) {
        self->loose[publisher - 1][id] = true;
    }
}

/* The last id before `next` that does not have to be there. */
static uint64_t
s_past_loose (const bus_truth_t *self, size_t publisher, uint64_t last, uint64_t next)
{
    const bus_truth_t *from = self->origin ? self->origin : self;
    while (last + 1 < next && last + 1 < BUS_IDS && from->loose[publisher][last + 1]) {
        last++;
    }
    return last;
}

void
bus_truth_books (bus_truth_t *self)
{
    const bus_truth_t *from = self->origin ? self->origin : self;
    uint64_t last[BUS_PUBLISHERS] = {0};
    for (uint64_t at = 1; at < self->next_seq; at++) {
        const bus_event_t *event = &self->events[at];
        if (event->publisher == 0) {
            continue;
        }
        uint64_t *before = &last[event->publisher - 1];
        if (event->id <= *before && from->again[event->publisher - 1][event->id]) {
            continue;
        }
        *before = s_past_loose (self, event->publisher - 1u, *before, event->id);
        if (event->id != *before + 1) {
            sim_fail (self->ground, "publisher %u: %u follows %" PRIu64 " at %" PRIu64,
                      event->publisher, event->id, *before, at);
            return;
        }
        *before = event->id;
    }
    for (size_t i = 0; i < BUS_PUBLISHERS; i++) {
        last[i] = s_past_loose (self, i, last[i], self->confirmed[i] + 1);
        if (last[i] < self->confirmed[i]) {
            sim_fail (self->ground, "publisher %zu: %" PRIu64 " are confirmed, %" PRIu64 " stand",
                      i + 1, self->confirmed[i], last[i]);
            return;
        }
    }
}
