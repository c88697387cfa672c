/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "patterns/common/leases.h"

#define NOW 1000

static zloom_leases_t *leases;
static zloom_holder_t holder;

static int
s_setup (void **state)
{
    (void) state;
    holder = (zloom_holder_t){0};
    leases = zloom_leases_new ();
    return 0;
}

static int
s_teardown (void **state)
{
    (void) state;
    zloom_leases_destroy (&leases);
    return 0;
}

static zloom_lease_t *
s_lease (uint64_t number, uint64_t seq, uint32_t n)
{
    zloom_lease_t *lease = zloom_leases_add (leases, &holder, (zloom_token_t){1, number}, false);
    zloom_leases_push (leases, lease, seq, n, NOW);
    return lease;
}

static void
leases_are_found_by_token (void **state)
{
    (void) state;
    zloom_lease_t *lease = s_lease (1, 10, 5);
    assert_ptr_equal (zloom_leases_find (leases, (zloom_token_t){1, 1}), lease);
    assert_null (zloom_leases_find (leases, (zloom_token_t){2, 1}));
    assert_null (zloom_leases_add (leases, &holder, (zloom_token_t){1, 1}, false));
    assert_int_equal (zloom_leases_messages (leases), 5);
    assert_int_equal (holder.messages, 5);
    assert_ptr_equal (holder.first, lease);
}

static void
leases_split_when_a_part_is_taken (void **state)
{
    (void) state;
    zloom_lease_t *lease = s_lease (1, 10, 10);
    zloom_lease_part_t part;
    assert_false (zloom_leases_take (leases, &lease, 20, 30, &part));
    assert_true (zloom_leases_take (leases, &lease, 14, 15, &part));
    assert_int_equal (part.seq, 14);
    assert_int_equal (part.n, 2);
    assert_false (zloom_leases_take (leases, &lease, 14, 15, &part));
    assert_true (zloom_leases_take (leases, &lease, 13, 17, &part));
    assert_int_equal (part.seq, 13);
    assert_int_equal (part.n, 1);
    assert_true (zloom_leases_take (leases, &lease, 13, 17, &part));
    assert_int_equal (part.seq, 16);
    assert_int_equal (part.n, 2);
    assert_true (zloom_leases_take (leases, &lease, 0, UINT64_MAX, &part));
    assert_true (zloom_leases_take (leases, &lease, 0, UINT64_MAX, &part));
    assert_int_equal (part.seq, 18);
    assert_null (lease); /* the last one ended it */
    assert_null (zloom_leases_find (leases, (zloom_token_t){1, 1}));
    assert_null (holder.first);
    assert_int_equal (holder.messages, 0);
    assert_int_equal (zloom_leases_next (leases), ZLOOM_NEVER);
}

static void
leases_run_out_part_by_part (void **state)
{
    (void) state;
    zloom_lease_t *lease = s_lease (1, 10, 10);
    zloom_lease_part_t part;
    zloom_leases_start (leases, lease, 12, 12, NOW);
    zloom_leases_extend (leases, lease, 15, 16, NOW + 50);
    assert_null (zloom_leases_due (leases, NOW - 1));
    assert_ptr_equal (zloom_leases_due (leases, NOW), lease);
    uint32_t ended = 0;
    uint32_t started = 0;
    while (zloom_leases_take_due (leases, &lease, NOW, &part)) {
        ended += part.n;
        started += part.started ? part.n : 0;
    }
    assert_int_equal (ended, 8);
    assert_int_equal (started, 1);
    assert_null (zloom_leases_due (leases, NOW));
    assert_int_equal (zloom_leases_next (leases), NOW + 50);
    zloom_leases_shift (leases, 100);
    assert_null (zloom_leases_due (leases, NOW + 149));
    assert_ptr_equal (zloom_leases_due (leases, NOW + 150), lease);
}

/* The array moves while a part of it is marked. */
static void
leases_start_many_single_messages (void **state)
{
    (void) state;
    zloom_lease_t *lease = s_lease (1, 0, 1000);
    zloom_lease_part_t part;
    for (uint64_t seq = 0; seq < 1000; seq += 2) {
        zloom_leases_start (leases, lease, seq, seq, NOW + (int64_t) seq);
    }
    for (uint64_t seq = 0; seq < 1000; seq++) {
        assert_true (zloom_leases_held (lease, seq, seq, &part));
        assert_int_equal (part.n, 1);
        assert_int_equal (part.started, seq % 2 == 0);
        assert_int_equal (part.deadline_ns, seq % 2 ? NOW : NOW + (int64_t) seq);
    }
    zloom_leases_extend (leases, lease, 0, 999, NOW);
    zloom_leases_start (leases, lease, 0, 999, NOW);
    assert_true (zloom_leases_held (lease, 0, 999, &part));
    assert_int_equal (part.n, 1000); /* all alike: one part again */
}

static void
leases_list_by_holder (void **state)
{
    (void) state;
    zloom_lease_t *lease = s_lease (1, 1, 1);
    s_lease (2, 2, 1);
    s_lease (3, 3, 1);
    zloom_lease_part_t part;
    lease = zloom_leases_find (leases, (zloom_token_t){1, 2});
    assert_true (zloom_leases_take (leases, &lease, 2, 2, &part));
    assert_int_equal (zloom_lease_token (holder.first).number, 1);
    assert_int_equal (zloom_lease_token (holder.last).number, 3);
    lease = s_lease (4, 2, 1);
    assert_ptr_equal (holder.last, lease);
    lease = zloom_leases_add (leases, &holder, (zloom_token_t){1, 5}, true);
    assert_true (zloom_lease_suspect (lease));
    assert_ptr_equal (zloom_lease_holder (lease), &holder);
    zloom_leases_discard (leases, lease);
    assert_int_equal (zloom_lease_token (holder.last).number, 4);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (leases_are_found_by_token, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (leases_split_when_a_part_is_taken, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (leases_run_out_part_by_part, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (leases_start_many_single_messages, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (leases_list_by_holder, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
