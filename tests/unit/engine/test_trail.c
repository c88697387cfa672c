/* SPDX-License-Identifier: MPL-2.0 */
/* The trail by itself: stays and rows, their bounds, and the way through a journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/trail.h"

static zloom_bytes_t
s_bytes (const char *text)
{
    return zloom_bytes_text (text);
}

static zloom_stay_t *
s_begin (zloom_trail_t *trail, const char *flow, uint64_t seq, const char *from, uint64_t from_seq)
{
    char id[48];
    (void) snprintf (id, sizeof id, "%s/%llu", flow, (unsigned long long) seq);
    const zloom_trail_begin_t begin = {.flow = s_bytes (flow),
                                       .seq = seq,
                                       .wall_ns = 1000 + (int64_t) seq,
                                       .way = from ? ZLOOM_TRAIL_EMITTED : ZLOOM_TRAIL_SENT,
                                       .id = s_bytes (id),
                                       .base_time_ns = 7,
                                       .from_flow = s_bytes (from),
                                       .from_seq = from_seq};
    zloom_trail_begin (trail, &begin);
    return zloom_trail_stay (trail, s_bytes (flow), seq);
}

static void
s_note (zloom_trail_t *trail, zloom_stay_t *stay, int64_t number)
{
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_HANDED, 2000 + number, number, "charge",
                      s_bytes ("why"));
}

static void
s_equal (const zloom_trail_t *one, const zloom_trail_t *two)
{
    const zloom_stay_t *a = zloom_trail_first (one);
    const zloom_stay_t *b = zloom_trail_first (two);
    for (; a && b; a = a->next, b = b->next) {
        assert_string_equal (a->track->flow, b->track->flow);
        assert_string_equal (a->id, b->id);
        assert_int_equal (a->seq, b->seq);
        assert_int_equal (a->wall_ns, b->wall_ns);
        assert_int_equal (a->way, b->way);
        assert_int_equal (a->from_seq, b->from_seq);
        assert_int_equal (a->from_flow != NULL, b->from_flow != NULL);
        assert_int_equal (a->left, b->left);
        assert_int_equal (a->left_out, b->left_out);
        assert_int_equal (a->row_count, b->row_count);
        for (size_t i = 0; i < a->row_count; i++) {
            assert_int_equal (a->rows[i].kind, b->rows[i].kind);
            assert_int_equal (a->rows[i].wall_ns, b->rows[i].wall_ns);
            assert_int_equal (a->rows[i].number, b->rows[i].number);
            assert_string_equal (a->rows[i].node, b->rows[i].node);
            assert_string_equal (a->rows[i].text, b->rows[i].text);
        }
    }
    assert_null (a);
    assert_null (b);
}

static void
test_a_journey_is_marked_from_any_of_its_stays (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (1 << 20);
    s_begin (trail, "orders", 1, NULL, 0);
    s_begin (trail, "orders", 2, NULL, 0);
    s_begin (trail, "paid", 1, "orders", 2);
    s_begin (trail, "paid", 2, "orders", 1);
    s_begin (trail, "dead", 1, "paid", 2);
    const char *const asked[] = {"orders/1", "paid/2", "dead/1"};
    for (int i = 0; i < 3; i++) {
        const uint64_t mark = zloom_trail_mark_id (trail, s_bytes (asked[i]));
        assert_true (zloom_trail_stay (trail, s_bytes ("orders"), 1)->mark == mark);
        assert_true (zloom_trail_stay (trail, s_bytes ("paid"), 2)->mark == mark);
        assert_true (zloom_trail_stay (trail, s_bytes ("dead"), 1)->mark == mark);
        assert_false (zloom_trail_stay (trail, s_bytes ("orders"), 2)->mark == mark);
        assert_false (zloom_trail_stay (trail, s_bytes ("paid"), 1)->mark == mark);
    }
    const uint64_t mark = zloom_trail_mark_seq (trail, s_bytes ("paid"), 1);
    assert_true (zloom_trail_stay (trail, s_bytes ("orders"), 2)->mark == mark);
    assert_false (zloom_trail_stay (trail, s_bytes ("orders"), 1)->mark == mark);
    assert_null (zloom_trail_stay (trail, s_bytes ("paid"), 3));
    assert_null (zloom_trail_stay (trail, s_bytes ("none"), 1));
    zloom_trail_destroy (&trail);
}

static void
test_the_oldest_go_first (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (2000);
    for (uint64_t seq = 1; seq <= 500; seq++) {
        s_note (trail, s_begin (trail, seq % 3 ? "orders" : "paid", seq, NULL, 0), 1);
        zloom_trail_trim (trail);
    }
    size_t count = 0;
    for (const zloom_stay_t *stay = zloom_trail_first (trail); stay; stay = stay->next) {
        count++;
        assert_ptr_equal (stay, zloom_trail_stay (trail, s_bytes (stay->track->flow), stay->seq));
    }
    assert_in_range (count, 10, 40);
    assert_int_equal (zloom_trail_first (trail)->seq, 501 - count);
    assert_null (zloom_trail_stay (trail, s_bytes ("orders"), 1));
    zloom_trail_destroy (&trail);
}

static void
test_of_many_rows_the_first_and_the_last_stay (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (1 << 20);
    zloom_stay_t *stay = s_begin (trail, "orders", 1, NULL, 0);
    for (int64_t i = 1; i <= 1000; i++) {
        s_note (trail, stay, i);
    }
    assert_in_range (stay->row_count, 10, 100);
    assert_int_equal (stay->row_count + stay->left_out, 1000);
    assert_int_equal (stay->rows[0].number, 1);
    assert_int_equal (stay->rows[1].number, 2);
    assert_int_equal (stay->rows[stay->row_count - 1].number, 1000);
    assert_int_equal (stay->rows[stay->row_count - 2].number, 999);
    zloom_trail_destroy (&trail);
}

/* What it has left out takes no room: its elders stay. */
static void
test_of_many_rows_only_those_that_are_kept_count (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (10000);
    s_begin (trail, "orders", 1, NULL, 0);
    s_begin (trail, "orders", 2, NULL, 0);
    for (int64_t i = 1; i <= 10000; i++) {
        s_note (trail, zloom_trail_stay (trail, s_bytes ("orders"), 2), i);
        zloom_trail_trim (trail);
        assert_non_null (zloom_trail_stay (trail, s_bytes ("orders"), 1));
    }
    zloom_trail_destroy (&trail);
}

