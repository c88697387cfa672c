/* SPDX-License-Identifier: MPL-2.0 */
/* A router with keys: who comes in, by which name, and what strangers are told. */
#include <zmq.h>

#include "net/dealer.h"
#include "net/door.h"
#include "net/router_transport.h"
#include "unit/net/place.h"

static zloom_curve_t s_server; /* of the router */
static zloom_keypair_t s_known;
static zloom_keypair_t s_stranger;
static zloom_door_t *s_door;
static zloom_router_transport_t *s_router;
static char s_tcp[64]; /* where it listens */

static int
s_setup (void **state)
{
    if (s_make_place (state) != 0) {
        return -1;
    }
    assert_int_equal (zloom_keypair_new (&s_server.own), ZLOOM_OK);
    assert_int_equal (zloom_keypair_new (&s_known), ZLOOM_OK);
    assert_int_equal (zloom_keypair_new (&s_stranger), ZLOOM_OK);
    assert_int_equal (zloom_door_open ("hub", &s_door), ZLOOM_OK);
    s_server.domain = zloom_door_domain (s_door);
    const zloom_socket_config_t config = {.curve = &s_server};
    /* The plain one comes first, and stays plain. */
    assert_int_equal (zloom_router_transport_open (s_at ("ipc://", "/a.sock"), &config, &s_router),
                      ZLOOM_OK);
    assert_int_equal (zloom_router_transport_bind_keyed (s_router, "tcp://127.0.0.1:*"), ZLOOM_OK);
    char bound[64];
    size_t size = sizeof bound;
    assert_int_equal (
      zmq_getsockopt (zloom_socket_handle (zloom_router_transport_socket (s_router)),
                      ZMQ_LAST_ENDPOINT, bound, &size),
      0);
    /* Its own form of the address may be that of IPv6. */
    (void) snprintf (s_tcp, sizeof s_tcp, "tcp://127.0.0.1:%s", strrchr (bound, ':') + 1);
    assert_int_equal (zloom_router_transport_bind (s_router, "inproc://zloom-test-door"), ZLOOM_OK);
    const char *const keys[] = {s_known.public_key};
    assert_int_equal (zloom_door_allow (s_door, keys, 1), ZLOOM_OK);
    return 0;
}

static int
s_teardown (void **state)
{
    zloom_router_transport_close (&s_router, 0);
    zloom_door_close (&s_door);
    return s_clear_place (state);
}

/* A road to `endpoint` with a key of its own; `server` is the key that it expects there. */
static zloom_dealer_t *
s_connect (const char *endpoint, const zloom_keypair_t *own, const char *server)
{
    zloom_curve_t curve = {.own = *own};
    (void) snprintf (curve.server, sizeof curve.server, "%s", server);
    const zloom_socket_config_t config = {.curve = &curve};
    zloom_dealer_t *dealer = NULL;
    assert_int_equal (zloom_dealer_open (endpoint, &config, &dealer), ZLOOM_OK);
    return dealer;
}

