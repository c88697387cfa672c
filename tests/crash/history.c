/* SPDX-License-Identifier: MPL-2.0 */
#include "history.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

bool
history_open (history_t *self, const char *path, const char *flow)
{
    *self = (history_t){.flow = flow};
    self->fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return self->fd >= 0;
}

void
history_close (history_t *self)
{
    history_flush (self);
    close (self->fd);
}

void
history_tell (history_t *self, char kind, const char *format, ...)
{
    char line[512];
    int size =
      snprintf (line, sizeof line, "%c %lld ", kind, (long long) zloom_clock_now ().mono_ns);
    va_list args;
    va_start (args, format);
    size += vsnprintf (line + size, sizeof line - (size_t) size - 1, format, args);
    va_end (args);
    size = size < (int) sizeof line - 1 ? size : (int) sizeof line - 2;
    line[size++] = '\n';
    if (write (self->fd, line, (size_t) size) != size) {
        perror ("history");
        _exit (3);
    }
}

/* ---- runs ----------------------------------------------------------------------------------- */

static void
s_tell_delivered (history_t *self)
{
    const history_run_t *run = &self->delivered;
    if (run->n > 0) {
        history_tell (self, 'D', "%s %llu %llu %llx %llu %u %s %llu %s", self->flow,
                      (unsigned long long) run->seq, (unsigned long long) run->n,
                      (unsigned long long) run->token.boot, (unsigned long long) run->token.number,
                      run->attempt, run->producer, (unsigned long long) run->id, run->word);
        self->delivered.n = 0;
    }
}

static void
s_tell_ended (history_t *self)
{
    const history_run_t *run = &self->ended;
    if (run->n > 0) {
        history_tell (self, 'T', "%s %llu %llu %llx %llu %s %llu %s", self->flow,
                      (unsigned long long) run->seq, (unsigned long long) run->n,
                      (unsigned long long) run->token.boot, (unsigned long long) run->token.number,
                      run->producer, (unsigned long long) run->id, run->word);
        self->ended.n = 0;
    }
}

static bool
s_joins (const history_run_t *run, const history_run_t *one)
{
    return run->n > 0 && one->seq == run->seq + run->n && one->id == run->id + run->n &&
           one->token.boot == run->token.boot && one->token.number == run->token.number &&
           one->attempt == run->attempt && strcmp (one->word, run->word) == 0 &&
           strcmp (one->producer, run->producer) == 0;
}

void
history_delivered (history_t *self, const history_run_t *one)
{
    if (s_joins (&self->delivered, one)) {
        self->delivered.n++;
        return;
    }
    s_tell_delivered (self);
    self->delivered = *one;
    self->delivered.n = 1;
}

void
history_step_ended (history_t *self, const history_run_t *one)
{
    if (s_joins (&self->ended, one)) {
        self->ended.n++;
        return;
    }
    s_tell_ended (self);
    self->ended = *one;
    self->ended.n = 1;
}

void
history_flush (history_t *self)
{
    s_tell_delivered (self);
    s_tell_ended (self);
}
