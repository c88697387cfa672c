/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_why.c - `why`: two looks, and what they say of a flow or a node (why.h). */
#include "commands.h"

#include "base/clock.h"
#include "view_json.h"
#include "view_read.h"
#include "why.h"

#include <stdlib.h>
#include <string.h>

/* Between the two looks, so that what moves can be told from what stands. */
#define LOOK_NS (1 * ZLOOM_NS_PER_S)
/* At least, where waiting for a router has taken its time already. */
#define LOOK_SHORT_NS (200 * ZLOOM_NS_PER_MS)
#define LOOK_LEAST_NS (100 * ZLOOM_NS_PER_MS)
#define LOOK_MOST_NS (60 * ZLOOM_NS_PER_S)

typedef struct {
    const zloom_cli_t *cli;
    zloom_output_t output;
    zloom_view_t before;
    zloom_view_t now;
    int left_out; /* the exit code where not all routers have answered */
} s_why_t;

/* ---- printing ------------------------------------------------------------------------------- */

static int
s_print (const s_why_t *self, const char *name, bool is_flow, zloom_why_t *why)
{
    const char *sentence = zloom_buf_text (&why->sentence);
    const char *advice = why->advice.size ? zloom_buf_text (&why->advice) : NULL;
    if (self->output == ZLOOM_OUTPUT_TEXT) {
        zloom_buf_t out = {0};
        zloom_buf_add_plain_line (&out, zloom_bytes_text (sentence));
        zloom_buf_add_text (&out, advice ? "\n  what to do: " : "");
        zloom_buf_add_plain_line (&out, zloom_bytes_text (advice ? advice : ""));
        zloom_buf_add_text (&out, "\n");
        const int code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
        zloom_buf_fini (&out);
        return code;
    }
    json_t *answer =
      json_pack ("{s:s, s:s, s:s, s:b, s:s, s:s?, s:o}", "name", name, "kind",
                 is_flow ? "flow" : "node", "cause", zloom_why_name (why->cause), "well",
                 zloom_why_is_well (why->cause), "sentence", sentence, "advice", advice, "numbers",
                 is_flow ? zloom_view_flow_json (&self->before, &self->now, name)
                         : zloom_view_node_json (&self->before, &self->now, name));
    return zloom_print_json (self->cli, answer, self->output == ZLOOM_OUTPUT_JSON);
}

/* ---- the command ---------------------------------------------------------------------------- */

/* A bus is on its router and on its edges, which have little to say of it while that is away. */
static void
s_keep_homes (zloom_view_t *view)
{
    size_t kept = 0;
    for (size_t i = 0; i < view->flow_count; i++) {
        const zloom_view_plan_t *plan = zloom_view_plan (view, view->flows[i].name);
        if (!plan || zloom_view_router (view, plan->router)) {
            view->flows[kept++] = view->flows[i];
        }
    }
    view->flow_count = kept;
}

/* A flow of a router that does not let this key look: that was said. */
static bool
s_is_denied (const s_why_t *self, const char *name)
{
    const zloom_view_plan_t *plan = zloom_view_plan (&self->now, name);
    return plan && self->now.silent == 0 && !zloom_view_router (&self->now, plan->router);
}

/* A bus is on its router and on its edges. */
static bool
s_is_first (const zloom_view_t *view, size_t i)
{
    return zloom_view_flow (view, view->flows[i].name) == &view->flows[i];
}

static int
s_unknown (const s_why_t *self, const char *name)
{
    zloom_buf_t names = {0};
    for (size_t i = 0; i < self->now.flow_count; i++) {
        if (s_is_first (&self->now, i)) {
            zloom_buf_printf (&names, " %s", self->now.flows[i].name);
        }
    }
    zloom_buf_add_text (&names, "; nodes:");
    for (size_t i = 0; i < self->now.node_count; i++) {
        const zloom_view_node_t *node = &self->now.nodes[i];
        if (zloom_view_is_node (node)) {
            zloom_buf_printf (&names, " %s", node->name);
        }
    }
    const int code =
      zloom_cli_say (self->cli, self->left_out ? self->left_out : ZLOOM_EXIT_FAILED,
                     "no flow or node '%s' here; flows:%s", name, zloom_buf_text (&names));
    zloom_buf_fini (&names);
    return code;
}

