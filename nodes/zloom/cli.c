/* SPDX-License-Identifier: MPL-2.0 */
#include "cli.h"

#include "base/units.h"
#include "recipe/suggest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const zloom_command_t *
zloom_command_find (const char *name)
{
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        if (strcmp (at->name, name) == 0) {
            return at;
        }
    }
    return NULL;
}

int
zloom_cli_say (const zloom_cli_t *cli, int code, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start (args, format);
    /* False right behind va_start. NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    (void) vsnprintf (text, sizeof text, format, args);
    va_end (args);
    zloom_buf_t line = {0};
    zloom_buf_printf (&line, "zloom %s: ", cli->command->name);
    zloom_buf_add_plain (&line, zloom_bytes_text (text));
    fprintf (stderr, "%s\n", zloom_buf_text (&line));
    zloom_buf_fini (&line);
    return code;
}

int
zloom_cli_exit_code (zloom_err_t err)
{
    switch (err) {
    case ZLOOM_OK:
        return ZLOOM_EXIT_OK;
    case ZLOOM_INVALID:
        return ZLOOM_EXIT_USAGE;
    case ZLOOM_MALFORMED:
    case ZLOOM_TRUNCATED:
    case ZLOOM_TRAILING:
    case ZLOOM_TOO_BIG:
    case ZLOOM_NO_KEY:
    case ZLOOM_DAMAGED:
        return ZLOOM_EXIT_DATA;
    case ZLOOM_NOT_RUNNING:
    case ZLOOM_GONE:
        return ZLOOM_EXIT_NOT_RUNNING;
    case ZLOOM_TIMED_OUT:
    case ZLOOM_AGAIN:
        return ZLOOM_EXIT_TIMED_OUT;
    case ZLOOM_FORBIDDEN:
        return ZLOOM_EXIT_PERMISSION;
    case ZLOOM_RECIPE:
        return ZLOOM_EXIT_RECIPE;
    default:
        return ZLOOM_EXIT_FAILED;
    }
}

int
zloom_cli_fail (const zloom_cli_t *cli, zloom_err_t err)
{
    const char *note = zloom_note ();
    zloom_buf_t line = {0};
    zloom_buf_add_plain_line (&line, zloom_bytes_text (*note ? note : zloom_err_text (err)));
    const int code = zloom_cli_say (cli, zloom_cli_exit_code (err), "%s", zloom_buf_text (&line));
    zloom_buf_fini (&line);
    return code;
}

static int
s_unknown_option (const zloom_cli_t *cli, const char *word)
{
    char bare[ZLOOM_SUGGEST_MAX + 1];
    (void) snprintf (bare, sizeof bare, "%.*s", (int) strcspn (word, "="), word);
    zloom_suggest_t suggest;
    zloom_suggest_init (&suggest, bare);
    for (const zloom_option_t *at = cli->command->options; at->name; at++) {
        zloom_suggest_offer (&suggest, at->name);
    }
    return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "unknown option --%s%s%s%s; see: zloom help %s",
                          bare, suggest.best ? "; did you mean --" : "",
                          suggest.best ? suggest.best : "", suggest.best ? "?" : "",
                          cli->command->name);
}

static const zloom_option_t *
s_find_option (const zloom_command_t *command, const char *name, size_t size, char letter)
{
    for (const zloom_option_t *at = command->options; at->name; at++) {
        bool by_name = name && strlen (at->name) == size && strncmp (at->name, name, size) == 0;
        if (by_name || (letter && at->letter == letter)) {
            return at;
        }
    }
    return NULL;
}

/* One option at argv[*at]; moves *at over a value that stands apart. */
static int
s_parse_option (zloom_cli_t *cli, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    size_t size = is_long ? strcspn (name, "=") : 1;
    const zloom_option_t *option =
      s_find_option (cli->command, is_long ? name : NULL, size, is_long ? 0 : *name);
    if (!option && strcmp (word, is_long ? "--help" : "-h") == 0) {
        cli->wants_help = true;
        return ZLOOM_EXIT_OK;
    }
    if (!option) {
        return is_long
                 ? s_unknown_option (cli, name)
                 : zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "unknown option -%c; see: zloom help %s",
                                  *name, cli->command->name);
    }
    const char *value = name[size] == '=' ? name + size + 1 : name[size] ? name + size : NULL;
    if (!option->value && value) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "--%s takes no value", option->name);
    }
    if (option->value && !value) {
        if (*at + 1 >= argc) {
            return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "--%s needs a value: --%s %s",
                                  option->name, option->name, option->value);
        }
        value = argv[++*at];
    }
    if (cli->given_count == ZLOOM_CLI_OPTIONS) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "too many options");
    }
    cli->given[cli->given_count].option = option;
    cli->given[cli->given_count++].value = value ? value : "";
    return ZLOOM_EXIT_OK;
}

