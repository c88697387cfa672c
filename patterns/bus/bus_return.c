/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_return.c - events that come back from the dead letters of a durable group: they get a number
 * of their own, and are for that group alone. The others have had them, and so has whoever reads
 * the past later, under their first number.
 */
#include "patterns/bus/state.h"
#include "patterns/common/history.h"

zloom_bus_group_t *
zloom_bus_comes_back (const zloom_bus_t *self, zloom_bytes_t past)
{
    zloom_history_t history;
    const size_t size = strlen (self->config.name);
    zloom_history_decode (past, &history);
    if (history.count == 0) {
        return NULL;
    }
    const zloom_bytes_t from = history.causes[history.count - 1].flow;
    if (from.size <= size + 1 || memcmp (from.data, self->config.name, size) != 0 ||
        from.data[size] != '/') {
        return NULL;
    }
    return zloom_bus_find_group (self, zloom_bytes (from.data + size + 1, from.size - size - 1));
}

void
zloom_bus_replay_returned (zloom_bus_t *self, uint64_t seq, const zloom_pack_head_t *head)
{
    if (!head->past.data) {
        return;
    }
    zloom_cursor_t cursor = zloom_cursor (head->past);
    const uint32_t count = zloom_cursor_array (&cursor, ZLOOM_LIMIT_PACK_MESSAGES);
    for (uint32_t i = 0; i < count && cursor.err == ZLOOM_OK; i++) {
        const zloom_bytes_t past = zloom_cursor_nil (&cursor)
                                     ? ZLOOM_BYTES_NULL
                                     : zloom_cursor_bytes (&cursor, ZLOOM_HISTORY_BYTES_MAX);
        if (cursor.err == ZLOOM_OK && zloom_bus_comes_back (self, past)) {
            zloom_numbers_add (&self->returned, seq + i, seq + i);
        }
    }
}

bool
zloom_bus_pass_returned (const zloom_bus_t *self, uint64_t *at, uint64_t *most)
{
    zloom_range_t run;
    if (*most == 0 || !zloom_numbers_find (&self->returned, *at, *at + *most - 1, &run)) {
        return false;
    }
    if (run.first > *at) {
        *most = run.first - *at;
        return false;
    }
    *at = run.last + 1;
    return true;
}
