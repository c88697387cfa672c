/* SPDX-License-Identifier: MPL-2.0 */
#include "subscribers.h"

#include <string.h>

/* "order.paid, refund.>", or "everything". */
static void
s_add_patterns (zloom_buf_t *out, const json_t *row)
{
    const json_t *patterns = json_object_get (row, "patterns");
    size_t index = 0;
    json_t *pattern = NULL;
    json_array_foreach (patterns, index, pattern)
    {
        zloom_buf_printf (out, "%s%s", index ? ", " : "", json_string_value (pattern));
    }
    zloom_buf_add_text (out, index ? "" : "everything");
}

static void
s_add_policy (zloom_buf_t *out, const json_t *row)
{
    const char *policy = zloom_print_string (row, "on_slow");
    const int64_t value = zloom_print_int (row, "on_slow_value");
    if (json_is_true (json_object_get (row, "durable"))) {
        zloom_buf_add_text (out, "durable");
    } else if (value > 0) {
        zloom_buf_printf (out, "%s(%lld%s)", policy, (long long) value,
                          strcmp (policy, "block") == 0   ? "ms"
                          : strcmp (policy, "spill") == 0 ? "B"
                                                          : "");
    } else {
        zloom_buf_add_text (out, policy);
    }
}

void
zloom_subscribers_text (zloom_buf_t *out, const json_t *subscribers)
{
    if (json_array_size (subscribers) == 0) {
        return;
    }
    zloom_buf_printf (out, "\n%-24s %9s %10s %8s %7s %6s %-18s  %s\n", "subscriber", "lag",
                      "delivered", "dropped", "gaps", "ends", "policy", "hears");
    size_t index = 0;
    json_t *row = NULL;
    json_array_foreach (subscribers, index, row)
    {
        const char *group = zloom_print_string (row, "group");
        const char *name = *group ? group : zloom_print_string (row, "consumer");
        zloom_buf_t who = {0};
        zloom_buf_t policy = {0};
        zloom_buf_printf (&who, "%s/%s", zloom_print_string (row, "flow"), *name ? name : "-");
        s_add_policy (&policy, row);
        zloom_buf_printf (
          out, "%-24s %9lld %10lld %8lld %7lld %6lld %-18s  ", zloom_buf_text (&who),
          (long long) zloom_print_int (row, "lag"), (long long) zloom_print_int (row, "delivered"),
          (long long) zloom_print_int (row, "dropped"), (long long) zloom_print_int (row, "gaps"),
          (long long) zloom_print_int (row, "consumers"), zloom_buf_text (&policy));
        s_add_patterns (out, row);
        zloom_buf_add_text (out, "\n");
        zloom_buf_fini (&who);
        zloom_buf_fini (&policy);
    }
}

void
zloom_receipts_text (zloom_buf_t *out, const json_t *receipts)
{
    size_t index = 0;
    json_t *row = NULL;
    json_array_foreach (receipts, index, row)
    {
        const char *state = zloom_print_string (row, "state");
        zloom_buf_printf (out, "  %-24s %s", zloom_print_string (row, "group"), state);
        if (strcmp (state, "lagging") == 0) {
            zloom_buf_printf (out, ", %lld before it", (long long) zloom_print_int (row, "behind"));
        }
        zloom_buf_add_text (out, "\n");
    }
    if (index == 0) {
        zloom_buf_add_text (out, "  nobody hears the flow durably\n");
    }
}
