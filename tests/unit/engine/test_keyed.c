/* SPDX-License-Identifier: MPL-2.0 */
/* Peers that came with a key: which rights are asked for, of what, and what a revoked one loses. */
#include "unit/engine/peers.h"
#include "wire/attrs.h"
#include "wire/encode.h"

#define SHOP "shop-key"
#define HOST_B "host-b-key"
#define HOST_C "host-c-key"

static zloom_engine_flow_t s_flows[2];
/* All that is allowed beside what local peers may: the first s_count of them. */
static struct {
    const char *key;
    zloom_right_t right;
    const char *flow; /* NULL: of the router */
} s_allowed[16];
static size_t s_count;

static bool
s_rights (void *arg, const char *key, zloom_right_t right, const char *flow)
{
    (void) arg;
    if (!key) {
        return true; /* this very user on this very host */
    }
    for (size_t i = 0; i < s_count; i++) {
        if (strcmp (s_allowed[i].key, key) == 0 &&
            (right == ZLOOM_RIGHT_ENTER ||
             (s_allowed[i].right == right &&
              (flow ? s_allowed[i].flow && strcmp (s_allowed[i].flow, flow) == 0
                    : !s_allowed[i].flow)))) {
            return true;
        }
    }
    return false;
}

static void
s_allow (const char *key, zloom_right_t right, const char *flow)
{
    assert_true (s_count < sizeof s_allowed / sizeof *s_allowed);
    s_allowed[s_count].key = key;
    s_allowed[s_count].right = right;
    s_allowed[s_count++].flow = flow;
}

static void
s_open (rig_t *rig)
{
    s_count = 0;
    rig_init (rig, s_flows, 2);
    rig->rights = s_rights;
    assert_int_equal (rig_start (rig), ZLOOM_OK);
}

static void
test_an_unknown_key_has_no_session (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig.keys[3] = SHOP;
    rig_put_hello (&rig, 3, "shop", 1, NULL, 0);
    rig_settle (&rig);
    rig_expect (&rig, 3, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_FORBIDDEN);
    s_allow (SHOP, ZLOOM_RIGHT_PUBLISH, "orders");
    rig_hello (&rig, 4, "local", 2, "orders");
    rig.keys[5] = SHOP;
    rig_hello (&rig, 5, "shop", 1, "orders");
    rig_close (&rig);
}

static void
test_a_right_to_one_flow_is_none_to_another (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_allow (SHOP, ZLOOM_RIGHT_PUBLISH, "orders");
    rig.keys[3] = SHOP;
    const zloom_hello_flow_t flows[] = {{.name = zloom_bytes_text ("orders"), .next = 1},
                                        {.name = zloom_bytes_text ("paid"), .next = 1}};
    rig_put_hello (&rig, 3, "shop", 1, flows, 2);
    rig_settle (&rig);
    rig_expect (&rig, 3, ZLOOM_VERB_WELCOME);
    assert_int_equal (rig.verb.welcome.flows[0].code, ZLOOM_OK);
    assert_int_equal (rig.verb.welcome.flows[1].code, ZLOOM_FORBIDDEN);
    rig_put_subscribe (&rig, 3, 1, "orders", ZLOOM_MODE_CONSUME);
    rig_settle (&rig);
    rig_expect (&rig, 3, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig.verb.subscribed.code, ZLOOM_FORBIDDEN);
    rig_close (&rig);
}

/* GONE of the process "worker" with nonce 2, by route `from`. */
static void
s_put_gone (rig_t *rig, zloom_route_t from)
{
    uint8_t nonce[ZLOOM_NONCE_BYTES] = {2};
    const zloom_verb_t gone = {.kind = ZLOOM_VERB_GONE,
                               .gone = {.name = zloom_bytes_text ("worker"),
                                        .nonce = zloom_bytes (nonce, sizeof nonce),
                                        .exit = -1,
                                        .signal = 9}};
    rig_put (rig, from, &gone, NULL);
    rig_settle (rig);
}

static bool
s_is_refused (rig_t *rig, zloom_route_t route)
{
    return rig_take (rig, route, ZLOOM_VERB_REFUSE) && rig->verb.refuse.code == ZLOOM_FORBIDDEN;
}

