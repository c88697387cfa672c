/* SPDX-License-Identifier: MPL-2.0 */
/* case_step.c - one step of a case: its verb, and what the verb takes. */
#include "recipe/case_read.h"

#include <string.h>

static const zloom_field_table_t s_none = {NULL, 0};

static const zloom_case_table_t *
s_table (zloom_case_verb_t verb)
{
    return zloom_case_table_at (ZLOOM_CASE_TABLE_VERBS + (size_t) verb);
}

/* "step-send" → "send" */
static const char *
s_word (zloom_case_verb_t verb)
{
    return strchr (s_table (verb)->part, '-') + 1;
}

/* ---- the verb ------------------------------------------------------------------------------ */

static void
s_report_none (zloom_load_t *self, const zloom_tree_node_t *tree)
{
    for (const zloom_tree_node_t *child = tree->first; child; child = child->next) {
        zloom_suggest_t suggest = zloom_reader_suggest (&self->reader, child->key->text);
        for (int verb = 0; verb < ZLOOM_CASE_VERBS; verb++) {
            zloom_suggest_offer (&suggest, s_word ((zloom_case_verb_t) verb));
        }
        if (suggest.best) {
            zloom_reader_error (&self->reader, "Z0203", child->key,
                                zloom_reader_did_you_mean (&self->reader, &suggest),
                                "unknown key '%.60s' in a step", child->key->text);
            return;
        }
    }
    zloom_buf_t words = {0};
    for (int verb = 0; verb < ZLOOM_CASE_VERBS; verb++) {
        zloom_buf_printf (&words, "%s%s", verb ? ", " : "", s_word ((zloom_case_verb_t) verb));
    }
    zloom_reader_error (&self->reader, "Z0202", tree, "as in {send: orders, body: {id: 7}}",
                        "a step has one of: %s", zloom_buf_text (&words));
    zloom_buf_fini (&words);
}

/* The one thing that the step does; NULL with a report. */
static const zloom_tree_node_t *
s_find_verb (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_case_verb_t *verb)
{
    const zloom_tree_node_t *found = NULL;
    for (int i = 0; i < ZLOOM_CASE_VERBS; i++) {
        const zloom_tree_node_t *node = zloom_tree_get (tree, s_word ((zloom_case_verb_t) i));
        if (node && found) {
            const bool later = node->key->at.line > found->key->at.line ||
                               (node->key->at.line == found->key->at.line &&
                                node->key->at.column > found->key->at.column);
            zloom_reader_error (&self->reader, "Z0218", later ? node->key : found->key,
                                "make two steps of it",
                                "a step does one thing, and this one has '%s' and '%s'",
                                found->key->text, node->key->text);
            return NULL;
        }
        if (node) {
            found = node;
            *verb = (zloom_case_verb_t) i;
        }
    }
    if (!found) {
        s_report_none (self, tree);
    }
    return found;
}

/* ---- what is expected ---------------------------------------------------------------------- */

static bool
s_read_part (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_case_match_t *match)
{
    const zloom_tree_node_t *part = zloom_tree_get (tree, "part");
    if (!part) {
        return true;
    }
    if (part->kind != ZLOOM_TREE_MAP) {
        return zloom_reader_wrong_shape (&self->reader, part, "part", "a map of keys and values",
                                         "as in part: {paid: true}");
    }
    match->part = true;
    return zloom_case_only (self, tree, "body", false, "beside 'part'") &&
           zloom_case_read_body (&self->reader, part, &match->body);
}

static bool
s_read_match (zloom_load_t *self, const zloom_tree_node_t *tree, bool of_node,
              zloom_case_match_t *match)
{
    zloom_reader_t *reader = &self->reader;
    *match = (zloom_case_match_t){.at = zloom_tree_span (tree)};
    if (tree->kind == ZLOOM_TREE_SCALAR) {
        return zloom_case_read_body (reader, tree, &match->body);
    }
    if (tree->kind != ZLOOM_TREE_MAP) {
        return zloom_reader_wrong_shape (reader, tree, "messages", "maps or texts in its list",
                                         "as in [{body: {id: 7}}]");
    }
    const zloom_field_table_t fields = zloom_case_table_at (ZLOOM_CASE_TABLE_MATCH)->fields;
    bool good = zloom_reader_read (reader, fields, s_none, tree, "an expected message", match);
    good = zloom_case_read_body (reader, zloom_tree_get (tree, "body"), &match->body) && good;
    good = s_read_part (self, tree, match) && good;
    const char *why = of_node ? "here: a node sees no dead letters' history"
                              : "here: a flow knows no tries, 'handled' does";
    good = zloom_case_only (self, tree, "attempt", of_node, why) && good;
    good = zloom_case_only (self, tree, "reason", !of_node, why) && good;
    good = zloom_case_only (self, tree, "failures", !of_node, why) && good;
    return zloom_case_only (self, tree, "text", !of_node, why) && good;
}

