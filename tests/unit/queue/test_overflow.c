/* SPDX-License-Identifier: MPL-2.0 */
/* Full flows that let their oldest go: what is on its way out stays there, whatever happens. */
#include "keys.h"

static zloom_flow_config_t
s_config (zloom_order_t order)
{
    zloom_flow_config_t config = keys_config (order);
    config.limit_messages = 3;
    config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    return config;
}

/*
 * Message 2 has overflowed and cannot leave, since its bytes come from the disk; message 5 of its
 * key has come and was acked meanwhile. Message 1 is the other one of the key, and acked.
 */
static desk_t *
s_overtaken (zloom_order_t order)
{
    const zloom_flow_config_t config = s_config (order);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aab");
    desk_subscribe (desk, 5, 1);
    desk_dispatch (desk);
    got_t got = keys_got (desk);
    keys_send (desk, 4, "c");
    assert_int_equal (desk_stats (desk).moving, 1);
    desk->cold_below = 3;
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_ACK);
    keys_send (desk, 5, "a");
    desk_credit (desk, 5, 100, UINT64_MAX, UINT64_MAX);
    desk_dispatch (desk);
    got = keys_got (desk);
    const uint64_t others[] = {3, 4, 5}; /* nobody waits for what is on its way out */
    keys_expect (&got, others, 3);
    keys_settle (desk, &got, 5, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_stats (desk).moving, 1);
    desk->cold_below = 0;
    return desk;
}

/* What was dropped as oldest does not come back behind what went meanwhile. */
static void
queue_brings_nothing_back_that_has_overflowed (void **state)
{
    (void) state;
    static const zloom_order_t s_orders[] = {ZLOOM_ORDER_SKIP, ZLOOM_ORDER_STRICT,
                                             ZLOOM_ORDER_PARK};
    for (size_t i = 0; i < 6; i++) {
        desk_t *desk = s_overtaken (s_orders[i / 2]);
        zloom_buf_t snapshot = {0}; /* from the records, and from a snapshot */
        zloom_queue_pattern.snapshot (desk->queue, &snapshot);
        desk_restart_from (desk, i % 2 ? zloom_buf_bytes (&snapshot) : ZLOOM_BYTES_NULL,
                           i % 2 ? desk->record_count : 0);
        zloom_buf_fini (&snapshot);
        assert_int_equal (desk_stats (desk).moving, 1);
        desk_subscribe (desk, 6, 100);
        desk_dispatch (desk);
        const got_t got = keys_got (desk);
        const uint64_t others[] = {3, 4};
        keys_expect (&got, others, 2);
        desk_simple (desk, ZLOOM_EVENT_TIMER);
        const zloom_effect_t *dead = desk_effect (desk, ZLOOM_EFFECT_DEAD, 0);
        assert_non_null (dead);
        assert_int_equal (dead->dead.seq, 2);
        zloom_history_t history;
        assert_int_equal (zloom_history_decode (dead->dead.history, &history), ZLOOM_OK);
        assert_true (zloom_bytes_equal (history.causes[0].reason, zloom_bytes_text ("overflow")));
        desk_restart (desk); /* it has left: its record says nothing more */
        assert_int_equal (desk_stats (desk).moving, 0);
        assert_int_equal (desk_stats (desk).dead, 1);
        desk_destroy (desk);
    }
}

/* ... and where there are no dead letters any more, it is dropped, as the others are. */
static void
queue_drops_what_had_overflowed_when_there_are_no_dead_letters (void **state)
{
    (void) state;
    desk_t *desk = s_overtaken (ZLOOM_ORDER_SKIP);
    desk->config.dead_letter = NULL;
    desk_restart (desk);
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    assert_int_equal (desk_stats (desk).dropped, 1);
    assert_int_equal (desk_stats (desk).ready, 2);
    desk_destroy (desk);
}

/* One that failed before it overflowed keeps what happened, and parks no key. */
static void
queue_lets_what_failed_overflow (void **state)
{
    (void) state;
    const zloom_flow_config_t config = s_config (ZLOOM_ORDER_PARK);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "abc");
    desk_subscribe (desk, 5, 1);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_RETRY);
    desk_pass (desk, 10 * S);
    desk->cold_below = 2;
    keys_send (desk, 4, "a");
    assert_int_equal (desk_stats (desk).moving, 1);
    desk->cold_below = 0;
    desk_restart (desk);
    assert_int_equal (desk_stats (desk).moving, 1);
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    zloom_history_t history;
    const zloom_effect_t *dead = desk_effect (desk, ZLOOM_EFFECT_DEAD, 0);
    assert_non_null (dead);
    assert_int_equal (zloom_history_decode (dead->dead.history, &history), ZLOOM_OK);
    assert_int_equal (history.count, 2);
    desk_subscribe (desk, 6, 100);
    desk_dispatch (desk);
    const got_t rest = keys_got (desk);
    const uint64_t others[] = {2, 3, 4};
    keys_expect (&rest, others, 3);
    desk_destroy (desk);
}

