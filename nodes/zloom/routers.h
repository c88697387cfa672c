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
    zloom_endpoints_t endpoints;
    zloom_several_t each[ZLOOM_ROUTERS_MAX];
    size_t each_count;
    zloom_client_t *clients[ZLOOM_ROUTERS_MAX]; /* those that answer */
    size_t places[ZLOOM_ROUTERS_MAX];           /* of each among the endpoints */
    size_t count;
    size_t missing; /* that do not answer */
    size_t silent;  /* the same, and those that are mute */
    int64_t wait_ms;
    int64_t until_ns;               /* so long the others are waited for */
    bool told[ZLOOM_ROUTERS_MAX];   /* by place: that it is left out, and why */
    bool mute[ZLOOM_ROUTERS_MAX];   /* by place: it did not answer when it was asked last */
    bool denied[ZLOOM_ROUTERS_MAX]; /* by place: nor did it let this key look */
} zloom_routers_t;

/*
 * 0, or an exit code after a message. Begin with all, and return when all have answered, or when
 * one has and the others take long: those who need them wait on (zloom_routers_all). `wait_ms` is
 * how long each may take, for its welcome and for an answer.
 */
int zloom_routers_open (const zloom_cli_t *cli, const zloom_endpoints_t *endpoints, int64_t wait_ms,
                        zloom_routers_t *self);
void zloom_routers_close (zloom_routers_t *self);
/* Until each has answered, or its time is over: then it is told and left out (`missing`). */
void zloom_routers_all (zloom_routers_t *self);
/* Wait at most so long for those that have not answered yet: they may be waited for again. */
void zloom_routers_more (zloom_routers_t *self, int64_t wait_ms);
/* Whether none is waited for. */
bool zloom_routers_are_all (const zloom_routers_t *self);
/*
 * As zloom_ask, of all (zloom_routers_all). With several routers what stands in the answers' lists
 * says whose it is ("router"), the rest is the first one's, and "routers" has a map for each
 * without its lists. One that does not let this key look is told once and left out, and so is one
 * that does not answer, as long as another one answers.
 */
int zloom_routers_ask (zloom_routers_t *self, const char *command, const zloom_ask_args_t *args,
                       json_t **result_p);
/*
 * The exit code of a command that is for all of them, once what is there has been shown or done: 0
 * when all have answered; else NOT_RUNNING, or PERMISSION where the only ones that are left out do
 * not let this key. So a whole answer can be told from one in part.
 */
int zloom_routers_left_out (const zloom_routers_t *self);
/*
 * Ask those that are open and have arguments, each by its place, side by side. answers[i]: NULL
 * where there is none. 0, or an exit code after a message; one that does not let this key look, or
 * does not answer, is told once and is no reason to fail.
 */
int zloom_routers_put (zloom_routers_t *self, const zloom_ask_t *ask,
                       const zloom_ask_args_t *const args[], json_t *answers[]);
/*
 * The session with the router that hosts the flow; the first one's when none does, or when there is
 * only one. No right is needed for that. One that does not answer is waited for only while no other
 * one hosts it; then it may, and that is told: a reason to fail.
 */
int zloom_routers_find (zloom_routers_t *self, const char *flow, zloom_client_t **client_p);
/* The same; NULL when none does. */
int zloom_routers_look (zloom_routers_t *self, const char *flow, zloom_client_t **client_p);

#endif
