/* SPDX-License-Identifier: MPL-2.0 */
/* What `expand`, `graph` and `schema` make of recipes, word for word. */
#include <glob.h>

#include "golden.h"

#include "recipe/expand.h"
#include "recipe/graph.h"
#include "recipe/schema.h"

#define SHOWN ZLOOM_TEST_DATA "/shown"
#define DOCS ZLOOM_TEST_DATA "/../../docs"
#define ROOT ZLOOM_TEST_DATA "/../.."

static loaded_t
s_load_whole (void)
{
    unsetenv ("ZLOOM_TEST_WHO");
    char *text = golden_read (SHOWN "/whole.yaml");
    assert_non_null (text);
    /* By a name without folders, so that what is shown is the same in every clone. */
    loaded_t loaded = {.diags = zloom_diags_new ()};
    loaded.err = zloom_recipe_load_text ("whole.yaml", SHOWN, zloom_bytes_text (text),
                                         zloom_registry (), NULL, loaded.diags, &loaded.recipe);
    loaded_assert_good (&loaded);
    assert_int_equal (zloom_diags_count (loaded.diags), 0);
    free (text);
    return loaded;
}

/* The clone's own folder is not part of what is expected, nor are the blanks that depend on it. */
static char *
s_anonymous (const char *text)
{
    zloom_buf_t out = {0};
    const char *at;
    while ((at = strstr (text, SHOWN))) {
        zloom_buf_add (&out, text, (size_t) (at - text));
        zloom_buf_add_text (&out, "/shown");
        text = at + strlen (SHOWN);
        size_t plain = strcspn (text, " \n");
        zloom_buf_add (&out, text, plain);
        text += plain;
        text += strspn (text, " ");
        zloom_buf_add_text (&out, *text == '\n' ? "" : " ");
    }
    zloom_buf_add_text (&out, text);
    char *copy = zloom_strdup (zloom_buf_text (&out));
    zloom_buf_fini (&out);
    return copy;
}

static void
s_text_of_lines (const zloom_recipe_t *recipe, zloom_buf_t *out)
{
    zloom_expand_json (recipe, false, out);
}

static void
s_shown_is_what_is_expected (void **state)
{
    (void) state;
    static const struct {
        const char *file;
        void (*show) (const zloom_recipe_t *recipe, zloom_buf_t *out);
    } forms[] = {
      {SHOWN "/whole.expanded", zloom_expand_text},  {SHOWN "/whole.jsonl", s_text_of_lines},
      {SHOWN "/whole.graph", zloom_graph_text},      {SHOWN "/whole.dot", zloom_graph_dot},
      {SHOWN "/whole.mermaid", zloom_graph_mermaid}, {SHOWN "/whole.json", zloom_graph_json},
    };
    loaded_t loaded = s_load_whole ();
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        zloom_buf_t out = {0};
        forms[i].show (loaded.recipe, &out);
        char *text = s_anonymous (zloom_buf_text (&out));
        wrong += golden_matches (forms[i].file, text) ? 0 : 1;
        free (text);
        zloom_buf_fini (&out);
    }
    loaded_fini (&loaded);
    assert_int_equal (wrong, 0);
}

/* Paths and values of a recipe, without where they come from. */
static char *
s_values (const zloom_recipe_t *recipe)
{
    zloom_buf_t lines = {0};
    zloom_buf_t out = {0};
    zloom_expand_json (recipe, false, &lines);
    for (const char *at = zloom_buf_text (&lines); *at; at += strcspn (at, "\n") + 1) {
        const char *source = strstr (at, ", \"source\":");
        zloom_buf_add (&out, at, (size_t) (source - at));
        zloom_buf_add_text (&out, "\n");
    }
    char *copy = zloom_strdup (zloom_buf_text (&out));
    zloom_buf_fini (&lines);
    zloom_buf_fini (&out);
    return copy;
}

/* An expanded recipe is a recipe without a mistake, and means the same. */
static void
s_assert_means_the_same (const char *what, const zloom_recipe_t *recipe)
{
    zloom_buf_t text = {0};
    zloom_expand_text (recipe, &text);
    loaded_t again = loaded_in ("/elsewhere", zloom_buf_text (&text), NULL);
    loaded_assert_good (&again);
    if (zloom_diags_count (again.diags) > 0) {
        fail_msg ("%s: %s", what, zloom_diags_at (again.diags, 0)->message);
    }
    char *before = s_values (recipe);
    char *after = s_values (again.recipe);
    assert_string_equal (before, after);
    free (before);
    free (after);
    loaded_fini (&again);
    zloom_buf_fini (&text);
}

static void
s_expanded_recipes_mean_the_same (void **state)
{
    (void) state;
    loaded_t whole = s_load_whole ();
    s_assert_means_the_same ("whole.yaml", whole.recipe);
    loaded_fini (&whole);
    glob_t found = {0};
    assert_int_equal (glob (ROOT "/patterns/*/*.yaml", 0, NULL, &found), 0);
    assert_int_equal (glob (ROOT "/patterns/scenarios/*/*.yaml", GLOB_APPEND, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        loaded_t loaded = {.diags = zloom_diags_new ()};
        loaded.err = zloom_recipe_load (found.gl_pathv[i], zloom_registry (), NULL, loaded.diags,
                                        &loaded.recipe);
        loaded_assert_good (&loaded);
        s_assert_means_the_same (found.gl_pathv[i], loaded.recipe);
        loaded_fini (&loaded);
    }
    globfree (&found);
}

/* With the secrets in its configs, a recipe still shows their names alone. */
static void
s_shown_secrets_are_names (void **state)
{
    (void) state;
    setenv ("ZLOOM_TEST_PIN", "hunter2", 1);
    zloom_recipe_options_t options = {.secrets_of = "*"};
    loaded_t loaded = loaded_with ("zloom: 1\nname: t\nsecrets: {pin: {env: ZLOOM_TEST_PIN}}\n"
                                   "nodes: {w: {kind: worker, run: [cat], secrets: [pin],"
                                   " env: {A: \"x${secret.pin}\"}}}\n"
                                   "flows: {a: {pattern: queue, from: external, to: w}}\n",
                                   &options);
    loaded_assert_good (&loaded);
    const zloom_worker_config_t *w = zloom_recipe_node (loaded.recipe, "w")->config;
    assert_string_equal (w->env.items[0].value, "xhunter2");
    zloom_buf_t out = {0};
    zloom_expand_text (loaded.recipe, &out);
    zloom_expand_json (loaded.recipe, true, &out);
    assert_non_null (strstr (zloom_buf_text (&out), "A: \"x${secret.pin}\""));
    assert_null (strstr (zloom_buf_text (&out), "hunter2"));
    zloom_buf_fini (&out);
    loaded_fini (&loaded);
    unsetenv ("ZLOOM_TEST_PIN");
}

static void
s_schemas_are_what_the_tables_say (void **state)
{
    (void) state;
    static const char *const files[] = {DOCS "/recipe.schema.json", DOCS "/fragment.schema.json"};
    for (size_t i = 0; i < 2; i++) {
        zloom_buf_t out = {0};
        zloom_schema_json (zloom_registry (), i ? ZLOOM_SCHEMA_FRAGMENT : ZLOOM_SCHEMA_RECIPE,
                           &out);
        assert_true (golden_matches (files[i], zloom_buf_text (&out)));
        zloom_buf_fini (&out);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_shown_is_what_is_expected),
      cmocka_unit_test (s_expanded_recipes_mean_the_same),
      cmocka_unit_test (s_shown_secrets_are_names),
      cmocka_unit_test (s_schemas_are_what_the_tables_say),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
