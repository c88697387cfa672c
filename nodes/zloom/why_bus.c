/* SPDX-License-Identifier: MPL-2.0 */
/* why_bus.c - what is said of a bus that keeps events for somebody who does not take them. */
#include "why.h"

#include <string.h>

const zloom_view_group_t *
zloom_why_group (const zloom_view_t *now, const char *flow)
{
    const zloom_view_group_t *worst = NULL;
    for (size_t i = 0; i < now->group_count; i++) {
        const zloom_view_group_t *group = &now->groups[i];
        if (strcmp (group->flow, flow) == 0 && group->consumers == 0 && group->lag > 0 &&
            (!worst || group->lag > worst->lag)) {
            worst = group;
        }
    }
    return worst;
}

void
zloom_why_add_group (const zloom_view_t *now, const zloom_view_flow_t *flow,
                     const zloom_view_group_t *group, zloom_why_t *why)
{
    zloom_why_t own = {.cause = ZLOOM_WHY_COUNT};
    char text[48];
    why->cause = ZLOOM_WHY_NO_TAKERS;
    zloom_buf_printf (&why->sentence,
                      ", the oldest for %s: %lld wait%s for %s, and nobody takes %s",
                      zloom_view_time (flow->oldest_ms, text), (long long) group->lag,
                      group->lag == 1 ? "s" : "", group->name, group->lag == 1 ? "it" : "them");
    if (!zloom_why_node (now, now, group->name, &own)) {
        zloom_buf_printf (&why->advice,
                          "start the program that hears it as %s; if it never comes back: zloom "
                          "group drop %s %s --yes",
                          group->name, flow->name, group->name);
    } else if (own.advice.size > 0) {
        why->cause = own.cause;
        zloom_buf_printf (&why->sentence, ": %s", zloom_buf_text (&own.sentence));
        zloom_buf_add_bytes (&why->advice, zloom_buf_bytes (&own.advice));
    } else {
        zloom_buf_printf (&why->advice, "zloom logs %s says more", group->name);
    }
    zloom_why_fini (&own);
}

bool
zloom_why_dead_letters (const zloom_view_t *now, const zloom_view_flow_t *flow, zloom_why_t *why)
{
    for (size_t i = 0; i < now->flow_count; i++) {
        if (strcmp (now->flows[i].dead_letter, flow->name) == 0) {
            zloom_buf_add_text (&why->sentence, ": dead letters, which wait for a hand");
            zloom_buf_printf (&why->advice,
                              "zloom dlq show %s says why each is there, zloom dlq requeue %s puts "
                              "them back, zloom dlq purge %s deletes them",
                              flow->name, flow->name, flow->name);
            return true;
        }
    }
    return false;
}
