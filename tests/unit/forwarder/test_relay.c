/* SPDX-License-Identifier: MPL-2.0 */
/* A bus heard through an edge: the router's numbers, and every hole told where it is. */
#include "bay.h"

static const zloom_subscription_options_t s_all = {.prefetch = 100000};

/* A bus in memory begins each life at a multiple of this. */
#define LIFE (UINT64_C (1) << 40)

static char s_line[256];
#define TEXT(...) (snprintf (s_line, sizeof s_line, __VA_ARGS__), s_line)
#define N(n) ((unsigned long long) (LIFE + (n)))
#define M(n) ((unsigned long long) (2 * LIFE + (n)))

static void
s_open (bay_t *self, zloom_confirm_t confirm)
{
    bay_open (self, confirm);
    bay_run (self, 20);
    assert_true (zloom_relay_is_placed (self->relay));
}

/* ---- basic ---------------------------------------------------------------------------------- */

static void
test_the_numbers_are_the_router_s (void **state)
{
    (void) state;
    bay_t self;
    const char *const eu[] = {"order.eu"};
    const zloom_subscription_options_t some = {
      .prefetch = 1000, .patterns = eu, .pattern_count = 1};
    s_open (&self, ZLOOM_CONFIRM_DISK);
    bay_publish (&self, "order.eu", 3); /* before anybody hears */
    bay_subscribe (&self, ONE, &s_all);
    bay_subscribe (&self, TWO, &some);
    bay_run (&self, 20);
    bay_publish (&self, "order.eu", 2);
    bay_publish (&self, "order.us", 5);
    bay_publish (&self, "order.eu", 1);
    bay_expect (&self, ONE, "4-11");
    bay_expect (&self, TWO, "4-5 11"); /* a filter is no gap */
    assert_int_equal (self.links[TWO].last_id, 11);
    assert_int_equal (self.links[TWO].missed, 0);
    bay_close (&self);
}

static void
test_the_router_sends_each_event_once (void **state)
{
    (void) state;
    bay_t self;
    zloom_client_stats_t stats;
    s_open (&self, ZLOOM_CONFIRM_MEMORY);
    bay_subscribe (&self, ONE, &s_all);
    bay_subscribe (&self, TWO, &s_all);
    bay_subscribe (&self, THREE, &s_all);
    bay_run (&self, 20);
    bay_publish (&self, "a", 100);
    for (int i = ONE; i < LINKS; i++) {
        bay_expect (&self, i, TEXT ("%llu-%llu", N (0), N (99)));
    }
    zloom_client_core_stats (self.roads[RELAY].core, &stats);
    assert_int_equal (stats.received_messages, 100);
    bay_close (&self);
}

/* ---- holes ---------------------------------------------------------------------------------- */

static void
test_a_slow_one_loses_alone (void **state)
{
    (void) state;
    bay_t self;
    const zloom_subscription_options_t slow = {
      .prefetch = 10, .on_slow = ZLOOM_ON_SLOW_DROP_OLDEST, .on_slow_value = 5};
    s_open (&self, ZLOOM_CONFIRM_DISK);
    bay_subscribe (&self, ONE, &s_all);
    bay_subscribe (&self, TWO, &slow);
    bay_run (&self, 20);
    self.roads[TWO].mute = true;
    bay_publish (&self, "a", 40);
    self.roads[TWO].mute = false;
    bay_run (&self, 20);
    bay_expect (&self, ONE, "1-40");
    bay_expect (&self, TWO, "1-10 gap11-35:25(drop-oldest) 36-40");
    bay_close (&self);
}

static void
test_what_is_lost_on_the_way_is_told_in_its_place (void **state)
{
    (void) state;
    bay_t self;
    const char *const eu[] = {"order.eu"};
    const zloom_subscription_options_t some = {
      .prefetch = 1000, .patterns = eu, .pattern_count = 1};
    s_open (&self, ZLOOM_CONFIRM_DISK);
    bay_subscribe (&self, ONE, &s_all);
    bay_subscribe (&self, TWO, &some);
    bay_subscribe (&self, THREE, &(zloom_subscription_options_t){.prefetch = 2});
    bay_run (&self, 20);
    self.roads[THREE].mute = true; /* what it has not taken stands before the hole */
    bay_publish (&self, "order.eu", 5);
    bay_cut (&self, RELAY);
    self.roads[RELAY].mute = true;
    bay_publish (&self, "order.us", 6);
    self.roads[RELAY].mute = false;
    bay_run (&self, 2000); /* it finds out by silence, and comes back */
    self.roads[THREE].mute = false;
    bay_publish (&self, "order.eu", 2);
    bay_run (&self, 1000);
    bay_expect (&self, ONE, "1-5 gap6-11:6(edge) 12-13");
    bay_expect (&self, TWO, "1-5 gap6-11:0(edge) 12-13"); /* how many of them were its, if any? */
    bay_expect (&self, THREE, "1-2 gap3-11:9(edge) 12-13");
    bay_close (&self);
}

