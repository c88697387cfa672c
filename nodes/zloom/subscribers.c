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
    zloom_buf_printf (out, "%s%-24s %9s %10s %8s %7s %6s %-18s  %s\n", out->size > 0 ? "\n" : "",
                      "subscriber", "lag", "delivered", "dropped", "gaps", "ends", "policy",
                      "hears");
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

/* ---- receipts ------------------------------------------------------------------------------- */

/* A queue has none. */
static bool
s_is_receipt (zloom_err_t err)
{
    return err == ZLOOM_OK || err == ZLOOM_WRONG_PATTERN;
}

static json_t *
s_message (const zloom_routers_t *routers, json_t *const answers[], size_t place, size_t index)
{
    return routers->mute[place]
             ? NULL
             : json_array_get (json_object_get (answers[place], "messages"), index);
}

int
zloom_receipts_ask (zloom_routers_t *routers, json_t *const answers[])
{
    const zloom_ask_t ask = {
      .command = "receipts", .wait_ms = routers->wait_ms, .is_answer = s_is_receipt};
    int code = ZLOOM_EXIT_OK;
    bool some = true;
    for (size_t index = 0; some && code == ZLOOM_EXIT_OK; index++) {
        zloom_ask_args_t args[ZLOOM_ROUTERS_MAX] = {{.count = 0}};
        const zloom_ask_args_t *each[ZLOOM_ROUTERS_MAX] = {NULL};
        json_t *receipts[ZLOOM_ROUTERS_MAX] = {NULL};
        some = false;
        for (size_t i = 0; i < routers->each_count; i++) {
            const json_t *message = s_message (routers, answers, i, index);
            if (message) {
                zloom_ask_text (&args[i], "flow", zloom_print_string (message, "flow"));
                zloom_ask_number (&args[i], "seq", zloom_print_int (message, "seq"));
                each[i] = &args[i];
                some = true;
            }
        }
        code = some ? zloom_routers_put (routers, &ask, each, receipts) : code;
        for (size_t i = 0; i < routers->each_count; i++) {
            if (receipts[i]) {
                json_object_set (s_message (routers, answers, i, index), "receipts",
                                 json_object_get (receipts[i], "receipts"));
                json_decref (receipts[i]);
            }
            zloom_ask_clear (&args[i]);
        }
    }
    return code;
}

static void
s_receipt_text (zloom_buf_t *out, const json_t *row)
{
    const char *state = zloom_print_string (row, "state");
    zloom_buf_printf (out, "    %-20s %s", zloom_print_string (row, "group"), state);
    if (strcmp (state, "lagging") == 0) {
        zloom_buf_printf (out, ", %lld before it", (long long) zloom_print_int (row, "behind"));
    }
    zloom_buf_add_text (out, "\n");
}

void
zloom_receipts_text (zloom_buf_t *out, const json_t *messages)
{
    size_t index = 0;
    json_t *message = NULL;
    json_array_foreach (messages, index, message)
    {
        const json_t *receipts = json_object_get (message, "receipts");
        size_t at = 0;
        json_t *row = NULL;
        if (!receipts) {
            continue;
        }
        zloom_buf_printf (out, "%s, number %lld, at its durable subscribers:\n",
                          zloom_print_string (message, "flow"),
                          (long long) zloom_print_int (message, "seq"));
        json_array_foreach (receipts, at, row)
        {
            s_receipt_text (out, row);
        }
        const bool gone = strcmp (zloom_print_string (message, "place"), "gone") == 0;
        zloom_buf_add_text (out, at     ? ""
                                 : gone ? "    it has left the flow, so each is past it; what it "
                                          "was to them is known as long as it is kept (retain)\n"
                                        : "    there are none\n");
    }
}
