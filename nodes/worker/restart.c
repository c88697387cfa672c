/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/worker/restart.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void
zloom_restart_init (zloom_restart_t *self, const zloom_restart_config_t *config)
{
    *self = (zloom_restart_t){.config = config};
}

void
zloom_restart_fini (zloom_restart_t *self)
{
    free (self->ends);
    self->ends = NULL;
}

bool
zloom_restart_next (zloom_restart_t *self, bool served, int64_t now_ns, int64_t *at_ns)
{
    if (served) {
        self->row = 0;
        self->count = 0;
    }
    size_t old = 0;
    while (old < self->count && self->ends[old] <= now_ns - self->config->within_ns) {
        old++;
    }
    if (old > 0) {
        memmove (self->ends, self->ends + old, (self->count - old) * sizeof *self->ends);
        self->count -= old;
    }
    if (!served) {
        if ((int64_t) self->count >= self->config->budget) {
            return false;
        }
        zloom_grow (&self->ends, &self->capacity, self->count + 1, sizeof *self->ends);
        self->ends[self->count++] = now_ns;
    }
    const zloom_ints_t *backoff = &self->config->backoff_ns;
    size_t index = self->row < backoff->count ? self->row : backoff->count - 1;
    self->row++;
    *at_ns = zloom_time_add (now_ns, backoff->items[index]);
    return true;
}
