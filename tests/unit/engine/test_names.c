/* SPDX-License-Identifier: MPL-2.0 */
/* Whose a producer's name is: the key's under which it has sent, also while it is away. */
#include "unit/engine/peers.h"

static const char *s_left; /* a key that is not in the fleet any more */
static zloom_engine_flow_t s_flow;

/* Keys of hosts begin with "host". */
static bool
s_rights (void *arg, const char *key, zloom_right_t right, const char *flow)
{
    (void) arg;
    (void) flow;
    if (right == ZLOOM_RIGHT_ENTER) {
        return !key || !s_left || strcmp (key, s_left) != 0;
    }
    return right != ZLOOM_RIGHT_SUPERVISE || !key || strncmp (key, "host", 4) == 0;
}

static void
s_open (rig_t *rig)
{
    s_left = NULL;
    s_flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_init (rig, &s_flow, 1);
    rig->rights = s_rights;
    rig->key = "host-of-the-router";
    assert_int_equal (rig_start (rig), ZLOOM_OK);
}

/* A process of this name comes with this key (NULL: none), and says what it holds. */
static void
s_come (rig_t *rig, const char *name, const char *key, uint64_t next, zloom_verb_kind_t answer)
{
    static uint8_t nonce = 1;
    const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("orders"), .next = next};
    rig->keys[1] = key;
    rig_put_hello (rig, 1, name, nonce++, &hello, next > 0 ? 1 : 0);
    rig_settle (rig);
    rig_expect (rig, 1, answer);
}

static void
s_refused (rig_t *rig, const char *name, const char *key, uint64_t next)
{
    s_come (rig, name, key, next, ZLOOM_VERB_BYE);
    assert_int_equal (rig->verb.bye.code, ZLOOM_FORBIDDEN);
    assert_non_null (memmem (rig->verb.bye.text.data, rig->verb.bye.text.size, "'orders'", 8));
    rig_quiet (rig);
}

static void
s_leave (rig_t *rig)
{
    const zloom_verb_t bye = {.kind = ZLOOM_VERB_BYE};
    rig_put (rig, 1, &bye, NULL);
    rig_settle (rig);
    rig_quiet (rig);
}

static void
s_sends (rig_t *rig, const char *name, const char *key, uint64_t id)
{
    s_come (rig, name, key, 1, ZLOOM_VERB_WELCOME);
    assert_int_equal (rig->verb.welcome.flows[0].code, ZLOOM_OK);
    assert_int_equal (rig->verb.welcome.flows[0].high, id - 1);
    rig_put_send (rig, 1, id, 1);
    rig_settle (rig);
    rig_expect (rig, 1, ZLOOM_VERB_CONFIRM);
    s_leave (rig);
}

static void
test_a_name_is_that_key_s_also_while_it_is_away (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_sends (&rig, "shop", "one", 1);
    s_refused (&rig, "shop", "other", 1);
    s_refused (&rig, "shop", "other", 1000); /* nor is it moved on by who claims to have sent */
    s_refused (&rig, "shop", "other", 0);    /* nor held, by who sends nothing */
    s_sends (&rig, "other-shop", "other", 1);
    s_sends (&rig, "shop", "one", 2);
    rig_close (&rig);
}

/* The router's own user may use any name; what it has sent first is its host's. */
static void
test_who_comes_without_a_key (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_sends (&rig, "shop", "one", 1);
    s_sends (&rig, "shop", NULL, 2);
    s_sends (&rig, "shop", "one", 3);
    s_sends (&rig, "local", NULL, 1);
    s_refused (&rig, "local", "one", 1);
    /* A node moved to another host. */
    s_sends (&rig, "local", "host-b", 2);
    s_sends (&rig, "local", "host-c", 3);
    s_refused (&rig, "local", "one", 1);
    rig_close (&rig);
}

static void
test_a_key_that_has_left_owns_nothing (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_sends (&rig, "shop", "one", 1);
    s_left = "one";
    s_sends (&rig, "shop", "two", 2);
    s_left = NULL;
    s_refused (&rig, "shop", "one", 1);
    rig_close (&rig);
}

static void
test_it_is_known_after_a_restart (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_sends (&rig, "shop", "one", 1);
    rig_crash (&rig); /* at once: it is in the group of its first message */
    s_refused (&rig, "shop", "other", 1);
    s_sends (&rig, "shop", "one", 2);
    rig_close (&rig);
}

/* Another host's own process: it is trusted with what hosts have sent, not with all names. */
static void
test_a_host_takes_over_from_hosts_alone (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_sends (&rig, "shop", "one", 1);
    s_refused (&rig, "shop", "host-b", 1);
    s_sends (&rig, "shop", "one", 2);
    rig_close (&rig);
}

/* The router got keys later: what was sent before is nobody's, until the first who sends again. */
static void
test_a_name_from_before_there_were_keys (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_stop (&rig);
    rig.rights = NULL;
    rig.key = NULL;
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    s_sends (&rig, "shop", NULL, 1);
    rig_stop (&rig);
    rig.rights = s_rights;
    rig.key = "host-of-the-router";
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    s_sends (&rig, "shop", "one", 2);
    s_refused (&rig, "shop", "other", 1);
    rig_crash (&rig);
    s_refused (&rig, "shop", "other", 1);
    s_sends (&rig, "shop", "one", 3);
    rig_close (&rig);
}

static void
test_without_rules_no_name_is_anybody_s (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_sends (&rig, "shop", "one", 1);
    rig_stop (&rig);
    rig.rights = NULL;
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    s_sends (&rig, "shop", "other", 2);
    rig_close (&rig);
}

/* A flow that has left the recipe holds no name, though its senders are known in the journal. */
static void
test_a_flow_that_is_gone_holds_no_name (void **state)
{
    (void) state;
    const zloom_engine_flow_t other = rig_flow ("other", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    s_open (&rig);
    s_sends (&rig, "shop", "one", 1);
    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, 1, 1, ZLOOM_VERDICT_ACK);
    rig_settle (&rig);
    assert_int_equal (zloom_engine_reload (rig.engine, &other, 1, rig.now), ZLOOM_OK);
    s_come (&rig, "shop", "other", 0, ZLOOM_VERB_WELCOME);
    s_leave (&rig);
    assert_int_equal (zloom_engine_reload (rig.engine, &s_flow, 1, rig.now), ZLOOM_OK);
    s_refused (&rig, "shop", "other", 0);
    rig_close (&rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_name_is_that_key_s_also_while_it_is_away),
      cmocka_unit_test (test_who_comes_without_a_key),
      cmocka_unit_test (test_a_key_that_has_left_owns_nothing),
      cmocka_unit_test (test_it_is_known_after_a_restart),
      cmocka_unit_test (test_a_host_takes_over_from_hosts_alone),
      cmocka_unit_test (test_a_name_from_before_there_were_keys),
      cmocka_unit_test (test_without_rules_no_name_is_anybody_s),
      cmocka_unit_test (test_a_flow_that_is_gone_holds_no_name),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
