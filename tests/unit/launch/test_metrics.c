/* SPDX-License-Identifier: MPL-2.0 */
/* Prometheus' text: escapes, numbers, families; and what of the router's answers is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "launch/metrics.h"
#include "wire/encode.h"

static void
test_text_is_escaped (void **state)
{
    (void) state;
    zloom_buf_t out = {0};
    const zloom_label_t labels[] = {{"flow", zloom_bytes_text ("a\\b\"c\nd")},
                                    {"unit", zloom_bytes ("x\xff", 2)}};
    zloom_metrics_family (&out, "zloom_x", ZLOOM_METRIC_GAUGE, "a \\ b\nc \"d\"");
    zloom_metrics_sample (&out, "zloom_x", labels, 2, 1);
    assert_string_equal (zloom_buf_text (&out),
                         "# HELP zloom_x a \\\\ b\\nc \"d\"\n"
                         "# TYPE zloom_x gauge\n"
                         "zloom_x{flow=\"a\\\\b\\\"c\\nd\",unit=\"x?\"} 1\n");
    zloom_buf_fini (&out);
}

static void
test_numbers_are_exact_where_they_can_be (void **state)
{
    (void) state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
      {0, "x 0\n"},       {-3, "x -3\n"},        {9007199254740991.0, "x 9007199254740991\n"},
      {0.25, "x 0.25\n"}, {1e300, "x 1e+300\n"}, {0.000123, "x 0.000123\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        zloom_buf_t out = {0};
        zloom_metrics_sample (&out, "x", NULL, 0, rows[i].value);
        assert_string_equal (zloom_buf_text (&out), rows[i].text);
        zloom_buf_fini (&out);
    }
}

static void
s_put_name (zloom_buf_t *out, const char *name)
{
    zloom_encode_string (out, "name");
    zloom_encode_string (out, name);
}

static void
s_put_session (zloom_buf_t *out, const char *name, const char *role)
{
    zloom_encode_map (out, 3);
    s_put_name (out, name);
    zloom_encode_string (out, "role");
    zloom_encode_string (out, role);
    zloom_encode_string (out, "report");
    zloom_encode_map (out, 1);
    zloom_encode_string (out, "blocked_total_ms");
    zloom_encode_uint (out, 1500);
}

/* As the router says it: itself, then flows in pages, then sessions. */
static void
s_put_answers (zloom_buf_t *out)
{
    zloom_encode_map (out, 3);
    zloom_encode_string (out, "router");
    zloom_encode_string (out, "router");
    zloom_encode_string (out, "sessions"); /* how many; the list comes under the same name */
    zloom_encode_uint (out, 2);
    zloom_encode_string (out, "journal");
    zloom_encode_map (out, 2);
    zloom_encode_string (out, "last_sync_ns");
    zloom_encode_uint (out, 2500000);
    zloom_encode_string (out, "disk_full");
    zloom_encode_bool (out, true);
    for (unsigned page = 0; page < 2; page++) {
        zloom_encode_map (out, 1);
        zloom_encode_string (out, "flows");
        zloom_encode_array (out, 1);
        zloom_encode_map (out, 3);
        s_put_name (out, page ? "dead" : "orders");
        zloom_encode_string (out, "ready");
        zloom_encode_uint (out, 7 + page);
        zloom_encode_string (out, "oldest_ms");
        zloom_encode_uint (out, 12500);
    }
    zloom_encode_map (out, 1);
    zloom_encode_string (out, "sessions");
    zloom_encode_array (out, 2);
    s_put_session (out, "charge", "worker");
    s_put_session (out, "~client-1", "cli");
}

static void
test_what_the_router_says_is_shown_by_family (void **state)
{
    (void) state;
    zloom_buf_t answers = {0};
    zloom_buf_t out = {0};
    s_put_answers (&answers);
    zloom_metrics_stats (&out, zloom_buf_bytes (&answers));
    const char *text = zloom_buf_text (&out);
    assert_non_null (strstr (text, "# HELP zloom_flow_ready_messages Messages waiting for a "
                                   "consumer.\n# TYPE zloom_flow_ready_messages gauge\n"
                                   "zloom_flow_ready_messages{flow=\"orders\"} 7\n"
                                   "zloom_flow_ready_messages{flow=\"dead\"} 8\n#"));
    assert_non_null (strstr (text, "zloom_flow_oldest_age_seconds{flow=\"orders\"} 12.5\n"));
    assert_non_null (strstr (text, "\nzloom_journal_last_sync_seconds 0.0025\n"));
    assert_non_null (strstr (text, "\nzloom_journal_disk_full 1\n"));
    assert_non_null (strstr (text, "zloom_node_blocked_seconds_total{unit=\"charge\"} 1.5\n"));
    assert_non_null (strstr (text, "zloom_node_acked_messages_total{unit=\"charge\"} 0\n"));
    assert_null (strstr (text, "client"));
    assert_null (strstr (text, "zloom_flow_acked")); /* nothing was said of it */
    zloom_buf_fini (&answers);
    zloom_buf_fini (&out);
}

static void
test_a_cut_answer_breaks_nothing (void **state)
{
    (void) state;
    zloom_buf_t answers = {0};
    s_put_answers (&answers);
    for (size_t size = 0; size < answers.size; size++) {
        zloom_buf_t out = {0};
        zloom_metrics_stats (&out, zloom_bytes (answers.data, size));
        zloom_buf_fini (&out);
    }
    zloom_buf_fini (&answers);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_text_is_escaped),
      cmocka_unit_test (test_numbers_are_exact_where_they_can_be),
      cmocka_unit_test (test_what_the_router_says_is_shown_by_family),
      cmocka_unit_test (test_a_cut_answer_breaks_nothing),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
