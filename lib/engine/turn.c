/* SPDX-License-Identifier: MPL-2.0 */
/* turn.c - the seven stages of a turn, in their order. */
#include "base/log.h"
#include "base/tag.h"
#include "engine/core.h"
#include "engine/trail_watch.h"

/* A turn that comes later than this, or a heartbeat, was stopped by the system: deadlines move. */
#define LATE_NS ZLOOM_NS_PER_S
/* Messages handed out by one flow before the next one. */
#define DISPATCH_MESSAGES 65536u
/* ... by one where each subscriber gets all: what came in one turn has to go out in it to each of
 * them, and hands out whole packs. */
#define DISPATCH_ALL (16u * DISPATCH_MESSAGES)
/* While the journal has no room: when to look again, unless it wakes us before. */
#define BLOCKED_NS ZLOOM_NS_PER_MS
/* Dead letters that wait for room on the disk: how often to look. */
#define WAITS_NS (200 * ZLOOM_NS_PER_MS)
#define DISPATCH_RECORDS 16
#define DISPATCH_BYTES 65536

/* ---- 1: clocks ----------------------------------------------------------------------------- */

static void
s_clocks (zloom_engine_t *self, zloom_now_t now)
{
    const int64_t late_ns = self->next_turn_ns < now.mono_ns ? now.mono_ns - self->next_turn_ns : 0;
    self->now = now;
    self->turn_no++;
    self->more = false;
    if (late_ns <= (self->heartbeat_ns < LATE_NS ? self->heartbeat_ns : LATE_NS)) {
        return;
    }
    zloom_log (ZLOOM_LOG_WARN, "turn-late", "router=%s late_ms=%lld", self->name,
               (long long) (late_ns / ZLOOM_NS_PER_MS));
    zloom_sessions_shift (self->sessions, late_ns);
    for (size_t i = 0; i < self->flow_count; i++) {
        const zloom_event_t event = {.type = ZLOOM_EVENT_SHIFT, .shift_ns = late_ns};
        zloom_engine_feed (self, self->flows[i], &event);
    }
}

/* ---- 2: control ---------------------------------------------------------------------------- */

/* The journal has stopped: nothing more is confirmed, everybody is told. */
static void
s_fail (zloom_engine_t *self)
{
    zloom_journal_failed (self->disk.journal);
    zloom_log (ZLOOM_LOG_ERROR, "journal-failed", "router=%s %s", self->name, zloom_note ());
    self->failed = true;
    zloom_hold_clear (self->hold);
    zloom_session_t *session;
    for (size_t i = 0; (session = zloom_sessions_next (self->sessions, &i));) {
        zloom_engine_bye (self, session, ZLOOM_DISK, "the router's journal has failed");
    }
}

static bool
s_control (zloom_engine_t *self)
{
    if (self->failed) {
        return false;
    }
    zloom_journal_poll (self->disk.journal, self->now);
    zloom_journal_poll (self->memory.journal, self->now);
    if (zloom_journal_failed (self->disk.journal) != ZLOOM_OK) {
        s_fail (self);
        return false;
    }
    zloom_engine_arrivals (self);
    return true;
}

/* ---- 4: timers ----------------------------------------------------------------------------- */

/* A pattern with much to do wants a few TIMER events a turn, others have theirs in between. */
#define TIMERS_OF_TURN 4

static bool
s_flow_timers (zloom_engine_t *self)
{
    bool blocked = false;
    bool some = true;
    for (int round = 0; round < TIMERS_OF_TURN && some && !blocked; round++) {
        some = false;
        for (size_t i = 0; i < self->flow_count; i++) {
            zloom_hosted_t *flow = self->flows[i];
            if (flow->pattern->next_deadline (flow->core) > self->now.mono_ns) {
                continue;
            }
            some = true;
            if (zloom_engine_room (self, flow, ZLOOM_ENGINE_EVENT_RECORDS,
                                   flow->dead_letter ? ZLOOM_ENGINE_MOVE_BYTES
                                                     : ZLOOM_ENGINE_EVENT_BYTES,
                                   false) != ZLOOM_OK) {
                blocked = true;
                continue;
            }
            const zloom_event_t event = {.type = ZLOOM_EVENT_TIMER};
            zloom_engine_feed (self, flow, &event);
        }
    }
    return blocked;
}

/* ---- 5: seal ------------------------------------------------------------------------------- */

static void
s_seal (zloom_engine_t *self)
{
    zloom_engine_flush_confirms (self);
    zloom_trail_store (self);
    if (self->memory.seal_at_ns != ZLOOM_NEVER) {
        zloom_engine_seal (self, &self->memory);
    }
    if (self->disk.seal_at_ns <= self->now.mono_ns || self->draining) {
        zloom_engine_seal (self, &self->disk);
    }
}

/* ---- 6: release ---------------------------------------------------------------------------- */

static void
s_durable (zloom_engine_t *self, zloom_hosted_t *flow, uint64_t durable)
{
    uint64_t seq = 0;
    while (flow->mark_count > 0 && flow->marks[flow->mark_head].group <= durable) {
        seq = flow->marks[flow->mark_head].seq;
        flow->mark_head = (flow->mark_head + 1) % flow->mark_capacity;
        flow->mark_count--;
    }
    if (seq > flow->durable_seq) {
        flow->durable_seq = seq;
        const zloom_event_t event = {.type = ZLOOM_EVENT_DURABLE, .durable_seq = seq};
        zloom_engine_feed (self, flow, &event);
    }
}

