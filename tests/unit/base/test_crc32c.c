/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include "base/crc32c.h"

/* The definition: one bit at a time. */
static uint32_t
s_by_bits (const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0);
        }
    }
    return ~crc;
}

static void
test_known_sums (void **state)
{
    (void) state;
    uint8_t zeros[32], ones[32], up[32], down[32];
    for (uint8_t i = 0; i < 32; i++) {
        zeros[i] = 0;
        ones[i] = 0xFF;
        up[i] = i;
        down[i] = (uint8_t) (31 - i);
    }
    /* RFC 3720, B.4 */
    const struct {
        const void *data;
        size_t size;
        uint32_t crc;
    } cases[] = {
      {"", 0, 0},
      {"123456789", 9, 0xE3069283u},
      {zeros, 32, 0x8A9136AAu},
      {ones, 32, 0x62A8AB43u},
      {up, 32, 0x46DD794Eu},
      {down, 32, 0x113FDB5Cu},
    };
    for (size_t i = 0; i < COUNT (cases); i++) {
        assert_int_equal (zloom_crc32c (0, cases[i].data, cases[i].size), cases[i].crc);
        assert_int_equal (zloom_crc32c_portable (0, cases[i].data, cases[i].size), cases[i].crc);
    }
    assert_int_equal (zloom_crc32c (7, NULL, 0), 7);
}

static void
test_both_ways_agree_with_the_definition (void **state)
{
    (void) state;
    zloom_random_t random;
    helper_seed (&random);
    uint8_t data[300];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t) zloom_random_next (&random);
    }
    for (size_t start = 0; start < 9; start++) {
        for (size_t size = 0; start + size <= sizeof data; size++) {
            uint32_t crc = s_by_bits (data + start, size);
            assert_int_equal (zloom_crc32c (0, data + start, size), crc);
            assert_int_equal (zloom_crc32c_portable (0, data + start, size), crc);
        }
    }
}

/* Lengths around those at which more is done at once. */
static void
test_long_sums (void **state)
{
    (void) state;
    static uint8_t data[40000];
    const size_t edges[] = {768, 1536, 12288, 12288 + 768, 24576, 36864, 39000};
    zloom_random_t random;
    helper_seed (&random);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t) zloom_random_next (&random);
    }
    for (size_t i = 0; i < COUNT (edges); i++) {
        for (size_t size = edges[i] - 9; size < edges[i] + 9; size++) {
            const size_t start = size % 8;
            uint32_t crc = s_by_bits (data + start, size);
            assert_int_equal (zloom_crc32c (0, data + start, size), crc);
            assert_int_equal (zloom_crc32c_portable (0, data + start, size), crc);
            assert_int_equal (
              zloom_crc32c (zloom_crc32c (0, data + start, 5), data + start + 5, size - 5), crc);
        }
    }
}

static void
test_sums_continue (void **state)
{
    (void) state;
    static const char text[] = "The quick brown fox jumps over the lazy dog";
    uint32_t whole = zloom_crc32c (0, text, sizeof text);
    for (size_t cut = 0; cut <= sizeof text; cut++) {
        uint32_t crc = zloom_crc32c (0, text, cut);
        assert_int_equal (zloom_crc32c (crc, text + cut, sizeof text - cut), whole);
        assert_int_equal (zloom_crc32c_portable (crc, text + cut, sizeof text - cut), whole);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_known_sums),
      cmocka_unit_test (test_both_ways_agree_with_the_definition),
      cmocka_unit_test (test_long_sums),
      cmocka_unit_test (test_sums_continue),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
