/* SPDX-License-Identifier: MPL-2.0 */
/* Rights: each verb is held against the peer's own, also one that it lost while it was there. */
#include "unit/engine/peers.h"
#include "wire/encode.h"

#define BIT(right) (1u << ZLOOM_RIGHT_##right)
#define ALL (~0u)

static unsigned s_held;
static zloom_engine_flow_t s_flows[2];

static bool
s_rights (void *arg, const char *key, zloom_right_t right, const char *flow)
{
    (void) arg;
    (void) key;
    (void) flow;
    return right == ZLOOM_RIGHT_ENTER || (s_held & (1u << right)) != 0;
}

static void
s_open (rig_t *rig)
{
    s_held = ALL;
    rig_init (rig, s_flows, 2);
    rig->rights = s_rights;
    assert_int_equal (rig_start (rig), ZLOOM_OK);
}

/* What WELCOME says of the flow to a peer that holds these rights. */
static zloom_err_t
s_welcome (rig_t *rig, unsigned held, uint64_t next)
{
    const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("orders"), .next = next};
    static uint8_t nonce = 1;
    s_held = held;
    rig_put_hello (rig, 5, "peer", nonce++, &hello, 1);
    rig_settle (rig);
    rig_expect (rig, 5, ZLOOM_VERB_WELCOME);
    s_held = ALL;
    return rig->verb.welcome.flows[0].code;
}

static void
test_who_has_no_right_to_a_flow_is_refused_it (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    assert_int_equal (s_welcome (&rig, ALL & ~BIT (PUBLISH), 1), ZLOOM_FORBIDDEN);
    assert_int_equal (s_welcome (&rig, BIT (PUBLISH), 1), ZLOOM_OK);
    assert_int_equal (s_welcome (&rig, BIT (SUPERVISE), 0), ZLOOM_FORBIDDEN);
    assert_non_null (memmem (rig.verb.welcome.flows[0].note.data,
                             rig.verb.welcome.flows[0].note.size, "right", 5));
    /* Any right to it is enough to be told of it. */
    assert_int_equal (s_welcome (&rig, BIT (PUBLISH), 0), ZLOOM_OK);
    assert_int_equal (s_welcome (&rig, BIT (CONSUME), 0), ZLOOM_OK);
    assert_int_equal (s_welcome (&rig, BIT (READ), 0), ZLOOM_OK);
    assert_int_equal (s_welcome (&rig, BIT (ADMINISTER), 0), ZLOOM_OK);
    rig_close (&rig);
}

static void
test_a_send_without_the_right_is_refused (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 1, "shop", 1, "orders");
    s_held = ALL & ~BIT (PUBLISH);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_FORBIDDEN);
    assert_int_equal (rig.verb.refuse.from_id, 1);
    s_held = ALL;
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_close (&rig);
}

static void
test_a_step_emits_only_where_its_worker_may (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_put_send (&rig, 1, 1, 1);
    rig_hello (&rig, 2, "worker", 2, "paid");
    rig_put_subscribe (&rig, 2, 1, "orders", ZLOOM_MODE_CONSUME);
    rig_put_credit (&rig, 2, 1, 10);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    const zloom_emit_t emit = {.flow = 0, .n = 1, .base_time_ns = 5};
    const zloom_settle_run_t run = {
      .first = 1, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_STEP,
                               .step = {.has_handle = true,
                                        .handle = 1,
                                        .token = rig.verb.deliver.token,
                                        .settles = &run,
                                        .settle_count = 1,
                                        .emits = &emit,
                                        .emit_count = 1}};
    zloom_buf_t pack = {0};
    rig_pack (&pack, 1, 1, 10);
    s_held = ALL & ~BIT (PUBLISH);
    rig_put (&rig, 2, &verb, &pack);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.step, ZLOOM_FORBIDDEN);
    /* Nothing of it was done: the lease is held still, and the same step can be done. */
    s_held = ALL;
    rig_put (&rig, 2, &verb, &pack);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.step, ZLOOM_OK);
    zloom_buf_fini (&pack);
    rig_close (&rig);
}

static zloom_err_t
s_subscribe (rig_t *rig, unsigned held, zloom_mode_t mode)
{
    static uint32_t handle = 1;
    s_held = held;
    rig_put_subscribe (rig, 2, handle++, "orders", mode);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SUBSCRIBED);
    s_held = ALL;
    return rig->verb.subscribed.code;
}

static void
test_to_consume_and_to_look_are_two_rights (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 2, "worker", 2, NULL);
    assert_int_equal (s_subscribe (&rig, ALL & ~BIT (CONSUME), ZLOOM_MODE_CONSUME),
                      ZLOOM_FORBIDDEN);
    assert_int_equal (s_subscribe (&rig, BIT (CONSUME), ZLOOM_MODE_CONSUME), ZLOOM_OK);
    assert_int_equal (s_subscribe (&rig, ALL & ~BIT (READ), ZLOOM_MODE_TAP), ZLOOM_FORBIDDEN);
    assert_non_null (
      memmem (rig.verb.subscribed.text.data, rig.verb.subscribed.text.size, "may not read", 12));
    assert_int_equal (s_subscribe (&rig, BIT (READ), ZLOOM_MODE_TAP), ZLOOM_OK);
    rig_close (&rig);
}

