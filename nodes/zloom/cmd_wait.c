/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_wait.c - `wait`: until a topology is ready, idle, or down. */
#include "commands.h"

#include "base/clock.h"
#include "control.h"

#include <limits.h>
#include <stdlib.h>

static int
s_late (const zloom_cli_t *cli, const char *what)
{
    return zloom_cli_say (cli, ZLOOM_EXIT_TIMED_OUT, "not %s within the timeout", what);
}

/* None is named and none runs: that is down, too, and nothing to complain about. */
static bool
s_nothing_runs (const zloom_cli_t *cli)
{
    char name[ZLOOM_NAME_MAX + 1];
    return cli->word_count == 0 && !zloom_cli_option (cli, "state") && !getenv ("ZLOOM_STATE") &&
           zloom_paths_only (name, sizeof name, "") == ZLOOM_NOT_RUNNING;
}

static int
s_wait_down (const zloom_cli_t *cli, zloom_control_t *control, int64_t wait_ms)
{
    zloom_err_t err = zloom_control_connect_to (control);
    if (err == ZLOOM_NOT_RUNNING && zloom_paths_running (&control->paths) != ZLOOM_OK) {
        return ZLOOM_EXIT_OK;
    }
    if (err == ZLOOM_OK) {
        err = zloom_control_wait_end (control, wait_ms < INT_MAX ? wait_ms : -1);
    }
    if (err == ZLOOM_TIMED_OUT) {
        return s_late (cli, "down");
    }
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (cli, err);
}

static int
s_wait_for (const zloom_cli_t *cli, zloom_control_t *control, const char *what, int64_t wait_ms)
{
    zloom_err_t err = zloom_control_connect_to (control);
    if (err == ZLOOM_OK) {
        err = zloom_control_wait (control, what, NULL, wait_ms);
    }
    if (err == ZLOOM_TIMED_OUT) {
        return s_late (cli, what);
    }
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (cli, err);
}

int
zloom_cmd_wait (zloom_cli_t *cli)
{
    static const char *const whats[] = {"ready", "idle", "down"};
    const char *what = NULL;
    for (size_t i = 0; i < sizeof whats / sizeof *whats; i++) {
        if (zloom_cli_option (cli, whats[i]) && what) {
            return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "wait for one: --%s or --%s", what,
                                  whats[i]);
        }
        what = zloom_cli_option (cli, whats[i]) ? whats[i] : what;
    }
    int64_t timeout_ns = 0;
    if (!zloom_cli_duration (cli, "timeout", ZLOOM_NEVER, &timeout_ns)) {
        return ZLOOM_EXIT_USAGE;
    }
    const bool down = what && what[0] == 'd';
    if (down && s_nothing_runs (cli)) {
        return ZLOOM_EXIT_OK;
    }
    zloom_control_t control;
    int code = zloom_control_find (cli, cli->word_count ? cli->words[0] : NULL, &control);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    const int64_t wait_ms = timeout_ns / ZLOOM_NS_PER_MS;
    code = down ? s_wait_down (cli, &control, wait_ms)
                : s_wait_for (cli, &control, what ? what : "ready", wait_ms);
    zloom_control_close (&control);
    return code;
}
