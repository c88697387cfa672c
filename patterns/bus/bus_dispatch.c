/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_dispatch.c - what subscribers get: durable events only, lowest number first, within credit.
 * Each listener gets runs of the stored packs, which the engine sends as views; a hole that its
 * policy made is told before the first event behind it. Groups hand out by themselves.
 *
 * The round begins where the last one stopped, so nobody is always first.
 */
#include "base/memory.h"
#include "patterns/bus/state.h"

/*
 * Packs of so many bytes together are one hand-out: small ones are joined, one of at least this
 * size goes alone and so without being copied. A frame costs its receiver two or three changes of
 * thread, which take as long as copying a hundred KiB, and the joined pack is made once for all.
 */
#define JOIN_BYTES (192u * 1024)
#define ALONE_BYTES (64u * 1024)
/* ... and so many messages: a DELIVER names who made each, and has its own limits. */
#define JOIN_MESSAGES 4096u
/*
 * Who was just handed so much gets the next when there is JOIN_BYTES of it, or after this time:
 * where much flows, fewer and larger frames; where little does, no wait.
 */
#define BUSY_BYTES (16u * 1024)
#define GATHER_NS ZLOOM_NS_PER_MS
/*
 * So does everybody where so much is meant for somebody in that time: each of so few frames costs
 * as much as all the time there is. Many listeners wait longer, FRAMES of them share that time.
 */
#define BUSY_PUSHES 100u
#define FRAMES 16u
#define GATHER_MAX 4

/* A listener's part of one round. */
#define PART 65536u

/* One DELIVER in the making. */
typedef struct {
    zloom_bus_listener_t *listener;
    zloom_bus_member_t *member;
    uint32_t messages;
    uint64_t bytes;
} handout_t;

static uint64_t
s_left (uint64_t granted, uint64_t used)
{
    return granted > used ? granted - used : 0;
}

uint64_t
zloom_bus_member_credit (const zloom_bus_member_t *member)
{
    if (s_left (member->credit_bytes, member->used_bytes) == 0 ||
        s_left (member->credit_frames, member->used_frames) == 0) {
        return 0;
    }
    return s_left (member->credit_messages, member->used_messages);
}

/* The next member that has credit; NULL: none has. */
static zloom_bus_member_t *
s_next_member (zloom_bus_listener_t *listener)
{
    for (size_t i = 0; i < listener->member_count; i++) {
        zloom_bus_member_t *member =
          listener->members[(listener->turn + i) % listener->member_count];
        if (zloom_bus_member_credit (member) > 0) {
            listener->turn = (listener->turn + i + 1) % listener->member_count;
            return member;
        }
    }
    return NULL;
}

static void
s_tell_gaps (zloom_bus_listener_t *listener, zloom_bus_member_t *member, uint64_t seq,
             const zloom_turn_t *turn)
{
    zloom_missed_t gap;
    while (zloom_gaps_take (&listener->gaps, seq, &gap)) {
        zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_GAP);
        effect->gap.consumer = member->id;
        effect->gap.from = gap.from;
        effect->gap.to = gap.to;
        effect->gap.count = gap.at_most ? 0 : gap.count;
        effect->gap.reason = gap.reason;
        member->given.place = gap.to + 1;
        listener->told += gap.count;
        listener->gaps_told++;
    }
}

/* ---- one hand-out ---------------------------------------------------------------------------- */

