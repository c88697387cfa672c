/* SPDX-License-Identifier: MPL-2.0 */
/*
 * cmd_up.c - `up`: a recipe in the background. It starts `zloom run --logs` in a session of its own
 * and waits at a pipe until that says that all nodes serve, or why they do not.
 */
#include "commands.h"

#include "base/clock.h"
#include "base/memory.h"
#include "control.h"
#include "fleet.h"
#include "launch/logfile.h"
#include "net/endpoint.h"
#include "reload.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_FD 3
#define WORDS_MAX 24
/* How often somebody is looked for who has the lock and does not listen yet. */
#define LOOK_MS 20
/* Of what a node said last. */
#define WORDS_SHOWN 10
/* "flows.NAME" */
#define WHOLE_BYTES (ZLOOM_NAME_MAX + 16)

typedef struct {
    const zloom_cli_t *cli;
    zloom_topology_t topology;
    int64_t until_ns;
    zloom_output_t output;
} s_up_t;

static int64_t
s_left_ms (const s_up_t *self)
{
    const int64_t left_ns = self->until_ns - zloom_clock_mono_ns ();
    return left_ns > 0 ? left_ns / ZLOOM_NS_PER_MS + 1 : 0;
}

static const char *
s_name (const s_up_t *self)
{
    return zloom_recipe_name (self->topology.recipe);
}

static int
s_late (const s_up_t *self)
{
    return zloom_cli_say (self->cli, ZLOOM_EXIT_TIMED_OUT,
                          "'%s' is not ready yet and goes on trying; see: zloom ps, zloom logs",
                          s_name (self));
}

