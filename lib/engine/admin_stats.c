/* SPDX-License-Identifier: MPL-2.0 */
/* admin_stats.c - what the router counts: flows, sessions, the journal. */
#include "engine/admin.h"
#include "wire/encode.h"

#define FLOWS_OF_PAGE 64
#define SESSIONS_OF_PAGE 256

static void
s_flow_head (zloom_buf_t *out, const zloom_hosted_t *flow)
{
    zloom_encode_string (out, "name");
    zloom_encode_string (out, flow->config.name);
    zloom_encode_string (out, "pattern");
    zloom_encode_string (out, flow->config.pattern);
    zloom_encode_string (out, "confirm");
    zloom_encode_string (out, flow->config.confirm == ZLOOM_CONFIRM_DISK ? "disk" : "memory");
    zloom_encode_string (out, "dead_letter");
    zloom_encode_string (out, flow->config.dead_letter);
}

#define HEAD_PAIRS 4

/* When the next of those that wait is due, and whether it has failed; -1: nothing is due. */
static void
s_due (const zloom_engine_t *self, zloom_buf_t *out, const zloom_flow_stats_t *stats)
{
    const bool due = stats->waiting > 0 && stats->due_mono_ns != ZLOOM_NEVER;
    zloom_encode_string (out, "due_ms");
    zloom_encode_int (out, zloom_admin_left_ms (self, due ? stats->due_mono_ns : ZLOOM_NEVER));
    zloom_admin_pair (out, "due_failures", due ? stats->due_failures : 0);
}

static void
s_flow_stats (const zloom_engine_t *self, zloom_buf_t *out, zloom_hosted_t *flow)
{
    zloom_flow_stats_t stats = {0};
    flow->pattern->stats (flow->core, self->now, &stats);
    stats.refused += flow->refused;
    const int64_t age_ns = stats.oldest_wall_ns > 0 ? self->now.wall_ns - stats.oldest_wall_ns : 0;
    size_t pairs = HEAD_PAIRS + 9;
#define COUNT_STAT(name, help) pairs++;
    ZLOOM_FLOW_STAT_MAP (COUNT_STAT)
#undef COUNT_STAT
    zloom_encode_map (out, pairs);
    s_flow_head (out, flow);
#define ENCODE_STAT(name, help) zloom_admin_pair (out, #name, stats.name);
    ZLOOM_FLOW_STAT_MAP (ENCODE_STAT)
#undef ENCODE_STAT
    zloom_admin_pair (out, "oldest_ms", age_ns > 0 ? (uint64_t) (age_ns / ZLOOM_NS_PER_MS) : 0);
    s_due (self, out, &stats);
    zloom_admin_pair (out, "senders", flow->sender_count);
    zloom_admin_pair (out, "limit_messages", (uint64_t) flow->config.limit_messages);
    zloom_admin_pair (out, "limit_bytes", (uint64_t) flow->config.limit_bytes);
    zloom_encode_string (out, "lanes");
    zloom_admin_lanes (flow, out);
    zloom_encode_string (out, "paused");
    zloom_encode_bool (out, stats.paused);
    zloom_encode_string (out, "draining");
    zloom_encode_bool (out, stats.draining || flow->draining);
}

/* For how long that is so; 0: since_ns is none. */
static uint64_t
s_age_ms (const zloom_engine_t *self, int64_t since_ns)
{
    const int64_t age_ns = since_ns > 0 ? self->now.mono_ns - since_ns : 0;
    return age_ns > 0 ? (uint64_t) (age_ns / ZLOOM_NS_PER_MS) : 0;
}

static void
s_journal (const zloom_engine_t *self, zloom_buf_t *out)
{
    zloom_journal_stats_t stats = {0};
    zloom_journal_stats (self->disk.journal, &stats);
    zloom_encode_map (out, 17);
    zloom_admin_pair (out, "groups", stats.groups);
    zloom_admin_pair (out, "records", stats.records);
    zloom_admin_pair (out, "bytes_written", stats.bytes_written);
    zloom_admin_pair (out, "syncs", stats.syncs);
    zloom_admin_pair (out, "fetches", stats.fetches);
    zloom_admin_pair (out, "moved_bytes", stats.moved_bytes);
    zloom_admin_pair (out, "reclaimed_segments", stats.reclaimed_segments);
    zloom_admin_pair (out, "hot_bytes", stats.hot_bytes);
    zloom_admin_pair (out, "cold_bytes", stats.cold_bytes);
    zloom_admin_pair (out, "live_bytes", stats.live_bytes);
    zloom_admin_pair (out, "holes", stats.holes);
    zloom_admin_pair (out, "last_sync_ns",
                      stats.last_sync_ns > 0 ? (uint64_t) stats.last_sync_ns : 0);
    zloom_admin_pair (out, "last_sync_age_ms", s_age_ms (self, stats.last_sync_at_ns));
    zloom_admin_pair (out, "syncing_ms", s_age_ms (self, stats.sync_since_ns));
    zloom_admin_pair (out, "group", zloom_journal_group (self->disk.journal));
    zloom_admin_pair (out, "durable", zloom_journal_durable (self->disk.journal));
    zloom_encode_string (out, "disk_full");
    zloom_encode_bool (out, stats.disk_full);
}

