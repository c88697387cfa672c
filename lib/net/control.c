/* SPDX-License-Identifier: MPL-2.0 */
#include "net/control.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

void
zloom_stop_init (zloom_stop_t *self, int fd)
{
    self->fd = fd;
    self->state = ZLOOM_STOP_NO;
}

static void
s_asked (zloom_stop_t *self)
{
    self->state = self->state == ZLOOM_STOP_NO ? ZLOOM_STOP_DRAIN : ZLOOM_STOP_NOW;
}

/* One byte at a time, and only what poll promised: the descriptor may be blocking. */
zloom_stop_state_t
zloom_stop_read (zloom_stop_t *self)
{
    while (self->fd >= 0 && self->state != ZLOOM_STOP_NOW) {
        struct pollfd ready = {.fd = self->fd, .events = POLLIN};
        if (poll (&ready, 1, 0) <= 0) {
            break;
        }
        uint8_t byte;
        ssize_t got = read (self->fd, &byte, 1);
        if (got == 1) {
            s_asked (self);
        } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
            /* Whoever could ask is gone: that asks for a drain, but not for more. */
            self->fd = -1;
            if (self->state == ZLOOM_STOP_NO) {
                self->state = ZLOOM_STOP_DRAIN;
            }
        } else if (errno == EAGAIN) {
            break;
        }
    }
    return self->state;
}

int
zloom_stop_fd (const zloom_stop_t *self)
{
    return self->state == ZLOOM_STOP_NOW ? -1 : self->fd;
}

/* The waiting side may have left: then nobody needs to know, and no signal may come of it. */
void
zloom_ready_tell (int fd)
{
    if (fd < 0) {
        return;
    }
    while (write (fd, "\n", 1) < 0 && errno == EINTR) {
    }
}
