/* SPDX-License-Identifier: MPL-2.0 */
/* trail_watch.h - what the engine tells the trail, and when its rows go to the journal. */
#ifndef ZLOOM_ENGINE_TRAIL_WATCH_H
#define ZLOOM_ENGINE_TRAIL_WATCH_H

#include "engine/core.h"

/* Whether the trail wants to see this event and its effects. */
static inline bool
zloom_trail_concerns (const zloom_engine_t *self, const zloom_hosted_t *flow,
                      const zloom_event_t *event)
{
    return flow->track || self->hop.traced ||
           (event && event->type == ZLOOM_EVENT_OFFER && (event->offer.flags & ZLOOM_FLAG_TRACE));
}
void zloom_trail_watch (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_event_t *event,
                        const zloom_effects_t *effects);
/* What is fed from now on came of this message; returns what was so before. */
zloom_hop_t zloom_trail_hop (zloom_engine_t *self, zloom_trail_way_t way,
                             const zloom_hosted_t *flow, uint64_t seq);
/* Stage what was noted. */
void zloom_trail_store (zloom_engine_t *self);
/* The engine has started. */
void zloom_trail_resume (zloom_engine_t *self);

#endif
