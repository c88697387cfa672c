/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/producers.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/tag.h"
#include "wire/encode.h"
#include "wire/limits.h"

#define PRODUCERS_TAG 0x5A516473u
#define PRODUCER_TAG 0x5A516472u
#define NAMED_IDLE_NS ((int64_t) ZLOOM_LIMIT_PRODUCER_IDLE_DAYS * 24 * 3600 * ZLOOM_NS_PER_S)
#define PASSING_IDLE_NS ((int64_t) ZLOOM_LIMIT_PASSING_IDLE_MINUTES * 60 * ZLOOM_NS_PER_S)
/* Forgotten in one call at most, so that a turn stays short. */
#define AGE_BURST 1000

typedef struct entry entry_t;

struct entry {
    zloom_producer_t producer; /* first: a producer is its entry */
    uint32_t tag;
    uint8_t *name;
    size_t name_size;
    uint8_t *mark; /* NULL: none */
    size_t mark_size;
    int64_t used_wall_ns;
    bool passing;   /* its name begins with '~' */
    entry_t *older; /* named ones by last use, within their list */
    entry_t *newer;
    uint64_t moved;      /* in this group, if it is to be recorded again */
    entry_t *told_after; /* the ring of those, by how long they wait; NULL: not in it */
    entry_t *told_before;
};

/* Named producers by last use: those that may come back, and those that only pass. */
typedef struct {
    entry_t *oldest;
    entry_t *newest;
    int64_t idle_ns; /* forgotten after */
} list_t;

enum { LASTING, PASSING, LISTS };

struct zloom_producers {
    uint32_t tag;
    zloom_map_t *named;
    zloom_idmap_t *sessions; /* the producer of each session that has sent */
    list_t lists[LISTS];
    entry_t *untold; /* the one that waits longest; before it in the ring: the newest */
    size_t untold_count;
};

zloom_producers_t *
zloom_producers_new (void)
{
    zloom_producers_t *self = zloom_alloc (sizeof *self);
    self->tag = PRODUCERS_TAG;
    self->named = zloom_map_new ();
    self->sessions = zloom_idmap_new ();
    self->lists[LASTING].idle_ns = NAMED_IDLE_NS;
    self->lists[PASSING].idle_ns = PASSING_IDLE_NS;
    return self;
}

