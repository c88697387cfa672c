/* SPDX-License-Identifier: MPL-2.0 */
/* flow_kinds.c - the patterns that this build runs, from their tables. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "common/pattern.h"
#include "common/topics.h"
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

/* A bus that nobody stays behind on, or only so far as memory goes, has no need of the disk. */
#define CONFIRM_AUTO 2u

static const zloom_choice_t s_bus_confirm_choices[] = {
  {"auto", CONFIRM_AUTO, "disk where a subscriber is durable or spills, or something is retained"},
  {"memory", ZLOOM_CONFIRM_MEMORY, "the router has it in RAM; a restart of the router loses it"},
  {"disk", ZLOOM_CONFIRM_DISK, "it is synced to the journal; no crash loses it"},
};

static const zloom_choice_t s_from_choices[] = {
  {"now", ZLOOM_FROM_NOW, "with what is published from then on"},
  {"start", ZLOOM_FROM_START, "with the oldest event that `retain` keeps"},
  {"last", ZLOOM_FROM_LAST,
   "with the last event of each topic that `retain` keeps, then what is published"},
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

/* ---- on_slow -------------------------------------------------------------------------------- */

typedef enum { OF_MESSAGES, OF_TIME, OF_BYTES } on_slow_value_t;

/* Policies of slow subscribers, and what the value in their brackets is. */
static const struct {
    const char *word;
    zloom_on_slow_t policy;
    on_slow_value_t value;
} s_on_slow[] = {
  {"drop-oldest", ZLOOM_ON_SLOW_DROP_OLDEST, OF_MESSAGES},
  {"block", ZLOOM_ON_SLOW_BLOCK, OF_TIME},
  {"drop-newest", ZLOOM_ON_SLOW_DROP_NEWEST, OF_MESSAGES},
  {"latest", ZLOOM_ON_SLOW_LATEST, OF_MESSAGES},
  {"spill", ZLOOM_ON_SLOW_SPILL, OF_BYTES},
  {"disconnect", ZLOOM_ON_SLOW_DISCONNECT, OF_MESSAGES},
};

/* "block(5s)" or "block" into a policy and its value (0: it has none); NULL, or what is wrong. */
static const char *
s_parse_on_slow (const char *text, zloom_on_slow_t *policy, int64_t *value)
{
    const size_t length = strcspn (text, "(");
    char inside[32] = "";
    if (text[length]) {
        const char *end = strchr (text, ')');
        const size_t size = end && !end[1] ? (size_t) (end - text) - length - 1 : 0;
        if (size == 0 || size >= sizeof inside) {
            return "ends with its value in brackets, as in block(5s)";
        }
        memcpy (inside, text + length + 1, size);
    }
    for (size_t i = 0; i < ZLOOM_COUNT (s_on_slow); i++) {
        if (strlen (s_on_slow[i].word) != length ||
            strncmp (s_on_slow[i].word, text, length) != 0) {
            continue;
        }
        *policy = s_on_slow[i].policy;
        *value = 0;
        zloom_err_t err = ZLOOM_OK;
        if (*inside && s_on_slow[i].value == OF_TIME) {
            err = zloom_parse_duration (inside, value);
            *value /= ZLOOM_NS_PER_MS;
        } else if (*inside && s_on_slow[i].value == OF_BYTES) {
            err = zloom_parse_size (inside, value);
        } else if (*inside) {
            err = zloom_parse_int (inside, value);
        }
        return err == ZLOOM_OK && (!*inside || *value > 0)
                 ? NULL
                 : "has a bad value in brackets: block takes a duration (5s), spill a size "
                   "(64MiB), "
                   "the others how many (1000)";
    }
    return "is none of drop-oldest, drop-newest, disconnect, latest, block and spill";
}

static const char *
s_check_on_slow (const char *text)
{
    zloom_on_slow_t policy;
    int64_t value;
    return s_parse_on_slow (text, &policy, &value);
}

static const char *
s_check_topic_pattern (const char *text)
{
    static _Thread_local char why[ZLOOM_NOTE_BYTES + 8]; /* read at once */
    if (zloom_topic_check_pattern (zloom_bytes_text (text)) == ZLOOM_OK) {
        return NULL;
    }
    snprintf (why, sizeof why, "is no topic: %s", zloom_note ());
    return why;
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
static const zloom_field_t s_retain_fields[] = {
#include "bus/retain.def"
};
static const zloom_field_t s_bus_fields[] = {
#include "bus/fields.def"
};
#undef ZLOOM_STRUCT

#define ZLOOM_STRUCT zloom_subscriber_config_t
static const zloom_field_t s_subscriber_fields[] = {
#include "bus/subscriber.def"
};
#undef ZLOOM_STRUCT

static void
s_finish_limits (zloom_flow_config_t *config)
{
    if (config->limit_bytes == 0) {
        config->limit_bytes = config->confirm == ZLOOM_CONFIRM_DISK ? DISK_BYTES : MEMORY_BYTES;
    }
}

static void
s_finish_queue (void *arg, const char *name)
{
    zloom_flow_config_t *config = arg;
    config->name = name;
    config->pattern = "queue";
    s_finish_limits (config);
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

/* ---- bus ------------------------------------------------------------------------------------ */

static void
s_finish_bus (void *arg, const char *name)
{
    zloom_flow_config_t *config = arg;
    config->name = name;
    config->pattern = "bus";
    if ((unsigned) config->confirm == CONFIRM_AUTO) {
        bool stays = config->retain_age_ns || config->retain_bytes || config->retain_messages;
        for (size_t i = 0; i < config->subscriber_count; i++) {
            const zloom_subscriber_config_t *one = &config->subscribers[i];
            stays = stays || one->durable || one->on_slow == ZLOOM_ON_SLOW_SPILL;
        }
        config->confirm = stays ? ZLOOM_CONFIRM_DISK : ZLOOM_CONFIRM_MEMORY;
    }
    s_finish_limits (config);
}

/* A durable one misses nothing (Z0343), an edge keeps nothing (Z0346). */
static bool
s_subscriber_applies (const void *config, const zloom_field_t *field)
{
    const zloom_subscriber_config_t *subscriber = config;
    const bool fixed = subscriber->through &&
                       (strcmp (field->name, "durable") == 0 || strcmp (field->name, "from") == 0);
    return !fixed && (!subscriber->durable || strcmp (field->name, "on_slow") != 0);
}

static void
s_finish_subscriber (void *arg)
{
    zloom_subscriber_config_t *config = arg;
    config->durable = config->durable && !config->through; /* said both: Z0346 */
    if (config->on_slow_text) {                            /* else its field had a mistake */
        (void) s_parse_on_slow (config->on_slow_text, &config->on_slow, &config->on_slow_value);
    }
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
    .explain = zloom_flow_explain_queue,
  },
  {
    .id = ZLOOM_PATTERN_BUS,
    .name = "bus",
    .what = "a bus",
    .help = "each subscriber gets each event whose topic it asked for",
    .fields = s_bus_fields,
    .field_count = ZLOOM_COUNT (s_bus_fields),
    .config_size = sizeof (zloom_flow_config_t),
    .example = "  paid:\n"
               "    pattern: bus\n"
               "    from: external\n"
               "    topics: [order.paid, order.declined]\n"
               "    to:\n"
               "      charge: {topics: order.paid}\n"
               "      external:\n"
               "    dead_letter: paid-dead\n"
               "  paid-dead: {pattern: queue, to: external}\n",
    .finish = s_finish_bus,
    .explain = zloom_flow_explain_bus,
    .end_fields = s_subscriber_fields,
    .end_field_count = ZLOOM_COUNT (s_subscriber_fields),
    .end_size = sizeof (zloom_subscriber_config_t),
    .ends_offset = offsetof (zloom_flow_config_t, subscribers),
    .end_count_offset = offsetof (zloom_flow_config_t, subscriber_count),
    .finish_end = s_finish_subscriber,
    .end_applies = s_subscriber_applies,
  },
};

const zloom_subscriber_config_t *
zloom_flow_subscriber (const zloom_recipe_flow_t *flow, const zloom_recipe_node_t *node)
{
    for (size_t i = 0; i < flow->to_count; i++) {
        if (flow->to[i].node == node) {
            return flow->to[i].config; /* of other patterns: NULL */
        }
    }
    return NULL;
}

const zloom_flow_config_t *
zloom_flow_config (const zloom_recipe_flow_t *flow)
{
    return flow->config;
}
