/* SPDX-License-Identifier: MPL-2.0 */
/* A child with its pipes: what it reads, says and leaves unread. */
#include "io/program.h"

#include "base/clock.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    int epoll_fd;
    zloom_program_t *program;
    zloom_buf_t output;
    zloom_buf_t said;
} s_run_t;

static void
s_output (void *arg, zloom_bytes_t chunk)
{
    s_run_t *run = arg;
    zloom_buf_add_bytes (&run->output, chunk);
}

static void
s_said (void *arg, zloom_bytes_t line)
{
    s_run_t *run = arg;
    zloom_buf_printf (&run->said, "%.*s|", (int) line.size, (const char *) line.data);
}

static void
s_start (s_run_t *run, const char *line, int input_fd, int output_fd)
{
    *run = (s_run_t){.epoll_fd = epoll_create1 (EPOLL_CLOEXEC)};
    assert_true (run->epoll_fd >= 0);
    const char *const argv[] = {"sh", "-c", line, NULL};
    zloom_program_config_t config = {.argv = argv,
                                     .input_fd = input_fd,
                                     .output_fd = output_fd,
                                     .output = s_output,
                                     .said = s_said,
                                     .arg = run};
    assert_int_equal (zloom_program_start (&config, run->epoll_fd, &run->program), ZLOOM_OK);
}

static void
s_pump (s_run_t *run)
{
    int64_t end_ns = zloom_clock_now ().mono_ns + 20 * ZLOOM_NS_PER_S;
    while (!zloom_program_pump (run->program)) {
        struct pollfd item = {.fd = run->epoll_fd, .events = POLLIN};
        assert_true (poll (&item, 1, 1000) >= 0);
        assert_true (zloom_clock_now ().mono_ns < end_ns);
    }
}

static void
s_finish (s_run_t *run)
{
    zloom_program_destroy (&run->program);
    assert_null (run->program);
    zloom_buf_fini (&run->output);
    zloom_buf_fini (&run->said);
    close (run->epoll_fd);
}

static void
bytes_go_in_and_come_out (void **state)
{
    (void) state;
    s_run_t run;
    s_start (&run, "cat; echo one >&2; echo two >&2; exit 3", 0, 1);
    zloom_program_write (run.program, zloom_bytes_text ("hello"));
    zloom_program_close_input (run.program);
    s_pump (&run);
    zloom_child_end_t end;
    zloom_program_end (run.program, &end);
    assert_int_equal (end.exit, 3);
    assert_string_equal (zloom_buf_text (&run.output), "hello");
    assert_string_equal (zloom_buf_text (&run.said), "one|two|");
    zloom_buf_t tail = {0};
    zloom_program_tail (run.program, &tail);
    assert_string_equal (zloom_buf_text (&tail), "one\ntwo");
    zloom_buf_fini (&tail);
    assert_int_equal (zloom_program_written (run.program), 5);
    assert_int_equal (zloom_program_answered (run.program), 5);
    s_finish (&run);
}

static void
other_descriptors_leave_stdout_to_people (void **state)
{
    (void) state;
    s_run_t run;
    s_start (&run, "cat <&3 >&4; echo people", 3, 4);
    zloom_program_write (run.program, zloom_bytes_text ("frames"));
    zloom_program_close_input (run.program);
    s_pump (&run);
    assert_string_equal (zloom_buf_text (&run.output), "frames");
    assert_string_equal (zloom_buf_text (&run.said), "people|");
    s_finish (&run);
}

/* Who waits on the set is told once that the child began, and sleeps until it says something. */
static void
one_that_runs_and_is_quiet_lets_sleep (void **state)
{
    (void) state;
    s_run_t run;
    s_start (&run, "cat", 0, 1);
    struct pollfd item = {.fd = run.epoll_fd, .events = POLLIN};
    for (size_t sent = 1; sent <= 2; sent++) {
        zloom_program_write (run.program, zloom_bytes_text ("x"));
        while (run.output.size < sent) {
            assert_int_equal (poll (&item, 1, 20000), 1);
            assert_false (zloom_program_pump (run.program));
        }
        assert_true (zloom_program_begun (run.program));
        assert_false (zloom_program_pump (run.program));
        assert_int_equal (poll (&item, 1, 0), 0);
    }
    zloom_program_close_input (run.program);
    s_pump (&run);
    s_finish (&run);
}

