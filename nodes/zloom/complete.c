/* SPDX-License-Identifier: MPL-2.0 */
/* complete.c - completions for bash, zsh and fish from the tables of commands and options. */
#include <string.h>

#include "manual.h"

#define HEAD "written from nodes/zloom/commands.def; the test cli.reference compares.\n"

/* What an option's value, or a command's words, are completed with. */
typedef enum { NOTHING, FILES, FOLDERS, RECIPES, COMMANDS, CHOICE } kind_t;

/* The words that an option's help or a usage offers: "text, json or jsonl", "ls|show FLOW". */
static void
s_add_choices (zloom_buf_t *out, const char *text, const char *ends)
{
    const char *gap = "";
    for (const char *at = text; *at && !strchr (ends, *at);) {
        const size_t size = strcspn (at, ", |;(");
        if (size > 0 && strncmp (at, "or ", 3) != 0) {
            zloom_buf_add_text (out, gap);
            zloom_buf_add (out, at, size);
            gap = " ";
        }
        at += size;
        at += *at && !strchr (ends, *at) ? 1 : 0;
    }
}

static bool
s_offers_words (const zloom_command_t *command)
{
    const char *bar = strchr (command->usage, '|');
    return bar && bar < command->usage + strcspn (command->usage, " [-");
}

/* The value's name in help tells: FILE, DIR, or the forms of output. */
static kind_t
s_value_kind (const zloom_option_t *option)
{
    if (!option->value) {
        return NOTHING;
    }
    if (strcmp (option->name, "output") == 0) {
        return CHOICE;
    }
    return strcmp (option->value, "FILE") == 0  ? FILES
           : strcmp (option->value, "DIR") == 0 ? FOLDERS
                                                : NOTHING;
}

static kind_t
s_word_kind (const zloom_command_t *command)
{
    if (s_offers_words (command)) {
        return CHOICE;
    }
    if (strstr (command->usage, "RECIPE") || strstr (command->usage, "TOPOLOGY")) {
        return RECIPES;
    }
    if (strstr (command->usage, "COMMAND")) {
        return COMMANDS;
    }
    return strncmp (command->usage, "DIR", 3) == 0 ? FOLDERS : NOTHING;
}

/* Between single quotes of a shell; in zsh's lists a colon and brackets mean something, too. */
static void
s_add_quoted (zloom_buf_t *out, const char *text, const char *special)
{
    for (const char *at = text; *at; at++) {
        if (*at == '\'') {
            zloom_buf_add_text (out, "'\\''");
            continue;
        }
        zloom_buf_add_text (out, strchr (special, *at) ? "\\" : "");
        zloom_buf_add (out, at, 1);
    }
}

static void
s_add_names (zloom_buf_t *out)
{
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        zloom_buf_printf (out, "%s%s", at == zloom_commands ? "" : " ", at->name);
    }
}

/* ---- bash ----------------------------------------------------------------------------------- */

/* `choices` is where the words of a CHOICE stand. */
static void
s_bash_action (zloom_buf_t *out, kind_t kind, const char *choices, const char *ends)
{
    switch (kind) {
    case FILES:
        zloom_buf_add_text (out, "mapfile -t COMPREPLY < <(compgen -f -- \"$word\")");
        break;
    case FOLDERS:
        zloom_buf_add_text (out, "mapfile -t COMPREPLY < <(compgen -d -- \"$word\")");
        break;
    case RECIPES:
        zloom_buf_add_text (out, "_zloom_recipes");
        break;
    case COMMANDS:
        zloom_buf_add_text (out, "COMPREPLY=($(compgen -W \"$commands\" -- \"$word\"))");
        break;
    case CHOICE:
        zloom_buf_add_text (out, "COMPREPLY=($(compgen -W '");
        s_add_choices (out, choices, ends);
        zloom_buf_add_text (out, "' -- \"$word\"))");
        break;
    case NOTHING:
        zloom_buf_add_text (out, "COMPREPLY=()");
        break;
    }
}

