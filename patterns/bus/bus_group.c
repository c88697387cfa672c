/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_group.c - durable groups: a name, what it wants, and a queue that serves it from the bus's
 * log.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/bus/state.h"
#include "wire/encode.h"

/* Records of groups in one TIMER event: so many bytes, or one more. */
#define RECORD_BYTES (512u * 1024)
/* Groups that let a key go in one event: each records a message with its history. */
#define FREED_MOST 128

zloom_bus_group_t *
zloom_bus_find_group (const zloom_bus_t *self, zloom_bytes_t name)
{
    for (size_t i = 0; i < self->group_count; i++) {
        if (zloom_bytes_equal (zloom_bytes_text (self->groups[i]->name), name)) {
            return self->groups[i];
        }
    }
    return NULL;
}

zloom_bus_group_t *
zloom_bus_group_of (const zloom_bus_t *self, uint32_t number)
{
    for (size_t i = 0; i < self->group_count; i++) {
        if (self->groups[i]->number == number) {
            return self->groups[i];
        }
    }
    return NULL;
}

/* What the group's queue is told of the flow: no limits and nothing that comes in are its own. */
static void
s_configure_queue (const zloom_bus_t *self, zloom_bus_group_t *group, const zloom_birth_t *birth)
{
    zloom_flow_config_t config = self->config;
    char *name = zloom_format ("%s/%s", self->config.name, group->name);
    config.name = name;
    config.pattern = "queue";
    config.limit_messages = 0;
    config.limit_bytes = 0;
    config.on_full = ZLOOM_ON_FULL_BLOCK;
    config.dedup = false;
    config.topic_count = 0;
    config.subscriber_count = 0;
    if (group->queue) {
        zloom_queue_pattern.configure (group->queue, &config);
    } else {
        group->queue = zloom_queue_create_group (&config, birth, group->number);
    }
    free (name);
}

/* ---- life ------------------------------------------------------------------------------------ */

zloom_bus_group_t *
zloom_bus_make_group (zloom_bus_t *self, uint32_t number, zloom_bytes_t name,
                      const zloom_bytes_t *patterns, size_t count, uint64_t seq, bool configured)
{
    zloom_bus_group_t *group = zloom_alloc (sizeof *group);
    group->number = number;
    group->name = zloom_memdup_text (name.data, name.size);
    group->configured = configured;
    group->behind = seq < self->next_seq;
    group->begins = seq;
    zloom_bus_interest_set (&group->interest, patterns, count);
    zloom_birth_t birth = self->birth;
    birth.first_seq = seq;
    s_configure_queue (self, group, &birth);
    const zloom_event_t durable = {.type = ZLOOM_EVENT_DURABLE, .durable_seq = self->durable_seq};
    zloom_queue_pattern.event (group->queue, &durable, &(zloom_turn_t){0});
    zloom_bus_enlist (self, &group->interest, (zloom_bus_who_t){.group = group});
    zloom_grow (&self->groups, &self->group_capacity, self->group_count + 1,
                sizeof (zloom_bus_group_t *));
    self->groups[self->group_count++] = group;
    self->next_group = number >= self->next_group ? number + 1 : self->next_group;
    self->next_seq = seq > self->next_seq ? seq : self->next_seq;
    return group;
}

void
zloom_bus_group_destroy (zloom_bus_group_t **self_p)
{
    zloom_bus_group_t *self = *self_p;
    zloom_bus_interest_fini (&self->interest);
    zloom_queue_pattern.destroy (&self->queue);
    zloom_numbers_fini (&self->others);
    free (self->members);
    free (self->runs);
    free (self->name);
    free (self);
    *self_p = NULL;
}

void
zloom_bus_group_wants_now (zloom_bus_t *self, zloom_bus_group_t *group,
                           const zloom_bytes_t *patterns, size_t count)
{
    zloom_bus_strike (self, &group->interest);
    zloom_bus_interest_fini (&group->interest);
    zloom_bus_interest_set (&group->interest, patterns, count);
    zloom_bus_enlist (self, &group->interest, (zloom_bus_who_t){.group = group});
    group->recorded = false;
}

