/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_interest.c - what subscribers want: their patterns, and their place in the trie. Those that
 * want everything stand beside it, so that a pack costs them once and not a topic.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/bus/state.h"

zloom_err_t
zloom_bus_check_patterns (const zloom_bus_t *self, const zloom_bytes_t *patterns, size_t count)
{
    if (count > ZLOOM_LIMIT_PATTERNS) {
        return zloom_fail (ZLOOM_TOO_MANY, "flow '%s': %zu topics, a subscription has at most %d",
                           self->config.name, count, ZLOOM_LIMIT_PATTERNS);
    }
    for (size_t i = 0; i < count; i++) {
        const zloom_err_t err = zloom_topic_check_pattern (patterns[i]);
        if (err != ZLOOM_OK) {
            zloom_note_prefix ("flow '%s'", self->config.name);
            return err;
        }
    }
    return ZLOOM_OK;
}

void
zloom_bus_interest_set (zloom_bus_interest_t *self, const zloom_bytes_t *patterns, size_t count)
{
    self->patterns = zloom_realloc (NULL, count + 1, sizeof *self->patterns);
    self->count = count;
    self->all = count == 0;
    for (size_t i = 0; i < count; i++) {
        self->patterns[i] =
          zloom_bytes (zloom_memdup_text (patterns[i].data, patterns[i].size), patterns[i].size);
        self->all = self->all || (patterns[i].size == 1 && patterns[i].data[0] == '>');
    }
}

void
zloom_bus_interest_fini (zloom_bus_interest_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free ((void *) (uintptr_t) self->patterns[i].data);
    }
    free (self->patterns);
    *self = (zloom_bus_interest_t){0};
}

bool
zloom_bus_interest_same (const zloom_bus_interest_t *self, const zloom_bytes_t *patterns,
                         size_t count)
{
    bool same = self->count == count;
    for (size_t i = 0; same && i < count; i++) {
        same = zloom_bytes_equal (self->patterns[i], patterns[i]);
    }
    return same;
}

bool
zloom_bus_interest_wants (const zloom_bus_interest_t *self, zloom_bytes_t topic)
{
    bool wants = self->all;
    for (size_t i = 0; !wants && topic.data && i < self->count; i++) {
        wants = zloom_topic_matches (self->patterns[i], topic);
    }
    return wants;
}

void
zloom_bus_enlist (zloom_bus_t *self, zloom_bus_interest_t *interest, zloom_bus_who_t who)
{
    if (self->free_count > 0) {
        interest->who = self->free_who[--self->free_count];
    } else {
        zloom_grow (&self->who, &self->who_capacity, self->who_count + 1, sizeof *self->who);
        interest->who = (uint32_t) self->who_count++;
    }
    self->who[interest->who] = who;
    if (interest->all) {
        zloom_grow (&self->all, &self->all_capacity, self->all_count + 1, sizeof *self->all);
        self->all[self->all_count++] = interest->who;
        return;
    }
    for (size_t i = 0; i < interest->count; i++) {
        zloom_trie_add (self->trie, interest->patterns[i], interest->who);
    }
}

void
zloom_bus_strike (zloom_bus_t *self, const zloom_bus_interest_t *interest)
{
    for (size_t i = 0; interest->all && i < self->all_count; i++) {
        if (self->all[i] == interest->who) {
            self->all_count--;
            memmove (self->all + i, self->all + i + 1, (self->all_count - i) * sizeof *self->all);
            break;
        }
    }
    for (size_t i = 0; !interest->all && i < interest->count; i++) {
        zloom_trie_remove (self->trie, interest->patterns[i], interest->who);
    }
    self->who[interest->who] = (zloom_bus_who_t){0};
    zloom_grow (&self->free_who, &self->free_capacity, self->free_count + 1,
                sizeof *self->free_who);
    self->free_who[self->free_count++] = interest->who;
}
