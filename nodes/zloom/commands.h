/* SPDX-License-Identifier: MPL-2.0 */
/* commands.h - the functions behind the verbs of commands.def. Each returns an exit code. */
#ifndef ZLOOM_CLI_COMMANDS_H
#define ZLOOM_CLI_COMMANDS_H

#include "cli.h"

#define ZLOOM_COMMAND(name, group, words, usage, summary, first, options, text) \
    int zloom_cmd_##name (zloom_cli_t *cli);
#include "commands.def"
#undef ZLOOM_COMMAND

#endif
