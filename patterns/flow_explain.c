/* SPDX-License-Identifier: MPL-2.0 */
/* flow_explain.c - a flow's promises in plain words, from what its recipe says. */
#include <stdlib.h>

#include "base/units.h"
#include "kinds.h"
#include "registry.h"

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

void
zloom_flow_explain_queue (const zloom_recipe_t *recipe, const zloom_recipe_flow_t *flow,
                          zloom_buf_t *out)
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

/* ---- bus ------------------------------------------------------------------------------------ */

static void
s_add_texts (const char *const *texts, size_t count, const char *none, zloom_buf_t *out)
{
    zloom_buf_add_text (out, count ? "" : none);
    for (size_t i = 0; i < count; i++) {
        zloom_buf_printf (out, "%s%s", i ? ", " : "", texts[i]);
    }
}

static void
s_add_subscriber (const zloom_subscriber_config_t *config, const zloom_recipe_end_t *end,
                  bool first, zloom_buf_t *out)
{
    static const char *const from[] = {
      [ZLOOM_FROM_NOW] = "from when it is new on",
      [ZLOOM_FROM_START] = "from the oldest event that is kept on",
      [ZLOOM_FROM_LAST] = "from the last event of each topic on",
    };
    zloom_buf_printf (out, "%s%s: ", first ? "To         " : "           ", end->name);
    if (!config) {
        zloom_buf_printf (out, "whoever subscribes%s%s, as it says itself.\n",
                          end->through ? " through edge " : "",
                          end->through ? end->through->name : "");
        return;
    }
    s_add_texts (config->patterns, config->pattern_count, "everything", out);
    if (config->durable) {
        zloom_buf_printf (out, "; misses nothing while it is away, %s.\n", from[config->from]);
    } else {
        zloom_buf_printf (out, "; while it listens%s%s, and what it is too slow for: %s.\n",
                          end->through ? " through edge " : "",
                          end->through ? end->through->name : "", config->on_slow_text);
    }
}

static void
s_add_retain (const zloom_flow_config_t *config, zloom_buf_t *out)
{
    char text[48];
    if (!config->retain_age_ns && !config->retain_bytes && !config->retain_messages) {
        zloom_buf_add_text (out, "Kept       until every durable subscriber is done with it; who "
                                 "comes late hears what\n           is published from then on.\n");
        return;
    }
    zloom_buf_add_text (out,
                        "Kept       until every durable subscriber is done with it, and beyond "
                        "that for\n           those who come late:");
    if (config->retain_age_ns) {
        zloom_buf_printf (out, " %s", zloom_duration_text (config->retain_age_ns, text));
    }
    if (config->retain_bytes) {
        zloom_buf_printf (out, "%s %s", config->retain_age_ns ? "," : "",
                          zloom_size_text (config->retain_bytes, text));
    }
    if (config->retain_messages) {
        zloom_buf_printf (out, "%s %lld events",
                          config->retain_age_ns || config->retain_bytes ? "," : "",
                          (long long) config->retain_messages);
    }
    zloom_buf_add_text (out, ", whichever comes first.\n");
}

static void
s_add_durable (const zloom_flow_config_t *config, zloom_buf_t *out)
{
    static const char *const full[] = {
      [ZLOOM_ON_FULL_BLOCK] = "publishers wait; nothing is lost",
      [ZLOOM_ON_FULL_REJECT] = "publishers get an error; nothing that was confirmed is lost",
      [ZLOOM_ON_FULL_DROP_OLDEST] = "those who are furthest behind lose the oldest, and are told",
    };
    char text[48];
    zloom_buf_printf (
      out,
      "Lease      %s without a sign of life, and a message comes again; each durable\n"
      "           subscriber has its own position, failures and retries.\n",
      zloom_duration_text (config->lease_ns, text));
    s_add_retry (config, out);
    zloom_buf_printf (out,
                      "Limit      %lld messages or %s wait for durable subscribers; then %s.\n",
                      (long long) config->limit_messages,
                      zloom_size_text (config->limit_bytes, text), full[config->on_full]);
}

void
zloom_flow_explain_bus (const zloom_recipe_t *recipe, const zloom_recipe_flow_t *flow,
                        zloom_buf_t *out)
{
    (void) recipe;
    const zloom_flow_config_t *config = flow->config;
    bool durable = false;
    zloom_buf_printf (out, "%s is a bus: each subscriber gets each event that it asked for.\n\n",
                      flow->name);
    zloom_buf_add_text (out, "From       ");
    s_add_ends (flow->from, flow->from_count, out);
    zloom_buf_add_text (out, "; a new subscriber changes nothing there.\nTopics     ");
    s_add_texts (config->topics, config->topic_count, "all", out);
    zloom_buf_add_text (out, config->topic_count ? "; others are refused.\n" : ".\n");
    for (size_t i = 0; i < flow->to_count; i++) {
        const zloom_subscriber_config_t *subscriber = flow->to[i].config;
        s_add_subscriber (subscriber, &flow->to[i], i == 0, out);
        durable = durable || (subscriber && subscriber->durable);
    }
    zloom_buf_printf (out, "Confirm    %s\n",
                      config->confirm == ZLOOM_CONFIRM_DISK
                        ? "a confirmed event is synced to disk: no crash loses it."
                        : "a confirmed event is in the router's memory: a restart of it loses it.");
    s_add_retain (config, out);
    if (durable || config->confirm == ZLOOM_CONFIRM_DISK) {
        s_add_durable (config, out);
    }
    zloom_buf_add_text (out,
                        "Order      each publisher's events in their order. Whatever a subscriber "
                        "does not get\n           is told to it in its place, and counted.\n");
}
