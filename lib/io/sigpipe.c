/* SPDX-License-Identifier: MPL-2.0 */
/* sigpipe.c - see program.h: a write to a child that is gone, without the signal. */
#include <signal.h>
#include <time.h>

#include "io/program.h"

void
zloom_sigpipe_block (sigset_t *saved)
{
    sigset_t pipe;
    sigemptyset (&pipe);
    sigaddset (&pipe, SIGPIPE);
    pthread_sigmask (SIG_BLOCK, &pipe, saved);
}

void
zloom_sigpipe_restore (const sigset_t *saved)
{
    if (!sigismember (saved, SIGPIPE)) {
        const struct timespec at_once = {0, 0};
        sigset_t pipe;
        sigemptyset (&pipe);
        sigaddset (&pipe, SIGPIPE);
        while (sigtimedwait (&pipe, NULL, &at_once) == SIGPIPE) {
        }
    }
    pthread_sigmask (SIG_SETMASK, saved, NULL);
}
