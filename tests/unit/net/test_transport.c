/* SPDX-License-Identifier: MPL-2.0 */
/* ROUTER and DEALER against each other over a real ipc socket. */
#include <zmq.h>

#include "net/dealer.h"
#include "net/router_transport.h"
#include "unit/net/place.h"

#define LARGE_BYTES (1u << 20)

static zloom_router_transport_t *s_router;

static int
s_setup (void **state)
{
    if (s_make_place (state) != 0) {
        return -1;
    }
    return (int) zloom_router_transport_open (s_at ("ipc://", "/a.sock"), NULL, &s_router);
}

static int
s_teardown (void **state)
{
    zloom_router_transport_close (&s_router, 0);
    return s_clear_place (state);
}

static zloom_dealer_t *
s_connect (void)
{
    zloom_dealer_t *dealer = NULL;
    assert_int_equal (zloom_dealer_open (s_at ("ipc://", "/a.sock"), NULL, &dealer), ZLOOM_OK);
    return dealer;
}

static void
s_router_gets (zloom_router_frame_t *frame)
{
    while (!zloom_router_transport_receive (s_router, frame)) {
        zloom_poll_item_t item = {.socket = zloom_router_transport_socket (s_router)};
        assert_int_equal (zloom_poll (&item, 1, s_soon ()), ZLOOM_OK);
        assert_true (item.ready);
    }
}

static void
s_dealer_gets (zloom_dealer_t *dealer, zloom_bytes_t *verb, zloom_blob_t **pack)
{
    while (zloom_dealer_receive (dealer, verb, pack) == ZLOOM_AGAIN) {
        zloom_poll_item_t item = {.socket = zloom_dealer_socket (dealer)};
        assert_int_equal (zloom_poll (&item, 1, s_soon ()), ZLOOM_OK);
        assert_true (item.ready);
    }
}

static void
test_frames_go_both_ways (void **state)
{
    (void) state;
    static const size_t sizes[] = {0, 1, 1023, 1024, 8192, 8193, LARGE_BYTES};
    uint8_t *bytes = malloc (LARGE_BYTES);
    for (size_t i = 0; i < LARGE_BYTES; i++) {
        bytes[i] = (uint8_t) (i * 7);
    }
    zloom_dealer_t *dealer = s_connect ();
    uint64_t route = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        zloom_blob_t *blob = zloom_blob_new (bytes, sizes[i]);
        assert_int_equal (
          zloom_dealer_send (dealer, zloom_bytes_text ("up"), blob, zloom_blob_bytes (blob)),
          ZLOOM_OK);
        zloom_blob_unref (&blob);
        zloom_router_frame_t frame;
        s_router_gets (&frame);
        assert_false (frame.malformed);
        assert_int_equal (frame.verb.size, 2);
        assert_true (
          zloom_bytes_equal (zloom_blob_bytes (frame.pack), zloom_bytes (bytes, sizes[i])));
        assert_true (frame.route != 0 && (route == 0 || frame.route == route));
        route = frame.route;
        /* Back, as a view into what came. */
        assert_int_equal (zloom_router_transport_send (s_router, route, zloom_bytes_text ("down"),
                                                       frame.pack, zloom_blob_bytes (frame.pack)),
                          ZLOOM_OK);
        zloom_blob_unref (&frame.pack);
        zloom_bytes_t verb;
        zloom_blob_t *pack = NULL;
        s_dealer_gets (dealer, &verb, &pack);
        assert_int_equal (verb.size, 4);
        assert_true (zloom_bytes_equal (zloom_blob_bytes (pack), zloom_bytes (bytes, sizes[i])));
        zloom_blob_unref (&pack);
    }
    free (bytes);
    zloom_dealer_close (&dealer, 0);
}

static void
test_a_verb_may_come_alone (void **state)
{
    (void) state;
    zloom_dealer_t *dealer = s_connect ();
    assert_int_equal (
      zloom_dealer_send (dealer, zloom_bytes_text ("alone"), NULL, ZLOOM_BYTES_NULL), ZLOOM_OK);
    zloom_router_frame_t frame;
    s_router_gets (&frame);
    assert_null (frame.pack);
    assert_false (frame.malformed);
    zloom_dealer_close (&dealer, 0);
}

