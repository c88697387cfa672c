/* SPDX-License-Identifier: MPL-2.0 */
/*
 * pipes.h - the pipes between us and a child: what it reads, what it answers, what it says. Our own
 * ends do not block.
 */
#ifndef ZLOOM_IO_PIPES_H
#define ZLOOM_IO_PIPES_H

#include <stdbool.h>

#include "base/error.h"

/* Both ends of each, as pipe () gives them; -1 where there is none. */
typedef struct {
    int in[2];
    int out[2];
    int err[2];
} zloom_pipes_t;

/* `tty`: what it answers goes through a terminal. After an error close what is there. SYSTEM. */
zloom_err_t zloom_pipes_open (zloom_pipes_t *pipes, bool tty);
/* Close all that is still open. */
void zloom_pipes_close (zloom_pipes_t *pipes);
/* Close a descriptor, unless it is -1, which it is then. */
void zloom_close_fd (int *fd);

#endif
