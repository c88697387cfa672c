/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/unit.h"

#include "base/memory.h"
#include "base/tag.h"

#include <stdlib.h>

#define ZLOOM_UNIT_TAG 0x4C1D0002u

struct zloom_unit {
    uint32_t tag;
    zloom_unit_config_t config;
    zloom_unit_state_t state;
    int64_t deadline_ns;
    bool killed;       /* SIGKILL is under way: only its end is waited for */
    int64_t *restarts; /* times of the restarts within the window, oldest first */
    size_t restart_count;
    size_t restart_capacity;
};

zloom_unit_t *
zloom_unit_new (const zloom_unit_config_t *config)
{
    zloom_assert (config->backoff_ns.count > 0);
    zloom_unit_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_UNIT_TAG;
    self->config = *config;
    self->state = ZLOOM_UNIT_WAITING;
    self->deadline_ns = ZLOOM_NEVER;
    return self;
}

void
zloom_unit_destroy (zloom_unit_t **self_p)
{
    zloom_unit_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_UNIT_TAG);
    free (self->restarts);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

static void
s_go (zloom_unit_t *self, zloom_unit_state_t state, int64_t deadline_ns)
{
    self->state = state;
    self->deadline_ns = deadline_ns;
    self->killed = self->killed && state == ZLOOM_UNIT_STOPPING;
}

zloom_unit_action_t
zloom_unit_start (zloom_unit_t *self, int64_t mono_ns)
{
    ZLOOM_CHECK (self, ZLOOM_UNIT_TAG);
    if (self->state != ZLOOM_UNIT_WAITING) {
        return ZLOOM_UNIT_NOTHING;
    }
    s_go (self, ZLOOM_UNIT_STARTING, zloom_time_add (mono_ns, self->config.ready_limit_ns));
    return ZLOOM_UNIT_SPAWN;
}

bool
zloom_unit_revive (zloom_unit_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_UNIT_TAG);
    switch (self->state) {
    case ZLOOM_UNIT_BACKOFF:
    case ZLOOM_UNIT_DONE:
    case ZLOOM_UNIT_FAILED:
        self->restart_count = 0;
        s_go (self, ZLOOM_UNIT_WAITING, ZLOOM_NEVER);
        return true;
    case ZLOOM_UNIT_STARTING: /* perhaps since before its cause was mended */
        self->restart_count = 0;
        break;
    case ZLOOM_UNIT_WAITING:
    case ZLOOM_UNIT_READY:
    case ZLOOM_UNIT_STOPPING:
        break;
    }
    return false;
}

void
zloom_unit_ready (zloom_unit_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_UNIT_TAG);
    if (self->state == ZLOOM_UNIT_STARTING) {
        s_go (self, ZLOOM_UNIT_READY, ZLOOM_NEVER);
    }
}

bool
zloom_unit_exit_is_final (const zloom_child_end_t *end)
{
    switch (end->exit) {
    case 2:   /* usage */
    case 65:  /* damaged or later data */
    case 73:  /* cannot create, or held by another */
    case 77:  /* permission */
    case 78:  /* recipe invalid */
    case 126: /* program cannot be run */
    case 127: /* no such program */
        return true;
    default:
        return end->start_errno != 0;
    }
}

/* Forget restarts that are older than the window. */
static void
s_age_restarts (zloom_unit_t *self, int64_t mono_ns)
{
    size_t old = 0;
    while (old < self->restart_count &&
           zloom_time_add (self->restarts[old], self->config.within_ns) <= mono_ns) {
        old++;
    }
    self->restart_count -= old;
    for (size_t i = 0; i < self->restart_count; i++) {
        self->restarts[i] = self->restarts[i + old];
    }
}

static void
s_plan_restart (zloom_unit_t *self, int64_t mono_ns)
{
    s_age_restarts (self, mono_ns);
    if ((int64_t) self->restart_count >= self->config.budget) {
        s_go (self, ZLOOM_UNIT_FAILED, ZLOOM_NEVER);
        return;
    }
    size_t step = self->restart_count;
    if (step >= self->config.backoff_ns.count) {
        step = self->config.backoff_ns.count - 1;
    }
    zloom_grow (&self->restarts, &self->restart_capacity, self->restart_count + 1,
                sizeof *self->restarts);
    self->restarts[self->restart_count++] = mono_ns;
    s_go (self, ZLOOM_UNIT_BACKOFF, zloom_time_add (mono_ns, self->config.backoff_ns.items[step]));
}

