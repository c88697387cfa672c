/* SPDX-License-Identifier: MPL-2.0 */
/* why_node.c - what holds a node back. */
#include "why.h"

#include "base/clock.h"

#include <string.h>

/* ---- by its own report ---------------------------------------------------------------------- */

static void
s_last_words (const zloom_view_node_t *node, zloom_why_t *why)
{
    zloom_buf_printf (&why->advice, "zloom logs %s shows its last words", node->name);
}

static bool
s_child_restarts (const zloom_view_node_t *node, zloom_why_t *why)
{
    char text[48];
    if (node->report.restart_ms == 0) {
        return false;
    }
    zloom_buf_printf (&why->sentence,
                      "the program of %s has ended and is started again in %s (start %lld)",
                      node->name, zloom_view_time ((int64_t) node->report.restart_ms, text),
                      (long long) node->report.starts + 1);
    s_last_words (node, why);
    return true;
}

static bool
s_paused (const zloom_view_node_t *node, zloom_why_t *why)
{
    if (!node->paused) {
        return false;
    }
    zloom_buf_printf (&why->sentence, "%s is paused by hand%s", node->name,
                      strcmp (node->role, "poller") == 0 ? ": it reads no further than its credit"
                                                         : " and is handed nothing");
    zloom_buf_printf (&why->advice, "zloom resume %s lets it go on", node->name);
    return true;
}

/* It owes an answer, and has given none since it was started. */
static bool
s_buffered (const zloom_view_node_t *node, zloom_why_t *why)
{
    const zloom_report_t *report = &node->report;
    char text[48];
    if (strcmp (report->io, "lines") != 0 || report->begun == 0 || report->answered > 0 ||
        report->quiet_ms < ZLOOM_WHY_QUIET_MS) {
        return false;
    }
    zloom_buf_printf (&why->sentence,
                      "the program of %s has read %lld line%s and written none for %s: is its "
                      "output buffered?",
                      node->name, (long long) report->begun, report->begun == 1 ? "" : "s",
                      zloom_view_time ((int64_t) report->quiet_ms, text));
    zloom_buf_add_text (
      &why->advice, "flush after each line (Python: print (..., flush=True)), or set tty: true");
    return true;
}

static bool
s_child_quiet (const zloom_view_node_t *node, zloom_why_t *why)
{
    const zloom_report_t *report = &node->report;
    char text[48];
    if (!report->hint[0] || report->in_hand == 0 || report->quiet_ms < ZLOOM_WHY_QUIET_MS) {
        return false;
    }
    zloom_buf_printf (&why->sentence,
                      "the program of %s has answered nothing for %s with %lld message%s in hand: "
                      "%s",
                      node->name, zloom_view_time ((int64_t) report->quiet_ms, text),
                      (long long) report->in_hand, report->in_hand == 1 ? "" : "s", report->hint);
    zloom_buf_add_text (&why->advice,
                        "see what it does; timeout: ends a handler that takes too long");
    return true;
}

static bool
s_blocked (const zloom_view_node_t *node, zloom_why_t *why)
{
    char text[48];
    if (node->report.blocked_ms < ZLOOM_WHY_QUIET_MS / 2) {
        return false;
    }
    zloom_buf_printf (&why->sentence, "%s has waited for room in %s for %s", node->name,
                      node->report.blocked_on,
                      zloom_view_time ((int64_t) node->report.blocked_ms, text));
    zloom_buf_printf (&why->advice, "zloom why %s", node->report.blocked_on);
    return true;
}

static bool
s_waits (const zloom_view_node_t *node, zloom_why_t *why)
{
    if (!node->report.waits_for[0]) {
        return false;
    }
    zloom_buf_printf (&why->sentence, "%s waits for router %s, which does not answer it",
                      node->name, node->report.waits_for);
    zloom_buf_add_text (&why->advice, "see on that router's host whether it runs: zloom ps");
    return true;
}

static const struct {
    zloom_why_cause_t cause;
    bool (*holds) (const zloom_view_node_t *node, zloom_why_t *why);
} s_reported[] = {
  {ZLOOM_WHY_PAUSED, s_paused},
  {ZLOOM_WHY_NO_ROUTER, s_waits},
  {ZLOOM_WHY_CHILD_RESTARTS, s_child_restarts},
  {ZLOOM_WHY_BUFFERED, s_buffered},
  {ZLOOM_WHY_BLOCKED, s_blocked},
  {ZLOOM_WHY_CHILD_QUIET, s_child_quiet},
};

