/* SPDX-License-Identifier: MPL-2.0 */
/*
 * arena.h - memory that is freed all at once: everything a recipe holds. Pieces are zeroed, aligned
 * for any type, and stay where they are until the arena goes.
 */
#ifndef ZLOOM_RECIPE_ARENA_H
#define ZLOOM_RECIPE_ARENA_H

#include <stddef.h>

typedef struct zloom_arena zloom_arena_t;

zloom_arena_t *zloom_arena_new (void);
void zloom_arena_destroy (zloom_arena_t **self_p);
void *zloom_arena_alloc (zloom_arena_t *self, size_t size) __attribute__ ((returns_nonnull));
/* A copy of `size` bytes with a NUL behind them. */
char *zloom_arena_text (zloom_arena_t *self, const void *data, size_t size)
  __attribute__ ((returns_nonnull));
char *zloom_arena_format (zloom_arena_t *self, const char *format, ...)
  __attribute__ ((format (printf, 2, 3), returns_nonnull));

#endif
