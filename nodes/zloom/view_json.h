/* SPDX-License-Identifier: MPL-2.0 */
/* view_json.h - looks as JSON: every number by its name, and the rates between two looks. */
#ifndef ZLOOM_CLI_VIEW_JSON_H
#define ZLOOM_CLI_VIEW_JSON_H

#include "view.h"

#include <jansson.h>

/* New references; null when there is no such flow or node in `now`. */
json_t *zloom_view_flow_json (const zloom_view_t *before, const zloom_view_t *now,
                              const char *name);
json_t *zloom_view_node_json (const zloom_view_t *before, const zloom_view_t *now,
                              const char *name);
/* The whole look. */
json_t *zloom_view_json (const zloom_view_t *before, const zloom_view_t *now);

#endif