static void
s_free (entry_t *entry)
{
    free (entry->name);
    free (entry->mark);
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
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    void *entry;
    for (size_t i = 0; zloom_idmap_next (self->sessions, &i, NULL, &entry);) {
        if (!((entry_t *) entry)->producer.named) {
            s_free (entry);
        }
    }
    for (int i = 0; i < LISTS; i++) {
        while (self->lists[i].oldest) {
            entry_t *newer = self->lists[i].oldest->newer;
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
s_unlink (zloom_producers_t *self, entry_t *entry)
{
    list_t *list = &self->lists[entry->passing];
    *(entry->older ? &entry->older->newer : &list->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &list->newest) = entry->older;
}

static void
s_link (zloom_producers_t *self, entry_t *entry)
{
    list_t *list = &self->lists[entry->passing];
    entry->older = list->newest;
    entry->newer = NULL;
    *(list->newest ? &list->newest->newer : &list->oldest) = entry;
    list->newest = entry;
}

/* Out of the ring of those that are to be recorded. */
static void
s_told (zloom_producers_t *self, entry_t *entry)
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
s_tell (zloom_producers_t *self, entry_t *entry)
{
    entry_t *first = self->untold ? self->untold : entry;
    entry->told_after = first;
    entry->told_before = self->untold ? first->told_before : entry;
    entry->told_before->told_after = entry;
    first->told_before = entry;
    self->untold = first;
    self->untold_count++;
}

static entry_t *
s_entry (const zloom_producer_t *producer)
{
    entry_t *entry = (entry_t *) (uintptr_t) producer;
    ZLOOM_CHECK (entry, PRODUCER_TAG);
    return entry;
}

zloom_producer_t *
zloom_producers_get (const zloom_producers_t *self, zloom_bytes_t name)
{
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    entry_t *entry = zloom_map_get (self->named, name);
    return entry ? &entry->producer : NULL;
}

static entry_t *
s_new (bool named)
{
    entry_t *entry = zloom_alloc (sizeof *entry);
    entry->tag = PRODUCER_TAG;
    entry->producer.named = named;
    return entry;
}

/* The named entry, moved or added to the end of the list; NULL when there are too many. */
static entry_t *
s_use_named (zloom_producers_t *self, zloom_bytes_t name, int64_t wall_ns)
{
    entry_t *entry = zloom_map_get (self->named, name);
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
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    zloom_assert (name.data || session != 0);
    entry_t *entry = zloom_idmap_get (self->sessions, session);
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
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    entry_t *entry = s_entry (producer);
    if (!mark.data || !producer->named || mark.size > ZLOOM_LIMIT_MARK_BYTES) {
        return;
    }
    free (entry->mark);
    entry->mark = (uint8_t *) zloom_memdup_text (mark.data, mark.size);
    entry->mark_size = mark.size;
}

zloom_bytes_t
zloom_producer_mark (const zloom_producer_t *self)
{
    const entry_t *entry = s_entry (self);
    return zloom_bytes (entry->mark, entry->mark_size);
}

zloom_bytes_t
zloom_producer_name (const zloom_producer_t *self)
{
    const entry_t *entry = s_entry (self);
    return zloom_bytes (entry->name, entry->name_size);
}

void
zloom_producers_end (zloom_producers_t *self, zloom_session_id_t session)
{
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    entry_t *entry = zloom_idmap_remove (self->sessions, session);
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
s_age (zloom_producers_t *self, list_t *list, int64_t wall_ns)
{
    int forgotten = 0;
    while (list->oldest && forgotten < AGE_BURST && wall_ns > list->idle_ns &&
           list->oldest->used_wall_ns < wall_ns - list->idle_ns) {
        entry_t *entry = list->oldest;
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
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    int forgotten = 0;
    for (int i = 0; i < LISTS; i++) {
        forgotten += s_age (self, &self->lists[i], wall_ns);
    }
    return forgotten > 0;
}

void
zloom_producers_date (zloom_producers_t *self, int64_t wall_ns)
{
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    for (int i = 0; i < LISTS; i++) {
        for (entry_t *entry = self->lists[i].oldest; entry; entry = entry->newer) {
            if (entry->used_wall_ns == 0) {
                entry->used_wall_ns = wall_ns;
            }
        }
    }
}

size_t
zloom_producers_count (const zloom_producers_t *self)
{
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    return zloom_map_count (self->named);
}

void
zloom_producers_moved (zloom_producers_t *self, zloom_producer_t *producer, uint64_t group)
{
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    entry_t *entry = s_entry (producer);
    entry->moved = group;
    if (producer->named && !entry->told_after) {
        s_tell (self, entry);
    }
}

size_t
zloom_producers_untold (const zloom_producers_t *self)
{
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    return self->untold_count;
}

zloom_producer_t *
zloom_producers_tell (zloom_producers_t *self, uint64_t group)
{
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    entry_t *entry = self->untold;
    if (!entry) {
        return NULL;
    }
    s_told (self, entry);
    if (entry->moved >= group) {
        s_tell (self, entry); /* it moved in this very group: once more, in a later one */
    }
    return &entry->producer;
}

void
zloom_producer_encode (const zloom_producer_t *self, zloom_buf_t *out)
{
    const entry_t *entry = s_entry (self);
    zloom_encode_array (out, 4);
    zloom_encode_bytes (out, zloom_producer_name (self));
    zloom_encode_uint (out, self->high);
    zloom_encode_bytes (out, zloom_producer_mark (self));
    zloom_encode_int (out, entry->used_wall_ns);
}

zloom_err_t
zloom_producers_decode (zloom_producers_t *self, zloom_cursor_t *cursor)
{
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    zloom_fields_t fields = zloom_fields_open (cursor);
    zloom_bytes_t name = zloom_fields_bytes (&fields, ZLOOM_NEED, ZLOOM_LIMIT_PRODUCER_BYTES);
    uint64_t high = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
    zloom_bytes_t mark = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_MARK_BYTES);
    int64_t wall_ns = zloom_fields_int (&fields, ZLOOM_NEED, 0);
    zloom_fields_close (&fields);
    if (cursor->err != ZLOOM_OK) {
        return cursor->err;
    }
    zloom_producer_t *known = zloom_producers_get (self, name);
    if (known && known->high > high) {
        return ZLOOM_OK;
    }
    zloom_producer_t *producer = zloom_producers_use (self, name, 0, wall_ns);
    if (!producer) {
        zloom_cursor_fail (cursor, ZLOOM_TOO_MANY, "more producers than the limit allows");
        return cursor->err;
    }
    producer->high = high;
    zloom_producers_set_mark (self, producer, mark);
    zloom_producers_moved (self, producer, 0);
    return ZLOOM_OK;
}

void
zloom_producers_encode_all (const zloom_producers_t *self, zloom_buf_t *out)
{
    ZLOOM_CHECK (self, PRODUCERS_TAG);
    zloom_encode_array (out, zloom_map_count (self->named));
    for (int i = 0; i < LISTS; i++) {
        for (const entry_t *entry = self->lists[i].oldest; entry; entry = entry->newer) {
            zloom_producer_encode (&entry->producer, out);
        }
    }
}

zloom_err_t
zloom_producers_decode_all (zloom_producers_t *self, zloom_cursor_t *cursor)
{
    uint32_t count = zloom_cursor_array (cursor, ZLOOM_LIMIT_PRODUCERS);
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        zloom_producers_decode (self, cursor);
    }
    while (self->untold) {
        s_told (self, self->untold); /* a snapshot says it for good */
    }
    return cursor->err;
}
