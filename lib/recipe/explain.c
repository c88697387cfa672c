/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/explain.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "recipe/cases.h"
#include "recipe/fleet.h"
#include "recipe/params.h"
#include "recipe/secrets.h"

#define PATH_BYTES 160

/* ---- all fields ---------------------------------------------------------------------------- */

static void
s_visit (const char *prefix, const zloom_kind_t *kind, zloom_field_table_t fields,
         zloom_field_visit_fn *visit, void *arg)
{
    char path[PATH_BYTES];
    for (size_t i = 0; i < fields.count; i++) {
        const zloom_field_t *field = &fields.fields[i];
        snprintf (path, sizeof path, "%s%s", prefix, field->name);
        visit (arg, path, kind, field);
        if (field->type == ZLOOM_FIELD_GROUP) {
            snprintf (path, sizeof path, "%s%s.", prefix, field->name);
            zloom_field_table_t group = {field->group, field->group_count};
            s_visit (path, kind, group, visit, arg);
        }
    }
}

void
zloom_fields_visit (const zloom_registry_t *registry, zloom_field_visit_fn *visit, void *arg)
{
    s_visit ("", NULL, zloom_recipe_top_fields (), visit, arg);
    s_visit ("params.*.", NULL, zloom_params_fields (), visit, arg);
    s_visit ("secrets.*.", NULL, zloom_secrets_fields (), visit, arg);
    s_visit ("use.*.", NULL, zloom_recipe_use_fields (), visit, arg);
    const zloom_case_table_t *table;
    for (size_t i = 0; (table = zloom_case_table_at (i)); i++) {
        s_visit (table->path, NULL, table->fields, visit, arg);
    }
    s_visit ("nodes.*.", NULL, zloom_recipe_node_fields (), visit, arg);
    for (size_t i = 0; i < registry->node_count; i++) {
        const zloom_kind_t *kind = &registry->nodes[i];
        zloom_field_table_t fields = {kind->fields, kind->field_count};
        s_visit ("nodes.*.", kind, fields, visit, arg);
    }
    s_visit ("flows.*.", NULL, zloom_recipe_flow_fields (), visit, arg);
    for (size_t i = 0; i < registry->pattern_count; i++) {
        const zloom_kind_t *kind = &registry->patterns[i];
        zloom_field_table_t fields = {kind->fields, kind->field_count};
        s_visit ("flows.*.", kind, fields, visit, arg);
        zloom_field_table_t ends = {kind->end_fields, kind->end_field_count};
        s_visit ("flows.*.to.*.", kind, ends, visit, arg);
    }
}

/* The same of fleets, which are files of their own. */
static void
s_visit_fleet (zloom_field_visit_fn *visit, void *arg)
{
    static const zloom_kind_t fleet = {.name = "fleet"};
    s_visit ("", &fleet, zloom_fleet_top_fields (), visit, arg);
    s_visit ("hosts.*.", &fleet, zloom_fleet_host_fields (), visit, arg);
    s_visit ("keys.*.", &fleet, zloom_fleet_key_fields (), visit, arg);
    s_visit ("keys.*.may.", &fleet, zloom_fleet_grant_fields (), visit, arg);
}

/* ---- one field ----------------------------------------------------------------------------- */

static void
s_add_field (zloom_buf_t *out, const char *path, const zloom_kind_t *kind,
             const zloom_field_t *field)
{
    zloom_buf_printf (out, "%s%s%s%s\n  %s.\n", path, kind ? "  (" : "", kind ? kind->name : "",
                      kind ? ")" : "", field->help);
    zloom_buf_add_text (out, "  takes    ");
    zloom_field_type_text (field, out);
    if (field->required) {
        zloom_buf_add_text (out, "; required");
    }
    zloom_buf_add_text (out, "\n");
    if (field->fallback) {
        zloom_buf_printf (out, "  default  %s\n", field->fallback);
    }
    if (field->least || field->most) {
        zloom_buf_printf (out, "  range    %s to %s\n", field->least ? field->least : "any",
                          field->most ? field->most : "any");
    }
    for (size_t i = 0; i < field->choice_count; i++) {
        zloom_buf_printf (out, "  %-11s  %s\n", field->choices[i].name, field->choices[i].help);
    }
    if (field->example) {
        zloom_buf_printf (out, "  example  %s\n", field->example);
    }
}

