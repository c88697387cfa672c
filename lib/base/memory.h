/* SPDX-License-Identifier: MPL-2.0 */
/*
 * memory.h - allocation that cannot fail: running out of memory aborts with a message. Sizes come
 * from checked limits only, never straight from bytes of a peer or a disk.
 */
#ifndef ZLOOM_BASE_MEMORY_H
#define ZLOOM_BASE_MEMORY_H

#include <stddef.h>

/* Say what memory was wanted for, and abort: where a library reports that it had none. */
void zloom_out_of_memory (const char *what) __attribute__ ((noreturn, cold));
/* Zeroed memory of `size` bytes (at least 1). Free with free (). */
void *zloom_alloc (size_t size) __attribute__ ((malloc, returns_nonnull));
/* Resize to `count` elements of `size` bytes; new bytes are not zeroed; overflow aborts. */
void *zloom_realloc (void *old, size_t count, size_t size) __attribute__ ((returns_nonnull));
/* Copies; free with free (). `zloom_strdup (NULL)` is NULL. */
char *zloom_strdup (const char *text);
/* A copy of `size` bytes with a NUL behind them. */
char *zloom_memdup_text (const void *data, size_t size) __attribute__ ((returns_nonnull));
/* asprintf that cannot fail. Free with free (). */
char *zloom_format (const char *format, ...)
  __attribute__ ((format (printf, 1, 2), returns_nonnull));

/*
 * Grow an array so that index `need - 1` exists: doubles, starts at 8. New items are not zeroed.
 *     zloom_grow (&self->items, &self->capacity, self->count + 1, sizeof *self->items);
 */
void zloom_grow (void *array_p, size_t *capacity, size_t need, size_t item_size);
/*
 * Make room for one more in a ring of `count` items that begins at *head: a full one grows as
 * zloom_grow () does, and its items keep their order.
 *     zloom_grow_ring (&self->items, &self->capacity, self->head, self->count,
 *                      sizeof *self->items);
 *     self->items[(self->head + self->count++) % self->capacity] = item;
 */
void zloom_grow_ring (void *array_p, size_t *capacity, size_t head, size_t count, size_t item_size);

#endif
