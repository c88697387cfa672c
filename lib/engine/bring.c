/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bring.c - what comes to a copy of a flow: its node takes it from the flow's router, and hands it
 * over here between two turns. To the pattern it is an OFFER of others' messages; nobody is
 * confirmed anything.
 */
#include "base/tag.h"
#include "engine/core.h"

/* Records and bytes of one beside its pack: as for what senders offer (produce.c). */
#define BROUGHT_RECORDS 8
#define BROUGHT_BYTES 4096
#define SRC_BYTES (ZLOOM_LIMIT_NAME_BYTES + 32)

static zloom_hosted_t *
s_copy (const zloom_engine_t *self, const char *name)
{
    zloom_engine_check (self);
    zloom_hosted_t *flow = zloom_engine_flow (self, zloom_bytes_text (name));
    if (!self->started || !flow || !flow->config.copy_of) {
        zloom_fail (ZLOOM_NOT_FOUND, "there is no copy of a flow '%s'", name);
        return NULL;
    }
    return flow;
}

static void
s_pass (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_event_t *event)
{
    zloom_engine_feed (self, flow, event);
    if (flow->mark_count == 0) { /* else it comes with what is not durable yet */
        flow->durable_seq = flow->pattern->next_seq (flow->core) - 1;
    }
}

/* The first number of the life of the flow that this number is of. */
static uint64_t
s_born (const zloom_hosted_t *flow, uint64_t seq)
{
    return flow->config.copy_of_memory ? seq >> ZLOOM_ENGINE_NUMBER_BITS << ZLOOM_ENGINE_NUMBER_BITS
                                       : 0;
}

zloom_err_t
zloom_engine_pass (zloom_engine_t *self, const char *name, uint64_t seq, bool missed, bool restart,
                   uint64_t count, zloom_now_t now)
{
    zloom_hosted_t *flow = s_copy (self, name);
    if (!flow) {
        return ZLOOM_NOT_FOUND;
    }
    self->now = now;
    const zloom_event_t event = {.type = ZLOOM_EVENT_PASS,
                                 .pass = {.seq = seq,
                                          .born = s_born (flow, seq),
                                          .missed = missed,
                                          .restart = restart,
                                          .count = count}};
    s_pass (self, flow, &event);
    return ZLOOM_OK;
}

/* They have come as far as here, and no further: whoever hears it is told so. */
static zloom_err_t
s_lose (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_brought_t *brought, zloom_err_t err)
{
    const uint64_t end = brought->seq + brought->n;
    const zloom_event_t pass = {
      .type = ZLOOM_EVENT_PASS,
      .pass = {.seq = end, .born = s_born (flow, end), .missed = true, .count = brought->n}};
    s_pass (self, flow, &pass);
    return zloom_fail (err, "flow '%s': %u messages from %llu on cannot be kept", flow->config.name,
                       brought->n, (unsigned long long) brought->seq);
}

zloom_err_t
zloom_engine_bring (zloom_engine_t *self, const char *name, const zloom_brought_t *brought,
                    zloom_now_t now)
{
    zloom_hosted_t *flow = s_copy (self, name);
    if (!flow) {
        return ZLOOM_NOT_FOUND;
    }
    self->now = now;
    const uint64_t next = flow->pattern->next_seq (flow->core);
    if (brought->seq < next) {
        return zloom_fail (ZLOOM_OUT_OF_ORDER, "flow '%s': number %llu comes again", name,
                           (unsigned long long) brought->seq);
    }
    if (brought->seq > next) {
        const zloom_event_t pass = {
          .type = ZLOOM_EVENT_PASS,
          .pass = {.seq = brought->seq, .born = s_born (flow, brought->seq)}};
        s_pass (self, flow, &pass);
    }
    const uint64_t bytes =
      brought->pack.size + BROUGHT_BYTES + brought->src_count * (uint64_t) SRC_BYTES;
    const zloom_err_t err = zloom_engine_room (self, flow, BROUGHT_RECORDS, bytes, true);
    if (err != ZLOOM_OK) {
        return s_lose (self, flow, brought, err);
    }
    const zloom_event_t event = {.type = ZLOOM_EVENT_OFFER,
                                 .offer = {.n = brought->n,
                                           .pack = brought->pack,
                                           .blob = brought->blob,
                                           .flags = ZLOOM_FLAG_TOPIC,
                                           .base_time_ns = brought->src[0].base_time_ns,
                                           .src = brought->src,
                                           .src_count = brought->src_count}};
    zloom_engine_feed (self, flow, &event);
    /* A refusal would go to whoever sent it, and nobody did. */
    return flow->pattern->next_seq (flow->core) == brought->seq + brought->n
             ? ZLOOM_OK
             : s_lose (self, flow, brought, ZLOOM_FULL);
}
