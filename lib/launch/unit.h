/* SPDX-License-Identifier: MPL-2.0 */
/*
 * unit.h - the life of one supervised process as a pure state machine: start, ready, ended, restart
 * with backoff and budget, stop. The supervisor turns its actions into processes and signals; tests
 * drive it with a virtual clock. After s6-supervise, with Erlang's restart intensity.
 *
 *   WAITING → STARTING → READY → (ended) → BACKOFF → STARTING …
 *                 any → STOPPING → DONE          budget used, or no use in trying → FAILED
 *
 * Threads: one, the supervisor's.
 */
#ifndef ZLOOM_LAUNCH_UNIT_H
#define ZLOOM_LAUNCH_UNIT_H

#include "base/clock.h"
#include "io/child.h"
#include "patterns/node_config.h"

#define ZLOOM_UNIT_STATE_MAP(X) \
    X (WAITING, "waiting")      \
    X (STARTING, "starting")    \
    X (READY, "ready")          \
    X (BACKOFF, "backoff")      \
    X (STOPPING, "stopping")    \
    X (DONE, "done")            \
    X (FAILED, "failed")

typedef enum {
#define ZLOOM_UNIT_STATE_ENUM(name, text) ZLOOM_UNIT_##name,
    ZLOOM_UNIT_STATE_MAP (ZLOOM_UNIT_STATE_ENUM)
#undef ZLOOM_UNIT_STATE_ENUM
} zloom_unit_state_t;

/* What the supervisor has to do now. */
typedef enum {
    ZLOOM_UNIT_NOTHING,
    ZLOOM_UNIT_SPAWN,
    ZLOOM_UNIT_TERMINATE, /* SIGTERM to the group: drain */
    ZLOOM_UNIT_KILL,      /* SIGKILL to the group: its time is over */
} zloom_unit_action_t;

typedef struct {
    zloom_ints_t backoff_ns; /* borrowed; at least one */
    int64_t budget;          /* restarts within within_ns; 0: never restart */
    int64_t within_ns;
    int64_t ready_limit_ns; /* from spawn to ready */
    bool completes;         /* exit code 0 is its end, not a failure */
} zloom_unit_config_t;

typedef struct zloom_unit zloom_unit_t;

zloom_unit_t *zloom_unit_new (const zloom_unit_config_t *config);
void zloom_unit_destroy (zloom_unit_t **self_p);

zloom_unit_action_t zloom_unit_start (zloom_unit_t *self, int64_t mono_ns);
/*
 * One that is done, has failed, or waits for its restart is to be started, with its whole budget;
 * one that is starting has its whole budget again. False: there is nothing to start.
 */
bool zloom_unit_revive (zloom_unit_t *self);
/* The process says that it serves. */
void zloom_unit_ready (zloom_unit_t *self);
/* The process ended, or could not be spawned (end->start_errno). */
zloom_unit_action_t zloom_unit_ended (zloom_unit_t *self, const zloom_child_end_t *end,
                                      int64_t mono_ns);
/* Stop it, with SIGKILL at `kill_at_ns` if it is still there. */
zloom_unit_action_t zloom_unit_stop (zloom_unit_t *self, int64_t kill_at_ns);
/* The deadline has come. */
zloom_unit_action_t zloom_unit_timer (zloom_unit_t *self, int64_t mono_ns);
/* When timer () is wanted, or ZLOOM_NEVER. */
int64_t zloom_unit_deadline (const zloom_unit_t *self);

zloom_unit_state_t zloom_unit_state (const zloom_unit_t *self);
const char *zloom_unit_state_text (zloom_unit_state_t state);
/* Restarts within the window, counting the one that is under way. */
int64_t zloom_unit_restarts (const zloom_unit_t *self);
/* True while a process of it may exist. */
bool zloom_unit_alive (const zloom_unit_t *self);
/* Whether an exit code says that trying again is of no use (usage, permission, recipe, program). */
bool zloom_unit_exit_is_final (const zloom_child_end_t *end);

#endif
