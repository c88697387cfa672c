/* SPDX-License-Identifier: MPL-2.0 */
/* What is brought to a copy of a flow, between two turns (engine/bring.c). */
#include "unit/engine/peers.h"

#include "patterns/bus/bus.h"

static zloom_engine_flow_t s_flows[2]; /* events: a copy; orders: none */

static void
s_open (rig_t *rig)
{
    s_flows[0] = rig_flow ("events", ZLOOM_CONFIRM_MEMORY);
    s_flows[0].config.pattern = "bus";
    s_flows[0].config.copy_of = "hub";
    s_flows[0].config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    s_flows[0].pattern = &zloom_bus_pattern;
    s_flows[1] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_open (rig, s_flows, 2);
}

/* Bring n messages of `size` bytes, numbered from `seq` on. */
static zloom_err_t
s_bring (rig_t *rig, const char *flow, uint64_t seq, uint32_t n, size_t size)
{
    zloom_buf_t pack = {0};
    char *body = zloom_alloc (size);
    memset (body, 'x', size);
    for (uint32_t i = 0; i < n; i++) {
        const zloom_envelope_t envelope = {.topic = zloom_bytes_text ("paid"),
                                           .body = zloom_bytes (body, size)};
        zloom_pack_add (&pack, &envelope);
    }
    zloom_blob_t *blob = zloom_blob_new (pack.data, pack.size);
    const zloom_src_t src = {.producer = zloom_bytes_text ("shop"),
                             .first_id = seq,
                             .n = n,
                             .base_time_ns = rig->now.wall_ns};
    const zloom_brought_t brought = {.seq = seq,
                                     .n = n,
                                     .pack = zloom_blob_bytes (blob),
                                     .blob = blob,
                                     .src = &src,
                                     .src_count = 1};
    const zloom_err_t err = zloom_engine_bring (rig->engine, flow, &brought, rig->now);
    zloom_blob_unref (&blob);
    zloom_buf_fini (&pack);
    free (body);
    return err;
}

static void
s_heard (rig_t *rig, uint64_t seq, uint32_t n)
{
    rig_settle (rig);
    rig_expect (rig, 1, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig->verb.deliver.runs[0].seq, seq);
    assert_int_equal (rig->verb.deliver.runs[0].n, n);
}

static void
test_only_a_copy_is_brought_anything (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    assert_int_equal (s_bring (&rig, "orders", 1, 1, 10), ZLOOM_NOT_FOUND);
    assert_non_null (strstr (zloom_note (), "'orders'"));
    assert_int_equal (s_bring (&rig, "nothing", 1, 1, 10), ZLOOM_NOT_FOUND);
    assert_int_equal (zloom_engine_pass (rig.engine, "orders", 5, true, false, 1, rig.now),
                      ZLOOM_NOT_FOUND);
    rig_close (&rig);
    /* ... nor one that does not serve yet. */
    const zloom_transport_t transport = {&rig, rig_receive, rig_send, rig_forget};
    const zloom_engine_config_t config = {
      .name = "edge", .flows = s_flows, .flow_count = 1, .seed = 1};
    rig.engine = zloom_engine_new (&config, &transport);
    assert_int_equal (s_bring (&rig, "events", 1, 1, 10), ZLOOM_NOT_FOUND);
    zloom_engine_destroy (&rig.engine);
}

static void
test_what_comes_again_is_refused_and_what_is_left_out_is_nobodys (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 1, "screen", "events", 1000);
    assert_int_equal (s_bring (&rig, "events", 1, 3, 10), ZLOOM_OK);
    s_heard (&rig, 1, 3);
    assert_int_equal (s_bring (&rig, "events", 3, 2, 10), ZLOOM_OUT_OF_ORDER);
    assert_non_null (strstr (zloom_note (), "number 3 comes again"));
    assert_int_equal (s_bring (&rig, "events", 9, 2, 10), ZLOOM_OK);
    s_heard (&rig, 9, 2);
    rig_expect_none (&rig, 1, ZLOOM_VERB_GAP);
    /* Passed while what came before is not handed out yet. */
    assert_int_equal (s_bring (&rig, "events", 11, 1, 10), ZLOOM_OK);
    assert_int_equal (zloom_engine_pass (rig.engine, "events", 20, true, false, 8, rig.now),
                      ZLOOM_OK);
    s_heard (&rig, 11, 1);
    rig_expect (&rig, 1, ZLOOM_VERB_GAP);
    assert_int_equal (rig.verb.gap.from, 12);
    assert_int_equal (rig.verb.gap.to, 20 - 1);
    assert_int_equal (rig.verb.gap.count, 8);
    rig_close (&rig);
}

/* It came over the wire of a router that allows more: whoever hears the copy is told. */
static void
test_what_cannot_be_kept_is_told_as_missed (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 1, "screen", "events", 1000);
    assert_int_equal (s_bring (&rig, "events", 1, 2, 5u << 20), ZLOOM_TOO_BIG);
    assert_non_null (strstr (zloom_note (), "2 messages from 1 on"));
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_GAP);
    assert_int_equal (rig.verb.gap.from, 1);
    assert_int_equal (rig.verb.gap.to, 2);
    assert_int_equal (rig.verb.gap.count, 2);
    assert_int_equal (s_bring (&rig, "events", 3, 1, 10), ZLOOM_OK);
    s_heard (&rig, 3, 1);
    rig_close (&rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_only_a_copy_is_brought_anything),
      cmocka_unit_test (test_what_comes_again_is_refused_and_what_is_left_out_is_nobodys),
      cmocka_unit_test (test_what_cannot_be_kept_is_told_as_missed),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
