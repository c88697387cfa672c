/* SPDX-License-Identifier: MPL-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* Longest text of a line; what is longer is cut. */
#define TEXT_BYTES 2048

static zloom_log_level_t s_least = ZLOOM_LOG_INFO;
static zloom_log_sink_fn *s_sink;
static void *s_arg;

void
zloom_log_set (zloom_log_level_t least, zloom_log_sink_fn *sink, void *arg)
{
    s_least = least;
    s_sink = sink;
    s_arg = arg;
}

/*
 * Names and reasons in a line may come from a peer: a newline or an escape sequence in them must
 * not make up lines of its own or drive somebody's terminal.
 */
static void
s_mask_controls (char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char) *text;
        const bool wide =
          c == 0xC2 && (unsigned char) text[1] >= 0x80 && (unsigned char) text[1] < 0xA0;
        if (c < 0x20 || c == 0x7F || wide) {
            *text = '?';
        }
        if (wide) {
            text[1] = '?';
        }
    }
}

void
zloom_log (zloom_log_level_t level, const char *id, const char *format, ...)
{
    if (!s_sink || level < s_least) {
        return;
    }
    int saved = errno;
    char text[TEXT_BYTES];
    va_list args;
    va_start (args, format);
    /* False right behind va_start. NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    int size = vsnprintf (text, sizeof text, format, args);
    va_end (args);
    if (size < 0) {
        text[0] = 0;
    }
    s_mask_controls (text);
    s_sink (level, id, text, s_arg);
    errno = saved;
}

void
zloom_log_stderr (zloom_log_level_t level, const char *id, const char *text, void *arg)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    (void) arg;
    char when[32];
    char line[TEXT_BYTES + 256];
    zloom_wall_text (zloom_clock_now ().wall_ns, when);
    const char *name = (size_t) level < sizeof names / sizeof *names ? names[level] : "error";
    int size = snprintf (line, sizeof line, "%s %s %s%s%s", when, name, id, *text ? " " : "", text);
    if (size < 0) {
        return;
    }
    /* The newline goes where the NUL stood. */
    size_t shown = (size_t) size < sizeof line ? (size_t) size : sizeof line - 1;
    line[shown] = '\n';
    /* A log that nobody reads any more is no reason to fail. */
    ssize_t written = write (STDERR_FILENO, line, shown + 1);
    (void) written;
}
