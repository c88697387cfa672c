/* SPDX-License-Identifier: MPL-2.0 */
/* An app that runs: a router and workers in C as threads, a client of the same program beside. */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "place.h"

static void
s_start (zloom_app_t *app)
{
    zloom_err_t err = zloom_app_start (app);
    if (err == ZLOOM_OK) {
        err = zloom_app_wait_ready (app, SOON ());
    }
    if (err != ZLOOM_OK) {
        fail_msg ("%s: %s", zloom_err_name (err), zloom_note ());
    }
}

static void
test_messages_go_through_a_handler (void **state)
{
    (void) state;
    enum { COUNT = 500 };
    zloom_app_t *app = s_app (SHOUT_RECIPE, false);
    s_start (app);
    zloom_client_t *client = s_client (zloom_app_endpoint (app));
    for (int i = 0; i < COUNT; i++) {
        s_send (client, "hello");
    }
    assert_int_equal (zloom_client_flush (client, SOON ()), ZLOOM_OK);
    s_subscribe (client, "loud");
    for (int i = 0; i < COUNT; i++) {
        s_expect (client, "loud", "HELLO");
    }
    s_close (&client);
    assert_int_equal (zloom_app_drain (app, SOON ()), ZLOOM_OK);
    assert_int_equal (zloom_app_dispatch (app), ZLOOM_CLOSED);
    zloom_app_destroy (&app);
}

static void
test_verdicts_reach_the_queue (void **state)
{
    (void) state;
    zloom_app_t *app = s_app (SHOUT_RECIPE, false);
    s_start (app);
    zloom_client_t *client = s_client (zloom_app_endpoint (app));
    s_send (client, "bad");
    s_subscribe (client, "failed");
    s_expect (client, "failed", "bad");
    s_send (client, "try");
    s_subscribe (client, "loud");
    s_expect (client, "loud", "TRY");
    s_close (&client);
    zloom_app_destroy (&app); /* without a drain, too */
}

/* Programs of an app get the secrets that their node lists. */
static void
test_secrets_reach_their_programs (void **state)
{
    (void) state;
    static const char recipe[] =
      "zloom: 1\nname: secret\n"
      "secrets: {key: {file: key.txt}}\n"
      "nodes:\n"
      "  work: {kind: worker, run: [sh, -c, 'printf %s \"$ZLOOM_SECRET_KEY\"'], io: exec,\n"
      "         secrets: [key]}\n"
      "flows:\n"
      "  words: {pattern: queue, from: external, to: work, dead_letter: dead}\n"
      "  loud: {pattern: queue, from: work, to: external}\n"
      "  dead: {pattern: queue, to: external}\n";
    const zloom_app_config_t config = {.state_dir = s_folder};
    s_write ("key.txt", "open sesame");
    char path[96];
    (void) snprintf (path, sizeof path, "%s/key.txt", s_folder);
    assert_int_equal (chmod (path, 0600), 0);
    zloom_app_t *app = zloom_app_new (&config);
    s_load_text (app, recipe);
    s_start (app);
    zloom_client_t *client = s_client (zloom_app_endpoint (app));
    s_subscribe (client, "loud");
    s_send (client, "say it");
    s_expect (client, "loud", "open sesame");
    s_close (&client);
    zloom_app_destroy (&app);
}

/* What was confirmed is there when the program comes again. */
static void
test_it_goes_on_where_it_stopped (void **state)
{
    (void) state;
    zloom_app_t *app = s_app (SHOUT_RECIPE, false);
    s_start (app);
    zloom_client_t *client = s_client (zloom_app_endpoint (app));
    s_send (client, "one");
    assert_int_equal (zloom_client_flush (client, SOON ()), ZLOOM_OK);
    s_close (&client);
    zloom_app_destroy (&app);
    app = s_app (SHOUT_RECIPE, false);
    s_start (app);
    client = s_client (zloom_app_endpoint (app));
    s_subscribe (client, "loud");
    s_expect (client, "loud", "ONE");
    s_close (&client);
    assert_int_equal (zloom_app_drain (app, SOON ()), ZLOOM_OK);
    zloom_app_destroy (&app);
}

static void
test_a_topology_runs_once (void **state)
{
    (void) state;
    zloom_app_t *app = s_app (SHOUT_RECIPE, false);
    zloom_app_t *second = s_app (SHOUT_RECIPE, false);
    s_start (app);
    assert_int_equal (zloom_app_start (app), ZLOOM_INVALID);
    assert_int_equal (zloom_app_start (second), ZLOOM_LOCKED);
    assert_null (zloom_app_node (second, "router"));
    assert_int_equal (zloom_app_handle (app, "late", s_shout, NULL), ZLOOM_INVALID);
    zloom_app_destroy (&app);
    assert_int_equal (zloom_app_start (second), ZLOOM_OK);
    zloom_app_destroy (&second);
}

/* The descriptor drives a loop of the program's own, to the very end. */
static void
test_a_foreign_loop_watches_it (void **state)
{
    (void) state;
    static const char recipe[] =
      "zloom: 1\nname: copy\n"
      "nodes:\n"
      "  in: {kind: poller, file: {path: /etc/hostname, format: lines}}\n"
      "  shout: {kind: worker, actor: shout}\n"
      "flows:\n"
      "  words: {pattern: queue, from: in, to: shout, dead_letter: dead}\n"
      "  loud: {pattern: queue, from: shout, to: external,\n"
      "         dead_letter: dead}\n"
      "  dead: {pattern: queue, to: external}\n";
    zloom_app_t *app = s_app (recipe, true);
    assert_int_equal (zloom_app_start (app), ZLOOM_OK);
    const int fd = zloom_app_fd (app);
    zloom_err_t err = ZLOOM_OK;
    int rounds = 0;
    while (err == ZLOOM_OK && rounds++ < 100) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        assert_int_equal (poll (&item, 1, 20000), 1);
        err = zloom_app_dispatch (app);
    }
    assert_int_equal (err, ZLOOM_CLOSED);
    assert_true (rounds <= 3); /* it is ready; it has ended: no spinning in between */
    assert_int_equal (zloom_app_fd (app), fd);
    assert_int_equal (zloom_app_wait_ready (app, 0), ZLOOM_OK);
    assert_int_equal (zloom_app_wait (app, 0), ZLOOM_OK);
    zloom_app_destroy (&app);
}

