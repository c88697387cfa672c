/* SPDX-License-Identifier: MPL-2.0 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/tag.h"

#define BLOB_TAG 0x5A426C62u

struct zloom_blob {
    uint32_t tag;
    atomic_uint references;
    const uint8_t *data; /* own[] or somebody else's */
    size_t size;
    zloom_blob_free_fn *free_fn; /* NULL: there is nothing but this allocation to free */
    void *hint;
    _Alignas(max_align_t) uint8_t own[];
};

static zloom_blob_t *
s_new (size_t own_bytes)
{
    zloom_assert (own_bytes <= PTRDIFF_MAX - sizeof (zloom_blob_t));
    /* Not zloom_alloc: the content is about to be written, zeroing it would be work for nothing. */
    zloom_blob_t *self = zloom_realloc (NULL, 1, sizeof *self + own_bytes);
    self->tag = BLOB_TAG;
    atomic_init (&self->references, 1);
    self->data = self->own;
    self->size = own_bytes;
    self->free_fn = NULL;
    self->hint = NULL;
    return self;
}

zloom_blob_t *
zloom_blob_new (const void *data, size_t size)
{
    zloom_blob_t *self = s_new (size);
    if (size > 0) {
        memcpy (self->own, data, size);
    }
    return self;
}

zloom_blob_t *
zloom_blob_new_empty (size_t size, uint8_t **data_p)
{
    zloom_blob_t *self = s_new (size);
    *data_p = self->own;
    return self;
}

zloom_blob_t *
zloom_blob_new_extern (const void *data, size_t size, zloom_blob_free_fn *free_fn, void *hint)
{
    zloom_assert (data || size == 0);
    zloom_blob_t *self = s_new (0);
    if (data) {
        self->data = data;
    }
    self->size = size;
    self->free_fn = free_fn;
    self->hint = hint;
    return self;
}

static void
s_unref_whole (void *data, void *hint)
{
    (void) data;
    zloom_blob_t *whole = hint;
    zloom_blob_unref (&whole);
}

zloom_blob_t *
zloom_blob_new_part (zloom_blob_t *whole, zloom_bytes_t part, size_t own_bytes, uint8_t **own_p)
{
    zloom_assert (part.data || part.size == 0);
    zloom_blob_t *self = s_new (own_bytes);
    *own_p = self->own;
    if (part.data) {
        self->data = part.data;
    }
    self->size = part.size;
    if (whole) {
        self->free_fn = s_unref_whole;
        self->hint = zloom_blob_ref (whole);
    }
    return self;
}

static void
s_free_buf_data (void *data, void *hint)
{
    (void) hint;
    free (data);
}

zloom_blob_t *
zloom_blob_new_from_buf (zloom_buf_t *buf)
{
    if (!buf->data) {
        return s_new (0);
    }
    zloom_blob_t *self = zloom_blob_new_extern (buf->data, buf->size, s_free_buf_data, NULL);
    *buf = (zloom_buf_t){NULL, 0, 0};
    return self;
}

zloom_blob_t *
zloom_blob_ref (zloom_blob_t *self)
{
    ZLOOM_CHECK (self, BLOB_TAG);
    /* Relaxed: who refs has a reference already, so the content is visible to him. */
    unsigned before = atomic_fetch_add_explicit (&self->references, 1, memory_order_relaxed);
    zloom_assert (before > 0 && before < UINT32_MAX / 2);
    return self;
}

void
zloom_blob_unref (zloom_blob_t **self_p)
{
    zloom_assert (self_p);
    zloom_blob_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, BLOB_TAG);
    *self_p = NULL;
    /* Release what this thread did with the content; the last one acquires what all others did. */
    unsigned before = atomic_fetch_sub_explicit (&self->references, 1, memory_order_acq_rel);
    zloom_assert (before > 0);
    if (before > 1) {
        return;
    }
    self->tag = ZLOOM_TAG_DEAD;
    if (self->free_fn) {
        self->free_fn ((void *) self->data, self->hint);
    }
    free (self);
}

zloom_bytes_t
zloom_blob_bytes (const zloom_blob_t *self)
{
    ZLOOM_CHECK (self, BLOB_TAG);
    return zloom_bytes (self->data, self->size);
}
