/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/body.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "io/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define ZLOOM_BODY_PROCESS_TAG 0x4C1D0005u
#define LINE_BYTES 8192
#define READY_FD 3
/* Reads of a talkative node's stderr in one turn, so that the others get theirs. */
#define READS_A_TURN 16
/* All that it said before it died is read, but not without bound. */
#define READS_AT_THE_END 1024

typedef struct {
    zloom_body_t base; /* first */
    uint32_t tag;
    const zloom_supervisor_config_t *config;
    const zloom_plan_unit_t *plan;
    zloom_child_t *child;
    int ready_fd;
    int error_fd;
    zloom_lines_t words; /* what it says on stderr */
    char *pid_path;
} s_process_t;

static s_process_t *
s_self (const zloom_body_t *base)
{
    s_process_t *self = (s_process_t *) (uintptr_t) base;
    ZLOOM_CHECK (self, ZLOOM_BODY_PROCESS_TAG);
    return self;
}

static void
s_close (int *fd)
{
    if (*fd >= 0) {
        close (*fd);
        *fd = -1;
    }
}

/* One line of a node goes on whole, with the node's name before it: to stderr, or to the log. */
static void
s_pass_on (void *arg, zloom_bytes_t line, bool cut)
{
    const s_process_t *self = arg;
    if (self->config->log) {
        zloom_logfile_line (self->config->log, self->plan->name, line, cut);
        return;
    }
    char head[ZLOOM_NAME_MAX + 32];
    int size = snprintf (head, sizeof head, "%-10s | ", self->plan->name);
    struct iovec parts[3] = {
      {.iov_base = head, .iov_len = (size_t) size},
      {.iov_base = (void *) (uintptr_t) line.data, .iov_len = line.size},
      {.iov_base = (void *) (uintptr_t) (cut ? " …\n" : "\n"), .iov_len = cut ? 5 : 1},
    };
    if (writev (STDERR_FILENO, parts, 3) < 0) {
        return; /* nobody reads stderr any more: the line is in the tail for the obituary */
    }
}

/* ---- start ---------------------------------------------------------------------------------- */

static void
s_write_pid (const s_process_t *self)
{
    char text[32];
    int size = snprintf (text, sizeof text, "%d\n", (int) zloom_child_pid (self->child));
    int fd = open (self->pid_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write (fd, text, (size_t) size) != size) {
        zloom_log (ZLOOM_LOG_WARN, "pid-file", "path=%s error=%s", self->pid_path,
                   strerror (errno));
    }
    s_close (&fd);
}

static zloom_err_t
s_spawn (s_process_t *self, const char *const *argv, const char *const *env)
{
    int ready[2];
    int error[2];
    if (pipe2 (ready, O_CLOEXEC | O_NONBLOCK) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot make a pipe");
    }
    if (pipe2 (error, O_CLOEXEC) != 0) {
        close (ready[0]);
        close (ready[1]);
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot make a pipe");
    }
    /* With a log of its own there is nobody at stdout: it goes there as well. */
    const int fds[] = {-1, self->config->log ? error[1] : STDOUT_FILENO, error[1], ready[1]};
    zloom_child_config_t child = {
      .argv = argv, .env = env, .fds = fds, .fd_count = READY_FD + 1, .death_signal = SIGTERM};
    zloom_err_t err = zloom_child_start (&child, &self->child);
    close (ready[1]);
    close (error[1]);
    if (err != ZLOOM_OK) {
        close (ready[0]);
        close (error[0]);
        return err;
    }
    (void) fcntl (error[0], F_SETFL, O_NONBLOCK);
    self->ready_fd = ready[0];
    self->error_fd = error[0];
    return ZLOOM_OK;
}

/* Of a list that ends with NULL, or is none. */
static size_t
s_length (const char *const *list)
{
    size_t count = 0;
    while (list && list[count]) {
        count++;
    }
    return count;
}

static zloom_err_t
s_start (zloom_body_t *base, const uint8_t nonce[16])
{
    s_process_t *self = s_self (base);
    const zloom_supervisor_config_t *config = self->config;
    const size_t extra = s_length (config->extra);
    const size_t place = s_length (config->place);
    char replica[24];
    (void) snprintf (replica, sizeof replica, "%lld", (long long) self->plan->replica);
    const char *const head[] = {config->exe,
                                "node",
                                config->recipe_path,
                                self->plan->node->name,
                                "--replica",
                                replica,
                                "--unit",
                                self->plan->name,
                                "--state",
                                config->paths->state,
                                "--runtime",
                                config->paths->runtime,
                                "--ready-fd",
                                "3"};
    const size_t head_count = sizeof head / sizeof *head;
    const char **argv = zloom_alloc ((head_count + extra + place + 1) * sizeof *argv);
    memcpy (argv, head, sizeof head);
    for (size_t i = 0; i < extra; i++) {
        argv[head_count + i] = config->extra[i];
    }
    for (size_t i = 0; i < place; i++) {
        argv[head_count + extra + i] = config->place[i];
    }
    char variable[64] = "ZLOOM_NONCE=";
    for (size_t i = 0; i < 16; i++) {
        size_t at = strlen (variable);
        (void) snprintf (variable + at, sizeof variable - at, "%02x", nonce[i]);
    }
    const char *const env[] = {variable, NULL};
    zloom_err_t err = s_spawn (self, argv, env);
    free (argv);
    if (err == ZLOOM_OK) {
        s_write_pid (self);
    }
    return err;
}