static void
test_an_edge_that_is_too_slow_for_the_router (void **state)
{
    (void) state;
    bay_t self;
    s_open (&self, ZLOOM_CONFIRM_MEMORY);
    bay_subscribe (&self, ONE, &s_all);
    bay_run (&self, 20);
    self.roads[RELAY].mute = true;
    bay_publish (&self, "a", 140000);
    self.roads[RELAY].mute = false;
    bay_run (&self, 200);
    bay_publish (&self, "a", 1);
    bay_run (&self, 20);
    assert_true (self.links[ONE].missed > 0);
    /* It holds what it has credit for, and the last 65536 wait for it. */
    bay_expect (&self, ONE,
                TEXT ("%llu-%llu gap%llu-%llu:%llu(edge) %llu-%llu", N (0), N (65535), N (65536),
                      N (74463), 8928ull, N (74464), N (140000)));
    bay_close (&self);
}

/* More at once than the edge may ever keep. */
static void
test_what_an_edge_cannot_keep_is_told (void **state)
{
    (void) state;
    bay_t self;
    s_open (&self, ZLOOM_CONFIRM_MEMORY);
    self.copy.config.limit_messages = 10;
    bay_restart (&self, &self.edge);
    bay_run (&self, 20);
    bay_subscribe (&self, ONE, &s_all);
    bay_run (&self, 20);
    bay_publish (&self, "a", 2);
    bay_publish (&self, "a", 11);
    bay_expect (&self, ONE, TEXT ("%llu-%llu gap%llu-%llu:11(edge)", N (0), N (1), N (2), N (12)));
    bay_publish (&self, "a", 1);
    bay_expect (&self, ONE, TEXT ("%llu", N (13)));
    bay_close (&self);
}

/* ---- deaths --------------------------------------------------------------------------------- */

static void
test_a_new_edge_knows_what_was_missed (void **state)
{
    (void) state;
    bay_t self;
    s_open (&self, ZLOOM_CONFIRM_MEMORY);
    bay_subscribe (&self, ONE, &s_all);
    bay_run (&self, 20);
    bay_publish (&self, "a", 10);
    bay_run (&self, 4);
    self.roads[ONE].mute = true;
    self.roads[RELAY].mute = true;
    bay_publish (&self, "a", 7); /* the edge is dead already, and nobody has noticed */
    self.roads[RELAY].mute = false;
    bay_restart (&self, &self.edge);
    bay_run (&self, 20); /* it serves once it has a place */
    self.roads[ONE].mute = false;
    bay_run (&self, 2000);
    bay_publish (&self, "a", 3);
    bay_expect (&self, ONE,
                TEXT ("%llu-%llu gap%llu-%llu:7(edge) %llu-%llu", N (0), N (9), N (10), N (16),
                      N (17), N (19)));
    bay_close (&self);
}

static void
test_a_router_that_lost_its_memory (void **state)
{
    (void) state;
    bay_t self;
    s_open (&self, ZLOOM_CONFIRM_MEMORY);
    bay_subscribe (&self, ONE, &s_all);
    bay_run (&self, 20);
    bay_publish (&self, "a", 10);
    bay_restart (&self, &self.hub);
    bay_run (&self, 2000);
    bay_publish (&self, "a", 3);
    bay_expect (&self, ONE,
                TEXT ("%llu-%llu gap%llu-%llu:0(restart) %llu-%llu", N (0), N (9), N (10),
                      M (-1ull), M (0), M (2)));
    bay_close (&self);
}

/*
 * What the relay is told of its place may come together with the first events: then it is from
 * those that the edge knows which life of the router it has to do with.
 */
