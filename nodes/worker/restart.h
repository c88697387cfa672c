/* SPDX-License-Identifier: MPL-2.0 */
/*
 * restart.h - when a worker's child that ended is started again: after the n-th backoff, n counting
 * the ends in a row without a single message settled; until the budget of such ends is used up.
 *
 * A child that did work before it ended starts with a clean slate: what killed it was most likely a
 * message, and that one is charged by itself. Pure: time is a value.
 */
#ifndef ZLOOM_NODES_WORKER_RESTART_H
#define ZLOOM_NODES_WORKER_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "patterns/node_config.h"

typedef struct {
    const zloom_restart_config_t *config;
    int64_t *ends; /* times of ends that count, within the window */
    size_t count;
    size_t capacity;
    size_t row; /* ends without work since the last work */
} zloom_restart_t;

void zloom_restart_init (zloom_restart_t *self, const zloom_restart_config_t *config);
void zloom_restart_fini (zloom_restart_t *self);
/*
 * A child has ended at `now_ns`; `served`: it had settled at least one message. True: start again
 * at *at_ns. False: the budget is used up.
 */
bool zloom_restart_next (zloom_restart_t *self, bool served, int64_t now_ns, int64_t *at_ns);

#endif
