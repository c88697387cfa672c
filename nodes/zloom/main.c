/* SPDX-License-Identifier: MPL-2.0 */
/*
 * main.c - the one binary: finds the command, parses its words, runs it. Signals are handled by the
 * commands that stay; czmq's own handlers are switched off here and nowhere else.
 */
#include "commands.h"

#include "base/log.h"
#include "print.h"
#include "recipe/suggest.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <czmq.h>

int
zloom_cmd_version (zloom_cli_t *cli)
{
    char zmq[40];
    char czmq[40];
    int major = 0;
    int minor = 0;
    int patch = 0;
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    if (!zloom_cli_output (cli, &output)) {
        return ZLOOM_EXIT_USAGE;
    }
    zmq_version (&major, &minor, &patch);
    (void) snprintf (zmq, sizeof zmq, "%d.%d.%d", major, minor, patch);
    (void) snprintf (czmq, sizeof czmq, "%d.%d.%d", CZMQ_VERSION_MAJOR, CZMQ_VERSION_MINOR,
                     CZMQ_VERSION_PATCH);
    if (output != ZLOOM_OUTPUT_TEXT) {
        return zloom_print_json (
          cli,
          json_pack ("{s:s, s:s, s:s}", "zloom", ZLOOM_VERSION_TEXT, "libzmq", zmq, "czmq", czmq),
          output == ZLOOM_OUTPUT_JSON);
    }
    zloom_buf_t out = {0};
    zloom_buf_printf (&out, "zloom %s (libzmq %s, czmq %s)\n", ZLOOM_VERSION_TEXT, zmq, czmq);
    int code = zloom_cli_print (cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}

static int
s_unknown (const char *name)
{
    zloom_suggest_t suggest;
    zloom_suggest_init (&suggest, name);
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        zloom_suggest_offer (&suggest, at->name);
    }
    fprintf (stderr, "zloom: no command '%s'%s%s%s; see: zloom help --all\n", name,
             suggest.best ? "; did you mean '" : "", suggest.best ? suggest.best : "",
             suggest.best ? "'?" : "");
    return ZLOOM_EXIT_USAGE;
}

int
main (int argc, char **argv)
{
    zsys_handler_set (NULL);
    zloom_log_set (getenv ("ZLOOM_DEBUG") ? ZLOOM_LOG_DEBUG : ZLOOM_LOG_INFO, zloom_log_stderr,
                   NULL);
    char exe[PATH_MAX];
    ssize_t size = readlink ("/proc/self/exe", exe, sizeof exe - 1);
    if (size <= 0) {
        fprintf (stderr, "zloom: cannot tell where this program is: is /proc mounted?\n");
        return ZLOOM_EXIT_FAILED;
    }
    exe[size] = 0;
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0) {
        name = "help";
    } else if (strcmp (name, "--version") == 0) {
        name = "version";
    }
    const zloom_command_t *command = zloom_command_find (name);
    if (!command) {
        return s_unknown (name);
    }
    zloom_cli_t cli = {.exe = exe};
    int code = zloom_cli_parse (&cli, command, argc > 2 ? argc - 2 : 0, argv + 2);
    if (code == ZLOOM_EXIT_OK && cli.wants_help) {
        zloom_buf_t out = {0};
        zloom_help_command (command, &out);
        fputs (zloom_buf_text (&out), stdout);
        zloom_buf_fini (&out);
        return ZLOOM_EXIT_OK;
    }
    return code == ZLOOM_EXIT_OK ? command->run (&cli) : code;
}
