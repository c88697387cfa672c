/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/ready.h"

void
zloom_ready_fini (zloom_ready_t *self)
{
    for (int kind = 0; kind < ZLOOM_READY_KINDS; kind++) {
        zloom_numbers_fini (&self->kinds[kind]);
    }
}

void
zloom_ready_add (zloom_ready_t *self, zloom_ready_kind_t kind, uint64_t first, uint64_t last)
{
    zloom_numbers_add (&self->kinds[kind], first, last);
}

uint64_t
zloom_ready_remove (zloom_ready_t *self, uint64_t first, uint64_t last)
{
    uint64_t removed = 0;
    for (int kind = 0; kind < ZLOOM_READY_KINDS; kind++) {
        if (self->kinds[kind].total > 0) {
            removed += zloom_numbers_remove (&self->kinds[kind], first, last);
        }
    }
    return removed;
}

bool
zloom_ready_has (const zloom_ready_t *self, uint64_t seq)
{
    for (int kind = 0; kind < ZLOOM_READY_KINDS; kind++) {
        if (self->kinds[kind].total > 0 && zloom_numbers_has (&self->kinds[kind], seq)) {
            return true;
        }
    }
    return false;
}

bool
zloom_ready_find (const zloom_ready_t *self, uint64_t from, uint64_t last, bool failed_only,
                  zloom_range_t *run, zloom_ready_kind_t *kind)
{
    bool found = false;
    for (int i = failed_only ? ZLOOM_READY_FAILED : 0; i < ZLOOM_READY_KINDS; i++) {
        zloom_range_t candidate;
        if (self->kinds[i].total > 0 &&
            zloom_numbers_find (&self->kinds[i], from, last, &candidate) &&
            (!found || candidate.first < run->first)) {
            found = true;
            *run = candidate;
            *kind = (zloom_ready_kind_t) i;
        }
    }
    return found;
}
