/* SPDX-License-Identifier: MPL-2.0 */
#include "routers.h"

#include <string.h>

/* Once one has answered, who does not need the others waits so much longer. */
#define GRACE_MS 100

static const zloom_client_options_t s_options = {.role = "cli"};

/* ---- sessions ------------------------------------------------------------------------------- */

static void
s_count_silent (zloom_routers_t *self)
{
    self->silent = self->missing;
    for (size_t i = 0; i < self->each_count; i++) {
        self->silent += self->mute[i];
    }
}

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
    s_count_silent (self);
}

/* What to do about one that is left out; "why" is what tells why. */
static const char *
s_advice (const zloom_routers_t *self)
{
    return strcmp (self->cli->command->name, "why") == 0
             ? "what is there is left out; ask again once it answers"
             : "what is there is left out (zloom why says why); ask again once it answers";
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
        code = zloom_cli_say (self->cli, zloom_cli_exit_code (one->err), "%s%s%s", one->text,
                              self->count > 0 ? ": " : "", self->count > 0 ? s_advice (self) : "");
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

int
zloom_routers_left_out (const zloom_routers_t *self)
{
    int code = ZLOOM_EXIT_OK;
    for (size_t i = 0; i < self->each_count; i++) {
        const bool denied = self->denied[i] || self->each[i].err == ZLOOM_FORBIDDEN;
        if (!denied && (!self->each[i].client || self->mute[i])) {
            return ZLOOM_EXIT_NOT_RUNNING;
        }
        code = denied ? ZLOOM_EXIT_PERMISSION : code;
    }
    return code;
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
zloom_routers_more (zloom_routers_t *self, int64_t wait_ms)
{
    (void) zloom_several_await (self->each, self->each_count, &s_options, ZLOOM_SEVERAL_LOOK,
                                zloom_deadline (wait_ms));
    s_list (self);
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
    if (!*told && self->each_count == 1) {
        (void) zloom_cli_say (self->cli, code, "%s", one->text);
    } else if (!*told) {
        const bool forbidden = one->err == ZLOOM_FORBIDDEN;
        (void) zloom_cli_say (self->cli, code, "router '%s' %s: %s",
                              zloom_client_core_router (zloom_client_core (one->client)),
                              forbidden ? "is left out" : "does not answer",
                              forbidden ? one->text : s_advice (self));
    }
    *told = true;
    return code;
}

static bool
s_is_silent (zloom_err_t err)
{
    return err == ZLOOM_TIMED_OUT || err == ZLOOM_NOT_RUNNING || err == ZLOOM_GONE;
}

/* What came of a question to one: an exit code after a message, when it is a reason to fail. */
static int
s_settle (zloom_routers_t *self, size_t place, const zloom_ask_t *ask, int *left_out)
{
    const zloom_several_t *one = &self->each[place];
    /* AGAIN: others have said enough. */
    const bool answered = one->err == ZLOOM_OK || one->err == ZLOOM_AGAIN ||
                          (ask->is_answer && ask->is_answer (one->err));
    self->mute[place] = s_is_silent (one->err);
    self->denied[place] = !answered && one->err == ZLOOM_FORBIDDEN;
    if (answered) {
        return ZLOOM_EXIT_OK;
    }
    if (self->mute[place] || self->denied[place]) {
        *left_out = s_leave_out (self, one);
        return ZLOOM_EXIT_OK;
    }
    return zloom_cli_say (self->cli, zloom_cli_exit_code (one->err), "%s", one->text);
}

/* As zloom_routers_put; `left_out`: the exit code of one that is left out. */
static int
s_put (zloom_routers_t *self, const zloom_ask_t *ask, const zloom_ask_args_t *const args[],
       json_t *answers[], int *left_out)
{
    int failed = ZLOOM_EXIT_OK;
    zloom_ask_several (self->each, self->each_count, ask, args, answers);
    for (size_t i = 0; i < self->each_count; i++) {
        if (self->each[i].open && args[i]) {
            const int code = s_settle (self, i, ask, left_out);
            failed = code ? code : failed;
        }
    }
    s_count_silent (self);
    return failed;
}

int
zloom_routers_put (zloom_routers_t *self, const zloom_ask_t *ask,
                   const zloom_ask_args_t *const args[], json_t *answers[])
{
    int left_out = ZLOOM_EXIT_OK;
    return s_put (self, ask, args, answers, &left_out);
}

int
zloom_routers_ask (zloom_routers_t *self, const char *command, const zloom_ask_args_t *args,
                   json_t **result_p)
{
    const zloom_ask_t ask = {.command = command, .wait_ms = self->wait_ms};
    const zloom_ask_args_t *each[ZLOOM_ROUTERS_MAX] = {NULL};
    json_t *answers[ZLOOM_ROUTERS_MAX] = {NULL};
    int left_out = ZLOOM_EXIT_OK;
    zloom_routers_all (self);
    if (self->each_count == 1 && self->count == 1) {
        return zloom_ask (self->cli, self->clients[0], command, args, self->wait_ms, result_p);
    }
    for (size_t i = 0; i < self->each_count; i++) {
        each[i] = args;
    }
    int code = s_put (self, &ask, each, answers, &left_out);
    json_t *whole = json_pack ("{s:[]}", "routers");
    for (size_t i = 0; i < self->each_count; i++) {
        if (answers[i]) {
            zloom_client_core_t *core = zloom_client_core (self->each[i].client);
            s_join (whole, answers[i], zloom_client_core_router (core));
            json_decref (answers[i]);
        }
    }
    if (code == ZLOOM_EXIT_OK && json_array_size (json_object_get (whole, "routers")) == 0) {
        code = left_out;
    }
    if (code == ZLOOM_EXIT_OK) {
        *result_p = whole;
    } else {
        json_decref (whole);
    }
    return code;
}

/* ---- a flow's router ------------------------------------------------------------------------ */

/* A router says that it has no such flow to whoever asks, before it looks at rights. */
static bool
s_is_host (zloom_err_t err)
{
    return err == ZLOOM_OK || err == ZLOOM_FORBIDDEN;
}

static bool
s_is_host_or_not (zloom_err_t err)
{
    return s_is_host (err) || err == ZLOOM_UNKNOWN_FLOW;
}

/* Which of those that have answered, and were not asked before, hosts the flow. */
static int
s_look (zloom_routers_t *self, const char *flow, bool *asked, zloom_client_t **client_p)
{
    const zloom_ask_t ask = {.command = "group ls",
                             .wait_ms = self->wait_ms,
                             .enough = s_is_host,
                             .is_answer = s_is_host_or_not};
    const zloom_ask_args_t *each[ZLOOM_ROUTERS_MAX] = {NULL};
    json_t *answers[ZLOOM_ROUTERS_MAX] = {NULL};
    zloom_ask_args_t args = {.count = 0};
    zloom_ask_text (&args, "flow", flow);
    for (size_t i = 0; i < self->each_count; i++) {
        each[i] = self->each[i].open && !asked[i] ? &args : NULL;
        asked[i] = asked[i] || each[i];
    }
    const int code = zloom_routers_put (self, &ask, each, answers);
    for (size_t i = 0; i < self->each_count; i++) {
        json_decref (answers[i]);
        if (each[i] && !*client_p && s_is_host (self->each[i].err)) {
            *client_p = self->each[i].client;
        }
    }
    zloom_ask_clear (&args);
    return *client_p ? ZLOOM_EXIT_OK : code;
}

int
zloom_routers_look (zloom_routers_t *self, const char *flow, zloom_client_t **client_p)
{
    bool asked[ZLOOM_ROUTERS_MAX] = {false};
    *client_p = NULL;
    int code = s_look (self, flow, asked, client_p);
    if (code == ZLOOM_EXIT_OK && !*client_p && !zloom_routers_are_all (self)) {
        /* One that takes its time may have it. */
        zloom_routers_all (self);
        code = s_look (self, flow, asked, client_p);
    }
    if (code == ZLOOM_EXIT_OK && !*client_p && self->silent > 0) {
        code = zloom_cli_say (self->cli, ZLOOM_EXIT_NOT_RUNNING,
                              "no router that answers has a flow '%s'", flow);
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