static uint32_t
s_budget (const zloom_hosted_t *flow)
{
    return flow->pattern->next_subscriber ? DISPATCH_ALL : DISPATCH_MESSAGES;
}

static void
s_dispatch_call (zloom_hosted_t *flow, const zloom_turn_t *turn, void *arg)
{
    uint32_t *handed = arg;
    *handed = flow->pattern->dispatch (flow->core, s_budget (flow), turn);
}

static void
s_dispatch (zloom_engine_t *self, zloom_hosted_t *flow)
{
    uint32_t handed = 0;
    if (!flow->configured ||
        zloom_engine_room (self, flow, DISPATCH_RECORDS, DISPATCH_BYTES, false) != ZLOOM_OK) {
        return;
    }
    zloom_engine_call (self, flow, s_dispatch_call, &handed);
    if (handed >= s_budget (flow)) {
        self->more = true;
    }
}

static void
s_release (zloom_engine_t *self)
{
    zloom_engine_release (self);
    const uint64_t durable = zloom_journal_durable (self->disk.journal);
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_hosted_t *flow = self->flows[i];
        s_durable (self, flow, durable);
        if (flow->watchers) {
            zloom_engine_watch (self, flow);
        }
        zloom_engine_end_sessions (self); /* those who are lost are handed nothing */
        s_dispatch (self, flow);
        zloom_hosted_trim (flow);
    }
    zloom_engine_end_sessions (self);
}

/* ---- draining ------------------------------------------------------------------------------ */

void
zloom_engine_drain (zloom_engine_t *self, int64_t deadline_ns)
{
    zloom_engine_check (self);
    self->draining = true;
    self->drain_by_ns = deadline_ns;
}

bool
zloom_engine_drained (const zloom_engine_t *self)
{
    zloom_engine_check (self);
    return self->drained;
}

static bool
s_is_quiet (const zloom_engine_t *self)
{
    if (zloom_hold_count (self->hold) > 0 || self->confirming ||
        self->disk.staged > zloom_journal_durable (self->disk.journal)) {
        return false;
    }
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_flow_stats_t stats = {0};
        self->flows[i]->pattern->stats (self->flows[i]->core, self->now, &stats);
        if (stats.leased > 0) {
            return false;
        }
    }
    return true;
}

static void
s_drain (zloom_engine_t *self)
{
    if (!self->draining || self->drained ||
        (self->now.mono_ns < self->drain_by_ns && !s_is_quiet (self))) {
        return;
    }
    zloom_session_t *session;
    for (size_t i = 0; (session = zloom_sessions_next (self->sessions, &i));) {
        zloom_engine_bye (self, session, ZLOOM_OK, "the router is leaving");
        zloom_engine_part (session)->in_peace = true;
    }
    zloom_engine_end_sessions (self);
    self->drained = true;
}

/* ---- 7: when to come back ------------------------------------------------------------------ */

static int64_t
s_earlier (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
s_next_turn (const zloom_engine_t *self, int64_t wake_ns, bool blocked)
{
    if (self->more) {
        return self->now.mono_ns;
    }
    int64_t next = s_earlier (wake_ns, zloom_sessions_deadline (self->sessions));
    /* A seal that is due and did not happen waits for the committer, who wakes us. */
    if (self->disk.seal_at_ns > self->now.mono_ns) {
        next = s_earlier (next, self->disk.seal_at_ns);
    }
    if (self->memory.seal_at_ns != ZLOOM_NEVER) {
        return self->now.mono_ns;
    }
    next = s_earlier (next, zloom_journal_deadline (self->disk.journal));
    next = s_earlier (next, zloom_journal_deadline (self->memory.journal));
    for (size_t i = 0; i < self->flow_count && !blocked; i++) {
        next = s_earlier (next, self->flows[i]->pattern->next_deadline (self->flows[i]->core));
    }
    if (self->wait_count > 0) {
        next = s_earlier (next, self->now.mono_ns + WAITS_NS);
    }
    if (blocked || self->ending_count > 0 || self->arrival_count > 0 ||
        zloom_sessions_waiting (self->sessions) > 0) {
        next = s_earlier (next, self->now.mono_ns + BLOCKED_NS);
    }
    if (self->draining) {
        /* Drained: the carrier asks at once, instead of sleeping until something comes. */
        next = self->drained ? self->now.mono_ns : s_earlier (next, self->drain_by_ns);
    }
    return next;
}

int64_t
zloom_engine_turn (zloom_engine_t *self, zloom_now_t now)
{
    zloom_engine_check (self);
    zloom_assert (self->started);
    s_clocks (self, now);
    if (!s_control (self)) {
        return ZLOOM_NEVER;
    }
    zloom_engine_receive (self);
    zloom_engine_beats (self);
    /* Before the timers: who is gone gives its leases back, it does not let them run out. */
    zloom_engine_end_sessions (self);
    const bool blocked = s_flow_timers (self);
    const int64_t jobs_ns = zloom_engine_jobs (self);
    s_seal (self);
    s_release (self);
    zloom_trail_store (self);
    s_drain (self);
    const int64_t grant_ns = zloom_engine_grant (self);
    /* What was due before is due now: a turn that comes at once is not late by all that time. */
    const int64_t next_ns = s_next_turn (self, s_earlier (grant_ns, jobs_ns), blocked);
    self->next_turn_ns = next_ns > now.mono_ns ? next_ns : now.mono_ns;
    return self->next_turn_ns;
}
