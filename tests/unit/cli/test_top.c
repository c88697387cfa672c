/* SPDX-License-Identifier: MPL-2.0 */
/* A screen of text: it fits, it counts what it leaves out, it shows who is in trouble. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "nodes/zloom/top.h"

#define FLOWS 12
#define NODES 9

typedef struct {
    zloom_view_t before, now;
    zloom_view_router_t router;
    zloom_view_flow_t flows_before[FLOWS], flows[FLOWS];
    zloom_view_node_t nodes[NODES];
    zloom_buf_t out;
} s_rig_t;

static void
s_open (s_rig_t *rig)
{
    memset (rig, 0, sizeof *rig);
    for (size_t i = 0; i < FLOWS; i++) {
        (void) snprintf (rig->flows[i].name, ZLOOM_VIEW_NAME, "flow-%zu", i);
        rig->flows[i].consumers = 1;
        rig->flows_before[i] = rig->flows[i];
    }
    for (size_t i = 0; i < NODES; i++) {
        (void) snprintf (rig->nodes[i].name, ZLOOM_VIEW_NAME, "node-%zu", i);
        (void) snprintf (rig->nodes[i].role, ZLOOM_VIEW_NAME, "worker");
        rig->nodes[i].connected = true;
    }
    rig->before = (zloom_view_t){.at_ns = ZLOOM_NS_PER_S,
                                 .flows = rig->flows_before,
                                 .flow_count = FLOWS,
                                 .nodes = rig->nodes,
                                 .node_count = NODES};
    rig->now = rig->before;
    rig->now.at_ns = 3 * ZLOOM_NS_PER_S;
    rig->now.flows = rig->flows;
    rig->now.routers = &rig->router;
    rig->now.router_count = 1;
    (void) snprintf (rig->router.name, sizeof rig->router.name, "router");
}

static const char *
s_render (s_rig_t *rig, size_t rows, size_t columns, bool colour)
{
    const zloom_top_size_t size = {.rows = rows, .columns = columns, .colour = colour};
    zloom_buf_clear (&rig->out);
    zloom_top_render (&rig->before, &rig->now, &size, &rig->out);
    return zloom_buf_text (&rig->out);
}

static size_t
s_count (const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr (at, what)); at++) {
        count++;
    }
    return count;
}

static void
test_everything_without_limits (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    const char *text = s_render (&rig, 0, 0, false);
    assert_int_equal (s_count (text, "flow-"), FLOWS);
    assert_int_equal (s_count (text, "node-"), NODES);
    assert_int_equal (s_count (text, "more"), 0);
    assert_int_equal (s_count (text, "\033"), 0);
    zloom_buf_fini (&rig.out);
}

static void
test_any_size_fits (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    for (size_t rows = 4; rows < 40; rows++) {
        for (size_t columns = 1; columns < 140; columns += 7) {
            const char *text = s_render (&rig, rows, columns, false);
            assert_true (s_count (text, "\n") <= rows);
            for (const char *line = text; *line; line += strcspn (line, "\n") + 1) {
                assert_true (strcspn (line, "\n") <= columns);
            }
        }
    }
    zloom_buf_fini (&rig.out);
}

static void
test_what_is_left_out_is_counted (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    for (size_t rows = 8; rows < 30; rows++) {
        const char *text = s_render (&rig, rows, 0, false);
        size_t said = 0;
        for (const char *at = text; (at = strstr (at, "... and ")); at++) {
            said += strtoul (at + strlen ("... and "), NULL, 10);
        }
        assert_int_equal (s_count (text, "flow-") + s_count (text, "node-") + said, FLOWS + NODES);
    }
    zloom_buf_fini (&rig.out);
}

static void
test_rates_and_troubles_are_shown (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    rig.flows[0].appended = 240; /* in two seconds */
    rig.flows[0].acked = 20;
    rig.flows[0].limit_messages = 220;
    rig.flows[0].ready = 220;
    rig.flows[1].ready = 1;
    rig.flows[1].consumers = 0;
    rig.nodes[0].report.blocked_ms = 1500;
    (void) snprintf (rig.nodes[0].report.blocked_on, ZLOOM_REPORT_TEXT_BYTES, "flow-0");
    (void) snprintf (rig.nodes[1].state, sizeof rig.nodes[1].state, "backoff");
    (void) snprintf (rig.nodes[1].end, sizeof rig.nodes[1].end, "exit code 3");
    rig.nodes[1].restarts = 4;
    const char *text = s_render (&rig, 0, 0, true);
    const char *line = strstr (text, "\033[31mflow-0");
    assert_non_null (line);
    assert_true (strstr (line, "120     10 ") < strchr (line, '\n'));
    assert_true (strstr (line, " full") < strchr (line, '\n'));
    assert_non_null (strstr (text, "nobody takes"));
    assert_non_null (strstr (text, "1.5s"));
    assert_non_null (strstr (text, "waits for room in flow-0"));
    assert_non_null (strstr (text, "4  exit code 3"));
    assert_int_equal (s_count (text, "\033[31m"), 4);
    rig.now.router_count = 0;
    assert_non_null (strstr (s_render (&rig, 0, 0, false), "the router does not answer"));
    zloom_buf_fini (&rig.out);
}

static void
test_no_letter_is_cut_in_two (void **state)
{
    (void) state;
    s_rig_t rig;
    s_open (&rig);
    (void) snprintf (rig.flows[0].name, ZLOOM_VIEW_NAME, "\u00e4\u00f6\u00fc");
    const char *text = s_render (&rig, 0, 3, false);
    assert_non_null (strstr (text, "\n\u00e4\n")); /* two bytes each: the second would be cut */
    zloom_buf_fini (&rig.out);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_everything_without_limits),
      cmocka_unit_test (test_any_size_fits),
      cmocka_unit_test (test_what_is_left_out_is_counted),
      cmocka_unit_test (test_rates_and_troubles_are_shown),
      cmocka_unit_test (test_no_letter_is_cut_in_two),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
