/* SPDX-License-Identifier: MPL-2.0 */
/* Sessions with several routers at once: who is away, or stands still, costs the others nothing. */
#include <signal.h>

#include "client/several.h"
#include "unit/router/served.h"

#define LONG_MS 30000

static const zloom_client_options_t s_options = {.role = "test"};
/* An empty map: no arguments. */
static const uint8_t s_map[] = {0x80};
static const zloom_bytes_t s_none = {s_map, sizeof s_map};

/* The router that is served, and a second endpoint. */
static void
s_begin (zloom_several_t each[2], const char *second)
{
    memset (each, 0, 2 * sizeof *each);
    each[0].endpoint = s_endpoint;
    each[1].endpoint = second;
    zloom_several_begin (each, 2, &s_options);
}

static void
s_end (zloom_several_t each[2])
{
    for (int i = 0; i < 2; i++) {
        zloom_client_kill (&each[i].client);
    }
}

static size_t
s_await (zloom_several_t each[2], zloom_several_until_t until, int64_t ms)
{
    return zloom_several_await (each, 2, &s_options, until, zloom_deadline (ms));
}

static zloom_err_t
s_on_answer (void *arg, zloom_bytes_t result, zloom_bytes_t pack)
{
    (void) pack;
    *(size_t *) arg += result.size;
    return ZLOOM_OK;
}

static const zloom_several_question_t s_stats = {.command = "stats", .answer = s_on_answer};

static void
s_ask (zloom_several_t each[2], int64_t ms)
{
    each[0].args = s_none;
    each[1].args = s_none;
    zloom_several_ask (each, 2, &s_stats, zloom_deadline (ms));
}

static void
test_one_that_is_away_is_not_waited_for (void **state)
{
    (void) state;
    char nobody[ZLOOM_ENDPOINT_BYTES];
    zloom_several_t each[2];
    size_t sizes[2] = {0};
    snprintf (nobody, sizeof nobody, "ipc://%s/none.sock", s_directory);
    s_begin (each, nobody);
    assert_int_equal (s_await (each, ZLOOM_SEVERAL_ANY, LONG_MS), 1);
    assert_true (each[0].open);
    assert_int_equal (each[0].err, ZLOOM_OK);
    /* It may come yet, and is no reason not to ask the other one. */
    assert_int_equal (s_await (each, ZLOOM_SEVERAL_LOOK, 0), 1);
    assert_int_equal (each[1].err, ZLOOM_AGAIN);
    each[0].arg = &sizes[0];
    each[1].arg = &sizes[1];
    s_ask (each, LONG_MS);
    assert_int_equal (each[0].err, ZLOOM_OK);
    assert_true (sizes[0] > 0);
    assert_int_equal (each[1].err, ZLOOM_AGAIN);
    /* Its time is over, which was longer than the other's session lives without a word. */
    assert_int_equal (s_await (each, ZLOOM_SEVERAL_ALL, 6500), 1);
    assert_int_equal (zloom_client_ask (each[0].client, "stats", s_none, s_on_answer, &sizes[0],
                                        zloom_deadline (LONG_MS)),
                      ZLOOM_OK);
    assert_int_equal (each[1].err, ZLOOM_NOT_RUNNING);
    assert_non_null (strstr (each[1].text, "no router answers at ipc://"));
    assert_null (each[1].client);
    s_end (each);
}

static void
test_all_that_are_away_have_failed (void **state)
{
    (void) state;
    zloom_several_t each[2];
    s_begin (each, "inproc://not a road to anybody");
    zloom_client_kill (&each[0].client);
    each[0].endpoint = "ipc:///nowhere/router.sock";
    zloom_several_begin (each, 1, &s_options);
    assert_int_equal (s_await (each, ZLOOM_SEVERAL_ANY, 50), 0);
    assert_int_equal (each[0].err, ZLOOM_NOT_RUNNING);
    assert_int_not_equal (each[1].err, ZLOOM_OK);
    assert_int_not_equal (each[1].err, ZLOOM_AGAIN);
    assert_true (each[1].text[0] != 0);
    s_end (each);
}

