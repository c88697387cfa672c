/* SPDX-License-Identifier: MPL-2.0 */
/* Snapshot, restore, replay: what survives, what may come twice, what is not believed. */
#include "base/random.h"
#include "desk.h"
#include "wire/encode.h"

/* A desk with something of everything: acked, leased, waiting, moving, failed, two producers. */
static desk_t *
s_busy (void)
{
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 50);
    desk_offer (desk, "web", 2, 1, 50);
    desk_subscribe (desk, 5, 60);
    desk_dispatch (desk);
    desk_settle (desk, 5, 1, 1, 10, ZLOOM_VERDICT_ACK);
    for (uint64_t seq = 20; seq < 40; seq += 2) {
        desk_settle (desk, 5, 1, seq, 1, ZLOOM_VERDICT_ACK);
    }
    desk_settle (desk, 5, 1, 41, 3, ZLOOM_VERDICT_RETRY);
    desk->cold_below = 1000;
    desk_settle (desk, 5, 1, 45, 2, ZLOOM_VERDICT_REJECT);
    desk->cold_below = 0;
    zloom_event_t event = {.type = ZLOOM_EVENT_TAKE_OUT};
    event.take_out.first = 90;
    event.take_out.n = 5;
    event.take_out.reason = ZLOOM_REASON_PURGED;
    desk_feed (desk, &event);
    return desk;
}

static void
s_expect_busy (desk_t *desk)
{
    zloom_flow_stats_t stats = desk_stats (desk);
    assert_int_equal (stats.appended, 100);
    assert_int_equal (stats.acked, 20);
    assert_int_equal (stats.purged, 5);
    assert_int_equal (stats.waiting, 3);
    assert_int_equal (stats.moving, 2);
    assert_int_equal (stats.ready, 70);
    assert_int_equal (stats.leased, 0);
    assert_int_equal (stats.bytes, 75 * 8);
    uint64_t high;
    zloom_bytes_t mark;
    assert_true (
      zloom_queue_pattern.producer (desk->queue, zloom_bytes_text ("web"), &high, &mark, NULL));
    assert_int_equal (high, 50);
    zloom_range_t run;
    assert_true (zloom_queue_pattern.next_live (desk->queue, 1, 100, &run));
    assert_int_equal (run.first, 11);
    assert_int_equal (run.last, 19);
    assert_true (zloom_queue_pattern.next_live (desk->queue, 20, 100, &run));
    assert_int_equal (run.first, 21);
    assert_false (zloom_queue_pattern.next_live (desk->queue, 90, 94, &run));
    assert_int_equal (zloom_queue_pattern.next_seq (desk->queue), 101);
}

static void
queue_recovers_from_records (void **state)
{
    (void) state;
    desk_t *desk = s_busy ();
    desk_restart (desk);
    s_expect_busy (desk);
    desk_destroy (desk);
}

static void
queue_recovers_from_a_snapshot_and_what_came_after (void **state)
{
    (void) state;
    desk_t *desk = s_busy ();
    zloom_buf_t snapshot = {0};
    zloom_queue_pattern.snapshot (desk->queue, &snapshot);
    size_t from = desk->record_count;
    desk_restart_from (desk, zloom_buf_bytes (&snapshot), from);
    s_expect_busy (desk);
    /* Records that the snapshot knows already change nothing. */
    for (size_t i = 0; i <= from; i++) {
        desk_restart_from (desk, zloom_buf_bytes (&snapshot), i);
        s_expect_busy (desk);
    }
    desk_offer (desk, "web", 2, 51, 5);
    desk_restart_from (desk, zloom_buf_bytes (&snapshot), from);
    assert_int_equal (desk_stats (desk).appended, 105);
    zloom_buf_fini (&snapshot);
    desk_destroy (desk);
}

static zloom_err_t
s_replay (desk_t *desk, uint8_t type, uint64_t seq, uint32_t count, zloom_bytes_t head)
{
    zloom_replay_t replay = {.type = type, .seq = seq, .count = count, .head = head};
    return zloom_queue_pattern.replay (desk->queue, &replay);
}

static void
queue_forgives_no_failure_when_an_old_record_comes_late (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.backoff_count = 0;
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 1);
    desk_subscribe (desk, 5, 10);
    desk_dispatch (desk);
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_RETRY);
    const desk_record_t *old = &desk->records[desk->record_count - 1];
    assert_int_equal (old->type, ZLOOM_STORED_STATE);
    zloom_buf_t head = {0};
    zloom_buf_add_bytes (&head, zloom_buf_bytes (&old->head));
    desk_dispatch (desk);
    desk_settle (desk, 5, 2, 1, 1, ZLOOM_VERDICT_RETRY);
    desk_restart (desk);
    assert_int_equal (s_replay (desk, ZLOOM_STORED_STATE, 1, 0, zloom_buf_bytes (&head)), ZLOOM_OK);
    desk_subscribe (desk, 6, 10);
    desk_dispatch (desk);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0)->deliver.facts[0].attempt, 2);
    zloom_buf_fini (&head);
    desk_destroy (desk);
}

