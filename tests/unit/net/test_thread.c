/* SPDX-License-Identifier: MPL-2.0 */
#include <signal.h>

#include "net/control.h"
#include "net/thread.h"
#include "unit/net/place.h"

typedef struct {
    zloom_err_t fails; /* OK: serve until told to leave at once */
    int signals;       /* that it could take */
} work_t;

static zloom_err_t
s_run (void *arg, int ready_fd, int stop_fd)
{
    work_t *work = arg;
    sigset_t mask;
    assert_int_equal (pthread_sigmask (SIG_SETMASK, NULL, &mask), 0);
    work->signals = !sigismember (&mask, SIGTERM) + !sigismember (&mask, SIGUSR1);
    if (work->fails != ZLOOM_OK) {
        return zloom_fail (work->fails, "the disk is away");
    }
    zloom_ready_tell (ready_fd);
    zloom_stop_t stop;
    zloom_stop_init (&stop, stop_fd);
    while (zloom_stop_read (&stop) != ZLOOM_STOP_NOW) {
        struct pollfd wait = {.fd = zloom_stop_fd (&stop), .events = POLLIN};
        (void) poll (&wait, 1, 5000);
    }
    return ZLOOM_OK;
}

static void
s_expect (zloom_thread_t *thread, zloom_thread_news_t news)
{
    struct pollfd wait = {.fd = zloom_thread_fd (thread), .events = POLLIN};
    assert_int_equal (poll (&wait, 1, 10000), 1);
    assert_int_equal (zloom_thread_hear (thread), news);
}

static void
test_it_says_that_it_serves_and_stops_when_asked (void **state)
{
    (void) state;
    work_t work = {.fails = ZLOOM_OK};
    zloom_thread_t *thread = NULL;
    assert_int_equal (zloom_thread_start (s_run, &work, &thread), ZLOOM_OK);
    s_expect (thread, ZLOOM_THREAD_READY);
    assert_int_equal (zloom_thread_hear (thread), ZLOOM_THREAD_NOTHING);
    zloom_thread_ask (thread);
    zloom_thread_ask (thread);
    s_expect (thread, ZLOOM_THREAD_ENDED);
    s_expect (thread, ZLOOM_THREAD_ENDED); /* its end stays to be seen */
    assert_int_equal (zloom_thread_join (&thread), ZLOOM_OK);
    assert_null (thread);
}

static void
test_its_error_and_note_come_to_who_joins (void **state)
{
    (void) state;
    work_t work = {.fails = ZLOOM_DISK};
    zloom_thread_t *thread = NULL;
    assert_int_equal (zloom_thread_start (s_run, &work, &thread), ZLOOM_OK);
    s_expect (thread, ZLOOM_THREAD_ENDED);
    assert_int_equal (zloom_thread_join (&thread), ZLOOM_DISK);
    assert_string_equal (zloom_note (), "the disk is away");
}

static void
test_signals_of_the_program_are_not_for_it (void **state)
{
    (void) state;
    sigset_t before;
    sigset_t after;
    work_t work = {.fails = ZLOOM_DISK};
    zloom_thread_t *thread = NULL;
    assert_int_equal (pthread_sigmask (SIG_SETMASK, NULL, &before), 0);
    assert_int_equal (zloom_thread_start (s_run, &work, &thread), ZLOOM_OK);
    assert_int_equal (zloom_thread_join (&thread), ZLOOM_DISK);
    assert_int_equal (work.signals, 0);
    assert_int_equal (pthread_sigmask (SIG_SETMASK, NULL, &after), 0);
    assert_int_equal (sigismember (&after, SIGTERM), sigismember (&before, SIGTERM));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_it_says_that_it_serves_and_stops_when_asked),
      cmocka_unit_test (test_its_error_and_note_come_to_who_joins),
      cmocka_unit_test (test_signals_of_the_program_are_not_for_it),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