static void
s_bash_command (zloom_buf_t *out, const zloom_command_t *command)
{
    zloom_buf_printf (out, "        %s)\n            case $before in\n", command->name);
    for (const zloom_option_t *at = command->options; at->name; at++) {
        if (!at->value) {
            continue;
        }
        zloom_buf_add_text (out, "                ");
        if (at->letter) {
            zloom_buf_printf (out, "-%c|", at->letter);
        }
        zloom_buf_printf (out, "--%s) ", at->name);
        s_bash_action (out, s_value_kind (at), at->help, ";(");
        zloom_buf_add_text (out, "; return ;;\n");
    }
    zloom_buf_add_text (out, "            esac\n            options='");
    for (const zloom_option_t *at = command->options; at->name; at++) {
        zloom_buf_printf (out, "%s--%s", at == command->options ? "" : " ", at->name);
    }
    zloom_buf_add_text (out, "'\n            [[ $word == -* ]] || { ");
    s_bash_action (out, s_word_kind (command), command->usage, " ");
    zloom_buf_add_text (out, "; return; }\n            ;;\n");
}

void
zloom_complete_bash (zloom_buf_t *out)
{
    zloom_buf_add_text (out, "# SPDX-License-Identifier: MPL-2.0\n# For bash: " HEAD
                             "_zloom_recipes () {\n"
                             "    mapfile -t COMPREPLY < <(compgen -f -X '!*.y?(a)ml' -- "
                             "\"$word\"\n"
                             "                             compgen -d -- \"$word\")\n"
                             "}\n"
                             "_zloom () {\n"
                             "    local word=${COMP_WORDS[COMP_CWORD]} before options\n"
                             "    before=${COMP_WORDS[COMP_CWORD - 1]}\n"
                             "    local commands='");
    s_add_names (out);
    zloom_buf_add_text (out, "'\n"
                             "    if ((COMP_CWORD == 1)); then\n"
                             "        COMPREPLY=($(compgen -W \"$commands\" -- \"$word\"))\n"
                             "        return\n"
                             "    fi\n"
                             "    COMPREPLY=()\n"
                             "    case ${COMP_WORDS[1]} in\n");
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        s_bash_command (out, at);
    }
    zloom_buf_add_text (out, "        *) return ;;\n"
                             "    esac\n"
                             "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
                             "}\n"
                             "shopt -s extglob\n"
                             "complete -o filenames -F _zloom zloom\n");
}

/* ---- zsh ------------------------------------------------------------------------------------ */

static void
s_zsh_action (zloom_buf_t *out, kind_t kind, const char *choices, const char *ends)
{
    switch (kind) {
    case FILES:
        zloom_buf_add_text (out, "_files");
        break;
    case FOLDERS:
        zloom_buf_add_text (out, "_files -/");
        break;
    case RECIPES:
        zloom_buf_add_text (out, "_files -g \"*.(yaml|yml)\"");
        break;
    case COMMANDS:
        zloom_buf_add_text (out, "_zloom_commands");
        break;
    case CHOICE:
        zloom_buf_add_text (out, "(");
        s_add_choices (out, choices, ends);
        zloom_buf_add_text (out, ")");
        break;
    case NOTHING:
        zloom_buf_add_text (out, " ");
        break;
    }
}

/* '--name[help]:VALUE:action', and the same with its letter. */
static void
s_zsh_option (zloom_buf_t *out, const zloom_option_t *option)
{
    for (int pass = option->letter ? 0 : 1; pass < 2; pass++) {
        zloom_buf_add_text (out, " \\\n                '");
        if (pass == 0) {
            zloom_buf_printf (out, "-%c[", option->letter);
        } else {
            zloom_buf_printf (out, "*--%s[", option->name);
        }
        s_add_quoted (out, option->help, "[]:\\");
        zloom_buf_add_text (out, "]");
        if (option->value) {
            zloom_buf_add_text (out, ":");
            s_add_quoted (out, option->value, "[]:\\");
            zloom_buf_add_text (out, ":");
            s_zsh_action (out, s_value_kind (option), option->help, ";(");
        }
        zloom_buf_add_text (out, "'");
    }
}

