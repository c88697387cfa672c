/* SPDX-License-Identifier: MPL-2.0 */
/* The client's calls against a real router; the examples of zloom.h stand here to be compiled. */
#include <poll.h>
#include <pthread.h>

#include <czmq.h>

#include "client/client.h"
#include "net/control.h"
#include "unit/router/served.h"

static zloom_client_t *
s_open (const char *name, const char *const *flows, size_t count)
{
    const zloom_client_config_t config = {
      .endpoint = s_endpoint, .name = name, .send_flows = flows, .send_flow_count = count};
    zloom_client_t *client = NULL;
    assert_int_equal (zloom_client_open (&config, zloom_deadline (5000), &client), ZLOOM_OK);
    return client;
}

static void
s_send (zloom_client_t *client, const char *flow, const char *body)
{
    const zloom_outgoing_t message = {.body = body, .body_size = strlen (body)};
    assert_int_equal (zloom_client_send (client, flow, &message, zloom_deadline (5000)), ZLOOM_OK);
}

/* ---- the examples of zloom.h ---------------------------------------------------------------- */

static zloom_err_t
s_example_send (const char *endpoint)
{
    const char *flows[] = {"orders"};
    zloom_client_config_t config = {
      .endpoint = endpoint, .name = "importer", .send_flows = flows, .send_flow_count = 1};
    zloom_client_t *client = NULL;
    zloom_err_t err = zloom_client_open (&config, zloom_deadline (5000), &client);
    zloom_outgoing_t order = {.body = "{\"id\": 1}", .body_size = 9};
    if (err == ZLOOM_OK) {
        err = zloom_client_send (client, "orders", &order, zloom_deadline (5000));
    }
    if (err == ZLOOM_OK) {
        err = zloom_client_flush (client, zloom_deadline (5000));
    }
    if (err != ZLOOM_OK) {
        fprintf (stderr, "%s: %s\n", zloom_err_text (err), zloom_note ());
    }
    zloom_client_close (&client, zloom_deadline (1000));
    return err;
}

static bool
work (const void *body, size_t size)
{
    return size == 9 && memcmp (body, "{\"id\": 1}", 9) == 0;
}

static unsigned
s_example_take (zloom_client_t *client)
{
    unsigned done = 0;
    zloom_take_t take = {.flow = "orders", .prefetch = 100};
    uint32_t handle = 0;
    zloom_err_t err = zloom_client_subscribe (client, &take, &handle);
    assert_int_equal (err, ZLOOM_OK);
    const zloom_message_t *message = NULL;
    while (zloom_client_receive (client, &message, zloom_deadline (1000)) == ZLOOM_OK) {
        if (work (message->body, message->body_size)) {
            zloom_client_ack (client, &message);
            done++;
        } else {
            zloom_client_retry (client, &message, -1, "the printer is off");
        }
    }
    return done;
}

static void
test_the_examples_work (void **state)
{
    (void) state;
    assert_int_equal (s_example_send (s_endpoint), ZLOOM_OK);
    zloom_client_t *client = s_open ("printer", NULL, 0);
    assert_int_equal (s_example_take (client), 1);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
}

/* ---- opening and closing -------------------------------------------------------------------- */

static void
test_what_cannot_be_opened_says_why (void **state)
{
    (void) state;
    const char *flows[] = {"nowhere"};
    zloom_client_config_t config = {
      .endpoint = s_endpoint, .name = "x", .send_flows = flows, .send_flow_count = 1};
    zloom_client_t *client = NULL;
    assert_int_equal (zloom_client_open (&config, zloom_deadline (5000), &client),
                      ZLOOM_UNKNOWN_FLOW);
    assert_null (client);
    assert_non_null (strstr (zloom_note (), "nowhere"));
    config.send_flow_count = 0;
    char nobody[ZLOOM_ENDPOINT_BYTES];
    snprintf (nobody, sizeof nobody, "ipc://%s/nobody.sock", s_directory);
    config.endpoint = nobody;
    assert_int_equal (zloom_client_open (&config, zloom_deadline (50), &client), ZLOOM_NOT_RUNNING);
    assert_non_null (strstr (zloom_note (), nobody));
    config.endpoint = "tcp://example.org:1";
    assert_int_equal (zloom_client_open (&config, zloom_deadline (50), &client), ZLOOM_FORBIDDEN);
    config.endpoint = NULL;
    assert_int_equal (zloom_client_open (&config, zloom_deadline (50), &client), ZLOOM_INVALID);
}

