/* SPDX-License-Identifier: MPL-2.0 */
/*
 * suspects.h - messages of which one, unknown which, killed its worker: groups that wait to be
 * handed out alone. A group that kills again is split; one message that kills alone is guilty.
 * Groups are kept by sequence number, lowest first.
 */
#ifndef ZLOOM_PATTERNS_COMMON_SUSPECTS_H
#define ZLOOM_PATTERNS_COMMON_SUSPECTS_H

#include "patterns/common/numbers.h"
#include "wire/types.h"

typedef struct {
    uint64_t *members; /* rising; those before `at` were taken out */
    size_t at;
    size_t count; /* from there on */
} zloom_suspect_group_t;

typedef struct {
    zloom_suspect_group_t *groups; /* by first member */
    size_t count;
    size_t capacity;
    zloom_numbers_t numbers; /* all members that are still wanted */
    bool torn;               /* the first group may name others as well */
} zloom_suspects_t;          /* zero-initialised is empty and ready */

void zloom_suspects_fini (zloom_suspects_t *self);
/* Add `count` members (rising) as two halves, or as one group when `whole` is set. */
void zloom_suspects_add (zloom_suspects_t *self, const uint64_t *members, size_t count, bool whole);
/* Take [first, last] out; returns how many were there. */
uint64_t zloom_suspects_remove (zloom_suspects_t *self, uint64_t first, uint64_t last);
/*
 * The members of the first group, at most `most` and none behind `last`, as a list that holds until
 * the next change; 0 when there is none. Take them out with remove ().
 */
size_t zloom_suspects_front (zloom_suspects_t *self, size_t most, uint64_t last,
                             const uint64_t **members);

#endif