/* Whatever a record says: an error, or nothing that is not there. */
static void
queue_believes_no_absurd_overflow (void **state)
{
    (void) state;
    static const struct {
        const char *bytes;
        uint32_t size;
        zloom_err_t err;
        uint64_t moving;
    } s_heads[] = {
      {"\x93\x03\x92\x02\x01\x90", 6, ZLOOM_OK, 1},
      {"\x93\x03\x94\x00\x01\x09\x09\x90", 8, ZLOOM_OK, 0},
      {"\x93\x03\x92\x01\xcf\x3f\xff\xff\xff\xff\xff\xff\xff\x90", 14, ZLOOM_OK, 3},
      {"\x93\x03\x92\x01\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x90", 14, ZLOOM_DAMAGED, 0},
      {"\x93\x03\x91\x01\x90", 5, ZLOOM_DAMAGED, 0},
      {"\x92\x03\x90", 3, ZLOOM_MALFORMED, 0},
    };
    const zloom_flow_config_t config = s_config (ZLOOM_ORDER_SKIP);
    for (size_t i = 0; i < sizeof s_heads / sizeof *s_heads; i++) {
        desk_t *desk = desk_new (&config);
        keys_send (desk, 1, "aab");
        const zloom_replay_t replay = {
          .type = ZLOOM_STORED_KV,
          .head = zloom_bytes ((const uint8_t *) s_heads[i].bytes, s_heads[i].size)};
        assert_int_equal (zloom_queue_pattern.replay (desk->queue, &replay), s_heads[i].err);
        if (s_heads[i].err == ZLOOM_OK) {
            desk_record_t *record = desk_record (desk);
            record->type = ZLOOM_STORED_KV;
            zloom_buf_add_bytes (&record->head, replay.head);
            desk_restart (desk);
            assert_int_equal (desk_stats (desk).moving, s_heads[i].moving);
        }
        desk_destroy (desk);
    }
}

/* A full flow, keyed or not, of which every second of 240 messages is leased. */
static desk_t *
s_ragged (bool keyed, const char *dead_letter)
{
    zloom_flow_config_t config = s_config (ZLOOM_ORDER_SKIP);
    config.key = keyed ? "/key" : NULL;
    config.dead_letter = dead_letter;
    config.limit_messages = 240;
    desk_t *desk = desk_new (&config);
    for (uint64_t i = 0; i < 15; i++) {
        keys_send (desk, 1 + 16 * i, "abcdefghijklmnop");
    }
    desk_subscribe (desk, 5, 240);
    assert_int_equal (desk_dispatch (desk), 240);
    const got_t got = keys_got (desk);
    for (size_t i = 0; i < got.count; i++) {
        if (got.seqs[i] % 2 == 0) {
            keys_settle (desk, &got, got.seqs[i], ZLOOM_VERDICT_RELEASE);
        }
    }
    assert_int_equal (desk_stats (desk).ready, 120);
    return desk;
}

/* What says which had to go was asked for, however ragged these are. */
static void
queue_asks_for_the_room_that_dropping_takes (void **state)
{
    (void) state;
    for (int i = 0; i < 3; i++) {
        desk_t *desk = s_ragged (i > 0, i == 2 ? "orders-dead" : NULL);
        zloom_envelope_t letters[100];
        for (size_t j = 0; j < 100; j++) {
            letters[j] = (zloom_envelope_t){.key = zloom_bytes ((const uint8_t *) "z", 1)};
        }
        zloom_buf_t pack = {0};
        letters_pack (letters, 100, &pack);
        const zloom_bytes_t bytes = zloom_buf_bytes (&pack);
        const zloom_offer_t offer = {.n = 100, .pack = bytes, .flags = ZLOOM_FLAG_KEY};
        zloom_cost_t cost = {0};
        assert_int_equal (zloom_queue_pattern.check_offer (desk->queue, &offer, &cost), ZLOOM_OK);
        zloom_buf_fini (&pack);
        letters_send (desk, "shop", 241, letters, 100, ZLOOM_FLAG_KEY);
        assert_int_equal (desk_stats (desk).dropped + desk_stats (desk).moving, 100);
        const zloom_effect_t *record = desk_effect (desk, ZLOOM_EFFECT_RECORD, 0);
        assert_true (record->record.head.size > 200);
        assert_true (record->record.head.size <= cost.bytes);
        assert_true (desk_count (desk, ZLOOM_EFFECT_RECORD) <= cost.records);
        desk_destroy (desk);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_brings_nothing_back_that_has_overflowed),
      cmocka_unit_test (queue_drops_what_had_overflowed_when_there_are_no_dead_letters),
      cmocka_unit_test (queue_lets_what_failed_overflow),
      cmocka_unit_test (queue_believes_no_absurd_overflow),
      cmocka_unit_test (queue_asks_for_the_room_that_dropping_takes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
