/* SPDX-License-Identifier: MPL-2.0 */
/*
 * grant.c - CREDIT to senders. What is granted and not used counts as used against the flow's
 * limit, so that what is on the road always fits. Senders share what is left: each gets at most
 * half of it, so a newcomer is never shut out by those that were there first and do nothing; and
 * who has none may always try a little: if it does not fit by then, it is refused whole and comes
 * again with the next CREDIT.
 */
#include "base/memory.h"
#include "engine/core.h"

/* What one sender may have on the road. */
#define WINDOW_MESSAGES 65536u
#define WINDOW_BYTES (8u * 1024 * 1024)
#define WINDOW_FRAMES 2048u
/* A step comes whole or not at all, and needs credit for all that it emits: who could do nothing
 * with a small share for so long gets so much, if there is room, though others may have been given
 * it. */
#define PATIENCE_NS ZLOOM_NS_PER_S
#define PATIENT_MESSAGES 4096u
/* While the disk is full, how often to look again. */
#define DISK_FULL_NS (200 * ZLOOM_NS_PER_MS)

zloom_sender_t *
zloom_engine_sender_for (zloom_session_t *session, zloom_hosted_t *flow)
{
    zloom_part_t *part = zloom_engine_part (session);
    for (size_t i = 0; i < part->sender_count; i++) {
        if (part->senders[i] && part->senders[i]->flow == flow) {
            return part->senders[i];
        }
    }
    zloom_sender_t *sender = zloom_alloc (sizeof *sender);
    sender->session = session;
    sender->flow = flow;
    sender->index = (uint32_t) part->sender_count;
    zloom_grow (&part->senders, &part->sender_capacity, part->sender_count + 1,
                sizeof *part->senders);
    part->senders[part->sender_count++] = sender;
    return sender;
}

void
zloom_engine_want_credit (zloom_engine_t *self, zloom_sender_t *sender)
{
    if (!sender->hungry && sender->sends) {
        sender->hungry = true;
        sender->patient_until_ns = self->now.mono_ns + PATIENCE_NS;
        sender->next_hungry = self->hungry;
        self->hungry = sender;
    }
}

/* Bring the sender's part of the flow's outstanding credit up to date. */
static void
s_account (zloom_sender_t *sender)
{
    zloom_amount_t *sum = &sender->flow->outstanding;
    const zloom_amount_t left =
      sender->refused_from > 0 ? (zloom_amount_t){0} : zloom_credit_left (&sender->credit);
    sum->messages += left.messages - sender->left.messages;
    sum->bytes += left.bytes - sender->left.bytes;
    sum->frames += left.frames - sender->left.frames;
    sender->left = left;
}

void
zloom_engine_begin_sending (zloom_engine_t *self, zloom_sender_t *sender)
{
    if (!sender->sends) {
        sender->sends = true;
        sender->flow->sender_count++;
        zloom_engine_want_credit (self, sender);
    }
}

void
zloom_engine_end_sending (zloom_engine_t *self, zloom_sender_t *sender)
{
    zloom_amount_t *sum = &sender->flow->outstanding;
    sum->messages -= sender->left.messages;
    sum->bytes -= sender->left.bytes;
    sum->frames -= sender->left.frames;
    sender->left = (zloom_amount_t){0};
    sender->sends = false;
    sender->flow->sender_count--;
    for (zloom_sender_t **at = &self->hungry; *at; at = &(*at)->next_hungry) {
        if (*at == sender) {
            *at = sender->next_hungry;
            break;
        }
    }
    sender->hungry = false;
}

static bool
s_is_low (const zloom_amount_t *left)
{
    return left->messages < WINDOW_MESSAGES / 2 || left->bytes < WINDOW_BYTES / 2 ||
           left->frames < WINDOW_FRAMES / 2;
}

void
zloom_engine_use_credit (zloom_engine_t *self, zloom_sender_t *sender, uint64_t messages,
                         uint64_t bytes)
{
    zloom_credit_use (&sender->credit, messages, bytes);
    sender->patient_until_ns = self->now.mono_ns + PATIENCE_NS;
    s_account (sender);
    if (s_is_low (&sender->left)) {
        zloom_engine_want_credit (self, sender);
    }
}

void
zloom_engine_flow_room (const zloom_engine_t *self, const zloom_hosted_t *flow, uint64_t *messages,
                        uint64_t *bytes)
{
    flow->pattern->room (flow->core, messages, bytes);
    if (flow->port->disk || self->memory_limit_bytes == UINT64_MAX) {
        return;
    }
    zloom_journal_stats_t stats = {0};
    zloom_journal_stats (self->memory.journal, &stats);
    const uint64_t left =
      self->memory_limit_bytes > stats.live_bytes ? self->memory_limit_bytes - stats.live_bytes : 0;
    if (left < *bytes) {
        *bytes = left;
    }
}

