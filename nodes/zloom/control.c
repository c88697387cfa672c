/* SPDX-License-Identifier: MPL-2.0 */
#include "control.h"

#include "base/clock.h"
#include "launch/control_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_BYTES 65536
/* Of an answer: a supervisor of a thousand nodes says half a kilobyte of each. */
#define ANSWER_BYTES (16 * 1024 * 1024)
#define LONGEST_POLL_MS 60000

/* ---- which one ------------------------------------------------------------------------------ */

/* The name that a recipe's file gives, whether or not the rest of it is sound. */
static int
s_recipe_name (const zloom_cli_t *cli, const char *path, zloom_control_t *self)
{
    zloom_topology_t topology;
    zloom_cli_t one = *cli;
    one.words[0] = path;
    one.word_count = 1;
    int code = zloom_topology_read (&one, false, NULL, &topology);
    if (code == ZLOOM_EXIT_OK) {
        (void) snprintf (self->topology, sizeof self->topology, "%s",
                         zloom_recipe_name (topology.recipe));
        zloom_topology_fini (&topology);
    } else if (code == ZLOOM_EXIT_RECIPE) {
        zloom_cli_say (cli, 0, "name the topology instead of its recipe: zloom %s NAME",
                       cli->command->name);
    }
    return code;
}

int
zloom_control_find (const zloom_cli_t *cli, const char *word, zloom_control_t *self)
{
    *self = (zloom_control_t){.cli = cli, .fd = -1};
    const char *state = zloom_cli_option (cli, "state");
    state = state || word ? state : getenv ("ZLOOM_STATE");
    if (word && strpbrk (word, "./")) {
        const int code = s_recipe_name (cli, word, self);
        if (code != ZLOOM_EXIT_OK) {
            return code;
        }
    } else if (word && strlen (word) > ZLOOM_NAME_MAX) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "a name has at most %d characters: %s",
                              ZLOOM_NAME_MAX, word);
    } else if (word) {
        (void) snprintf (self->topology, sizeof self->topology, "%s", word);
    } else if (!state) {
        zloom_err_t err = zloom_paths_only (self->topology, sizeof self->topology, "");
        if (err != ZLOOM_OK) {
            return zloom_cli_fail (cli, err);
        }
    }
    zloom_err_t err = zloom_paths_find (self->topology, state, &self->paths);
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (cli, err);
}

/* Nobody takes orders there; somebody may run all the same. */
static zloom_err_t
s_not_there (const zloom_control_t *self)
{
    if (zloom_paths_running (&self->paths) == ZLOOM_OK) {
        return zloom_fail (ZLOOM_NOT_RUNNING,
                           "what runs in %s has no supervisor: a node alone, or a program that "
                           "embeds the recipe",
                           self->paths.runtime);
    }
    return zloom_fail (ZLOOM_NOT_RUNNING, "nothing runs in %s; start it with: zloom up RECIPE",
                       self->paths.runtime);
}

