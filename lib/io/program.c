/* SPDX-License-Identifier: MPL-2.0 */
#include "io/program.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "io/lines.h"
#include "io/pipes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ZLOOM_PROGRAM_TAG 0x50524F47u

#define CHUNK_BYTES 65536
/* Reads of one descriptor in one pump: the rest stays readable for the next. */
#define BURST 16
#define SAID_LINE_BYTES 8192

struct zloom_program {
    uint32_t tag;
    zloom_child_t *child;
    int epoll_fd;
    int in;  /* -1: closed */
    int out; /* -1: at its end */
    int err; /* -1: at its end */
    bool in_watched;
    bool start_watched; /* it is not known yet whether the program itself runs */
    bool closing;       /* close `in` once it is empty */
    bool ended;
    bool broken;         /* bytes got lost between us and the child */
    zloom_buf_t pending; /* pending.data + pending_at: not yet in the pipe */
    size_t pending_at;
    uint64_t written;
    uint64_t answered;
    size_t lost; /* bytes that were unread when the child closed its input */
    zloom_lines_t said;
    zloom_program_config_t config;
    zloom_child_end_t end;
};

/* ---- descriptors ---------------------------------------------------------------------------- */

static zloom_err_t
s_watch (int epoll_fd, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};
    return epoll_ctl (epoll_fd, operation, fd, &event) == 0
             ? ZLOOM_OK
             : zloom_fail_errno (ZLOOM_SYSTEM, "cannot watch a child");
}

/* ---- life ----------------------------------------------------------------------------------- */

static zloom_err_t
s_child_start (const zloom_program_config_t *config, const zloom_pipes_t *pipes,
               zloom_child_t **child_p)
{
    int fds[5] = {-1, pipes->err[1], pipes->err[1], -1, -1};
    fds[config->input_fd] = pipes->in[0];
    fds[config->output_fd] = pipes->out[1];
    zloom_child_config_t child = {
      .argv = config->argv,
      .env = config->env,
      .cwd = config->cwd,
      .limits = config->limits,
      .fds = fds,
      .fd_count = config->input_fd > 2 || config->output_fd > 2 ? 5 : 3,
    };
    return zloom_child_start (&child, child_p);
}

zloom_err_t
zloom_program_start (const zloom_program_config_t *config, int epoll_fd, zloom_program_t **self_p)
{
    zloom_assert (config->input_fd >= 0 && config->input_fd < 5);
    zloom_assert (config->output_fd > 0 && config->output_fd < 5);
    zloom_pipes_t pipes;
    zloom_child_t *child = NULL;
    zloom_err_t err = zloom_pipes_open (&pipes, config->tty);
    if (err == ZLOOM_OK) {
        err = s_child_start (config, &pipes, &child);
    }
    const int watched[] = {pipes.out[0], pipes.err[0], child ? zloom_child_fd (child) : -1,
                           child ? zloom_child_start_fd (child) : -1};
    for (size_t i = 0; i < 4 && err == ZLOOM_OK; i++) {
        err = s_watch (epoll_fd, EPOLL_CTL_ADD, watched[i], EPOLLIN);
    }
    if (err != ZLOOM_OK) {
        zloom_child_destroy (&child);
        zloom_pipes_close (&pipes);
        return err;
    }
    zloom_close_fd (&pipes.in[0]);
    zloom_close_fd (&pipes.out[1]);
    zloom_close_fd (&pipes.err[1]);
    zloom_program_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_PROGRAM_TAG;
    self->child = child;
    self->epoll_fd = epoll_fd;
    self->in = pipes.in[1];
    self->out = pipes.out[0];
    self->err = pipes.err[0];
    self->start_watched = true;
    self->config = *config;
    zloom_lines_init (&self->said, SAID_LINE_BYTES, ZLOOM_PROGRAM_TAIL_BYTES);
    *self_p = self;
    return ZLOOM_OK;
}

void
zloom_program_destroy (zloom_program_t **self_p)
{
    zloom_program_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    *self_p = NULL;
    zloom_close_fd (&self->in);
    zloom_close_fd (&self->out);
    zloom_close_fd (&self->err);
    zloom_child_destroy (&self->child);
    zloom_lines_fini (&self->said);
    zloom_buf_fini (&self->pending);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

bool
zloom_program_begun (const zloom_program_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    return zloom_child_begun (self->child) == ZLOOM_OK;
}

/* ---- input ---------------------------------------------------------------------------------- */

static size_t
s_pending (const zloom_program_t *self)
{
    return self->pending.size - self->pending_at;
}

/* Bytes in the pipe that the child has not read. */
static size_t
s_in_pipe (const zloom_program_t *self)
{
    int bytes = 0;
    if (self->in < 0 || ioctl (self->in, FIONREAD, &bytes) != 0) {
        return 0;
    }
    return (size_t) bytes;
}

/*
 * The system could not carry bytes between us and the child, which is no fault of the child and
 * nothing that it could notice: it must not count as having done its work.
 */
static void
s_broken (zloom_program_t *self, const char *what)
{
    zloom_log (ZLOOM_LOG_ERROR, "child-pipe", "pid=%d what=\"%s\" reason=\"%s\"",
               (int) zloom_child_pid (self->child), what, strerror (errno));
    self->broken = true;
    zloom_child_signal (self->child, SIGKILL);
}

/* Nobody reads any more: what waits is dropped, and its end is told by the child's. */
static void
s_input_lost (zloom_program_t *self)
{
    self->lost = s_pending (self) + s_in_pipe (self);
    self->pending_at = self->pending.size;
    zloom_close_fd (&self->in);
    self->in_watched = false;
}

static void
s_flush (zloom_program_t *self)
{
    while (self->in >= 0 && s_pending (self) > 0) {
        ssize_t done = write (self->in, self->pending.data + self->pending_at, s_pending (self));
        if (done > 0) {
            self->pending_at += (size_t) done;
        } else if (done < 0 && errno == EINTR) {
            continue;
        } else if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            break;
        } else {
            if (errno != EPIPE) {
                s_broken (self, "its input cannot be written");
            }
            s_input_lost (self);
        }
    }
    if (s_pending (self) == 0) {
        zloom_buf_clear (&self->pending);
        self->pending_at = 0;
        if (self->closing) {
            zloom_close_fd (&self->in);
            self->in_watched = false;
        }
    }
    bool watch = s_pending (self) > 0;
    if (self->in >= 0 && watch != self->in_watched &&
        s_watch (self->epoll_fd, watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, self->in, EPOLLOUT) ==
          ZLOOM_OK) {
        self->in_watched = watch;
    }
}

