/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_keep.c - what is kept, for whom, and what may go.
 *
 * A message is kept while a durable group needs it, a listener waits for it, or `retain` holds it.
 * The limit goes before retain, and before what waits for listeners that drop: only durable groups
 * and listeners that block (until their time is over) make senders wait.
 */
#include "patterns/bus/state.h"
#include "wire/encode.h"

/* When some must go, this part of the limit goes beyond what is needed: not at each message. */
#define MORE 16
/* How often it is looked for what is too old, in parts of the age; within these bounds. */
#define AGE_PARTS 100
#define AGE_LOOK_NS (1 * ZLOOM_NS_PER_S)
#define AGE_LOOK_MOST_NS (60 * ZLOOM_NS_PER_S)
/* A sender's clock that says the same but for this is believed when the router starts again. */
#define NEAR_NS ZLOOM_NS_PER_S

static bool
s_retains (const zloom_bus_t *self)
{
    return self->config.retain_age_ns > 0 || self->config.retain_bytes > 0 ||
           self->config.retain_messages > 0;
}

/* Messages that are kept: of holes between them only what groups leave is counted. */
static uint64_t
s_used (const zloom_bus_t *self)
{
    const uint64_t kept = zloom_bus_there (self, self->kept);
    return kept > self->hard ? kept : self->hard;
}

/* About the bytes of n of them. */
static uint64_t
s_bytes_of (const zloom_bus_t *self, uint64_t n)
{
    const uint64_t all = zloom_bus_there (self, self->floor);
    return n == all || all == 0
             ? self->sizes.bytes
             : (uint64_t) ((double) self->sizes.bytes / (double) all * (double) n);
}

void
zloom_bus_keep (zloom_bus_t *self, uint64_t first, uint64_t last, uint64_t bytes, zloom_now_t now)
{
    zloom_sizes_add (&self->sizes, first, last, bytes);
    const zloom_ages_t *ages = &self->arrivals;
    if (ages->count > 0 && ages->marks[ages->count - 1].wall_ns > now.wall_ns) {
        zloom_ages_level (&self->arrivals, now.wall_ns); /* the clock was set back */
    }
    zloom_ages_add (&self->arrivals, first, now.wall_ns);
    self->arrived_ns = now.wall_ns;
    if (self->config.retain_bytes > 0) {
        zloom_sizes_add (&self->retained_sizes, first, last, bytes);
    }
    if (self->config.retain_age_ns > 0 && self->retain_at_ns == ZLOOM_NEVER) {
        self->retain_at_ns = now.mono_ns; /* at the next look: when that is */
    }
}

uint64_t
zloom_bus_arrived (const zloom_bus_t *self, int64_t wall_ns)
{
    const zloom_ages_t *ages = &self->arrivals;
    uint64_t seq = self->floor;
    if (self->arrived_ns > 0 && wall_ns > zloom_time_add (self->arrived_ns, NEAR_NS)) {
        return self->next_seq; /* nothing has come since */
    }
    for (size_t i = 0; i < ages->count && ages->marks[i].wall_ns <= wall_ns; i++) {
        seq = ages->marks[i].seq > seq ? ages->marks[i].seq : seq;
    }
    return seq;
}

/* ---- retain ---------------------------------------------------------------------------------- */

void
zloom_bus_retain_from (zloom_bus_t *self, uint64_t seq)
{
    if (seq <= self->retained) {
        return;
    }
    if (self->retained_sizes.bytes > 0) {
        zloom_sizes_remove (&self->retained_sizes, self->retained, seq - 1);
    }
    self->retained = seq;
}

void
zloom_bus_recount_retained (zloom_bus_t *self, zloom_now_t now)
{
    for (uint64_t at = self->retained; self->config.retain_bytes > 0 && at < self->next_seq;) {
        const uint64_t left = self->next_seq - at;
        const uint64_t n = left < ZLOOM_SIZES_CHUNK ? left : ZLOOM_SIZES_CHUNK;
        zloom_sizes_add (&self->retained_sizes, at, at + n - 1,
                         n * zloom_sizes_mean (&self->sizes, at));
        at += n;
    }
    zloom_ages_level (&self->arrivals, now.wall_ns);
    const bool known = self->arrived_ns > 0 && self->arrived_ns < now.wall_ns;
    self->arrived_ns = known ? self->arrived_ns : now.wall_ns;
    self->retain_at_ns = self->config.retain_age_ns > 0 ? now.mono_ns : ZLOOM_NEVER;
}

