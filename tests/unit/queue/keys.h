/* SPDX-License-Identifier: MPL-2.0 */
/*
 * keys.h - a keyed queue on the desk: messages whose keys are letters, and who got what.
 */
#ifndef ZLOOM_TESTS_UNIT_QUEUE_KEYS_H
#define ZLOOM_TESTS_UNIT_QUEUE_KEYS_H

#include "desk.h"
#include "letters.h"

static inline zloom_flow_config_t
keys_config (zloom_order_t order)
{
    zloom_flow_config_t config = desk_config ();
    config.key = "/key";
    config.order = order;
    return config;
}

/* One message a letter of `keys`, in one pack. */
static inline void
keys_send (desk_t *desk, uint64_t first_id, const char *keys)
{
    zloom_envelope_t letters[256];
    const uint32_t n = (uint32_t) strlen (keys);
    for (uint32_t i = 0; i < n; i++) {
        letters[i] = (zloom_envelope_t){.key = zloom_bytes (keys + i, 1)};
    }
    letters_send (desk, "shop", first_id, letters, n, ZLOOM_FLAG_KEY);
}

/* What was delivered by the last dispatch, as numbers in their order, with tokens. */
typedef struct {
    uint64_t seqs[256];
    uint64_t consumers[256];
    uint64_t tokens[256];
    size_t count;
} got_t;

static inline got_t
keys_got (const desk_t *desk)
{
    got_t got = {.count = 0};
    for (size_t i = 0; i < desk_count (desk, ZLOOM_EFFECT_DELIVER); i++) {
        const zloom_effect_t *effect = desk_effect (desk, ZLOOM_EFFECT_DELIVER, i);
        for (size_t j = 0; j < effect->deliver.run_count; j++) {
            for (uint32_t n = 0; n < effect->deliver.runs[j].n; n++) {
                got.seqs[got.count] = effect->deliver.runs[j].seq + n;
                got.consumers[got.count] = effect->deliver.consumer;
                got.tokens[got.count++] = effect->deliver.token.number;
            }
        }
    }
    return got;
}

static inline void
keys_expect (const got_t *got, const uint64_t *seqs, size_t count)
{
    assert_int_equal (got->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal (got->seqs[i], seqs[i]);
    }
}

static inline void
keys_settle (desk_t *desk, const got_t *got, uint64_t seq, zloom_verdict_t verdict)
{
    for (size_t i = 0; i < got->count; i++) {
        if (got->seqs[i] == seq) {
            desk_settle (desk, got->consumers[i], got->tokens[i], seq, 1, verdict);
            return;
        }
    }
    fail_msg ("message %llu was not delivered", (unsigned long long) seq);
}

/* Fail message 1 as often as it may. */
static inline void
keys_exhaust (desk_t *desk)
{
    for (int i = 0; i < 3; i++) {
        desk_pass (desk, 10 * S);
        desk_dispatch (desk);
        const got_t got = keys_got (desk);
        keys_settle (desk, &got, 1, ZLOOM_VERDICT_RETRY);
    }
}

#endif
