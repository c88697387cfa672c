/* SPDX-License-Identifier: MPL-2.0 */
/*
 * robot.h - the robot of test_robot.c: what it is, and what it sends.
 */
#ifndef ZLOOM_TESTS_UNIT_QUEUE_ROBOT_H
#define ZLOOM_TESTS_UNIT_QUEUE_ROBOT_H

#include "letters.h"

#define CONSUMERS 4u
#define WORLDS 60u
#define EVENTS 1500u
#define LIVE_MOST 400u
#define HANDS 64u
#define KEYS 5u
#define ID_MOST 1000000u

typedef struct {
    char key;
    bool done; /* acknowledged, or taken out by hand */
    int64_t due_ns, expires_ns;
} row_t;

typedef struct {
    uint64_t consumer;
    zloom_token_t token;
    zloom_run_t run;
} hand_t;

typedef struct {
    desk_t *desk;
    zloom_random_t random;
    row_t *rows; /* rows[seq] */
    size_t capacity;
    uint64_t known; /* rows below have been filled in */
    uint64_t high;
    uint64_t granted[CONSUMERS + 1], used[CONSUMERS + 1];
    bool there[CONSUMERS + 1];
    hand_t hands[HANDS]; /* what was delivered lately, in a ring */
    size_t hand_count;
    zloom_buf_t snapshot;
    size_t snapshot_at;
} robot_t;

static inline uint64_t
s_below (robot_t *r, uint64_t bound)
{
    return zloom_random_below (&r->random, bound);
}

static inline bool
s_one_in (robot_t *r, uint64_t n)
{
    return s_below (r, n) == 0;
}

/* ---- a world --------------------------------------------------------------------------------- */

static inline zloom_flow_config_t
s_config (robot_t *r)
{
    zloom_flow_config_t config = desk_config ();
    config.lease_ns = (int64_t) (1 + s_below (r, 20)) * S;
    config.failures_max = (int64_t) (1 + s_below (r, 3));
    config.backoff_count = s_below (r, 3);
    config.jitter_ppm = s_one_in (r, 2) ? 100000 : 0;
    config.dead_letter = s_one_in (r, 3) ? NULL : "orders-dead";
    config.limit_messages = s_one_in (r, 2) ? (int64_t) (20 + s_below (r, 100)) : 1000000;
    config.limit_bytes = s_one_in (r, 4) ? (int64_t) (500 + s_below (r, 3000)) : INT64_C (1) << 40;
    config.on_full = (zloom_on_full_t) s_below (r, 3);
    config.exceptions_max = s_one_in (r, 4) ? 20 : 1000000;
    config.expires_ns = s_one_in (r, 3) ? (int64_t) (5 + s_below (r, 60)) * S : 0;
    config.aging_ns = s_one_in (r, 2) ? 10 * S : 0;
    if (s_one_in (r, 2)) {
        config.key = "/key";
        config.order = (zloom_order_t) s_below (r, 3);
        config.hold_ns = s_one_in (r, 2) ? 2 * S : 0;
        config.weights[0] = (zloom_weight_t){"a", (int64_t) (1 + s_below (r, 5))};
        config.weight_count = s_below (r, 2);
    }
    if (s_one_in (r, 3)) {
        config.dedup = true;
        config.dedup_window_ns = 30 * S;
        config.dedup_max = (int64_t) (5 + s_below (r, 50));
    }
    return config;
}

static inline void
s_begin (robot_t *r, uint64_t seed)
{
    *r = (robot_t){.known = 1};
    zloom_random_init (&r->random, seed);
    const zloom_flow_config_t config = s_config (r);
    r->desk = desk_new (&config);
}

static inline void
s_end (robot_t *r)
{
    free (r->rows);
    zloom_buf_fini (&r->snapshot);
    desk_destroy (r->desk);
}

/* ---- messages -------------------------------------------------------------------------------- */

/* What was appended by the last event, read back from its records: keys and times of each. */
static inline void
s_learn (robot_t *r)
{
    const uint64_t next = zloom_queue_pattern.next_seq (r->desk->queue);
    const size_t before = r->capacity;
    zloom_grow (&r->rows, &r->capacity, next + 1, sizeof *r->rows);
    memset (r->rows + before, 0, (r->capacity - before) * sizeof *r->rows);
    for (; r->known < next; r->known++) {
        row_t *row = &r->rows[r->known];
        const desk_record_t *record = desk_pack (r->desk, r->known);
        if (!record) {
            row->done = true; /* a hole: nothing was ever stored there */
            continue;
        }
        zloom_bytes_t one;
        zloom_bytes_t bytes;
        zloom_envelope_t letter;
        assert_int_equal (
          zloom_pack_slice (zloom_buf_bytes (&record->pack), r->known - record->seq, 1, &one),
          ZLOOM_OK);
        zloom_pack_iter_t iter = zloom_pack_iter (one);
        assert_true (zloom_pack_next (&iter, &bytes));
        assert_int_equal (zloom_envelope_decode (bytes, &letter), ZLOOM_OK);
        row->key = letter.key.data ? (char) letter.key.data[0] : 0;
        row->due_ns = letter.has_due ? r->desk->turn.now.wall_ns + letter.due_ms * MS : 0;
        row->expires_ns =
          letter.has_expires ? r->desk->turn.now.wall_ns + letter.expires_ms * MS : ZLOOM_NEVER;
    }
}

