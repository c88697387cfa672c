/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/reference.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "recipe/cases.h"
#include "recipe/fleet.h"
#include "recipe/params.h"
#include "recipe/secrets.h"

static const char s_head[] =
  "# The recipe\n"
  "\n"
  "<!-- Written from the field tables (patterns/*.def, lib/recipe); do not edit by hand. The test\n"
  "     registry.reference fails when it differs, and ZLOOM_UPDATE=1 writes it anew. -->\n"
  "\n"
  "A recipe is one YAML file. It names **nodes** (who does the work) and **flows** (how messages\n"
  "travel between them). `zloom lint RECIPE` checks one, `zloom explain KEY` says what a key "
  "means.\n"
  "\n"
  "```yaml\n"
  "zloom: 1\n"
  "name: orders\n"
  "params: {workers: {type: int, default: 4, min: 1, max: 64}}\n"
  "nodes:\n"
  "  shop:   {kind: poller, file: {path: orders.jsonl, follow: true}}\n"
  "  charge: {kind: worker, run: [python3, charge.py], io: frames, replicas: "
  "\"${param.workers}\"}\n"
  "  ledger: {kind: sink, file: {path: paid.jsonl}}\n"
  "flows:\n"
  "  orders:      {pattern: queue, from: shop, to: charge, lease: 30s, dead_letter: orders-dead}\n"
  "  orders-dead: {pattern: queue, to: external}\n"
  "  paid:        {pattern: queue, from: charge, to: ledger}\n"
  "```\n"
  "\n"
  "- An unknown key is an error, and so is one that stands twice. Keys that begin with `x-` are "
  "yours.\n"
  "- The field's type reads the text: durations and sizes carry units (`30s`, `64MiB`), `true` "
  "and\n"
  "  `false` are the only switches, and text that YAML would take for something else is just "
  "text.\n"
  "- A value stands on its key's line. Quote `*`, `>`, `&`, `!`, `{`, and `${…}` inside braces.\n"
  "- Anchors, aliases, tags and several documents are refused. A recipe has at most 1 MiB.\n"
  "- `${param.NAME}`, `${env.NAME}`, `${env.NAME:-default}` and `${secret.NAME}` are replaced in\n"
  "  values, after the YAML is read, so they can never add keys. `$${` is a plain `${`. Below "
  "keys\n"
  "  that begin with `x-` nothing is replaced.\n"
  "- Relative paths start at the folder of the file that they stand in.\n"
  "- Names have 1 to 63 lower-case letters, digits, `-` and `_`. `external` in `from:` and `to:` "
  "means\n"
  "  programs outside the recipe and the command line.\n"
  "- `allow: {Z0402: \"reason\"}` in the recipe, a node or a flow lets a warning stand. `zloom "
  "lint\n"
  "  --all` shows it with its reason, and one that allows nothing is a warning itself.\n"
  "\n"
  "**Without repetition.** `defaults:` has, by kind of node and by pattern, fields that all of "
  "these\n"
  "have unless they say otherwise; maps are joined key by key. A field without a default of its "
  "own\n"
  "(`run`) is never one of them, a flow does not become its own dead letters, and `file:` goes "
  "only "
  "to\n"
  "nodes that have a `file:`. `use:` takes in fragments: files with `params`, `defaults`, `nodes`\n"
  "and `flows`, whose params get their values from `with:`. What the fragment `eu` defines is "
  "named\n"
  "`eu-NAME` in the recipe. Inside a fragment a name means first what stands in the same file, "
  "then\n"
  "what the file defines that uses it. Fragments may use fragments, four deep, never themselves.\n"
  "\n"
  "```yaml\n"
  "defaults:\n"
  "  queue: {lease: 1m, retry: {failures: 3}, dead_letter: failed}\n"
  "use:\n"
  "  eu: {file: parts/region.yaml, with: {workers: 4}}\n"
  "  us: {file: parts/region.yaml, with: {workers: 8}}\n"
  "flows:\n"
  "  failed: {pattern: queue, to: external}\n"
  "  orders: {pattern: queue, from: external, to: [eu-charge, us-charge]}\n"
  "```\n"
  "\n"
  "**Secrets** are named by the recipe and never in it. A worker gets those that it lists, as\n"
  "variables (`ZLOOM_SECRET_PSP_KEY`), or under a name that you choose. Only the process that runs "
  "the\n"
  "node reads them; `lint`, `explain`, `expand` and logs show their names alone, and `zloom lint "
  "--env`\n"
  "says whether they can be read.\n"
  "\n"
  "```yaml\n"
  "secrets:\n"
  "  psp_key: {file: /run/secrets/psp_key}\n"
  "  pin: {env: SHOP_PIN}\n"
  "nodes:\n"
  "  charge: {kind: worker, run: [./charge], secrets: [psp_key], env: {PIN: "
  "\"${secret.pin}\"}}\n"
  "```\n";