/* What is asked for against what there is; `*` in ours stands for any name in theirs. */
static bool
s_path_matches (const char *ours, const char *theirs)
{
    while (*ours && *theirs) {
        size_t a = strcspn (ours, ".");
        size_t b = strcspn (theirs, ".");
        bool any = a == 1 && ours[0] == '*';
        if (!any && (a != b || memcmp (ours, theirs, a) != 0)) {
            return false;
        }
        ours += a + (ours[a] ? 1 : 0);
        theirs += b + (theirs[b] ? 1 : 0);
    }
    return *ours == '\0' && *theirs == '\0';
}

typedef struct {
    const char *word;
    zloom_buf_t *out;
    size_t found;
    zloom_suggest_t suggest;
} search_t;

static void
s_search (void *arg, const char *path, const zloom_kind_t *kind, const zloom_field_t *field)
{
    search_t *self = arg;
    size_t size = strlen (self->word);
    size_t path_size = strlen (path);
    /* "lease" and "retry.backoff" mean every place that ends so. */
    bool tail = path_size > size && path[path_size - size - 1] == '.' &&
                strcmp (path + path_size - size, self->word) == 0;
    if (tail || s_path_matches (path, self->word)) {
        zloom_buf_add_text (self->out, self->found++ ? "\n" : "");
        s_add_field (self->out, path, kind, field);
    }
    zloom_suggest_offer (&self->suggest, field->name);
}

static zloom_err_t
s_not_found (const char *what, const zloom_suggest_t *suggest)
{
    if (suggest->best) {
        return zloom_fail (ZLOOM_NOT_FOUND, "nothing is known about '%.60s'; did you mean '%s'?",
                           what, suggest->best);
    }
    return zloom_fail (ZLOOM_NOT_FOUND,
                       "nothing is known about '%.60s'; try a code (Z0203), a key (lease) or a "
                       "pattern (queue)",
                       what);
}

zloom_err_t
zloom_explain_key (const zloom_registry_t *registry, const char *path, zloom_buf_t *out)
{
    search_t search = {.word = path, .out = out};
    zloom_suggest_init (&search.suggest, path);
    zloom_suggest_synonyms (&search.suggest, registry->synonyms, registry->synonym_count);
    zloom_fields_visit (registry, s_search, &search);
    s_visit_fleet (s_search, &search);
    return search.found > 0 ? ZLOOM_OK : s_not_found (path, &search.suggest);
}

/* ---- codes, kinds, flows ------------------------------------------------------------------- */

static void
s_add_sample (zloom_buf_t *out, const char *title, const char *sample)
{
    if (!sample) {
        return;
    }
    zloom_buf_printf (out, "\n%s\n", title);
    while (*sample) {
        size_t size = strcspn (sample, "\n");
        zloom_buf_printf (out, "    %.*s\n", (int) size, sample);
        sample += size + (sample[size] ? 1 : 0);
    }
}

zloom_err_t
zloom_explain_code (const zloom_registry_t *registry, const char *code, zloom_buf_t *out)
{
    const zloom_lint_t *lint = zloom_lint_find (registry, code);
    if (!lint) {
        return zloom_fail (ZLOOM_NOT_FOUND, "there is no code '%.60s'", code);
    }
    bool error = lint->severity == ZLOOM_SEVERITY_ERROR;
    zloom_buf_printf (out, "%s  %s  (%s)\n\n%s\n\nWhat to do: %s\n", lint->code, lint->name,
                      error ? "error" : "warning", lint->why, lint->fix);
    if (!error) {
        zloom_buf_printf (out,
                          "If it is meant: allow: {%s: \"the reason\"} in the node, the flow "
                          "or the recipe.\n",
                          lint->code);
    }
    s_add_sample (out, "This fires it:", lint->bad);
    s_add_sample (out, "This does not:", lint->good);
    return ZLOOM_OK;
}

