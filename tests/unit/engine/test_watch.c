/* SPDX-License-Identifier: MPL-2.0 */
/* Who looks at a flow sees what is there in its order, a piece each turn, and no more than that. */
#include "unit/engine/fanout.h"

static zloom_engine_flow_t s_flows[3];

static void
s_open (rig_t *rig, const char *flow)
{
    rig_open (rig, s_flows, 3);
    rig_hello (rig, 1, "shop", 1, flow);
    rig_hello (rig, 9, "screen", 9, NULL);
}

/* Look at a flow; topics are named when `topic` is. */
static void
s_look (rig_t *rig, const char *flow, zloom_mode_t mode, const char *topic, uint64_t credit)
{
    const zloom_bytes_t pattern = zloom_bytes_text (topic);
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SUBSCRIBE,
                               .subscribe = {.handle = 1,
                                             .flow = zloom_bytes_text (flow),
                                             .mode = mode,
                                             .patterns = topic ? &pattern : NULL,
                                             .pattern_count = topic ? 1 : 0}};
    rig_put (rig, 9, &verb, NULL);
    rig_put_credit (rig, 9, 1, credit);
}

/* Numbers that were shown up to now, as "1-3 5 "; `from` is taken off them. */
static const char *
s_shown (rig_t *rig, uint64_t from)
{
    static char text[4096];
    size_t size = 0;
    text[0] = '\0';
    while (rig_take (rig, 9, ZLOOM_VERB_DELIVER)) {
        for (size_t i = 0; i < rig->verb.deliver.run_count; i++) {
            const zloom_run_t run = rig->verb.deliver.runs[i];
            size += (size_t) snprintf (text + size, sizeof text - size,
                                       run.n > 1 ? "%llu-%llu " : "%llu ",
                                       (unsigned long long) (run.seq - from),
                                       (unsigned long long) (run.seq - from + run.n - 1));
        }
    }
    return text;
}

/* ---- tap ------------------------------------------------------------------------------------ */

/* The next message comes together with credit: the gap before it is told in front of it. */
static void
test_a_gap_stands_in_front_of_the_next_message (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig, "quick");
    s_look (&rig, "quick", ZLOOM_MODE_TAP, NULL, 0);
    rig_put_send (&rig, 1, 1, 3);
    rig_settle (&rig);
    rig_quiet (&rig);
    rig_put_credit (&rig, 9, 1, 10);
    rig_put_send (&rig, 1, 4, 1);
    rig_settle (&rig);
    assert_true (rig_take (&rig, 9, ZLOOM_VERB_NONE));
    assert_int_equal (rig.verb.kind, ZLOOM_VERB_GAP);
    assert_int_equal (rig.verb.gap.count, 3);
    assert_true (rig_take (&rig, 9, ZLOOM_VERB_NONE));
    assert_int_equal (rig.verb.kind, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].n, 1);
    rig_expect_none (&rig, 9, ZLOOM_VERB_GAP);
    rig_close (&rig);
}

static void
s_put_topics (rig_t *rig, uint64_t first_id, const char *const topics[2], uint32_t n)
{
    zloom_buf_t pack = {0};
    for (uint32_t i = 0; i < n; i++) {
        const zloom_envelope_t envelope = {.topic = zloom_bytes_text (topics[i % 2]),
                                           .body = zloom_bytes_text ("x")};
        zloom_pack_add (&pack, &envelope);
    }
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND,
                               .send = {.first_id = first_id,
                                        .n = n,
                                        .flags = topics[0] ? (uint32_t) ZLOOM_FLAG_TOPIC : 0u,
                                        .base_time_ns = rig->now.wall_ns}};
    rig_put (rig, 1, &verb, &pack);
    zloom_buf_fini (&pack);
}

/* What has no topic is not of any topic that one looks for: it is no gap either. */
static void
test_what_has_no_topic_is_not_looked_for (void **state)
{
    (void) state;
    static const char *const none[2] = {NULL, NULL};
    static const char *const both[2] = {"order.paid", "order.late"};
    const uint64_t first = INT64_C (1) << 40; /* of the boot: memory flows */
    rig_t rig;
    s_open (&rig, "events");
    s_look (&rig, "events", ZLOOM_MODE_TAP, ">", 10);
    s_put_topics (&rig, 1, none, 3);
    s_put_topics (&rig, 4, both, 2);
    rig_settle (&rig);
    assert_string_equal (s_shown (&rig, first), "3-4 ");
    rig_expect_none (&rig, 9, ZLOOM_VERB_GAP);
    rig_close (&rig);
}