static void
s_ask (rig_t *rig, const char *command, const char *flow)
{
    static uint64_t request = 1;
    zloom_buf_t args = {0};
    if (flow) {
        zloom_encode_map (&args, 1);
        zloom_encode_string (&args, "flow");
        zloom_encode_string (&args, flow);
    }
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ADMIN,
                               .admin = {.request = request++,
                                         .command = zloom_bytes_text (command),
                                         .args = zloom_buf_bytes (&args)}};
    rig_put (rig, 9, &verb, NULL);
    rig_settle (rig);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
    rig_quiet (rig);
    zloom_buf_fini (&args);
}

static void
test_to_look_and_to_change_are_two_rights (void **state)
{
    (void) state;
    static const struct {
        const char *command;
        const char *flow;
        unsigned right;
    } commands[] = {
      {"stats", NULL, BIT (READ)},
      {"stats", "orders", BIT (READ)},
      {"flow ls", NULL, BIT (READ)},
      {"flow parked", "orders", BIT (READ)},
      {"flow release", "orders", BIT (ADMINISTER)},
      {"pause", "orders", BIT (ADMINISTER)},
      {"resume", "orders", BIT (ADMINISTER)},
      {"drain", "orders", BIT (ADMINISTER)},
      {"peer pause", NULL, BIT (ADMINISTER)},
      {"peer resume", NULL, BIT (ADMINISTER)},
      {"reload", NULL, BIT (ADMINISTER)},
      {"purge", "orders", BIT (ADMINISTER)},
      {"trace", NULL, BIT (READ)},
      {"group ls", NULL, BIT (READ)},
      {"group ls", "orders", BIT (READ)},
      {"group drop", "orders", BIT (ADMINISTER)},
      {"receipts", "orders", BIT (READ)},
      {"outbox", "orders", BIT (CONSUME)},
      {"dlq ls", NULL, BIT (READ)},
      {"dlq show", "orders", BIT (READ)},
      {"dlq requeue", "orders", BIT (ADMINISTER)},
      {"dlq purge", "orders", BIT (ADMINISTER)},
    };
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 9, "operator", 9, NULL);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        s_held = ALL & ~commands[i].right;
        s_ask (&rig, commands[i].command, commands[i].flow);
        assert_int_equal (rig.verb.answer.code, ZLOOM_FORBIDDEN);
        assert_false (rig.verb.answer.more);
        const char *word = commands[i].right == BIT (READ)      ? "may not read"
                           : commands[i].right == BIT (CONSUME) ? "may not consume"
                                                                : "may not administer";
        assert_non_null (
          memmem (rig.verb.answer.text.data, rig.verb.answer.text.size, word, strlen (word)));
        /* With it alone it is allowed; some then miss an argument. */
        s_held = commands[i].right;
        s_ask (&rig, commands[i].command, commands[i].flow);
        assert_int_not_equal (rig.verb.answer.code, ZLOOM_FORBIDDEN);
    }
    rig_close (&rig);
}

static zloom_err_t
s_peer (rig_t *rig, const char *command, const char *peer)
{
    zloom_buf_t args = {0};
    zloom_encode_map (&args, 1);
    zloom_encode_string (&args, "peer");
    zloom_encode_string (&args, peer);
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ADMIN,
                               .admin = {.request = 1,
                                         .command = zloom_bytes_text (command),
                                         .args = zloom_buf_bytes (&args)}};
    rig_put (rig, 9, &verb, NULL);
    zloom_buf_fini (&args);
    rig_settle (rig);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
    return rig->verb.answer.code;
}

static void
test_a_supervisor_pauses_its_own_processes_and_no_others (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig.keys[1] = rig.keys[9] = "host";
    rig.keys[2] = "other";
    rig_hello (&rig, 9, "supervisor", 9, NULL);
    rig_hello (&rig, 1, "work", 1, NULL);
    rig_hello (&rig, 2, "strange", 2, NULL);
    rig_hello (&rig, 3, "local", 3, NULL);
    s_held = BIT (SUPERVISE);
    assert_int_equal (s_peer (&rig, "peer pause", "work"), ZLOOM_OK);
    assert_int_equal (s_peer (&rig, "peer resume", "work"), ZLOOM_OK);
    assert_int_equal (s_peer (&rig, "peer pause", "strange"), ZLOOM_FORBIDDEN);
    assert_int_equal (s_peer (&rig, "peer pause", "local"), ZLOOM_FORBIDDEN);
    /* Of a name that nobody has it cannot be told whose it is. */
    assert_int_equal (s_peer (&rig, "peer resume", "away"), ZLOOM_FORBIDDEN);
    s_held = 0;
    assert_int_equal (s_peer (&rig, "peer pause", "work"), ZLOOM_FORBIDDEN);
    rig_close (&rig);
}

int
main (void)
{
    s_flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    s_flows[1] = rig_flow ("paid", ZLOOM_CONFIRM_DISK);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_who_has_no_right_to_a_flow_is_refused_it),
      cmocka_unit_test (test_a_send_without_the_right_is_refused),
      cmocka_unit_test (test_a_step_emits_only_where_its_worker_may),
      cmocka_unit_test (test_to_consume_and_to_look_are_two_rights),
      cmocka_unit_test (test_to_look_and_to_change_are_two_rights),
      cmocka_unit_test (test_a_supervisor_pauses_its_own_processes_and_no_others),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
