/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/proc.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/tag.h"
#include "recipe/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define ZLOOM_PROC_TAG 0x4C1D0003u
#define LINE_BYTES 8192
#define READY_FD 3
/* Reads of a talkative node's stderr in one turn, so that the others get theirs. */
#define READS_A_TURN 16

struct zloom_proc {
    uint32_t tag;
    const zloom_supervisor_config_t *config;
    const zloom_plan_unit_t *plan;
    zloom_unit_t *unit;
    zloom_child_t *child;
    int ready_fd;
    int error_fd;
    zloom_lines_t words; /* what it says on stderr */
    uint8_t nonce[16];   /* of its sessions, so that GONE names this process and no later one */
    char end_text[160];
    int exit;    /* of the last process that ended */
    bool killed; /* it did not stop in time */
    char *pid_path;
};

zloom_proc_t *
zloom_proc_new (const zloom_supervisor_config_t *config, const zloom_plan_unit_t *plan)
{
    const zloom_node_common_t *common = plan->node->config;
    bool once = plan->node->kind->id == ZLOOM_NODE_POLLER &&
                !((const zloom_poller_config_t *) plan->node->config)->file.follow;
    zloom_unit_config_t unit = {
      .backoff_ns = common->restart.backoff_ns,
      .budget = common->restart.budget,
      .within_ns = common->restart.within_ns,
      .ready_limit_ns = config->ready_limit_ns,
      .completes = once,
    };
    zloom_proc_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_PROC_TAG;
    self->config = config;
    self->plan = plan;
    self->unit = zloom_unit_new (&unit);
    self->ready_fd = -1;
    self->error_fd = -1;
    self->exit = -1;
    zloom_lines_init (&self->words, LINE_BYTES, ZLOOM_OBITUARY_BYTES);
    self->pid_path = zloom_format ("%s/%s.pid", config->paths->runtime, plan->name);
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

void
zloom_proc_destroy (zloom_proc_t **self_p)
{
    zloom_proc_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    zloom_child_destroy (&self->child);
    s_close (&self->ready_fd);
    s_close (&self->error_fd);
    (void) unlink (self->pid_path);
    free (self->pid_path);
    zloom_lines_fini (&self->words);
    zloom_unit_destroy (&self->unit);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

const zloom_plan_unit_t *
zloom_proc_plan (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return self->plan;
}

zloom_unit_state_t
zloom_proc_state (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return zloom_unit_state (self->unit);
}

bool
zloom_proc_alive (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return zloom_unit_alive (self->unit);
}

int64_t
zloom_proc_deadline (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return zloom_unit_deadline (self->unit);
}

const char *
zloom_proc_end_text (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return self->end_text;
}

int
zloom_proc_exit (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return self->exit;
}

bool
zloom_proc_was_killed (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return self->killed;
}

void
zloom_proc_fds (const zloom_proc_t *self, int fds[3])
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    fds[0] = self->child ? zloom_child_fd (self->child) : -1;
    fds[1] = self->ready_fd;
    fds[2] = self->error_fd;
}

/* One line of a node goes on to stderr whole, with the node's name before it. */
static void
s_pass_on (void *arg, zloom_bytes_t line, bool cut)
{
    const zloom_proc_t *self = arg;
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
s_write_pid (const zloom_proc_t *self)
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
s_spawn_with (zloom_proc_t *self, const char *const *argv, const char *const *env)
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
    const int fds[] = {-1, STDOUT_FILENO, error[1], ready[1]};
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

static zloom_err_t
s_spawn (zloom_proc_t *self)
{
    const zloom_supervisor_config_t *config = self->config;
    size_t extra = 0;
    while (config->extra && config->extra[extra]) {
        extra++;
    }
    char replica[24];
    (void) snprintf (replica, sizeof replica, "%lld", (long long) self->plan->replica);
    const char *const head[] = {config->exe,         "node",
                                config->recipe_path, self->plan->node->name,
                                "--replica",         replica,
                                "--state",           config->paths->state,
                                "--runtime",         config->paths->runtime,
                                "--ready-fd",        "3"};
    const size_t head_count = sizeof head / sizeof *head;
    const char **argv = zloom_alloc ((head_count + extra + 1) * sizeof *argv);
    memcpy (argv, head, sizeof head);
    for (size_t i = 0; i < extra; i++) {
        argv[head_count + i] = config->extra[i];
    }
    zloom_random_system (self->nonce, sizeof self->nonce);
    char nonce[64] = "ZLOOM_NONCE=";
    for (size_t i = 0; i < sizeof self->nonce; i++) {
        size_t at = strlen (nonce);
        (void) snprintf (nonce + at, sizeof nonce - at, "%02x", self->nonce[i]);
    }
    const char *const env[] = {nonce, NULL};
    zloom_err_t err = s_spawn_with (self, argv, env);
    free (argv);
    if (err == ZLOOM_OK) {
        s_write_pid (self);
        zloom_log (ZLOOM_LOG_INFO, "node-start", "node=%s pid=%d", self->plan->name,
                   (int) zloom_child_pid (self->child));
    }
    return err;
}

static void s_act (zloom_proc_t *self, zloom_unit_action_t action, int64_t mono_ns);

static void
s_start_failed (zloom_proc_t *self, int64_t mono_ns)
{
    zloom_log (ZLOOM_LOG_ERROR, "node-start-failed", "node=%s %s", self->plan->name, zloom_note ());
    (void) snprintf (self->end_text, sizeof self->end_text, "cannot be started: %.120s",
                     zloom_note ());
    zloom_child_end_t end = {.exit = 126, .start_errno = ENOEXEC};
    s_act (self, zloom_unit_ended (self->unit, &end, mono_ns), mono_ns);
}

static void
s_act (zloom_proc_t *self, zloom_unit_action_t action, int64_t mono_ns)
{
    switch (action) {
    case ZLOOM_UNIT_NOTHING:
        break;
    case ZLOOM_UNIT_SPAWN:
        if (s_spawn (self) != ZLOOM_OK) {
            s_start_failed (self, mono_ns);
        }
        break;
    case ZLOOM_UNIT_TERMINATE:
        zloom_child_signal (self->child, SIGTERM);
        break;
    case ZLOOM_UNIT_KILL:
        zloom_log (ZLOOM_LOG_WARN, "node-kill", "node=%s why=\"%s\"", self->plan->name,
                   zloom_unit_state (self->unit) == ZLOOM_UNIT_STOPPING ? "did not stop in time"
                                                                        : "not ready in time");
        self->killed = zloom_unit_state (self->unit) == ZLOOM_UNIT_STOPPING;
        zloom_child_signal (self->child, SIGKILL);
        break;
    }
}

void
zloom_proc_start (zloom_proc_t *self, int64_t mono_ns)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    s_act (self, zloom_unit_start (self->unit, mono_ns), mono_ns);
}

void
zloom_proc_stop (zloom_proc_t *self, int64_t kill_at_ns)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    s_act (self, zloom_unit_stop (self->unit, kill_at_ns), 0);
}

