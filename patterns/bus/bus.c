/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus.c - making, events, and the pattern's table: read state.h first.
 */
#include "patterns/bus/bus.h"

#include <stdlib.h>

#include "base/memory.h"
#include "patterns/bus/table.h"

static void
s_configure (void *self, const zloom_flow_config_t *config)
{
    zloom_bus_t *bus = zloom_bus_of (self);
    const zloom_flow_config_t copy = zloom_flow_config_copy (config);
    zloom_flow_config_fini (&bus->config);
    bus->config = copy;
    zloom_intake_name (&bus->intake, config->name);
    zloom_bus_configure_groups (bus);
}

static void *
s_create (const zloom_flow_config_t *config, const zloom_birth_t *birth)
{
    zloom_bus_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_BUS_TAG;
    self->birth = *birth;
    self->next_seq = birth->first_seq;
    self->durable_seq = birth->first_seq - 1;
    self->floor = birth->first_seq;
    self->kept = birth->first_seq;
    self->retained = birth->first_seq;
    self->retain_at_ns = ZLOOM_NEVER;
    self->gather_at_ns = ZLOOM_NEVER;
    self->next_group = 1;
    self->trie = zloom_trie_new ();
    self->members = zloom_idmap_new ();
    self->by_name = zloom_map_new ();
    zloom_intake_init (&self->intake);
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
    zloom_bus_t *self = zloom_bus_of (*self_p);
    void *member;
    for (size_t i = 0; zloom_idmap_next (self->members, &i, NULL, &member);) {
        zloom_ranges_fini (&((zloom_bus_member_t *) member)->given.runs);
        free (member);
    }
    for (size_t i = 0; i < self->listener_count; i++) {
        zloom_bus_listener_destroy (&self->listeners[i]);
    }
    for (size_t i = 0; i < self->group_count; i++) {
        zloom_bus_group_destroy (&self->groups[i]);
    }
    zloom_idmap_destroy (&self->members);
    zloom_map_destroy (&self->by_name);
    zloom_trie_destroy (&self->trie);
    zloom_intake_fini (&self->intake);
    zloom_sizes_fini (&self->sizes);
    zloom_numbers_fini (&self->returned);
    zloom_sizes_fini (&self->retained_sizes);
    zloom_flow_config_fini (&self->config);
    free (self->who);
    free (self->free_who);
    free (self->all);
    free (self->listeners);
    free (self->active);
    free (self->groups);
    free (self->runs);
    free (self->absent);
    zloom_buf_fini (&self->buf);
    zloom_buf_fini (&self->freeing);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

static bool
s_check_listener (const zloom_bus_listener_t *listener)
{
    uint64_t untold = 0;
    for (size_t i = 0; i < listener->gaps.count; i++) {
        untold += listener->gaps.items[listener->gaps.head + i].count;
    }
    return listener->meant == listener->delivered + listener->lost + listener->pending.total &&
           listener->lost == listener->told + untold;
}

bool
zloom_bus_check (const void *self)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    bool balances = bus->floor <= bus->kept && bus->kept <= bus->next_seq;
    for (size_t i = 0; i < bus->active_count && balances; i++) {
        balances = s_check_listener (bus->active[i]);
    }
    for (size_t i = 0; i < bus->group_count && balances; i++) {
        balances = zloom_queue_check (bus->groups[i]->queue);
    }
    return balances;
}

/* ---- asked ----------------------------------------------------------------------------------- */

static uint64_t
s_next_seq (const void *self)
{
    return zloom_bus_of_const (self)->next_seq;
}

static bool
s_producer (const void *self, zloom_bytes_t name, uint64_t *high, zloom_bytes_t *mark,
            zloom_bytes_t *owner)
{
    return zloom_intake_producer (&zloom_bus_of_const (self)->intake, name, high, mark, owner);
}

static void
s_rebase (void *self, zloom_bytes_t producer, uint64_t high, zloom_bytes_t mark,
          const zloom_turn_t *turn)
{
    zloom_intake_rebase (&zloom_bus_of (self)->intake, producer, high, mark, turn);
}

