/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/sink/quiet.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

ssize_t
zloom_write_quietly (int fd, const void *data, size_t size)
{
    sigset_t loud, saved, before;
    sigemptyset (&loud);
    sigaddset (&loud, SIGXFSZ);
    sigaddset (&loud, SIGPIPE);
    sigpending (&before);
    pthread_sigmask (SIG_BLOCK, &loud, &saved);
    const ssize_t wrote = write (fd, data, size);
    const int err = errno;
    if (wrote < 0 && (err == EFBIG || err == EPIPE)) {
        sigset_t mine;
        sigemptyset (&mine);
        const int signal = err == EFBIG ? SIGXFSZ : SIGPIPE;
        if (!sigismember (&before, signal)) {
            sigaddset (&mine, signal);
            (void) sigtimedwait (&mine, NULL, &(struct timespec){0, 0});
        }
    }
    pthread_sigmask (SIG_SETMASK, &saved, NULL);
    errno = err;
    return wrote;
}
