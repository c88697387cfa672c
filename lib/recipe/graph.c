/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "recipe/quote.h"

/* ---- what is drawn ------------------------------------------------------------------------- */

/* The next field of a flow that names a flow (dead_letter), and that name; NULL at the end. */
static const zloom_field_t *
s_next_reference (const zloom_recipe_flow_t *flow, size_t *cursor, const char **name)
{
    while (*cursor < flow->pattern->field_count) {
        const zloom_field_t *field = &flow->pattern->fields[(*cursor)++];
        if (field->type == ZLOOM_FIELD_FLOW) {
            const char *at = (const char *) flow->config + field->offset;
            *name = *(const char *const *) (const void *) at;
            if (*name) {
                return field;
            }
        }
    }
    return NULL;
}

/* How many of a node run side by side: what its kind calls `replicas`, else one. */
static int64_t
s_replicas (const zloom_recipe_node_t *node)
{
    const zloom_field_t *field =
      zloom_field_find (node->kind->fields, node->kind->field_count, "replicas");
    const char *at =
      field && field->type == ZLOOM_FIELD_INT ? (const char *) node->config + field->offset : NULL;
    return at ? *(const int64_t *) (const void *) at : 1;
}

/* Whether a flow is heard at this edge of its router. */
static bool
s_is_heard (const zloom_recipe_t *recipe, const zloom_recipe_node_t *edge)
{
    bool heard = false;
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe) && !heard; i++) {
        heard = zloom_recipe_hears (zloom_recipe_flow_at (recipe, i), edge);
    }
    return heard;
}

/* A router is where flows are, not who they go to; on the way from there an edge may be. */
static bool
s_is_drawn (const zloom_recipe_t *recipe, const zloom_recipe_node_t *node)
{
    return node->kind->takes || node->kind->sends || s_is_heard (recipe, node);
}

/* Whether this end is the first of its flow that hears it at its edge: one line leads there. */
static bool
s_is_first_at_edge (const zloom_recipe_end_t *ends, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (ends[i].through == ends[at].through) {
            return false;
        }
    }
    return ends[at].through != NULL;
}

static void
s_add_node (const zloom_recipe_node_t *node, const char *between, zloom_buf_t *out)
{
    zloom_buf_printf (out, "%s%s%s", node->name, between, node->kind->name);
    if (s_replicas (node) > 1) {
        zloom_buf_printf (out, " ×%lld", (long long) s_replicas (node));
    }
}

/* ---- text ---------------------------------------------------------------------------------- */

typedef struct {
    const zloom_recipe_t *recipe;
    bool *placed;  /* flows that have their line */
    size_t *order; /* flows by index, in the order of their lines */
    size_t count;
} order_t;

/* Whether everybody who sends to the flow, but external, takes from flows that have their line. */
static bool
s_is_next (const order_t *self, const zloom_recipe_flow_t *flow)
{
    for (size_t i = 0; i < flow->from_count; i++) {
        const zloom_recipe_flow_t *in;
        const zloom_recipe_node_t *node = flow->from[i].node;
        for (size_t j = 0; node && (in = zloom_recipe_next_in (self->recipe, node, &j));) {
            if (in != flow && !self->placed[in - zloom_recipe_flow_at (self->recipe, 0)]) {
                return false;
            }
        }
    }
    return flow->from_count > 0;
}

/* The first flow that may come now; in a circle, or for dead letters, the first that is left. */
static void
s_place_one (order_t *self)
{
    size_t flows = zloom_recipe_flow_count (self->recipe);
    size_t pick = flows;
    for (size_t i = 0; i < flows && pick == flows; i++) {
        bool next = !self->placed[i] && s_is_next (self, zloom_recipe_flow_at (self->recipe, i));
        pick = next ? i : flows;
    }
    for (int dead = 0; dead < 2; dead++) { /* those with a sender first */
        for (size_t i = 0; i < flows && pick == flows; i++) {
            bool sent = zloom_recipe_flow_at (self->recipe, i)->from_count > 0;
            pick = !self->placed[i] && (sent || dead) ? i : flows;
        }
    }
    self->placed[pick] = true;
    self->order[self->count++] = pick;
}

static void
s_add_ends (const zloom_recipe_end_t *ends, size_t count, const char *none, zloom_buf_t *out)
{
    zloom_buf_add_text (out, count ? "" : none);
    for (size_t i = 0; i < count; i++) {
        zloom_buf_add_text (out, i ? ", " : "");
        if (ends[i].node) {
            s_add_node (ends[i].node, " (", out);
            zloom_buf_add_text (out, ")");
        } else {
            zloom_buf_add_text (out, ends[i].name);
        }
        if (ends[i].through) {
            zloom_buf_printf (out, " through %s", ends[i].through->name);
        }
    }
}

