/* SPDX-License-Identifier: MPL-2.0 */
/*
 * worker_state.h - a running worker, for the files of this folder:
 *   worker.c        its life: join, loop, drain
 *   worker_setup.c  from the recipe to a carrier
 *   worker_line.c   which message is next: order by key
 *   worker_job.c    what comes of messages: the carrier's host
 *   worker_time.c   how long it may take
 *   worker_report.c what the router is told of it
 */
#ifndef ZLOOM_NODES_WORKER_WORKER_STATE_H
#define ZLOOM_NODES_WORKER_WORKER_STATE_H

#include "base/map.h"
#include "base/timers.h"
#include "client/client.h"
#include "net/control.h"
#include "nodes/node.h"
#include "nodes/subscribe.h"
#include "nodes/worker/carrier.h"
#include "nodes/worker/environment.h"
#include "nodes/worker/expression.h"
#include "nodes/worker/keys.h"
#include "nodes/worker/restart.h"

/* Why the loop goes on, or does not. */
typedef enum {
    ZLOOM_WORKER_SERVES,
    ZLOOM_WORKER_DRAINS, /* takes nothing new, waits for what is in hand */
    ZLOOM_WORKER_CLOSES, /* nothing is in hand; its children are to end by themselves */
    ZLOOM_WORKER_ENDED,
} zloom_worker_phase_t;

/* A STEP event, kept until the client has returned. */
typedef struct {
    uint64_t id;
    zloom_err_t code;
    char text[256];
} zloom_worker_answer_t;

typedef struct {
    uint64_t taken, acked, emitted, retried, rejected, released, crashed, expired, stale;
    uint64_t starts; /* of long-lived children */
    /* since the child was started, or the worker where each message has one of its own */
    uint64_t given, begun, answered;
} zloom_worker_counters_t;

typedef struct {
    const zloom_node_args_t *args;
    const zloom_worker_config_t *config;
    zloom_carrier_config_t carrier_config;
    zloom_carrier_host_t host;
    zloom_environment_t *env;
    zloom_expression_t *expression; /* NULL: its handler is another one */
    const char **ins;
    bool *keyed; /* of each in-flow: it has keys */
    size_t in_count;
    const char **outs;
    size_t out_count;
    zloom_node_gaps_t gaps;

    zloom_client_t *client;
    zloom_client_core_t *core;
    uint32_t *handles; /* one an in-flow */
    bool on_hold;
    int64_t lease_ns; /* the shortest of the in-flows; 0: not known */

    zloom_carrier_t *carrier;
    zloom_restart_t restart;
    int64_t restart_ns; /* ZLOOM_NEVER: no start is due */
    size_t careful;     /* so many messages are given one by one */

    zloom_idmap_t *jobs;       /* in hand: id → zloom_worker_job_t */
    zloom_worker_keys_t *keys; /* those of them that stand in line behind one of their key */
    zloom_worker_jobs_t ready; /* those that may start, and are not given to the carrier yet */
    bool ready_was_last;       /* whose turn it is: theirs, or of what the client has */
    zloom_idmap_t *steps;      /* committed and not answered: step id → zloom_worker_job_t */
    zloom_timers_t *timers;
    uint64_t next_job;
    int64_t extend_ns; /* when leases of what waits are extended next */
    int64_t quiet_ns;  /* since when nothing has come back while work was in hand */
    bool hinted;
    const char *late_hint; /* what was to be seen when a message's time was over */

    zloom_worker_answer_t *answers;
    size_t answer_count;
    size_t answer_capacity;

    zloom_stop_t stop;
    zloom_worker_phase_t phase;
    int64_t phase_end_ns;
    int signals; /* sent to children that did not end */
    bool told_ready;
    zloom_err_t err; /* why it ends */
    char note[ZLOOM_NOTE_BYTES];
    zloom_now_t now;
    zloom_worker_counters_t counters;
} zloom_worker_t;

/* Flows, environment and carrier; no child yet. NO_PROGRAM, SYSTEM. */
zloom_err_t zloom_worker_setup (zloom_worker_t *self);
/* The carrier's host, with `worker` as its argument. */
void zloom_worker_host (zloom_worker_t *worker);
/* How many of those in hand the carrier has. */
size_t zloom_worker_given (const zloom_worker_t *self);
/* Messages of flows with keys are taken as they come, and stand in line here. */
void zloom_worker_line_up (zloom_worker_t *self);
/* The next one to give, or NULL: of flows with keys and of the others in turn. */
zloom_worker_job_t *zloom_worker_next (zloom_worker_t *self);
/* Whether there is one. */
bool zloom_worker_has_next (const zloom_worker_t *self);
/* What the carrier does not have goes back. */
void zloom_worker_put_back (zloom_worker_t *self);
/* It is settled, or its step answered: the next of its key may start, or all of them go back. */
void zloom_worker_leave_line (zloom_worker_t *self, zloom_worker_job_t *job, bool acked);
/* What the router said to a step. */
void zloom_worker_answer (zloom_worker_t *self, const zloom_worker_answer_t *answer);
/* Settle with nothing to emit, and let go of the job. */
void zloom_worker_settle (zloom_worker_t *self, zloom_worker_job_t *job,
                          const zloom_settlement_t *settlement);
/* Its time begins, or begins anew for so long (0: as long as at first). */
void zloom_worker_begin_time (zloom_worker_t *self, zloom_worker_job_t *job);
void zloom_worker_extend_time (zloom_worker_t *self, zloom_worker_job_t *job, uint64_t extend_ms);
/* Its timer is due: if its time, or its processor time, is over, end the child that has it. */
void zloom_worker_time (zloom_worker_t *self, zloom_worker_job_t *job);
/* Why it was ended; the caller's to free. */
char *zloom_worker_late_text (const zloom_worker_t *self, const zloom_worker_job_t *job);
/* What the router is told with each PONG; `worker` is the argument. */
zloom_report_fn zloom_worker_report;
/* The worker ends because of `err`; the first reason stays. */
void zloom_worker_fail (zloom_worker_t *self, zloom_err_t err, const char *note);

#endif
