/* SPDX-License-Identifier: MPL-2.0 */
/*
 * play.h - plays a case of a recipe: the real engine, patterns and journal, and the real client
 * core in every node, on a virtual clock, a disk in memory and roads without delay. Nothing here
 * asks the machine for anything, so a case has one outcome, and an hour takes no time.
 *
 * What a node does with a message comes from the case's mocks, else from `work`, which may run the
 * real program while the clock stands still. Sinks write nowhere, pollers do not run. Chance is
 * off: a backoff is as long as it is written.
 *
 * Time: each step begins once nothing moves any more. What a node or router puts off for a few
 * milliseconds of its own accord (settlements that ride together) happens meanwhile; only `wait`
 * lets more time pass.
 *
 * Example:
 *     zloom_play_config_t config = {.recipe = recipe, .flows = flows, .flow_count = count};
 *     zloom_play_result_t result;
 *     zloom_play_case (&config, zloom_recipe_case_at (recipe, 0), &result);
 *     if (result.failure_count > 0) { ... result.failures[0] ... }
 *     zloom_play_result_fini (&result);
 */
#ifndef ZLOOM_PLAY_PLAY_H
#define ZLOOM_PLAY_PLAY_H

#include "engine/engine.h"
#include "play/hands.h"
#include "recipe/cases.h"

typedef struct {
    const zloom_recipe_t *recipe;
    const zloom_engine_flow_t *flows; /* what the recipe's router would host */
    size_t flow_count;
    zloom_play_work_fn *work; /* NULL: a worker that gets a message without a mock fails the case */
    /* The node was killed: its processes, too. NULL: nobody cares. */
    void (*killed) (void *arg, const zloom_recipe_node_t *node);
    void *arg;
} zloom_play_config_t;

/* One line of a comparison. */
typedef struct {
    char *expected; /* NULL: nothing more was expected */
    char *seen;     /* NULL: nothing more was seen */
    bool same;
} zloom_play_row_t;

typedef struct {
    zloom_span_t at; /* in the recipe */
    int64_t time_ns; /* of the case: all its waits until then */
    char *what;      /* "messages of flow 'paid'", or why the case could not go on */
    zloom_play_row_t *rows;
    size_t row_count;
    size_t row_capacity;
} zloom_play_failure_t;

typedef struct {
    zloom_play_failure_t *failures; /* none: it passed */
    size_t failure_count;
    size_t failure_capacity;
    size_t expectations; /* steps that were judged */
    int64_t time_ns;     /* virtual, in all */
} zloom_play_result_t;

void zloom_play_case (const zloom_play_config_t *config, const zloom_case_t *one,
                      zloom_play_result_t *result);
void zloom_play_result_fini (zloom_play_result_t *self);

#endif
