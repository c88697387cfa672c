/* SPDX-License-Identifier: MPL-2.0 */
/* queue.c - making and counting, and the pattern's table: read state.h first. */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/queue/state.h"

/* Retries that come due in one TIMER event at most, so that a turn stays short. */
#define DUE_BURST 16384

static void
s_configure (void *self, const zloom_flow_config_t *config)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    zloom_flow_config_t copy = zloom_flow_config_copy (config);
    zloom_flow_config_fini (&queue->config);
    queue->config = copy;
    zloom_queue_order_configure (queue);
    zloom_queue_keys_configure (queue);
    zloom_intake_name (&queue->intake, config->name);
}

static void *
s_create (const zloom_flow_config_t *config, const zloom_birth_t *birth)
{
    zloom_queue_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_QUEUE_TAG;
    self->boot = birth->boot;
    memcpy (self->secret, birth->secret, sizeof self->secret);
    self->next_seq = birth->first_seq;
    self->boot_seq = birth->first_seq;
    self->durable_seq = birth->first_seq - 1;
    self->next_token = 1;
    self->expiry_at_ns = ZLOOM_NEVER;
    self->parked = zloom_map_new ();
    zloom_done_init (&self->done, birth->first_seq);
    self->leases = zloom_leases_new ();
    self->exceptions = zloom_exceptions_new ();
    zloom_intake_init (&self->intake);
    self->consumers = zloom_idmap_new ();
    s_configure (self, config);
    return self;
}

static void
s_destroy (void **self_p)
{
    zloom_assert (self_p);
    if (!*self_p) {
        return;
    }
    zloom_queue_t *self = zloom_queue_of (*self_p);
    zloom_flow_config_fini (&self->config);
    zloom_done_fini (&self->done);
    for (size_t rank = 0; rank < ZLOOM_RANKS; rank++) {
        zloom_ready_fini (&self->ready[rank]);
    }
    zloom_ranks_fini (&self->ranks);
    zloom_suspects_fini (&self->suspects);
    zloom_leases_destroy (&self->leases);
    zloom_numbers_fini (&self->waiting);
    zloom_numbers_fini (&self->moving);
    zloom_numbers_fini (&self->damaged);
    zloom_numbers_fini (&self->overflow);
    zloom_numbers_fini (&self->expired);
    zloom_numbers_fini (&self->followers);
    zloom_numbers_fini (&self->stuck);
    zloom_lanes_destroy (&self->lanes);
    zloom_map_destroy (&self->parked);
    zloom_expiries_fini (&self->expiries);
    zloom_ids_fini (&self->ids);
    zloom_numbers_fini (&self->unseen);
    zloom_numbers_fini (&self->left_dead);
    zloom_numbers_fini (&self->left_dropped);
    zloom_missing_fini (&self->missing);
    zloom_exceptions_destroy (&self->exceptions);
    zloom_sizes_fini (&self->sizes);
    zloom_intake_fini (&self->intake);
    for (size_t i = 0; i < self->ring_count; i++) {
        free (self->ring[i]);
    }
    zloom_idmap_destroy (&self->consumers);
    zloom_idmap_destroy (&self->lowest_of);
    free (self->ring);
    free (self->leaving);
    free (self->touched);
    free (self->recalls);
    free (self->lost);
    free (self->gathered);
    free (self->members);
    free (self->runs);
    free (self->facts);
    free (self->results);
    zloom_buf_fini (&self->buf);
    zloom_buf_fini (&self->states);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

/* ---- counting -------------------------------------------------------------------------------- */

uint64_t
zloom_queue_unsettled (const zloom_queue_t *self)
{
    return self->next_seq - self->done.floor - self->done.above.total;
}

uint64_t
zloom_queue_used_messages (const zloom_queue_t *self)
{
    return zloom_queue_unsettled (self) - self->moving.total;
}

uint64_t
zloom_queue_used_bytes (const zloom_queue_t *self)
{
    uint64_t unsettled = zloom_queue_unsettled (self);
    if (self->moving.total == 0 || unsettled == 0) {
        return self->sizes.bytes;
    }
    uint64_t moving = self->sizes.bytes / unsettled * self->moving.total;
    return self->sizes.bytes - moving;
}

bool
zloom_queue_check (const void *self)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    uint64_t left = 0;
    for (size_t way = 0; way < ZLOOM_WAYS; way++) {
        left += queue->left[way];
    }
    uint64_t placed = zloom_queue_ready_total (queue) + queue->suspects.numbers.total +
                      zloom_leases_messages (queue->leases) + queue->waiting.total +
                      queue->moving.total;
    uint64_t unsettled = zloom_queue_unsettled (queue);
    return placed == unsettled && queue->appended == unsettled + left &&
           (unsettled > 0 || queue->sizes.bytes == 0);
}

