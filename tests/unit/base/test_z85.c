/* SPDX-License-Identifier: MPL-2.0 */
#include "base/z85.h"
#include "unit/base/helper.h"

/* The sample of RFC 32. */
static void
test_the_rfc_s_sample (void **state)
{
    (void) state;
    static const uint8_t bytes[] = {0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B};
    uint8_t out[8];
    assert_true (zloom_z85_decode ("HelloWorld", out, sizeof out));
    assert_memory_equal (out, bytes, sizeof bytes);
    assert_true (zloom_z85_decode ("", out, 0));
}

static void
test_the_largest_and_beyond (void **state)
{
    (void) state;
    uint8_t out[4];
    assert_true (zloom_z85_decode ("%nSc0", out, 4));
    assert_memory_equal (out, "\xff\xff\xff\xff", 4);
    assert_false (zloom_z85_decode ("%nSc1", out, 4));
    assert_false (zloom_z85_decode ("#####", out, 4));
}

static void
test_other_letters_and_lengths (void **state)
{
    (void) state;
    static const char *const bad[] = {"Hello",       "HelloWorl",  "HelloWorldx", "Hello World",
                                      "Hello\"orld", "Hello'orld", "Hello\\orld", "Hello~orld"};
    uint8_t out[8];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false (zloom_z85_decode (bad[i], out, sizeof out));
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_the_rfc_s_sample),
      cmocka_unit_test (test_the_largest_and_beyond),
      cmocka_unit_test (test_other_letters_and_lengths),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
