/* SPDX-License-Identifier: MPL-2.0 */
/*
 * dead.c - a dead letter is a copy: the message's bytes go to the dead-letter flow with their
 * provenance and with the history of what went wrong, in the group that removes the message from
 * its own flow. The pattern asks only for messages whose bytes peek said are in memory.
 */
#include "base/log.h"
#include "engine/core.h"
#include "engine/trail_watch.h"

/* What stays announced: a dead letter neither waits for its time nor expires. */
#define FLAGS (~(uint32_t) (ZLOOM_FLAG_DUE | ZLOOM_FLAG_EXPIRES))

void
zloom_engine_dead (zloom_engine_t *self, zloom_hosted_t *flow, uint64_t seq, zloom_bytes_t history)
{
    zloom_hosted_t *target = flow->dead_letter;
    zloom_view_t *view;
    if (!target || self->depth >= ZLOOM_ENGINE_DEPTH) {
        zloom_log (ZLOOM_LOG_ERROR, "dead-letter-nowhere", "flow=%s seq=%llu", flow->config.name,
                   (unsigned long long) seq);
        return;
    }
    if (zloom_hosted_view (flow, seq, &view) != ZLOOM_OK) {
        zloom_log (ZLOOM_LOG_ERROR, "dead-letter-bytes", "flow=%s seq=%llu", flow->config.name,
                   (unsigned long long) seq);
        return;
    }
    const uint32_t index = (uint32_t) (seq - view->chunk.seq);
    zloom_origin_t origin;
    zloom_src_origin (view->head.src, view->head.src_count, index, &origin);
    const zloom_src_t src = {.n = 1,
                             .producer = origin.producer,
                             .first_id = origin.id,
                             .base_time_ns = origin.base_time_ns};
    const zloom_past_t past = {history};
    const zloom_event_t event = {.type = ZLOOM_EVENT_OFFER,
                                 .offer = {.n = 1,
                                           .pack = zloom_view_slice (view, index, 1),
                                           .blob = view->chunk.blob,
                                           .flags = view->head.flags & FLAGS,
                                           .base_time_ns = origin.base_time_ns,
                                           .src = &src,
                                           .src_count = 1,
                                           .past = &past,
                                           .admitted = true}};
    const zloom_hop_t before = zloom_trail_hop (self, ZLOOM_TRAIL_DEAD, flow, seq);
    zloom_engine_feed (self, target, &event);
    self->hop = before;
}