/* Text in a cell: a | would end it. */
static void
s_add_cell (zloom_buf_t *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        zloom_buf_add_text (out, *at == '|' ? "\\" : "");
        zloom_buf_add (out, at, 1);
    }
}

static void
s_add_row (zloom_buf_t *out, const char *prefix, const zloom_field_t *field)
{
    zloom_buf_printf (out, "| `%s%s` | ", prefix, field->name);
    if (field->type != ZLOOM_FIELD_SHAPE) {
        zloom_field_type_text (field, out);
    }
    if (field->least || field->most) {
        zloom_buf_printf (out, "; from %s to %s", field->least ? field->least : "any",
                          field->most ? field->most : "any");
    }
    if (field->required) {
        zloom_buf_add_text (out, " | required | ");
    } else {
        zloom_buf_printf (out, " | %s%s%s | ", field->fallback ? "`" : "",
                          field->fallback ? field->fallback : "", field->fallback ? "`" : "");
    }
    s_add_cell (out, field->help);
    for (size_t i = 0; i < field->choice_count; i++) {
        zloom_buf_printf (out, "%s`%s`: ", i ? "; " : ". ", field->choices[i].name);
        s_add_cell (out, field->choices[i].help);
    }
    if (field->example) {
        zloom_buf_add_text (out, ". `");
        s_add_cell (out, field->example);
        zloom_buf_add_text (out, "`");
    }
    zloom_buf_add_text (out, " |\n");
}

static void
s_add_rows (zloom_buf_t *out, const char *prefix, zloom_field_table_t fields)
{
    char path[128];
    for (size_t i = 0; i < fields.count; i++) {
        const zloom_field_t *field = &fields.fields[i];
        if (field->type == ZLOOM_FIELD_LATER) {
            continue;
        }
        s_add_row (out, prefix, field);
        if (field->type == ZLOOM_FIELD_GROUP) {
            snprintf (path, sizeof path, "%s%s.", prefix, field->name);
            s_add_rows (out, path, (zloom_field_table_t){field->group, field->group_count});
        }
    }
}

static void
s_add_later (zloom_buf_t *out, zloom_field_table_t fields)
{
    bool any = false;
    for (size_t i = 0; i < fields.count; i++) {
        if (fields.fields[i].type == ZLOOM_FIELD_LATER) {
            zloom_buf_printf (out, "%s`%s` (%s)",
                              any ? ", " : "\nNot in this version: ", fields.fields[i].name,
                              fields.fields[i].help);
            any = true;
        }
    }
    zloom_buf_add_text (out, any ? ".\n" : "");
}

static void
s_add_table (zloom_buf_t *out, const char *title, const char *help, zloom_field_table_t fields)
{
    zloom_buf_printf (out, "\n%s\n\n%c%s.\n\n| key | takes | default | what it is |\n", title,
                      toupper ((unsigned char) help[0]), help + 1);
    zloom_buf_add_text (out, "|---|---|---|---|\n");
    s_add_rows (out, "", fields);
    s_add_later (out, fields);
}

static void
s_add_kinds (zloom_buf_t *out, const char *what, const zloom_kind_t *kinds, size_t count,
             const zloom_later_t *later, size_t later_count)
{
    char title[80];
    for (size_t i = 0; i < count; i++) {
        snprintf (title, sizeof title, "### `%s: %s`", what, kinds[i].name);
        s_add_table (out, title, kinds[i].help,
                     (zloom_field_table_t){kinds[i].fields, kinds[i].field_count});
        if (kinds[i].end_field_count > 0) {
            snprintf (title, sizeof title, "#### `to.NODE` of a %s", kinds[i].name);
            s_add_table (out, title, "what `to` may say of each node, as a map of them",
                         (zloom_field_table_t){kinds[i].end_fields, kinds[i].end_field_count});
        }
        zloom_buf_printf (out, "\n```yaml\n%s```\n", kinds[i].example);
    }
    for (size_t i = 0; i < later_count; i++) {
        zloom_buf_printf (out, "%s`%s: %s` (%s)", i ? ", " : "\nNot in this version: ", what,
                          later[i].word, later[i].help);
    }
    zloom_buf_add_text (out, later_count ? ".\n" : "");
}

