/* SPDX-License-Identifier: MPL-2.0 */
/* What steps emit, and where: flows of all kinds, and what they are refused for. */
#include "unit/engine/peers.h"

enum { IN, OUT, QUICK, FAR, FLOWS };

typedef struct {
    zloom_engine_flow_t flows[FLOWS];
    rig_t rig;
    zloom_token_t token; /* of messages 1 to 4, at route 2 */
} emit_rig_t;

/* A worker at route 2 that takes from `in` and emits to its flows 0 to 2: out, quick, far. */
static void
s_open (emit_rig_t *self, uint64_t capacity)
{
    rig_t *rig = &self->rig;
    self->flows[IN] = rig_flow ("in", ZLOOM_CONFIRM_DISK);
    self->flows[OUT] = rig_flow ("out", ZLOOM_CONFIRM_DISK);
    self->flows[OUT].config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    self->flows[OUT].config.limit_messages = 5;
    self->flows[QUICK] = rig_flow ("quick", ZLOOM_CONFIRM_MEMORY);
    self->flows[FAR] = rig_flow ("far@hub", ZLOOM_CONFIRM_DISK);
    self->flows[FAR].flow = "far";
    self->flows[FAR].key = "/id";
    rig_init (rig, self->flows, FLOWS);
    zloom_simdisk_capacity (rig->disk, capacity);
    assert_int_equal (rig_start (rig), ZLOOM_OK);
    rig_hello (rig, 1, "shop", 1, "in");
    rig_put_send (rig, 1, 1, 4);
    const zloom_hello_flow_t outs[] = {{.name = zloom_bytes_text ("out"), .next = 1},
                                       {.name = zloom_bytes_text ("quick"), .next = 1},
                                       {.name = zloom_bytes_text ("far"), .next = 1}};
    rig_put_hello (rig, 2, "worker", 2, outs, 3);
    rig_put_subscribe (rig, 2, 1, "in", ZLOOM_MODE_CONSUME);
    rig_put_credit (rig, 2, 1, 10);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    self->token = rig->verb.deliver.token;
    rig_quiet (rig);
}

/* Emit n messages of `size` bytes to each; settle message `settled` of the input, if it is > 0. */
static zloom_err_t
s_step (emit_rig_t *self, uint64_t settled, const zloom_emit_t *emits, size_t count, size_t size)
{
    rig_t *rig = &self->rig;
    zloom_buf_t pack = {0};
    uint32_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += emits[i].n;
    }
    const zloom_settle_run_t run = {
      .first = settled, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    zloom_verb_t verb = {.kind = ZLOOM_VERB_STEP, .step = {.emits = emits, .emit_count = count}};
    if (settled > 0) {
        verb.step.has_handle = true;
        verb.step.handle = 1;
        verb.step.token = self->token;
        verb.step.settles = &run;
        verb.step.settle_count = 1;
    }
    rig_pack (&pack, 100, n, size);
    rig_put (rig, 2, &verb, n > 0 ? &pack : NULL);
    zloom_buf_fini (&pack);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS); /* what only settles may wait for others */
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_true (rig->verb.settled.is_step);
    return rig->verb.settled.step;
}

static uint64_t
s_count (rig_t *rig, zloom_route_t route)
{
    uint64_t n = 0;
    while (rig_take (rig, route, ZLOOM_VERB_DELIVER)) {
        n += zloom_runs_total (rig->verb.deliver.runs, rig->verb.deliver.run_count);
    }
    return n;
}

static void
test_a_step_may_only_settle (void **state)
{
    (void) state;
    emit_rig_t self;
    s_open (&self, 0);
    assert_int_equal (s_step (&self, 1, NULL, 0, 0), ZLOOM_OK);
    assert_int_equal (s_step (&self, 1, NULL, 0, 0), ZLOOM_SETTLED);
    rig_close (&self.rig);
}

/* It has room whatever comes: what is oldest goes. */
static void
test_a_flow_that_drops_its_oldest_takes_every_step (void **state)
{
    (void) state;
    emit_rig_t self;
    s_open (&self, 0);
    const zloom_emit_t emit = {.flow = 0, .n = 4, .base_time_ns = 5};
    assert_int_equal (s_step (&self, 1, &emit, 1, 10), ZLOOM_OK);
    assert_int_equal (s_step (&self, 2, &emit, 1, 10), ZLOOM_OK);
    rig_consumer (&self.rig, 3, "ledger", "out", 100);
    assert_int_equal (s_count (&self.rig, 3), 5);
    rig_close (&self.rig);
}

/* Of a flow on another router: its router could only refuse what was confirmed here. */
static void
test_what_the_flow_far_away_would_refuse_is_refused_here (void **state)
{
    (void) state;
    emit_rig_t self;
    s_open (&self, 0);
    zloom_emit_t emits[] = {{.flow = 2, .n = 1, .base_time_ns = 5},
                            {.flow = 0, .n = 1, .base_time_ns = 5}};
    assert_int_equal (s_step (&self, 1, emits, 2, 10), ZLOOM_NO_KEY);
    emits[0].flags = ZLOOM_FLAG_KEY;
    assert_int_equal (s_step (&self, 1, emits, 2, 10), ZLOOM_OK);
    rig_close (&self.rig);
}

