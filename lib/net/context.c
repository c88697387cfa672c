/* SPDX-License-Identifier: MPL-2.0 */
#include "net/context.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <zmq.h>

#include "base/tag.h"

/* libzmq's default of 1023 sockets would bound how many clients a program can hold. */
#define MAX_SOCKETS 16384
/* Twice as much may be free at the end of an arena before glibc gives it back. */
#define KEPT_BYTES ((size_t) 4 * 1024 * 1024)

static pthread_mutex_t s_lock = PTHREAD_MUTEX_INITIALIZER;
static void *s_context;
static uint32_t s_references;

/*
 * Packs travel in blocks that libzmq or we allocate in one thread and another one frees, up to 200
 * KiB each, thousands a second. glibc takes new pages for most of them, since it gives back what
 * is free at once; the faults cost as much as what is copied. A large block that comes and goes
 * teaches it better: "dynamic" thresholds in mallopt (3). A program that has set its own keeps
 * them, and other allocators do not mind.
 */
static void
s_teach_allocator (void)
{
    void *volatile block = malloc (KEPT_BYTES); /* volatile: or it is optimised away */
    free (block);
}

static zloom_err_t
s_make (void)
{
    s_teach_allocator ();
    s_context = zmq_ctx_new ();
    if (!s_context) {
        return zloom_fail (ZLOOM_SYSTEM, "no ZeroMQ context: %s", zmq_strerror (errno));
    }
    if (zmq_ctx_set (s_context, ZMQ_MAX_SOCKETS, MAX_SOCKETS) != 0 ||
        zmq_ctx_set (s_context, ZMQ_BLOCKY, 0) != 0) {
        zloom_err_t err =
          zloom_fail (ZLOOM_SYSTEM, "ZeroMQ context options: %s", zmq_strerror (errno));
        (void) zmq_ctx_term (s_context);
        s_context = NULL;
        return err;
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_context_acquire (void **context_p)
{
    zloom_assert (pthread_mutex_lock (&s_lock) == 0);
    zloom_err_t err = s_context ? ZLOOM_OK : s_make ();
    if (err == ZLOOM_OK) {
        s_references++;
    }
    *context_p = s_context;
    zloom_assert (pthread_mutex_unlock (&s_lock) == 0);
    return err;
}

void
zloom_context_release (void)
{
    void *last = NULL;
    zloom_assert (pthread_mutex_lock (&s_lock) == 0);
    zloom_assert (s_references > 0);
    if (--s_references == 0) {
        last = s_context;
        s_context = NULL;
    }
    zloom_assert (pthread_mutex_unlock (&s_lock) == 0);
    if (!last) {
        return;
    }
    /* Outside the lock: it waits for lingering sockets, and others may make a new context. */
    while (zmq_ctx_term (last) != 0 && errno == EINTR) {
    }
}
