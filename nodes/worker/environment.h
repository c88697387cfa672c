/* SPDX-License-Identifier: MPL-2.0 */
/*
 * environment.h - the variables that a child gets over the node's own, each name once.
 *
 * Example:
 *     zloom_environment_t *env = zloom_environment_new (NULL);
 *     zloom_environment_set (env, "ZLOOM_FLOW", zloom_bytes_text ("orders"));
 *     config.env = zloom_environment_items (env);     "ZLOOM_FLOW=orders", NULL
 */
#ifndef ZLOOM_NODES_WORKER_ENVIRONMENT_H
#define ZLOOM_NODES_WORKER_ENVIRONMENT_H

#include "base/bytes.h"

typedef struct zloom_environment zloom_environment_t;

/* `base`: "NAME=value" ones to begin with, ended by NULL; may be NULL. All is copied. */
zloom_environment_t *zloom_environment_new (const char *const *base);
void zloom_environment_destroy (zloom_environment_t **self_p);
/*
 * Set, or replace. An unset value, or one with a NUL in it, which no variable can hold, becomes the
 * empty text, so that a child never sees the node's own.
 */
void zloom_environment_set (zloom_environment_t *self, const char *name, zloom_bytes_t value);
/* The value of a name that was set here; NULL: none. */
const char *zloom_environment_get (const zloom_environment_t *self, const char *name);
/* Ends with NULL; valid until the next set. */
const char *const *zloom_environment_items (const zloom_environment_t *self);

/*
 * What every child of a worker gets: PYTHONUNBUFFERED, and the helpers' folder in PYTHONPATH and
 * ZLOOM_HELPERS. What the environment sets already stays.
 */
void zloom_environment_helpers (zloom_environment_t *self);

#endif
