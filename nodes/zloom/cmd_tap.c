/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_tap.c - `tap`: copies of messages, live or of what waits, without taking anything. */
#include "commands.h"

#include "base/clock.h"
#include "print.h"
#include "session.h"
#include "wire/source.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const zloom_cli_t *cli;
    zloom_output_t output;
    int64_t left; /* messages still to show; -1: no end */
    bool end;     /* the router says that this was all */
    int code;
} s_tap_t;

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    s_tap_t *self = arg;
    if (event->type == ZLOOM_CLIENT_GAP) {
        zloom_bytes_t end = zloom_bytes_text ("end");
        self->end = self->end || zloom_bytes_equal (event->text, end);
        if (event->n > 0) {
            zloom_cli_say (self->cli, 0, "%llu messages from %llu on were not shown: %.*s",
                           (unsigned long long) event->n, (unsigned long long) event->seq,
                           (int) event->text.size, (const char *) event->text.data);
        }
    } else if (event->type == ZLOOM_CLIENT_SUBSCRIBED && event->code != ZLOOM_OK) {
        self->end = true;
    }
}

/* A point in time that the sender named; 0: none. */
static void
s_show_time (json_t *value, const char *name, int64_t wall_ns)
{
    char text[32];
    if (wall_ns) {
        json_object_set_new (value, name, json_string (zloom_wall_text (wall_ns, text)));
    }
}

static int
s_show (const s_tap_t *self, const zloom_message_t *message)
{
    zloom_bytes_t body = zloom_bytes (message->body, message->body_size);
    if (self->output == ZLOOM_OUTPUT_TEXT) {
        zloom_buf_t line = {0};
        zloom_buf_add_bytes (&line, body);
        zloom_buf_add_text (&line, "\n");
        /* A program gets the bytes that were sent, a terminal what it can show. */
        int code = isatty (STDOUT_FILENO) ? zloom_cli_print (self->cli, zloom_buf_bytes (&line))
                                          : zloom_cli_write (self->cli, zloom_buf_bytes (&line));
        zloom_buf_fini (&line);
        return code;
    }
    zloom_origin_t origin = {.producer = zloom_bytes (message->producer, message->producer_size),
                             .id = message->id};
    char id[ZLOOM_ORIGIN_TEXT_BYTES];
    json_t *value = json_pack ("{s:I, s:s}", "seq", (json_int_t) message->seq, "id",
                               zloom_origin_text (&origin, id));
    if (message->topic) {
        json_object_set_new (value, "topic",
                             zloom_print_text (zloom_bytes (message->topic, message->topic_size)));
    }
    if (message->key) {
        json_object_set_new (value, "key",
                             zloom_print_text (zloom_bytes (message->key, message->key_size)));
    }
    if (message->own_id) {
        json_object_set_new (
          value, "own_id", zloom_print_text (zloom_bytes (message->own_id, message->own_id_size)));
    }
    if (message->has_priority) {
        json_object_set_new (value, "priority", json_integer (message->priority));
    }
    s_show_time (value, "due", message->due_wall_ns);
    s_show_time (value, "expires", message->expires_wall_ns);
    json_object_set_new (value, "body", zloom_print_body (body));
    return zloom_print_json (self->cli, value, false);
}

static void
s_take (s_tap_t *self, zloom_client_t *client)
{
    const zloom_message_t *message = NULL;
    while (self->left != 0 && self->code == ZLOOM_EXIT_OK &&
           zloom_client_take (client, 0, &message)) {
        self->code = s_show (self, message);
        self->left -= self->left > 0;
        (void) zloom_client_release (client, &message);
    }
}

static int
s_loop (s_tap_t *self, zloom_client_t *client, int stop_fd)
{
    for (;;) {
        zloom_err_t err = zloom_client_dispatch (client);
        s_take (self, client);
        if (self->code != ZLOOM_EXIT_OK || self->left == 0 || self->end) {
            return self->code;
        }
        if (err != ZLOOM_OK) {
            return zloom_cli_fail (self->cli, err);
        }
        struct pollfd items[2] = {{.fd = zloom_client_fd (client), .events = POLLIN},
                                  {.fd = stop_fd, .events = POLLIN}};
        (void) poll (items, 2, 1000);
        if (items[1].revents) {
            return ZLOOM_EXIT_OK;
        }
    }
}

int
zloom_cmd_tap (zloom_cli_t *cli)
{
    s_tap_t self = {.cli = cli};
    const char *word = zloom_cli_word (cli, 0, "FLOW");
    if (!word || !zloom_cli_output (cli, &self.output) ||
        !zloom_cli_int (cli, "count", 1, INT64_MAX, -1, &self.left)) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_target_t target;
    zloom_client_t *client = NULL;
    zloom_client_options_t options = {.role = "cli"};
    zloom_subscription_options_t take = {
      .flow = target.flow,
      .mode = zloom_cli_option (cli, "waiting") ? ZLOOM_MODE_BROWSE : ZLOOM_MODE_TAP,
      .prefetch = 1000};
    const char *topic = zloom_cli_option (cli, "topic");
    take.patterns = &topic;
    take.pattern_count = topic ? 1 : 0;
    uint32_t handle = 0;
    int stop_fd = zloom_cli_stop_fd ();
    int code = zloom_session_open_with (cli, word, &options, s_event, &self, &target, &client);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    zloom_err_t err = stop_fd < 0 ? ZLOOM_SYSTEM : ZLOOM_OK;
    if (err == ZLOOM_OK) {
        err =
          zloom_client_subscribe_with (client, &take, zloom_deadline (ZLOOM_CLI_WAIT_MS), &handle);
    }
    code = err == ZLOOM_OK ? s_loop (&self, client, stop_fd) : zloom_cli_fail (cli, err);
    (void) zloom_client_close (&client, zloom_deadline (1000));
    return code;
}
