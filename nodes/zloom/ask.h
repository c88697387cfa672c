/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ask.h - a command for the router (ADMIN) and its answers as one JSON object: lists of several
 * answers are joined, the messages of a pack are put beside what the answer says of them.
 */
#ifndef ZLOOM_CLI_ASK_H
#define ZLOOM_CLI_ASK_H

#include "client/several.h"
#include "print.h"
#include "session.h"

/* Arguments of a request: a msgpack map that is built entry by entry. */
typedef struct {
    zloom_buf_t entries;
    size_t count;
} zloom_ask_args_t; /* zero-initialised is empty */

void zloom_ask_text (zloom_ask_args_t *args, const char *name,
                     const char *text); /* NULL: nothing */
void zloom_ask_number (zloom_ask_args_t *args, const char *name, int64_t number);
void zloom_ask_bytes (zloom_ask_args_t *args, const char *name, zloom_bytes_t bytes);
void zloom_ask_flag (zloom_ask_args_t *args, const char *name, bool flag);
void zloom_ask_clear (zloom_ask_args_t *args);

/*
 * Ask and wait at most wait_ms. *result_p: a new reference. A router that goes away meanwhile ends
 * the waiting.
 */
zloom_err_t zloom_ask_only (zloom_client_t *client, const char *command,
                            const zloom_ask_args_t *args, int64_t wait_ms, json_t **result_p);

typedef struct {
    const char *command;
    int64_t wait_ms;
    bool (*enough) (zloom_err_t err);    /* as in zloom_several_question_t */
    bool (*is_answer) (zloom_err_t err); /* of zloom_routers_put; NULL: only OK is one */
} zloom_ask_t;

/*
 * The same of each that is open and has arguments (args[i] is not NULL), side by side; results[i]:
 * NULL where there is none, and where it was asked each[i].err says why.
 */
void zloom_ask_several (zloom_several_t *each, size_t count, const zloom_ask_t *ask,
                        const zloom_ask_args_t *const args[], json_t *results[]);

/* As zloom_ask_only; 0, or an exit code after a message. */
int zloom_ask (const zloom_cli_t *cli, zloom_client_t *client, const char *command,
               const zloom_ask_args_t *args, int64_t wait_ms, json_t **result_p);

#endif
