/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/embed/app_state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/tag.h"
#include "patterns/node_config.h"
#include "patterns/registry.h"
#include "recipe/registry.h"

/* The file in diagnostics of a recipe that comes as text. */
#define TEXT_NAME "recipe"
#define GRACE_NS (30 * ZLOOM_NS_PER_S)

zloom_app_t *
zloom_app_new (const zloom_app_config_t *config)
{
    static const zloom_app_config_t defaults = {0};
    const zloom_app_config_t *from = config ? config : &defaults;
    zloom_app_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_APP_TAG;
    self->state_dir = zloom_strdup (from->state_dir);
    self->grace_ns = from->grace_ms > 0 ? from->grace_ms * ZLOOM_NS_PER_MS : GRACE_NS;
    self->until_idle = from->until_idle;
    self->lock = -1;
    self->fd = -1;
    return self;
}

void
zloom_app_destroy (zloom_app_t **self_p)
{
    zloom_assert (self_p);
    zloom_app_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    *self_p = NULL;
    if (self->thread) {
        /* The first request is a drain, the second asks to leave at once. */
        zloom_thread_ask (self->thread);
        zloom_thread_ask (self->thread);
        (void) zloom_thread_join (&self->thread);
    }
    zloom_app_free_nodes (self);
    for (int i = 0; i < 2; i++) {
        const int fd = i ? self->lock : self->fd;
        if (fd >= 0) {
            close (fd);
        }
    }
    for (size_t i = 0; i < self->set_count; i++) {
        free (self->sets[i]);
    }
    for (size_t i = 0; i < self->actor_count; i++) {
        free ((char *) (uintptr_t) self->actors[i].name);
    }
    free (self->sets);
    free (self->actors);
    zloom_recipe_destroy (&self->recipe);
    zloom_diags_destroy (&self->diags);
    free (self->state_dir);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

/* ---- the recipe ----------------------------------------------------------------------------- */

zloom_err_t
zloom_app_param (zloom_app_t *self, const char *name, const char *value)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    if (self->diags) {
        return zloom_fail (ZLOOM_INVALID, "param '%s' comes after the recipe was loaded", name);
    }
    if (!*name || strchr (name, '=')) {
        return zloom_fail (ZLOOM_INVALID, "'%s' is no name of a param", name);
    }
    zloom_grow (&self->sets, &self->set_capacity, self->set_count + 1, sizeof *self->sets);
    self->sets[self->set_count++] = zloom_format ("%s=%s", name, value);
    return ZLOOM_OK;
}

/* Where its sockets will be: a path that is too long is told at once. */
static bool
s_socket_dir (void *arg, const char *name, char *folder, size_t size)
{
    zloom_paths_t paths;
    if (zloom_app_paths (arg, name, &paths) != ZLOOM_OK) {
        return false;
    }
    const int length = snprintf (folder, size, "%s", paths.runtime);
    return length > 0 && (size_t) length < size;
}

static zloom_err_t
s_begin_load (zloom_app_t *self, zloom_recipe_options_t *options)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    if (self->diags) {
        return zloom_fail (ZLOOM_INVALID, "an app has one recipe, and this one has loaded its");
    }
    self->diags = zloom_diags_new ();
    *options = (zloom_recipe_options_t){
      .sets = (const char *const *) self->sets,
      .set_count = self->set_count,
      .environment = true,
      .socket_dir = s_socket_dir,
      .socket_arg = self,
      .secrets_of = "*",
    };
    return ZLOOM_OK;
}

/* The note names the first mistake: a program that shows nothing else shows that. */
static zloom_err_t
s_end_load (const zloom_app_t *self, zloom_err_t err)
{
    zloom_diagnostic_t first = {0};
    if (err != ZLOOM_RECIPE) {
        return err;
    }
    size_t i = 0;
    while (zloom_app_diagnostic (self, i, &first) && first.warning) {
        i++;
    }
    return zloom_fail (err, "%s:%d:%d: %s%s%s (%zu errors)", first.file, first.line, first.column,
                       first.message, first.hint ? "; " : "", first.hint ? first.hint : "",
                       zloom_diags_errors (self->diags));
}