/* ---- what comes from the process ------------------------------------------------------------ */

static void
s_read_words (zloom_proc_t *self, int reads)
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

static void
s_read_ready (zloom_proc_t *self)
{
    char byte = 0;
    ssize_t got = self->ready_fd < 0 ? -1 : read (self->ready_fd, &byte, 1);
    if (got == 1 && byte == '\n') {
        zloom_unit_ready (self->unit);
        zloom_log (ZLOOM_LOG_INFO, "node-ready", "node=%s pid=%d", self->plan->name,
                   (int) zloom_child_pid (self->child));
        s_close (&self->ready_fd);
    } else if (got == 0 || (got < 0 && self->ready_fd >= 0 && errno != EAGAIN && errno != EINTR)) {
        s_close (&self->ready_fd);
    }
}

/* The obituary: what is known of the death, for people, for the router, for the last report. */
static void
s_bury (zloom_proc_t *self, const zloom_child_end_t *end, bool asked, int64_t mono_ns)
{
    char text[128];
    self->exit = end->exit;
    (void) snprintf (self->end_text, sizeof self->end_text, "%s", zloom_child_end_text (end, text));
    if (asked || (end->exit == 0 && zloom_unit_state (self->unit) == ZLOOM_UNIT_DONE)) {
        zloom_log (ZLOOM_LOG_INFO, "node-stop", "node=%s end=\"%s\" ran_ms=%lld", self->plan->name,
                   text, (long long) (end->ran_ns / ZLOOM_NS_PER_MS));
        return;
    }
    zloom_unit_state_t state = zloom_unit_state (self->unit);
    char then[96] = "no restart: trying again is of no use, mend the cause first";
    if (state == ZLOOM_UNIT_BACKOFF) {
        (void) snprintf (
          then, sizeof then, "restart %lld in %lld ms",
          (long long) zloom_unit_restarts (self->unit),
          (long long) ((zloom_unit_deadline (self->unit) - mono_ns) / ZLOOM_NS_PER_MS));
    } else if (!zloom_unit_exit_is_final (end)) {
        (void) snprintf (then, sizeof then, "no restart: the budget of restarts is used up");
    }
    zloom_log (ZLOOM_LOG_ERROR, "node-death", "node=%s end=\"%s\" ran_ms=%lld then=\"%s\"",
               self->plan->name, text, (long long) (end->ran_ns / ZLOOM_NS_PER_MS), then);
    const zloom_watch_t *watch = self->config->watch;
    if (watch && watch->gone) {
        zloom_buf_t words = {0};
        zloom_lines_tail (&self->words, &words);
        watch->gone (watch->arg, self->plan->name, self->nonce, end, zloom_buf_text (&words));
        zloom_buf_fini (&words);
    }
}

static void
s_reap (zloom_proc_t *self, int64_t mono_ns)
{
    zloom_child_end_t end;
    if (!self->child || !zloom_child_reap (self->child, &end)) {
        return;
    }
    s_read_words (self, 1024); /* all it said before it died, but not without bound */
    if (self->error_fd >= 0) {
        zloom_lines_end (&self->words, s_pass_on, self);
        s_close (&self->error_fd);
    }
    s_close (&self->ready_fd);
    bool asked = zloom_unit_state (self->unit) == ZLOOM_UNIT_STOPPING;
    zloom_unit_action_t action = zloom_unit_ended (self->unit, &end, mono_ns);
    s_bury (self, &end, asked, mono_ns);
    zloom_child_destroy (&self->child);
    (void) unlink (self->pid_path);
    s_act (self, action, mono_ns);
}

void
zloom_proc_turn (zloom_proc_t *self, int64_t mono_ns)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    s_read_words (self, READS_A_TURN);
    s_read_ready (self);
    s_reap (self, mono_ns);
    if (mono_ns >= zloom_unit_deadline (self->unit)) {
        s_act (self, zloom_unit_timer (self->unit, mono_ns), mono_ns);
    }
}
