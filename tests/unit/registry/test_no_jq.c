/* SPDX-License-Identifier: MPL-2.0 */
/* A machine without jq: expressions are not judged, and where it is asked for, it is said. */
#include "recipes.h"

static const char s_recipe[] =
  "zloom: 1\nname: t\nnodes:\n  work: {kind: worker, jq: '.total | floo'}\nflows:\n"
  "  in: {pattern: queue, from: external, to: work, dead_letter: dead}\n"
  "  dead: {pattern: queue, to: external}\n";

static void
s_is_said_where_it_is_asked_for (void **state)
{
    (void) state;
    for (int environment = 0; environment < 2; environment++) {
        const zloom_recipe_options_t options = {.environment = environment != 0};
        zloom_diags_t *diags = zloom_diags_new ();
        zloom_recipe_t *recipe = NULL;
        zloom_err_t err = zloom_recipe_load_text ("t.yaml", ".", zloom_bytes_text (s_recipe),
                                                  zloom_registry (), &options, diags, &recipe);
        assert_int_equal (err, environment ? ZLOOM_RECIPE : ZLOOM_OK);
        assert_int_equal (zloom_diags_count (diags), environment);
        if (environment) {
            const zloom_diag_t *diag = zloom_diags_at (diags, 0);
            assert_string_equal (diag->code, "Z0510");
            assert_non_null (strstr (diag->message, "/no/such/zloom-jq.so"));
            assert_int_equal (diag->at.line, 4);
        }
        zloom_recipe_destroy (&recipe);
        zloom_diags_destroy (&diags);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_is_said_where_it_is_asked_for),
    };
    assert_int_equal (setenv ("ZLOOM_JQ", "/no/such/zloom-jq.so", 1), 0);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
