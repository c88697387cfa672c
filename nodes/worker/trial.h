/* SPDX-License-Identifier: MPL-2.0 */
/*
 * trial.h - a worker's own handler for one message at a time, without a router: for cases of
 * recipes, whose clock stands still meanwhile. The same carriers, environment and programs as a
 * worker that runs; secrets are not read, the handler gets their names in their place.
 *
 * Example:
 *     err = zloom_trial_new (recipe, node, 1, &trial);
 *     err = err ? err : zloom_trial_work (trial, message, 30000, s_outcome, self);
 *     zloom_trial_destroy (&trial);
 */
#ifndef ZLOOM_NODES_WORKER_TRIAL_H
#define ZLOOM_NODES_WORKER_TRIAL_H

#include "nodes/worker/carrier.h"
#include "recipe/recipe.h"

typedef struct zloom_trial zloom_trial_t;

/* What came of it; views are valid during the call. */
typedef void (zloom_trial_fn) (void *arg, const zloom_outcome_t *outcome);

/* Replica N (from 1) of the node. NO_PROGRAM, SYSTEM, with a note. Recipe and node are borrowed. */
zloom_err_t zloom_trial_new (const zloom_recipe_t *recipe, const zloom_recipe_node_t *node,
                             uint32_t replica, zloom_trial_t **self_p);
/*
 * Give it a message and wait for what comes of it, which is told within the call; a program that
 * ends meanwhile is a crash of the message, and is started again for the next one. An error is none
 * of the message, nothing was told, and the trial is of no use any more: NO_PROGRAM, CHILD (it
 * ended before it took the message), TIMED_OUT (no answer within limit_ms of real time).
 */
zloom_err_t zloom_trial_work (zloom_trial_t *self, const zloom_message_t *message, int64_t limit_ms,
                              zloom_trial_fn *tell, void *arg);
/* Its programs are killed. */
void zloom_trial_destroy (zloom_trial_t **self_p);

#endif