static void
queue_recovers_when_each_record_comes_twice (void **state)
{
    (void) state;
    desk_t *desk = s_busy ();
    size_t count = desk->record_count;
    for (size_t i = 0; i < count; i++) {
        desk_record_t *copy = desk_record (desk);
        *copy = desk->records[i];
        copy->head = copy->pack = (zloom_buf_t){0};
        zloom_buf_add_bytes (&copy->pack, zloom_buf_bytes (&desk->records[i].pack));
        zloom_buf_add_bytes (&copy->head, zloom_buf_bytes (&desk->records[i].head));
    }
    desk_restart (desk);
    s_expect_busy (desk);
    desk_destroy (desk);
}

static void
queue_counts_what_the_journal_lost (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 10);
    desk_offer (desk, "shop", 1, 11, 10);
    desk_offer (desk, "shop", 1, 21, 10);
    desk_subscribe (desk, 5, 15);
    desk_dispatch (desk);
    desk_settle (desk, 5, 1, 1, 15, ZLOOM_VERDICT_ACK);
    desk->records[1].type = 16; /* the second pack's group is damaged */
    desk_restart (desk);
    zloom_flow_stats_t stats = desk_stats (desk);
    assert_int_equal (stats.appended, 30);
    assert_int_equal (stats.acked, 15);
    assert_int_equal (stats.lost, 5); /* 16 to 20: not settled, and nowhere to be found */
    assert_int_equal (stats.ready, 10);
    desk_record_t *hole = desk_record (desk); /* and a hole that the journal names */
    hole->type = ZLOOM_STORED_HOLE;
    hole->seq = 25;
    hole->count = 10;
    desk_restart (desk);
    stats = desk_stats (desk);
    assert_int_equal (stats.lost, 15);
    assert_int_equal (stats.ready, 4);
    assert_int_equal (zloom_queue_pattern.next_seq (desk->queue), 35);
    desk_destroy (desk);
}

static void
queue_does_not_believe_absurd_records (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    zloom_buf_t head = {0};
    assert_int_not_equal (s_replay (desk, ZLOOM_STORED_SETTLE, 1, 1, ZLOOM_BYTES_NULL), ZLOOM_OK);
    assert_int_not_equal (s_replay (desk, ZLOOM_STORED_PACK, 1, 1, zloom_bytes ("\xc1", 1)),
                          ZLOOM_OK);
    zloom_encode_array (&head, 3);
    zloom_encode_uint (&head, ZLOOM_REASON_ACKED);
    zloom_encode_array (&head, 2);
    zloom_encode_uint (&head, UINT64_C (1) << 60);
    zloom_encode_uint (&head, UINT64_C (1) << 61);
    zloom_encode_bool (&head, false);
    assert_int_not_equal (s_replay (desk, ZLOOM_STORED_SETTLE, 1, 1, zloom_buf_bytes (&head)),
                          ZLOOM_OK);
    assert_int_not_equal (s_replay (desk, ZLOOM_STORED_PACK, UINT64_MAX - 1, 5, ZLOOM_BYTES_NULL),
                          ZLOOM_OK);
    assert_int_not_equal (s_replay (desk, ZLOOM_STORED_HOLE, UINT64_MAX, 5, ZLOOM_BYTES_NULL),
                          ZLOOM_OK);
    zloom_buf_fini (&head);
    desk_destroy (desk);
}

/* A settlement of this reason, of n messages from 1 on; the error of its replay. */
static zloom_err_t
s_replay_settle (desk_t *desk, uint64_t reason, uint64_t n)
{
    zloom_buf_t head = {0};
    zloom_encode_array (&head, 3);
    zloom_encode_uint (&head, reason);
    zloom_encode_array (&head, 2);
    zloom_encode_uint (&head, 1);
    zloom_encode_uint (&head, n);
    zloom_encode_bool (&head, false);
    const zloom_err_t err =
      s_replay (desk, ZLOOM_STORED_SETTLE, 1, (uint32_t) n, zloom_buf_bytes (&head));
    zloom_buf_fini (&head);
    return err;
}