static void
s_add_flow (const zloom_recipe_flow_t *flow, zloom_buf_t *out)
{
    s_add_ends (flow->from, flow->from_count, "(dead letters)", out);
    zloom_buf_printf (out, "\n  └─ %s (%s) ─▶ ", flow->name, flow->pattern->name);
    s_add_ends (flow->to, flow->to_count, "nobody", out);
    zloom_buf_add_text (out, "\n");
    const char *name = NULL;
    const zloom_field_t *field;
    for (size_t i = 0; (field = s_next_reference (flow, &i, &name));) {
        zloom_buf_printf (out, "       %s ┄▶ %s\n", field->name, name);
    }
}

void
zloom_graph_text (const zloom_recipe_t *recipe, zloom_buf_t *out)
{
    size_t flows = zloom_recipe_flow_count (recipe);
    order_t order = {
      .recipe = recipe,
      .placed = zloom_alloc (flows * sizeof (bool)),
      .order = zloom_alloc (flows * sizeof (size_t)),
    };
    while (order.count < flows) {
        s_place_one (&order);
    }
    zloom_buf_printf (out, "%s\n\n", zloom_recipe_name (recipe));
    for (size_t i = 0; i < flows; i++) {
        s_add_flow (zloom_recipe_flow_at (recipe, order.order[i]), out);
    }
    free (order.placed);
    free (order.order);
}

/* ---- dot ----------------------------------------------------------------------------------- */

/*
 * Names of nodes and flows may be the same, so theirs here begin with n: and f:. External ends are
 * one box a flow and side: one box for all of them would tie everything together.
 */
static void
s_dot_edges (const zloom_recipe_flow_t *flow, const zloom_recipe_end_t *ends, size_t count,
             bool takes, zloom_buf_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const char *side = takes ? "out" : "in";
        if (!ends[i].node) {
            zloom_buf_printf (out, "  \"%s:%s\" [label=\"external\", shape=plaintext];\n", side,
                              flow->name);
        }
        const char *kind = ends[i].node ? "n" : side;
        const char *name = ends[i].node ? ends[i].name : flow->name;
        if (takes && s_is_first_at_edge (ends, i)) {
            zloom_buf_printf (out, "  \"f:%s\" -> \"n:%s\";\n", flow->name, ends[i].through->name);
        }
        if (takes && ends[i].through) {
            zloom_buf_printf (out, "  \"n:%s\" -> \"%s:%s\";\n", ends[i].through->name, kind, name);
        } else if (takes) {
            zloom_buf_printf (out, "  \"f:%s\" -> \"%s:%s\";\n", flow->name, kind, name);
        } else {
            zloom_buf_printf (out, "  \"%s:%s\" -> \"f:%s\";\n", kind, name, flow->name);
        }
    }
}

void
zloom_graph_dot (const zloom_recipe_t *recipe, zloom_buf_t *out)
{
    zloom_buf_printf (out,
                      "digraph \"%s\" {\n  rankdir=LR;\n"
                      "  node [fontname=\"sans-serif\", fontsize=11];\n",
                      zloom_recipe_name (recipe));
    for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        if (s_is_drawn (recipe, node)) {
            zloom_buf_printf (out, "  \"n:%s\" [shape=box, label=\"", node->name);
            s_add_node (node, "\\n", out);
            zloom_buf_add_text (out, "\"];\n");
        }
    }
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        zloom_buf_printf (out, "  \"f:%s\" [shape=ellipse, label=\"%s\\n%s\"];\n", flow->name,
                          flow->name, flow->pattern->name);
    }
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        s_dot_edges (flow, flow->from, flow->from_count, false, out);
        s_dot_edges (flow, flow->to, flow->to_count, true, out);
        const char *name = NULL;
        const zloom_field_t *field;
        for (size_t j = 0; (field = s_next_reference (flow, &j, &name));) {
            zloom_buf_printf (out, "  \"f:%s\" -> \"f:%s\" [style=dashed, label=\"%s\"];\n",
                              flow->name, name, field->name);
        }
    }
    zloom_buf_add_text (out, "}\n");
}

/* ---- mermaid ------------------------------------------------------------------------------- */

