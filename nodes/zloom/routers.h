/* SPDX-License-Identifier: MPL-2.0 */
/*
 * routers.h - sessions with all routers of a running topology. Most have one; of several each is
 * asked, and their answers are put together.
 */
#ifndef ZLOOM_CLI_ROUTERS_H
#define ZLOOM_CLI_ROUTERS_H

#include "ask.h"

typedef struct {
    const zloom_cli_t *cli;
    zloom_client_t *clients[ZLOOM_ROUTERS_MAX]; /* those that answer */
    size_t places[ZLOOM_ROUTERS_MAX];           /* of each among the endpoints */
    size_t count;
    bool deny[ZLOOM_ROUTERS_MAX]; /* was told already that it does not let this key look */
} zloom_routers_t;

/*
 * 0, or an exit code after a message. Of several routers one that does not answer is told and left
 * out, as long as another one does.
 */
int zloom_routers_open (const zloom_cli_t *cli, const zloom_endpoints_t *endpoints,
                        zloom_routers_t *self);
void zloom_routers_close (zloom_routers_t *self);
/*
 * As zloom_ask, of all. With several routers what stands in the answers' lists says whose it is
 * ("router"), the rest is the first one's, and "routers" has a map for each without its lists. One
 * that does not let this key look is told once and left out, as long as another one answers.
 */
int zloom_routers_ask (zloom_routers_t *self, const char *command, const zloom_ask_args_t *args,
                       int64_t wait_ms, json_t **result_p);
/*
 * The session with the router that hosts the flow; the first one's when none does, or when there is
 * only one. No right is needed for that.
 */
int zloom_routers_find (const zloom_routers_t *self, const char *flow, zloom_client_t **client_p);
/* The same; NULL when none does. */
int zloom_routers_look (const zloom_routers_t *self, const char *flow, zloom_client_t **client_p);

#endif
