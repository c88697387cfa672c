/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/paths.h"

#include "base/bytes.h"
#include "net/endpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static zloom_err_t
s_print (char *out, size_t size, const char *a, const char *b, const char *c)
{
    int length = snprintf (out, size, "%s%s%s", a, b, c);
    if (length < 0 || (size_t) length >= size) {
        return zloom_fail (ZLOOM_TOO_BIG, "path is too long: %s%s%s", a, b, c);
    }
    return ZLOOM_OK;
}

/* The folder under which each topology has its runtime folder. */
static zloom_err_t
s_runtime_base (char *base, size_t size)
{
    const char *runtime = getenv ("XDG_RUNTIME_DIR");
    if (runtime && runtime[0] == '/') {
        return s_print (base, size, runtime, "/zloom", "");
    }
    char uid[32];
    (void) snprintf (uid, sizeof uid, "%u", (unsigned) getuid ());
    return s_print (base, size, "/tmp/zloom-", uid, "");
}

static zloom_err_t
s_find_by_name (const char *name, zloom_paths_t *self)
{
    char base[PATH_MAX];
    const char *state = getenv ("XDG_STATE_HOME");
    const char *home = getenv ("HOME");
    zloom_err_t err = ZLOOM_OK;
    if (state && state[0] == '/') {
        err = s_print (self->state, sizeof self->state, state, "/zloom/", name);
    } else if (home && home[0] == '/') {
        err = s_print (base, sizeof base, home, "/.local/state", "");
        if (err == ZLOOM_OK) {
            err = s_print (self->state, sizeof self->state, base, "/zloom/", name);
        }
    } else {
        return zloom_fail (ZLOOM_INVALID, "no folder for state: neither XDG_STATE_HOME nor HOME is "
                                          "set; name one with --state DIR");
    }
    if (err == ZLOOM_OK) {
        err = s_runtime_base (base, sizeof base);
    }
    if (err == ZLOOM_OK) {
        err = s_print (self->runtime, sizeof self->runtime, base, "/", name);
    }
    return err;
}

zloom_err_t
zloom_paths_find (const char *name, const char *state, zloom_paths_t *self)
{
    if (!state || !*state) {
        return s_find_by_name (name, self);
    }
    zloom_err_t err = ZLOOM_OK;
    if (state[0] == '/') {
        err = s_print (self->state, sizeof self->state, state, "", "");
    } else {
        char here[PATH_MAX];
        if (!getcwd (here, sizeof here)) {
            return zloom_fail_errno (ZLOOM_SYSTEM, "cannot tell the current folder");
        }
        err = s_print (self->state, sizeof self->state, here, here[1] ? "/" : "", state);
    }
    if (err == ZLOOM_OK) {
        err = s_print (self->runtime, sizeof self->runtime, self->state, "/run", "");
    }
    return err;
}

zloom_err_t
zloom_paths_make (const zloom_paths_t *self)
{
    zloom_err_t err = zloom_private_directory (self->state);
    return err == ZLOOM_OK ? zloom_private_directory (self->runtime) : err;
}

static zloom_err_t
s_lock_path (const zloom_paths_t *self, char *path, size_t size)
{
    return s_print (path, size, self->runtime, "/topology", ".lock");
}

zloom_err_t
zloom_paths_lock (const zloom_paths_t *self, int *fd)
{
    char path[PATH_MAX];
    zloom_err_t err = s_lock_path (self, path, sizeof path);
    if (err != ZLOOM_OK) {
        return err;
    }
    int lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot open %s", path);
    }
    char text[32] = "";
    if (flock (lock, LOCK_EX | LOCK_NB) != 0) {
        ssize_t got = read (lock, text, sizeof text - 1);
        text[got > 0 ? strcspn (text, "\n") : 0] = 0;
        close (lock);
        return zloom_fail (ZLOOM_LOCKED, "runs already, as process %s (state %s)",
                           text[0] ? text : "?", self->state);
    }
    int length = snprintf (text, sizeof text, "%d\n", (int) getpid ());
    if (ftruncate (lock, 0) != 0 || write (lock, text, (size_t) length) != length) {
        close (lock);
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot write %s", path);
    }
    *fd = lock;
    return ZLOOM_OK;
}

