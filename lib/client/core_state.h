/* SPDX-License-Identifier: MPL-2.0 */
/*
 * core_state.h - the client core from the inside. One object, six files:
 *   client_core.c   life, the carrier's side, timers
 *   core_hear.c     what the router says
 *   core_take.c     subscriptions and settling
 *   core_commit.c   sending, steps, admin
 *   core_unleased.c steps on messages without a lease
 *   core_report.c   what it tells of itself
 *   core_carry.c    what it carries for others
 */
#ifndef ZLOOM_CLIENT_CORE_STATE_H
#define ZLOOM_CLIENT_CORE_STATE_H

#include "base/error.h"
#include "base/random.h"
#include "client/client_core.h"
#include "client/frames.h"
#include "client/outflow.h"
#include "client/step.h"
#include "client/subscription.h"

#define ZLOOM_CORE_TAG 0x5A43636Fu
/* How long HELLO may go without an answer before the road is laid anew. */
#define ZLOOM_CORE_HELLO_NS (3 * ZLOOM_NS_PER_S)
/* Between two new roads: doubles from the first to the last, with jitter. */
#define ZLOOM_CORE_RETRY_FIRST_NS (50 * ZLOOM_NS_PER_MS)
#define ZLOOM_CORE_RETRY_LAST_NS (5 * ZLOOM_NS_PER_S)
/* A step that was refused for now rests before it is said again. */
#define ZLOOM_CORE_STEP_REST_NS (200 * ZLOOM_NS_PER_MS)

typedef enum {
    ZLOOM_CORE_NO_ROAD,
    ZLOOM_CORE_SAID_HELLO,
    ZLOOM_CORE_WELCOMED,
    ZLOOM_CORE_ENDED,
} zloom_core_status_t;

struct zloom_client_core {
    uint32_t tag;
    zloom_client_event_fn *event;
    void *event_arg;
    char *name;
    char *role;
    char *router; /* that welcomed it last; NULL: none did */
    uint8_t nonce[ZLOOM_NONCE_BYTES];
    zloom_random_t random;
    zloom_arena_t arena;
    zloom_frames_t out;
    zloom_client_stats_t stats;

    zloom_core_status_t status;
    zloom_err_t ended;
    char *ended_text;
    bool leaving;
    int64_t now_ns;      /* mono, as last told */
    int64_t hello_at_ns; /* when HELLO was said */
    int64_t retry_at_ns; /* NO_ROAD: when to lay a new one */
    int64_t retry_ns;    /* the wait before the next */
    int64_t heard_ns;
    int64_t asked_ns; /* our last PING */
    int64_t due_ns;   /* when the last tick wanted the next one */
    int64_t heartbeat_ns;
    uint32_t liveness;

    zloom_outflow_t **flows;
    size_t flow_count;
    zloom_subscription_t **subscriptions; /* by handle, rising */
    size_t subscription_count, subscription_capacity;
    zloom_subscription_t **busy; /* those that a tick has to look at, and all that hold messages */
    size_t busy_count, busy_capacity;
    size_t busy_at; /* whose turn it is, where messages of all are received */
    uint32_t next_handle;
    zloom_step_t *steps; /* committed, in order */
    zloom_step_t *last_step;
    uint64_t next_step;
    uint64_t next_request;
    uint64_t *requests; /* not answered to the end */
    size_t request_count, request_capacity;

    zloom_src_t *pack_src; /* of the pack that was received last */
    size_t pack_src_capacity;
    zloom_report_fn *report;
    void *report_arg;
    const zloom_outflow_t *blocked; /* what is to be sent there waits for credit; NULL: nothing */
    int64_t blocked_at_ns;          /* since when */
    int64_t blocked_total_ns;       /* of waits that are over */
};

static inline void
zloom_core_tell (zloom_client_core_t *self, const zloom_client_event_t *event)
{
    if (self->event) {
        self->event (self->event_arg, event);
    }
}

/* client_core.c: the road is of no use any more. */
void zloom_core_lose (zloom_client_core_t *self);
/* client_core.c: over for good. */
void zloom_core_end (zloom_client_core_t *self, zloom_err_t code, zloom_bytes_t text);
/* NULL: no such flow, no such subscription. */
zloom_outflow_t *zloom_core_flow (void *core, const char *name);
zloom_subscription_t *zloom_core_subscription (const zloom_client_core_t *self, uint32_t handle);
/* core_take.c: it has something to do: what it holds, or is to say, has changed. */
void zloom_core_wake (zloom_client_core_t *self, zloom_subscription_t *subscription);
/* core_take.c: say every subscription again (after WELCOME). */
void zloom_core_resubscribe (zloom_client_core_t *self);
int64_t zloom_core_tick_subscriptions (zloom_client_core_t *self);
/* core_commit.c: say SENDs and STEPs as credit allows; returns the next deadline. */
int64_t zloom_core_tick_flows (zloom_client_core_t *self);
int64_t zloom_core_tick_steps (zloom_client_core_t *self);
/* core_commit.c: a step has its end: tell, and free it. */
void zloom_core_step_done (zloom_client_core_t *self, zloom_step_t *step, zloom_err_t code,
                           zloom_bytes_t text);
/* core_unleased.c: send what steps on messages without a lease emit. */
void zloom_core_tick_unleased (zloom_client_core_t *self);
/* core_report.c: at the end of a tick, see whether something waits for credit. */
void zloom_core_note_blocked (zloom_client_core_t *self);
/* The report of a PONG, appended to `out`; unset: nothing to tell. */
zloom_bytes_t zloom_core_report (const zloom_client_core_t *self, zloom_buf_t *out);
/* SETTLED for a step. */
void zloom_core_step_answered (zloom_client_core_t *self, const zloom_verb_settled_t *settled);
/* The road is lost: what was asked has no answer; steps are to be said again. */
void zloom_core_forget_road (zloom_client_core_t *self);
/* Free what was under way. */
void zloom_core_drop_steps (zloom_client_core_t *self);
/* An ANSWER came: forget the request when it was the last. False: nobody asked. */
bool zloom_core_answered (zloom_client_core_t *self, uint64_t request, bool more);

#endif
