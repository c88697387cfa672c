/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_dispatch.c - messages are handed out: durable ones only, lowest number first, within each
 * consumer's credit, and shared among all who have credit, so that one large pack keeps them all
 * busy. The ring of consumers goes on where it stopped the last time.
 *
 * Bytes come from the store's memory. When the first message is on the disk, all wait for it: it
 * goes before later ones.
 */
#include "base/memory.h"
#include "patterns/queue/state.h"

/* Packs of so many bytes together are one hand-out: small ones are joined, a large one goes alone
 * and so without being copied. */
#define JOIN_BYTES (32u * 1024)

/* One DELIVER in the making. */
typedef struct {
    zloom_queue_consumer_t *consumer;
    zloom_lease_t *lease; /* NULL until there is something in it */
    bool suspect;
    uint32_t messages;
    uint64_t bytes;
    uint64_t last; /* the highest number in it */
} handout_t;

typedef enum {
    TAKEN,   /* look for more */
    FULL,    /* this consumer has enough */
    BLOCKED, /* nobody gets more now: bytes come from the disk */
} took_t;

static uint64_t
s_left (uint64_t granted, uint64_t used)
{
    return granted > used ? granted - used : 0;
}

uint64_t
zloom_queue_consumer_credit (const zloom_queue_consumer_t *consumer)
{
    if (s_left (consumer->credit_bytes, consumer->used_bytes) == 0 ||
        s_left (consumer->credit_frames, consumer->used_frames) == 0) {
        return 0;
    }
    return s_left (consumer->credit_messages, consumer->used_messages);
}

/* Facts about messages [seq, seq + n) that are next in the hand-out. */
static void
s_add_facts (zloom_queue_t *self, const handout_t *out, uint64_t seq, uint32_t n)
{
    zloom_grow (&self->facts, &self->fact_capacity, self->fact_count + n, sizeof *self->facts);
    for (uint32_t i = 0; i < n; i++) {
        const zloom_exception_t *entry = zloom_exceptions_get (self->exceptions, seq + i);
        self->facts[self->fact_count++] = (zloom_fact_t){.i = out->messages + i,
                                                         .attempt = entry ? entry->failures : 0,
                                                         .budget_left_ms = -1,
                                                         .redelivered = true};
    }
}

static void
s_add (zloom_queue_t *self, handout_t *out, uint64_t seq, uint32_t n, uint64_t bytes, bool fresh,
       const zloom_turn_t *turn)
{
    if (!out->lease) {
        zloom_token_t token = {self->boot, self->next_token++};
        out->lease = zloom_leases_add (self->leases, &out->consumer->holder, token, out->suspect);
        self->run_count = 0;
        self->fact_count = 0;
    }
    zloom_leases_push (self->leases, out->lease, seq, n,
                       zloom_time_add (turn->now.mono_ns, self->config.lease_ns));
    zloom_run_t *last = self->run_count ? &self->runs[self->run_count - 1] : NULL;
    if (last && last->seq + last->n == seq) {
        last->n += n;
    } else {
        zloom_grow (&self->runs, &self->run_capacity, self->run_count + 1, sizeof *self->runs);
        self->runs[self->run_count++] = (zloom_run_t){seq, n};
    }
    if (!fresh) {
        s_add_facts (self, out, seq, n);
    }
    out->messages += n;
    out->bytes += bytes;
    out->last = seq + n - 1;
}

/* Send what was gathered; returns how many messages it holds. */
static uint32_t
s_send (zloom_queue_t *self, const handout_t *out, const zloom_turn_t *turn)
{
    if (!out->lease) {
        return 0;
    }
    size_t run_bytes = self->run_count * sizeof *self->runs;
    size_t fact_bytes = self->fact_count * sizeof *self->facts;
    zloom_run_t *runs = zloom_effects_memory (turn->effects, run_bytes);
    zloom_fact_t *facts = zloom_effects_memory (turn->effects, fact_bytes);
    memcpy (runs, self->runs, run_bytes);
    if (fact_bytes > 0) {
        memcpy (facts, self->facts, fact_bytes);
    }
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_DELIVER);
    effect->deliver.consumer = out->consumer->id;
    effect->deliver.token = zloom_lease_token (out->lease);
    effect->deliver.runs = runs;
    effect->deliver.run_count = self->run_count;
    effect->deliver.facts = facts;
    effect->deliver.fact_count = self->fact_count;
    out->consumer->used_messages += out->messages;
    out->consumer->used_bytes += out->bytes;
    out->consumer->used_frames++;
    out->consumer->suspects += out->suspect ? 1 : 0;
    self->acquired += out->messages;
    self->run_count = 0;
    self->fact_count = 0;
    return out->messages;
}

