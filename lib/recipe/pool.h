/* SPDX-License-Identifier: MPL-2.0 */
/*
 * pool.h - memory that is freed all at once: everything a recipe holds. Pieces are zeroed, aligned
 * for any type, and stay where they are until the pool goes.
 */
#ifndef ZLOOM_RECIPE_POOL_H
#define ZLOOM_RECIPE_POOL_H

#include <stddef.h>

typedef struct zloom_pool zloom_pool_t;

zloom_pool_t *zloom_pool_new (void);
void zloom_pool_destroy (zloom_pool_t **self_p);
void *zloom_pool_alloc (zloom_pool_t *self, size_t size) __attribute__ ((returns_nonnull));
/* A copy of `size` bytes with a NUL behind them. */
char *zloom_pool_text (zloom_pool_t *self, const void *data, size_t size)
  __attribute__ ((returns_nonnull));
char *zloom_pool_format (zloom_pool_t *self, const char *format, ...)
  __attribute__ ((format (printf, 2, 3), returns_nonnull));

#endif
