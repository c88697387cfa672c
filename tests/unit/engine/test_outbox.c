/* SPDX-License-Identifier: MPL-2.0 */
/* A flow that keeps for another router: what it is called, and what it asks of senders. */
#include "unit/engine/peers.h"

#include "patterns/bus/bus.h"
#include "wire/encode.h"

static void
s_put (rig_t *rig, uint64_t id, uint32_t flags)
{
    zloom_buf_t pack = {0};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {
        .flow = 0, .first_id = id, .n = 1, .flags = flags, .base_time_ns = rig->now.wall_ns}};
    rig_pack (&pack, id, 1, 10);
    rig_put (rig, 1, &verb, &pack);
    zloom_buf_fini (&pack);
    rig_settle (rig);
}

static zloom_engine_flow_t
s_outbox (const char *key)
{
    zloom_engine_flow_t flow = rig_flow ("orders@hub", ZLOOM_CONFIRM_DISK);
    flow.flow = "orders";
    flow.key = key;
    return flow;
}

/* Whoever sends without keys is told here, not by the other router when it is too late. */
static void
test_keys_are_asked_for_that_the_flow_far_away_needs (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = s_outbox ("/id");
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    assert_true (zloom_bytes_equal (rig.verb.welcome.flows[0].key, zloom_bytes_text ("/id")));
    s_put (&rig, 1, 0);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_NO_KEY);
    assert_int_equal (rig.verb.refuse.from_id, 1);
    s_put (&rig, 1, ZLOOM_FLAG_KEY);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.upto_id, 1);
    rig_close (&rig);
}

static void
test_the_one_topic_far_away_is_told_here (void **state)
{
    (void) state;
    zloom_engine_flow_t flow = s_outbox (NULL);
    rig_t rig;
    static const char *const topics[] = {"happened"};
    flow.config.topics = topics;
    flow.config.topic_count = 1;
    flow.events = true;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    assert_true (
      zloom_bytes_equal (rig.verb.welcome.flows[0].topic, zloom_bytes_text ("happened")));
    rig_close (&rig);
}

static void
test_topics_are_those_of_the_flow_far_away (void **state)
{
    (void) state;
    static const char *const topics[] = {"order.*"};
    static const struct {
        const char *topic;
        zloom_err_t err;
    } rows[] = {{NULL, ZLOOM_MALFORMED},
                {"order", ZLOOM_INVALID},
                {"order.", ZLOOM_MALFORMED},
                {"order.paid", ZLOOM_OK}};
    zloom_engine_flow_t flow = s_outbox (NULL);
    rig_t rig;
    flow.config.topics = topics;
    flow.config.topic_count = 1;
    flow.events = true;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    assert_null (rig.verb.welcome.flows[0].topic.data);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        zloom_buf_t pack = {0};
        const zloom_envelope_t envelope = {.topic = zloom_bytes_text (rows[i].topic)};
        const zloom_verb_t verb = {
          .kind = ZLOOM_VERB_SEND,
          .send = {.first_id = 1, .n = 1, .flags = ZLOOM_FLAG_TOPIC, .base_time_ns = 1}};
        zloom_pack_add (&pack, &envelope);
        rig_put (&rig, 1, &verb, &pack);
        zloom_buf_fini (&pack);
        rig_settle (&rig);
        rig_expect (&rig, 1, rows[i].err ? ZLOOM_VERB_REFUSE : ZLOOM_VERB_CONFIRM);
        assert_int_equal (rows[i].err ? rig.verb.refuse.code : ZLOOM_OK, rows[i].err);
    }
    rig_close (&rig);
}

static void
test_without_a_key_any_message_is_taken (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = s_outbox (NULL);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    s_put (&rig, 1, 0);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.upto_id, 1);
    rig_close (&rig);
}

static zloom_err_t
s_asked (rig_t *rig, const char *command, const char *flow)
{
    zloom_buf_t args = {0};
    zloom_encode_map (&args, 1);
    zloom_encode_string (&args, "flow");
    zloom_encode_string (&args, flow);
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ADMIN,
                               .admin = {.request = 1,
                                         .command = zloom_bytes_text (command),
                                         .args = zloom_buf_bytes (&args)}};
    rig_put (rig, 1, &verb, NULL);
    rig_settle (rig);
    rig_expect (rig, 1, ZLOOM_VERB_ANSWER);
    zloom_buf_fini (&args);
    return rig->verb.answer.code;
}

/* Else who looks for the router that a flow lives on would end at one that only keeps for it. */
static void
test_questions_about_the_flow_are_for_its_own_router (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = s_outbox (NULL);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    assert_int_equal (s_asked (&rig, "stats", "orders"), ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (s_asked (&rig, "group ls", "orders"), ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (s_asked (&rig, "stats", "orders@hub"), ZLOOM_OK);
    assert_int_equal (s_asked (&rig, "outbox", "orders"), ZLOOM_OK); /* a bridge's */
    assert_int_equal (s_asked (&rig, "outbox", "orders@hub"), ZLOOM_OK);
    rig_close (&rig);
}

static void
test_questions_about_a_flow_are_not_for_its_copy (void **state)
{
    (void) state;
    zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_MEMORY);
    rig_t rig;
    flow.config.pattern = "bus";
    flow.config.copy_of = "hub";
    flow.config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    flow.pattern = &zloom_bus_pattern;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "operator", 1, NULL);
    assert_int_equal (s_asked (&rig, "group ls", "orders"), ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (s_asked (&rig, "purge", "orders"), ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (s_asked (&rig, "pause", "orders"), ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (s_asked (&rig, "stats", "orders"), ZLOOM_OK);
    rig_close (&rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_keys_are_asked_for_that_the_flow_far_away_needs),
      cmocka_unit_test (test_the_one_topic_far_away_is_told_here),
      cmocka_unit_test (test_topics_are_those_of_the_flow_far_away),
      cmocka_unit_test (test_without_a_key_any_message_is_taken),
      cmocka_unit_test (test_questions_about_the_flow_are_for_its_own_router),
      cmocka_unit_test (test_questions_about_a_flow_are_not_for_its_copy),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
