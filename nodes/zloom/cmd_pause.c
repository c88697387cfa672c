/* SPDX-License-Identifier: MPL-2.0 */
/*
 * cmd_pause.c - `pause`: a flow hands nothing out, or a node takes nothing; `resume`: they go on,
 * and what was drained starts again.
 */
#include "commands.h"

#include "steer.h"

#include <stdio.h>
#include <string.h>

static bool
s_is_router (const zloom_steer_t *self)
{
    return strcmp (zloom_steer_kind (self), "router") == 0;
}

/* Its sessions have names of their own. */
static bool
s_is_bridge (const zloom_steer_t *self)
{
    return strcmp (zloom_steer_kind (self), "forwarder") == 0 && !zloom_steer_is_edge (self);
}

/* What has no session, or one under another name: nobody would obey. */
static int
s_check_kind (const zloom_steer_t *self)
{
    if (s_is_router (self)) {
        return zloom_cli_say (self->cli, ZLOOM_EXIT_USAGE,
                              "'%s' is a router: pause its flows, each by its name", self->name);
    }
    if (s_is_bridge (self)) {
        return zloom_cli_say (self->cli, ZLOOM_EXIT_USAGE,
                              "'%s' is a bridge: pause what it carries, as FLOW@ROUTER "
                              "(zloom stats)",
                              self->name);
    }
    return ZLOOM_EXIT_OK;
}

static int
s_pause_node (zloom_steer_t *self)
{
    int64_t count = 0;
    int code = s_check_kind (self);
    code = code ? code : zloom_steer_peers (self, "peer pause", &count);
    const char *text = strcmp (zloom_steer_kind (self), "poller") == 0
                         ? "reads no further than its credit"
                         : "takes no more";
    if (count == 0) {
        text = "is not there now, and is paused once it comes";
    }
    return code ? code : zloom_steer_done (self, "paused", count, text);
}

int
zloom_cmd_pause (zloom_cli_t *cli)
{
    zloom_steer_t steer;
    int code = zloom_steer_open (cli, ZLOOM_STEER_EITHER, &steer);
    if (code == ZLOOM_EXIT_OK && steer.is_flow) {
        code = zloom_steer_flow (&steer, "pause", steer.name);
        code = code ? code : zloom_steer_done (&steer, "paused", 1, "hands out nothing more");
    } else if (code == ZLOOM_EXIT_OK) {
        code = s_pause_node (&steer);
    }
    zloom_steer_close (&steer);
    return code;
}

/* What `drain` has stopped: pollers, and flows that take nothing from outside. */
static int
s_resume_all (zloom_steer_t *self, int64_t *count)
{
    int code = ZLOOM_EXIT_OK;
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach (self->flows, index, item)
    {
        code = code ? code : zloom_steer_flow (self, "resume", zloom_print_string (item, "name"));
    }
    json_array_foreach (self->units, index, item)
    {
        const char *node = zloom_print_string (item, "node");
        if (strcmp (zloom_print_string (item, "kind"), "poller") == 0) {
            code = code ? code : zloom_steer_node (self, "start", node, count);
            /* One that sends to a router that is left out would be waited for without an end. */
            code = code || self->left_out ? code : zloom_steer_wait (self, "ready", node);
        }
    }
    return code || !self->left_out
             ? code
             : zloom_steer_done_in_part (self, "started", *count, "all goes on");
}

static int
s_resume_node (zloom_steer_t *self, int64_t *started)
{
    int64_t peers = 0;
    int code = zloom_steer_node (self, "start", self->name, started);
    if (code == ZLOOM_EXIT_OK && *started > 0) {
        code = zloom_steer_wait (self, "ready", self->name);
    }
    return code || s_is_router (self) || s_is_bridge (self)
             ? code
             : zloom_steer_peers (self, "peer resume", &peers);
}

int
zloom_cmd_resume (zloom_cli_t *cli)
{
    zloom_steer_t steer;
    int64_t started = 0;
    char text[64] = "goes on";
    int code = zloom_steer_open (cli, ZLOOM_STEER_WHOLE, &steer);
    if (code == ZLOOM_EXIT_OK && !steer.name) {
        code = s_resume_all (&steer, &started);
    } else if (code == ZLOOM_EXIT_OK && steer.is_flow) {
        code = zloom_cli_option (cli, "timeout")
                 ? zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                                  "flow '%s' goes on at once: --timeout is for nodes", steer.name)
                 : zloom_steer_flow (&steer, "resume", steer.name);
    } else if (code == ZLOOM_EXIT_OK) {
        code = s_resume_node (&steer, &started);
    }
    if (started > 0) {
        (void) snprintf (text, sizeof text, "goes on, %lld started again", (long long) started);
    }
    if (code == ZLOOM_EXIT_OK) {
        code = zloom_steer_done (&steer, "started", started, text);
    }
    zloom_steer_close (&steer);
    return code;
}