static const zloom_kind_t *
s_find_kind (const zloom_kind_t *kinds, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp (kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* A word of a later version: that it is one, and what to do until then. */
static zloom_err_t
s_explain_later (const zloom_registry_t *registry, const char *name, zloom_buf_t *out)
{
    for (size_t i = 0; i < registry->later_node_count + registry->later_pattern_count; i++) {
        bool node = i < registry->later_node_count;
        const zloom_later_t *later = node
                                       ? &registry->later_nodes[i]
                                       : &registry->later_patterns[i - registry->later_node_count];
        if (strcmp (later->word, name) == 0) {
            zloom_buf_printf (out, "%s  (%s)\n  Not in this version: %s.\n", name,
                              node ? "kind of node" : "pattern of a flow", later->help);
            return ZLOOM_OK;
        }
    }
    return zloom_fail (ZLOOM_NOT_FOUND, "there is no kind of node and no pattern '%.60s'", name);
}

zloom_err_t
zloom_explain_kind (const zloom_registry_t *registry, const char *name, zloom_buf_t *out)
{
    const zloom_kind_t *kind = s_find_kind (registry->nodes, registry->node_count, name);
    bool node = kind != NULL;
    if (!kind) {
        kind = s_find_kind (registry->patterns, registry->pattern_count, name);
    }
    if (!kind) {
        return s_explain_later (registry, name, out);
    }
    zloom_buf_printf (out, "%s  (%s)\n  %s.\n\n%s:\n%s\nKeys:\n", kind->name,
                      node ? "kind of node" : "pattern of a flow", kind->help,
                      node ? "nodes" : "flows", kind->example);
    for (size_t i = 0; i < kind->field_count; i++) {
        const zloom_field_t *field = &kind->fields[i];
        if (field->type != ZLOOM_FIELD_LATER) {
            zloom_buf_printf (out, "  %-12s %s\n", field->name, field->help);
        }
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_explain_flow (const zloom_recipe_t *recipe, const char *name, zloom_buf_t *out)
{
    const zloom_recipe_flow_t *flow = zloom_recipe_flow (recipe, name);
    if (!flow) {
        zloom_suggest_t suggest;
        zloom_suggest_init (&suggest, name);
        for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) {
            zloom_suggest_offer (&suggest, zloom_recipe_flow_at (recipe, i)->name);
        }
        return s_not_found (name, &suggest);
    }
    flow->pattern->explain (recipe, flow, out);
    return ZLOOM_OK;
}

/* A word of other systems: ours, and what that is. False when it is none. */
static bool
s_explain_foreign (const zloom_registry_t *registry, const char *word, zloom_buf_t *out)
{
    for (size_t i = 0; i < registry->synonym_count; i++) {
        const zloom_synonym_t *synonym = &registry->synonyms[i];
        zloom_buf_t text = {0};
        bool found = strcmp (synonym->word, word) == 0 &&
                     (zloom_explain_kind (registry, synonym->means, &text) == ZLOOM_OK ||
                      zloom_explain_key (registry, synonym->means, &text) == ZLOOM_OK);
        if (found) {
            zloom_buf_printf (out, "'%s' is called '%s' here.\n\n", word, synonym->means);
            zloom_buf_add_bytes (out, zloom_buf_bytes (&text));
        }
        zloom_buf_fini (&text);
        if (found) {
            return true;
        }
    }
    return false;
}

zloom_err_t
zloom_explain (const zloom_registry_t *registry, const zloom_recipe_t *recipe, const char *word,
               zloom_buf_t *out)
{
    if (recipe && zloom_recipe_flow (recipe, word)) {
        return zloom_explain_flow (recipe, word, out);
    }
    if (zloom_lint_find (registry, word)) {
        return zloom_explain_code (registry, word, out);
    }
    if (zloom_explain_kind (registry, word, out) == ZLOOM_OK) {
        return ZLOOM_OK;
    }
    zloom_err_t err = zloom_explain_key (registry, word, out);
    return err == ZLOOM_OK || !s_explain_foreign (registry, word, out) ? err : ZLOOM_OK;
}
