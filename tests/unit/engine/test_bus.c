/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The engine as the host of flows where each subscriber gets all: answers in front of what comes of
 * them, gaps among deliveries, ends, one pack for everybody, no leases.
 */
#include "unit/engine/fanout.h"

static zloom_engine_flow_t s_flows[3];

static void
s_open (rig_t *rig)
{
    rig_open (rig, s_flows, 3);
    rig_hello (rig, 1, "shop", 1, "events");
    rig_settle (rig);
}

static void
s_put_subscribe (rig_t *rig, zloom_route_t route, const zloom_verb_subscribe_t *subscribe)
{
    zloom_verb_t verb = {.kind = ZLOOM_VERB_SUBSCRIBE, .subscribe = *subscribe};
    verb.subscribe.flow = zloom_bytes_text ("events");
    verb.subscribe.handle = 1;
    rig_put (rig, route, &verb, NULL);
}

/* n messages of these topics, each by itself in turn. */
static void
s_put_topics (rig_t *rig, uint64_t first_id, const char *const *topics, uint32_t n)
{
    zloom_buf_t pack = {0};
    for (uint32_t i = 0; i < n; i++) {
        const zloom_envelope_t envelope = {.topic = zloom_bytes_text (topics[i]),
                                           .body = zloom_bytes_text ("x")};
        zloom_pack_add (&pack, &envelope);
    }
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND,
                               .send = {.flow = 0,
                                        .first_id = first_id,
                                        .n = n,
                                        .flags = ZLOOM_FLAG_TOPIC,
                                        .base_time_ns = rig->now.wall_ns}};
    rig_put (rig, 1, &verb, &pack);
    zloom_buf_fini (&pack);
}

static void
test_one_pack_goes_to_all (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    for (zloom_route_t route = 2; route < 66; route++) {
        char name[16];
        snprintf (name, sizeof name, "screen-%u", (unsigned) route);
        rig_consumer (&rig, route, name, "events", 1000);
    }
    rig_put_send (&rig, 1, 1, 256);
    rig_settle (&rig);
    const void *bytes = NULL;
    for (zloom_route_t route = 2; route < 66; route++) {
        rig_expect (&rig, route, ZLOOM_VERB_DELIVER);
        assert_int_equal (rig.verb.deliver.runs[0].n, 256);
        assert_int_equal (rig.verb.deliver.token.number, 0);
        assert_int_equal (rig.verb.deliver.delivery_no, 1);
        assert_int_equal (rig.verb.deliver.handle, 1);
        assert_int_equal (rig.verb.deliver.src[0].first_id, 1);
        assert_true (!bytes || bytes == rig.pack_from);
        bytes = rig.pack_from;
        rig_expect_none (&rig, route, ZLOOM_VERB_DELIVER);
    }
    assert_non_null (bytes);
    rig_close (&rig);
}

/* The next frame to that route must be of this kind. */
static void
s_next_is (rig_t *rig, zloom_route_t route, zloom_verb_kind_t kind)
{
    assert_true (rig_take (rig, route, ZLOOM_VERB_NONE));
    assert_string_equal (zloom_verb_info (rig->verb.kind)->name, zloom_verb_info (kind)->name);
}

static void
test_the_answer_stands_in_front (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_put_send (&rig, 1, 1, 5);
    rig_settle (&rig);
    rig_hello (&rig, 2, "screen", 2, NULL);
    rig_quiet (&rig);
    const uint64_t first = (UINT64_C (1) << 40) + 1; /* of the boot: memory flows */
    s_put_subscribe (
      &rig, 2, &(zloom_verb_subscribe_t){.from = ZLOOM_FROM_SEQ, .from_value = (int64_t) first});
    rig_settle (&rig);
    s_next_is (&rig, 2, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig.verb.subscribed.code, ZLOOM_OK);
    assert_int_equal (rig.verb.subscribed.lease_ms, 0);
    assert_int_equal (rig.verb.subscribed.next, first);
    s_next_is (&rig, 2, ZLOOM_VERB_GAP);
    assert_int_equal (rig.verb.gap.from, first);
    assert_int_equal (rig.verb.gap.to, first + 3);
    assert_memory_equal (rig.verb.gap.reason.data, "slow", 4);
    rig_close (&rig);
}

