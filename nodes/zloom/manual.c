/* SPDX-License-Identifier: MPL-2.0 */
/* manual.c - man pages from the tables of commands and options: zloom(1), zloom-COMMAND(1). */
#include "manual.h"

#include <ctype.h>
#include <string.h>

/* The same for each page; no date, so that a page changes only when its command does. */
static void
s_head (zloom_buf_t *out, const char *name, const char *summary)
{
    zloom_buf_add_text (out, ".\\\" SPDX-License-Identifier: MPL-2.0\n"
                             ".\\\" Written from nodes/zloom/commands.def; the test cli.reference "
                             "compares.\n.TH ");
    for (const char *at = name; *at; at++) {
        const char upper = (char) toupper ((unsigned char) *at);
        zloom_buf_add_text (out, *at == '-' ? "\\-" : "");
        zloom_buf_add (out, &upper, *at == '-' ? 0 : 1);
    }
    zloom_buf_add_text (out, " 1 \"\" zloom \"User Commands\"\n.ad l\n.SH NAME\n");
    zloom_man_add (out, name);
    zloom_buf_add_text (out, " \\- ");
    zloom_man_add (out, summary);
    zloom_buf_add_text (out, "\n");
}

void
zloom_man_add (zloom_buf_t *out, const char *text)
{
    bool first = out->size == 0 || out->data[out->size - 1] == '\n';
    for (const char *at = text; *at; at++) {
        if (first && (*at == '.' || *at == '\'')) {
            zloom_buf_add_text (out, "\\&");
        }
        first = *at == '\n';
        if (*at == '\\') {
            zloom_buf_add_text (out, "\\e");
        } else if (*at == '-') {
            zloom_buf_add_text (out, "\\-");
        } else {
            zloom_buf_add (out, at, 1);
        }
    }
}

static void
s_add_options (zloom_buf_t *out, const zloom_command_t *command)
{
    if (command->options->name) {
        zloom_buf_add_text (out, ".SH OPTIONS\n");
    }
    for (const zloom_option_t *at = command->options; at->name; at++) {
        zloom_buf_add_text (out, ".TP\n");
        if (at->letter) {
            zloom_buf_printf (out, "\\fB\\-%c\\fR, ", at->letter);
        }
        zloom_buf_add_text (out, "\\fB\\-\\-");
        zloom_man_add (out, at->name);
        zloom_buf_add_text (out, "\\fR");
        if (at->value) {
            zloom_buf_add_text (out, " \\fI");
            zloom_man_add (out, at->value);
            zloom_buf_add_text (out, "\\fR");
        }
        zloom_buf_add_text (out, "\n");
        zloom_man_add (out, at->help);
        zloom_buf_add_text (out, ".\n");
    }
}

void
zloom_man_command (const zloom_command_t *command, zloom_buf_t *out)
{
    zloom_buf_t name = {0};
    zloom_buf_printf (&name, "zloom-%s", command->name);
    s_head (out, zloom_buf_text (&name), command->summary);
    zloom_buf_fini (&name);
    zloom_buf_add_text (out, ".SH SYNOPSIS\n\\fBzloom ");
    zloom_man_add (out, command->name);
    zloom_buf_add_text (out, "\\fR ");
    zloom_man_add (out, command->usage);
    zloom_buf_add_text (out, "\n");
    if (command->text) {
        zloom_buf_add_text (out, ".SH DESCRIPTION\n.nf\n");
        zloom_man_add (out, command->text);
        zloom_buf_add_text (out, ".fi\n");
    }
    s_add_options (out, command);
    zloom_buf_add_text (out, ".SH SEE ALSO\n.BR zloom (1)\n");
}

/* ---- the page of all ------------------------------------------------------------------------ */

static const char s_synopsis[] =
  ".SH SYNOPSIS\n\\fBzloom\\fR \\fICOMMAND\\fR [\\fIWORDS\\fR] [\\fIOPTIONS\\fR]\n"
  ".SH DESCRIPTION\n"
  "A recipe is one YAML file of nodes and flows. These commands write, check, run and watch it.\n"
  "Data goes to stdout, everything else to stderr. A flow is named \\fIFLOW\\fR, or\n"
  "\\fITOPOLOGY\\fB/\\fIFLOW\\fR when several topologies run.\n"
  "Each command has a page of its own, \\fBzloom\\-\\fICOMMAND\\fR(1).\n"
  ".SH COMMANDS\n";

static const char s_rest[] =
  ".SH EXIT STATUS\n"
  ".TP\n0\nIt was done.\n"
  ".TP\n1\nIt failed; stderr says why.\n"
  ".TP\n2\nThe command line is wrong.\n"
  ".TP\n65\nData is wrong or damaged.\n"
  ".TP\n69\nNothing runs there; or one of several routers does not answer, and what it has is "
  "missing.\n"
  ".TP\n70\nA fault of zloom itself.\n"
  ".TP\n73\nA file or folder cannot be made.\n"
  ".TP\n75\nIt was not done in time; trying again may help.\n"
  ".TP\n77\nNot allowed; or one of several routers does not let this key, and what it has is "
  "missing.\n"
  ".TP\n78\nThe recipe is invalid.\n"
  ".SH ENVIRONMENT\n"
  ".TP\n\\fBXDG_STATE_HOME\\fR\nJournals lie in \\fBzloom/\\fINAME\\fR below it (default\n"
  "\\fB~/.local/state\\fR), unless \\fB\\-\\-state\\fR names a folder.\n"
  ".TP\n\\fBXDG_RUNTIME_DIR\\fR\nSockets lie in \\fBzloom/\\fINAME\\fR below it.\n"
  ".TP\n\\fBNO_COLOR\\fR\nNo colours, whatever the terminal can do.\n"
  ".SH EXAMPLES\n.nf\n"
  "zloom new queue && cd queue && zloom run queue.yaml\n"
  "zloom lint orders.yaml\n"
  "zloom send orders \\(aq{\"customer_id\": 7}\\(aq\n"
  "zloom why orders\n"
  ".fi\n";

void
zloom_man_all (zloom_buf_t *out)
{
    s_head (out, "zloom", "the ways in which systems talk, as recipes on ZeroMQ");
    zloom_buf_add_text (out, s_synopsis);
    const char *group = "";
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        if (strcmp (group, at->group) != 0) {
            group = at->group;
            zloom_buf_printf (out, ".SS %s\n", group);
        }
        zloom_buf_add_text (out, ".TP\n\\fB");
        zloom_man_add (out, at->name);
        zloom_buf_add_text (out, "\\fR ");
        zloom_man_add (out, at->usage);
        zloom_buf_add_text (out, "\n");
        zloom_man_add (out, at->summary);
        zloom_buf_add_text (out, ".\n");
    }
    zloom_buf_add_text (out, s_rest);
    zloom_buf_add_text (out, ".SH SEE ALSO\n");
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        zloom_buf_printf (out, ".BR zloom\\-%s (1)%s\n", at->name, at[1].name ? "," : "");
    }
}