zloom_unit_action_t
zloom_unit_ended (zloom_unit_t *self, const zloom_child_end_t *end, int64_t mono_ns)
{
    ZLOOM_CHECK (self, ZLOOM_UNIT_TAG);
    switch (self->state) {
    case ZLOOM_UNIT_STOPPING:
        s_go (self, ZLOOM_UNIT_DONE, ZLOOM_NEVER);
        break;
    case ZLOOM_UNIT_STARTING:
    case ZLOOM_UNIT_READY:
        if (end->exit == 0 && !end->start_errno && self->config.completes) {
            s_go (self, ZLOOM_UNIT_DONE, ZLOOM_NEVER);
        } else if (zloom_unit_exit_is_final (end)) {
            s_go (self, ZLOOM_UNIT_FAILED, ZLOOM_NEVER);
        } else {
            s_plan_restart (self, mono_ns);
        }
        break;
    case ZLOOM_UNIT_WAITING:
    case ZLOOM_UNIT_BACKOFF:
    case ZLOOM_UNIT_DONE:
    case ZLOOM_UNIT_FAILED:
        break; /* there is no process in these: a late report changes nothing */
    }
    return ZLOOM_UNIT_NOTHING;
}

zloom_unit_action_t
zloom_unit_stop (zloom_unit_t *self, int64_t kill_at_ns)
{
    ZLOOM_CHECK (self, ZLOOM_UNIT_TAG);
    switch (self->state) {
    case ZLOOM_UNIT_STARTING:
    case ZLOOM_UNIT_READY:
        s_go (self, ZLOOM_UNIT_STOPPING, kill_at_ns);
        return ZLOOM_UNIT_TERMINATE;
    case ZLOOM_UNIT_WAITING:
    case ZLOOM_UNIT_BACKOFF:
        s_go (self, ZLOOM_UNIT_DONE, ZLOOM_NEVER);
        return ZLOOM_UNIT_NOTHING;
    case ZLOOM_UNIT_STOPPING:
        if (!self->killed && kill_at_ns < self->deadline_ns) {
            self->deadline_ns = kill_at_ns;
        }
        return ZLOOM_UNIT_NOTHING;
    case ZLOOM_UNIT_DONE:
    case ZLOOM_UNIT_FAILED:
        break;
    }
    return ZLOOM_UNIT_NOTHING;
}

zloom_unit_action_t
zloom_unit_timer (zloom_unit_t *self, int64_t mono_ns)
{
    ZLOOM_CHECK (self, ZLOOM_UNIT_TAG);
    if (mono_ns < self->deadline_ns) {
        return ZLOOM_UNIT_NOTHING;
    }
    switch (self->state) {
    case ZLOOM_UNIT_BACKOFF:
        s_go (self, ZLOOM_UNIT_STARTING, zloom_time_add (mono_ns, self->config.ready_limit_ns));
        return ZLOOM_UNIT_SPAWN;
    case ZLOOM_UNIT_STARTING: /* never became ready: its end will be charged to the budget */
    case ZLOOM_UNIT_STOPPING:
        self->deadline_ns = ZLOOM_NEVER;
        self->killed = true;
        return ZLOOM_UNIT_KILL;
    case ZLOOM_UNIT_WAITING:
    case ZLOOM_UNIT_READY:
    case ZLOOM_UNIT_DONE:
    case ZLOOM_UNIT_FAILED:
        break;
    }
    return ZLOOM_UNIT_NOTHING;
}

int64_t
zloom_unit_deadline (const zloom_unit_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_UNIT_TAG);
    return self->deadline_ns;
}

zloom_unit_state_t
zloom_unit_state (const zloom_unit_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_UNIT_TAG);
    return self->state;
}

const char *
zloom_unit_state_text (zloom_unit_state_t state)
{
    static const char *const texts[] = {
#define ZLOOM_UNIT_STATE_TEXT(name, text) [ZLOOM_UNIT_##name] = (text),
      ZLOOM_UNIT_STATE_MAP (ZLOOM_UNIT_STATE_TEXT)
#undef ZLOOM_UNIT_STATE_TEXT
    };
    return texts[state];
}

int64_t
zloom_unit_restarts (const zloom_unit_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_UNIT_TAG);
    return (int64_t) self->restart_count;
}

bool
zloom_unit_alive (const zloom_unit_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_UNIT_TAG);
    return self->state == ZLOOM_UNIT_STARTING || self->state == ZLOOM_UNIT_READY ||
           self->state == ZLOOM_UNIT_STOPPING;
}