static void
test_where_it_begins_is_told (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 2, "screen", 2, NULL);
    s_put_subscribe (&rig, 2, &(zloom_verb_subscribe_t){.from = ZLOOM_FROM_NOW});
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig.verb.subscribed.next, UINT64_C (1) << 40);
    rig_hello (&rig, 3, "ledger", 3, NULL);
    s_put_subscribe (&rig, 3, &(zloom_verb_subscribe_t){.durable = true});
    rig_settle (&rig);
    rig_expect (&rig, 3, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig.verb.subscribed.next, 0);
    assert_int_equal (rig.verb.subscribed.lease_ms, 30000);
    rig_close (&rig);
}

static void
test_what_the_pattern_refuses_is_not_there (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 2, "screen", 2, NULL);
    s_put_subscribe (&rig, 2, &(zloom_verb_subscribe_t){.group = zloom_bytes_text ("refused")});
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig.verb.subscribed.code, ZLOOM_INVALID);
    assert_memory_equal (rig.verb.subscribed.text.data, "the group is refused", 20);
    /* The handle is free, and patterns are looked at before the pattern hears of them. */
    const zloom_bytes_t bad = zloom_bytes_text ("order..paid");
    s_put_subscribe (&rig, 2, &(zloom_verb_subscribe_t){.patterns = &bad, .pattern_count = 1});
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig.verb.subscribed.code, ZLOOM_MALFORMED);
    s_put_subscribe (&rig, 2, &(zloom_verb_subscribe_t){.from = ZLOOM_FROM_SEQ, .from_value = -1});
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig.verb.subscribed.code, ZLOOM_INVALID);
    s_put_subscribe (&rig, 2, &(zloom_verb_subscribe_t){0});
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig.verb.subscribed.code, ZLOOM_OK);
    rig_close (&rig);
}

static void
test_a_gap_stands_between_deliveries (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 2, "screen", "events", 2);
    rig_quiet (&rig);
    rig_put_send (&rig, 1, 1, 5);
    rig_settle (&rig);
    rig_put_credit (&rig, 2, 1, 10);
    rig_put_send (&rig, 1, 6, 1);
    rig_settle (&rig);
    s_next_is (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].n, 2);
    s_next_is (&rig, 2, ZLOOM_VERB_GAP);
    assert_int_equal (rig.verb.gap.count, 3);
    s_next_is (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.delivery_no, 2); /* gaps have no number of their own */
    rig_close (&rig);
}

static void
test_an_end_is_told_and_frees_the_handle (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 2, "screen", "events", 100);
    rig_consumer (&rig, 3, "other", "events", 100);
    rig_put_send (&rig, 1, 1, FANOUT_UNLUCKY);
    rig_put_credit (&rig, 2, 1, 200); /* it crosses */
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig.verb.subscribed.code, ZLOOM_TOO_MANY);
    rig_expect (&rig, 3, ZLOOM_VERB_SUBSCRIBED);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_credit (&rig, 2, 1, 300);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_REFUSE);
    s_put_subscribe (&rig, 2, &(zloom_verb_subscribe_t){0});
    rig_put_credit (&rig, 2, 1, 100);
    rig_put_send (&rig, 1, 1 + FANOUT_UNLUCKY, 1);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    /* The session of one whose subscription ended ends like any other. */
    const zloom_verb_t bye = {.kind = ZLOOM_VERB_BYE};
    rig_put (&rig, 3, &bye, NULL);
    rig_settle (&rig);
    assert_true (rig.forgotten[3]);
    rig_close (&rig);
}