static void
s_say (zloom_dealer_t *dealer)
{
    assert_int_equal (zloom_dealer_send (dealer, zloom_bytes_text ("hi"), NULL, ZLOOM_BYTES_NULL),
                      ZLOOM_OK);
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

/* What a road is told when its handshake fails. */
static zloom_handshake_t
s_told (zloom_dealer_t *dealer)
{
    const int64_t end_ns = s_soon ();
    zloom_handshake_t told;
    while ((told = zloom_dealer_handshake (dealer)) == ZLOOM_HANDSHAKE_NOTHING &&
           zloom_clock_now ().mono_ns < end_ns) {
        zloom_poll_item_t item = {.fd = -1};
        assert_int_equal (zloom_poll (&item, 1, zloom_clock_now ().mono_ns + ZLOOM_NS_PER_MS),
                          ZLOOM_OK);
    }
    return told;
}

static void
s_nothing_comes (void)
{
    zloom_router_frame_t frame;
    assert_false (zloom_router_transport_receive (s_router, &frame));
}

static void
test_a_known_key_comes_in_under_its_name (void **state)
{
    (void) state;
    zloom_dealer_t *dealer = s_connect (s_tcp, &s_known, s_server.own.public_key);
    s_say (dealer);
    zloom_router_frame_t frame;
    s_router_gets (&frame);
    assert_false (frame.malformed);
    assert_non_null (frame.key);
    assert_string_equal (frame.key, s_known.public_key);
    /* Each frame carries it, also the second of a route. */
    s_say (dealer);
    s_router_gets (&frame);
    assert_string_equal (frame.key, s_known.public_key);
    uint64_t admitted = 0;
    uint64_t refused = 0;
    zloom_door_counts (s_door, &admitted, &refused);
    assert_int_equal (admitted, 1);
    assert_int_equal (refused, 0);
    zloom_dealer_close (&dealer, 0);
}

static void
test_plain_endpoints_of_the_same_router_ask_for_no_key (void **state)
{
    (void) state;
    const char *const endpoints[] = {s_at ("ipc://", "/a.sock"), "inproc://zloom-test-door"};
    for (size_t i = 0; i < 2; i++) {
        zloom_dealer_t *dealer = NULL;
        assert_int_equal (zloom_dealer_open (endpoints[i], NULL, &dealer), ZLOOM_OK);
        s_say (dealer);
        zloom_router_frame_t frame;
        s_router_gets (&frame);
        assert_null (frame.key);
        assert_false (frame.malformed);
        zloom_dealer_close (&dealer, 0);
    }
}

static void
test_an_unknown_key_is_told_so (void **state)
{
    (void) state;
    zloom_dealer_t *dealer = s_connect (s_tcp, &s_stranger, s_server.own.public_key);
    s_say (dealer);
    assert_int_equal (s_told (dealer), ZLOOM_HANDSHAKE_REFUSED);
    s_nothing_comes ();
    uint64_t admitted = 0;
    uint64_t refused = 0;
    zloom_door_counts (s_door, &admitted, &refused);
    assert_int_equal (admitted, 0);
    assert_int_equal (refused, 1);
    zloom_dealer_close (&dealer, 0);
}

static void
test_a_router_with_another_key_is_not_spoken_to (void **state)
{
    (void) state;
    zloom_dealer_t *dealer = s_connect (s_tcp, &s_known, s_stranger.public_key);
    s_say (dealer);
    const zloom_handshake_t told = s_told (dealer);
    assert_true (told == ZLOOM_HANDSHAKE_OTHER_KEY || told == ZLOOM_HANDSHAKE_BROKEN);
    s_nothing_comes ();
    zloom_router_transport_hear (s_router);
    zloom_router_transport_stats_t stats;
    zloom_router_transport_stats (s_router, &stats);
    assert_true (stats.broken_handshakes > 0);
    zloom_dealer_close (&dealer, 0);
}

static void
test_who_speaks_without_curve_is_not_heard (void **state)
{
    (void) state;
    zloom_dealer_t *dealer = NULL;
    assert_int_equal (zloom_dealer_open (s_tcp, NULL, &dealer), ZLOOM_OK);
    s_say (dealer);
    zloom_router_transport_stats_t stats = {0};
    const int64_t end_ns = s_soon ();
    while (stats.broken_handshakes == 0 && zloom_clock_now ().mono_ns < end_ns) {
        zloom_poll_item_t item = {.socket = zloom_router_transport_monitor (s_router), .fd = -1};
        assert_int_equal (zloom_poll (&item, 1, end_ns), ZLOOM_OK);
        zloom_router_transport_hear (s_router);
        zloom_router_transport_stats (s_router, &stats);
    }
    assert_true (stats.broken_handshakes > 0);
    s_nothing_comes ();
    zloom_dealer_close (&dealer, 0);
}

static void
test_the_table_is_exchanged_whole (void **state)
{
    (void) state;
    const char *const bad[] = {s_stranger.public_key, "no key"};
    assert_int_equal (zloom_door_allow (s_door, bad, 2), ZLOOM_INVALID);
    zloom_dealer_t *dealer = s_connect (s_tcp, &s_stranger, s_server.own.public_key);
    s_say (dealer);
    assert_int_equal (s_told (dealer), ZLOOM_HANDSHAKE_REFUSED);
    const char *const other[] = {s_stranger.public_key};
    assert_int_equal (zloom_door_allow (s_door, other, 1), ZLOOM_OK);
    assert_int_equal (zloom_dealer_renew (dealer), ZLOOM_OK);
    assert_int_equal (zloom_dealer_handshake (dealer), ZLOOM_HANDSHAKE_NOTHING);
    s_say (dealer);
    zloom_router_frame_t frame;
    s_router_gets (&frame);
    assert_string_equal (frame.key, s_stranger.public_key);
    zloom_dealer_close (&dealer, 0);
    dealer = s_connect (s_tcp, &s_known, s_server.own.public_key);
    s_say (dealer);
    assert_int_equal (s_told (dealer), ZLOOM_HANDSHAKE_REFUSED);
    zloom_dealer_close (&dealer, 0);
}

static void
test_a_door_without_a_table_lets_nobody_in (void **state)
{
    (void) state;
    assert_int_equal (zloom_door_allow (s_door, NULL, 0), ZLOOM_OK);
    zloom_dealer_t *dealer = s_connect (s_tcp, &s_known, s_server.own.public_key);
    s_say (dealer);
    assert_int_equal (s_told (dealer), ZLOOM_HANDSHAKE_REFUSED);
    zloom_dealer_close (&dealer, 0);
}

static void
test_nobody_comes_in_once_the_door_is_gone (void **state)
{
    (void) state;
    zloom_door_close (&s_door);
    zloom_dealer_t *dealer = s_connect (s_tcp, &s_known, s_server.own.public_key);
    s_say (dealer);
    assert_int_not_equal (s_told (dealer), ZLOOM_HANDSHAKE_NOTHING);
    s_nothing_comes ();
    zloom_dealer_close (&dealer, 0);
}

static void
test_two_doors_have_tables_of_their_own (void **state)
{
    (void) state;
    zloom_door_t *door = NULL;
    assert_int_equal (zloom_door_open ("edge", &door), ZLOOM_OK);
    const char *const keys[] = {s_stranger.public_key};
    assert_int_equal (zloom_door_allow (door, keys, 1), ZLOOM_OK);
    zloom_dealer_t *dealer = s_connect (s_tcp, &s_stranger, s_server.own.public_key);
    s_say (dealer);
    assert_int_equal (s_told (dealer), ZLOOM_HANDSHAKE_REFUSED);
    zloom_dealer_close (&dealer, 0);
    zloom_door_close (&door);
    /* The other one goes on. */
    dealer = s_connect (s_tcp, &s_known, s_server.own.public_key);
    s_say (dealer);
    zloom_router_frame_t frame;
    s_router_gets (&frame);
    zloom_dealer_close (&dealer, 0);
}

int
main (void)
{
#define WITH_A_ROUTER(test) cmocka_unit_test_setup_teardown (test, s_setup, s_teardown)
    const struct CMUnitTest tests[] = {
      WITH_A_ROUTER (test_a_known_key_comes_in_under_its_name),
      WITH_A_ROUTER (test_plain_endpoints_of_the_same_router_ask_for_no_key),
      WITH_A_ROUTER (test_an_unknown_key_is_told_so),
      WITH_A_ROUTER (test_a_router_with_another_key_is_not_spoken_to),
      WITH_A_ROUTER (test_who_speaks_without_curve_is_not_heard),
      WITH_A_ROUTER (test_the_table_is_exchanged_whole),
      WITH_A_ROUTER (test_a_door_without_a_table_lets_nobody_in),
      WITH_A_ROUTER (test_nobody_comes_in_once_the_door_is_gone),
      WITH_A_ROUTER (test_two_doors_have_tables_of_their_own),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
