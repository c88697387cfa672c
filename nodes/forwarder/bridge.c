/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/forwarder/bridge.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "nodes/forwarder/outbox.h"
#include "wire/encode.h"

#define BRIDGE_TAG 0x4E464201u
#define PREFETCH 8192
/* Between two questions: about numbers that do not come, or to a router that refuses the flow. */
#define REST_NS ZLOOM_NS_PER_S
/* Of a session that is about to be answered. */
#define SOON_NS (50 * ZLOOM_NS_PER_MS)

typedef struct {
    uint64_t seq;
    const zloom_message_t *message;
} held_t;

struct zloom_bridge {
    uint32_t tag;
    char *node;
    char *flow;
    uint32_t handle; /* of the source's subscription; 0: none yet */
    bool stopped;
    /* what the source says of the outbox */
    bool ask; /* it came back: ask anew */
    bool asking;
    bool asking_all; /* boots and all, not only what is next */
    uint64_t request;
    uint64_t asked_from;
    bool again;     /* begin anew at the far end, whatever it says */
    bool drops;     /* another boot: what is held may be of a part of the log that is lost */
    bool known;     /* what follows is */
    uint64_t next;  /* the lowest number from asked_from on that is not settled */
    bool next_told; /* ... and not used yet */
    zloom_outbox_t outbox;
    char *far_name; /* LOG/FLOW */
    /* the far end */
    bool wants_far;
    int64_t rest_until_ns;
    bool far_keyed;
    bool refused; /* it refuses the flow, which was said */
    zloom_client_flow_t far_flow;
    uint64_t *failed; /* ids that it will never take */
    size_t failed_count, failed_capacity;
    held_t *held; /* by number; one that came again stands twice */
    size_t held_count, held_capacity;
};

zloom_bridge_t *
zloom_bridge_new (const char *node, const char *flow)
{
    zloom_bridge_t *self = zloom_alloc (sizeof *self);
    self->tag = BRIDGE_TAG;
    self->node = zloom_strdup (node);
    self->flow = zloom_strdup (flow);
    return self;
}

void
zloom_bridge_destroy (zloom_bridge_t **self_p)
{
    zloom_bridge_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, BRIDGE_TAG);
    free (self->node);
    free (self->flow);
    free (self->far_name);
    free (self->failed);
    free (self->held);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

/* ---- what the source says of the outbox ---------------------------------------------------- */

static zloom_err_t
s_read_answer (zloom_bridge_t *self, zloom_bytes_t result)
{
    zloom_outbox_t said;
    const zloom_err_t err = zloom_outbox_read (result, &said);
    if (err != ZLOOM_OK) {
        return err;
    }
    self->next = said.next;
    self->next_told = true;
    const bool same = self->known && zloom_outbox_same (&said, &self->outbox);
    if (self->asking_all && (!same || self->again)) {
        free (self->far_name);
        self->far_name = zloom_format ("%s/%s", said.log, self->flow);
        self->outbox = said;
        self->again = false;
        self->drops = !same;
        self->known = true;
        self->wants_far = true;
    }
    return ZLOOM_OK;
}

void
zloom_bridge_source_event (void *bridge, const zloom_client_event_t *event)
{
    zloom_bridge_t *self = bridge;
    switch (event->type) {
    case ZLOOM_CLIENT_WELCOME:
        self->ask = true;
        break;
    case ZLOOM_CLIENT_LOST:
        self->asking = false;
        self->next_told = false;
        break;
    case ZLOOM_CLIENT_ANSWER:
        if (self->asking && event->id == self->request && !event->more) {
            self->asking = false;
            if (event->code != ZLOOM_OK || s_read_answer (self, event->result) != ZLOOM_OK) {
                self->ask = true;
            }
        }
        break;
    default:
        break;
    }
}

static void
s_ask (zloom_bridge_t *self, zloom_client_core_t *source, uint64_t from, bool all, zloom_now_t now)
{
    if (self->asking || now.mono_ns < self->rest_until_ns) {
        return;
    }
    zloom_buf_t args = {0};
    zloom_encode_map (&args, 2);
    zloom_encode_string (&args, "flow");
    zloom_encode_string (&args, self->flow);
    zloom_encode_string (&args, "from");
    zloom_encode_uint (&args, from);
    if (zloom_client_core_admin (source, "outbox", zloom_buf_bytes (&args), &self->request) ==
        ZLOOM_OK) {
        self->asking = true;
        self->asking_all = all;
        self->asked_from = from;
        self->next_told = false;
        self->ask = self->ask && !all;
        self->rest_until_ns = all ? 0 : zloom_time_add (now.mono_ns, REST_NS);
    }
    zloom_buf_fini (&args);
}

/* ---- what is held -------------------------------------------------------------------------- */

