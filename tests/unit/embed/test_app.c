/* SPDX-License-Identifier: MPL-2.0 */
/* An app before it is started: its recipe, what is wrong with it, params, handlers. */
#include "place.h"

static zloom_err_t
s_load (zloom_app_t *app, const char *text)
{
    return zloom_app_load_text (app, text, strlen (text), s_folder);
}

static void
test_mistakes_are_values (void **state)
{
    (void) state;
    zloom_app_t *app = zloom_app_new (NULL);
    assert_int_equal (s_load (app,
                              "zloom: 1\n"
                              "name: t\n"
                              "flows:\n"
                              "  in: {pattern: queue, from: external, to: external, lase: 3s}\n"
                              "  out: {pattern: queue, from: external}\n"),
                      ZLOOM_RECIPE);
    assert_string_equal (zloom_note (),
                         "recipe:4:54: unknown key 'lase' in flow 'in'; did you mean "
                         "'lease'? (2 errors)");
    zloom_diagnostic_t wrong;
    assert_true (zloom_app_diagnostic (app, 0, &wrong));
    assert_string_equal (wrong.code, "Z0203");
    assert_string_equal (wrong.file, "recipe");
    assert_false (wrong.warning);
    assert_int_equal (wrong.line, 4);
    assert_int_equal (wrong.column, 54);
    assert_int_equal (wrong.end_line, 4);
    assert_int_equal (wrong.end_column, 58);
    size_t count = 0;
    while (zloom_app_diagnostic (app, count, &wrong)) {
        count++;
    }
    assert_true (count >= 2);
    /* It has no recipe now, and says so. */
    assert_int_equal (zloom_app_start (app), ZLOOM_INVALID);
    assert_null (zloom_app_node (app, "router"));
    zloom_app_destroy (&app);
    assert_null (app);
}

/* A recipe may consist of several files: a mistake is told where it stands. */
static void
test_a_mistake_names_its_own_file (void **state)
{
    (void) state;
    s_write ("part.yaml", "zloom: 1\nflows:\n  in: {pattern: queue, from: external, lase: 3s}\n");
    zloom_app_t *app = zloom_app_new (NULL);
    assert_int_equal (s_load (app, "zloom: 1\nname: t\nuse:\n  part: {file: part.yaml}\n"),
                      ZLOOM_RECIPE);
    zloom_diagnostic_t wrong;
    bool found = false;
    for (size_t i = 0; zloom_app_diagnostic (app, i, &wrong); i++) {
        if (strcmp (wrong.code, "Z0203") == 0) {
            assert_non_null (strstr (wrong.file, "part.yaml"));
            assert_int_equal (wrong.line, 3);
            found = true;
        }
    }
    assert_true (found);
    zloom_app_destroy (&app);
}

static void
test_warnings_do_not_stop_it (void **state)
{
    (void) state;
    zloom_app_t *app = zloom_app_new (NULL);
    s_load_text (app, "zloom: 1\nname: t\n"
                      "nodes: {w: {kind: worker, run: [cat]}}\n"
                      "flows: {in: {pattern: queue, from: external, to: w}}\n");
    zloom_diagnostic_t wrong;
    assert_true (zloom_app_diagnostic (app, 0, &wrong));
    assert_true (wrong.warning);
    assert_string_equal (wrong.code, "Z0402");
    zloom_app_destroy (&app);
}

static const char s_with_param[] = "zloom: 1\nname: t\n"
                                   "params: {lease: {type: duration, max: 1m}}\n"
                                   "flows:\n"
                                   "  in: {pattern: queue, from: external, to: external,\n"
                                   "       lease: \"${param.lease}\", dead_letter: dead}\n"
                                   "  dead: {pattern: queue, to: external}\n";