zloom_err_t
zloom_paths_running (const zloom_paths_t *self)
{
    char path[PATH_MAX];
    zloom_err_t err = s_lock_path (self, path, sizeof path);
    if (err != ZLOOM_OK) {
        return err;
    }
    int lock = open (path, O_RDWR | O_CLOEXEC);
    if (lock < 0) {
        return ZLOOM_NOT_RUNNING;
    }
    bool held = flock (lock, LOCK_SH | LOCK_NB) != 0;
    close (lock);
    return held ? ZLOOM_OK : ZLOOM_NOT_RUNNING;
}

/* Another one takes its place whole: who reads meanwhile has either. */
zloom_err_t
zloom_paths_write_endpoint (const zloom_paths_t *self, const char *lines)
{
    char path[PATH_MAX];
    char fresh[PATH_MAX];
    zloom_err_t err = s_print (path, sizeof path, self->runtime, "/endpoint", "");
    err = err ? err : s_print (fresh, sizeof fresh, path, ".new", "");
    if (err != ZLOOM_OK) {
        return err;
    }
    const size_t size = strlen (lines);
    const int fd = open (fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const bool written = fd >= 0 && write (fd, lines, size) == (ssize_t) size;
    if (!written || rename (fresh, path) != 0) {
        err = zloom_fail_errno (ZLOOM_SYSTEM, "cannot write %s", path);
    }
    if (fd >= 0) {
        close (fd);
    }
    return err;
}

void
zloom_endpoints_split (const char *lines, zloom_endpoints_t *endpoints)
{
    endpoints->count = 0;
    while (*lines && endpoints->count < ZLOOM_ROUTERS_MAX) {
        const size_t size = strcspn (lines, "\n");
        if (size > 0 && size < ZLOOM_PATHS_ENDPOINT_BYTES) {
            char *item = endpoints->items[endpoints->count++];
            memcpy (item, lines, size);
            item[size] = 0;
        }
        lines += size + (lines[size] ? 1 : 0);
    }
}

zloom_err_t
zloom_paths_read_endpoints (const zloom_paths_t *self, zloom_endpoints_t *endpoints)
{
    char path[PATH_MAX];
    char lines[ZLOOM_ROUTERS_MAX * ZLOOM_PATHS_ENDPOINT_BYTES + 1];
    zloom_err_t err = s_print (path, sizeof path, self->runtime, "/endpoint", "");
    int fd = err == ZLOOM_OK ? open (path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t got = fd < 0 ? -1 : read (fd, lines, sizeof lines - 1);
    if (fd >= 0) {
        close (fd);
    }
    lines[got > 0 ? got : 0] = 0;
    zloom_endpoints_split (lines, endpoints);
    if (endpoints->count == 0 || zloom_paths_running (self) != ZLOOM_OK) {
        return zloom_fail (ZLOOM_NOT_RUNNING, "nothing runs in %s; start it with: zloom up RECIPE",
                           self->runtime);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_paths_only (char *name, size_t size, const char *how)
{
    char base[PATH_MAX];
    zloom_err_t err = s_runtime_base (base, sizeof base);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_buf_t found = {0};
    size_t count = 0;
    DIR *folder = opendir (base);
    struct dirent *entry = NULL;
    while (folder && (entry = readdir (folder))) {
        zloom_paths_t paths;
        if (entry->d_name[0] == '.' || zloom_paths_find (entry->d_name, NULL, &paths) != ZLOOM_OK ||
            zloom_paths_running (&paths) != ZLOOM_OK) {
            continue;
        }
        count++;
        zloom_buf_printf (&found, " %s", entry->d_name);
        (void) snprintf (name, size, "%s", entry->d_name);
    }
    if (folder) {
        closedir (folder);
    }
    if (count == 0) {
        err = zloom_fail (ZLOOM_NOT_RUNNING, "no topology is running; start one with: zloom up "
                                             "RECIPE");
    } else if (count > 1) {
        err = zloom_fail (ZLOOM_INVALID, "several topologies run, name one%s:%s", how,
                          zloom_buf_text (&found));
    }
    zloom_buf_fini (&found);
    return err;
}
