/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_logs.c - `logs`: what nodes and supervisor said, from the files in the state folder. */
#include "commands.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/units.h"
#include "base/when.h"
#include "control.h"
#include "logs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define LINES_DEFAULT 100
#define LINES_MOST 1000000
/* Names of units that are kept to tell what there is. */
#define UNITS_MOST 64
#define DAY_NS (24 * 3600 * ZLOOM_NS_PER_S)

typedef struct {
    const zloom_cli_t *cli;
    zloom_output_t output;
    const char *node;  /* "": all */
    char since[32];    /* as stamps are written; "" is from the start */
    bool ripe;         /* a line from then on was seen */
    bool known;        /* the node that is asked for has said something, or runs */
    int64_t most;      /* of the last lines; they are kept until all is read */
    bool follows;      /* all that was there is printed: each line goes out at once */
    zloom_buf_t *kept; /* a ring of `most` lines, as they are printed */
    int64_t count;
    char units[UNITS_MOST][ZLOOM_NAME_MAX + 24];
    size_t unit_count;
    int code;
} s_logs_t;

/* ---- lines ---------------------------------------------------------------------------------- */

/* The unit itself, or a replica of the node: "charge" is also "charge.2". */
static bool
s_is_of (const s_logs_t *self, zloom_bytes_t unit)
{
    const size_t size = strlen (self->node);
    return size == 0 || (unit.size >= size && memcmp (unit.data, self->node, size) == 0 &&
                         (unit.size == size || unit.data[size] == '.'));
}

static void
s_remember (s_logs_t *self, zloom_bytes_t unit)
{
    self->known = self->known || s_is_of (self, unit);
    for (size_t i = 0; i < self->unit_count; i++) {
        if (zloom_bytes_equal (unit, zloom_bytes_text (self->units[i]))) {
            return;
        }
    }
    if (self->unit_count < UNITS_MOST) {
        (void) snprintf (self->units[self->unit_count++], sizeof *self->units, "%.*s",
                         (int) unit.size, (const char *) unit.data);
    }
}

static void
s_compose (const s_logs_t *self, const zloom_log_line_t *line, zloom_buf_t *out)
{
    if (self->output == ZLOOM_OUTPUT_TEXT) {
        zloom_buf_add_bytes (out, line->whole);
        zloom_buf_add_text (out, "\n");
        return;
    }
    json_t *object = json_object ();
    json_object_set_new (object, "time",
                         line->time.size ? zloom_print_text (line->time) : json_null ());
    json_object_set_new (object, "unit", zloom_print_text (line->unit));
    json_object_set_new (object, "text", zloom_print_text (line->text));
    char *text = json_dumps (object, JSON_COMPACT);
    json_decref (object);
    zloom_buf_printf (out, "%s\n", text ? text : "");
    free (text);
}

static bool
s_take (void *arg, const zloom_log_line_t *line)
{
    s_logs_t *self = arg;
    s_remember (self, line->unit);
    /* Stamps of one form sort as text; a line without one belongs to the one before. */
    if (!self->ripe && line->time.size > 0) {
        self->ripe = memcmp (line->time.data, self->since, strlen (self->since)) >= 0;
    }
    if (!self->ripe || !s_is_of (self, line->unit)) {
        return true;
    }
    if (self->follows) {
        zloom_buf_t out = {0};
        s_compose (self, line, &out);
        self->code = zloom_cli_write (self->cli, zloom_buf_bytes (&out));
        zloom_buf_fini (&out);
        return self->code == ZLOOM_EXIT_OK;
    }
    if (self->most > 0) {
        zloom_buf_t *place = &self->kept[self->count++ % self->most];
        zloom_buf_clear (place);
        s_compose (self, line, place);
    }
    return true;
}

