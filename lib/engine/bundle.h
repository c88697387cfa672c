/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bundle.h - the pack that is being made of small ones (bundle.c).
 */
#ifndef ZLOOM_ENGINE_BUNDLE_H
#define ZLOOM_ENGINE_BUNDLE_H

#include "base/bytes.h"
#include "wire/arena.h"
#include "wire/types.h"

struct zloom_hosted;

/* Zero-initialised is closed and ready. */
typedef struct {
    struct zloom_hosted *flow; /* NULL: none is open */
    uint64_t seq;
    uint32_t n;
    uint32_t flags;
    zloom_buf_t payload;
    zloom_src_t *src;
    size_t src_count, src_capacity;
    int64_t arrived_ns;  /* pack_head.h; of all, since they came together */
    size_t run_bytes;    /* of src in the journal, from above */
    zloom_arena_t names; /* of the producers in src */
} zloom_bundle_t;

/* What the open pack takes in the journal at most; 0: none is open. */
uint64_t zloom_bundle_bytes (const zloom_bundle_t *self);
void zloom_bundle_fini (zloom_bundle_t *self);

#endif
