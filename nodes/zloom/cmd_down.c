/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_down.c - `down`: a running topology drains and stops, and the command waits for it. */
#include "commands.h"

#include "base/clock.h"
#include "control.h"

/* What the supervisor's process may take to end, when its nodes have. */
#define BEYOND_MS 30000

/* 75 when some had to be killed, as a supervisor in the foreground would end. */
static int
s_report (const zloom_control_t *self, json_t *answer, zloom_output_t output)
{
    const bool by_force = json_is_true (json_object_get (answer, "by_force"));
    if (by_force) {
        zloom_cli_say (self->cli, 0, "%s", zloom_print_string (answer, "text"));
    }
    int code = ZLOOM_EXIT_OK;
    if (output != ZLOOM_OUTPUT_TEXT) {
        json_object_del (answer, "ok");
        json_object_set_new (answer, "pid", json_integer (self->pid));
        code = zloom_print_json (self->cli, json_incref (answer), output == ZLOOM_OUTPUT_JSON);
    }
    return by_force ? ZLOOM_EXIT_TIMED_OUT : code;
}

static int
s_down (zloom_control_t *self, json_t *args, zloom_output_t output)
{
    json_t *answer = NULL;
    zloom_err_t err = zloom_control_send (self, "down", args);
    if (err == ZLOOM_OK) {
        err = zloom_control_receive (self, ZLOOM_CLI_WAIT_MS, &answer);
    }
    if (err == ZLOOM_OK) {
        const int64_t limit_ms = zloom_print_int (answer, "limit_ms");
        json_decref (answer);
        err = zloom_control_receive (self, limit_ms + BEYOND_MS, &answer);
    }
    if (err != ZLOOM_OK) {
        return zloom_cli_fail (self->cli, err);
    }
    err = zloom_control_wait_end (self, BEYOND_MS);
    const int code =
      err == ZLOOM_OK ? s_report (self, answer, output) : zloom_cli_fail (self->cli, err);
    json_decref (answer);
    return code;
}

int
zloom_cmd_down (zloom_cli_t *cli)
{
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    int64_t grace_ns = 0;
    if (!zloom_cli_output (cli, &output) || !zloom_cli_duration (cli, "grace", -1, &grace_ns)) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_control_t control;
    int code = zloom_control_open (cli, cli->word_count ? cli->words[0] : NULL, &control);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    json_t *args = json_object ();
    if (grace_ns >= 0) {
        json_object_set_new (args, "grace_ms", json_integer (grace_ns / ZLOOM_NS_PER_MS));
    }
    if (zloom_cli_option (cli, "now")) {
        json_object_set_new (args, "now", json_true ());
    }
    code = s_down (&control, args, output);
    zloom_control_close (&control);
    return code;
}
