/* SPDX-License-Identifier: MPL-2.0 */
/*
 * origins.h - who made the messages of a pack that is carried for others. Runs are built up message
 * by message; once the pack is closed they are shared by the pieces that it is cut into.
 */
#ifndef ZLOOM_CLIENT_ORIGINS_H
#define ZLOOM_CLIENT_ORIGINS_H

#include "wire/source.h"

typedef struct zloom_origins zloom_origins_t;

/* Of the pack that is open; the producer of a run is an offset into the texts. */
typedef struct {
    zloom_src_t *runs;
    size_t count;
    size_t capacity;
    zloom_buf_t texts;
} zloom_origin_list_t; /* zero-initialised is empty and ready */

void zloom_origin_list_add (zloom_origin_list_t *self, const zloom_origin_t *origin);
/* All of it as one object, and the list is empty again; NULL when it was. */
zloom_origins_t *zloom_origin_list_take (zloom_origin_list_t *self);
void zloom_origin_list_fini (zloom_origin_list_t *self);

zloom_origins_t *zloom_origins_ref (zloom_origins_t *self);
void zloom_origins_unref (zloom_origins_t **self_p);
/* Runs at most, and those of messages [first, first + n) into `out`; how many. */
size_t zloom_origins_count (const zloom_origins_t *self);
size_t zloom_origins_cut (const zloom_origins_t *self, uint64_t first, uint64_t n,
                          zloom_src_t *out);

#endif
