/* SPDX-License-Identifier: MPL-2.0 */
/*
 * boots.h - the history of a log, as far as a bridge tells it: its last boots, oldest first, each
 * with the first number that it gave in the flow at hand. By it the other side of the bridge sees
 * that the log was restored from a copy: then boots that it knows are missing, and numbers that it
 * has taken are given again to other messages.
 */
#ifndef ZLOOM_WIRE_BOOTS_H
#define ZLOOM_WIRE_BOOTS_H

#include "wire/arena.h"
#include "wire/cursor.h"
#include "wire/types.h"

/* [[boot, first]…], oldest first; the numbers do not fall (MALFORMED). NULL after an error. */
void zloom_boots_encode (const zloom_boot_first_t *boots, size_t count, zloom_buf_t *out);
const zloom_boot_first_t *zloom_boots_decode (zloom_cursor_t *cursor, zloom_arena_t *arena,
                                              size_t *count);
/*
 * Numbers up to this one mean the same by both histories: what was known before, and what is told
 * now. INT64_MAX: all do, or nothing was known.
 */
uint64_t zloom_boots_common (const zloom_boot_first_t *before, size_t before_count,
                             const zloom_boot_first_t *now, size_t now_count);

#endif
