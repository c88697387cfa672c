/* SPDX-License-Identifier: MPL-2.0 */
/* A real router process, real clients: nothing confirmed is lost, whatever is killed. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "client/client.h"
#include "unit/router/process.h"

#define MESSAGES 100000u

static char *s_directory;
static char s_endpoint[ZLOOM_ENDPOINT_BYTES];

static int
s_setup (void **state)
{
    (void) state;
    s_directory = s_make_directory ();
    snprintf (s_endpoint, sizeof s_endpoint, "ipc://%s/router.sock", s_directory);
    return 0;
}

static int
s_teardown (void **state)
{
    (void) state;
    s_remove_directory (&s_directory);
    return 0;
}

static zloom_client_t *
s_open (const char *name, const char *flow)
{
    const char *flows[] = {flow};
    const zloom_client_config_t config = {
      .endpoint = s_endpoint, .name = name, .send_flows = flows, .send_flow_count = flow ? 1 : 0};
    zloom_client_t *client = NULL;
    zloom_err_t err = zloom_client_open (&config, zloom_deadline (10000), &client);
    if (err != ZLOOM_OK) {
        print_error ("open: %s: %s\n", zloom_err_name (err), zloom_note ());
    }
    assert_int_equal (err, ZLOOM_OK);
    return client;
}

static void
s_send_number (zloom_client_t *client, uint32_t number)
{
    char body[32];
    const int size = snprintf (body, sizeof body, "%u", number);
    const zloom_outgoing_t message = {.body = body, .body_size = (size_t) size};
    zloom_err_t err = zloom_client_send (client, "orders", &message, zloom_deadline (30000));
    if (err != ZLOOM_OK) {
        print_error ("send: %s: %s\n", zloom_err_name (err), zloom_note ());
    }
    assert_int_equal (err, ZLOOM_OK);
}

static uint32_t
s_number (const zloom_message_t *message)
{
    char text[32];
    assert_true (message->body_size < sizeof text);
    memcpy (text, message->body, message->body_size);
    text[message->body_size] = 0;
    return (uint32_t) strtoul (text, NULL, 10);
}

static void
test_serves_and_drains (void **state)
{
    (void) state;
    zloom_process_t router = s_start (s_directory);
    zloom_client_t *client = s_open ("one", "orders");
    s_send_number (client, 7);
    assert_int_equal (zloom_client_flush (client, zloom_deadline (5000)), ZLOOM_OK);
    assert_int_equal (zloom_client_unconfirmed (client, NULL), 0);
    const zloom_take_t take = {.flow = "orders", .prefetch = 10};
    uint32_t handle = 0;
    assert_int_equal (zloom_client_subscribe (client, &take, &handle), ZLOOM_OK);
    const zloom_message_t *message = NULL;
    assert_int_equal (zloom_client_receive (client, &message, zloom_deadline (5000)), ZLOOM_OK);
    assert_int_equal (s_number (message), 7);
    assert_int_equal (message->attempt, 0);
    assert_int_equal (zloom_client_ack (client, &message), ZLOOM_OK);
    assert_null (message);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
    assert_int_equal (zloom_process_stop (&router), 0);
}

static void
test_second_router_on_the_same_state_is_refused (void **state)
{
    (void) state;
    zloom_process_t router = s_start (s_directory);
    zloom_recipe_t *recipe = s_load_recipe ();
    assert_non_null (recipe);
    const zloom_node_args_t args = s_args (recipe, s_directory);
    assert_int_equal (zloom_router_run (&args), ZLOOM_LOCKED);
    assert_non_null (strstr (zloom_note (), "journal"));
    zloom_recipe_destroy (&recipe);
    /* The one that runs is not disturbed. */
    zloom_client_t *client = s_open ("one", "orders");
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
    assert_int_equal (zloom_process_stop (&router), 0);
}

static void
test_retry_and_dead_letter (void **state)
{
    (void) state;
    zloom_process_t router = s_start (s_directory);
    zloom_client_t *client = s_open ("one", "orders");
    s_send_number (client, 1);
    s_send_number (client, 2);
    const zloom_take_t take = {.flow = "orders"};
    const zloom_take_t take_dead = {.flow = "orders-dead"};
    uint32_t handle = 0;
    assert_int_equal (zloom_client_subscribe (client, &take, &handle), ZLOOM_OK);
    assert_int_equal (zloom_client_subscribe (client, &take_dead, &handle), ZLOOM_OK);
    unsigned tries = 0;
    unsigned dead = 0;
    while (dead < 2) {
        const zloom_message_t *message = NULL;
        assert_int_equal (zloom_client_receive (client, &message, zloom_deadline (5000)), ZLOOM_OK);
        if (strcmp (message->flow, "orders-dead") == 0) {
            dead++;
            assert_int_equal (zloom_client_ack (client, &message), ZLOOM_OK);
        } else if (s_number (message) == 1) {
            assert_int_equal (message->attempt, tries);
            tries++;
            assert_int_equal (zloom_client_retry (client, &message, -1, "printer off"), ZLOOM_OK);
        } else {
            assert_int_equal (zloom_client_reject (client, &message, "no such thing"), ZLOOM_OK);
        }
    }
    assert_int_equal (tries, 3);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
    assert_int_equal (zloom_process_stop (&router), 0);
}

