/* SPDX-License-Identifier: MPL-2.0 */
/* A function of the program as a handler: verdicts, emits, time that is over, and its end. */
#include <sched.h>
#include <stdatomic.h>

#include "host.h"
#include "wire/limits.h"

static const char *const s_outs[] = {"out", "more"};

typedef struct {
    zloom_node_actor_t actor;
    atomic_size_t begun;
    atomic_size_t ended;
    zloom_err_t errors[4];
} s_program_t;

static void
s_open (host_t *host, s_program_t *program, zloom_handler_fn *handle, size_t out_count)
{
    program->actor = (zloom_node_actor_t){.name = "work", .handle = handle, .arg = program};
    atomic_init (&program->begun, 0);
    atomic_init (&program->ended, 0);
    host_open (host, zloom_carrier_actor_new, NULL, s_outs, out_count);
    host->config.actor = &program->actor;
    assert_int_equal (host->carrier->ops->room (host->carrier), 0);
    assert_int_equal (host->carrier->ops->start (host->carrier), ZLOOM_OK);
    host_until_ready (host);
    assert_int_equal (host->carrier->ops->room (host->carrier), HOST_JOBS);
}

static zloom_outgoing_t
s_outgoing (const zloom_message_t *message)
{
    return (zloom_outgoing_t){.body = message->body, .body_size = message->body_size};
}

/* ---- verdicts and emits --------------------------------------------------------------------- */

/* The first letter of the body says what to do. */
static zloom_work_verdict_t
s_by_letter (void *arg, zloom_work_t *work, const zloom_message_t *message)
{
    s_program_t *program = arg;
    const zloom_outgoing_t out = s_outgoing (message);
    switch (((const char *) message->body)[0]) {
    case 'e':
        program->errors[0] = zloom_work_emit (work, NULL, &out);
        return ZLOOM_WORK_ACK;
    case 'n':
        program->errors[0] = zloom_work_emit (work, "more", &out);
        program->errors[1] = zloom_work_emit (work, "out", &out);
        program->errors[2] = zloom_work_emit (work, "nowhere", &out);
        return ZLOOM_WORK_ACK;
    case 'r':
        program->errors[0] = zloom_work_emit (work, NULL, &out);
        return ZLOOM_WORK_RETRY;
    case 'l':
        return zloom_work_retry (work, 1500, "later");
    case 'j':
        return zloom_work_reject (work, "never");
    case 'x':
        return (zloom_work_verdict_t) 7;
    default:
        return ZLOOM_WORK_ACK;
    }
}

static void
what_the_handler_returns_is_the_verdict (void **state)
{
    (void) state;
    host_t host;
    s_program_t program;
    s_open (&host, &program, s_by_letter, 1);
    static const char *const bodies[] = {"ack", "emit", "retry", "later", "j", "x"};
    for (size_t i = 0; i < 6; i++) {
        host_give (&host, bodies[i]);
    }
    host_until (&host, &host.done, 6);
    host_told (&host,
               "done 1 ack, done 2 ack [emit], done 3 retry, done 4 retry after 1500 (later), "
               "done 5 reject (never), "
               "done 6 retry (the handler returned 7, which is no verdict), ");
    assert_int_equal (host.starts, 6);
    assert_int_equal (host.runs, 6);
    host_close (&host);
}

static void
emits_go_to_the_flows_of_the_node (void **state)
{
    (void) state;
    host_t host;
    s_program_t program;
    s_open (&host, &program, s_by_letter, 2);
    host_give (&host, "named");
    host_until (&host, &host.done, 1);
    host_told (&host, "done 1 ack [named to more] [named to out], ");
    assert_int_equal (program.errors[0], ZLOOM_OK);
    assert_int_equal (program.errors[1], ZLOOM_OK);
    assert_int_equal (program.errors[2], ZLOOM_UNKNOWN_FLOW);
    host_give (&host, "e"); /* which of the two? */
    host_until (&host, &host.done, 2);
    assert_int_equal (program.errors[0], ZLOOM_UNKNOWN_FLOW);
    host_close (&host);
    s_open (&host, &program, s_by_letter, 0);
    host_give (&host, "e"); /* none at all */
    host_until (&host, &host.done, 1);
    assert_int_equal (program.errors[0], ZLOOM_UNKNOWN_FLOW);
    host_close (&host);
}

static zloom_work_verdict_t
s_too_much (void *arg, zloom_work_t *work, const zloom_message_t *message)
{
    s_program_t *program = arg;
    (void) message;
    char *large = calloc (1, ZLOOM_LIMIT_MESSAGE_BYTES + 1);
    assert_non_null (large);
    zloom_outgoing_t out = {.body = large, .body_size = ZLOOM_LIMIT_MESSAGE_BYTES + 1};
    program->errors[0] = zloom_work_emit (work, NULL, &out);
    out.body_size = ZLOOM_LIMIT_MESSAGE_BYTES;
    program->errors[1] = zloom_work_emit (work, NULL, &out);
    program->errors[2] = zloom_work_emit (work, NULL, &out); /* over a step's limit */
    free (large);
    const zloom_outgoing_t urgent = {.priority = 9}; /* without has_priority */
    program->errors[3] = zloom_work_emit (work, NULL, &urgent);
    return ZLOOM_WORK_RETRY;
}

