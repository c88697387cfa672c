/* SPDX-License-Identifier: MPL-2.0 */
/* core_take.c - subscriptions, and settling what they bring. */
#include "base/memory.h"
#include "base/tag.h"
#include "client/core_state.h"

/* The first one whose handle is not lower; all that there are: none. */
static size_t
s_place (const zloom_client_core_t *self, uint32_t handle)
{
    size_t low = 0;
    size_t high = self->subscription_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (self->subscriptions[middle]->handle < handle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

zloom_subscription_t *
zloom_core_subscription (const zloom_client_core_t *self, uint32_t handle)
{
    const size_t place = s_place (self, handle);
    return place < self->subscription_count && self->subscriptions[place]->handle == handle
             ? self->subscriptions[place]
             : NULL;
}

void
zloom_core_wake (zloom_client_core_t *self, zloom_subscription_t *subscription)
{
    if (!subscription->busy) {
        subscription->busy = true;
        zloom_grow (&self->busy, &self->busy_capacity, self->busy_count + 1, sizeof *self->busy);
        self->busy[self->busy_count++] = subscription;
    }
}

static void
s_remove (zloom_subscription_t **list, size_t *count, const zloom_subscription_t *subscription)
{
    size_t at = 0;
    while (at < *count && list[at] != subscription) {
        at++;
    }
    if (at < *count) {
        --*count;
        memmove (list + at, list + at + 1, (*count - at) * sizeof (zloom_subscription_t *));
    }
}

void
zloom_core_resubscribe (zloom_client_core_t *self)
{
    for (size_t i = 0; i < self->subscription_count; i++) {
        zloom_subscription_say (self->subscriptions[i], &self->out);
    }
}

int64_t
zloom_core_tick_subscriptions (zloom_client_core_t *self)
{
    int64_t next_ns = ZLOOM_NEVER;
    size_t kept = 0;
    for (size_t i = 0; i < self->busy_count; i++) {
        zloom_subscription_t *it = self->busy[i];
        const int64_t due_ns = zloom_subscription_tick (it, self->now_ns, &self->out);
        next_ns = due_ns < next_ns ? due_ns : next_ns;
        zloom_subscription_sweep (it);
        it->busy = !zloom_subscription_is_idle (it);
        if (it->busy) {
            self->busy[kept++] = it;
        }
    }
    self->busy_count = kept;
    return next_ns;
}

/* Only what the frame needs: what is a pattern the router says. */
static zloom_err_t
s_check_patterns (const zloom_subscription_options_t *options)
{
    if (options->pattern_count > ZLOOM_LIMIT_PATTERNS) {
        return zloom_fail (ZLOOM_TOO_MANY, "%zu topic patterns, limit %d", options->pattern_count,
                           (int) ZLOOM_LIMIT_PATTERNS);
    }
    for (size_t i = 0; i < options->pattern_count; i++) {
        const zloom_bytes_t pattern = zloom_bytes_text (options->patterns[i]);
        if (pattern.size == 0 || pattern.size > ZLOOM_LIMIT_TOPIC_BYTES ||
            !zloom_bytes_is_utf8 (pattern)) {
            return zloom_fail (ZLOOM_INVALID, "topic pattern %zu: 1 to %d bytes of UTF-8", i + 1,
                               (int) ZLOOM_LIMIT_TOPIC_BYTES);
        }
    }
    if (options->from_value < 0 || options->on_slow_value < 0 ||
        options->from >= ZLOOM_FROM_COUNT || options->on_slow >= ZLOOM_ON_SLOW_COUNT) {
        return zloom_fail (ZLOOM_INVALID, "where to begin, or what to do when slow, is none");
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_client_core_subscribe (zloom_client_core_t *self, const zloom_subscription_options_t *options,
                             uint32_t *handle_p)
{
    zloom_err_t err = zloom_client_core_ended (self);
    if (err != ZLOOM_OK) {
        return err;
    }
    if (!options->flow || !options->flow[0] || strlen (options->flow) > ZLOOM_LIMIT_NAME_BYTES ||
        (options->group && strlen (options->group) > ZLOOM_LIMIT_NAME_BYTES)) {
        return zloom_fail (ZLOOM_INVALID, "flow and group: 1 to %d bytes",
                           (int) ZLOOM_LIMIT_NAME_BYTES);
    }
    if (err == ZLOOM_OK) {
        err = s_check_patterns (options);
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    if (self->subscription_count >= ZLOOM_LIMIT_HANDLES) {
        return zloom_fail (ZLOOM_TOO_MANY, "%zu subscriptions, limit %d", self->subscription_count,
                           (int) ZLOOM_LIMIT_HANDLES);
    }
    *handle_p = self->next_handle++;
    zloom_subscription_t *subscription = zloom_subscription_new (options, *handle_p);
    zloom_grow (&self->subscriptions, &self->subscription_capacity, self->subscription_count + 1,
                sizeof *self->subscriptions);
    self->subscriptions[self->subscription_count++] = subscription;
    if (self->status == ZLOOM_CORE_WELCOMED) {
        zloom_subscription_say (subscription, &self->out);
    }
    return ZLOOM_OK;
}

/* Steps that stand on it are done with: their leases go back with the rest. */
static bool
s_has_steps (const zloom_subscription_t *subscription)
{
    for (const zloom_client_lease_t *lease = subscription->first; lease; lease = lease->next) {
        if (lease->steps > 0) {
            return true;
        }
    }
    return false;
}

zloom_err_t
zloom_client_core_unsubscribe (zloom_client_core_t *self, uint32_t handle)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_subscription_t *subscription = zloom_core_subscription (self, handle);
    if (!subscription) {
        return zloom_fail (ZLOOM_NOT_FOUND, "no subscription %u", (unsigned) handle);
    }
    if (s_has_steps (subscription)) {
        return zloom_fail (ZLOOM_AGAIN, "handle %u: a step is under way", (unsigned) handle);
    }
    if (self->status == ZLOOM_CORE_WELCOMED && subscription->over == ZLOOM_OK) {
        /* What was settled goes first, the rest is taken back by the router. */
        (void) zloom_subscription_tick (subscription, self->now_ns, &self->out);
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_UNSUBSCRIBE,
                                   .unsubscribe = {.handle = handle}};
        zloom_frames_push (&self->out, &verb, NULL, ZLOOM_BYTES_NULL);
    }
    s_remove (self->subscriptions, &self->subscription_count, subscription);
    s_remove (self->busy, &self->busy_count, subscription);
    zloom_subscription_destroy (&subscription);
    return ZLOOM_OK;
}

zloom_err_t
zloom_client_core_hold (zloom_client_core_t *self, uint32_t handle, bool hold)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_subscription_t *subscription = zloom_core_subscription (self, handle);
    if (!subscription) {
        return zloom_fail (ZLOOM_NOT_FOUND, "no subscription %u", (unsigned) handle);
    }
    subscription->on_hold = hold;
    zloom_core_wake (self, subscription); /* its credit is told again */
    if (hold) {
        zloom_subscription_release_waiting (subscription);
    }
    return ZLOOM_OK;
}

static void
s_tell_gap (zloom_client_core_t *self, const zloom_subscription_t *subscription,
            const zloom_client_lease_t *gap)
{
    const zloom_client_event_t event = {.type = ZLOOM_CLIENT_GAP,
                                        .flow = subscription->flow,
                                        .handle = subscription->handle,
                                        .seq = gap->gap_from,
                                        .last = gap->gap_to,
                                        .n = gap->gap_count,
                                        .text = zloom_bytes_text (gap->gap_reason)};
    zloom_core_tell (self, &event);
    if (subscription->gap) {
        const zloom_gap_t told = {.flow = subscription->flow,
                                  .handle = subscription->handle,
                                  .from = gap->gap_from,
                                  .to = gap->gap_to,
                                  .count = gap->gap_count,
                                  .reason = gap->gap_reason};
        subscription->gap (subscription->gap_arg, &told);
    }
}

/* The next message of a subscription; gaps before it are told, and who hears may hold others. */
static zloom_item_t *
s_receive (zloom_client_core_t *self, zloom_subscription_t *subscription)
{
    const zloom_client_lease_t *gap;
    zloom_item_t *item;
    while (
      !(item = zloom_subscription_take (subscription, &self->stats.malformed_messages, &gap)) &&
      gap) {
        s_tell_gap (self, subscription, gap);
    }
    return item;
}

bool
zloom_client_core_receive (zloom_client_core_t *self, uint32_t handle,
                           const zloom_message_t **message_p)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_subscription_t *one = handle != 0 ? zloom_core_subscription (self, handle) : NULL;
    zloom_item_t *item = one ? s_receive (self, one) : NULL;
    const size_t first = self->busy_at;
    for (size_t i = 0; handle == 0 && !item && i < self->busy_count; i++) {
        const size_t at = (first + i) % self->busy_count;
        zloom_subscription_t *const it = self->busy[at];
        const zloom_client_lease_t *const before = it->taking;
        item = s_receive (self, it);
        if (item) { /* with a new delivery the next one has its turn */
            self->busy_at = it->taking == before ? at : at + 1;
        }
    }
    *message_p = item ? &item->message : NULL;
    return item != NULL;
}

zloom_err_t
zloom_client_core_hear (zloom_client_core_t *self, uint32_t handle,
                        const zloom_message_t **message_p)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_subscription_t *const it = zloom_core_subscription (self, handle);
    *message_p = NULL;
    if (!it) {
        return zloom_fail (ZLOOM_NOT_FOUND, "no subscription %u", (unsigned) handle);
    }
    const zloom_client_lease_t *gap;
    while (!(*message_p = zloom_subscription_hear (it, &self->stats.malformed_messages, &gap)) &&
           gap) {
        s_tell_gap (self, it, gap);
    }
    if (!*message_p && it->over != ZLOOM_OK) {
        return zloom_fail (it->over, "flow %s: %s", it->flow, it->over_text);
    }
    if (!*message_p && zloom_subscription_is_leased (it)) {
        return zloom_fail (ZLOOM_UNSUPPORTED,
                           "flow %s: its messages are to be settled: receive them", it->flow);
    }
    return ZLOOM_OK;
}

