/* SPDX-License-Identifier: MPL-2.0 */
/*
 * recipes.c - which recipe runs, and which one counts from now on. `zloom up` compares what runs
 * with what the file says, has the router take over what has changed, and tells the supervisor to
 * adopt it: processes that are started from then on get the new --set values. Only when all orders
 * have succeeded it is settled; what is open until then the next `zloom up` takes over again.
 */
#include "launch/supervisor_state.h"

#include "base/memory.h"
#include "recipe/expand.h"

#include <stdlib.h>
#include <string.h>

#define SETS_MOST 64

const zloom_recipe_t *
zloom_recipes_latest (const zloom_supervisor_t *self)
{
    return self->adopted ? self->adopted : self->config.recipe;
}

static json_t *
s_values (const zloom_recipe_t *recipe)
{
    zloom_buf_t text = {0};
    zloom_expand_json (recipe, true, &text);
    json_t *values = json_loadb ((const char *) text.data, text.size, 0, NULL);
    zloom_buf_fini (&text);
    return values ? values : json_array ();
}

json_t *
zloom_recipes_show (const zloom_supervisor_t *self)
{
    json_t *open = json_array ();
    const char *path = NULL;
    json_t *value = NULL;
    json_object_foreach (self->open, path, value)
    {
        json_array_append_new (open, json_string (path));
    }
    json_t *answer = json_object ();
    json_object_set_new (answer, "path",
                         json_string (self->config.recipe_path ? self->config.recipe_path : ""));
    json_object_set_new (answer, "values",
                         self->settled ? json_incref (self->settled)
                                       : s_values (self->config.recipe));
    json_object_set_new (answer, "open", open);
    return answer;
}

static void
s_free_extra (zloom_supervisor_t *self)
{
    for (size_t i = 0; self->extra && self->extra[i]; i++) {
        free (self->extra[i]);
    }
    free (self->extra);
    self->extra = NULL;
}

void
zloom_recipes_sweep (zloom_supervisor_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->old_count; i++) {
        if (zloom_roster_uses (self, self->old[i])) {
            self->old[kept++] = self->old[i];
        } else {
            zloom_recipe_destroy (&self->old[i]);
        }
    }
    self->old_count = kept;
}

void
zloom_recipes_fini (zloom_supervisor_t *self)
{
    s_free_extra (self);
    for (size_t i = 0; i < self->old_count; i++) {
        zloom_recipe_destroy (&self->old[i]);
    }
    free (self->old);
    zloom_recipe_destroy (&self->adopted);
    json_decref (self->settled);
    json_decref (self->open);
}

static zloom_err_t
s_load (const zloom_supervisor_t *self, const json_t *sets, zloom_recipe_t **recipe_p)
{
    const char *texts[SETS_MOST];
    const size_t count = json_array_size (sets);
    for (size_t i = 0; i < count; i++) {
        texts[i] = json_string_value (json_array_get (sets, i));
        if (!texts[i]) {
            return zloom_fail (ZLOOM_INVALID, "\"sets\" is an array of texts");
        }
    }
    const zloom_recipe_options_t options = {.sets = texts, .set_count = count};
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_err_t err =
      zloom_recipe_load (self->config.recipe_path, zloom_recipe_registry (self->config.recipe),
                         &options, diags, recipe_p);
    zloom_diags_destroy (&diags);
    if (err == ZLOOM_OK &&
        strcmp (zloom_recipe_name (*recipe_p), zloom_recipe_name (self->config.recipe)) != 0) {
        zloom_recipe_destroy (recipe_p);
        err = zloom_fail (ZLOOM_INVALID, "the recipe has another name now");
    }
    return err;
}

static bool
s_are_texts (const json_t *array)
{
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach (array, index, item)
    {
        if (!json_is_string (item)) {
            return false;
        }
    }
    return json_is_array (array);
}

zloom_err_t
zloom_recipes_adopt (zloom_supervisor_t *self, const json_t *sets, const json_t *changed)
{
    if (self->config.threads || !self->config.recipe_path) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "nodes that are threads keep their recipe");
    }
    if (!json_is_array (sets) || json_array_size (sets) > SETS_MOST) {
        return zloom_fail (ZLOOM_INVALID, "\"sets\" is an array of at most %d texts", SETS_MOST);
    }
    if (changed && !s_are_texts (changed)) {
        return zloom_fail (ZLOOM_INVALID, "\"changed\" is an array of texts");
    }
    zloom_recipe_t *recipe = NULL;
    zloom_err_t err = s_load (self, sets, &recipe);
    if (err != ZLOOM_OK) {
        return err;
    }
    const size_t count = json_array_size (sets);
    s_free_extra (self);
    self->extra = zloom_alloc ((count * 2 + 1) * sizeof *self->extra);
    for (size_t i = 0; i < count; i++) {
        self->extra[i * 2] = zloom_strdup ("--set");
        self->extra[i * 2 + 1] = zloom_strdup (json_string_value (json_array_get (sets, i)));
    }
    self->config.extra = (const char *const *) self->extra;
    if (self->adopted) {
        zloom_grow (&self->old, &self->old_capacity, self->old_count + 1, sizeof *self->old);
        self->old[self->old_count++] = self->adopted;
    }
    self->adopted = recipe;
    zloom_roster_adopt (self);
    if (self->config.watch && self->config.watch->adopt) {
        self->config.watch->adopt (self->config.watch->arg, recipe);
    }
    self->adoptions++;
    self->open = self->open ? self->open : json_object ();
    size_t index = 0;
    json_t *path = NULL;
    json_array_foreach (changed, index, path)
    {
        json_object_set_new (self->open, json_string_value (path), json_true ());
    }
    return changed ? ZLOOM_OK : zloom_recipes_settle (self, self->adoptions);
}

zloom_err_t
zloom_recipes_settle (zloom_supervisor_t *self, int64_t adoption)
{
    if (adoption != self->adoptions) {
        return zloom_fail (ZLOOM_AGAIN, "another recipe was adopted meanwhile; say it again");
    }
    json_decref (self->settled);
    self->settled = s_values (zloom_recipes_latest (self));
    json_object_clear (self->open);
    return ZLOOM_OK;
}
