/* SPDX-License-Identifier: MPL-2.0 */
#include "routers.h"

#include <string.h>

/* Once one has answered, who does not need the others waits so much longer. */
#define GRACE_MS 100

static const zloom_client_options_t s_options = {.role = "cli"};

/* ---- sessions ------------------------------------------------------------------------------- */

/* Those that are open, in the order of their endpoints. */
static void
s_list (zloom_routers_t *self)
{
    self->count = 0;
    self->missing = 0;
    for (size_t i = 0; i < self->each_count; i++) {
        if (self->each[i].open) {
            self->places[self->count] = i;
            self->clients[self->count++] = self->each[i].client;
        } else if (!self->each[i].client) {
            self->missing++;
        }
    }
    self->silent = self->missing;
}

/* Once of each: what is not seen, and why. The exit code of the last. */
static int
s_tell_missing (zloom_routers_t *self)
{
    int code = ZLOOM_EXIT_OK;
    for (size_t i = 0; i < self->each_count; i++) {
        const zloom_several_t *one = &self->each[i];
        if (one->client || self->told[i]) {
            continue;
        }
        self->told[i] = true;
        code = zloom_cli_say (self->cli, zloom_cli_exit_code (one->err), "%s%s", one->text,
                              self->count > 0 ? ": what is there is left out" : "");
    }
    return code;
}

int
zloom_routers_open (const zloom_cli_t *cli, const zloom_endpoints_t *endpoints, int64_t wait_ms,
                    zloom_routers_t *self)
{
    *self = (zloom_routers_t){.cli = cli,
                              .endpoints = *endpoints,
                              .each_count = endpoints->count,
                              .wait_ms = wait_ms,
                              .until_ns = zloom_deadline (wait_ms)};
    for (size_t i = 0; i < endpoints->count; i++) {
        self->each[i].endpoint = self->endpoints.items[i];
    }
    zloom_several_begin (self->each, self->each_count, &s_options);
    (void) zloom_several_await (self->each, self->each_count, &s_options, ZLOOM_SEVERAL_ANY,
                                self->until_ns);
    (void) zloom_several_await (self->each, self->each_count, &s_options, ZLOOM_SEVERAL_LOOK,
                                zloom_deadline (GRACE_MS));
    s_list (self);
    return self->count > 0 ? ZLOOM_EXIT_OK : s_tell_missing (self);
}

bool
zloom_routers_are_all (const zloom_routers_t *self)
{
    return self->count + self->missing == self->each_count;
}

void
zloom_routers_all (zloom_routers_t *self)
{
    (void) zloom_several_await (self->each, self->each_count, &s_options, ZLOOM_SEVERAL_ALL,
                                self->until_ns);
    s_list (self);
    (void) s_tell_missing (self);
}

void
zloom_routers_close (zloom_routers_t *self)
{
    for (size_t i = 0; i < self->each_count; i++) {
        zloom_several_t *one = &self->each[i];
        if (one->open) {
            (void) zloom_client_close (&one->client, zloom_deadline (1000));
        }
        zloom_client_kill (&one->client);
    }
    self->each_count = 0;
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

/* It does not let this key look, or answers no more: told once, and no reason to do without all. */
static int
s_leave_out (zloom_routers_t *self, const zloom_several_t *one)
{
    const int code = zloom_cli_exit_code (one->err);
    bool *told = &self->told[one - self->each];
    if (!*told) {
        (void) zloom_cli_say (self->cli, code, "router '%s' is left out: %s",
                              zloom_client_core_router (zloom_client_core (one->client)),
                              one->text);
    }
    *told = true;
    return code;
}

static bool
s_may_be_left_out (zloom_err_t err)
{
    return err == ZLOOM_FORBIDDEN || err == ZLOOM_TIMED_OUT || err == ZLOOM_NOT_RUNNING ||
           err == ZLOOM_GONE;
}

/* Put the answers together; what failed, told. */
static int
s_collect (zloom_routers_t *self, json_t **answers, json_t *whole)
{
    size_t answered = 0;
    int code = ZLOOM_EXIT_OK;
    int failed = ZLOOM_EXIT_OK;
    for (size_t i = 0; i < self->each_count; i++) {
        const zloom_several_t *one = &self->each[i];
        if (answers[i]) {
            s_join (whole, answers[i], zloom_client_core_router (zloom_client_core (one->client)));
            answered++;
        } else if (one->open && s_may_be_left_out (one->err)) {
            code = s_leave_out (self, one);
            self->silent += one->err != ZLOOM_FORBIDDEN;
        } else if (one->open) {
            failed = zloom_cli_say (self->cli, zloom_cli_exit_code (one->err), "%s", one->text);
        }
    }
    return failed ? failed : answered > 0 ? ZLOOM_EXIT_OK : code;
}

int
zloom_routers_ask (zloom_routers_t *self, const char *command, const zloom_ask_args_t *args,
                   json_t **result_p)
{
    zloom_routers_all (self);
    if (self->each_count == 1 && self->count == 1) {
        return zloom_ask (self->cli, self->clients[0], command, args, self->wait_ms, result_p);
    }
    json_t *answers[ZLOOM_ROUTERS_MAX];
    json_t *whole = json_pack ("{s:[]}", "routers");
    zloom_ask_several (self->each, self->each_count, command, args, self->wait_ms, answers);
    const int code = s_collect (self, answers, whole);
    for (size_t i = 0; i < self->each_count; i++) {
        json_decref (answers[i]);
    }
    if (code == ZLOOM_EXIT_OK) {
        *result_p = whole;
    } else {
        json_decref (whole);
    }
    return code;
}

/* Which of those that have answered hosts the flow. */
static int
s_look_at_all (const zloom_routers_t *self, const char *flow, zloom_client_t **client_p)
{
    for (size_t i = 0; i < self->count; i++) {
        /* A router says that it has no such flow to whoever asks, before it looks at rights. */
        zloom_ask_args_t args = {.count = 0};
        json_t *answer = NULL;
        zloom_ask_text (&args, "flow", flow);
        const zloom_err_t err =
          zloom_ask_only (self->clients[i], "group ls", &args, self->wait_ms, &answer);
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
zloom_routers_look (zloom_routers_t *self, const char *flow, zloom_client_t **client_p)
{
    *client_p = NULL;
    int code = s_look_at_all (self, flow, client_p);
    if (code == ZLOOM_EXIT_OK && !*client_p && !zloom_routers_are_all (self)) {
        /* One that takes its time may have it. */
        zloom_routers_all (self);
        code = s_look_at_all (self, flow, client_p);
    }
    return code;
}

int
zloom_routers_find (zloom_routers_t *self, const char *flow, zloom_client_t **client_p)
{
    const int code =
      self->each_count > 1 ? zloom_routers_look (self, flow, client_p) : ZLOOM_EXIT_OK;
    if (code == ZLOOM_EXIT_OK && (self->each_count == 1 || !*client_p)) {
        *client_p = self->clients[0];
    }
    return code;
}
