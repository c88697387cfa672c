/* SPDX-License-Identifier: MPL-2.0 */
/* What a node says that it has missed: a line a second for each reason, and no reason untold. */
#include "nodes/subscribe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char s_lines[4096];

static void
s_sink (zloom_log_level_t level, const char *id, const char *text, void *arg)
{
    (void) level;
    (void) arg;
    const size_t size = strlen (s_lines);
    (void) snprintf (s_lines + size, sizeof s_lines - size, "%s %s\n", id, text);
}

static void
s_miss (zloom_node_gaps_t *gaps, uint64_t seq, const char *why)
{
    const zloom_client_event_t event = {
      .flow = "news", .seq = seq, .last = seq, .n = 1, .text = zloom_bytes_text (why)};
    zloom_node_gap (gaps, "ear", &event);
}

static void
test_each_reason_is_told_at_once (void **state)
{
    (void) state;
    zloom_node_gaps_t gaps = {0};
    zloom_log_set (ZLOOM_LOG_INFO, s_sink, NULL);
    s_miss (&gaps, 1, "edge");
    s_miss (&gaps, 2, "restart"); /* within a second: it stands for something else */
    s_miss (&gaps, 3, "edge");
    assert_string_equal (s_lines, "missed node=ear flow=news events=1 from=1 to=1 why=edge\n"
                                  "missed node=ear flow=news events=1 from=2 to=2 why=restart\n");
    /* What was not told is told with the next line of its reason. */
    gaps.reasons[0].next_ns = 1;
    s_lines[0] = 0;
    s_miss (&gaps, 4, "edge");
    assert_string_equal (s_lines, "missed node=ear flow=news events=2 from=4 to=4 why=edge\n");
}

static void
test_more_reasons_than_places_share_the_last (void **state)
{
    (void) state;
    zloom_node_gaps_t gaps = {0};
    s_lines[0] = 0;
    zloom_log_set (ZLOOM_LOG_INFO, s_sink, NULL);
    for (uint64_t i = 0; i < 2 * ZLOOM_NODE_REASONS; i++) {
        char why[16];
        (void) snprintf (why, sizeof why, "w%d", (int) i);
        s_miss (&gaps, i + 1, why);
    }
    assert_non_null (strstr (s_lines, "why=w7\n"));
    assert_null (strstr (s_lines, "why=w8\n"));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_each_reason_is_told_at_once),
      cmocka_unit_test (test_more_reasons_than_places_share_the_last),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