static void
test_one_that_stands_still_is_left_out_and_comes_back (void **state)
{
    (void) state;
    char *directory = s_make_directory ();
    char second[ZLOOM_ENDPOINT_BYTES];
    zloom_several_t each[2];
    size_t size = 0;
    snprintf (second, sizeof second, "ipc://%s/router.sock", directory);
    zloom_process_t still = s_start (directory);
    s_begin (each, second);
    assert_int_equal (s_await (each, ZLOOM_SEVERAL_ALL, LONG_MS), 2);
    each[0].arg = &size;
    each[1].arg = &size;
    assert_int_equal (kill (still.pid, SIGSTOP), 0);
    s_ask (each, 3000);
    const zloom_err_t errs[2] = {each[0].err, each[1].err};
    /* Before anything may fail: who stands still is not stopped by the end of this test. */
    assert_int_equal (kill (still.pid, SIGCONT), 0);
    assert_int_equal (errs[0], ZLOOM_OK);
    assert_int_equal (errs[1], ZLOOM_TIMED_OUT);
    assert_non_null (strstr (each[1].text, "stats: the router does not answer"));
    s_ask (each, LONG_MS);
    assert_int_equal (each[0].err, ZLOOM_OK);
    assert_int_equal (each[1].err, ZLOOM_OK);
    s_end (each);
    assert_int_equal (zloom_process_stop (&still), 0);
    s_remove_directory (&directory);
}

/* "trace" of nothing is a mistake, and an answer. */
static bool
s_is_mistake (zloom_err_t err)
{
    return err == ZLOOM_INVALID;
}

static void
test_who_has_no_question_is_not_asked_and_the_first_answer_may_be_enough (void **state)
{
    (void) state;
    char *directory = s_make_directory ();
    char second[ZLOOM_ENDPOINT_BYTES];
    zloom_several_t each[2];
    size_t sizes[2] = {0};
    const zloom_several_question_t question = {
      .command = "trace", .answer = s_on_answer, .enough = s_is_mistake};
    snprintf (second, sizeof second, "ipc://%s/router.sock", directory);
    zloom_process_t still = s_start (directory);
    s_begin (each, second);
    assert_int_equal (s_await (each, ZLOOM_SEVERAL_ALL, LONG_MS), 2);
    each[0].arg = &sizes[0];
    each[1].arg = &sizes[1];
    each[1].args = s_none;
    zloom_several_ask (each, 2, &s_stats, zloom_deadline (LONG_MS));
    assert_true (sizes[0] == 0 && sizes[1] > 0);
    assert_int_equal (kill (still.pid, SIGSTOP), 0);
    each[0].args = s_none;
    zloom_several_ask (each, 2, &question, zloom_deadline (LONG_MS));
    assert_int_equal (kill (still.pid, SIGCONT), 0);
    assert_int_equal (each[0].err, ZLOOM_INVALID);
    assert_int_equal (each[1].err, ZLOOM_AGAIN);
    /* Its answer to that question is none to the next. */
    s_ask (each, LONG_MS);
    assert_int_equal (each[0].err, ZLOOM_OK);
    assert_int_equal (each[1].err, ZLOOM_OK);
    s_end (each);
    assert_int_equal (zloom_process_stop (&still), 0);
    s_remove_directory (&directory);
}

int
main (int argc, char **argv)
{
    if (argc == 3 && strcmp (argv[1], "--router") == 0) {
        return s_router_main (argv[2]);
    }
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_one_that_is_away_is_not_waited_for, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_all_that_are_away_have_failed, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_one_that_stands_still_is_left_out_and_comes_back,
                                       s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (
        test_who_has_no_question_is_not_asked_and_the_first_answer_may_be_enough, s_setup,
        s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
