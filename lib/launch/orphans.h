/* SPDX-License-Identifier: MPL-2.0 */
/*
 * orphans.h - what a node leaves behind when it is killed. Its programs are killed by the kernel
 * (their parent-death signal), but nobody is left to end what those had started: that stays, and
 * holds their pipes and files. So the supervisor adopts it: orphans become its children, and when
 * one that leads a process group has ended, the group is killed, as its node would have done.
 *
 * What has left its program's group (setsid) did so on purpose: it stays, and is reaped when it
 * ends. Only for a process whose children are all the supervisor's.
 *
 * Threads: one, the supervisor's.
 */
#ifndef ZLOOM_LAUNCH_ORPHANS_H
#define ZLOOM_LAUNCH_ORPHANS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether this child is reaped by somebody else. */
typedef bool (zloom_orphans_known_fn) (void *arg, pid_t pid);

typedef struct {
    bool adopts;
    int adopted_before; /* what this process did before, to be put back */
    int64_t until_ns;   /* orphans of a node that was killed are looked for up to here */
    zloom_orphans_known_fn *known;
    void *arg;
} zloom_orphans_t;

/* `adopts` false: all calls do nothing. */
void zloom_orphans_init (zloom_orphans_t *self, bool adopts, zloom_orphans_known_fn *known,
                         void *arg);
void zloom_orphans_fini (zloom_orphans_t *self);
/* A node was killed: its programs die in these milliseconds. */
void zloom_orphans_expect (zloom_orphans_t *self, int64_t mono_ns);
/* Bury those that have ended. False: there is no child at all. */
bool zloom_orphans_bury (zloom_orphans_t *self);
/* Wait until those that are expected have ended. */
void zloom_orphans_finish (zloom_orphans_t *self);
/* When to bury again at the latest; ZLOOM_NEVER. */
int64_t zloom_orphans_next (const zloom_orphans_t *self, int64_t mono_ns);

#endif