/* More than a pipe holds: the rest waits here, and all of it is counted as unread. */
static void
what_is_not_read_is_counted (void **state)
{
    (void) state;
    s_run_t run;
    s_start (&run, "dd bs=1000 count=3 of=/dev/null 2> /dev/null; echo; exec sleep 1000", 0, 1);
    size_t size = 300000;
    char *bytes = calloc (1, size);
    assert_non_null (bytes);
    zloom_program_write (run.program, zloom_bytes (bytes, size));
    free (bytes);
    int64_t end_ns = zloom_clock_now ().mono_ns + 20 * ZLOOM_NS_PER_S;
    while (run.output.size == 0) {
        assert_false (zloom_program_pump (run.program));
        assert_true (zloom_clock_now ().mono_ns < end_ns);
    }
    assert_int_equal (zloom_program_unread (run.program), size - 3000);
    zloom_program_signal (run.program, SIGKILL);
    s_pump (&run);
    /* Also when nobody can read it any more, and when more is written to the dead one. */
    assert_int_equal (zloom_program_unread (run.program), size - 3000);
    zloom_program_write (run.program, zloom_bytes_text ("more"));
    assert_int_equal (zloom_program_unread (run.program), size - 3000 + 4);
    s_finish (&run);
}

/* A grandchild that has left the group and holds the pipes does not keep it from being over. */
static void
a_grandchild_is_not_waited_for (void **state)
{
    (void) state;
    s_run_t run;
    s_start (&run, "setsid sleep 3 & echo done", 0, 1);
    int64_t start_ns = zloom_clock_now ().mono_ns;
    s_pump (&run);
    assert_string_equal (zloom_buf_text (&run.output), "done\n");
    assert_true (zloom_clock_now ().mono_ns - start_ns < 2 * ZLOOM_NS_PER_S);
    s_finish (&run);
}

static void
all_that_was_written_before_the_end_is_read (void **state)
{
    (void) state;
    s_run_t run;
    s_start (&run, "head -c 60000 /dev/zero; exit 0", 0, 1);
    zloom_child_end_t end;
    s_pump (&run);
    zloom_program_end (run.program, &end);
    assert_int_equal (end.exit, 0);
    assert_int_equal (run.output.size, 60000);
    s_finish (&run);
}

static void
a_blocked_sigpipe_is_dropped (void **state)
{
    (void) state;
    sigset_t saved;
    sigset_t pending;
    zloom_sigpipe_block (&saved);
    assert_int_equal (raise (SIGPIPE), 0);
    assert_int_equal (sigpending (&pending), 0);
    assert_true (sigismember (&pending, SIGPIPE));
    sigset_t open = saved;
    sigdelset (&open, SIGPIPE);
    zloom_sigpipe_restore (&open);
    assert_int_equal (sigpending (&pending), 0);
    assert_false (sigismember (&pending, SIGPIPE));
    zloom_sigpipe_block (&saved);
}

int
main (void)
{
    sigset_t mask;
    zloom_sigpipe_block (&mask);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (bytes_go_in_and_come_out),
      cmocka_unit_test (other_descriptors_leave_stdout_to_people),
      cmocka_unit_test (one_that_runs_and_is_quiet_lets_sleep),
      cmocka_unit_test (what_is_not_read_is_counted),
      cmocka_unit_test (a_grandchild_is_not_waited_for),
      cmocka_unit_test (all_that_was_written_before_the_end_is_read),
      cmocka_unit_test (a_blocked_sigpipe_is_dropped),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