size_t
zloom_client_core_waiting (const zloom_client_core_t *self, uint32_t handle)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    const zloom_subscription_t *one = handle != 0 ? zloom_core_subscription (self, handle) : NULL;
    size_t count = one ? one->waiting : 0;
    for (size_t i = 0; handle == 0 && i < self->busy_count; i++) {
        count += self->busy[i]->waiting;
    }
    return count;
}

bool
zloom_client_core_stale (const zloom_client_core_t *self, const zloom_message_t *message)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    return zloom_item (message)->mark->stale;
}

static zloom_err_t
s_stale (const zloom_message_t *message)
{
    return zloom_fail (ZLOOM_STALE,
                       "flow %s, message %llu: its lease was lost, it goes to "
                       "somebody again",
                       message->flow, (unsigned long long) message->seq);
}

zloom_err_t
zloom_client_core_started (zloom_client_core_t *self, const zloom_message_t *message)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_item_t *item = zloom_item (message);
    if (item->mark->stale) {
        return s_stale (message);
    }
    item->mark->started = true;
    if (self->status == ZLOOM_CORE_WELCOMED && zloom_client_lease_is_leased (item->lease)) {
        const zloom_run_t run = {message->seq, 1};
        const zloom_verb_t verb = {
          .kind = ZLOOM_VERB_STARTED,
          .started = {
            .handle = message->handle, .token = item->lease->token, .runs = &run, .run_count = 1}};
        zloom_frames_push (&self->out, &verb, NULL, ZLOOM_BYTES_NULL);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_client_core_progress (zloom_client_core_t *self, const zloom_message_t *message,
                            uint64_t extend_ms)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    const zloom_item_t *item = zloom_item (message);
    if (item->mark->stale) {
        return s_stale (message);
    }
    if (self->status == ZLOOM_CORE_WELCOMED && zloom_client_lease_is_leased (item->lease)) {
        const zloom_run_t run = {message->seq, 1};
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_PROGRESS,
                                   .progress = {.handle = message->handle,
                                                .token = item->lease->token,
                                                .runs = &run,
                                                .run_count = 1,
                                                .extend_ms = extend_ms}};
        zloom_frames_push (&self->out, &verb, NULL, ZLOOM_BYTES_NULL);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_client_core_settle (zloom_client_core_t *self, const zloom_message_t **message_p,
                          const zloom_settlement_t *settlement)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_assert (message_p && *message_p);
    zloom_item_t *item = zloom_item (*message_p);
    if (item->mark->state != ZLOOM_ITEM_TAKEN) {
        return zloom_fail (ZLOOM_INVALID, "message %llu is in a step, was settled, or was heard",
                           (unsigned long long) (*message_p)->seq);
    }
    const bool gone =
      settlement->verdict == ZLOOM_VERDICT_RETRY || settlement->verdict == ZLOOM_VERDICT_REJECT;
    zloom_err_t err = item->mark->stale ? s_stale (*message_p) : ZLOOM_OK;
    if (gone && !zloom_client_lease_is_leased (item->lease)) {
        err = zloom_fail (ZLOOM_UNSUPPORTED,
                          "flow %s, message %llu: it came without a lease, and does not come again",
                          (*message_p)->flow, (unsigned long long) (*message_p)->seq);
    }
    *message_p = NULL;
    zloom_subscription_settle (item->lease->subscription, item, settlement);
    return err;
}
