/* SPDX-License-Identifier: MPL-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/common/producers_state.h"
#include "wire/limits.h"

#define NAMED_IDLE_NS ((int64_t) ZLOOM_LIMIT_PRODUCER_IDLE_DAYS * 24 * 3600 * ZLOOM_NS_PER_S)
#define PASSING_IDLE_NS ((int64_t) ZLOOM_LIMIT_PASSING_IDLE_MINUTES * 60 * ZLOOM_NS_PER_S)
/* Forgotten in one call at most, so that a turn stays short. */
#define AGE_BURST 1000

zloom_producers_t *
zloom_producers_new (void)
{
    zloom_producers_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_PRODUCERS_TAG;
    self->named = zloom_map_new ();
    self->sessions = zloom_idmap_new ();
    self->lists[ZLOOM_PRODUCERS_LASTING].idle_ns = NAMED_IDLE_NS;
    self->lists[ZLOOM_PRODUCERS_PASSING].idle_ns = PASSING_IDLE_NS;
    return self;
}

static void
s_free (zloom_producer_entry_t *entry)
{
    free (entry->name);
    free (entry->mark);
    free (entry->owner);
    entry->tag = ZLOOM_TAG_DEAD;
    free (entry);
}

void
zloom_producers_destroy (zloom_producers_t **self_p)
{
    zloom_assert (self_p);
    zloom_producers_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    void *entry;
    for (size_t i = 0; zloom_idmap_next (self->sessions, &i, NULL, &entry);) {
        if (!((zloom_producer_entry_t *) entry)->producer.named) {
            s_free (entry);
        }
    }
    for (int i = 0; i < ZLOOM_PRODUCERS_LISTS; i++) {
        while (self->lists[i].oldest) {
            zloom_producer_entry_t *newer = self->lists[i].oldest->newer;
            s_free (self->lists[i].oldest);
            self->lists[i].oldest = newer;
        }
    }
    zloom_map_destroy (&self->named);
    zloom_idmap_destroy (&self->sessions);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

static void
s_unlink (zloom_producers_t *self, zloom_producer_entry_t *entry)
{
    zloom_producer_list_t *list = &self->lists[entry->passing];
    *(entry->older ? &entry->older->newer : &list->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &list->newest) = entry->older;
}

static void
s_link (zloom_producers_t *self, zloom_producer_entry_t *entry)
{
    zloom_producer_list_t *list = &self->lists[entry->passing];
    entry->older = list->newest;
    entry->newer = NULL;
    *(list->newest ? &list->newest->newer : &list->oldest) = entry;
    list->newest = entry;
}

/* Out of the ring of those that are to be recorded. */
static void
s_told (zloom_producers_t *self, zloom_producer_entry_t *entry)
{
    if (!entry->told_after) {
        return;
    }
    entry->told_after->told_before = entry->told_before;
    entry->told_before->told_after = entry->told_after;
    if (self->untold == entry) {
        self->untold = entry->told_after != entry ? entry->told_after : NULL;
    }
    entry->told_after = entry->told_before = NULL;
    self->untold_count--;
}

/* Into the ring, behind all others. */
static void
s_tell (zloom_producers_t *self, zloom_producer_entry_t *entry)
{
    zloom_producer_entry_t *first = self->untold ? self->untold : entry;
    entry->told_after = first;
    entry->told_before = self->untold ? first->told_before : entry;
    entry->told_before->told_after = entry;
    first->told_before = entry;
    self->untold = first;
    self->untold_count++;
}

static zloom_producer_entry_t *
s_entry (const zloom_producer_t *producer)
{
    zloom_producer_entry_t *entry = (zloom_producer_entry_t *) (uintptr_t) producer;
    ZLOOM_CHECK (entry, ZLOOM_PRODUCER_TAG);
    return entry;
}

zloom_producer_t *
zloom_producers_get (const zloom_producers_t *self, zloom_bytes_t name)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    zloom_producer_entry_t *entry = zloom_map_get (self->named, name);
    return entry ? &entry->producer : NULL;
}

static zloom_producer_entry_t *
s_new (bool named)
{
    zloom_producer_entry_t *entry = zloom_alloc (sizeof *entry);
    entry->tag = ZLOOM_PRODUCER_TAG;
    entry->producer.named = named;
    return entry;
}

/* The named entry, moved or added to the end of the list; NULL when there are too many. */
static zloom_producer_entry_t *
s_use_named (zloom_producers_t *self, zloom_bytes_t name, int64_t wall_ns)
{
    zloom_producer_entry_t *entry = zloom_map_get (self->named, name);
    if (entry) {
        s_unlink (self, entry);
    } else {
        if (zloom_map_count (self->named) >= ZLOOM_LIMIT_PRODUCERS &&
            !zloom_producers_age (self, wall_ns)) {
            return NULL;
        }
        entry = s_new (true);
        entry->name = (uint8_t *) zloom_memdup_text (name.data, name.size);
        entry->name_size = name.size;
        entry->passing = name.size > 0 && name.data[0] == ZLOOM_PASSING_MARK;
        zloom_map_put (self->named, name, entry);
    }
    entry->used_wall_ns = wall_ns;
    s_link (self, entry);
    return entry;
}

zloom_producer_t *
zloom_producers_use (zloom_producers_t *self, zloom_bytes_t name, zloom_session_id_t session,
                     int64_t wall_ns)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    zloom_assert (name.data || session != 0);
    zloom_producer_entry_t *entry = zloom_idmap_get (self->sessions, session);
    if (name.data) {
        entry = s_use_named (self, name, wall_ns);
    } else if (!entry || entry->producer.named) {
        entry = s_new (false);
    }
    if (entry && entry->producer.session != session) {
        if (entry->producer.session != 0) {
            zloom_idmap_remove (self->sessions, entry->producer.session);
        }
        /* It came back and begins at what WELCOME told it. */
        entry->producer.session = session;
        entry->producer.blocked = false;
        if (session != 0) {
            zloom_producers_end (self, session);
            zloom_idmap_put (self->sessions, session, entry);
        }
    }
    return entry ? &entry->producer : NULL;
}

