/* SPDX-License-Identifier: MPL-2.0 */
/* session.h - a command's session with the router of a running topology. */
#ifndef ZLOOM_CLI_SESSION_H
#define ZLOOM_CLI_SESSION_H

#include "client/client.h"
#include "topology.h"

/* How long a command waits for the router's welcome and answers. */
#define ZLOOM_CLI_WAIT_MS 5000

/*
 * Find the target of `word` and open a session there; `send_flow` (NULL: none) is sent to. `name`
 * NULL: a name of its own. 0, or an exit code after a message.
 */
int zloom_session_open (const zloom_cli_t *cli, const char *word, const char *name, bool sends,
                        zloom_target_t *target, zloom_client_t **client_p);

#endif
