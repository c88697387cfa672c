/* SPDX-License-Identifier: MPL-2.0 */
#include "session.h"

int
zloom_session_open (const zloom_cli_t *cli, const char *word, const char *name, bool sends,
                    zloom_target_t *target, zloom_client_t **client_p)
{
    int code = zloom_target_find (cli, word, target);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    zloom_client_flow_t flow = {.name = target->flow};
    zloom_client_options_t options = {
      .name = name, .role = "cli", .flows = sends ? &flow : NULL, .flow_count = sends ? 1 : 0};
    zloom_err_t err = zloom_client_open_with (target->endpoint, &options, NULL, NULL,
                                              zloom_deadline (ZLOOM_CLI_WAIT_MS), client_p);
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (cli, err);
}
