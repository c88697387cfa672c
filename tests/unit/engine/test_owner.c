/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the engine does for its journal while that opens: the log's words as the log would say them,
 * without a log, so that they can be the wrong ones.
 */
#include "unit/engine/fanout.h"

#include "engine/core.h"
#include "patterns/bus/bus.h"
#include "patterns/common/pack_head.h"

static const zloom_transport_t s_transport = {NULL, rig_receive, rig_send, rig_forget};

static zloom_engine_t *
s_engine (const zloom_engine_flow_t *flows, size_t count, zloom_journal_owner_t *owner)
{
    const zloom_engine_config_t config = {
      .name = "hub", .flows = flows, .flow_count = count, .seed = 1};
    zloom_engine_t *engine = zloom_engine_new (&config, &s_transport);
    *owner = zloom_engine_owner (engine);
    return engine;
}

static void
test_what_is_of_no_flow_is_damage_and_named (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    const zloom_range_t one = {7, 7};
    zloom_range_t found = one;
    zloom_buf_t out = {0};
    zloom_journal_owner_t owner;
    zloom_engine_t *engine = s_engine (&flow, 1, &owner);
    assert_int_equal (owner.restore (owner.arg, 9, zloom_bytes_text ("x")), ZLOOM_DAMAGED);
    assert_non_null (strstr (zloom_note (), "flow 9"));
    const zloom_record_t pack = {.type = ZLOOM_RECORD_PACK, .flow = 8, .seq = 1, .count = 1};
    assert_int_equal (owner.replay (owner.arg, &pack), ZLOOM_DAMAGED);
    assert_non_null (strstr (zloom_note (), "flow 8"));
    /* What a later version says of a flow that never was here, and holes of the whole log. */
    assert_int_equal (owner.restore (owner.arg, 9, ZLOOM_BYTES_NULL), ZLOOM_OK);
    const zloom_record_t hole = {.type = ZLOOM_RECORD_HOLE, .seq = 3, .count = 2};
    assert_int_equal (owner.replay (owner.arg, &hole), ZLOOM_OK);
    owner.snapshot (owner.arg, 9, &out);
    assert_int_equal (out.size, 0);
    assert_false (owner.next_live (owner.arg, 9, 1, 9, &found));
    assert_memory_equal (&found, &one, sizeof one);
    zloom_buf_fini (&out);
    zloom_engine_destroy (&engine);
}

static void
test_what_a_flow_cannot_read_names_it (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    zloom_journal_owner_t owner;
    zloom_engine_t *engine = s_engine (&flow, 1, &owner);
    assert_int_equal (owner.flow (owner.arg, 4, "orders"), ZLOOM_OK);
    assert_int_equal (owner.flow (owner.arg, 4, "orders"), ZLOOM_OK); /* as later groups do */
    assert_int_not_equal (owner.restore (owner.arg, 4, zloom_bytes_text ("nonsense")), ZLOOM_OK);
    assert_non_null (strstr (zloom_note (), "flow 'orders': snapshot"));
    const zloom_record_t record = {
      .type = ZLOOM_RECORD_SETTLE, .flow = 4, .seq = 12, .head = zloom_bytes_text ("nonsense")};
    assert_int_not_equal (owner.replay (owner.arg, &record), ZLOOM_OK);
    assert_non_null (strstr (zloom_note (), "flow 'orders': record at 12"));
    zloom_engine_destroy (&engine);
}

/* The trail tells of what was, for people: nothing depends on it. */
static void
test_a_trail_that_cannot_be_read_keeps_no_log_closed (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    zloom_journal_owner_t owner;
    zloom_engine_t *engine = s_engine (&flow, 1, &owner);
    const zloom_record_t record = {.type = ZLOOM_RECORD_TRACE,
                                   .head = zloom_bytes_text ("nonsense")};
    assert_int_equal (owner.restore (owner.arg, 0, record.head), ZLOOM_OK);
    assert_int_equal (owner.replay (owner.arg, &record), ZLOOM_OK);
    zloom_engine_destroy (&engine);
}

static void
test_a_recipe_without_flows_reads_no_log (void **state)
{
    (void) state;
    zloom_journal_owner_t owner;
    zloom_engine_t *engine = s_engine (NULL, 0, &owner);
    assert_int_equal (owner.flow (owner.arg, 1, "orders"), ZLOOM_FAILED);
    assert_non_null (strstr (zloom_note (), "flow 'orders'"));
    zloom_engine_destroy (&engine);
}

