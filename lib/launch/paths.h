/* SPDX-License-Identifier: MPL-2.0 */
/*
 * paths.h - where a topology keeps its state and its sockets.
 *
 *                 state (journals, positions)          runtime (sockets, pid files)
 *   --state DIR   DIR                                  DIR/run
 *   otherwise     $XDG_STATE_HOME/zloom/NAME           $XDG_RUNTIME_DIR/zloom/NAME
 *                 ~/.local/state/zloom/NAME            /tmp/zloom-UID/NAME
 *
 * Folders are made with mode 0700; a runtime folder that belongs to somebody else or that others
 * may enter is refused: whoever can reach the socket can use the router.
 */
#ifndef ZLOOM_LAUNCH_PATHS_H
#define ZLOOM_LAUNCH_PATHS_H

#include "base/error.h"

#include <limits.h>

typedef struct {
    char state[PATH_MAX];
    char runtime[PATH_MAX];
} zloom_paths_t;

/* `state` is --state or $ZLOOM_STATE, made absolute; NULL: by the topology's name. */
zloom_err_t zloom_paths_find (const char *name, const char *state, zloom_paths_t *self);
/* Make both folders. SYSTEM, FORBIDDEN (a runtime folder that is not ours alone). */
zloom_err_t zloom_paths_make (const zloom_paths_t *self);
/*
 * Hold the topology for this process: LOCKED names the process that has it. The descriptor keeps
 * the lock until it is closed or the process ends.
 */
zloom_err_t zloom_paths_lock (const zloom_paths_t *self, int *fd);
/* ZLOOM_OK when some process holds the topology, NOT_RUNNING otherwise. */
zloom_err_t zloom_paths_running (const zloom_paths_t *self);
/* Routers of one topology; room for the address of each (net/address.h) and its NUL. */
#define ZLOOM_ROUTERS_MAX 16
#define ZLOOM_PATHS_ENDPOINT_BYTES 512

typedef struct {
    char items[ZLOOM_ROUTERS_MAX][ZLOOM_PATHS_ENDPOINT_BYTES];
    size_t count; /* >= 1 */
} zloom_endpoints_t;

/*
 * Tell those who look for the topology where its routers listen (RUNTIME/endpoint, a line a
 * router), and read it. read: NOT_RUNNING when nothing runs there.
 */
zloom_err_t zloom_paths_write_endpoint (const zloom_paths_t *self, const char *lines);
zloom_err_t zloom_paths_read_endpoints (const zloom_paths_t *self, zloom_endpoints_t *endpoints);
/* The lines as endpoints; what has no room is left out. */
void zloom_endpoints_split (const char *lines, zloom_endpoints_t *endpoints);
/*
 * The one topology that runs for this user, by name, when none was given: NOT_RUNNING when there is
 * none, INVALID when there are several (the note lists them; `how`: " as ..." one is named).
 */
zloom_err_t zloom_paths_only (char *name, size_t size, const char *how);

#endif
