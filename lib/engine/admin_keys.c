/* SPDX-License-Identifier: MPL-2.0 */
/*
 * admin_keys.c - keys that do not go on, shown and freed by hand, and the lanes that hold most. A
 * key stands in its message: one whose bytes are on the disk is read now and shown the next time.
 */
#include "engine/admin.h"
#include "patterns/common/history.h"
#include "wire/encode.h"

/* Keys in one answer. */
#define KEYS_OF_PAGE 1000
#define LANES_SHOWN 10

/* The key of message seq as a value: nil when its bytes are not in memory. */
static void
s_key (zloom_buf_t *out, zloom_hosted_t *flow, uint64_t seq)
{
    zloom_view_t *view;
    zloom_envelope_t head = {0};
    zloom_bytes_t bytes;
    if (zloom_hosted_look (flow, seq, &view) == ZLOOM_OK) {
        zloom_pack_iter_t iter =
          zloom_pack_iter (zloom_view_slice (view, (uint32_t) (seq - view->chunk.seq), 1));
        if (!zloom_pack_next (&iter, &bytes) ||
            zloom_envelope_decode_head (bytes, &head) != ZLOOM_OK) {
            head.key = ZLOOM_BYTES_NULL;
        }
    }
    zloom_encode_bytes (out, head.key);
}

/* Why its last failure was one; "" when it was none. */
static void
s_reason (zloom_buf_t *out, const zloom_key_row_t *row)
{
    zloom_history_t history;
    zloom_history_decode (row->history, &history);
    if (history.count == 0) {
        zloom_encode_string (out, "");
        return;
    }
    const zloom_history_cause_t *cause = &history.causes[history.count - 1];
    const zloom_bytes_t said = cause->text.size > 0 ? cause->text : cause->reason;
    zloom_encode_text (out, said);
}

static void
s_row (zloom_buf_t *out, zloom_hosted_t *flow, const zloom_key_row_t *row)
{
    static const char *const states[] = {
      [ZLOOM_KEY_WAITS] = "waiting",
      [ZLOOM_KEY_STUCK] = "stuck",
      [ZLOOM_KEY_PARKED] = "parked",
    };
    zloom_encode_map (out, 6);
    zloom_encode_string (out, "key");
    if (row->state == ZLOOM_KEY_PARKED) {
        zloom_encode_bytes (out, row->key);
    } else {
        s_key (out, flow, row->seq);
    }
    zloom_encode_string (out, "state");
    zloom_encode_string (out, states[row->state]);
    zloom_encode_string (out, "seq");
    zloom_encode_uint (out, row->seq);
    zloom_encode_string (out, "failures");
    zloom_encode_uint (out, row->failures);
    zloom_encode_string (out, "behind");
    zloom_encode_uint (out, row->behind);
    zloom_encode_string (out, "reason");
    s_reason (out, row);
}

zloom_err_t
zloom_admin_flow_parked (zloom_engine_t *self, const zloom_ask_t *ask)
{
    const int64_t from = zloom_admin_number (ask, "from", 0);
    const int64_t max = zloom_admin_number (ask, "max", KEYS_OF_PAGE);
    const zloom_pattern_t *pattern = ask->flow->pattern;
    uint64_t cursor = from > 0 ? (uint64_t) from : 0;
    zloom_buf_t rows = {0};
    zloom_key_row_t row;
    int64_t count = 0;
    bool more = true;
    while (count < max && count < KEYS_OF_PAGE &&
           (more = pattern->next_key (ask->flow->core, &cursor, &row))) {
        s_row (&rows, ask->flow, &row);
        count++;
    }
    zloom_buf_t out = {0};
    zloom_encode_map (&out, 2);
    zloom_encode_string (&out, "keys");
    zloom_encode_array (&out, (size_t) count);
    zloom_buf_add_bytes (&out, zloom_buf_bytes (&rows));
    zloom_encode_string (&out, "next");
    zloom_encode_int (&out, more ? (int64_t) cursor : -1);
    zloom_admin_answer (self, ask, false, &out);
    zloom_buf_fini (&rows);
    zloom_buf_fini (&out);
    return ZLOOM_OK;
}

zloom_err_t
zloom_admin_flow_release (zloom_engine_t *self, const zloom_ask_t *ask)
{
    const zloom_bytes_t key = zloom_admin_bytes (ask, "key");
    if (!ask->flow->config.key || !key.data) {
        return zloom_fail (ZLOOM_INVALID,
                           ask->flow->config.key ? "flow '%s': name the key that is to go on"
                                                 : "flow '%s' has no keys",
                           ask->flow->config.name);
    }
    if (zloom_engine_room (self, ask->flow, ZLOOM_ENGINE_EVENT_RECORDS, ZLOOM_ENGINE_EVENT_BYTES,
                           false) != ZLOOM_OK) {
        return ZLOOM_AGAIN;
    }
    zloom_err_t result = ZLOOM_NOT_FOUND;
    const zloom_event_t event = {.type = ZLOOM_EVENT_FREE_KEY,
                                 .free_key = {.key = key,
                                              .skip = zloom_admin_number (ask, "skip", 0) != 0,
                                              .result = &result}};
    zloom_engine_feed (self, ask->flow, &event);
    if (result == ZLOOM_NOT_FOUND) {
        return zloom_fail (result, "flow '%s': no message of this key waits for a hand",
                           ask->flow->config.name);
    }
    if (result != ZLOOM_OK) {
        return result;
    }
    zloom_buf_t out = {0};
    zloom_encode_map (&out, 1);
    zloom_encode_string (&out, "released");
    zloom_encode_uint (&out, 1);
    zloom_admin_answer (self, ask, false, &out);
    zloom_buf_fini (&out);
    return ZLOOM_OK;
}

void
zloom_admin_lanes (zloom_hosted_t *flow, zloom_buf_t *out)
{
    zloom_lane_row_t rows[LANES_SHOWN];
    const size_t count = flow->pattern->lanes (flow->core, rows, LANES_SHOWN);
    zloom_encode_array (out, count);
    for (size_t i = 0; i < count; i++) {
        zloom_encode_map (out, 3);
        zloom_encode_string (out, "key");
        s_key (out, flow, rows[i].first);
        zloom_encode_string (out, "messages");
        zloom_encode_uint (out, rows[i].messages);
        zloom_encode_string (out, "first");
        zloom_encode_uint (out, rows[i].first);
    }
}
