/* SPDX-License-Identifier: MPL-2.0 */
/*
 * admin_bus.c - who hears a flow where each subscriber gets all, what became of one message there,
 * and the end of a durable group by hand. See admin.h.
 */
#include "engine/admin.h"
#include "wire/encode.h"

#define ROWS_OF_PAGE 64

static const char *const s_on_slow[ZLOOM_ON_SLOW_COUNT] = {
  [ZLOOM_ON_SLOW_DROP_OLDEST] = "drop-oldest",
  [ZLOOM_ON_SLOW_BLOCK] = "block",
  [ZLOOM_ON_SLOW_DROP_NEWEST] = "drop-newest",
  [ZLOOM_ON_SLOW_LATEST] = "latest",
  [ZLOOM_ON_SLOW_SPILL] = "spill",
  [ZLOOM_ON_SLOW_DISCONNECT] = "disconnect",
};

/* ---- subscribers ---------------------------------------------------------------------------- */

static void
s_policy (zloom_buf_t *out, const zloom_subscriber_row_t *row)
{
    zloom_encode_string (out, "on_slow");
    zloom_encode_string (out, row->durable ? NULL : s_on_slow[row->on_slow]);
    zloom_encode_string (out, "on_slow_value");
    zloom_encode_int (out, row->durable ? 0 : row->on_slow_value);
}

static void
s_subscriber (const zloom_engine_t *self, zloom_buf_t *out, const zloom_hosted_t *flow,
              const zloom_subscriber_row_t *row)
{
    const zloom_consumer_t *consumer = zloom_idmap_get (self->consumers, row->consumer);
    zloom_encode_map (out, 16);
    zloom_encode_string (out, "flow");
    zloom_encode_string (out, flow->config.name);
    zloom_encode_string (out, "group");
    zloom_encode_text (out, row->group);
    zloom_encode_string (out, "durable");
    zloom_encode_bool (out, row->durable);
    zloom_encode_string (out, "patterns");
    zloom_encode_array (out, row->pattern_count);
    for (size_t i = 0; i < row->pattern_count; i++) {
        zloom_encode_text (out, row->patterns[i]);
    }
    zloom_encode_string (out, "consumer");
    zloom_encode_string (out, consumer ? consumer->session->name : NULL);
    zloom_admin_pair (out, "consumers", row->consumers);
    zloom_admin_pair (out, "lag", row->lag);
    zloom_admin_pair (out, "delivered", row->delivered);
    zloom_admin_pair (out, "acked", row->acked);
    zloom_admin_pair (out, "dead", row->dead);
    zloom_admin_pair (out, "filtered", row->filtered);
    zloom_admin_pair (out, "dropped", row->dropped);
    zloom_admin_pair (out, "gaps", row->gaps);
    zloom_admin_pair (out, "position", row->position);
    s_policy (out, row);
}

/* The next subscriber of the flows that are asked for, from flow *at and its *cursor on. */
static bool
s_next (const zloom_engine_t *self, const zloom_ask_t *ask, size_t *at, uint64_t *cursor,
        zloom_subscriber_row_t *row)
{
    for (; *at < self->flow_count; ++*at, *cursor = 0) {
        const zloom_hosted_t *flow = self->flows[*at];
        if (flow->configured && flow->pattern->next_subscriber &&
            (!ask->flow || ask->flow == flow) &&
            flow->pattern->next_subscriber (flow->core, cursor, row)) {
            return true;
        }
    }
    return false;
}

void
zloom_admin_subscribers (zloom_engine_t *self, const zloom_ask_t *ask, bool last)
{
    size_t at = 0;
    uint64_t cursor = 0;
    zloom_subscriber_row_t row = {0};
    bool more = s_next (self, ask, &at, &cursor, &row);
    if (!more && !last) {
        return;
    }
    do {
        zloom_buf_t items = {0};
        size_t count = 0;
        for (; more && count < ROWS_OF_PAGE; count++) {
            s_subscriber (self, &items, self->flows[at], &row);
            row = (zloom_subscriber_row_t){0};
            more = s_next (self, ask, &at, &cursor, &row);
        }
        zloom_buf_t out = {0};
        zloom_encode_map (&out, 1);
        zloom_encode_string (&out, "subscribers");
        zloom_encode_array (&out, count);
        zloom_buf_add_bytes (&out, zloom_buf_bytes (&items));
        zloom_admin_answer (self, ask, more || !last, &out);
        zloom_buf_fini (&items);
        zloom_buf_fini (&out);
    } while (more);
}

