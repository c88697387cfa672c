/* SPDX-License-Identifier: MPL-2.0 */
/*
 * sink.c - the loop: what is here already becomes one batch, the batch is written and synced as the
 * recipe says, then it is settled. At most one batch is out at a time.
 *
 * Trouble (no room, a failing disk) is waited out: the messages go back at no cost, the router is
 * told to hand out no more, and after 1 s, then twice as long each time up to 30 s, one batch is
 * tried again. A stream that still holds part of a batch keeps its messages; their leases run on.
 */
#include "nodes/sink/sink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/client.h"
#include "net/control.h"
#include "net/endpoint.h"
#include "net/socket.h"
#include "nodes/join.h"
#include "nodes/sink/output.h"
#include "nodes/sink/receipts.h"
#include "nodes/subscribe.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"

#define BACKOFF_FIRST_NS ZLOOM_NS_PER_S
#define BACKOFF_LAST_NS (30 * ZLOOM_NS_PER_S)
/* How long the router may take to answer SUBSCRIBE, and a goodbye when all is said. */
#define SUBSCRIBE_NS (10 * ZLOOM_NS_PER_S)
#define LEAVE_NS ZLOOM_NS_PER_S
/* Frames move at least this often while batch follows batch. */
#define WORK_NS (5 * ZLOOM_NS_PER_MS)
/* Until SUBSCRIBED tells a shorter lease. */
#define EXTEND_NS (10 * ZLOOM_NS_PER_S)

typedef struct {
    const zloom_node_args_t *args;
    const zloom_sink_config_t *config;
    zloom_stop_t stop;
    zloom_output_t *output;
    zloom_receipts_t *receipts; /* of a file; NULL: a stream */
    bool unkept;                /* a receipt could not be kept, and that was told */
    zloom_client_t *client;
    uint32_t *handles;
    size_t handle_count;
    const zloom_message_t **hand; /* added to the output, not settled */
    size_t hand_count;
    size_t hand_limit;
    int64_t extend_every_ns;
    int64_t extend_ns;  /* when the leases in hand are extended next */
    bool held;          /* the router hands out nothing */
    int64_t backoff_ns; /* 0: all is well */
    int64_t retry_ns;   /* not before */
    zloom_err_t over;   /* a flow that the router refuses */
    char over_text[256];
    uint64_t lines;
    uint64_t again; /* came again, and stood in the file */
    uint64_t rejected;
    zloom_node_gaps_t gaps;
} sink_t;

static int64_t
s_now (void)
{
    return zloom_clock_mono_ns ();
}

/* ---- opening -------------------------------------------------------------------------------- */

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    sink_t *self = arg;
    switch ((int) event->type) {
    case ZLOOM_CLIENT_SUBSCRIBED: {
        const int64_t third_ns = (int64_t) (event->lease_ms / 3) * ZLOOM_NS_PER_MS;
        if (event->code != ZLOOM_OK) {
            self->over = event->code;
            snprintf (self->over_text, sizeof self->over_text, "flow %s: %.*s", event->flow,
                      (int) (event->text.size < 160 ? event->text.size : 160),
                      event->text.size > 0 ? (const char *) event->text.data : "");
        } else if (third_ns > 0 && third_ns < self->extend_every_ns) {
            self->extend_every_ns = third_ns;
        }
        break;
    }
    case ZLOOM_CLIENT_GAP:
        zloom_node_gap (&self->gaps, self->args->name, event);
        break;
    case ZLOOM_CLIENT_LOST:
        zloom_log (ZLOOM_LOG_WARN, "sink-router-lost", "sink=%s what=\"waiting for the router\"",
                   self->args->name);
        break;
    default:
        break;
    }
}

static zloom_err_t
s_open_output (sink_t *self)
{
    const zloom_sink_file_t *file = &self->config->file;
    if (self->config->to_stdout) {
        self->output = zloom_output_new (STDOUT_FILENO);
        return ZLOOM_OK;
    }
    zloom_err_t err =
      zloom_output_open (file->path, file->fsync != ZLOOM_FSYNC_NEVER, &self->output);
    if (err != ZLOOM_OK || !zloom_output_is_file (self->output)) {
        return err;
    }
    char *state = zloom_format ("%s/%s", self->args->state_dir, self->args->name);
    err = zloom_private_directory (state);
    if (err == ZLOOM_OK) {
        self->receipts = zloom_receipts_open (state, file->path);
    }
    free (state);
    return err;
}

