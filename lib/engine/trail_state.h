/* SPDX-License-Identifier: MPL-2.0 */
/* trail_state.h - the trail from the inside: trail.c has the stays, trail_rows.c their bytes. */
#ifndef ZLOOM_ENGINE_TRAIL_STATE_H
#define ZLOOM_ENGINE_TRAIL_STATE_H

#include "base/map.h"
#include "base/tag.h"
#include "engine/trail.h"

#define ZLOOM_TRAIL_TAG 0x5A54726Cu

struct zloom_trail {
    uint32_t tag;
    size_t limit_bytes;
    size_t bytes;
    zloom_map_t *tracks;
    zloom_stay_t *first;
    zloom_stay_t *last;
    uint64_t next_order;
    uint64_t next_row;
    uint64_t mark;
    zloom_buf_t pending; /* rows that were not taken yet */
    size_t pending_rows;
    bool replaying;
};

/* A row of the stay (NULL: how it began) counts, and is journaled with the next record. */
void zloom_trail_keep (zloom_trail_t *self, zloom_stay_t *stay, zloom_trail_row_t *row);

#endif
