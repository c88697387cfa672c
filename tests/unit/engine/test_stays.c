/* SPDX-License-Identifier: MPL-2.0 */
/* How much a trace tells of a long way, and of what this router does not know. */
#include "engine/core.h"
#include "unit/engine/journey.h"

/* ---- how much is told ----------------------------------------------------------------------- */

/* Ack message 1 of "in" with n messages that came of it. */
static void
s_put_step (journey_t *self, uint32_t n)
{
    zloom_buf_t pack = {0};
    const zloom_emit_t emit = {.n = n, .base_time_ns = 5};
    const zloom_settle_run_t run = {
      .first = 1, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_STEP,
                               .step = {.has_handle = true,
                                        .handle = 1,
                                        .token = self->token,
                                        .settles = &run,
                                        .settle_count = 1,
                                        .emits = &emit,
                                        .emit_count = 1}};
    rig_pack (&pack, 100, n, 10);
    rig_put (&self->rig, 2, &verb, &pack);
    zloom_buf_fini (&pack);
    rig_settle (&self->rig);
    rig_expect (&self->rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (self->rig.verb.settled.step, ZLOOM_OK);
}

static void
s_open_step (journey_t *self, uint32_t n)
{
    journey_open (self);
    journey_put_traced (&self->rig, 1, 1, true);
    journey_worker (self, 10);
    journey_handed (self, 2, 1);
    s_put_step (self, n);
}

/* A hundred stays are told, the others counted. */
static void
test_of_many_that_came_of_it_the_first_are_told (void **state)
{
    (void) state;
    journey_t self;
    s_open_step (&self, 99);
    assert_int_equal (journey_told (&self, "in", 1), 100);
    assert_int_equal (self.more, 0);
    rig_close (&self.rig);
    s_open_step (&self, 120);
    assert_int_equal (journey_told (&self, "in", 1), 100);
    assert_int_equal (self.more, 21);
    rig_close (&self.rig);
}

/* Forty times each fails with a long story: what is told of them is bounded in bytes, too. */
static void
test_of_long_stories_as_many_as_fit (void **state)
{
    (void) state;
    char story[161];
    memset (story, 'x', sizeof story - 1);
    story[sizeof story - 1] = '\0';
    journey_t self;
    s_open_step (&self, 90);
    rig_consumer (&self.rig, 3, "ledger", "out", 100000);
    for (int i = 0; i < 40; i++) {
        rig_expect (&self.rig, 3, ZLOOM_VERB_DELIVER);
        assert_int_equal (self.rig.verb.deliver.runs[0].n, 90);
        const zloom_settle_run_t run = {.first = 1,
                                        .n = 90,
                                        .verdict = ZLOOM_VERDICT_RETRY,
                                        .cause = {.reason = zloom_bytes_text ("failures"),
                                                  .exit = -1,
                                                  .text = zloom_bytes_text (story)}};
        const zloom_verb_t verb = {
          .kind = ZLOOM_VERB_SETTLE,
          .settle = {
            .handle = 1, .token = self.rig.verb.deliver.token, .runs = &run, .run_count = 1}};
        rig_put (&self.rig, 3, &verb, NULL);
        rig_run (&self.rig, 20 * ZLOOM_NS_PER_MS);
    }
    const uint32_t told = journey_told (&self, "in", 1);
    assert_in_range (told, 20, 89);
    assert_int_equal (told + self.more, 91);
    assert_in_range (self.rig.frame.size, 512 * 1024, 600 * 1024);
    rig_close (&self.rig);
}

/* ---- what this router does not know --------------------------------------------------------- */

/* A flow that has left the recipe: what happened there is told, where it would be now is not. */
static void
test_a_flow_that_has_left_the_recipe (void **state)
{
    (void) state;
    journey_t self;
    s_open_step (&self, 1);
    rig_consumer (&self.rig, 3, "ledger", "out", 10);
    journey_handed (&self, 3, 1);
    rig_put_settle (&self.rig, 3, 1, self.token, 1, 1, ZLOOM_VERDICT_ACK);
    rig_settle (&self.rig);
    const zloom_engine_flow_t left[] = {self.flows[0], self.flows[2]};
    assert_int_equal (zloom_engine_reload (self.rig.engine, left, 2, self.rig.now), ZLOOM_OK);
    assert_int_equal (journey_told (&self, "in", 1), 2);
    assert_string_equal (self.text, "in: handed out 1 worker, verdict worker ack, left acked - gone"
                                    " | out: handed out 1 ledger, verdict ledger ack, left acked");
    rig_close (&self.rig);
}

/* The log is one of a later version: rows, verdicts, reasons and ways that have no word here. */
static void
test_what_a_later_version_wrote_is_told_as_far_as_it_goes (void **state)
{
    (void) state;
    journey_t self;
    journey_open (&self);
    zloom_trail_t *trail = self.rig.engine->trail;
    const zloom_trail_begin_t begin = {.flow = zloom_bytes_text ("in"),
                                       .seq = 1,
                                       .wall_ns = 1,
                                       .way = (zloom_trail_way_t) 9,
                                       .id = zloom_bytes_text ("shop/1")};
    zloom_trail_begin (trail, &begin);
    zloom_stay_t *stay = zloom_trail_stay (trail, begin.flow, 1);
    zloom_trail_note (trail, stay, (zloom_trail_kind_t) 99, 2, 7, "worker", ZLOOM_BYTES_NULL);
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_VERDICT, 3, 99, "worker", ZLOOM_BYTES_NULL);
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_VERDICT, 4, -1, "worker", ZLOOM_BYTES_NULL);
    zloom_trail_note (trail, stay, ZLOOM_TRAIL_LEFT, 5, 99, NULL, ZLOOM_BYTES_NULL);
    rig_run (&self.rig, 20 * ZLOOM_NS_PER_MS);
    rig_crash (&self.rig); /* as it comes from a log */
    rig_hello (&self.rig, 9, "operator", 10, NULL);
    journey_tells (&self, 1,
                   "in: ? worker, verdict worker ?, verdict worker ?, left ? - never given");
    assert_non_null (memmem (self.rig.frame.data, self.rig.frame.size, "\xa3way\xa1?", 6));
    rig_close (&self.rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_of_many_that_came_of_it_the_first_are_told),
      cmocka_unit_test (test_of_long_stories_as_many_as_fit),
      cmocka_unit_test (test_a_flow_that_has_left_the_recipe),
      cmocka_unit_test (test_what_a_later_version_wrote_is_told_as_far_as_it_goes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
