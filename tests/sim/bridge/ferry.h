/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ferry.h - the process that carries one outbox: the real bridge between two real client cores, on
 * two networks. It dies and comes again without a memory of its own, hangs, and loses connections.
 */
#ifndef ZLOOM_TESTS_SIM_BRIDGE_FERRY_H
#define ZLOOM_TESTS_SIM_BRIDGE_FERRY_H

#include "net.h"

typedef struct ferry ferry_t;

ferry_t *ferry_new (sim_ground_t *ground, const char *flow, sim_net_t *source, sim_net_t *far);
void ferry_destroy (ferry_t **self_p);
int64_t ferry_next (const ferry_t *self);
void ferry_run (ferry_t *self);
void ferry_die (ferry_t *self, int64_t off_ns);
void ferry_hang (ferry_t *self, int64_t for_ns);
/* One of its two connections breaks and comes again. */
void ferry_cut (ferry_t *self, bool far);
/* It lives, holds nothing, and nothing that it said waits for an answer. */
bool ferry_done (const ferry_t *self);

#endif
