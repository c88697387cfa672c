/* SPDX-License-Identifier: MPL-2.0 */
/*
 * several.h - sessions with several routers at once: opened, and asked, side by side. One that
 * does not answer costs its own time only; one after the other, the sessions with the rest would
 * hear no heartbeat meanwhile and end.
 *
 * Example:
 *     zloom_several_t each[2] = {{.endpoint = first}, {.endpoint = second}};
 *     zloom_several_begin (each, 2, &options);
 *     zloom_several_await (each, 2, &options, ZLOOM_SEVERAL_ALL, zloom_deadline (5000));
 *     each[0].args = each[1].args = args;
 *     const zloom_several_question_t stats = {.command = "stats", .answer = s_answer};
 *     zloom_several_ask (each, 2, &stats, zloom_deadline (5000));
 */
#ifndef ZLOOM_CLIENT_SEVERAL_H
#define ZLOOM_CLIENT_SEVERAL_H

#include "client/client.h"

typedef struct {
    const char *endpoint;   /* borrowed */
    zloom_client_t *client; /* NULL: there is no session; the caller's to close */
    bool open;              /* the router has welcomed it */
    zloom_bytes_t args;     /* borrowed; unset: not asked, its session is kept alive meanwhile */
    void *arg;              /* of its answers */
    zloom_err_t err;        /* what came of the last call; AGAIN: its router has not answered yet */
    char text[256];         /* the note of the error */
} zloom_several_t;

void zloom_several_begin (zloom_several_t *each, size_t count,
                          const zloom_client_options_t *options);

typedef enum {
    ZLOOM_SEVERAL_ALL,  /* until each is open or has failed: without an outcome in time it has */
    ZLOOM_SEVERAL_ANY,  /* until one is open; where none is in time, all have failed */
    ZLOOM_SEVERAL_LOOK, /* as ALL, but what has no outcome in time may be waited for again */
} zloom_several_until_t;

/* Wait for what zloom_client_open_with would. How many are open. */
size_t zloom_several_await (zloom_several_t *each, size_t count,
                            const zloom_client_options_t *options, zloom_several_until_t until,
                            int64_t deadline_ns);

typedef struct {
    const char *command;
    zloom_client_answer_fn *answer;
    bool (*enough) (zloom_err_t err); /* what came of one: nobody else is waited for; NULL: never */
} zloom_several_question_t;

/*
 * As zloom_client_ask of each that is open and has `args`. Who was not waited for is left with
 * AGAIN, and what it says later is not heard.
 */
void zloom_several_ask (zloom_several_t *each, size_t count,
                        const zloom_several_question_t *question, int64_t deadline_ns);

#endif