/* It was on disk once: what the log holds of it is not what the memory flow has. */
static void
test_a_flow_of_memory_is_another_than_the_one_in_the_log (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_MEMORY);
    zloom_journal_owner_t owner;
    zloom_engine_t *engine = s_engine (&flow, 1, &owner);
    assert_int_equal (owner.flow (owner.arg, 4, "orders"), ZLOOM_OK);
    assert_int_equal (engine->flow_count, 2);
    assert_false (engine->flows[0]->port->disk);
    assert_null (engine->flows[0]->core);
    assert_true (engine->flows[1]->port->disk);
    assert_false (engine->flows[1]->configured);
    assert_int_equal (engine->flows[1]->number, 4);
    zloom_engine_destroy (&engine);
}

/* Nobody knows of which pattern it was: each that there is reads it, once. */
static void
test_a_flow_that_is_only_in_the_log_is_read_by_each_pattern (void **state)
{
    (void) state;
    zloom_engine_flow_t flows[] = {
      rig_flow ("a", ZLOOM_CONFIRM_DISK), rig_flow ("b", ZLOOM_CONFIRM_DISK),
      rig_flow ("c", ZLOOM_CONFIRM_DISK), rig_flow ("d", ZLOOM_CONFIRM_DISK)};
    flows[1].pattern = flows[3].pattern = &zloom_bus_pattern;
    flows[2].pattern = &fanout_pattern;
    zloom_journal_owner_t owner;
    zloom_engine_t *engine = s_engine (flows, 4, &owner);
    assert_int_equal (owner.flow (owner.arg, 4, "gone"), ZLOOM_OK);
    const zloom_hosted_t *gone = engine->flows[4];
    assert_string_equal (gone->config.name, "gone");
    assert_ptr_equal (gone->pattern, &zloom_queue_pattern);
    assert_int_equal (gone->reading_count, 2);
    assert_ptr_equal (gone->readings[0].pattern, &zloom_bus_pattern);
    assert_ptr_equal (gone->readings[1].pattern, &fanout_pattern);
    zloom_engine_destroy (&engine);
}

/* A pack that damage has reached is moved as it is, or not at all: never half of it. */
static void
test_a_damaged_pack_is_not_cut (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    zloom_buf_t payload = {0};
    zloom_buf_t head = {0};
    zloom_buf_t out = {0};
    zloom_bytes_t cut;
    zloom_journal_owner_t owner;
    zloom_engine_t *engine = s_engine (&flow, 1, &owner);
    const zloom_src_t src = {
      .producer = zloom_bytes_text ("shop"), .first_id = 1, .n = 3, .base_time_ns = 5};
    zloom_effect_t append = {.type = ZLOOM_EFFECT_APPEND};
    append.append.n = 3;
    append.append.src = &src;
    append.append.src_count = 1;
    append.append.expires_ns = ZLOOM_NEVER;
    rig_pack (&payload, 1, 3, 10);
    zloom_pack_head_encode (&append, &head);
    const zloom_chunk_t whole = {.seq = 11,
                                 .count = 3,
                                 .head = zloom_buf_bytes (&head),
                                 .payload = zloom_buf_bytes (&payload)};
    assert_true (owner.cut (&whole, 12, 2, &out, &cut));
    assert_ptr_equal (cut.data + cut.size, payload.data + payload.size);
    assert_int_equal (cut.size, payload.size / 3 * 2);
    zloom_chunk_t damaged = whole;
    damaged.payload.size--;
    assert_false (owner.cut (&damaged, 12, 2, &out, &cut));
    damaged = whole;
    damaged.head = zloom_bytes_text ("nonsense");
    assert_false (owner.cut (&damaged, 12, 2, &out, &cut));
    zloom_buf_fini (&payload);
    zloom_buf_fini (&head);
    zloom_buf_fini (&out);
    zloom_engine_destroy (&engine);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_what_is_of_no_flow_is_damage_and_named),
      cmocka_unit_test (test_what_a_flow_cannot_read_names_it),
      cmocka_unit_test (test_a_trail_that_cannot_be_read_keeps_no_log_closed),
      cmocka_unit_test (test_a_recipe_without_flows_reads_no_log),
      cmocka_unit_test (test_a_flow_of_memory_is_another_than_the_one_in_the_log),
      cmocka_unit_test (test_a_flow_that_is_only_in_the_log_is_read_by_each_pattern),
      cmocka_unit_test (test_a_damaged_pack_is_not_cut),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