static void
test_a_text_is_one_line_of_utf8 (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (1 << 20);
    zloom_stay_t *stay = s_begin (trail, "orders", 1, NULL, 0);
    uint8_t text[400]; /* pairs of bytes, each a character */
    for (size_t i = 0; i < sizeof text; i += 2) {
        text[i] = 0xc3;
        text[i + 1] = 0xa9;
    }
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_BACK, 1, 0, NULL, zloom_bytes ("a\nb", 3));
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_BACK, 1, 0, NULL, zloom_bytes ("\xff\xfe", 2));
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_BACK, 1, 0, NULL, zloom_bytes ("x", 1));
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_BACK, 1, 0, NULL, zloom_bytes (text + 1, 399));
    /* A character lies across the end of what is kept, in one of the two. */
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_BACK, 1, 0, NULL, zloom_bytes (text, 400));
    text[1] = 'e';
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_BACK, 1, 0, NULL, zloom_bytes (text + 1, 399));
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_BACK, 1, 0, NULL,
                      s_bytes ("of a host\r\nelsewhere"));
    assert_string_equal (stay->rows[0].text, "a");
    assert_string_equal (stay->rows[6].text, "of a host");
    assert_null (stay->rows[1].text);
    assert_null (stay->rows[1].node);
    assert_string_equal (stay->rows[2].text, "x");
    assert_null (stay->rows[3].text);
    assert_non_null (stay->rows[4].text);
    assert_non_null (stay->rows[5].text);
    assert_in_range (strlen (stay->rows[4].text), 100, 200);
    assert_in_range (strlen (stay->rows[5].text), 100, 200);
    assert_true (zloom_bytes_is_utf8 (s_bytes (stay->rows[5].text)));
    zloom_trail_destroy (&trail);
}

