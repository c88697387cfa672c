/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/suspects.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void
zloom_suspects_fini (zloom_suspects_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free (self->groups[i].members);
    }
    free (self->groups);
    zloom_numbers_fini (&self->numbers);
    *self = (zloom_suspects_t){0};
}

static void
s_add_group (zloom_suspects_t *self, const uint64_t *members, size_t count)
{
    if (count == 0) {
        return;
    }
    zloom_suspect_group_t group = {zloom_realloc (NULL, count, sizeof *members), 0, count};
    memcpy (group.members, members, count * sizeof *members);
    for (size_t i = 0; i < count; i++) {
        zloom_numbers_add (&self->numbers, members[i], members[i]);
    }
    size_t at = self->count;
    zloom_grow (&self->groups, &self->capacity, self->count + 1, sizeof *self->groups);
    while (at > 0 && self->groups[at - 1].members[self->groups[at - 1].at] > members[0]) {
        self->groups[at] = self->groups[at - 1];
        at--;
    }
    self->groups[at] = group;
    self->count++;
}

/* Drop members of the group that were taken out; false when none is left. */
static bool
s_refresh (const zloom_suspects_t *self, zloom_suspect_group_t *group)
{
    size_t kept = 0;
    for (size_t i = group->at; i < group->at + group->count; i++) {
        if (zloom_numbers_has (&self->numbers, group->members[i])) {
            group->members[kept++] = group->members[i];
        }
    }
    group->at = 0;
    group->count = kept;
    return kept > 0;
}

/* Bring the first groups up to date: what was taken out may come back in a group of its own. */
static void
s_trim (zloom_suspects_t *self)
{
    while (self->torn && self->count > 0 && !s_refresh (self, &self->groups[0])) {
        free (self->groups[0].members);
        self->count--;
        memmove (self->groups, self->groups + 1, self->count * sizeof *self->groups);
    }
    self->torn = false;
}

void
zloom_suspects_add (zloom_suspects_t *self, const uint64_t *members, size_t count, bool whole)
{
    size_t half = whole ? count : count / 2;
    s_trim (self);
    s_add_group (self, members, half);
    s_add_group (self, members + half, count - half);
}

/* The first group's members are taken out one by one, from the first on: nothing else is looked at
 * then. */
uint64_t
zloom_suspects_remove (zloom_suspects_t *self, uint64_t first, uint64_t last)
{
    const uint64_t removed = zloom_numbers_remove (&self->numbers, first, last);
    if (removed > 0) {
        zloom_suspect_group_t *group = &self->groups[0];
        uint64_t passed = 0;
        for (; group->count > 0 && !zloom_numbers_has (&self->numbers, group->members[group->at]);
             passed++) {
            group->at++;
            group->count--;
        }
        self->torn = self->torn || passed < removed || group->count == 0;
    }
    return removed;
}

size_t
zloom_suspects_front (zloom_suspects_t *self, size_t most, uint64_t last, const uint64_t **members)
{
    size_t count = 0;
    s_trim (self);
    const zloom_suspect_group_t *group = self->count > 0 ? &self->groups[0] : NULL;
    while (group && count < group->count && count < most &&
           group->members[group->at + count] <= last) {
        count++;
    }
    *members = count > 0 ? group->members + group->at : NULL;
    return count;
}