static zloom_err_t
s_subscribe (sink_t *self)
{
    const zloom_recipe_t *recipe = self->args->recipe;
    self->handle_count = zloom_recipe_in_count (recipe, self->args->node);
    self->handles = zloom_alloc ((self->handle_count + 1) * sizeof *self->handles);
    return zloom_node_subscribe (self->client, self->args, self->config->prefetch,
                                 zloom_time_add (s_now (), SUBSCRIBE_NS), self->handles);
}

static zloom_err_t
s_open (sink_t *self)
{
    const bool alone = !self->config->to_stdout && self->config->file.fsync == ZLOOM_FSYNC_ALWAYS;
    self->hand_limit = alone ? 1 : (size_t) self->config->prefetch;
    self->hand = zloom_alloc (self->hand_limit * sizeof *self->hand);
    self->extend_every_ns = EXTEND_NS;
    zloom_err_t err = s_open_output (self);
    if (err == ZLOOM_OK) {
        const zloom_client_options_t options = {.role = "sink"};
        err = zloom_node_join (self->args, &options, s_event, self, &self->stop, ZLOOM_NEVER,
                               &self->client);
    }
    return err == ZLOOM_OK ? s_subscribe (self) : err;
}

static void
s_close (sink_t *self)
{
    if (self->client) {
        /* Leases go back at once with the goodbye; what was settled is said before it. */
        (void) zloom_client_close (&self->client, zloom_time_add (s_now (), LEAVE_NS));
    }
    zloom_output_destroy (&self->output);
    zloom_receipts_destroy (&self->receipts);
    free (self->handles);
    free (self->hand);
}

/* ---- settling ------------------------------------------------------------------------------- */

static void
s_settle (sink_t *self, const zloom_message_t *message, zloom_verdict_t verdict,
          zloom_cause_t cause)
{
    const zloom_settlement_t settlement = {
      .verdict = verdict, .delay_ms = ZLOOM_DELAY_UNSET, .cause = cause};
    (void) zloom_client_core_settle (zloom_client_core (self->client), &message, &settlement);
}

static const zloom_cause_t s_no_cause = {.exit = -1};

static void
s_settle_hand (sink_t *self, zloom_verdict_t verdict)
{
    for (size_t i = 0; i < self->hand_count; i++) {
        s_settle (self, self->hand[i], verdict, s_no_cause);
    }
    self->hand_count = 0;
    if (self->receipts) {
        zloom_receipts_done (self->receipts, verdict == ZLOOM_VERDICT_ACK);
    }
}

/* A stream may take its time: the messages in hand stay ours. */
static void
s_extend_hand (sink_t *self, int64_t now_ns)
{
    if (self->hand_count == 0 || now_ns < self->extend_ns) {
        return;
    }
    self->extend_ns = zloom_time_add (now_ns, self->extend_every_ns);
    for (size_t i = 0; i < self->hand_count; i++) {
        (void) zloom_client_core_progress (zloom_client_core (self->client), self->hand[i], 0);
    }
}

/* ---- trouble -------------------------------------------------------------------------------- */

static void
s_hold (sink_t *self, bool hold)
{
    for (size_t i = 0; i < self->handle_count; i++) {
        (void) zloom_client_core_hold (zloom_client_core (self->client), self->handles[i], hold);
    }
    self->held = hold;
}

static void
s_trouble (sink_t *self, zloom_err_t err)
{
    if (self->backoff_ns == 0) {
        zloom_log (ZLOOM_LOG_ERROR, "sink-stuck", "sink=%s error=%s note=\"%s\" do=\"%s\"",
                   self->args->name, zloom_err_name (err), zloom_note (),
                   err == ZLOOM_DISK_FULL ? "make room; the sink goes on by itself, nothing is lost"
                                          : "look after the disk; the sink goes on by itself");
        self->backoff_ns = BACKOFF_FIRST_NS;
    } else {
        self->backoff_ns =
          2 * self->backoff_ns < BACKOFF_LAST_NS ? 2 * self->backoff_ns : BACKOFF_LAST_NS;
    }
    self->retry_ns = zloom_time_add (s_now (), self->backoff_ns);
    if (zloom_output_pending (self->output) == 0) {
        s_settle_hand (self, ZLOOM_VERDICT_RELEASE);
    }
    s_hold (self, true);
}