/* What the sender may have in all, of `room` of which `others` have `taken`. */
static uint64_t
s_share (uint64_t window, uint64_t room, uint64_t taken, bool alone, uint64_t least)
{
    uint64_t free = room > taken ? room - taken : 0;
    if (!alone) {
        free = free / 2 + free % 2;
    }
    if (free < least) {
        free = room < least ? room : least;
    }
    return free < window ? free : window;
}

static zloom_amount_t
s_aim (const zloom_engine_t *self, const zloom_sender_t *sender)
{
    zloom_amount_t aim = {WINDOW_MESSAGES, WINDOW_BYTES, WINDOW_FRAMES};
    const zloom_hosted_t *flow = sender->flow;
    if (flow->config.on_full != ZLOOM_ON_FULL_BLOCK) {
        return aim;
    }
    uint64_t messages;
    uint64_t bytes;
    zloom_engine_flow_room (self, flow, &messages, &bytes);
    const bool alone = flow->sender_count <= 1;
    if (messages < sender->want_messages || bytes < sender->want_bytes) {
        return (zloom_amount_t){0};
    }
    const uint64_t least = sender->patient_until_ns <= self->now.mono_ns ? PATIENT_MESSAGES : 1;
    aim.messages =
      s_share (WINDOW_MESSAGES, messages, flow->outstanding.messages - sender->left.messages, alone,
               sender->want_messages > 0 ? sender->want_messages : least);
    aim.bytes = s_share (WINDOW_BYTES, bytes, flow->outstanding.bytes - sender->left.bytes, alone,
                         self->max_message_bytes + 16);
    return aim;
}

/* False when it wants more than it can have now. */
static bool
s_grant (zloom_engine_t *self, zloom_sender_t *sender)
{
    const zloom_amount_t aim = s_aim (self, sender);
    if (aim.messages == 0 || aim.bytes == 0) {
        return false;
    }
    zloom_amount_t totals = sender->credit.used;
    if (sender->refused_from > 0) {
        /* All that is on the road will be dropped, and it counts against the old totals. */
        totals = sender->credit.granted;
        totals.messages = sender->credit.used.messages > totals.messages
                            ? sender->credit.used.messages
                            : totals.messages;
        totals.bytes =
          sender->credit.used.bytes > totals.bytes ? sender->credit.used.bytes : totals.bytes;
        totals.frames =
          sender->credit.used.frames > totals.frames ? sender->credit.used.frames : totals.frames;
    }
    totals.messages += aim.messages;
    totals.bytes += aim.bytes;
    totals.frames += aim.frames;
    if (zloom_credit_raise (&sender->credit, &totals)) {
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_CREDIT,
                                   .credit = {.target = ZLOOM_CREDIT_FLOW,
                                              .id = sender->index,
                                              .messages = sender->credit.granted.messages,
                                              .bytes = sender->credit.granted.bytes,
                                              .frames = sender->credit.granted.frames}};
        zloom_engine_say (self, sender->session, &verb, 0);
    }
    sender->want_messages = 0;
    sender->want_bytes = 0;
    s_account (sender);
    const zloom_amount_t left = zloom_credit_left (&sender->credit);
    return !s_is_low (&left);
}

/* Who takes messages needs credit to finish those in its hands: it is paused at its taking. */
static bool
s_is_paused (const zloom_engine_t *self, const zloom_sender_t *sender)
{
    const zloom_part_t *part = zloom_engine_part (sender->session);
    return zloom_engine_paused (self, sender->session) && zloom_idmap_count (part->consumers) == 0;
}

int64_t
zloom_engine_grant (zloom_engine_t *self)
{
    int64_t wake_ns = ZLOOM_NEVER;
    zloom_sender_t *sender = self->hungry;
    zloom_sender_t *kept = NULL;
    self->hungry = NULL;
    while (sender) {
        zloom_sender_t *next = sender->next_hungry;
        bool content = self->draining;
        if (!content && !s_is_paused (self, sender) && sender->not_before_ns <= self->now.mono_ns) {
            const zloom_port_t *port = sender->flow->port;
            if (zloom_journal_room (port->journal, 1, 1, true) == ZLOOM_DISK_FULL) {
                sender->not_before_ns = self->now.mono_ns + DISK_FULL_NS;
            } else {
                content = s_grant (self, sender);
            }
        }
        if (!content) {
            if (sender->not_before_ns > self->now.mono_ns && sender->not_before_ns < wake_ns) {
                wake_ns = sender->not_before_ns;
            }
            if (sender->patient_until_ns > self->now.mono_ns &&
                sender->patient_until_ns < wake_ns) {
                wake_ns = sender->patient_until_ns;
            }
            sender->next_hungry = kept;
            kept = sender;
        } else {
            sender->hungry = false;
        }
        sender = next;
    }
    /* Turned round, so that who comes first changes with every turn. */
    self->hungry = kept;
    return wake_ns;
}
