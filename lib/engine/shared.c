/* SPDX-License-Identifier: MPL-2.0 */
#include "engine/shared.h"

static void
s_empty (zloom_shared_item_t *item)
{
    zloom_blob_unref (&item->blob);
    item->run_count = 0;
}

void
zloom_shared_clear (zloom_shared_t *self)
{
    for (size_t i = 0; self->count > 0 && i < ZLOOM_SHARED_MOST; i++) {
        s_empty (&self->items[i]);
    }
    self->count = 0;
}

void
zloom_shared_fini (zloom_shared_t *self)
{
    zloom_shared_clear (self);
    for (size_t i = 0; i < ZLOOM_SHARED_MOST; i++) {
        zloom_buf_fini (&self->items[i].equal);
    }
}

/* Packs have as many messages as their senders like: neighbours by number must not meet. */
static size_t
s_place (uint64_t seq)
{
    return (size_t) ((seq * UINT64_C (0x9e3779b97f4a7c15)) >> 32) % ZLOOM_SHARED_MOST;
}

static bool
s_same (const zloom_shared_item_t *item, const zloom_run_t *runs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (item->runs[i].seq != runs[i].seq || item->runs[i].n != runs[i].n) {
            return false;
        }
    }
    return true;
}

zloom_shared_item_t *
zloom_shared_at (zloom_shared_t *self, const zloom_run_t *runs, size_t count)
{
    if (count == 0 || count > ZLOOM_SHARED_RUNS) {
        return NULL;
    }
    zloom_shared_item_t *item = &self->items[s_place (runs[0].seq)];
    if (item->run_count > 0 && (item->run_count != count || !s_same (item, runs, count))) {
        s_empty (item);
        self->count--;
    }
    return item;
}

void
zloom_shared_put (zloom_shared_t *self, zloom_shared_item_t *item, const zloom_run_t *runs,
                  size_t count, zloom_blob_t *blob, zloom_bytes_t pack)
{
    memcpy (item->runs, runs, count * sizeof *runs);
    item->run_count = count;
    item->blob = zloom_blob_ref (blob);
    item->pack = pack;
    zloom_buf_clear (&item->equal);
    self->count++;
}
