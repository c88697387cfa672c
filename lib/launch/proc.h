/* SPDX-License-Identifier: MPL-2.0 */
/*
 * proc.h - one supervised unit: its state machine (unit.h) over a body that runs (body.h), a
 * process or a thread. The supervisor's loop polls the descriptors and calls in.
 */
#ifndef ZLOOM_LAUNCH_PROC_H
#define ZLOOM_LAUNCH_PROC_H

#include "launch/supervisor.h"
#include "launch/unit.h"

typedef struct zloom_proc zloom_proc_t;

/*
 * The plan, which is of that recipe, is copied, except for what it borrows itself; everything else
 * is borrowed.
 */
zloom_proc_t *zloom_proc_new (const zloom_supervisor_config_t *config, const zloom_recipe_t *recipe,
                              const zloom_plan_unit_t *plan);
/* Kills what is still there. */
void zloom_proc_destroy (zloom_proc_t **self_p);

const zloom_plan_unit_t *zloom_proc_plan (const zloom_proc_t *self);
/* It is of this node from now on, a later recipe's of the same name. */
void zloom_proc_adopt (zloom_proc_t *self, const zloom_recipe_node_t *node, int rank);
zloom_unit_state_t zloom_proc_state (const zloom_proc_t *self);
bool zloom_proc_alive (const zloom_proc_t *self);
int64_t zloom_proc_deadline (const zloom_proc_t *self);
/* How the last process ended, in words; "" when none has. */
const char *zloom_proc_end_text (const zloom_proc_t *self);
/* The exit code of the last process that ended; -1: none has, or by a signal. */
int zloom_proc_exit (const zloom_proc_t *self);

/* What is known of it, for people and for `ps`. */
typedef struct {
    zloom_unit_state_t state;
    pid_t pid;            /* 0: none runs, or it is none of its own */
    int64_t started_ns;   /* mono; when the one that runs was started, 0: none runs */
    uint64_t starts;      /* since it was made */
    int64_t restarts;     /* of those that count against the budget */
    int64_t deadline_ns;  /* mono; when its state ends by itself, ZLOOM_NEVER */
    const char *end_text; /* how the last one ended, "" when none has */
    int64_t ended_ns;     /* wall; when that was */
} zloom_proc_view_t;

void zloom_proc_look (const zloom_proc_t *self, zloom_proc_view_t *view);

/* Append the last words of the one that ended. */
void zloom_proc_words (const zloom_proc_t *self, zloom_buf_t *out);
/* Whether it ends by itself, with exit code 0, when its work is done. */
bool zloom_proc_completes (const zloom_proc_t *self);
/* Whether its last process was killed because it did not stop in time. */
bool zloom_proc_was_killed (const zloom_proc_t *self);

/* Of its process; 0: none runs. */
pid_t zloom_proc_pid (const zloom_proc_t *self);
/* Descriptors to poll for reading: end of process, ready pipe, stderr; -1 where there is none. */
void zloom_proc_fds (const zloom_proc_t *self, int fds[3]);

void zloom_proc_start (zloom_proc_t *self, int64_t mono_ns);
void zloom_proc_stop (zloom_proc_t *self, int64_t kill_at_ns);
/* Start one again that is done, has failed, or waits for its restart; false: it is none of them. */
bool zloom_proc_again (zloom_proc_t *self, int64_t mono_ns);
/* Stop it for good: the supervisor takes it off its list when it has ended. */
void zloom_proc_leave (zloom_proc_t *self, int64_t kill_at_ns);
bool zloom_proc_leaves (const zloom_proc_t *self);
/* Take in what the descriptors have and what is due. Call whenever one of them is readable. */
void zloom_proc_turn (zloom_proc_t *self, int64_t mono_ns);

#endif
