/* SPDX-License-Identifier: MPL-2.0 */
/* flow.c - flows that the engine hosts: their configuration, and which messages are durable. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "engine/core.h"
#include "patterns/common/topics.h"

static void
s_configure (zloom_hosted_t *self, const zloom_flow_config_t *config)
{
    self->config = zloom_flow_config_copy (config);
    if (self->config.hold_ns == 0) {
        self->config.hold_ns = ZLOOM_ENGINE_HOLD_HEARTBEATS * self->engine->heartbeat_ns;
    }
}

zloom_hosted_t *
zloom_hosted_new (zloom_engine_t *engine, zloom_port_t *port, const zloom_flow_config_t *config,
                  const zloom_pattern_t *pattern)
{
    zloom_hosted_t *self = zloom_alloc (sizeof *self);
    self->engine = engine;
    self->port = port;
    s_configure (self, config);
    self->pattern = pattern;
    self->store = (zloom_store_t){self, zloom_engine_peek};
    return self;
}

void
zloom_hosted_destroy (zloom_hosted_t **self_p)
{
    zloom_hosted_t *self = *self_p;
    if (!self) {
        return;
    }
    if (self->core) {
        self->pattern->destroy (&self->core);
    }
    zloom_hosted_end_readings (self);
    zloom_hosted_drop_views (self);
    free (self->cold);
    free (self->failed);
    free (self->marks);
    free (self->outbox_of);
    free (self->outbox_key);
    zloom_flow_config_fini (&self->config);
    free (self);
    *self_p = NULL;
}

void
zloom_hosted_end_readings (zloom_hosted_t *self)
{
    while (self->reading_count > 0) {
        zloom_reading_t *reading = &self->readings[--self->reading_count];
        reading->pattern->destroy (&reading->core);
    }
}

void
zloom_hosted_configure (zloom_hosted_t *self, const zloom_flow_config_t *config)
{
    zloom_flow_config_t old = self->config;
    s_configure (self, config);
    self->pattern->configure (self->core, &self->config);
    zloom_flow_config_fini (&old);
}

uint32_t
zloom_hosted_flags (const zloom_hosted_t *self, uint32_t flags)
{
    return self->outbox_of ? flags & ZLOOM_FLAG_TRACE : flags;
}

zloom_err_t
zloom_hosted_check (const zloom_hosted_t *self, uint32_t flags, zloom_bytes_t pack)
{
    uint32_t unused = 0;
    if (self->outbox_key && !(flags & ZLOOM_FLAG_KEY)) {
        return zloom_fail (ZLOOM_NO_KEY,
                           "flow '%s' is keyed by %s: each message needs a key, and the pack must "
                           "announce it",
                           self->outbox_of, self->outbox_key);
    }
    return self->outbox_events ? zloom_topics_check (self->config.topics, self->config.topic_count,
                                                     pack, self->outbox_of, &unused)
                               : ZLOOM_OK;
}

void
zloom_hosted_mark (zloom_hosted_t *self, uint64_t group, uint64_t seq)
{
    if (self->mark_count > 0) {
        zloom_durable_mark_t *last =
          &self->marks[(self->mark_head + self->mark_count - 1) % self->mark_capacity];
        if (last->group >= group) {
            last->seq = seq;
            return;
        }
    }
    zloom_grow_ring (&self->marks, &self->mark_capacity, self->mark_head, self->mark_count,
                     sizeof *self->marks);
    self->marks[(self->mark_head + self->mark_count++) % self->mark_capacity] =
      (zloom_durable_mark_t){group, seq};
}

uint64_t
zloom_hosted_backlog (const zloom_hosted_t *self)
{
    zloom_flow_stats_t stats = {0};
    self->pattern->stats (self->core, self->engine->now, &stats);
    return stats.ready + stats.leased + stats.waiting + stats.moving;
}
