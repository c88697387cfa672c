/* SPDX-License-Identifier: MPL-2.0 */
/*
 * cmd_drain.c - `drain`: a node finishes what it holds and stops; a flow takes nothing from outside
 * and runs empty; a whole topology does that, with its pollers stopped.
 */
#include "commands.h"

#include "base/clock.h"
#include "steer.h"

#include <poll.h>
#include <string.h>

/* How often a flow's counters are looked at. */
#define LOOK_MS 100

/* What stands in the flow that is not settled; -1 after a message, *code says how to end. */
static int64_t
s_left (zloom_steer_t *self, int *code)
{
    static const char *const counted[] = {"ready", "leased", "waiting", "moving"};
    zloom_ask_args_t args = {.count = 0};
    zloom_ask_text (&args, "flow", self->name);
    json_t *answer = NULL;
    zloom_client_t *client = NULL;
    *code = zloom_steer_client (self, self->name, &client);
    *code =
      *code ? *code : zloom_ask (self->cli, client, "stats", &args, ZLOOM_CLI_WAIT_MS, &answer);
    zloom_ask_clear (&args);
    if (*code != ZLOOM_EXIT_OK) {
        return -1;
    }
    int64_t left = 0;
    const json_t *flow = json_array_get (json_object_get (answer, "flows"), 0);
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        left += zloom_print_int (flow, counted[i]);
    }
    json_decref (answer);
    return left;
}

static int
s_drain_flow (zloom_steer_t *self)
{
    const int64_t until_ns =
      zloom_time_add (zloom_clock_mono_ns (), self->timeout_ms * ZLOOM_NS_PER_MS);
    int code = zloom_steer_flow (self, "drain", self->name);
    int64_t left = code == ZLOOM_EXIT_OK ? s_left (self, &code) : -1;
    while (left > 0 && zloom_clock_mono_ns () < until_ns) {
        (void) poll (NULL, 0, LOOK_MS);
        left = s_left (self, &code);
    }
    if (left > 0) {
        return zloom_cli_say (self->cli, ZLOOM_EXIT_TIMED_OUT,
                              "%lld messages of '%s' are left at the end of the timeout; it takes "
                              "nothing new until: zloom resume %s",
                              (long long) left, self->name, self->name);
    }
    return code ? code
                : zloom_steer_done (self, "left", left, "is empty and takes nothing from outside");
}

static int
s_drain_node (zloom_steer_t *self)
{
    int64_t count = 0;
    int code = zloom_steer_node (self, "stop", self->name, &count);
    code = code ? code : zloom_steer_wait (self, "ready", self->name);
    return code ? code : zloom_steer_done (self, "stopped", count, "has stopped");
}

static int
s_drain_all (zloom_steer_t *self)
{
    int64_t pollers = 0;
    int code = ZLOOM_EXIT_OK;
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach (self->units, index, item)
    {
        if (strcmp (zloom_print_string (item, "kind"), "poller") == 0) {
            code = code
                     ? code
                     : zloom_steer_node (self, "stop", zloom_print_string (item, "node"), &pollers);
        }
    }
    json_array_foreach (self->flows, index, item)
    {
        code = code ? code : zloom_steer_flow (self, "drain", zloom_print_string (item, "name"));
    }
    if (code == ZLOOM_EXIT_OK && self->left_out) {
        return zloom_steer_done_in_part (self, "stopped", pollers,
                                         "pollers stop, and nothing is taken from outside");
    }
    code = code ? code : zloom_steer_wait (self, "ready", NULL);
    code = code ? code : zloom_steer_wait (self, "idle", NULL);
    return code ? code
                : zloom_steer_done (self, "stopped", pollers,
                                    "has no work left and takes nothing from outside");
}

int
zloom_cmd_drain (zloom_cli_t *cli)
{
    zloom_steer_t steer;
    int code = zloom_steer_open (cli, ZLOOM_STEER_WHOLE, &steer);
    if (code == ZLOOM_EXIT_OK && !steer.name && !steer.supervised) {
        code = zloom_cli_say (cli, ZLOOM_EXIT_NOT_RUNNING,
                              "a router alone has no supervisor to drain by; name a flow");
    } else if (code == ZLOOM_EXIT_OK && !steer.name) {
        code = s_drain_all (&steer);
    } else if (code == ZLOOM_EXIT_OK) {
        code = steer.is_flow ? s_drain_flow (&steer) : s_drain_node (&steer);
    }
    zloom_steer_close (&steer);
    return code;
}
