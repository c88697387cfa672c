/* SPDX-License-Identifier: MPL-2.0 */
#include "top.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* The head, the blank line and two heads of tables: what is there whatever there is to show. */
#define FIXED_ROWS 4

typedef enum { LINE_PLAIN, LINE_HEAD, LINE_TROUBLE } s_look_t;

static void
s_line (const zloom_top_size_t *size, zloom_buf_t *out, zloom_buf_t *line, s_look_t look)
{
    static const char *const begin[] = {"", "\033[1m", "\033[31m"};
    zloom_buf_t plain = {0};
    zloom_buf_add_plain_line (&plain,
                              zloom_buf_bytes (line)); /* but for the colours, which are ours */
    size_t bytes = plain.size;
    if (size->columns > 0 && bytes > size->columns) {
        bytes = size->columns;
        /* Names may have any letters: no cut inside of one. */
        while (bytes > 0 && (plain.data[bytes] & 0xC0) == 0x80) {
            bytes--;
        }
    }
    const bool colour = size->colour && look != LINE_PLAIN;
    zloom_buf_add_text (out, colour ? begin[look] : "");
    zloom_buf_add (out, plain.data, bytes);
    zloom_buf_add_text (out, colour ? "\033[0m\n" : "\n");
    zloom_buf_clear (line);
    zloom_buf_fini (&plain);
}

static void
s_head (const zloom_view_t *before, const zloom_view_t *now, const zloom_top_size_t *size,
        zloom_buf_t *out, zloom_buf_t *line)
{
    char text[48];
    const double seconds = (double) (now->at_ns - before->at_ns) / (double) ZLOOM_NS_PER_S;
    const zloom_view_disks_t disks = zloom_view_disks (now);
    const int64_t more = disks.syncs - zloom_view_disks (before).syncs;
    const double syncs = seconds > 0 && more > 0 ? (double) more / seconds : 0;
    if (now->router_count == 0) {
        zloom_buf_add_text (line, "the router does not answer");
        s_line (size, out, line, LINE_TROUBLE);
        return;
    }
    const int64_t sync_us = disks.last_sync_ns / 1000;
    (void) snprintf (text, sizeof text, sync_us < 10000 ? "%.1fms" : "%.0fms",
                     (double) sync_us / 1000);
    zloom_buf_printf (line, "%s: %zu flows, %.0f syncs/s, the last took %s%s", now->routers[0].name,
                      now->flow_count, syncs, text, disks.disk_full ? ", DISK FULL" : "");
    s_line (size, out, line, disks.disk_full ? LINE_TROUBLE : LINE_PLAIN);
}

/* ---- flows ---------------------------------------------------------------------------------- */

static void
s_flow_head (const zloom_top_size_t *size, zloom_buf_t *out, zloom_buf_t *line)
{
    zloom_buf_printf (line, "%-16s %6s %6s %6s %9s %7s %7s %7s %8s %7s  %s", "flow", "in/s",
                      "out/s", "fail/s", "depth", "ready", "leased", "waiting", "oldest", "credit",
                      "state");
    s_line (size, out, line, LINE_HEAD);
}

