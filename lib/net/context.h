/* SPDX-License-Identifier: MPL-2.0 */
/*
 * context.h - one ZeroMQ context for all of zloom in a process, counted by reference. It is apart
 * from czmq's global context, which belongs to the host program.
 *
 * Any thread. The last release ends the context and waits for its sockets' linger, so release only
 * after the last socket of yours is closed (zloom_socket_t does both).
 *
 * With it malloc () keeps a few MiB of what was freed, unless the program has said what it is to
 * keep (mallopt: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD).
 */
#ifndef ZLOOM_NET_CONTEXT_H
#define ZLOOM_NET_CONTEXT_H

#include "base/error.h"

/* The context, made at the first call. SYSTEM with a note (descriptors, threads). */
zloom_err_t zloom_context_acquire (void **context_p);
void zloom_context_release (void);

#endif
