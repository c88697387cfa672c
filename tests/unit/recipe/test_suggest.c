/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "recipe/suggest.h"

static void
s_distances (void **state)
{
    (void) state;
    assert_int_equal (zloom_suggest_distance ("lease", "lease"), 0);
    assert_int_equal (zloom_suggest_distance ("", "abc"), 3);
    assert_int_equal (zloom_suggest_distance ("abc", ""), 3);
    assert_int_equal (zloom_suggest_distance ("lesae", "lease"), 1); /* neighbours swapped */
    assert_int_equal (zloom_suggest_distance ("Lease", "lease"), 0); /* case is no edit */
    assert_int_equal (zloom_suggest_distance ("leas", "lease"), 1);
    assert_int_equal (zloom_suggest_distance ("kitten", "sitting"), 3);
    assert_int_equal (zloom_suggest_distance ("ca", "abc"), 3);
}

static void
s_long_words_are_far_from_everything (void **state)
{
    (void) state;
    char word[ZLOOM_SUGGEST_MAX + 2];
    memset (word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_int_equal (zloom_suggest_distance (word, word), ZLOOM_SUGGEST_MAX + 1);
}

static const char *
s_best (const char *word)
{
    static const zloom_synonym_t synonyms[] = {{"pubsub", "bus"}, {"dlq", "dead_letter"}};
    static const char *const words[] = {"retry", "lease", "dead_letter", "limit", "bus"};
    zloom_suggest_t suggest;
    zloom_suggest_init (&suggest, word);
    zloom_suggest_synonyms (&suggest, synonyms, 2);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        zloom_suggest_offer (&suggest, words[i]);
    }
    return suggest.best;
}

static void
s_slips_synonyms_and_beginnings_are_found (void **state)
{
    (void) state;
    assert_string_equal (s_best ("retries"), "retry");
    assert_string_equal (s_best ("leese"), "lease");
    assert_string_equal (s_best ("dead"), "dead_letter");
    assert_string_equal (s_best ("dlq"), "dead_letter");
    assert_string_equal (s_best ("PubSub"), "bus");
    assert_null (s_best ("colour"));
    assert_null (s_best ("x"));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_distances),
      cmocka_unit_test (s_long_words_are_far_from_everything),
      cmocka_unit_test (s_slips_synonyms_and_beginnings_are_found),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