static void
test_records_and_snapshots_give_the_same_trail (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (1 << 20);
    zloom_trail_t *other = zloom_trail_new (1 << 20);
    zloom_buf_t records[3] = {{0}};
    assert_int_equal (zloom_trail_pending (trail), 0);
    zloom_stay_t *first = s_begin (trail, "orders", 1, NULL, 0);
    s_note (trail, first, 1);
    assert_true (zloom_trail_pending (trail) > 0);
    zloom_trail_take (trail, &records[0]);
    assert_int_equal (zloom_trail_pending (trail), 0);
    zloom_stay_t *second = s_begin (trail, "paid", 9, "orders", 1);
    zloom_trail_note (trail, first, ZLOOM_TRAIL_LEFT, 5, 1, "x", s_bytes ("y"));
    zloom_trail_take (trail, &records[1]);
    for (int64_t i = 0; i < 100; i++) {
        s_note (trail, second, i);
    }
    /* Taken before its rows are: they stand in the record behind it, too, and count once. */
    zloom_buf_t snapshot = {0};
    zloom_trail_snapshot (trail, &snapshot);
    zloom_trail_take (trail, &records[2]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal (zloom_trail_replay (other, zloom_buf_bytes (&records[i])), ZLOOM_OK);
        assert_int_equal (zloom_trail_replay (other, zloom_buf_bytes (&records[i])), ZLOOM_OK);
    }
    s_equal (trail, other);
    assert_int_equal (zloom_trail_pending (other), 0);
    zloom_trail_destroy (&other);
    other = zloom_trail_new (1 << 20);
    assert_int_equal (zloom_trail_replay (other, zloom_buf_bytes (&snapshot)), ZLOOM_OK);
    assert_int_equal (zloom_trail_replay (other, zloom_buf_bytes (&records[2])), ZLOOM_OK);
    s_equal (trail, other);
    /* What is noted from now on is new to both. */
    s_note (trail, second, 1000);
    s_note (other, zloom_trail_stay (other, s_bytes ("paid"), 9), 1000);
    s_equal (trail, other);
    zloom_buf_clear (&records[0]);
    zloom_trail_take (other, &records[0]);
    assert_int_equal (zloom_trail_replay (trail, zloom_buf_bytes (&records[0])), ZLOOM_OK);
    s_equal (trail, other);
    for (int i = 0; i < 3; i++) {
        zloom_buf_fini (&records[i]);
    }
    zloom_buf_fini (&snapshot);
    zloom_trail_destroy (&trail);
    zloom_trail_destroy (&other);
}

/* Each cut and each flipped byte of a record: an error or a trail, and nothing worse. */
static void
test_damaged_bytes_do_no_harm (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (1 << 20);
    zloom_stay_t *stay = s_begin (trail, "orders", 1, NULL, 0);
    s_note (trail, stay, 1);
    s_begin (trail, "paid", 2, "orders", 1);
    zloom_buf_t record = {0};
    zloom_trail_take (trail, &record);
    for (size_t i = 0; i < record.size; i++) {
        zloom_trail_t *other = zloom_trail_new (1 << 20);
        assert_int_not_equal (zloom_trail_replay (other, zloom_bytes (record.data, i)), ZLOOM_OK);
        zloom_trail_destroy (&other);
        for (unsigned bit = 0; bit < 8; bit++) {
            other = zloom_trail_new (1 << 20);
            record.data[i] ^= (uint8_t) (1u << bit);
            (void) zloom_trail_replay (other, zloom_buf_bytes (&record));
            zloom_trail_mark_id (other, s_bytes ("paid/2"));
            record.data[i] ^= (uint8_t) (1u << bit);
            zloom_trail_destroy (&other);
        }
    }
    zloom_buf_fini (&record);
    zloom_trail_destroy (&trail);
}

/* A flow was dropped and made anew: its numbers begin again. */
static void
test_numbers_that_begin_again (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (1 << 20);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        s_begin (trail, "orders", seq, NULL, 0);
    }
    s_begin (trail, "orders", 3, NULL, 0);
    assert_null (zloom_trail_stay (trail, s_bytes ("orders"), 4));
    assert_non_null (zloom_trail_stay (trail, s_bytes ("orders"), 2));
    size_t count = 0;
    for (const zloom_stay_t *stay = zloom_trail_first (trail); stay; stay = stay->next) {
        count++;
    }
    assert_int_equal (count, 3);
    zloom_trail_destroy (&trail);
}

/* A message of another life of the flow has the number of the one that something came of. */
static void
test_what_came_of_a_former_life_is_no_part_of_the_new_one (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (1 << 20);
    s_begin (trail, "orders", 5, NULL, 0);
    s_begin (trail, "paid", 1, "orders", 5);
    s_begin (trail, "orders", 5, NULL, 0);
    uint64_t mark = zloom_trail_mark_seq (trail, s_bytes ("orders"), 5);
    assert_true (zloom_trail_stay (trail, s_bytes ("orders"), 5)->mark == mark);
    assert_false (zloom_trail_stay (trail, s_bytes ("paid"), 1)->mark == mark);
    mark = zloom_trail_mark_seq (trail, s_bytes ("paid"), 1);
    assert_true (zloom_trail_stay (trail, s_bytes ("paid"), 1)->mark == mark);
    assert_false (zloom_trail_stay (trail, s_bytes ("orders"), 5)->mark == mark);
    zloom_trail_destroy (&trail);
}

