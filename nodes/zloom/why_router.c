/* SPDX-License-Identifier: MPL-2.0 */
/* why_router.c - what is said of a router, and of what lives on one that does not answer. */
#include "why.h"

#include "base/clock.h"

#include <string.h>

/* ---- one that answers ----------------------------------------------------------------------- */

static size_t
s_flows (const zloom_view_t *now, const char *router)
{
    size_t count = 0;
    for (size_t i = 0; i < now->flow_count; i++) {
        const char *on = now->flows[i].router;
        count += !on[0] || strcmp (on, router) == 0 ? 1 : 0;
    }
    return count;
}

bool
zloom_why_disk_is_slow (const zloom_view_router_t *router)
{
    return router->syncing_ms >= ZLOOM_WHY_SYNC_MS ||
           (router->last_sync_ns >= ZLOOM_WHY_SYNC_MS * ZLOOM_NS_PER_MS &&
            router->last_sync_age_ms < ZLOOM_WHY_SYNC_AGE_MS);
}

void
zloom_why_add_sync (const zloom_view_router_t *router, const char *last, const char *running,
                    zloom_buf_t *out)
{
    char took[48];
    char age[48];
    if (router->syncing_ms >= ZLOOM_WHY_SYNC_MS) {
        zloom_buf_printf (out, "%s has taken %s", running,
                          zloom_view_time (router->syncing_ms, took));
    } else {
        zloom_buf_printf (out, "%s took %s, %s ago", last,
                          zloom_view_span (router->last_sync_ns, took),
                          zloom_view_time (router->last_sync_age_ms, age));
    }
}

/* Its disk is everybody's. */
static void
s_judge_disk (const zloom_view_t *now, const zloom_view_router_t *router, zloom_why_t *why)
{
    zloom_buf_t *out = &why->sentence;
    if (router->disk_full) {
        why->cause = ZLOOM_WHY_DISK_FULL;
        zloom_buf_printf (out, "%s refuses new messages: its disk is full", router->name);
        zloom_buf_add_text (&why->advice, "make room on the disk of its state folder");
        return;
    }
    const size_t flows = s_flows (now, router->name);
    const bool slow = zloom_why_disk_is_slow (router);
    why->cause = slow ? ZLOOM_WHY_DISK_SLOW : ZLOOM_WHY_WELL;
    zloom_buf_printf (out, "%s %s: %zu flow%s, ", router->name,
                      slow ? "waits for a slow disk" : "is well", flows, flows == 1 ? "" : "s");
    if (router->syncs > 0 || slow) {
        zloom_buf_printf (out, "%lld sync%s, ", (long long) router->syncs,
                          router->syncs == 1 ? "" : "s");
        zloom_why_add_sync (router, "the last one", "the one under way", out);
    } else {
        zloom_buf_add_text (out, "and nothing to sync yet");
    }
    if (slow) {
        zloom_buf_add_text (&why->advice, "see what else writes to that disk");
    }
}

/* ---- one that does not ---------------------------------------------------------------------- */

/* Its process runs, as far as its supervisor knows. */
static bool
s_is_silent (const zloom_view_t *now, const zloom_view_node_t *node)
{
    return now->silent > 0 && node->supervised && !node->connected &&
           strcmp (node->state, "ready") == 0;
}

bool
zloom_why_router (const zloom_view_t *now, const zloom_view_node_t *node, zloom_why_t *why)
{
    const zloom_view_router_t *router = zloom_view_router (now, node->name);
    char text[48];
    if (strcmp (node->role, "router") != 0) {
        return false; /* an edge has flows, too, and is judged by its session */
    }
    if (router) {
        s_judge_disk (now, router, why);
        return true;
    }
    if (!s_is_silent (now, node)) {
        return false;
    }
    why->cause = ZLOOM_WHY_ROUTER_SILENT;
    zloom_buf_printf (&why->sentence, "router %s runs (process %lld), and has not answered for %s",
                      node->name, (long long) node->pid, zloom_view_time (now->waited_ms, text));
    zloom_buf_printf (&why->advice,
                      "--timeout 10s waits longer, if its host is only busy; else see whether the "
                      "process was stopped: kill -CONT %lld lets it go on, and after kill -KILL "
                      "%lld its supervisor starts it again",
                      (long long) node->pid, (long long) node->pid);
    return true;
}

/* Whether the router of that name is one that has not answered, and was not named before `end`. */
static bool
s_is_new (const zloom_view_t *now, const char *router, size_t end)
{
    for (size_t i = 0; i < end; i++) {
        if (strcmp (now->plans[i].router, router) == 0) {
            return false;
        }
    }
    return !zloom_view_router (now, router);
}

void
zloom_why_add_silent (const zloom_view_t *now, zloom_buf_t *out)
{
    const char *before = "";
    char text[48];
    for (size_t i = 0; i < now->plan_count; i++) {
        if (s_is_new (now, now->plans[i].router, i)) {
            zloom_buf_printf (out, "%s%s", before, now->plans[i].router);
            before = ", ";
        }
    }
    zloom_buf_printf (out, "%s not answered for %s", before[0] ? " has" : "one has",
                      zloom_view_time (now->waited_ms, text));
}

bool
zloom_why_unseen (const zloom_view_t *now, const char *flow, zloom_why_t *why)
{
    const zloom_view_plan_t *plan = zloom_view_plan (now, flow);
    char text[48];
    if (!plan || zloom_view_router (now, plan->router)) {
        return false;
    }
    zloom_why_t own = {.cause = ZLOOM_WHY_COUNT};
    zloom_buf_printf (&why->sentence, "nothing is known of %s: ", flow);
    if (zloom_why_node (now, now, plan->router, &own)) {
        why->cause = own.cause;
        zloom_buf_add_bytes (&why->sentence, zloom_buf_bytes (&own.sentence));
        zloom_buf_add_bytes (&why->advice, zloom_buf_bytes (&own.advice));
    } else {
        why->cause = ZLOOM_WHY_ROUTER_SILENT;
        zloom_buf_printf (&why->sentence,
                          "it lives on router %s, which has not answered from here for %s",
                          plan->router, zloom_view_time (now->waited_ms, text));
        zloom_buf_add_text (&why->advice,
                            "see on that router's host whether it runs (zloom ps), and whether its "
                            "address is reached from here; --timeout 10s waits longer");
    }
    zloom_why_fini (&own);
    return true;
}
