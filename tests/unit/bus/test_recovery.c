/* SPDX-License-Identifier: MPL-2.0 */
/* Whatever a disk gives back: it is an error, or a bus whose books balance, and never the end. */
#include "unit/bus/hall_say.h"

/* A bus with a bit of everything in its records. */
static hall_t *
s_rich (void)
{
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    config.retain_messages = 8;
    hall_t *hall = hall_new (&config);
    hall_join (hall, 1, (hall_wish_t){.durable = true, .group = "mail", .patterns = "a b.*"});
    hall_credit (hall, 1, 100);
    hall_publish (hall, "a b.x c a b.y c");
    hall_join (
      hall, 2,
      (hall_wish_t){.durable = true, .group = "late", .patterns = "c", .from = ZLOOM_FROM_START});
    hall_credit (hall, 2, 100);
    hall_pass (hall, 0);
    hall_settle (hall, 1, 1, 1, ZLOOM_VERDICT_ACK);
    hall_settle (hall, 1, 2, 1, ZLOOM_VERDICT_RETRY);
    hall_settle (hall, 2, 3, 1, ZLOOM_VERDICT_REJECT);
    hall_publish (hall, "a c");
    const zloom_event_t purge = {.type = ZLOOM_EVENT_TAKE_OUT,
                                 .take_out = {1, 1, ZLOOM_REASON_PURGED}};
    hall_feed (hall, &purge);
    hall_join (hall, 3, (hall_wish_t){.durable = true, .group = "gone"});
    hall_leave (hall, 3);
    zloom_effects_clear (hall->effects);
    zloom_bus_pattern.drop_group (hall->bus, zloom_bytes_text ("gone"), &hall->turn);
    hall_carry_out (hall);
    return hall;
}

/* Open with this snapshot and the records from `from` on, as far as they are taken. */
static void
s_open (hall_t *hall, zloom_bytes_t snapshot, size_t from)
{
    zloom_bus_pattern.destroy (&hall->bus);
    hall_open (hall);
    if (snapshot.data && zloom_bus_pattern.restore (hall->bus, snapshot) != ZLOOM_OK) {
        return;
    }
    for (size_t i = from; i < hall->record_count; i++) {
        zloom_replay_t replay = hall->records[i].replay;
        replay.head = zloom_buf_bytes (&hall->records[i].head);
        if (zloom_bus_pattern.replay (hall->bus, &replay) != ZLOOM_OK) {
            return;
        }
    }
    zloom_bus_pattern.recovered (hall->bus, hall->turn.now);
    assert_true (zloom_bus_check (hall->bus));
}

static void
bus_survives_spoilt_snapshots (void **state)
{
    (void) state;
    hall_t *hall = s_rich ();
    zloom_buf_t snapshot = {0};
    zloom_bus_pattern.snapshot (hall->bus, &snapshot);
    const size_t from = hall->record_count;
    for (size_t size = 0; size < snapshot.size; size++) {
        zloom_bus_pattern.destroy (&hall->bus);
        hall_open (hall);
        assert_int_not_equal (
          zloom_bus_pattern.restore (hall->bus, zloom_bytes (snapshot.data, size)), ZLOOM_OK);
    }
    static const uint8_t flips[] = {0x01, 0x80, 0xff, 0x10};
    for (size_t at = 0; at < snapshot.size; at++) {
        for (size_t i = 0; i < sizeof flips; i++) {
            snapshot.data[at] ^= flips[i];
            s_open (hall, zloom_buf_bytes (&snapshot), from);
            snapshot.data[at] ^= flips[i];
        }
    }
    s_open (hall, zloom_buf_bytes (&snapshot), from);
    zloom_subscriber_row_t row;
    assert_true (hall_row (hall, "mail", 0, &row));
    assert_int_equal (row.lag, 4);
    zloom_buf_fini (&snapshot);
    hall_destroy (hall);
}

static void
bus_survives_spoilt_records (void **state)
{
    (void) state;
    hall_t *hall = s_rich ();
    static const uint8_t flips[] = {0x01, 0x80, 0xff, 0x10};
    for (size_t record = 0; record < hall->record_count; record++) {
        zloom_buf_t *head = &hall->records[record].head;
        zloom_replay_t *replay = &hall->records[record].replay;
        const zloom_replay_t good = *replay;
        for (size_t at = 0; at < head->size; at++) {
            for (size_t i = 0; i < sizeof flips; i++) {
                head->data[at] ^= flips[i];
                s_open (hall, ZLOOM_BYTES_NULL, 0);
                head->data[at] ^= flips[i];
            }
        }
        static const uint64_t seqs[] = {0, 1, 3, 5, 100, UINT64_C (1) << 40, UINT64_MAX};
        for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++) {
            replay->seq = seqs[i];
            s_open (hall, ZLOOM_BYTES_NULL, 0);
            replay->count = (uint32_t) seqs[i];
            s_open (hall, ZLOOM_BYTES_NULL, 0);
            *replay = good;
        }
        for (uint8_t type = 0; type < 16; type++) {
            replay->type = type;
            s_open (hall, ZLOOM_BYTES_NULL, 0);
            replay->group = 9;
            s_open (hall, ZLOOM_BYTES_NULL, 0);
            *replay = good;
        }
    }
    s_open (hall, ZLOOM_BYTES_NULL, 0);
    zloom_subscriber_row_t row;
    assert_true (hall_row (hall, "late", 0, &row));
    assert_false (hall_row (hall, "gone", 0, &row));
    hall_destroy (hall);
}

/* A pack that is lost is lost for those who wanted it, and for nobody else. */
static void
bus_tells_each_group_of_a_hole (void **state)
{
    (void) state;
    const zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    hall_t *hall = hall_new (&config);
    hall_join (hall, 1, (hall_wish_t){.durable = true, .group = "mail"});
    hall_publish (hall, "a a");
    hall_publish (hall, "a a a");
    hall_record_t *pack = &hall->records[hall->record_count - 1];
    pack->replay = (zloom_replay_t){.type = ZLOOM_STORED_HOLE, .seq = 3, .count = 3};
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    zloom_subscriber_row_t row;
    assert_true (hall_row (hall, "mail", 0, &row));
    assert_int_equal (row.lag, 2);
    assert_int_equal (row.dropped, 3);
    assert_int_equal (zloom_bus_pattern.next_seq (hall->bus), 6);
    hall_destroy (hall);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (bus_survives_spoilt_snapshots),
      cmocka_unit_test (bus_survives_spoilt_records),
      cmocka_unit_test (bus_tells_each_group_of_a_hole),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
