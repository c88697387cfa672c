/* SPDX-License-Identifier: MPL-2.0 */
/*
 * commands.h - the functions that the table of commands names, for tests that link the table alone;
 * none is called.
 */
#ifndef ZLOOM_TESTS_CLI_COMMANDS_H
#define ZLOOM_TESTS_CLI_COMMANDS_H

#include "nodes/zloom/commands.h"

#define ZLOOM_COMMAND(name, group, words, usage, summary, first, options, text) \
    int zloom_cmd_##name (zloom_cli_t *cli)                                     \
    {                                                                           \
        (void) cli;                                                             \
        return 0;                                                               \
    }
#include "nodes/zloom/commands.def"
#undef ZLOOM_COMMAND

#endif
