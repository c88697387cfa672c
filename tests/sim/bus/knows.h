/* SPDX-License-Identifier: MPL-2.0 */
/*
 * knows.h - which events a group had, or was told that it misses: a durable one by its member, and
 * one that is not by all of them together. What a member was told, and has settled nothing behind,
 * it forgets when it dies.
 */
#ifndef ZLOOM_TESTS_SIM_BUS_KNOWS_H
#define ZLOOM_TESTS_SIM_BUS_KNOWS_H

#include "truth.h"

typedef struct {
    uint8_t how[BUS_SEQS];
    uint64_t to;        /* all below that it wants */
    uint64_t told_from; /* gaps behind which it has settled nothing lie between these */
    uint64_t told_to;
} bus_knows_t; /* zero-initialised knows nothing */

/* The first one begins it: what was before is not for it. */
void bus_knows_begin (bus_knows_t *self, uint64_t seq);
void bus_knows_had (bus_knows_t *self, uint64_t seq);
void bus_knows_told (bus_knows_t *self, uint64_t from, uint64_t to);
/* What it was told lately it knows for good; or not at all: it is dead. */
void bus_knows_settled (bus_knows_t *self);
void bus_knows_died (bus_knows_t *self);
/* Something with the number `end` comes to it, or nothing more: of all before it has to know. */
void bus_knows_check (bus_knows_t *self, const bus_truth_t *truth, const char *name,
                      const char *patterns, uint64_t end);

#endif
