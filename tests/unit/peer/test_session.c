/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "peer/session.h"

#define BEAT_NS ZLOOM_NS_PER_S

static zloom_sessions_t *
s_new (size_t sessions_max, size_t remembered_max)
{
    const zloom_sessions_config_t config = {.heartbeat_ns = BEAT_NS,
                                            .liveness = 4,
                                            .first_epoch = 100,
                                            .passing_mark = '~',
                                            .sessions_max = sessions_max,
                                            .remembered_max = remembered_max};
    return zloom_sessions_new (&config);
}

static zloom_err_t
s_hello (zloom_sessions_t *sessions, uint64_t route, const char *key, const char *name,
         uint8_t nonce, zloom_session_t **session, zloom_session_t **older, bool *fenced)
{
    const uint8_t bytes[ZLOOM_NONCE_BYTES] = {nonce};
    const zloom_verb_hello_t hello = {.proto_min = ZLOOM_PROTO_MIN,
                                      .proto_max = ZLOOM_PROTO_MAX,
                                      .name = zloom_bytes_text (name),
                                      .role = zloom_bytes_text ("test"),
                                      .nonce = zloom_bytes (bytes, sizeof bytes)};
    return zloom_sessions_hello (sessions, route, key, &hello, 0, session, older, fenced);
}

static zloom_session_t *
s_join (zloom_sessions_t *sessions, uint64_t route, const char *name, uint8_t nonce)
{
    zloom_session_t *session;
    zloom_session_t *older;
    bool fenced;
    assert_int_equal (s_hello (sessions, route, NULL, name, nonce, &session, &older, &fenced),
                      ZLOOM_OK);
    if (older) {
        zloom_sessions_remove (sessions, &older);
    }
    return session;
}

static void
test_found_by_route_id_and_process (void **state)
{
    (void) state;
    zloom_sessions_t *sessions = s_new (0, 0);
    zloom_session_t *shop = s_join (sessions, 1, "shop", 1);
    zloom_session_t *other = s_join (sessions, 2, "other", 2);
    const uint8_t nonce[ZLOOM_NONCE_BYTES] = {2};
    assert_ptr_equal (zloom_sessions_by_route (sessions, 1), shop);
    assert_ptr_equal (zloom_sessions_by_id (sessions, other->id), other);
    assert_ptr_equal (zloom_sessions_by_process (sessions, zloom_bytes_text ("other"),
                                                 zloom_bytes (nonce, sizeof nonce)),
                      other);
    assert_null (zloom_sessions_by_process (sessions, zloom_bytes_text ("shop"),
                                            zloom_bytes (nonce, sizeof nonce)));
    assert_int_equal (zloom_sessions_count (sessions), 2);
    zloom_sessions_remove (sessions, &shop);
    assert_null (shop);
    assert_null (zloom_sessions_by_route (sessions, 1));
    zloom_sessions_destroy (&sessions);
}

/* A peer of another time is told both ranges, whether it is too old or too new. */
static void
test_a_protocol_in_common (void **state)
{
    (void) state;
    static const struct {
        uint32_t min, max;
    } ranges[] = {{ZLOOM_PROTO_MAX + 1, ZLOOM_PROTO_MAX + 2}, {0, ZLOOM_PROTO_MIN - 1}};
    zloom_sessions_t *sessions = s_new (0, 0);
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const uint8_t bytes[ZLOOM_NONCE_BYTES] = {1};
        const zloom_verb_hello_t hello = {.proto_min = ranges[i].min,
                                          .proto_max = ranges[i].max,
                                          .name = zloom_bytes_text ("shop"),
                                          .role = zloom_bytes_text ("test"),
                                          .nonce = zloom_bytes (bytes, sizeof bytes)};
        zloom_session_t *session = NULL;
        zloom_session_t *older = NULL;
        bool fenced = false;
        assert_int_equal (
          zloom_sessions_hello (sessions, 1, NULL, &hello, 0, &session, &older, &fenced),
          ZLOOM_VERSION);
        assert_null (session);
    }
    assert_int_equal (zloom_sessions_count (sessions), 0);
    zloom_sessions_destroy (&sessions);
}

/* Who goes leaves the line of those that wait, wherever it stands; the others keep their order. */
static void
test_who_goes_leaves_the_line (void **state)
{
    (void) state;
    zloom_sessions_t *sessions = s_new (0, 0);
    zloom_session_t *waits[4];
    static const char *const names[] = {"a", "b", "c", "d"};
    for (uint8_t i = 0; i < 4; i++) {
        waits[i] = s_join (sessions, i + 1u, names[i], i);
        zloom_sessions_wait (sessions, waits[i]);
    }
    zloom_session_t *second = waits[1];
    zloom_session_t *last = waits[3];
    zloom_sessions_remove (sessions, &second);
    zloom_sessions_remove (sessions, &last);
    assert_int_equal (zloom_sessions_waiting (sessions), 2);
    assert_ptr_equal (zloom_sessions_take_waiting (sessions), waits[0]);
    assert_ptr_equal (zloom_sessions_take_waiting (sessions), waits[2]);
    assert_null (zloom_sessions_take_waiting (sessions));
    zloom_sessions_destroy (&sessions);
}