static void
s_configure_group (zloom_bus_t *self, const zloom_subscriber_config_t *config)
{
    const zloom_bytes_t name = zloom_bytes_text (config->name);
    zloom_bytes_t *patterns = zloom_realloc (NULL, config->pattern_count + 1, sizeof *patterns);
    for (size_t i = 0; i < config->pattern_count; i++) {
        patterns[i] = zloom_bytes_text (config->patterns[i]);
    }
    zloom_bus_group_t *group = zloom_bus_find_group (self, name);
    if (!group && self->group_count < ZLOOM_LIMIT_GROUPS) { /* else: refused when it subscribes */
        group =
          zloom_bus_make_group (self, self->next_group, name, patterns, config->pattern_count,
                                zloom_bus_place (self, config->from, config->from_value), true);
    } else if (group &&
               !zloom_bus_interest_same (&group->interest, patterns, config->pattern_count)) {
        zloom_bus_group_wants_now (self, group, patterns, config->pattern_count);
    }
    if (group) {
        group->configured = true;
    }
    free (patterns);
}

void
zloom_bus_configure_groups (zloom_bus_t *self)
{
    for (size_t i = 0; i < self->group_count; i++) {
        s_configure_queue (self, self->groups[i], NULL);
        self->groups[i]->configured = false;
    }
    for (size_t i = 0; self->ready && i < self->config.subscriber_count; i++) {
        const zloom_subscriber_config_t *one = &self->config.subscribers[i];
        if (one->durable && self->config.confirm == ZLOOM_CONFIRM_DISK) {
            s_configure_group (self, one);
        }
    }
}

/* ---- records --------------------------------------------------------------------------------- */

void
zloom_bus_record_group (zloom_bus_t *self, const zloom_bus_group_t *group, uint64_t seq,
                        const zloom_turn_t *turn)
{
    const zloom_bytes_t head = zloom_effects_copy (turn->effects, zloom_buf_bytes (&self->buf));
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_RECORD);
    effect->record.type = ZLOOM_STORED_GROUP;
    effect->record.group = group->number;
    effect->record.seq = seq;
    effect->record.head = head;
}

bool
zloom_bus_groups_to_record (const zloom_bus_t *self)
{
    bool some = false;
    for (size_t i = 0; i < self->group_count && !some; i++) {
        some = !self->groups[i]->recorded;
    }
    return some;
}

static void
s_record_group (zloom_bus_t *self, zloom_bus_group_t *group, const zloom_turn_t *turn)
{
    group->recorded = true;
    zloom_buf_clear (&self->buf);
    zloom_encode_array (&self->buf, 5);
    zloom_encode_uint (&self->buf, group->number);
    zloom_encode_uint (&self->buf, ZLOOM_BUS_GROUP_IS);
    zloom_encode_text (&self->buf, zloom_bytes_text (group->name));
    zloom_encode_array (&self->buf, group->interest.count);
    for (size_t i = 0; i < group->interest.count; i++) {
        zloom_encode_bytes (&self->buf, group->interest.patterns[i]);
    }
    zloom_encode_bool (&self->buf, group->behind);
    zloom_bus_record_group (self, group, zloom_queue_pattern.next_seq (group->queue), turn);
}

void
zloom_bus_record_groups (zloom_bus_t *self, bool all, const zloom_turn_t *turn)
{
    size_t bytes = 0;
    for (size_t i = 0; i < self->group_count && (all || bytes < RECORD_BYTES); i++) {
        if (!self->groups[i]->recorded) {
            s_record_group (self, self->groups[i], turn);
            bytes += self->buf.size;
        }
    }
}

void
zloom_bus_record_cost (const zloom_bus_t *self, zloom_cost_t *cost)
{
    for (size_t i = 0; i < self->group_count; i++) {
        const zloom_bus_group_t *group = self->groups[i];
        if (!group->recorded) {
            cost->records++;
            cost->bytes += 64 + strlen (group->name);
            for (size_t j = 0; j < group->interest.count; j++) {
                cost->bytes += group->interest.patterns[j].size + 5;
            }
        }
    }
}

