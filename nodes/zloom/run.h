/* SPDX-License-Identifier: MPL-2.0 */
/* run.h - what `run` and `up` share. */
#ifndef ZLOOM_CLI_RUN_H
#define ZLOOM_CLI_RUN_H

#include "topology.h"

/*
 * Actors are functions of programs that embed a recipe: this one has none. 0, or an exit code after
 * a message.
 */
int zloom_run_check_actors (const zloom_cli_t *cli, const zloom_recipe_t *recipe);
/* --log-size; false after a message. */
bool zloom_run_log_bytes (const zloom_cli_t *cli, int64_t *bytes);

#endif
