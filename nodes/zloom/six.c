/* SPDX-License-Identifier: MPL-2.0 */
/* six.c - the ways in which systems talk, side by side (choose.h). */
#include "choose.h"

#include <string.h>

#include "base/tag.h"
#include "recipe/quote.h"

const zloom_six_t zloom_six[ZLOOM_SIX] = {
  {
    .name = "queue",
    .delivery = "each message to one consumer, again until it is done",
    .latency = "milliseconds, and one sync of the disk before the confirm",
    .complexity = "low",
    .best = "work that has to be done once: orders, mails, jobs",
    .costs = "a message is gone once it is done: whoever else wants it needs another flow",
  },
  {
    .name = "bus",
    .delivery = "each event to every subscriber, at its own pace",
    .latency = "milliseconds",
    .complexity = "low",
    .best = "events that several parties must hear of",
    .costs = "nobody answers, and who comes late hears what is still kept",
  },
  {
    .name = "call",
    .delivery = "one question to one worker, and its answer back",
    .latency = "the worker's own time; with a ticket none",
    .complexity = "middle: deadlines, retries, cancelling",
    .best = "a question whose answer is needed to go on",
    .costs = "the caller waits for the worker, and what is slow there is slow here",
  },
  {
    .name = "stream",
    .delivery = "an ordered log that each reader reads as often as it likes",
    .latency = "milliseconds",
    .complexity = "middle: offsets, retention, partitions",
    .best = "history: replay, windows, several readers at their own pace",
    .costs = "it grows until its retention cuts it, and each reader has a position to look after",
  },
  {
    .name = "batch",
    .delivery = "many messages at once to one consumer",
    .latency = "as long as a batch may wait for more; or until the next time of its schedule",
    .complexity = "low",
    .best = "costs per call: bulk inserts, nightly jobs",
    .costs = "the first of a batch waits for the last, and one bad message has to be told apart",
  },
  {
    .name = "poll",
    .delivery = "what the source shows when it is asked",
    .latency = "up to one interval",
    .complexity = "middle: cursors, limits of the source, missed runs",
    .best = "systems that cannot push",
    .costs = "it mostly asks in vain, and sees that something changed, not how",
  },
};

/* ---- what this version has ----------------------------------------------------------------- */

static const zloom_kind_t *
s_kind (const zloom_kind_t *kinds, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp (kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* What the registry says of a key of a kind of node that is for later; NULL: it is there. */
static const char *
s_later_field (const zloom_registry_t *registry, const char *kind_name, const char *name)
{
    const zloom_kind_t *kind = s_kind (registry->nodes, registry->node_count, kind_name);
    const zloom_field_t *field =
      kind ? zloom_field_find (kind->fields, kind->field_count, name) : NULL;
    return !field ? "it is not there yet" : field->type == ZLOOM_FIELD_LATER ? field->help : NULL;
}

bool
zloom_six_is_built (const zloom_registry_t *registry, const char *name, const char **until_p)
{
    *until_p = NULL;
    if (strcmp (name, "batch") == 0) {
        *until_p = s_later_field (registry, "worker", "batch");
        return !*until_p;
    }
    if (strcmp (name, "poll") == 0) { /* files are there from the first version on */
        *until_p = s_later_field (registry, "poller", "http");
        return true;
    }
    for (size_t i = 0; i < registry->later_pattern_count; i++) {
        if (strcmp (registry->later_patterns[i].word, name) == 0) {
            *until_p = registry->later_patterns[i].help;
        }
    }
    return s_kind (registry->patterns, registry->pattern_count, name);
}

/* ---- side by side -------------------------------------------------------------------------- */

void
zloom_six_text (const zloom_registry_t *registry, zloom_buf_t *out)
{
    for (size_t i = 0; i < ZLOOM_SIX; i++) {
        const zloom_six_t *six = &zloom_six[i];
        const char *until = NULL;
        bool built = zloom_six_is_built (registry, six->name, &until);
        zloom_buf_printf (out,
                          "%s%s%s\n  delivery    %s\n  latency     %s\n  complexity  %s\n"
                          "  best for    %s\n  costs       %s\n",
                          i ? "\n" : "", six->name,
                          built && !until ? ""
                          : built         ? "  (in part)"
                                          : "  (not in this version)",
                          six->delivery, six->latency, six->complexity, six->best, six->costs);
        if (until) {
            zloom_buf_printf (out, "  instead     %s\n", until);
        }
    }
    zloom_buf_add_text (out, "\n'zloom choose' asks what you need, 'zloom new queue' writes a "
                             "recipe to begin with.\n");
}

static void
s_member (zloom_buf_t *out, const char *key, const char *value)
{
    zloom_buf_printf (out, ", \"%s\": ", key);
    zloom_quote_json (out, value);
}

void
zloom_six_json (const zloom_registry_t *registry, zloom_buf_t *out)
{
    zloom_buf_add_text (out, "[");
    for (size_t i = 0; i < ZLOOM_SIX; i++) {
        const zloom_six_t *six = &zloom_six[i];
        const char *until = NULL;
        bool built = zloom_six_is_built (registry, six->name, &until);
        zloom_buf_printf (out, "%s\n  {\"name\": \"%s\", \"built\": %s", i ? "," : "", six->name,
                          built ? "true" : "false");
        s_member (out, "delivery", six->delivery);
        s_member (out, "latency", six->latency);
        s_member (out, "complexity", six->complexity);
        s_member (out, "best_for", six->best);
        s_member (out, "costs", six->costs);
        if (until) {
            s_member (out, "until_then", until);
        }
        zloom_buf_add_text (out, "}");
    }
    zloom_buf_add_text (out, "\n]\n");
}
