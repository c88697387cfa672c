/* SPDX-License-Identifier: MPL-2.0 */
#include <signal.h>

#include "net/control.h"
#include "unit/net/place.h"

static void
test_the_first_byte_drains_the_second_ends (void **state)
{
    (void) state;
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0); /* blocking on purpose */
    zloom_stop_t stop;
    zloom_stop_init (&stop, ends[0]);
    assert_int_equal (zloom_stop_read (&stop), ZLOOM_STOP_NO);
    assert_int_equal (zloom_stop_fd (&stop), ends[0]);
    assert_int_equal (write (ends[1], "\n", 1), 1);
    assert_int_equal (zloom_stop_read (&stop), ZLOOM_STOP_DRAIN);
    assert_int_equal (zloom_stop_read (&stop), ZLOOM_STOP_DRAIN);
    assert_int_equal (write (ends[1], "\n", 1), 1);
    assert_int_equal (zloom_stop_read (&stop), ZLOOM_STOP_NOW);
    assert_int_equal (zloom_stop_fd (&stop), -1);
    close (ends[0]);
    close (ends[1]);
}

static void
test_the_end_of_the_descriptor_drains_only (void **state)
{
    (void) state;
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    zloom_stop_t stop;
    zloom_stop_init (&stop, ends[0]);
    close (ends[1]);
    assert_int_equal (zloom_stop_read (&stop), ZLOOM_STOP_DRAIN);
    assert_int_equal (zloom_stop_read (&stop), ZLOOM_STOP_DRAIN);
    assert_int_equal (zloom_stop_fd (&stop), -1);
    close (ends[0]);
    zloom_stop_init (&stop, -1);
    assert_int_equal (zloom_stop_read (&stop), ZLOOM_STOP_NO);
}

static void
test_ready_is_one_newline (void **state)
{
    (void) state;
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC | O_NONBLOCK), 0);
    zloom_ready_tell (ends[1]);
    char bytes[4];
    assert_int_equal (read (ends[0], bytes, sizeof bytes), 1);
    assert_int_equal (bytes[0], '\n');
    close (ends[0]);
    void (*before) (int) = signal (SIGPIPE, SIG_IGN);
    zloom_ready_tell (ends[1]); /* nobody listens any more */
    signal (SIGPIPE, before);
    close (ends[1]);
    zloom_ready_tell (-1);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_the_first_byte_drains_the_second_ends),
      cmocka_unit_test (test_the_end_of_the_descriptor_drains_only),
      cmocka_unit_test (test_ready_is_one_newline),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
