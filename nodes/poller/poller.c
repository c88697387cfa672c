/* SPDX-License-Identifier: MPL-2.0 */
/*
 * poller.c - the loop: read a line, send it with the place behind it as its mark, until the window
 * is full or no line is there.
 *
 * How neither loss nor doubles come about: the router keeps `high` (the id of the last line that
 * it took) and the mark of the last message that brought one, both in the group of the lines. A
 * message that begins a file goes in a pack of its own, so the mark's file is always the file of
 * `high`. At the start reading goes on at the mark, and the next (high - mark's id) lines that
 * would be sent are stepped over: which lines these are depends on nothing but the file, since
 * what is not sent (empty, invalid, too long, without the key that the flow wants) is not sent at
 * any time.
 */
#include "nodes/poller/poller.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/json.h"
#include "net/socket.h"
#include "nodes/join.h"
#include "nodes/poller/reader.h"
#include "nodes/poller/watch.h"
#include "nodes/subscribe.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"

/* Messages under way; a power of two, so that an id finds its line number. */
#define WINDOW 16384u
/* Lines read before frames move. */
#define BURST 1024u
/* Without a hint from the system, how often the end of a followed file is looked at. */
#define LOOK_NS (500 * ZLOOM_NS_PER_MS)
#define LEAVE_NS ZLOOM_NS_PER_S
/* Room in a message for what is not its body, the longest key included. */
#define ENVELOPE_BYTES 512u
/* So many bad lines are told one by one. */
#define TELL_LINES 10u

typedef struct {
    const zloom_node_args_t *args;
    uint64_t trace_ppm; /* of its messages: these are traced */
    const zloom_poller_file_t *file;
    const char *flow;
    zloom_stop_t stop;
    zloom_client_t *client;
    zloom_reader_t *reader;
    int watch_fd;
    zloom_bytes_t line; /* read, and not yet sent or stepped over */
    bool ready;         /* there is one */
    zloom_bytes_t key;  /* of it, where the flow has keys; the client's until it is sent */
    bool ended;         /* the end of a file that is not followed */
    uint64_t next_id;
    uint64_t skip;     /* so many of the next lines were taken before */
    uint64_t files;    /* the reader's, at the last message */
    uint64_t *line_of; /* of message id: line_of[id % WINDOW] */
    zloom_buf_t mark;
    zloom_err_t refusal; /* why the router takes nothing now, as last told */
    uint64_t lines, empty, invalid, too_big, no_key, sent, taken_before, failed;
} poller_t;

static int64_t
s_now (void)
{
    return zloom_clock_mono_ns ();
}

/* ---- telling -------------------------------------------------------------------------------- */

/* A line that is not sent: the first ones by name, all of them in the summary. */
static void
s_complain (const poller_t *self, uint64_t *count, const char *id, uint64_t line, const char *why)
{
    if (++*count <= TELL_LINES) {
        zloom_log (ZLOOM_LOG_WARN, id, "poller=%s at=%s:%" PRIu64 " why=\"%s\"%s", self->args->name,
                   self->file->path, line, why,
                   *count == TELL_LINES ? " more=\"further ones are only counted\"" : "");
    }
}

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    poller_t *self = arg;
    char text[256];
    snprintf (text, sizeof text, "%.*s", (int) (event->text.size < 200 ? event->text.size : 200),
              event->text.size > 0 ? (const char *) event->text.data : "");
    switch ((int) event->type) {
    case ZLOOM_CLIENT_FAILED:
        s_complain (self, &self->failed, "poller-line-failed", self->line_of[event->id % WINDOW],
                    text);
        break;
    case ZLOOM_CLIENT_REFUSED:
        if (event->code != self->refusal) {
            self->refusal = event->code;
            zloom_log (ZLOOM_LOG_WARN, "poller-waits", "poller=%s flow=%s error=%s note=\"%s\"",
                       self->args->name, self->flow, zloom_err_name (event->code), text);
        }
        break;
    case ZLOOM_CLIENT_CONFIRMED:
        if (self->refusal != ZLOOM_OK) {
            self->refusal = ZLOOM_OK;
            zloom_log (ZLOOM_LOG_INFO, "poller-goes-on", "poller=%s flow=%s", self->args->name,
                       self->flow);
        }
        break;
    case ZLOOM_CLIENT_LOST:
        zloom_log (ZLOOM_LOG_WARN, "poller-router-lost", "poller=%s", self->args->name);
        break;
    default:
        break;
    }
}