static bool
s_read_seen (zloom_load_t *self, const zloom_tree_node_t *tree, bool of_node,
             zloom_case_seen_t *seen)
{
    bool good = true;
    seen->count_at = zloom_tree_span (zloom_tree_get (tree, "count"));
    const zloom_tree_node_t *list =
      zloom_case_list (self, tree, "messages", "as in [{body: {id: 7}}]", &good);
    if (!list) {
        return good;
    }
    seen->messages_at = zloom_tree_span (list);
    seen->listed = true;
    zloom_case_match_t *matches =
      zloom_pool_alloc (self->recipe->pool, (list->count + 1) * sizeof *matches);
    for (const zloom_tree_node_t *item = list->first; item; item = item->next) {
        good = s_read_match (self, item, of_node, &matches[seen->match_count++]) && good;
    }
    seen->matches = matches;
    return good;
}

static bool
s_read_state (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_case_expect_t *expect)
{
    const zloom_tree_node_t *map = zloom_tree_get (tree, "state");
    const zloom_registry_t *registry = self->registry;
    bool good = true;
    if (!map || map->kind != ZLOOM_TREE_MAP) {
        return true; /* reported by its field */
    }
    zloom_span_t *at = zloom_pool_alloc (self->recipe->pool, (map->count + 1) * sizeof *at);
    size_t count = 0;
    for (const zloom_tree_node_t *item = map->first; item; item = item->next) {
        bool known = false;
        zloom_suggest_t suggest = zloom_reader_suggest (&self->reader, item->key->text);
        for (size_t i = 0; i < registry->counter_count; i++) {
            known = known || strcmp (registry->counters[i], item->key->text) == 0;
            zloom_suggest_offer (&suggest, registry->counters[i]);
        }
        if (!known) {
            zloom_reader_error (&self->reader, "Z0331", item->key,
                                zloom_reader_did_you_mean (&self->reader, &suggest),
                                "flows have no counter '%.60s'", item->key->text);
            good = false;
        }
        at[count++] = zloom_tree_span (item);
    }
    expect->state_at = at;
    return good;
}

/* A step that says who, and not what. */
static bool
s_check_expects (zloom_load_t *self, const zloom_tree_node_t *tree, const zloom_tree_node_t *verb)
{
    if (zloom_tree_get (tree, "count") || zloom_tree_get (tree, "messages") ||
        zloom_tree_get (tree, "state")) {
        return true;
    }
    zloom_reader_error (&self->reader, "Z0202", verb->key, "as in count: 0",
                        "'%s' does not say what is expected", verb->key->text);
    return false;
}

/* ---- the rest of a verb -------------------------------------------------------------------- */

static bool
s_read_kill (zloom_load_t *self, const zloom_tree_node_t *tree, const zloom_case_kill_t *kill)
{
    const zloom_recipe_node_t *node = zloom_recipe_node (self->recipe, kill->node);
    bool router = node && node->kind && node->kind == self->registry->implicit;
    return router || zloom_case_taker (self, zloom_tree_get (tree, "kill"), kill->node);
}

static bool
s_read_rest (zloom_load_t *self, const zloom_tree_node_t *tree, const zloom_tree_node_t *verb,
             zloom_case_step_t *step)
{
    bool good = true;
    switch (step->verb) {
    case ZLOOM_CASE_SEND:
        return zloom_case_read_body (&self->reader, zloom_tree_get (tree, "body"),
                                     &step->is.send.message.body);
    case ZLOOM_CASE_KILL:
        return s_read_kill (self, tree, &step->is.kill);
    case ZLOOM_CASE_EXPECT:
        good = s_read_seen (self, tree, false, &step->is.expect.seen);
        good = s_read_state (self, tree, &step->is.expect) && good;
        return s_check_expects (self, tree, verb) && good;
    case ZLOOM_CASE_HANDLED:
        good = zloom_case_taker (self, verb, step->is.handled.node) != NULL;
        good = s_read_seen (self, tree, true, &step->is.handled.seen) && good;
        return s_check_expects (self, tree, verb) && good;
    case ZLOOM_CASE_WAIT:
    case ZLOOM_CASE_PAUSE:
    case ZLOOM_CASE_RESUME:
    case ZLOOM_CASE_REQUEUE:
    case ZLOOM_CASE_VERBS:
        break;
    }
    return true;
}

bool
zloom_case_read_step (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_case_step_t *step)
{
    zloom_reader_t *reader = &self->reader;
    if (tree->kind != ZLOOM_TREE_MAP) {
        return zloom_reader_wrong_shape (reader, tree, "steps", "steps, each a map",
                                         "as in [{send: orders, body: {id: 7}}]");
    }
    const zloom_tree_node_t *verb = s_find_verb (self, tree, &step->verb);
    if (!verb) {
        return false;
    }
    step->at = zloom_tree_span (verb);
    if (step->verb == ZLOOM_CASE_SEND) {
        step->is.send.message.priority = -1;
    } else if (step->verb == ZLOOM_CASE_EXPECT) {
        step->is.expect.seen.count = -1;
    } else if (step->verb == ZLOOM_CASE_HANDLED) {
        step->is.handled.seen.count = -1;
    }
    char *what = zloom_pool_format (self->recipe->pool, "a step '%s'", s_word (step->verb));
    bool good =
      zloom_reader_read (reader, s_table (step->verb)->fields, s_none, tree, what, &step->is);
    return good && s_read_rest (self, tree, verb, step);
}