static void
test_more_than_two_frames_are_malformed (void **state)
{
    (void) state;
    zloom_dealer_t *dealer = s_connect ();
    void *raw = zloom_socket_handle (zloom_dealer_socket (dealer));
    for (int i = 0; i < 5; i++) {
        assert_int_equal (zmq_send (raw, "x", 1, i < 4 ? ZMQ_SNDMORE : 0), 1);
    }
    assert_int_equal (zmq_send (raw, "next", 4, 0), 4);
    zloom_router_frame_t frame;
    s_router_gets (&frame);
    assert_true (frame.malformed);
    assert_null (frame.pack);
    s_router_gets (&frame); /* and the next message is whole */
    assert_false (frame.malformed);
    assert_int_equal (frame.verb.size, 4);
    zloom_dealer_close (&dealer, 0);
}

static void
test_a_routing_id_of_its_own_is_malformed (void **state)
{
    (void) state;
    zloom_socket_t *socket = NULL;
    assert_int_equal (zloom_socket_open (ZLOOM_SOCKET_DEALER, NULL, &socket), ZLOOM_OK);
    assert_int_equal (zmq_setsockopt (zloom_socket_handle (socket), ZMQ_ROUTING_ID, "me", 2), 0);
    assert_int_equal (zloom_socket_connect (socket, s_at ("ipc://", "/a.sock")), ZLOOM_OK);
    assert_int_equal (zmq_send (zloom_socket_handle (socket), "x", 1, 0), 1);
    zloom_router_frame_t frame;
    s_router_gets (&frame);
    assert_true (frame.malformed);
    assert_int_equal (zloom_router_transport_send (s_router, frame.route, zloom_bytes_text ("bye"),
                                                   NULL, ZLOOM_BYTES_NULL),
                      ZLOOM_OK); /* it can still be told why */
    zloom_socket_close (&socket);
}

static void
test_a_peer_that_left_is_gone (void **state)
{
    (void) state;
    zloom_dealer_t *dealer = s_connect ();
    zloom_dealer_send (dealer, zloom_bytes_text ("hi"), NULL, ZLOOM_BYTES_NULL);
    zloom_router_frame_t frame;
    s_router_gets (&frame);
    const uint64_t route = frame.route;
    zloom_dealer_close (&dealer, 0);
    const int64_t deadline_ns = s_soon ();
    zloom_err_t err;
    do {
        assert_true (zloom_clock_now ().mono_ns < deadline_ns);
        err = zloom_router_transport_send (s_router, route, zloom_bytes_text ("?"), NULL,
                                           ZLOOM_BYTES_NULL);
        zloom_poll_item_t item = {.socket = zloom_router_transport_socket (s_router)};
        zloom_poll (&item, 1, zloom_clock_now ().mono_ns + ZLOOM_NS_PER_MS);
    } while (err == ZLOOM_OK);
    assert_int_equal (err, ZLOOM_GONE);
    zloom_router_transport_forget (s_router, route);
    assert_int_equal (
      zloom_router_transport_send (s_router, route, zloom_bytes_text ("?"), NULL, ZLOOM_BYTES_NULL),
      ZLOOM_GONE);
    zloom_router_transport_stats_t stats;
    zloom_router_transport_stats (s_router, &stats);
    assert_int_equal (stats.routes, 0);
    assert_true (stats.gone >= 2);
}

static void
test_a_forgotten_route_that_speaks_is_a_new_one (void **state)
{
    (void) state;
    zloom_dealer_t *dealer = s_connect ();
    zloom_router_frame_t frame;
    zloom_dealer_send (dealer, zloom_bytes_text ("1"), NULL, ZLOOM_BYTES_NULL);
    s_router_gets (&frame);
    const uint64_t before = frame.route;
    zloom_router_transport_forget (s_router, before);
    zloom_dealer_send (dealer, zloom_bytes_text ("2"), NULL, ZLOOM_BYTES_NULL);
    s_router_gets (&frame);
    assert_true (frame.route != before);
    zloom_dealer_close (&dealer, 0);
}