static void
s_name (const zloom_body_t *base, char text[32])
{
    (void) snprintf (text, 32, "pid=%d", (int) zloom_child_pid (s_self (base)->child));
}

static pid_t
s_pid (const zloom_body_t *base)
{
    const s_process_t *self = s_self (base);
    return self->child ? zloom_child_pid (self->child) : 0;
}

static void
s_stop (zloom_body_t *base)
{
    zloom_child_signal (s_self (base)->child, SIGTERM);
}

static void
s_kill (zloom_body_t *base)
{
    zloom_child_signal (s_self (base)->child, SIGKILL);
}

/* ---- what comes from the process ------------------------------------------------------------ */

static void
s_fds (const zloom_body_t *base, int fds[3])
{
    const s_process_t *self = s_self (base);
    fds[0] = self->child ? zloom_child_fd (self->child) : -1;
    fds[1] = self->ready_fd;
    fds[2] = self->error_fd;
}

static void
s_read_words (s_process_t *self, int reads)
{
    char chunk[4096];
    for (int i = 0; i < reads && self->error_fd >= 0; i++) {
        ssize_t got = read (self->error_fd, chunk, sizeof chunk);
        if (got > 0) {
            zloom_lines_feed (&self->words, chunk, (size_t) got, s_pass_on, self);
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            zloom_lines_end (&self->words, s_pass_on, self);
            s_close (&self->error_fd);
        } else {
            return;
        }
    }
}

static bool
s_hear (zloom_body_t *base)
{
    s_process_t *self = s_self (base);
    s_read_words (self, READS_A_TURN);
    char byte = 0;
    ssize_t got = self->ready_fd < 0 ? -1 : read (self->ready_fd, &byte, 1);
    const bool serves = got == 1 && byte == '\n';
    if (serves || got == 0 ||
        (got < 0 && self->ready_fd >= 0 && errno != EAGAIN && errno != EINTR)) {
        s_close (&self->ready_fd);
    }
    return serves;
}

static bool
s_reap (zloom_body_t *base, zloom_child_end_t *end, char text[ZLOOM_BODY_END_BYTES])
{
    s_process_t *self = s_self (base);
    if (!self->child || !zloom_child_reap (self->child, end)) {
        return false;
    }
    s_read_words (self, READS_AT_THE_END);
    if (self->error_fd >= 0) {
        zloom_lines_end (&self->words, s_pass_on, self);
        s_close (&self->error_fd);
    }
    s_close (&self->ready_fd);
    char how[128];
    (void) snprintf (text, ZLOOM_BODY_END_BYTES, "%s", zloom_child_end_text (end, how));
    zloom_child_destroy (&self->child);
    (void) unlink (self->pid_path);
    return true;
}

static void
s_words (const zloom_body_t *base, zloom_buf_t *out)
{
    zloom_lines_tail (&s_self (base)->words, out);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void
s_destroy (zloom_body_t *base)
{
    s_process_t *self = s_self (base);
    zloom_child_destroy (&self->child);
    s_close (&self->ready_fd);
    s_close (&self->error_fd);
    (void) unlink (self->pid_path);
    free (self->pid_path);
    zloom_lines_fini (&self->words);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

static const zloom_body_ops_t s_ops = {
  .start = s_start,
  .name = s_name,
  .pid = s_pid,
  .stop = s_stop,
  .kill = s_kill,
  .fds = s_fds,
  .hear = s_hear,
  .reap = s_reap,
  .words = s_words,
  .destroy = s_destroy,
};

zloom_body_t *
zloom_body_process_new (const zloom_supervisor_config_t *config, const zloom_plan_unit_t *plan)
{
    s_process_t *self = zloom_alloc (sizeof *self);
    self->base.ops = &s_ops;
    self->tag = ZLOOM_BODY_PROCESS_TAG;
    self->config = config;
    self->plan = plan;
    self->ready_fd = -1;
    self->error_fd = -1;
    zloom_lines_init (&self->words, LINE_BYTES, ZLOOM_OBITUARY_BYTES);
    self->pid_path = zloom_format ("%s/%s.pid", config->paths->runtime, plan->name);
    return &self->base;
}
