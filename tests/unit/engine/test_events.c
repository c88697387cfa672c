/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Buses as the engine hosts them, with the real pattern, queue and log: durable groups over
 * crashes, their dead letters and requeues, volatile subscribers over restarts, a stalled one among
 * others.
 */
#include "patterns/bus/bus.h"
#include "unit/engine/peers.h"
#include "wire/attrs.h"

#define MEMORY_FIRST(boot) ((uint64_t) (boot) << 40)

static zloom_engine_flow_t s_flows[4];

static zloom_engine_flow_t
s_bus (const char *name, zloom_confirm_t confirm)
{
    zloom_engine_flow_t flow = rig_flow (name, confirm);
    flow.config.pattern = "bus";
    flow.pattern = &zloom_bus_pattern;
    return flow;
}

/* Publish messages of these topics (a space between), by the sender on that route. */
static void
s_publish (rig_t *rig, zloom_route_t route, uint64_t first_id, const char *topics)
{
    zloom_buf_t pack = {0};
    uint32_t n = 0;
    for (const char *at = topics; *at; n++) {
        const size_t size = strcspn (at, " ");
        const zloom_envelope_t envelope = {.topic = zloom_bytes (at, size),
                                           .body = zloom_bytes (at, size)};
        zloom_pack_add (&pack, &envelope);
        at += size + (at[size] == ' ');
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {
        .first_id = first_id, .n = n, .flags = ZLOOM_FLAG_TOPIC, .base_time_ns = rig->now.wall_ns}};
    rig_put (rig, route, &verb, &pack);
    zloom_buf_fini (&pack);
}

/* Hello, subscribe and credit; the answer is in rig->verb. */
static void
s_subscribe (rig_t *rig, zloom_route_t route, const char *name, const char *flow,
             const zloom_verb_subscribe_t *subscribe, uint64_t credit)
{
    rig_hello (rig, route, name, (uint8_t) route, NULL);
    zloom_verb_t verb = {.kind = ZLOOM_VERB_SUBSCRIBE, .subscribe = *subscribe};
    verb.subscribe.handle = 1;
    verb.subscribe.flow = zloom_bytes_text (flow);
    rig_put (rig, route, &verb, NULL);
    if (credit > 0) {
        rig_put_credit (rig, route, 1, credit);
    }
    rig_settle (rig);
    rig_expect (rig, route, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig->verb.subscribed.code, ZLOOM_OK);
}

static zloom_verb_subscribe_t
s_durable (const char *group)
{
    return (zloom_verb_subscribe_t){.group = zloom_bytes_text (group), .durable = true};
}

/* How many messages came to that route in DELIVERs; all are acked when they are leased. */
static uint64_t
s_take_all (rig_t *rig, zloom_route_t route, zloom_verdict_t verdict)
{
    uint64_t n = 0;
    while (rig_take (rig, route, ZLOOM_VERB_DELIVER)) {
        const zloom_token_t token = rig->verb.deliver.token;
        for (size_t i = 0; i < rig->verb.deliver.run_count; i++) {
            const zloom_run_t run = rig->verb.deliver.runs[i];
            n += run.n;
            if (token.number > 0) {
                rig_put_settle (rig, route, 1, token, run.seq, run.n, verdict);
            }
        }
    }
    rig_run (rig, 10 * ZLOOM_NS_PER_MS);
    return n;
}

static void
s_ask (rig_t *rig, zloom_route_t route, const char *command, const char *flow, int64_t seq)
{
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text (flow));
    zloom_attrs_put_int (&args, "seq", seq);
    rig_put_admin (rig, route, 1, command, &args);
    rig_run (rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect (rig, route, ZLOOM_VERB_ANSWER);
    assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
}

