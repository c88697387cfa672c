/* SPDX-License-Identifier: MPL-2.0 */
/*
 * control.h - a command's talk with the supervisor of a running topology (launch/orders.c has its
 * verbs).
 *
 * Example:
 *     zloom_control_t control;
 *     int code = zloom_control_open (cli, cli->word_count ? cli->words[0] : NULL, &control);
 *     if (code == ZLOOM_EXIT_OK) {
 *         json_t *answer = NULL;
 *         code = zloom_control_ask (&control, "ps", NULL, ZLOOM_CLI_WAIT_MS, &answer);
 *         json_decref (answer);
 *         zloom_control_close (&control);
 *     }
 */
#ifndef ZLOOM_CLI_CONTROL_H
#define ZLOOM_CLI_CONTROL_H

#include "print.h"
#include "session.h"

#include <sys/types.h>

typedef struct {
    const zloom_cli_t *cli;
    char topology[ZLOOM_NAME_MAX + 1]; /* "" when only --state named it */
    zloom_paths_t paths;
    int fd;
    pid_t pid; /* the supervisor's */
    zloom_buf_t in;
} zloom_control_t;

/*
 * The folders of the topology that `word` names: a recipe's file, or the topology's name; NULL:
 * --state, $ZLOOM_STATE, or the only one that runs. 0, or an exit code after a message.
 */
int zloom_control_find (const zloom_cli_t *cli, const char *word, zloom_control_t *self);
/* The same, and a connection to its supervisor. */
int zloom_control_open (const zloom_cli_t *cli, const char *word, zloom_control_t *self);
/* Connect to the topology whose folders were found; errors are left to the caller. */
zloom_err_t zloom_control_connect_to (zloom_control_t *self);
void zloom_control_close (zloom_control_t *self);

/*
 * Send a request; `args` (taken, NULL: none) are its members beside the verb. Nothing is printed:
 * SYSTEM, GONE with a note.
 */
zloom_err_t zloom_control_send (zloom_control_t *self, const char *verb, json_t *args);
/*
 * The next answer within wait_ms, or the error that it stands for; it may be one in part ("more").
 * *answer_p: a new reference, only with OK.
 */
zloom_err_t zloom_control_receive (zloom_control_t *self, int64_t wait_ms, json_t **answer_p);
/* Send, and receive the whole answer, with a message on errors; 0 or an exit code. */
int zloom_control_ask (zloom_control_t *self, const char *verb, json_t *args, int64_t wait_ms,
                       json_t **answer_p);
/*
 * Wait until it is "ready", "running" or "idle"; `node` (NULL: all) is whose readiness is meant.
 * Nothing is printed; TIMED_OUT, DRAINING, CHILD.
 */
zloom_err_t zloom_control_wait (zloom_control_t *self, const char *what, const char *node,
                                int64_t wait_ms);
/* Wait until the supervisor's process has ended; TIMED_OUT. */
zloom_err_t zloom_control_wait_end (const zloom_control_t *self, int64_t wait_ms);

#endif
