/* SPDX-License-Identifier: MPL-2.0 */
/* What is said of a router, by its disk or its silence; and of what lives on a silent one. */
#include "unit/cli/why.h"

/* A second router, "far", which has answered, and on which "orders" lives. */
static void
s_add_far (s_rig_t *rig)
{
    rig->now.router_count = 2;
    (void) snprintf (rig->routers[1].name, sizeof rig->routers[1].name, "far");
    (void) snprintf (rig->flow.router, sizeof rig->flow.router, "far");
    s_node (&rig->nodes[1], "far", "router");
}

/* It runs, and says nothing; "paid" lives on it. */
static void
s_silence_far (s_rig_t *rig, zloom_view_plan_t plans[2])
{
    s_add_far (rig);
    rig->now.router_count = 1;
    rig->now.silent = 1;
    rig->now.waited_ms = 1000;
    rig->now.plans = plans;
    rig->now.plan_count = 2;
    plans[0] = (zloom_view_plan_t){.flow = "paid", .router = "far"};
    plans[1] = (zloom_view_plan_t){.flow = "also", .router = "far"};
    zloom_view_node_t *node = &rig->nodes[1];
    node->connected = false;
    node->supervised = true;
    node->pid = 77;
    (void) snprintf (node->state, sizeof node->state, "ready");
    (void) snprintf (rig->flow.router, sizeof rig->flow.router, "router");
}

static void
test_each_router_has_its_own_disk (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    s_add_far (&rig);
    rig.flow.ready = 5;
    rig.routers[0].disk_full = true;
    rig.routers[1].syncs = 1;
    rig.routers[1].last_sync_ns = 500306;
    s_node_says (&rig, "router", ZLOOM_WHY_DISK_FULL, "router refuses new messages");
    s_node_says (&rig, "far", ZLOOM_WHY_WELL,
                 "far is well: 1 flow, 1 sync, the last one took 0.5ms");
    zloom_why_fini (&rig.why);
    assert_true (zloom_why_flow (&rig.before, &rig.now, "orders", &rig.why));
    assert_int_not_equal (rig.why.cause, ZLOOM_WHY_DISK_FULL);
    rig.routers[0].disk_full = false;
    rig.routers[1].disk_full = true;
    s_flow_says (&rig, ZLOOM_WHY_DISK_FULL, "the router's disk is full");
    zloom_why_fini (&rig.why);
}

static void
test_one_that_does_not_answer (void **state)
{
    (void) state;
    s_rig_t rig;
    zloom_view_plan_t plans[2];
    s_open (&rig);
    s_silence_far (&rig, plans);
    s_node_says (&rig, "far", ZLOOM_WHY_ROUTER_SILENT,
                 "router far runs (process 77), and has not answered for 1s");
    assert_non_null (strstr (zloom_buf_text (&rig.why.advice), "--timeout 10s"));
    assert_non_null (strstr (zloom_buf_text (&rig.why.advice), "kill -CONT 77"));
    /* Its supervisor knows better. */
    (void) snprintf (rig.nodes[1].state, sizeof rig.nodes[1].state, "failed");
    s_node_says (&rig, "far", ZLOOM_WHY_NOT_RUNNING, "has failed too often");
    zloom_why_fini (&rig.why);
}

static void
test_what_lives_on_one_that_does_not_answer (void **state)
{
    (void) state;
    s_rig_t rig;
    zloom_view_plan_t plans[2];
    s_open (&rig);
    s_silence_far (&rig, plans);
    assert_false (zloom_why_flow (&rig.before, &rig.now, "paid", &rig.why));
    assert_true (zloom_why_unseen (&rig.now, "paid", &rig.why));
    assert_int_equal (rig.why.cause, ZLOOM_WHY_ROUTER_SILENT);
    assert_string_equal (zloom_buf_text (&rig.why.sentence),
                         "nothing is known of paid: router far runs (process 77), and has not "
                         "answered for 1s");
    zloom_why_fini (&rig.why);
    assert_false (zloom_why_unseen (&rig.now, "orders", &rig.why));
    /* On another host, where another supervisor has it. */
    (void) snprintf (plans[0].router, sizeof plans[0].router, "away");
    assert_true (zloom_why_unseen (&rig.now, "paid", &rig.why));
    assert_non_null (strstr (zloom_buf_text (&rig.why.sentence),
                             "it lives on router away, which has not answered from here for"));
    assert_non_null (strstr (zloom_buf_text (&rig.why.advice), "zloom ps"));
    zloom_why_fini (&rig.why);
    /* It has answered, and has no such flow. */
    (void) snprintf (plans[0].router, sizeof plans[0].router, "router");
    assert_false (zloom_why_unseen (&rig.now, "paid", &rig.why));
}

static void
test_a_node_without_a_session_waits_for_it (void **state)
{
    (void) state;
    s_rig_t rig;
    zloom_view_plan_t plans[2];
    s_open (&rig);
    s_silence_far (&rig, plans);
    rig.nodes[0].connected = false;
    rig.nodes[0].supervised = true;
    (void) snprintf (rig.nodes[0].state, sizeof rig.nodes[0].state, "ready");
    s_node_says (&rig, "charge", ZLOOM_WHY_NO_ROUTER,
                 "charge runs, and no router that answers has a session with it: far has not "
                 "answered for 1s");
    zloom_why_fini (&rig.why);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_each_router_has_its_own_disk),
      cmocka_unit_test (test_one_that_does_not_answer),
      cmocka_unit_test (test_what_lives_on_one_that_does_not_answer),
      cmocka_unit_test (test_a_node_without_a_session_waits_for_it),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
