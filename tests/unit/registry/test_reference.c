/* SPDX-License-Identifier: MPL-2.0 */
/* docs/recipe.md is what the tables say. */
#include "golden.h"

#include "recipe/reference.h"

#define PAGE ZLOOM_TEST_DATA "/../../docs/recipe.md"

static void
s_page_is_what_the_tables_say (void **state)
{
    (void) state;
    zloom_buf_t page = {0};
    zloom_reference_markdown (zloom_registry (), &page);
    assert_true (golden_matches (PAGE, zloom_buf_text (&page)));
    zloom_buf_fini (&page);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_page_is_what_the_tables_say),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