static void
s_answer_router (zloom_engine_t *self, const zloom_ask_t *ask)
{
    zloom_buf_t out = {0};
    zloom_encode_map (&out, 6);
    zloom_encode_string (&out, "router");
    zloom_encode_string (&out, self->name);
    zloom_encode_string (&out, "log");
    zloom_encode_string (&out, self->log_text);
    zloom_admin_pair (&out, "boot", self->boot.counter);
    zloom_admin_pair (&out, "sessions", zloom_sessions_count (self->sessions));
    zloom_encode_string (&out, "draining");
    zloom_encode_bool (&out, self->draining);
    zloom_encode_string (&out, "journal");
    s_journal (self, &out);
    zloom_admin_answer (self, ask, true, &out);
    zloom_buf_fini (&out);
}

/* Flows from *at on that are asked for, as many as a page has. */
static void
s_answer_flows (zloom_engine_t *self, const zloom_ask_t *ask, size_t *at, bool stats, bool last)
{
    zloom_buf_t items = {0};
    size_t count = 0;
    for (; *at < self->flow_count && count < FLOWS_OF_PAGE; ++*at) {
        zloom_hosted_t *flow = self->flows[*at];
        if (!flow->configured || (ask->flow && ask->flow != flow)) {
            continue;
        }
        count++;
        if (stats) {
            s_flow_stats (self, &items, flow);
        } else {
            zloom_encode_map (&items, HEAD_PAIRS);
            s_flow_head (&items, flow);
        }
    }
    zloom_buf_t out = {0};
    zloom_encode_map (&out, 1);
    zloom_encode_string (&out, "flows");
    zloom_encode_array (&out, count);
    zloom_buf_add_bytes (&out, zloom_buf_bytes (&items));
    zloom_admin_answer (self, ask, !(last && *at >= self->flow_count), &out);
    zloom_buf_fini (&items);
    zloom_buf_fini (&out);
}

/* What it consumes: [[flow, delivery_no]…]. */
static void
s_consumes (zloom_buf_t *out, const zloom_part_t *part)
{
    zloom_encode_array (out, zloom_idmap_count (part->consumers));
    void *value;
    for (size_t i = 0; zloom_idmap_next (part->consumers, &i, NULL, &value);) {
        const zloom_consumer_t *consumer = value;
        zloom_encode_array (out, 2);
        zloom_encode_string (out, consumer->flow->config.name);
        zloom_encode_uint (out, consumer->delivery_no);
    }
}

/* What it sends to: [[flow, messages that it may send now]…]. */
static void
s_sends (zloom_buf_t *out, const zloom_part_t *part)
{
    size_t count = 0;
    for (size_t i = 0; i < part->sender_count; i++) {
        count += part->senders[i] && part->senders[i]->sends;
    }
    zloom_encode_array (out, count);
    for (size_t i = 0; i < part->sender_count; i++) {
        const zloom_sender_t *sender = part->senders[i];
        if (sender && sender->sends) {
            zloom_encode_array (out, 2);
            zloom_encode_string (out, sender->flow->config.name);
            zloom_encode_uint (out, zloom_credit_left (&sender->credit).messages);
        }
    }
}

/* What it said of itself, and how long ago; -1: it never did. */
static void
s_report (const zloom_engine_t *self, zloom_buf_t *out, const zloom_part_t *part)
{
    const int64_t age_ns = self->now.mono_ns - part->report_at_ns;
    zloom_encode_string (out, "report");
    zloom_encode_raw (out, part->report.size ? zloom_buf_bytes (&part->report) : ZLOOM_BYTES_NULL);
    zloom_encode_string (out, "report_age_ms");
    zloom_encode_int (out, part->report.size ? age_ns / ZLOOM_NS_PER_MS : -1);
}

static bool
s_answer_sessions (zloom_engine_t *self, const zloom_ask_t *ask, size_t *cursor, size_t *left)
{
    zloom_buf_t out = {0};
    const size_t count = *left < SESSIONS_OF_PAGE ? *left : SESSIONS_OF_PAGE;
    *left -= count;
    zloom_encode_map (&out, 1);
    zloom_encode_string (&out, "sessions");
    zloom_encode_array (&out, count);
    for (size_t i = 0; i < count; i++) {
        const zloom_session_t *session = zloom_sessions_next (self->sessions, cursor);
        const zloom_part_t *part = zloom_engine_part (session);
        zloom_encode_map (&out, 9);
        zloom_encode_string (&out, "name");
        zloom_encode_string (&out, session->name);
        zloom_encode_string (&out, "role");
        zloom_encode_string (&out, session->role);
        zloom_encode_string (&out, "paused");
        zloom_encode_bool (&out, zloom_engine_paused (self, session));
        zloom_admin_pair (&out, "epoch", session->epoch);
        zloom_admin_pair (&out, "inbox", session->inbox.count);
        zloom_encode_string (&out, "consumes");
        s_consumes (&out, part);
        zloom_encode_string (&out, "sends");
        s_sends (&out, part);
        s_report (self, &out, part);
    }
    zloom_admin_answer (self, ask, *left > 0, &out);
    zloom_buf_fini (&out);
    return *left > 0;
}

zloom_err_t
zloom_admin_stats (zloom_engine_t *self, const zloom_ask_t *ask)
{
    size_t at = 0;
    size_t cursor = 0;
    size_t left = zloom_sessions_count (self->sessions);
    s_answer_router (self, ask);
    do {
        s_answer_flows (self, ask, &at, true, false);
    } while (at < self->flow_count);
    zloom_admin_subscribers (self, ask, false);
    while (s_answer_sessions (self, ask, &cursor, &left)) {
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_admin_flows (zloom_engine_t *self, const zloom_ask_t *ask)
{
    size_t at = 0;
    do {
        s_answer_flows (self, ask, &at, false, true);
    } while (at < self->flow_count);
    return ZLOOM_OK;
}