bool
zloom_why_report (const zloom_view_node_t *node, zloom_why_t *why)
{
    for (size_t i = 0; i < sizeof s_reported / sizeof *s_reported; i++) {
        if (s_reported[i].holds (node, why)) {
            why->cause = s_reported[i].cause;
            return true;
        }
    }
    return false;
}

/* ---- by its supervisor ---------------------------------------------------------------------- */

/* A poller may come to its end; others end only when they are told to. */
static void
s_ended (const zloom_view_node_t *node, zloom_why_t *why)
{
    const bool poller = strcmp (node->role, "poller") == 0;
    why->cause = poller ? ZLOOM_WHY_IDLE : ZLOOM_WHY_PAUSED;
    zloom_buf_printf (&why->sentence, "%s is done: %s", node->name,
                      poller ? "it is at the end of what it reads, or was drained"
                             : "it was drained by hand, and has stopped");
    if (node->end[0]) {
        zloom_buf_printf (&why->sentence, " (%s)", node->end);
    }
    zloom_buf_printf (&why->advice, "zloom resume %s starts it again", node->name);
}

static bool
s_absent (const zloom_view_t *now, const zloom_view_node_t *node, zloom_why_t *why)
{
    zloom_buf_t *out = &why->sentence;
    char text[48];
    if (node->connected || !node->supervised) {
        return false;
    }
    if (strcmp (node->state, "ready") == 0) {
        why->cause = ZLOOM_WHY_NO_ROUTER;
        zloom_buf_printf (out, "%s runs, and no router that %s has a session with it: ", node->name,
                          now->silent > 0 ? "answers" : "was asked");
        if (now->silent > 0) {
            zloom_why_add_silent (now, out);
            zloom_buf_add_text (&why->advice, "zloom why, with the name of that router");
        } else {
            zloom_buf_add_text (out, "it waits for its own to answer");
            zloom_buf_printf (&why->advice, "zloom logs %s names that router", node->name);
        }
        return true;
    }
    if (strcmp (node->state, "backoff") == 0) {
        why->cause = ZLOOM_WHY_RESTARTING;
        zloom_buf_printf (out, "%s has ended%s%s; it is started again in %s, after %lld restart%s",
                          node->name, node->end[0] ? ": " : "", node->end,
                          zloom_view_time (node->next_ms > 0 ? node->next_ms : 0, text),
                          (long long) node->restarts, node->restarts == 1 ? "" : "s");
        s_last_words (node, why);
        zloom_buf_printf (&why->advice,
                          "; once its cause is mended, zloom resume %s starts it at once",
                          node->name);
        return true;
    }
    if (strcmp (node->state, "done") == 0) {
        s_ended (node, why);
        return true;
    }
    why->cause = ZLOOM_WHY_NOT_RUNNING;
    if (strcmp (node->state, "failed") == 0) {
        zloom_buf_printf (out, "%s does not run: it has failed too often, and is left alone%s%s",
                          node->name, node->end[0] ? "; its last end: " : "", node->end);
        s_last_words (node, why);
        zloom_buf_printf (&why->advice, "; zloom resume %s tries again", node->name);
    } else if (strcmp (node->state, "starting") == 0) {
        zloom_buf_printf (out, "%s is being started, and does not serve yet", node->name);
        zloom_buf_printf (&why->advice, "zloom wait --ready waits for it, zloom logs %s says more",
                          node->name);
    } else {
        zloom_buf_printf (out, "%s does not run: its supervisor says %s%s%s", node->name,
                          node->state[0] ? node->state : "nothing", node->end[0] ? ", " : "",
                          node->end);
        s_last_words (node, why);
    }
    return true;
}

/* ---- by what it takes ----------------------------------------------------------------------- */

/* "charge" is charge, or any of charge.1, charge.2, ... */
static bool
s_answers_to (const zloom_view_node_t *node, const char *name)
{
    const size_t size = strlen (name);
    return strncmp (node->name, name, size) == 0 &&
           (node->name[size] == 0 ||
            (node->name[size] == '.' && node->name[size + 1] &&
             strspn (node->name + size + 1, "0123456789") == strlen (node->name + size + 1)));
}

/* Of a bus: what it keeps is for others. */
static bool
s_has_heard_all (const zloom_view_t *now, const zloom_view_node_t *node, const char *name)
{
    const zloom_view_flow_t *flow = zloom_view_flow (now, name);
    bool is_kept = false; /* for somebody */
    int64_t lag = 0;
    for (size_t i = 0; i < now->group_count; i++) {
        const zloom_view_group_t *group = &now->groups[i];
        if (strcmp (group->flow, name) == 0) {
            is_kept = true;
            lag += s_answers_to (node, group->name) ? group->lag : 0;
        }
    }
    return is_kept && lag == 0 && flow && !flow->paused;
}

