/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Recipes: text becomes a whole recipe without an error, or errors and no recipe; each diagnostic
 * has a place in the text and can be printed; the same text says the same again.
 */
#include "fuzz.h"
#include "patterns/registry.h"
#include "recipe/recipe.h"

static zloom_buf_t s_first;
static zloom_buf_t s_second;

static void
s_ends (const zloom_recipe_t *recipe, const zloom_recipe_end_t *ends, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        zloom_assert (ends[i].node == NULL ||
                      zloom_recipe_node (recipe, ends[i].name) == ends[i].node);
    }
}

static void
s_whole (const zloom_recipe_t *recipe)
{
    zloom_assert (zloom_recipe_name (recipe) && zloom_recipe_dir (recipe));
    for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        zloom_assert (node->sound && node->config && node->kind);
        zloom_assert (zloom_recipe_node (recipe, node->name) == node);
    }
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        zloom_assert (flow->sound && flow->config && flow->pattern);
        zloom_assert (zloom_recipe_flow (recipe, flow->name) == flow);
        zloom_assert (zloom_flow_config (flow) != NULL);
        s_ends (recipe, flow->from, flow->from_count);
        s_ends (recipe, flow->to, flow->to_count);
    }
}

/* Load the text; all that was said of it goes to `said`. */
static void
s_load (zloom_bytes_t text, zloom_buf_t *said)
{
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_recipe_t *recipe = NULL;
    zloom_err_t err =
      zloom_recipe_load_text ("fuzz.yaml", "/", text, zloom_registry (), NULL, diags, &recipe);
    zloom_assert (err == ZLOOM_OK || err == ZLOOM_RECIPE);
    zloom_assert ((err == ZLOOM_OK) == (recipe != NULL));
    zloom_assert ((err == ZLOOM_OK) == (zloom_diags_errors (diags) == 0));
    if (recipe) {
        s_whole (recipe);
    }
    for (size_t i = 0; i < zloom_diags_count (diags); i++) {
        const zloom_diag_t *diag = zloom_diags_at (diags, i);
        zloom_assert (diag->code && diag->message && diag->message[0]);
    }
    zloom_buf_clear (said);
    zloom_diags_text (diags, false, said);
    zloom_diags_json (diags, said);
    zloom_recipe_destroy (&recipe);
    zloom_diags_destroy (&diags);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    s_load (zloom_bytes (data, size), &s_first);
    s_load (zloom_bytes (data, size), &s_second);
    zloom_assert (zloom_bytes_equal (zloom_buf_bytes (&s_first), zloom_buf_bytes (&s_second)));
    return 0;
}