static void
test_epochs (void **state)
{
    (void) state;
    zloom_sessions_t *sessions = s_new (0, 0);
    zloom_session_t *session = s_join (sessions, 1, "shop", 1);
    zloom_session_t *older;
    bool fenced;
    const uint64_t epoch = session->epoch;
    assert_true (epoch > 100);
    zloom_sessions_remove (sessions, &session);
    session = s_join (sessions, 2, "shop", 1); /* it was away and comes back */
    assert_true (session->epoch == epoch);
    zloom_verb_hello_t hello = {.name = zloom_bytes_text ("shop"),
                                .nonce = zloom_bytes (session->nonce, ZLOOM_NONCE_BYTES)};
    assert_false (zloom_sessions_is_takeover (sessions, &hello));
    hello.name = zloom_bytes_text ("mart");
    assert_false (zloom_sessions_is_takeover (sessions, &hello));
    hello = (zloom_verb_hello_t){.name = zloom_bytes_text ("shop"),
                                 .nonce = zloom_bytes ("0123456789abcdef", 16)};
    assert_true (zloom_sessions_is_takeover (sessions, &hello));
    assert_int_equal (s_hello (sessions, 3, NULL, "shop", 2, &session, &older, &fenced), ZLOOM_OK);
    assert_true (session->epoch > epoch);
    assert_true (fenced);
    assert_int_equal (older->route, 2);
    zloom_sessions_remove (sessions, &older);
    assert_ptr_equal (zloom_sessions_by_route (sessions, 3), session);
    assert_int_equal (s_hello (sessions, 4, NULL, "shop", 1, &session, &older, &fenced),
                      ZLOOM_FENCED);
    assert_null (session);
    zloom_sessions_destroy (&sessions);
}

/* Who comes by the router's own socket may do everything: no key keeps a name from them. */
static void
test_the_router_s_own_user_has_any_name (void **state)
{
    (void) state;
    zloom_sessions_t *sessions = s_new (0, 0);
    zloom_session_t *session;
    zloom_session_t *older;
    bool fenced;
    assert_int_equal (s_hello (sessions, 1, "key-a", "charge", 1, &session, &older, &fenced),
                      ZLOOM_OK);
    assert_int_equal (s_hello (sessions, 2, NULL, "charge", 2, &session, &older, &fenced),
                      ZLOOM_OK);
    assert_non_null (older);
    assert_true (fenced);
    zloom_sessions_remove (sessions, &older);
    assert_int_equal (s_hello (sessions, 3, "key-a", "charge", 3, &session, &older, &fenced),
                      ZLOOM_FORBIDDEN);
    zloom_sessions_destroy (&sessions);
}

static void
test_a_name_belongs_to_its_key (void **state)
{
    (void) state;
    zloom_sessions_t *sessions = s_new (0, 0);
    zloom_session_t *session;
    zloom_session_t *older;
    bool fenced;
    assert_int_equal (s_hello (sessions, 1, "key-a", "shop", 1, &session, &older, &fenced),
                      ZLOOM_OK);
    assert_int_equal (s_hello (sessions, 2, "key-b", "shop", 2, &session, &older, &fenced),
                      ZLOOM_FORBIDDEN);
    assert_int_equal (s_hello (sessions, 2, "key-a", "shop", 2, &session, &older, &fenced),
                      ZLOOM_OK);
    zloom_sessions_remove (sessions, &older);
    zloom_sessions_destroy (&sessions);
}

static void
test_limits_on_sessions_and_on_memory_of_names (void **state)
{
    (void) state;
    zloom_sessions_t *sessions = s_new (2, 3);
    zloom_session_t *session = s_join (sessions, 1, "a", 1);
    zloom_session_t *older;
    bool fenced;
    const uint64_t epoch = session->epoch;
    s_join (sessions, 2, "b", 1);
    assert_int_equal (s_hello (sessions, 3, NULL, "c", 1, &session, &older, &fenced),
                      ZLOOM_TOO_MANY);
    session = zloom_sessions_by_route (sessions, 1);
    zloom_sessions_remove (sessions, &session);
    for (int i = 0; i < 10; i++) {
        char name[8];
        snprintf (name, sizeof name, "n%d", i);
        session = s_join (sessions, 10, name, 1);
        zloom_sessions_remove (sessions, &session);
    }
    session = s_join (sessions, 1, "a", 1); /* forgotten by now: a new epoch, never an old one */
    assert_true (session->epoch > epoch);
    zloom_sessions_destroy (&sessions);
}

