/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include <errno.h>
#include <pthread.h>

#include "base/bytes.h"
#include "base/error.h"

static void
test_codes_have_names_and_texts (void **state)
{
    (void) state;
    assert_int_equal (ZLOOM_OK, 0);
    assert_string_equal (zloom_err_name (ZLOOM_OK), "OK");
    assert_string_equal (zloom_err_name (ZLOOM_FULL), "FULL");
    assert_string_equal (zloom_err_text (ZLOOM_FULL), "flow is full");
    assert_true (zloom_err_retryable (ZLOOM_FULL));
    assert_false (zloom_err_retryable (ZLOOM_MALFORMED));
}

static void
test_every_name_leads_back_to_its_code (void **state)
{
    (void) state;
    for (unsigned i = 0; i < ZLOOM_ERR_COUNT; i++) {
        zloom_err_t err = ZLOOM_ERR_COUNT;
        assert_true (zloom_err_by_name (zloom_err_name ((zloom_err_t) i), &err));
        assert_int_equal (err, i);
    }
}

static void
test_codes_and_names_from_outside (void **state)
{
    (void) state;
    zloom_err_t err = ZLOOM_FULL;
    assert_false (zloom_err_by_name ("NO_SUCH", &err));
    assert_false (zloom_err_by_name ("full", &err));
    assert_false (zloom_err_by_name ("", &err));
    assert_false (zloom_err_by_name (NULL, &err));
    assert_int_equal (err, ZLOOM_FULL);
    assert_string_equal (zloom_err_name ((zloom_err_t) 9999), "UNKNOWN");
    assert_string_equal (zloom_err_text ((zloom_err_t) -1), "unknown error");
    assert_false (zloom_err_retryable (ZLOOM_ERR_COUNT));
}

static void
test_fail_sets_the_note (void **state)
{
    (void) state;
    zloom_note_clear ();
    assert_string_equal (zloom_note (), "");
    assert_int_equal (zloom_fail (ZLOOM_TOO_BIG, "flow %s: %d", "orders", 7), ZLOOM_TOO_BIG);
    assert_string_equal (zloom_note (), "flow orders: 7");
    zloom_note_clear ();
    assert_string_equal (zloom_note (), "");
}

static void
test_fail_errno_says_why_and_keeps_errno (void **state)
{
    (void) state;
    errno = ENOENT;
    assert_int_equal (zloom_fail_errno (ZLOOM_SYSTEM, "open %s", "x.yaml"), ZLOOM_SYSTEM);
    assert_int_equal (errno, ENOENT);
    assert_string_equal (zloom_note (), "open x.yaml: No such file or directory");
}

static void
test_prefix (void **state)
{
    (void) state;
    zloom_fail (ZLOOM_FAILED, "inner");
    zloom_note_prefix ("flow %s", "paid");
    zloom_note_prefix ("recipe");
    assert_string_equal (zloom_note (), "recipe: flow paid: inner");
}

static void
test_arguments_may_be_the_note_itself (void **state)
{
    (void) state;
    zloom_fail (ZLOOM_FAILED, "inner");
    zloom_fail (ZLOOM_FAILED, "outer (%s)", zloom_note ());
    assert_string_equal (zloom_note (), "outer (inner)");
}

static void
test_long_notes_are_cut_between_characters (void **state)
{
    (void) state;
    char text[ZLOOM_NOTE_BYTES * 2 + 1];
    static const char *const characters[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t c = 0; c < COUNT (characters); c++) {
        size_t size = strlen (characters[c]);
        for (size_t shift = 0; shift < size; shift++) {
            memset (text, 0, sizeof text);
            memset (text, '-', shift);
            for (size_t i = shift; i + size < sizeof text; i += size) {
                memcpy (text + i, characters[c], size);
            }
            zloom_fail (ZLOOM_FAILED, "%s", text);
            size_t kept = strlen (zloom_note ());
            assert_true (kept < ZLOOM_NOTE_BYTES && kept + size >= ZLOOM_NOTE_BYTES);
            assert_memory_equal (zloom_note (), text, kept);
            assert_true (zloom_bytes_is_utf8 (zloom_bytes_text (zloom_note ())));
            zloom_note_prefix ("where");
            assert_true (zloom_bytes_is_utf8 (zloom_bytes_text (zloom_note ())));
            assert_memory_equal (zloom_note (), "where: ", 7);
        }
    }
}

static void *
s_fail_elsewhere (void *arg)
{
    char *seen = arg;
    zloom_fail (ZLOOM_FAILED, "other thread");
    memcpy (seen, zloom_note (), strlen (zloom_note ()) + 1);
    return NULL;
}

static void
test_each_thread_has_its_note (void **state)
{
    (void) state;
    char seen[ZLOOM_NOTE_BYTES];
    pthread_t thread;
    zloom_fail (ZLOOM_FAILED, "this thread");
    assert_int_equal (pthread_create (&thread, NULL, s_fail_elsewhere, seen), 0);
    assert_int_equal (pthread_join (thread, NULL), 0);
    assert_string_equal (seen, "other thread");
    assert_string_equal (zloom_note (), "this thread");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_codes_have_names_and_texts),
      cmocka_unit_test (test_every_name_leads_back_to_its_code),
      cmocka_unit_test (test_codes_and_names_from_outside),
      cmocka_unit_test (test_fail_sets_the_note),
      cmocka_unit_test (test_fail_errno_says_why_and_keeps_errno),
      cmocka_unit_test (test_prefix),
      cmocka_unit_test (test_arguments_may_be_the_note_itself),
      cmocka_unit_test (test_long_notes_are_cut_between_characters),
      cmocka_unit_test (test_each_thread_has_its_note),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