static void
s_flow (const zloom_view_t *before, const zloom_view_t *now, const zloom_view_flow_t *flow,
        const zloom_top_size_t *size, zloom_buf_t *out, zloom_buf_t *line)
{
    const zloom_view_rates_t rates = zloom_view_rates (before, now, flow->name);
    const bool full = zloom_view_full (flow);
    const bool alone = flow->consumers == 0 && zloom_view_depth (flow) > 0;
    char in[24];
    char gone[24];
    char failing[24];
    char age[48] = "-";
    if (flow->oldest_ms > 0) {
        zloom_view_time (flow->oldest_ms, age);
    }
    zloom_buf_printf (line, "%-16s %6s %6s %6s %9lld %7lld %7lld %7lld %8s %7lld ", flow->name,
                      zloom_view_short (rates.in, in), zloom_view_short (rates.out, gone),
                      zloom_view_short (rates.failing, failing),
                      (long long) zloom_view_depth (flow), (long long) flow->ready,
                      (long long) flow->leased, (long long) flow->waiting, age,
                      (long long) flow->credit);
    zloom_buf_add_text (line, full ? " full" : "");
    zloom_buf_add_text (line, flow->paused ? " paused" : "");
    zloom_buf_add_text (line, flow->draining ? " draining" : "");
    zloom_buf_add_text (line, alone ? " nobody takes" : "");
    if (flow->stuck > 0) {
        zloom_buf_printf (line, " %lld keys stuck", (long long) flow->stuck);
    }
    if (flow->lost > 0) {
        zloom_buf_printf (line, " %lld LOST", (long long) flow->lost);
    }
    s_line (size, out, line,
            full || alone || flow->stuck > 0 || flow->lost > 0 ? LINE_TROUBLE : LINE_PLAIN);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static void
s_node_head (const zloom_top_size_t *size, zloom_buf_t *out, zloom_buf_t *line)
{
    zloom_buf_printf (line, "%-16s %-9s %-9s %7s %8s %8s %8s %7s %8s %8s", "node", "kind", "state",
                      "done/s", "in hand", "waiting", "unconf", "credit", "blocked", "restarts");
    s_line (size, out, line, LINE_HEAD);
}

static void
s_node (const zloom_view_t *before, const zloom_view_t *now, const zloom_view_node_t *node,
        const zloom_top_size_t *size, zloom_buf_t *out, zloom_buf_t *line)
{
    const zloom_report_t *report = &node->report;
    char done[24] = "-";
    char blocked[48] = "-";
    char credit[24] = "-";
    const char *seen = node->state[0] ? node->state : node->connected ? "ready" : "gone";
    const char *state = node->paused ? "paused" : seen;
    if (node->reports) {
        zloom_view_short (zloom_view_done (before, now, node->name), done);
    }
    if (report->blocked_ms > 0) {
        zloom_view_time ((int64_t) report->blocked_ms, blocked);
    }
    if (node->give_count > 0) {
        (void) snprintf (credit, sizeof credit, "%lld", (long long) node->give_credit);
    }
    zloom_buf_printf (
      line, "%-16s %-9s %-9s %7s %8llu %8llu %8llu %7s %8s %8lld", node->name, node->role, state,
      done, (unsigned long long) report->in_hand, (unsigned long long) report->waiting,
      (unsigned long long) report->unconfirmed, credit, blocked, (long long) node->restarts);
    const bool broken = strcmp (state, "backoff") == 0 || strcmp (state, "failed") == 0;
    if (report->blocked_ms > 0) {
        zloom_buf_printf (line, "  waits for room in %s", report->blocked_on);
    } else if (report->hint[0]) {
        zloom_buf_printf (line, "  %s", report->hint);
    } else if (broken) {
        zloom_buf_printf (line, "  %s", node->end);
    }
    s_line (size, out, line,
            broken || report->blocked_ms > 0 || report->hint[0] ? LINE_TROUBLE : LINE_PLAIN);
}

/* ---- the screen ----------------------------------------------------------------------------- */

/* What is left out for want of rows is counted, not passed over. */
static void
s_rest (const zloom_top_size_t *size, zloom_buf_t *out, zloom_buf_t *line, size_t left, size_t rows)
{
    if (left > 0 && rows > 0) {
        zloom_buf_printf (line, "... and %zu more", left);
        s_line (size, out, line, LINE_PLAIN);
    }
}

static size_t
s_node_count (const zloom_view_t *view)
{
    size_t count = 0;
    for (size_t i = 0; i < view->node_count; i++) {
        count += zloom_view_is_node (&view->nodes[i]);
    }
    return count;
}

/* How many of `count` have a row of their own when there are `rows` of them. */
static size_t
s_shown (size_t count, size_t rows)
{
    return count <= rows ? count : rows > 0 ? rows - 1 : 0;
}

void
zloom_top_render (const zloom_view_t *before, const zloom_view_t *now, const zloom_top_size_t *size,
                  zloom_buf_t *out)
{
    zloom_buf_t line = {0};
    const size_t nodes = s_node_count (now);
    const size_t room = size->rows > FIXED_ROWS ? size->rows - FIXED_ROWS
                        : size->rows            ? 0
                                                : SIZE_MAX;
    /* Each table gets what the other leaves, and half at least. */
    const size_t flow_rows = nodes < room / 2 ? room - nodes : room - room / 2;
    const size_t flows_shown = s_shown (now->flow_count, flow_rows);
    const size_t used = now->flow_count < flow_rows ? now->flow_count : flow_rows;
    const size_t nodes_shown = s_shown (nodes, room - used);
    s_head (before, now, size, out, &line);
    s_flow_head (size, out, &line);
    for (size_t i = 0; i < flows_shown; i++) {
        s_flow (before, now, &now->flows[i], size, out, &line);
    }
    s_rest (size, out, &line, now->flow_count - flows_shown, flow_rows);
    zloom_buf_add_text (out, "\n");
    s_node_head (size, out, &line);
    for (size_t i = 0, shown = 0; i < now->node_count && shown < nodes_shown; i++) {
        if (zloom_view_is_node (&now->nodes[i])) {
            s_node (before, now, &now->nodes[i], size, out, &line);
            shown++;
        }
    }
    s_rest (size, out, &line, nodes - nodes_shown, room - used);
    zloom_buf_fini (&line);
}
