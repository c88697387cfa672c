/* SPDX-License-Identifier: MPL-2.0 */
#include "net/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/tag.h"

#define THREAD_TAG 0x5A4E7468u

struct zloom_thread {
    uint32_t tag;
    pthread_t thread;
    zloom_thread_fn *run;
    void *arg;
    int ready[2]; /* [1] is the thread's: it closes it */
    int stop[2];
    zloom_err_t err; /* written by the thread, read after join */
    char note[ZLOOM_NOTE_BYTES];
};

static void *
s_main (void *arg)
{
    zloom_thread_t *self = arg;
    self->err = self->run (self->arg, self->ready[1], self->stop[0]);
    snprintf (self->note, sizeof self->note, "%s", self->err == ZLOOM_OK ? "" : zloom_note ());
    close (self->ready[1]); /* its end tells that it has ended */
    return NULL;
}

/* A signal of the host's goes to a thread of the host's: none of ours can take it. */
static int
s_create (zloom_thread_t *self)
{
    sigset_t all;
    sigset_t saved;
    sigfillset (&all);
    int failed = pthread_sigmask (SIG_SETMASK, &all, &saved);
    if (failed == 0) {
        failed = pthread_create (&self->thread, NULL, s_main, self);
        zloom_assert (pthread_sigmask (SIG_SETMASK, &saved, NULL) == 0);
    }
    return failed;
}

/* Close what is open and free; the thread has ended, or was never there. */
static void
s_free (zloom_thread_t *self)
{
    const int fds[] = {self->ready[0], self->stop[0], self->stop[1]};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (fds[i] >= 0) {
            close (fds[i]);
        }
    }
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

zloom_err_t
zloom_thread_start (zloom_thread_fn *run, void *arg, zloom_thread_t **self_p)
{
    *self_p = NULL;
    zloom_thread_t *self = zloom_alloc (sizeof *self);
    self->tag = THREAD_TAG;
    self->run = run;
    self->arg = arg;
    self->ready[0] = self->ready[1] = self->stop[0] = self->stop[1] = -1;
    int failed =
      pipe2 (self->ready, O_CLOEXEC | O_NONBLOCK) != 0 || pipe2 (self->stop, O_CLOEXEC) != 0
        ? errno
        : s_create (self);
    if (failed != 0) {
        if (self->ready[1] >= 0) {
            close (self->ready[1]);
        }
        s_free (self);
        errno = failed;
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot start a thread");
    }
    *self_p = self;
    return ZLOOM_OK;
}

int
zloom_thread_fd (const zloom_thread_t *self)
{
    ZLOOM_CHECK (self, THREAD_TAG);
    return self->ready[0];
}

zloom_thread_news_t
zloom_thread_hear (zloom_thread_t *self)
{
    ZLOOM_CHECK (self, THREAD_TAG);
    char byte;
    const ssize_t got = read (self->ready[0], &byte, 1);
    if (got == 1) {
        return ZLOOM_THREAD_READY;
    }
    return got == 0 ? ZLOOM_THREAD_ENDED : ZLOOM_THREAD_NOTHING;
}

void
zloom_thread_ask (zloom_thread_t *self)
{
    ZLOOM_CHECK (self, THREAD_TAG);
    while (write (self->stop[1], "\n", 1) < 0 && errno == EINTR) {
    }
}

zloom_err_t
zloom_thread_join (zloom_thread_t **self_p)
{
    zloom_thread_t *self = *self_p;
    ZLOOM_CHECK (self, THREAD_TAG);
    *self_p = NULL;
    zloom_assert (pthread_join (self->thread, NULL) == 0);
    const zloom_err_t err = self->err;
    if (err != ZLOOM_OK) {
        (void) zloom_fail (err, "%s", self->note);
    }
    s_free (self);
    return err;
}
