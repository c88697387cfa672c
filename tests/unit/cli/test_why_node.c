/* SPDX-License-Identifier: MPL-2.0 */
/* What is said of a node: it is away, it has nothing to do, it works; which replica speaks. */
#include "unit/cli/why.h"

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
                 "charge has ended: exit code 1; it is started again in 5.0s, after 2 restarts");
    (void) snprintf (node->state, sizeof node->state, "failed");
    s_node_says (&rig, "charge", ZLOOM_WHY_NOT_RUNNING,
                 "has failed too often, and is left alone; its last end: exit code 1");
    (void) snprintf (node->state, sizeof node->state, "done");
    s_node_says (&rig, "charge", ZLOOM_WHY_PAUSED,
                 "charge is done: it was drained by hand, and has stopped (exit code 1)");
    (void) snprintf (node->role, sizeof node->role, "poller");
    s_node_says (&rig, "charge", ZLOOM_WHY_IDLE, "it is at the end of what it reads, or was");
    (void) snprintf (node->state, sizeof node->state, "starting");
    s_node_says (&rig, "charge", ZLOOM_WHY_NOT_RUNNING, "charge is being started");
    zloom_why_fini (&rig.why);
    assert_false (zloom_why_node (&rig.before, &rig.now, "charg", &rig.why));
}

static void
test_a_node_that_waits_for_its_router (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    zloom_view_node_t *node = &rig.nodes[0];
    node->connected = false;
    node->supervised = true;
    (void) snprintf (node->state, sizeof node->state, "ready");
    s_node_says (&rig, "charge", ZLOOM_WHY_NO_ROUTER,
                 "charge runs, and no router that was asked has a session with it");
    zloom_why_fini (&rig.why);
}

/* Its sessions are one for each outbox, and none of its own name. */
static void
test_a_bridge_speaks_by_its_outboxes (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    zloom_view_node_t *unit = &rig.nodes[1];
    unit->connected = false;
    unit->supervised = true;
    (void) snprintf (unit->name, sizeof unit->name, "hub-bridge");
    (void) snprintf (unit->state, sizeof unit->state, "ready");
    (void) snprintf (rig.nodes[0].name, sizeof rig.nodes[0].name, "hub-bridge/paid");
    s_node_says (&rig, "hub-bridge", ZLOOM_WHY_IDLE, "hub-bridge/paid is idle");
    (void) snprintf (rig.nodes[0].report.waits_for, ZLOOM_REPORT_TEXT_BYTES, "edge");
    s_node_says (&rig, "hub-bridge", ZLOOM_WHY_NO_ROUTER,
                 "hub-bridge/paid waits for router edge, which does not answer it");
    zloom_why_fini (&rig.why);
}

static void
test_an_idle_node_asks_its_flows (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    s_node_says (&rig, "charge", ZLOOM_WHY_IDLE, "charge is idle: it waits for work");
    rig.nodes_before[0].report.acked = rig.nodes[0].report.acked = 1;
    s_node_says (&rig, "charge", ZLOOM_WHY_IDLE, "work, 1 message is done so far");
    rig.nodes_before[0].report.acked = rig.nodes[0].report.acked = 2;
    s_node_says (&rig, "charge", ZLOOM_WHY_IDLE, "work, 2 messages are done so far");
    rig.flow.paused = true;
    rig.flow.ready = 3;
    s_node_says (&rig, "charge", ZLOOM_WHY_PAUSED,
                 "charge has nothing in hand, for orders holds 3 messages: it is paused");
    zloom_why_fini (&rig.why);
}

/* What a bus keeps for somebody else is no reason why this one has nothing. */
static void
test_who_has_heard_all_of_a_bus_is_idle (void **state)
{
    (void) state;
    s_rig_t rig;
    zloom_view_group_t groups[2] = {{.flow = "orders", .name = "mail", .lag = 3},
                                    {.flow = "orders", .name = "charge", .consumers = 1}};
    s_open (&rig);
    rig.now.groups = groups;
    rig.now.group_count = 2;
    rig.flow.ready = 3;
    s_node_says (&rig, "charge", ZLOOM_WHY_IDLE, "charge is idle: it waits for work");
    (void) snprintf (rig.nodes[0].name, sizeof rig.nodes[0].name, "charge.2");
    s_node_says (&rig, "charge", ZLOOM_WHY_IDLE, "charge.2 is idle: it waits for work");
    /* Nor for one that keeps no place: an edge, say. */
    rig.now.group_count = 1;
    s_node_says (&rig, "charge", ZLOOM_WHY_IDLE, "charge.2 is idle: it waits for work");
    /* A bus that is paused gives nothing to anybody; and some may wait for it, too. */
    rig.now.group_count = 2;
    rig.flow.paused = true;
    s_node_says (&rig, "charge", ZLOOM_WHY_PAUSED, "it is paused");
    rig.flow.paused = false;
    groups[1].lag = 1;
    s_node_says (&rig, "charge", ZLOOM_WHY_NO_TAKERS, "charge.2 has nothing in hand, for orders");
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
    /* One that only gives is at work while it sends. */
    rig.nodes_before[1].report.emitted = 10;
    rig.nodes[1].report.emitted = 60;
    s_node_says (&rig, "shop", ZLOOM_WHY_WELL, "shop is at work: 50/s done");
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
      cmocka_unit_test (test_a_node_that_is_not_there),
      cmocka_unit_test (test_a_node_that_waits_for_its_router),
      cmocka_unit_test (test_a_bridge_speaks_by_its_outboxes),
      cmocka_unit_test (test_an_idle_node_asks_its_flows),
      cmocka_unit_test (test_who_has_heard_all_of_a_bus_is_idle),
      cmocka_unit_test (test_the_worst_replica_speaks),
      cmocka_unit_test (test_work_is_counted_between_reports),
      cmocka_unit_test (test_numbers_are_short),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
