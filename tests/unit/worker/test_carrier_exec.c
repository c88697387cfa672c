/* SPDX-License-Identifier: MPL-2.0 */
/* A process a message: body in, emit out, exit codes to verdicts. */
#include "host.h"

static const char *const s_outs[] = {"out"};

static void
s_open (host_t *host, const char *const *argv)
{
    host_open (host, zloom_carrier_exec_new, argv, s_outs, 1);
    assert_int_equal (host->carrier->ops->start (host->carrier), ZLOOM_OK);
}

/* Run one message through a line of shell. */
static void
s_shell (host_t *host, const char *line, const char *body)
{
    const char *const argv[] = {"sh", "-c", line, NULL};
    s_open (host, argv);
    host_give (host, body);
    host_until (host, &host->done, 1);
}

static void
output_is_the_emit (void **state)
{
    (void) state;
    host_t host;
    s_shell (&host, "tr a-z A-Z", "two\nlines");
    host_told (&host, "done 1 ack [TWO\nLINES], ");
    assert_int_equal (host.starts, 1);
    assert_int_equal (host.runs, 1);
    host_close (&host);
}

static void
no_output_is_no_emit (void **state)
{
    (void) state;
    host_t host;
    s_shell (&host, "cat > /dev/null", "body");
    host_told (&host, "done 1 ack, ");
    host_close (&host);
}

static void
exit_codes_are_verdicts (void **state)
{
    (void) state;
    host_t host;
    s_shell (&host, "echo ignored; echo later >&2; exit 75", "");
    host_told (&host, "done 1 retry (later), ");
    host_close (&host);
    s_shell (&host, "echo never >&2; exit 65", "");
    host_told (&host, "done 1 reject (never), ");
    host_close (&host);
    s_shell (&host, "exit 1", "");
    host_told (&host, "done 1 retry, ");
    host_close (&host);
    s_shell (&host, "kill -9 $$", "");
    host_told (&host, "done 1 retry, ");
    host_close (&host);
}

static void
the_environment_describes_the_message (void **state)
{
    (void) state;
    const char *const argv[] = {
      "sh", "-c", "echo -n \"$ZLOOM_FLOW,$ZLOOM_KEY,$ZLOOM_TOPIC,$ZLOOM_ATTEMPT,$ZLOOM_ID\"", NULL};
    host_t host;
    s_open (&host, argv);
    zloom_worker_job_t *job = host_job (&host, "", 0);
    host.messages[0].key = "k1";
    host.messages[0].key_size = 2;
    host.messages[0].attempt = 2;
    host.carrier->ops->give (host.carrier, job);
    host_until (&host, &host.done, 1);
    host_told (&host, "done 1 ack [in,k1,,3,shop/1], ");
    host_close (&host);
}

/* A body larger than a pipe, to one that reads nothing of it and answers all the same. */
static void
one_that_never_reads_does_not_block (void **state)
{
    (void) state;
    const char *const argv[] = {"echo", "-n", "hello", NULL};
    host_t host;
    s_open (&host, argv);
    size_t size = 1000000;
    char *body = malloc (size);
    assert_non_null (body);
    memset (body, 'x', size);
    host.carrier->ops->give (host.carrier, host_job (&host, body, size));
    host_until (&host, &host.done, 1);
    host_told (&host, "done 1 ack [hello], ");
    free (body);
    host_close (&host);
}

static void
output_has_a_limit (void **state)
{
    (void) state;
    host_t host;
    s_shell (&host, "cat /dev/zero", "");
    host_told (&host, "done 1 retry (its answer is longer than a message may be), ");
    host_close (&host);
}

static void
several_run_side_by_side (void **state)
{
    (void) state;
    const char *const argv[] = {"cat", NULL};
    host_t host;
    s_open (&host, argv);
    size_t room = host.carrier->ops->room (host.carrier);
    assert_true (room > 1);
    for (size_t i = 0; i < room; i++) {
        host_give (&host, "x");
    }
    assert_int_equal (host.carrier->ops->room (host.carrier), 0);
    host_until (&host, &host.done, room);
    assert_int_equal (host.carrier->ops->room (host.carrier), room);
    assert_true (host.carrier->ops->closed (host.carrier));
    host_close (&host);
}

static void
one_that_hangs_is_ended_alone (void **state)
{
    (void) state;
    const char *const argv[] = {"sh", "-c", "read x; test $x = fine || exec sleep 1000", NULL};
    host_t host;
    s_open (&host, argv);
    host_give (&host, "hang\n");
    host_give (&host, "fine\n");
    host_until (&host, &host.done, 1);
    host_told (&host, "done 2 ack, ");
    host.jobs[0].expired = true;
    host.carrier->ops->abort (host.carrier, &host.jobs[0]);
    host_until (&host, &host.done, 2);
    host_told (&host, "done 2 ack, done 1 retry, ");
    host_close (&host);
}

/* What it leaves running in its group is ended; what it wrote counts. */
static void
one_that_forks_is_over_when_it_ends (void **state)
{
    (void) state;
    host_t host;
    s_shell (&host, "sleep 1000 & echo -n done", "");
    host_told (&host, "done 1 ack [done], ");
    host_close (&host);
}

static void
a_program_that_is_not_there_is_fatal (void **state)
{
    (void) state;
    const char *const argv[] = {"/nowhere/at-all", NULL};
    host_t host;
    s_open (&host, argv);
    host_give (&host, "one");
    host_until (&host, &host.done, 1);
    assert_int_equal (host.fatals, 1);
    assert_non_null (strstr (zloom_buf_text (&host.told), "done 1 release, "));
    host_close (&host);
    s_shell (&host, "exec nowhere-at-all", "");
    assert_int_equal (host.fatals, 1);
    assert_non_null (strstr (zloom_buf_text (&host.told), "(not found)"));
    host_close (&host);
}

int
main (void)
{
    sigset_t mask;
    zloom_sigpipe_block (&mask);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (output_is_the_emit),
      cmocka_unit_test (no_output_is_no_emit),
      cmocka_unit_test (exit_codes_are_verdicts),
      cmocka_unit_test (the_environment_describes_the_message),
      cmocka_unit_test (one_that_never_reads_does_not_block),
      cmocka_unit_test (output_has_a_limit),
      cmocka_unit_test (several_run_side_by_side),
      cmocka_unit_test (one_that_hangs_is_ended_alone),
      cmocka_unit_test (one_that_forks_is_over_when_it_ends),
      cmocka_unit_test (a_program_that_is_not_there_is_fatal),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