/* What is lost leaves at the next TIMER event: a dispatch writes no records. */
static void
s_damaged (zloom_queue_t *self, uint64_t seq)
{
    zloom_queue_doom (self, seq, seq, &self->damaged);
}

/* Take up to `most` messages from `seq` on, which are ready and of one kind, into the hand-out. */
static took_t
s_take (zloom_queue_t *self, handout_t *out, uint64_t seq, uint32_t most, bool fresh,
        const zloom_turn_t *turn)
{
    const zloom_queue_consumer_t *consumer = out->consumer;
    uint64_t credit = s_left (consumer->credit_bytes, consumer->used_bytes);
    uint64_t left = s_left (credit, out->bytes);
    uint64_t room = s_left (ZLOOM_QUEUE_LEASE_BYTES, out->bytes);
    uint64_t max_bytes = left < room ? left : room;
    if (max_bytes == 0) {
        return FULL;
    }
    zloom_peek_t peek = {0};
    zloom_err_t err = turn->store->peek (turn->store->arg, seq, most, max_bytes, &peek);
    if (err == ZLOOM_AGAIN) {
        return BLOCKED;
    }
    if (err != ZLOOM_OK) {
        s_damaged (self, seq);
        return TAKEN;
    }
    zloom_assert (peek.n >= 1 && peek.n <= most);
    if (zloom_queue_may_expire (self, peek.flags)) {
        const uint32_t alive = zloom_queue_alive (self, &peek, turn->now.wall_ns);
        if (alive == 0) {
            zloom_queue_doom (self, seq, seq, &self->expired);
            return TAKEN;
        }
        if (alive < peek.n) {
            err = turn->store->peek (turn->store->arg, seq, alive, max_bytes, &peek);
            zloom_assert (err == ZLOOM_OK && peek.n <= alive);
        }
    }
    /* The first message counts even if it is too large: for whom nothing smaller may come. */
    bool idle = out->messages == 0 && consumer->holder.messages == 0;
    if (peek.bytes > max_bytes && !(idle || (out->messages == 0 && peek.bytes <= left))) {
        return FULL;
    }
    zloom_range_t run = {seq, seq + peek.n - 1};
    zloom_queue_pull (self, &run);
    s_add (self, out, seq, peek.n, peek.bytes, fresh, turn);
    return TAKEN;
}

/* ---- suspects -------------------------------------------------------------------------------- */

/* Hand the first suspect group, or as much as is wanted, to a consumer that holds nothing. */
static took_t
s_give_suspects (zloom_queue_t *self, handout_t *out, uint32_t most, const zloom_turn_t *turn)
{
    const uint64_t *members;
    size_t count = zloom_suspects_front (&self->suspects, most, self->durable_seq, &members);
    if (count == 0) {
        return FULL;
    }
    /* A copy: each one that is taken changes the group, and the next group is another matter. */
    zloom_grow (&self->members, &self->member_capacity, count, sizeof *self->members);
    memcpy (self->members, members, count * sizeof *members);
    took_t took = TAKEN;
    for (size_t i = 0; i < count && took == TAKEN; i++) {
        took = s_take (self, out, self->members[i], 1, false, turn);
    }
    return took;
}

/* Groups of a flow with a key go one after the other: their messages may share a key. */
static bool
s_suspects_out (const zloom_queue_t *self)
{
    for (size_t i = 0; i < self->ring_count; i++) {
        if (self->ring[i]->suspects > 0) {
            return true;
        }
    }
    return false;
}