/* Its ids are words; numbers do, whatever the names are. */
static void
s_mermaid_edges (const zloom_recipe_t *recipe, size_t flow, bool takes, zloom_buf_t *out)
{
    const zloom_recipe_flow_t *at = zloom_recipe_flow_at (recipe, flow);
    const zloom_recipe_end_t *ends = takes ? at->to : at->from;
    size_t count = takes ? at->to_count : at->from_count;
    for (size_t i = 0; i < count; i++) {
        const zloom_recipe_node_t *node = ends[i].node;
        zloom_buf_t end = {0};
        if (node) {
            zloom_buf_printf (&end, "n%zu", (size_t) (node - zloom_recipe_node_at (recipe, 0)));
        } else {
            zloom_buf_printf (&end, "%s%zu([external])", takes ? "o" : "i", flow);
        }
        const zloom_recipe_node_t *edge = ends[i].through;
        const size_t place = edge ? (size_t) (edge - zloom_recipe_node_at (recipe, 0)) : 0;
        if (edge && s_is_first_at_edge (ends, i)) {
            zloom_buf_printf (out, "  f%zu --> n%zu\n", flow, place);
        }
        if (edge) {
            zloom_buf_printf (out, "  n%zu --> %s\n", place, zloom_buf_text (&end));
        } else if (takes) {
            zloom_buf_printf (out, "  f%zu --> %s\n", flow, zloom_buf_text (&end));
        } else {
            zloom_buf_printf (out, "  %s --> f%zu\n", zloom_buf_text (&end), flow);
        }
        zloom_buf_fini (&end);
    }
}

void
zloom_graph_mermaid (const zloom_recipe_t *recipe, zloom_buf_t *out)
{
    zloom_buf_add_text (out, "flowchart LR\n");
    for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        if (s_is_drawn (recipe, node)) {
            zloom_buf_printf (out, "  n%zu[\"", i);
            s_add_node (node, "<br/>", out);
            zloom_buf_add_text (out, "\"]\n");
        }
    }
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        zloom_buf_printf (out, "  f%zu{{\"%s<br/>%s\"}}\n", i, flow->name, flow->pattern->name);
    }
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) {
        s_mermaid_edges (recipe, i, false, out);
        s_mermaid_edges (recipe, i, true, out);
        const char *name = NULL;
        const zloom_field_t *field;
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        for (size_t j = 0; (field = s_next_reference (flow, &j, &name));) {
            const zloom_recipe_flow_t *other = zloom_recipe_flow (recipe, name);
            zloom_buf_printf (out, "  f%zu -. %s .-> f%zu\n", i, field->name,
                              (size_t) (other - zloom_recipe_flow_at (recipe, 0)));
        }
    }
}

/* ---- json ---------------------------------------------------------------------------------- */

static void
s_json_ends (const char *key, const zloom_recipe_end_t *ends, size_t count, zloom_buf_t *out)
{
    zloom_buf_printf (out, ", \"%s\": [", key);
    for (size_t i = 0; i < count; i++) {
        zloom_buf_add_text (out, i ? ", " : "");
        zloom_quote_json (out, ends[i].name);
    }
    zloom_buf_add_text (out, "]");
}

/* At which edge each hears it who does. */
static void
s_json_through (const zloom_recipe_flow_t *flow, zloom_buf_t *out)
{
    bool some = false;
    for (size_t i = 0; i < flow->to_count; i++) {
        if (flow->to[i].through) {
            zloom_buf_printf (out, "%s\"%s\": \"%s\"", some ? ", " : ", \"through\": {",
                              flow->to[i].name, flow->to[i].through->name);
            some = true;
        }
    }
    zloom_buf_add_text (out, some ? "}" : "");
}

void
zloom_graph_json (const zloom_recipe_t *recipe, zloom_buf_t *out)
{
    zloom_buf_add_text (out, "{\"name\": ");
    zloom_quote_json (out, zloom_recipe_name (recipe));
    zloom_buf_add_text (out, ",\n \"nodes\": [");
    for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        zloom_buf_printf (out, "%s\n  {\"name\": \"%s\", \"kind\": \"%s\", \"replicas\": %lld",
                          i ? "," : "", node->name, node->kind->name,
                          (long long) s_replicas (node));
        if (node->of && node->kind->listens) {
            zloom_buf_printf (out, ", \"of\": \"%s\"", node->of->name);
        }
        zloom_buf_add_text (out, "}");
    }
    zloom_buf_add_text (out, "],\n \"flows\": [");
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        zloom_buf_printf (out, "%s\n  {\"name\": \"%s\", \"pattern\": \"%s\"", i ? "," : "",
                          flow->name, flow->pattern->name);
        s_json_ends ("from", flow->from, flow->from_count, out);
        s_json_ends ("to", flow->to, flow->to_count, out);
        s_json_through (flow, out);
        const char *name = NULL;
        const zloom_field_t *field;
        for (size_t j = 0; (field = s_next_reference (flow, &j, &name));) {
            zloom_buf_printf (out, ", \"%s\": \"%s\"", field->name, name);
        }
        zloom_buf_add_text (out, "}");
    }
    zloom_buf_add_text (out, "]}\n");
}
