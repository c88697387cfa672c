/* SPDX-License-Identifier: MPL-2.0 */
#include "client/origins.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct zloom_origins {
    size_t references; /* of one thread */
    size_t count;
    zloom_src_t *runs;
    uint8_t *texts;
};

/* The list's runs say where their producer begins by an address that nobody reads. */
static size_t
s_offset (const zloom_src_t *run)
{
    return (size_t) (uintptr_t) run->producer.data;
}

static bool
s_continues (const zloom_origin_list_t *self, const zloom_origin_t *origin)
{
    if (self->count == 0) {
        return false;
    }
    const zloom_src_t *last = &self->runs[self->count - 1];
    return last->first_id + last->n == origin->id && last->base_time_ns == origin->base_time_ns &&
           last->producer.size == origin->producer.size &&
           memcmp (self->texts.data + s_offset (last), origin->producer.data,
                   origin->producer.size) == 0;
}

/* Neighbours are mostly of one producer: its name is kept once. */
static size_t
s_text (zloom_origin_list_t *self, zloom_bytes_t producer)
{
    if (self->count > 0) {
        const zloom_src_t *last = &self->runs[self->count - 1];
        if (last->producer.size == producer.size &&
            memcmp (self->texts.data + s_offset (last), producer.data, producer.size) == 0) {
            return s_offset (last);
        }
    }
    zloom_buf_add_bytes (&self->texts, producer);
    return self->texts.size - producer.size;
}

void
zloom_origin_list_add (zloom_origin_list_t *self, const zloom_origin_t *origin)
{
    if (s_continues (self, origin)) {
        self->runs[self->count - 1].n++;
        return;
    }
    const size_t offset = s_text (self, origin->producer);
    zloom_grow (&self->runs, &self->capacity, self->count + 1, sizeof *self->runs);
    zloom_src_t *run = &self->runs[self->count++];
    *run = (zloom_src_t){.n = 1, .first_id = origin->id, .base_time_ns = origin->base_time_ns};
    run->producer = zloom_bytes ((const uint8_t *) (uintptr_t) offset, origin->producer.size);
}

zloom_origins_t *
zloom_origin_list_take (zloom_origin_list_t *self)
{
    if (self->count == 0) {
        return NULL;
    }
    zloom_origins_t *origins = zloom_alloc (sizeof *origins);
    origins->references = 1;
    origins->count = self->count;
    origins->runs = self->runs;
    origins->texts = zloom_alloc (self->texts.size + 1);
    memcpy (origins->texts, self->texts.data, self->texts.size);
    for (size_t i = 0; i < origins->count; i++) {
        zloom_src_t *run = &origins->runs[i];
        run->producer = zloom_bytes (origins->texts + s_offset (run), run->producer.size);
    }
    self->runs = NULL;
    self->count = 0;
    self->capacity = 0;
    zloom_buf_clear (&self->texts);
    return origins;
}

void
zloom_origin_list_fini (zloom_origin_list_t *self)
{
    free (self->runs);
    zloom_buf_fini (&self->texts);
    *self = (zloom_origin_list_t){0};
}

zloom_origins_t *
zloom_origins_ref (zloom_origins_t *self)
{
    if (self) {
        self->references++;
    }
    return self;
}

void
zloom_origins_unref (zloom_origins_t **self_p)
{
    zloom_origins_t *self = *self_p;
    *self_p = NULL;
    if (self && --self->references == 0) {
        free (self->runs);
        free (self->texts);
        free (self);
    }
}

size_t
zloom_origins_count (const zloom_origins_t *self)
{
    return self->count;
}

size_t
zloom_origins_cut (const zloom_origins_t *self, uint64_t first, uint64_t n, zloom_src_t *out)
{
    return zloom_src_cut (self->runs, self->count, first, n, out);
}
