/* SPDX-License-Identifier: MPL-2.0 */
/*
 * cli.h - the command line's frame: one table of verbs, one parser, one exit-code table. Data goes
 * to stdout, everything else to stderr.
 *
 * A command is a row of commands.def and a function `int s (zloom_cli_t *)` that returns an exit
 * code; its options are rows of its own option table. Help, unknown words and completions come from
 * the tables.
 */
#ifndef ZLOOM_CLI_H
#define ZLOOM_CLI_H

#include "base/bytes.h"
#include "base/error.h"

/* Exit codes, after sysexits where it has one. */
enum {
    ZLOOM_EXIT_OK = 0,
    ZLOOM_EXIT_FAILED = 1,
    ZLOOM_EXIT_USAGE = 2,
    ZLOOM_EXIT_DATA = 65,
    ZLOOM_EXIT_NOT_RUNNING = 69,
    ZLOOM_EXIT_BUG = 70,
    ZLOOM_EXIT_CREATE = 73,
    ZLOOM_EXIT_TIMED_OUT = 75,
    ZLOOM_EXIT_PERMISSION = 77,
    ZLOOM_EXIT_RECIPE = 78,
};

typedef struct {
    const char *name;  /* long name, without "--" */
    char letter;       /* short name, 0: none */
    const char *value; /* name of its value in help, NULL: a flag */
    const char *help;
} zloom_option_t;

#define ZLOOM_CLI_WORDS 64
#define ZLOOM_CLI_OPTIONS 64

typedef struct zloom_cli zloom_cli_t;

typedef struct {
    const char *name;
    const char *group;   /* author, run, data, watch, deploy */
    size_t words;        /* the most that it takes, behind its name */
    const char *usage;   /* what follows the name */
    const char *summary; /* one line */
    bool first;          /* among the few that `zloom help` shows */
    int (*run) (zloom_cli_t *cli);
    const zloom_option_t *options; /* ends with a NULL name */
    const char *text;              /* the rest of its help: examples */
} zloom_command_t;

struct zloom_cli {
    const zloom_command_t *command;
    const char *exe;                    /* this program, absolute */
    const char *words[ZLOOM_CLI_WORDS]; /* what is no option, in order */
    size_t word_count;
    struct {
        const zloom_option_t *option;
        const char *value; /* "" for flags */
    } given[ZLOOM_CLI_OPTIONS];
    size_t given_count;
    bool wants_help; /* --help or -h stood somewhere: the command is not run */
};

typedef enum { ZLOOM_OUTPUT_TEXT, ZLOOM_OUTPUT_JSON, ZLOOM_OUTPUT_JSONL } zloom_output_t;

/* The commands, in the order of help; ends with a NULL name. */
extern const zloom_command_t zloom_commands[];
const zloom_command_t *zloom_command_find (const char *name);

/* Fill `cli` from the words behind the command's name; 0, or an exit code after a message. */
int zloom_cli_parse (zloom_cli_t *cli, const zloom_command_t *command, int argc, char **argv);
/* The value of an option, NULL when it was not given; the last one wins. */
const char *zloom_cli_option (const zloom_cli_t *cli, const char *name);
/* The values of an option that may stand several times: stepping, *cursor starts at 0. */
const char *zloom_cli_next (const zloom_cli_t *cli, const char *name, size_t *cursor);
/* A word of the command line, or a usage error that names what is missing (NULL then). */
const char *zloom_cli_word (const zloom_cli_t *cli, size_t index, const char *what);
/* -o text|json|jsonl; false after a message. */
bool zloom_cli_output (const zloom_cli_t *cli, zloom_output_t *output);
/* A whole number option in [least, most], or `otherwise` when not given; false after a message. */
bool zloom_cli_int (const zloom_cli_t *cli, const char *name, int64_t least, int64_t most,
                    int64_t otherwise, int64_t *number);
/* A duration option in ns, or `otherwise`; false after a message. */
bool zloom_cli_duration (const zloom_cli_t *cli, const char *name, int64_t otherwise, int64_t *ns);

/* "zloom COMMAND: text" on stderr, as zloom_cli_print; returns `code`. */
int zloom_cli_say (const zloom_cli_t *cli, int code, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));
/* The same with the thread's note; the exit code follows from the error. */
int zloom_cli_fail (const zloom_cli_t *cli, zloom_err_t err);
int zloom_cli_exit_code (zloom_err_t err);
/*
 * Write text to stdout; FAILED (with a message) when nobody takes it. Names, reasons and errors in
 * it may come from peers: control characters are shown as \xNN, here, for all commands.
 */
int zloom_cli_print (const zloom_cli_t *cli, zloom_bytes_t text);
/* The same of bytes as they are: somebody's data, or what zloom coloured itself. */
int zloom_cli_write (const zloom_cli_t *cli, zloom_bytes_t bytes);

/* Help of all commands (or of the first few), and of one. */
void zloom_help_all (zloom_buf_t *out, bool all);
void zloom_help_command (const zloom_command_t *command, zloom_buf_t *out);
/* The reference page docs/commands.md, from the same tables. */
void zloom_help_markdown (zloom_buf_t *out);

/*
 * SIGTERM and SIGINT as bytes on a pipe, SIGPIPE ignored; returns the descriptor to read, -1 with a
 * note. Once, by the commands that stay.
 */
int zloom_cli_stop_fd (void);

#endif
