/* SPDX-License-Identifier: MPL-2.0 */
/* session.h - a command's session with a router of a running topology. */
#ifndef ZLOOM_CLI_SESSION_H
#define ZLOOM_CLI_SESSION_H

#include "client/client.h"
#include "topology.h"

/* How long a command waits for the router's welcome and answers. */
#define ZLOOM_CLI_WAIT_MS 5000

/*
 * Find the target of `word` and open a session with its flow's router (the first router when the
 * words name no flow). 0, or an exit code after a message.
 */
int zloom_session_open_with (const zloom_cli_t *cli, const char *word,
                             const zloom_client_options_t *options, zloom_client_event_fn *event,
                             void *event_arg, zloom_target_t *target, zloom_client_t **client_p);
/*
 * The same for most commands; `send_flow` (NULL: none) is sent to. `name`
 * NULL: a name of its own. 0, or an exit code after a message.
 */
int zloom_session_open (const zloom_cli_t *cli, const char *word, const char *name, bool sends,
                        zloom_target_t *target, zloom_client_t **client_p);

#endif