/* "flows.news.to.ledger": whether flows.news.pattern has changed, too: all of it came or went. */
static bool
s_is_of_whole (const json_t *changed, const char *path, char whole[WHOLE_BYTES])
{
    const char *const keys[][2] = {{"flows.", "pattern"}, {"nodes.", "kind"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const size_t top = strlen (keys[i][0]);
        const size_t size = top + strcspn (path + (strlen (path) < top ? 0 : top), ".");
        char key[WHOLE_BYTES + 16];
        if (strncmp (path, keys[i][0], top) != 0 || size >= WHOLE_BYTES) {
            continue;
        }
        (void) snprintf (whole, WHOLE_BYTES, "%.*s", (int) size, path);
        (void) snprintf (key, sizeof key, "%s.%s", whole, keys[i][1]);
        size_t index = 0;
        const json_t *other = NULL;
        json_array_foreach (changed, index, other)
        {
            if (strcmp (json_string_value (other), key) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* What has changed; of a node or flow that came or went its name once. */
static void
s_add_changed (const json_t *changed, zloom_buf_t *out)
{
    json_t *told = json_object ();
    size_t index = 0;
    const json_t *path = NULL;
    json_array_foreach (changed, index, path)
    {
        char whole[WHOLE_BYTES];
        const char *text = json_string_value (path);
        text = s_is_of_whole (changed, text, whole) ? whole : text;
        if (!json_object_get (told, text)) {
            zloom_buf_printf (out, " %s", text);
            json_object_set_new (told, text, json_true ());
        }
    }
    json_decref (told);
}

static int
s_done (const s_up_t *self, pid_t pid, bool started, json_t *changed)
{
    const size_t count = json_array_size (changed);
    if (self->output == ZLOOM_OUTPUT_TEXT && count > 0) {
        zloom_buf_t paths = {0};
        s_add_changed (changed, &paths);
        zloom_cli_say (self->cli, 0, "'%s' has taken over:%s", s_name (self),
                       zloom_buf_text (&paths));
        zloom_buf_fini (&paths);
        return ZLOOM_EXIT_OK;
    }
    if (self->output == ZLOOM_OUTPUT_TEXT) {
        const bool read = !started && self->topology.fleet &&
                          zloom_fleet_has_router (&self->topology); /* by its routers, again */
        return zloom_cli_say (self->cli, ZLOOM_EXIT_OK, "'%s' %s, supervisor %d%s", s_name (self),
                              started ? "is up" : "was up already", (int) pid,
                              read ? "; keys may do what the fleet says now" : "");
    }
    json_t *object = json_object ();
    json_object_set_new (object, "topology", json_string (s_name (self)));
    json_object_set_new (object, "pid", json_integer (pid));
    json_object_set_new (object, "started", json_boolean (started));
    json_object_set (object, "changed", changed);
    return zloom_print_json (self->cli, object, self->output == ZLOOM_OUTPUT_JSON);
}

/* ---- it runs already ------------------------------------------------------------------------ */

/* Between the lock and the socket there is a moment, and another `up` may be in it. */
static zloom_err_t
s_connect (const s_up_t *self, zloom_control_t *control)
{
    *control = (zloom_control_t){.cli = self->cli, .fd = -1, .paths = self->topology.paths};
    zloom_err_t err = zloom_control_connect_to (control);
    while (err == ZLOOM_NOT_RUNNING && zloom_paths_running (&control->paths) == ZLOOM_OK &&
           s_left_ms (self) > 0) {
        (void) poll (NULL, 0, LOOK_MS);
        err = zloom_control_connect_to (control);
    }
    return err;
}

static int
s_waited (const s_up_t *self, zloom_err_t err)
{
    return err == ZLOOM_OK          ? ZLOOM_EXIT_OK
           : err == ZLOOM_TIMED_OUT ? s_late (self)
                                    : zloom_cli_fail (self->cli, err);
}

/* What is of a process that has started already is not dropped in silence. */
static void
s_tell_unused (const s_up_t *self)
{
    static const char *const names[] = {"grace", "log-size", "metrics"};
    zloom_buf_t given = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (zloom_cli_option (self->cli, names[i])) {
            zloom_buf_printf (&given, "%s--%s", given.size > 0 ? ", " : "", names[i]);
        }
    }
    if (given.size > 0) {
        zloom_cli_say (self->cli, 0, "'%s' runs already: %s counts at its next start",
                       s_name (self), zloom_buf_text (&given));
    }
    zloom_buf_fini (&given);
}

/* *went: it was on its way out, and has done nothing of this. */
static int
s_again (const s_up_t *self, bool *went)
{
    zloom_control_t control;
    zloom_err_t err = s_connect (self, &control);
    if (err == ZLOOM_OK) {
        /* Not until all are ready: what is changed may be what mends a node that is not. */
        err = zloom_control_wait (&control, "running", NULL, s_left_ms (self));
    }
    *went = (err == ZLOOM_NOT_RUNNING || err == ZLOOM_GONE) && s_left_ms (self) > 0;
    if (*went) {
        zloom_control_close (&control);
        return ZLOOM_EXIT_NOT_RUNNING;
    }
    int code = s_waited (self, err);
    json_t *changed = NULL;
    if (code == ZLOOM_EXIT_OK) {
        code = zloom_reload (&control, &self->topology, self->until_ns, &changed);
    }
    if (code == ZLOOM_EXIT_OK && json_array_size (changed) == 0) {
        code = s_waited (self, zloom_control_wait (&control, "ready", NULL, s_left_ms (self)));
    }
    if (code == ZLOOM_EXIT_OK) {
        s_tell_unused (self);
        code = s_done (self, control.pid, false, changed);
    }
    json_decref (changed);
    zloom_control_close (&control);
    return code;
}

/* ---- start it ------------------------------------------------------------------------------- */

/* `zloom run` with what was given here; what is a path stands whole, since it runs in "/". */
static const char **
s_words (const s_up_t *self)
{
    const zloom_topology_t *topology = &self->topology;
    const char **words = zloom_alloc ((WORDS_MAX + topology->set_count * 2) * sizeof *words);
    const char *const head[] = {self->cli->exe, "run", topology->path, "--logs", "--ready-fd", "3"};
    size_t count = sizeof head / sizeof *head;
    memcpy (words, head, sizeof head);
    if (zloom_cli_option (self->cli, "state") || getenv ("ZLOOM_STATE")) {
        words[count++] = "--state";
        words[count++] = topology->paths.state;
    }
    static const char *const same[][2] = {
      {"grace", "--grace"}, {"log-size", "--log-size"}, {"metrics", "--metrics"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const char *value = zloom_cli_option (self->cli, same[i][0]);
        if (value) {
            words[count++] = same[i][1];
            words[count++] = value;
        }
    }
    for (size_t i = 0; i < topology->set_count; i++) {
        words[count++] = "--set";
        words[count++] = topology->sets[i];
    }
    const char *const place[] = {"--fleet", topology->fleet_path, "--host", topology->host,
                                 "--keys",  topology->key_folder};
    for (size_t i = 0; topology->fleet && i < sizeof place / sizeof *place; i++) {
        words[count++] = place[i];
    }
    words[count] = NULL;
    return words;
}

/*
 * In a session of its own: no terminal's hangup or interrupt reaches it. What it says before it has
 * its log goes to the same file.
 */
static zloom_err_t
s_spawn (const s_up_t *self, const char *log, int ready_fd, pid_t *pid)
{
    extern char **environ;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    sigset_t none;
    sigset_t all;
    sigemptyset (&none);
    sigfillset (&all);
    posix_spawnattr_init (&attributes);
    posix_spawnattr_setflags (&attributes,
                              POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask (&attributes, &none);
    posix_spawnattr_setsigdefault (&attributes, &all);
    posix_spawn_file_actions_init (&files);
    posix_spawn_file_actions_addopen (&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen (&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen (&files, STDERR_FILENO, log,
                                      O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    posix_spawn_file_actions_adddup2 (&files, ready_fd, READY_FD);
    posix_spawn_file_actions_addchdir_np (&files, "/");
    const char **words = s_words (self);
    errno = posix_spawn (pid, self->cli->exe, &files, &attributes, (char *const *) words, environ);
    const zloom_err_t err =
      errno == 0 ? ZLOOM_OK : zloom_fail_errno (ZLOOM_SYSTEM, "cannot start %s", self->cli->exe);
    free (words);
    posix_spawn_file_actions_destroy (&files);
    posix_spawnattr_destroy (&attributes);
    return err;
}

/* All that comes from the pipe until its end or a newline; TIMED_OUT. */
static zloom_err_t
s_listen (const s_up_t *self, int fd, zloom_buf_t *heard)
{
    for (;;) {
        const int64_t left_ms = s_left_ms (self);
        struct pollfd item = {.fd = fd, .events = POLLIN};
        if (poll (&item, 1, left_ms < 60000 ? (int) left_ms : 60000) <= 0) {
            if (left_ms == 0) {
                return ZLOOM_TIMED_OUT;
            }
            continue;
        }
        char chunk[4096];
        const ssize_t got = read (fd, chunk, sizeof chunk);
        if (got <= 0) {
            return ZLOOM_GONE;
        }
        zloom_buf_add (heard, chunk, (size_t) got);
        if (heard->data[0] == '\n') {
            return ZLOOM_OK;
        }
    }
}

/* The last lines of `text`. */
static const char *
s_tail (const char *text, int lines)
{
    const char *at = text + strlen (text);
    while (at > text && lines >= 0) {
        at--;
        if (*at == '\n' && at[1] != 0) {
            lines--;
        }
    }
    return *at == '\n' ? at + 1 : at;
}

/* It has ended before it was ready: say why, and end in the same way. */
static int
s_explain (const s_up_t *self, pid_t pid, zloom_buf_t *heard, const char *log)
{
    int status = 0;
    while (waitpid (pid, &status, 0) < 0 && errno == EINTR) {
    }
    const int code = WIFEXITED (status) ? WEXITSTATUS (status) : ZLOOM_EXIT_FAILED;
    json_t *report = json_loads (zloom_buf_text (heard), 0, NULL);
    const char *text = zloom_print_string (report, "text");
    const char *words = zloom_print_string (report, "words");
    if (!*text) {
        zloom_cli_say (self->cli, 0, "'%s' has ended before it was ready; see %s", s_name (self),
                       log);
    } else if (*words) {
        zloom_cli_say (self->cli, 0, "%s\n%s said last:\n%s", text,
                       zloom_print_string (report, "unit"), s_tail (words, WORDS_SHOWN));
    } else {
        zloom_cli_say (self->cli, 0, "%s", text);
    }
    json_decref (report);
    return code == ZLOOM_EXIT_OK ? ZLOOM_EXIT_FAILED : code;
}

static int
s_start (const s_up_t *self)
{
    char folder[PATH_MAX + 8];
    char log[PATH_MAX + 32];
    (void) snprintf (folder, sizeof folder, "%s/%s", self->topology.paths.state,
                     ZLOOM_LOGFILE_FOLDER);
    (void) snprintf (log, sizeof log, "%s/%s", folder, ZLOOM_LOGFILE_NAME);
    int fds[2];
    zloom_err_t err = zloom_private_directory (folder);
    if (err == ZLOOM_OK && pipe2 (fds, O_CLOEXEC) != 0) {
        err = zloom_fail_errno (ZLOOM_SYSTEM, "cannot make a pipe");
    }
    if (err != ZLOOM_OK) {
        return zloom_cli_fail (self->cli, err);
    }
    pid_t pid = 0;
    err = s_spawn (self, log, fds[1], &pid);
    close (fds[1]);
    zloom_buf_t heard = {0};
    int code = ZLOOM_EXIT_OK;
    if (err != ZLOOM_OK) {
        code = zloom_cli_fail (self->cli, err);
    } else {
        err = s_listen (self, fds[0], &heard);
        if (err == ZLOOM_OK) {
            json_t *none = json_array ();
            code = s_done (self, pid, true, none);
            json_decref (none);
        } else if (err == ZLOOM_TIMED_OUT) {
            code = s_late (self);
        } else if (zloom_paths_running (&self->topology.paths) == ZLOOM_OK) {
            bool went = false;
            code = s_again (self, &went); /* another one was faster, and has the name */
            if (went) {
                zloom_cli_say (self->cli, 0, "'%s' was started by somebody else and ended again",
                               s_name (self));
            }
        } else {
            code = s_explain (self, pid, &heard, log);
        }
    }
    zloom_buf_fini (&heard);
    close (fds[0]);
    return code;
}

static int
s_up (const s_up_t *self)
{
    const int code = zloom_run_check_actors (self->cli, self->topology.recipe);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    zloom_err_t err = zloom_paths_make (&self->topology.paths);
    if (err != ZLOOM_OK) {
        return err == ZLOOM_SYSTEM
                 ? zloom_cli_say (self->cli, ZLOOM_EXIT_CREATE, "%s", zloom_note ())
                 : zloom_cli_fail (self->cli, err);
    }
    while (zloom_paths_running (&self->topology.paths) == ZLOOM_OK) {
        bool went = false;
        const int done = s_again (self, &went);
        if (!went) {
            return done;
        }
        (void) poll (NULL, 0, LOOK_MS); /* a process that was killed has its lock for a moment */
    }
    return s_start (self);
}

int
zloom_cmd_up (zloom_cli_t *cli)
{
    s_up_t self = {.cli = cli};
    int64_t timeout_ns = 0;
    int64_t unused = 0;
    /* What is only handed on is looked at here, where somebody reads the message. */
    if (!zloom_cli_output (cli, &self.output) ||
        !zloom_cli_duration (cli, "timeout", 60 * ZLOOM_NS_PER_S, &timeout_ns) ||
        !zloom_cli_duration (cli, "grace", 0, &unused) || !zloom_run_log_bytes (cli, &unused)) {
        return ZLOOM_EXIT_USAGE;
    }
    self.until_ns = zloom_time_add (zloom_clock_mono_ns (), timeout_ns);
    int code = zloom_topology_load (cli, true, NULL, &self.topology);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    code = s_up (&self);
    zloom_topology_fini (&self.topology);
    return code;
}
