/* SPDX-License-Identifier: MPL-2.0 */
#include "client/subscription.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"

#define DEFAULT_PREFETCH 100
#define DEFAULT_PREFETCH_BYTES (16u * 1024 * 1024)

zloom_subscription_t *
zloom_subscription_new (const zloom_subscription_options_t *options, uint32_t handle)
{
    zloom_subscription_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_SUBSCRIPTION_TAG;
    self->handle = handle;
    self->flow = zloom_strdup (options->flow);
    self->group = zloom_strdup (options->group);
    self->mode = options->mode;
    self->patterns = zloom_alloc ((options->pattern_count + 1) * sizeof (char *));
    for (size_t i = 0; i < options->pattern_count; i++) {
        self->patterns[self->pattern_count++] = zloom_strdup (options->patterns[i]);
    }
    self->durable = options->durable;
    self->from = options->from;
    self->from_value = options->from_value;
    self->on_slow = options->on_slow;
    self->on_slow_value = options->on_slow_value;
    self->gap = options->gap;
    self->gap_arg = options->gap_arg;
    self->prefetch.messages = options->prefetch ? options->prefetch : DEFAULT_PREFETCH;
    self->prefetch.bytes =
      options->prefetch_bytes ? options->prefetch_bytes : DEFAULT_PREFETCH_BYTES;
    self->prefetch.frames =
      options->prefetch_frames ? options->prefetch_frames : self->prefetch.messages;
    self->extend_at_ns = ZLOOM_NEVER;
    self->told_all_at_ns = ZLOOM_NEVER;
    zloom_item_init_heard (&self->heard);
    return self;
}

void
zloom_subscription_destroy (zloom_subscription_t **self_p)
{
    zloom_assert (self_p);
    zloom_subscription_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    *self_p = NULL;
    while (self->first) {
        zloom_client_lease_t *lease = self->first;
        self->first = lease->next;
        zloom_client_lease_destroy (&lease);
    }
    zloom_items_fini (&self->items);
    self->tag = ZLOOM_TAG_DEAD;
    for (size_t i = 0; i < self->pattern_count; i++) {
        free (self->patterns[i]);
    }
    free (self->patterns);
    free (self->flow);
    free (self->group);
    free (self->over_text);
    free (self);
}

/* ---- deliveries ----------------------------------------------------------------------------- */

static void
s_append (zloom_subscription_t *self, zloom_client_lease_t *lease)
{
    if (self->last) {
        self->last->next = lease;
    } else {
        self->first = lease;
    }
    self->last = lease;
    self->taking = self->taking ? self->taking : lease;
}

void
zloom_subscription_gap (zloom_subscription_t *self, const zloom_verb_gap_t *gap)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    s_append (self, zloom_client_lease_new_gap (gap, self));
    self->waiting++;
    if (self->next_seq > 0) {
        self->next_seq = gap->to + 1;
    }
}

bool
zloom_subscription_deliver (zloom_subscription_t *self, const zloom_verb_deliver_t *deliver,
                            zloom_blob_t *pack)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    if (deliver->delivery_no != self->delivery_no + 1) {
        return false;
    }
    self->delivery_no = deliver->delivery_no;
    zloom_client_lease_t *lease = zloom_client_lease_new (deliver, pack, self);
    self->delivered.messages += lease->count;
    self->delivered.bytes += lease->bytes;
    self->delivered.frames++;
    self->held.messages += lease->count;
    self->held.bytes += lease->bytes;
    self->held.frames++;
    self->waiting += lease->count;
    s_append (self, lease);
    if (!zloom_client_lease_is_leased (lease)) {
        self->next_seq = zloom_client_lease_last_seq (lease) + 1;
    }
    if (self->on_hold) {
        zloom_subscription_release_waiting (self);
    }
    return true;
}

/* One message of the lease left the caller's hands. */
static inline void
s_left (zloom_subscription_t *self, const zloom_client_lease_t *lease)
{
    self->held.messages--;
    if (lease->unsettled == 0) {
        self->held.bytes -= lease->bytes;
        self->held.frames--;
    }
}

/* Message `index` of a lease is done, with no word to the router. Inline, as what it calls. */
static inline void
s_drop (zloom_subscription_t *self, zloom_client_lease_t *lease, uint32_t index)
{
    self->waiting -= lease->marks[index].state == ZLOOM_ITEM_WAITING;
    zloom_client_lease_drop (lease, index);
    s_left (self, lease);
}

void
zloom_subscription_drop (zloom_subscription_t *self, zloom_item_t *item)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    s_drop (self, item->lease, item->index);
    zloom_items_put (&self->items, item);
}