static void
s_drop_group (rig_t *rig, zloom_route_t route, const char *flow, const char *group)
{
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text (flow));
    zloom_attrs_put_text (&args, "group", zloom_bytes_text (group));
    rig_put_admin (rig, route, 2, "group drop", &args);
    rig_run (rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect (rig, route, ZLOOM_VERB_ANSWER);
    assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
}

static bool
s_says (const rig_t *rig, const char *text)
{
    const zloom_bytes_t result = rig->verb.answer.result;
    return memmem (result.data, result.size, text, strlen (text)) != NULL;
}

/* ---- durable groups ------------------------------------------------------------------------- */

static void
test_durable_groups_outlive_a_crash (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, s_flows, 4);
    rig_hello (&rig, 1, "shop", 1, "paid");
    rig_settle (&rig);
    s_publish (&rig, 1, 1, "order.paid order.declined price.up");
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_crash (&rig); /* nobody was there yet: the recipe names them */
    zloom_verb_subscribe_t ledger = s_durable ("ledger");
    s_subscribe (&rig, 2, "ledger", "paid", &ledger, 100);
    assert_int_equal (rig.verb.subscribed.lease_ms, 30000);
    assert_int_equal (s_take_all (&rig, 2, ZLOOM_VERDICT_ACK), 2);
    /* A member that does not know that its group is durable is leased all the same. */
    const zloom_verb_subscribe_t email = {.group = zloom_bytes_text ("email")};
    s_subscribe (&rig, 3, "email", "paid", &email, 2);
    assert_int_equal (rig.verb.subscribed.lease_ms, 30000);
    assert_int_equal (s_take_all (&rig, 3, ZLOOM_VERDICT_ACK), 2);
    rig_crash (&rig);
    s_subscribe (&rig, 2, "ledger", "paid", &ledger, 100);
    assert_int_equal (s_take_all (&rig, 2, ZLOOM_VERDICT_ACK), 0);
    s_subscribe (&rig, 3, "email", "paid", &email, 100);
    assert_int_equal (s_take_all (&rig, 3, ZLOOM_VERDICT_ACK), 1);
    rig_close (&rig);
}

static void
test_a_dead_letter_goes_back_to_its_group_alone (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, s_flows, 4);
    rig_hello (&rig, 1, "shop", 1, "paid");
    rig_hello (&rig, 9, "operator", 9, NULL);
    rig_settle (&rig);
    const zloom_verb_subscribe_t ledger = s_durable ("ledger");
    const zloom_verb_subscribe_t email = s_durable ("email");
    s_subscribe (&rig, 2, "ledger", "paid", &ledger, 100);
    s_subscribe (&rig, 3, "email", "paid", &email, 100);
    s_publish (&rig, 1, 1, "order.paid");
    rig_settle (&rig);
    assert_int_equal (s_take_all (&rig, 2, ZLOOM_VERDICT_REJECT), 1);
    assert_int_equal (s_take_all (&rig, 3, ZLOOM_VERDICT_ACK), 1);
    s_ask (&rig, 9, "dlq show", "dead", 0);
    assert_true (s_says (&rig, "paid/ledger"));
    s_ask (&rig, 9, "dlq ls", "dead", 0);
    assert_true (s_says (&rig, "rejected"));
    s_ask (&rig, 9, "dlq requeue", "dead", 0);
    assert_true (s_says (&rig, "moved\x01"));
    rig_settle (&rig);
    assert_int_equal (s_take_all (&rig, 2, ZLOOM_VERDICT_ACK), 1);
    assert_int_equal (s_take_all (&rig, 3, ZLOOM_VERDICT_ACK), 0);
    s_ask (&rig, 9, "dlq ls", "dead", 0);
    assert_true (s_says (&rig, "messages"));
    assert_false (s_says (&rig, "rejected")); /* none is left */
    rig_close (&rig);
}