/* The first that is not below the number. */
static size_t
s_find (const zloom_bridge_t *self, uint64_t seq)
{
    size_t low = 0;
    size_t high = self->held_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (self->held[middle].seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void
s_take (zloom_bridge_t *self, zloom_client_core_t *source)
{
    const zloom_message_t *message;
    while (zloom_client_core_receive (source, self->handle, &message)) {
        zloom_grow (&self->held, &self->held_capacity, self->held_count + 1, sizeof *self->held);
        const bool last =
          self->held_count == 0 || self->held[self->held_count - 1].seq <= message->seq;
        const size_t at = last ? self->held_count : s_find (self, message->seq);
        memmove (&self->held[at + 1], &self->held[at],
                 (self->held_count - at) * sizeof *self->held);
        self->held[at] = (held_t){message->seq, message};
        self->held_count++;
    }
}

static bool
s_is_failed (const zloom_bridge_t *self, uint64_t seq)
{
    for (size_t i = 0; i < self->failed_count; i++) {
        if (self->failed[i] == seq) {
            return true;
        }
    }
    return false;
}

/*
 * The source has begun another boot, maybe on a copy of its log: what it gave before goes back, and
 * comes again if it is still there.
 */
static void
s_drop (zloom_bridge_t *self, zloom_client_core_t *source)
{
    const zloom_settlement_t settlement = {
      .verdict = ZLOOM_VERDICT_RELEASE, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    for (size_t i = 0; i < self->held_count; i++) {
        const zloom_message_t *message = self->held[i].message;
        (void) zloom_client_core_settle (source, &message, &settlement);
    }
    self->held_count = 0;
    self->drops = false;
}

/* Everything up to there has arrived, or never will. */
static void
s_settle (zloom_bridge_t *self, zloom_client_core_t *source, uint64_t upto)
{
    size_t count = 0;
    while (count < self->held_count && self->held[count].seq <= upto) {
        const held_t *held = &self->held[count++];
        const bool failed = s_is_failed (self, held->seq);
        const zloom_settlement_t settlement = {
          .verdict = failed ? ZLOOM_VERDICT_REJECT : ZLOOM_VERDICT_ACK,
          .delay_ms = ZLOOM_DELAY_UNSET,
          .cause = {.exit = -1,
                    .reason = failed ? zloom_bytes_text ("rejected") : ZLOOM_BYTES_NULL}};
        const zloom_message_t *message = held->message;
        (void) zloom_client_core_settle (source, &message, &settlement);
    }
    self->held_count -= count;
    if (self->held_count > 0) {
        memmove (self->held, self->held + count, self->held_count * sizeof *self->held);
    }
    size_t kept = 0;
    for (size_t i = 0; i < self->failed_count; i++) {
        if (self->failed[i] > upto) {
            self->failed[kept++] = self->failed[i];
        }
    }
    self->failed_count = kept;
}

/* ---- the far end --------------------------------------------------------------------------- */

void
zloom_bridge_far_event (void *bridge, const zloom_client_event_t *event)
{
    zloom_bridge_t *self = bridge;
    if (event->type == ZLOOM_CLIENT_FAILED) {
        zloom_grow (&self->failed, &self->failed_capacity, self->failed_count + 1,
                    sizeof *self->failed);
        self->failed[self->failed_count++] = event->id;
        zloom_log (ZLOOM_LOG_ERROR, "bridge-rejected",
                   "node=%s flow=%s number=%llu error=%s text=\"%.*s\" what=\"the other router "
                   "will never take it: it is dropped from the outbox, and counted there\"",
                   self->node, self->flow, (unsigned long long) event->id,
                   zloom_err_name (event->code), (int) event->text.size,
                   event->text.size ? (const char *) event->text.data : "");
    }
}

bool
zloom_bridge_wants_far (const zloom_bridge_t *self, zloom_client_options_t *options)
{
    ZLOOM_CHECK (self, BRIDGE_TAG);
    if (self->wants_far && self->known) {
        options->name = self->far_name;
        options->role = "bridge";
        options->flows = &self->far_flow;
        options->flow_count = 1;
    }
    return self->wants_far && self->known;
}

void
zloom_bridge_far_is_new (zloom_bridge_t *self)
{
    ZLOOM_CHECK (self, BRIDGE_TAG);
    self->wants_far = false;
    self->failed_count = 0;
}

static zloom_err_t
s_carry_one (zloom_bridge_t *self, zloom_client_core_t *far, const zloom_message_t *message,
             zloom_now_t now)
{
    /* Of two flows of one name the far one counts: keyed ones have no priorities. */
    const uint32_t but = self->far_keyed ? ZLOOM_FLAG_PRIORITY : 0;
    zloom_envelope_t head = {0};
    zloom_carried_t carried = {
      .envelope = zloom_client_core_envelope (message),
      .origin = {.producer = zloom_bytes (message->producer, message->producer_size),
                 .id = message->id,
                 .base_time_ns = message->sent_wall_ns}};
    if (zloom_envelope_decode_head (carried.envelope, &head) == ZLOOM_OK) {
        carried.flags = zloom_envelope_flags (&head) & ~but;
    }
    return zloom_client_core_carry (far, self->flow, &carried, now);
}

/* The outbox says that numbers from `expected` on are settled: they hold no message any more. */
static bool
s_skip (zloom_bridge_t *self, zloom_client_core_t *far, uint64_t expected, uint64_t upto)
{
    const uint64_t next = self->next < upto ? self->next : upto;
    if (!self->next_told || self->asked_from != expected || next <= expected) {
        return false;
    }
    const uint64_t n = next - expected;
    self->next_told = false;
    self->rest_until_ns = 0;
    return zloom_client_core_skip (far, self->flow, n > UINT32_MAX ? UINT32_MAX : (uint32_t) n) ==
           ZLOOM_OK;
}

/* As many as go, in their order; true: a number is missing. */
static bool
s_carry (zloom_bridge_t *self, zloom_client_core_t *source, zloom_client_core_t *far,
         uint64_t expected, zloom_now_t now)
{
    size_t at = s_find (self, expected);
    while (at < self->held_count) {
        const held_t *held = &self->held[at];
        if (held->seq < expected) {
            at++; /* it came twice */
        } else if (held->seq == expected) {
            if (s_carry_one (self, far, held->message, now) != ZLOOM_OK) {
                return false;
            }
            expected++;
            at++;
        } else if (s_skip (self, far, expected, held->seq)) {
            return s_carry (self, source, far, self->next < held->seq ? self->next : held->seq,
                            now);
        } else {
            s_ask (self, source, expected, false, now);
            return true;
        }
    }
    return false;
}

/* It does not let the flow in: it may run an older recipe, or not be asked by the right one. */
static int64_t
s_rest (zloom_bridge_t *self, zloom_err_t code, zloom_now_t now)
{
    if (!self->refused) {
        zloom_log (ZLOOM_LOG_WARN, "bridge-refused", "node=%s flow=%s error=%s", self->node,
                   self->flow, zloom_err_name (code));
        self->refused = true;
        self->rest_until_ns = zloom_time_add (now.mono_ns, REST_NS);
    }
    if (now.mono_ns >= self->rest_until_ns) {
        self->again = true;
        self->ask = true;
    }
    return self->rest_until_ns;
}

static int64_t
s_turn_far (zloom_bridge_t *self, zloom_client_core_t *source, zloom_client_core_t *far,
            zloom_now_t now)
{
    zloom_client_flow_state_t state = {.state = ZLOOM_AGAIN};
    (void) zloom_client_core_flow (far, self->flow, &state);
    if (state.state != ZLOOM_OK && state.state != ZLOOM_AGAIN) {
        return s_rest (self, state.state, now);
    }
    self->refused = self->refused && state.state != ZLOOM_OK;
    self->far_keyed = state.keyed;
    s_settle (self, source, state.confirmed);
    const bool gap = state.state == ZLOOM_OK && s_carry (self, source, far, state.next_id, now);
    return gap ? zloom_time_add (now.mono_ns, SOON_NS) : ZLOOM_NEVER;
}

/* ---- the turn ------------------------------------------------------------------------------ */

int64_t
zloom_bridge_turn (zloom_bridge_t *self, zloom_client_core_t *source, zloom_client_core_t *far,
                   zloom_now_t now)
{
    ZLOOM_CHECK (self, BRIDGE_TAG);
    if (self->handle == 0) {
        const zloom_subscription_options_t options = {.flow = self->flow, .prefetch = PREFETCH};
        (void) zloom_client_core_subscribe (source, &options, &self->handle);
    }
    s_take (self, source);
    if (self->ask && zloom_client_core_welcomed (source)) {
        self->rest_until_ns = 0;
        s_ask (self, source, 1, true, now);
    }
    /* Not before it is known whether the log is the one that it was. */
    if (self->ask || self->asking_all) {
        if (self->asking || self->ask) {
            return zloom_time_add (now.mono_ns, SOON_NS);
        }
        self->asking_all = false;
    }
    if (self->drops) {
        s_drop (self, source);
    }
    if (self->wants_far && self->known) {
        self->far_flow = (zloom_client_flow_t){.name = self->flow,
                                               .first_id = self->next,
                                               .boots = self->outbox.boots,
                                               .boot_count = self->outbox.boot_count};
        return now.mono_ns;
    }
    return far ? s_turn_far (self, source, far, now) : zloom_time_add (now.mono_ns, REST_NS);
}

void
zloom_bridge_stop (zloom_bridge_t *self, zloom_client_core_t *source)
{
    ZLOOM_CHECK (self, BRIDGE_TAG);
    if (!self->stopped && self->handle > 0) {
        (void) zloom_client_core_hold (source, self->handle, true);
    }
    self->stopped = true;
}

size_t
zloom_bridge_held (const zloom_bridge_t *self)
{
    ZLOOM_CHECK (self, BRIDGE_TAG);
    return self->held_count;
}