void
zloom_program_write (zloom_program_t *self, zloom_bytes_t bytes)
{
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    zloom_assert (!self->closing);
    self->written += bytes.size;
    if (self->in >= 0) {
        if (self->pending_at > CHUNK_BYTES && self->pending_at * 2 > self->pending.size) {
            memmove (self->pending.data, self->pending.data + self->pending_at, s_pending (self));
            self->pending.size -= self->pending_at;
            self->pending_at = 0;
        }
        zloom_buf_add_bytes (&self->pending, bytes);
        s_flush (self);
    } else {
        self->lost += bytes.size;
    }
}

size_t
zloom_program_unread (const zloom_program_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    return self->lost + s_pending (self) + s_in_pipe (self);
}

uint64_t
zloom_program_written (const zloom_program_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    return self->written;
}

uint64_t
zloom_program_answered (const zloom_program_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    return self->answered;
}

void
zloom_program_close_input (zloom_program_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    self->closing = true;
    s_flush (self);
}

/* ---- output --------------------------------------------------------------------------------- */

static void
s_said (void *arg, zloom_bytes_t line, bool cut)
{
    zloom_program_t *self = arg;
    (void) cut;
    if (self->config.said) {
        self->config.said (self->config.arg, line);
    }
}

/* One read into `chunk`; 0: nothing now, or for ever (then *fd is -1). */
static size_t
s_read (zloom_program_t *self, int *fd, uint8_t chunk[CHUNK_BYTES])
{
    while (*fd >= 0) {
        ssize_t got = read (*fd, chunk, CHUNK_BYTES);
        if (got > 0) {
            return (size_t) got;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            break;
        }
        /* A terminal's end is EIO. */
        if (got < 0 && (errno != EIO || !self->config.tty)) {
            s_broken (self, "its output cannot be read");
        }
        zloom_close_fd (fd);
    }
    return 0;
}

/* A burst of both outputs; level-triggered epoll brings us back for the rest. */
static void
s_read_some (zloom_program_t *self)
{
    uint8_t *chunk = zloom_alloc (CHUNK_BYTES);
    for (int i = 0; i < BURST; i++) {
        size_t got = s_read (self, &self->out, chunk);
        if (got) {
            self->answered += got;
            self->config.output (self->config.arg, zloom_bytes (chunk, got));
        }
        size_t said = s_read (self, &self->err, chunk);
        if (said) {
            zloom_lines_feed (&self->said, chunk, said, s_said, self);
        }
        if (!got && !said) {
            break;
        }
    }
    free (chunk);
}

/* What has told that it begins stays readable for good: watched on, it would let nobody sleep. */
static void
s_look_whether_begun (zloom_program_t *self)
{
    if (self->start_watched && zloom_child_begun (self->child) != ZLOOM_AGAIN) {
        (void) s_watch (self->epoll_fd, EPOLL_CTL_DEL, zloom_child_start_fd (self->child), 0);
        self->start_watched = false;
    }
}

bool
zloom_program_pump (zloom_program_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    s_look_whether_begun (self);
    if (self->in >= 0) {
        s_flush (self);
    }
    /*
     * First whether it has ended, then what it wrote before. Two bursts are more than any pipe
     * holds; what a grandchild still writes is not waited for.
     */
    bool ended = zloom_child_reap (self->child, &self->end);
    s_read_some (self);
    if (ended && !self->ended) {
        s_read_some (self);
        zloom_lines_end (&self->said, s_said, self);
        self->ended = true;
    }
    return self->ended;
}

void
zloom_program_end (zloom_program_t *self, zloom_child_end_t *end)
{
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    zloom_assert (self->ended);
    *end = self->end;
    if (self->broken) {
        end->exit = -1;
        end->signal = SIGKILL;
    }
}

void
zloom_program_tail (const zloom_program_t *self, zloom_buf_t *out)
{
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    size_t start = out->size;
    zloom_lines_tail (&self->said, out);
    while (out->size > start && strchr (" \n", out->data[out->size - 1])) {
        out->size--;
    }
}

void
zloom_program_signal (zloom_program_t *self, int signal)
{
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    zloom_child_signal (self->child, signal);
}

pid_t
zloom_program_pid (const zloom_program_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROGRAM_TAG);
    return zloom_child_pid (self->child);
}