static void
s_well (sink_t *self)
{
    if (self->backoff_ns > 0) {
        zloom_log (ZLOOM_LOG_INFO, "sink-goes-on", "sink=%s", self->args->name);
        self->backoff_ns = 0;
        self->retry_ns = 0;
    }
    if (self->held) {
        s_hold (self, false);
    }
}

/* ---- working -------------------------------------------------------------------------------- */

static void
s_take_one (sink_t *self, const zloom_message_t *message)
{
    if (self->receipts && zloom_receipts_has (self->receipts, message)) {
        s_settle (self, message, ZLOOM_VERDICT_ACK, s_no_cause);
        self->again++;
        return;
    }
    if (zloom_output_add (self->output, zloom_bytes (message->body, message->body_size)) !=
        ZLOOM_OK) {
        const zloom_cause_t cause = {.reason = zloom_bytes_text ("malformed"),
                                     .exit = -1,
                                     .text = zloom_bytes_text (zloom_note ())};
        s_settle (self, message, ZLOOM_VERDICT_REJECT, cause);
        self->rejected++;
        return;
    }
    if (self->receipts) {
        zloom_receipts_add (self->receipts, message);
    }
    self->hand[self->hand_count++] = message;
}

static void
s_take (sink_t *self)
{
    const zloom_message_t *message;
    while (self->hand_count < self->hand_limit && zloom_client_take (self->client, 0, &message)) {
        s_take_one (self, message);
    }
    self->extend_ns = zloom_time_add (s_now (), self->extend_every_ns);
}

/* A file's batch is named before it is written. Going on without costs a double at the worst. */
static zloom_err_t
s_write_batch (sink_t *self)
{
    if (self->receipts) {
        uint64_t inode = 0;
        uint64_t base = 0;
        const zloom_err_t err = zloom_output_begin (self->output, &inode, &base);
        if (err != ZLOOM_OK) {
            return err;
        }
        const bool kept = zloom_receipts_keep (self->receipts, inode, base) == ZLOOM_OK;
        if (!kept && !self->unkept) {
            zloom_log (ZLOOM_LOG_WARN, "sink-no-receipts",
                       "sink=%s note=\"%s\" what=\"a line may stand twice after a crash\"",
                       self->args->name, zloom_note ());
        }
        self->unkept = !kept;
    }
    return zloom_output_write (self->output);
}

/* Write what is in hand. OK with messages still in hand: it takes its time, or there is trouble. */
static zloom_err_t
s_write (sink_t *self)
{
    const zloom_err_t err = s_write_batch (self);
    switch ((int) err) {
    case ZLOOM_OK:
        self->lines += self->hand_count;
        s_settle_hand (self, ZLOOM_VERDICT_ACK);
        s_well (self);
        break;
    case ZLOOM_AGAIN:
        break;
    case ZLOOM_DISK_FULL:
    case ZLOOM_DISK:
        s_trouble (self, err);
        break;
    default:
        return err;
    }
    return ZLOOM_OK;
}

/* Batches until nothing waits, or frames have to move. *moved gets true: look again. */
static zloom_err_t
s_work (sink_t *self, bool taking, bool *moved)
{
    const int64_t began_ns = s_now ();
    zloom_err_t err = ZLOOM_OK;
    s_extend_hand (self, began_ns);
    if (began_ns < self->retry_ns) {
        return ZLOOM_OK;
    }
    if (self->held && self->hand_count == 0 && taking) {
        s_hold (self, false);
        *moved = true;
    }
    do {
        if (self->hand_count == 0 && taking) {
            s_take (self);
        }
        if (self->hand_count == 0) {
            break;
        }
        err = s_write (self);
        *moved = *moved || self->hand_count == 0;
    } while (err == ZLOOM_OK && self->hand_count == 0 && self->backoff_ns == 0 &&
             s_now () - began_ns < WORK_NS);
    return err;
}

