/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/backoff.h"

#define PPM INT64_C (1000000)

static int64_t
s_clamp (int64_t delay_ns)
{
    if (delay_ns < 0) {
        return 0;
    }
    return delay_ns < ZLOOM_BACKOFF_LONGEST_NS ? delay_ns : ZLOOM_BACKOFF_LONGEST_NS;
}

int64_t
zloom_backoff_delay (const zloom_flow_config_t *config, uint32_t failures, zloom_random_t *random)
{
    if (config->backoff_count == 0) {
        return 0;
    }
    size_t at = failures > 0 ? failures - 1 : 0;
    size_t last = config->backoff_count - 1;
    int64_t delay_ns = s_clamp (config->backoff_ns[at < last ? at : last]);
    int64_t ppm = config->jitter_ppm < PPM ? config->jitter_ppm : PPM;
    if (ppm <= 0 || delay_ns == 0) {
        return delay_ns;
    }
    /* Split, so that a long delay times a million does not overflow. */
    int64_t swing_ns = delay_ns / PPM * ppm + delay_ns % PPM * ppm / PPM;
    uint64_t offset = zloom_random_below (random, (uint64_t) swing_ns * 2 + 1);
    return s_clamp (delay_ns - swing_ns + (int64_t) offset);
}

int64_t
zloom_backoff_named (int64_t delay_ms)
{
    if (delay_ms > ZLOOM_BACKOFF_LONGEST_NS / ZLOOM_NS_PER_MS) {
        return ZLOOM_BACKOFF_LONGEST_NS;
    }
    return delay_ms > 0 ? delay_ms * ZLOOM_NS_PER_MS : 0;
}

int64_t
zloom_backoff_rest (int64_t stamp_wall_ns, int64_t delay_ns, int64_t now_wall_ns)
{
    delay_ns = s_clamp (delay_ns);
    if (now_wall_ns <= stamp_wall_ns) { /* the clock went back: not longer than the delay */
        return delay_ns;
    }
    /* Unsigned: stamps from a disk may lie anywhere. */
    uint64_t passed = (uint64_t) now_wall_ns - (uint64_t) stamp_wall_ns;
    return passed < (uint64_t) delay_ns ? delay_ns - (int64_t) passed : 0;
}
