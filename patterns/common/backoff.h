/* SPDX-License-Identifier: MPL-2.0 */
/*
 * backoff.h - how long a message waits after its n-th failure: the flow's list, the last value
 * repeats, each ± jitter. It is kept as (wall stamp, delay), so that a restart neither forgets the
 * wait nor makes it longer, whatever the clock did meanwhile.
 */
#ifndef ZLOOM_PATTERNS_COMMON_BACKOFF_H
#define ZLOOM_PATTERNS_COMMON_BACKOFF_H

#include "base/random.h"
#include "patterns/common/pattern.h"

/* No delay is longer, whoever names it. */
#define ZLOOM_BACKOFF_LONGEST_NS (INT64_C (366) * 24 * 3600 * ZLOOM_NS_PER_S)

/* The delay after failure number `failures` (1 is the first). */
int64_t zloom_backoff_delay (const zloom_flow_config_t *config, uint32_t failures,
                             zloom_random_t *random);
/* The delay that a worker named, in range. */
int64_t zloom_backoff_named (int64_t delay_ms);
/* What is left of a delay after a restart: clamp (due - now, 0, delay). */
int64_t zloom_backoff_rest (int64_t stamp_wall_ns, int64_t delay_ns, int64_t now_wall_ns);

#endif