static zloom_err_t
s_wait (sink_t *self, int64_t until_ns)
{
    const bool slow = self->hand_count > 0 && self->backoff_ns == 0;
    int64_t wake_ns = until_ns;
    if (self->backoff_ns > 0 && (self->held || self->hand_count > 0) && self->retry_ns < wake_ns) {
        wake_ns = self->retry_ns;
    }
    if (self->hand_count > 0 && self->extend_ns < wake_ns) {
        wake_ns = self->extend_ns;
    }
    zloom_poll_item_t items[] = {
      {.fd = zloom_client_fd (self->client)},
      {.fd = zloom_stop_fd (&self->stop)},
      {.fd = slow ? zloom_output_fd (self->output) : -1, .write = true},
    };
    return zloom_poll (items, sizeof items / sizeof *items, wake_ns);
}

/* One round; sleeps at its end if there is nothing to do. */
static zloom_err_t
s_round (sink_t *self, bool taking, int64_t until_ns)
{
    zloom_err_t err = zloom_client_dispatch (self->client);
    if (err == ZLOOM_OK && self->over != ZLOOM_OK) {
        err = zloom_fail (self->over, "%s", self->over_text);
    }
    bool moved = false;
    if (err == ZLOOM_OK) {
        err = s_work (self, taking, &moved);
    }
    return err == ZLOOM_OK && !moved ? s_wait (self, until_ns) : err;
}

/* What is in hand is written and settled, the rest goes back. */
static zloom_err_t
s_drain (sink_t *self)
{
    const int64_t deadline_ns = zloom_time_add (s_now (), self->args->drain_ns);
    zloom_client_core_t *core = zloom_client_core (self->client);
    zloom_log (ZLOOM_LOG_INFO, "sink-drain", "sink=%s", self->args->name);
    s_hold (self, true);
    zloom_err_t err = ZLOOM_OK;
    while (err == ZLOOM_OK && (self->hand_count > 0 || zloom_client_core_pending (core) > 0) &&
           s_now () < deadline_ns && zloom_stop_read (&self->stop) != ZLOOM_STOP_NOW) {
        err = s_round (self, false, deadline_ns);
    }
    return err;
}

static zloom_err_t
s_serve (sink_t *self)
{
    zloom_log (ZLOOM_LOG_INFO, "sink-ready", "sink=%s file=%s flows=%zu", self->args->name,
               self->config->to_stdout ? "-" : self->config->file.path, self->handle_count);
    zloom_ready_tell (self->args->ready_fd);
    zloom_err_t err = ZLOOM_OK;
    while (err == ZLOOM_OK && zloom_stop_read (&self->stop) == ZLOOM_STOP_NO) {
        err = s_round (self, true, ZLOOM_NEVER);
    }
    if (err == ZLOOM_OK && self->stop.state == ZLOOM_STOP_DRAIN) {
        err = s_drain (self);
    }
    if (err == ZLOOM_OK && self->stop.state == ZLOOM_STOP_NOW) {
        zloom_client_kill (&self->client);
    }
    return err;
}

zloom_err_t
zloom_sink_run (const zloom_node_args_t *args)
{
    if (!args->recipe || !args->node || args->node->kind->id != ZLOOM_NODE_SINK) {
        return zloom_fail (ZLOOM_INVALID, "this node is not a sink");
    }
    sink_t self = {.args = args, .config = args->node->config};
    zloom_stop_init (&self.stop, args->stop_fd);
    zloom_err_t err = s_open (&self);
    if (err == ZLOOM_OK) {
        err = s_serve (&self);
    } else if (err == ZLOOM_CLOSED && self.stop.state != ZLOOM_STOP_NO) {
        err = ZLOOM_OK;
    }
    char note[ZLOOM_NOTE_BYTES];
    snprintf (note, sizeof note, "%s", err == ZLOOM_OK ? "" : zloom_note ());
    zloom_log (ZLOOM_LOG_INFO, "sink-end",
               "sink=%s lines=%" PRIu64 " again=%" PRIu64 " rejected=%" PRIu64, args->name,
               self.lines, self.again, self.rejected);
    s_close (&self);
    return err == ZLOOM_OK ? ZLOOM_OK : zloom_fail (err, "sink %s: %s", args->name, note);
}