static void
s_stats (const void *self, zloom_now_t now, zloom_flow_stats_t *stats)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    (void) now;
    *stats = (zloom_flow_stats_t){
      .ready = zloom_queue_ready_total (queue) + queue->suspects.numbers.total,
      .leased = zloom_leases_messages (queue->leases),
      .waiting = queue->waiting.total,
      .moving = queue->moving.total,
      .bytes = queue->sizes.bytes,
      .consumers = queue->ring_count,
      .appended = queue->appended,
      .acked = queue->left[ZLOOM_REASON_ACKED],
      .dead = queue->left[ZLOOM_REASON_MOVED],
      .requeued = queue->left[ZLOOM_WAY_REQUEUED],
      .expired = queue->left[ZLOOM_REASON_EXPIRED],
      .purged = queue->left[ZLOOM_REASON_PURGED],
      .dropped = queue->left[ZLOOM_REASON_DROPPED],
      .lost = queue->left[ZLOOM_REASON_LOST],
      .acquired = queue->acquired,
      .failures = queue->failures,
      .released = queue->released,
      .lease_ends = queue->lease_ends,
      .stale = queue->stale,
      .duplicates = queue->intake.duplicates,
      .refused = queue->intake.refused,
      .stuck = queue->stuck.total + zloom_map_count (queue->parked),
      .paused = queue->paused,
      .draining = queue->draining,
    };
    for (size_t i = 0; i < queue->ring_count; i++) {
        stats->credit += zloom_queue_consumer_credit (queue->ring[i]);
    }
    const zloom_exception_t *due = zloom_exceptions_first (queue->exceptions);
    stats->due_mono_ns = due ? due->timer.deadline_ns : ZLOOM_NEVER;
    stats->due_failures = due ? due->failures : 0;
    if (zloom_queue_unsettled (queue) > 0) {
        stats->oldest_wall_ns = zloom_ages_at (&queue->ages, queue->done.floor);
    }
}

static void
s_room (const void *self, uint64_t *messages, uint64_t *bytes)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    *messages = UINT64_MAX;
    *bytes = UINT64_MAX;
    if (queue->config.on_full == ZLOOM_ON_FULL_DROP_OLDEST) {
        return;
    }
    if (queue->config.limit_messages > 0) {
        uint64_t limit = (uint64_t) queue->config.limit_messages;
        uint64_t used = zloom_queue_used_messages (queue);
        *messages = used < limit ? limit - used : 0;
    }
    if (queue->config.limit_bytes > 0) {
        uint64_t limit = (uint64_t) queue->config.limit_bytes;
        uint64_t used = zloom_queue_used_bytes (queue);
        *bytes = used < limit ? limit - used : 0;
    }
}

static bool
s_producer (const void *self, zloom_bytes_t name, uint64_t *high, zloom_bytes_t *mark,
            zloom_bytes_t *owner)
{
    return zloom_intake_producer (&zloom_queue_of_const (self)->intake, name, high, mark, owner);
}

static uint64_t
s_next_seq (const void *self)
{
    return zloom_queue_of_const (self)->next_seq;
}

static bool
s_next_live (const void *self, uint64_t from, uint64_t last, zloom_range_t *run)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    uint64_t end = queue->next_seq - 1;
    return zloom_done_gap (&queue->done, from, last < end ? last : end, run);
}