/* A name may be both: the flow first. */
static int
s_judge (const s_why_t *self, const char *name)
{
    zloom_why_t why = {.cause = ZLOOM_WHY_IDLE};
    if (s_is_denied (self, name)) {
        return self->left_out;
    }
    const bool is_flow = zloom_why_flow (&self->before, &self->now, name, &why) ||
                         zloom_why_unseen (&self->now, name, &why);
    if (!is_flow && !zloom_why_node (&self->before, &self->now, name, &why)) {
        return s_unknown (self, name);
    }
    const int code = s_print (self, name, is_flow, &why);
    zloom_why_fini (&why);
    return code;
}

/* Nothing was named: every flow. */
static int
s_judge_all (const s_why_t *self)
{
    int code = ZLOOM_EXIT_OK;
    for (size_t i = 0; i < self->now.flow_count && code == ZLOOM_EXIT_OK; i++) {
        code = s_is_first (&self->now, i) ? s_judge (self, self->now.flows[i].name) : code;
    }
    for (size_t i = 0; i < self->now.plan_count && code == ZLOOM_EXIT_OK; i++) {
        const zloom_view_plan_t *plan = &self->now.plans[i];
        const bool is_seen = zloom_view_router (&self->now, plan->router);
        code = is_seen || s_is_denied (self, plan->flow) ? code : s_judge (self, plan->flow);
    }
    return code ? code : self->left_out;
}

/* Between the looks; unless asked for, what waiting for a router has taken is no part of it. */
static void
s_rest (zloom_looker_t *looker, int64_t began_ns, int64_t look_ns, bool asked)
{
    const int64_t now_ns = zloom_clock_mono_ns ();
    const int64_t least_ns = zloom_time_add (now_ns, LOOK_SHORT_NS);
    int64_t until_ns = zloom_time_add (asked ? now_ns : began_ns, look_ns);
    if (!asked && until_ns < least_ns) {
        until_ns = least_ns;
    }
    if (looker->routers.count > 0) {
        (void) zloom_looker_wait (looker, until_ns, NULL, 0);
    }
}

int
zloom_cmd_why (zloom_cli_t *cli)
{
    s_why_t self = {.cli = cli};
    int64_t look_ns = LOOK_NS;
    int64_t wait_ns = 0;
    const int64_t began_ns = zloom_clock_mono_ns ();
    if (!zloom_cli_output (cli, &self.output) ||
        !zloom_cli_duration (cli, "for", LOOK_NS, &look_ns) ||
        !zloom_cli_duration (cli, "timeout", ZLOOM_LOOKER_SOON, &wait_ns)) {
        return ZLOOM_EXIT_USAGE;
    }
    if (look_ns < LOOK_LEAST_NS || look_ns > LOOK_MOST_NS) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "--for is from 100ms to 1m");
    }
    zloom_looker_t looker;
    int code = zloom_looker_open (cli, cli->word_count ? cli->words[0] : NULL,
                                  wait_ns / ZLOOM_NS_PER_MS, &looker);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    code = zloom_looker_look (&looker, &self.before);
    if (code == ZLOOM_EXIT_OK) {
        s_rest (&looker, began_ns, look_ns, zloom_cli_option (cli, "for") != NULL);
        code = zloom_looker_look (&looker, &self.now);
    }
    if (code == ZLOOM_EXIT_OK) {
        const char *name = looker.target.flow;
        s_keep_homes (&self.before);
        s_keep_homes (&self.now);
        self.left_out = zloom_routers_left_out (&looker.routers);
        code = name[0] ? s_judge (&self, name) : s_judge_all (&self);
    }
    zloom_view_fini (&self.before);
    zloom_view_fini (&self.now);
    zloom_looker_close (&looker);
    return code;
}