int64_t
zloom_bus_arrival (const zloom_src_t *src, zloom_now_t now)
{
    const bool near =
      src->base_time_ns >= now.wall_ns - NEAR_NS && src->base_time_ns <= now.wall_ns + NEAR_NS;
    return near ? 0 : now.wall_ns;
}

static void
s_age (zloom_bus_t *self, zloom_now_t now)
{
    if (self->config.retain_age_ns == 0 || now.mono_ns < self->retain_at_ns) {
        return;
    }
    const int64_t old_ns = now.wall_ns - self->config.retain_age_ns;
    zloom_bus_retain_from (self, self->arrived_ns <= old_ns ? self->next_seq
                                                            : zloom_bus_arrived (self, old_ns));
    int64_t look_ns = self->config.retain_age_ns / AGE_PARTS;
    look_ns = look_ns < AGE_LOOK_NS ? AGE_LOOK_NS : look_ns;
    look_ns = look_ns > AGE_LOOK_MOST_NS ? AGE_LOOK_MOST_NS : look_ns;
    self->retain_at_ns =
      self->retained < self->next_seq ? zloom_time_add (now.mono_ns, look_ns) : ZLOOM_NEVER;
}

static void
s_retain (zloom_bus_t *self, zloom_now_t now)
{
    if (!s_retains (self)) {
        zloom_bus_retain_from (self, self->next_seq);
        self->retain_at_ns = ZLOOM_NEVER;
        return;
    }
    s_age (self, now);
    const uint64_t most = (uint64_t) self->config.retain_messages;
    if (most > 0 && self->next_seq - self->retained > most) {
        zloom_bus_retain_from (self, self->next_seq - most);
    }
    const uint64_t bytes = (uint64_t) self->config.retain_bytes;
    while (bytes > 0 && self->retained_sizes.bytes > bytes && self->retained < self->next_seq) {
        const uint64_t mean = zloom_sizes_mean (&self->retained_sizes, self->retained);
        uint64_t n = (self->retained_sizes.bytes - bytes - 1) / (mean > 0 ? mean : 1) + 1;
        const uint64_t left = self->next_seq - self->retained;
        n = n < ZLOOM_SIZES_CHUNK ? n : ZLOOM_SIZES_CHUNK; /* the mean holds no longer */
        zloom_bus_retain_from (self, self->retained + (n < left ? n : left));
    }
}

/* ---- letting go ------------------------------------------------------------------------------ */

/* The lowest number that a listener waits for, or has not come to. */
static uint64_t
s_wants_from (const zloom_bus_listener_t *listener, uint64_t end)
{
    zloom_range_t run;
    uint64_t from = listener->stage == ZLOOM_BUS_LIVE ? end : listener->at;
    if (listener->stage == ZLOOM_BUS_GATHERS) {
        void *value;
        for (size_t i = 0;
             listener->last_of && zloom_map_next (listener->last_of, &i, NULL, &value);) {
            const uint64_t seq = (uint64_t) (uintptr_t) value;
            from = seq < from ? seq : from;
        }
    }
    if (zloom_ranges_find (&listener->pending, 0, &run) && run.first < from) {
        from = run.first;
    }
    return from;
}

static bool
s_makes_wait (const zloom_bus_listener_t *listener)
{
    return listener->on_slow == ZLOOM_ON_SLOW_BLOCK && !listener->overrun;
}

