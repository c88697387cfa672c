/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "patterns/common/done.h"
#include "wire/encode.h"

static void
done_raises_its_floor (void **state)
{
    (void) state;
    zloom_done_t done;
    zloom_range_t run;
    zloom_done_init (&done, 1);
    assert_int_equal (zloom_done_add (&done, 5, 9), 5);
    assert_int_equal (done.floor, 1);
    assert_int_equal (zloom_done_add (&done, 1, 2), 2);
    assert_int_equal (done.floor, 3);
    assert_int_equal (zloom_done_add (&done, 2, 6), 2);
    assert_int_equal (done.floor, 10);
    assert_int_equal (done.above.total, 0);
    assert_int_equal (zloom_done_add (&done, 1, 9), 0);
    assert_true (zloom_done_has (&done, 9));
    assert_false (zloom_done_has (&done, 10));
    zloom_done_add (&done, 12, 13);
    assert_true (zloom_done_gap (&done, 1, 20, &run));
    assert_int_equal (run.first, 10);
    assert_int_equal (run.last, 11);
    zloom_done_fini (&done);
}

static void
s_round_trip (zloom_done_t *done, uint64_t end)
{
    zloom_buf_t buf = {0};
    zloom_done_encode (done, &buf);
    zloom_done_t back;
    zloom_done_init (&back, 0);
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&buf));
    assert_int_equal (zloom_done_decode (&back, &cursor, end), ZLOOM_OK);
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_OK);
    assert_int_equal (back.floor, done->floor);
    assert_int_equal (back.above.total, done->above.total);
    zloom_range_t a = {0, 0};
    zloom_range_t b = {0, 0};
    for (uint64_t from = 0; zloom_done_gap (done, from, end, &a); from = a.last + 1) {
        assert_true (zloom_done_gap (&back, from, end, &b));
        assert_memory_equal (&a, &b, sizeof a);
    }
    zloom_done_fini (&back);
    zloom_buf_fini (&buf);
}

static void
done_comes_back_from_its_snapshot (void **state)
{
    (void) state;
    zloom_done_t done;
    zloom_done_init (&done, 1);
    s_round_trip (&done, 2);
    for (uint64_t seq = 3; seq < 100000; seq += 2) { /* bitmaps */
        zloom_done_add (&done, seq, seq);
    }
    zloom_done_add (&done, 200000, 800000); /* full chunks */
    zloom_done_add (&done, 900000, 900004);
    s_round_trip (&done, 1000000);
    zloom_done_fini (&done);
}

static void
done_refuses_what_lies_outside (void **state)
{
    (void) state;
    const uint64_t cases[][3] = {{5, 5, 1}, {5, 99, 2}, {5, 7, 0}, {101, 102, 1}, {5, 100, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zloom_buf_t buf = {0};
        zloom_encode_array (&buf, 3);
        zloom_encode_uint (&buf, cases[i][0]);
        zloom_encode_array (&buf, 2);
        zloom_encode_uint (&buf, cases[i][1]);
        zloom_encode_uint (&buf, cases[i][2]);
        zloom_encode_array (&buf, 0);
        zloom_done_t done;
        zloom_done_init (&done, 0);
        zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&buf));
        assert_int_not_equal (zloom_done_decode (&done, &cursor, 100), ZLOOM_OK);
        zloom_done_fini (&done);
        zloom_buf_fini (&buf);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (done_raises_its_floor),
      cmocka_unit_test (done_comes_back_from_its_snapshot),
      cmocka_unit_test (done_refuses_what_lies_outside),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
