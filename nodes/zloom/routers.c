/* SPDX-License-Identifier: MPL-2.0 */
#include "routers.h"

#include <string.h>

int
zloom_routers_open (const zloom_cli_t *cli, const zloom_endpoints_t *endpoints,
                    zloom_routers_t *self)
{
    const zloom_client_options_t options = {.role = "cli"};
    *self = (zloom_routers_t){.cli = cli};
    int code = ZLOOM_EXIT_OK;
    for (size_t i = 0; i < endpoints->count; i++) {
        zloom_err_t err =
          zloom_client_open_with (endpoints->items[i], &options, NULL, NULL,
                                  zloom_deadline (ZLOOM_CLI_WAIT_MS), &self->clients[self->count]);
        if (err == ZLOOM_OK) {
            self->places[self->count++] = i;
        } else {
            code = zloom_cli_fail (cli, err);
        }
    }
    return self->count > 0 ? ZLOOM_EXIT_OK : code;
}

void
zloom_routers_close (zloom_routers_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        (void) zloom_client_close (&self->clients[i], zloom_deadline (1000));
    }
    self->count = 0;
}

/* ---- answers of several --------------------------------------------------------------------- */

/* What stands in a list says whose it is. */
static void
s_sign (json_t *list, const char *router)
{
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach (list, index, item)
    {
        if (json_is_object (item)) {
            json_object_set_new (item, "router", json_string (router));
        }
    }
}

static void
s_join (json_t *whole, json_t *answer, const char *router)
{
    json_t *single = json_pack ("{s:s}", "router", router);
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach (answer, name, value)
    {
        if (!json_is_array (value)) {
            json_object_set (single, name, value);
            if (!json_object_get (whole, name)) {
                json_object_set (whole, name, value);
            }
            continue;
        }
        s_sign (value, router);
        if (!json_object_get (whole, name)) {
            json_object_set_new (whole, name, json_array ());
        }
        json_array_extend (json_object_get (whole, name), value);
    }
    json_array_append_new (json_object_get (whole, "routers"), single);
}

/*
 * Ask one of several. FORBIDDEN is told once, and no reason to leave the others
 * unasked.
 */
static int
s_ask_one (zloom_routers_t *self, size_t i, const char *command, const zloom_ask_args_t *args,
           int64_t wait_ms, json_t **answer)
{
    *answer = NULL;
    const zloom_err_t err = zloom_ask_only (self->clients[i], command, args, wait_ms, answer);
    if (err == ZLOOM_OK) {
        return ZLOOM_EXIT_OK;
    }
    const int code = zloom_cli_exit_code (err);
    if (err != ZLOOM_FORBIDDEN) {
        return zloom_cli_fail (self->cli, err);
    }
    if (!self->deny[i]) {
        const zloom_client_core_t *core = zloom_client_core (self->clients[i]);
        (void) zloom_cli_say (self->cli, code, "router '%s' is left out: %s",
                              zloom_client_core_router (core), zloom_note ());
    }
    self->deny[i] = true;
    return code;
}

int
zloom_routers_ask (zloom_routers_t *self, const char *command, const zloom_ask_args_t *args,
                   int64_t wait_ms, json_t **result_p)
{
    if (self->count == 1) {
        return zloom_ask (self->cli, self->clients[0], command, args, wait_ms, result_p);
    }
    json_t *whole = json_pack ("{s:[]}", "routers");
    size_t answered = 0;
    int code = ZLOOM_EXIT_OK;
    for (size_t i = 0; i < self->count && (code == ZLOOM_EXIT_OK || code == ZLOOM_EXIT_PERMISSION);
         i++) {
        json_t *answer = NULL;
        code = s_ask_one (self, i, command, args, wait_ms, &answer);
        if (code == ZLOOM_EXIT_OK) {
            s_join (whole, answer, zloom_client_core_router (zloom_client_core (self->clients[i])));
            json_decref (answer);
            answered++;
        }
    }
    if (code == ZLOOM_EXIT_OK || (code == ZLOOM_EXIT_PERMISSION && answered > 0)) {
        *result_p = whole;
        return ZLOOM_EXIT_OK;
    }
    json_decref (whole);
    return code;
}

int
zloom_routers_look (const zloom_routers_t *self, const char *flow, zloom_client_t **client_p)
{
    *client_p = NULL;
    for (size_t i = 0; i < self->count; i++) {
        /* A router says that it has no such flow to whoever asks, before it looks at rights. */
        zloom_ask_args_t args = {.count = 0};
        json_t *answer = NULL;
        zloom_ask_text (&args, "flow", flow);
        const zloom_err_t err =
          zloom_ask_only (self->clients[i], "group ls", &args, ZLOOM_CLI_WAIT_MS, &answer);
        zloom_ask_clear (&args);
        if (err == ZLOOM_OK) {
            json_decref (answer);
        }
        if (err == ZLOOM_OK || err == ZLOOM_FORBIDDEN) {
            *client_p = self->clients[i];
            return ZLOOM_EXIT_OK;
        }
        if (err != ZLOOM_UNKNOWN_FLOW) {
            return zloom_cli_fail (self->cli, err);
        }
    }
    return ZLOOM_EXIT_OK;
}

int
zloom_routers_find (const zloom_routers_t *self, const char *flow, zloom_client_t **client_p)
{
    const int code = self->count > 1 ? zloom_routers_look (self, flow, client_p) : ZLOOM_EXIT_OK;
    if (code == ZLOOM_EXIT_OK && (self->count == 1 || !*client_p)) {
        *client_p = self->clients[0];
    }
    return code;
}
