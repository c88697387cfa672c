/* SPDX-License-Identifier: MPL-2.0 */
/*
 * limits.h - the limits of limits.def as constants (ZLOOM_LIMIT_KEY_BYTES) and as a table.
 */
#ifndef ZLOOM_WIRE_LIMITS_H
#define ZLOOM_WIRE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

enum {
#define ZLOOM_LIMIT(name, value, unit, what) ZLOOM_LIMIT_##name = (value),
#include "wire/limits.def"
#undef ZLOOM_LIMIT
};

typedef struct {
    const char *name; /* "KEY_BYTES" */
    uint32_t value;
    const char *unit;
    const char *what;
} zloom_limit_t;

/* The index-th limit in table order; NULL behind the last. Any thread. */
const zloom_limit_t *zloom_limit_at (size_t index);

#endif
