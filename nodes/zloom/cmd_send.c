/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_send.c - `send`: messages from words, a file or stdin; done when all are safe. */
#include "commands.h"

#include "base/memory.h"
#include "base/units.h"
#include "base/when.h"
#include "io/lines.h"
#include "print.h"
#include "session.h"
#include "wire/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_NS (30 * ZLOOM_NS_PER_S)
#define CHUNK_BYTES 65536
/* The session is looked after at least this often while stdin is quiet. */
#define HEARTBEAT_MS 200

typedef struct {
    const zloom_cli_t *cli;
    zloom_output_t output;
    zloom_client_t *client;
    const char *flow;
    zloom_envelope_t asks; /* what every message asks for; its times count from its sending */
    int64_t at_ns;         /* --at: due then; 0: as `asks` says */
    int64_t timeout_ns;
    uint64_t skip;    /* so many were sent under this name before */
    uint64_t skipped; /* of these */
    uint64_t sent;
    uint64_t line;
    const char *source; /* of the lines, for messages */
    zloom_err_t err;    /* the first error of a line */
} s_send_t;

/* Up to the next millisecond: nothing is due too early. */
static int64_t
s_ms (int64_t ns)
{
    return ns > 0 ? (ns - 1) / ZLOOM_NS_PER_MS + 1 : 0;
}

static zloom_err_t
s_one (s_send_t *self, zloom_bytes_t body)
{
    zloom_now_t now = zloom_clock_now ();
    zloom_envelope_t envelope = self->asks;
    envelope.body = body;
    if (self->at_ns) {
        envelope.due_ms = s_ms (self->at_ns - now.wall_ns);
    }
    zloom_err_t err =
      zloom_client_send_envelope (self->client, self->flow, &envelope, ZLOOM_BYTES_NULL,
                                  zloom_time_add (now.mono_ns, self->timeout_ns), NULL);
    self->sent += err == ZLOOM_OK;
    return err;
}

static void
s_line (void *arg, zloom_bytes_t line, bool cut)
{
    s_send_t *self = arg;
    self->line++;
    if (self->err == ZLOOM_OK && self->line <= self->skip) {
        self->skipped++;
        return;
    }
    if (self->err != ZLOOM_OK) {
        return;
    }
    self->err =
      cut ? zloom_fail (ZLOOM_TOO_BIG, "the line is over %u bytes", ZLOOM_LIMIT_MESSAGE_BYTES)
          : s_one (self, line);
    if (self->err != ZLOOM_OK) {
        zloom_note_prefix ("%s:%llu", self->source, (unsigned long long) self->line);
    }
}

/*
 * Each line of a file or pipe is a message; a last line may lack its newline. The session goes on
 * while the pipe is quiet: what was read is on its way, heartbeats are answered.
 */
static zloom_err_t
s_lines (s_send_t *self, int fd)
{
    zloom_lines_t lines;
    zloom_lines_init (&lines, ZLOOM_LIMIT_MESSAGE_BYTES, 0);
    char *chunk = zloom_alloc (CHUNK_BYTES);
    bool end = false;
    while (!end && self->err == ZLOOM_OK) {
        struct pollfd items[2] = {{.fd = fd, .events = POLLIN},
                                  {.fd = zloom_client_fd (self->client), .events = POLLIN}};
        (void) poll (items, 2, HEARTBEAT_MS);
        if (items[0].revents) {
            ssize_t got = read (fd, chunk, CHUNK_BYTES);
            end = got == 0;
            if (got > 0) {
                zloom_lines_feed (&lines, chunk, (size_t) got, s_line, self);
            } else if (got < 0 && errno != EINTR && errno != EAGAIN) {
                self->err = zloom_fail_errno (ZLOOM_SYSTEM, "cannot read %s", self->source);
            }
        }
        if (self->err == ZLOOM_OK) {
            zloom_client_core_push (zloom_client_core (self->client));
            self->err = zloom_client_dispatch (self->client);
        }
    }
    if (self->err == ZLOOM_OK) {
        zloom_lines_end (&lines, s_line, self);
    }
    free (chunk);
    zloom_lines_fini (&lines);
    return self->err;
}

