/* SPDX-License-Identifier: MPL-2.0 */
/*
 * step.h - one atomic step from its building to its answer: settlements of one lease, emits, state.
 * The public half stands in client_core.h; this is what the core does with a committed one. Flow
 * numbers and credit belong to a session, so the verb is built anew whenever it is said.
 */
#ifndef ZLOOM_CLIENT_STEP_H
#define ZLOOM_CLIENT_STEP_H

#include "client/client_core.h"
#include "client/frames.h"
#include "client/outflow.h"
#include "client/parcel.h"

#define ZLOOM_STEPS_A_VERB 64

typedef zloom_outflow_t *(zloom_step_flow_fn) (void *arg, const char *flow);

typedef enum {
    ZLOOM_STEP_WAITS, /* for credit, a session, or a while after a refusal */
    ZLOOM_STEP_SAID,
} zloom_step_state_t;

typedef struct {
    zloom_outflow_t *flow;
    uint32_t n;
    uint32_t flags;
    uint64_t bytes;
    uint64_t from; /* number of the message that they came of; 0: not said */
} zloom_step_emit_t;

struct zloom_step {
    uint32_t tag;
    zloom_step_t *next;
    zloom_step_flow_fn *find;
    void *find_arg;
    uint64_t id; /* 0: not committed */
    zloom_step_state_t status;
    bool alone; /* its group was refused: it goes by itself */
    int64_t not_before_ns;
    zloom_client_lease_t *lease; /* NULL: no message yet */
    uint32_t handle;
    zloom_item_t **items;        /* NULL: given back, when the step was done */
    zloom_settle_run_t *settles; /* one an item, in the order of the items */
    size_t item_count, item_capacity, settle_capacity;
    zloom_step_emit_t *emits;
    size_t emit_count, emit_capacity;
    uint64_t from; /* what is emitted next came of it; 0: not said */
    int64_t base_time_ns;
    zloom_buf_t pack; /* while it is built */
    zloom_blob_t *blob;
    zloom_state_t *state;
    size_t state_count, state_capacity;
    size_t frame_bytes; /* of the verb, estimated from above */
    uint32_t sent;      /* without a lease: so many of its messages are queued as SENDs */
    int64_t made_ns;    /* ... and when, mono */
};

zloom_step_t *zloom_step_new (zloom_step_flow_fn *find, void *find_arg);
/* Whether a message of it was taken back: a router that has started since may not know that. */
bool zloom_step_is_stale (const zloom_step_t *self);
/* Nothing is added any more. */
void zloom_step_seal (zloom_step_t *self);
/*
 * Steps of one lease that are said in one STEP. The router answers a STEP by its token alone, so a
 * lease has one under way at a time; what is committed meanwhile goes together in the next.
 */
typedef struct {
    zloom_step_t *steps[ZLOOM_STEPS_A_VERB];
    size_t count;
} zloom_step_group_t;

/* Whether the step may join those that are there. */
bool zloom_step_fits (const zloom_step_group_t *group, const zloom_step_t *step);
/*
 * Push the STEP if the flows of all emits have credit for it now. The credit is used, whatever
 * becomes of the step: the router counts what was said, done or refused.
 */
bool zloom_step_say (const zloom_step_group_t *group, zloom_frames_t *out);
/* The flow whose credit a committed step waits for, were it said alone; NULL: it does not. */
const zloom_outflow_t *zloom_step_waits_for (const zloom_step_t *self, int64_t now_ns);

#endif
