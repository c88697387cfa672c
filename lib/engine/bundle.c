/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bundle.c - small packs that come one after the other are stored as one. A producer that sends
 * each message in a frame of its own would else pay for a record, a place in the journal's memory
 * and a view at the hand-out for each message.
 *
 * The open pack lives while nothing but SENDs is worked on: whatever else stages a record, looks at
 * stored messages or seals a group closes it first, so records stand in the order of their events,
 * in the group that was open then.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "engine/core.h"

/* What a SEND that is bundled may have, and what comes of it at most. */
#define SMALL_BYTES 4096u
#define BUNDLE_BYTES 65536u
#define BUNDLE_RUNS 1024u
/* A run's numbers and times in the journal, and a record's head; from above. */
#define RUN_BYTES 40u
#define HEAD_BYTES 128u
/* Envelopes with these alone stand for themselves wherever they lie. */
#define PLAIN_FLAGS ((uint32_t) ZLOOM_FLAG_KEY | (uint32_t) ZLOOM_FLAG_TOPIC)

static bool
s_is_plain (const zloom_effect_t *append)
{
    return append->append.own && append->append.src_count == 1 && !append->append.past &&
           append->append.expires_ns == ZLOOM_NEVER && append->append.rank_count == 0 &&
           append->append.match_count == 0 && (append->append.flags & ~PLAIN_FLAGS) == 0 &&
           append->append.pack.size <= SMALL_BYTES;
}

static bool
s_continues (const zloom_bundle_t *self, const zloom_hosted_t *flow, const zloom_effect_t *append)
{
    return self->flow == flow && self->flags == append->append.flags &&
           self->seq + self->n == append->append.seq && self->src_count < BUNDLE_RUNS &&
           self->payload.size + append->append.pack.size <= BUNDLE_BYTES;
}

/* The effects' strings are gone after their event: one copy of a name serves all its runs. */
static zloom_bytes_t
s_keep_name (zloom_bundle_t *self, zloom_bytes_t name)
{
    const zloom_bytes_t last =
      self->src_count > 0 ? self->src[self->src_count - 1].producer : ZLOOM_BYTES_NULL;
    if (last.data && zloom_bytes_equal (last, name)) {
        return last;
    }
    uint8_t *kept = zloom_arena_take (&self->names, name.size + 1, 1);
    memcpy (kept, name.data, name.size);
    return zloom_bytes (kept, name.size);
}

bool
zloom_engine_bundle (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_effect_t *append)
{
    zloom_bundle_t *open = &self->bundle;
    if (self->depth != 1 || self->step.is_step || !s_is_plain (append)) {
        return false;
    }
    if (open->flow && !s_continues (open, flow, append)) {
        zloom_engine_close_bundle (self);
    }
    if (!open->flow) {
        open->flow = flow;
        open->seq = append->append.seq;
        open->flags = append->append.flags;
        open->arrived_ns = 0;
    }
    open->arrived_ns =
      append->append.arrived_ns != 0 ? append->append.arrived_ns : open->arrived_ns;
    zloom_src_t run = append->append.src[0];
    run.producer = s_keep_name (open, run.producer);
    open->run_bytes += RUN_BYTES + run.producer.size;
    zloom_grow (&open->src, &open->src_capacity, open->src_count + 1, sizeof *open->src);
    zloom_src_join (open->src, &open->src_count, &run);
    open->n += append->append.n;
    zloom_buf_add_bytes (&open->payload, append->append.pack);
    /* Answers from here on wait for the group that the bundle will stand in. */
    zloom_engine_staged (self, flow->port, false);
    return true;
}

void
zloom_engine_close_bundle (zloom_engine_t *self)
{
    zloom_bundle_t *open = &self->bundle;
    zloom_hosted_t *flow = open->flow;
    if (!flow) {
        return;
    }
    open->flow = NULL;
    zloom_blob_t *blob = zloom_blob_new (open->payload.data, open->payload.size);
    zloom_effect_t append = {.type = ZLOOM_EFFECT_APPEND};
    append.append.seq = open->seq;
    append.append.n = open->n;
    append.append.flags = open->flags;
    append.append.own = true;
    append.append.src = open->src;
    append.append.src_count = open->src_count;
    append.append.pack = zloom_blob_bytes (blob);
    append.append.expires_ns = ZLOOM_NEVER;
    append.append.arrived_ns = open->arrived_ns;
    zloom_engine_append (self, flow, &append, blob);
    zloom_blob_unref (&blob);
    open->n = 0;
    open->src_count = 0;
    open->run_bytes = 0;
    zloom_buf_clear (&open->payload);
    zloom_arena_reset (&open->names);
}

uint64_t
zloom_bundle_bytes (const zloom_bundle_t *self)
{
    return self->flow ? HEAD_BYTES + self->payload.size + self->run_bytes : 0;
}

void
zloom_bundle_fini (zloom_bundle_t *self)
{
    zloom_buf_fini (&self->payload);
    zloom_arena_fini (&self->names);
    free (self->src);
    *self = (zloom_bundle_t){0};
}