/* Take messages from `seq` on, at most `most`, into it; false when it is to be sent as it is. */
static bool
s_take (zloom_bus_t *self, handout_t *out, uint64_t seq, uint32_t most, const zloom_turn_t *turn)
{
    zloom_bus_member_t *member = out->member;
    const uint64_t credit = s_left (member->credit_bytes, member->used_bytes + out->bytes);
    const uint64_t room = s_left (ZLOOM_BUS_LEASE_BYTES, out->bytes);
    const uint64_t max_bytes = credit < room ? credit : room;
    zloom_peek_t peek = {0};
    if (max_bytes == 0) {
        return false;
    }
    const zloom_err_t err = turn->store->peek (turn->store->arg, seq, most, max_bytes, &peek);
    if (err == ZLOOM_AGAIN) {
        return false;
    }
    zloom_ranges_t *pending = &out->listener->pending;
    if (err != ZLOOM_OK) {
        if (out->messages == 0) { /* else it stands behind what is in this one */
            zloom_ranges_remove (pending, seq, seq);
            zloom_bus_lose (self, out->listener, seq, seq, 1, "damaged");
            s_tell_gaps (out->listener, member, seq + 1, turn);
        }
        return out->messages == 0;
    }
    /* The first message counts even if it is larger than the credit: nothing smaller may come. */
    if (out->messages > 0 && (peek.bytes > max_bytes || peek.bytes >= ALONE_BYTES ||
                              out->messages + peek.n > JOIN_MESSAGES)) {
        return false;
    }
    zloom_ranges_remove (pending, seq, seq + peek.n - 1);
    zloom_run_t *last = self->run_count ? &self->runs[self->run_count - 1] : NULL;
    if (last && last->seq + last->n == seq) {
        last->n += peek.n;
    } else {
        zloom_grow (&self->runs, &self->run_capacity, self->run_count + 1, sizeof *self->runs);
        self->runs[self->run_count++] = (zloom_run_t){seq, peek.n};
    }
    out->messages += peek.n;
    out->bytes += peek.bytes;
    return peek.bytes < ALONE_BYTES;
}

static void
s_send (zloom_bus_t *self, const handout_t *out, const zloom_turn_t *turn)
{
    zloom_bus_listener_t *listener = out->listener;
    const size_t size = self->run_count * sizeof *self->runs;
    zloom_run_t *runs = zloom_effects_memory (turn->effects, size);
    memcpy (runs, self->runs, size);
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_DELIVER);
    effect->deliver.consumer = out->member->id;
    effect->deliver.token = (zloom_token_t){self->birth.boot, 0};
    effect->deliver.runs = runs;
    effect->deliver.run_count = self->run_count;
    out->member->used_messages += out->messages;
    out->member->used_bytes += out->bytes;
    out->member->used_frames++;
    zloom_bus_given (out->member, runs, self->run_count);
    listener->delivered += out->messages;
    listener->pending_bytes =
      listener->pending.total == 0 ? 0 : s_left (listener->pending_bytes, out->bytes);
    listener->waits_since_ns = turn->now.mono_ns;
    listener->handed_ns = turn->now.mono_ns;
    listener->handed_bytes = out->bytes;
    self->delivered += out->messages;
}

/* One DELIVER to a member; returns how many messages it holds. */
static uint32_t
s_give (zloom_bus_t *self, zloom_bus_listener_t *listener, zloom_bus_member_t *member,
        uint32_t budget, const zloom_turn_t *turn)
{
    const uint64_t credit = zloom_bus_member_credit (member);
    uint32_t most = budget < ZLOOM_BUS_LEASE_MESSAGES ? budget : ZLOOM_BUS_LEASE_MESSAGES;
    most = credit < most ? (uint32_t) credit : most;
    handout_t out = {.listener = listener, .member = member};
    zloom_range_t run;
    self->run_count = 0;
    while (out.messages < most && out.messages < JOIN_MESSAGES && out.bytes < JOIN_BYTES &&
           zloom_ranges_find (&listener->pending, 0, &run) && run.first <= self->durable_seq) {
        const bool behind = out.messages > 0 && listener->gaps.count > 0;
        if (behind && listener->gaps.items[listener->gaps.head].to < run.first) {
            break; /* a hole is told where it is */
        }
        s_tell_gaps (listener, member, run.first, turn);
        const uint64_t last = run.last < self->durable_seq ? run.last : self->durable_seq;
        const uint64_t n = last - run.first + 1;
        const uint32_t want = most - out.messages;
        if (!s_take (self, &out, run.first, n < want ? (uint32_t) n : want, turn)) {
            break;
        }
    }
    if (out.messages > 0) {
        s_send (self, &out, turn);
    }
    return out.messages;
}

/* ---- one listener ---------------------------------------------------------------------------- */

/* How much was meant for how many in the time before. */
static void
s_measure (zloom_bus_t *self, zloom_now_t now)
{
    const int64_t took_ns = now.mono_ns - self->pushes_since_ns;
    if (took_ns >= GATHER_NS) {
        self->busy = self->pushes * (uint64_t) GATHER_NS / (uint64_t) took_ns >= BUSY_PUSHES;
        self->sharers = self->takers;
        self->takers = 0;
        self->pushes = 0;
        self->pushes_since_ns = now.mono_ns;
    }
}

