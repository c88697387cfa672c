/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Wrong recipes in tests/data/recipes, each with all that is said about it, word for word: what a
 * person sees is part of what is tested.
 */
#include <dirent.h>

#include "golden.h"

#define FOLDER ZLOOM_TEST_DATA "/recipes"
#define LEAST_WRONG 80

/* By name, so that a run says the same every time. */
static int
s_is_recipe (const struct dirent *entry)
{
    const char *end = strrchr (entry->d_name, '.');
    return end && strcmp (end, ".yaml") == 0;
}

static bool
s_check (const char *name, size_t *wrong)
{
    char path[512];
    if (!ZLOOM_HAS_JQ && strncmp (name, "jq", 2) == 0) {
        return true;
    }
    snprintf (path, sizeof path, FOLDER "/%s", name);
    char *text = golden_read (path);
    assert_non_null (text);
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_recipe_t *recipe = NULL;
    zloom_err_t err = zloom_recipe_load_text (name, FOLDER, zloom_bytes_text (text),
                                              zloom_registry (), NULL, diags, &recipe);
    assert_true ((err == ZLOOM_OK) == (recipe != NULL));
    assert_true ((err == ZLOOM_OK) == (zloom_diags_errors (diags) == 0));
    *wrong += zloom_diags_errors (diags) > 0 ? 1 : 0;
    zloom_buf_t said = {0};
    zloom_diags_text (diags, false, &said);
    snprintf (path, sizeof path, FOLDER "/%.*s.expected", (int) strlen (name) - 5, name);
    bool good = golden_matches (path, zloom_buf_text (&said));
    zloom_buf_fini (&said);
    zloom_recipe_destroy (&recipe);
    zloom_diags_destroy (&diags);
    free (text);
    return good;
}

/* Codes about machines, sizes and fleets have tests of their own; others stand in a file here. */
static bool
s_is_said_elsewhere (const char *code)
{
    return strncmp (code, "Z05", 3) == 0 || strncmp (code, "Z06", 3) == 0 ||
           strcmp (code, "Z0102") == 0 || strcmp (code, "Z0104") == 0;
}

static void
s_each_code_is_said_somewhere (void **state)
{
    (void) state;
    zloom_buf_t all = {0};
    struct dirent **entries = NULL;
    int count = scandir (FOLDER, &entries, s_is_recipe, alphasort);
    for (int i = 0; i < count; i++) {
        char path[512];
        const char *name = entries[i]->d_name;
        snprintf (path, sizeof path, FOLDER "/%.*s.expected", (int) strlen (name) - 5, name);
        char *text = golden_read (path);
        zloom_buf_add_text (&all, text ? text : "");
        free (text);
        free (entries[i]);
    }
    free (entries);
    const zloom_lint_t *lint;
    for (size_t i = 0; (lint = zloom_lint_at (zloom_registry (), i)); i++) {
        char said[16];
        snprintf (said, sizeof said, "[%s]", lint->code);
        if (!s_is_said_elsewhere (lint->code) && !strstr (zloom_buf_text (&all), said)) {
            fail_msg ("%s (%s) is said by no recipe in " FOLDER, lint->code, lint->name);
        }
    }
    zloom_buf_fini (&all);
}

static void
s_each_recipe_says_what_is_expected (void **state)
{
    (void) state;
    struct dirent **entries = NULL;
    int count = scandir (FOLDER, &entries, s_is_recipe, alphasort);
    assert_true (count > 0);
    size_t wrong = 0;
    size_t differ = 0;
    for (int i = 0; i < count; i++) {
        differ += s_check (entries[i]->d_name, &wrong) ? 0 : 1;
        free (entries[i]);
    }
    free (entries);
    assert_int_equal (differ, 0);
    assert_true (wrong >= LEAST_WRONG);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_each_recipe_says_what_is_expected),
      cmocka_unit_test (s_each_code_is_said_somewhere),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