static void
test_params_are_set_before_the_load (void **state)
{
    (void) state;
    zloom_app_t *app = zloom_app_new (NULL);
    assert_int_equal (s_load (app, s_with_param), ZLOOM_RECIPE); /* it has no default */
    zloom_app_destroy (&app);
    app = zloom_app_new (NULL);
    assert_int_equal (zloom_app_param (app, "lease", "2m"), ZLOOM_OK);
    assert_int_equal (s_load (app, s_with_param), ZLOOM_RECIPE); /* over its maximum */
    zloom_app_destroy (&app);
    app = zloom_app_new (NULL);
    assert_int_equal (zloom_app_param (app, "lease", "30s"), ZLOOM_OK);
    assert_int_equal (zloom_app_param (app, "a=b", "c"), ZLOOM_INVALID);
    s_load_text (app, s_with_param);
    assert_int_equal (zloom_app_param (app, "lease", "30s"), ZLOOM_INVALID); /* too late */
    assert_int_equal (s_load (app, s_with_param), ZLOOM_INVALID);            /* twice */
    zloom_app_destroy (&app);
}

static void
test_a_file_is_found_or_named (void **state)
{
    (void) state;
    zloom_app_t *app = zloom_app_new (NULL);
    assert_int_equal (zloom_app_load (app, "/no/such/recipe.yaml"), ZLOOM_NOT_FOUND);
    assert_non_null (strstr (zloom_note (), "/no/such/recipe.yaml"));
    zloom_app_destroy (&app);
    char path[64];
    (void) snprintf (path, sizeof path, "%s/shout.yaml", s_folder);
    s_write ("shout.yaml", SHOUT_RECIPE);
    app = zloom_app_new (NULL);
    assert_int_equal (zloom_app_load (app, path), ZLOOM_OK);
    zloom_app_destroy (&app);
    app = zloom_app_new (NULL);
    assert_int_equal (zloom_app_load_text (app, "", 0, "/no/such/directory"), ZLOOM_NOT_FOUND);
    zloom_app_destroy (&app);
}

static void
test_each_actor_needs_a_handler (void **state)
{
    (void) state;
    zloom_app_t *app = zloom_app_new (NULL);
    s_load_text (app, SHOUT_RECIPE);
    assert_int_equal (zloom_app_handle (app, "other", s_shout, NULL), ZLOOM_OK);
    assert_int_equal (zloom_app_start (app), ZLOOM_NOT_FOUND);
    assert_string_equal (zloom_note (),
                         "worker 'shout' has the actor 'shout', which has no handler");
    assert_null (zloom_app_node (app, "shout.1"));
    assert_int_equal (zloom_app_handle (app, "other", s_shout, NULL), ZLOOM_EXISTS);
    zloom_app_destroy (&app);
}

static void
test_what_does_not_run_says_so (void **state)
{
    (void) state;
    zloom_app_t *app = zloom_app_new (NULL);
    assert_int_equal (zloom_app_fd (app), -1);
    assert_null (zloom_app_endpoint (app));
    assert_int_equal (zloom_app_dispatch (app), ZLOOM_NOT_RUNNING);
    assert_int_equal (zloom_app_wait_ready (app, SOON ()), ZLOOM_NOT_RUNNING);
    assert_int_equal (zloom_app_wait (app, SOON ()), ZLOOM_NOT_RUNNING);
    assert_int_equal (zloom_app_drain (app, SOON ()), ZLOOM_NOT_RUNNING);
    zloom_app_destroy (&app);
    zloom_app_destroy (&app); /* nothing */
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_mistakes_are_values, s_make_folder, s_remove_folder),
      cmocka_unit_test_setup_teardown (test_a_mistake_names_its_own_file, s_make_folder,
                                       s_remove_folder),
      cmocka_unit_test_setup_teardown (test_warnings_do_not_stop_it, s_make_folder,
                                       s_remove_folder),
      cmocka_unit_test_setup_teardown (test_params_are_set_before_the_load, s_make_folder,
                                       s_remove_folder),
      cmocka_unit_test_setup_teardown (test_a_file_is_found_or_named, s_make_folder,
                                       s_remove_folder),
      cmocka_unit_test_setup_teardown (test_each_actor_needs_a_handler, s_make_folder,
                                       s_remove_folder),
      cmocka_unit_test_setup_teardown (test_what_does_not_run_says_so, s_make_folder,
                                       s_remove_folder),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
