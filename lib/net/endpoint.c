/* SPDX-License-Identifier: MPL-2.0 */
#include "net/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/units.h"

#define IPC "ipc://"
#define TCP "tcp://"
#define INPROC "inproc://"
/* libzmq cuts longer names without a word. */
#define INPROC_NAME_MAX 128

static bool
s_begins (const char *text, const char *prefix)
{
    return strncmp (text, prefix, strlen (prefix)) == 0;
}

const char *
zloom_endpoint_path (const char *endpoint)
{
    return s_begins (endpoint, IPC) ? endpoint + strlen (IPC) : NULL;
}

static zloom_err_t
s_check_ipc (const char *path)
{
    if (path[0] != '/') {
        /* "@name" is the abstract namespace, which knows no permissions; "*" is libzmq's own. */
        return zloom_fail (ZLOOM_INVALID, "ipc path \"%s\" is not absolute", path);
    }
    if (path[strlen (path) - 1] == '/') {
        return zloom_fail (ZLOOM_INVALID, "ipc path \"%s\" is a directory", path);
    }
    if (strlen (path) > ZLOOM_IPC_PATH_MAX) {
        return zloom_fail (ZLOOM_TOO_BIG,
                           "ipc path of %zu bytes, the system takes %d: choose a shorter runtime "
                           "directory or name (%s)",
                           strlen (path), ZLOOM_IPC_PATH_MAX, path);
    }
    return ZLOOM_OK;
}

/* Port 0 and "*" ask the kernel for a free one. */
static bool
s_port_ok (const char *text)
{
    int64_t port = 0;
    if (strcmp (text, "*") == 0) {
        return true;
    }
    return text[0] >= '0' && text[0] <= '9' && zloom_parse_int (text, &port) == ZLOOM_OK &&
           port >= 0 && port <= 65535;
}

bool
zloom_endpoint_is_tcp (const char *endpoint)
{
    return s_begins (endpoint, TCP);
}

static zloom_err_t
s_check_tcp (const char *endpoint, bool keyed)
{
    const char *address = endpoint + strlen (TCP);
    const char *colon = strrchr (address, ':');
    if (!colon || !s_port_ok (colon + 1)) {
        return zloom_fail (ZLOOM_INVALID, "\"%s\" has no port from 0 to 65535", endpoint);
    }
    const size_t host = (size_t) (colon - address);
    if (keyed) {
        return host > 0 ? ZLOOM_OK : zloom_fail (ZLOOM_INVALID, "\"%s\" has no host", endpoint);
    }
    bool loopback = (host == 5 && strncmp (address, "[::1]", 5) == 0) ||
                    (host == 9 && strncmp (address, "localhost", 9) == 0);
    if (!loopback && host > 4 && host <= 15 && strncmp (address, "127.", 4) == 0) {
        loopback = strspn (address, "0123456789.") == host;
    }
    if (!loopback) {
        return zloom_fail (ZLOOM_FORBIDDEN,
                           "\"%s\" is beyond this host, and there are no keys to encrypt it with: "
                           "use ipc, or tcp://127.0.0.1:PORT",
                           endpoint);
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_check (const char *endpoint, bool keyed)
{
    if (!endpoint || !endpoint[0]) {
        return zloom_fail (ZLOOM_INVALID, "no endpoint: expected ipc://PATH");
    }
    if (s_begins (endpoint, IPC)) {
        return s_check_ipc (zloom_endpoint_path (endpoint));
    }
    if (s_begins (endpoint, TCP)) {
        return s_check_tcp (endpoint, keyed);
    }
    if (s_begins (endpoint, INPROC)) {
        const size_t name = strlen (endpoint) - strlen (INPROC);
        if (name == 0 || name > INPROC_NAME_MAX) {
            return zloom_fail (ZLOOM_INVALID, "inproc name of %zu bytes; 1 to %d are allowed", name,
                               INPROC_NAME_MAX);
        }
        return ZLOOM_OK;
    }
    return zloom_fail (ZLOOM_UNSUPPORTED, "\"%s\": only ipc, tcp and inproc are spoken", endpoint);
}

zloom_err_t
zloom_endpoint_check (const char *endpoint)
{
    return s_check (endpoint, false);
}

zloom_err_t
zloom_endpoint_check_keyed (const char *endpoint)
{
    return s_check (endpoint, true);
}

zloom_err_t
zloom_endpoint_ipc (const char *directory, const char *name, char *endpoint, size_t size)
{
    char *text = zloom_format (IPC "%s/%s.sock", directory, name);
    zloom_err_t err = zloom_endpoint_check (text);
    if (err == ZLOOM_OK && strlen (text) >= size) {
        err = zloom_fail (ZLOOM_TOO_BIG, "endpoint of %zu bytes", strlen (text));
    }
    if (err == ZLOOM_OK) {
        memcpy (endpoint, text, strlen (text) + 1);
    }
    free (text);
    return err;
}

/* Make each part that is not there; those that are there already are left as they are. */
static zloom_err_t
s_make_all (const char *directory)
{
    char *path = zloom_strdup (directory);
    zloom_err_t err = ZLOOM_OK;
    for (char *slash = strchr (path + 1, '/'); err == ZLOOM_OK; slash = strchr (slash + 1, '/')) {
        if (slash) {
            *slash = 0;
        }
        if (mkdir (path, 0700) != 0 && errno != EEXIST) {
            err = zloom_fail_errno (ZLOOM_SYSTEM, "cannot make directory %s", path);
        }
        if (!slash) {
            break;
        }
        *slash = '/';
    }
    free (path);
    return err;
}

zloom_err_t
zloom_private_directory (const char *directory)
{
    if (!directory || directory[0] != '/') {
        return zloom_fail (ZLOOM_INVALID, "directory \"%s\" is not absolute",
                           directory ? directory : "");
    }
    zloom_err_t err = s_make_all (directory);
    if (err != ZLOOM_OK) {
        return err;
    }
    struct stat info;
    if (lstat (directory, &info) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot look at %s", directory);
    }
    if (!S_ISDIR (info.st_mode)) {
        return zloom_fail (ZLOOM_FORBIDDEN, "%s is not a directory", directory);
    }
    if (info.st_uid != geteuid ()) {
        return zloom_fail (ZLOOM_FORBIDDEN, "%s belongs to user %u, not to this one (%u)",
                           directory, (unsigned) info.st_uid, (unsigned) geteuid ());
    }
    if ((info.st_mode & 077) != 0) {
        return zloom_fail (ZLOOM_FORBIDDEN,
                           "others may enter %s (mode %o): run chmod 700 on it, or choose another",
                           directory, (unsigned) (info.st_mode & 0777));
    }
    return ZLOOM_OK;
}