static inline void
s_offer (robot_t *r)
{
    static const char keys[KEYS + 1] = "abcde";
    static const char *const ids[] = {"one", "two", "three", "four", "five", "six"};
    zloom_envelope_t letters[12];
    const uint32_t n = 1 + (uint32_t) s_below (r, 12);
    uint32_t flags = r->desk->config.key ? ZLOOM_FLAG_KEY : 0;
    flags |= s_one_in (r, 4) ? ZLOOM_FLAG_DUE : 0;
    flags |= s_one_in (r, 4) ? ZLOOM_FLAG_EXPIRES : 0;
    flags |= s_one_in (r, 3) && !r->desk->config.key ? ZLOOM_FLAG_PRIORITY : 0;
    flags |= s_one_in (r, 2) ? ZLOOM_FLAG_ID : 0;
    for (uint32_t i = 0; i < n; i++) {
        letters[i] = (zloom_envelope_t){.body = zloom_bytes ("body", 4)};
        if ((flags & ZLOOM_FLAG_KEY) && !s_one_in (r, 300)) {
            letters[i].key = zloom_bytes (&keys[s_below (r, KEYS)], 1);
        }
        letters[i].has_due = (flags & ZLOOM_FLAG_DUE) && s_one_in (r, 2);
        letters[i].due_ms = letters[i].has_due ? (int64_t) s_below (r, 8000) : 0;
        letters[i].has_expires = (flags & ZLOOM_FLAG_EXPIRES) && s_one_in (r, 2);
        letters[i].expires_ms = letters[i].has_expires ? (int64_t) s_below (r, 20000) : 0;
        letters[i].has_priority = (flags & ZLOOM_FLAG_PRIORITY) && s_one_in (r, 2);
        letters[i].priority = letters[i].has_priority ? (uint8_t) s_below (r, 10) : 0;
        if ((flags & ZLOOM_FLAG_ID) && s_one_in (r, 2)) {
            letters[i].id = zloom_bytes_text (ids[s_below (r, 6)]);
        }
    }
    uint64_t messages = 0;
    uint64_t bytes = 0;
    zloom_queue_pattern.room (r->desk->queue, &messages, &bytes);
    /* The door asks first; with `block` it also asks for room. */
    if (letters_check (r->desk, letters, n, flags) != ZLOOM_OK ||
        (r->desk->config.on_full == ZLOOM_ON_FULL_BLOCK && (n > messages || n * 40u > bytes))) {
        return;
    }
    if (s_one_in (r, 8)) {
        letters_put_back (r->desk, letters, flags);
    } else {
        const uint64_t first = r->high + 1 - (s_one_in (r, 6) && r->high > 3 ? s_below (r, 4) : 0);
        letters_send (r->desk, "shop", first, letters, n, flags);
        const zloom_effect_t *confirm = desk_effect (r->desk, ZLOOM_EFFECT_CONFIRM, 0);
        r->high = confirm && confirm->answer.id > r->high ? confirm->answer.id : r->high;
    }
    s_learn (r);
}

/* Ids that are left out, a producer without a name, one that comes back from elsewhere. */
static inline void
s_produce_oddly (robot_t *r)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_SKIP, .session = 1 + s_below (r, 2)};
    switch (s_below (r, 4)) {
    case 0:
        event.skip.producer = s_one_in (r, 4) ? ZLOOM_BYTES_NULL : zloom_bytes_text ("shop");
        event.skip.first_id = r->high + 1 + s_below (r, 2);
        event.skip.n = 1 + (uint32_t) s_below (r, 5);
        r->high +=
          event.skip.producer.data && event.skip.first_id == r->high + 1 ? event.skip.n : 0;
        desk_feed (r->desk, &event);
        break;
    case 1:
        desk_offer (r->desk, NULL, 7, 1, 0); /* nobody sends nothing */
        break;
    case 2:
        event = (zloom_event_t){.type = ZLOOM_EVENT_SESSION_END, .session = 1 + s_below (r, 8)};
        desk_feed (r->desk, &event);
        break;
    default:
        zloom_effects_clear (r->desk->effects);
        r->high = zloom_queue_pattern.adopt (r->desk->queue, zloom_bytes_text ("shop"),
                                             r->high + 1 + s_below (r, 3), &r->desk->turn);
        desk_carry_out (r->desk);
        break;
    }
    s_learn (r);
}

#endif