static void
s_summary (const poller_t *self)
{
    zloom_log (ZLOOM_LOG_INFO, "poller-end",
               "poller=%s file=%s lines=%" PRIu64 " sent=%" PRIu64 " taken_before=%" PRIu64
               " empty=%" PRIu64 " invalid=%" PRIu64 " too_big=%" PRIu64 " no_key=%" PRIu64
               " failed=%" PRIu64,
               self->args->name, self->file->path, self->lines, self->sent, self->taken_before,
               self->empty, self->invalid, self->too_big, self->no_key, self->failed);
}

/* ---- opening -------------------------------------------------------------------------------- */

/* The place that the router kept; false: none, so the file is read from its start. */
static zloom_err_t
s_last_place (const poller_t *self, const zloom_client_flow_state_t *state, zloom_place_t *place,
              bool *known)
{
    *known = false;
    if (!state->mark.data) {
        if (state->next_id > 1) {
            zloom_log (ZLOOM_LOG_WARN, "poller-no-mark",
                       "poller=%s flow=%s what=\"the router has messages of this name and no place "
                       "in a file; reading %s from its start\"",
                       self->args->name, self->flow, self->file->path);
        }
        return ZLOOM_OK;
    }
    const zloom_err_t err = zloom_place_decode (state->mark, place);
    if (err == ZLOOM_VERSION) {
        return err;
    }
    *known = err == ZLOOM_OK;
    if (!*known) {
        zloom_log (ZLOOM_LOG_WARN, "poller-foreign-mark",
                   "poller=%s flow=%s note=\"%s\" what=\"reading %s from its start\"",
                   self->args->name, self->flow, zloom_note (), self->file->path);
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_open_reader (poller_t *self)
{
    zloom_client_flow_state_t state = {.next_id = 1};
    (void) zloom_client_core_flow (zloom_client_core (self->client), self->flow, &state);
    zloom_place_t place = {0};
    bool known = false;
    zloom_err_t err = s_last_place (self, &state, &place, &known);
    if (err != ZLOOM_OK) {
        return err;
    }
    const zloom_reader_config_t config = {.follow = self->file->follow,
                                          .line_bytes = state.message_bytes > 2 * ENVELOPE_BYTES
                                                          ? state.message_bytes - ENVELOPE_BYTES
                                                          : ENVELOPE_BYTES,
                                          .from = known ? &place : NULL};
    err = zloom_reader_open (self->file->path, &config, &self->reader);
    if (err != ZLOOM_OK) {
        return err;
    }
    self->next_id = state.next_id;
    if (zloom_reader_resumed (self->reader)) {
        self->skip = state.next_id - 1 > place.id ? state.next_id - 1 - place.id : 0;
        self->files = zloom_reader_files (self->reader);
    } else if (known) {
        zloom_log (ZLOOM_LOG_WARN, "poller-other-file",
                   "poller=%s file=%s what=\"not the file that was read up to line %" PRIu64
                   ", or it was cut; reading it from its start\"",
                   self->args->name, self->file->path, place.line);
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_open (poller_t *self)
{
    size_t cursor = 0;
    const zloom_recipe_flow_t *flow =
      zloom_recipe_next_out (self->args->recipe, self->args->node, &cursor);
    if (!flow || zloom_recipe_out_count (self->args->recipe, self->args->node) != 1) {
        return zloom_fail (ZLOOM_INVALID, "a poller sends to one flow");
    }
    self->flow = flow->name;
    self->line_of = zloom_alloc (WINDOW * sizeof *self->line_of);
    const zloom_client_flow_t out = {.name = flow->name};
    const zloom_client_options_t options = {
      .role = "poller", .flows = &out, .flow_count = 1, .window_messages = WINDOW};
    zloom_err_t err = zloom_node_join (self->args, &options, s_event, self, &self->stop,
                                       ZLOOM_NEVER, &self->client);
    if (err == ZLOOM_OK) {
        err = s_open_reader (self);
    }
    if (err == ZLOOM_OK && self->file->follow) {
        self->watch_fd = zloom_watch_open (self->file->path);
    }
    return err;
}

static void
s_close (poller_t *self)
{
    if (self->client) {
        (void) zloom_client_close (&self->client, zloom_time_add (s_now (), LEAVE_NS));
    }
    zloom_reader_destroy (&self->reader);
    if (self->watch_fd >= 0) {
        close (self->watch_fd);
    }
    zloom_buf_fini (&self->mark);
    free (self->line_of);
}

/* ---- reading and sending -------------------------------------------------------------------- */

static bool
s_is_blank (zloom_bytes_t line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r') {
            return false;
        }
    }
    return true;
}

/* Whether the line is a message. */
static bool
s_is_message (poller_t *self)
{
    const bool json = self->file->format == ZLOOM_FORMAT_JSON;
    if (self->line.size == 0 || (json && s_is_blank (self->line))) {
        self->empty++;
        return false;
    }
    if (json && zloom_json_check (self->line) != ZLOOM_OK) {
        s_complain (self, &self->invalid, "poller-line-invalid", zloom_reader_line (self->reader),
                    zloom_note ());
        return false;
    }
    if (zloom_client_core_key (zloom_client_core (self->client), self->flow, self->line,
                               &self->key) != ZLOOM_OK) {
        s_complain (self, &self->no_key, "poller-line-no-key", zloom_reader_line (self->reader),
                    zloom_note ());
        return false;
    }
    return true;
}

/* The next line that is to be sent stands in self->line. AGAIN, CLOSED: there is none. */
static zloom_err_t
s_read (poller_t *self)
{
    for (;;) {
        const zloom_err_t err = zloom_reader_next (self->reader, &self->line);
        if (err == ZLOOM_TOO_BIG) {
            self->lines++;
            s_complain (self, &self->too_big, "poller-line-too-big",
                        zloom_reader_line (self->reader), "longer than the router's limit");
            continue;
        }
        if (err != ZLOOM_OK) {
            return err;
        }
        self->lines++;
        if (!s_is_message (self)) {
            continue;
        }
        if (self->skip == 0) {
            return ZLOOM_OK;
        }
        self->skip--;
        self->taken_before++;
    }
}

static zloom_err_t
s_send (poller_t *self)
{
    zloom_client_core_t *core = zloom_client_core (self->client);
    const bool begins_file = self->files != zloom_reader_files (self->reader);
    if (begins_file) {
        zloom_client_core_push (core);
    }
    zloom_place_t place = zloom_reader_place (self->reader);
    place.id = self->next_id;
    zloom_buf_clear (&self->mark);
    zloom_place_encode (&place, &self->mark);
    const bool trace = zloom_place_is_sample (place.id, self->trace_ppm);
    const zloom_envelope_t envelope = {.key = self->key, .body = self->line, .trace = trace};
    const zloom_err_t err = zloom_client_core_send (
      core, self->flow, &envelope, zloom_buf_bytes (&self->mark), zloom_clock_now (), NULL);
    if (err != ZLOOM_OK) {
        return err;
    }
    if (begins_file) {
        zloom_client_core_push (core);
        self->files = zloom_reader_files (self->reader);
    }
    self->line_of[self->next_id % WINDOW] = place.line;
    self->next_id++;
    self->sent++;
    self->ready = false;
    return ZLOOM_OK;
}

/* Lines until the burst is over, or *idle: the window is full, or no line is there. */
static zloom_err_t
s_feed (poller_t *self, bool *idle)
{
    zloom_err_t err = ZLOOM_OK;
    *idle = false;
    for (unsigned i = 0; i < BURST && err == ZLOOM_OK; i++) {
        if (!self->ready) {
            err = self->ended ? ZLOOM_CLOSED : s_read (self);
            self->ready = err == ZLOOM_OK;
        }
        if (self->ready) {
            err = s_send (self);
        }
        *idle = i == 0;
    }
    if (err == ZLOOM_OK) {
        *idle = false;
    } else {
        zloom_client_core_push (zloom_client_core (self->client));
    }
    self->ended = self->ended || (err == ZLOOM_CLOSED && !self->ready);
    return err == ZLOOM_AGAIN || self->ended ? ZLOOM_OK : err;
}

static zloom_err_t
s_wait (poller_t *self, bool look, int64_t until_ns)
{
    const int64_t look_ns = zloom_time_add (s_now (), LOOK_NS);
    zloom_poll_item_t items[] = {
      {.fd = zloom_client_fd (self->client)},
      {.fd = zloom_stop_fd (&self->stop)},
      {.fd = look ? self->watch_fd : -1},
    };
    const zloom_err_t err = zloom_poll (items, sizeof items / sizeof *items,
                                        look && look_ns < until_ns ? look_ns : until_ns);
    if (items[2].ready) {
        zloom_watch_read (self->watch_fd);
    }
    return err;
}

static zloom_err_t
s_dispatch (poller_t *self)
{
    const zloom_err_t err = zloom_client_dispatch (self->client);
    return err == ZLOOM_OK ? zloom_client_core_flow_error (zloom_client_core (self->client)) : err;
}

static size_t
s_unconfirmed (poller_t *self)
{
    return zloom_client_core_unconfirmed (zloom_client_core (self->client), NULL);
}

/* What was sent is confirmed, if there is time; what is not will be read again. */
static zloom_err_t
s_drain (poller_t *self)
{
    const int64_t deadline_ns = zloom_time_add (s_now (), self->args->drain_ns);
    zloom_log (ZLOOM_LOG_INFO, "poller-drain", "poller=%s", self->args->name);
    zloom_client_core_push (zloom_client_core (self->client));
    zloom_err_t err = s_dispatch (self);
    while (err == ZLOOM_OK && s_unconfirmed (self) > 0 && s_now () < deadline_ns &&
           zloom_stop_read (&self->stop) != ZLOOM_STOP_NOW) {
        err = s_wait (self, false, deadline_ns);
        err = err == ZLOOM_OK ? s_dispatch (self) : err;
    }
    return err;
}

static zloom_err_t
s_serve (poller_t *self)
{
    zloom_log (ZLOOM_LOG_INFO, "poller-ready", "poller=%s file=%s flow=%s line=%" PRIu64,
               self->args->name, self->file->path, self->flow, zloom_reader_line (self->reader));
    zloom_ready_tell (self->args->ready_fd);
    zloom_err_t err = ZLOOM_OK;
    while (err == ZLOOM_OK && zloom_stop_read (&self->stop) == ZLOOM_STOP_NO) {
        bool idle = false;
        err = s_dispatch (self);
        if (err == ZLOOM_OK && self->ended && s_unconfirmed (self) == 0) {
            return ZLOOM_OK;
        }
        if (err == ZLOOM_OK) {
            err = s_feed (self, &idle);
        }
        if (err == ZLOOM_OK && idle) {
            err = s_wait (self, self->file->follow && !self->ready, ZLOOM_NEVER);
        }
    }
    if (err == ZLOOM_OK && self->stop.state == ZLOOM_STOP_DRAIN) {
        err = s_drain (self);
    }
    if (self->stop.state == ZLOOM_STOP_NOW) {
        zloom_client_kill (&self->client);
    }
    return err;
}

zloom_err_t
zloom_poller_run (const zloom_node_args_t *args)
{
    if (!args->recipe || !args->node || args->node->kind->id != ZLOOM_NODE_POLLER) {
        return zloom_fail (ZLOOM_INVALID, "this node is not a poller");
    }
    const zloom_poller_config_t *config = args->node->config;
    poller_t self = {.args = args,
                     .trace_ppm = (uint64_t) config->trace_ppm,
                     .file = &config->file,
                     .watch_fd = -1};
    zloom_stop_init (&self.stop, args->stop_fd);
    zloom_err_t err = s_open (&self);
    if (err == ZLOOM_OK) {
        err = s_serve (&self);
        s_summary (&self);
    } else if (err == ZLOOM_CLOSED && self.stop.state != ZLOOM_STOP_NO) {
        err = ZLOOM_OK;
    }
    char note[ZLOOM_NOTE_BYTES];
    snprintf (note, sizeof note, "%s", err == ZLOOM_OK ? "" : zloom_note ());
    s_close (&self);
    return err == ZLOOM_OK ? ZLOOM_OK : zloom_fail (err, "poller %s: %s", args->name, note);
}