/* ---- consumers ------------------------------------------------------------------------------- */

static zloom_err_t
s_check_join (const zloom_bus_t *self, const zloom_event_t *event, const zloom_bus_group_t *group)
{
    const char *flow = self->config.name;
    const zloom_bytes_t name = event->subscribe.group;
    if (!name.data || name.size == 0 || name.size > ZLOOM_LIMIT_NAME_BYTES) {
        return zloom_fail (ZLOOM_INVALID, "flow '%s': a durable subscriber needs a name", flow);
    }
    if (self->config.confirm != ZLOOM_CONFIRM_DISK) {
        return zloom_fail (ZLOOM_UNSUPPORTED,
                           "flow '%s' is in memory: it has no durable subscribers (confirm: disk)",
                           flow);
    }
    if (group && event->subscribe.pattern_count > 0 &&
        !zloom_bus_interest_same (&group->interest, event->subscribe.patterns,
                                  event->subscribe.pattern_count)) {
        return zloom_fail (ZLOOM_INVALID,
                           "flow '%s': '%s' is there and wants other topics; drop it first, or "
                           "subscribe without topics",
                           flow, group->name);
    }
    if (group) {
        return ZLOOM_OK;
    }
    if (self->group_count >= ZLOOM_LIMIT_GROUPS) {
        return zloom_fail (ZLOOM_TOO_MANY, "flow '%s' has %d durable subscribers, the most", flow,
                           ZLOOM_LIMIT_GROUPS);
    }
    if (event->subscribe.from == ZLOOM_FROM_LAST || event->subscribe.from >= ZLOOM_FROM_COUNT) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "flow '%s': a durable subscriber cannot begin there",
                           flow);
    }
    return zloom_bus_check_patterns (self, event->subscribe.patterns,
                                     event->subscribe.pattern_count);
}

zloom_err_t
zloom_bus_join_group (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    zloom_bus_group_t *group = zloom_bus_find_group (self, event->subscribe.group);
    const zloom_err_t err = s_check_join (self, event, group);
    if (err != ZLOOM_OK) {
        return err;
    }
    if (!group) {
        uint64_t seq = zloom_bus_place (self, event->subscribe.from, event->subscribe.from_value);
        seq = seq < self->retained ? self->retained : seq;
        group = zloom_bus_make_group (self, self->next_group, event->subscribe.group,
                                      event->subscribe.patterns, event->subscribe.pattern_count,
                                      seq, false);
        s_record_group (self, group, turn); /* alone: there is room for no others */
    }
    zloom_bus_member_t *member = zloom_alloc (sizeof *member);
    member->id = event->consumer;
    member->group = group;
    zloom_idmap_put (self->members, member->id, member);
    zloom_grow (&group->members, &group->member_capacity, group->member_count + 1,
                sizeof (zloom_bus_member_t *));
    group->members[group->member_count++] = member;
    zloom_event_t joins = *event;
    joins.subscribe.result = NULL;
    zloom_queue_pattern.event (group->queue, &joins, turn);
    return ZLOOM_OK;
}

void
zloom_bus_leave_group (zloom_bus_t *self, zloom_bus_member_t *member, const zloom_event_t *event,
                       const zloom_turn_t *turn)
{
    zloom_bus_group_t *group = member->group;
    zloom_queue_pattern.event (group->queue, event, turn);
    size_t at = 0;
    while (group->members[at] != member) {
        at++;
    }
    group->member_count--;
    memmove (group->members + at, group->members + at + 1,
             (group->member_count - at) * sizeof (zloom_bus_member_t *));
    zloom_bus_forget_member (self, member);
}