static void
s_settle (zloom_subscription_t *self, zloom_client_lease_t *lease, uint32_t index, uint64_t seq,
          const zloom_settlement_t *settlement)
{
    if (!zloom_client_lease_is_leased (lease)) {
        s_drop (self, lease, index);
        return;
    }
    self->waiting -= lease->marks[index].state == ZLOOM_ITEM_WAITING;
    zloom_client_lease_settle (lease, index, seq, settlement);
    s_left (self, lease);
}

static const zloom_settlement_t s_release = {
  .verdict = ZLOOM_VERDICT_RELEASE, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};

void
zloom_subscription_key_failed (zloom_subscription_t *self, const zloom_item_t *item)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    const zloom_bytes_t key = zloom_bytes (item->message.key, item->message.key_size);
    if (!key.data || self->waiting == 0 || self->mode != ZLOOM_MODE_CONSUME ||
        !zloom_client_lease_is_leased (item->lease)) {
        return;
    }
    for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        zloom_place_t place = lease->next_waiting;
        zloom_waiting_t found;
        while (zloom_client_lease_look (lease, &place, &found)) {
            zloom_envelope_t head;
            if (zloom_envelope_decode_head (found.envelope, &head) == ZLOOM_OK && head.key.data &&
                zloom_bytes_equal (head.key, key)) {
                s_settle (self, lease, found.index, found.seq, &s_release);
            }
        }
    }
}

void
zloom_subscription_settle (zloom_subscription_t *self, zloom_item_t *item,
                           const zloom_settlement_t *settlement)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    const bool stale = item->mark->stale;
    if (stale || settlement->verdict != ZLOOM_VERDICT_ACK) {
        zloom_subscription_key_failed (self, item);
    }
    if (stale || self->mode != ZLOOM_MODE_CONSUME) {
        s_drop (self, item->lease, item->index);
    } else {
        s_settle (self, item->lease, item->index, item->message.seq, settlement);
    }
    zloom_items_put (&self->items, item);
}

/* What the delivery says of a message. */
static inline void
s_describe (const zloom_subscription_t *self, const zloom_waiting_t *found,
            zloom_message_t *message)
{
    message->flow = self->flow;
    message->handle = self->handle;
    message->seq = found->seq;
    message->producer = (const char *) found->src->producer.data;
    message->producer_size = found->src->producer.size;
    message->id = found->src->first_id + found->nth;
    message->sent_wall_ns = found->src->base_time_ns;
    message->attempt = found->fact ? found->fact->attempt : 0;
    message->redelivered = found->fact && found->fact->redelivered;
    message->replayed = found->fact && found->fact->replayed;
}

/* A message of a lease that waited, in the caller's hands and not opened yet. */
static zloom_item_t *
s_hand_out (zloom_subscription_t *self, zloom_client_lease_t *lease, const zloom_waiting_t *found)
{
    zloom_item_t *item = zloom_items_take (&self->items);
    item->lease = lease;
    item->index = found->index;
    item->mark = &lease->marks[found->index];
    item->mark->state = ZLOOM_ITEM_TAKEN;
    item->envelope = found->envelope;
    s_describe (self, found, &item->message);
    self->waiting--;
    return item;
}

static void
s_reject_malformed (zloom_subscription_t *self, zloom_item_t *item, uint64_t *malformed)
{
    const zloom_settlement_t reject = {.verdict = ZLOOM_VERDICT_REJECT,
                                       .delay_ms = ZLOOM_DELAY_UNSET,
                                       .cause = {.reason = zloom_bytes_text ("malformed"),
                                                 .exit = -1,
                                                 .text = zloom_bytes_text (zloom_note ())}};
    zloom_subscription_settle (self, item, &reject);
    (*malformed)++;
}

/* The gap that comes next, told by that; NULL: it is a delivery. */
static const zloom_client_lease_t *
s_gap (zloom_subscription_t *self, zloom_client_lease_t *lease)
{
    if (!lease->is_gap) {
        return NULL;
    }
    lease->is_gap = false;
    self->waiting--;
    return lease;
}

zloom_item_t *
zloom_subscription_take (zloom_subscription_t *self, uint64_t *malformed,
                         const zloom_client_lease_t **gap_p)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    *gap_p = NULL;
    for (; self->taking && self->waiting > 0; self->taking = self->taking->next) {
        zloom_client_lease_t *const lease = self->taking;
        if ((*gap_p = s_gap (self, lease))) {
            return NULL;
        }
        zloom_waiting_t found;
        while (zloom_client_lease_look (lease, &lease->next_waiting, &found)) {
            zloom_item_t *const item = s_hand_out (self, lease, &found);
            if (zloom_message_open (&item->message, found.envelope, &self->alike) == ZLOOM_OK) {
                return item;
            }
            s_reject_malformed (self, item, malformed);
        }
    }
    return NULL;
}