static uint64_t
s_adopt (void *self, zloom_bytes_t producer, uint64_t next, const zloom_turn_t *turn)
{
    return zloom_intake_adopt (&zloom_bus_of (self)->intake, producer, next, turn);
}

static bool
s_repeat (void *self, size_t bytes, const zloom_turn_t *turn)
{
    return zloom_intake_repeat (&zloom_bus_of (self)->intake, bytes, turn);
}

static zloom_err_t
s_check_settle (const void *self, zloom_consumer_id_t consumer, const zloom_event_t *settle)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    const zloom_bus_member_t *member = zloom_idmap_get (bus->members, consumer);
    if (!member || !member->group) {
        return ZLOOM_STALE;
    }
    return zloom_queue_pattern.check_settle (member->group->queue, consumer, settle);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void
s_subscribe (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    zloom_err_t err = zloom_bus_check_copy (self, event);
    if (err == ZLOOM_OK && !zloom_idmap_get (self->members, event->consumer)) {
        const bool grouped =
          event->subscribe.group.data && zloom_bus_find_group (self, event->subscribe.group);
        err = event->subscribe.durable || grouped ? zloom_bus_join_group (self, event, turn)
                                                  : zloom_bus_listen (self, event, turn);
    }
    const zloom_bus_member_t *member = zloom_idmap_get (self->members, event->consumer);
    if (event->subscribe.leased && member) {
        *event->subscribe.leased = member->group != NULL;
    }
    if (event->subscribe.result) {
        *event->subscribe.result = err;
    }
}

/* What concerns one consumer: its group's queue hears it. */
static void
s_tell_queue (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    zloom_bus_member_t *member = zloom_idmap_get (self->members, event->consumer);
    if (!member) {
        return;
    }
    if (member->group) {
        zloom_queue_pattern.event (member->group->queue, event, turn);
        return;
    }
    if (event->type == ZLOOM_EVENT_CREDIT) {
        member->begun = true;
        member->credit_messages = event->credit.messages;
        member->credit_bytes = event->credit.bytes;
        member->credit_frames = event->credit.frames;
    }
    if (event->type == ZLOOM_EVENT_SETTLE) { /* of no lease */
        zloom_bus_refuse_settle (event, turn);
    }
}

static void
s_fetched (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    for (size_t i = 0; i < self->active_count; i++) {
        self->active[i]->blocked = false;
    }
    for (size_t i = 0; i < self->group_count; i++) {
        self->groups[i]->blocked = false;
    }
    zloom_bus_tell_groups (self, event, turn);
}

/*
 * One group has its turn: each may write as much as one event may, a dead letter of any size. A
 * group that is due, or has something of the past to look at, makes the next TIMER come at once.
 */
static void
s_time_a_group (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    for (size_t i = 0; i < self->group_count; i++) {
        zloom_bus_group_t *group = self->groups[(self->timer_at + i) % self->group_count];
        const bool due = zloom_queue_pattern.next_deadline (group->queue) <= turn->now.mono_ns;
        if (due) {
            zloom_queue_pattern.event (group->queue, event, turn);
        } else if (group->behind && !group->blocked) {
            zloom_bus_consider (self, group, turn);
        } else {
            continue;
        }
        self->timer_at = (self->timer_at + i + 1) % self->group_count;
        return;
    }
}

static void
s_timer (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    if (zloom_bus_groups_to_record (self)) {
        zloom_bus_record_groups (self, false, turn);
    } else {
        s_time_a_group (self, event, turn);
    }
    self->gather_at_ns = ZLOOM_NEVER; /* the dispatch of this turn looks anew */
    zloom_bus_press (self, turn->now);
    zloom_intake_age (&self->intake, turn->now);
}

static int64_t
s_next_deadline (const void *self)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    if (zloom_bus_groups_to_record (bus) || zloom_bus_may_read (bus)) {
        return 0;
    }
    int64_t next = bus->intake.age_at_ns;
    const int64_t press = zloom_bus_next_press (bus);
    next = press < next ? press : next;
    next = bus->gather_at_ns < next ? bus->gather_at_ns : next;
    next = bus->retain_at_ns < next ? bus->retain_at_ns : next;
    for (size_t i = 0; i < bus->group_count; i++) {
        const zloom_bus_group_t *group = bus->groups[i];
        const int64_t one =
          group->behind && !group->blocked ? 0 : zloom_queue_pattern.next_deadline (group->queue);
        next = one < next ? one : next;
    }
    return next;
}