zloom_err_t
zloom_bus_drop_group (void *self, zloom_bytes_t name, const zloom_turn_t *turn)
{
    zloom_bus_t *bus = zloom_bus_of (self);
    zloom_bus_group_t *group = zloom_bus_find_group (bus, name);
    if (!group) {
        return zloom_fail (ZLOOM_NOT_FOUND, "flow '%s' has no durable subscriber '%.*s'",
                           bus->config.name, (int) name.size, (const char *) name.data);
    }
    if (group->configured || group->member_count > 0) {
        return zloom_fail (ZLOOM_EXISTS, "flow '%s': '%s' %s", bus->config.name, group->name,
                           group->configured
                             ? "stands in the recipe; take it out there first (zloom up)"
                             : "has consumers; stop them first");
    }
    zloom_buf_clear (&bus->buf);
    zloom_encode_array (&bus->buf, 2);
    zloom_encode_uint (&bus->buf, group->number);
    zloom_encode_uint (&bus->buf, ZLOOM_BUS_GROUP_GONE);
    zloom_bus_record_group (bus, group, bus->next_seq, turn);
    zloom_bus_remove_group (bus, group);
    return ZLOOM_OK;
}

void
zloom_bus_remove_group (zloom_bus_t *self, zloom_bus_group_t *group)
{
    size_t at = 0;
    while (self->groups[at] != group) {
        at++;
    }
    zloom_bus_strike (self, &group->interest);
    self->group_count--;
    memmove (self->groups + at, self->groups + at + 1,
             (self->group_count - at) * sizeof (zloom_bus_group_t *));
    self->group_at = 0;
    self->timer_at = 0;
    zloom_bus_group_destroy (&group);
}

/* ---- all groups ----------------------------------------------------------------------------- */

void
zloom_bus_drop_groups (zloom_bus_t *self, uint64_t keep, uint32_t *runs_left,
                       const zloom_turn_t *turn)
{
    for (size_t i = 0; i < self->group_count; i++) {
        zloom_bus_group_t *group = self->groups[i];
        const uint64_t backlog = zloom_queue_backlog (group->queue);
        const uint32_t part = *runs_left / (uint32_t) (self->group_count - i);
        uint32_t runs = part;
        if (backlog > keep) {
            zloom_queue_drop (group->queue, backlog - keep, &runs, turn);
        }
        *runs_left -= part - runs;
    }
}

void
zloom_bus_tell_groups (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    for (size_t i = 0; i < self->group_count; i++) {
        zloom_queue_pattern.event (self->groups[i]->queue, event, turn);
    }
}

/* Of many groups some let it go in the next event: AGAIN, and what is remembered then. */
void
zloom_bus_free_key (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    const zloom_bytes_t key = event->free_key.key;
    const bool goes_on = zloom_bytes_equal (zloom_buf_bytes (&self->freeing), key);
    zloom_err_t best = goes_on ? ZLOOM_OK : ZLOOM_NOT_FOUND;
    size_t freed = 0;
    for (size_t i = 0; i < self->group_count; i++) {
        if (freed == FREED_MOST) {
            best = ZLOOM_AGAIN;
            break;
        }
        zloom_err_t one = ZLOOM_NOT_FOUND;
        zloom_event_t ask = *event;
        ask.free_key.result = &one;
        zloom_queue_pattern.event (self->groups[i]->queue, &ask, turn);
        best = best == ZLOOM_NOT_FOUND || one == ZLOOM_AGAIN ? one : best;
        freed += one == ZLOOM_OK ? 1 : 0;
    }
    zloom_buf_clear (&self->freeing);
    if (best == ZLOOM_AGAIN && (freed > 0 || goes_on)) {
        zloom_buf_add_bytes (&self->freeing, key);
    }
    if (event->free_key.result) {
        *event->free_key.result = best;
    }
}

void
zloom_bus_refuse_settle (const zloom_event_t *event, const zloom_turn_t *turn)
{
    const size_t count = event->settle.count;
    zloom_settled_run_t *runs = zloom_effects_memory (turn->effects, count * sizeof *runs);
    for (size_t i = 0; i < count; i++) {
        const zloom_settle_run_t *run = &event->settle.runs[i];
        runs[i] = (zloom_settled_run_t){run->first, run->n, ZLOOM_STALE};
    }
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_SETTLED);
    effect->settled.consumer = event->consumer;
    effect->settled.token = event->settle.token;
    effect->settled.runs = runs;
    effect->settled.count = count;
}
