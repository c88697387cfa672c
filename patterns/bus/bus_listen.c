/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_listen.c - volatile subscribers: a consumer alone, or the members of a group that share. The
 * first member of a group says what it wants; nothing outlives the last.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/bus/state.h"

/* What the recipe says of a subscriber of this name; NULL: nothing. */
static const zloom_subscriber_config_t *
s_named (const zloom_bus_t *self, zloom_bytes_t name)
{
    for (size_t i = 0; name.data && i < self->config.subscriber_count; i++) {
        if (zloom_bytes_equal (zloom_bytes_text (self->config.subscribers[i].name), name)) {
            return &self->config.subscribers[i];
        }
    }
    return NULL;
}

/* What was asked for, with what the recipe says where nothing was. */
typedef struct {
    const zloom_bytes_t *patterns;
    size_t pattern_count;
    zloom_from_t from;
    int64_t from_value;
    zloom_on_slow_t on_slow;
    int64_t on_slow_value;
} wish_t;

static wish_t
s_wish (const zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    wish_t wish = {.patterns = event->subscribe.patterns,
                   .pattern_count = event->subscribe.pattern_count,
                   .from = event->subscribe.from,
                   .from_value = event->subscribe.from_value,
                   .on_slow = event->subscribe.on_slow,
                   .on_slow_value = event->subscribe.on_slow_value};
    const zloom_subscriber_config_t *named = s_named (self, event->subscribe.group);
    if (!named) {
        return wish;
    }
    if (wish.pattern_count == 0 && named->pattern_count > 0) {
        zloom_bytes_t *patterns =
          zloom_effects_memory (turn->effects, named->pattern_count * sizeof *patterns);
        for (size_t i = 0; i < named->pattern_count; i++) {
            patterns[i] = zloom_bytes_text (named->patterns[i]);
        }
        wish.patterns = patterns;
        wish.pattern_count = named->pattern_count;
    }
    if (wish.from == ZLOOM_FROM_GROUP) {
        wish.from = named->from;
        wish.from_value = named->from_value;
    }
    if (wish.on_slow == 0 && wish.on_slow_value == 0) {
        wish.on_slow = named->on_slow;
        wish.on_slow_value = named->on_slow_value;
    }
    return wish;
}

static int64_t
s_usual (zloom_on_slow_t on_slow)
{
    switch (on_slow) {
    case ZLOOM_ON_SLOW_BLOCK:
        return ZLOOM_BUS_SLOW_MS;
    case ZLOOM_ON_SLOW_LATEST:
        return ZLOOM_BUS_SLOW_KEYS;
    case ZLOOM_ON_SLOW_SPILL:
        return ZLOOM_BUS_SLOW_BYTES;
    default:
        return ZLOOM_BUS_SLOW_MESSAGES;
    }
}

static zloom_err_t
s_check (const zloom_bus_t *self, const wish_t *wish)
{
    const char *name = self->config.name;
    if (wish->on_slow >= ZLOOM_ON_SLOW_COUNT || wish->on_slow_value < 0) {
        return zloom_fail (ZLOOM_INVALID, "flow '%s': no such policy for slow subscribers", name);
    }
    if (wish->on_slow == ZLOOM_ON_SLOW_SPILL && self->config.confirm != ZLOOM_CONFIRM_DISK) {
        return zloom_fail (ZLOOM_UNSUPPORTED,
                           "flow '%s' is in memory: there is no disk to spill to; use another "
                           "on_slow, or confirm: disk",
                           name);
    }
    if (wish->from >= ZLOOM_FROM_COUNT) {
        return zloom_fail (ZLOOM_INVALID, "flow '%s': no such place to begin at", name);
    }
    return zloom_bus_check_patterns (self, wish->patterns, wish->pattern_count);
}

/* ---- life ------------------------------------------------------------------------------------ */

void
zloom_bus_wake (zloom_bus_t *self, zloom_bus_listener_t *listener)
{
    if (!listener->active) {
        listener->active = true;
        zloom_grow (&self->active, &self->active_capacity, self->active_count + 1,
                    sizeof *self->active);
        self->active[self->active_count++] = listener;
    }
}

