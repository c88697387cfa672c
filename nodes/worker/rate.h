/* SPDX-License-Identifier: MPL-2.0 */
/*
 * rate.h - what a child says for people is logged up to so many bytes a second; what comes beyond
 * is dropped and counted, until it has been told. Pure: time is a value.
 */
#ifndef ZLOOM_NODES_WORKER_RATE_H
#define ZLOOM_NODES_WORKER_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t most;  /* bytes a second; 0: any number */
    int64_t left;  /* of this second's */
    int64_t at_ns; /* when `left` was counted */
    uint64_t dropped_lines;
    uint64_t dropped_bytes;
} zloom_rate_t;

void zloom_rate_init (zloom_rate_t *self, int64_t most, int64_t now_ns);
/* Whether a line of so many bytes may be logged now; if not, it has been counted. */
bool zloom_rate_take (zloom_rate_t *self, size_t bytes, int64_t now_ns);

#endif
