/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/logfile.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/tag.h"
#include "net/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZLOOM_LOGFILE_TAG 0x4C1D0008u
/* "2026-11-28T14:05:00.123Z " with 0 for any digit. */
static const char s_stamp_form[] = "0000-00-00T00:00:00.000Z ";

struct zloom_logfile {
    uint32_t tag;
    char *folder;
    char *path;
    int64_t limit_bytes;
    int64_t size_bytes;
    uint64_t lost; /* lines that could not be written since the last one that could */
    zloom_buf_t line;
    pthread_mutex_t mutex;
};

size_t
zloom_logfile_stamp (zloom_bytes_t line)
{
    const size_t size = sizeof s_stamp_form - 1;
    if (line.size < size) {
        return 0;
    }
    for (size_t i = 0; i < size; i++) {
        const bool digit = line.data[i] >= '0' && line.data[i] <= '9';
        if (s_stamp_form[i] == '0' ? !digit : line.data[i] != (uint8_t) s_stamp_form[i]) {
            return 0;
        }
    }
    return size;
}

/* ---- the file ------------------------------------------------------------------------------- */

/* It becomes descriptor 2; the one before stays if it cannot be opened. */
static zloom_err_t
s_take_up (zloom_logfile_t *self)
{
    int fd = open (self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat info;
    if (fd < 0 || fstat (fd, &info) != 0 || dup2 (fd, STDERR_FILENO) < 0) {
        zloom_err_t err = zloom_fail_errno (ZLOOM_SYSTEM, "cannot open %s", self->path);
        if (fd >= 0) {
            close (fd);
        }
        return err;
    }
    if (fd != STDERR_FILENO) {
        close (fd);
    }
    self->size_bytes = info.st_size;
    return ZLOOM_OK;
}

zloom_err_t
zloom_logfile_open (const char *state, int64_t limit_bytes, zloom_logfile_t **self_p)
{
    zloom_logfile_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_LOGFILE_TAG;
    self->folder = zloom_format ("%s/%s", state, ZLOOM_LOGFILE_FOLDER);
    self->path = zloom_format ("%s/%s", self->folder, ZLOOM_LOGFILE_NAME);
    self->limit_bytes = limit_bytes;
    (void) pthread_mutex_init (&self->mutex, NULL);
    zloom_err_t err = zloom_private_directory (self->folder);
    if (err == ZLOOM_OK) {
        err = s_take_up (self);
    }
    if (err != ZLOOM_OK) {
        zloom_logfile_close (&self);
        return err;
    }
    *self_p = self;
    return ZLOOM_OK;
}

void
zloom_logfile_close (zloom_logfile_t **self_p)
{
    zloom_logfile_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_LOGFILE_TAG);
    (void) pthread_mutex_destroy (&self->mutex);
    zloom_buf_fini (&self->line);
    free (self->folder);
    free (self->path);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

/* A rename that fails costs an older file or the limit, and never a line. */
static void
s_rotate (zloom_logfile_t *self)
{
    for (int i = ZLOOM_LOGFILE_KEPT; i > 0; i--) {
        char *from = i > 1 ? zloom_format ("%s.%d", self->path, i - 1) : zloom_strdup (self->path);
        char *to = zloom_format ("%s.%d", self->path, i);
        (void) rename (from, to);
        free (from);
        free (to);
    }
    (void) s_take_up (self);
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void
s_write (zloom_logfile_t *self)
{
    const int64_t size = (int64_t) self->line.size;
    if (self->size_bytes > 0 && self->size_bytes + size > self->limit_bytes) {
        s_rotate (self);
    }
    if (write (STDERR_FILENO, self->line.data, self->line.size) == (ssize_t) size) {
        self->size_bytes += size;
    } else {
        self->lost++;
    }
}

static void
s_compose (zloom_logfile_t *self, const char *unit, zloom_bytes_t line, bool cut)
{
    const size_t stamp = zloom_logfile_stamp (line);
    char when[32];
    zloom_buf_clear (&self->line);
    if (stamp) {
        zloom_buf_add (&self->line, line.data, stamp);
    } else {
        zloom_buf_printf (&self->line, "%s ", zloom_wall_text (zloom_clock_now ().wall_ns, when));
    }
    zloom_buf_printf (&self->line, "%-10s | ", unit);
    zloom_buf_add (&self->line, line.data + stamp, line.size - stamp);
    zloom_buf_add_text (&self->line, cut ? " …\n" : "\n");
}

void
zloom_logfile_line (zloom_logfile_t *self, const char *unit, zloom_bytes_t line, bool cut)
{
    ZLOOM_CHECK (self, ZLOOM_LOGFILE_TAG);
    (void) pthread_mutex_lock (&self->mutex);
    const uint64_t lost = self->lost;
    if (lost > 0) {
        char text[96];
        (void) snprintf (text, sizeof text, "warn log-lost lines=%llu", (unsigned long long) lost);
        s_compose (self, ZLOOM_LOGFILE_OWN, zloom_bytes_text (text), false);
        s_write (self);
        self->lost = self->lost > lost ? lost : 0; /* this line is none of those that were lost */
    }
    s_compose (self, unit, line, cut);
    s_write (self);
    (void) pthread_mutex_unlock (&self->mutex);
}

void
zloom_logfile_sink (zloom_log_level_t level, const char *id, const char *text, void *arg)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    const char *name = (size_t) level < sizeof names / sizeof *names ? names[level] : "error";
    zloom_buf_t line = {0};
    zloom_buf_printf (&line, "%s %s%s%s", name, id, *text ? " " : "", text);
    zloom_logfile_line (arg, ZLOOM_LOGFILE_OWN, zloom_buf_bytes (&line), false);
    zloom_buf_fini (&line);
}