static zloom_err_t
s_file (s_send_t *self, const char *path)
{
    if (strcmp (path, "-") == 0) {
        self->source = "stdin";
        return s_lines (self, STDIN_FILENO);
    }
    self->source = path;
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return zloom_fail_errno (ZLOOM_NOT_FOUND, "cannot open %s", path);
    }
    zloom_err_t err = s_lines (self, fd);
    close (fd);
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
        } else {
            self->skipped++;
        }
    }
    if (err == ZLOOM_OK && (file || cli->word_count < 2)) {
        err = s_file (self, file ? file : "-");
    }
    zloom_err_t flushed =
      zloom_client_flush (self->client, zloom_time_add (zloom_clock_mono_ns (), self->timeout_ns));
    return err == ZLOOM_OK ? flushed : err;
}

/* ---- what the messages ask for -------------------------------------------------------------- */

/* --at as a point in time; what was understood is said, since clocks and zones mislead. */
static int
s_read_at (s_send_t *self, const char *text)
{
    const int64_t now_ns = zloom_clock_now ().wall_ns;
    zloom_err_t err = zloom_parse_when (text, now_ns, &self->at_ns);
    if (err != ZLOOM_OK) {
        return zloom_cli_say (self->cli, ZLOOM_EXIT_USAGE, "--at: %s", zloom_note ());
    }
    char when[40];
    char span[48];
    const int64_t left_ns = self->at_ns - now_ns;
    const int64_t seconds = (left_ns < 0 ? -left_ns : left_ns) / ZLOOM_NS_PER_S;
    zloom_local_text (self->at_ns, when);
    zloom_duration_text (seconds * ZLOOM_NS_PER_S, span);
    if (left_ns < 0) {
        return zloom_cli_say (self->cli, ZLOOM_EXIT_USAGE, "--at %s is %s, and that is %s ago",
                              text, when, span);
    }
    fprintf (stderr, "not before %s, in %s\n", when, span);
    self->asks.has_due = true;
    return ZLOOM_EXIT_OK;
}

static int
s_read_times (s_send_t *self)
{
    const zloom_cli_t *cli = self->cli;
    const char *at = zloom_cli_option (cli, "at");
    int64_t in_ns = 0;
    int64_t expires_ns = INT64_MAX;
    if (!zloom_cli_duration (cli, "in", 0, &in_ns) ||
        !zloom_cli_duration (cli, "expires", INT64_MAX, &expires_ns)) {
        return ZLOOM_EXIT_USAGE;
    }
    if (at && zloom_cli_option (cli, "in")) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "give either --in or --at");
    }
    int code = at ? s_read_at (self, at) : ZLOOM_EXIT_OK;
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    const int64_t due_ns = at ? self->at_ns - zloom_clock_now ().wall_ns : in_ns;
    if (expires_ns <= due_ns || expires_ns == 0) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                              "--expires %s: it would be worthless before anybody could get it",
                              zloom_cli_option (cli, "expires"));
    }
    self->asks.has_due = self->asks.has_due || in_ns > 0;
    self->asks.due_ms = s_ms (in_ns);
    self->asks.has_expires = expires_ns != INT64_MAX;
    self->asks.expires_ms = self->asks.has_expires ? s_ms (expires_ns) : 0;
    return ZLOOM_EXIT_OK;
}

