/* SPDX-License-Identifier: MPL-2.0 */
/* What is sent and not confirmed, against a real router. */
#include <czmq.h>

#include "client/client.h"
#include "client/shell.h"
#include "net/socket.h"
#include "unit/router/served.h"

/*
 * A window that is full may have its confirms in the socket already. Who sends takes them in before
 * it waits: what has come by then does not come again.
 */
static void
test_a_full_window_is_looked_at_before_it_is_waited_for (void **state)
{
    (void) state;
    const char *flows[] = {"orders"};
    const zloom_client_config_t config = {
      .endpoint = s_endpoint, .send_flows = flows, .send_flow_count = 1, .window_messages = 1};
    const zloom_outgoing_t order = {.body = "{}", .body_size = 2};
    zloom_client_t *client = NULL;
    assert_int_equal (zloom_client_open (&config, zloom_deadline (5000), &client), ZLOOM_OK);
    assert_int_equal (zloom_client_send (client, "orders", &order, zloom_deadline (5000)),
                      ZLOOM_OK);
    zloom_err_t err = ZLOOM_TIMED_OUT;
    for (int i = 0; err == ZLOOM_TIMED_OUT && i < 20; i++) {
        err = zloom_client_send (client, "orders", &order, 0);
        zloom_poll_item_t answer = {.socket = zloom_dealer_socket (client->dealer), .fd = -1};
        if (err == ZLOOM_TIMED_OUT) {
            assert_int_equal (zloom_poll (&answer, 1, zloom_deadline (5000)), ZLOOM_OK);
            assert_true (answer.ready);
        }
    }
    assert_int_equal (err, ZLOOM_OK);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
}

int
main (int argc, char **argv)
{
    if (argc == 3 && strcmp (argv[1], "--router") == 0) {
        return s_router_main (argv[2]);
    }
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_a_full_window_is_looked_at_before_it_is_waited_for,
                                       s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
