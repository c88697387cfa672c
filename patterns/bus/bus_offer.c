/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_offer.c - events come in: each with a topic, each id once. Who wants them is found once a
 * topic; nothing else is read of an event, and all subscribers share the one stored pack.
 *
 * What comes back from the dead letters of a group goes to that group alone: the others have had
 * it, and so have the listeners.
 */
#include "base/memory.h"
#include "patterns/bus/state.h"
#include "wire/pack.h"

/* In the journal, of what a group wants of a pack: its number, and for each run two numbers. */
#define MATCH_BYTES 16
#define RUN_BYTES 8
#define TRIM_BYTES 16
/* ... of what groups lose to a full flow: a record, and for each run its first number and n. */
#define DROP_BYTES 64
#define DROP_RUN_BYTES 16

/* ---- the door -------------------------------------------------------------------------------- */

/* What the groups' queues say to it: keys, delays, priorities. */
static zloom_err_t
s_check_groups (const zloom_bus_t *self, const zloom_offer_t *offer, zloom_cost_t *cost)
{
    for (size_t i = 0; i < self->group_count; i++) {
        const zloom_err_t err =
          zloom_queue_pattern.check_offer (self->groups[i]->queue, offer, cost);
        if (err != ZLOOM_OK) {
            return err;
        }
        if (!(offer->flags & ZLOOM_FLAG_DUE)) {
            break; /* one speaks for all: nothing of it is stored for each */
        }
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_bus_check_offer (const void *self, const zloom_offer_t *offer, zloom_cost_t *cost)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    uint32_t changes = 0;
    if (bus->config.copy_of) { /* what is brought here is not asked for */
        return zloom_fail (ZLOOM_UNSUPPORTED, "flow '%s' lives on router '%s': publish there",
                           bus->config.name, bus->config.copy_of);
    }
    if (!offer->pack.data) {
        return ZLOOM_OK;
    }
    zloom_err_t err = zloom_topics_check (bus->config.topics, bus->config.topic_count, offer->pack,
                                          bus->config.name, &changes);
    if (err == ZLOOM_OK) {
        err = s_check_groups (bus, offer, cost);
    }
    zloom_bus_record_cost (bus, cost);
    cost->records += 1; /* what a full flow retains no more */
    cost->bytes += TRIM_BYTES;
    if (bus->config.on_full == ZLOOM_ON_FULL_DROP_OLDEST && bus->group_count > 0) {
        const uint32_t most = (uint32_t) bus->group_count * ZLOOM_BUS_DROP_TRIES;
        cost->records += most;
        cost->bytes += (uint64_t) most * DROP_BYTES + ZLOOM_BUS_DROP_RUNS * DROP_RUN_BYTES;
    }
    cost->bytes += bus->group_count * (MATCH_BYTES + (uint64_t) changes * RUN_BYTES);
    return err;
}

/* ---- who wants it ---------------------------------------------------------------------------- */

/* Messages [index, index + n) of the pack, which are `bytes`, are for `who`. */
static void
s_hand (zloom_bus_t *self, uint32_t who, uint64_t seq, uint32_t index, uint32_t n,
        zloom_bytes_t bytes, zloom_now_t now)
{
    const zloom_bus_who_t *one = &self->who[who];
    if (one->group) {
        zloom_bus_group_wants (one->group, index, n);
    } else if (one->listener) {
        zloom_bus_push (self, one->listener, seq + index, seq + index + n - 1, bytes, now);
    }
}

/* Messages [first, index) of the pack, from `begin` on, which the same ones want. */
typedef struct {
    const zloom_trie_set_t *set; /* NULL: moved here without a topic, so nobody who chooses */
    const uint8_t *begin;
    uint32_t first;
} run_t;

static void
s_hand_run (zloom_bus_t *self, const run_t *run, uint64_t seq, uint32_t index, const uint8_t *end,
            zloom_now_t now)
{
    const zloom_bytes_t bytes = zloom_bytes (run->begin, (size_t) (end - run->begin));
    for (uint32_t i = 0; run->set && i < run->set->count; i++) {
        s_hand (self, run->set->who[i], seq, run->first, index - run->first, bytes, now);
    }
}

static bool
s_same_set (const zloom_trie_set_t *a, const zloom_trie_set_t *b)
{
    return a == b || (a && b && a->count == b->count &&
                      memcmp (a->who, b->who, a->count * sizeof *a->who) == 0);
}

/*
 * Each run of messages to those who want it. Where topics change from one event to the next, their
 * subscribers mostly do not: what the same ones want is handed to each of them once.
 */
static void
s_publish (zloom_bus_t *self, const zloom_effect_t *append, zloom_now_t now)
{
    const zloom_bytes_t pack = append->append.pack;
    const uint64_t seq = append->append.seq;
    for (size_t i = 0; i < self->all_count; i++) {
        s_hand (self, self->all[i], seq, 0, append->append.n, pack, now);
    }
    if (self->all_count + self->free_count == self->who_count) {
        return; /* nobody chooses */
    }
    zloom_pack_iter_t iter = zloom_pack_iter (pack);
    zloom_bytes_t bytes;
    zloom_bytes_t head = ZLOOM_BYTES_NULL; /* of the one before */
    run_t run = {.begin = pack.data};
    uint32_t index = 0;
    for (const uint8_t *at = pack.data; zloom_pack_next (&iter, &bytes); at = iter.rest.data) {
        if (!zloom_topic_again (bytes, head)) {
            const zloom_bytes_t topic = zloom_topic_of (bytes);
            const zloom_trie_set_t *set = topic.data ? zloom_trie_match (self->trie, topic) : NULL;
            head = zloom_topic_head (bytes, topic);
            if (!s_same_set (set, run.set)) {
                s_hand_run (self, &run, seq, index, at, now);
                run = (run_t){.begin = at, .first = index};
            }
            run.set = set; /* of two alike the one that lasts longer */
        }
        index++;
    }
    s_hand_run (self, &run, seq, index, pack.data + pack.size, now);
}

/* ---- what comes back ------------------------------------------------------------------------- */

/* Of a pack of which some come back: each message to its group alone, others to all. */
static void
s_publish_again (zloom_bus_t *self, const zloom_effect_t *append, zloom_now_t now)
{
    const uint64_t seq = append->append.seq;
    zloom_pack_iter_t iter = zloom_pack_iter (append->append.pack);
    zloom_bytes_t bytes;
    uint32_t index = 0;
    zloom_assert (append->append.past); /* some come back */
    for (const uint8_t *at = iter.rest.data; zloom_pack_next (&iter, &bytes); at = iter.rest.data) {
        const zloom_bytes_t one = zloom_bytes (at, (size_t) (iter.rest.data - at));
        zloom_bus_group_t *group = zloom_bus_comes_back (self, append->append.past[index].history);
        if (group) {
            zloom_bus_group_wants (group, index, 1);
            zloom_numbers_add (&self->returned, seq + index, seq + index);
        } else {
            for (size_t i = 0; i < self->all_count; i++) {
                s_hand (self, self->all[i], seq, index, 1, one, now);
            }
            const zloom_bytes_t topic = zloom_topic_of (bytes);
            const run_t run = {topic.data ? zloom_trie_match (self->trie, topic) : NULL, at, index};
            s_hand_run (self, &run, seq, index + 1, iter.rest.data, now);
        }
        index++;
    }
}

static bool
s_some_come_back (const zloom_bus_t *self, const zloom_effect_t *append)
{
    bool some = false;
    for (uint32_t i = 0; append->append.past && i < append->append.n && !some; i++) {
        some = zloom_bus_comes_back (self, append->append.past[i].history) != NULL;
    }
    return some;
}

/* ---- taking ---------------------------------------------------------------------------------- */

static void
s_append (zloom_bus_t *self, const zloom_event_t *event, uint32_t trimmed, zloom_bytes_t pack,
          const zloom_turn_t *turn)
{
    zloom_effect_t append = {.type = ZLOOM_EFFECT_APPEND};
    zloom_bus_record_groups (self, true, turn); /* before what they want */
    append.append.seq = self->next_seq;
    append.append.n = event->offer.n - trimmed;
    append.append.pack = pack;
    append.append.flags = event->offer.flags;
    append.append.src = zloom_intake_source (&self->intake, event, trimmed, append.append.n,
                                             self->next_seq, &append.append.src_count, turn);
    append.append.past = event->offer.past ? event->offer.past + trimmed : NULL;
    append.append.own = event->offer.src_count == 0 && event->offer.producer.data;
    append.append.expires_ns = ZLOOM_NEVER;
    append.append.arrived_ns = zloom_bus_arrival (append.append.src, turn->now);
    if (self->group_count > 0) {
        zloom_queue_describe (self->groups[0]->queue, &append, turn);
    }
    for (size_t i = 0; i < self->group_count; i++) {
        self->groups[i]->run_count = 0;
    }
    const uint64_t last = self->next_seq + append.append.n - 1;
    zloom_bus_keep (self, self->next_seq, last, pack.size, turn->now);
    self->next_seq = last + 1;
    self->appended += append.append.n;
    if (s_some_come_back (self, &append)) {
        s_publish_again (self, &append, turn->now);
    } else {
        s_publish (self, &append, turn->now);
    }
    zloom_bus_match_groups (self, &append, turn);
    *zloom_effects_add (turn->effects, ZLOOM_EFFECT_APPEND) = append;
    zloom_bus_enter_groups (self, &append, turn);
}

void
zloom_bus_offer (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
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
        err = producer && self->draining
                ? ZLOOM_DRAINING
                : zloom_bus_fit (self, event->offer.n - trimmed, pack.size, turn);
    } else if (self->config.on_full == ZLOOM_ON_FULL_DROP_OLDEST && !event->offer.past) {
        /* A step is taken in all the same. What is put back by hand waits for the next event. */
        (void) zloom_bus_fit (self, event->offer.n - trimmed, pack.size, turn);
    }
    if (err != ZLOOM_OK) {
        zloom_intake_refuse (&self->intake, producer, event, err, turn);
        return;
    }
    s_append (self, event, trimmed, pack, turn);
    zloom_intake_taken (&self->intake, producer, event, true, turn);
}
