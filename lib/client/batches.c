/* SPDX-License-Identifier: MPL-2.0 */
#include "client/batches.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "wire/pack.h"

/* A message a pack makes and frees one for each; more than a window's worth is not kept. */
#define SPARE_MAX 4096

/* Up to here a copy costs less than a buffer that grows anew. */
#define COPY_PACK_BYTES 4096

static zloom_batch_t *
s_new (zloom_batches_t *self)
{
    zloom_batch_t *batch = self->spare;
    if (!batch) {
        return zloom_alloc (sizeof *batch);
    }
    self->spare = batch->next;
    self->spare_count--;
    *batch = (zloom_batch_t){0};
    return batch;
}

zloom_batch_t *
zloom_batches_new (zloom_batches_t *self, zloom_buf_t *pack)
{
    zloom_batch_t *batch = s_new (self);
    if (pack->size > COPY_PACK_BYTES) {
        batch->blob = zloom_blob_new_from_buf (pack);
    } else {
        batch->blob = zloom_blob_new (pack->data, pack->size);
        zloom_buf_clear (pack);
    }
    batch->pack = zloom_blob_bytes (batch->blob);
    return batch;
}

static void
s_free (zloom_batches_t *self, zloom_batch_t *batch)
{
    zloom_blob_unref (&batch->blob);
    zloom_blob_unref (&batch->mark);
    zloom_origins_unref (&batch->origins);
    if (self->spare_count == SPARE_MAX) {
        free (batch);
        return;
    }
    batch->next = self->spare;
    self->spare = batch;
    self->spare_count++;
}

void
zloom_batches_fini (zloom_batches_t *self)
{
    while (self->first) {
        zloom_batch_t *batch = self->first;
        self->first = batch->next;
        s_free (self, batch);
    }
    while (self->spare) {
        zloom_batch_t *batch = self->spare;
        self->spare = batch->next;
        free (batch);
    }
    *self = (zloom_batches_t){0};
}

void
zloom_batches_append (zloom_batches_t *self, zloom_batch_t *batch)
{
    if (self->last) {
        self->last->next = batch;
    } else {
        self->first = batch;
    }
    self->last = batch;
    if (!self->unsent) {
        self->unsent = batch;
    }
    self->messages += batch->n;
    self->bytes += batch->pack.size;
}

void
zloom_batches_cut (zloom_batches_t *self, zloom_batch_t *batch, uint32_t n)
{
    zloom_assert (n > 0 && n < batch->n);
    zloom_batch_t *rest = s_new (self);
    *rest = *batch;
    rest->first_id += n;
    rest->n -= n;
    rest->origins = zloom_origins_ref (batch->origins);
    rest->origins_at += n;
    batch->n = n;
    batch->mark = NULL;
    if (batch->blob) {
        zloom_bytes_t head;
        zloom_assert (zloom_pack_slice (batch->pack, 0, n, &head) == ZLOOM_OK);
        rest->blob = zloom_blob_ref (batch->blob);
        rest->pack = zloom_bytes (batch->pack.data + head.size, batch->pack.size - head.size);
        batch->pack = head;
    }
    batch->next = rest;
    if (self->last == batch) {
        self->last = rest;
    }
}

size_t
zloom_batches_take (zloom_batches_t *self, uint64_t upto)
{
    size_t taken = 0;
    while (self->first && self->first->first_id <= upto) {
        zloom_batch_t *batch = self->first;
        if (batch->first_id + batch->n - 1 > upto) {
            zloom_batches_cut (self, batch, (uint32_t) (upto - batch->first_id + 1));
        }
        taken += batch->n;
        self->messages -= batch->n;
        self->bytes -= batch->pack.size;
        if (self->unsent == batch) {
            self->unsent = batch->next;
        }
        self->first = batch->next;
        if (!self->first) {
            self->last = NULL;
        }
        s_free (self, batch);
    }
    return taken;
}

zloom_batch_t *
zloom_batches_at (zloom_batches_t *self, uint64_t id)
{
    zloom_batch_t *batch = self->first;
    while (batch && batch->first_id + batch->n - 1 < id) {
        batch = batch->next;
    }
    if (!batch || id < batch->first_id) {
        return NULL;
    }
    if (batch->first_id < id) {
        zloom_batches_cut (self, batch, (uint32_t) (id - batch->first_id));
        batch = batch->next;
    }
    return batch;
}

void
zloom_batches_rewind (zloom_batches_t *self, zloom_batch_t *batch)
{
    self->unsent = batch;
}

void
zloom_batches_empty (zloom_batches_t *self, zloom_batch_t *batch)
{
    self->bytes -= batch->pack.size;
    batch->pack = ZLOOM_BYTES_NULL;
    zloom_blob_unref (&batch->blob);
    zloom_origins_unref (&batch->origins);
}
