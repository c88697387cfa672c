/* SPDX-License-Identifier: MPL-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/common/flow_config.h"

zloom_flow_config_t
zloom_flow_config_copy (const zloom_flow_config_t *config)
{
    zloom_flow_config_t copy = *config;
    copy.name = zloom_strdup (config->name);
    copy.pattern = zloom_strdup (config->pattern);
    copy.key = zloom_strdup (config->key);
    copy.dead_letter = zloom_strdup (config->dead_letter);
    if (copy.backoff_count > ZLOOM_BACKOFF_MAX) {
        copy.backoff_count = ZLOOM_BACKOFF_MAX;
    }
    if (copy.weight_count > ZLOOM_WEIGHTS_MAX) {
        copy.weight_count = ZLOOM_WEIGHTS_MAX;
    }
    for (size_t i = 0; i < copy.weight_count; i++) {
        copy.weights[i].key = zloom_strdup (config->weights[i].key);
    }
    return copy;
}

void
zloom_flow_config_fini (zloom_flow_config_t *config)
{
    free ((char *) config->name);
    free ((char *) config->pattern);
    free ((char *) config->key);
    free ((char *) config->dead_letter);
    for (size_t i = 0; i < config->weight_count; i++) {
        free ((char *) config->weights[i].key);
    }
    *config = (zloom_flow_config_t){0};
}