/* ---- under fire ----------------------------------------------------------------------------- */

typedef struct {
    atomic_uint confirmed;
    atomic_uint seen;
    uint8_t *times;     /* how often each number came */
    uint8_t *settled;   /* by seq: the router said that its ack is safe */
    unsigned after_all; /* came although it was settled */
} fire_t;

static void *
s_produce (void *arg)
{
    fire_t *fire = arg;
    zloom_client_t *client = s_open ("producer", "orders");
    for (uint32_t i = 0; i < MESSAGES; i++) {
        s_send_number (client, i);
        atomic_store (&fire->confirmed,
                      i + 1 - (uint32_t) zloom_client_unconfirmed (client, "orders"));
    }
    zloom_err_t err = zloom_client_flush (client, zloom_deadline (30000));
    if (err != ZLOOM_OK) {
        print_error ("flush: %s: %s\n", zloom_err_name (err), zloom_note ());
    }
    assert_int_equal (err, ZLOOM_OK);
    atomic_store (&fire->confirmed, MESSAGES);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
    return NULL;
}

static void
s_on_event (void *arg, const zloom_client_event_t *event)
{
    fire_t *fire = arg;
    if (event->type == ZLOOM_CLIENT_SETTLED) {
        assert_true (event->seq + event->n <= MESSAGES + 1);
        memset (fire->settled + event->seq, 1, event->n);
    }
}

static void *
s_consume (void *arg)
{
    fire_t *fire = arg;
    const zloom_client_options_t options = {.name = "consumer"};
    zloom_client_t *client = NULL;
    assert_int_equal (zloom_client_open_with (s_endpoint, &options, s_on_event, fire,
                                              zloom_deadline (10000), &client),
                      ZLOOM_OK);
    const zloom_take_t take = {.flow = "orders", .prefetch = 1000};
    uint32_t handle = 0;
    assert_int_equal (zloom_client_subscribe (client, &take, &handle), ZLOOM_OK);
    while (atomic_load (&fire->seen) < MESSAGES) {
        const zloom_message_t *message = NULL;
        zloom_err_t err = zloom_client_receive (client, &message, zloom_deadline (20000));
        if (err != ZLOOM_OK) {
            zloom_client_stats_t stats;
            zloom_client_core_stats (zloom_client_core (client), &stats);
            print_error ("receive: %s: %s; seen %u, welcomes %llu, lost roads %llu\n",
                         zloom_err_name (err), zloom_note (), atomic_load (&fire->seen),
                         (unsigned long long) stats.welcomes,
                         (unsigned long long) stats.lost_roads);
        }
        assert_int_equal (err, ZLOOM_OK);
        const uint32_t number = s_number (message);
        assert_true (number < MESSAGES && message->seq <= MESSAGES);
        fire->after_all += fire->settled[message->seq];
        if (fire->times[number]++ == 0) {
            atomic_fetch_add (&fire->seen, 1);
        }
        (void) zloom_client_ack (client, &message);
    }
    zloom_err_t err = zloom_client_settle_all (client, zloom_deadline (10000));
    if (err != ZLOOM_OK) {
        print_error ("settle_all: %s: %s\n", zloom_err_name (err), zloom_note ());
    }
    assert_int_equal (err, ZLOOM_OK);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
    return NULL;
}

static void
s_await (atomic_uint *counter, unsigned goal)
{
    const int64_t deadline = zloom_deadline (60000);
    while (atomic_load (counter) < goal) {
        assert_true (zloom_clock_now ().mono_ns < deadline);
        (void) poll (NULL, 0, 1);
    }
}

static void
test_nothing_is_lost_when_the_router_is_killed (void **state)
{
    (void) state;
    fire_t fire = {.times = zloom_alloc (MESSAGES), .settled = zloom_alloc (MESSAGES + 1)};
    zloom_process_t router = s_start (s_directory);
    pthread_t producer;
    pthread_t consumer;
    const int64_t began_ns = zloom_clock_now ().mono_ns;
    assert_int_equal (pthread_create (&producer, NULL, s_produce, &fire), 0);
    assert_int_equal (pthread_create (&consumer, NULL, s_consume, &fire), 0);
    for (unsigned goal = MESSAGES / 10; goal <= MESSAGES / 2; goal += MESSAGES / 5) {
        s_await (&fire.confirmed, goal);
        zloom_process_kill (&router);
        router = s_start (s_directory);
    }
    pthread_join (producer, NULL);
    pthread_join (consumer, NULL);
    unsigned doubles = 0;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        assert_true (fire.times[i] > 0);
        doubles += fire.times[i] > 1;
    }
    print_message ("%u messages, 3 kills, %u came more than once, %.1f s\n", MESSAGES, doubles,
                   (double) (zloom_clock_now ().mono_ns - began_ns) / 1e9);
    assert_int_equal (fire.after_all, 0);
    assert_int_equal (zloom_process_stop (&router), 0);
    free (fire.settled);
    free (fire.times);
}

int
main (int argc, char **argv)
{
    if (argc == 3 && strcmp (argv[1], "--router") == 0) {
        return s_router_main (argv[2]);
    }
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_serves_and_drains, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_second_router_on_the_same_state_is_refused, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_retry_and_dead_letter, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_nothing_is_lost_when_the_router_is_killed, s_setup,
                                       s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
