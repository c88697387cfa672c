/* SPDX-License-Identifier: MPL-2.0 */
/* What is said of a flow or a node: a topology for each cause, and which of two causes is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "nodes/zloom/why.h"

/* One flow "orders", taken from by "charge", given to by "shop"; two looks a second apart. */
typedef struct {
    zloom_view_t before, now;
    zloom_view_flow_t flow_before, flow;
    zloom_view_node_t nodes_before[3], nodes[3];
    char takes[1][ZLOOM_VIEW_NAME];
    char gives[1][ZLOOM_VIEW_NAME];
    zloom_why_t why;
} s_rig_t;

static void
s_node (zloom_view_node_t *node, const char *name, const char *role)
{
    *node = (zloom_view_node_t){.connected = true, .reports = true, .next_ms = -1};
    (void) snprintf (node->name, sizeof node->name, "%s", name);
    (void) snprintf (node->role, sizeof node->role, "%s", role);
}

static void
s_open (s_rig_t *rig)
{
    memset (rig, 0, sizeof *rig);
    (void) snprintf (rig->flow.name, sizeof rig->flow.name, "orders");
    (void) snprintf (rig->takes[0], sizeof rig->takes[0], "orders");
    (void) snprintf (rig->gives[0], sizeof rig->gives[0], "orders");
    rig->flow.consumers = 1;
    rig->flow.credit = 64;
    rig->flow.due_ms = -1;
    rig->flow.limit_messages = 1000;
    s_node (&rig->nodes[0], "charge", "worker");
    s_node (&rig->nodes[1], "shop", "poller");
    s_node (&rig->nodes[2], "router", "router");
    rig->nodes[0].takes = rig->takes;
    rig->nodes[0].take_count = 1;
    rig->nodes[1].gives = rig->gives;
    rig->nodes[1].give_count = 1;
    memcpy (&rig->flow_before, &rig->flow, sizeof rig->flow);
    memcpy (rig->nodes_before, rig->nodes, sizeof rig->nodes);
    rig->before = (zloom_view_t){.at_ns = 5 * ZLOOM_NS_PER_S,
                                 .flows = &rig->flow_before,
                                 .flow_count = 1,
                                 .nodes = rig->nodes_before,
                                 .node_count = 3};
    rig->now = (zloom_view_t){.at_ns = 6 * ZLOOM_NS_PER_S,
                              .flows = &rig->flow,
                              .flow_count = 1,
                              .nodes = rig->nodes,
                              .node_count = 3};
    (void) snprintf (rig->now.router, sizeof rig->now.router, "router");
}

/* What is said of the subject has to be this cause, and to have these words. */
static void
s_says (s_rig_t *rig, bool flow, const char *name, zloom_why_cause_t cause, const char *words)
{
    zloom_why_fini (&rig->why);
    assert_true (flow ? zloom_why_flow (&rig->before, &rig->now, name, &rig->why)
                      : zloom_why_node (&rig->before, &rig->now, name, &rig->why));
    const char *sentence = zloom_buf_text (&rig->why.sentence);
    if (rig->why.cause != cause || !strstr (sentence, words)) {
        fail_msg ("cause %s: %s", zloom_why_name (rig->why.cause), sentence);
    }
    /* Whoever says that something is wrong says what to do about it; waiting needs no hand. */
    if (!zloom_why_is_well (cause) && cause != ZLOOM_WHY_DELAYED) {
        assert_true (rig->why.advice.size > 0);
    }
}

static void
s_flow_says (s_rig_t *rig, zloom_why_cause_t cause, const char *words)
{
    s_says (rig, true, "orders", cause, words);
}

static void
s_node_says (s_rig_t *rig, const char *name, zloom_why_cause_t cause, const char *words)
{
    s_says (rig, false, name, cause, words);
}

/* ---- flows ---------------------------------------------------------------------------------- */

static void
test_nothing_to_do (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.acked = 7;
    rig.flow_before.acked = 7;
    s_flow_says (&rig, ZLOOM_WHY_IDLE, "orders is idle: it is empty");
    zloom_why_fini (&rig.why);
    assert_false (zloom_why_flow (&rig.before, &rig.now, "nowhere", &rig.why));
}

