/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/router/router_reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "nodes/router/router_flows.h"
#include "patterns/registry.h"

zloom_err_t
zloom_router_reload_ask (void *arg, uint64_t asker, zloom_bytes_t sets)
{
    zloom_router_reload_t *self = arg;
    if (!self->args->recipe_path) {
        return zloom_fail (ZLOOM_UNSUPPORTED,
                           "this router's recipe comes from the program that embeds it");
    }
    if (self->state == ZLOOM_RELOAD_DONE && self->asker == asker) {
        self->state = ZLOOM_RELOAD_NONE;
        return self->err == ZLOOM_OK ? ZLOOM_OK : zloom_fail (self->err, "%s", self->note);
    }
    if (self->state == ZLOOM_RELOAD_NONE) {
        self->sets = zloom_memdup_text (sets.data, sets.size);
        self->state = ZLOOM_RELOAD_ASKED;
        self->asker = asker;
    }
    return ZLOOM_AGAIN;
}

/* Cut the text at its newlines; the array is to be freed. */
static const char **
s_split (char *text, size_t *count)
{
    const char **sets = NULL;
    size_t capacity = 0;
    *count = 0;
    for (char *at = text; *at;) {
        zloom_grow (&sets, &capacity, *count + 1, sizeof *sets);
        sets[(*count)++] = at;
        at += strcspn (at, "\n");
        if (*at) {
            *at++ = 0;
        }
    }
    return sets;
}

static zloom_err_t
s_take_over (const zloom_recipe_t *recipe, const char *router, zloom_engine_t *engine)
{
    zloom_router_flows_t flows = {.count = 0};
    const zloom_recipe_node_t *node = zloom_recipe_node (recipe, router);
    if (!node || node->kind->id != ZLOOM_NODE_ROUTER) {
        return zloom_fail (ZLOOM_INVALID, "the recipe has no router %s now", router);
    }
    zloom_err_t err = zloom_router_flows (recipe, node, &flows);
    if (err == ZLOOM_OK) {
        err = zloom_engine_reload (engine, flows.flows, flows.count, zloom_clock_now ());
    }
    zloom_router_flows_fini (&flows);
    return err;
}

/* The recipe, and with a fleet that, too: a mistake in either leaves both as they were. */
static zloom_err_t
s_load (const zloom_router_reload_t *self, const zloom_recipe_options_t *options,
        zloom_recipe_t **recipe_p, zloom_fleet_t **fleet_p)
{
    const zloom_node_args_t *args = self->args;
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_err_t err =
      args->fleet_path && self->door
        ? zloom_fleet_load (args->fleet_path, args->recipe_path, args->host, zloom_registry (),
                            options, diags, fleet_p, recipe_p)
        : zloom_recipe_load (args->recipe_path, zloom_registry (), options, diags, recipe_p);
    if (err == ZLOOM_RECIPE) {
        err = zloom_fail (err, "%s%s%s has errors; see: zloom lint", args->recipe_path,
                          args->fleet_path ? " or " : "", args->fleet_path ? args->fleet_path : "");
    }
    zloom_diags_destroy (&diags);
    return err;
}

static zloom_err_t
s_reload (const zloom_router_reload_t *self, zloom_engine_t *engine)
{
    size_t count = 0;
    const char **sets = s_split (self->sets, &count);
    const zloom_recipe_options_t options = {.sets = sets, .set_count = count};
    zloom_recipe_t *recipe = NULL;
    zloom_fleet_t *fleet = NULL;
    zloom_err_t err = s_load (self, &options, &recipe, &fleet);
    if (err == ZLOOM_OK) {
        err = s_take_over (recipe, self->args->node->name, engine);
    }
    if (err == ZLOOM_OK && fleet) {
        err = zloom_router_door_change (self->door, &fleet);
        zloom_engine_recheck_rights (engine, zloom_clock_now ());
    }
    zloom_fleet_destroy (&fleet);
    zloom_recipe_destroy (&recipe);
    free (sets);
    return err;
}

bool
zloom_router_reload_turn (zloom_router_reload_t *self, zloom_engine_t *engine)
{
    if (self->state == ZLOOM_RELOAD_DONE) {
        self->state = ZLOOM_RELOAD_NONE; /* a whole turn, and nobody came for it: it is gone */
        return true;
    }
    if (self->state != ZLOOM_RELOAD_ASKED) {
        return false;
    }
    self->err = s_reload (self, engine);
    self->state = ZLOOM_RELOAD_DONE;
    (void) snprintf (self->note, sizeof self->note, "%s",
                     self->err == ZLOOM_OK ? "" : zloom_note ());
    zloom_log (self->err == ZLOOM_OK ? ZLOOM_LOG_INFO : ZLOOM_LOG_WARN, "router-reload",
               "router=%s result=%s %s", self->args->name, zloom_err_name (self->err), self->note);
    free (self->sets);
    self->sets = NULL;
    return true;
}

void
zloom_router_reload_fini (zloom_router_reload_t *self)
{
    free (self->sets);
    self->sets = NULL;
}