/* All that was known of a flow has gone for what is newer elsewhere, and it is traced again. */
static void
test_a_flow_begins_again_after_all_of_it_was_forgotten (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (2000);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        s_begin (trail, "orders", seq, NULL, 0);
    }
    for (uint64_t seq = 1; seq <= 100; seq++) {
        s_begin (trail, "paid", seq, NULL, 0);
        zloom_trail_trim (trail);
    }
    assert_null (zloom_trail_stay (trail, s_bytes ("orders"), 5));
    s_begin (trail, "orders", 6, NULL, 0);
    s_begin (trail, "orders", 7, NULL, 0);
    const zloom_track_t *track = zloom_trail_track (trail, s_bytes ("orders"));
    assert_int_equal (track->end - track->head, 2);
    assert_int_equal (track->end, 2); /* its table does not grow for those that are gone */
    assert_int_equal (zloom_trail_stay (trail, s_bytes ("orders"), 6)->seq, 6);
    assert_null (zloom_trail_stay (trail, s_bytes ("orders"), 5));
    zloom_trail_destroy (&trail);
}

/* What has left stays out, whatever is heard of it later. */
static void
test_who_has_left_has_left (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (1 << 20);
    zloom_stay_t *stay = s_begin (trail, "orders", 1, NULL, 0);
    s_note (trail, stay, 1);
    assert_false (stay->left);
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_LEFT, 5, 1, NULL, ZLOOM_BYTES_NULL);
    assert_true (stay->left);
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_BACK, 6, 0, "charge", ZLOOM_BYTES_NULL);
    assert_true (stay->left);
    zloom_trail_destroy (&trail);
    zloom_trail_destroy (&trail); /* there is none any more */
    assert_null (trail);
}

/* What found no room on the disk is given up there; memory has it, and later rows count on. */
static void
test_what_is_given_up_is_in_no_record (void **state)
{
    (void) state;
    zloom_trail_t *trail = zloom_trail_new (1 << 20);
    zloom_trail_t *other = zloom_trail_new (1 << 20);
    zloom_buf_t record = {0};
    zloom_stay_t *stay = s_begin (trail, "orders", 1, NULL, 0);
    zloom_trail_take (trail, &record);
    assert_int_equal (zloom_trail_replay (other, zloom_buf_bytes (&record)), ZLOOM_OK);
    s_note (trail, stay, 1);
    zloom_trail_take (trail, NULL);
    assert_int_equal (zloom_trail_pending (trail), 0);
    assert_int_equal (stay->row_count, 1);
    s_note (trail, stay, 2);
    zloom_buf_clear (&record);
    zloom_trail_take (trail, &record);
    assert_int_equal (zloom_trail_replay (other, zloom_buf_bytes (&record)), ZLOOM_OK);
    const zloom_stay_t *copy = zloom_trail_stay (other, s_bytes ("orders"), 1);
    assert_int_equal (copy->row_count, 1);
    assert_int_equal (copy->rows[0].number, 2);
    /* The record that was given up comes no more: its rows are behind what was read. */
    assert_int_equal (zloom_trail_replay (other, zloom_buf_bytes (&record)), ZLOOM_OK);
    assert_int_equal (copy->row_count, 1);
    zloom_buf_fini (&record);
    zloom_trail_destroy (&trail);
    zloom_trail_destroy (&other);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_journey_is_marked_from_any_of_its_stays),
      cmocka_unit_test (test_the_oldest_go_first),
      cmocka_unit_test (test_of_many_rows_the_first_and_the_last_stay),
      cmocka_unit_test (test_of_many_rows_only_those_that_are_kept_count),
      cmocka_unit_test (test_a_text_is_one_line_of_utf8),
      cmocka_unit_test (test_records_and_snapshots_give_the_same_trail),
      cmocka_unit_test (test_damaged_bytes_do_no_harm),
      cmocka_unit_test (test_numbers_that_begin_again),
      cmocka_unit_test (test_what_came_of_a_former_life_is_no_part_of_the_new_one),
      cmocka_unit_test (test_a_flow_begins_again_after_all_of_it_was_forgotten),
      cmocka_unit_test (test_who_has_left_has_left),
      cmocka_unit_test (test_what_is_given_up_is_in_no_record),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
