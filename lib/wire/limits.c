/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/limits.h"

static const zloom_limit_t s_limits[] = {
#define ZLOOM_LIMIT(name, value, unit, what) {#name, (value), (unit), (what)},
#include "wire/limits.def"
#undef ZLOOM_LIMIT
};

const zloom_limit_t *
zloom_limit_at (size_t index)
{
    return index < sizeof s_limits / sizeof *s_limits ? &s_limits[index] : NULL;
}
