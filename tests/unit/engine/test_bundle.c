/* SPDX-License-Identifier: MPL-2.0 */
/* Small packs that come one after the other are stored as one (engine/bundle.c). */
#include "engine/core.h"
#include "patterns/bus/bus.h"
#include "patterns/common/pack_head.h"
#include "peers.h"

static const zloom_engine_flow_t *
s_flows (void)
{
    static zloom_engine_flow_t flows[2];
    flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    flows[1] = rig_flow ("other", ZLOOM_CONFIRM_DISK);
    return flows;
}

static void
s_open (rig_t *rig)
{
    rig_open (rig, s_flows (), 2);
    rig_hello (rig, 1, "shop", 1, "orders");
    rig_hello (rig, 2, "till", 2, "orders");
    rig_hello (rig, 3, "mill", 3, "other");
}

/* The message's place: how many messages lie in its record, and the record's first number. */
static uint32_t
s_record (rig_t *rig, const char *flow, uint64_t seq, uint64_t *first)
{
    zloom_hosted_t *hosted = zloom_engine_flow (rig->engine, zloom_bytes_text (flow));
    zloom_chunk_t chunk = {0};
    assert_int_equal (zloom_journal_lookup (rig->journal, hosted->number, seq, &chunk), ZLOOM_OK);
    zloom_blob_unref (&chunk.blob);
    *first = chunk.seq;
    return chunk.count;
}

static void
s_confirmed (rig_t *rig, zloom_route_t route, uint64_t upto)
{
    uint64_t seen = 0;
    while (rig_take (rig, route, ZLOOM_VERB_CONFIRM)) {
        seen = rig->verb.confirm.upto_id;
    }
    assert_int_equal (seen, upto);
}

static void
test_sends_of_two_producers_lie_in_one_record (void **state)
{
    (void) state;
    rig_t rig;
    uint64_t first;
    s_open (&rig);
    rig_put_send (&rig, 1, 1, 1);
    rig_put_send (&rig, 1, 2, 2);
    rig_pass (&rig, 5);
    rig_put_send (&rig, 2, 1, 1);
    rig_put_send (&rig, 1, 4, 1);
    rig_settle (&rig);
    assert_int_equal (s_record (&rig, "orders", 3, &first), 5);
    assert_int_equal (first, 1);
    s_confirmed (&rig, 1, 4);
    s_confirmed (&rig, 2, 1);

    /* After a crash each has its own ids. */
    rig_crash (&rig);
    rig_hello (&rig, 1, "shop", 11, "orders");
    assert_int_equal (rig.verb.welcome.flows[0].high, 4);
    rig_hello (&rig, 2, "till", 12, "orders");
    assert_int_equal (rig.verb.welcome.flows[0].high, 1);
    rig_consumer (&rig, 9, "worker", "orders", 100);
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_expect (&rig, 9, ZLOOM_VERB_DELIVER);
    const zloom_verb_deliver_t *deliver = &rig.verb.deliver;
    assert_int_equal (zloom_runs_total (deliver->runs, deliver->run_count), 5);
    zloom_origin_t origin;
    assert_true (zloom_src_origin (deliver->src, deliver->src_count, 3, &origin));
    assert_true (zloom_bytes_equal (origin.producer, zloom_bytes_text ("till")));
    assert_int_equal (origin.id, 1);
    assert_true (zloom_src_origin (deliver->src, deliver->src_count, 4, &origin));
    assert_true (zloom_bytes_equal (origin.producer, zloom_bytes_text ("shop")));
    assert_int_equal (origin.id, 4);
    rig_close (&rig);
}

static void
test_other_flows_large_packs_and_flags_stand_alone (void **state)
{
    (void) state;
    rig_t rig;
    uint64_t first;
    s_open (&rig);
    rig_put_send (&rig, 1, 1, 1);
    rig_put_send (&rig, 3, 1, 1);
    rig_put_send (&rig, 1, 2, 1);
    rig_put_sized (&rig, 1, 3, 1, 5000);
    rig_put_send (&rig, 1, 4, 1);
    rig_settle (&rig);
    for (uint64_t seq = 1; seq <= 4; seq++) {
        assert_int_equal (s_record (&rig, "orders", seq, &first), 1);
    }
    zloom_buf_t pack = {0};
    const zloom_envelope_t due = {.has_due = true, .due_ms = 50, .body = zloom_bytes_text ("x")};
    zloom_pack_add (&pack, &due);
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {.first_id = 6, .n = 1, .flags = ZLOOM_FLAG_DUE, .base_time_ns = rig.now.wall_ns}};
    rig_put_send (&rig, 1, 5, 1);
    rig_put (&rig, 1, &verb, &pack);
    rig_put_send (&rig, 1, 7, 1);
    rig_settle (&rig);
    for (uint64_t seq = 5; seq <= 7; seq++) {
        assert_int_equal (s_record (&rig, "orders", seq, &first), 1);
    }
    s_confirmed (&rig, 1, 7);
    zloom_buf_fini (&pack);
    rig_close (&rig);
}