static void
emits_have_limits (void **state)
{
    (void) state;
    host_t host;
    s_program_t program;
    s_open (&host, &program, s_too_much, 1);
    host_give (&host, "");
    host_until (&host, &host.done, 1);
    assert_int_equal (program.errors[0], ZLOOM_TOO_BIG);
    assert_int_equal (program.errors[1], ZLOOM_OK);
    assert_int_equal (program.errors[2], ZLOOM_TOO_BIG);
    assert_int_equal (program.errors[3], ZLOOM_INVALID);
    host_close (&host);
}

static void
messages_are_handled_in_order (void **state)
{
    (void) state;
    host_t host;
    s_program_t program;
    zloom_buf_t expected = {0};
    s_open (&host, &program, s_by_letter, 1);
    for (size_t i = 0; i < HOST_JOBS; i++) {
        host_give (&host, "a");
        zloom_buf_printf (&expected, "done %zu ack, ", i + 1);
    }
    host_until (&host, &host.done, HOST_JOBS);
    host_told (&host, zloom_buf_text (&expected));
    assert_int_equal (host.carrier->ops->room (host.carrier), HOST_JOBS);
    zloom_buf_fini (&expected);
    host_close (&host);
}

/* ---- time ----------------------------------------------------------------------------------- */

/* Says that it is still at it, and goes on until it is too late. */
static zloom_work_verdict_t
s_until_late (void *arg, zloom_work_t *work, const zloom_message_t *message)
{
    s_program_t *program = arg;
    (void) message;
    atomic_fetch_add (&program->begun, 1);
    zloom_work_progress (work, 700);
    while (!zloom_work_late (work)) {
        (void) sched_yield ();
    }
    atomic_fetch_add (&program->ended, 1);
    return ZLOOM_WORK_ACK;
}

static void
a_handler_sees_that_its_time_is_over (void **state)
{
    (void) state;
    host_t host;
    s_program_t program;
    s_open (&host, &program, s_until_late, 1);
    host_give (&host, "slow");
    host_until (&host, &host.progress, 1);
    assert_int_equal (host.runs, 1);
    assert_string_equal (host.carrier->ops->hint (host.carrier),
                         "its handler has not returned yet");
    host.carrier->ops->abort (host.carrier, &host.jobs[0]);
    host_until (&host, &host.done, 1);
    host_told (&host, "progress 1 700, done 1 ack, ");
    host_close (&host);
}

/* A flood of progress fills no socket: one is under way at a time. */
static zloom_work_verdict_t
s_flood (void *arg, zloom_work_t *work, const zloom_message_t *message)
{
    (void) arg;
    (void) message;
    for (int i = 0; i < 200000; i++) {
        zloom_work_progress (work, i);
    }
    return ZLOOM_WORK_ACK;
}

static void
progress_costs_nothing (void **state)
{
    (void) state;
    host_t host;
    s_program_t program;
    s_open (&host, &program, s_flood, 1);
    for (size_t round = 1; round <= 50; round++) {
        host_give (&host, "a");
        host_until (&host, &host.done, round);
    }
    assert_true (host.progress >= 50);
    host_close (&host);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void
it_ends_when_nothing_is_in_hand (void **state)
{
    (void) state;
    host_t host;
    s_program_t program;
    s_open (&host, &program, s_by_letter, 1);
    host_give (&host, "a");
    host_until (&host, &host.done, 1);
    host.carrier->ops->close (host.carrier);
    assert_int_equal (host.carrier->ops->room (host.carrier), 0);
    while (!host.carrier->ops->closed (host.carrier)) {
        host_wait (&host);
        host.carrier->ops->pump (host.carrier);
    }
    assert_int_equal (host.fatals, 0);
    host_close (&host);
}

/* What was not begun is left alone; what was is waited for, and its answer is dropped. */
static void
destroying_waits_for_the_handler (void **state)
{
    (void) state;
    host_t host;
    s_program_t program;
    s_open (&host, &program, s_until_late, 1);
    host_give (&host, "one");
    host_give (&host, "two");
    host_until (&host, &host.progress, 1);
    zloom_carrier_destroy (&host.carrier);
    assert_int_equal (program.begun, 1);
    assert_int_equal (program.ended, 1);
    host_told (&host, "progress 1 700, ");
    host_close (&host);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (what_the_handler_returns_is_the_verdict),
      cmocka_unit_test (emits_go_to_the_flows_of_the_node),
      cmocka_unit_test (emits_have_limits),
      cmocka_unit_test (messages_are_handled_in_order),
      cmocka_unit_test (a_handler_sees_that_its_time_is_over),
      cmocka_unit_test (progress_costs_nothing),
      cmocka_unit_test (it_ends_when_nothing_is_in_hand),
      cmocka_unit_test (destroying_waits_for_the_handler),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
