/* SPDX-License-Identifier: MPL-2.0 */
/*
 * view_read.h - looks at a running topology, asked of its routers and of its supervisor; either
 * may be missing. JSON by jansson.
 *
 * Example:
 *     zloom_looker_t looker;
 *     int code = zloom_looker_open (cli, word, ZLOOM_CLI_WAIT_MS, &looker);
 *     if (code == ZLOOM_EXIT_OK) {
 *         zloom_view_t view;
 *         code = zloom_looker_look (&looker, &view);
 *         zloom_view_fini (&view);
 *         zloom_looker_close (&looker);
 *     }
 */
#ifndef ZLOOM_CLI_VIEW_READ_H
#define ZLOOM_CLI_VIEW_READ_H

#include "control.h"
#include "routers.h"
#include "view.h"

typedef struct {
    const zloom_cli_t *cli;
    zloom_target_t target;
    zloom_routers_t routers; /* those that answer */
    int64_t wait_ms;
    zloom_control_t control;
    bool supervised; /* `control` is open */
} zloom_looker_t;

/* As `wait_ms`: a second, and more where a router is on another host. */
#define ZLOOM_LOOKER_SOON 0
/*
 * `word` as zloom_target_find. 0, or an exit code after a message: neither answers within
 * `wait_ms`.
 */
int zloom_looker_open (const zloom_cli_t *cli, const char *word, int64_t wait_ms,
                       zloom_looker_t *self);
/* The same of a topology by its name or its recipe's file, as zloom_control_find. */
int zloom_looker_open_topology (const zloom_cli_t *cli, const char *word, int64_t wait_ms,
                                zloom_looker_t *self);
void zloom_looker_close (zloom_looker_t *self);
/* Ask for everything. 0, or an exit code after a message. The look is the caller's to fini. */
int zloom_looker_look (zloom_looker_t *self, zloom_view_t *view);
/*
 * Keep the session alive until `until_ns` (mono), or one of these descriptors is readable: 1 + its
 * place, 0 at the end of the time.
 */
#define ZLOOM_LOOKER_FDS 4
size_t zloom_looker_wait (zloom_looker_t *self, int64_t until_ns, const int *fds, size_t fd_count);

#endif
