/* SPDX-License-Identifier: MPL-2.0 */
/*
 * keys.h - the order of equal keys inside one worker. The router hands the messages of a key to one
 * consumer at a time, in order; here they stay in order, whatever the carrier does side by side.
 *
 * Of the messages of a key in hand one is the first; the others stand in line behind it. Only the
 * first may be given to a child, and it stays first until it is settled (if it emits: until its
 * step was answered). Acked: the next in line is first. Anything else: the key begins again with
 * the message that failed, so those in line go back to the router, at no cost. Other keys go on.
 *
 * Pure: no time, no client. A job is in no other list while it stands in line.
 */
#ifndef ZLOOM_NODES_WORKER_KEYS_H
#define ZLOOM_NODES_WORKER_KEYS_H

#include "nodes/worker/carrier.h"

typedef struct zloom_worker_keys zloom_worker_keys_t;

zloom_worker_keys_t *zloom_worker_keys_new (void);
/* No job may be in it. */
void zloom_worker_keys_destroy (zloom_worker_keys_t **self_p);

/*
 * A message of a keyed flow was taken. True: it may start. False: it stands in line. (One without a
 * key has no order: it may start, and is not remembered.)
 */
bool zloom_worker_keys_enter (zloom_worker_keys_t *self, zloom_worker_job_t *job);
/*
 * The first of its key is settled. Returns the one that may start now, or NULL; `back` gets those
 * that have to be released. Nothing happens for a job that is not remembered.
 */
zloom_worker_job_t *zloom_worker_keys_leave (zloom_worker_keys_t *self, zloom_worker_job_t *job,
                                             bool acked, zloom_worker_jobs_t *back);
/* Everything that stands in line goes back: no child is there, or nothing new is to start. */
void zloom_worker_keys_empty (zloom_worker_keys_t *self, zloom_worker_jobs_t *back);
/* How many stand in line. */
size_t zloom_worker_keys_waiting (const zloom_worker_keys_t *self);

#endif
