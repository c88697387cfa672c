/* SPDX-License-Identifier: MPL-2.0 */
#include "session.h"

#include "routers.h"

/* The endpoint of the router that hosts the flow; of several routers each is asked. */
static int
s_place (const zloom_cli_t *cli, const zloom_target_t *target, const char **endpoint)
{
    *endpoint = target->endpoints.items[0];
    if (target->endpoints.count == 1 || !target->flow[0]) {
        return ZLOOM_EXIT_OK;
    }
    zloom_routers_t routers;
    zloom_client_t *client = NULL;
    int code = zloom_routers_open (cli, &target->endpoints, ZLOOM_CLI_WAIT_MS, &routers);
    code = code ? code : zloom_routers_find (&routers, target->flow, &client);
    for (size_t i = 0; code == ZLOOM_EXIT_OK && i < routers.count; i++) {
        if (routers.clients[i] == client) {
            *endpoint = target->endpoints.items[routers.places[i]];
        }
    }
    zloom_routers_close (&routers);
    return code;
}

int
zloom_session_open_with (const zloom_cli_t *cli, const char *word,
                         const zloom_client_options_t *options, zloom_client_event_fn *event,
                         void *event_arg, zloom_target_t *target, zloom_client_t **client_p)
{
    const char *endpoint = NULL;
    int code = zloom_target_find (cli, word, target);
    code = code ? code : s_place (cli, target, &endpoint);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    zloom_err_t err = zloom_client_open_with (endpoint, options, event, event_arg,
                                              zloom_deadline (ZLOOM_CLI_WAIT_MS), client_p);
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (cli, err);
}

int
zloom_session_open (const zloom_cli_t *cli, const char *word, const char *name, bool sends,
                    zloom_target_t *target, zloom_client_t **client_p)
{
    /* The name is in the target, which is filled before it is read. */
    zloom_client_flow_t flow = {.name = target->flow};
    const zloom_client_options_t options = {
      .name = name, .role = "cli", .flows = sends ? &flow : NULL, .flow_count = sends ? 1 : 0};
    return zloom_session_open_with (cli, word, &options, NULL, NULL, target, client_p);
}