/* What cannot be meant is refused at once, and takes no id. */
static void
test_what_a_message_cannot_ask_for (void **state)
{
    (void) state;
    const char *flows[] = {"orders"};
    zloom_client_t *client = s_open ("asks", flows, 1);
    static const zloom_outgoing_t wrong[] = {
      {.delay_ms = -1},
      {.expires_ms = -1},
      {.has_priority = true, .priority = 10},
      {.has_priority = true, .priority = -1},
      {.priority = 5},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal (zloom_client_send (client, "orders", &wrong[i], zloom_deadline (5000)),
                          ZLOOM_INVALID);
    }
    assert_non_null (strstr (zloom_note (), "has_priority"));
    assert_int_equal (zloom_client_unconfirmed (client, NULL), 0);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
}

static void
test_a_newer_process_of_the_name_fences_the_older (void **state)
{
    (void) state;
    const char *flows[] = {"orders"};
    zloom_client_t *older = s_open ("shop", flows, 1);
    s_send (older, "orders", "1");
    assert_int_equal (zloom_client_flush (older, zloom_deadline (5000)), ZLOOM_OK);
    zloom_client_t *newer = s_open ("shop", flows, 1);
    s_send (newer, "orders", "2");
    assert_int_equal (zloom_client_flush (newer, zloom_deadline (5000)), ZLOOM_OK);
    s_send (older, "orders", "3");
    assert_int_equal (zloom_client_flush (older, zloom_deadline (5000)), ZLOOM_FENCED);
    assert_int_equal (zloom_client_dispatch (older), ZLOOM_FENCED);
    zloom_client_kill (&older);
    assert_null (older);
    assert_int_equal (zloom_client_close (&newer, zloom_deadline (5000)), ZLOOM_OK);
}

static void
test_ids_go_on_where_the_last_process_stopped (void **state)
{
    (void) state;
    const char *flows[] = {"orders"};
    for (uint64_t run = 0; run < 3; run++) {
        zloom_client_t *client = s_open ("shop", flows, 1);
        zloom_client_flow_state_t now;
        assert_true (zloom_client_core_flow (zloom_client_core (client), "orders", &now));
        assert_int_equal (now.next_id, 2 * run + 1);
        if (run > 0) {
            assert_int_equal (now.mark.size, 4); /* what the last one said of itself */
            assert_memory_equal (now.mark.data, "here", 4);
        }
        const zloom_envelope_t envelope = {.body = zloom_bytes_text ("x")};
        for (int i = 0; i < 2; i++) {
            assert_int_equal (zloom_client_send_envelope (client, "orders", &envelope,
                                                          zloom_bytes_text ("here"),
                                                          zloom_deadline (5000), NULL),
                              ZLOOM_OK);
        }
        assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
    }
}

static void
test_what_is_released_comes_to_another_at_once (void **state)
{
    (void) state;
    const char *flows[] = {"orders"};
    zloom_client_t *first = s_open ("first", flows, 1);
    s_send (first, "orders", "1");
    assert_int_equal (zloom_client_flush (first, zloom_deadline (5000)), ZLOOM_OK);
    const zloom_take_t take = {.flow = "orders"};
    uint32_t handle = 0;
    const zloom_message_t *message = NULL;
    assert_int_equal (zloom_client_subscribe (first, &take, &handle), ZLOOM_OK);
    assert_int_equal (zloom_client_receive (first, &message, zloom_deadline (5000)), ZLOOM_OK);
    zloom_client_t *second = s_open ("second", NULL, 0);
    assert_int_equal (zloom_client_subscribe (second, &take, &handle), ZLOOM_OK);
    assert_int_equal (zloom_client_receive (second, &message, zloom_deadline (50)),
                      ZLOOM_TIMED_OUT);
    assert_int_equal (zloom_client_close (&first, zloom_deadline (5000)), ZLOOM_OK);
    assert_int_equal (zloom_client_receive (second, &message, zloom_deadline (5000)), ZLOOM_OK);
    assert_int_equal (message->attempt, 0); /* leaving costs nothing */
    assert_int_equal (zloom_client_ack (second, &message), ZLOOM_OK);
    assert_int_equal (zloom_client_close (&second, zloom_deadline (5000)), ZLOOM_OK);
}

/* ---- a loop of the program's own ------------------------------------------------------------ */