static void
test_all_is_well (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.appended = 120;
    rig.flow.acked = 118;
    rig.flow.leased = 2;
    rig.flow.oldest_ms = 12;
    s_flow_says (&rig, ZLOOM_WHY_WELL, "120/s in, 118/s out, the oldest is 12ms old, 2 inside");
    zloom_why_fini (&rig.why);
}

static void
test_paused_comes_before_all (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.paused = true;
    rig.flow.consumers = 0;
    rig.flow.ready = 1;
    s_flow_says (&rig, ZLOOM_WHY_PAUSED, "orders holds 1 message: it is paused by hand");
    assert_non_null (strstr (zloom_buf_text (&rig.why.advice), "zloom resume orders"));
    zloom_why_fini (&rig.why);
}

static void
test_a_full_disk (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.now.disk_full = true;
    rig.flow.ready = 5;
    s_flow_says (&rig, ZLOOM_WHY_DISK_FULL, "the router's disk is full");
    s_node_says (&rig, "router", ZLOOM_WHY_DISK_FULL, "its disk is full");
    zloom_why_fini (&rig.why);
}

static void
test_full_and_nobody_takes (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.consumers = 0;
    rig.nodes[0].take_count = 0;
    rig.flow.ready = 1000;
    rig.flow.oldest_ms = 72500;
    rig.nodes[1].report.blocked_ms = 12000;
    (void) snprintf (rig.nodes[1].report.blocked_on, sizeof rig.nodes[1].report.blocked_on,
                     "orders");
    s_flow_says (&rig, ZLOOM_WHY_NO_TAKERS,
                 "orders is full (1000 of 1000 messages), the oldest for 1m12s: nobody takes from "
                 "it; shop has waited for room for 12s");
    /* By bytes, and with a node that is being started again. */
    rig.flow.ready = 10;
    rig.flow.bytes = 2048;
    rig.flow.limit_bytes = 2048;
    rig.nodes[0].connected = false;
    rig.nodes[0].supervised = true;
    rig.nodes[0].restarts = 3;
    (void) snprintf (rig.nodes[0].state, sizeof rig.nodes[0].state, "backoff");
    s_flow_says (&rig, ZLOOM_WHY_NO_TAKERS, "orders is full (2KiB of 2KiB)");
    s_flow_says (&rig, ZLOOM_WHY_NO_TAKERS,
                 "(node charge is waiting to be started after 3 restarts)");
    zloom_why_fini (&rig.why);
}

static void
test_a_buffered_child (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    zloom_report_t *report = &rig.nodes[0].report;
    rig.flow.leased = 1;
    report->in_hand = 1;
    report->begun = 1;
    report->quiet_ms = 2100;
    (void) snprintf (report->io, sizeof report->io, "lines");
    s_flow_says (&rig, ZLOOM_WHY_BUFFERED,
                 "has read 1 line and written none for 2.1s: is its output buffered?");
    s_node_says (&rig, "charge", ZLOOM_WHY_BUFFERED, "is its output buffered?");
    /* It has answered once: it is only slow. */
    report->answered = 1;
    (void) snprintf (report->hint, sizeof report->hint, "is it still at work?");
    s_flow_says (&rig, ZLOOM_WHY_CHILD_QUIET, "answered nothing for 2.1s with 1 message in hand");
    /* Not for long yet. */
    report->quiet_ms = 1900;
    s_node_says (&rig, "charge", ZLOOM_WHY_WELL, "charge is at work");
    zloom_why_fini (&rig.why);
}

static void
test_a_child_that_is_started_again (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.ready = 4;
    rig.flow.credit = 0;
    rig.nodes[0].report.restart_ms = 800;
    rig.nodes[0].report.starts = 3;
    s_flow_says (&rig, ZLOOM_WHY_CHILD_RESTARTS, "started again in 800ms (start 4)");
    zloom_why_fini (&rig.why);
}

