/* SPDX-License-Identifier: MPL-2.0 */
/*
 * lock.h - who may bind an ipc path. libzmq unlinks the path before it binds, so a second binder
 * would steal a live socket (or delete a plain file) without a word. The lock is PATH.lock, held by
 * the kernel for as long as the process lives; the file itself stays.
 */
#ifndef ZLOOM_NET_LOCK_H
#define ZLOOM_NET_LOCK_H

#include "base/error.h"

typedef struct zloom_path_lock zloom_path_lock_t;

/* LOCKED with the holder's process id; EXISTS: something that is no socket stands at `path`. */
zloom_err_t zloom_path_lock_take (const char *path, zloom_path_lock_t **self_p);
/*
 * Remove our socket file, which libzmq leaves behind, and give the lock back. Call it after
 * zmq_close.
 */
void zloom_path_lock_drop (zloom_path_lock_t **self_p);
/* Remember which file is ours; call right after binding. */
void zloom_path_lock_bound (zloom_path_lock_t *self);

#endif