zloom_admit_t
zloom_producer_admit (zloom_producer_t *self, uint64_t first_id, uint32_t n, uint32_t *trimmed)
{
    *trimmed = 0;
    if (first_id == 0 || first_id > INT64_MAX || n > INT64_MAX - first_id) {
        return ZLOOM_ADMIT_INVALID;
    }
    if (first_id > self->high + 1) {
        if (self->blocked) {
            return ZLOOM_ADMIT_DROP;
        }
        self->blocked = true;
        return ZLOOM_ADMIT_GAP;
    }
    uint64_t known = self->high + 1 - first_id;
    if (n > 0 && known >= n) {
        *trimmed = n;
        return ZLOOM_ADMIT_DUPLICATE;
    }
    *trimmed = n > 0 ? (uint32_t) known : 0;
    return ZLOOM_ADMIT_TAKE;
}

void
zloom_producer_taken (zloom_producer_t *self, uint64_t high)
{
    self->high = high > self->high ? high : self->high;
    self->blocked = false;
}

void
zloom_producers_set_mark (zloom_producers_t *self, zloom_producer_t *producer, zloom_bytes_t mark)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    zloom_producer_entry_t *entry = s_entry (producer);
    if (!mark.data || !producer->named || mark.size > ZLOOM_LIMIT_MARK_BYTES) {
        return;
    }
    free (entry->mark);
    entry->mark = (uint8_t *) zloom_memdup_text (mark.data, mark.size);
    entry->mark_size = mark.size;
}

bool
zloom_producers_set_owner (zloom_producers_t *self, zloom_producer_t *producer, zloom_bytes_t owner,
                           bool weak)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    zloom_producer_entry_t *entry = s_entry (producer);
    if (!owner.data || !producer->named || entry->passing || (weak && entry->owner) ||
        zloom_bytes_equal (owner, zloom_producer_owner (producer))) {
        return false;
    }
    free (entry->owner);
    entry->owner = zloom_memdup_text (owner.data, owner.size);
    return true;
}

zloom_bytes_t
zloom_producer_owner (const zloom_producer_t *self)
{
    return zloom_bytes_text (s_entry (self)->owner);
}

zloom_bytes_t
zloom_producer_mark (const zloom_producer_t *self)
{
    const zloom_producer_entry_t *entry = s_entry (self);
    return zloom_bytes (entry->mark, entry->mark_size);
}

zloom_bytes_t
zloom_producer_name (const zloom_producer_t *self)
{
    const zloom_producer_entry_t *entry = s_entry (self);
    return zloom_bytes (entry->name, entry->name_size);
}

void
zloom_producers_end (zloom_producers_t *self, zloom_session_id_t session)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    zloom_producer_entry_t *entry = zloom_idmap_remove (self->sessions, session);
    if (!entry) {
        return;
    }
    if (entry->producer.named) {
        entry->producer.session = 0;
        entry->producer.blocked = false;
    } else {
        s_free (entry);
    }
}

/* Forget the idle ones of one list; returns how many. */
static int
s_age (zloom_producers_t *self, zloom_producer_list_t *list, int64_t wall_ns)
{
    int forgotten = 0;
    while (list->oldest && forgotten < AGE_BURST && wall_ns > list->idle_ns &&
           list->oldest->used_wall_ns < wall_ns - list->idle_ns) {
        zloom_producer_entry_t *entry = list->oldest;
        s_unlink (self, entry);
        zloom_assert (list->oldest != entry);
        if (entry->producer.session != 0) { /* idle, but there: it would not say HELLO again */
            entry->used_wall_ns = wall_ns;
            s_link (self, entry);
            continue;
        }
        zloom_map_remove (self->named, zloom_bytes (entry->name, entry->name_size));
        s_told (self, entry);
        s_free (entry);
        forgotten++;
    }
    return forgotten;
}

bool
zloom_producers_age (zloom_producers_t *self, int64_t wall_ns)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    int forgotten = 0;
    for (int i = 0; i < ZLOOM_PRODUCERS_LISTS; i++) {
        forgotten += s_age (self, &self->lists[i], wall_ns);
    }
    return forgotten > 0;
}

void
zloom_producers_date (zloom_producers_t *self, int64_t wall_ns)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    for (int i = 0; i < ZLOOM_PRODUCERS_LISTS; i++) {
        for (zloom_producer_entry_t *entry = self->lists[i].oldest; entry; entry = entry->newer) {
            if (entry->used_wall_ns == 0) {
                entry->used_wall_ns = wall_ns;
            }
        }
    }
}

size_t
zloom_producers_count (const zloom_producers_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    return zloom_map_count (self->named);
}

void
zloom_producers_moved (zloom_producers_t *self, zloom_producer_t *producer, uint64_t group)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    zloom_producer_entry_t *entry = s_entry (producer);
    entry->moved = group;
    if (producer->named && !entry->told_after) {
        s_tell (self, entry);
    }
}

size_t
zloom_producers_untold (const zloom_producers_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    return self->untold_count;
}

zloom_producer_t *
zloom_producers_tell (zloom_producers_t *self, uint64_t group)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    zloom_producer_entry_t *entry = self->untold;
    if (!entry) {
        return NULL;
    }
    s_told (self, entry);
    if (entry->moved >= group) {
        s_tell (self, entry); /* it moved in this very group: once more, in a later one */
    }
    return &entry->producer;
}
