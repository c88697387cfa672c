/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

static void
test_known_numbers (void **state)
{
    (void) state;
    /* splitmix64 from 1234567, and xoshiro256** from 1, 2, 3, 4: the authors' C gives these. */
    zloom_random_t random;
    zloom_random_init (&random, 1234567);
    assert_true (random.s[0] == UINT64_C (6457827717110365317));
    assert_true (random.s[1] == UINT64_C (3203168211198807973));
    assert_true (random.s[2] == UINT64_C (9817491932198370423));
    assert_true (random.s[3] == UINT64_C (4593380528125082431));
    random = (zloom_random_t){{1, 2, 3, 4}};
    static const uint64_t numbers[] = {
      UINT64_C (11520),
      UINT64_C (0),
      UINT64_C (1509978240),
      UINT64_C (1215971899390074240),
      UINT64_C (1216172134540287360),
      UINT64_C (607988272756665600),
    };
    for (size_t i = 0; i < COUNT (numbers); i++) {
        assert_true (zloom_random_next (&random) == numbers[i]);
    }
}

static void
test_one_seed_is_one_sequence (void **state)
{
    (void) state;
    zloom_random_t a, b, c;
    zloom_random_init (&a, 42);
    zloom_random_init (&b, 42);
    zloom_random_init (&c, 43);
    size_t same = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t number = zloom_random_next (&a);
        assert_true (zloom_random_next (&b) == number);
        same += zloom_random_next (&c) == number;
    }
    assert_int_equal (same, 0);
}

static void
test_below_is_even (void **state)
{
    (void) state;
    zloom_random_t random;
    zloom_random_init (&random, 7);
    size_t seen[10] = {0};
    for (int i = 0; i < 100000; i++) {
        uint64_t number = zloom_random_below (&random, 10);
        assert_true (number < 10);
        seen[number]++;
    }
    for (size_t i = 0; i < 10; i++) {
        assert_in_range (seen[i], 9500, 10500);
    }
    assert_true (zloom_random_below (&random, 1) == 0);
    /* With a bound of three quarters, plain modulo would give the lower third half of the time. */
    uint64_t third = UINT64_C (1) << 62;
    size_t low = 0;
    for (int i = 0; i < 30000; i++) {
        uint64_t number = zloom_random_below (&random, 3 * third);
        assert_true (number < 3 * third);
        low += number < third;
    }
    assert_in_range (low, 9500, 10500);
}

static void
s_below_nothing (void)
{
    zloom_random_t random;
    zloom_random_init (&random, 1);
    zloom_random_below (&random, 0);
}

static void
test_below_nothing_is_a_bug (void **state)
{
    (void) state;
    helper_expect_abort (s_below_nothing, "bound > 0");
}

static void
test_system_bytes (void **state)
{
    (void) state;
    uint8_t data[1000] = {0};
    uint8_t again[1000] = {0};
    zloom_random_system (data, 999);
    zloom_random_system (again, 999);
    assert_int_equal (data[999], 0);
    assert_true (memcmp (data, again, 999) != 0);
    assert_true (memcmp (data + 500, (uint8_t[499]){0}, 499) != 0);
    zloom_random_system (NULL, 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_known_numbers), cmocka_unit_test (test_one_seed_is_one_sequence),
      cmocka_unit_test (test_below_is_even), cmocka_unit_test (test_below_nothing_is_a_bug),
      cmocka_unit_test (test_system_bytes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
