/* SPDX-License-Identifier: MPL-2.0 */
/*
 * process.h - the test program once more in a process of its own, to be killed, so that no live
 * ZeroMQ context is ever forked. The process says "\n" on ZLOOM_READY_FD when it serves and drains
 * when something comes on ZLOOM_STOP_FD, as nodes do. What goes wrong here fails the test. A
 * process that was started so can start none.
 *
 * Example:
 *     char *argv[] = {"test", "--node", directory, "router", NULL};
 *     zloom_process_t router = zloom_process_start (argv, NULL, true);
 *     zloom_process_kill (&router);
 */
#ifndef ZLOOM_TESTS_SUPPORT_PROCESS_H
#define ZLOOM_TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#define ZLOOM_READY_FD 3
#define ZLOOM_STOP_FD 4
/* Of a recipe: its router fills 80 MiB of the disk ahead, which all tests share, not 320. */
#define ZLOOM_TEST_SMALL "defaults: {router: {journal: {hot: 64MiB, segment: 16MiB}}}\n"

typedef struct {
    pid_t pid;
    int stop_fd;
} zloom_process_t;

/* Start it, with stderr appended to `log` (NULL: as it is); `wait`: until it serves. */
zloom_process_t zloom_process_start (char *const argv[], const char *log, bool wait);
/* SIGKILL, and until it is gone. */
void zloom_process_kill (zloom_process_t *self);
/* Until it ends by itself; its exit code, 128 and the signal when one ended it. */
int zloom_process_join (zloom_process_t *self);
/* Drain; as join. */
int zloom_process_stop (zloom_process_t *self);

#endif
