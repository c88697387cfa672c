/* SPDX-License-Identifier: MPL-2.0 */
/* help.c - help grows from the tables of commands and options. */
#include "cli.h"

#include <ctype.h>
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

/* ---- the reference page --------------------------------------------------------------------- */

static const char s_head[] =
  "# Commands\n"
  "\n"
  "<!-- Written from nodes/zloom/commands.def and commands.c; do not edit by hand. The test\n"
  "     cli.reference fails when it differs, and ZLOOM_UPDATE=1 writes it anew. -->\n"
  "\n"
  "`zloom COMMAND [WORDS] [OPTIONS]`. Data goes to stdout, everything else to stderr. `zloom help\n"
  "COMMAND` says the same as this page. What exit codes mean stands in\n"
  "[operations.md](operations.md#9-exit-codes).\n"
  "\n"
  "Where a topology has several routers, a command for one flow or node needs the router of that "
  "one\n"
  "only. A command for all of it (`stats`, `top`, `why`, `dlq ls` and `group ls` without a flow, "
  "`trace\n"
  "ID`, `resume` and `drain` without a word) shows, or does, what it can: exit code 0 says that "
  "this is\n"
  "the whole; 69 that a router does not answer, 77 that one does not let this key, and stderr "
  "names it.\n";

/* Text in a cell: a | would end it. */
static void
s_add_cell (zloom_buf_t *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        zloom_buf_add_text (out, *at == '|' ? "\\" : "");
        zloom_buf_add (out, at, 1);
    }
}

static void
s_add_command (const zloom_command_t *command, zloom_buf_t *out)
{
    zloom_buf_printf (out, "\n### `zloom %s`\n\n`zloom %s%s%s`: %s.\n", command->name,
                      command->name, command->usage[0] ? " " : "", command->usage,
                      command->summary);
    if (command->options->name) {
        zloom_buf_add_text (out, "\n| option | what it does |\n|---|---|\n");
    }
    for (const zloom_option_t *at = command->options; at->name; at++) {
        zloom_buf_add_text (out, "| `");
        if (at->letter) {
            zloom_buf_printf (out, "-%c`, `", at->letter);
        }
        zloom_buf_printf (out, "--%s%s%s` | ", at->name, at->value ? " " : "",
                          at->value ? at->value : "");
        s_add_cell (out, at->help);
        zloom_buf_add_text (out, " |\n");
    }
    if (command->text) {
        zloom_buf_printf (out, "\n```text\n%s```\n", command->text);
    }
}

void
zloom_help_markdown (zloom_buf_t *out)
{
    zloom_buf_add_text (out, s_head);
    const char *group = "";
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        if (strcmp (group, at->group) != 0) {
            group = at->group;
            zloom_buf_printf (out, "\n## %c%s\n", toupper ((unsigned char) group[0]), group + 1);
        }
        s_add_command (at, out);
    }
}
