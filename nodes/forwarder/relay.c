/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/forwarder/relay.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "nodes/subscribe.h"

#define RELAY_TAG 0x4E46524Cu
/* What may be here and not be brought yet; all that comes is brought in the next turn. */
#define PREFETCH 65536
/* Between two questions to a router that refuses the flow. */
#define REST_NS ZLOOM_NS_PER_S

struct zloom_relay {
    uint32_t tag;
    char *node;
    char *flow;
    uint32_t handle; /* 0: not subscribed */
    bool over;       /* the router has ended the subscription, or refused it */
    int64_t rest_until_ns;
    uint64_t next; /* the number that the copy goes on with; 0: it has no place yet */
    zloom_node_gaps_t gaps;
};

zloom_relay_t *
zloom_relay_new (const char *node, const char *flow)
{
    zloom_relay_t *self = zloom_alloc (sizeof *self);
    self->tag = RELAY_TAG;
    self->node = zloom_strdup (node);
    self->flow = zloom_strdup (flow);
    return self;
}

void
zloom_relay_destroy (zloom_relay_t **self_p)
{
    zloom_relay_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, RELAY_TAG);
    free (self->node);
    free (self->flow);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

bool
zloom_relay_is_placed (const zloom_relay_t *self)
{
    ZLOOM_CHECK (self, RELAY_TAG);
    return self->next > 0;
}

void
zloom_relay_event (zloom_relay_t *self, const zloom_client_event_t *event)
{
    ZLOOM_CHECK (self, RELAY_TAG);
    if (event->type == ZLOOM_CLIENT_SUBSCRIBED && event->handle == self->handle &&
        event->code != ZLOOM_OK) {
        self->over = true;
        zloom_log (ZLOOM_LOG_WARN, "edge-refused", "node=%s flow=%s error=%s text=\"%.*s\"",
                   self->node, self->flow, zloom_err_name (event->code), (int) event->text.size,
                   event->text.size ? (const char *) event->text.data : "");
    }
}

/* ---- the router's side ---------------------------------------------------------------------- */

/* One that was ended is begun anew where it stood, after a rest. */
static void
s_subscribe (zloom_relay_t *self, zloom_client_core_t *core, zloom_now_t now)
{
    const zloom_subscription_options_t options = {.flow = self->flow,
                                                  .prefetch = PREFETCH,
                                                  .from = self->next > 0 ? ZLOOM_FROM_SEQ
                                                                         : ZLOOM_FROM_NOW,
                                                  .from_value = (int64_t) self->next};
    if (self->handle > 0 && self->over) {
        (void) zloom_client_core_unsubscribe (core, self->handle);
        self->handle = 0;
        self->over = false;
        self->rest_until_ns = zloom_time_add (now.mono_ns, REST_NS);
    }
    if (self->handle == 0 && now.mono_ns >= self->rest_until_ns) {
        (void) zloom_client_core_subscribe (core, &options, &self->handle);
        self->rest_until_ns = zloom_time_add (now.mono_ns, REST_NS); /* where there was no room */
    }
}

/* ---- the copy's side ------------------------------------------------------------------------ */

static void
s_log_gap (zloom_relay_t *self, const zloom_client_pack_t *gap, zloom_now_t now)
{
    const zloom_client_event_t event = {.flow = self->flow,
                                        .seq = gap->seq,
                                        .last = gap->last,
                                        .n = gap->count,
                                        .text = zloom_bytes_text (gap->reason)};
    zloom_node_gap_at (&self->gaps, self->node, &event, now.mono_ns);
}

static zloom_err_t
s_bring (zloom_relay_t *self, zloom_engine_t *engine, const zloom_client_pack_t *pack,
         zloom_now_t now)
{
    zloom_err_t err;
    if (self->next > 0 && pack->seq < self->next && !pack->is_gap) {
        return zloom_fail (ZLOOM_FAILED,
                           "flow %s: the router goes on with number %llu, and had given %llu: it "
                           "was set back",
                           self->flow, (unsigned long long) pack->seq,
                           (unsigned long long) self->next - 1);
    }
    if (pack->is_gap) {
        s_log_gap (self, pack, now);
        err = zloom_engine_pass (engine, self->flow, pack->last + 1, true,
                                 strcmp (pack->reason, "restart") == 0, pack->count, now);
    } else {
        const zloom_brought_t brought = {.seq = pack->seq,
                                         .n = (uint32_t) (pack->last - pack->seq + 1),
                                         .pack = pack->pack,
                                         .blob = pack->blob,
                                         .src = pack->src,
                                         .src_count = pack->src_count};
        err = zloom_engine_bring (engine, self->flow, &brought, now);
    }
    if (err != ZLOOM_OK) { /* everybody is told of it, by the engine */
        zloom_log (ZLOOM_LOG_ERROR, "edge-lost", "node=%s %s", self->node, zloom_note ());
    }
    self->next = pack->last + 1 > self->next ? pack->last + 1 : self->next;
    return ZLOOM_OK;
}

zloom_err_t
zloom_relay_turn (zloom_relay_t *self, zloom_client_core_t *core, zloom_engine_t *engine,
                  zloom_now_t now, int64_t *due_ns)
{
    ZLOOM_CHECK (self, RELAY_TAG);
    zloom_client_pack_t pack;
    zloom_err_t err = ZLOOM_OK;
    while (err == ZLOOM_OK && self->handle > 0 &&
           zloom_client_core_receive_pack (core, self->handle, &pack)) {
        err = s_bring (self, engine, &pack, now);
    }
    const uint64_t position = zloom_client_core_position (core, self->handle);
    if (err == ZLOOM_OK && self->next == 0 && position > 0) {
        self->next = position;
        (void) zloom_engine_pass (engine, self->flow, position, false, false, 0, now);
        *due_ns = now.mono_ns;
    }
    s_subscribe (self, core, now);
    if (self->handle == 0 && self->rest_until_ns < *due_ns) {
        *due_ns = self->rest_until_ns;
    }
    return err;
}