static void
test_without_a_lease_nothing_is_settled (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 2, "screen", "events", 100);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    const zloom_token_t token = rig.verb.deliver.token;
    const zloom_run_t run = rig.verb.deliver.runs[0];
    rig_put_settle (&rig, 2, 1, token, run.seq, 1, ZLOOM_VERDICT_ACK);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.runs[0].code, ZLOOM_STALE);
    zloom_verb_t verb = {.kind = ZLOOM_VERB_STARTED,
                         .started = {.handle = 1, .token = token, .runs = &run, .run_count = 1}};
    rig_put (&rig, 2, &verb, NULL);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_STALE);
    const zloom_settle_run_t settle = {
      .first = run.seq, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    verb = (zloom_verb_t){
      .kind = ZLOOM_VERB_STEP,
      .step = {
        .has_handle = true, .handle = 1, .token = token, .settles = &settle, .settle_count = 1}};
    rig_put (&rig, 2, &verb, NULL);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_true (rig.verb.settled.is_step);
    assert_int_equal (rig.verb.settled.step, ZLOOM_STALE);
    rig_close (&rig);
}

static void
test_a_tap_sees_the_topics_that_it_names (void **state)
{
    (void) state;
    static const char *const topics[] = {"order.paid", "order.paid", "price.up", "order.new.eu",
                                         "order.paid"};
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 2, "eye", 2, NULL);
    const zloom_bytes_t patterns[] = {zloom_bytes_text ("order.paid"),
                                      zloom_bytes_text ("price.>")};
    s_put_subscribe (
      &rig, 2,
      &(zloom_verb_subscribe_t){.mode = ZLOOM_MODE_TAP, .patterns = patterns, .pattern_count = 2});
    rig_put_credit (&rig, 2, 1, 4);
    rig_settle (&rig);
    s_put_topics (&rig, 1, topics, 5);
    rig_settle (&rig);
    const uint64_t first = UINT64_C (1) << 40;
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].seq, first);
    assert_int_equal (rig.verb.deliver.runs[0].n, 3);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].seq, first + 4);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_expect_none (&rig, 2, ZLOOM_VERB_GAP);
    /* Without credit it misses what it wants, and only that counts. */
    s_put_topics (&rig, 6, topics, 5);
    rig_settle (&rig);
    rig_put_credit (&rig, 2, 1, 10);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_GAP);
    assert_int_equal (rig.verb.gap.from, first + 5);
    assert_int_equal (rig.verb.gap.to, first + 9);
    assert_int_equal (rig.verb.gap.count, 4);
    rig_close (&rig);
}

/* A step from a queue into it: one commit, and what is heard is the step's. */
static void
test_a_step_publishes (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, s_flows, 3);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_settle (&rig);
    rig_consumer (&rig, 2, "screen", "events", 10);
    const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("events"), .next = 1};
    rig_put_hello (&rig, 3, "charge", 3, &hello, 1);
    rig_settle (&rig);
    rig_put_subscribe (&rig, 3, 1, "orders", ZLOOM_MODE_CONSUME);
    rig_put_credit (&rig, 3, 1, 10);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 3, ZLOOM_VERB_DELIVER);
    const zloom_settle_run_t settle = {
      .first = 1, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    const zloom_emit_t emit = {.flow = 0, .n = 1, .base_time_ns = rig.now.wall_ns};
    const zloom_verb_t step = {.kind = ZLOOM_VERB_STEP,
                               .step = {.has_handle = true,
                                        .handle = 1,
                                        .token = rig.verb.deliver.token,
                                        .settles = &settle,
                                        .settle_count = 1,
                                        .emits = &emit,
                                        .emit_count = 1}};
    zloom_buf_t pack = {0};
    rig_pack (&pack, 7, 1, 1);
    rig_put (&rig, 3, &step, &pack);
    rig_turn (&rig);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER); /* not before the step is durable */
    rig_settle (&rig);
    rig_expect (&rig, 3, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.step, ZLOOM_OK);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_non_null (memmem (rig.verb.deliver.src[0].producer.data,
                             rig.verb.deliver.src[0].producer.size, "/events", 7));
    zloom_buf_fini (&pack);
    rig_close (&rig);
}

