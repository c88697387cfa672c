/* SPDX-License-Identifier: MPL-2.0 */
/* core_take.c - subscriptions, and settling what they bring. */
#include "base/tag.h"
#include "client/core_state.h"

zloom_subscription_t *
zloom_core_subscription (const zloom_client_core_t *self, uint32_t handle)
{
    for (zloom_subscription_t *it = self->subscriptions; it; it = it->next) {
        if (it->handle == handle) {
            return it;
        }
    }
    return NULL;
}

void
zloom_core_resubscribe (zloom_client_core_t *self)
{
    for (zloom_subscription_t *it = self->subscriptions; it; it = it->next) {
        zloom_subscription_say (it, &self->out);
    }
}

int64_t
zloom_core_tick_subscriptions (zloom_client_core_t *self)
{
    int64_t next_ns = ZLOOM_NEVER;
    for (zloom_subscription_t *it = self->subscriptions; it; it = it->next) {
        const int64_t due_ns = zloom_subscription_tick (it, self->now_ns, &self->out);
        next_ns = due_ns < next_ns ? due_ns : next_ns;
        zloom_subscription_sweep (it);
    }
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
    size_t count = 0;
    zloom_subscription_t **end = &self->subscriptions;
    for (; *end; end = &(*end)->next) {
        count++;
    }
    if (count >= ZLOOM_LIMIT_HANDLES) {
        return zloom_fail (ZLOOM_TOO_MANY, "%zu subscriptions, limit %d", count,
                           (int) ZLOOM_LIMIT_HANDLES);
    }
    *handle_p = self->next_handle++;
    *end = zloom_subscription_new (options, *handle_p);
    if (self->status == ZLOOM_CORE_WELCOMED) {
        zloom_subscription_say (*end, &self->out);
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
    for (zloom_subscription_t **at = &self->subscriptions; *at; at = &(*at)->next) {
        zloom_subscription_t *subscription = *at;
        if (subscription->handle != handle) {
            continue;
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
        *at = subscription->next;
        zloom_subscription_destroy (&subscription);
        return ZLOOM_OK;
    }
    return zloom_fail (ZLOOM_NOT_FOUND, "no subscription %u", (unsigned) handle);
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

bool
zloom_client_core_receive (zloom_client_core_t *self, uint32_t handle,
                           const zloom_message_t **message_p)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    *message_p = NULL;
    for (zloom_subscription_t *it = self->subscriptions; it; it = it->next) {
        if (handle != 0 && it->handle != handle) {
            continue;
        }
        const zloom_client_lease_t *gap;
        zloom_item_t *item;
        while (!(item = zloom_subscription_take (it, &self->stats.malformed_messages, &gap)) &&
               gap) {
            s_tell_gap (self, it, gap);
        }
        if (item) {
            *message_p = &item->message;
            return true;
        }
    }
    return false;
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
    size_t count = 0;
    for (const zloom_subscription_t *it = self->subscriptions; it; it = it->next) {
        count += handle == 0 || it->handle == handle ? it->waiting : 0;
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