/* Suspects go first, each group alone to a consumer that holds nothing. */
static uint32_t
s_dispatch_suspects (zloom_queue_t *self, uint32_t budget, const zloom_turn_t *turn)
{
    uint32_t handed = 0;
    for (size_t i = 0; i < self->ring_count && handed < budget; i++) {
        zloom_queue_consumer_t *consumer = self->ring[i];
        uint64_t credit = zloom_queue_consumer_credit (consumer);
        if (self->suspects.numbers.total == 0 || (self->lanes && s_suspects_out (self))) {
            break;
        }
        if (credit == 0 || consumer->holder.messages > 0) {
            continue;
        }
        uint64_t most = budget - handed;
        most = most < credit ? most : credit;
        most = most < ZLOOM_QUEUE_LEASE_MESSAGES ? most : ZLOOM_QUEUE_LEASE_MESSAGES;
        handout_t out = {.consumer = consumer, .suspect = true};
        took_t took = s_give_suspects (self, &out, (uint32_t) most, turn);
        handed += s_send (self, &out, turn);
        if (took == BLOCKED) {
            break;
        }
    }
    return handed;
}

/* While suspects wait, the consumer that holds least gets nothing new, so that it becomes free. */
static const zloom_queue_consumer_t *
s_reserved (const zloom_queue_t *self)
{
    const zloom_queue_consumer_t *least = NULL;
    if (self->suspects.numbers.total == 0) {
        return NULL;
    }
    for (size_t i = 0; i < self->ring_count; i++) {
        const zloom_queue_consumer_t *consumer = self->ring[i];
        if (consumer->suspects == 0 &&
            (consumer->holder.messages > 0 || zloom_queue_consumer_credit (consumer) > 0) &&
            (!least || consumer->holder.messages < least->holder.messages)) {
            least = consumer;
        }
    }
    return least;
}

/* ---- what does not come ---------------------------------------------------------------------- */

/* Before anything from `seq` on goes to a consumer it is told what its group misses before that. */
static void
s_tell_missing (zloom_queue_t *self, const zloom_queue_consumer_t *consumer, uint64_t seq,
                const zloom_turn_t *turn)
{
    zloom_missing_tell (&self->missing, seq, consumer->id, self->next_token, turn->effects);
}

/* ---- plain ones ------------------------------------------------------------------------------ */

/* Hand up to `most` messages to one consumer as one lease. */
static took_t
s_give (zloom_queue_t *self, handout_t *out, uint32_t most, const zloom_turn_t *turn)
{
    bool failed_only =
      zloom_exceptions_count (self->exceptions) >= (uint64_t) self->config.exceptions_max;
    for (uint32_t tries = 0; out->messages < most && out->bytes < JOIN_BYTES && tries < most;
         tries++) {
        zloom_range_t run;
        zloom_ready_kind_t kind;
        if (!zloom_queue_next (self, failed_only, turn->now, &run, &kind)) {
            return BLOCKED;
        }
        const bool hole = zloom_missing_before (&self->missing, run.first);
        if (out->messages > 0 && (run.first <= out->last || hole)) {
            return FULL; /* numbers of a lease rise, and no hole is in it: this is another one */
        }
        if (hole) {
            s_tell_missing (self, out->consumer, run.first, turn);
        }
        uint64_t n = run.last - run.first + 1;
        uint32_t want = most - out->messages;
        took_t took = s_take (self, out, run.first, n < want ? (uint32_t) n : want,
                              kind == ZLOOM_READY_FRESH, turn);
        if (took != TAKEN) {
            return took;
        }
    }
    return TAKEN;
}

/* The same in a flow with a key: what its lanes let go, as far as there is credit. */
static took_t
s_give_keyed (zloom_queue_t *self, handout_t *out, uint32_t most, const zloom_turn_t *turn)
{
    const bool full =
      zloom_exceptions_count (self->exceptions) >= (uint64_t) self->config.exceptions_max;
    s_tell_missing (self, out->consumer, UINT64_MAX, turn); /* there is no one place between keys */
    size_t count = zloom_queue_gather (self, most, full, turn);
    if (count == 0 && full && zloom_leases_messages (self->leases) == 0 &&
        self->waiting.total <= self->stuck.total) {
        /* With nothing out and nothing to come by itself, a full table must not stop the flow. */
        count = zloom_queue_gather (self, most, false, turn);
    }
    if (count == 0) {
        return BLOCKED;
    }
    took_t took = TAKEN;
    size_t at = 0;
    while (at < count && took == TAKEN) {
        zloom_range_t run;
        zloom_ready_kind_t kind;
        uint64_t seq = self->gathered[at];
        uint32_t n = 1;
        while (at + n < count && self->gathered[at + n] == seq + n) {
            n++;
        }
        zloom_queue_find_ready (self, seq, seq + n - 1, false, &run, &kind);
        n = (uint32_t) (run.last - run.first + 1);
        uint32_t before = out->messages;
        took = s_take (self, out, seq, n, kind == ZLOOM_READY_FRESH, turn);
        /* One that turned out damaged or expired has left. */
        at += out->messages > before ? out->messages - before : took == TAKEN ? 1 : 0;
    }
    while (count > at) {
        zloom_lanes_give_back (self->lanes, self->gathered[--count]);
    }
    return took;
}

