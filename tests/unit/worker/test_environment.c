/* SPDX-License-Identifier: MPL-2.0 */
/* The variables of a child. */
#include "nodes/worker/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void
each_name_stands_once (void **state)
{
    (void) state;
    const char *const base[] = {"A=1", "AB=2", NULL};
    zloom_environment_t *env = zloom_environment_new (base);
    zloom_environment_set (env, "A", zloom_bytes_text ("3"));
    zloom_environment_set (env, "C", zloom_bytes ("x\0y", 3));
    zloom_environment_set (env, "D", ZLOOM_BYTES_NULL);
    const char *const *items = zloom_environment_items (env);
    assert_string_equal (items[0], "A=3");
    assert_string_equal (items[1], "AB=2");
    assert_string_equal (items[2], "C=");
    assert_string_equal (items[3], "D=");
    assert_null (items[4]);
    assert_string_equal (zloom_environment_get (env, "AB"), "2");
    assert_null (zloom_environment_get (env, "B"));
    zloom_environment_destroy (&env);
    assert_null (env);
}

static void
an_empty_one_ends_too (void **state)
{
    (void) state;
    zloom_environment_t *env = zloom_environment_new (NULL);
    assert_null (zloom_environment_items (env)[0]);
    zloom_environment_destroy (&env);
}

static void
helpers_come_first_and_keep_what_was_said (void **state)
{
    (void) state;
    assert_int_equal (setenv ("ZLOOM_HELPERS", "/some/where", 1), 0);
    assert_int_equal (unsetenv ("NODE_PATH"), 0);
    zloom_environment_t *env = zloom_environment_new (NULL);
    zloom_environment_set (env, "PYTHONPATH", zloom_bytes_text ("/mine"));
    zloom_environment_set (env, "PYTHONUNBUFFERED", zloom_bytes_text (""));
    zloom_environment_helpers (env);
    assert_string_equal (zloom_environment_get (env, "PYTHONPATH"), "/some/where:/mine");
    assert_string_equal (zloom_environment_get (env, "NODE_PATH"), "/some/where");
    assert_string_equal (zloom_environment_get (env, "PYTHONUNBUFFERED"), "");
    assert_string_equal (zloom_environment_get (env, "ZLOOM_HELPERS"), "/some/where");
    zloom_environment_destroy (&env);
    assert_int_equal (unsetenv ("ZLOOM_HELPERS"), 0);
}

/* In the build tree they are found in the sources. */
static void
helpers_are_found (void **state)
{
    (void) state;
    zloom_environment_t *env = zloom_environment_new (NULL);
    zloom_environment_helpers (env);
    assert_string_equal (zloom_environment_get (env, "PYTHONUNBUFFERED"), "1");
    assert_non_null (zloom_environment_get (env, "ZLOOM_HELPERS"));
    assert_int_equal (chdir (zloom_environment_get (env, "ZLOOM_HELPERS")), 0);
    assert_int_equal (access ("zloom.py", R_OK), 0);
    zloom_environment_destroy (&env);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (each_name_stands_once),
      cmocka_unit_test (an_empty_one_ends_too),
      cmocka_unit_test (helpers_come_first_and_keep_what_was_said),
      cmocka_unit_test (helpers_are_found),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
