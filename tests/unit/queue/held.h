/* SPDX-License-Identifier: MPL-2.0 */
/* held.h - who comes back to a queue after a restart, and names what it held before. */
#ifndef ZLOOM_TESTS_QUEUE_HELD_H
#define ZLOOM_TESTS_QUEUE_HELD_H

#include "desk.h"

/* A SUBSCRIBE names what is held, under tokens whose boots can have handed out all up to now. */
static inline void
held_name (zloom_event_t *event, const zloom_token_t *tokens, const zloom_run_t *runs, size_t count)
{
    static uint64_t s_ends[16];
    for (size_t i = 0; i < sizeof s_ends / sizeof *s_ends; i++) {
        s_ends[i] = UINT64_MAX;
    }
    assert_true (count <= sizeof s_ends / sizeof *s_ends);
    event->subscribe.holding_tokens = tokens;
    event->subscribe.holding_runs = runs;
    event->subscribe.holding_ends = s_ends;
    event->subscribe.holding_count = count;
}

#endif