static void
test_one_broken_taker_of_two_is_no_reason (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.nodes[0].report.restart_ms = 800;
    rig.nodes[1].takes = rig.takes;
    rig.nodes[1].take_count = 1;
    rig.flow.leased = 1;
    rig.flow.oldest_ms = 20;
    rig.flow.appended = 10;
    rig.flow.acked = 9;
    s_flow_says (&rig, ZLOOM_WHY_WELL, "10/s in, 9/s out");
    rig.flow.acked = 0; /* but while nothing goes out, it is */
    s_flow_says (&rig, ZLOOM_WHY_CHILD_RESTARTS, "started again");
    zloom_why_fini (&rig.why);
}

static void
test_a_taker_without_room_ahead (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.leased = 64;
    rig.nodes[0].report.blocked_ms = 3000;
    (void) snprintf (rig.nodes[0].report.blocked_on, sizeof rig.nodes[0].report.blocked_on, "paid");
    s_flow_says (&rig, ZLOOM_WHY_BLOCKED, "charge has waited for room in paid for 3.0s");
    assert_string_equal (zloom_buf_text (&rig.why.advice), "zloom why paid");
    zloom_why_fini (&rig.why);
}

static void
test_waiting_for_a_time (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.waiting = 2;
    rig.flow.due_ms = 4000;
    rig.flow.due_failures = 1;
    s_flow_says (&rig, ZLOOM_WHY_RETRY,
                 "2 wait for a retry; the next try is in 4.0s, after 1 fail");
    rig.flow.due_failures = 0;
    s_flow_says (&rig, ZLOOM_WHY_DELAYED, "2 are not due yet, as the sender asked");
    rig.flow.failures = 3; /* in the last second */
    s_flow_says (&rig, ZLOOM_WHY_FAILING, "all that is tried fails, 3/s; 2 wait, the next try");
    rig.flow.failures = 0;
    rig.flow.due_ms = -1; /* nothing is due: by hand only */
    rig.flow.stuck = 1;
    s_flow_says (&rig, ZLOOM_WHY_STUCK, "1 key waits for a hand");
    zloom_why_fini (&rig.why);
}

static void
test_a_slow_disk (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.ready = 3;
    rig.flow.appended = 3;
    rig.now.last_sync_ns = 250 * ZLOOM_NS_PER_MS;
    s_flow_says (&rig, ZLOOM_WHY_DISK_SLOW, "its last sync took 250ms");
    s_node_says (&rig, "router", ZLOOM_WHY_DISK_SLOW, "waits for a slow disk");
    rig.now.last_sync_ns = 5 * ZLOOM_NS_PER_MS;
    s_node_says (&rig, "router", ZLOOM_WHY_WELL, "router is well");
    zloom_why_fini (&rig.why);
}

static void
test_drained (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.draining = true;
    s_flow_says (&rig, ZLOOM_WHY_DRAINING, "it takes nothing new from outside");
    zloom_why_fini (&rig.why);
}

static void
test_takers_that_hold_all_they_may (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.ready = 100;
    rig.flow.leased = 64;
    rig.flow.credit = 0;
    rig.flow.oldest_ms = 30000;
    s_flow_says (&rig, ZLOOM_WHY_NO_CREDIT,
                 "its 1 taker holds 64, as many as they may, and settled none in the last 1.0 s; "
                 "the oldest is 30s old");
    zloom_why_fini (&rig.why);
}