static bool
s_next_free (const void *self, uint64_t from, zloom_range_t *run)
{
    return zloom_queue_free_run (zloom_queue_of_const (self), from, UINT64_MAX, run);
}

static uint64_t
s_adopt (void *self, zloom_bytes_t producer, uint64_t next, const zloom_turn_t *turn)
{
    return zloom_intake_adopt (&zloom_queue_of (self)->intake, producer, next, turn);
}

static bool
s_repeat (void *self, size_t bytes, const zloom_turn_t *turn)
{
    return zloom_intake_repeat (&zloom_queue_of (self)->intake, bytes, turn);
}

/* ---- events ---------------------------------------------------------------------------------- */

void
zloom_queue_record (zloom_queue_t *self, uint8_t type, uint64_t seq, uint64_t count,
                    const zloom_turn_t *turn)
{
    zloom_bytes_t head = zloom_effects_copy (turn->effects, zloom_buf_bytes (&self->buf));
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_RECORD);
    effect->record.type = type;
    effect->record.group = self->group;
    effect->record.seq = seq;
    effect->record.count = count < UINT32_MAX ? (uint32_t) count : UINT32_MAX;
    effect->record.head = head;
}

static void
s_take_out (zloom_queue_t *self, const zloom_event_t *event)
{
    uint64_t first = event->take_out.first;
    const uint64_t last = first + event->take_out.n - 1;
    if (event->take_out.n == 0 || last < first) {
        return;
    }
    uint8_t way =
      event->take_out.reason == ZLOOM_REASON_MOVED ? ZLOOM_WAY_REQUEUED : ZLOOM_REASON_PURGED;
    zloom_range_t run;
    for (; zloom_queue_free_run (self, first, last, &run); first = run.last + 1) {
        zloom_queue_pull (self, &run);
        zloom_queue_lose (self, run.first, run.last, way);
    }
}

static void
s_fetched (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    uint64_t seq = event->fetched.seq;
    bool bad = event->fetched.err == ZLOOM_DAMAGED || event->fetched.err == ZLOOM_NOT_FOUND;
    zloom_range_t run;
    if (bad && zloom_queue_free_run (self, seq, seq, &run)) {
        zloom_queue_pull (self, &run);
        zloom_queue_lose (self, seq, seq, ZLOOM_REASON_LOST);
    } else if (bad && zloom_numbers_has (&self->moving, seq)) {
        zloom_numbers_add (&self->damaged, seq, seq);
    }
    self->moving_blocked = false;
    self->walk_blocked = false;
    zloom_queue_plan_expiry (self, turn->now);
    if (self->group == 0) { /* groups hear it together, and move one after the other: s_timer */
        zloom_queue_move (self, turn, true);
    }
}

/* The wait of a failed or delayed message is over. */
static void
s_due (zloom_queue_t *self, zloom_exception_t *entry)
{
    const uint64_t seq = entry->seq;
    zloom_numbers_remove (&self->waiting, seq, seq);
    if (entry->failures == 0 && !entry->history) { /* a plain message from now on */
        zloom_exceptions_remove (self->exceptions, seq, seq);
        zloom_queue_add_ready (self, ZLOOM_READY_FRESH, seq, seq);
    } else {
        zloom_queue_add_ready (self, ZLOOM_READY_FAILED, seq, seq);
    }
    zloom_queue_order_due (self, seq);
}

static void
s_timer (zloom_queue_t *self, const zloom_turn_t *turn)
{
    zloom_queue_end_leases (self, turn);
    zloom_exception_t *entry;
    for (uint32_t i = 0;
         i < DUE_BURST && (entry = zloom_exceptions_due (self->exceptions, turn->now.mono_ns));
         i++) {
        s_due (self, entry);
    }
    if (self->touched_count == 0) {
        zloom_queue_expire (self, turn);
    }
    if (turn->now.mono_ns >= self->hold_until_ns) {
        self->hold_until_ns = 0;
    }
    self->scan_more = false; /* the dispatch of this turn goes on with it */
    zloom_queue_move (self, turn, self->touched_count == 0);
    zloom_intake_age (&self->intake, turn->now);
}