/* By hand: nobody gets these any more. */
static void
s_take_out (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    const uint64_t first = event->take_out.first;
    const uint64_t end = first + event->take_out.n;
    if (event->take_out.n == 0 || end < first) {
        return;
    }
    zloom_bus_tell_groups (self, event, turn);
    for (size_t i = 0; i < self->listener_count; i++) {
        zloom_bus_purge (self, self->listeners[i], first, end - 1);
    }
    if (first <= self->retained && end > self->retained) {
        zloom_bus_retain_from (self, end < self->next_seq ? end : self->next_seq);
        zloom_bus_record_trim (self, ZLOOM_REASON_PURGED, turn);
    }
}

static void
s_feed (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    switch (event->type) {
    case ZLOOM_EVENT_OFFER:
        zloom_bus_offer (self, event, turn);
        break;
    case ZLOOM_EVENT_SKIP:
        zloom_intake_skip (&self->intake, event, turn);
        break;
    case ZLOOM_EVENT_SESSION_END:
        zloom_producers_end (self->intake.producers, event->session);
        break;
    case ZLOOM_EVENT_SUBSCRIBE:
        s_subscribe (self, event, turn);
        break;
    case ZLOOM_EVENT_CREDIT:
    case ZLOOM_EVENT_SETTLE:
    case ZLOOM_EVENT_STARTED:
    case ZLOOM_EVENT_PROGRESS:
        s_tell_queue (self, event, turn);
        break;
    case ZLOOM_EVENT_UNSUBSCRIBE:
    case ZLOOM_EVENT_GONE:
        zloom_bus_leave (self, event, turn);
        break;
    case ZLOOM_EVENT_DURABLE:
        if (event->durable_seq > self->durable_seq) {
            self->durable_seq = zloom_bus_durable_to (self, event->durable_seq);
            zloom_bus_tell_groups (self, event, turn);
        }
        break;
    case ZLOOM_EVENT_FETCHED:
        s_fetched (self, event, turn);
        break;
    case ZLOOM_EVENT_TAKE_OUT:
        s_take_out (self, event, turn);
        break;
    case ZLOOM_EVENT_FREE_KEY:
        zloom_bus_free_key (self, event, turn);
        break;
    case ZLOOM_EVENT_PASS:
        zloom_bus_pass (self, event);
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
        zloom_bus_tell_groups (self, event, turn);
        break;
    case ZLOOM_EVENT_TIMER:
        s_timer (self, event, turn);
        break;
    }
}

static void
s_event (void *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    zloom_bus_t *bus = zloom_bus_of (self);
    s_feed (bus, event, turn);
    zloom_assert (zloom_bus_check (bus));
}

const zloom_pattern_t zloom_bus_pattern = {
  .name = "bus",
  .create = s_create,
  .destroy = s_destroy,
  .configure = s_configure,
  .restore = zloom_bus_restore,
  .replay = zloom_bus_replay,
  .recovered = zloom_bus_recovered,
  .snapshot = zloom_bus_snapshot,
  .next_live = zloom_bus_next_live,
  .next_seq = s_next_seq,
  .event = s_event,
  .dispatch = zloom_bus_dispatch,
  .next_deadline = s_next_deadline,
  .check_offer = zloom_bus_check_offer,
  .check_settle = s_check_settle,
  .room = zloom_bus_room,
  .producer = s_producer,
  .adopt = s_adopt,
  .rebase = s_rebase,
  .repeat = s_repeat,
  .next_free = zloom_bus_next_free,
  .stats = zloom_bus_stats,
  .next_key = zloom_bus_next_key,
  .place = zloom_bus_whereabouts,
  .lanes = zloom_bus_lanes,
  .next_subscriber = zloom_bus_next_subscriber,
  .receipt = zloom_bus_receipt,
  .drop_group = zloom_bus_drop_group,
};
