/* SPDX-License-Identifier: MPL-2.0 */
/* limits.h - the limits of limits.def as constants: ZLOOM_LIMIT_KEY_BYTES. */
#ifndef ZLOOM_WIRE_LIMITS_H
#define ZLOOM_WIRE_LIMITS_H

enum {
#define ZLOOM_LIMIT(name, value, unit, what) ZLOOM_LIMIT_##name = (value),
#include "wire/limits.def"
#undef ZLOOM_LIMIT
};

#endif
