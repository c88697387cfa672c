/* SPDX-License-Identifier: MPL-2.0 */
/* What is said of a flow: numbers for each cause, and which of two causes is told. */
#include "unit/cli/why.h"

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
test_takers_that_are_paused (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flow.ready = 5;
    rig.nodes[0].paused = true;
    rig.nodes[0].reports = false; /* it may be a program that reports nothing */
    s_flow_says (&rig, ZLOOM_WHY_PAUSED, "orders holds 5 messages: charge is paused by hand");
    s_node_says (&rig, "charge", ZLOOM_WHY_PAUSED, "charge is paused by hand");
    assert_string_equal (zloom_buf_text (&rig.why.advice), "zloom resume charge lets it go on");
    zloom_why_fini (&rig.why);
}

static void
test_a_full_disk (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.routers[0].disk_full = true;
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
    (void) snprintf (rig.nodes[0].state, sizeof rig.nodes[0].state, "done");
    s_flow_says (&rig, ZLOOM_WHY_NO_TAKERS, "(node charge was drained)");
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
    rig.routers[0].last_sync_ns = 250 * ZLOOM_NS_PER_MS;
    s_flow_says (&rig, ZLOOM_WHY_DISK_SLOW, "its last sync took 250ms");
    s_node_says (&rig, "router", ZLOOM_WHY_DISK_SLOW, "waits for a slow disk");
    rig.routers[0].last_sync_ns = 5 * ZLOOM_NS_PER_MS;
    s_node_says (&rig, "router", ZLOOM_WHY_WELL, "router is well");
    zloom_why_fini (&rig.why);
}

/* What a sync of an hour ago took says nothing of the disk now; one that does not end says much. */
static void
test_a_disk_that_was_slow_once (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.routers[0].syncs = 17;
    rig.routers[0].last_sync_ns = 250 * ZLOOM_NS_PER_MS;
    rig.routers[0].last_sync_age_ms = 9900;
    s_node_says (&rig, "router", ZLOOM_WHY_DISK_SLOW,
                 "17 syncs, the last one took 250ms, 9.9s ago");
    rig.routers[0].last_sync_age_ms = 3600 * 1000;
    s_node_says (&rig, "router", ZLOOM_WHY_WELL, "17 syncs, the last one took 250ms, 1h ago");
    rig.flow.appended = 3; /* confirmed from memory: nothing was synced */
    s_flow_says (&rig, ZLOOM_WHY_WELL, "orders is well");
    rig.routers[0].syncing_ms = 90; /* not for long yet */
    s_node_says (&rig, "router", ZLOOM_WHY_WELL, "1h ago");
    rig.routers[0].syncing_ms = 12000;
    s_node_says (&rig, "router", ZLOOM_WHY_DISK_SLOW, "17 syncs, the one under way has taken 12s");
    s_flow_says (&rig, ZLOOM_WHY_DISK_SLOW,
                 "the router's disk is slow, its sync under way has taken 12s, and every confirm "
                 "waits for one");
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

/* Others take from the bus, and what is kept is for one who does not. */
static void
test_a_durable_subscriber_that_is_away (void **state)
{
    (void) state;
    s_rig_t rig;
    zloom_view_group_t groups[2] = {{.flow = "orders", .name = "mail", .lag = 349},
                                    {.flow = "orders", .name = "charge", .consumers = 1}};
    s_open (&rig);
    rig.now.groups = groups;
    rig.now.group_count = 2;
    rig.flow.ready = 349;
    rig.flow.oldest_ms = 19000;
    s_flow_says (&rig, ZLOOM_WHY_NO_TAKERS,
                 "orders holds 349 messages, the oldest for 19s: 349 wait for mail, and nobody "
                 "takes them");
    assert_string_equal (zloom_buf_text (&rig.why.advice),
                         "start the program that hears it as mail; if it never comes back: "
                         "zloom group drop orders mail --yes");
    /* One of the recipe: it is told why. */
    (void) snprintf (groups[0].name, sizeof groups[0].name, "shop");
    rig.nodes[1].connected = false;
    rig.nodes[1].supervised = true;
    (void) snprintf (rig.nodes[1].role, sizeof rig.nodes[1].role, "worker");
    (void) snprintf (rig.nodes[1].state, sizeof rig.nodes[1].state, "done");
    s_flow_says (&rig, ZLOOM_WHY_PAUSED,
                 "349 wait for shop, and nobody takes them: shop is done: ");
    assert_string_equal (zloom_buf_text (&rig.why.advice), "zloom resume shop starts it again");
    /* It is back. */
    groups[0].consumers = 1;
    s_flow_says (&rig, ZLOOM_WHY_WELL, "orders is well");
    zloom_why_fini (&rig.why);
}

static void
test_dead_letters_wait_for_a_hand (void **state)
{
    (void) state;
    s_rig_t rig;
    zloom_view_flow_t flows[2];
    s_open (&rig);
    rig.flow.consumers = 0;
    rig.flow.ready = 60;
    rig.flow.oldest_ms = 4000;
    flows[0] = rig.flow;
    flows[1] = rig.flow;
    (void) snprintf (flows[1].name, sizeof flows[1].name, "work");
    (void) snprintf (flows[1].dead_letter, sizeof flows[1].dead_letter, "orders");
    rig.now.flows = flows;
    rig.now.flow_count = 2;
    s_flow_says (
      &rig, ZLOOM_WHY_NO_TAKERS,
      "orders holds 60 messages, the oldest for 4.0s: dead letters, which wait for a hand");
    assert_string_equal (zloom_buf_text (&rig.why.advice),
                         "zloom dlq show orders says why each is there, zloom dlq requeue orders "
                         "puts them back, zloom dlq purge orders deletes them");
    zloom_why_fini (&rig.why);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_nothing_to_do),
      cmocka_unit_test (test_all_is_well),
      cmocka_unit_test (test_paused_comes_before_all),
      cmocka_unit_test (test_takers_that_are_paused),
      cmocka_unit_test (test_a_full_disk),
      cmocka_unit_test (test_full_and_nobody_takes),
      cmocka_unit_test (test_a_buffered_child),
      cmocka_unit_test (test_a_child_that_is_started_again),
      cmocka_unit_test (test_one_broken_taker_of_two_is_no_reason),
      cmocka_unit_test (test_a_taker_without_room_ahead),
      cmocka_unit_test (test_waiting_for_a_time),
      cmocka_unit_test (test_a_slow_disk),
      cmocka_unit_test (test_a_disk_that_was_slow_once),
      cmocka_unit_test (test_drained),
      cmocka_unit_test (test_takers_that_hold_all_they_may),
      cmocka_unit_test (test_slow_takers_and_faster_ones),
      cmocka_unit_test (test_a_durable_subscriber_that_is_away),
      cmocka_unit_test (test_dead_letters_wait_for_a_hand),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
