/* SPDX-License-Identifier: MPL-2.0 */
/*
 * cmd_top.c - `top`: a topology on one screen, drawn anew each second; without a terminal, or with
 * -n or -o, looks one after the other as text or JSON.
 */
#include "commands.h"

#include "base/clock.h"
#include "screen.h"
#include "top.h"
#include "view_json.h"
#include "view_read.h"

#include <stdlib.h>
#include <unistd.h>

#define INTERVAL_NS (1 * ZLOOM_NS_PER_S)
#define INTERVAL_LEAST_NS (100 * ZLOOM_NS_PER_MS)
#define INTERVAL_MOST_NS (3600 * ZLOOM_NS_PER_S)

typedef struct {
    const zloom_cli_t *cli;
    zloom_output_t output;
    zloom_looker_t looker;
    int64_t interval_ns;
    int64_t left; /* looks still to be shown; -1: until somebody stops it */
    int stop_fd;
    zloom_view_t before;
    zloom_view_t now;
} s_top_t;

static int
s_look (s_top_t *self)
{
    zloom_view_fini (&self->before);
    self->before = self->now;
    self->now = (zloom_view_t){.at_ns = 0};
    return zloom_looker_look (&self->looker, &self->now);
}

/* ---- looks one after the other -------------------------------------------------------------- */

static int
s_print (s_top_t *self, bool first)
{
    if (self->output != ZLOOM_OUTPUT_TEXT) {
        return zloom_print_json (self->cli, zloom_view_json (&self->before, &self->now),
                                 self->output == ZLOOM_OUTPUT_JSON);
    }
    const zloom_top_size_t size = {.rows = 0};
    zloom_buf_t out = {0};
    zloom_buf_add_text (&out, first ? "" : "\n");
    zloom_top_render (&self->before, &self->now, &size, &out);
    const int code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}

static int
s_list (s_top_t *self)
{
    int code = s_look (self);
    for (bool first = true; code == ZLOOM_EXIT_OK && self->left != 0; first = false) {
        const int64_t next_ns = zloom_time_add (self->now.at_ns, self->interval_ns);
        if (zloom_looker_wait (&self->looker, next_ns, &self->stop_fd, 1) > 0) {
            return ZLOOM_EXIT_OK;
        }
        code = s_look (self);
        code = code ? code : s_print (self, first);
        self->left -= self->left > 0;
    }
    return code ? code : zloom_routers_left_out (&self->looker.routers);
}

/* ---- live ----------------------------------------------------------------------------------- */

static bool
s_colour (void)
{
    const char *no = getenv ("NO_COLOR");
    return !no || !*no;
}

static zloom_err_t
s_draw (const s_top_t *self)
{
    zloom_top_size_t size = {.colour = s_colour ()};
    zloom_buf_t out = {0};
    zloom_screen_size (&size.rows, &size.columns);
    /* What clears the rest of a line clears its last column, too, once that is written. */
    size.columns -= size.columns > 1;
    zloom_top_render (&self->before, &self->now, &size, &out);
    const zloom_err_t err = zloom_screen_draw (zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return err;
}

/* Wait for the next look, drawing anew what is there when the terminal changes; true: to end. */
static bool
s_rest (s_top_t *self, zloom_screen_t *screen)
{
    const int64_t next_ns = zloom_time_add (self->now.at_ns, self->interval_ns);
    const int fds[] = {self->stop_fd, screen->resize_fd, screen->keys ? STDIN_FILENO : -1};
    size_t which = 0;
    while ((which = zloom_looker_wait (&self->looker, next_ns, fds, 3)) > 0) {
        if (which == 1) {
            return true;
        }
        if (which == 2) {
            zloom_screen_resized (screen);
            if (s_draw (self) != ZLOOM_OK) {
                return true;
            }
            continue;
        }
        const int key = zloom_screen_key ();
        if (key == 'q' || key == 'Q' || key < 0) {
            return true;
        }
    }
    return false;
}

static int
s_live (s_top_t *self)
{
    zloom_screen_t screen;
    int code = s_look (self);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    zloom_err_t err = zloom_screen_open (&screen);
    if (err != ZLOOM_OK) {
        return zloom_cli_fail (self->cli, err);
    }
    /* The first look has no rates yet; it stands there until the second has come. */
    err = s_draw (self);
    while (err == ZLOOM_OK && !s_rest (self, &screen)) {
        code = s_look (self);
        if (code != ZLOOM_EXIT_OK) {
            break;
        }
        err = s_draw (self);
    }
    zloom_screen_close (&screen);
    if (code != ZLOOM_EXIT_OK) {
        return zloom_cli_say (self->cli, code, "the topology does not answer any more");
    }
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (self->cli, err);
}

/* ---- the command ---------------------------------------------------------------------------- */

int
zloom_cmd_top (zloom_cli_t *cli)
{
    s_top_t self = {.cli = cli};
    if (!zloom_cli_output (cli, &self.output) ||
        !zloom_cli_int (cli, "count", 1, INT64_MAX, -1, &self.left) ||
        !zloom_cli_duration (cli, "interval", INTERVAL_NS, &self.interval_ns)) {
        return ZLOOM_EXIT_USAGE;
    }
    if (self.interval_ns < INTERVAL_LEAST_NS || self.interval_ns > INTERVAL_MOST_NS) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "--interval is from 100ms to 1h");
    }
    const bool live = self.output == ZLOOM_OUTPUT_TEXT && self.left < 0 && isatty (STDOUT_FILENO);
    if (self.output == ZLOOM_OUTPUT_JSON && self.left > 1) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                              "several looks are no single JSON value: -o jsonl has one a line");
    }
    self.left = live || self.left > 0 ? self.left : 1;
    int code = zloom_looker_open_topology (cli, cli->word_count ? cli->words[0] : NULL,
                                           ZLOOM_CLI_WAIT_MS, &self.looker);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    self.stop_fd = zloom_cli_stop_fd ();
    if (self.stop_fd < 0) {
        code = zloom_cli_fail (cli, ZLOOM_SYSTEM);
    } else {
        code = live ? s_live (&self) : s_list (&self);
    }
    zloom_view_fini (&self.before);
    zloom_view_fini (&self.now);
    zloom_looker_close (&self.looker);
    return code;
}
