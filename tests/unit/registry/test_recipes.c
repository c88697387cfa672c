/* SPDX-License-Identifier: MPL-2.0 */
/* The recipes that users see lint with nothing to say; spoilt ones are answered, never a crash. */
#include <glob.h>

#include "golden.h"

#include "base/random.h"

#define ROOT ZLOOM_TEST_DATA "/../.."
#define MUTATIONS 4000

static void
s_assert_clean (const char *what, const loaded_t *loaded)
{
    zloom_buf_t text = {0};
    zloom_diags_text (loaded->diags, false, &text);
    if (text.size > 0) {
        fail_msg ("%s:\n%s", what, zloom_buf_text (&text));
    }
    zloom_buf_fini (&text);
    assert_int_equal (loaded->err, ZLOOM_OK);
}

static void
s_recipes_of_the_repository_are_clean (void **state)
{
    (void) state;
    glob_t found = {0};
    int rc = glob (ROOT "/patterns/*/*.yaml", 0, NULL, &found);
    rc = glob (ROOT "/patterns/scenarios/*/*.yaml", rc == 0 ? GLOB_APPEND : 0, NULL, &found);
    assert_int_equal (rc, 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        loaded_t loaded = {.diags = zloom_diags_new ()};
        loaded.err = zloom_recipe_load (found.gl_pathv[i], zloom_registry (), NULL, loaded.diags,
                                        &loaded.recipe);
        s_assert_clean (found.gl_pathv[i], &loaded);
        loaded_fini (&loaded);
    }
    globfree (&found);
}

/* Each fenced YAML block of a page that is a whole recipe. */
static void
s_recipes_of_the_docs_are_clean (void **state)
{
    (void) state;
    static const char *const pages[] = {ROOT "/docs/recipe.md", ROOT "/README.md"};
    size_t recipes = 0;
    for (size_t i = 0; i < 2; i++) {
        char *page = golden_read (pages[i]);
        char *at = page;
        while (at && (at = strstr (at, "```yaml\nzloom:"))) {
            char *start = at + strlen ("```yaml\n");
            char *end = strstr (start, "```");
            assert_non_null (end);
            *end = '\0';
            loaded_t loaded = loaded_from (start);
            s_assert_clean (pages[i], &loaded);
            loaded_fini (&loaded);
            recipes++;
            at = end + 3;
        }
        free (page);
    }
    assert_true (recipes > 0);
}

/* Change a few bytes: drop, double, swap with one from elsewhere in the text. */
static void
s_spoil (zloom_random_t *random, char *text, size_t *size)
{
    size_t changes = 1 + zloom_random_below (random, 6);
    for (size_t i = 0; i<changes && * size> 2; i++) {
        size_t at = zloom_random_below (random, *size - 1);
        switch (zloom_random_below (random, 3)) {
        case 0:
            memmove (text + at, text + at + 1, *size - at - 1);
            (*size)--;
            break;
        case 1:
            memmove (text + at + 1, text + at, *size - at);
            (*size)++;
            break;
        default:
            text[at] = text[zloom_random_below (random, *size)];
            break;
        }
    }
}

static void
s_spoilt_recipes_are_answered (void **state)
{
    (void) state;
    const uint64_t seed = 9;
    zloom_random_t random;
    zloom_random_init (&random, seed);
    char *good = golden_read (ZLOOM_TEST_DATA "/recipes/good-orders.yaml");
    assert_non_null (good);
    size_t refused = 0;
    for (size_t run = 0; run < MUTATIONS; run++) {
        char text[4096];
        snprintf (text, sizeof text - 16, "%s", good);
        size_t size = strlen (text);
        s_spoil (&random, text, &size);
        loaded_t loaded = {.diags = zloom_diags_new ()};
        loaded.err = zloom_recipe_load_text ("t", "/recipes", zloom_bytes (text, size),
                                             zloom_registry (), NULL, loaded.diags, &loaded.recipe);
        bool refuse = zloom_diags_errors (loaded.diags) > 0;
        if ((loaded.err == ZLOOM_RECIPE) != refuse || (loaded.recipe == NULL) != refuse) {
            fail_msg ("seed %llu run %zu: %s, yet %zu errors", (unsigned long long) seed, run,
                      zloom_err_name (loaded.err), zloom_diags_errors (loaded.diags));
        }
        for (size_t i = 0; !refuse && i < zloom_recipe_node_count (loaded.recipe); i++) {
            assert_true (zloom_recipe_node_at (loaded.recipe, i)->sound);
        }
        for (size_t i = 0; !refuse && i < zloom_recipe_flow_count (loaded.recipe); i++) {
            assert_true (zloom_recipe_flow_at (loaded.recipe, i)->sound);
        }
        refused += refuse ? 1 : 0;
        loaded_fini (&loaded);
    }
    free (good);
    assert_true (refused > MUTATIONS / 2 && refused < MUTATIONS);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_recipes_of_the_repository_are_clean),
      cmocka_unit_test (s_recipes_of_the_docs_are_clean),
      cmocka_unit_test (s_spoilt_recipes_are_answered),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