/* A queue that left the recipe is read as what it was, whatever the others are. */
static void
test_a_flow_that_left_is_read_by_its_own_pattern (void **state)
{
    (void) state;
    rig_t rig;
    const zloom_engine_flow_t before[] = {s_flows[1], rig_flow ("audit", ZLOOM_CONFIRM_DISK)};
    rig_open (&rig, before, 2);
    rig_hello (&rig, 1, "shop", 1, "audit");
    rig_settle (&rig);
    rig_put_send (&rig, 1, 1, 3);
    rig_consumer (&rig, 2, "worker", "audit", 10);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, 1, 2, ZLOOM_VERDICT_ACK);
    rig_run (&rig, ZLOOM_NS_PER_S);
    /* One is left: it is counted as a queue's. */
    rig_stop (&rig);
    rig.flows = s_flows;
    rig.flow_count = 3;
    assert_int_equal (rig_start (&rig), ZLOOM_RECIPE);
    assert_non_null (strstr (zloom_note (), "holds 1 unsettled"));
    rig_stop (&rig);
    rig.flows = before;
    rig.flow_count = 2;
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_consumer (&rig, 2, "worker", "audit", 10);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, 3, 1, ZLOOM_VERDICT_ACK);
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_stop (&rig);
    rig.flows = s_flows;
    rig.flow_count = 3;
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_close (&rig);
}

/* Who sends learns the topic of what names none, where there is but one. */
static void
test_welcome_names_the_one_topic (void **state)
{
    (void) state;
    static const char *const topics[] = {"fire", "flood"};
    for (size_t count = 0; count <= 2; count++) {
        zloom_engine_flow_t flow = s_flows[0];
        rig_t rig;
        flow.config.dead_letter = NULL;
        flow.config.topics = topics;
        flow.config.topic_count = count;
        rig_open (&rig, &flow, 1);
        rig_hello (&rig, 1, "shop", 1, flow.config.name);
        assert_true (zloom_bytes_equal (rig.verb.welcome.flows[0].topic,
                                        zloom_bytes_text (count == 1 ? "fire" : NULL)));
        rig_close (&rig);
    }
}

/* What was taken in before comes before the goodbye, where nobody has to give it back. */
static void
test_a_leaving_router_hands_out_what_is_there (void **state)
{
    (void) state;
    rig_t rig;
    zloom_engine_flow_t flow = fanout_flow ("events");
    flow.config.confirm = ZLOOM_CONFIRM_DISK;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "events");
    rig_consumer (&rig, 2, "screen", "events", 10);
    rig_put_send (&rig, 1, 1, 1);
    rig_turn (&rig); /* taken, and not durable yet */
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    zloom_engine_drain (rig.engine, rig.now.mono_ns + 10 * ZLOOM_NS_PER_S);
    rig_settle (&rig);
    assert_true (zloom_engine_drained (rig.engine));
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_expect (&rig, 2, ZLOOM_VERB_BYE);
    rig_close (&rig);
}

int
main (void)
{
    s_flows[0] = fanout_flow ("events");
    s_flows[0].config.dead_letter = "events-dead";
    s_flows[1] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    s_flows[2] = rig_flow ("events-dead", ZLOOM_CONFIRM_MEMORY);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_leaving_router_hands_out_what_is_there),
      cmocka_unit_test (test_one_pack_goes_to_all),
      cmocka_unit_test (test_the_answer_stands_in_front),
      cmocka_unit_test (test_where_it_begins_is_told),
      cmocka_unit_test (test_what_the_pattern_refuses_is_not_there),
      cmocka_unit_test (test_a_gap_stands_between_deliveries),
      cmocka_unit_test (test_an_end_is_told_and_frees_the_handle),
      cmocka_unit_test (test_without_a_lease_nothing_is_settled),
      cmocka_unit_test (test_a_tap_sees_the_topics_that_it_names),
      cmocka_unit_test (test_welcome_names_the_one_topic),
      cmocka_unit_test (test_a_step_publishes),
      cmocka_unit_test (test_a_flow_that_left_is_read_by_its_own_pattern),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