static void
s_begin (zloom_bus_t *self, zloom_bus_listener_t *listener, const wish_t *wish)
{
    uint64_t place = zloom_bus_place (self, wish->from, wish->from_value);
    listener->began = place;
    listener->heard_from = place;
    listener->at = place < self->retained ? self->retained : place;
    if (listener->at > place) { /* it knows what it has: what is between is lost to it */
        zloom_bus_lose_unread (self, listener, place, listener->at - 1,
                               self->config.copy_of ? ZLOOM_BUS_EDGE : "retain");
    }
    if (listener->at < self->next_seq) {
        listener->stage = wish->from == ZLOOM_FROM_LAST ? ZLOOM_BUS_GATHERS : ZLOOM_BUS_READS;
        listener->gather_end = self->next_seq;
        zloom_bus_wake (self, listener);
    }
}

static zloom_bus_listener_t *
s_new (zloom_bus_t *self, zloom_bytes_t name, const wish_t *wish)
{
    zloom_bus_listener_t *listener = zloom_alloc (sizeof *listener);
    listener->on_slow = wish->on_slow;
    listener->on_slow_value =
      wish->on_slow_value > 0 ? wish->on_slow_value : s_usual (wish->on_slow);
    if (wish->on_slow == ZLOOM_ON_SLOW_LATEST) {
        listener->newest = zloom_map_new ();
    }
    zloom_bus_interest_set (&listener->interest, wish->patterns, wish->pattern_count);
    zloom_bus_enlist (self, &listener->interest, (zloom_bus_who_t){.listener = listener});
    zloom_grow (&self->listeners, &self->listener_capacity, self->listener_count + 1,
                sizeof *self->listeners);
    self->listeners[self->listener_count++] = listener;
    if (name.data) {
        listener->name = zloom_memdup_text (name.data, name.size);
        zloom_map_put (self->by_name, name, listener);
    }
    s_begin (self, listener, wish);
    return listener;
}

void
zloom_bus_listener_destroy (zloom_bus_listener_t **self_p)
{
    zloom_bus_listener_t *self = *self_p;
    zloom_bus_interest_fini (&self->interest);
    zloom_ranges_fini (&self->pending);
    zloom_gaps_fini (&self->gaps);
    zloom_bus_forget_left (self);
    zloom_map_destroy (&self->newest);
    zloom_map_destroy (&self->last_of);
    free (self->members);
    free (self->name);
    free (self);
    *self_p = NULL;
}

static void
s_remove (zloom_bus_listener_t **list, size_t *count, const zloom_bus_listener_t *listener)
{
    for (size_t i = 0; i < *count; i++) {
        if (list[i] == listener) {
            --*count;
            memmove (list + i, list + i + 1, (*count - i) * sizeof (zloom_bus_listener_t *));
            return;
        }
    }
}

static void
s_drop (zloom_bus_t *self, zloom_bus_listener_t *listener)
{
    zloom_bus_strike (self, &listener->interest);
    if (listener->name) {
        zloom_map_remove (self->by_name, zloom_bytes_text (listener->name));
    }
    if (listener->active) {
        s_remove (self->active, &self->active_count, listener);
    }
    s_remove (self->listeners, &self->listener_count, listener);
    zloom_bus_listener_destroy (&listener);
}

/* ---- coming ---------------------------------------------------------------------------------- */

static zloom_err_t
s_check_share (const zloom_bus_t *self, const zloom_bus_listener_t *listener, const wish_t *wish)
{
    const bool same =
      (wish->pattern_count == 0 ||
       zloom_bus_interest_same (&listener->interest, wish->patterns, wish->pattern_count)) &&
      ((wish->on_slow == 0 && wish->on_slow_value == 0) ||
       (wish->on_slow == listener->on_slow &&
        (wish->on_slow_value == 0 || wish->on_slow_value == listener->on_slow_value)));
    if (!same) {
        return zloom_fail (ZLOOM_INVALID,
                           "flow '%s': the members of group '%s' share what its first one asked "
                           "for: the same topics and on_slow, or none",
                           self->config.name, listener->name);
    }
    return ZLOOM_OK;
}

