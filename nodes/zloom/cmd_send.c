/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_send.c - `send`: messages from words, a file or stdin; done when all are safe. */
#include "commands.h"

#include "base/units.h"
#include "session.h"
#include "wire/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_NS (30 * ZLOOM_NS_PER_S)

typedef struct {
    const zloom_cli_t *cli;
    zloom_client_t *client;
    const char *flow;
    const char *key;
    int64_t timeout_ns;
    uint64_t skip; /* lines that were sent under this name before */
    uint64_t sent;
} s_send_t;

static zloom_err_t
s_one (s_send_t *self, zloom_bytes_t body)
{
    zloom_envelope_t envelope = {.key = zloom_bytes_text (self->key), .body = body};
    zloom_err_t err = zloom_client_send_envelope (
      self->client, self->flow, &envelope, ZLOOM_BYTES_NULL,
      zloom_time_add (zloom_clock_now ().mono_ns, self->timeout_ns), NULL);
    self->sent += err == ZLOOM_OK;
    return err;
}

/* Each line of the stream, without its newline; a last line may lack it. */
static zloom_err_t
s_lines (s_send_t *self, FILE *in, const char *name)
{
    char *line = NULL;
    size_t capacity = 0;
    zloom_err_t err = ZLOOM_OK;
    ssize_t size = 0;
    for (uint64_t number = 1; err == ZLOOM_OK && (size = getline (&line, &capacity, in)) >= 0;
         number++) {
        if (size > 0 && line[size - 1] == '\n') {
            size--;
        }
        if (number > self->skip) {
            err = s_one (self, zloom_bytes (line, (size_t) size));
            if (err != ZLOOM_OK) {
                zloom_note_prefix ("%s:%llu", name, (unsigned long long) number);
            }
        }
    }
    if (err == ZLOOM_OK && ferror (in)) {
        err = zloom_fail_errno (ZLOOM_SYSTEM, "cannot read %s", name);
    }
    free (line);
    return err;
}

static zloom_err_t
s_file (s_send_t *self, const char *path)
{
    if (strcmp (path, "-") == 0) {
        return s_lines (self, stdin, "stdin");
    }
    FILE *in = fopen (path, "re");
    if (!in) {
        return zloom_fail_errno (ZLOOM_NOT_FOUND, "cannot open %s", path);
    }
    zloom_err_t err = s_lines (self, in, path);
    (void) fclose (in);
    return err;
}

static zloom_err_t
s_all (s_send_t *self)
{
    const zloom_cli_t *cli = self->cli;
    const char *file = zloom_cli_option (cli, "file");
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 1; i < cli->word_count && err == ZLOOM_OK; i++) {
        if (i > self->skip) {
            err = s_one (self, zloom_bytes_text (cli->words[i]));
        }
    }
    if (err == ZLOOM_OK && (file || cli->word_count < 2)) {
        err = s_file (self, file ? file : "-");
    }
    zloom_err_t flushed = zloom_client_flush (
      self->client, zloom_time_add (zloom_clock_now ().mono_ns, self->timeout_ns));
    return err == ZLOOM_OK ? flushed : err;
}

int
zloom_cmd_send (zloom_cli_t *cli)
{
    const char *word = zloom_cli_word (cli, 0, "FLOW");
    const char *name = zloom_cli_option (cli, "name");
    s_send_t self = {.cli = cli, .key = zloom_cli_option (cli, "key")};
    if (!word || !zloom_cli_duration (cli, "timeout", TIMEOUT_NS, &self.timeout_ns)) {
        return ZLOOM_EXIT_USAGE;
    }
    if (zloom_cli_option (cli, "file") && cli->word_count > 1) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "give either BODY words or --file");
    }
    zloom_target_t target;
    int code = zloom_session_open (cli, word, name, true, &target, &self.client);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    self.flow = target.flow;
    zloom_client_flow_state_t state = {.state = ZLOOM_OK};
    if (name && zloom_client_core_flow (zloom_client_core (self.client), self.flow, &state)) {
        self.skip = state.next_id ? state.next_id - 1 : 0;
    }
    zloom_err_t err = s_all (&self);
    if (err != ZLOOM_OK) {
        code = zloom_cli_fail (cli, err);
    }
    size_t open = zloom_client_unconfirmed (self.client, NULL);
    (void) zloom_client_close (&self.client, zloom_deadline (1000));
    fprintf (stderr, "sent %llu to %s, %llu confirmed", (unsigned long long) self.sent, self.flow,
             (unsigned long long) (self.sent - open));
    if (self.skip) {
        fprintf (stderr, ", %llu skipped: '%s' sent them before", (unsigned long long) self.skip,
                 name);
    }
    fputc ('\n', stderr);
    return code;
}
