/* SPDX-License-Identifier: MPL-2.0 */
/* The supervisor's eyes on two routers: when both have nothing left, that is seen. */
#include <poll.h>

#include "client/client.h"
#include "launch/watch.h"
#include "unit/router/process.h"

#define ROUTERS 2
#define ROUND_NS (50 * ZLOOM_NS_PER_MS)

typedef struct {
    char *directories[ROUTERS];
    char endpoints[ROUTERS][ZLOOM_ENDPOINT_BYTES];
    zloom_process_t routers[ROUTERS];
    zloom_recipe_t *recipe;
    zloom_watches_t *watches;
    zloom_watch_t port;
    int64_t mono_ns;
} pair_t;

static void
s_open (pair_t *self)
{
    char lines[ROUTERS * ZLOOM_ENDPOINT_BYTES];
    for (int i = 0; i < ROUTERS; i++) {
        self->directories[i] = s_make_directory ();
        snprintf (self->endpoints[i], sizeof self->endpoints[i], "ipc://%s/router.sock",
                  self->directories[i]);
        self->routers[i] = s_start (self->directories[i]);
    }
    snprintf (lines, sizeof lines, "%s\n%s", self->endpoints[0], self->endpoints[1]);
    self->recipe = s_load_recipe ();
    assert_non_null (self->recipe);
    self->watches = zloom_watches_new (self->recipe, ZLOOM_SUPERVISOR_NAME, lines);
    self->port = zloom_watches_port (self->watches);
    self->mono_ns = zloom_clock_now ().mono_ns;
    self->port.ready (self->port.arg, self->mono_ns);
}

static void
s_close (pair_t *self)
{
    zloom_watches_destroy (&self->watches);
    for (int i = 0; i < ROUTERS; i++) {
        assert_int_equal (zloom_process_stop (&self->routers[i]), 0);
        s_remove_directory (&self->directories[i]);
    }
    zloom_recipe_destroy (&self->recipe);
}

static void
s_send_one (const char *endpoint)
{
    static const char *const flows[] = {"orders"};
    const zloom_client_config_t config = {
      .endpoint = endpoint, .name = "shop", .send_flows = flows, .send_flow_count = 1};
    const zloom_outgoing_t order = {.body = "x", .body_size = 1};
    zloom_client_t *client = NULL;
    assert_int_equal (zloom_client_open (&config, zloom_deadline (30000), &client), ZLOOM_OK);
    assert_int_equal (zloom_client_send (client, "orders", &order, zloom_deadline (30000)),
                      ZLOOM_OK);
    assert_int_equal (zloom_client_flush (client, zloom_deadline (30000)), ZLOOM_OK);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (30000)), ZLOOM_OK);
}

/* As the supervisor does: a turn whenever a router says something, and the next round when due. */
static bool
s_turns_idle (pair_t *self, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        (void) self->port.dispatch (self->port.arg, self->mono_ns);
        if (self->port.idle (self->port.arg)) {
            return true;
        }
        struct pollfd item = {.fd = self->port.fd (self->port.arg), .events = POLLIN};
        while (poll (&item, 1, 50) > 0) {
            (void) self->port.dispatch (self->port.arg, self->mono_ns);
            if (self->port.idle (self->port.arg)) {
                return true;
            }
        }
        self->mono_ns += ROUND_NS;
    }
    return false;
}

/* A question under way takes nothing back of what the last answer said. */
static void
test_what_was_taken_in_stands_until_it_is_said_anew (void **state)
{
    (void) state;
    pair_t pair;
    s_open (&pair);
    s_send_one (pair.endpoints[0]);
    zloom_topology_watch_t *watch =
      zloom_topology_watch_new (pair.recipe, "eyes", pair.endpoints[0]);
    const zloom_watch_t port = zloom_topology_watch_port (watch);
    port.ready (port.arg, pair.mono_ns);
    (void) port.idle (port.arg);
    uint64_t appended = 0;
    uint64_t answers = 0;
    while (answers < 10) {
        pair.mono_ns += ROUND_NS;
        (void) port.dispatch (port.arg, pair.mono_ns); /* asks */
        assert_true (zloom_topology_watch_rounds (watch, &appended) == 0 || appended == 1);
        struct pollfd item = {.fd = port.fd (port.arg), .events = POLLIN};
        while (zloom_topology_watch_rounds (watch, &appended) == answers) {
            assert_int_equal (poll (&item, 1, 30000), 1);
            (void) port.dispatch (port.arg, pair.mono_ns);
        }
        answers = zloom_topology_watch_rounds (watch, &appended);
        assert_int_equal (appended, 1);
    }
    zloom_topology_watch_destroy (&watch);
    s_close (&pair);
}

static void
test_two_routers_are_seen_idle_together (void **state)
{
    (void) state;
    pair_t pair;
    s_open (&pair);
    s_send_one (pair.endpoints[0]);
    s_send_one (pair.endpoints[1]);
    assert_true (s_turns_idle (&pair, 40));
    s_close (&pair);
}

int
main (int argc, char **argv)
{
    if (argc == 3 && strcmp (argv[1], "--router") == 0) {
        return s_router_main (argv[2]);
    }
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_what_was_taken_in_stands_until_it_is_said_anew),
      cmocka_unit_test (test_two_routers_are_seen_idle_together),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