static void
test_events_come_with_the_place (void **state)
{
    (void) state;
    bay_t self;
    s_open (&self, ZLOOM_CONFIRM_MEMORY);
    bay_subscribe (&self, ONE, &s_all);
    bay_run (&self, 20);
    bay_publish (&self, "a", 10);
    bay_run (&self, 4);
    self.roads[ONE].mute = true;
    bay_restart (&self, &self.hub);
    bay_restart (&self, &self.edge);
    bay_run (&self, 2); /* it asks */
    assert_false (zloom_relay_is_placed (self.relay));
    self.hold_relay = true;
    bay_publish (&self, "a", 4);
    self.hold_relay = false;
    self.roads[ONE].mute = false;
    bay_run (&self, 2000);
    bay_publish (&self, "a", 3);
    bay_expect (&self, ONE,
                TEXT ("%llu-%llu gap%llu-%llu:0(restart) gap%llu-%llu:4(edge) %llu-%llu", N (0),
                      N (9), N (10), M (-1ull), M (0), M (3), M (4), M (6)));
    bay_close (&self);
}

/* Between the two a subscriber knows numbers of a life that neither the edge nor the router has. */
static void
test_both_are_new (void **state)
{
    (void) state;
    bay_t self;
    s_open (&self, ZLOOM_CONFIRM_MEMORY);
    bay_subscribe (&self, ONE, &s_all);
    bay_run (&self, 20);
    bay_publish (&self, "a", 10);
    bay_run (&self, 4);
    self.roads[ONE].mute = true;
    self.roads[RELAY].mute = true;
    bay_restart (&self, &self.hub);
    bay_publish (&self, "a", 4);
    self.roads[RELAY].mute = false;
    bay_restart (&self, &self.edge);
    bay_run (&self, 20);
    self.roads[ONE].mute = false;
    bay_run (&self, 2000);
    bay_publish (&self, "a", 3);
    bay_expect (&self, ONE,
                TEXT ("%llu-%llu gap%llu-%llu:0(restart) gap%llu-%llu:4(edge) %llu-%llu", N (0),
                      N (9), N (10), M (-1ull), M (0), M (3), M (4), M (6)));
    bay_close (&self);
}

static void
test_a_router_whose_numbers_go_back_ends_the_copy (void **state)
{
    (void) state;
    bay_t self;
    s_open (&self, ZLOOM_CONFIRM_DISK);
    bay_publish (&self, "a", 10);
    rig_stop (&self.hub);
    zloom_simdisk_destroy (&self.hub.disk);
    self.hub.disk = zloom_simdisk_new (2);
    assert_int_equal (rig_start (&self.hub), ZLOOM_OK); /* as a log from before the ten */
    bay_restart (&self, &self.hub);
    bay_run (&self, 2000);
    bay_publish (&self, "a", 1);
    bay_run (&self, 20);
    assert_int_equal (self.relay_err, ZLOOM_FAILED);
    bay_close (&self);
}

/* ---- its log --------------------------------------------------------------------------------- */

static char s_lines[4096];

static void
s_log (zloom_log_level_t level, const char *id, const char *text, void *arg)
{
    (void) level;
    (void) arg;
    const size_t size = strlen (s_lines);
    (void) snprintf (s_lines + size, sizeof s_lines - size, "%s %s\n", id, text);
}

/* A hole for a second reason is no part of the first one's second. */
static void
test_each_reason_of_a_hole_has_its_line (void **state)
{
    (void) state;
    bay_t self;
    s_open (&self, ZLOOM_CONFIRM_MEMORY);
    bay_publish (&self, "a", 3);
    self.roads[RELAY].mute = true;
    bay_restart (&self, &self.hub);
    bay_publish (&self, "a", 4);
    zloom_log_set (ZLOOM_LOG_INFO, s_log, NULL);
    self.roads[RELAY].mute = false;
    bay_run (&self, 2000);
    zloom_log_set (ZLOOM_LOG_INFO, NULL, NULL);
    assert_true (strstr (s_lines, "why=restart") && strstr (s_lines, "why=retain"));
    bay_close (&self);
}

/* ---- anything at any time ------------------------------------------------------------------ */

static void
s_disturb (bay_t *self, zloom_random_t *random)
{
    const int who = ONE + (int) zloom_random_below (random, LINKS - ONE);
    switch (zloom_random_below (random, 12)) {
    case 0:
        bay_cut (self, RELAY);
        break;
    case 1:
        bay_cut (self, who);
        break;
    case 2:
        bay_restart (self, &self->edge);
        break;
    case 3:
        bay_restart (self, &self->hub);
        break;
    case 4:
        self->roads[who].mute = !self->roads[who].mute;
        break;
    case 5:
        self->roads[RELAY].mute = !self->roads[RELAY].mute;
        break;
    default:
        bay_run (self, (int) zloom_random_below (random, 300));
        break;
    }
}