void
zloom_bus_let_go (zloom_bus_t *self, zloom_now_t now, zloom_effects_t *effects)
{
    s_retain (self, now);
    uint64_t kept = self->retained;
    uint64_t hard = 0;
    for (size_t i = 0; i < self->active_count; i++) {
        const uint64_t from = s_wants_from (self->active[i], self->next_seq);
        kept = from < kept ? from : kept;
        const uint64_t waits = s_makes_wait (self->active[i]) ? zloom_bus_there (self, from) : 0;
        hard = waits > hard ? waits : hard;
    }
    uint64_t floor = kept;
    for (size_t i = 0; i < self->group_count; i++) {
        const uint64_t from = zloom_queue_floor (self->groups[i]->queue);
        floor = from < floor ? from : floor;
        const uint64_t waits = zloom_queue_backlog (self->groups[i]->queue);
        hard = waits > hard ? waits : hard;
    }
    self->kept = kept;
    self->hard = hard;
    if (floor > self->floor) {
        zloom_bus_unkeep (self, floor);
        zloom_ages_drop (&self->arrivals, floor);
        zloom_numbers_remove (&self->returned, 0, floor - 1);
        for (size_t i = 0; i < self->group_count; i++) {
            zloom_numbers_remove (&self->groups[i]->others, 0, floor - 1);
            zloom_queue_forget_why (self->groups[i]->queue, floor);
        }
        if (effects) {
            zloom_effect_t *effect = zloom_effects_add (effects, ZLOOM_EFFECT_FORGET);
            effect->forget = (zloom_range_t){self->floor, floor - 1};
        }
        self->floor = floor;
    }
    uint64_t messages;
    uint64_t bytes;
    zloom_bus_room (self, &messages, &bytes);
    self->pressed = messages < (uint64_t) self->config.limit_messages / 4 ||
                    bytes < (uint64_t) self->config.limit_bytes / 4;
}

bool
zloom_bus_next_live (const void *self, uint64_t from, uint64_t last, zloom_range_t *run)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    last = last < bus->next_seq - 1 ? last : bus->next_seq - 1;
    bool found = false;
    if (from <= last && last >= bus->kept) {
        *run = (zloom_range_t){from > bus->kept ? from : bus->kept, last};
        found = true;
    }
    for (size_t i = 0; i < bus->group_count && from <= last; i++) {
        const zloom_bus_group_t *group = bus->groups[i];
        const uint64_t seen = zloom_queue_pattern.next_seq (group->queue);
        zloom_range_t one;
        bool wants = zloom_queue_pattern.next_live (group->queue, from, last, &one);
        if (!wants && group->behind && last >= seen) {
            one = (zloom_range_t){from > seen ? from : seen, last};
            wants = true;
        }
        if (wants && (!found || one.first < run->first)) {
            *run = one;
            found = true;
        }
    }
    return found;
}

/* ---- limits ---------------------------------------------------------------------------------- */

static uint64_t
s_limit (int64_t limit)
{
    return limit > 0 ? (uint64_t) limit : UINT64_MAX;
}

void
zloom_bus_room (const void *self, uint64_t *messages, uint64_t *bytes)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    const uint64_t limit_n = s_limit (bus->config.limit_messages);
    const uint64_t limit_bytes = s_limit (bus->config.limit_bytes);
    *messages = UINT64_MAX;
    *bytes = UINT64_MAX;
    if (bus->config.on_full == ZLOOM_ON_FULL_DROP_OLDEST) {
        return;
    }
    if (limit_n != UINT64_MAX) {
        *messages = bus->hard < limit_n ? limit_n - bus->hard : 0;
    }
    if (limit_bytes != UINT64_MAX) {
        const uint64_t held = s_bytes_of (bus, bus->hard);
        *bytes = held < limit_bytes ? limit_bytes - held : 0;
    }
}

/* What is over the limit once n messages of `bytes` bytes are in. */
static bool
s_over (const zloom_bus_t *self, uint64_t n, uint64_t bytes, uint64_t *over_n, uint64_t *over_bytes)
{
    const uint64_t limit_n = s_limit (self->config.limit_messages);
    const uint64_t limit_bytes = s_limit (self->config.limit_bytes);
    const uint64_t used_n = s_used (self) + n;
    const uint64_t used_bytes = s_bytes_of (self, s_used (self)) + bytes;
    *over_n = used_n > limit_n ? used_n - limit_n : 0;
    *over_bytes = used_bytes > limit_bytes ? used_bytes - limit_bytes : 0;
    return *over_n > 0 || *over_bytes > 0;
}

