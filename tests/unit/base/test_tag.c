/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include "base/tag.h"

#define THING_TAG 0x7E57A600u

typedef struct {
    uint32_t tag;
} thing_t;

static void
test_what_holds_goes_on (void **state)
{
    (void) state;
    thing_t thing = {THING_TAG};
    thing_t *self = &thing;
    zloom_assert (thing.tag == THING_TAG);
    ZLOOM_CHECK (self, THING_TAG);
    assert_int_equal (thing.tag, THING_TAG);
}

static void
s_assert_false (void)
{
    int apples = 3;
    zloom_assert (apples == 4);
}

static void
test_a_failed_assert_says_what_and_where (void **state)
{
    (void) state;
    helper_expect_abort (s_assert_false, "assertion failed: apples == 4");
    helper_expect_abort (s_assert_false, "test_tag.c:");
}

static void
s_check_null (void)
{
    thing_t *thing = NULL;
    ZLOOM_CHECK (thing, THING_TAG);
}

static void
s_check_dead (void)
{
    thing_t thing = {ZLOOM_TAG_DEAD};
    thing_t *self = &thing;
    ZLOOM_CHECK (self, THING_TAG);
}

static void
test_a_check_refuses_null_and_the_dead (void **state)
{
    (void) state;
    helper_expect_abort (s_check_null, "assertion failed");
    helper_expect_abort (s_check_dead, "assertion failed");
}

static void
s_assert_long (void)
{
    char what[2000];
    memset (what, 'x', sizeof what);
    what[sizeof what - 1] = 0;
    zloom_assert_failed (what, "long.c", 7);
}

static void
test_a_long_text_is_cut (void **state)
{
    (void) state;
    helper_expect_abort (s_assert_long, "zloom: long.c:7: assertion failed: xxx");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_what_holds_goes_on),
      cmocka_unit_test (test_a_failed_assert_says_what_and_where),
      cmocka_unit_test (test_a_check_refuses_null_and_the_dead),
      cmocka_unit_test (test_a_long_text_is_cut),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