/* Only the descriptor drives it, whether the socket or the clock has something. */
static void
test_the_descriptor_drives_everything (void **state)
{
    (void) state;
    const char *flows[] = {"orders"};
    zloom_client_t *client = s_open ("loop", flows, 1);
    const int fd = zloom_client_fd (client);
    assert_true (fd >= 0);
    assert_int_equal (zloom_client_fd (client), fd);
    const zloom_subscription_options_t take = {.flow = "orders", .prefetch = 3};
    uint32_t handle = 0;
    zloom_client_core_t *core = zloom_client_core (client);
    assert_int_equal (zloom_client_subscribe_with (client, &take, zloom_deadline (5000), &handle),
                      ZLOOM_OK);
    for (int i = 0; i < 20; i++) {
        s_send (client, "orders", "x");
    }
    unsigned acked = 0;
    while (acked < 20 || zloom_client_core_pending (core) > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        assert_int_equal (poll (&wait, 1, 5000), 1);
        assert_int_equal (zloom_client_dispatch (client), ZLOOM_OK);
        const zloom_message_t *message = NULL;
        while (zloom_client_take (client, handle, &message)) {
            assert_int_equal (zloom_client_ack (client, &message), ZLOOM_OK);
            acked++;
        }
    }
    assert_int_equal (acked, 20);
    /* The router goes and comes back: the descriptor is still the same, and still enough. */
    zloom_process_kill (&s_router);
    s_router = s_start (s_directory);
    s_send (client, "orders", "again");
    while (acked < 21) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        assert_int_equal (poll (&wait, 1, 10000), 1);
        assert_int_equal (zloom_client_dispatch (client), ZLOOM_OK);
        const zloom_message_t *message = NULL;
        while (zloom_client_take (client, handle, &message)) {
            assert_int_equal (zloom_client_ack (client, &message), ZLOOM_OK);
            acked++;
        }
    }
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
}

/* ---- steps and questions -------------------------------------------------------------------- */

typedef struct {
    unsigned done;
} steps_t;

static void
s_on_event (void *arg, const zloom_client_event_t *event)
{
    steps_t *steps = arg;
    if (event->type == ZLOOM_CLIENT_STEP) {
        assert_int_equal (event->code, ZLOOM_OK);
        steps->done++;
    }
}

static void
test_steps_move_every_message_once (void **state)
{
    (void) state;
    const char *flows[] = {"orders"};
    zloom_client_t *shop = s_open ("shop", flows, 1);
    const unsigned count = 2000;
    for (unsigned i = 0; i < count; i++) {
        s_send (shop, "orders", "order");
    }
    assert_int_equal (zloom_client_flush (shop, zloom_deadline (10000)), ZLOOM_OK);
    const zloom_client_flow_t emits[] = {{.name = "done"}};
    const zloom_client_options_t options = {.name = "charge", .flows = emits, .flow_count = 1};
    steps_t steps = {0};
    zloom_client_t *charge = NULL;
    assert_int_equal (zloom_client_open_with (s_endpoint, &options, s_on_event, &steps,
                                              zloom_deadline (5000), &charge),
                      ZLOOM_OK);
    zloom_client_core_t *core = zloom_client_core (charge);
    const zloom_take_t take = {.flow = "orders", .prefetch = 64};
    uint32_t handle = 0;
    assert_int_equal (zloom_client_subscribe (charge, &take, &handle), ZLOOM_OK);
    for (unsigned i = 0; i < count; i++) {
        const zloom_message_t *message = NULL;
        assert_int_equal (zloom_client_receive (charge, &message, zloom_deadline (10000)),
                          ZLOOM_OK);
        zloom_step_t *step = zloom_client_core_step (core);
        const zloom_settlement_t ack = {.verdict = ZLOOM_VERDICT_ACK,
                                        .delay_ms = ZLOOM_DELAY_UNSET};
        assert_int_equal (zloom_step_settle (step, message, &ack), ZLOOM_OK);
        const zloom_envelope_t envelope = {.body = zloom_bytes_text ("paid")};
        assert_int_equal (zloom_step_emit (step, "done", &envelope, zloom_clock_now ()), ZLOOM_OK);
        uint64_t id = 0;
        assert_int_equal (zloom_client_core_commit (core, &step, &id), ZLOOM_OK);
    }
    assert_int_equal (zloom_client_settle_all (charge, zloom_deadline (10000)), ZLOOM_OK);
    assert_int_equal (steps.done, count);
    assert_int_equal (zloom_client_close (&charge, zloom_deadline (5000)), ZLOOM_OK);
    const zloom_take_t take_done = {.flow = "done", .prefetch = 500};
    assert_int_equal (zloom_client_subscribe (shop, &take_done, &handle), ZLOOM_OK);
    const zloom_message_t *message = NULL;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal (zloom_client_receive (shop, &message, zloom_deadline (5000)), ZLOOM_OK);
        assert_memory_equal (message->body, "paid", 4);
        assert_int_equal (zloom_client_ack (shop, &message), ZLOOM_OK);
    }
    assert_int_equal (zloom_client_receive (shop, &message, zloom_deadline (100)), ZLOOM_TIMED_OUT);
    assert_int_equal (zloom_client_close (&shop, zloom_deadline (5000)), ZLOOM_OK);
}

