/* SPDX-License-Identifier: MPL-2.0 */
/* Which message of a key may start, and which have to go back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nodes/worker/keys.h"

#define JOBS 8

static zloom_worker_keys_t *s_keys;
static zloom_message_t s_messages[JOBS];
static zloom_worker_job_t s_jobs[JOBS];
static zloom_worker_jobs_t s_back;

static int
s_setup (void **state)
{
    (void) state;
    s_keys = zloom_worker_keys_new ();
    s_back = (zloom_worker_jobs_t){0};
    memset (s_messages, 0, sizeof s_messages);
    memset (s_jobs, 0, sizeof s_jobs);
    return 0;
}

/* A test leaves nobody behind: that is the destructor's demand. */
static int
s_teardown (void **state)
{
    (void) state;
    zloom_worker_keys_destroy (&s_keys);
    return 0;
}

/* Job i comes in with this key (NULL: none) of subscription `handle`; whether it may start. */
static bool
s_enter_of (uint32_t handle, int i, const char *key)
{
    s_messages[i].handle = handle;
    s_messages[i].key = key;
    s_messages[i].key_size = key ? strlen (key) : 0;
    s_jobs[i].message = &s_messages[i];
    s_jobs[i].id = (uint64_t) i;
    return zloom_worker_keys_enter (s_keys, &s_jobs[i]);
}

static bool
s_enter (int i, const char *key)
{
    return s_enter_of (1, i, key);
}

/* Job i is settled; the job that may start now, -1: none. Its message is gone by then. */
static int
s_leave (int i, bool acked)
{
    memset (&s_messages[i], 0, sizeof s_messages[i]);
    s_jobs[i].message = NULL;
    const zloom_worker_job_t *next = zloom_worker_keys_leave (s_keys, &s_jobs[i], acked, &s_back);
    return next ? (int) next->id : -1;
}

/* The next one that has to go back, -1: none. */
static int
s_back_next (void)
{
    const zloom_worker_job_t *job = zloom_worker_jobs_take (&s_back);
    return job ? (int) job->id : -1;
}

static void
test_the_first_of_a_key_starts_and_others_wait (void **state)
{
    (void) state;
    assert_true (s_enter (0, "a"));
    assert_false (s_enter (1, "a"));
    assert_false (s_enter (2, "a"));
    assert_int_equal (zloom_worker_keys_waiting (s_keys), 2);
    assert_int_equal (s_leave (0, true), 1);
    assert_int_equal (s_leave (1, true), 2);
    assert_int_equal (zloom_worker_keys_waiting (s_keys), 0);
    assert_int_equal (s_leave (2, true), -1);
    assert_int_equal (s_back_next (), -1);
    assert_true (s_enter (3, "a"));
    assert_int_equal (s_leave (3, true), -1);
}

static void
test_other_keys_go_on (void **state)
{
    (void) state;
    assert_true (s_enter (0, "a"));
    assert_true (s_enter (1, "b"));
    assert_false (s_enter (2, "a"));
    assert_true (s_enter (3, "aa"));
    assert_true (s_enter (4, "")); /* an empty key is a key */
    assert_false (s_enter (5, ""));
    assert_int_equal (s_leave (1, true), -1);
    assert_int_equal (s_leave (4, true), 5);
    assert_int_equal (s_leave (3, false), -1);
    assert_int_equal (s_leave (5, true), -1);
    assert_int_equal (s_leave (0, true), 2);
    assert_int_equal (s_leave (2, true), -1);
}

static void
test_a_failure_sends_back_what_is_behind_it (void **state)
{
    (void) state;
    assert_true (s_enter (0, "a"));
    assert_false (s_enter (1, "a"));
    assert_true (s_enter (2, "b"));
    assert_false (s_enter (3, "a"));
    assert_false (s_enter (4, "b"));
    assert_int_equal (s_leave (0, false), -1);
    assert_int_equal (s_back_next (), 1);
    assert_int_equal (s_back_next (), 3);
    assert_int_equal (s_back_next (), -1);
    assert_int_equal (zloom_worker_keys_waiting (s_keys), 1);
    /* Those that went back are nobody's any more: settling them changes nothing. */
    assert_int_equal (s_leave (1, false), -1);
    assert_int_equal (s_leave (3, false), -1);
    assert_int_equal (s_back_next (), -1);
    assert_int_equal (s_leave (2, true), 4);
    assert_int_equal (s_leave (4, true), -1);
}

/* The router hands the key out anew while nothing of it is left here. */
static void
test_a_key_that_failed_begins_again (void **state)
{
    (void) state;
    assert_true (s_enter (0, "a"));
    assert_false (s_enter (1, "a"));
    assert_int_equal (s_leave (0, false), -1);
    assert_int_equal (s_back_next (), 1);
    assert_true (s_enter (2, "a"));
    assert_false (s_enter (3, "a"));
    assert_int_equal (s_leave (2, true), 3);
    assert_int_equal (s_leave (3, true), -1);
}

static void
test_keys_of_two_flows_are_two (void **state)
{
    (void) state;
    assert_true (s_enter_of (1, 0, "a"));
    assert_true (s_enter_of (2, 1, "a"));
    assert_false (s_enter_of (2, 2, "a"));
    assert_int_equal (s_leave (0, true), -1);
    assert_int_equal (s_leave (1, true), 2);
    assert_int_equal (s_leave (2, true), -1);
}

static void
test_without_a_key_there_is_no_order (void **state)
{
    (void) state;
    assert_true (s_enter (0, NULL));
    assert_true (s_enter (1, NULL));
    assert_int_equal (s_leave (0, false), -1);
    assert_int_equal (s_leave (1, true), -1);
    assert_int_equal (s_back_next (), -1);
}

/* A drain: what has begun is finished, what stands in line goes back; then the lines are gone. */
static void
test_lines_can_be_emptied (void **state)
{
    (void) state;
    assert_true (s_enter (0, "a"));
    assert_false (s_enter (1, "a"));
    assert_true (s_enter (2, "b"));
    assert_false (s_enter (3, "b"));
    zloom_worker_keys_empty (s_keys, &s_back);
    assert_int_equal (s_back_next (), 1);
    assert_int_equal (s_back_next (), 3);
    assert_int_equal (s_back_next (), -1);
    assert_int_equal (zloom_worker_keys_waiting (s_keys), 0);
    assert_false (s_enter (4, "a")); /* the first of it is still at work */
    assert_int_equal (s_leave (0, true), 4);
    assert_int_equal (s_leave (4, true), -1);
    assert_int_equal (s_leave (2, true), -1);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_the_first_of_a_key_starts_and_others_wait, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_other_keys_go_on, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_failure_sends_back_what_is_behind_it, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_key_that_failed_begins_again, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_keys_of_two_flows_are_two, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_without_a_key_there_is_no_order, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_lines_can_be_emptied, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