static void
queue_does_not_believe_impossible_counts (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    zloom_replay_t pack = {.type = ZLOOM_STORED_PACK, .seq = 1, .count = 0};
    assert_int_equal (zloom_queue_pattern.replay (desk->queue, &pack), ZLOOM_DAMAGED);
    pack.count = ZLOOM_LIMIT_PACK_MESSAGES + 1;
    assert_int_equal (zloom_queue_pattern.replay (desk->queue, &pack), ZLOOM_DAMAGED);
    pack.count = 1;
    pack.payload_bytes = (uint64_t) ZLOOM_LIMIT_PACK_BYTES + 1;
    assert_int_equal (zloom_queue_pattern.replay (desk->queue, &pack), ZLOOM_DAMAGED);
    pack.payload_bytes = 8;
    pack.seq = UINT64_C (1) << 40; /* so many cannot be unsettled */
    assert_int_equal (zloom_queue_pattern.replay (desk->queue, &pack), ZLOOM_DAMAGED);
    assert_int_equal (s_replay_settle (desk, 0, 1), ZLOOM_DAMAGED); /* no reason */
    assert_int_not_equal (s_replay_settle (desk, ZLOOM_REASON_LOST + 1, 1), ZLOOM_OK);
    assert_int_equal (s_replay_settle (desk, ZLOOM_REASON_ACKED, 0), ZLOOM_DAMAGED);
    assert_int_equal (zloom_queue_pattern.next_seq (desk->queue), 1);
    assert_int_equal (s_replay_settle (desk, ZLOOM_REASON_ACKED, 3), ZLOOM_OK);
    assert_int_equal (zloom_queue_pattern.next_seq (desk->queue), 4);
    /* A record of another pattern, or of a later version: it is others' to know. */
    zloom_replay_t other = {.type = 99, .seq = 1, .count = 1};
    assert_int_equal (zloom_queue_pattern.replay (desk->queue, &other), ZLOOM_OK);
    desk_destroy (desk);
}

/* Whatever a snapshot's bytes say: an error, or a queue whose books balance. */
static void
queue_survives_damaged_snapshots_and_records (void **state)
{
    (void) state;
    desk_t *desk = s_busy ();
    zloom_buf_t snapshot = {0};
    zloom_queue_pattern.snapshot (desk->queue, &snapshot);
    zloom_random_t random;
    zloom_random_init (&random, 42);
    zloom_flow_config_t config = desk_config ();
    const zloom_birth_t birth = {.boot = 1, .first_seq = 1};
    for (size_t i = 0; i < 4000; i++) {
        zloom_buf_t bytes = {0};
        zloom_buf_add_bytes (&bytes, zloom_buf_bytes (&snapshot));
        size_t at = (size_t) zloom_random_below (&random, bytes.size);
        if (i % 4 == 0) {
            bytes.size = at;
        } else {
            bytes.data[at] = (uint8_t) zloom_random_next (&random);
        }
        void *queue = zloom_queue_pattern.create (&config, &birth);
        if (zloom_queue_pattern.restore (queue, zloom_buf_bytes (&bytes)) == ZLOOM_OK) {
            zloom_queue_pattern.recovered (queue, desk->turn.now);
            assert_true (zloom_queue_check (queue));
        }
        zloom_queue_pattern.destroy (&queue);
        zloom_buf_fini (&bytes);
    }
    for (size_t i = 0; i < 4000; i++) {
        size_t which = (size_t) zloom_random_below (&random, desk->record_count);
        desk_record_t *record = &desk->records[which];
        size_t at = (size_t) zloom_random_below (&random, record->head.size);
        uint8_t before = record->head.data[at];
        record->head.data[at] = (uint8_t) zloom_random_next (&random);
        void *queue = zloom_queue_pattern.create (&config, &birth);
        zloom_err_t err = ZLOOM_OK;
        for (size_t j = 0; j < desk->record_count && err == ZLOOM_OK; j++) {
            const desk_record_t *each = &desk->records[j];
            zloom_replay_t replay = {.type = each->type,
                                     .seq = each->seq,
                                     .count = each->count,
                                     .payload_bytes = each->payload_bytes,
                                     .head = zloom_buf_bytes (&each->head)};
            err = zloom_queue_pattern.replay (queue, &replay);
        }
        if (err == ZLOOM_OK) {
            zloom_queue_pattern.recovered (queue, desk->turn.now);
            assert_true (zloom_queue_check (queue));
        }
        zloom_queue_pattern.destroy (&queue);
        record->head.data[at] = before;
    }
    zloom_buf_fini (&snapshot);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_recovers_from_records),
      cmocka_unit_test (queue_recovers_from_a_snapshot_and_what_came_after),
      cmocka_unit_test (queue_forgives_no_failure_when_an_old_record_comes_late),
      cmocka_unit_test (queue_recovers_when_each_record_comes_twice),
      cmocka_unit_test (queue_counts_what_the_journal_lost),
      cmocka_unit_test (queue_does_not_believe_absurd_records),
      cmocka_unit_test (queue_does_not_believe_impossible_counts),
      cmocka_unit_test (queue_survives_damaged_snapshots_and_records),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