void
zloom_complete_zsh (zloom_buf_t *out)
{
    zloom_buf_add_text (out, "#compdef zloom\n# SPDX-License-Identifier: MPL-2.0\n# For zsh: " HEAD
                             "_zloom_commands () {\n    local -a commands=(\n");
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        zloom_buf_printf (out, "        '%s:", at->name);
        s_add_quoted (out, at->summary, ":\\");
        zloom_buf_add_text (out, "'\n");
    }
    zloom_buf_add_text (out, "    )\n    _describe command commands\n}\n"
                             "_zloom () {\n"
                             "    if (( CURRENT == 2 )); then\n"
                             "        _zloom_commands\n"
                             "        return\n"
                             "    fi\n"
                             "    shift words\n"
                             "    (( CURRENT-- ))\n"
                             "    case $words[1] in\n");
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        zloom_buf_printf (out, "        %s)\n            _arguments -s", at->name);
        for (const zloom_option_t *option = at->options; option->name; option++) {
            s_zsh_option (out, option);
        }
        zloom_buf_add_text (out, " \\\n                '*:word:");
        s_zsh_action (out, s_word_kind (at), at->usage, " ");
        zloom_buf_add_text (out, "'\n            ;;\n");
    }
    zloom_buf_add_text (out, "    esac\n}\n_zloom \"$@\"\n");
}

/* ---- fish ----------------------------------------------------------------------------------- */

static void
s_fish_action (zloom_buf_t *out, kind_t kind, const char *choices, const char *ends)
{
    switch (kind) {
    case FILES:
        zloom_buf_add_text (out, " -F");
        break;
    case FOLDERS:
        zloom_buf_add_text (out, " -a '(__fish_complete_directories)'");
        break;
    case RECIPES:
        zloom_buf_add_text (out, " -a '(__fish_complete_suffix .yaml)'");
        break;
    case COMMANDS:
        zloom_buf_add_text (out, " -a \"$zloom_commands\"");
        break;
    case CHOICE:
        zloom_buf_add_text (out, " -a '");
        s_add_choices (out, choices, ends);
        zloom_buf_add_text (out, "'");
        break;
    case NOTHING:
        break;
    }
}

void
zloom_complete_fish (zloom_buf_t *out)
{
    zloom_buf_add_text (out, "# SPDX-License-Identifier: MPL-2.0\n# For fish: " HEAD
                             "set -l zloom_commands ");
    s_add_names (out);
    zloom_buf_add_text (out, "\ncomplete -c zloom -f\n");
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        zloom_buf_printf (out, "complete -c zloom -n __fish_use_subcommand -a %s -d '", at->name);
        s_add_quoted (out, at->summary, "\\");
        zloom_buf_add_text (out, "'\n");
        if (s_word_kind (at) != NOTHING) {
            zloom_buf_printf (out, "complete -c zloom -n '__fish_seen_subcommand_from %s'",
                              at->name);
            s_fish_action (out, s_word_kind (at), at->usage, " ");
            zloom_buf_add_text (out, "\n");
        }
        for (const zloom_option_t *option = at->options; option->name; option++) {
            zloom_buf_printf (out, "complete -c zloom -n '__fish_seen_subcommand_from %s' -l %s",
                              at->name, option->name);
            if (option->letter) {
                zloom_buf_printf (out, " -s %c", option->letter);
            }
            zloom_buf_add_text (out, option->value ? " -r" : "");
            s_fish_action (out, s_value_kind (option), option->help, ";(");
            zloom_buf_add_text (out, " -d '");
            s_add_quoted (out, option->help, "\\");
            zloom_buf_add_text (out, "'\n");
        }
    }
}