/*
 * It comes from a life of a flow in memory that is over. What was published after that place is
 * lost, and nobody knows how many that were: a gap of none says so.
 */
static void
s_tell_restart (const zloom_bus_t *self, zloom_consumer_id_t consumer, wish_t *wish,
                const zloom_turn_t *turn)
{
    const uint64_t first = self->birth.first_seq;
    if (wish->from != ZLOOM_FROM_SEQ || wish->from_value <= 0 ||
        (uint64_t) wish->from_value >= first) {
        return;
    }
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_GAP);
    effect->gap.consumer = consumer;
    effect->gap.from = (uint64_t) wish->from_value;
    effect->gap.to = first - 1;
    effect->gap.reason = ZLOOM_BUS_RESTART;
    wish->from_value = (int64_t) first;
}

zloom_err_t
zloom_bus_listen (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    const zloom_bytes_t name = event->subscribe.group;
    wish_t wish = s_wish (self, event, turn);
    const zloom_err_t err = s_check (self, &wish);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_bus_listener_t *listener = name.data ? zloom_map_get (self->by_name, name) : NULL;
    if (listener && s_check_share (self, listener, &wish) != ZLOOM_OK) {
        return ZLOOM_INVALID;
    }
    const bool joins = listener != NULL;
    if (!joins) {
        s_tell_restart (self, event->consumer, &wish, turn);
        listener = s_new (self, name, &wish);
    }
    zloom_bus_member_t *member = zloom_alloc (sizeof *member);
    member->id = event->consumer;
    member->listener = listener;
    zloom_idmap_put (self->members, member->id, member);
    zloom_grow (&listener->members, &listener->member_capacity, listener->member_count + 1,
                sizeof (zloom_bus_member_t *));
    listener->members[listener->member_count++] = member;
    member->given.came = listener->heard_from;
    member->given.place = listener->heard_from;
    if (joins) {
        zloom_bus_come_back (self, member, event, turn);
    }
    return ZLOOM_OK;
}

/* ---- going ----------------------------------------------------------------------------------- */

void
zloom_bus_forget_member (zloom_bus_t *self, zloom_bus_member_t *member)
{
    zloom_idmap_remove (self->members, member->id);
    zloom_ranges_fini (&member->given.runs);
    free (member);
}

void
zloom_bus_leave (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    zloom_bus_member_t *member = zloom_idmap_get (self->members, event->consumer);
    if (!member) {
        return;
    }
    if (member->group) {
        zloom_bus_leave_group (self, member, event, turn);
        return;
    }
    zloom_bus_listener_t *listener = member->listener;
    size_t at = 0;
    while (listener->members[at] != member) {
        at++;
    }
    listener->member_count--;
    memmove (listener->members + at, listener->members + at + 1,
             (listener->member_count - at) * sizeof (zloom_bus_member_t *));
    if (event->type == ZLOOM_EVENT_GONE) {
        zloom_bus_keep_left (member);
    }
    zloom_bus_forget_member (self, member);
    if (listener->member_count == 0) {
        s_drop (self, listener);
    }
}

void
zloom_bus_end_doomed (zloom_bus_t *self, const zloom_turn_t *turn)
{
    size_t at = 0;
    while (at < self->active_count) {
        zloom_bus_listener_t *listener = self->active[at];
        if (!listener->doomed) {
            at++;
            continue;
        }
        for (size_t i = 0; i < listener->member_count; i++) {
            zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_END);
            effect->end.consumer = listener->members[i]->id;
            effect->end.err = ZLOOM_TOO_MANY;
            zloom_bus_forget_member (self, listener->members[i]);
        }
        self->ended += listener->member_count;
        self->lost += listener->pending.total;
        s_drop (self, listener);
    }
}
