/* SPDX-License-Identifier: MPL-2.0 */
/*
 * arena.h - memory for the arrays of a decoded verb: handed out in pieces, taken back all at once.
 * After the first few verbs one block is large enough and nothing is allocated any more.
 */
#ifndef ZLOOM_WIRE_ARENA_H
#define ZLOOM_WIRE_ARENA_H

#include <stddef.h>

typedef struct zloom_arena_block zloom_arena_block_t;

typedef struct {
    zloom_arena_block_t *block; /* newest first */
    size_t used;                /* of the newest */
    size_t total;               /* handed out since the last reset */
} zloom_arena_t;                /* zero-initialised is empty and ready */

/* `count` zeroed elements of `size` bytes; NULL for none. Count comes from a checked limit. */
void *zloom_arena_take (zloom_arena_t *self, size_t count, size_t size);
/* Take everything back; the memory is kept as one block. */
void zloom_arena_reset (zloom_arena_t *self);
void zloom_arena_fini (zloom_arena_t *self);

#endif