/* The code that follows, by number; NULL at the end. */
static const zloom_lint_t *
s_next_code (const zloom_registry_t *registry, const char *last)
{
    const zloom_lint_t *next = NULL;
    const zloom_lint_t *lint;
    for (size_t i = 0; (lint = zloom_lint_at (registry, i)); i++) {
        if (strcmp (lint->code, last) > 0 && (!next || strcmp (lint->code, next->code) < 0)) {
            next = lint;
        }
    }
    return next;
}

static void
s_add_codes (zloom_buf_t *out, const zloom_registry_t *registry)
{
    zloom_buf_add_text (
      out, "\n## Codes\n\n"
           "Z01xx syntax, Z02xx fields, Z03xx references and the graph, Z04xx "
           "the field's mistakes\n(warnings), Z05xx the machine (with `--env`), Z06xx fleets. "
           "`zloom explain CODE` adds a sample and its repair.\n\n"
           "| code | | name | what is wrong | what to do |\n|---|---|---|---|---|\n");
    /* By number: the tables stand in several files. */
    const zloom_lint_t *lint = NULL;
    while ((lint = s_next_code (registry, lint ? lint->code : ""))) {
        bool error = lint->severity == ZLOOM_SEVERITY_ERROR;
        zloom_buf_printf (out, "| %s | %s | %s | ", lint->code, error ? "error" : "warning",
                          lint->name);
        s_add_cell (out, lint->why);
        zloom_buf_add_text (out, " | ");
        s_add_cell (out, lint->fix);
        zloom_buf_add_text (out, " |\n");
    }
}

void
zloom_reference_markdown (const zloom_registry_t *registry, zloom_buf_t *out)
{
    zloom_buf_add_text (out, s_head);
    s_add_table (out, "## The recipe's own keys", "At the top of the file",
                 zloom_recipe_top_fields ());
    s_add_table (out, "### `params.NAME`", "A value that `--set NAME=VALUE` can change",
                 zloom_params_fields ());
    s_add_table (out, "### `secrets.NAME`", "Where a secret comes from; one of these",
                 zloom_secrets_fields ());
    s_add_table (out, "### `use.NAME`", "A fragment; what it defines is named NAME-… in the recipe",
                 zloom_recipe_use_fields ());
    s_add_table (out, "### A fragment's own keys", "At the top of a file that `use:` takes in",
                 zloom_recipe_fragment_fields ());
    s_add_table (out, "## Nodes", "Every node has these; the rest depends on its kind",
                 zloom_recipe_node_fields ());
    s_add_kinds (out, "kind", registry->nodes, registry->node_count, registry->later_nodes,
                 registry->later_node_count);
    s_add_table (out, "## Flows", "Every flow has these; the rest depends on its pattern",
                 zloom_recipe_flow_fields ());
    s_add_kinds (out, "pattern", registry->patterns, registry->pattern_count,
                 registry->later_patterns, registry->later_pattern_count);
    zloom_buf_add_text (out, "\n## Tests\n\nCases that `zloom test` plays on a clock of their own: "
                             "[testing-recipes.md](testing-recipes.md).\n");
    const zloom_case_table_t *table;
    for (size_t i = 0; (table = zloom_case_table_at (i)); i++) {
        s_add_table (out, table->title, table->help, table->fields);
    }
    s_add_table (out, "## Fleets",
                 "A file of its own that places a recipe on several hosts: [hosts.md](hosts.md)",
                 zloom_fleet_top_fields ());
    s_add_table (out, "### `hosts.NAME`", "A host", zloom_fleet_host_fields ());
    s_add_table (out, "### `keys.NAME`", "A program or a person", zloom_fleet_key_fields ());
    s_add_table (out, "### `may`", "A list; of a host or a key, each entry with",
                 zloom_fleet_grant_fields ());
    s_add_codes (out, registry);
}