/* How many messages each consumer gets in this round: an even share of what is ready. */
static uint32_t
s_share (const zloom_queue_t *self, uint32_t budget, const zloom_queue_consumer_t *reserved)
{
    uint64_t behind =
      self->next_seq - 1 > self->durable_seq ? self->next_seq - 1 - self->durable_seq : 0;
    uint64_t ready = s_left (zloom_queue_ready_total (self), behind);
    zloom_range_t run;
    zloom_ready_kind_t kind;
    if (ready == 0 && zloom_queue_find_ready (self, 0, self->durable_seq, false, &run, &kind)) {
        ready = run.last - run.first + 1; /* what is not durable yet need not be ready */
    }
    if (ready == 0) {
        return 0;
    }
    uint64_t able = 0;
    for (size_t i = 0; i < self->ring_count; i++) {
        const zloom_queue_consumer_t *consumer = self->ring[i];
        able += consumer->suspects == 0 && consumer != reserved &&
                    zloom_queue_consumer_credit (consumer) > 0
                  ? 1
                  : 0;
    }
    if (able == 0) {
        return 0;
    }
    ready = ready < budget ? ready : budget;
    uint64_t share = (ready + able - 1) / able;
    return share < ZLOOM_QUEUE_LEASE_MESSAGES ? (uint32_t) share : ZLOOM_QUEUE_LEASE_MESSAGES;
}

/* One round over the ring; *blocked when nobody gets more now. Returns what was handed out. */
static uint32_t
s_round (zloom_queue_t *self, uint32_t budget, const zloom_queue_consumer_t *reserved,
         bool *blocked, const zloom_turn_t *turn)
{
    uint32_t share = s_share (self, budget, reserved);
    uint32_t handed = 0;
    for (size_t i = 0; i < self->ring_count && handed < budget && share > 0 && !*blocked; i++) {
        size_t at = self->ring_at % self->ring_count;
        zloom_queue_consumer_t *consumer = self->ring[at];
        uint64_t credit = zloom_queue_consumer_credit (consumer);
        self->ring_at = (at + 1) % self->ring_count;
        if (consumer->suspects > 0 || consumer == reserved || credit == 0) {
            continue;
        }
        uint64_t most = share < budget - handed ? share : budget - handed;
        most = most < credit ? most : credit;
        handout_t out = {.consumer = consumer};
        took_t took = self->lanes ? s_give_keyed (self, &out, (uint32_t) most, turn)
                                  : s_give (self, &out, (uint32_t) most, turn);
        *blocked = took == BLOCKED;
        uint32_t sent = s_send (self, &out, turn);
        handed += sent;
        if (*blocked && sent == 0) {
            self->ring_at = at; /* nothing was there: it is this one's turn again */
        }
    }
    return handed;
}

uint32_t
zloom_queue_dispatch (void *self, uint32_t budget, const zloom_turn_t *turn)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    if (queue->paused || turn->leaving || queue->ring_count == 0) {
        return 0;
    }
    uint32_t handed = 0;
    queue->swept = 0;
    if (queue->suspects.numbers.total > 0) {
        handed = s_dispatch_suspects (queue, budget, turn);
    }
    const zloom_queue_consumer_t *reserved = s_reserved (queue);
    bool blocked = false;
    while (handed < budget && !blocked) {
        uint32_t more = s_round (queue, budget - handed, reserved, &blocked, turn);
        if (more == 0) {
            break;
        }
        handed += more;
    }
    if (zloom_queue_ready_total (queue) == 0) { /* nothing comes that it could stand before */
        s_tell_missing (queue, queue->ring[queue->ring_at % queue->ring_count], UINT64_MAX, turn);
    }
    zloom_assert (zloom_queue_check (queue));
    return handed;
}