/* Every other message: more pieces than one turn has time for. */
static void
test_a_tap_goes_on_in_the_next_turn (void **state)
{
    (void) state;
    static const char *const both[2] = {"order.paid", "order.late"};
    rig_t rig;
    s_open (&rig, "events");
    s_look (&rig, "events", ZLOOM_MODE_TAP, "order.paid", 1000);
    rig_settle (&rig);
    s_put_topics (&rig, 1, both, 300);
    rig_turn (&rig);
    rig_turn (&rig);
    uint64_t shown = 0;
    while (rig_take (&rig, 9, ZLOOM_VERB_DELIVER)) {
        shown += rig.verb.deliver.runs[0].n;
    }
    assert_in_range (shown, 1, 100);
    assert_int_equal (rig.wake_ns, rig.now.mono_ns); /* at once */
    rig_settle (&rig);
    while (rig_take (&rig, 9, ZLOOM_VERB_DELIVER)) {
        shown += rig.verb.deliver.runs[0].n;
    }
    assert_int_equal (shown, 150);
    rig_close (&rig);
}

/* ---- browse --------------------------------------------------------------------------------- */

static void
s_ends (rig_t *rig)
{
    rig_expect (rig, 9, ZLOOM_VERB_GAP);
    assert_true (zloom_bytes_equal (rig->verb.gap.reason, zloom_bytes_text ("end")));
    rig_expect_none (rig, 9, ZLOOM_VERB_DELIVER);
}

static void
test_browse_ends_where_the_disk_does (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig, "orders");
    rig_put_send (&rig, 1, 1, 2);
    rig_settle (&rig);
    rig_put_send (&rig, 1, 3, 2); /* not durable */
    s_look (&rig, "orders", ZLOOM_MODE_BROWSE, NULL, 100);
    rig_turn (&rig);
    assert_string_equal (s_shown (&rig, 0), "1-2 ");
    s_ends (&rig);
    rig_settle (&rig);
    s_look (&rig, "orders", ZLOOM_MODE_BROWSE, NULL, 100);
    rig_settle (&rig);
    assert_string_equal (s_shown (&rig, 0), "1-2 3-4 ");
    s_ends (&rig);
    rig_close (&rig);
}

/* What a worker has in hand lies between what waits. */
static void
test_browse_steps_over_what_is_leased (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig, "orders");
    rig_put_send (&rig, 1, 1, 6);
    rig_settle (&rig);
    rig_consumer (&rig, 2, "worker", "orders", 4);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, 1, 2, ZLOOM_VERDICT_RELEASE);
    rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, 4, 1, ZLOOM_VERDICT_ACK);
    rig_settle (&rig);
    s_look (&rig, "orders", ZLOOM_MODE_BROWSE, NULL, 100);
    rig_settle (&rig);
    assert_string_equal (s_shown (&rig, 0), "1-2 5-6 ");
    s_ends (&rig);
    rig_close (&rig);
}

static void
test_browse_goes_on_in_the_next_turn (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig, "orders");
    for (uint64_t id = 1; id <= 150; id++) {
        rig_put_sized (&rig, 1, id, 1, 5000); /* each a pack of its own */
    }
    rig_settle (&rig);
    s_look (&rig, "orders", ZLOOM_MODE_BROWSE, NULL, 1000);
    rig_turn (&rig);
    uint64_t shown = 0;
    for (; rig_take (&rig, 9, ZLOOM_VERB_DELIVER); shown++) {
        assert_int_equal (rig.verb.deliver.runs[0].seq, shown + 1);
    }
    assert_in_range (shown, 1, 100);
    rig_expect_none (&rig, 9, ZLOOM_VERB_GAP);
    rig_settle (&rig);
    for (; rig_take (&rig, 9, ZLOOM_VERB_DELIVER); shown++) {
        assert_int_equal (rig.verb.deliver.runs[0].seq, shown + 1);
    }
    assert_int_equal (shown, 150);
    s_ends (&rig);
    rig_close (&rig);
}

int
main (void)
{
    s_flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    s_flows[1] = rig_flow ("quick", ZLOOM_CONFIRM_MEMORY);
    s_flows[2] = fanout_flow ("events");
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_gap_stands_in_front_of_the_next_message),
      cmocka_unit_test (test_what_has_no_topic_is_not_looked_for),
      cmocka_unit_test (test_a_tap_goes_on_in_the_next_turn),
      cmocka_unit_test (test_browse_ends_where_the_disk_does),
      cmocka_unit_test (test_browse_steps_over_what_is_leased),
      cmocka_unit_test (test_browse_goes_on_in_the_next_turn),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