/* How many messages have to go so that so much is gone. */
static uint64_t
s_count (const zloom_bus_t *self, uint64_t over_n, uint64_t over_bytes)
{
    const uint64_t used = s_used (self);
    uint64_t n = over_n > 0 ? over_n + (uint64_t) self->config.limit_messages / MORE : 0;
    if (over_bytes > 0) {
        over_bytes += (uint64_t) self->config.limit_bytes / MORE;
        const uint64_t mean = used > 0 ? s_bytes_of (self, used) / used : 0;
        const uint64_t some = over_bytes / (mean > 0 ? mean : 1) + 1;
        n = some > n ? some : n;
    }
    return n < used ? n : used;
}

/* A limit or a hand took what would be retained by the recipe: that outlives a restart. */
void
zloom_bus_record_trim (zloom_bus_t *self, zloom_settle_reason_t reason, const zloom_turn_t *turn)
{
    if (!s_retains (self) || self->config.confirm != ZLOOM_CONFIRM_DISK) {
        return;
    }
    zloom_buf_clear (&self->buf);
    zloom_encode_array (&self->buf, 1);
    zloom_encode_uint (&self->buf, reason);
    const zloom_bytes_t head = zloom_effects_copy (turn->effects, zloom_buf_bytes (&self->buf));
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_RECORD);
    effect->record.type = ZLOOM_STORED_TRIM;
    effect->record.seq = self->retained;
    effect->record.head = head;
}

/* What is retained, and what waits for listeners that drop (`all`: also for those that block). */
static void
s_drop (zloom_bus_t *self, uint64_t seq, bool all, const zloom_turn_t *turn)
{
    zloom_bus_retain_from (self, seq);
    for (size_t i = 0; i < self->active_count; i++) {
        zloom_bus_listener_t *listener = self->active[i];
        if (all || !s_makes_wait (listener)) {
            zloom_bus_lose_below (self, listener, seq, "limit");
            zloom_bus_read_from (self, listener, seq, turn);
        }
    }
}

/* What comes to a copy comes once: nothing that is there may keep it out. */
static bool
s_may_try (const zloom_bus_t *self, int tries)
{
    return tries < ZLOOM_BUS_DROP_TRIES || (self->config.copy_of && s_used (self) > 0);
}

zloom_err_t
zloom_bus_fit (zloom_bus_t *self, uint64_t n, uint64_t bytes, const zloom_turn_t *turn)
{
    uint64_t over_n;
    uint64_t over_bytes;
    if (!s_over (self, n, bytes, &over_n, &over_bytes)) {
        return ZLOOM_OK;
    }
    if (n > s_limit (self->config.limit_messages) || bytes > s_limit (self->config.limit_bytes)) {
        return ZLOOM_TOO_BIG;
    }
    zloom_bus_let_go (self, turn->now, turn->effects);
    const uint64_t retained = self->retained;
    const bool force = self->config.on_full == ZLOOM_ON_FULL_DROP_OLDEST;
    uint32_t runs_left = ZLOOM_BUS_DROP_RUNS;
    /* Sizes are means where messages differ: what was counted may not be enough at once. */
    for (int tries = 0; s_may_try (self, tries) && s_over (self, n, bytes, &over_n, &over_bytes);
         tries++) {
        const uint64_t count = s_count (self, over_n, over_bytes);
        const uint64_t keep = s_used (self) - count;
        if (force) {
            zloom_bus_drop_groups (self, keep, &runs_left, turn);
        }
        if (zloom_bus_there (self, self->kept) > keep) {
            s_drop (self, zloom_bus_last_of (self, keep), force, turn);
        }
        zloom_bus_let_go (self, turn->now, turn->effects);
    }
    if (self->retained > retained) {
        zloom_bus_record_trim (self, ZLOOM_REASON_DROPPED, turn);
    }
    if (s_over (self, n, bytes, &over_n, &over_bytes)) {
        self->pressed = true;
        return ZLOOM_FULL;
    }
    return ZLOOM_OK;
}
