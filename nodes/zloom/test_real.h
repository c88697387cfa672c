/* SPDX-License-Identifier: MPL-2.0 */
/* test_real.h - workers' own handlers for cases that do not mock them. */
#ifndef ZLOOM_CLI_TEST_REAL_H
#define ZLOOM_CLI_TEST_REAL_H

#include "play/hands.h"

typedef struct zloom_test_real zloom_test_real_t;

/* Programs are started when the first message comes, one for each replica. */
zloom_test_real_t *zloom_test_real_new (const zloom_recipe_t *recipe);
/* Ends all programs: each case has its own. */
void zloom_test_real_destroy (zloom_test_real_t **self_p);
/* As zloom_play_config_t wants them; `arg` is the zloom_test_real_t. */
zloom_err_t zloom_test_real_work (void *arg, const zloom_recipe_node_t *node, uint32_t replica,
                                  const zloom_message_t *message, zloom_play_outcome_t *outcome);
void zloom_test_real_killed (void *arg, const zloom_recipe_node_t *node);

#endif
