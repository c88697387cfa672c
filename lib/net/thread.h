/* SPDX-License-Identifier: MPL-2.0 */
/*
 * thread.h - a plain thread that runs a node, or a whole topology, between the two descriptors of
 * control.h: one on which it says "I serve" and whose end tells that it has ended, one on which it
 * is asked to stop. So what starts a thread sees the same as what starts a process.
 *
 * The thread has all signals blocked: those of the host program go to the host's threads.
 *
 * Threads: whoever started it; the calls are not for the thread itself.
 *
 * Example:
 *     zloom_thread_start (s_run, arg, &thread);
 *     ... poll zloom_thread_fd (thread) ...
 *     if (zloom_thread_hear (thread) == ZLOOM_THREAD_ENDED) {
 *         err = zloom_thread_join (&thread);
 *     }
 */
#ifndef ZLOOM_NET_THREAD_H
#define ZLOOM_NET_THREAD_H

#include "base/error.h"

/* Writes a newline to ready_fd when it serves, stops as control.h says. Both are borrowed. */
typedef zloom_err_t (zloom_thread_fn) (void *arg, int ready_fd, int stop_fd);

typedef struct zloom_thread zloom_thread_t;

typedef enum {
    ZLOOM_THREAD_NOTHING,
    ZLOOM_THREAD_READY, /* it serves */
    ZLOOM_THREAD_ENDED, /* its function is about to return: join does not wait for long */
} zloom_thread_news_t;

/* SYSTEM with a note. */
zloom_err_t zloom_thread_start (zloom_thread_fn *run, void *arg, zloom_thread_t **self_p);
/* Readable when there is something to hear; from its end on for ever. */
int zloom_thread_fd (const zloom_thread_t *self);
/* What it says, without waiting; one thing a call. */
zloom_thread_news_t zloom_thread_hear (zloom_thread_t *self);
/* Ask it to drain; the second time, to leave at once. */
void zloom_thread_ask (zloom_thread_t *self);
/* Wait until it has ended; its result, with its note as this thread's own. */
zloom_err_t zloom_thread_join (zloom_thread_t **self_p);

#endif