/* Of a group that was dropped it stays where it is: its neighbours have had it. */
static void
test_a_dead_letter_of_a_dropped_group_goes_nowhere (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, s_flows, 4);
    rig_hello (&rig, 1, "shop", 1, "paid");
    rig_hello (&rig, 9, "operator", 9, NULL);
    rig_settle (&rig);
    const zloom_verb_subscribe_t audit = s_durable ("audit");
    const zloom_verb_subscribe_t email = s_durable ("email");
    s_subscribe (&rig, 2, "audit", "paid", &audit, 100);
    s_subscribe (&rig, 3, "email", "paid", &email, 100);
    s_publish (&rig, 1, 1, "order.paid");
    rig_settle (&rig);
    assert_int_equal (s_take_all (&rig, 2, ZLOOM_VERDICT_REJECT), 1);
    assert_int_equal (s_take_all (&rig, 3, ZLOOM_VERDICT_ACK), 1);
    const zloom_verb_t leave = {.kind = ZLOOM_VERB_UNSUBSCRIBE, .unsubscribe = {.handle = 1}};
    rig_put (&rig, 2, &leave, NULL);
    rig_settle (&rig);
    s_drop_group (&rig, 9, "paid", "audit");
    s_ask (&rig, 9, "dlq requeue", "dead", 0);
    assert_true (s_says (&rig, "refused\x01"));
    rig_settle (&rig);
    assert_int_equal (s_take_all (&rig, 3, ZLOOM_VERDICT_ACK), 0);
    s_ask (&rig, 9, "dlq show", "dead", 0);
    assert_true (s_says (&rig, "paid/audit"));
    rig_close (&rig);
}

static void
test_receipts_tell_each_groups_state (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, s_flows, 4);
    rig_hello (&rig, 1, "shop", 1, "paid");
    rig_hello (&rig, 9, "operator", 9, NULL);
    rig_settle (&rig);
    const zloom_verb_subscribe_t ledger = s_durable ("ledger");
    s_subscribe (&rig, 2, "ledger", "paid", &ledger, 100);
    s_publish (&rig, 1, 1, "order.paid price.up");
    rig_settle (&rig);
    assert_int_equal (s_take_all (&rig, 2, ZLOOM_VERDICT_ACK), 1);
    s_ask (&rig, 9, "receipts", "paid", 1);
    assert_true (s_says (&rig, "acked"));
    assert_true (s_says (&rig, "lagging"));
    s_ask (&rig, 9, "receipts", "paid", 2);
    assert_true (s_says (&rig, "filtered"));
    s_ask (&rig, 9, "group ls", "paid", 0);
    assert_true (s_says (&rig, "order.*"));
    rig_close (&rig);
}

/* A step of a queue's consumer publishes in the commit that settles: both happen, or neither. */
static void
test_a_step_publishes_or_does_not (void **state)
{
    (void) state;
    for (int crash = 0; crash < 2; crash++) {
        rig_t rig;
        rig_open (&rig, s_flows, 4);
        rig_hello (&rig, 1, "shop", 1, "orders");
        rig_settle (&rig);
        rig_put_send (&rig, 1, 1, 1);
        const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("paid"), .next = 1};
        rig_put_hello (&rig, 3, "charge", 3, &hello, 1);
        rig_settle (&rig);
        rig_put_subscribe (&rig, 3, 1, "orders", ZLOOM_MODE_CONSUME);
        rig_put_credit (&rig, 3, 1, 10);
        rig_settle (&rig);
        rig_expect (&rig, 3, ZLOOM_VERB_DELIVER);
        const zloom_settle_run_t settle = {
          .first = 1, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
        const zloom_emit_t emit = {
          .n = 1, .flags = ZLOOM_FLAG_TOPIC, .base_time_ns = rig.now.wall_ns};
        const zloom_verb_t step = {.kind = ZLOOM_VERB_STEP,
                                   .step = {.has_handle = true,
                                            .handle = 1,
                                            .token = rig.verb.deliver.token,
                                            .settles = &settle,
                                            .settle_count = 1,
                                            .emits = &emit,
                                            .emit_count = 1}};
        zloom_buf_t pack = {0};
        const zloom_envelope_t envelope = {.topic = zloom_bytes_text ("order.paid"),
                                           .body = zloom_bytes_text ("x")};
        zloom_pack_add (&pack, &envelope);
        rig_put (&rig, 3, &step, &pack);
        zloom_buf_fini (&pack);
        rig_turn (&rig);
        if (!crash) {
            rig_settle (&rig);
        }
        rig_crash (&rig);
        const zloom_verb_subscribe_t ledger = s_durable ("ledger");
        s_subscribe (&rig, 2, "ledger", "paid", &ledger, 100);
        assert_int_equal (s_take_all (&rig, 2, ZLOOM_VERDICT_ACK), crash ? 0 : 1);
        rig_consumer (&rig, 4, "other", "orders", 10);
        assert_int_equal (s_take_all (&rig, 4, ZLOOM_VERDICT_ACK), crash ? 1 : 0);
        rig_close (&rig);
    }
}

