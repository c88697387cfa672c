/* SPDX-License-Identifier: MPL-2.0 */
/* One line in, one line out: the good child, and each kind of bad one. */
#include "base/memory.h"
#include "host.h"

static const char *const s_outs[] = {"out"};

static void
s_open (host_t *host, const char *const *argv)
{
    host_open (host, zloom_carrier_lines_new, argv, s_outs, 1);
    assert_int_equal (host->carrier->ops->start (host->carrier), ZLOOM_OK);
}

static void
lines_come_back_in_order (void **state)
{
    (void) state;
    const char *const argv[] = {"sed", "-u", "s/^/got /; s/^got skip$//", NULL};
    host_t host;
    s_open (&host, argv);
    host_give (&host, "one");
    host_give (&host, "skip");
    host_give (&host, "");
    host_until (&host, &host.done, 3);
    host_told (&host, "done 1 ack [got one], done 2 ack, done 3 ack [got ], ");
    assert_int_equal (host.starts, 3);
    host_close (&host);
}

static void
input_is_closed_and_the_child_ends (void **state)
{
    (void) state;
    const char *const argv[] = {"cat", NULL};
    host_t host;
    s_open (&host, argv);
    host_give (&host, "one");
    host_until (&host, &host.done, 1);
    host.carrier->ops->close (host.carrier);
    host_until (&host, &host.crashes, 1);
    assert_true (host.asked);
    assert_true (host.served);
    assert_int_equal (host.end.exit, 0);
    assert_true (host.carrier->ops->closed (host.carrier));
    host_close (&host);
}

static void
a_newline_cannot_be_carried (void **state)
{
    (void) state;
    const char *const argv[] = {"cat", NULL};
    host_t host;
    s_open (&host, argv);
    host_give (&host, "two\nlines");
    assert_int_equal (host.done, 1);
    assert_non_null (strstr (zloom_buf_text (&host.told), "done 1 reject (its body has a newline"));
    host_close (&host);
}

/* It reads the first line, then dies: that one is charged, what it had not read is not. */
static void
a_crash_charges_what_was_read (void **state)
{
    (void) state;
    const char *const argv[] = {
      "/usr/bin/python3", "-c",
      "import os, sys; os.read(0, 4); sys.stderr.write('oh no\\n'); os._exit(3)", NULL};
    host_t host;
    s_open (&host, argv);
    host_give (&host, "abc");
    host_give (&host, "def");
    host_until (&host, &host.crashes, 1);
    host_told (&host, "crashed 1 1, ");
    assert_int_equal (host.end.exit, 3);
    assert_string_equal (zloom_buf_text (&host.ended), "exit code 3: oh no");
    assert_false (host.asked);
    host_close (&host);
}

static void
one_that_dies_unread_charges_nobody (void **state)
{
    (void) state;
    const char *const argv[] = {"sh", "-c", "kill -9 $$", NULL};
    host_t host;
    s_open (&host, argv);
    host_give (&host, "abc");
    host_until (&host, &host.crashes, 1);
    host_told (&host, "crashed 0 1, ");
    assert_int_equal (host.end.signal, 9);
    host_close (&host);
}

/* After an end the same carrier starts another child. */
static void
a_child_is_started_again (void **state)
{
    (void) state;
    const char *const argv[] = {"sed", "-u", "1q", NULL};
    host_t host;
    s_open (&host, argv);
    host_give (&host, "one");
    host_until (&host, &host.crashes, 1);
    assert_int_equal (host.carrier->ops->start (host.carrier), ZLOOM_OK);
    host_give (&host, "two");
    host_until (&host, &host.crashes, 2);
    host_told (&host, "done 1 ack [one], crashed 0 0, done 2 ack [two], crashed 0 0, ");
    host_close (&host);
}

static void
garbage_ends_the_child (void **state)
{
    (void) state;
    const char *const argv[] = {"sh", "-c", "echo hello; echo hello; cat", NULL};
    host_t host;
    s_open (&host, argv);
    host_until (&host, &host.crashes, 1);
    host_told (&host, "crashed 0 0, ");
    assert_non_null (strstr (zloom_buf_text (&host.ended), "a line that no message had asked for"));
    host_close (&host);
}

static void
an_answer_has_a_greatest_length (void **state)
{
    (void) state;
    const char *const argv[] = {"sh", "-c",
                                "read x; head -c 5000000 /dev/zero | tr '\\0' x; echo; cat", NULL};
    host_t host;
    s_open (&host, argv);
    host_give (&host, "one");
    host_until (&host, &host.done, 1);
    host_told (&host, "done 1 retry (its answer is longer than a message may be), ");
    host_close (&host);
}

/* More than a pipe holds goes to one that never reads: nothing blocks, nothing is charged. */
static void
one_that_never_reads_does_not_block (void **state)
{
    (void) state;
    const char *const argv[] = {"sleep", "1000", NULL};
    host_t host;
    s_open (&host, argv);
    size_t size = 1000000;
    char *body = malloc (size);
    assert_non_null (body);
    memset (body, 'x', size);
    host.carrier->ops->give (host.carrier, host_job (&host, body, size));
    host.carrier->ops->flush (host.carrier);
    assert_int_equal (host.carrier->ops->room (host.carrier), 0);
    assert_int_equal (host.starts, 0);
    assert_int_equal (host.runs, 1);
    assert_string_equal (host.carrier->ops->hint (host.carrier),
                         "it does not read its standard input");
    host.carrier->ops->abort (host.carrier, &host.jobs[0]);
    host_until (&host, &host.crashes, 1);
    host_told (&host, "crashed 0 1, ");
    assert_true (host.asked);
    free (body);
    host_close (&host);
}

