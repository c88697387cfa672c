/* SPDX-License-Identifier: MPL-2.0 */
/* flow_kinds.c - the patterns that this build runs, from their tables, and their promises in plain
 * words. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "common/pattern.h"
#include "kinds.h"
#include "registry.h"

/* limit.bytes when the recipe does not say: RAM is scarcer than disk. */
#define MEMORY_BYTES (INT64_C (64) << 20)
#define DISK_BYTES (INT64_C (8) << 30)

static const zloom_choice_t s_confirm_choices[] = {
  {"memory", ZLOOM_CONFIRM_MEMORY, "the router has it in RAM; a restart of the router loses it"},
  {"disk", ZLOOM_CONFIRM_DISK, "it is synced to the journal; no crash loses it"},
};

static const zloom_choice_t s_on_full_choices[] = {
  {"block", ZLOOM_ON_FULL_BLOCK, "senders wait until there is room"},
  {"reject", ZLOOM_ON_FULL_REJECT, "senders get an error"},
  {"drop-oldest", ZLOOM_ON_FULL_DROP_OLDEST,
   "the oldest waiting ones go, to dead letters if there are any; counted"},
};

static const zloom_choice_t s_order_choices[] = {
  {"skip", ZLOOM_ORDER_SKIP, "they wait for its retries, and go on once it is dead"},
  {"strict", ZLOOM_ORDER_STRICT,
   "they wait until it is acked or rejected, or somebody decides: failures alone do not kill it"},
  {"park", ZLOOM_ORDER_PARK,
   "they wait for its retries, and follow it to the dead letters until somebody frees the key"},
};

static const zloom_choice_t s_dedup_choices[] = {
  {"id", 0, "the id that its sender gave it; messages without one are all different"},
};

/* RFC 6901, as far as it can be told from the text alone. */
static const char *
s_check_pointer (const char *text)
{
    if (text[0] != '/') {
        return "is no JSON pointer: one begins with '/', as in /customer_id";
    }
    for (const char *at = strchr (text, '~'); at; at = strchr (at + 1, '~')) {
        if (at[1] != '0' && at[1] != '1') {
            return "is no JSON pointer: in one '~' is written ~0, and '/' in a name ~1";
        }
    }
    return NULL;
}

/* ---- queue --------------------------------------------------------------------------------- */

#define ZLOOM_STRUCT zloom_flow_config_t
static const zloom_field_t s_retry_fields[] = {
#include "common/retry.def"
};
static const zloom_field_t s_limit_fields[] = {
#include "common/limit.def"
};
static const zloom_field_t s_priority_fields[] = {
#include "common/priority.def"
};
static const zloom_field_t s_dedup_fields[] = {
#include "common/dedup.def"
};
static const zloom_field_t s_queue_fields[] = {
#include "queue/fields.def"
};
#undef ZLOOM_STRUCT

static void
s_finish_queue (void *arg, const char *name)
{
    zloom_flow_config_t *config = arg;
    config->name = name;
    config->pattern = "queue";
    if (config->limit_bytes == 0) {
        config->limit_bytes = config->confirm == ZLOOM_CONFIRM_DISK ? DISK_BYTES : MEMORY_BYTES;
    }
}

/* Order is by key (Z0321), and so are weights; priorities are for flows without one (Z0324). */
static bool
s_queue_applies (const void *config, const zloom_field_t *field)
{
    const zloom_flow_config_t *queue = config;
    bool of_keys = strcmp (field->name, "order") == 0 || strcmp (field->name, "weights") == 0;
    bool of_others = strcmp (field->name, "priority") == 0;
    return queue->key ? !of_others : !of_keys;
}

static void
s_add_ends (const zloom_recipe_end_t *ends, size_t count, zloom_buf_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const char *between = i == 0 ? "" : i + 1 < count ? ", " : " and ";
        zloom_buf_printf (out, "%s%s", between,
                          ends[i].node ? ends[i].name : "programs outside the recipe");
    }
}

static void
s_add_retry (const zloom_flow_config_t *config, zloom_buf_t *out)
{
    char text[48];
    if (config->failures_max == 1) {
        zloom_buf_add_text (out, "Failure    one failure is the last: nothing is tried again");
    } else {
        zloom_buf_printf (out, "Failure    a message may fail %lld times",
                          (long long) config->failures_max);
        zloom_buf_add_text (out, "; it waits ");
        for (size_t i = 0; i < config->backoff_count; i++) {
            zloom_buf_printf (out, "%s%s", i ? ", " : "",
                              zloom_duration_text (config->backoff_ns[i], text));
        }
        zloom_buf_printf (out, " (then the last again), moved by chance up to %s",
                          zloom_percent_text (config->jitter_ppm, text));
    }
    zloom_buf_add_text (out,
                        ".\n           Deploys, drains and prefetched messages cost no failure.\n");
    if (config->key && config->order == ZLOOM_ORDER_STRICT) {
        zloom_buf_add_text (out,
                            "           At its last failure it stays, and its key waits for you: "
                            "`zloom flow parked`.\n");
    } else if (config->dead_letter) {
        zloom_buf_printf (
          out,
          "           At its last failure it moves to '%s' with its history, in one step:\n"
          "           never in both, never in neither. It may come back %lld times.\n",
          config->dead_letter, (long long) config->requeues_max);
    } else {
        zloom_buf_add_text (
          out,
          "           At its last failure it is dropped and counted: there is no `dead_letter`.\n");
    }
}