const zloom_message_t *
zloom_subscription_hear (zloom_subscription_t *self, uint64_t *malformed,
                         const zloom_client_lease_t **gap_p)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    *gap_p = NULL;
    self->heard.lease = NULL;
    for (; self->taking && self->waiting > 0; self->taking = self->taking->next) {
        zloom_client_lease_t *const lease = self->taking;
        if ((*gap_p = s_gap (self, lease)) || zloom_client_lease_is_leased (lease)) {
            return NULL;
        }
        zloom_waiting_t found;
        while (zloom_client_lease_look (lease, &lease->next_waiting, &found)) {
            s_drop (self, lease, found.index);
            s_describe (self, &found, &self->heard.message);
            if (zloom_message_open (&self->heard.message, found.envelope, &self->alike) ==
                ZLOOM_OK) {
                self->heard.lease = lease; /* its bytes stay until the next call */
                return &self->heard.message;
            }
            (*malformed)++;
        }
    }
    return NULL;
}

bool
zloom_subscription_is_leased (const zloom_subscription_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    return self->taking && !self->taking->is_gap && zloom_client_lease_is_leased (self->taking);
}

/* Done with all that waits in the lease from its first number on, as long as numbers go on. */
static bool
s_take_run (zloom_subscription_t *self, zloom_client_lease_t *lease, zloom_taken_t *taken)
{
    zloom_place_t place = lease->next_waiting;
    zloom_waiting_t found;
    *taken = (zloom_taken_t){.lease = lease};
    while (zloom_client_lease_look (lease, &place, &found) &&
           (taken->n == 0 || found.seq == taken->seq + taken->n)) {
        taken->index = taken->n == 0 ? found.index : taken->index;
        taken->seq = taken->n == 0 ? found.seq : taken->seq;
        taken->n++;
        s_drop (self, lease, found.index);
        lease->next_waiting = place;
    }
    return taken->n > 0;
}

bool
zloom_subscription_take_run (zloom_subscription_t *self, zloom_taken_t *taken,
                             const zloom_client_lease_t **gap_p)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    *gap_p = NULL;
    for (; self->taking && self->waiting > 0; self->taking = self->taking->next) {
        zloom_client_lease_t *lease = self->taking;
        if ((*gap_p = s_gap (self, lease))) {
            return false;
        }
        if (s_take_run (self, lease, taken)) {
            return true;
        }
    }
    return false;
}

void
zloom_subscription_release_waiting (zloom_subscription_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        zloom_waiting_t found;
        while (zloom_client_lease_is_leased (lease) &&
               zloom_client_lease_look (lease, &lease->next_waiting, &found)) {
            s_settle (self, lease, found.index, found.seq, &s_release);
        }
    }
}

/* ---- answers -------------------------------------------------------------------------------- */

static zloom_client_lease_t *
s_find (const zloom_subscription_t *self, zloom_token_t token)
{
    for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        if (lease->token.boot == token.boot && lease->token.number == token.number) {
            return lease;
        }
    }
    return NULL;
}

uint64_t
zloom_subscription_stale (zloom_subscription_t *self, zloom_token_t token, const zloom_run_t *run)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    zloom_client_lease_t *lease = s_find (self, token);
    uint64_t hit = 0;
    for (uint32_t i = 0; lease && zloom_client_lease_in_run (lease, run, &i); i++) {
        zloom_mark_t *mark = &lease->marks[i];
        hit += !mark->stale && mark->state != ZLOOM_ITEM_DONE;
        mark->stale = true;
        if (mark->state == ZLOOM_ITEM_WAITING) {
            s_drop (self, lease, i);
        }
    }
    return hit;
}

void
zloom_subscription_settled (zloom_subscription_t *self, zloom_token_t token,
                            const zloom_settled_run_t *run)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    zloom_client_lease_t *lease = s_find (self, token);
    if (lease) {
        zloom_client_lease_answered (lease, run->first, run->n);
    }
}

void
zloom_subscription_sweep (zloom_subscription_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    zloom_client_lease_t *before = NULL;
    for (zloom_client_lease_t *lease = self->first; lease;) {
        zloom_client_lease_t *next = lease->next;
        if (!zloom_client_lease_over (lease) || lease == self->heard.lease) {
            before = lease;
            lease = next;
            continue;
        }
        if (before) {
            before->next = next;
        } else {
            self->first = next;
        }
        if (self->last == lease) {
            self->last = before;
        }
        if (self->taking == lease) {
            self->taking = next;
        }
        zloom_client_lease_destroy (&lease);
        lease = next;
    }
}

size_t
zloom_subscription_unanswered (const zloom_subscription_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    size_t count = 0;
    for (const zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        count += lease->settling_count;
    }
    return count;
}
