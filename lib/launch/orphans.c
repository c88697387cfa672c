/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/orphans.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* A signal is on its way when a node's end is seen; how long until its programs have ended. */
#define DYING_NS (1 * ZLOOM_NS_PER_S)
#define LOOK_NS (10 * ZLOOM_NS_PER_MS)
/* Burials in one go, so that a worker's flood of programs does not keep the supervisor. */
#define BURST 256

void
zloom_orphans_init (zloom_orphans_t *self, bool adopts, zloom_orphans_known_fn *known, void *arg)
{
    *self = (zloom_orphans_t){.adopts = adopts, .known = known, .arg = arg};
    if (adopts && (prctl (PR_GET_CHILD_SUBREAPER, &self->adopted_before) != 0 ||
                   prctl (PR_SET_CHILD_SUBREAPER, 1) != 0)) {
        self->adopts = false;
    }
}

void
zloom_orphans_fini (zloom_orphans_t *self)
{
    if (self->adopts) {
        (void) prctl (PR_SET_CHILD_SUBREAPER, self->adopted_before);
        self->adopts = false;
    }
}

void
zloom_orphans_expect (zloom_orphans_t *self, int64_t mono_ns)
{
    self->until_ns = zloom_time_add (mono_ns, DYING_NS);
}

bool
zloom_orphans_bury (zloom_orphans_t *self)
{
    for (int i = 0; self->adopts && i < BURST; i++) {
        /* Left a zombie until its group is killed: so its number is nobody else's. */
        siginfo_t info = {0};
        if (waitid (P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
            return errno != ECHILD;
        }
        if (info.si_pid == 0 || self->known (self->arg, info.si_pid)) {
            return true;
        }
        (void) kill (-info.si_pid, SIGKILL);
        (void) waitpid (info.si_pid, NULL, WNOHANG);
    }
    return self->adopts;
}

void
zloom_orphans_finish (zloom_orphans_t *self)
{
    while (zloom_orphans_bury (self) && zloom_clock_mono_ns () < self->until_ns) {
        (void) poll (NULL, 0, (int) (LOOK_NS / ZLOOM_NS_PER_MS));
    }
}

int64_t
zloom_orphans_next (const zloom_orphans_t *self, int64_t mono_ns)
{
    return self->adopts && mono_ns < self->until_ns ? zloom_time_add (mono_ns, LOOK_NS)
                                                    : ZLOOM_NEVER;
}