static zloom_err_t
s_on_answer (void *arg, zloom_bytes_t result, zloom_bytes_t pack)
{
    (void) pack;
    *(size_t *) arg += result.size;
    return ZLOOM_OK;
}

static void
test_questions_get_answers (void **state)
{
    (void) state;
    zloom_client_t *client = s_open (NULL, NULL, 0);
    size_t bytes = 0;
    assert_int_equal (zloom_client_ask (client, "stats", ZLOOM_BYTES_NULL, s_on_answer, &bytes,
                                        zloom_deadline (5000)),
                      ZLOOM_OK);
    assert_true (bytes > 0);
    assert_int_not_equal (zloom_client_ask (client, "no-such-command", ZLOOM_BYTES_NULL,
                                            s_on_answer, &bytes, zloom_deadline (5000)),
                          ZLOOM_OK);
    assert_true (strlen (zloom_note ()) > 0);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
}

static void
test_unknown_subscriptions_are_refused (void **state)
{
    (void) state;
    zloom_client_t *client = s_open (NULL, NULL, 0);
    const zloom_subscription_options_t take = {.flow = "nowhere"};
    uint32_t handle = 0;
    assert_int_equal (zloom_client_subscribe_with (client, &take, zloom_deadline (5000), &handle),
                      ZLOOM_UNKNOWN_FLOW);
    assert_non_null (strstr (zloom_note (), "nowhere"));
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
}

static void
test_a_flush_without_a_router_says_so (void **state)
{
    (void) state;
    const char *flows[] = {"orders"};
    zloom_client_t *client = s_open ("shop", flows, 1);
    zloom_process_kill (&s_router);
    s_send (client, "orders", "1");
    assert_int_equal (zloom_client_flush (client, zloom_deadline (100)), ZLOOM_TIMED_OUT);
    assert_int_equal (zloom_client_unconfirmed (client, "orders"), 1);
    s_router = s_start (s_directory);
    assert_int_equal (zloom_client_flush (client, zloom_deadline (15000)), ZLOOM_OK);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
}

/* ---- as a czmq actor ------------------------------------------------------------------------ */

static void
test_a_router_runs_as_an_actor (void **state)
{
    (void) state;
    char *directory = s_make_directory ();
    zloom_recipe_t *recipe = s_load_recipe ();
    zloom_node_args_t args = s_args (recipe, directory);
    zactor_t *actor = zactor_new (zloom_router_actor, &args);
    assert_non_null (actor);
    char *word = zstr_recv (actor);
    assert_string_equal (word, "$READY");
    zstr_free (&word);
    char endpoint[ZLOOM_ENDPOINT_BYTES];
    assert_int_equal (zloom_node_endpoint (&args, NULL, endpoint), ZLOOM_OK);
    const zloom_client_config_t config = {.endpoint = endpoint};
    zloom_client_t *client = NULL;
    assert_int_equal (zloom_client_open (&config, zloom_deadline (5000), &client), ZLOOM_OK);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
    zactor_destroy (&actor);
    zloom_recipe_destroy (&recipe);
    s_remove_directory (&directory);
}

int
main (int argc, char **argv)
{
    if (argc == 3 && strcmp (argv[1], "--router") == 0) {
        return s_router_main (argv[2]);
    }
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_the_examples_work, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_what_cannot_be_opened_says_why, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_what_a_message_cannot_ask_for, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_newer_process_of_the_name_fences_the_older, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_ids_go_on_where_the_last_process_stopped, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_what_is_released_comes_to_another_at_once, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_the_descriptor_drives_everything, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_steps_move_every_message_once, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_questions_get_answers, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_unknown_subscriptions_are_refused, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_flush_without_a_router_says_so, s_setup, s_teardown),
      cmocka_unit_test (test_a_router_runs_as_an_actor),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
