/* SPDX-License-Identifier: MPL-2.0 */
/* table.h - what the pattern's table (bus.c) has from files that nobody else calls. */
#ifndef ZLOOM_PATTERNS_BUS_TABLE_H
#define ZLOOM_PATTERNS_BUS_TABLE_H

#include "patterns/bus/state.h"

/* ---- bus_recover.c -------------------------------------------------------------------------- */

void zloom_bus_snapshot (const void *self, zloom_buf_t *out);
zloom_err_t zloom_bus_restore (void *self, zloom_bytes_t snapshot);
zloom_err_t zloom_bus_replay (void *self, const zloom_replay_t *record);
void zloom_bus_recovered (void *self, zloom_now_t now);

/* ---- bus_shown.c ---------------------------------------------------------------------------- */

void zloom_bus_stats (const void *self, zloom_now_t now, zloom_flow_stats_t *stats);
bool zloom_bus_next_subscriber (const void *self, uint64_t *cursor, zloom_subscriber_row_t *row);
bool zloom_bus_receipt (const void *self, uint64_t seq, uint64_t *cursor, zloom_receipt_row_t *row);
void zloom_bus_whereabouts (const void *self, uint64_t seq, zloom_whereabouts_t *place);
bool zloom_bus_next_free (const void *self, uint64_t from, zloom_range_t *run);
bool zloom_bus_next_key (const void *self, uint64_t *cursor, zloom_key_row_t *row);
size_t zloom_bus_lanes (const void *self, zloom_lane_row_t *rows, size_t max);

#endif