/* It has nothing in hand: maybe one of its flows has something and does not give it. */
static bool
s_starved (const zloom_view_t *before, const zloom_view_t *now, const zloom_view_node_t *node,
           zloom_why_t *why)
{
    for (size_t i = 0; i < node->take_count; i++) {
        zloom_why_t flow = {.cause = ZLOOM_WHY_COUNT};
        if (zloom_why_flow (before, now, node->takes[i], &flow) &&
            !zloom_why_is_well (flow.cause) &&
            (flow.cause == ZLOOM_WHY_DISK_FULL || !s_has_heard_all (now, node, node->takes[i]))) {
            why->cause = flow.cause;
            zloom_buf_printf (&why->sentence, "%s has nothing in hand, for %s", node->name,
                              zloom_buf_text (&flow.sentence));
            zloom_buf_add_bytes (&why->advice, zloom_buf_bytes (&flow.advice));
        }
        zloom_why_fini (&flow);
        if (why->sentence.size > 0) {
            return true;
        }
    }
    return false;
}

static void
s_judge_connected (const zloom_view_t *before, const zloom_view_t *now,
                   const zloom_view_node_t *node, zloom_why_t *why)
{
    const zloom_report_t *report = &node->report;
    const double done = zloom_view_done (before, now, node->name);
    char text[24];
    const bool busy = report->in_hand + report->waiting + report->unconfirmed > 0 || done > 0;
    if (!busy && s_starved (before, now, node, why)) {
        return;
    }
    why->cause = busy ? ZLOOM_WHY_WELL : ZLOOM_WHY_IDLE;
    if (!busy) {
        zloom_buf_printf (&why->sentence, "%s is idle: it %s", node->name,
                          strcmp (node->role, "poller") == 0 ? "has read nothing new"
                                                             : "waits for work");
        if (report->acked > 0) {
            zloom_buf_printf (&why->sentence, ", %lld %s done so far", (long long) report->acked,
                              report->acked == 1 ? "message is" : "messages are");
        }
        return;
    }
    zloom_buf_printf (&why->sentence, "%s is at work: %s/s done, %lld in hand", node->name,
                      zloom_view_short (done, text), (long long) report->in_hand);
    if (report->waiting > 0) {
        zloom_buf_printf (&why->sentence, ", %lld more behind", (long long) report->waiting);
    }
    if (report->unconfirmed > 0) {
        zloom_buf_printf (&why->sentence, ", %lld sent and not confirmed",
                          (long long) report->unconfirmed);
    }
}

static void
s_judge (const zloom_view_t *before, const zloom_view_t *now, const zloom_view_node_t *node,
         zloom_why_t *why)
{
    if (zloom_why_router (now, node, why) || s_absent (now, node, why) ||
        zloom_why_report (node, why)) {
        return;
    }
    s_judge_connected (before, now, node, why);
}

/* "hub-bridge/orders" is of hub-bridge, which has a session for each outbox and none beside. */
static bool
s_is_lane (const zloom_view_node_t *node, const char *name)
{
    const size_t size = strlen (name);
    return strncmp (node->name, name, size) == 0 && node->name[size] == '/';
}

static size_t
s_lanes (const zloom_view_t *now, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < now->node_count; i++) {
        count += s_is_lane (&now->nodes[i], name) ? 1 : 0;
    }
    return count;
}

bool
zloom_why_node (const zloom_view_t *before, const zloom_view_t *now, const char *node,
                zloom_why_t *why)
{
    size_t count = 0;
    const size_t lanes = s_lanes (now, node);
    zloom_why_t worst = {.cause = ZLOOM_WHY_COUNT};
    for (size_t i = 0; i < now->node_count; i++) {
        if (lanes > 0 ? !s_is_lane (&now->nodes[i], node) : !s_answers_to (&now->nodes[i], node)) {
            continue;
        }
        zloom_why_t own = {.cause = ZLOOM_WHY_IDLE};
        s_judge (before, now, &now->nodes[i], &own);
        count++;
        if (own.cause < worst.cause) {
            zloom_why_fini (&worst);
            worst = own;
        } else {
            zloom_why_fini (&own);
        }
    }
    if (count == 0) {
        return false;
    }
    *why = worst;
    if (count > 1 && lanes == 0) {
        zloom_buf_printf (&why->sentence, " (of %zu replicas)", count);
    }
    return true;
}