static int64_t
s_next_deadline (const void *self)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    if (zloom_queue_can_move (queue) || (queue->scan_more && queue->ring_count > 0)) {
        return 0;
    }
    int64_t next = queue->intake.age_at_ns;
    int64_t lease = zloom_leases_next (queue->leases);
    int64_t retry = zloom_exceptions_next (queue->exceptions);
    next = lease < next ? lease : next;
    next = queue->expiry_at_ns < next ? queue->expiry_at_ns : next;
    next = queue->hold_until_ns > 0 && queue->hold_until_ns < next ? queue->hold_until_ns : next;
    return retry < next ? retry : next;
}

static void
s_feed (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    switch (event->type) {
    case ZLOOM_EVENT_OFFER:
        zloom_queue_offer (self, event, turn);
        break;
    case ZLOOM_EVENT_SKIP:
        zloom_intake_skip (&self->intake, event, turn);
        break;
    case ZLOOM_EVENT_SESSION_END:
        zloom_producers_end (self->intake.producers, event->session);
        break;
    case ZLOOM_EVENT_SUBSCRIBE:
        zloom_queue_subscribe (self, event, turn);
        break;
    case ZLOOM_EVENT_CREDIT:
        zloom_queue_credit (self, event);
        break;
    case ZLOOM_EVENT_SETTLE:
        zloom_queue_settle (self, event, turn);
        break;
    case ZLOOM_EVENT_STARTED:
    case ZLOOM_EVENT_PROGRESS:
        zloom_queue_mark (self, event, turn);
        break;
    case ZLOOM_EVENT_UNSUBSCRIBE:
    case ZLOOM_EVENT_GONE:
        zloom_queue_leave_consumer (self, event, turn);
        break;
    case ZLOOM_EVENT_DURABLE:
        if (event->durable_seq > self->durable_seq) {
            self->durable_seq = event->durable_seq;
        }
        break;
    case ZLOOM_EVENT_FETCHED:
        s_fetched (self, event, turn);
        break;
    case ZLOOM_EVENT_TAKE_OUT:
        s_take_out (self, event);
        break;
    case ZLOOM_EVENT_FREE_KEY:
        zloom_queue_free_key (self, event, turn);
        break;
    case ZLOOM_EVENT_PAUSE:
        self->paused = true;
        break;
    case ZLOOM_EVENT_RESUME:
        self->paused = false;
        self->draining = false;
        break;
    case ZLOOM_EVENT_DRAIN:
        self->draining = true;
        break;
    case ZLOOM_EVENT_SHIFT:
        zloom_leases_shift (self->leases, event->shift_ns > 0 ? event->shift_ns : 0);
        break;
    case ZLOOM_EVENT_TIMER:
        s_timer (self, turn);
        break;
    case ZLOOM_EVENT_PASS: /* no queue is a copy */
        break;
    }
}

static void
s_event (void *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    s_feed (queue, event, turn);
    zloom_queue_order_flush (queue, turn);
    zloom_queue_flush (queue, turn);
    zloom_assert (zloom_queue_check (queue));
}

const zloom_pattern_t zloom_queue_pattern = {
  .name = "queue",
  .create = s_create,
  .destroy = s_destroy,
  .configure = s_configure,
  .restore = zloom_queue_restore,
  .replay = zloom_queue_replay,
  .recovered = zloom_queue_recovered,
  .snapshot = zloom_queue_snapshot,
  .next_live = s_next_live,
  .next_seq = s_next_seq,
  .event = s_event,
  .dispatch = zloom_queue_dispatch,
  .next_deadline = s_next_deadline,
  .check_offer = zloom_queue_check_offer,
  .check_settle = zloom_queue_check_settle,
  .room = s_room,
  .producer = s_producer,
  .adopt = s_adopt,
  .rebase = zloom_queue_rebase,
  .repeat = s_repeat,
  .next_free = s_next_free,
  .stats = s_stats,
  .next_key = zloom_queue_next_key,
  .place = zloom_queue_place,
  .lanes = zloom_queue_lanes,
};
