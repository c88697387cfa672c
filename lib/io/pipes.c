/* SPDX-License-Identifier: MPL-2.0 */
#include "io/pipes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

void
zloom_close_fd (int *fd)
{
    if (*fd >= 0) {
        close (*fd);
        *fd = -1;
    }
}

void
zloom_pipes_close (zloom_pipes_t *pipes)
{
    for (int i = 0; i < 2; i++) {
        zloom_close_fd (&pipes->in[i]);
        zloom_close_fd (&pipes->out[i]);
        zloom_close_fd (&pipes->err[i]);
    }
}

/* A terminal in raw mode: [0] is ours, [1] the child's, as a pipe's ends are. */
static zloom_err_t
s_terminal (int ends[2])
{
    struct termios mode;
    char name[64];
    ends[0] = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ends[0] < 0 || grantpt (ends[0]) != 0 || unlockpt (ends[0]) != 0 ||
        ptsname_r (ends[0], name, sizeof name) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot make a terminal for a child");
    }
    ends[1] = open (name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ends[1] < 0 || tcgetattr (ends[1], &mode) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot open a terminal for a child");
    }
    cfmakeraw (&mode);
    if (tcsetattr (ends[1], TCSANOW, &mode) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot set up a terminal for a child");
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_pipes_open (zloom_pipes_t *pipes, bool tty)
{
    *pipes = (zloom_pipes_t){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2 (pipes->in, O_CLOEXEC) != 0 || pipe2 (pipes->err, O_CLOEXEC) != 0 ||
        (!tty && pipe2 (pipes->out, O_CLOEXEC) != 0)) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot make pipes for a child");
    }
    zloom_err_t err = tty ? s_terminal (pipes->out) : ZLOOM_OK;
    if (err != ZLOOM_OK) {
        return err;
    }
    const int ours[] = {pipes->in[1], pipes->out[0], pipes->err[0]};
    for (size_t i = 0; i < 3; i++) {
        int flags = fcntl (ours[i], F_GETFL);
        if (flags < 0 || fcntl (ours[i], F_SETFL, flags | O_NONBLOCK) != 0) {
            return zloom_fail_errno (ZLOOM_SYSTEM, "cannot set up pipes for a child");
        }
    }
    return ZLOOM_OK;
}
