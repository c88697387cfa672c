/* SPDX-License-Identifier: MPL-2.0 */
/* inbox.c - a ring of frames that grows by doubling. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "peer/inbox.h"

static size_t
s_item_bytes (const zloom_inbox_item_t *item)
{
    const size_t verb = zloom_blob_bytes (item->verb).size;
    return verb + (item->pack ? zloom_blob_bytes (item->pack).size : 0);
}

static void
s_item_fini (zloom_inbox_item_t *item)
{
    zloom_blob_unref (&item->verb);
    if (item->pack) {
        zloom_blob_unref (&item->pack);
    }
}

void
zloom_inbox_fini (zloom_inbox_t *self)
{
    while (self->count > 0) {
        zloom_inbox_pop (self);
    }
    free (self->items);
    *self = (zloom_inbox_t){0};
}

zloom_err_t
zloom_inbox_push (zloom_inbox_t *self, zloom_bytes_t verb, zloom_blob_t *pack, bool malformed)
{
    const size_t size = verb.size + (pack ? zloom_blob_bytes (pack).size : 0);
    if (self->count >= ZLOOM_INBOX_FRAMES_MAX || self->bytes + size > ZLOOM_INBOX_BYTES_MAX) {
        return zloom_fail (ZLOOM_TOO_MANY, "%zu frames with %zu bytes wait already", self->count,
                           self->bytes);
    }
    zloom_grow_ring (&self->items, &self->capacity, self->head, self->count, sizeof *self->items);
    zloom_inbox_item_t *item = &self->items[(self->head + self->count) % self->capacity];
    item->verb = zloom_blob_new (verb.data, verb.size);
    item->pack = pack ? zloom_blob_ref (pack) : NULL;
    item->malformed = malformed;
    self->count++;
    self->bytes += size;
    return ZLOOM_OK;
}

const zloom_inbox_item_t *
zloom_inbox_front (const zloom_inbox_t *self)
{
    return self->count ? &self->items[self->head] : NULL;
}

void
zloom_inbox_pop (zloom_inbox_t *self)
{
    zloom_assert (self->count > 0);
    zloom_inbox_item_t *item = &self->items[self->head];
    self->bytes -= s_item_bytes (item);
    s_item_fini (item);
    self->head = (self->head + 1) % self->capacity;
    self->count--;
}
