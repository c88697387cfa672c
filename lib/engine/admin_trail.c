/* SPDX-License-Identifier: MPL-2.0 */
/* admin_trail.c - the way of a traced message over all flows of this router. See admin.h. */
#include "base/tag.h"
#include "engine/admin.h"
#include "wire/encode.h"

/* One answer shows no more, the rest is counted. */
#define SHOWN_MAX 100
#define SHOWN_BYTES (512u * 1024)

static const char *
s_what (const zloom_trail_row_t *row)
{
    switch (row->kind) {
    case ZLOOM_TRAIL_STORED:
        zloom_assert (!"a stay begins with it, and has no row of it");
        break;
    case ZLOOM_TRAIL_HANDED:
        return "handed out";
    case ZLOOM_TRAIL_BEGUN:
        return "begun";
    case ZLOOM_TRAIL_VERDICT:
        return "verdict";
    case ZLOOM_TRAIL_LEFT:
        return "left";
    case ZLOOM_TRAIL_BACK:
        return "taken back";
    case ZLOOM_TRAIL_RESTARTED:
        return "router restarted";
    }
    return "?"; /* of a later version */
}

/* The word to a row's number. */
static const char *
s_how (const zloom_trail_row_t *row)
{
    static const char *const verdicts[] = {"ack", "retry", "reject", "release", "crash"};
    static const char *const reasons[] = {"?",       "acked", "expired", "purged",
                                          "dropped", "moved", "lost"};
    const size_t number = row->number >= 0 ? (size_t) row->number : SIZE_MAX;
    if (row->kind == ZLOOM_TRAIL_VERDICT) {
        return number < sizeof verdicts / sizeof *verdicts ? verdicts[number] : "?";
    }
    if (row->kind == ZLOOM_TRAIL_LEFT) {
        return number < sizeof reasons / sizeof *reasons ? reasons[number] : "?";
    }
    return NULL;
}

static void
s_row (const zloom_trail_row_t *row, zloom_buf_t *out)
{
    const char *how = s_how (row);
    const bool handed = row->kind == ZLOOM_TRAIL_HANDED;
    zloom_encode_map (out, 2u + (row->node ? 1 : 0) + (handed ? 1 : 0) + (how ? 1 : 0) +
                             (row->text ? 1 : 0));
    zloom_encode_string (out, "what");
    zloom_encode_string (out, s_what (row));
    zloom_encode_string (out, "at");
    zloom_encode_int (out, row->wall_ns);
    if (row->node) {
        zloom_encode_string (out, "node");
        zloom_encode_string (out, row->node);
    }
    if (handed) {
        zloom_encode_string (out, "attempt");
        zloom_encode_int (out, row->number);
    }
    if (how) {
        zloom_encode_string (out, "how");
        zloom_encode_string (out, how);
    }
    if (row->text) {
        zloom_encode_string (out, "text");
        zloom_encode_string (out, row->text);
    }
}

/* Whoever may read one flow is told nothing of the others on its messages' way. */
static bool
s_may_read (const zloom_engine_t *self, const zloom_ask_t *ask, const char *flow)
{
    return zloom_engine_allows (self, ask->session, ZLOOM_RIGHT_READ, flow);
}

static void
s_stay (const zloom_engine_t *self, const zloom_ask_t *ask, const zloom_stay_t *stay,
        zloom_buf_t *out)
{
    static const char *const ways[] = {"sent", "emitted", "dead", "requeued"};
    const bool from = stay->from_flow && s_may_read (self, ask, stay->from_flow);
    const zloom_hosted_t *flow = zloom_engine_flow (self, zloom_bytes_text (stay->track->flow));
    zloom_encode_map (out, flow ? 17 : 10);
    zloom_encode_string (out, "flow");
    zloom_encode_string (out, stay->track->flow);
    zloom_admin_pair (out, "seq", stay->seq);
    zloom_encode_string (out, "id");
    zloom_encode_string (out, stay->id);
    zloom_encode_string (out, "base_time");
    zloom_encode_int (out, stay->base_time_ns);
    zloom_encode_string (out, "stored");
    zloom_encode_int (out, stay->wall_ns);
    zloom_encode_string (out, "way");
    zloom_encode_string (out,
                         (size_t) stay->way < sizeof ways / sizeof *ways ? ways[stay->way] : "?");
    zloom_encode_string (out, "from_flow");
    zloom_encode_string (out, from ? stay->from_flow : NULL);
    zloom_admin_pair (out, "from_seq", from ? stay->from_seq : 0);
    zloom_admin_pair (out, "left_out", stay->left_out);
    zloom_encode_string (out, "rows");
    zloom_encode_array (out, stay->row_count);
    for (size_t i = 0; i < stay->row_count; i++) {
        s_row (&stay->rows[i], out);
    }
    if (flow) {
        zloom_admin_whereabouts (self, flow, stay->seq, ZLOOM_BYTES_NULL, out);
    }
}

void
zloom_admin_trail (const zloom_engine_t *self, const zloom_ask_t *ask, uint64_t mark,
                   zloom_buf_t *out)
{
    zloom_buf_t stays = {0};
    size_t count = 0;
    uint64_t more = 0;
    for (const zloom_stay_t *stay = zloom_trail_first (self->trail); stay; stay = stay->next) {
        if (stay->mark != mark || !s_may_read (self, ask, stay->track->flow)) {
            continue;
        }
        if (count == SHOWN_MAX || stays.size > SHOWN_BYTES) {
            more++;
            continue;
        }
        s_stay (self, ask, stay, &stays);
        count++;
    }
    zloom_encode_string (out, "trail");
    zloom_encode_array (out, count);
    zloom_buf_add_bytes (out, zloom_buf_bytes (&stays));
    zloom_admin_pair (out, "trail_more", more);
    zloom_buf_fini (&stays);
}