static void
s_print_kept (s_logs_t *self)
{
    const int64_t first = self->count > self->most ? self->count - self->most : 0;
    zloom_buf_t out = {0};
    json_t *array = self->output == ZLOOM_OUTPUT_JSON ? json_array () : NULL;
    for (int64_t i = first; i < self->count; i++) {
        zloom_buf_t *line = &self->kept[i % self->most];
        if (array) {
            json_array_append_new (array, json_loads (zloom_buf_text (line), 0, NULL));
        } else {
            zloom_buf_add_bytes (&out, zloom_buf_bytes (line));
        }
    }
    self->code = array ? zloom_print_json (self->cli, array, true)
                       : zloom_cli_write (self->cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
}

/* Nodes that run, also those that have not said anything. */
static void
s_remember_running (s_logs_t *self, const zloom_control_t *where)
{
    zloom_control_t control = {.cli = self->cli, .fd = -1, .paths = where->paths};
    json_t *answer = NULL;
    if (zloom_control_connect_to (&control) == ZLOOM_OK &&
        zloom_control_send (&control, "ps", NULL) == ZLOOM_OK &&
        zloom_control_receive (&control, ZLOOM_CLI_WAIT_MS, &answer) == ZLOOM_OK) {
        size_t index = 0;
        json_t *unit = NULL;
        json_array_foreach (json_object_get (answer, "nodes"), index, unit)
        {
            s_remember (self, zloom_bytes_text (zloom_print_string (unit, "unit")));
        }
        json_decref (answer);
    }
    zloom_control_close (&control);
}

static int
s_check_name (s_logs_t *self, const zloom_control_t *where)
{
    if (!self->known) {
        s_remember_running (self, where);
    }
    if (self->known) {
        return ZLOOM_EXIT_OK;
    }
    zloom_buf_t names = {0};
    for (size_t i = 0; i < self->unit_count; i++) {
        zloom_buf_printf (&names, " %s", self->units[i]);
    }
    zloom_cli_say (self->cli, 0, "no node '%s' has said anything; who has:%s", self->node,
                   zloom_buf_text (&names));
    zloom_buf_fini (&names);
    return ZLOOM_EXIT_FAILED;
}

/* ---- following ------------------------------------------------------------------------------ */

/* Until the supervisor has ended (its connection does), somebody interrupts, or stdout is gone. */
static int
s_follow (s_logs_t *self, zloom_logs_t *logs, zloom_control_t *control, int changes)
{
    const int stop_fd = zloom_cli_stop_fd ();
    zloom_err_t err = stop_fd < 0 ? ZLOOM_SYSTEM : zloom_control_connect_to (control);
    if (err != ZLOOM_OK) {
        return zloom_cli_fail (self->cli, err);
    }
    bool on = true;
    self->follows = true;
    while (on && self->code == ZLOOM_EXIT_OK) {
        struct pollfd items[] = {{.fd = changes, .events = POLLIN},
                                 {.fd = stop_fd, .events = POLLIN},
                                 {.fd = control->fd, .events = POLLIN}};
        if (poll (items, 3, -1) < 0 && errno != EINTR) {
            return zloom_cli_say (self->cli, ZLOOM_EXIT_FAILED, "poll failed");
        }
        char events[4096];
        on = !items[1].revents && !items[2].revents;
        if (items[0].revents && read (changes, events, sizeof events) < 0 && errno != EAGAIN) {
            on = false;
        }
        if (items[2].revents) {
            /* It has closed its socket, and says a last word yet. */
            (void) zloom_control_wait_end (control, ZLOOM_CLI_WAIT_MS);
        }
        (void) zloom_logs_read (logs, s_take, self);
    }
    return self->code;
}

static int
s_logs (s_logs_t *self, zloom_control_t *control)
{
    zloom_logs_t logs;
    zloom_logs_init (&logs, control->paths.state);
    /* Watched before it is read, so that nothing falls between. */
    char *folder = zloom_format ("%s/%s", control->paths.state, ZLOOM_LOGFILE_FOLDER);
    const int changes = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
    (void) inotify_add_watch (changes, folder, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    free (folder);
    zloom_err_t err = zloom_logs_read (&logs, s_take, self);
    if (err == ZLOOM_NOT_FOUND) {
        self->code = zloom_cli_say (
          self->cli, ZLOOM_EXIT_FAILED,
          "no logs in %s: `zloom up` and `zloom run --logs` keep them there, a plain `zloom run` "
          "says all on its stderr",
          control->paths.state);
    } else {
        self->code = s_check_name (self, control);
    }
    if (self->code == ZLOOM_EXIT_OK) {
        s_print_kept (self);
    }
    if (self->code == ZLOOM_EXIT_OK && zloom_cli_option (self->cli, "follow")) {
        self->code = s_follow (self, &logs, control, changes);
    }
    if (changes >= 0) {
        close (changes);
    }
    zloom_logs_fini (&logs);
    return self->code;
}

/* ---- what was asked for --------------------------------------------------------------------- */

/* A duration is so long ago; a time of the day is the last such one. */
static bool
s_read_since (s_logs_t *self)
{
    const char *value = zloom_cli_option (self->cli, "since");
    self->ripe = value == NULL;
    if (!value) {
        return true;
    }
    const int64_t now_ns = zloom_clock_now ().wall_ns;
    int64_t since_ns = 0;
    int64_t ago_ns = 0;
    if (zloom_parse_duration (value, &ago_ns) == ZLOOM_OK && ago_ns >= 0) {
        since_ns = ago_ns < now_ns ? now_ns - ago_ns : 0;
    } else if (zloom_parse_when (value, now_ns, &since_ns) != ZLOOM_OK) {
        zloom_cli_say (self->cli, 0,
                       "--since takes a duration like 10m (ago) or a time like 14:05 or "
                       "2026-11-28T14:05:00Z, not '%s'",
                       value);
        return false;
    } else if (since_ns > now_ns && !strpbrk (value, "-T ")) {
        since_ns -= DAY_NS;
    }
    zloom_wall_text (since_ns, self->since);
    return true;
}

/* NODE, TOPOLOGY/NODE or TOPOLOGY/: whose logs, into `control` its folders. */
static int
s_find (s_logs_t *self, zloom_control_t *control)
{
    const char *word = self->cli->word_count ? self->cli->words[0] : "";
    const char *slash = strrchr (word, '/');
    self->node = slash ? slash + 1 : word;
    if (!slash) {
        return zloom_control_find (self->cli, NULL, control);
    }
    char *topology = zloom_memdup_text (word, (size_t) (slash - word));
    const int code = zloom_control_find (self->cli, topology, control);
    free (topology);
    return code;
}

int
zloom_cmd_logs (zloom_cli_t *cli)
{
    s_logs_t self = {.cli = cli, .node = ""};
    const bool since = zloom_cli_option (cli, "since") != NULL;
    if (!zloom_cli_output (cli, &self.output) || !s_read_since (&self) ||
        !zloom_cli_int (cli, "lines", 0, LINES_MOST, since ? LINES_MOST : LINES_DEFAULT,
                        &self.most)) {
        return ZLOOM_EXIT_USAGE;
    }
    if (self.output == ZLOOM_OUTPUT_JSON && zloom_cli_option (cli, "follow")) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "what has no end is no JSON array: -o jsonl");
    }
    zloom_control_t control;
    int code = s_find (&self, &control);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    self.kept = zloom_alloc (((size_t) self.most + 1) * sizeof *self.kept);
    code = s_logs (&self, &control);
    for (int64_t i = 0; i < self.most; i++) {
        zloom_buf_fini (&self.kept[i]);
    }
    free (self.kept);
    zloom_control_close (&control);
    return code;
}