static void
test_a_flow_that_left_the_recipe_takes_no_step (void **state)
{
    (void) state;
    emit_rig_t self;
    s_open (&self, 0);
    const zloom_engine_flow_t left[] = {self.flows[IN], self.flows[QUICK]};
    const zloom_emit_t emit = {.flow = 0, .n = 1, .base_time_ns = 5};
    assert_int_equal (zloom_engine_reload (self.rig.engine, left, 2, self.rig.now), ZLOOM_OK);
    assert_int_equal (s_step (&self, 1, &emit, 1, 10), ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (s_step (&self, 1, NULL, 0, 10), ZLOOM_OK); /* the lease was kept */
    rig_close (&self.rig);
}

/* Each flow has the credit for it, and together it is more than one commit holds. */
static void
test_a_step_that_no_commit_holds_is_refused (void **state)
{
    (void) state;
    emit_rig_t self;
    s_open (&self, 0);
    const zloom_emit_t emits[] = {{.flow = 0, .n = 2, .base_time_ns = 5},
                                  {.flow = 1, .n = 2, .base_time_ns = 5}};
    assert_int_equal (s_step (&self, 1, emits, 2, 2100000), ZLOOM_TOO_BIG);
    assert_int_equal (s_step (&self, 1, emits, 2, 10), ZLOOM_OK);
    rig_close (&self.rig);
}

static void
test_a_full_disk_refuses_what_a_step_emits (void **state)
{
    (void) state;
    emit_rig_t self;
    s_open (&self, 128u << 20);
    const zloom_emit_t emit = {.flow = 2, .n = 1, .flags = ZLOOM_FLAG_KEY, .base_time_ns = 5};
    uint64_t first = 5;
    uint64_t settled = 1;
    zloom_err_t err = ZLOOM_OK;
    for (int i = 0; i < 200 && err == ZLOOM_OK; i++) {
        err = s_step (&self, settled, &emit, 1, 1u << 20);
        settled += err == ZLOOM_OK ? 1 : 0;
        if (settled == first && err == ZLOOM_OK) {
            rig_put_send (&self.rig, 1, first, 4);
            rig_put_credit (&self.rig, 2, 1, first + 10);
            rig_settle (&self.rig);
            rig_expect (&self.rig, 2, ZLOOM_VERB_DELIVER);
            self.token = self.rig.verb.deliver.token;
            first += 4;
        }
    }
    assert_int_equal (err, ZLOOM_DISK_FULL);
    assert_int_equal (s_step (&self, settled, NULL, 0, 0), ZLOOM_OK); /* settling gives room back */
    rig_close (&self.rig);
}

/* Numbers may stand in any order in a step, as long as none is left out. */
static void
test_a_listing_to_memory_is_answered_at_once (void **state)
{
    (void) state;
    emit_rig_t self;
    s_open (&self, 0);
    const zloom_emit_t emits[] = {{.flow = 1, .n = 2, .first_id = 1, .base_time_ns = 5},
                                  {.flow = 1, .n = 1, .first_id = 1, .base_time_ns = 5},
                                  {.flow = 1, .n = 1, .first_id = 3, .base_time_ns = 5}};
    const zloom_emit_t gap[] = {{.flow = 1, .n = 1, .first_id = 4, .base_time_ns = 5},
                                {.flow = 1, .n = 1, .first_id = 6, .base_time_ns = 5}};
    assert_int_equal (s_step (&self, 0, emits, 3, 10), ZLOOM_OK);
    assert_int_equal (s_step (&self, 0, gap, 2, 10), ZLOOM_OUT_OF_ORDER);
    rig_consumer (&self.rig, 3, "screen", "quick", 100);
    assert_int_equal (s_count (&self.rig, 3), 3); /* the second one was known */
    rig_close (&self.rig);
}

/* A router that leaves lets workers finish what they have, and takes in nothing new. */
static void
test_a_leaving_router_finishes_steps_and_refuses_listings (void **state)
{
    (void) state;
    emit_rig_t self;
    s_open (&self, 0);
    const zloom_emit_t listed = {.flow = 1, .n = 1, .first_id = 1, .base_time_ns = 5};
    const zloom_emit_t emit = {.flow = 1, .n = 1, .base_time_ns = 5};
    zloom_engine_drain (self.rig.engine, self.rig.now.mono_ns + 60 * ZLOOM_NS_PER_S);
    assert_int_equal (s_step (&self, 0, &listed, 1, 10), ZLOOM_DRAINING);
    assert_int_equal (s_step (&self, 1, &emit, 1, 10), ZLOOM_OK);
    assert_int_equal (s_step (&self, 2, NULL, 0, 0), ZLOOM_OK);
    rig_close (&self.rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_step_may_only_settle),
      cmocka_unit_test (test_a_flow_that_drops_its_oldest_takes_every_step),
      cmocka_unit_test (test_what_the_flow_far_away_would_refuse_is_refused_here),
      cmocka_unit_test (test_a_flow_that_left_the_recipe_takes_no_step),
      cmocka_unit_test (test_a_step_that_no_commit_holds_is_refused),
      cmocka_unit_test (test_a_full_disk_refuses_what_a_step_emits),
      cmocka_unit_test (test_a_listing_to_memory_is_answered_at_once),
      cmocka_unit_test (test_a_leaving_router_finishes_steps_and_refuses_listings),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