zloom_err_t
zloom_admin_group_ls (zloom_engine_t *self, const zloom_ask_t *ask)
{
    zloom_admin_subscribers (self, ask, true);
    return ZLOOM_OK;
}

/* ---- one group, one message ----------------------------------------------------------------- */

static zloom_err_t
s_has_groups (const zloom_hosted_t *flow)
{
    return flow->pattern->next_subscriber
             ? ZLOOM_OK
             : zloom_fail (ZLOOM_WRONG_PATTERN,
                           "flow '%s' is a %s: each message has one consumer, there are no groups",
                           flow->config.name, flow->config.pattern);
}

typedef struct {
    zloom_bytes_t name;
    zloom_err_t err;
} drop_t;

static void
s_drop (zloom_hosted_t *flow, const zloom_turn_t *turn, void *arg)
{
    drop_t *drop = arg;
    drop->err = flow->pattern->drop_group (flow->core, drop->name, turn);
}

zloom_err_t
zloom_admin_group_drop (zloom_engine_t *self, const zloom_ask_t *ask)
{
    drop_t drop = {.name = zloom_admin_text (ask, "group")};
    zloom_err_t err = s_has_groups (ask->flow);
    if (err != ZLOOM_OK) {
        return err;
    }
    if (drop.name.size == 0) {
        return zloom_fail (ZLOOM_INVALID, "ADMIN group drop: name a group");
    }
    if (zloom_engine_room (self, ask->flow, ZLOOM_ENGINE_EVENT_RECORDS, ZLOOM_ENGINE_EVENT_BYTES,
                           false) != ZLOOM_OK) {
        return ZLOOM_AGAIN;
    }
    zloom_engine_call (self, ask->flow, s_drop, &drop);
    if (drop.err != ZLOOM_OK) {
        return drop.err;
    }
    zloom_buf_t out = {0};
    zloom_encode_map (&out, 0);
    zloom_admin_answer (self, ask, false, &out);
    zloom_buf_fini (&out);
    return ZLOOM_OK;
}

zloom_err_t
zloom_admin_receipts (zloom_engine_t *self, const zloom_ask_t *ask)
{
    static const char *const states[] = {
      [ZLOOM_RECEIPT_LAGGING] = "lagging", [ZLOOM_RECEIPT_DELIVERED] = "delivered",
      [ZLOOM_RECEIPT_ACKED] = "acked",     [ZLOOM_RECEIPT_FILTERED] = "filtered",
      [ZLOOM_RECEIPT_DROPPED] = "dropped", [ZLOOM_RECEIPT_DEAD] = "dead",
    };
    const zloom_hosted_t *flow = ask->flow;
    const int64_t seq = zloom_admin_number (ask, "seq", -1);
    const zloom_err_t err = s_has_groups (flow);
    if (err != ZLOOM_OK) {
        return err;
    }
    if (seq < 0 || (uint64_t) seq >= flow->pattern->next_seq (flow->core)) {
        return zloom_fail (ZLOOM_NOT_FOUND, "flow '%s': no message has the number %lld yet",
                           flow->config.name, (long long) seq);
    }
    zloom_buf_t items = {0};
    zloom_receipt_row_t row = {0};
    size_t count = 0;
    for (uint64_t cursor = 0; flow->pattern->receipt (flow->core, (uint64_t) seq, &cursor, &row);
         count++) {
        zloom_encode_map (&items, 3);
        zloom_encode_string (&items, "group");
        zloom_encode_text (&items, row.group);
        zloom_encode_string (&items, "state");
        zloom_encode_string (&items, states[row.state]);
        zloom_admin_pair (&items, "behind", row.behind);
        row = (zloom_receipt_row_t){0};
    }
    zloom_buf_t out = {0};
    zloom_encode_map (&out, 3);
    zloom_encode_string (&out, "flow");
    zloom_encode_string (&out, flow->config.name);
    zloom_admin_pair (&out, "seq", (uint64_t) seq);
    zloom_encode_string (&out, "receipts");
    zloom_encode_array (&out, count);
    zloom_buf_add_bytes (&out, zloom_buf_bytes (&items));
    zloom_admin_answer (self, ask, false, &out);
    zloom_buf_fini (&items);
    zloom_buf_fini (&out);
    return ZLOOM_OK;
}