zloom_err_t
zloom_control_connect_to (zloom_control_t *self)
{
    zloom_err_t err = zloom_control_socket_connect (self->paths.runtime, &self->fd);
    if (err == ZLOOM_NOT_RUNNING) {
        return s_not_there (self);
    }
    struct ucred who = {0};
    socklen_t size = sizeof who;
    if (err == ZLOOM_OK && getsockopt (self->fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot tell who listens");
    }
    self->pid = who.pid;
    return err;
}

int
zloom_control_open (const zloom_cli_t *cli, const char *word, zloom_control_t *self)
{
    const int code = zloom_control_find (cli, word, self);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    const zloom_err_t err = zloom_control_connect_to (self);
    if (err != ZLOOM_OK) {
        zloom_control_close (self);
        return zloom_cli_fail (cli, err);
    }
    return ZLOOM_EXIT_OK;
}

void
zloom_control_close (zloom_control_t *self)
{
    if (self->fd >= 0) {
        close (self->fd);
        self->fd = -1;
    }
    zloom_buf_fini (&self->in);
}

/* ---- talk ----------------------------------------------------------------------------------- */

zloom_err_t
zloom_control_send (zloom_control_t *self, const char *verb, json_t *args)
{
    json_t *request = args ? args : json_object ();
    json_object_set_new (request, "verb", json_string (verb));
    char *line = json_dumps (request, JSON_COMPACT);
    json_decref (request);
    if (!line) {
        return zloom_fail (ZLOOM_MALFORMED, "a word of the command line is no UTF-8");
    }
    const size_t size = strlen (line);
    line[size] = '\n';
    size_t sent = 0;
    zloom_err_t err = ZLOOM_OK;
    while (err == ZLOOM_OK && sent <= size) {
        const ssize_t done = send (self->fd, line + sent, size + 1 - sent, MSG_NOSIGNAL);
        if (done > 0) {
            sent += (size_t) done;
        } else if (errno != EINTR) {
            err = zloom_fail_errno (ZLOOM_GONE, "the supervisor takes no request");
        }
    }
    free (line);
    return err;
}

static int
s_poll_ms (int64_t left_ns)
{
    const int64_t ms = left_ns / ZLOOM_NS_PER_MS + 1;
    return left_ns <= 0 ? 0 : ms < LONGEST_POLL_MS ? (int) ms : LONGEST_POLL_MS;
}

/* One whole line into the front of `in`; its size with the newline into *size. */
static zloom_err_t
s_line (zloom_control_t *self, int64_t until_ns, size_t *size)
{
    for (;;) {
        const char *end = self->in.size > 0 ? memchr (self->in.data, '\n', self->in.size) : NULL;
        if (end) {
            *size = (size_t) (end - (const char *) self->in.data) + 1;
            return ZLOOM_OK;
        }
        const int64_t left_ns = until_ns - zloom_clock_mono_ns ();
        struct pollfd item = {.fd = self->fd, .events = POLLIN};
        const int some = poll (&item, 1, s_poll_ms (left_ns));
        if (some == 0 && left_ns <= 0) {
            return zloom_fail (ZLOOM_TIMED_OUT,
                               "the supervisor (process %d) has not answered in "
                               "time",
                               (int) self->pid);
        }
        if (some <= 0) {
            continue;
        }
        const ssize_t got =
          recv (self->fd, zloom_buf_reserve (&self->in, READ_BYTES), READ_BYTES, 0);
        if (got <= 0 || self->in.size + (size_t) got > ANSWER_BYTES) {
            return zloom_fail (ZLOOM_GONE,
                               "the supervisor (process %d) went away without an "
                               "answer",
                               (int) self->pid);
        }
        self->in.size += (size_t) got;
    }
}

/* What an answer says: an error of the supervisor's becomes one of ours. */
static zloom_err_t
s_read (json_t *answer)
{
    const json_t *ok = json_object_get (answer, "ok");
    if (json_is_true (ok)) {
        return ZLOOM_OK;
    }
    zloom_err_t err = ZLOOM_FAILED;
    if (!json_is_false (ok) || !zloom_err_by_name (zloom_print_string (answer, "error"), &err) ||
        err == ZLOOM_OK) {
        return zloom_fail (ZLOOM_FAILED, "the supervisor's answer is not understood: is it of "
                                         "another version?");
    }
    return zloom_fail (err, "%s", zloom_print_string (answer, "text"));
}

zloom_err_t
zloom_control_receive (zloom_control_t *self, int64_t wait_ms, json_t **answer_p)
{
    const int64_t until_ns = zloom_time_add (zloom_clock_mono_ns (), wait_ms * ZLOOM_NS_PER_MS);
    size_t size = 0;
    zloom_err_t err = s_line (self, until_ns, &size);
    if (err != ZLOOM_OK) {
        return err;
    }
    json_t *answer = json_loadb ((const char *) self->in.data, size, 0, NULL);
    self->in.size -= size;
    memmove (self->in.data, self->in.data + size, self->in.size);
    err = s_read (answer);
    if (err != ZLOOM_OK) {
        json_decref (answer);
        return err;
    }
    *answer_p = answer;
    return ZLOOM_OK;
}

int
zloom_control_ask (zloom_control_t *self, const char *verb, json_t *args, int64_t wait_ms,
                   json_t **answer_p)
{
    zloom_err_t err = zloom_control_send (self, verb, args);
    if (err == ZLOOM_OK) {
        err = zloom_control_receive (self, wait_ms, answer_p);
    }
    while (err == ZLOOM_OK && json_is_true (json_object_get (*answer_p, "more"))) {
        json_decref (*answer_p);
        err = zloom_control_receive (self, wait_ms, answer_p);
    }
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (self->cli, err);
}

zloom_err_t
zloom_control_wait (zloom_control_t *self, const char *what, const char *node, int64_t wait_ms)
{
    json_t *answer = NULL;
    zloom_err_t err =
      zloom_control_send (self, "wait", json_pack ("{s:s, s:s*}", "for", what, "node", node));
    if (err == ZLOOM_OK) {
        err = zloom_control_receive (self, wait_ms, &answer);
        json_decref (answer);
    }
    return err;
}

zloom_err_t
zloom_control_wait_end (const zloom_control_t *self, int64_t wait_ms)
{
    const int fd = (int) syscall (SYS_pidfd_open, self->pid, 0);
    if (fd < 0) {
        return errno == ESRCH ? ZLOOM_OK : zloom_fail_errno (ZLOOM_SYSTEM, "cannot wait");
    }
    struct pollfd item = {.fd = fd, .events = POLLIN};
    const int some = poll (&item, 1, (int) wait_ms);
    close (fd);
    return some > 0 ? ZLOOM_OK
                    : zloom_fail (ZLOOM_TIMED_OUT, "the supervisor (process %d) does not end",
                                  (int) self->pid);
}