static void
test_it_says_why_it_could_not_go_on (void **state)
{
    (void) state;
    static const char recipe[] =
      "zloom: 1\nname: broken\n"
      "nodes:\n"
      "  work: {kind: worker, run: [python3, nowhere.py], io: lines,\n"
      "         restart: {backoff: [10ms], budget: 0}}\n"
      "flows:\n"
      "  in: {pattern: queue, from: external, to: work, dead_letter: dead}\n"
      "  dead: {pattern: queue, to: external}\n";
    const zloom_app_config_t config = {.state_dir = s_folder, .until_idle = true};
    zloom_app_t *app = zloom_app_new (&config);
    s_load_text (app, recipe);
    assert_int_equal (zloom_app_start (app), ZLOOM_OK);
    assert_int_equal (zloom_app_wait (app, SOON ()), ZLOOM_CHILD);
    assert_non_null (strstr (zloom_note (), "node 'work' could not be kept running: NO_PROGRAM: "));
    assert_int_equal (zloom_app_dispatch (app), ZLOOM_CHILD);
    zloom_app_destroy (&app);
}

/* ---- waiting -------------------------------------------------------------------------------- */

static atomic_bool s_go;

static zloom_work_verdict_t
s_wait_for_go (void *arg, zloom_work_t *work, const zloom_message_t *message)
{
    (void) work;
    (void) message;
    atomic_store ((atomic_bool *) arg, true);
    while (!atomic_load (&s_go)) {
        (void) sched_yield ();
    }
    return ZLOOM_WORK_ACK;
}

static void
test_a_drain_waits_for_the_handler (void **state)
{
    (void) state;
    const zloom_app_config_t config = {.state_dir = s_folder};
    zloom_app_t *app = zloom_app_new (&config);
    atomic_bool begun = false;
    atomic_store (&s_go, false);
    s_load_text (app, SHOUT_RECIPE);
    assert_int_equal (zloom_app_handle (app, "shout", s_wait_for_go, &begun), ZLOOM_OK);
    s_start (app);
    assert_int_equal (zloom_app_wait (app, 0), ZLOOM_TIMED_OUT);
    zloom_client_t *client = s_client (zloom_app_endpoint (app));
    s_send (client, "slow");
    assert_int_equal (zloom_client_flush (client, SOON ()), ZLOOM_OK);
    while (!atomic_load (&begun)) {
        assert_int_equal (zloom_client_dispatch (client), ZLOOM_OK);
    }
    s_close (&client);
    assert_int_equal (zloom_app_drain (app, zloom_deadline (50)), ZLOOM_TIMED_OUT);
    assert_string_equal (zloom_note (), "some nodes still drain");
    atomic_store (&s_go, true);
    assert_int_equal (zloom_app_drain (app, SOON ()), ZLOOM_OK);
    zloom_app_destroy (&app);
}

/* ---- manners -------------------------------------------------------------------------------- */

static void
test_signals_stay_the_programs_own (void **state)
{
    (void) state;
    struct sigaction before[32];
    for (int i = 1; i < 32; i++) {
        assert_int_equal (sigaction (i, NULL, &before[i]), 0);
    }
    zloom_app_t *app = s_app (SHOUT_RECIPE, false);
    s_start (app);
    for (int i = 1; i < 32; i++) {
        struct sigaction now;
        assert_int_equal (sigaction (i, NULL, &now), 0);
        assert_true (now.sa_handler == before[i].sa_handler);
    }
    zloom_app_destroy (&app);
}

static atomic_size_t s_lines;

static void
s_count_line (zloom_log_level_t level, const char *id, const char *text, void *arg)
{
    (void) text;
    (void) arg;
    if (level == ZLOOM_LOG_INFO && strcmp (id, "node-ready") == 0) {
        atomic_fetch_add (&s_lines, 1);
    }
}

static void
test_the_log_goes_to_the_programs_sink (void **state)
{
    (void) state;
    zloom_log_set (ZLOOM_LOG_INFO, s_count_line, NULL);
    zloom_app_t *app = s_app (SHOUT_RECIPE, false);
    s_start (app);
    zloom_app_destroy (&app);
    zloom_log_set (ZLOOM_LOG_INFO, NULL, NULL);
    assert_int_equal (s_lines, 3); /* router and two workers */
}

#define PLACED(test) cmocka_unit_test_setup_teardown (test, s_make_folder, s_remove_folder)

int
main (void)
{
    const struct CMUnitTest tests[] = {
      PLACED (test_messages_go_through_a_handler),  PLACED (test_verdicts_reach_the_queue),
      PLACED (test_secrets_reach_their_programs),   PLACED (test_it_goes_on_where_it_stopped),
      PLACED (test_a_topology_runs_once),           PLACED (test_a_foreign_loop_watches_it),
      PLACED (test_it_says_why_it_could_not_go_on), PLACED (test_a_drain_waits_for_the_handler),
      PLACED (test_signals_stay_the_programs_own),  PLACED (test_the_log_goes_to_the_programs_sink),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
