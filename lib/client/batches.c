/* SPDX-License-Identifier: MPL-2.0 */
#include "client/batches.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "wire/pack.h"

static void
s_free (zloom_batch_t *batch)
{
    zloom_blob_unref (&batch->blob);
    zloom_blob_unref (&batch->mark);
    free (batch);
}

void
zloom_batches_fini (zloom_batches_t *self)
{
    while (self->first) {
        zloom_batch_t *batch = self->first;
        self->first = batch->next;
        s_free (batch);
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
    zloom_batch_t *rest = zloom_alloc (sizeof *rest);
    *rest = *batch;
    rest->first_id += n;
    rest->n -= n;
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
        s_free (batch);
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
}
