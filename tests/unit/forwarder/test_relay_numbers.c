/* SPDX-License-Identifier: MPL-2.0 */
/* Numbers that somebody at an edge does not get: for others, or gone down with a session. */
#include "bay.h"
#include "engine/core.h"
#include "patterns/common/history.h"

/* What comes back from the dead letters of ledger has a number, and is for ledger alone. */
static void
s_requeue (bay_t *self, const char *topic)
{
    zloom_buf_t pack = {0};
    zloom_buf_t past = {0};
    const zloom_envelope_t envelope = {.topic = zloom_bytes_text (topic)};
    const zloom_history_t history = {
      .causes = {{.flow = zloom_bytes_text ("paid/ledger"), .count = 1}}, .count = 1};
    zloom_pack_add (&pack, &envelope);
    zloom_history_encode (&history, &past);
    zloom_blob_t *blob = zloom_blob_new (pack.data, pack.size);
    const zloom_src_t src = {1, zloom_bytes_text ("shop"), 1, self->hub.now.wall_ns};
    const zloom_event_t event = {.type = ZLOOM_EVENT_OFFER,
                                 .offer = {.n = 1,
                                           .pack = zloom_blob_bytes (blob),
                                           .blob = blob,
                                           .flags = ZLOOM_FLAG_TOPIC,
                                           .src = &src,
                                           .src_count = 1,
                                           .past = &(zloom_past_t){zloom_buf_bytes (&past)},
                                           .admitted = true}};
    zloom_hosted_t *flow = zloom_engine_flow (self->hub.engine, zloom_bytes_text ("paid"));
    assert_int_equal (zloom_engine_room (self->hub.engine, flow, 8, 4096, true), ZLOOM_OK);
    zloom_engine_feed (self->hub.engine, flow, &event);
    zloom_blob_unref (&blob);
    zloom_buf_fini (&pack);
    zloom_buf_fini (&past);
}

/* Such a number is no hole, and what is behind it keeps its own. */
static void
test_numbers_that_are_for_others_are_left_out (void **state)
{
    (void) state;
    bay_t self;
    const zloom_subscriber_config_t ledger = {.name = "ledger", .durable = true};
    bay_open (&self, ZLOOM_CONFIRM_DISK);
    self.bus.config.subscribers = &ledger;
    self.bus.config.subscriber_count = 1;
    bay_restart (&self, &self.hub);
    bay_run (&self, 2000);
    bay_subscribe (&self, ONE, &(zloom_subscription_options_t){.prefetch = 1000});
    bay_run (&self, 20);
    bay_publish (&self, "a", 3);
    s_requeue (&self, "a");
    bay_publish (&self, "a", 2);
    bay_expect (&self, ONE, "1-3 5-6");
    assert_int_equal (self.links[ONE].missed, 0);
    bay_close (&self);
}

/* ... nor is what other members of a group got; what went down with a session is. */
static void
test_a_member_that_comes_back_is_told_what_it_lost (void **state)
{
    (void) state;
    bay_t self;
    const zloom_subscription_options_t pool = {.prefetch = 4, .group = "pool"};
    bay_open (&self, ZLOOM_CONFIRM_DISK);
    bay_run (&self, 20);
    bay_subscribe (&self, ONE, &pool);
    bay_subscribe (&self, TWO, &pool);
    bay_run (&self, 20);
    bay_cut (&self, TWO);
    for (int i = 0; i < 4; i++) { /* the second one goes to it, and is on no way */
        bay_publish (&self, "a", 1);
    }
    bay_expect (&self, ONE, "1 3-4");
    bay_run (&self, 2000);
    bay_expect (&self, TWO, "gap2-2:1(session)");
    bay_publish (&self, "a", 1);
    bay_publish (&self, "a", 1);
    bay_expect (&self, ONE, "5");
    bay_expect (&self, TWO, "6");
    assert_int_equal (self.links[TWO].missed, 1);
    bay_close (&self);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_numbers_that_are_for_others_are_left_out),
      cmocka_unit_test (test_a_member_that_comes_back_is_told_what_it_lost),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