static void
s_add_order (const zloom_flow_config_t *config, zloom_buf_t *out)
{
    static const char *const failed[] = {
      [ZLOOM_ORDER_SKIP] = "its key waits for its retries and goes on once it is dead",
      [ZLOOM_ORDER_STRICT] = "its key waits until it is acked, rejected, or freed by hand",
      [ZLOOM_ORDER_PARK] = "its key waits for its retries; once it is dead, later ones follow it",
    };
    char text[48];
    if (config->key) {
        zloom_buf_printf (out,
                          "Order      messages with the same %s are worked one after the other, by "
                          "any consumer;\n           when one fails, %s.\n",
                          config->key, failed[config->order]);
    } else {
        zloom_buf_add_text (out,
                            "Order      highest priority first, then first in, first out; with "
                            "several consumers\n           they overtake each other.\n");
    }
    if (config->expires_ns > 0) {
        zloom_buf_printf (out, "Expiry     a message that has waited %s %s.\n",
                          zloom_duration_text (config->expires_ns, text),
                          config->dead_letter ? "moves to the dead letters"
                                              : "is counted and gone");
    }
    if (config->dedup) {
        zloom_buf_printf (out, "Twice      an id that came within %s is not stored again.\n",
                          zloom_duration_text (config->dedup_window_ns, text));
    }
}

static void
s_explain_queue (const zloom_recipe_t *recipe, const zloom_recipe_flow_t *flow, zloom_buf_t *out)
{
    static const char *const full[] = {
      [ZLOOM_ON_FULL_BLOCK] = "senders wait; nothing is lost",
      [ZLOOM_ON_FULL_REJECT] = "senders get an error; nothing that was confirmed is lost",
      [ZLOOM_ON_FULL_DROP_OLDEST] = "the oldest waiting messages go, counted",
    };
    (void) recipe;
    const zloom_flow_config_t *config = flow->config;
    char text[48];
    zloom_buf_printf (out, "%s is a queue: each message goes to one consumer.\n\n", flow->name);
    zloom_buf_add_text (out, "From       ");
    s_add_ends (flow->from, flow->from_count, out);
    zloom_buf_printf (out, "%s\n", flow->from_count ? "" : "dead letters of other flows");
    zloom_buf_add_text (out, "To         ");
    s_add_ends (flow->to, flow->to_count, out);
    zloom_buf_printf (out, "%s\n", flow->to_count > 1 ? ", whoever is free" : "");
    zloom_buf_printf (out, "Confirm    %s\n",
                      config->confirm == ZLOOM_CONFIRM_DISK
                        ? "a confirmed send is synced to disk: no crash loses it."
                        : "a confirmed send is in the router's memory: a restart of it loses it.");
    zloom_buf_printf (
      out,
      "Lease      %s without a sign of life, and a message goes to another consumer;\n"
      "           a consumer that is gone gives its messages back at once.\n",
      zloom_duration_text (config->lease_ns, text));
    s_add_retry (config, out);
    zloom_buf_printf (out, "Limit      %lld messages or %s; then %s.\n",
                      (long long) config->limit_messages,
                      zloom_size_text (config->limit_bytes, text), full[config->on_full]);
    s_add_order (config, out);
}

/* ---- all of them --------------------------------------------------------------------------- */

const zloom_kind_t zloom_flow_kinds[ZLOOM_FLOW_KINDS] = {
  {
    .id = ZLOOM_PATTERN_QUEUE,
    .name = "queue",
    .what = "a queue",
    .help = "each message goes to one consumer, and none is lost",
    .fields = s_queue_fields,
    .field_count = ZLOOM_COUNT (s_queue_fields),
    .config_size = sizeof (zloom_flow_config_t),
    .example =
      "  orders: {pattern: queue, from: shop, to: charge, lease: 30s, dead_letter: orders-dead}\n"
      "  orders-dead: {pattern: queue, to: external}\n",
    .finish = s_finish_queue,
    .applies = s_queue_applies,
    .explain = s_explain_queue,
  },
};

const zloom_flow_config_t *
zloom_flow_config (const zloom_recipe_flow_t *flow)
{
    return flow->config;
}