/* Every number comes to everybody, once and in its place: as an event, or in a hole told of. */
static void
s_live (uint64_t seed, zloom_confirm_t confirm)
{
    bay_t self;
    zloom_random_t random;
    const zloom_subscription_options_t slow = {.prefetch = 7, .on_slow_value = 20};
    zloom_random_init (&random, seed);
    s_open (&self, confirm);
    bay_subscribe (&self, ONE, &s_all);
    bay_subscribe (&self, TWO, &slow);
    bay_subscribe (&self, THREE, &slow);
    bay_run (&self, 20);
    for (int i = 0; i < 60; i++) {
        s_disturb (&self, &random);
        bay_publish (&self, "a", zloom_random_below (&random, 40));
    }
    for (int i = RELAY; i < LINKS; i++) {
        self.roads[i].mute = false;
    }
    bay_run (&self, 3000);
    bay_publish (&self, "a", 1);
    bay_run (&self, 3000);
    const uint64_t last = self.links[ONE].last;
    for (int i = ONE; i < LINKS; i++) {
        if (self.links[i].broken || self.links[i].last != last || last == 0 ||
            self.links[i].missed > self.sent) { /* numbers between two lives are no events */
            s_flush (&self.links[i]);
            fail_msg ("seed %llu, subscriber %d: %s", (unsigned long long) seed, i,
                      zloom_buf_text (&self.links[i].heard));
        }
    }
    assert_int_equal (self.relay_err, ZLOOM_OK);
    bay_close (&self);
}

static void
test_every_number_comes_once_or_is_told (void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        s_live (seed, seed % 2 ? ZLOOM_CONFIRM_MEMORY : ZLOOM_CONFIRM_DISK);
    }
}

/* ---- what an edge does not do --------------------------------------------------------------- */

static void
s_expect_refused (const zloom_subscription_options_t *options)
{
    bay_t self;
    s_open (&self, ZLOOM_CONFIRM_DISK);
    bay_subscribe (&self, ONE, options);
    bay_run (&self, 20);
    assert_int_equal (self.links[ONE].refused, ZLOOM_UNSUPPORTED);
    bay_close (&self);
}

static void
test_promises_that_an_edge_cannot_keep_are_refused (void **state)
{
    (void) state;
    s_expect_refused (&(zloom_subscription_options_t){.group = "g", .durable = true});
    s_expect_refused (&(zloom_subscription_options_t){.on_slow = ZLOOM_ON_SLOW_BLOCK});
    s_expect_refused (&(zloom_subscription_options_t){.on_slow = ZLOOM_ON_SLOW_SPILL});
    s_expect_refused (&(zloom_subscription_options_t){.from = ZLOOM_FROM_START});
    s_expect_refused (&(zloom_subscription_options_t){.from = ZLOOM_FROM_LAST});
}

static void
test_nobody_publishes_at_an_edge (void **state)
{
    (void) state;
    bay_t self;
    const zloom_client_flow_t flow = {.name = "paid"};
    const zloom_client_options_t options = {.name = "astray", .flows = &flow, .flow_count = 1};
    s_open (&self, ZLOOM_CONFIRM_DISK);
    s_connect (&self, ONE, &options);
    bay_run (&self, 20);
    assert_int_equal (self.links[ONE].refused, ZLOOM_UNSUPPORTED);
    bay_close (&self);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_the_numbers_are_the_router_s),
      cmocka_unit_test (test_the_router_sends_each_event_once),
      cmocka_unit_test (test_a_slow_one_loses_alone),
      cmocka_unit_test (test_what_is_lost_on_the_way_is_told_in_its_place),
      cmocka_unit_test (test_an_edge_that_is_too_slow_for_the_router),
      cmocka_unit_test (test_what_an_edge_cannot_keep_is_told),
      cmocka_unit_test (test_a_new_edge_knows_what_was_missed),
      cmocka_unit_test (test_a_router_that_lost_its_memory),
      cmocka_unit_test (test_events_come_with_the_place),
      cmocka_unit_test (test_both_are_new),
      cmocka_unit_test (test_a_router_whose_numbers_go_back_ends_the_copy),
      cmocka_unit_test (test_each_reason_of_a_hole_has_its_line),
      cmocka_unit_test (test_every_number_comes_once_or_is_told),
      cmocka_unit_test (test_promises_that_an_edge_cannot_keep_are_refused),
      cmocka_unit_test (test_nobody_publishes_at_an_edge),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
