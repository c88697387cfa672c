/* SPDX-License-Identifier: MPL-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/common/flow_config.h"
#include "patterns/common/topics.h"

static const char *const *
s_copy_texts (const char *const *texts, size_t count)
{
    const char **copy = zloom_realloc (NULL, count + 1, sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        copy[i] = zloom_strdup (texts[i]);
    }
    return copy;
}

static void
s_free_texts (const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free ((char *) texts[i]);
    }
    free ((void *) texts);
}

static const zloom_subscriber_config_t *
s_copy_subscribers (const zloom_flow_config_t *config)
{
    zloom_subscriber_config_t *copy =
      zloom_realloc (NULL, config->subscriber_count + 1, sizeof *copy);
    for (size_t i = 0; i < config->subscriber_count; i++) {
        copy[i] = config->subscribers[i];
        copy[i].name = zloom_strdup (config->subscribers[i].name);
        copy[i].on_slow_text = NULL; /* the recipe's */
        copy[i].through = NULL;
        copy[i].patterns = s_copy_texts (copy[i].patterns, copy[i].pattern_count);
    }
    return copy;
}

zloom_flow_config_t
zloom_flow_config_copy (const zloom_flow_config_t *config)
{
    zloom_flow_config_t copy = *config;
    copy.name = zloom_strdup (config->name);
    copy.pattern = zloom_strdup (config->pattern);
    copy.key = zloom_strdup (config->key);
    copy.dead_letter = zloom_strdup (config->dead_letter);
    copy.copy_of = zloom_strdup (config->copy_of);
    if (copy.backoff_count > ZLOOM_BACKOFF_MAX) {
        copy.backoff_count = ZLOOM_BACKOFF_MAX;
    }
    if (copy.weight_count > ZLOOM_WEIGHTS_MAX) {
        copy.weight_count = ZLOOM_WEIGHTS_MAX;
    }
    for (size_t i = 0; i < copy.weight_count; i++) {
        copy.weights[i].key = zloom_strdup (config->weights[i].key);
    }
    copy.topics = s_copy_texts (config->topics, config->topic_count);
    copy.subscribers = s_copy_subscribers (config);
    return copy;
}

void
zloom_flow_config_fini (zloom_flow_config_t *config)
{
    free ((char *) config->name);
    free ((char *) config->pattern);
    free ((char *) config->key);
    free ((char *) config->dead_letter);
    free ((char *) config->copy_of);
    for (size_t i = 0; i < config->weight_count; i++) {
        free ((char *) config->weights[i].key);
    }
    s_free_texts (config->topics, config->topic_count);
    for (size_t i = 0; i < config->subscriber_count; i++) {
        free ((char *) config->subscribers[i].name);
        s_free_texts (config->subscribers[i].patterns, config->subscribers[i].pattern_count);
    }
    free ((void *) config->subscribers);
    *config = (zloom_flow_config_t){0};
}

const char *
zloom_flow_config_topic (const zloom_flow_config_t *config)
{
    const bool one = config->topic_count == 1;
    return one && zloom_topic_check (zloom_bytes_text (config->topics[0])) == ZLOOM_OK
             ? config->topics[0]
             : NULL;
}