zloom_err_t
zloom_app_load (zloom_app_t *self, const char *path)
{
    zloom_recipe_options_t options;
    zloom_err_t err = s_begin_load (self, &options);
    if (err == ZLOOM_OK) {
        err = s_end_load (
          self, zloom_recipe_load (path, zloom_registry (), &options, self->diags, &self->recipe));
    }
    return err;
}

zloom_err_t
zloom_app_load_text (zloom_app_t *self, const void *text, size_t size, const char *dir)
{
    char absolute[PATH_MAX];
    zloom_recipe_options_t options;
    zloom_err_t err = s_begin_load (self, &options);
    if (err == ZLOOM_OK && !realpath (dir ? dir : ".", absolute)) {
        err = zloom_fail_errno (errno == ENOENT ? ZLOOM_NOT_FOUND : ZLOOM_SYSTEM,
                                "the recipe's directory %s", dir ? dir : ".");
    }
    if (err == ZLOOM_OK) {
        err = s_end_load (self, zloom_recipe_load_text (TEXT_NAME, absolute,
                                                        zloom_bytes (text, size), zloom_registry (),
                                                        &options, self->diags, &self->recipe));
    }
    return err;
}

bool
zloom_app_diagnostic (const zloom_app_t *self, size_t index, zloom_diagnostic_t *diagnostic)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    if (!self->diags || index >= zloom_diags_count (self->diags)) {
        return false;
    }
    const zloom_diag_t *diag = zloom_diags_at (self->diags, index);
    *diagnostic = (zloom_diagnostic_t){
      .warning = diag->severity == ZLOOM_SEVERITY_WARNING,
      .code = diag->code,
      .file = zloom_diags_file (self->diags, diag->at.file),
      .line = diag->at.line,
      .column = diag->at.column,
      .end_line = diag->at.end_line,
      .end_column = diag->at.end_column,
      .message = diag->message,
      .hint = diag->hint,
    };
    return true;
}

zloom_err_t
zloom_app_need_recipe (const zloom_app_t *self)
{
    return self->recipe ? ZLOOM_OK : zloom_fail (ZLOOM_INVALID, "the app has no recipe");
}

/* ---- handlers ------------------------------------------------------------------------------- */

static bool
s_has_handler (const zloom_app_t *self, const char *name)
{
    for (size_t i = 0; i < self->actor_count; i++) {
        if (strcmp (self->actors[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

zloom_err_t
zloom_app_handle (zloom_app_t *self, const char *name, zloom_handler_fn *handle, void *arg)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    if (self->inner[0] || self->nodes) {
        return zloom_fail (ZLOOM_INVALID, "handler '%s' comes after nodes were started", name);
    }
    if (s_has_handler (self, name)) {
        return zloom_fail (ZLOOM_EXISTS, "'%s' has a handler already", name);
    }
    zloom_grow (&self->actors, &self->actor_capacity, self->actor_count + 1, sizeof *self->actors);
    self->actors[self->actor_count++] =
      (zloom_node_actor_t){.name = zloom_strdup (name), .handle = handle, .arg = arg};
    return ZLOOM_OK;
}

zloom_err_t
zloom_app_need_actor (const zloom_app_t *self, const zloom_recipe_node_t *node)
{
    if (node->kind->id != ZLOOM_NODE_WORKER) {
        return ZLOOM_OK;
    }
    const zloom_worker_config_t *config = node->config;
    if (!config->actor || s_has_handler (self, config->actor)) {
        return ZLOOM_OK;
    }
    return zloom_fail (ZLOOM_NOT_FOUND, "worker '%s' has the actor '%s', which has no handler",
                       node->name, config->actor);
}