/* Whether it waits for company: much flows, and more comes in a moment. */
static bool
s_gathers (zloom_bus_t *self, const zloom_bus_listener_t *listener, const zloom_turn_t *turn)
{
    const uint64_t times = self->busy ? self->sharers / FRAMES : 1;
    const int64_t wait_ns = GATHER_NS * (int64_t) (times < 1            ? 1
                                                   : times < GATHER_MAX ? times
                                                                        : GATHER_MAX);
    const int64_t until_ns = zloom_time_add (listener->handed_ns, wait_ns);
    if ((listener->handed_bytes < BUSY_BYTES && !self->busy) ||
        listener->pending_bytes >= JOIN_BYTES || listener->stage != ZLOOM_BUS_LIVE ||
        listener->pending.total == 0 || self->pressed || self->draining || turn->leaving ||
        turn->now.mono_ns >= until_ns) {
        return false;
    }
    self->gather_at_ns = until_ns < self->gather_at_ns ? until_ns : self->gather_at_ns;
    return true;
}

/* Its part of this round; returns how many messages were handed out. */
static uint32_t
s_serve (zloom_bus_t *self, zloom_bus_listener_t *listener, uint32_t budget,
         const zloom_turn_t *turn)
{
    uint32_t handed = 0;
    zloom_bus_member_t *member;
    size_t whose = listener->turn;
    zloom_bus_read_on (self, listener, turn);
    while (handed < budget && !s_gathers (self, listener, turn) &&
           (member = s_next_member (listener))) {
        const uint32_t some = s_give (self, listener, member, budget - handed, turn);
        handed += some;
        if (some == 0) {
            listener->turn = whose;             /* it is this one's turn again */
            if (listener->pending.total == 0) { /* the last ones of all are lost */
                s_tell_gaps (listener, member, self->durable_seq + 1, turn);
            }
            break;
        }
        whose = listener->turn;
    }
    if (listener->pending.total == 0) {
        listener->overrun = false;
        listener->past = 0;
        listener->past_bytes = 0;
    }
    zloom_bus_slow (self, listener);
    return handed;
}

static bool
s_is_idle (const zloom_bus_listener_t *listener)
{
    return listener->stage == ZLOOM_BUS_LIVE && listener->pending.total == 0 &&
           listener->gaps.count == 0 && !listener->doomed;
}

/* Those with nothing to do leave the list; the others keep their order. */
static void
s_rest (zloom_bus_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->active_count; i++) {
        zloom_bus_listener_t *listener = self->active[i];
        if (s_is_idle (listener)) {
            listener->active = false;
        } else {
            self->active[kept++] = listener;
        }
    }
    self->active_count = kept;
}

static uint32_t
s_serve_groups (zloom_bus_t *self, uint32_t budget, const zloom_turn_t *turn)
{
    uint32_t handed = 0;
    for (size_t i = 0; i < self->group_count && handed < budget; i++) {
        zloom_bus_group_t *group = self->groups[(self->group_at + i) % self->group_count];
        handed += zloom_queue_pattern.dispatch (group->queue, budget - handed, turn);
    }
    if (self->group_count > 0) {
        self->group_at = (self->group_at + 1) % self->group_count;
    }
    return handed;
}

uint32_t
zloom_bus_dispatch (void *self, uint32_t budget, const zloom_turn_t *turn)
{
    zloom_bus_t *bus = zloom_bus_of (self);
    bus->gather_at_ns = ZLOOM_NEVER;
    s_measure (bus, turn->now);
    if (bus->paused) {
        return 0;
    }
    const size_t count = bus->active_count;
    uint32_t handed = s_serve_groups (bus, budget, turn);
    for (size_t i = 0; i < count && handed < budget; i++) {
        const uint32_t left = budget - handed;
        handed +=
          s_serve (bus, bus->active[(bus->active_at + i) % count], left < PART ? left : PART, turn);
    }
    bus->active_at = count > 0 ? (bus->active_at + 1) % count : 0;
    s_rest (bus);
    zloom_bus_end_doomed (bus, turn);
    zloom_bus_let_go (bus, turn->now, turn->effects);
    zloom_assert (zloom_bus_check (bus));
    return handed;
}
