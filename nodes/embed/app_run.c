/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/embed/app_state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tag.h"
#include "net/socket.h"

/* ---- start ---------------------------------------------------------------------------------- */

zloom_err_t
zloom_app_paths (const zloom_app_t *self, const char *name, zloom_paths_t *paths)
{
    return zloom_paths_find (name, self->state_dir ? self->state_dir : getenv ("ZLOOM_STATE"),
                             paths);
}

zloom_err_t
zloom_app_place (zloom_app_t *self)
{
    if (self->placed) {
        return ZLOOM_OK;
    }
    zloom_err_t err = zloom_app_paths (self, zloom_recipe_name (self->recipe), &self->paths);
    if (err == ZLOOM_OK) {
        err = zloom_paths_make (&self->paths);
    }
    self->placed = err == ZLOOM_OK;
    return err;
}

zloom_err_t
zloom_app_lock (zloom_app_t *self)
{
    return self->lock >= 0 ? ZLOOM_OK : zloom_paths_lock (&self->paths, &self->lock);
}

static zloom_err_t
s_run (void *arg, int ready_fd, int stop_fd)
{
    const zloom_app_t *self = arg;
    return zloom_threads_run (&self->threads, ready_fd, stop_fd);
}

static zloom_err_t
s_start (zloom_app_t *self)
{
    zloom_threads_endpoint (self->inner);
    self->threads = (zloom_threads_config_t){
      .recipe = self->recipe,
      .paths = &self->paths,
      .inner = self->inner,
      .actors = self->actors,
      .actor_count = self->actor_count,
      .grace_ns = self->grace_ns,
      .until_idle = self->until_idle,
    };
    zloom_err_t err = zloom_thread_start (s_run, self, &self->thread);
    if (err != ZLOOM_OK) {
        self->inner[0] = 0; /* it may be tried again */
    } else {
        /* The thread's own descriptor goes with the thread, and a program may go on watching. */
        self->fd = fcntl (zloom_thread_fd (self->thread), F_DUPFD_CLOEXEC, 0);
        if (self->fd < 0) {
            err = zloom_fail_errno (ZLOOM_SYSTEM, "no descriptor to watch the app");
        }
    }
    return err;
}

zloom_err_t
zloom_app_start (zloom_app_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    if (self->inner[0]) {
        return zloom_fail (ZLOOM_INVALID, "the app was started before");
    }
    zloom_err_t err = zloom_app_need_recipe (self);
    for (size_t i = 0; err == ZLOOM_OK && i < zloom_recipe_node_count (self->recipe); i++) {
        err = zloom_app_need_actor (self, zloom_recipe_node_at (self->recipe, i));
    }
    if (err == ZLOOM_OK) {
        err = zloom_app_place (self);
    }
    if (err == ZLOOM_OK) {
        err = zloom_app_lock (self);
    }
    return err == ZLOOM_OK ? s_start (self) : err;
}

const char *
zloom_app_endpoint (const zloom_app_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    return self->inner[0] ? self->inner : NULL;
}

/* ---- while it runs -------------------------------------------------------------------------- */

int
zloom_app_fd (const zloom_app_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    return self->fd;
}

static void
s_hear (zloom_app_t *self)
{
    while (self->thread) {
        switch (zloom_thread_hear (self->thread)) {
        case ZLOOM_THREAD_NOTHING:
            return;
        case ZLOOM_THREAD_READY:
            self->ready = true;
            break;
        case ZLOOM_THREAD_ENDED:
            self->result = zloom_thread_join (&self->thread);
            self->ended = true;
            (void) snprintf (self->note, sizeof self->note, "%s",
                             self->result == ZLOOM_OK ? "" : zloom_note ());
            break;
        }
    }
}

static zloom_err_t
s_need_start (const zloom_app_t *self)
{
    return self->fd >= 0 ? ZLOOM_OK : zloom_fail (ZLOOM_NOT_RUNNING, "the app was not started");
}

zloom_err_t
zloom_app_dispatch (zloom_app_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    zloom_err_t err = s_need_start (self);
    if (err != ZLOOM_OK) {
        return err;
    }
    s_hear (self);
    if (!self->ended) {
        return ZLOOM_OK;
    }
    return self->result == ZLOOM_OK ? zloom_fail (ZLOOM_CLOSED, "the app has ended in good order")
                                    : zloom_fail (self->result, "%s", self->note);
}

/* Until *done or the end; TIMED_OUT with `what` it waited for. */
static zloom_err_t
s_wait (zloom_app_t *self, const bool *done, int64_t deadline_ns, const char *what)
{
    zloom_err_t err = s_need_start (self);
    while (err == ZLOOM_OK) {
        s_hear (self);
        if (*done || self->ended) {
            return ZLOOM_OK;
        }
        if (deadline_ns != ZLOOM_NEVER && zloom_clock_mono_ns () >= deadline_ns) {
            return zloom_fail (ZLOOM_TIMED_OUT, "%s", what);
        }
        zloom_poll_item_t item = {.fd = self->fd};
        err = zloom_poll (&item, 1, deadline_ns);
    }
    return err;
}

zloom_err_t
zloom_app_wait_ready (zloom_app_t *self, int64_t deadline_ns)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    zloom_err_t err = s_wait (self, &self->ready, deadline_ns, "some nodes do not serve yet");
    return err == ZLOOM_OK && !self->ready ? zloom_app_dispatch (self) : err;
}

zloom_err_t
zloom_app_wait (zloom_app_t *self, int64_t deadline_ns)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    zloom_err_t err = s_wait (self, &self->ended, deadline_ns,
                              self->asked ? "some nodes still drain" : "the app runs");
    if (err == ZLOOM_OK && self->result != ZLOOM_OK) {
        err = zloom_fail (self->result, "%s", self->note);
    }
    return err;
}

zloom_err_t
zloom_app_drain (zloom_app_t *self, int64_t deadline_ns)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    if (self->thread && !self->asked) {
        zloom_thread_ask (self->thread);
        self->asked = true;
    }
    return zloom_app_wait (self, deadline_ns);
}