static void
one_that_never_writes_gets_a_hint (void **state)
{
    (void) state;
    const char *const argv[] = {"sh", "-c", "cat > /dev/null", NULL};
    host_t host;
    s_open (&host, argv);
    host_give (&host, "one");
    while (host.starts == 0) {
        host.carrier->ops->pump (host.carrier);
    }
    assert_non_null (strstr (host.carrier->ops->hint (host.carrier), "is its output buffered?"));
    host_close (&host);
}

/* What it leaves behind keeps its pipes open; it has ended all the same. */
static void
one_that_forks_is_over_when_it_ends (void **state)
{
    (void) state;
    const char *const argv[] = {"sh", "-c", "sleep 1000 & read x; echo done; exit 7", NULL};
    host_t host;
    s_open (&host, argv);
    host_give (&host, "one");
    host_until (&host, &host.crashes, 1);
    host_told (&host, "done 1 ack [done], crashed 0 0, ");
    assert_int_equal (host.end.exit, 7);
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
    host_until (&host, &host.crashes, 1);
    assert_int_equal (host.fatals, 1);
    assert_non_null (strstr (zloom_buf_text (&host.told),
                             "fatal NO_PROGRAM '/nowhere/at-all' cannot be run: No such file"));
    assert_non_null (strstr (zloom_buf_text (&host.told), "crashed 0 1, "));
    host_close (&host);
}

static void
a_terminal_makes_a_child_write_line_by_line (void **state)
{
    (void) state;
    /* sed without -u holds its output back unless it is a terminal. */
    const char *const argv[] = {"sed", "s/^/got /", NULL};
    host_t host;
    host_open (&host, zloom_carrier_lines_new, argv, s_outs, 1);
    host.config.tty = true;
    assert_int_equal (host.carrier->ops->start (host.carrier), ZLOOM_OK);
    host_give (&host, "one");
    host_until (&host, &host.done, 1);
    host_told (&host, "done 1 ack [got one], ");
    host_close (&host);
}

/* In raw mode: no echo, no translation of line ends, nothing is cut, nothing is a control key. */
static void
a_terminal_changes_nothing (void **state)
{
    (void) state;
    const char *const argv[] = {
      "/usr/bin/python3", "-c",
      "import os, sys\n"
      "for line in sys.stdin.buffer:\n"
      "    what = b'terminal' if os.isatty(1) and not os.isatty(0) else b'pipe'\n"
      "    sys.stdout.buffer.write(what + line)\n",
      NULL};
    host_t host;
    host_open (&host, zloom_carrier_lines_new, argv, s_outs, 1);
    host.config.tty = true;
    assert_int_equal (host.carrier->ops->start (host.carrier), ZLOOM_OK);
    host_give (&host, "a\r\t\x03\x04\x1a\x7f\xc3\xa4");
    host_until (&host, &host.done, 1);
    host_told (&host, "done 1 ack [terminala\r\t\x03\x04\x1a\x7f\xc3\xa4], ");
    zloom_buf_clear (&host.told);
    char *body = zloom_alloc (100001); /* far beyond a terminal's own line and buffer */
    memset (body, 'x', 100000);
    host_give (&host, body);
    host_until (&host, &host.done, 2);
    char *told = zloom_format ("done 2 ack [terminal%s], ", body);
    host_told (&host, told);
    free (told);
    free (body);
    host_close (&host);
}

static void
an_answer_may_be_limited (void **state)
{
    (void) state;
    const char *const argv[] = {"sed", "-u", "s/^/more /", NULL};
    host_t host;
    host_open (&host, zloom_carrier_lines_new, argv, s_outs, 1);
    host.config.limits.answer_bytes = 8;
    assert_int_equal (host.carrier->ops->start (host.carrier), ZLOOM_OK);
    host_give (&host, "one");
    host_give (&host, "four");
    host_until (&host, &host.done, 2);
    host_told (&host, "done 1 ack [more one], "
                      "done 2 retry (its answer is longer than 8 (limits.answer)), ");
    host_close (&host);
}

static void
without_an_out_flow_a_line_is_an_ack (void **state)
{
    (void) state;
    const char *const argv[] = {"cat", NULL};
    host_t host;
    host_open (&host, zloom_carrier_lines_new, argv, NULL, 0);
    assert_int_equal (host.carrier->ops->start (host.carrier), ZLOOM_OK);
    host_give (&host, "one");
    host_until (&host, &host.done, 1);
    host_told (&host, "done 1 ack, ");
    host_close (&host);
}

int
main (void)
{
    sigset_t mask;
    zloom_sigpipe_block (&mask);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (lines_come_back_in_order),
      cmocka_unit_test (input_is_closed_and_the_child_ends),
      cmocka_unit_test (a_newline_cannot_be_carried),
      cmocka_unit_test (a_crash_charges_what_was_read),
      cmocka_unit_test (one_that_dies_unread_charges_nobody),
      cmocka_unit_test (a_child_is_started_again),
      cmocka_unit_test (garbage_ends_the_child),
      cmocka_unit_test (an_answer_has_a_greatest_length),
      cmocka_unit_test (one_that_never_reads_does_not_block),
      cmocka_unit_test (one_that_never_writes_gets_a_hint),
      cmocka_unit_test (one_that_forks_is_over_when_it_ends),
      cmocka_unit_test (a_program_that_is_not_there_is_fatal),
      cmocka_unit_test (a_terminal_makes_a_child_write_line_by_line),
      cmocka_unit_test (a_terminal_changes_nothing),
      cmocka_unit_test (an_answer_may_be_limited),
      cmocka_unit_test (without_an_out_flow_a_line_is_an_ack),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
