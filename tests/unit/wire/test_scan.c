/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/limits.h"
#include "wire/scan.h"

#define BYTES(text) zloom_bytes ((text), sizeof (text) - 1)
#define WHOLE(text) zloom_scan_whole (BYTES (text), 1000)

static void
test_every_form_is_known (void **state)
{
    (void) state;
    assert_int_equal (WHOLE ("\x00"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\x7f"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xe0"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xc0"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xc2"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xc3"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xcc\x01"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xcd\x01\x02"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xce\x01\x02\x03\x04"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xcf\x01\x02\x03\x04\x05\x06\x07\x08"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xd0\x01"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xd3\x01\x02\x03\x04\x05\x06\x07\x08"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xca\x01\x02\x03\x04"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xcb\x01\x02\x03\x04\x05\x06\x07\x08"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xa2hi"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xd9\x02hi"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xda\x00\x02hi"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xdb\x00\x00\x00\x02hi"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xc4\x01\xff"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xc5\x00\x01\xff"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xc6\x00\x00\x00\x01\xff"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\x92\x01\x80"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xdc\x00\x01\x90"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xdd\x00\x00\x00\x01\x90"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\x81\x01\x02"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xde\x00\x01\x01\x02"), ZLOOM_OK);
    assert_int_equal (WHOLE ("\xdf\x00\x00\x00\x01\x01\x02"), ZLOOM_OK);
}

static void
test_foreign_forms_are_refused (void **state)
{
    (void) state;
    assert_int_equal (WHOLE ("\xc1"), ZLOOM_MALFORMED);
    assert_int_equal (WHOLE ("\xc7\x01\x05x"), ZLOOM_MALFORMED);
    assert_int_equal (WHOLE ("\xd4\x05x"), ZLOOM_MALFORMED);
    assert_int_equal (WHOLE ("\xd6\xff\x01\x02\x03\x04"), ZLOOM_MALFORMED);
    assert_int_equal (WHOLE ("\xa2\xc3\x28"), ZLOOM_MALFORMED);
    assert_int_equal (WHOLE ("\xa3\xed\xa0\x80"), ZLOOM_MALFORMED);
    assert_int_equal (WHOLE ("\x92\x01\xc1"), ZLOOM_MALFORMED);
}

static void
test_claims_beyond_the_bytes_are_refused (void **state)
{
    (void) state;
    assert_int_equal (WHOLE ("\xdd\xff\xff\xff\xff"), ZLOOM_TRUNCATED);
    assert_string_equal (zloom_note (), "msgpack: 4294967295 values wanted, 0 bytes left");
    assert_int_equal (WHOLE ("\xdf\xff\xff\xff\xff"), ZLOOM_TRUNCATED);
    assert_int_equal (WHOLE ("\xc6\xff\xff\xff\xff"), ZLOOM_TRUNCATED);
    assert_int_equal (WHOLE ("\xdb\xff\xff\xff\xff"), ZLOOM_TRUNCATED);
    assert_int_equal (WHOLE ("\x93\x01\x02"), ZLOOM_TRUNCATED);
    assert_int_equal (WHOLE ("\x82\x01\x02\x03"), ZLOOM_TRUNCATED);
    assert_int_equal (WHOLE ("\xcd\x01"), ZLOOM_TRUNCATED);
    assert_int_equal (WHOLE (""), ZLOOM_TRUNCATED);
    assert_int_equal (zloom_scan_whole (ZLOOM_BYTES_NULL, 10), ZLOOM_TRUNCATED);
    /* Outer arrays that are owed more than is left. */
    assert_int_equal (WHOLE ("\x92\x92\x01\x02"), ZLOOM_TRUNCATED);
}

static void
test_depth_and_values_are_bounded (void **state)
{
    uint8_t deep[10001];
    (void) state;
    for (size_t i = 0; i < sizeof deep; i++) {
        deep[i] = 0x91;
    }
    assert_int_equal (zloom_scan_whole (zloom_bytes (deep, sizeof deep), 100000), ZLOOM_TOO_DEEP);
    deep[ZLOOM_LIMIT_DEPTH] = 0x01;
    assert_int_equal (zloom_scan_whole (zloom_bytes (deep, ZLOOM_LIMIT_DEPTH + 1), 1000), ZLOOM_OK);
    deep[ZLOOM_LIMIT_DEPTH] = 0x90;
    assert_int_equal (zloom_scan_whole (zloom_bytes (deep, ZLOOM_LIMIT_DEPTH + 1), 1000),
                      ZLOOM_TOO_DEEP);
    assert_int_equal (zloom_scan_whole (BYTES ("\x93\x01\x02\x03"), 4), ZLOOM_OK);
    assert_int_equal (zloom_scan_whole (BYTES ("\x93\x01\x02\x03"), 3), ZLOOM_TOO_BIG);
}

static void
test_a_prefix_has_a_length (void **state)
{
    size_t length = 0;
    (void) state;
    assert_int_equal (zloom_scan_value (BYTES ("\x92\x01\xa1x\x05\x06"), 10, &length), ZLOOM_OK);
    assert_int_equal (length, 4);
    assert_int_equal (WHOLE ("\x92\x01\xa1x\x05"), ZLOOM_TRAILING);
    assert_int_equal (zloom_scan_value (BYTES ("\xc0"), 1, &length), ZLOOM_OK);
    assert_int_equal (length, 1);
}

/* Every string of one, two and three bytes, in memory of exactly that size. */
static void
test_all_short_strings (void **state)
{
    size_t good = 0;
    (void) state;
    for (size_t size = 1; size <= 3; size++) {
        uint8_t *bytes = malloc (size);
        assert_non_null (bytes);
        for (uint32_t word = 0; word < 1u << (8 * size); word++) {
            for (size_t i = 0; i < size; i++) {
                bytes[i] = (uint8_t) (word >> (8 * i));
            }
            size_t length = 0;
            if (zloom_scan_value (zloom_bytes (bytes, size), 16, &length) == ZLOOM_OK) {
                good++;
                assert_in_range (length, 1, size);
            }
        }
        free (bytes);
    }
    assert_true (good > 1000000);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_every_form_is_known),
      cmocka_unit_test (test_foreign_forms_are_refused),
      cmocka_unit_test (test_claims_beyond_the_bytes_are_refused),
      cmocka_unit_test (test_depth_and_values_are_bounded),
      cmocka_unit_test (test_a_prefix_has_a_length),
      cmocka_unit_test (test_all_short_strings),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
