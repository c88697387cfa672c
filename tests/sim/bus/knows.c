/* SPDX-License-Identifier: MPL-2.0 */
#include "knows.h"

#include <inttypes.h>

enum { HAD = 1, TOLD = 2, TOLD_LATELY = 4 };

void
bus_knows_begin (bus_knows_t *self, uint64_t seq)
{
    self->to = self->to == 0 ? seq : self->to;
}

void
bus_knows_had (bus_knows_t *self, uint64_t seq)
{
    self->how[seq] |= HAD;
}

void
bus_knows_told (bus_knows_t *self, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to && seq < BUS_SEQS; seq++) {
        self->how[seq] |= TOLD_LATELY;
    }
    self->told_from = self->told_to == 0 || from < self->told_from ? from : self->told_from;
    self->told_to = to > self->told_to ? to : self->told_to;
}

static void
s_end_lately (bus_knows_t *self, bool known)
{
    for (uint64_t seq = self->told_from; seq <= self->told_to && seq < BUS_SEQS; seq++) {
        self->how[seq] |= known && (self->how[seq] & TOLD_LATELY) ? TOLD : 0;
        self->how[seq] &= HAD | TOLD;
    }
    if (!known && self->told_to > 0 && self->told_from < self->to) {
        self->to = self->told_from;
    }
    self->told_to = 0;
}

void
bus_knows_settled (bus_knows_t *self)
{
    s_end_lately (self, true);
}

void
bus_knows_died (bus_knows_t *self)
{
    s_end_lately (self, false);
}

void
bus_knows_check (bus_knows_t *self, const bus_truth_t *truth, const char *name,
                 const char *patterns, uint64_t end)
{
    for (; self->to < end && end <= BUS_SEQS; self->to++) {
        if (bus_truth_wants (patterns, &truth->events[self->to]) && !self->how[self->to]) {
            sim_fail (truth->ground, "P4: %s was not told that it missed %" PRIu64, name, self->to);
            return;
        }
    }
}
