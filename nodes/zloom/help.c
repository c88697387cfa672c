/* SPDX-License-Identifier: MPL-2.0 */
/* help.c - help grows from the tables of commands and options. */
#include "cli.h"

#include <string.h>

void
zloom_help_all (zloom_buf_t *out, bool all)
{
    zloom_buf_add_text (out, "zloom - the ways in which systems talk, as recipes on ZeroMQ\n\n"
                             "usage: zloom COMMAND [WORDS] [OPTIONS]\n");
    const char *group = "";
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        if (!all && !at->first) {
            continue;
        }
        if (strcmp (group, at->group) != 0) {
            group = at->group;
            zloom_buf_printf (out, "\n%s\n", group);
        }
        zloom_buf_printf (out, "  %-8s %s\n", at->name, at->summary);
    }
    zloom_buf_add_text (out, all ? "\nzloom help COMMAND tells more.\n"
                                 : "\nzloom help --all lists every command, zloom help COMMAND "
                                   "tells more.\n");
}

void
zloom_help_command (const zloom_command_t *command, zloom_buf_t *out)
{
    zloom_buf_printf (out, "%s\n\nusage: zloom %s %s\n", command->summary, command->name,
                      command->usage);
    if (command->options->name) {
        zloom_buf_add_text (out, "\noptions\n");
    }
    for (const zloom_option_t *at = command->options; at->name; at++) {
        zloom_buf_t left = {0};
        if (at->letter) {
            zloom_buf_printf (&left, "-%c, ", at->letter);
        } else {
            zloom_buf_add_text (&left, "    ");
        }
        zloom_buf_printf (&left, "--%s%s%s", at->name, at->value ? " " : "",
                          at->value ? at->value : "");
        zloom_buf_printf (out, "  %-28s %s\n", zloom_buf_text (&left), at->help);
        zloom_buf_fini (&left);
    }
    if (command->text) {
        zloom_buf_printf (out, "\n%s", command->text);
    }
}