/* Nobody but its own host's supervisor buries a process. */
static void
test_a_forged_gone_is_refused (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_allow (HOST_B, ZLOOM_RIGHT_CONSUME, "orders");
    s_allow (HOST_B, ZLOOM_RIGHT_SUPERVISE, NULL);
    s_allow (HOST_C, ZLOOM_RIGHT_SUPERVISE, NULL);
    s_allow (SHOP, ZLOOM_RIGHT_CONSUME, "orders");
    rig.keys[2] = rig.keys[3] = HOST_B;
    rig.keys[4] = HOST_C;
    rig.keys[5] = SHOP;
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_hello (&rig, 3, "supervisor-b", 3, NULL);
    rig_hello (&rig, 4, "supervisor-c", 4, NULL);
    rig_hello (&rig, 5, "stranger", 5, NULL);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_consumer (&rig, 6, "heir", "orders", 10);
    s_put_gone (&rig, 5); /* without the right to supervise */
    assert_true (s_is_refused (&rig, 5));
    s_put_gone (&rig, 4); /* a supervisor of another host */
    assert_true (s_is_refused (&rig, 4));
    assert_false (rig_take (&rig, 6, ZLOOM_VERB_DELIVER));
    s_put_gone (&rig, 3);
    assert_false (s_is_refused (&rig, 3));
    rig_expect (&rig, 6, ZLOOM_VERB_DELIVER);
    rig_close (&rig);
}

static void
test_a_revoked_key_loses_its_session_at_once (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_allow (HOST_B, ZLOOM_RIGHT_CONSUME, "orders");
    rig.keys[2] = HOST_B;
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_consumer (&rig, 3, "heir", "orders", 10);
    zloom_engine_recheck_rights (rig.engine, rig.now);
    rig_settle (&rig);
    assert_false (rig_take (&rig, 2, ZLOOM_VERB_BYE)); /* nothing has changed */
    s_count = 0;
    zloom_engine_recheck_rights (rig.engine, rig.now);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_FORBIDDEN);
    /* What it held goes to another one, the same moment. */
    rig_expect (&rig, 3, ZLOOM_VERB_DELIVER);
    rig_close (&rig);
}

static void
test_who_may_not_consume_any_more_ends_too (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_allow (HOST_B, ZLOOM_RIGHT_CONSUME, "orders");
    rig.keys[2] = HOST_B;
    rig_consumer (&rig, 2, "worker", "orders", 10);
    s_count = 0;
    s_allow (HOST_B, ZLOOM_RIGHT_PUBLISH, "orders");
    zloom_engine_recheck_rights (rig.engine, rig.now);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_BYE);
    assert_non_null (memmem (rig.verb.bye.text.data, rig.verb.bye.text.size, "orders", 6));
    rig_close (&rig);
}

/* Dead letters go back only where the asker might have sent them. */
static void
test_requeue_puts_back_only_where_the_asker_may (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_allow (SHOP, ZLOOM_RIGHT_ADMINISTER, "paid");
    rig.keys[9] = SHOP;
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    const zloom_settle_run_t run = {.first = 1,
                                    .n = 1,
                                    .verdict = ZLOOM_VERDICT_REJECT,
                                    .delay_ms = ZLOOM_DELAY_UNSET,
                                    .cause = {.reason = zloom_bytes_text ("rejected"), .exit = -1}};
    const zloom_verb_t settle = {
      .kind = ZLOOM_VERB_SETTLE,
      .settle = {.handle = 1, .token = rig.verb.deliver.token, .runs = &run, .run_count = 1}};
    rig_put (&rig, 2, &settle, NULL);
    rig_settle (&rig);
    rig_hello (&rig, 9, "operator", 9, NULL);
    zloom_buf_t args = {0};
    zloom_encode_map (&args, 1);
    zloom_encode_string (&args, "flow");
    zloom_encode_string (&args, "paid");
    static const char *const results[] = {"refused", "moved"};
    for (uint64_t i = 0; i < 2; i++) {
        const zloom_verb_t ask = {.kind = ZLOOM_VERB_ADMIN,
                                  .admin = {.request = i + 1,
                                            .command = zloom_bytes_text ("dlq requeue"),
                                            .args = zloom_buf_bytes (&args)}};
        rig_put (&rig, 9, &ask, NULL);
        rig_settle (&rig);
        rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
        assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
        zloom_attr_t value;
        assert_true (zloom_attrs_find (rig.verb.answer.result, results[i], &value));
        assert_int_equal (value.number, 1);
        s_allow (SHOP, ZLOOM_RIGHT_PUBLISH, "orders");
    }
    zloom_buf_fini (&args);
    rig_close (&rig);
}

int
main (void)
{
    s_flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    s_flows[0].config.dead_letter = "paid";
    s_flows[1] = rig_flow ("paid", ZLOOM_CONFIRM_DISK);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_an_unknown_key_has_no_session),
      cmocka_unit_test (test_a_right_to_one_flow_is_none_to_another),
      cmocka_unit_test (test_a_forged_gone_is_refused),
      cmocka_unit_test (test_a_revoked_key_loses_its_session_at_once),
      cmocka_unit_test (test_who_may_not_consume_any_more_ends_too),
      cmocka_unit_test (test_requeue_puts_back_only_where_the_asker_may),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