/* A process that was lost comes back to its epoch, however many others have come and gone. */
static void
test_names_drawn_for_one_session_crowd_nobody_out (void **state)
{
    (void) state;
    zloom_sessions_t *sessions = s_new (0, 0);
    zloom_session_t *shop = s_join (sessions, 1, "shop", 1);
    zloom_session_t *first = s_join (sessions, 2, "~first", 1);
    zloom_session_t *stays = s_join (sessions, 3, "~stays", 1);
    const uint64_t shop_epoch = shop->epoch;
    const uint64_t first_epoch = first->epoch;
    const uint64_t stays_epoch = stays->epoch;
    zloom_sessions_remove (sessions, &shop);
    zloom_sessions_remove (sessions, &first);
    first = s_join (sessions, 2, "~first", 1);
    assert_true (first->epoch == first_epoch);
    zloom_sessions_remove (sessions, &first);
    uint64_t last_epoch = 0;
    for (int i = 0; i < 3000; i++) {
        char name[16];
        snprintf (name, sizeof name, "~n%d", i);
        zloom_session_t *session = s_join (sessions, 10, name, 1);
        last_epoch = session->epoch;
        zloom_sessions_remove (sessions, &session);
    }
    assert_true (s_join (sessions, 1, "shop", 1)->epoch == shop_epoch);
    assert_true (s_join (sessions, 4, "~n2999", 1)->epoch == last_epoch);
    assert_true (s_join (sessions, 5, "~stays", 1)->epoch == stays_epoch);
    assert_true (s_join (sessions, 2, "~first", 1)->epoch > last_epoch); /* forgotten by now */
    zloom_sessions_destroy (&sessions);
}

static void
test_heartbeats (void **state)
{
    (void) state;
    zloom_sessions_t *sessions = s_new (0, 0);
    zloom_session_t *alive = s_join (sessions, 1, "alive", 1);
    zloom_session_t *silent = s_join (sessions, 2, "silent", 2);
    zloom_session_t *due;
    zloom_sessions_watch (sessions, alive, 0);
    zloom_sessions_watch (sessions, silent, 0);
    assert_int_equal (zloom_sessions_deadline (sessions), BEAT_NS);
    int pings = 0;
    bool gone = false;
    for (int64_t now_ns = 0; now_ns <= 4 * BEAT_NS; now_ns += BEAT_NS / 4) {
        zloom_session_heard (alive, now_ns);
        zloom_beat_action_t action;
        while ((action = zloom_sessions_due (sessions, now_ns, &due)) != ZLOOM_BEAT_NONE) {
            if (action == ZLOOM_BEAT_GONE) {
                assert_ptr_equal (due, silent);
                assert_int_equal (now_ns, 4 * BEAT_NS);
                gone = true;
            } else {
                pings++;
            }
        }
    }
    assert_true (gone);
    assert_int_equal (pings, 7);
    zloom_sessions_destroy (&sessions);
}

static void
test_a_shift_makes_nobody_late (void **state)
{
    (void) state;
    zloom_sessions_t *sessions = s_new (0, 0);
    zloom_session_t *session = s_join (sessions, 1, "shop", 1);
    zloom_session_t *due;
    zloom_sessions_watch (sessions, session, 0);
    zloom_sessions_shift (sessions, 100 * BEAT_NS);
    assert_int_equal (zloom_sessions_due (sessions, 100 * BEAT_NS, &due), ZLOOM_BEAT_NONE);
    assert_int_equal (zloom_sessions_due (sessions, 101 * BEAT_NS, &due), ZLOOM_BEAT_PING);
    zloom_sessions_destroy (&sessions);
}

static void
test_those_who_wait_take_turns (void **state)
{
    (void) state;
    zloom_sessions_t *sessions = s_new (0, 0);
    zloom_session_t *a = s_join (sessions, 1, "a", 1);
    zloom_session_t *b = s_join (sessions, 2, "b", 1);
    zloom_session_t *c = s_join (sessions, 3, "c", 1);
    zloom_sessions_wait (sessions, a);
    zloom_sessions_wait (sessions, b);
    zloom_sessions_wait (sessions, a); /* once is enough */
    zloom_sessions_wait (sessions, c);
    assert_int_equal (zloom_sessions_waiting (sessions), 3);
    assert_ptr_equal (zloom_sessions_take_waiting (sessions), a);
    zloom_sessions_wait (sessions, a);
    zloom_sessions_remove (sessions, &b);
    assert_ptr_equal (zloom_sessions_take_waiting (sessions), c);
    assert_ptr_equal (zloom_sessions_take_waiting (sessions), a);
    assert_null (zloom_sessions_take_waiting (sessions));
    zloom_sessions_wait (sessions, c);
    zloom_sessions_remove (sessions, &c);
    assert_int_equal (zloom_sessions_waiting (sessions), 0);
    zloom_sessions_wait (sessions, a);
    assert_ptr_equal (zloom_sessions_take_waiting (sessions), a);
    zloom_sessions_destroy (&sessions);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_found_by_route_id_and_process),
      cmocka_unit_test (test_a_protocol_in_common),
      cmocka_unit_test (test_who_goes_leaves_the_line),
      cmocka_unit_test (test_epochs),
      cmocka_unit_test (test_a_name_belongs_to_its_key),
      cmocka_unit_test (test_the_router_s_own_user_has_any_name),
      cmocka_unit_test (test_limits_on_sessions_and_on_memory_of_names),
      cmocka_unit_test (test_names_drawn_for_one_session_crowd_nobody_out),
      cmocka_unit_test (test_heartbeats),
      cmocka_unit_test (test_a_shift_makes_nobody_late),
      cmocka_unit_test (test_those_who_wait_take_turns),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
