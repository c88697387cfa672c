/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/fingerprint.h"

#include <stdlib.h>

#include "base/memory.h"
#include "wire/encode.h"

/* FNV-1a, 64 bits: Fowler, Noll, Vo; RFC 9923. */
#define FNV_OFFSET UINT64_C (0xcbf29ce484222325)
#define FNV_PRIME UINT64_C (0x100000001b3)

static int
s_compare (const void *a, const void *b)
{
    return zloom_bytes_compare (*(const zloom_bytes_t *) a, *(const zloom_bytes_t *) b);
}

static void
s_encode_topics (const zloom_fingerprint_t *self, zloom_buf_t *out)
{
    zloom_encode_array (out, self->topic_count);
    if (self->topic_count == 0) {
        return;
    }
    const size_t bytes = self->topic_count * sizeof *self->topics;
    zloom_bytes_t *sorted = zloom_alloc (bytes);
    memcpy (sorted, self->topics, bytes);
    qsort (sorted, self->topic_count, sizeof *sorted, s_compare);
    for (size_t i = 0; i < self->topic_count; i++) {
        zloom_encode_text (out, sorted[i]);
    }
    free (sorted);
}

uint64_t
zloom_fingerprint_number (const zloom_fingerprint_t *self)
{
    zloom_buf_t bytes = {0};
    zloom_encode_array (&bytes, 5);
    zloom_encode_text (&bytes, self->pattern);
    zloom_encode_text (&bytes, self->key);
    zloom_encode_uint (&bytes, (uint64_t) self->confirm);
    s_encode_topics (self, &bytes);
    zloom_encode_uint (&bytes, self->partitions);
    uint64_t hash = FNV_OFFSET;
    for (size_t i = 0; i < bytes.size; i++) {
        hash = (hash ^ bytes.data[i]) * FNV_PRIME;
    }
    zloom_buf_fini (&bytes);
    return hash;
}