/* A newcomer of the same name, between two SENDs: it is told of the first once that is durable. */
static void
test_a_welcome_waits_for_the_bundle (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_quiet (&rig);
    rig_put_send (&rig, 1, 1, 1);
    const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("orders"), .next = 1};
    rig_put_hello (&rig, 4, "shop", 4, &hello, 1);
    rig_turn (&rig);
    rig_expect_none (&rig, 4, ZLOOM_VERB_WELCOME);
    rig_settle (&rig);
    rig_expect (&rig, 4, ZLOOM_VERB_WELCOME);
    assert_int_equal (rig.verb.welcome.flows[0].high, 1);
    rig_close (&rig);
}

/* More than a bundle holds: all of it comes through, in records of a bounded size. */
static void
test_bundles_are_bounded (void **state)
{
    (void) state;
    rig_t rig;
    uint64_t first = 0;
    s_open (&rig);
    for (uint64_t id = 1; id <= 60; id++) {
        rig_put_sized (&rig, 1, id, 1, 3000);
    }
    rig_settle (&rig);
    const uint32_t count = s_record (&rig, "orders", 1, &first);
    assert_in_range (count, 2, 65536 / 3000);
    assert_int_equal (s_record (&rig, "orders", 1 + count, &first), count);
    s_confirmed (&rig, 1, 60);
    rig_close (&rig);
}

/* One pack says for all its messages what stands in them, and a run of numbers is one sender's. */
static void
test_what_is_not_alike_lies_apart (void **state)
{
    (void) state;
    rig_t rig;
    uint64_t first;
    zloom_buf_t pack = {0};
    const zloom_envelope_t keyed = {.key = zloom_bytes_text ("k"), .body = zloom_bytes_text ("x")};
    const zloom_src_t src[] = {{.n = 1, .producer = zloom_bytes_text ("a"), .first_id = 7},
                               {.n = 1, .producer = zloom_bytes_text ("b"), .first_id = 9}};
    s_open (&rig);
    zloom_pack_add (&pack, &keyed);
    zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {.first_id = 2, .n = 1, .flags = ZLOOM_FLAG_KEY, .base_time_ns = rig.now.wall_ns}};
    rig_put_send (&rig, 1, 1, 1);
    rig_put (&rig, 1, &verb, &pack);
    rig_put_send (&rig, 1, 3, 1);
    /* ... and one that a bridge carries. */
    zloom_buf_clear (&pack);
    rig_pack (&pack, 4, 2, 10);
    verb.send = (zloom_verb_send_t){
      .first_id = 4, .n = 2, .src = src, .src_count = 2, .base_time_ns = rig.now.wall_ns};
    rig_put (&rig, 1, &verb, &pack);
    rig_put_send (&rig, 1, 6, 1);
    rig_settle (&rig);
    s_confirmed (&rig, 1, 6);
    assert_int_equal (s_record (&rig, "orders", 1, &first), 1);
    assert_int_equal (s_record (&rig, "orders", 2, &first), 1);
    assert_int_equal (s_record (&rig, "orders", 3, &first), 1);
    assert_int_equal (s_record (&rig, "orders", 4, &first), 2);
    assert_int_equal (s_record (&rig, "orders", 6, &first), 1);
    zloom_buf_fini (&pack);
    rig_close (&rig);
}

/* Of a bus, a bundle says when it came where one of its senders' clocks does not. */
static void
test_a_bundle_keeps_when_it_arrived (void **state)
{
    (void) state;
    rig_t rig;
    zloom_buf_t pack = {0};
    zloom_engine_flow_t bus = rig_flow ("events", ZLOOM_CONFIRM_DISK);
    bus.config.pattern = "bus";
    bus.pattern = &zloom_bus_pattern;
    bus.config.retain_messages = 100;
    rig_open (&rig, &bus, 1);
    rig_hello (&rig, 1, "shop", 1, "events");
    const zloom_envelope_t envelope = {.topic = zloom_bytes_text ("a")};
    zloom_pack_add (&pack, &envelope);
    for (uint64_t id = 1; id <= 3; id++) {
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND,
                                   .send = {.first_id = id,
                                            .n = 1,
                                            .flags = ZLOOM_FLAG_TOPIC,
                                            .base_time_ns = id == 2 ? 1 : rig.now.wall_ns}};
        rig_put (&rig, 1, &verb, &pack);
    }
    const int64_t came_ns = rig.now.wall_ns;
    rig_settle (&rig);
    zloom_chunk_t chunk = {0};
    zloom_arena_t arena = {0};
    zloom_pack_head_t head;
    zloom_hosted_t *flow = zloom_engine_flow (rig.engine, zloom_bytes_text ("events"));
    assert_int_equal (zloom_journal_lookup (rig.journal, flow->number, 2, &chunk), ZLOOM_OK);
    assert_int_equal (chunk.count, 3);
    assert_int_equal (zloom_pack_head_decode (chunk.head, &arena, &head), ZLOOM_OK);
    assert_int_equal (head.arrived_ns, came_ns);
    zloom_arena_fini (&arena);
    zloom_blob_unref (&chunk.blob);
    zloom_buf_fini (&pack);
    rig_close (&rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_sends_of_two_producers_lie_in_one_record),
      cmocka_unit_test (test_other_flows_large_packs_and_flags_stand_alone),
      cmocka_unit_test (test_a_welcome_waits_for_the_bundle),
      cmocka_unit_test (test_bundles_are_bounded),
      cmocka_unit_test (test_a_bundle_keeps_when_it_arrived),
      cmocka_unit_test (test_what_is_not_alike_lies_apart),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