static void
test_renew_is_another_peer (void **state)
{
    (void) state;
    zloom_dealer_t *dealer = s_connect ();
    zloom_router_frame_t frame;
    zloom_dealer_send (dealer, zloom_bytes_text ("1"), NULL, ZLOOM_BYTES_NULL);
    s_router_gets (&frame);
    const uint64_t before = frame.route;
    assert_int_equal (zloom_dealer_renew (dealer), ZLOOM_OK);
    zloom_dealer_send (dealer, zloom_bytes_text ("2"), NULL, ZLOOM_BYTES_NULL);
    s_router_gets (&frame);
    assert_true (frame.route != before);
    zloom_dealer_close (&dealer, 0);
}

/* A peer that reads nothing costs AGAIN, never a wait. */
static void
test_a_full_peer_says_again (void **state)
{
    (void) state;
    zloom_router_transport_close (&s_router, 0);
    const zloom_socket_config_t narrow = {.send_hwm = 2, .receive_hwm = 2};
    assert_int_equal (zloom_router_transport_open (s_at ("ipc://", "/a.sock"), &narrow, &s_router),
                      ZLOOM_OK);
    zloom_dealer_t *dealer = NULL;
    assert_int_equal (zloom_dealer_open (s_at ("ipc://", "/a.sock"), &narrow, &dealer), ZLOOM_OK);
    zloom_dealer_send (dealer, zloom_bytes_text ("hi"), NULL, ZLOOM_BYTES_NULL);
    zloom_router_frame_t frame;
    s_router_gets (&frame);
    uint8_t *data = NULL;
    zloom_blob_t *blob = zloom_blob_new_empty (LARGE_BYTES, &data);
    memset (data, 1, LARGE_BYTES);
    zloom_err_t err = ZLOOM_OK;
    for (int i = 0; i < 1000 && err == ZLOOM_OK; i++) {
        err = zloom_router_transport_send (s_router, frame.route, zloom_bytes_text ("x"), blob,
                                           zloom_blob_bytes (blob));
    }
    assert_int_equal (err, ZLOOM_AGAIN);
    zloom_blob_unref (&blob); /* libzmq has its own references */
    zloom_dealer_close (&dealer, 0);
}

static void
test_a_router_serves_at_several_endpoints (void **state)
{
    (void) state;
    static const char inner[] = "inproc://zloom-test-transport";
    assert_int_equal (zloom_router_transport_bind (s_router, inner), ZLOOM_OK);
    zloom_dealer_t *outside = s_connect ();
    zloom_dealer_t *inside = NULL;
    assert_int_equal (zloom_dealer_open (inner, NULL, &inside), ZLOOM_OK);
    zloom_dealer_t *const dealers[] = {outside, inside};
    for (size_t i = 0; i < 2; i++) {
        zloom_router_frame_t frame;
        assert_int_equal (
          zloom_dealer_send (dealers[i], zloom_bytes_text ("to"), NULL, ZLOOM_BYTES_NULL),
          ZLOOM_OK);
        s_router_gets (&frame);
        assert_false (frame.malformed);
        assert_int_equal (zloom_router_transport_send (s_router, frame.route,
                                                       zloom_bytes_text ("fro"), NULL,
                                                       ZLOOM_BYTES_NULL),
                          ZLOOM_OK);
        zloom_bytes_t verb;
        zloom_blob_t *pack = NULL;
        s_dealer_gets (dealers[i], &verb, &pack);
        assert_true (zloom_bytes_equal (verb, zloom_bytes_text ("fro")));
    }
    zloom_dealer_close (&inside, 0);
    zloom_dealer_close (&outside, 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_frames_go_both_ways, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_router_serves_at_several_endpoints, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_verb_may_come_alone, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_more_than_two_frames_are_malformed, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_routing_id_of_its_own_is_malformed, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_peer_that_left_is_gone, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_forgotten_route_that_speaks_is_a_new_one, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_renew_is_another_peer, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_full_peer_says_again, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