/* A subscriber comes by a reload: nothing is said anew by those who are there. */
static void
test_a_subscriber_is_added_while_it_runs (void **state)
{
    (void) state;
    static const char *const all[] = {">"};
    static zloom_subscriber_config_t subscribers[3];
    rig_t rig;
    rig_open (&rig, s_flows, 4);
    rig_hello (&rig, 1, "shop", 1, "paid");
    rig_settle (&rig);
    s_publish (&rig, 1, 1, "order.paid");
    rig_settle (&rig);
    zloom_engine_flow_t changed[4];
    memcpy (changed, s_flows, sizeof changed);
    memcpy (subscribers, s_flows[0].config.subscribers, 2 * sizeof *subscribers);
    subscribers[2] = (zloom_subscriber_config_t){
      .name = "seventh", .patterns = all, .pattern_count = 1, .durable = true};
    changed[0].config.subscribers = subscribers;
    changed[0].config.subscriber_count = 3;
    assert_int_equal (zloom_engine_reload (rig.engine, changed, 4, rig.now), ZLOOM_OK);
    s_publish (&rig, 1, 2, "order.paid order.paid");
    rig_run (&rig, 10 * ZLOOM_NS_PER_MS);
    rig.flows = changed;
    rig_crash (&rig); /* it is durable before anybody took for it */
    const zloom_verb_subscribe_t seventh = s_durable ("seventh");
    s_subscribe (&rig, 2, "seventh", "paid", &seventh, 100);
    assert_int_equal (s_take_all (&rig, 2, ZLOOM_VERDICT_ACK), 2);
    rig_close (&rig);
}

/* ---- volatile subscribers ------------------------------------------------------------------- */

static void
test_another_life_is_told_by_a_gap (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, s_flows, 4);
    s_subscribe (&rig, 2, "screen", "ticks", &(zloom_verb_subscribe_t){0}, 100);
    const uint64_t next = rig.verb.subscribed.next;
    assert_int_equal (next, MEMORY_FIRST (1));
    rig_crash (&rig);
    s_subscribe (&rig, 2, "screen", "ticks",
                 &(zloom_verb_subscribe_t){.from = ZLOOM_FROM_SEQ, .from_value = (int64_t) next},
                 100);
    rig_expect (&rig, 2, ZLOOM_VERB_GAP);
    assert_int_equal (rig.verb.gap.from, next);
    assert_int_equal (rig.verb.gap.to, MEMORY_FIRST (2) - 1);
    assert_int_equal (rig.verb.gap.count, 0); /* nobody knows */
    assert_memory_equal (rig.verb.gap.reason.data, "restart", 7);
    rig_hello (&rig, 1, "shop", 1, "ticks");
    rig_settle (&rig);
    s_publish (&rig, 1, 1, "a b");
    rig_settle (&rig);
    assert_int_equal (s_take_all (&rig, 2, ZLOOM_VERDICT_ACK), 2);
    rig_expect_none (&rig, 2, ZLOOM_VERB_GAP);
    rig_close (&rig);
}

