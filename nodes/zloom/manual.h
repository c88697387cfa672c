/* SPDX-License-Identifier: MPL-2.0 */
/*
 * manual.h - man pages and completions, written from the tables of commands and options. They lie
 * in docs/man and nodes/zloom/completions, where the install takes them; the test cli.reference
 * fails when they differ from the tables, and ZLOOM_UPDATE=1 writes them anew.
 */
#ifndef ZLOOM_CLI_MANUAL_H
#define ZLOOM_CLI_MANUAL_H

#include "cli.h"

/* Plain text as roff. */
void zloom_man_add (zloom_buf_t *out, const char *text);
void zloom_man_command (const zloom_command_t *command, zloom_buf_t *out);
void zloom_man_all (zloom_buf_t *out);

void zloom_complete_bash (zloom_buf_t *out);
void zloom_complete_zsh (zloom_buf_t *out);
void zloom_complete_fish (zloom_buf_t *out);

#endif