int
zloom_cli_parse (zloom_cli_t *cli, const zloom_command_t *command, int argc, char **argv)
{
    cli->command = command;
    bool only_words = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (!only_words && strcmp (word, "--") == 0) {
            only_words = true;
        } else if (!only_words && word[0] == '-' && word[1]) {
            int code = s_parse_option (cli, argc, argv, &i);
            if (code != ZLOOM_EXIT_OK) {
                return code;
            }
        } else if (cli->word_count == command->words) {
            return zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                                  "'%s' is a word too many; usage: zloom %s%s%s", word,
                                  command->name, command->usage[0] ? " " : "", command->usage);
        } else {
            cli->words[cli->word_count++] = word;
        }
    }
    return ZLOOM_EXIT_OK;
}

const char *
zloom_cli_next (const zloom_cli_t *cli, const char *name, size_t *cursor)
{
    while (*cursor < cli->given_count) {
        size_t at = (*cursor)++;
        if (strcmp (cli->given[at].option->name, name) == 0) {
            return cli->given[at].value;
        }
    }
    return NULL;
}

const char *
zloom_cli_option (const zloom_cli_t *cli, const char *name)
{
    const char *last = NULL;
    const char *value = NULL;
    for (size_t i = 0; (value = zloom_cli_next (cli, name, &i));) {
        last = value;
    }
    return last;
}

const char *
zloom_cli_word (const zloom_cli_t *cli, size_t index, const char *what)
{
    if (index < cli->word_count) {
        return cli->words[index];
    }
    zloom_cli_say (cli, 0, "%s is missing; usage: zloom %s %s", what, cli->command->name,
                   cli->command->usage);
    return NULL;
}

bool
zloom_cli_output (const zloom_cli_t *cli, zloom_output_t *output)
{
    static const char *const names[] = {"text", "json", "jsonl"};
    const char *value = zloom_cli_option (cli, "output");
    *output = ZLOOM_OUTPUT_TEXT;
    for (size_t i = 0; value && i < sizeof names / sizeof *names; i++) {
        if (strcmp (value, names[i]) == 0) {
            *output = (zloom_output_t) i;
            return true;
        }
    }
    if (value) {
        zloom_cli_say (cli, 0, "--output is text, json or jsonl, not '%s'", value);
    }
    return !value;
}

bool
zloom_cli_int (const zloom_cli_t *cli, const char *name, int64_t least, int64_t most,
               int64_t otherwise, int64_t *number)
{
    const char *value = zloom_cli_option (cli, name);
    *number = otherwise;
    if (!value) {
        return true;
    }
    if (zloom_parse_int (value, number) != ZLOOM_OK || *number < least || *number > most) {
        zloom_cli_say (cli, 0, "--%s takes a whole number from %lld to %lld, not '%s'", name,
                       (long long) least, (long long) most, value);
        return false;
    }
    return true;
}

bool
zloom_cli_duration (const zloom_cli_t *cli, const char *name, int64_t otherwise, int64_t *ns)
{
    const char *value = zloom_cli_option (cli, name);
    *ns = otherwise;
    if (value && (zloom_parse_duration (value, ns) != ZLOOM_OK || *ns < 0)) {
        zloom_cli_say (cli, 0, "--%s takes a duration like 500ms or 30s, not '%s'", name, value);
        return false;
    }
    return true;
}

int
zloom_cli_print (const zloom_cli_t *cli, zloom_bytes_t text)
{
    zloom_buf_t plain = {0};
    zloom_buf_add_plain (&plain, text);
    const int code = zloom_cli_write (cli, zloom_buf_bytes (&plain));
    zloom_buf_fini (&plain);
    return code;
}

int
zloom_cli_write (const zloom_cli_t *cli, zloom_bytes_t bytes)
{
    while (bytes.size) {
        ssize_t done = write (STDOUT_FILENO, bytes.data, bytes.size);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return zloom_cli_say (cli, ZLOOM_EXIT_FAILED, "cannot write to stdout: %s",
                                  strerror (errno));
        }
        bytes.data += done;
        bytes.size -= (size_t) done;
    }
    return ZLOOM_EXIT_OK;
}

/* ---- signals -------------------------------------------------------------------------------- */

static int s_stop_write_fd = -1;

static void
s_on_stop (int signal)
{
    (void) signal;
    int kept = errno;
    if (write (s_stop_write_fd, "s", 1) < 0) {
        /* The pipe is full of requests already. */
        errno = kept;
        return;
    }
    errno = kept;
}

int
zloom_cli_stop_fd (void)
{
    int fds[2];
    if (pipe2 (fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        zloom_fail_errno (ZLOOM_SYSTEM, "cannot make a pipe for signals");
        return -1;
    }
    s_stop_write_fd = fds[1];
    struct sigaction stop = {.sa_handler = s_on_stop, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset (&stop.sa_mask);
    sigemptyset (&ignore.sa_mask);
    if (sigaction (SIGTERM, &stop, NULL) != 0 || sigaction (SIGINT, &stop, NULL) != 0 ||
        sigaction (SIGPIPE, &ignore, NULL) != 0) {
        zloom_fail_errno (ZLOOM_SYSTEM, "cannot catch signals");
        return -1;
    }
    return fds[0];
}