/* One of many takes nothing more: the others have all of it at once, and it hears what it lost. */
static void
test_a_stalled_one_is_nobodys_problem (void **state)
{
    (void) state;
    enum { OTHERS = 63, PACKS = 20 };
    rig_t rig;
    rig_open (&rig, s_flows, 4);
    rig_hello (&rig, 1, "shop", 1, "ticks");
    rig_settle (&rig);
    for (zloom_route_t route = 10; route < 10 + OTHERS; route++) {
        char name[16];
        snprintf (name, sizeof name, "s%u", (unsigned) route);
        s_subscribe (&rig, route, name, "ticks", &(zloom_verb_subscribe_t){0}, 1000);
    }
    s_subscribe (&rig, 9, "stalled", "ticks", &(zloom_verb_subscribe_t){.on_slow_value = 10}, 1);
    for (unsigned i = 0; i < PACKS; i++) {
        s_publish (&rig, 1, 1 + 4u * i, "a.b c.d a.b e");
    }
    rig_settle (&rig);
    for (zloom_route_t route = 10; route < 10 + OTHERS; route++) {
        assert_int_equal (s_take_all (&rig, route, ZLOOM_VERDICT_ACK), 4 * PACKS);
        rig_expect_none (&rig, route, ZLOOM_VERB_GAP);
    }
    assert_int_equal (s_take_all (&rig, 9, ZLOOM_VERDICT_ACK), 1);
    rig_put_credit (&rig, 9, 1, 100);
    rig_settle (&rig);
    rig_expect (&rig, 9, ZLOOM_VERB_GAP);
    assert_int_equal (rig.verb.gap.from, MEMORY_FIRST (1) + 1);
    assert_int_equal (rig.verb.gap.count, 4 * PACKS - 1 - 10);
    assert_int_equal (s_take_all (&rig, 9, ZLOOM_VERDICT_ACK), 10);
    rig_close (&rig);
}

static void
test_an_event_needs_a_topic (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, s_flows, 4);
    rig_hello (&rig, 1, "shop", 1, "ticks");
    rig_settle (&rig);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.from_id, 1);
    s_publish (&rig, 1, 1, "good a..b");
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_true (rig.verb.refuse.text.size > 0);
    s_publish (&rig, 1, 1, "a.*");
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    s_publish (&rig, 1, 1, "good");
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_close (&rig);
}

int
main (void)
{
    static const char *const orders[] = {"order.*"};
    static const zloom_subscriber_config_t subscribers[] = {
      {.name = "ledger", .patterns = orders, .pattern_count = 1, .durable = true},
      {.name = "email", .durable = true}};
    s_flows[0] = s_bus ("paid", ZLOOM_CONFIRM_DISK);
    s_flows[0].config.subscribers = subscribers;
    s_flows[0].config.subscriber_count = 2;
    s_flows[0].config.dead_letter = "dead";
    s_flows[1] = s_bus ("ticks", ZLOOM_CONFIRM_MEMORY);
    s_flows[2] = rig_flow ("dead", ZLOOM_CONFIRM_DISK);
    s_flows[3] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_durable_groups_outlive_a_crash),
      cmocka_unit_test (test_a_dead_letter_goes_back_to_its_group_alone),
      cmocka_unit_test (test_a_dead_letter_of_a_dropped_group_goes_nowhere),
      cmocka_unit_test (test_receipts_tell_each_groups_state),
      cmocka_unit_test (test_a_step_publishes_or_does_not),
      cmocka_unit_test (test_a_subscriber_is_added_while_it_runs),
      cmocka_unit_test (test_another_life_is_told_by_a_gap),
      cmocka_unit_test (test_a_stalled_one_is_nobodys_problem),
      cmocka_unit_test (test_an_event_needs_a_topic),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
