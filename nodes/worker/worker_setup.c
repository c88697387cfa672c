/* SPDX-License-Identifier: MPL-2.0 */
/* worker_setup.c - from what the recipe says to a worker that can start. */
#include "nodes/worker/worker_state.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "patterns/registry.h"

static void
s_flows (zloom_worker_t *self)
{
    const zloom_recipe_t *recipe = self->args->recipe;
    const zloom_recipe_node_t *node = self->args->node;
    const zloom_recipe_flow_t *flow = NULL;
    self->ins = zloom_alloc ((zloom_recipe_in_count (recipe, node) + 1) * sizeof *self->ins);
    self->keyed = zloom_alloc ((zloom_recipe_in_count (recipe, node) + 1) * sizeof *self->keyed);
    self->outs = zloom_alloc ((zloom_recipe_out_count (recipe, node) + 1) * sizeof *self->outs);
    for (size_t i = 0; (flow = zloom_recipe_next_in (recipe, node, &i));) {
        self->keyed[self->in_count] = zloom_flow_config (flow)->key != NULL;
        self->ins[self->in_count++] = flow->name;
    }
    for (size_t i = 0; (flow = zloom_recipe_next_out (recipe, node, &i));) {
        self->outs[self->out_count++] = flow->name;
    }
}

/* psp-key → ZLOOM_SECRET_PSP_KEY: what a shell takes as a variable's name. */
static void
s_secret (zloom_environment_t *env, const zloom_pair_t *secret)
{
    char *name = zloom_format ("ZLOOM_SECRET_%s", secret->name);
    for (char *at = name; *at; at++) {
        *at = *at == '-' ? '_' : (char) toupper ((unsigned char) *at);
    }
    zloom_environment_set (env, name, zloom_bytes_text (secret->value));
    free (name);
}

static void
s_environment (zloom_worker_t *self)
{
    self->env = zloom_environment_new (NULL);
    for (size_t i = 0; i < self->config->env.count; i++) {
        const zloom_pair_t *pair = &self->config->env.items[i];
        zloom_environment_set (self->env, pair->name, zloom_bytes_text (pair->value));
    }
    for (size_t i = 0; i < self->config->secrets.count; i++) {
        s_secret (self->env, &self->config->secrets.items[i]);
    }
    zloom_environment_helpers (self->env);
    zloom_environment_set (self->env, "ZLOOM_NODE", zloom_bytes_text (self->args->name));
}

/*
 * An interpreter that is given a script that is not there ends like one whose script fails; so look
 * first. Programs that are interpreters are known by name; what begins with '-' is an option.
 */
static zloom_err_t
s_check_script (const zloom_worker_config_t *config)
{
    static const char *const interpreters[] = {"python", "node", "sh",  "bash", "dash",
                                               "perl",   "ruby", "php", NULL};
    if (config->run.count == 0) {
        return ZLOOM_OK;
    }
    const char *slash = strrchr (config->run.items[0], '/');
    const char *name = slash ? slash + 1 : config->run.items[0];
    const char *script = config->run.count > 1 ? config->run.items[1] : NULL;
    if (!script || script[0] == '-') {
        return ZLOOM_OK;
    }
    for (const char *const *it = interpreters; *it; it++) {
        size_t size = strlen (*it);
        if (strncmp (name, *it, size) != 0 ||
            strspn (name + size, "0123456789.") != strlen (name + size)) {
            continue;
        }
        char *path =
          script[0] == '/' ? zloom_strdup (script) : zloom_format ("%s/%s", config->cwd, script);
        bool there = access (path, F_OK) == 0;
        zloom_err_t err = there
                            ? ZLOOM_OK
                            : zloom_fail (ZLOOM_NO_PROGRAM, "script '%s' for %s is not there (%s)",
                                          script, name, path);
        free (path);
        return err;
    }
    return ZLOOM_OK;
}

/* The function that the program registered for the worker. */
static zloom_err_t
s_actor (zloom_worker_t *self)
{
    const zloom_node_args_t *args = self->args;
    for (size_t i = 0; i < args->actor_count; i++) {
        if (strcmp (args->actors[i].name, self->config->actor) == 0) {
            self->carrier_config.actor = &args->actors[i];
            return zloom_carrier_actor_new (&self->carrier_config, &self->host, &self->carrier);
        }
    }
    return zloom_fail (ZLOOM_NO_PROGRAM,
                       "no handler is registered for actor '%s' of node '%s': actors belong to "
                       "programs that embed the recipe",
                       self->config->actor, args->node->name);
}

/* An expression is a handler like those of programs. */
static zloom_err_t
s_expression (zloom_worker_t *self)
{
    zloom_err_t err = zloom_expression_new (self->config->jq, self->out_count, &self->expression);
    if (err != ZLOOM_OK) {
        return err;
    }
    self->carrier_config.actor = zloom_expression_actor (self->expression);
    return zloom_carrier_actor_new (&self->carrier_config, &self->host, &self->carrier);
}

static zloom_err_t
s_carrier (zloom_worker_t *self)
{
    self->carrier_config = (zloom_carrier_config_t){
      .node = self->args->name,
      .argv = self->config->run.items,
      .env = zloom_environment_items (self->env),
      .cwd = self->config->cwd,
      .ins = self->ins,
      .in_count = self->in_count,
      .outs = self->outs,
      .out_count = self->out_count,
      .most = (size_t) self->config->prefetch,
      .tty = self->config->tty,
      .limits = self->config->limits,
    };
    zloom_worker_host (self);
    if (self->config->actor) {
        return s_actor (self);
    }
    if (self->config->jq) {
        return s_expression (self);
    }
    switch ((zloom_io_t) self->config->io) {
    case ZLOOM_IO_LINES:
        return zloom_carrier_lines_new (&self->carrier_config, &self->host, &self->carrier);
    case ZLOOM_IO_EXEC:
        return zloom_carrier_exec_new (&self->carrier_config, &self->host, &self->carrier);
    case ZLOOM_IO_FRAMES:
        return zloom_carrier_frames_new (&self->carrier_config, &self->host, &self->carrier);
    }
    return zloom_fail (ZLOOM_UNSUPPORTED, "node '%s': io %u", self->args->node->name,
                       self->config->io);
}

zloom_err_t
zloom_worker_setup (zloom_worker_t *self)
{
    s_flows (self);
    s_environment (self);
    zloom_err_t err = s_check_script (self->config);
    return err == ZLOOM_OK ? s_carrier (self) : err;
}
