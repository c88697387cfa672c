/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_help.c - `help`: the tables of commands and options, for people and programs. */
#include "commands.h"

#include "print.h"

/* ---- help ----------------------------------------------------------------------------------- */

static json_t *
s_text (const char *text)
{
    return text ? json_string (text) : json_null ();
}

static json_t *
s_option_json (const zloom_option_t *option)
{
    const char letter[2] = {option->letter, 0};
    json_t *object = json_object ();
    json_object_set_new (object, "name", json_string (option->name));
    json_object_set_new (object, "letter", s_text (option->letter ? letter : NULL));
    json_object_set_new (object, "value", s_text (option->value));
    json_object_set_new (object, "help", json_string (option->help));
    return object;
}

static json_t *
s_command_json (const zloom_command_t *command)
{
    json_t *object = json_object ();
    json_t *options = json_array ();
    for (const zloom_option_t *at = command->options; at->name; at++) {
        json_array_append_new (options, s_option_json (at));
    }
    json_object_set_new (object, "name", json_string (command->name));
    json_object_set_new (object, "group", json_string (command->group));
    json_object_set_new (object, "usage", json_string (command->usage));
    json_object_set_new (object, "summary", json_string (command->summary));
    json_object_set_new (object, "options", options);
    json_object_set_new (object, "text", s_text (command->text));
    return object;
}

/* One command, or all of them: programs have no use for a chosen few. */
static int
s_help_json (const zloom_cli_t *cli, const zloom_command_t *command, zloom_output_t output)
{
    if (command) {
        return zloom_print_json (cli, s_command_json (command), output == ZLOOM_OUTPUT_JSON);
    }
    json_t *all = json_array ();
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        json_array_append_new (all, s_command_json (at));
    }
    return zloom_print_list (cli, all, output);
}

int
zloom_cmd_help (zloom_cli_t *cli)
{
    const zloom_command_t *command = cli->word_count ? zloom_command_find (cli->words[0]) : NULL;
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    if (!zloom_cli_output (cli, &output)) {
        return ZLOOM_EXIT_USAGE;
    }
    if (cli->word_count && !command) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "no command '%s'; see: zloom help --all",
                              cli->words[0]);
    }
    if (output != ZLOOM_OUTPUT_TEXT) {
        return s_help_json (cli, command, output);
    }
    zloom_buf_t out = {0};
    if (command) {
        zloom_help_command (command, &out);
    } else {
        zloom_help_all (&out, zloom_cli_option (cli, "all") != NULL);
    }
    int code = zloom_cli_print (cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}