static int
s_read_asks (s_send_t *self)
{
    const zloom_cli_t *cli = self->cli;
    const char *id = zloom_cli_option (cli, "id");
    int64_t priority = 0;
    if (!zloom_cli_int (cli, "priority", 0, ZLOOM_LIMIT_PRIORITY, -1, &priority)) {
        return ZLOOM_EXIT_USAGE;
    }
    if (id && cli->word_count != 2) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                              "--id names one message: give exactly one BODY with it");
    }
    if (id && (!*id || strlen (id) > ZLOOM_LIMIT_ID_BYTES)) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "--id has 1 to %d bytes",
                              ZLOOM_LIMIT_ID_BYTES);
    }
    self->asks.key = zloom_bytes_text (zloom_cli_option (cli, "key"));
    self->asks.topic = zloom_bytes_text (zloom_cli_option (cli, "topic"));
    self->asks.id = zloom_bytes_text (id);
    self->asks.trace = zloom_cli_option (cli, "trace") != NULL;
    self->asks.has_priority = priority >= 0;
    self->asks.priority = (uint8_t) (priority >= 0 ? priority : 0);
    return s_read_times (self);
}

/* ---- what became of them -------------------------------------------------------------------- */

/* What is neither under way nor refused for good. */
static uint64_t
s_confirmed (const s_send_t *self, const zloom_client_flow_state_t *state)
{
    return self->sent - state->held_messages - state->failed;
}

/* With their ids: producer/first_id to producer/last_id, as `dlq show` and `trace` name them. */
static int
s_tell_json (const s_send_t *self, const zloom_client_flow_state_t *state)
{
    const zloom_client_core_t *core = zloom_client_core (self->client);
    json_t *told = json_pack ("{s:s, s:s, s:I, s:I, s:I, s:I}", "flow", self->flow, "producer",
                              zloom_client_core_name (core), "sent", (json_int_t) self->sent,
                              "confirmed", (json_int_t) s_confirmed (self, state), "refused",
                              (json_int_t) state->failed, "skipped", (json_int_t) self->skipped);
    if (self->sent > 0) {
        const uint64_t last = state->next_id - 1;
        const uint64_t first = state->next_id - self->sent;
        json_object_set_new (told, "first_id", json_integer ((json_int_t) first));
        json_object_set_new (told, "last_id", json_integer ((json_int_t) last));
    }
    return zloom_print_json (self->cli, told, self->output == ZLOOM_OUTPUT_JSON);
}

static int
s_tell (const s_send_t *self, const char *name)
{
    zloom_client_flow_state_t state = {.state = ZLOOM_OK};
    (void) zloom_client_core_flow (zloom_client_core (self->client), self->flow, &state);
    if (self->output != ZLOOM_OUTPUT_TEXT) {
        return s_tell_json (self, &state);
    }
    fprintf (stderr, "sent %llu to %s, %llu confirmed", (unsigned long long) self->sent, self->flow,
             (unsigned long long) s_confirmed (self, &state));
    if (state.failed) {
        fprintf (stderr, ", %llu refused", (unsigned long long) state.failed);
    }
    if (self->skipped) {
        fprintf (stderr, ", %llu skipped: '%s' sent them before",
                 (unsigned long long) self->skipped, name);
    }
    fputc ('\n', stderr);
    return ZLOOM_EXIT_OK;
}

/* ---- the command ---------------------------------------------------------------------------- */

int
zloom_cmd_send (zloom_cli_t *cli)
{
    const char *word = zloom_cli_word (cli, 0, "FLOW");
    const char *name = zloom_cli_option (cli, "name");
    s_send_t self = {.cli = cli};
    if (!word || !zloom_cli_output (cli, &self.output) ||
        !zloom_cli_duration (cli, "timeout", TIMEOUT_NS, &self.timeout_ns)) {
        return ZLOOM_EXIT_USAGE;
    }
    if (zloom_cli_option (cli, "file") && cli->word_count > 1) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "give either BODY words or --file");
    }
    int code = s_read_asks (&self);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    zloom_target_t target;
    code = zloom_session_open (cli, word, name, true, &target, &self.client);
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
        /* What was asked for is right by then: it is the message that cannot be taken. */
        code = err == ZLOOM_INVALID ? ZLOOM_EXIT_DATA : code;
    }
    if (err == ZLOOM_TIMED_OUT) {
        fprintf (stderr, "zloom why %s says what holds it back\n", self.flow);
    }
    const int said = s_tell (&self, name);
    (void) zloom_client_close (&self.client, zloom_deadline (1000));
    return code ? code : said;
}