static void
test_slow_takers_and_faster_ones (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.ready = 900;
    rig.flow.leased = 100;
    rig.flow.oldest_ms = 8000;
    rig.flow.appended = 450;
    rig.flow.acked = 120;
    s_flow_says (&rig, ZLOOM_WHY_SLOW,
                 "is full (1000 of 1000 messages): its 1 taker is too slow: "
                 "450/s in, 120/s out, the oldest is 8.0s old");
    rig.flow.ready = 400;
    rig.flow.appended = 20;
    s_flow_says (&rig, ZLOOM_WHY_CATCHING_UP, "at that rate it is empty in 5.0s");
    zloom_why_fini (&rig.why);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static void
test_a_node_that_is_not_there (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    zloom_view_node_t *node = &rig.nodes[0];
    node->connected = false;
    node->supervised = true;
    node->restarts = 2;
    node->next_ms = 5000;
    (void) snprintf (node->state, sizeof node->state, "backoff");
    (void) snprintf (node->end, sizeof node->end, "exit code 1");
    s_node_says (&rig, "charge", ZLOOM_WHY_RESTARTING,
                 "charge has ended: exit code 1 and is started again in 5.0s, after 2 restarts");
    (void) snprintf (node->state, sizeof node->state, "failed");
    s_node_says (&rig, "charge", ZLOOM_WHY_NOT_RUNNING, "its supervisor says failed, exit code 1");
    (void) snprintf (node->state, sizeof node->state, "done");
    s_node_says (&rig, "charge", ZLOOM_WHY_IDLE, "charge is done");
    zloom_why_fini (&rig.why);
    assert_false (zloom_why_node (&rig.before, &rig.now, "charg", &rig.why));
}

static void
test_an_idle_node_asks_its_flows (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    s_node_says (&rig, "charge", ZLOOM_WHY_IDLE, "charge is idle: it waits for work");
    rig.flow.paused = true;
    rig.flow.ready = 3;
    s_node_says (&rig, "charge", ZLOOM_WHY_PAUSED,
                 "charge has nothing in hand, for orders holds 3 messages: it is paused");
    zloom_why_fini (&rig.why);
}

static void
test_the_worst_replica_speaks (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    (void) snprintf (rig.nodes[0].name, sizeof rig.nodes[0].name, "charge.1");
    (void) snprintf (rig.nodes[1].name, sizeof rig.nodes[1].name, "charge.2");
    (void) snprintf (rig.nodes[2].name, sizeof rig.nodes[2].name, "charge.x");
    rig.nodes[1].report.restart_ms = 100;
    s_node_says (&rig, "charge", ZLOOM_WHY_CHILD_RESTARTS, "the program of charge.2 has ended");
    s_node_says (&rig, "charge", ZLOOM_WHY_CHILD_RESTARTS, "(of 2 replicas)");
    zloom_why_fini (&rig.why);
}

static void
test_work_is_counted_between_reports (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.nodes_before[0].report.acked = 100;
    rig.nodes_before[0].report_age_ms = 900;
    rig.nodes[0].report.acked = 300; /* two seconds later, by its own reports */
    rig.nodes[0].report_age_ms = -100;
    rig.nodes[0].report.in_hand = 3;
    s_node_says (&rig, "charge", ZLOOM_WHY_WELL, "charge is at work: 100/s done, 3 in hand");
    zloom_why_fini (&rig.why);
}

static void
test_numbers_are_short (void **state)
{
    (void) state;
    static const struct {
        double number;
        const char *text;
    } rows[] = {{0, "0"},       {0.04, "0"},      {0.5, "0.5"},    {7, "7"},
                {12.4, "12"},   {999, "999"},     {999.6, "1.0k"}, {1234, "1.2k"},
                {45678, "46k"}, {3.44e6, "3.4M"}, {2e9, "2.0G"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[24];
        assert_string_equal (zloom_view_short (rows[i].number, text), rows[i].text);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_nothing_to_do),
      cmocka_unit_test (test_all_is_well),
      cmocka_unit_test (test_paused_comes_before_all),
      cmocka_unit_test (test_a_full_disk),
      cmocka_unit_test (test_full_and_nobody_takes),
      cmocka_unit_test (test_a_buffered_child),
      cmocka_unit_test (test_a_child_that_is_started_again),
      cmocka_unit_test (test_one_broken_taker_of_two_is_no_reason),
      cmocka_unit_test (test_a_taker_without_room_ahead),
      cmocka_unit_test (test_waiting_for_a_time),
      cmocka_unit_test (test_a_slow_disk),
      cmocka_unit_test (test_drained),
      cmocka_unit_test (test_takers_that_hold_all_they_may),
      cmocka_unit_test (test_slow_takers_and_faster_ones),
      cmocka_unit_test (test_a_node_that_is_not_there),
      cmocka_unit_test (test_an_idle_node_asks_its_flows),
      cmocka_unit_test (test_the_worst_replica_speaks),
      cmocka_unit_test (test_work_is_counted_between_reports),
      cmocka_unit_test (test_numbers_are_short),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
